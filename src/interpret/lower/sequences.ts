/**
 * Axes of time, `[batch, seq, ...]`, of sizes that may be known at run time only; and the small layers on them.
 */
import type { Value } from '../../graph/Graph.ts';
import { operator, valueType } from '../../graph/Graph.ts';
import * as Op from '../../graph/Operators.ts';
import type { MergeMode } from '../../layer/SequenceSpec.ts';
import type { Dim } from '../../shape/Shape.ts';

// -------------------------------------------------------------------------------------
// sizes
// -------------------------------------------------------------------------------------

/** How long an axis is, an int64 scalar. */
export const sizeOf = (x: Value, axis: number): Value => {
  const d = x.type.shape[axis];
  return typeof d === 'number' ? Op.scalar(d, 'int64') : Op.gather(Op.shapeOf(x), Op.scalar(axis, 'int64'));
};

/** Zeros of `[batch, ...sizes]`, the batch as many as `like` has. */
export const zerosOf = (like: Value, shape: readonly [Dim, ...Dim[]]): Value => {
  const [batch, ...rest] = shape;
  const known = rest.filter((d) => typeof d === 'number');
  if (known.length < rest.length)
    throw new Op.GraphDefect(`zeros of [${shape.join(',')}]: only the batch may be unknown`);
  const sizes =
    typeof batch === 'number'
      ? Op.int64s([batch, ...known])
      : Op.concat(0)([Op.gather(Op.shapeOf(like), Op.int64s([0])), Op.int64s(known)]);
  return operator('ConstantOfShape', [sizes], [valueType(like.type.dtype, shape)], {
    value: { _tag: 'Tensor', value: { dtype: 'float32', shape: [1], data: new Float32Array(1) } },
  })[0] as Value;
};

// -------------------------------------------------------------------------------------
// time
// -------------------------------------------------------------------------------------

const swapFirst = (x: Value): readonly number[] => x.type.shape.map((_, i) => (i < 2 ? 1 - i : i));

/** `[batch, seq, ...]` to `[seq, batch, ...]`, and back. */
export const timeFirst = (x: Value): Value => Op.transpose(swapFirst(x))(x);

/** The steps in the opposite order. */
export const flipTime = (x: Value): Value => {
  const flipped = Op.slice({ axes: [1], starts: [-1], ends: [-(2 ** 31)], steps: [-1] })(x);
  return { ...flipped, type: x.type };
};

/** Batch and time as one axis. */
export const foldTime = (x: Value, shape: readonly Dim[]): Value => {
  const rest = x.type.shape.slice(2);
  if (rest.every((d) => typeof d === 'number')) return Op.reshape(shape)(x);
  const sizes = Op.slice({ axes: [0], starts: [2], ends: [Op.rank(x)] })(Op.shapeOf(x));
  return Op.reshapeTo(Op.concat(0)([Op.int64s([-1]), sizes]), shape)(x);
};

/** The first axis as batch and time of `like`. */
export const unfoldTime = (y: Value, like: Value, shape: readonly Dim[]): Value => {
  const between = Op.slice({ axes: [0], starts: [0], ends: [2] })(Op.shapeOf(like));
  const rest = Op.slice({ axes: [0], starts: [1], ends: [Op.rank(y)] })(Op.shapeOf(y));
  return Op.reshapeTo(Op.rank(y) === 1 ? between : Op.concat(0)([between, rest]), shape)(y);
};

// -------------------------------------------------------------------------------------
// both directions
// -------------------------------------------------------------------------------------

const merges: Readonly<Record<MergeMode, (a: Value, b: Value) => Value>> = {
  concat: (a, b) => Op.concat(-1)([a, b]),
  sum: Op.add,
  mul: Op.mul,
  ave: (a, b) => Op.mul(Op.add(a, b), 0.5),
};

export const mergeDirections = (mode: MergeMode, sequences: boolean, forward: Value, backward: Value): Value =>
  merges[mode](forward, sequences ? flipTime(backward) : backward);
