/**
 * Pooling over all cells, or into a given number of them, whatever the input's size. Behind `[batch, channels]` come one to
 * three spatial axes.
 */
import type { Leaf } from '../shape/Fn.ts';
import type { Size1, Size2, Size3 } from '../shape/rules/Option.ts';
import type { AdaptivePoolOut, GlobalPoolOut } from '../shape/rules/Pooling.ts';
import type { Rank } from '../shape/rules/Window.ts';
import type { Layer, Only } from './Definition.ts';
import { define, perAxis } from './Definition.ts';
import type { AdaptivePoolSpec, GlobalPoolSpec, PerAxis } from './SpatialSpec.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface GlobalPool1d<Op extends string, C = {}> extends Leaf {
  readonly out: GlobalPoolOut<Op, 1, this['in'], C>;
}

export interface GlobalPool2d<Op extends string, C = {}> extends Leaf {
  readonly out: GlobalPoolOut<Op, 2, this['in'], C>;
}

export interface GlobalPool3d<Op extends string, C = {}> extends Leaf {
  readonly out: GlobalPoolOut<Op, 3, this['in'], C>;
}

export interface GlobalPoolOptions {
  /** Whether the spatial axes stay, with size 1; `false` by default. */
  readonly keepDims?: boolean;
}

export interface AdaptivePool1d<Op extends string, O extends Size1> extends Leaf {
  readonly out: AdaptivePoolOut<Op, 1, this['in'], O>;
}

export interface AdaptivePool2d<Op extends string, O extends Size2> extends Leaf {
  readonly out: AdaptivePoolOut<Op, 2, this['in'], O>;
}

export interface AdaptivePool3d<Op extends string, O extends Size3> extends Leaf {
  readonly out: AdaptivePoolOut<Op, 3, this['in'], O>;
}

// -------------------------------------------------------------------------------------
// all cells
// -------------------------------------------------------------------------------------

const overall = (op: GlobalPoolSpec['op'], options: unknown): GlobalPoolSpec => ({
  op,
  keepDims: (options as GlobalPoolOptions | undefined)?.keepDims ?? false,
});

/**
 * The mean over the length. Shapes: `[batch, channels, length]` to `[batch, channels]`, or `[batch, channels, 1]` with
 * `keepDims`. Keras `GlobalAveragePooling1D` (channels first), PyTorch `AdaptiveAvgPool1d(1)`.
 */
export const globalAveragePool1d = <const C extends GlobalPoolOptions = {}>(
  options?: Only<'globalAveragePool1d', C, GlobalPoolOptions>,
): Layer<GlobalPool1d<'globalAveragePool1d', C>> => define(overall('globalAveragePool1d', options));

/**
 * The mean over height and width. Shapes: `[batch, channels, height, width]` to `[batch, channels]`, or `[batch, channels,
 * 1, 1]` with `keepDims`. Keras `GlobalAveragePooling2D`, PyTorch `AdaptiveAvgPool2d(1)` and `Flatten`.
 */
export const globalAveragePool2d = <const C extends GlobalPoolOptions = {}>(
  options?: Only<'globalAveragePool2d', C, GlobalPoolOptions>,
): Layer<GlobalPool2d<'globalAveragePool2d', C>> => define(overall('globalAveragePool2d', options));

/** `globalAveragePool2d` of volumes. Keras `GlobalAveragePooling3D`, PyTorch `AdaptiveAvgPool3d(1)`. */
export const globalAveragePool3d = <const C extends GlobalPoolOptions = {}>(
  options?: Only<'globalAveragePool3d', C, GlobalPoolOptions>,
): Layer<GlobalPool3d<'globalAveragePool3d', C>> => define(overall('globalAveragePool3d', options));

/**
 * The largest number over the length; equal ones share the gradient. Shapes as `globalAveragePool1d`. Keras
 * `GlobalMaxPooling1D` (channels first), PyTorch `AdaptiveMaxPool1d(1)`.
 */
export const globalMaxPool1d = <const C extends GlobalPoolOptions = {}>(
  options?: Only<'globalMaxPool1d', C, GlobalPoolOptions>,
): Layer<GlobalPool1d<'globalMaxPool1d', C>> => define(overall('globalMaxPool1d', options));

/**
 * The largest number over height and width; equal ones share the gradient. Shapes as `globalAveragePool2d`. Keras
 * `GlobalMaxPooling2D`, PyTorch `AdaptiveMaxPool2d(1)`.
 */
export const globalMaxPool2d = <const C extends GlobalPoolOptions = {}>(
  options?: Only<'globalMaxPool2d', C, GlobalPoolOptions>,
): Layer<GlobalPool2d<'globalMaxPool2d', C>> => define(overall('globalMaxPool2d', options));

/** `globalMaxPool2d` of volumes. Keras `GlobalMaxPooling3D`, PyTorch `AdaptiveMaxPool3d(1)`. */
export const globalMaxPool3d = <const C extends GlobalPoolOptions = {}>(
  options?: Only<'globalMaxPool3d', C, GlobalPoolOptions>,
): Layer<GlobalPool3d<'globalMaxPool3d', C>> => define(overall('globalMaxPool3d', options));

// -------------------------------------------------------------------------------------
// a given number of cells
// -------------------------------------------------------------------------------------

const adaptive = (op: AdaptivePoolSpec['op'], rank: Rank, size: number | PerAxis): AdaptivePoolSpec => ({
  op,
  size: perAxis(rank, size),
});

/**
 * The mean of `size` windows: window i of o covers the cells from `floor(i * length / o)` to `ceil((i + 1) * length / o)`.
 * Shapes: `[batch, channels, length]` to `[batch, channels, size]`. The length must be known when the graph is built (but
 * for size 1). Keras `AdaptiveAveragePooling1D`, PyTorch `AdaptiveAvgPool1d`.
 */
export const adaptiveAveragePool1d = <const O extends Size1>(
  size: O,
): Layer<AdaptivePool1d<'adaptiveAveragePool1d', O>> => define(adaptive('adaptiveAveragePool1d', 1, size));

/**
 * The mean of windows that cut each axis as `adaptiveAveragePool1d` does. Shapes: `[batch, channels, height, width]` to
 * `[batch, channels, ...size]`. Keras `AdaptiveAveragePooling2D`, PyTorch `AdaptiveAvgPool2d`.
 *
 * @example
 * adaptiveAveragePool2d(7)          // [batch, 512, 13, 15] to [batch, 512, 7, 7]
 */
export const adaptiveAveragePool2d = <const O extends Size2>(
  size: O,
): Layer<AdaptivePool2d<'adaptiveAveragePool2d', O>> => define(adaptive('adaptiveAveragePool2d', 2, size));

/** `adaptiveAveragePool2d` of volumes. Keras `AdaptiveAveragePooling3D`, PyTorch `AdaptiveAvgPool3d`. */
export const adaptiveAveragePool3d = <const O extends Size3>(
  size: O,
): Layer<AdaptivePool3d<'adaptiveAveragePool3d', O>> => define(adaptive('adaptiveAveragePool3d', 3, size));

/**
 * The largest number of each of `size` windows, cut as for `adaptiveAveragePool1d`. Where the windows are not all alike,
 * equal numbers share the gradient. Keras `AdaptiveMaxPooling1D`, PyTorch `AdaptiveMaxPool1d`.
 */
export const adaptiveMaxPool1d = <const O extends Size1>(size: O): Layer<AdaptivePool1d<'adaptiveMaxPool1d', O>> =>
  define(adaptive('adaptiveMaxPool1d', 1, size));

/** `adaptiveMaxPool1d` of images `[batch, channels, height, width]`. Keras `AdaptiveMaxPooling2D`, PyTorch `AdaptiveMaxPool2d`. */
export const adaptiveMaxPool2d = <const O extends Size2>(size: O): Layer<AdaptivePool2d<'adaptiveMaxPool2d', O>> =>
  define(adaptive('adaptiveMaxPool2d', 2, size));

/** `adaptiveMaxPool1d` of volumes. Keras `AdaptiveMaxPooling3D`, PyTorch `AdaptiveMaxPool3d`. */
export const adaptiveMaxPool3d = <const O extends Size3>(size: O): Layer<AdaptivePool3d<'adaptiveMaxPool3d', O>> =>
  define(adaptive('adaptiveMaxPool3d', 3, size));
