/**
 * Large kernels of dense layers, carried in blocks of columns with the slots of their updates (`blocked/Dense.ts`): so the layer's
 * three products find them in the order that is fast, and updates, which are the same in any order, leave them in it. Before the first
 * step they are put into it, after the last one out.
 *
 * What is so large that it is updated in pieces (`Tiled.ts`) has its gradient computed in pieces too, right before the update: so it is
 * not written to memory and read again, and a step of W2 (see docs/performance.md) takes 0.94 to 0.99 of the time.
 *
 * Law: the outputs are those of the given graph up to rounding (products and norms sum in another order).
 */
import { identity } from 'fp-ts/lib/function.js';
import {
  activated,
  type Columns,
  factors,
  fromBlocks,
  inputGradient,
  kernelGradient,
  outOfBlocks,
  output,
  scaled,
  shapeInBlocks,
  squares,
  toBlocks,
} from '../blocked/Dense.ts';
import type { Graph, Node, OperatorNode, Value } from '../Graph.ts';
import { graph as graphOf, input, sameShape } from '../Graph.ts';
import { type LoopBody, loopBody } from '../LoopBody.ts';
import * as Op from '../Operators.ts';
import { firstOf, named, type Rule, rewrite } from '../rewrite/Rewrite.ts';
import { substitute, substitution } from '../Substitute.ts';
import { type Carriage, recarried, withLoop } from './Carriage.ts';
import { type Found, found, isLarge, squared, transposed } from './DenseKernels.ts';
import { computed, type Given } from './Island.ts';
import { rowsOfPiece } from './Tiled.ts';

// -------------------------------------------------------------------------------------
// rewriting
// -------------------------------------------------------------------------------------

/** Kernels in blocks by the nodes that put them in plain order. */
type InBlocks = Map<Node, readonly [Value, Columns]>;

/** Sums of the squares of what lies in blocks. */
const sumOfSquares =
  (block: number): Rule =>
  (node) => {
    const sum = squared(node);
    const w = sum === undefined ? undefined : outOfBlocks(sum.of);
    const [rows, columns] = sum?.of.type.shape ?? [];
    if (sum === undefined || w === undefined || typeof rows !== 'number' || typeof columns !== 'number')
      return undefined;
    const ofColumns = squares({ block, rows, columns }, w);
    if (sum.sums === 'columns') return [named(node)(ofColumns)];
    const shape = node.outputs[0]?.shape ?? [];
    return [named(node)(Op.reshape(shape)(Op.reduceSum({ axes: [0] })(ofColumns)))];
  };

/** Products with kernels in blocks. */
const productWith =
  (batch: number, blocks: InBlocks): Rule =>
  (node) => {
    const [a, b, bias] = node.inputs;
    const kernel = b === undefined ? undefined : blocks.get(b.node);
    const kind = kernel === undefined ? undefined : transposed(node);
    if (a === undefined || kernel === undefined || kind === undefined) return undefined;
    const [w, of] = kernel;
    return [named(node)(kind === 'none' ? output(of, a, w, bias) : inputGradient(of, batch, a, w))];
  };

const activations: ReadonlySet<string> = new Set(['Relu', 'Sigmoid', 'Tanh']);

/** Activations of products that nobody else reads. */
const activation: Rule = (node, { uses }) => {
  const [x] = node.inputs;
  const isOne = node.domain === '' && activations.has(node.operator) && node.detached === undefined;
  const y = isOne && x !== undefined && uses(x) === 1 ? activated(node.operator, x) : undefined;
  return y && [named(node)(y)];
};

const isOfColumns = (of: Columns, v: Value): boolean => v.type.shape.at(-1) === of.columns;

/** A number for each column, as blocks have it. */
const levelIn =
  (of: Columns) =>
  (v: Value): Value =>
    isOfColumns(of, v) ? Op.reshape(levelShape(of))(v) : v;

const levelShape = ({ block, columns }: Columns): readonly [number, 1, number] => [columns / block, 1, block];

/** What makes a value but for its shape: it has no other name when the value gets one. */
const convolutionOf = ({ node }: Value): Node | undefined =>
  node._tag === 'Operator' && node.operator === 'Reshape' ? node.inputs[0]?.node : undefined;

/** Columns times their numbers, and a matrix added to that: one pass each, or one for both. */
const ofColumns = (of: Columns): NonNullable<Given['operator']> => {
  const shape = levelShape(of).join();
  const products = new Map<Node | undefined, readonly [Value, Value]>();
  return ({ operator }, inputs) => {
    const [a, b] = inputs;
    if (a === undefined || b === undefined) return undefined;
    for (const [v, other] of [
      [a, b],
      [b, a],
    ] as const) {
      if (operator === 'Mul' && v.type.shape.join() === shape) {
        const result = scaled(of, other, v);
        products.set(convolutionOf(result), [other, v]);
        return result;
      }
      const product = operator === 'Add' ? products.get(convolutionOf(v)) : undefined;
      if (product !== undefined && sameShape(v, other)) return scaled(of, ...product, other);
    }
    return undefined;
  };
};

/** A kernel that is carried in blocks, and in how many pieces: as many blocks of columns are updated at a time. */
interface Carried extends Found {
  readonly pieces: number;
}

/** In pieces gradients are computed with the update, piece by piece: then nobody else may ask for them. */
const carriedIn = (found: Found): Carried => {
  const shape = shapeInBlocks(found.of);
  const blocks = found.isAlone ? rowsOfPiece(shape) : undefined;
  return { ...found, pieces: blocks === undefined ? 1 : shape[0] / blocks };
};

/** Of a piece. */
const piece = ({ of, pieces }: Carried): Columns => ({ ...of, columns: of.columns / pieces });

const shapeOf = (carried: Carried): readonly number[] =>
  carried.pieces === 1 ? shapeInBlocks(carried.of) : [carried.pieces, ...shapeInBlocks(piece(carried))];

const carriagesOf = (
  carried: Carried,
  initial: readonly (Value | undefined)[],
  blocks: InBlocks,
): readonly Carriage[] =>
  carried.island.places.map((place) => ({
    places: [place],
    initial: Op.reshape(shapeOf(carried))(toBlocks(carried.of)(initial[place] as Value)),
    formal: input(`carried/columns${place}`, 'float32', shapeOf(carried)),
    apart: (w) => {
      const whole = Op.reshape(shapeInBlocks(carried.of))(w);
      const plain = fromBlocks(carried.of)(whole);
      blocks.set(plain.node, [whole, carried.of]);
      return [plain];
    },
  }));

/** The carried values of the next step, of whole kernels: of their gradients in blocks, and of levels. */
const wholly = (body: LoopBody, carried: Carried, formals: readonly Value[], reads: readonly Value[]) => {
  const { island, of } = carried;
  const n = island.arrays.length;
  return computed(body, island, shapeInBlocks(of), {
    carried: formals,
    arrays: reads.slice(0, n).map(Op.reshape(shapeInBlocks(of))),
    levels: reads.slice(n).map(levelIn(of)),
    operator: ofColumns(of),
  });
};

/** The same piece by piece: of the factors of their gradients, and of levels. */
const piecewise = (body: LoopBody, carried: Carried, formals: readonly Value[], reads: readonly Value[]) => {
  const { island, of, pieces } = carried;
  const one = piece(carried);
  const n = 2 * island.arrays.length;
  const scanned: (readonly [formal: Value, values: Value])[] = [];
  /** A piece of what has columns first. */
  const cut = (v: Value, shape: readonly number[]): Value => {
    const formal = input(`piece/${scanned.length}`, v.type.dtype, shape);
    scanned.push([formal, Op.reshape([pieces, ...shape])(v)]);
    return formal;
  };
  const now = formals.map((v) => cut(v, shapeInBlocks(one)));
  const arrays = island.arrays.map((_, i) => {
    const [samples, kernel] = reads.slice(2 * i) as [Value, Value];
    const part = cut(kernel, [one.columns, ...(kernel.type.shape.slice(1) as number[])]);
    return kernelGradient(one, { samples, kernel: part });
  });
  const levels = reads.slice(n).map((v) => (isOfColumns(of, v) ? cut(v, levelShape(one)) : v));
  const results = computed(body, island, shapeInBlocks(one), {
    carried: now,
    arrays,
    levels,
    operator: ofColumns(one),
  });
  const scan = graphOf(
    'pieces',
    scanned.map(([formal]) => formal),
    results.map((value, i) => ({ name: `piece/next${i}`, value })),
  );
  return Op.scan(
    scanned.map(([, values]) => values),
    scan,
  );
};

const inColumns =
  (block: number, batch: number, blocks: InBlocks) =>
  (node: OperatorNode): readonly Value[] | undefined => {
    const body = loopBody(node);
    if (!body.before.some((v) => isLarge(block, batch)(v.type.shape))) return undefined;
    const all = found(block, batch, body).map(carriedIn);
    if (all.length === 0) return undefined;
    const carriages = all.map((of) => carriagesOf(of, node.inputs.slice(2), blocks));
    const given = all.map(({ of, gradients, pieces }) =>
      gradients.map(({ value, x, dy }) => {
        const by = factors(of, batch, x, dy);
        const gradient = pieces > 1 ? undefined : kernelGradient(of, by);
        return { value, reads: gradient === undefined ? [by.samples, by.kernel] : [gradient], gradient, of };
      }),
    );
    const replaced = given
      .flat()
      .flatMap(({ value, gradient, of }) =>
        gradient === undefined ? [] : [[value, fromBlocks(of)(gradient)] as const],
      );
    const now = substitute(substitution(replaced));
    const reads = all.map(({ island }, i) => [...(given[i] ?? []).flatMap((g) => g.reads), ...now(island.levels)]);
    const changed: LoopBody = { ...body, after: now(body.after), scanned: now(body.scanned) };
    return recarried(node, changed, carriages.flat(), reads.flat(), (values) => {
      let at = 0;
      return all.flatMap((carried, i) => {
        const own = values.slice(at, at + (reads[i]?.length ?? 0));
        at += own.length;
        const formals = (carriages[i] ?? []).map((c) => c.formal);
        return (carried.pieces > 1 ? piecewise : wholly)(body, carried, formals, own);
      });
    });
  };

/** `block` is onnxruntime's, `batch` how many samples most batches have. */
export const withColumns = (block: number, batch: number): ((graph: Graph) => Graph) => {
  if (batch === 1) return identity;
  return (graph) => {
    const blocks: InBlocks = new Map();
    const carried = withLoop(inColumns(block, batch, blocks))(graph);
    return blocks.size === 0
      ? graph
      : rewrite(firstOf([sumOfSquares(block), productWith(batch, blocks), activation]))(carried);
  };
};
