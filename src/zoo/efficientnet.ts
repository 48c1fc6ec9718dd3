/**
 * EfficientNet-B0: Tan and Le 2019, "EfficientNet: rethinking model scaling for convolutional neural networks".
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
  squeezeExcite,
  stochasticDepth,
  topped,
  torchNorm,
  when,
} from './parts.ts';

export interface EfficientNetFeaturesOptions {
  /** All numbers of channels times this, rounded to multiples of 8; 1 by default. */
  readonly width?: number;
  /** The rate of stochastic depth at the last block, from 0 at the first; 0.2 by default. */
  readonly stochasticDepth?: number;
}

export interface EfficientNetOptions<N extends number> extends EfficientNetFeaturesOptions, Classes<N>, Dropout {}

/** Each channel for itself, squeeze and excitation by the number of the block's input channels, and down. */
const filtered = <K extends number, P extends number, S extends number>(
  [from, middle, to]: readonly [number, number, number],
  kernel: K,
  padding: P,
  strides: S,
) =>
  L.sequential(
    L.depthwiseConv2d({ kernel, strides, padding, useBias: false, depthwiseInitializer: heFanOut }),
    L.batchNormalization(torchNorm),
    L.silu(),
    squeezeExcite({ channels: middle, squeezed: Math.max(1, Math.floor(from / 4)), activation: 'silu' }),
    convNorm({ filters: to, kernel: 1 }),
  );

const inverted = <K extends number, P extends number, S extends number>(
  from: number,
  to: number,
  kernel: K,
  padding: P,
  strides: S,
) =>
  L.sequential(
    convNorm({ filters: 6 * from, kernel: 1 }),
    L.silu(),
    filtered([from, 6 * from, to], kernel, padding, strides),
  );

const blocks = 16;

/** `efficientnetB0` without its head: `[batch, 3, 224, 224]` to `[batch, 1280, 7, 7]`. */
export const efficientnetB0Features = (options: EfficientNetFeaturesOptions = {}) => {
  const w = (channels: number) => divisible(channels * (options.width ?? 1));
  const drop = (index: number) => stochasticDepth(((options.stochasticDepth ?? 0.2) * index) / blocks);
  const kept = <K extends number, P extends number>(index: number, channels: number, kernel: K, padding: P) =>
    L.residual(L.sequential(inverted(w(channels), w(channels), kernel, padding, 1), drop(index)));
  // Rounding may make two numbers of channels one.
  const wider = <K extends number, P extends number>(
    index: number,
    from: number,
    to: number,
    kernel: K,
    padding: P,
  ) => {
    const same = w(from) === w(to);
    const block = inverted(w(from), w(to), kernel, padding, 1);
    return residualWhere(
      same,
      L.sequential(
        block,
        when(same, () => drop(index)),
      ),
    );
  };
  return L.sequential(
    convNorm({ filters: w(32), kernel: 3, strides: 2, padding: 1 }),
    L.silu(),
    residualWhere(w(32) === w(16), filtered([w(32), w(32), w(16)], 3, 1, 1)),
    inverted(w(16), w(24), 3, 1, 2),
    kept(2, 24, 3, 1),
    inverted(w(24), w(40), 5, 2, 2),
    kept(4, 40, 5, 2),
    inverted(w(40), w(80), 3, 1, 2),
    kept(6, 80, 3, 1),
    kept(7, 80, 3, 1),
    wider(8, 80, 112, 5, 2),
    kept(9, 112, 5, 2),
    kept(10, 112, 5, 2),
    inverted(w(112), w(192), 5, 2, 2),
    kept(12, 192, 5, 2),
    kept(13, 192, 5, 2),
    kept(14, 192, 5, 2),
    wider(15, 192, 320, 3, 1),
    convNorm({ filters: 4 * w(320), kernel: 1 }),
    L.silu(),
  );
};

/**
 * EfficientNet-B0, as torchvision's `efficientnet_b0`: inverted residuals with squeeze and excitation, silu, stochastic
 * depth; dropout 0.2. Input: `[3, 224, 224]`; any size. 5,288,548 trained parameters for 1000 classes. (Keras's
 * `EfficientNetB0` normalises its input in the model and pads otherwise: 5,330,571 with statistics.) Initial values as
 * torchvision: He by fan-out, the dense layer uniform within 1 / sqrt(classes).
 *
 * @example
 * L.model(L.input([3, 224, 224]), Zoo.efficientnetB0({ classes: 10 }))
 */
export const efficientnetB0 = <const N extends number = 1000>(options: EfficientNetOptions<N> = {}) =>
  topped(
    efficientnetB0Features(options),
    L.sequential(
      L.globalAveragePool2d(),
      L.dropout(options.dropout ?? 0.2),
      L.dense(orElse<N>(options.classes, 1000), {
        kernelInitializer: L.Initializer.varianceScaling({ scale: 1 / 3, mode: 'fanOut', distribution: 'uniform' }),
      }),
    ),
  );
