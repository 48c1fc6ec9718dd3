/**
 * Convolutions that treat each channel for itself: depthwise, and separable, which mixes the channels afterwards (Chollet
 * 2017). Channels first.
 */
import type { Leaf } from '../shape/Fn.ts';
import type {
  DepthwiseOut,
  DepthwiseShapeOptions,
  SeparableOut,
  SeparableShapeOptions,
} from '../shape/rules/Convolution.ts';
import type { Size1, Size2 } from '../shape/rules/Option.ts';
import type { Rank } from '../shape/rules/Window.ts';
import type { ConvolvingOptions } from './convolution.ts';
import { convolving } from './convolution.ts';
import type { KernelLayer, Layer, Only } from './Definition.ts';
import { define, defineKernel } from './Definition.ts';
import type { DepthwiseGoverning, PointwiseGoverning } from './governing.ts';
import { glorotUniform } from './Initializer.ts';
import type { Initializer } from './Options.ts';
import type { DepthwiseConvSpec, SeparableConvSpec } from './SpatialSpec.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface DepthwiseConv1d<C extends DepthwiseShapeOptions<1>> extends Leaf {
  readonly out: DepthwiseOut<1, this['in'], C>;
}

export interface DepthwiseConv2d<C extends DepthwiseShapeOptions<2>> extends Leaf {
  readonly out: DepthwiseOut<2, this['in'], C>;
}

export interface SeparableConv1d<C extends SeparableShapeOptions<1>> extends Leaf {
  readonly out: SeparableOut<1, this['in'], C>;
}

export interface SeparableConv2d<C extends SeparableShapeOptions<2>> extends Leaf {
  readonly out: SeparableOut<2, this['in'], C>;
}

export interface DepthwiseConvOptions<N extends Rank> extends ConvolvingOptions<N>, DepthwiseGoverning {
  /** Outputs of each channel; 1 by default. */
  readonly depthMultiplier?: number;
  /** `glorotUniform` by default. */
  readonly depthwiseInitializer?: Initializer;
}

export interface DepthwiseConv1dOptions extends DepthwiseConvOptions<1> {
  /** The length of the kernel. */
  readonly kernel: Size1;
}

export interface DepthwiseConv2dOptions extends DepthwiseConvOptions<2> {
  /** Height and width of the kernel; one number for both. */
  readonly kernel: Size2;
}

export interface SeparableConvOptions<N extends Rank> extends DepthwiseConvOptions<N>, PointwiseGoverning {
  /** Output channels. */
  readonly filters: number;
  /** `glorotUniform` by default. */
  readonly pointwiseInitializer?: Initializer;
}

export interface SeparableConv1dOptions extends SeparableConvOptions<1> {
  /** The length of the kernel. */
  readonly kernel: Size1;
}

export interface SeparableConv2dOptions extends SeparableConvOptions<2> {
  /** Height and width of the kernel; one number for both. */
  readonly kernel: Size2;
}

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

const depthwiseOf = (rank: 1 | 2, o: DepthwiseConvOptions<Rank>) => ({
  ...convolving(rank, o),
  depthMultiplier: o.depthMultiplier ?? 1,
  depthwiseInitializer: o.depthwiseInitializer ?? glorotUniform,
});

const depthwiseSpec = (rank: 1 | 2, o: DepthwiseConvOptions<Rank>): DepthwiseConvSpec => ({
  op: `depthwiseConv${rank}d`,
  ...depthwiseOf(rank, o),
});

const separableSpec = (rank: 1 | 2, o: SeparableConvOptions<Rank>): SeparableConvSpec => ({
  op: `separableConv${rank}d`,
  filters: o.filters,
  ...depthwiseOf(rank, o),
  pointwiseInitializer: o.pointwiseInitializer ?? glorotUniform,
});

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * `depthMultiplier` kernels for each channel, along a sequence. Shapes: `[batch, channels, length]` to `[batch, channels *
 * depthMultiplier, length']`, counted as for `conv2d`; channel `c * depthMultiplier + m` comes from `c`. Parameters:
 * `kernel` `[channels * depthMultiplier, 1, length]`, `bias` `[channels * depthMultiplier]`. Keras `DepthwiseConv1D`
 * (channels first), PyTorch `Conv1d` with `groups=in_channels`.
 */
export const depthwiseConv1d = <const C extends DepthwiseConv1dOptions>(
  options: Only<'depthwiseConv1d', C, DepthwiseConv1dOptions>,
): KernelLayer<DepthwiseConv1d<C>> => defineKernel(depthwiseSpec(1, options as DepthwiseConv1dOptions));

/**
 * `depthMultiplier` kernels for each channel. Shapes: `[batch, channels, height, width]` to `[batch, channels *
 * depthMultiplier, height', width']`, counted as for `conv2d`; channel `c * depthMultiplier + m` comes from `c`. Parameters:
 * `kernel` `[channels * depthMultiplier, 1, height, width]`, `bias` `[channels * depthMultiplier]`. Keras
 * `DepthwiseConv2D` (channels first), PyTorch `Conv2d` with `groups=in_channels`.
 *
 * @example
 * depthwiseConv2d({ kernel: 3, padding: 'same' })
 */
export const depthwiseConv2d = <const C extends DepthwiseConv2dOptions>(
  options: Only<'depthwiseConv2d', C, DepthwiseConv2dOptions>,
): KernelLayer<DepthwiseConv2d<C>> => defineKernel(depthwiseSpec(2, options as DepthwiseConv2dOptions));

/**
 * Depthwise along a sequence, then all channels mixed at each cell, then bias and activation. Shapes: `[batch, channels,
 * length]` to `[batch, filters, length']`, counted as for `conv2d`. Parameters: `depthwise_kernel` `[channels *
 * depthMultiplier, 1, length]`, `pointwise_kernel` `[filters, channels * depthMultiplier, 1]`, `bias` `[filters]`. Keras
 * `SeparableConv1D` (channels first); two `Conv1d` in PyTorch.
 */
export const separableConv1d = <const C extends SeparableConv1dOptions>(
  options: Only<'separableConv1d', C, SeparableConv1dOptions>,
): Layer<SeparableConv1d<C>> => define(separableSpec(1, options as SeparableConv1dOptions));

/**
 * Depthwise, then all channels mixed at each cell, then bias and activation. Shapes: `[batch, channels, height, width]` to
 * `[batch, filters, height', width']`, counted as for `conv2d`. Parameters: `depthwise_kernel` `[channels *
 * depthMultiplier, 1, height, width]`, `pointwise_kernel` `[filters, channels * depthMultiplier, 1, 1]`, `bias` `[filters]`.
 * Keras `SeparableConv2D` (channels first); two `Conv2d` in PyTorch.
 *
 * @example
 * separableConv2d({ filters: 64, kernel: 3, padding: 'same', useBias: false })
 */
export const separableConv2d = <const C extends SeparableConv2dOptions>(
  options: Only<'separableConv2d', C, SeparableConv2dOptions>,
): Layer<SeparableConv2d<C>> => define(separableSpec(2, options as SeparableConv2dOptions));
