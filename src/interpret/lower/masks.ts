/**
 * Masks beside values: which steps of a sequence count, bool.
 *
 * A mask starts at `masking` or at an `embedding` with `maskZero`, goes on through the layers listed here, and ends at the
 * others: Keras's `supports_masking` and `compute_mask`. Recurrent and attention layers say themselves what they make of it.
 *
 * Of a sequence `[batch, seq, ...]` a mask is `[batch, seq]`. Where `permute([2, 1])` has made `[batch, channels, seq]` of it,
 * the layout of one-dimensional pooling (Keras pools sequences as they lie), it is `[batch, 1, seq]`; only the layers that
 * mind it see such a mask.
 */
import type { Value } from '../../graph/Graph.ts';
import { operator, valueType } from '../../graph/Graph.ts';
import * as Op from '../../graph/Operators.ts';
import type { Leaf } from '../../layer/Spec.ts';

export type Mask = Value | undefined;

// -------------------------------------------------------------------------------------
// layers
// -------------------------------------------------------------------------------------

/** Layers that keep time on its axis as it is. */
const passing: ReadonlySet<Leaf['op']> = new Set<Leaf['op']>([
  'dense',
  'activation',
  'prelu',
  'identity',
  'dropout',
  'alphaDropout',
  'gaussianDropout',
  'gaussianNoise',
  'spatialDropout1d',
  'activityRegularization',
  'batchNormalization',
  'layerNormalization',
  'rmsNormalization',
  'unitNormalization',
  'groupNormalization',
  'instanceNormalization',
  'rescaling',
  'sinusoidalPositions',
  'learnedPositions',
  'rotaryPositions',
]);

/** Of inputs of one shape. */
const merging: ReadonlySet<Leaf['op']> = new Set<Leaf['op']>([
  'add',
  'subtract',
  'multiply',
  'average',
  'maximum',
  'minimum',
  'mergeDirections',
]);

const passes = (spec: Leaf): boolean =>
  spec.op === 'weightNormalization' || spec.op === 'spectralNormalization' ? passes(spec.layer) : passing.has(spec.op);

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

/** Whether time is the last of three axes. */
const isTimeLast = (mask: Value, x: Value): boolean => Op.rank(mask) === 3 && Op.rank(x) === 3;

/** A mask with an axis of size 1 for each axis of the value that it lacks. */
export const spread = (mask: Value, x: Value): Value =>
  isTimeLast(mask, x) ? mask : Op.unsqueeze(x.type.shape.flatMap((_, i) => (i < Op.rank(mask) ? [] : [i])))(mask);

/** All steps of `[batch, seq, ...]` count. */
const allOf = (x: Value): Value => {
  const sizes = Op.slice({ axes: [0], starts: [0], ends: [2] })(Op.shapeOf(x));
  const [ones] = operator('ConstantOfShape', [sizes], [valueType('bool', x.type.shape.slice(0, 2))], {
    value: { _tag: 'Tensor', value: { dtype: 'bool', shape: [1], data: Uint8Array.of(1) } },
  });
  return ones as Value;
};

const anyOf = (masks: readonly Value[]): Value => [...new Set(masks)].reduce((a, b) => Op.or(a, b));

/** The steps that have a feature which is not the value: the others do not count. */
export const maskOfValue = (x: Value, value: number): Value => {
  const differs = Op.cast('float32')(Op.not(Op.equal(x, Op.scalar(value, x.type.dtype))));
  const axes = x.type.shape.flatMap((_, i) => (i < 2 ? [] : [i]));
  return Op.greater(Op.reduceMax({ axes })(differs), 0.5);
};

// -------------------------------------------------------------------------------------
// propagation
// -------------------------------------------------------------------------------------

/**
 * One value behind the other. Along time so are their masks, and an input without one counts as a whole. Side by side a step
 * counts where it counts in any of the inputs: everywhere, if one of them has no mask.
 */
const concatenated = (axis: number, inputs: readonly Value[], masks: readonly Mask[]): Mask => {
  const there = masks.filter((m) => m !== undefined);
  if (there.length === 0) return undefined;
  if (there.some((m, i) => isTimeLast(m, inputs[i] as Value)))
    return there.length < inputs.length ? undefined : axis === 1 ? anyOf(there) : Op.concat(axis)(there);
  if (axis > 1) return there.length < inputs.length ? undefined : anyOf(there);
  return Op.concat(axis)(inputs.map((x, i) => masks[i] ?? allOf(x)));
};

/** Time is carried from axis 1 to axis 2 of three and back; elsewhere a mask stays if time does. */
const permuted = (axes: readonly number[], x: Value, mask: Value): Mask => {
  if (axes[0] === 1) return mask;
  if (axes.length !== 2) return undefined;
  return isTimeLast(mask, x) ? Op.squeeze([1])(mask) : Op.unsqueeze([1])(mask);
};

/** The masks that a layer's lowering sees: those of sequences `[batch, channels, seq]` are for some layers only. */
export const masksFor = (spec: Leaf, inputs: readonly Value[], masks: readonly Mask[]): readonly Mask[] => {
  const joins = merging.has(spec.op) || spec.op === 'concatenate';
  if (joins) {
    const last = masks.flatMap((m, i) => (m === undefined ? [] : [isTimeLast(m, inputs[i] as Value)]));
    // Times on different axes have nothing in common.
    return last.every((l) => l === last[0]) ? masks : masks.map(() => undefined);
  }
  return passes(spec) || spec.op === 'permute' || spec.op === 'globalAveragePool1d'
    ? masks
    : masks.map((m, i) => sequenceMask(m, inputs[i]));
};

/** The mask of a sequence `[batch, seq, ...]`, if it is one. */
export const sequenceMask = (mask: Mask, x: Value | undefined): Mask =>
  mask === undefined || x === undefined || isTimeLast(mask, x) ? undefined : mask;

/** The mask of a layer's output, where its lowering does not say it. `masks`: as `masksFor` gives them. */
export const maskOf = (spec: Leaf, inputs: readonly Value[], masks: readonly Mask[]): Mask => {
  const [x] = inputs;
  const [mask] = masks;
  if (x === undefined) return undefined;
  if (passes(spec)) return mask;
  if (merging.has(spec.op)) {
    // As Keras: a step counts where it counts in any of the inputs; an input without a mask ends them all.
    const there = masks.filter((m) => m !== undefined);
    return there.length === inputs.length ? anyOf(there) : undefined;
  }
  switch (spec.op) {
    case 'embedding':
      return spec.maskZero ? Op.not(Op.equal(x, Op.scalar(0, x.type.dtype))) : undefined;
    // The layer on each step has dropped it; the sequence that was folded still has it.
    case 'unfoldTime':
      return masks[1];
    case 'concatenate':
      return concatenated(Op.axisOf(x, spec.axis), inputs, masks);
    case 'permute':
      return mask === undefined ? undefined : permuted(spec.axes, x, mask);
    case 'glu':
      return Op.axisOf(x, spec.axis) > 1 ? sequenceMask(mask, x) : undefined;
    // Axes of features come and go.
    case 'squeeze':
      return Op.axisOf(x, spec.axis) > 1 ? mask : undefined;
    case 'expandDims':
      return spec.axis > 1 || (spec.axis < 0 && spec.axis + Op.rank(x) + 1 > 1) ? mask : undefined;
    default:
      return undefined;
  }
};

// -------------------------------------------------------------------------------------
// values
// -------------------------------------------------------------------------------------

/** Keras's product: what does not count is a factor of 1; where nothing counts, 0. */
export const multiplyMasked = (inputs: readonly [Value, ...Value[]], masks: readonly Mask[]): Value => {
  const wide = inputs.flatMap((x, i) => (masks[i] === undefined ? [] : [spread(masks[i], x)]));
  const [first, ...others] = inputs.map((x, i) => (masks[i] === undefined ? x : Op.where(spread(masks[i], x), x, 1)));
  const product = others.reduce((a, b) => Op.mul(a, b), first as Value);
  return wide.length < inputs.length ? product : Op.where(anyOf(wide), product, 0);
};

/**
 * Keras's fold of masked values: where only one of two counts, it stands for both; an input without a mask behind one that has
 * one ends the masks.
 */
export const foldMasked = (
  combine: (a: Value, b: Value) => Value,
  inputs: readonly [Value, ...Value[]],
  masks: readonly Mask[],
): Value => {
  const [first, ...others] = inputs;
  const wide = inputs.map((x, i) => (masks[i] === undefined ? undefined : spread(masks[i], x)));
  return others.reduce<{ readonly value: Value; readonly mask: Mask }>(
    ({ value, mask }, next, i) => {
      const own = wide[i + 1];
      const x = own === undefined ? next : Op.where(own, next, value);
      const y = mask === undefined ? value : Op.where(mask, value, x);
      return { value: combine(y, x), mask: own === undefined || mask === undefined ? undefined : Op.or(mask, own) };
    },
    { value: first, mask: wide[0] },
  ).value;
};

/** The mean over the last axis of three, of the steps that count: 0 where none does. */
export const maskedMean = (x: Value, mask: Value): Value => {
  const m = Op.cast(x.type.dtype)(mask);
  const sum = Op.reduceSum({ axes: [2], keepDims: true });
  return Op.div(sum(Op.mul(x, m)), Op.max(sum(m), 1));
};
