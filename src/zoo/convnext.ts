/**
 * ConvNeXt-T: Liu et al. 2022, "A ConvNet for the 2020s".
 */
import * as L from '../layer/Layer.ts';
import {
  type Classes,
  inRow,
  layerScale,
  orElse,
  stochasticDepth,
  type Times,
  times,
  topped,
  truncated02,
} from './parts.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface ConvNeXtFeaturesOptions<W extends number> {
  /** Channels of the first stage; 96 by default. The others have 2, 4 and 8 times as many. */
  readonly width?: W;
  /** Blocks of each stage; 3, 3, 9 and 3 by default. */
  readonly blocks?: readonly [number, number, number, number];
  /** The rate of stochastic depth at the last block, from 0 at the first; 0.1 by default. */
  readonly stochasticDepth?: number;
  /** What layer scales begin as; 1e-6 by default. */
  readonly layerScale?: number;
}

export interface ConvNeXtOptions<N extends number, W extends number> extends ConvNeXtFeaturesOptions<W>, Classes<N> {}

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

/** Over the channels of each place. */
const norm = () => L.layerNormalization({ axis: 1, epsilon: 1e-6 });

/** Dense layers at each place are convolutions of 1 x 1. */
const block = <W extends number>(width: W, scale: number, rate: number) =>
  L.residual(
    L.sequential(
      L.depthwiseConv2d({ kernel: 7, padding: 3, depthwiseInitializer: truncated02 }),
      norm(),
      L.conv2d({ filters: 4 * width, kernel: 1, activation: 'gelu', kernelInitializer: truncated02 }),
      L.conv2d({ filters: width, kernel: 1, kernelInitializer: truncated02 }),
      layerScale(scale),
      stochasticDepth(rate),
    ),
  );

const halved = <W extends number>(width: W) =>
  L.sequential(norm(), L.conv2d({ filters: width, kernel: 2, strides: 2, kernelInitializer: truncated02 }));

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** `convnextTiny` without its head: `[batch, 3, 224, 224]` to `[batch, 768, 7, 7]`. */
export const convnextTinyFeatures = <const W extends number = 96>(options: ConvNeXtFeaturesOptions<W> = {}) => {
  const width = orElse<W>(options.width, 96);
  const blocks = options.blocks ?? [3, 3, 9, 3];
  const last = Math.max(1, blocks.reduce((a, b) => a + b, 0) - 1);
  const stage = <K extends number>(factor: K, index: 0 | 1 | 2 | 3) => {
    const before = blocks.slice(0, index).reduce((a, b) => a + b, 0);
    const rate = (i: number) => ((options.stochasticDepth ?? 0.1) * (before + i)) / last;
    const filters: Times<W, K> = times(width, factor);
    return inRow(Array.from({ length: blocks[index] }, (_, i) => block(filters, options.layerScale ?? 1e-6, rate(i))));
  };
  return L.sequential(
    L.conv2d({ filters: width, kernel: 4, strides: 4, kernelInitializer: truncated02 }),
    norm(),
    L.named('stage1', stage(1, 0)),
    halved(times(width, 2)),
    L.named('stage2', stage(2, 1)),
    halved(times(width, 4)),
    L.named('stage3', stage(4, 2)),
    halved(times(width, 8)),
    L.named('stage4', stage(8, 3)),
  );
};

/**
 * ConvNeXt-T, as torchvision's `convnext_tiny`: 7 x 7 convolutions of each channel for itself, layer normalisation, 1 x
 * 1 convolutions with gelu, layer scale and stochastic depth. Input: `[3, 224, 224]`; 32 cells or more. 28,589,128
 * parameters for 1000 classes, as Keras's `ConvNeXtTiny`. Initial values as torchvision: normal 0.02, cut.
 *
 * @example
 * L.model(L.input([3, 64, 64]), Zoo.convnextTiny({ classes: 10, width: 24, layerScale: 0.1 }))
 */
export const convnextTiny = <const N extends number = 1000, const W extends number = 96>(
  options: ConvNeXtOptions<N, W> = {},
) =>
  topped(
    convnextTinyFeatures(options),
    L.sequential(
      L.globalAveragePool2d(),
      L.layerNormalization({ epsilon: 1e-6 }),
      L.dense(orElse<N>(options.classes, 1000), { kernelInitializer: truncated02 }),
    ),
  );
