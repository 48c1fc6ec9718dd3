/**
 * MobileNets of the first and second kind: convolutions that see each channel for itself, and 1 x 1 ones between them.
 * Howard et al. 2017, Sandler et al. 2018.
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
  topped,
  torchNorm,
} from './parts.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface MobileNetFeaturesOptions {
  /** All numbers of channels times this; 1 by default. The second kind rounds them to multiples of 8. */
  readonly width?: number;
}

export interface MobileNetOptions<N extends number> extends MobileNetFeaturesOptions, Classes<N>, Dropout {}

// -------------------------------------------------------------------------------------
// first kind
// -------------------------------------------------------------------------------------

const norm = () => L.batchNormalization({ epsilon: 1e-3, momentum: 0.99 });

const separable = <S extends number>(filters: number, strides: S) =>
  L.sequential(
    L.depthwiseConv2d({ kernel: 3, strides, padding: 'same', useBias: false }),
    norm(),
    L.relu6(),
    L.conv2d({ filters, kernel: 1, useBias: false }),
    norm(),
    L.relu6(),
  );

/** `mobilenet` without its head: `[batch, 3, 224, 224]` to `[batch, 1024, 7, 7]`. */
export const mobilenetFeatures = (options: MobileNetFeaturesOptions = {}) => {
  const wide = (channels: number) => Math.floor(channels * (options.width ?? 1));
  return L.sequential(
    L.conv2d({ filters: wide(32), kernel: 3, strides: 2, padding: 'same', useBias: false }),
    norm(),
    L.relu6(),
    separable(wide(64), 1),
    separable(wide(128), 2),
    separable(wide(128), 1),
    separable(wide(256), 2),
    separable(wide(256), 1),
    separable(wide(512), 2),
    L.repeat(5, separable(wide(512), 1)),
    separable(wide(1024), 2),
    separable(wide(1024), 1),
  );
};

/**
 * MobileNet v1, as Keras's `MobileNet` (whose output is a softmax; `width` is its `alpha`). Input: `[3, 224, 224]`; any
 * size. 4,253,864 parameters for 1000 classes, 21,888 of them statistics. Dropout 0.001, as Keras. Initial values:
 * Keras's (Glorot uniform).
 *
 * @example
 * L.model(L.input([3, 160, 160]), Zoo.mobilenet({ classes: 10, width: 0.5 }))
 */
export const mobilenet = <const N extends number = 1000>(options: MobileNetOptions<N> = {}) =>
  topped(
    mobilenetFeatures(options),
    L.sequential(
      L.globalAveragePool2d(),
      L.dropout(options.dropout ?? 0.001),
      L.dense(orElse<N>(options.classes, 1000)),
    ),
  );

// -------------------------------------------------------------------------------------
// second kind
// -------------------------------------------------------------------------------------

const depthwise = <S extends number>(strides: S) =>
  L.sequential(
    L.depthwiseConv2d({ kernel: 3, strides, padding: 1, useBias: false, depthwiseInitializer: heFanOut }),
    L.batchNormalization(torchNorm),
    L.relu6(),
  );

/** To `expansion` times the channels, each for itself, and down without an activation. */
const inverted = <S extends number>(channels: number, expansion: number, filters: number, strides: S) =>
  L.sequential(
    convNorm({ filters: channels * expansion, kernel: 1 }),
    L.relu6(),
    depthwise(strides),
    convNorm({ filters, kernel: 1 }),
  );

/** The first block with strides, the others with a residual; the first too, if there is nothing against it. */
const stage = <S extends number>(from: number, filters: number, length: number, strides: S) =>
  L.sequential(inverted(from, 6, filters, strides), L.repeat(length - 1, L.residual(inverted(filters, 6, filters, 1))));

/** `mobilenetV2` without its head: `[batch, 3, 224, 224]` to `[batch, 1280, 7, 7]`. */
export const mobilenetV2Features = (options: MobileNetFeaturesOptions = {}) => {
  const scale = options.width ?? 1;
  const wide = (channels: number) => divisible(channels * scale);
  return L.sequential(
    convNorm({ filters: wide(32), kernel: 3, strides: 2, padding: 1 }),
    L.relu6(),
    residualWhere(wide(32) === wide(16), L.sequential(depthwise(1), convNorm({ filters: wide(16), kernel: 1 }))),
    stage(wide(16), wide(24), 2, 2),
    stage(wide(24), wide(32), 3, 2),
    stage(wide(32), wide(64), 4, 2),
    stage(wide(64), wide(96), 3, 1),
    stage(wide(96), wide(160), 3, 2),
    residualWhere(wide(160) === wide(320), inverted(wide(160), 6, wide(320), 1)),
    convNorm({ filters: divisible(1280 * Math.max(1, scale)), kernel: 1 }),
    L.relu6(),
  );
};

/**
 * MobileNet v2, as torchvision's `mobilenet_v2`: blocks that widen, filter each channel, and narrow; dropout 0.2.
 * Input: `[3, 224, 224]`; any size. 3,504,872 trained parameters for 1000 classes, as Keras's `MobileNetV2` (which has
 * 3,538,984 with statistics, and other paddings). Initial values as torchvision: He by fan-out, the dense layer normal
 * 0.01.
 *
 * @example
 * L.model(L.input([3, 96, 96]), Zoo.mobilenetV2({ classes: 10, width: 0.5 }))
 */
export const mobilenetV2 = <const N extends number = 1000>(options: MobileNetOptions<N> = {}) =>
  topped(
    mobilenetV2Features(options),
    L.sequential(
      L.globalAveragePool2d(),
      L.dropout(options.dropout ?? 0.2),
      L.dense(orElse<N>(options.classes, 1000), { kernelInitializer: small }),
    ),
  );
