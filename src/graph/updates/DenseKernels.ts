/**
 * The kernels of dense layers in the body of a loop that can be carried in blocks of columns (`Columns.ts`): large ones, of which nothing
 * else is asked than products of samples with them, their update, and sums of squares.
 */
import type { Columns } from '../blocked/Dense.ts';
import type { Node, OperatorNode, Value } from '../Graph.ts';
import { isSame, nodesOf, readersOf, sameShape } from '../Graph.ts';
import type { LoopBody } from '../LoopBody.ts';
import * as Op from '../Operators.ts';
import { isStatic, product } from '../operators/node.ts';
import { constantOf, floatOf, intOf } from '../rewrite/Rewrite.ts';
import { type Island, islands, isRow, isWhole } from './Island.ts';

// -------------------------------------------------------------------------------------
// what pays
// -------------------------------------------------------------------------------------

/**
 * Products gain by rows times columns, if they are of few samples most: then plain ones put a kernel in order for little. What it
 * costs to put the other factors in blocks grows with rows plus columns, and samples. In blocks of 16, steps with a kernel of 784 by 512
 * (here 310) and 128 samples take 0.96 of the time, with one of 9216 by 128 (126) and 64 samples 0.97; with one more of 512 by 256 (171)
 * and 128 samples nothing changes. In blocks of 8 they take 0.96 with that one more.
 */
const least = (block: number, samples: number): number => Math.min((block < 16 ? 1.3 : 1.9) * samples, 250);

/** Numbers of the smallest kernel that is worth the operators that it takes more. */
const smallest = (block: number): number => (block < 16 ? 2 ** 17 : 2 ** 18);

/** Whether a parameter of this shape may be carried so. */
export const isLarge =
  (block: number, samples: number) =>
  (shape: readonly unknown[]): boolean => {
    const [rows, columns] = shape;
    if (shape.length !== 2 || typeof rows !== 'number' || typeof columns !== 'number') return false;
    return rows * columns >= smallest(block) && (rows * columns) / (rows + columns) >= least(block, samples);
  };

/** The same where the width of blocks is not known yet. */
export const mayBeLarge = (samples: number): ((shape: readonly unknown[]) => boolean) => isLarge(8, samples);

// -------------------------------------------------------------------------------------
// values
// -------------------------------------------------------------------------------------

const isAmong = (values: readonly (Value | undefined)[], v: Value): boolean => values.some((o) => isSame(o, v));

const distinct = (values: readonly Value[]): readonly Value[] =>
  values.filter((v, i) => values.findIndex((o) => isSame(o, v)) === i);

// -------------------------------------------------------------------------------------
// products
// -------------------------------------------------------------------------------------

const isOf = (node: Node | undefined, operator: string): node is OperatorNode =>
  node?._tag === 'Operator' && node.operator === operator;

/** Which factors of a product with a matrix are transposed; `undefined`: it is no such product. */
export const transposed = (node: OperatorNode): 'none' | 'first' | 'second' | undefined => {
  if (node.inputs[1]?.type.shape.length !== 2 || floatOf(node, 'alpha', 1) !== 1) return undefined;
  if (node.domain === '') return node.operator === 'MatMul' || isGemm(node) ? 'none' : undefined;
  const key = node.operator === 'FusedMatMul' ? `${intOf(node, 'transA', 0)}${intOf(node, 'transB', 0)}` : '';
  return key === '10' ? 'first' : key === '01' ? 'second' : key === '00' ? 'none' : undefined;
};

const isGemm = (node: OperatorNode): boolean =>
  node.operator === 'Gemm' && Object.keys(node.attributes).length === 0 && node.inputs[2]?.type.shape.length === 1;

/** Of a kernel: x transposed times dy. */
export interface Gradient {
  readonly value: Value;
  readonly x: Value;
  readonly dy: Value;
}

/** Samples with their axes, of rows that are put behind each other for a product. */
const unflat = (v: Value): Value => {
  const before = isOf(v.node, 'Reshape') ? v.node.inputs[0] : undefined;
  return before !== undefined && before.type.shape.at(-1) === v.type.shape[1] ? before : v;
};

const gradientOf = (value: Value): Gradient | undefined => {
  const { node } = value;
  const [a, dy] = node._tag === 'Operator' ? node.inputs : [];
  if (node._tag !== 'Operator' || a?.type.shape.length !== 2 || dy === undefined) return undefined;
  return transposed(node) === 'first' ? { value, x: unflat(a), dy: unflat(dy) } : undefined;
};

/** Whether it is a vector of ones. */
const isOnes = (v: Value | undefined): boolean =>
  v !== undefined && isOf(v.node, 'Expand') && constantOf(v.node.inputs[0])?.data.every((n) => n === 1) === true;

export interface Squared {
  readonly of: Value;
  /** Of each column, or of all. */
  readonly sums: 'columns' | 'all';
}

const isOverAll = (node: OperatorNode, v: Value): boolean =>
  node.operator === 'ReduceSum' && constantOf(node.inputs[1])?.data.length === Op.rank(v);

/** The matrix whose squares a node sums up. */
export const squared = (node: OperatorNode): Squared | undefined => {
  if (node.domain !== '') return undefined;
  const [first, second] = node.inputs;
  if (node.operator === 'ReduceSumSquare' && first !== undefined && second === undefined)
    return Op.rank(first) === 2 ? { of: first, sums: 'all' } : undefined;
  const isOfColumns = node.operator === 'MatMul' && isOnes(first);
  const square = isOfColumns ? second : first;
  const [a, b] = square !== undefined && isOf(square.node, 'Mul') ? square.node.inputs : [];
  if (a === undefined || square === undefined || !isSame(a, b) || !sameShape(a, square)) return undefined;
  return isOfColumns ? { of: a, sums: 'columns' } : isOverAll(node, square) ? { of: a, sums: 'all' } : undefined;
};

// -------------------------------------------------------------------------------------
// rows of zeros
// -------------------------------------------------------------------------------------

type Sign = 'zero' | 'positive' | 'any';

const plus = (a: Sign, b: Sign): Sign =>
  a === 'any' || b === 'any' ? 'any' : a === 'zero' && b === 'zero' ? 'zero' : 'positive';

const signs: Readonly<Record<string, (of: readonly Sign[]) => Sign>> = {
  Mul: (of) => (of.includes('zero') ? 'zero' : of.includes('any') ? 'any' : 'positive'),
  Add: ([a = 'any', b = 'any']) => plus(a, b),
  Max: (of) => (of.includes('positive') ? 'positive' : of.every((s) => s === 'zero') ? 'zero' : 'any'),
  Sub: (of) => (of.every((s) => s === 'zero') ? 'zero' : 'any'),
  Div: ([a, b]) => (b === 'positive' && a !== undefined ? a : 'any'),
  Sqrt: ([a = 'any']) => a,
  Where: ([, ...of]) => (of.every((s) => s === 'zero') ? 'zero' : 'any'),
  Abs: ([a]) => (a === 'zero' ? 'zero' : 'any'),
  Neg: ([a]) => (a === 'zero' ? 'zero' : 'any'),
  Sign: ([a]) => (a === 'zero' ? 'zero' : 'any'),
};

/** Whether the update of zeros with a gradient of zero is zero: of rows that were put there to fill blocks. */
const keepsZeros = (body: LoopBody, { nodes, places, arrays }: Island): boolean => {
  const known = new Map<Node, Sign>();
  const zeros = [...places.map((p) => body.before[p]), ...arrays];
  const signOf = (v: Value | undefined): Sign => {
    if (v === undefined) return 'any';
    const inside = known.get(v.node);
    if (inside !== undefined) return inside;
    if (isAmong(zeros, v)) return 'zero';
    return constantOf(v)?.data.every((n) => n > 0) === true ? 'positive' : 'any';
  };
  for (const node of nodes) known.set(node, signs[node.operator]?.(node.inputs.map(signOf)) ?? 'any');
  return places.every((p) => signOf(body.after[p]) === 'zero');
};

// -------------------------------------------------------------------------------------
// finding
// -------------------------------------------------------------------------------------

export interface Found {
  readonly island: Island;
  readonly of: Columns;
  /** Of the arrays that the island reads. */
  readonly gradients: readonly Gradient[];
  /** Whether nobody else reads these. */
  readonly isAlone: boolean;
}

type ReadersOf = (v: Value) => readonly Node[];

/** Of a batch of samples, as many as most have or with a name: its rows, if they are known then. */
const rowsOf = (v: Value | undefined, batch: number): number | undefined => {
  const [size, ...others] = v?.type.shape.slice(0, -1) ?? [];
  const isKnown = size === batch || (typeof size === 'string' && size !== '?');
  return isKnown && isStatic(others) ? batch * product(others) : undefined;
};

type Asks = (node: Node, of: Value) => boolean;

/** Whether a node sums up the squares of a matrix, or is these squares for nodes that do. */
const asksForSquares =
  (readersIn: ReadersOf): Asks =>
  (node, of) => {
    if (node._tag !== 'Operator' || node.domain !== '') return false;
    if (isSame(squared(node)?.of, of)) return true;
    if (node.operator !== 'Mul') return false;
    const square: Value = { type: node.outputs[0] as Value['type'], node, index: 0 };
    const isSquare = node.inputs.every((v) => isSame(v, of));
    return isSquare && readersIn(square).every((r) => r._tag === 'Operator' && squared(r) !== undefined);
  };

/** Whether it is a product of samples with a kernel, or with it transposed. */
const asksForProduct =
  (fills: (v: Value | undefined) => boolean): Asks =>
  (node, of) => {
    const kind = node._tag === 'Operator' ? transposed(node) : undefined;
    if (node._tag !== 'Operator' || (kind !== 'none' && kind !== 'second')) return false;
    return isSame(node.inputs[1], of) && !isSame(node.inputs[0], of) && fills(node.inputs[0]);
  };

/** Islands that read the same arrays, or what another one carries, as one: a kernel and a slot that are updated side by side. */
const joined = (body: LoopBody, all: readonly Island[]): readonly Island[] => {
  const carried = ({ places }: Island): readonly (Value | undefined)[] => places.map((p) => body.before[p]);
  const isRelated = (a: Island, b: Island): boolean =>
    a.arrays.some((v) => isAmong([...b.arrays, ...carried(b)], v)) || b.arrays.some((v) => isAmong(carried(a), v));
  const join = (a: Island, b: Island): Island => {
    const places = [...a.places, ...b.places];
    const arrays = distinct([...a.arrays, ...b.arrays]).filter((v) => !isAmong(carried({ ...a, places }), v));
    return {
      ...a,
      places,
      arrays,
      nodes: [...a.nodes, ...b.nodes],
      levels: distinct([...a.levels, ...b.levels]),
      signature: `${a.signature}\n${b.signature}`,
    };
  };
  return all.reduce<readonly Island[]>((groups, island) => {
    const related = groups.filter((g) => isRelated(g, island));
    return [...groups.filter((g) => !related.includes(g)), related.reduce(join, island)];
  }, []);
};

/** `block` is onnxruntime's, `batch` how many samples most batches have. */
export const found = (block: number, batch: number, body: LoopBody): readonly Found[] => {
  const ends = body.graph.outputs.map((o) => o.value);
  const readers = readersOf(nodesOf(body.graph));
  const readersIn: ReadersOf = (v) => readers.get(v.node) ?? [];
  const fills = (v: Value | undefined): boolean => (rowsOf(v, batch) ?? 1) % block === 0;
  const squares = asksForSquares(readersIn);
  const product = asksForProduct(fills);
  const large = islands(body, isRow).filter((island) => isLarge(block, batch)(island.shape) && isWhole(body, island));
  return joined(body, large).flatMap((island) => {
    const [rows, columns] = island.shape as readonly [number, number];
    const inside = new Set<Node>(island.nodes);
    const outside = (v: Value): readonly Node[] => readersIn(v).filter((r) => !inside.has(r));
    const isServed = (v: Value, asks: Asks): boolean => !isAmong(ends, v) && outside(v).every((r) => asks(r, v));
    const kernels = island.places.map((p) => body.before[p] as Value).filter((v) => outside(v).length > 0);
    const gradients = island.arrays.flatMap((a) => {
      const gradient = isServed(a, squares) ? gradientOf(a) : undefined;
      const isFit = fills(gradient?.x) && isLarge(block, rowsOf(gradient?.dy, batch) ?? 0)(island.shape);
      return gradient !== undefined && isFit && fills(gradient.dy) ? [gradient] : [];
    });
    const isKernel = kernels.length === 1 && kernels.every((v) => isServed(v, (r) => product(r, v) || squares(r, v)));
    const isAll = isKernel && gradients.length === island.arrays.length && columns % block === 0;
    return isAll && (rows % block === 0 || keepsZeros(body, island))
      ? [
          {
            island,
            of: { block, rows, columns },
            gradients,
            isAlone: island.arrays.every((a) => outside(a).length === 0),
          },
        ]
      : [];
  });
};
