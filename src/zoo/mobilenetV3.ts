/**
 * MobileNets of the third kind, found by search: Howard et al. 2019, "Searching for MobileNetV3". Inverted residuals
 * with squeeze and excitation, and hard swish.
 */
import * as L from '../layer/Layer.ts';
import {
  type Classes,
  convNorm,
  type Dropout,
  divisible,
  heFanOut,
  orElse,
  residualWhere,
  small,
  squeezeExcite,
  topped,
  when,
} from './parts.ts';

export interface MobileNetV3FeaturesOptions {
  /** All numbers of channels times this, rounded to multiples of 8; 1 by default. */
  readonly width?: number;
}

export interface MobileNetV3Options<N extends number> extends MobileNetV3FeaturesOptions, Classes<N>, Dropout {}

const norm = { epsilon: 1e-3, momentum: 0.99 };

interface Block<K extends number, P extends number, S extends number> {
  /** Channels of input, middle and output. */
  readonly channels: readonly [number, number, number];
  readonly kernel: K;
  readonly padding: P;
  readonly strides: S;
  /** Whether there is squeeze and excitation. */
  readonly gate: boolean;
  /** Hard swish, or else relu. */
  readonly swish: boolean;
}

const inverted = <const K extends number, const P extends number, const S extends number>(o: Block<K, P, S>) => {
  const [from, middle, to] = o.channels;
  const active = () => L.activation(o.swish ? 'hardSwish' : 'relu');
  return L.sequential(
    when(middle !== from, () => L.sequential(convNorm({ filters: middle, kernel: 1 }, norm), active())),
    L.depthwiseConv2d({
      kernel: o.kernel,
      strides: o.strides,
      padding: o.padding,
      useBias: false,
      depthwiseInitializer: heFanOut,
    }),
    L.batchNormalization(norm),
    active(),
    when(o.gate, () => squeezeExcite({ channels: middle, squeezed: divisible(middle / 4), gate: 'hardSigmoid' })),
    convNorm({ filters: to, kernel: 1 }, norm),
  );
};

/** Kernels of 3 and 5 with as much padding as keeps the size. */
const three = { kernel: 3, padding: 1 } as const;
const five = { kernel: 5, padding: 2 } as const;

const stem = (filters: number) =>
  L.sequential(convNorm({ filters, kernel: 3, strides: 2, padding: 1 }, norm), L.hardSwish());

const last = (from: number) => L.sequential(convNorm({ filters: 6 * from, kernel: 1 }, norm), L.hardSwish());

const scaled =
  (options: MobileNetV3FeaturesOptions) =>
  (channels: number): number =>
    divisible(channels * (options.width ?? 1));

/** `mobilenetV3Small` without its head: `[batch, 3, 224, 224]` to `[batch, 576, 7, 7]`. */
export const mobilenetV3SmallFeatures = (options: MobileNetV3FeaturesOptions = {}) => {
  const w = scaled(options);
  const at = (from: number, middle: number, to: number) => [w(from), w(middle), w(to)] as const;
  const gated = { gate: true, swish: true, strides: 1, ...five } as const;
  return L.sequential(
    stem(w(16)),
    inverted({ channels: at(16, 16, 16), ...three, strides: 2, gate: true, swish: false }),
    inverted({ channels: at(16, 72, 24), ...three, strides: 2, gate: false, swish: false }),
    L.residual(inverted({ channels: at(24, 88, 24), ...three, strides: 1, gate: false, swish: false })),
    inverted({ ...gated, channels: at(24, 96, 40), strides: 2 }),
    L.repeat(2, L.residual(inverted({ ...gated, channels: at(40, 240, 40) }))),
    residualWhere(w(40) === w(48), inverted({ ...gated, channels: at(40, 120, 48) })),
    L.residual(inverted({ ...gated, channels: at(48, 144, 48) })),
    inverted({ ...gated, channels: at(48, 288, 96), strides: 2 }),
    L.repeat(2, L.residual(inverted({ ...gated, channels: at(96, 576, 96) }))),
    last(w(96)),
  );
};

/** `mobilenetV3Large` without its head: `[batch, 3, 224, 224]` to `[batch, 960, 7, 7]`. */
export const mobilenetV3LargeFeatures = (options: MobileNetV3FeaturesOptions = {}) => {
  const w = scaled(options);
  const at = (from: number, middle: number, to: number) => [w(from), w(middle), w(to)] as const;
  const plain = { gate: false, swish: false, strides: 1, ...three } as const;
  const swish = { gate: false, swish: true, strides: 1, ...three } as const;
  const gated = { gate: true, swish: true, strides: 1 } as const;
  return L.sequential(
    stem(w(16)),
    L.residual(inverted({ ...plain, channels: at(16, 16, 16) })),
    inverted({ ...plain, channels: at(16, 64, 24), strides: 2 }),
    L.residual(inverted({ ...plain, channels: at(24, 72, 24) })),
    inverted({ ...plain, ...five, channels: at(24, 72, 40), strides: 2, gate: true }),
    L.repeat(2, L.residual(inverted({ ...plain, ...five, channels: at(40, 120, 40), gate: true }))),
    inverted({ ...swish, channels: at(40, 240, 80), strides: 2 }),
    L.residual(inverted({ ...swish, channels: at(80, 200, 80) })),
    L.repeat(2, L.residual(inverted({ ...swish, channels: at(80, 184, 80) }))),
    residualWhere(w(80) === w(112), inverted({ ...gated, ...three, channels: at(80, 480, 112) })),
    L.residual(inverted({ ...gated, ...three, channels: at(112, 672, 112) })),
    inverted({ ...gated, ...five, channels: at(112, 672, 160), strides: 2 }),
    L.repeat(2, L.residual(inverted({ ...gated, ...five, channels: at(160, 960, 160) }))),
    last(w(160)),
  );
};

const head = <N extends number>(hidden: number, classes: N, dropout: number) =>
  L.sequential(
    L.globalAveragePool2d(),
    L.dense(hidden, { activation: 'hardSwish', kernelInitializer: small }),
    L.dropout(dropout),
    L.dense(classes, { kernelInitializer: small }),
  );

/**
 * MobileNet v3 small, as torchvision's `mobilenet_v3_small`; dropout 0.2. Input: `[3, 224, 224]`; any size. 2,542,856
 * trained parameters for 1000 classes. (Keras's `MobileNetV3Small` has other paddings.) Initial values as torchvision:
 * He by fan-out, dense layers normal 0.01.
 *
 * @example
 * L.model(L.input([3, 96, 96]), Zoo.mobilenetV3Small({ classes: 10 }))
 */
export const mobilenetV3Small = <const N extends number = 1000>(options: MobileNetV3Options<N> = {}) =>
  topped(
    mobilenetV3SmallFeatures(options),
    head(scaled(options)(1024), orElse<N>(options.classes, 1000), options.dropout ?? 0.2),
  );

/** As `mobilenetV3Small`, large: 5,483,032 trained parameters. torchvision `mobilenet_v3_large`. */
export const mobilenetV3Large = <const N extends number = 1000>(options: MobileNetV3Options<N> = {}) =>
  topped(
    mobilenetV3LargeFeatures(options),
    head(scaled(options)(1280), orElse<N>(options.classes, 1000), options.dropout ?? 0.2),
  );
