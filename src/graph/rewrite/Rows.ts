/**
 * Transpositions that leave the last axes where they are, as a choice of rows. onnxruntime transposes on one thread and chooses on
 * all: 16 by 64 rows of 4 heads of 32 numbers take 20 instead of 29 microseconds on two cores, of 16 heads of 8 numbers 37
 * instead of 82. Of rows of 128 numbers it makes no difference.
 *
 * Law: the outputs are exactly those of the given graph.
 */
import type { Graph, Value } from '../Graph.ts';
import * as Op from '../Operators.ts';
import { isStatic, product } from '../operators/node.ts';
import { arrangement } from './Arrangement.ts';
import { intsOf, type LocalRule, named, rewriteLocally } from './Rewrite.ts';

/** Numbers of a row. */
const [shortest, longest] = [4, 64];

/** Numbers of what is known of the whole: fewer are as fast. */
const smallest = 4096;

/** Places that an order names: it is part of the graph. */
const most = 2 ** 14;

/** The places of rows of these sizes in another order of their axes. */
const order = (sizes: readonly number[], perm: readonly number[]): readonly number[] =>
  perm.reduce<readonly number[]>(
    (starts, axis) => {
      const stride = product(sizes.slice(axis + 1));
      return starts.flatMap((start) => Array.from({ length: sizes[axis] as number }, (_, i) => start + i * stride));
    },
    [0],
  );

const inOrder = (v: Value): Value => (v.node._tag === 'Operator' ? arrangement(v.node)?.[v.index] : undefined) ?? v;

/** With a memory, for one graph: equal orders are one constant. */
const choosing = (): LocalRule => {
  const orders = new Map<string, Value>();
  const orderOf = (sizes: readonly number[], perm: readonly number[]): Value => {
    const key = `${sizes}:${perm}`;
    const found = orders.get(key) ?? Op.tensor(order(sizes, perm), [product(sizes)], 'int32');
    orders.set(key, found);
    return found;
  };
  return (node) => {
    const [x] = node.inputs;
    const [type] = node.outputs;
    const perm = node.operator === 'Transpose' && node.domain === '' ? intsOf(node, 'perm') : undefined;
    if (x?.type.dtype !== 'float32' || type === undefined || perm === undefined) return undefined;
    const first = perm.findIndex((p, i) => p !== i);
    const end = perm.findLastIndex((p, i) => p !== i) + 1;
    const { shape } = x.type;
    const [before, moved, row] = [shape.slice(0, first), shape.slice(first, end), shape.slice(end)];
    if (first < 0 || !isStatic(moved) || !isStatic(row)) return undefined;
    const numbers = product(row);
    const known = product(before.filter((d) => typeof d === 'number')) * product(moved) * numbers;
    const isLarge = numbers >= shortest && numbers <= longest && known >= smallest && product(moved) <= most;
    if (!isLarge || before.filter((d) => d === '?').length > 1) return undefined;
    const rows = inOrder(Op.reshape([...before, product(moved), numbers])(x));
    const places = orderOf(
      moved,
      perm.slice(first, end).map((p) => p - first),
    );
    return [named(node)(Op.reshape(type.shape)(Op.gather(rows, places, first)))];
  };
};

/** The graph with them, and what they bring of shapes put in order. */
export const byRows = (graph: Graph): Graph => {
  const choice = choosing();
  return rewriteLocally((node) => choice(node) ?? arrangement(node))(graph);
};
