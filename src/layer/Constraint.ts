/**
 * What weights are brought back to after each update of the optimizer. Given to layers as `kernelConstraint`,
 * `biasConstraint`, ...
 *
 * Axes are those of Keras's layout, so that what a Keras user knows holds: `[in, units]` for dense layers (as here),
 * `[height, width, in, filters]` for convolutions (here `[filters, in, height, width]`), `[height, width, channels, multiplier]`
 * for depthwise ones, `[height, width, filters, in]` for transposed ones. One norm for each unit or filter is `axis: 0` for dense
 * layers, `axis: [0, 1, 2]` for `conv2d`. Initial values are not constrained, only what an update makes.
 */
import type { Axes, Constraint } from './Options.ts';

export type { Constraint } from './Options.ts';

interface Along {
  /** The axes that a norm is over, in Keras's layout; 0 by default. */
  readonly axis?: Axes;
}

const axesOf = ({ axis = 0 }: Along): readonly number[] => (typeof axis === 'number' ? [axis] : axis);

/** Negative weights become 0. Keras `NonNeg`. */
export const nonNeg = (): Constraint => ({ _tag: 'NonNeg' });

/** Vectors longer than `maxValue` (2) are cut to that length. Keras `MaxNorm`. */
export const maxNorm = (options: Along & { readonly maxValue?: number } = {}): Constraint => ({
  _tag: 'MaxNorm',
  maxValue: options.maxValue ?? 2,
  axis: axesOf(options),
});

/** Vectors of length 1. Keras `UnitNorm`. */
export const unitNorm = (options: Along = {}): Constraint => ({ _tag: 'UnitNorm', axis: axesOf(options) });

/**
 * Lengths between `minValue` (0) and `maxValue` (1); with a `rate` (1) below 1 only that part of the way is gone at each step.
 * Keras `MinMaxNorm`.
 */
export const minMaxNorm = (
  options: Along & { readonly minValue?: number; readonly maxValue?: number; readonly rate?: number } = {},
): Constraint => ({
  _tag: 'MinMaxNorm',
  minValue: options.minValue ?? 0,
  maxValue: options.maxValue ?? 1,
  rate: options.rate ?? 1,
  axis: axesOf(options),
});
