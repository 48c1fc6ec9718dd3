/**
 * Pooling by windows that slide, over one to three spatial axes behind `[batch, channels]`. See `globalPooling.ts` for the rest.
 */
import type { Leaf } from '../shape/Fn.ts';
import type { Size1, Size2, Size3 } from '../shape/rules/Option.ts';
import type { PoolOut, PoolShapeOptions } from '../shape/rules/Pooling.ts';
import type { Rank, SizeOf, WindowPadding } from '../shape/rules/Window.ts';
import { paddingOf } from './convolution.ts';
import type { Layer, Only } from './Definition.ts';
import { define, perAxis } from './Definition.ts';
import type { PoolSpec } from './SpatialSpec.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Pool1d<Op extends string, C extends PoolShapeOptions<Size1>> extends Leaf {
  readonly out: PoolOut<Op, 1, this['in'], C>;
}

export interface Pool2d<Op extends string, C extends PoolShapeOptions<Size2>> extends Leaf {
  readonly out: PoolOut<Op, 2, this['in'], C>;
}

export interface Pool3d<Op extends string, C extends PoolShapeOptions<Size3>> extends Leaf {
  readonly out: PoolOut<Op, 3, this['in'], C>;
}

export interface PoolOptions<N extends Rank> {
  /** The window's size along each spatial axis; 2 by default. */
  readonly kernel?: SizeOf<N>;
  /** The kernel by default: windows do not overlap. */
  readonly strides?: SizeOf<N>;
  /** `'valid'` by default: cells that fill no window are dropped. Padded cells never count. */
  readonly padding?: WindowPadding<SizeOf<N>>;
}

export interface Pool1dOptions extends PoolOptions<1> {
  /** The length of the window; 2 by default. */
  readonly kernel?: Size1;
}

export interface Pool2dOptions extends PoolOptions<2> {
  /** Height and width of the window; one number for both; 2 by default. */
  readonly kernel?: Size2;
}

export interface Pool3dOptions extends PoolOptions<3> {
  /** Depth, height and width of the window; one number for all; 2 by default. */
  readonly kernel?: Size3;
}

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

const poolSpec = (op: PoolSpec['op'], rank: Rank, options: unknown): PoolSpec => {
  const o = (options ?? {}) as PoolOptions<Rank>;
  return {
    op,
    kernel: perAxis(rank, o.kernel ?? 2),
    strides: perAxis(rank, o.strides ?? o.kernel ?? 2),
    padding: paddingOf(rank, o.padding ?? 'valid'),
  };
};

/**
 * The largest number in each window. Shapes: `[batch, channels, length]` to the same with fewer cells, counted as for
 * `conv1d`. Keras `MaxPooling1D` (channels first), PyTorch `MaxPool1d`.
 */
export const maxPool1d = <const C extends Pool1dOptions = {}>(
  options?: Only<'maxPool1d', C, Pool1dOptions>,
): Layer<Pool1d<'maxPool1d', C>> => define(poolSpec('maxPool1d', 1, options));

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
): Layer<Pool2d<'maxPool2d', C>> => define(poolSpec('maxPool2d', 2, options));

/** `maxPool2d` of volumes `[batch, channels, depth, height, width]`. Keras `MaxPooling3D`, PyTorch `MaxPool3d`. */
export const maxPool3d = <const C extends Pool3dOptions = {}>(
  options?: Only<'maxPool3d', C, Pool3dOptions>,
): Layer<Pool3d<'maxPool3d', C>> => define(poolSpec('maxPool3d', 3, options));

/**
 * The mean of each window, over its real cells only: padding does not count. Shapes as `maxPool1d`. Keras
 * `AveragePooling1D` (channels first), PyTorch `AvgPool1d` with `count_include_pad=False`.
 */
export const averagePool1d = <const C extends Pool1dOptions = {}>(
  options?: Only<'averagePool1d', C, Pool1dOptions>,
): Layer<Pool1d<'averagePool1d', C>> => define(poolSpec('averagePool1d', 1, options));

/**
 * The mean of each window, over its real cells only: padding does not count. Shapes as `maxPool2d`. Keras
 * `AveragePooling2D`, PyTorch `AvgPool2d` with `count_include_pad=False`.
 */
export const averagePool2d = <const C extends Pool2dOptions = {}>(
  options?: Only<'averagePool2d', C, Pool2dOptions>,
): Layer<Pool2d<'averagePool2d', C>> => define(poolSpec('averagePool2d', 2, options));

/** `averagePool2d` of volumes `[batch, channels, depth, height, width]`. Keras `AveragePooling3D`, PyTorch `AvgPool3d`. */
export const averagePool3d = <const C extends Pool3dOptions = {}>(
  options?: Only<'averagePool3d', C, Pool3dOptions>,
): Layer<Pool3d<'averagePool3d', C>> => define(poolSpec('averagePool3d', 3, options));
