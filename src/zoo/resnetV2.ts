/**
 * Residual networks with normalisation and relu before the convolutions: He, Zhang, Ren and Sun 2016, "Identity
 * mappings in deep residual networks". As Keras's `ResNet50V2` and so on, which have the strides in the last block of a
 * stage.
 */
import * as L from '../layer/Layer.ts';
import { kerasNorm, orElse, times, topped } from './parts.ts';
import type { ResNetFeaturesOptions, ResNetOptions } from './resnet.ts';

type Lengths = readonly [number, number, number, number];

const active = () => L.sequential(L.batchNormalization(kerasNorm), L.relu());

const body = <O extends number, const S extends number>(inner: number, out: O, strides: S) =>
  L.sequential(
    L.conv2d({ filters: inner, kernel: 1, useBias: false }),
    active(),
    L.conv2d({ filters: inner, kernel: 3, strides, padding: 1, useBias: false }),
    active(),
    L.conv2d({ filters: out, kernel: 1 }),
  );

/** First a projection of what is normalised, then identities, the last of which takes each second cell. */
const stage = <O extends number, const S extends number>(inner: number, out: O, length: number, strides: S) =>
  L.sequential(
    L.sequential(active(), L.residual(body(inner, out, 1), L.conv2d({ filters: out, kernel: 1 }))),
    L.repeat(length - 2, L.residual(L.sequential(active(), body(inner, out, 1)))),
    L.residual(L.sequential(active(), body(inner, out, strides)), L.maxPool2d({ kernel: 1, strides })),
  );

const features =
  (lengths: Lengths) =>
  <const W extends number = 64>(options: ResNetFeaturesOptions<W> = {}) => {
    const width = orElse<W>(options.width, 64);
    const of = <K extends number, const S extends number>(factor: K, length: number, strides: S) =>
      stage((width * factor) / 4, times(width, factor), length, strides);
    return L.sequential(
      L.conv2d({ filters: width, kernel: 7, strides: 2, padding: 3 }),
      // Zeros, not nothing, are at the border: a negative number may lose against them.
      L.zeroPadding2d(1),
      L.maxPool2d({ kernel: 3, strides: 2 }),
      L.named('stage1', of(4, lengths[0], 2)),
      L.named('stage2', of(8, lengths[1], 2)),
      L.named('stage3', of(16, lengths[2], 2)),
      L.named('stage4', of(32, lengths[3], 1)),
      active(),
    );
  };

const net = (lengths: Lengths) => {
  const backbone = features(lengths);
  return <const N extends number = 1000, const W extends number = 64>(options: ResNetOptions<N, W> = {}) =>
    topped(backbone(options), L.sequential(L.globalAveragePool2d(), L.dense(orElse<N>(options.classes, 1000))));
};

const of50 = [3, 4, 6, 3] as const;
const of101 = [3, 4, 23, 3] as const;
const of152 = [3, 8, 36, 3] as const;

/** `resnet50V2` without its head: `[batch, 3, 224, 224]` to `[batch, 2048, 7, 7]`. */
export const resnet50V2Features = features(of50);

/**
 * ResNet v2 with 50 layers, as Keras's `ResNet50V2` (whose output is a softmax). Input: `[3, 224, 224]`; any size.
 * 25,613,800 parameters for 1000 classes, 45,440 of them statistics. Initial values: Keras's (Glorot uniform).
 *
 * @example
 * L.model(L.input([3, 224, 224]), Zoo.resnet50V2({ classes: 10 }), L.softmax())
 */
export const resnet50V2 = net(of50);

/** `resnet101V2` without its head: `[batch, 3, 224, 224]` to `[batch, 2048, 7, 7]`. */
export const resnet101V2Features = features(of101);

/** As `resnet50V2` with 101 layers: 44,675,560 parameters. Keras `ResNet101V2`. */
export const resnet101V2 = net(of101);

/** `resnet152V2` without its head: `[batch, 3, 224, 224]` to `[batch, 2048, 7, 7]`. */
export const resnet152V2Features = features(of152);

/** As `resnet50V2` with 152 layers: 60,380,648 parameters. Keras `ResNet152V2`. */
export const resnet152V2 = net(of152);
