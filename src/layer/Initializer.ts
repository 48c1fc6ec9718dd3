/**
 * How parameters get their first values: Keras's initializers, as plain data.
 *
 * The variance-scaling family looks at a kernel's fans: fan-in is the number of inputs that one output unit sees, fan-out
 * the number of outputs that one input reaches. The draws come from the seed and the parameter's name, see
 * `model/Initial.ts`.
 */
import type { Initializer } from './Spec.ts';

export type { Initializer } from './Spec.ts';

// -------------------------------------------------------------------------------------
// constants
// -------------------------------------------------------------------------------------

/** All 0. Keras `Zeros`, PyTorch `init.zeros_`. */
export const zeros: Initializer = { _tag: 'Zeros' };

/** All 1. Keras `Ones`, PyTorch `init.ones_`. */
export const ones: Initializer = { _tag: 'Ones' };

/** All the same number. Keras `Constant`, PyTorch `init.constant_`. */
export const constant = (value: number): Initializer => ({ _tag: 'Constant', value });

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
