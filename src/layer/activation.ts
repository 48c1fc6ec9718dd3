/**
 * Activations as layers of their own. Layers with a kernel take one as an option as well: by name (`'gelu'`), or with numbers
 * (`{ name: 'leakyRelu', negativeSlope: 0.1 }`).
 *
 * Any shape, which stays, but for `glu`. `softmax`, `logSoftmax` and `sparsemax` are along the last axis by default, and along
 * axis 1, the channels, from rank 4 on: images are `[batch, channels, height, width]`. (Keras's default is always the last axis,
 * where it has the channels.) As an option they are along the features of their layer, whatever the rank: the last axis of
 * `dense`, axis 1 of convolutions.
 */
import type { Fn, Leaf } from '../shape/Fn.ts';
import type { GluOut, PReluOut } from '../shape/rules/Core.ts';
import type { ActivationOut } from '../shape/rules/Elementwise.ts';
import type { Opt } from '../shape/rules/Option.ts';
import type { Layer, Only } from './Definition.ts';
import { define } from './Definition.ts';
import { governed } from './governing.ts';
import { zeros } from './Initializer.ts';
import type {
  Activation,
  ActivationName,
  Axes,
  Constraint,
  Initializer,
  ParametricActivation,
  Regularizer,
} from './Options.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Activate<A extends Activation | 'threshold'> extends Leaf {
  readonly out: ActivationOut<NameOf<A>, this['in'], Opt<A, 'axis', undefined>>;
}

type NameOf<A> = A extends string ? A : A extends { readonly name: infer N extends string } ? N : never;

type Options<N extends ParametricActivation['name'], A = ParametricActivation> = A extends { readonly name: infer M }
  ? N extends M
    ? Omit<A, 'name'>
    : never
  : never;

// -------------------------------------------------------------------------------------
// any
// -------------------------------------------------------------------------------------

/** By name, or by name and numbers. Any shape. Keras `Activation`. */
export const activation = <const A extends Activation>(activation: A): Layer<Activate<A>> =>
  define({ op: 'activation', activation });

/** A name where there are no numbers: equal layers are equal values. The type argument is a promise, as of `define`. */
const made = <F extends Fn>(name: ActivationName | 'threshold', options: object = {}): Layer<F> =>
  define({
    op: 'activation',
    activation: (Object.keys(options).length === 0 ? name : { name, ...options }) as Activation,
  });

/** Nothing: `x`. Keras `Activation('linear')`. */
export const linear = (): Layer<Activate<'linear'>> => made('linear');

// -------------------------------------------------------------------------------------
// piecewise linear
// -------------------------------------------------------------------------------------

/**
 * `max(x, 0)`. With options: `min(x, maxValue)` above `threshold`, `negativeSlope * (x - threshold)` below; by default no
 * maximum, slope 0, threshold 0. Keras `ReLU`, PyTorch `ReLU`.
 *
 * @example
 * relu({ maxValue: 6, negativeSlope: 0.1 })
 */
export const relu = (options: Options<'relu'> = {}): Layer<Activate<'relu'>> => made('relu', options);

/** `min(max(x, 0), 6)`. Keras `relu6`, PyTorch `ReLU6`. */
export const relu6 = (): Layer<Activate<'relu6'>> => made('relu6');

/**
 * `x` above 0, `negativeSlope * x` below; 0.3 by default, as Keras's layer has it (the activation by name has 0.2, as Keras's
 * function has it; PyTorch 0.01). Keras `LeakyReLU`, PyTorch `LeakyReLU`.
 */
export const leakyRelu = (options: Options<'leakyRelu'> = {}): Layer<Activate<'leakyRelu'>> =>
  made('leakyRelu', { negativeSlope: options.negativeSlope ?? 0.3 });

/** `x` clipped to -1 and 1. Keras `hard_tanh`, PyTorch `Hardtanh`. */
export const hardTanh = (): Layer<Activate<'hardTanh'>> => made('hardTanh');

/** `x / 6 + 1 / 2` clipped to 0 and 1. Keras `hard_sigmoid`, PyTorch `Hardsigmoid`. */
export const hardSigmoid = (): Layer<Activate<'hardSigmoid'>> => made('hardSigmoid');

/** `x * hardSigmoid(x)`. Keras `hard_swish` and `hard_silu`, PyTorch `Hardswish`. Howard et al. 2019. */
export const hardSwish = (): Layer<Activate<'hardSwish'>> => made('hardSwish');

/** `(x + 1) / 2` clipped to 0 and 1. Keras `sparse_sigmoid`. */
export const sparseSigmoid = (): Layer<Activate<'sparseSigmoid'>> => made('sparseSigmoid');

/** Nearer to 0 by `threshold` (0.5), and 0 within it. Keras `soft_shrink`, PyTorch `Softshrink`. */
export const softShrink = (options: Options<'softShrink'> = {}): Layer<Activate<'softShrink'>> =>
  made('softShrink', options);

/** `x` where it is farther than `threshold` (0.5) from 0, else 0. Keras `hard_shrink`, PyTorch `Hardshrink`. */
export const hardShrink = (options: Options<'hardShrink'> = {}): Layer<Activate<'hardShrink'>> =>
  made('hardShrink', options);

/** `x` above `threshold`, else `defaultValue`. Keras `threshold`, PyTorch `Threshold`. */
export const threshold = (options: Options<'threshold'>): Layer<Activate<'threshold'>> => made('threshold', options);

// -------------------------------------------------------------------------------------
// smooth
// -------------------------------------------------------------------------------------

/** `1 / (1 + exp(-x))`. Keras `Activation('sigmoid')`, PyTorch `Sigmoid`. */
export const sigmoid = (): Layer<Activate<'sigmoid'>> => made('sigmoid');

/** `log(sigmoid(x))`. Keras `log_sigmoid`, PyTorch `LogSigmoid`. */
export const logSigmoid = (): Layer<Activate<'logSigmoid'>> => made('logSigmoid');

/** Hyperbolic tangent. Keras `Activation('tanh')`, PyTorch `Tanh`. */
export const tanh = (): Layer<Activate<'tanh'>> => made('tanh');

/** `x - tanh(x)`. Keras `tanh_shrink`, PyTorch `Tanhshrink`. */
export const tanhShrink = (): Layer<Activate<'tanhShrink'>> => made('tanhShrink');

/** `x` above 0, `alpha * (exp(x) - 1)` below; `alpha` 1 by default. Keras `ELU`, PyTorch `ELU`. Clevert et al. 2016. */
export const elu = (options: Options<'elu'> = {}): Layer<Activate<'elu'>> => made('elu', options);

/** `1.0507 * elu(x, 1.67326)`: keeps mean 0 and variance 1. Keras `selu`, PyTorch `SELU`. Klambauer et al. 2017. */
export const selu = (): Layer<Activate<'selu'>> => made('selu');

/** `x` above 0, `alpha * (exp(x / alpha) - 1)` below; `alpha` 1 by default. Keras `celu`, PyTorch `CELU`. Barron 2017. */
export const celu = (options: Options<'celu'> = {}): Layer<Activate<'celu'>> => made('celu', options);

/**
 * `x` times the normal distribution function of `x`; with `approximate: true` by way of a tanh. Exact by default. Keras `gelu`,
 * PyTorch `GELU`. Hendrycks and Gimpel 2016.
 */
export const gelu = (options: Options<'gelu'> = {}): Layer<Activate<'gelu'>> => made('gelu', options);

/** `x * sigmoid(x)`, also called swish. Keras `silu`, PyTorch `SiLU`. */
export const silu = (): Layer<Activate<'silu'>> => made('silu');

/** `x * tanh(softplus(x))`. Keras `mish`, PyTorch `Mish`. Misra 2019. */
export const mish = (): Layer<Activate<'mish'>> => made('mish');

/** `log(1 + exp(x))`. Keras `softplus`, PyTorch `Softplus`. */
export const softplus = (): Layer<Activate<'softplus'>> => made('softplus');

/** `x / (1 + |x|)`. Keras `softsign`, PyTorch `Softsign`. */
export const softsign = (): Layer<Activate<'softsign'>> => made('softsign');

/** `(x + sqrt(x * x + b)) / 2`; `b` is 4 by default. Keras `squareplus`. Barron 2021. */
export const squareplus = (options: Options<'squareplus'> = {}): Layer<Activate<'squareplus'>> =>
  made('squareplus', options);

/** 0 up to -1, `(x + 1)^2 / 4` up to 1, `x` above. Keras `sparse_plus`. */
export const sparsePlus = (): Layer<Activate<'sparsePlus'>> => made('sparsePlus');

/** `exp(x)`. Keras `exponential`. */
export const exponential = (): Layer<Activate<'exponential'>> => made('exponential');

// -------------------------------------------------------------------------------------
// along axes
// -------------------------------------------------------------------------------------

interface Axed<N extends 'softmax' | 'logSoftmax' | 'sparsemax', Ax> extends Leaf {
  readonly out: ActivationOut<N, this['in'], Ax>;
}

/**
 * Probabilities: `exp(x) / sum(exp(x))`, over the last axis; from rank 4 on over axis 1, the channels; or over the axes given
 * (the batch is 0). Rank 2 or more. Keras `Softmax`, PyTorch `Softmax`.
 *
 * @example
 * softmax()                    // [batch, 10]: over the 10; [batch, 21, 64, 64]: over the 21, for each pixel
 * softmax({ axis: -1 })
 */
export const softmax = <const Ax extends Axes | undefined = undefined>(options?: {
  readonly axis: Ax;
}): Layer<Axed<'softmax', Ax>> => made('softmax', options);

/** `log(softmax(x))`, exact also where the probability is next to 0. Axes as `softmax`. Keras `log_softmax`, PyTorch `LogSoftmax`. */
export const logSoftmax = <const Ax extends Axes | undefined = undefined>(options?: {
  readonly axis: Ax;
}): Layer<Axed<'logSoftmax', Ax>> => made('logSoftmax', options);

/**
 * The nearest probabilities, many of which are 0. One axis, by default as `softmax`. Keras `sparsemax`. Martins and Astudillo
 * 2016.
 */
export const sparsemax = <const Ax extends number | undefined = undefined>(options?: {
  readonly axis: Ax;
}): Layer<Axed<'sparsemax', Ax>> => made('sparsemax', options);

// -------------------------------------------------------------------------------------
// gates
// -------------------------------------------------------------------------------------

export interface Glu<Ax> extends Leaf {
  readonly out: GluOut<this['in'], Ax>;
}

/**
 * The first half along an axis (the last one by default) times the sigmoid of the second half: that axis becomes half as long.
 * Keras `glu`, PyTorch `GLU`. Dauphin et al. 2017.
 */
export const glu = <const Ax extends number = -1>(options?: { readonly axis: Ax }): Layer<Glu<Ax>> =>
  define({ op: 'glu', axis: options?.axis ?? -1 });

// -------------------------------------------------------------------------------------
// learned
// -------------------------------------------------------------------------------------

export interface PRelu<C> extends Leaf {
  readonly out: PReluOut<this['in'], Opt<C, 'sharedAxes', readonly []>>;
}

export interface PReluOptions {
  /** Axes (the batch is 0) along which one slope serves all; none by default. `[2, 3]` for images: one slope a channel. */
  readonly sharedAxes?: readonly number[];
  /** `zeros` by default. */
  readonly alphaInitializer?: Initializer;
  readonly alphaRegularizer?: Regularizer;
  readonly alphaConstraint?: Constraint;
}

/**
 * `x` above 0, `alpha * x` below, with a learned `alpha` for each place of a sample. Parameter: `alpha`, the input's shape without
 * the batch, 1 along shared axes. Keras `PReLU`, PyTorch `PReLU` (one slope a channel, 0.25 at first). He et al. 2015.
 *
 * @example
 * prelu({ sharedAxes: [2, 3] })     // after a convolution
 */
export const prelu = <const C extends PReluOptions = {}>(options?: Only<'prelu', C, PReluOptions>): Layer<PRelu<C>> => {
  const o = (options ?? {}) as PReluOptions;
  return define({
    op: 'prelu',
    sharedAxes: o.sharedAxes ?? [],
    alphaInitializer: o.alphaInitializer ?? zeros,
    ...governed(o),
  });
};
