/**
 * Pooling on images `[batch, channels, height, width]`.
 */
import type { Leaf } from '../shape/Fn.ts';
import type { Size2 } from '../shape/rules/Option.ts';
import type { GlobalPool2dOut, Pool2dOut, PoolShapeOptions, WindowPadding } from '../shape/rules/Window.ts';
import { paddingOf } from './convolution.ts';
import type { Layer, Only } from './Definition.ts';
import { define, pair } from './Definition.ts';
import type { Pool2dSpec } from './Spec.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Pool2d<Op extends string, C extends PoolShapeOptions> extends Leaf {
  readonly out: Pool2dOut<Op, this['in'], C>;
}

export interface GlobalPool2d<Op extends string> extends Leaf {
  readonly out: GlobalPool2dOut<Op, this['in']>;
}

export interface Pool2dOptions extends PoolShapeOptions {
  /** Height and width of the window; 2 by default. */
  readonly kernel?: Size2;
  /** The kernel by default: windows do not overlap. */
  readonly strides?: Size2;
  /** `'valid'` by default: cells that fill no window are dropped. Padded cells never count. */
  readonly padding?: WindowPadding;
}

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

const poolSpec = (op: Pool2dSpec['op'], o: Pool2dOptions): Pool2dSpec => ({
  op,
  kernel: pair(o.kernel ?? 2),
  strides: pair(o.strides ?? o.kernel ?? 2),
  padding: paddingOf(o.padding ?? 'valid'),
});

/**
 * The largest number in each window. Shapes: `[batch, channels, height, width]` to the same with fewer cells, counted as
 * for `conv2d`. Keras `MaxPooling2D`, PyTorch `MaxPool2d`.
 *
 * @example
 * maxPool2d()                                          // halves height and width
 * maxPool2d({ kernel: 3, strides: 2, padding: 1 })
 */
export const maxPool2d = <const C extends Pool2dOptions = {}>(
  options?: Only<'maxPool2d', C, Pool2dOptions>,
): Layer<Pool2d<'maxPool2d', C>> => define(poolSpec('maxPool2d', (options ?? {}) as Pool2dOptions));

/**
 * The mean of each window, over its real cells only: padding does not count. Shapes as `maxPool2d`. Keras
 * `AveragePooling2D`, PyTorch `AvgPool2d` with `count_include_pad=False`.
 */
export const averagePool2d = <const C extends Pool2dOptions = {}>(
  options?: Only<'averagePool2d', C, Pool2dOptions>,
): Layer<Pool2d<'averagePool2d', C>> => define(poolSpec('averagePool2d', (options ?? {}) as Pool2dOptions));

/**
 * The mean over height and width. Shapes: `[batch, channels, height, width]` to `[batch, channels]`. Keras
 * `GlobalAveragePooling2D`, PyTorch `AdaptiveAvgPool2d(1)` and `Flatten`.
 */
export const globalAveragePool2d = (): Layer<GlobalPool2d<'globalAveragePool2d'>> =>
  define({ op: 'globalAveragePool2d' });
