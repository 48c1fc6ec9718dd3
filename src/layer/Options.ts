/**
 * Options that many layers share, as plain data: activations, initializers, and what is asked of weights.
 */

// -------------------------------------------------------------------------------------
// activations
// -------------------------------------------------------------------------------------

/** One axis or several, the batch being 0; negative ones count from the end. */
export type Axes = number | readonly number[];

/** Activations that need no numbers, or have Keras's. */
export type ActivationName =
  | 'linear'
  | 'relu'
  | 'relu6'
  | 'leakyRelu'
  | 'elu'
  | 'selu'
  | 'celu'
  | 'gelu'
  | 'silu'
  | 'mish'
  | 'sigmoid'
  | 'logSigmoid'
  | 'hardSigmoid'
  | 'sparseSigmoid'
  | 'hardSwish'
  | 'tanh'
  | 'hardTanh'
  | 'softplus'
  | 'softsign'
  | 'squareplus'
  | 'sparsePlus'
  | 'exponential'
  | 'softShrink'
  | 'hardShrink'
  | 'tanhShrink'
  | 'softmax'
  | 'logSoftmax'
  | 'sparsemax';

/** An activation with its numbers; one left out is Keras's. */
export type ParametricActivation =
  | { readonly name: 'relu'; readonly maxValue?: number; readonly negativeSlope?: number; readonly threshold?: number }
  | { readonly name: 'leakyRelu'; readonly negativeSlope?: number }
  | { readonly name: 'elu' | 'celu'; readonly alpha?: number }
  | { readonly name: 'gelu'; readonly approximate?: boolean }
  | { readonly name: 'squareplus'; readonly b?: number }
  | { readonly name: 'softShrink' | 'hardShrink'; readonly threshold?: number }
  | { readonly name: 'threshold'; readonly threshold: number; readonly defaultValue: number }
  | { readonly name: 'softmax' | 'logSoftmax'; readonly axis?: Axes }
  | { readonly name: 'sparsemax'; readonly axis?: number };

/** `'gelu'`, or `{ name: 'leakyRelu', negativeSlope: 0.1 }`. */
export type Activation = ActivationName | ParametricActivation;

/** The name of an activation, with or without numbers. */
export const activationName = (a: Activation): ActivationName | 'threshold' => (typeof a === 'string' ? a : a.name);

// -------------------------------------------------------------------------------------
// initializers
// -------------------------------------------------------------------------------------

/** Windows of signal processing, all of them sums of cosines. */
export type WindowName =
  | 'boxcar'
  | 'hann'
  | 'hamming'
  | 'blackman'
  | 'nuttall'
  | 'blackmanHarris'
  | 'flattop'
  | 'cosine';

/** Keras's initializers; fans by Keras's rules on the Keras layout of the kernel. */
export type Initializer =
  | { readonly _tag: 'Zeros' }
  | { readonly _tag: 'Ones' }
  | { readonly _tag: 'Constant'; readonly value: number }
  | { readonly _tag: 'RandomNormal'; readonly mean: number; readonly stddev: number }
  | { readonly _tag: 'TruncatedNormal'; readonly mean: number; readonly stddev: number }
  | { readonly _tag: 'RandomUniform'; readonly minval: number; readonly maxval: number }
  | {
      readonly _tag: 'VarianceScaling';
      readonly scale: number;
      readonly mode: 'fanIn' | 'fanOut' | 'fanAvg';
      readonly distribution: 'truncatedNormal' | 'untruncatedNormal' | 'uniform';
    }
  /** The Euclidean norm of the layer's other parameter of that role, one for each index of an axis: the output units'. */
  | { readonly _tag: 'NormOf'; readonly role: string; readonly axis?: number }
  /** The square roots of the layer's other parameter of that role. */
  | { readonly _tag: 'RootOf'; readonly role: string }
  /** Orthogonal rows or columns of the kernel as a matrix `[..., out]` in Keras's layout. */
  | { readonly _tag: 'Orthogonal'; readonly gain: number }
  /** `gain` where both indices are equal, else 0. */
  | { readonly _tag: 'Identity'; readonly gain: number }
  /** Kernels of a short-time Fourier transform, `[bands, 1, length]`: the real or the imaginary part. */
  | {
      readonly _tag: 'Stft';
      readonly side: 'real' | 'imaginary';
      readonly window: WindowName | readonly number[] | undefined;
      readonly scaling: 'density' | 'spectrum' | undefined;
      readonly periodic: boolean;
    }
  /** The numbers themselves, in the parameter's own layout. */
  | { readonly _tag: 'Values'; readonly shape: readonly number[]; readonly values: readonly number[] | Float32Array }
  /** Of a vector: equal parts one behind the other, each drawn by its own initializer. */
  | { readonly _tag: 'Parts'; readonly parts: readonly Initializer[] };

// -------------------------------------------------------------------------------------
// what is asked of weights
// -------------------------------------------------------------------------------------

/** A penalty that is added to the loss. */
export type Regularizer =
  | { readonly _tag: 'L1L2'; readonly l1: number; readonly l2: number }
  | { readonly _tag: 'Orthogonal'; readonly factor: number; readonly mode: 'rows' | 'columns' };

/** What weights are brought back to after each update. Axes are those of Keras's layout of the weight. */
export type Constraint =
  | { readonly _tag: 'NonNeg' }
  | { readonly _tag: 'MaxNorm'; readonly maxValue: number; readonly axis: readonly number[] }
  | { readonly _tag: 'UnitNorm'; readonly axis: readonly number[] }
  | {
      readonly _tag: 'MinMaxNorm';
      readonly minValue: number;
      readonly maxValue: number;
      readonly rate: number;
      readonly axis: readonly number[];
    };

/** Any layer may have these. The keys are the first words of Keras's options: `kernel`, `bias`, `depthwise`. */
export interface Governed {
  readonly regularizers?: Readonly<Record<string, Regularizer>>;
  readonly constraints?: Readonly<Record<string, Constraint>>;
  /** Of the output: summed over all of it, divided by the size of the batch. */
  readonly activityRegularizer?: Regularizer;
}
