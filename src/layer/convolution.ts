/**
 * Convolutions on images `[batch, channels, height, width]`.
 */
import type { Leaf } from '../shape/Fn.ts';
import type { Size2 } from '../shape/rules/Option.ts';
import type { Conv2dOut, ConvShapeOptions, WindowPadding } from '../shape/rules/Window.ts';
import type { KernelLayer, Only } from './Definition.ts';
import { defineKernel, pair } from './Definition.ts';
import { glorotUniform, zeros } from './Initializer.ts';
import type { Activation, Initializer, Padding } from './Spec.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Conv2d<C extends ConvShapeOptions> extends Leaf {
  readonly out: Conv2dOut<this['in'], C>;
}

export interface Conv2dOptions extends ConvShapeOptions {
  /** Output channels. */
  readonly filters: number;
  /** Height and width of the kernel; one number for both. */
  readonly kernel: Size2;
  /** 1 by default. More than 1 together with a dilation of more than 1 is refused, as in Keras. */
  readonly strides?: Size2;
  /** `'valid'` (none) by default; `'same'` by Keras's rule, the odd cell at the bottom and right; or cells on both sides. */
  readonly padding?: WindowPadding;
  /** 1 by default. */
  readonly dilation?: Size2;
  /** Groups of channels that do not see each other; divides both channels and filters. 1 by default. */
  readonly groups?: number;
  /** `'linear'` by default. */
  readonly activation?: Activation;
  /** `true` by default. */
  readonly useBias?: boolean;
  /** `glorotUniform` by default. */
  readonly kernelInitializer?: Initializer;
  /** `zeros` by default. */
  readonly biasInitializer?: Initializer;
}

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

export const paddingOf = (padding: WindowPadding): Padding => (typeof padding === 'string' ? padding : pair(padding));

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
): KernelLayer<Conv2d<C>> => {
  const o = options as Conv2dOptions;
  return defineKernel({
    op: 'conv2d',
    filters: o.filters,
    kernel: pair(o.kernel),
    strides: pair(o.strides ?? 1),
    padding: paddingOf(o.padding ?? 'valid'),
    dilation: pair(o.dilation ?? 1),
    groups: o.groups ?? 1,
    activation: o.activation ?? 'linear',
    useBias: o.useBias ?? true,
    kernelInitializer: o.kernelInitializer ?? glorotUniform,
    biasInitializer: o.biasInitializer ?? zeros,
  });
};
