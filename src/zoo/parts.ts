/**
 * What the architectures have in common: options, initial values, and blocks that more than one of them is made of. All
 * of it is composed of public layers, or is a `custom` layer.
 */
import * as E from 'fp-ts/lib/Either.js';
import * as Op from '../graph/Operators.ts';
import * as L from '../layer/Layer.ts';
import type { AddDim, Dim, MultDim } from '../shape/Shape.ts';
import { dims, show } from '../shape/Shape.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/**
 * What every classifier takes. Its output are logits: give the loss `fromLogits: true`, or put `L.softmax()` behind.
 */
export interface Classes<N extends number> {
  /** How many classes; 1000 by default, ImageNet's. */
  readonly classes?: N;
}

/** Of architectures that are scaled by their number of channels. */
export interface Width {
  /** All numbers of channels times this, rounded to multiples of 8; 1 by default. */
  readonly width?: number;
}

export interface Dropout {
  /** In training, the share dropped before the last layer. */
  readonly dropout?: number;
}

export type Times<A extends number, B extends number> = MultDim<A, B> & number;

// -------------------------------------------------------------------------------------
// numbers
// -------------------------------------------------------------------------------------

/** A product that the compiler knows where it knows the factors. */
export const times = <A extends number, B extends number>(a: A, b: B): Times<A, B> => (a * b) as Times<A, B>;

/** The option, or the type parameter's default: `N` is the default's type where the option is absent. */
export const orElse = <N extends number>(option: N | undefined, otherwise: number): N => option ?? (otherwise as N);

/** To a multiple of 8, at most a tenth smaller: how the MobileNets and EfficientNets round numbers of channels. */
export const divisible = (channels: number, by = 8): number => {
  const rounded = Math.max(by, Math.floor((channels + by / 2) / by) * by);
  return rounded < 0.9 * channels ? rounded + by : rounded;
};

// -------------------------------------------------------------------------------------
// initial values
// -------------------------------------------------------------------------------------

/**
 * He et al. 2015 by the outputs that an input reaches, what torchvision's networks with batch normalisation begin with.
 */
export const heFanOut = L.Initializer.varianceScaling({ scale: 2, mode: 'fanOut', distribution: 'untruncatedNormal' });

/** Uniform within 1 / sqrt(fan-in): how PyTorch's layers begin (`kaiming_uniform_(a=sqrt(5))`). */
export const torchUniform = L.Initializer.varianceScaling({ scale: 1 / 3, mode: 'fanIn', distribution: 'uniform' });

/** Normal, standard deviation 0.01: dense layers of VGG and the MobileNets. */
export const small = L.Initializer.randomNormal({ stddev: 0.01 });

/** Normal, cut at two standard deviations of 0.02: transformers for images. */
export const truncated02 = L.Initializer.truncatedNormal({ stddev: 0.02 });

export interface Norm {
  readonly epsilon: number;
  readonly momentum: number;
}

/** PyTorch's batch normalisation. */
export const torchNorm: Norm = { epsilon: 1e-5, momentum: 0.9 };

/** Keras's batch normalisation in its ResNets and DenseNets. */
export const kerasNorm: Norm = { epsilon: 1.001e-5, momentum: 0.99 };

// -------------------------------------------------------------------------------------
// backbone and head
// -------------------------------------------------------------------------------------

/**
 * Features and what is made of them, as the groups `backbone` and `head`: for `freeze`, and for a head of one's own.
 */
export const topped = <F extends L.Fn, G extends L.Fn>(features: L.Layer<F>, head: L.Layer<G>) =>
  L.sequential(L.named('backbone', features), L.named('head', head));

/** The mean over height and width, and a dense layer. */
export const pooledHead = <const N extends number>(classes: N) =>
  L.sequential(L.globalAveragePool2d(), L.dense(classes, { kernelInitializer: torchUniform }));

/** A layer that keeps its input's shape, or none: the type says the same of both. */
export const when = <F extends L.Fn>(condition: boolean, layer: () => L.Layer<F>): L.Layer<F> =>
  condition ? layer() : (L.sequential() as L.Layer<L.Fn> as L.Layer<F>);

/** The sum with the input where they have one shape, as rounded channels may; the type says the same of both. */
export const residualWhere = <F extends L.Fn>(condition: boolean, body: L.Layer<F>): L.Layer<F> =>
  condition ? (L.residual(body) as L.Layer<L.Fn> as L.Layer<F>) : body;

/** Blocks that keep the shape, one behind the other: what `repeat` is, where they are not all alike. One at least. */
export const inRow = <F extends L.Fn>(blocks: readonly L.Layer<F>[]): L.Layer<L.Repeat<number, F>> =>
  L.sequential(...blocks) as L.Layer<L.Fn> as L.Layer<L.Repeat<number, F>>;

/** A convolution with other defaults, of options that do not bear on shapes. */
export const conv = <const C extends L.Conv2dOptions>(
  defaults: Pick<L.Conv2dOptions, 'useBias' | 'activation' | 'kernelInitializer'>,
  options: C,
): L.KernelLayer<L.Conv2d<C>> => L.conv2d<C>({ ...defaults, ...options } as never);

/** Convolution without bias, batch normalisation: most of what follows is made of these. */
export const convNorm = <const C extends L.Conv2dOptions>(options: C, norm: Norm = torchNorm) =>
  L.sequential(conv({ useBias: false, kernelInitializer: heFanOut }, options), L.batchNormalization(norm));

/**
 * Room for the window that goes over the lower and right border by less than a stride, which PyTorch's `ceil_mode`
 * counts: one row and column of zeros. For maxima of what relu gave, which are not less.
 */
export const ceiled = () =>
  L.zeroPadding2d([
    [0, 1],
    [0, 1],
  ]);

// -------------------------------------------------------------------------------------
// squeeze and excitation
// -------------------------------------------------------------------------------------

/**
 * Each channel times a number that two dense layers make of all channels' means. Shapes: an image's, which stays.
 * `channels` must be the input's; `squeezed` are the numbers in the middle. Hu et al. 2018; torchvision
 * `SqueezeExcitation`.
 *
 * @example
 * squeezeExcite({ channels: 96, squeezed: 4, activation: 'silu', gate: 'sigmoid' })
 */
export const squeezeExcite = (options: {
  readonly channels: number;
  readonly squeezed: number;
  /** In the middle; `'relu'` by default. */
  readonly activation?: L.Activation;
  /** At the end; `'sigmoid'` by default. */
  readonly gate?: L.Activation;
}) =>
  L.merge('multiply')(
    L.identity(),
    L.sequential(
      L.globalAveragePool2d({ keepDims: true }),
      L.conv2d({
        filters: options.squeezed,
        kernel: 1,
        activation: options.activation ?? 'relu',
        kernelInitializer: heFanOut,
      }),
      L.conv2d({
        filters: options.channels,
        kernel: 1,
        activation: options.gate ?? 'sigmoid',
        kernelInitializer: heFanOut,
      }),
    ),
  );

// -------------------------------------------------------------------------------------
// layer scale and stochastic depth
// -------------------------------------------------------------------------------------

/** The shape stays. */
export interface Same extends L.Leaf {
  readonly out: this['in'];
}

const channelAxis = (rank: number): number => (rank >= 4 ? 1 : rank - 1);

/**
 * Each channel times a learned number, which begins as `initial`, 1e-6 by default: at the end of a residual's body,
 * which so begins as next to nothing. Channels are axis 1 of images and the last axis otherwise. Any shape, which
 * stays. Parameter: `gamma` `[channels]`. Touvron et al. 2021; Keras applications' `LayerScale`.
 */
export const layerScale = (initial = 1e-6): L.Layer<Same> =>
  L.custom<Same>({
    name: 'layerScale',
    options: { initial },
    output: (input) =>
      typeof dims(input).at(channelAxis(dims(input).length)) === 'number'
        ? E.right(input)
        : E.left(`layerScale: the channels of ${show(input)} have no fixed size`),
    parameters: (input) => [
      {
        role: 'gamma',
        shape: [Number(dims(input).at(channelAxis(dims(input).length)))],
        initializer: L.Initializer.constant(initial),
      },
    ],
    lower: (x, { parameter }) => {
      const axis = channelAxis(Op.rank(x));
      const gamma = parameter('gamma');
      const spread = gamma.type.shape.map(Number).concat(Array.from({ length: Op.rank(x) - 1 - axis }, () => 1));
      return Op.mul(x, Op.reshape(spread)(gamma));
    },
  });

/**
 * In training, makes all of a sample 0 with probability `rate` (0 to below 1) and divides the others by `1 - rate`; in
 * inference, the input as it is. At the end of a residual's body. Any shape, which stays. Huang et al. 2016;
 * torchvision `StochasticDepth` by row, Keras applications' `StochasticDepth`.
 */
export const stochasticDepth = (rate: number): L.Layer<Same> =>
  L.custom<Same>({
    name: 'stochasticDepth',
    options: { rate },
    output: (input) =>
      rate >= 0 && rate < 1 ? E.right(input) : E.left(`stochasticDepth: rate must be from 0 to below 1, got ${rate}`),
    lower: (x, { mode, uniform }) => {
      if (mode === 'inference' || rate === 0) return x;
      const axes = Array.from({ length: Op.rank(x) - 1 }, (_, i) => i + 1);
      const one = Op.slice({ axes, starts: axes.map(() => 0), ends: axes.map(() => 1) })(x);
      const kept = Op.cast('float32')(Op.lessOrEqual(uniform(one), 1 - rate));
      return Op.mul(x, Op.mul(kept, 1 / (1 - rate)));
    },
  });

// -------------------------------------------------------------------------------------
// class token
// -------------------------------------------------------------------------------------

export interface ClassToken extends L.Leaf {
  readonly out: this['in'] extends readonly [infer B, infer N, infer D]
    ? [B, AddDim<N, 1>, D]
    : 'classToken: expects [batch,seq,features]';
}

/** Nothing, or the reason why a network of such options is none: an error of its first layer. */
export const sound = (name: string, fault: string | false): L.Layer<Same> =>
  when(fault !== false, () => L.custom<Same>({ name, output: () => E.left(`${name}: ${fault}`), lower: (x) => x }));

/**
 * A learned vector in front of a sequence, which gathers what the sequence is as a whole. Shapes: `[batch, seq,
 * features]` to `[batch, seq + 1, features]`. Parameter: `token` `[1, 1, features]`, zeros at first. Dosovitskiy et al.
 * 2021; torchvision's `class_token`.
 */
export const classToken = (): L.Layer<ClassToken> =>
  L.custom<ClassToken>({
    name: 'classToken',
    output: (input) => {
      const [batch, steps, features, ...more] = dims(input);
      return batch === undefined || steps === undefined || typeof features !== 'number' || more.length > 0
        ? E.left('classToken: expects [batch,seq,features]')
        : E.right([batch, typeof steps === 'number' ? steps + 1 : '?', features] satisfies readonly Dim[]);
    },
    parameters: (input) => [{ role: 'token', shape: [1, 1, Number(dims(input)[2])], initializer: L.Initializer.zeros }],
    lower: (x, { parameter }) => {
      const first = Op.slice({ axes: [1], starts: [0], ends: [1] })(x);
      return Op.concat(1)([Op.expandLike(first)(parameter('token')), x]);
    },
  });
