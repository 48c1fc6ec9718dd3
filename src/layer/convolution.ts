/**
 * Convolutions over one to three spatial axes: `[batch, channels, length]`, `[batch, channels, height, width]`, `[batch,
 * channels, depth, height, width]`. Keras has the channels last by default; here, as in PyTorch and ONNX, they come first.
 */
import type { Leaf } from '../shape/Fn.ts';
import type { ConvOut, ConvPadding, ConvShapeOptions } from '../shape/rules/Convolution.ts';
import type { Size1, Size2, Size3 } from '../shape/rules/Option.ts';
import type { Rank, SizeOf } from '../shape/rules/Window.ts';
import type { KernelLayer, Only } from './Definition.ts';
import { defineKernel, perAxis } from './Definition.ts';
import { type BiasGoverning, governed, type KernelGoverning } from './governing.ts';
import { glorotUniform, zeros } from './Initializer.ts';
import type { Activation, Initializer } from './Options.ts';
import type { ConvSpec, PerAxis } from './SpatialSpec.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Conv1d<C extends ConvShapeOptions<1>> extends Leaf {
  readonly out: ConvOut<1, this['in'], C>;
}

export interface Conv2d<C extends ConvShapeOptions<2>> extends Leaf {
  readonly out: ConvOut<2, this['in'], C>;
}

export interface Conv3d<C extends ConvShapeOptions<3>> extends Leaf {
  readonly out: ConvOut<3, this['in'], C>;
}

/** What all convolutions are told besides their kernels' initial values. */
export interface ConvolvingOptions<N extends Rank> extends BiasGoverning {
  /** The kernel's size along each spatial axis; one number for all. */
  readonly kernel: SizeOf<N>;
  /** 1 by default. Strides and dilation may both be more than 1 (Keras refuses that). */
  readonly strides?: SizeOf<N>;
  /**
   * `'valid'` (none) by default; `'same'` by Keras's rule, the odd cell at the end of each axis; or cells on both sides. In
   * one dimension also `'causal'`: all of it before, so that no output sees what comes later.
   */
  readonly padding?: ConvPadding<N>;
  /** 1 by default. */
  readonly dilation?: SizeOf<N>;
  /** `'linear'` by default. */
  readonly activation?: Activation;
  /** `true` by default. */
  readonly useBias?: boolean;
  /** `zeros` by default. */
  readonly biasInitializer?: Initializer;
}

export interface ConvOptions<N extends Rank> extends ConvolvingOptions<N>, KernelGoverning {
  /** Output channels. */
  readonly filters: number;
  /** Groups of channels that do not see each other; divides both channels and filters. 1 by default. */
  readonly groups?: number;
  /** `glorotUniform` by default. */
  readonly kernelInitializer?: Initializer;
}

export interface Conv1dOptions extends ConvOptions<1> {
  /** The length of the kernel. */
  readonly kernel: Size1;
}

export interface Conv2dOptions extends ConvOptions<2> {
  /** Height and width of the kernel; one number for both. */
  readonly kernel: Size2;
}

export interface Conv3dOptions extends ConvOptions<3> {
  /** Depth, height and width of the kernel; one number for all. */
  readonly kernel: Size3;
}

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

/** Padding as it stands in a specification. */
export const paddingOf = <P extends string | number | PerAxis>(rank: Rank, padding: P): Extract<P, string> | PerAxis =>
  typeof padding === 'string' ? (padding as Extract<P, string>) : perAxis(rank, padding);

/** Defaults of what all convolutions are told. */
export const convolving = (rank: Rank, o: ConvolvingOptions<Rank>) => ({
  kernel: perAxis(rank, o.kernel),
  strides: perAxis(rank, o.strides ?? 1),
  padding: paddingOf(rank, o.padding ?? 'valid'),
  dilation: perAxis(rank, o.dilation ?? 1),
  activation: o.activation ?? 'linear',
  useBias: o.useBias ?? true,
  biasInitializer: o.biasInitializer ?? zeros,
  ...governed(o),
});

const convSpec = (rank: Rank, o: ConvOptions<Rank>): ConvSpec => ({
  op: `conv${rank}d`,
  filters: o.filters,
  groups: o.groups ?? 1,
  ...convolving(rank, o),
  kernelInitializer: o.kernelInitializer ?? glorotUniform,
});

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * Cross-correlation with `filters` kernels along a sequence. Shapes: `[batch, channels, length]` to `[batch, filters,
 * length']`, counted as for `conv2d`, `ceil(length / strides)` with `'causal'` as well. Parameters: `kernel` `[filters,
 * channels / groups, length]`, `bias` `[filters]`. Keras `Conv1D` (channels first), PyTorch `Conv1d`.
 *
 * @example
 * conv1d({ filters: 16, kernel: 3, dilation: 2, padding: 'causal' })
 */
export const conv1d = <const C extends Conv1dOptions>(
  options: Only<'conv1d', C, Conv1dOptions>,
): KernelLayer<Conv1d<C>> => defineKernel(convSpec(1, options as Conv1dOptions));

/**
 * Cross-correlation with `filters` kernels. Shapes: `[batch, channels, height, width]` to `[batch, filters, height',
 * width']` with `height' = floor((height + 2 * padding - (dilation * (kernel - 1) + 1)) / strides) + 1`, or
 * `ceil(height / strides)` with `'same'`. Parameters: `kernel` `[filters, channels / groups, height, width]`, `bias`
 * `[filters]`. Keras `Conv2D` (channels first), PyTorch `Conv2d`.
 *
 * @example
 * conv2d({ filters: 32, kernel: 3, padding: 'same', activation: 'relu' })
 */
export const conv2d = <const C extends Conv2dOptions>(
  options: Only<'conv2d', C, Conv2dOptions>,
): KernelLayer<Conv2d<C>> => defineKernel(convSpec(2, options as Conv2dOptions));

/**
 * Cross-correlation with `filters` kernels in a volume. Shapes: `[batch, channels, depth, height, width]` to `[batch, filters,
 * depth', height', width']`, counted as for `conv2d`. Parameters: `kernel` `[filters, channels / groups, depth, height,
 * width]`, `bias` `[filters]`. Keras `Conv3D` (channels first), PyTorch `Conv3d`.
 *
 * @example
 * conv3d({ filters: 8, kernel: [1, 3, 3], padding: 'same' })
 */
export const conv3d = <const C extends Conv3dOptions>(
  options: Only<'conv3d', C, Conv3dOptions>,
): KernelLayer<Conv3d<C>> => defineKernel(convSpec(3, options as Conv3dOptions));
