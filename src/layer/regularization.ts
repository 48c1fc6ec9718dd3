/**
 * Layers that act in training only: in inference they give the input as it is. Their random numbers follow from the run's seed, the
 * step and the layer's place.
 */
import type { Leaf } from '../shape/Fn.ts';
import type { NoiseOut, SpatialDropoutOut } from '../shape/rules/Core.ts';
import type { DropoutOut, ElementwiseOut } from '../shape/rules/Elementwise.ts';
import type { NoiseShape } from '../shape/rules/NoiseShape.ts';
import type { Layer } from './Definition.ts';
import { define } from './Definition.ts';
import { l1l2 } from './Regularizer.ts';

// -------------------------------------------------------------------------------------
// dropout
// -------------------------------------------------------------------------------------

export interface Dropout<R extends number, N = undefined> extends Leaf {
  readonly out: DropoutOut<R, this['in'], N>;
}

export interface DropoutOptions<N extends NoiseShape> {
  /**
   * The shape of what is drawn: along each axis, the batch included, `null` (or its size) for a number each, 1 for one that serves
   * all. A number for each element by default.
   */
  readonly noiseShape: N;
}

type NoiseOf<N> = NoiseShape extends N ? undefined : N;

/**
 * In training, zeroes each number with probability `rate` (0 to 1) and divides the others by `1 - rate`; in inference, the
 * input as it is. Any shape. Keras `Dropout`, PyTorch `Dropout`. Srivastava et al. 2014.
 *
 * @example
 * dropout(0.2)
 * dropout(0.2, { noiseShape: [null, 1, null] })      // of [batch, seq, features]: the same features at every step
 */
export const dropout = <const R extends number, const N extends NoiseShape = NoiseShape>(
  rate: R,
  options?: DropoutOptions<N>,
): Layer<Dropout<R, NoiseOf<N>>> => define({ op: 'dropout', rate, noiseShape: options?.noiseShape });

export interface SpatialDropout<
  Op extends 'spatialDropout1d' | 'spatialDropout2d' | 'spatialDropout3d',
  R extends number,
> extends Leaf {
  readonly out: SpatialDropoutOut<Op, R, this['in']>;
}

/**
 * As `dropout`, whole channels at a time. `[batch, channels, length]`. Keras `SpatialDropout1D` (where the channels are last),
 * PyTorch `Dropout1d`. Tompson et al. 2015.
 */
export const spatialDropout1d = <const R extends number>(rate: R): Layer<SpatialDropout<'spatialDropout1d', R>> =>
  define({ op: 'spatialDropout1d', rate });

/** As `dropout`, whole channels at a time. `[batch, channels, height, width]`. Keras `SpatialDropout2D`, PyTorch `Dropout2d`. */
export const spatialDropout2d = <const R extends number>(rate: R): Layer<SpatialDropout<'spatialDropout2d', R>> =>
  define({ op: 'spatialDropout2d', rate });

/**
 * As `dropout`, whole channels at a time. `[batch, channels, depth, height, width]`. Keras `SpatialDropout3D`, PyTorch
 * `Dropout3d`.
 */
export const spatialDropout3d = <const R extends number>(rate: R): Layer<SpatialDropout<'spatialDropout3d', R>> =>
  define({ op: 'spatialDropout3d', rate });

// -------------------------------------------------------------------------------------
// noise
// -------------------------------------------------------------------------------------

export interface Noise<Op extends 'alphaDropout' | 'gaussianDropout' | 'gaussianNoise', R extends number, N = undefined>
  extends Leaf {
  readonly out: NoiseOut<Op, R, this['in'], N>;
}

/**
 * Dropout for networks of `selu`: with probability `rate` (0 to below 1) a number becomes what `selu` has at minus infinity; then
 * all are scaled and shifted so that mean 0 and variance 1 stay. Any shape. Keras `AlphaDropout`, PyTorch `AlphaDropout`. Klambauer
 * et al. 2017.
 */
export const alphaDropout = <const R extends number, const N extends NoiseShape = NoiseShape>(
  rate: R,
  options?: DropoutOptions<N>,
): Layer<Noise<'alphaDropout', R, NoiseOf<N>>> => define({ op: 'alphaDropout', rate, noiseShape: options?.noiseShape });

/**
 * Multiplies by normal numbers of mean 1 and variance `rate / (1 - rate)`, the mean and variance of `dropout`; `rate` from 0 to below
 * 1. Any shape. Keras `GaussianDropout`. Srivastava et al. 2014.
 */
export const gaussianDropout = <const R extends number>(rate: R): Layer<Noise<'gaussianDropout', R>> =>
  define({ op: 'gaussianDropout', rate });

/** Adds normal numbers of mean 0 and that standard deviation, 0 to 1. Any shape. Keras `GaussianNoise`. */
export const gaussianNoise = <const R extends number>(stddev: R): Layer<Noise<'gaussianNoise', R>> =>
  define({ op: 'gaussianNoise', stddev });

// -------------------------------------------------------------------------------------
// penalties
// -------------------------------------------------------------------------------------

export interface ActivityRegularization extends Leaf {
  readonly out: ElementwiseOut<'activityRegularization', this['in']>;
}

/**
 * The input as it is, and `l1 * sum |x| + l2 * sum x^2` over the size of the batch added to the loss, in training and in evaluation; 0
 * both by default. Any shape. Keras `ActivityRegularization`.
 */
export const activityRegularization = (
  factors: { readonly l1?: number; readonly l2?: number } = {},
): Layer<ActivityRegularization> => define({ op: 'activityRegularization', activityRegularizer: l1l2(factors) });
