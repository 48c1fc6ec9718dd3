/**
 * Densely connected networks: Huang, Liu, van der Maaten and Weinberger 2017. Each layer sees what all before it gave.
 */
import * as L from '../layer/Layer.ts';
import type { AddDim, MultDim } from '../shape/Shape.ts';
import { type Classes, convNorm, heFanOut, orElse, pooledHead, topped, torchNorm, when } from './parts.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface DenseNetFeaturesOptions<G extends number> {
  /** Channels that each layer adds; 32 by default. */
  readonly growth?: G;
  /** Channels behind the first convolution; twice the growth by default. */
  readonly stem?: number;
  /** In training, behind each layer; 0 by default. */
  readonly dropout?: number;
}

export interface DenseNetOptions<N extends number, G extends number> extends DenseNetFeaturesOptions<G>, Classes<N> {}

/** `length` layers, each of which adds `growth` channels. */
export interface DenseBlock<Length extends number, Growth extends number> extends L.Leaf {
  readonly out: this['in'] extends readonly [infer B, infer C, infer H, infer W]
    ? [B, AddDim<C, MultDim<Length, Growth>>, H, W]
    : 'denseBlock: expects images [batch,channels,height,width]';
}

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

const active = () => L.sequential(L.batchNormalization(torchNorm), L.relu());

const added = (growth: number, dropout: number) =>
  L.sequential(
    active(),
    convNorm({ filters: 4 * growth, kernel: 1 }),
    L.relu(),
    L.conv2d({ filters: growth, kernel: 3, padding: 1, useBias: false, kernelInitializer: heFanOut }),
    when(dropout > 0, () => L.dropout(dropout)),
  );

/**
 * Layers of 1 x 1 and 3 x 3 convolutions, each of which gets the input and what all before it gave, one behind the
 * other. Shapes: `[batch, channels, height, width]` to `[batch, channels + length * growth, height, width]`.
 */
export const denseBlock = <const Length extends number, const Growth extends number>(
  length: Length,
  growth: Growth,
  options: { readonly dropout?: number } = {},
): L.Layer<DenseBlock<Length, Growth>> =>
  // An array of layers has no type of its own; this block's is its channels' sum.
  L.sequential(
    ...Array.from({ length }, () => L.concat(L.identity(), added(growth, options.dropout ?? 0))),
  ) as L.Layer<L.Fn> as L.Layer<DenseBlock<Length, Growth>>;

/** Half the channels and half the size. */
const transition = (channels: number) =>
  L.sequential(
    active(),
    L.conv2d({ filters: channels, kernel: 1, useBias: false, kernelInitializer: heFanOut }),
    L.averagePool2d(),
  );

type Lengths = readonly [number, number, number, number];

const features =
  <const Ls extends Lengths>(lengths: Ls) =>
  <const G extends number = 32>(options: DenseNetFeaturesOptions<G> = {}) => {
    const growth = orElse<G>(options.growth, 32);
    const stem = options.stem ?? 2 * growth;
    const block = <K extends number>(length: K) => denseBlock(length, growth, options);
    const half = (channels: number, length: number) => Math.floor((channels + length * growth) / 2);
    const first = half(stem, lengths[0]);
    const second = half(first, lengths[1]);
    const third = half(second, lengths[2]);
    return L.sequential(
      convNorm({ filters: stem, kernel: 7, strides: 2, padding: 3 }),
      L.relu(),
      L.maxPool2d({ kernel: 3, strides: 2, padding: 1 }),
      L.named('block1', block(lengths[0])),
      L.named('transition1', transition(first)),
      L.named('block2', block(lengths[1])),
      L.named('transition2', transition(second)),
      L.named('block3', block(lengths[2])),
      L.named('transition3', transition(third)),
      L.named('block4', block(lengths[3])),
      active(),
    );
  };

const net = (lengths: Lengths) => {
  const backbone = features(lengths);
  return <const N extends number = 1000, const G extends number = 32>(options: DenseNetOptions<N, G> = {}) =>
    topped(backbone(options), pooledHead(orElse<N>(options.classes, 1000)));
};

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** `densenet121` without its head: `[batch, 3, 224, 224]` to `[batch, 1024, 7, 7]`. */
export const densenet121Features = features([6, 12, 24, 16]);

/**
 * DenseNet with 121 layers, as torchvision's `densenet121`. Input: `[3, 224, 224]`; 29 cells or more. 7,978,856 trained
 * parameters for 1000 classes, as Keras's `DenseNet121` (8,062,504 with statistics). Initial values: He by fan-out
 * (torchvision: by fan-in).
 *
 * @example
 * L.model(L.input([3, 64, 64]), Zoo.densenet121({ classes: 10, growth: 12 }))
 */
export const densenet121 = net([6, 12, 24, 16]);

/** `densenet169` without its head: `[batch, 3, 224, 224]` to `[batch, 1664, 7, 7]`. */
export const densenet169Features = features([6, 12, 32, 32]);

/** As `densenet121` with 169 layers: 14,149,480 trained parameters. torchvision `densenet169`, Keras `DenseNet169`. */
export const densenet169 = net([6, 12, 32, 32]);

/** `densenet201` without its head: `[batch, 3, 224, 224]` to `[batch, 1920, 7, 7]`. */
export const densenet201Features = features([6, 12, 48, 32]);

/** As `densenet121` with 201 layers: 20,013,928 trained parameters. torchvision `densenet201`, Keras `DenseNet201`. */
export const densenet201 = net([6, 12, 48, 32]);
