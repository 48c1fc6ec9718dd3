/**
 * How parameters get their first values: Keras's initializers, as plain data.
 *
 * The variance-scaling family looks at a kernel's fans: fan-in is the number of inputs that one output unit sees, fan-out
 * the number of outputs that one input reaches. The draws come from the seed and the parameter's name, see
 * `model/Initial.ts`.
 */
import type { Initializer, WindowName } from './Options.ts';

export type { Initializer, WindowName } from './Options.ts';

// -------------------------------------------------------------------------------------
// constants
// -------------------------------------------------------------------------------------

/** All 0. Keras `Zeros`, PyTorch `init.zeros_`. */
export const zeros: Initializer = { _tag: 'Zeros' };

/** All 1. Keras `Ones`, PyTorch `init.ones_`. */
export const ones: Initializer = { _tag: 'Ones' };

/** Numbers, or lists of lists of them, all of a depth as long. */
export type Nested = number | readonly Nested[];

/** The lengths of nested lists; where they differ, the first ones' (the number of values then does not fit). */
const shapeOf = (values: Nested): readonly number[] =>
  typeof values === 'number' ? [] : [values.length, ...(values[0] === undefined ? [] : shapeOf(values[0]))];

const flat = (values: Nested): readonly number[] => (typeof values === 'number' ? [values] : values.flatMap(flat));

/**
 * All the same number; or these numbers, as nested lists in the parameter's own shape, which is the ONNX layout: `[in, units]`
 * for dense layers, `[filters, in, height, width]` for convolutions. Keras `Constant`, PyTorch `init.constant_`.
 *
 * @example
 * dense(2, { kernelInitializer: constant([[1, 0], [0, 1], [0, 0]]) })     // 3 features
 */
export const constant = (value: Nested): Initializer =>
  typeof value === 'number'
    ? { _tag: 'Constant', value }
    : { _tag: 'Values', shape: shapeOf(value), values: flat(value) };

/**
 * `gain` (1 by default) where both indices are equal, 0 elsewhere; parameters of rank 2 only, square or not. Keras `Identity`,
 * PyTorch `init.eye_`.
 */
export const identity = (options: { readonly gain?: number } = {}): Initializer => ({
  _tag: 'Identity',
  gain: options.gain ?? 1,
});

// -------------------------------------------------------------------------------------
// distributions
// -------------------------------------------------------------------------------------

/** Normal; mean 0 and standard deviation 0.05 by default. Keras `RandomNormal`, PyTorch `init.normal_`. */
export const randomNormal = (options: { readonly mean?: number; readonly stddev?: number } = {}): Initializer => ({
  _tag: 'RandomNormal',
  mean: options.mean ?? 0,
  stddev: options.stddev ?? 0.05,
});

/**
 * Normal, drawn again where it is more than two standard deviations from the mean: what comes out has 0.88 times the
 * standard deviation given. Mean 0 and 0.05 by default. Keras `TruncatedNormal`, PyTorch `init.trunc_normal_`.
 */
export const truncatedNormal = (options: { readonly mean?: number; readonly stddev?: number } = {}): Initializer => ({
  _tag: 'TruncatedNormal',
  mean: options.mean ?? 0,
  stddev: options.stddev ?? 0.05,
});

/** Uniform in [minval, maxval), [-0.05, 0.05) by default. Keras `RandomUniform`, PyTorch `init.uniform_`. */
export const randomUniform = (options: { readonly minval?: number; readonly maxval?: number } = {}): Initializer => ({
  _tag: 'RandomUniform',
  minval: options.minval ?? -0.05,
  maxval: options.maxval ?? 0.05,
});

// -------------------------------------------------------------------------------------
// variance scaling
// -------------------------------------------------------------------------------------

type VarianceScaling = Extract<Initializer, { readonly _tag: 'VarianceScaling' }>;

/**
 * Draws with variance `scale / fan`. Defaults as Keras: scale 1, `fanIn`, `truncatedNormal` (whose standard deviation is
 * corrected for the cut). Uniform draws lie within `sqrt(3 * scale / fan)`.
 */
export const varianceScaling = (options: Partial<Omit<VarianceScaling, '_tag'>> = {}): Initializer => ({
  _tag: 'VarianceScaling',
  scale: options.scale ?? 1,
  mode: options.mode ?? 'fanIn',
  distribution: options.distribution ?? 'truncatedNormal',
});

/** Glorot and Bengio 2010, the default of kernels. Keras `GlorotUniform`, PyTorch `init.xavier_uniform_`. */
export const glorotUniform: Initializer = varianceScaling({ mode: 'fanAvg', distribution: 'uniform' });

/** Glorot and Bengio 2010. Keras `GlorotNormal`, PyTorch `init.xavier_normal_` but for the cut. */
export const glorotNormal: Initializer = varianceScaling({ mode: 'fanAvg' });

/** He et al. 2015, for ReLU. Keras `HeUniform`, PyTorch `init.kaiming_uniform_`. */
export const heUniform: Initializer = varianceScaling({ scale: 2, distribution: 'uniform' });

/** He et al. 2015, for ReLU. Keras `HeNormal`, PyTorch `init.kaiming_normal_` but for the cut. */
export const heNormal: Initializer = varianceScaling({ scale: 2 });

/** LeCun et al. 1998. Keras `LecunUniform`. */
export const lecunUniform: Initializer = varianceScaling({ distribution: 'uniform' });

/** LeCun et al. 1998. Keras `LecunNormal`. */
export const lecunNormal: Initializer = varianceScaling();

// -------------------------------------------------------------------------------------
// orthogonal
// -------------------------------------------------------------------------------------

/**
 * Columns (or rows, where there are fewer of them) that are orthogonal and as long as `gain` (1 by default), of the kernel as
 * a matrix `[..., out]` in Keras's layout. Parameters of rank 2 or more. Takes time in proportion to the longer side times the
 * square of the shorter one. Keras `Orthogonal`, PyTorch `init.orthogonal_`. Saxe et al. 2014.
 */
export const orthogonal = (options: { readonly gain?: number } = {}): Initializer => ({
  _tag: 'Orthogonal',
  gain: options.gain ?? 1,
});

// -------------------------------------------------------------------------------------
// signals
// -------------------------------------------------------------------------------------

export interface StftOptions {
  /** `'hann'` by default; the values of a window of your own, as many as the kernel is long; or `'none'`. */
  readonly window?: WindowName | readonly number[] | 'none';
  /** What the window is divided by: `'density'` (default) its Euclidean norm, `'spectrum'` its sum; or `'none'`. */
  readonly scaling?: 'density' | 'spectrum' | 'none';
  /** A window of one more value, the last one left out; `false` by default. */
  readonly periodic?: boolean;
}

/**
 * The kernel of a one-dimensional convolution that takes the short-time Fourier transform of a signal of one channel: band k
 * of F at time t is `cos(-2 pi t k / (2 (F - 1)))` for `'real'`, the sine for `'imaginary'`, times the window. For kernels
 * `[bands, 1, length]` only. Two such convolutions make a spectrogram, that can be trained on. Keras `STFTInitializer`
 * (`side='real'` or `'imag'`).
 *
 * @example
 * graph([1, 16000], (x) => {
 *   const side = (s: 'real' | 'imaginary') =>
 *     conv1d({ filters: 129, kernel: 256, strides: 128, useBias: false, kernelInitializer: Initializer.stft(s) })(x);
 *   const [re, im] = [side('real'), side('imaginary')];
 *   return add(multiply(re, re), multiply(im, im));          // power: [batch, 129, 124]
 * })
 */
export const stft = (side: 'real' | 'imaginary', options: StftOptions = {}): Initializer => {
  const { window = 'hann', scaling = 'density', periodic = false } = options;
  return {
    _tag: 'Stft',
    side,
    window: window === 'none' ? undefined : window,
    scaling: scaling === 'none' ? undefined : scaling,
    periodic,
  };
};
