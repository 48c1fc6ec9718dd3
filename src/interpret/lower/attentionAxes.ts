/**
 * Attention along chosen axes: the tensors as sequences `[batch * other axes, attended axes, features]`, and back.
 */
import type { Value } from '../../graph/Graph.ts';
import * as Op from '../../graph/Operators.ts';
import type { Dim } from '../../shape/Shape.ts';
import { spread } from './masks.ts';
import type { Inputs, Result, Site } from './Site.ts';

/** Several dimensions as one; a name for sizes that are not all known. */
const folded = (dims: readonly Dim[]): Dim =>
  dims.every((d) => typeof d === 'number') ? dims.reduce((n, d) => n * d, 1) : dims.join('*');

const inOrder = (x: Value, axes: readonly number[]): readonly number[] => {
  const others = x.type.shape.flatMap((_, i) => (i === 0 || i === Op.rank(x) - 1 || axes.includes(i) ? [] : [i]));
  return [0, ...others, ...axes, Op.rank(x) - 1];
};

const permuted = (order: readonly number[]) => (x: Value) =>
  order.every((a, i) => a === i) ? x : Op.transpose(order)(x);

/** The size of an axis at run time, `[1]`. */
const sizeAt = (x: Value, axis: number): Value =>
  Op.slice({ axes: [0], starts: [axis], ends: [axis + 1] })(Op.shapeOf(x));

const asSequences =
  (axes: readonly number[]) =>
  (x: Value): Value => {
    const { shape } = x.type;
    const last = Op.rank(x) - 1;
    const order = inOrder(x, axes);
    const length = folded(axes.map((a) => shape[a] ?? '?'));
    const known =
      typeof length === 'number' ? Op.int64s([length]) : axes.map((a) => sizeAt(x, a)).reduce((n, d) => Op.mul(n, d));
    const batch = folded(order.slice(0, -axes.length - 1).map((a) => shape[a] ?? '?'));
    const target = Op.concat(0)([Op.int64s([-1]), known, Op.int64s([shape[last] as number])]);
    return Op.reshapeTo(target, [batch, length, shape[last] ?? '?'])(permuted(order)(x));
  };

/** In the shape that `like` has, but for the features. */
const asTensor =
  (axes: readonly number[], like: Value) =>
  (y: Value): Value => {
    const order = inOrder(like, axes);
    const features = y.type.shape[2] as number;
    const sizes = Op.concat(0)([...order.slice(0, -1).map((a) => sizeAt(like, a)), Op.int64s([features])]);
    const dims = [...order.slice(0, -1).map((a) => like.type.shape[a] ?? '?'), features];
    return permuted(order.map((_, i) => order.indexOf(i)))(Op.reshapeTo(sizes, dims)(y));
  };

/** A mask of the first axis behind the batch, for each of the sequences. */
const maskOfSequences = (axes: readonly number[], x: Value, mask: Value): Value => {
  const ones = Op.fillLike(Op.slice({ axes: [-1], starts: [0], ends: [1] })(x), 1);
  const all = Op.mul(ones, Op.cast(x.type.dtype)(spread(mask, x)));
  return Op.cast('bool')(Op.squeeze([2])(asSequences(axes)(all)));
};

/** The layer of sequences, along these axes of tensors of rank 4 or more. Padding counts where its axis attends. */
export const along = (
  given: readonly number[],
  inputs: Inputs,
  at: Site,
  layer: (inputs: Inputs, at: Site) => Result,
): Result => {
  const [query] = inputs;
  const axes = given.map((a) => Op.axisOf(query, a));
  const [first, ...rest] = inputs.map(asSequences(axes));
  const masks = inputs.map((x, i) => {
    const mask = at.masks[i];
    return mask === undefined || !axes.includes(1) ? undefined : maskOfSequences(axes, x, mask);
  });
  const { output, states } = layer([first as Value, ...rest], { ...at, masks });
  return { output: asTensor(axes, query)(output), mask: at.masks[0], ...(states === undefined ? {} : { states }) };
};
