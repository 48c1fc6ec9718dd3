/**
 * Residual networks for images: He, Zhang, Ren and Sun 2016, "Deep residual learning for image recognition", and their
 * wide form, Zagoruyko and Komodakis 2016. Stages of blocks whose output is added to their input.
 */
import * as L from '../layer/Layer.ts';
import { type Classes, convNorm, orElse, pooledHead, times, topped } from './parts.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface ResNetFeaturesOptions<W extends number> {
  /** Channels of the first stage's blocks; 64 by default. The others have 2, 4 and 8 times as many. */
  readonly width?: W;
}

export interface ResNetOptions<N extends number, W extends number> extends ResNetFeaturesOptions<W>, Classes<N> {}

type Lengths = readonly [number, number, number, number];

// -------------------------------------------------------------------------------------
// blocks
// -------------------------------------------------------------------------------------

/** 7 x 7 and pooling: a quarter of the size. */
const stem = <W extends number>(width: W) =>
  L.sequential(
    convNorm({ filters: width, kernel: 7, strides: 2, padding: 3 }),
    L.relu(),
    L.maxPool2d({ kernel: 3, strides: 2, padding: 1 }),
  );

const basic = <W extends number, const S extends number>(width: W, strides: S) =>
  L.sequential(
    convNorm({ filters: width, kernel: 3, strides, padding: 1 }),
    L.relu(),
    convNorm({ filters: width, kernel: 3, padding: 1 }),
  );

/** The strides are in the 3 x 3 convolution, as in torchvision ("ResNet v1.5"). */
const bottleneck = <O extends number, const S extends number>(inner: number, out: O, strides: S) =>
  L.sequential(
    convNorm({ filters: inner, kernel: 1 }),
    L.relu(),
    convNorm({ filters: inner, kernel: 3, strides, padding: 1 }),
    L.relu(),
    convNorm({ filters: out, kernel: 1 }),
  );

const projection = <O extends number, const S extends number>(filters: O, strides: S) =>
  convNorm({ filters, kernel: 1, strides });

const basicStage = <W extends number, const S extends number>(width: W, length: number, strides: S) =>
  L.sequential(
    L.residual(basic(width, strides), projection(width, strides)),
    L.relu(),
    L.repeat(length - 1, L.sequential(L.residual(basic(width, 1)), L.relu())),
  );

const bottleneckStage = <O extends number, const S extends number>(inner: number, out: O, length: number, strides: S) =>
  L.sequential(
    L.residual(bottleneck(inner, out, strides), projection(out, strides)),
    L.relu(),
    L.repeat(length - 1, L.sequential(L.residual(bottleneck(inner, out, 1)), L.relu())),
  );

// -------------------------------------------------------------------------------------
// networks
// -------------------------------------------------------------------------------------

const basicFeatures =
  (lengths: Lengths) =>
  <const W extends number = 64>(options: ResNetFeaturesOptions<W> = {}) => {
    const width = orElse<W>(options.width, 64);
    return L.sequential(
      stem(width),
      L.named('stage1', L.repeat(lengths[0], L.sequential(L.residual(basic(width, 1)), L.relu()))),
      L.named('stage2', basicStage(times(width, 2), lengths[1], 2)),
      L.named('stage3', basicStage(times(width, 4), lengths[2], 2)),
      L.named('stage4', basicStage(times(width, 8), lengths[3], 2)),
    );
  };

/** `wider`: how many times as many channels the 3 x 3 convolutions have. */
const bottleneckFeatures =
  (lengths: Lengths, wider = 1) =>
  <const W extends number = 64>(options: ResNetFeaturesOptions<W> = {}) => {
    const width = orElse<W>(options.width, 64);
    const stage = <K extends number, const S extends number>(factor: K, length: number, strides: S) =>
      bottleneckStage(width * (factor / 4) * wider, times(width, factor), length, strides);
    return L.sequential(
      stem(width),
      L.named('stage1', stage(4, lengths[0], 1)),
      L.named('stage2', stage(8, lengths[1], 2)),
      L.named('stage3', stage(16, lengths[2], 2)),
      L.named('stage4', stage(32, lengths[3], 2)),
    );
  };

const basicNet = (lengths: Lengths) => {
  const features = basicFeatures(lengths);
  return <const N extends number = 1000, const W extends number = 64>(options: ResNetOptions<N, W> = {}) =>
    topped(features(options), pooledHead(orElse<N>(options.classes, 1000)));
};

const bottleneckNet = (lengths: Lengths, wider = 1) => {
  const features = bottleneckFeatures(lengths, wider);
  return <const N extends number = 1000, const W extends number = 64>(options: ResNetOptions<N, W> = {}) =>
    topped(features(options), pooledHead(orElse<N>(options.classes, 1000)));
};

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

const of18 = [2, 2, 2, 2] as const;
const of34 = [3, 4, 6, 3] as const;
const of101 = [3, 4, 23, 3] as const;
const of152 = [3, 8, 36, 3] as const;

/** `resnet18` without its head: `[batch, 3, 224, 224]` to `[batch, 512, 7, 7]`. */
export const resnet18Features = basicFeatures(of18);

/**
 * ResNet with 18 layers, as torchvision's `resnet18`: blocks of two 3 x 3 convolutions. Input: `[3, 224, 224]`; any
 * size. Groups: `backbone` (with `stage1` to `stage4` in it) and `head`. 11,689,512 trained parameters for 1000
 * classes. Initial values as torchvision: He by fan-out.
 *
 * @example
 * L.model(L.input([3, 64, 64]), Zoo.resnet18({ classes: 5 }))     // Model<['batch', 3, 64, 64], ['batch', 5]>
 *
 * // a head of one's own
 * L.model(
 *   L.input([3, 64, 64]),
 *   L.named('backbone', Zoo.resnet18Features()),
 *   L.named('head', L.sequential(L.globalAveragePool2d(), L.dropout(0.2), L.dense(5))),
 * )
 */
export const resnet18 = basicNet(of18);

/** `resnet34` without its head: `[batch, 3, 224, 224]` to `[batch, 512, 7, 7]`. */
export const resnet34Features = basicFeatures(of34);

/** As `resnet18` with 34 layers: 21,797,672 trained parameters. torchvision `resnet34`. */
export const resnet34 = basicNet(of34);

/** `resnet50` without its head: `[batch, 3, 224, 224]` to `[batch, 2048, 7, 7]`. */
export const resnet50Features = bottleneckFeatures(of34);

/**
 * ResNet with 50 layers, as torchvision's `resnet50`: blocks of 1 x 1, 3 x 3 and 1 x 1 convolutions, strides in the 3 x
 * 3 ones. (Keras's `ResNet50` has them in the first 1 x 1, and biases that the normalisation undoes: 25,636,712
 * parameters with statistics.) Input: `[3, 224, 224]`; any size. 25,557,032 trained parameters for 1000 classes.
 *
 * @example
 * L.model(L.input([3, 224, 224]), Zoo.resnet50({ classes: 10 }))     // Model<['batch', 3, 224, 224], ['batch', 10]>
 */
export const resnet50 = bottleneckNet(of34);

/** `resnet101` without its head: `[batch, 3, 224, 224]` to `[batch, 2048, 7, 7]`. */
export const resnet101Features = bottleneckFeatures(of101);

/** As `resnet50` with 101 layers: 44,549,160 trained parameters. torchvision `resnet101`. */
export const resnet101 = bottleneckNet(of101);

/** `resnet152` without its head: `[batch, 3, 224, 224]` to `[batch, 2048, 7, 7]`. */
export const resnet152Features = bottleneckFeatures(of152);

/** As `resnet50` with 152 layers: 60,192,808 trained parameters. torchvision `resnet152`. */
export const resnet152 = bottleneckNet(of152);

/** `wideResnet50` without its head: `[batch, 3, 224, 224]` to `[batch, 2048, 7, 7]`. */
export const wideResnet50Features = bottleneckFeatures(of34, 2);

/**
 * As `resnet50` with twice as many channels in the 3 x 3 convolutions: 68,883,240 trained parameters. torchvision
 * `wide_resnet50_2`.
 */
export const wideResnet50 = bottleneckNet(of34, 2);
