/**
 * Transposed convolutions ("deconvolutions"): from few cells to many. Channels first.
 */
import type { Leaf } from '../shape/Fn.ts';
import type { Size1, Size2, Size3 } from '../shape/rules/Option.ts';
import type { ConvTransposeOut, ConvTransposeShapeOptions } from '../shape/rules/Transposed.ts';
import type { Rank, SizeOf, WindowPadding } from '../shape/rules/Window.ts';
import type { ConvolvingOptions } from './convolution.ts';
import { convolving, paddingOf } from './convolution.ts';
import type { KernelLayer, Only } from './Definition.ts';
import { defineKernel, perAxis } from './Definition.ts';
import type { KernelGoverning } from './governing.ts';
import { glorotUniform } from './Initializer.ts';
import type { Initializer } from './Options.ts';
import type { ConvTransposeSpec } from './SpatialSpec.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Conv1dTranspose<C extends ConvTransposeShapeOptions<1>> extends Leaf {
  readonly out: ConvTransposeOut<1, this['in'], C>;
}

export interface Conv2dTranspose<C extends ConvTransposeShapeOptions<2>> extends Leaf {
  readonly out: ConvTransposeOut<2, this['in'], C>;
}

export interface Conv3dTranspose<C extends ConvTransposeShapeOptions<3>> extends Leaf {
  readonly out: ConvTransposeOut<3, this['in'], C>;
}

export interface ConvTransposeOptions<N extends Rank> extends Omit<ConvolvingOptions<N>, 'padding'>, KernelGoverning {
  /** Output channels. */
  readonly filters: number;
  /** Input cells become this far apart; 1 by default. */
  readonly strides?: SizeOf<N>;
  /** `'valid'` by default; `'same'` by Keras's rule; or, as PyTorch, cells cut off on both sides of the full result. */
  readonly padding?: WindowPadding<SizeOf<N>>;
  /**
   * Cells added at the end of each axis, fewer than the strides. Without it `'same'` gives `size * strides` and `'valid'`
   * never less than `size * strides`, as Keras.
   */
  readonly outputPadding?: SizeOf<N>;
  /** Groups of channels that do not see each other; divides both channels and filters. 1 by default. */
  readonly groups?: number;
  /** `glorotUniform` by default. */
  readonly kernelInitializer?: Initializer;
}

export interface Conv1dTransposeOptions extends ConvTransposeOptions<1> {
  /** The length of the kernel. */
  readonly kernel: Size1;
}

export interface Conv2dTransposeOptions extends ConvTransposeOptions<2> {
  /** Height and width of the kernel; one number for both. */
  readonly kernel: Size2;
}

export interface Conv3dTransposeOptions extends ConvTransposeOptions<3> {
  /** Depth, height and width of the kernel; one number for all. */
  readonly kernel: Size3;
}

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

const transposedSpec = (rank: Rank, o: ConvTransposeOptions<Rank>): ConvTransposeSpec => ({
  op: `conv${rank}dTranspose`,
  filters: o.filters,
  groups: o.groups ?? 1,
  ...convolving(rank, { ...o, padding: 'valid' }),
  padding: paddingOf(rank, o.padding ?? 'valid'),
  outputPadding: o.outputPadding === undefined ? undefined : perAxis(rank, o.outputPadding),
  kernelInitializer: o.kernelInitializer ?? glorotUniform,
});

/**
 * Each cell spread over a kernel. Shapes: `[batch, channels, length]` to `[batch, filters, length']`, counted as for
 * `conv2dTranspose`. Parameters: `kernel` `[channels, filters / groups, length]`, `bias` `[filters]`. Keras
 * `Conv1DTranspose` (channels first), PyTorch `ConvTranspose1d`.
 *
 * @example
 * conv1dTranspose({ filters: 16, kernel: 4, strides: 2, padding: 'same' })
 */
export const conv1dTranspose = <const C extends Conv1dTransposeOptions>(
  options: Only<'conv1dTranspose', C, Conv1dTransposeOptions>,
): KernelLayer<Conv1dTranspose<C>> => defineKernel(transposedSpec(1, options as Conv1dTransposeOptions));

/**
 * Each cell spread over a kernel: what a convolution of the same options does to gradients. Shapes: `[batch, channels,
 * height, width]` to `[batch, filters, height', width']` where, with `k = dilation * (kernel - 1) + 1`, `height'` is
 *
 * - `'valid'`: `(height - 1) * strides + max(k, strides)`; with output padding `(height - 1) * strides + k + outputPadding`
 * - `'same'`: `height * strides`; with output padding `(height - 1) * strides + k % 2 + outputPadding`
 * - padding p: `(height - 1) * strides + k - 2 * p + outputPadding`, as PyTorch
 *
 * Parameters: `kernel` `[channels, filters / groups, height, width]`, `bias` `[filters]`. Strides and dilation may both be
 * more than 1 (Keras refuses that). Keras `Conv2DTranspose` (channels first), PyTorch `ConvTranspose2d`.
 *
 * @example
 * conv2dTranspose({ filters: 64, kernel: 2, strides: 2 })     // doubles height and width
 */
export const conv2dTranspose = <const C extends Conv2dTransposeOptions>(
  options: Only<'conv2dTranspose', C, Conv2dTransposeOptions>,
): KernelLayer<Conv2dTranspose<C>> => defineKernel(transposedSpec(2, options as Conv2dTransposeOptions));

/**
 * Each cell spread over a kernel. Shapes: `[batch, channels, depth, height, width]` to `[batch, filters, depth', height',
 * width']`, counted as for `conv2dTranspose`. Parameters: `kernel` `[channels, filters / groups, depth, height, width]`,
 * `bias` `[filters]`. Keras `Conv3DTranspose` (channels first), PyTorch `ConvTranspose3d`.
 */
export const conv3dTranspose = <const C extends Conv3dTransposeOptions>(
  options: Only<'conv3dTranspose', C, Conv3dTransposeOptions>,
): KernelLayer<Conv3dTranspose<C>> => defineKernel(transposedSpec(3, options as Conv3dTransposeOptions));
