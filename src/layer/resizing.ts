/**
 * Layers that make spatial axes longer or shorter: up-sampling, pixel shuffle, zeros or cells of their own around, a
 * border cut off. Channels come
 * first: `[batch, channels, length]`, `[batch, channels, height, width]`, `[batch, channels, depth, height, width]`.
 */
import type { Leaf } from '../shape/Fn.ts';
import type { Size1, Size2, Size3 } from '../shape/rules/Option.ts';
import type {
  CroppingOut,
  PaddingOut,
  PixelShuffleOut,
  ReflectionPaddingOut,
  SidesOf,
  UpSamplingOut,
} from '../shape/rules/Spatial.ts';
import { sidesOf } from '../shape/rules/Spatial.ts';
import type { Rank } from '../shape/rules/Window.ts';
import type { Layer } from './Definition.ts';
import { define, perAxis } from './Definition.ts';
import type { PerAxis, UpSamplingSpec } from './SpatialSpec.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface UpSampling1d<F> extends Leaf {
  readonly out: UpSamplingOut<'upSampling1d', 1, this['in'], F>;
}

export interface UpSampling2d<F> extends Leaf {
  readonly out: UpSamplingOut<'upSampling2d', 2, this['in'], F>;
}

export interface UpSampling3d<F> extends Leaf {
  readonly out: UpSamplingOut<'upSampling3d', 3, this['in'], F>;
}

export interface PixelShuffle<R extends number> extends Leaf {
  readonly out: PixelShuffleOut<this['in'], R>;
}

export interface ZeroPadding1d<A> extends Leaf {
  readonly out: PaddingOut<'zeroPadding1d', 1, this['in'], A>;
}

export interface ZeroPadding2d<A> extends Leaf {
  readonly out: PaddingOut<'zeroPadding2d', 2, this['in'], A>;
}

export interface ZeroPadding3d<A> extends Leaf {
  readonly out: PaddingOut<'zeroPadding3d', 3, this['in'], A>;
}

export interface ReflectionPadding1d<A> extends Leaf {
  readonly out: ReflectionPaddingOut<'reflectionPadding1d', 1, this['in'], A>;
}

export interface ReflectionPadding2d<A> extends Leaf {
  readonly out: ReflectionPaddingOut<'reflectionPadding2d', 2, this['in'], A>;
}

export interface ReflectionPadding3d<A> extends Leaf {
  readonly out: ReflectionPaddingOut<'reflectionPadding3d', 3, this['in'], A>;
}

export interface ReplicationPadding1d<A> extends Leaf {
  readonly out: PaddingOut<'replicationPadding1d', 1, this['in'], A>;
}

export interface ReplicationPadding2d<A> extends Leaf {
  readonly out: PaddingOut<'replicationPadding2d', 2, this['in'], A>;
}

export interface ReplicationPadding3d<A> extends Leaf {
  readonly out: PaddingOut<'replicationPadding3d', 3, this['in'], A>;
}

export interface Cropping1d<A> extends Leaf {
  readonly out: CroppingOut<'cropping1d', 1, this['in'], A>;
}

export interface Cropping2d<A> extends Leaf {
  readonly out: CroppingOut<'cropping2d', 2, this['in'], A>;
}

export interface Cropping3d<A> extends Leaf {
  readonly out: CroppingOut<'cropping3d', 3, this['in'], A>;
}

export interface UpSampling2dOptions {
  /** `'nearest'` by default: each cell repeated. `'bilinear'` and `'bicubic'` by half-pixel centres, the edges held. */
  readonly interpolation?: 'nearest' | 'bilinear' | 'bicubic';
}

// -------------------------------------------------------------------------------------
// up-sampling
// -------------------------------------------------------------------------------------

const upSampling = (
  rank: Rank,
  size: number | PerAxis = 2,
  interpolation: UpSamplingSpec['interpolation'] = 'nearest',
): UpSamplingSpec => ({ op: `upSampling${rank}d`, size: perAxis(rank, size), interpolation });

/**
 * Each cell repeated `size` times, 2 by default. Shapes: `[batch, channels, length]` to `[batch, channels, length * size]`.
 * Keras `UpSampling1D` (channels first), PyTorch `Upsample`.
 */
export const upSampling1d = <const F extends Size1 = 2>(size?: F): Layer<UpSampling1d<F>> =>
  define(upSampling(1, size));

/**
 * Height and width times `size`, 2 by default. Shapes: `[batch, channels, height, width]` to `[batch, channels, height *
 * size, width * size]`. Bilinear and bicubic as `align_corners=False` in PyTorch; the cubic is Keys's with its -0.75 (TensorFlow
 * has -0.5). Keras `UpSampling2D` (channels first; without the Lanczos kernels), PyTorch `Upsample`.
 *
 * @example
 * upSampling2d()                                         // doubles height and width
 * upSampling2d([1, 3], { interpolation: 'bilinear' })
 */
export const upSampling2d = <const F extends Size2 = 2>(
  size?: F,
  options: UpSampling2dOptions = {},
): Layer<UpSampling2d<F>> => define(upSampling(2, size, options.interpolation));

/** Each cell repeated `size` times along all three axes, 2 by default. Keras `UpSampling3D`, PyTorch `Upsample`. */
export const upSampling3d = <const F extends Size3 = 2>(size?: F): Layer<UpSampling3d<F>> =>
  define(upSampling(3, size));

/**
 * Channels laid out as cells. Shapes: `[batch, channels * factor * factor, height, width]` to `[batch, channels, height *
 * factor, width * factor]`. PyTorch `PixelShuffle`, in TensorFlow `depth_to_space` (which orders the channels differently).
 * Shi et al. 2016.
 */
export const pixelShuffle = <const R extends number>(factor: R): Layer<PixelShuffle<R>> =>
  define({ op: 'pixelShuffle', factor });

// -------------------------------------------------------------------------------------
// zeros around
// -------------------------------------------------------------------------------------

/**
 * Zeros before and after the length, 1 by default: one number for both, or `[before, after]`. Shapes: `[batch, channels,
 * length]` to `[batch, channels, before + length + after]`. Keras `ZeroPadding1D` (channels first), PyTorch `ZeroPad1d`.
 */
export const zeroPadding1d = <const A extends SidesOf<1> = 1>(padding?: A): Layer<ZeroPadding1d<A>> =>
  define({ op: 'zeroPadding1d', padding: sidesOf(1, padding ?? 1) });

/**
 * Zeros around an image, 1 by default: one number for all sides, or for height and width a number each or `[before, after]`
 * each. Keras `ZeroPadding2D` (channels first), PyTorch `ZeroPad2d` (which orders them left, right, top, bottom).
 *
 * @example
 * zeroPadding2d([[0, 1], [0, 1]])      // one row at the bottom, one column at the right
 */
export const zeroPadding2d = <const A extends SidesOf<2> = 1>(padding?: A): Layer<ZeroPadding2d<A>> =>
  define({ op: 'zeroPadding2d', padding: sidesOf(2, padding ?? 1) });

/** Zeros around a volume, as `zeroPadding2d`; 1 by default. Keras `ZeroPadding3D`, PyTorch `ZeroPad3d`. */
export const zeroPadding3d = <const A extends SidesOf<3> = 1>(padding?: A): Layer<ZeroPadding3d<A>> =>
  define({ op: 'zeroPadding3d', padding: sidesOf(3, padding ?? 1) });

// -------------------------------------------------------------------------------------
// cells of the input around
// -------------------------------------------------------------------------------------

/**
 * The cells beside the border, reflected in it (the border itself is not repeated): `[1, 2, 3]` with 2 is `[3, 2, 1, 2, 3, 2, 1]`. 1 by
 * default; less than the length. Arguments and shapes as `zeroPadding1d`. PyTorch `ReflectionPad1d`, in Keras
 * `keras.ops.pad` of mode `reflect`.
 */
export const reflectionPadding1d = <const A extends SidesOf<1> = 1>(padding?: A): Layer<ReflectionPadding1d<A>> =>
  define({ op: 'reflectionPadding1d', padding: sidesOf(1, padding ?? 1) });

/**
 * Rows and columns reflected in the border of an image, see `reflectionPadding1d`; arguments and shapes as `zeroPadding2d`. PyTorch
 * `ReflectionPad2d` (which orders them left, right, top, bottom), in Keras `keras.ops.pad` of mode `reflect`.
 */
export const reflectionPadding2d = <const A extends SidesOf<2> = 1>(padding?: A): Layer<ReflectionPadding2d<A>> =>
  define({ op: 'reflectionPadding2d', padding: sidesOf(2, padding ?? 1) });

/** A volume reflected in its border, see `reflectionPadding2d`. PyTorch `ReflectionPad3d`. */
export const reflectionPadding3d = <const A extends SidesOf<3> = 1>(padding?: A): Layer<ReflectionPadding3d<A>> =>
  define({ op: 'reflectionPadding3d', padding: sidesOf(3, padding ?? 1) });

/**
 * The first and the last cell repeated: `[1, 2, 3]` with 2 is `[1, 1, 1, 2, 3, 3, 3]`. 1 by default. Arguments and shapes as
 * `zeroPadding1d`. PyTorch `ReplicationPad1d`, in NumPy `pad` of mode `edge`; Keras has no such layer.
 */
export const replicationPadding1d = <const A extends SidesOf<1> = 1>(padding?: A): Layer<ReplicationPadding1d<A>> =>
  define({ op: 'replicationPadding1d', padding: sidesOf(1, padding ?? 1) });

/**
 * The border of an image repeated, see `replicationPadding1d`; arguments and shapes as `zeroPadding2d`. PyTorch
 * `ReplicationPad2d` (which orders them left, right, top, bottom).
 */
export const replicationPadding2d = <const A extends SidesOf<2> = 1>(padding?: A): Layer<ReplicationPadding2d<A>> =>
  define({ op: 'replicationPadding2d', padding: sidesOf(2, padding ?? 1) });

/** The border of a volume repeated, see `replicationPadding2d`. PyTorch `ReplicationPad3d`. */
export const replicationPadding3d = <const A extends SidesOf<3> = 1>(padding?: A): Layer<ReplicationPadding3d<A>> =>
  define({ op: 'replicationPadding3d', padding: sidesOf(3, padding ?? 1) });

// -------------------------------------------------------------------------------------
// a border cut off
// -------------------------------------------------------------------------------------

/**
 * Cells cut off before and after the length, 1 by default: one number for both, or `[before, after]`. Shapes: `[batch,
 * channels, length]` to `[batch, channels, length - before - after]`. Keras `Cropping1D` (channels first).
 */
export const cropping1d = <const A extends SidesOf<1> = 1>(cropping?: A): Layer<Cropping1d<A>> =>
  define({ op: 'cropping1d', cropping: sidesOf(1, cropping ?? 1) });

/**
 * Cells cut off around an image: one number for all sides, or for height and width a number each or `[before, after]` each.
 * 0 by default, as in Keras. Keras `Cropping2D` (channels first).
 *
 * @example
 * cropping2d([[1, 0], 2])          // the first row, and two columns on both sides
 */
export const cropping2d = <const A extends SidesOf<2> = 0>(cropping?: A): Layer<Cropping2d<A>> =>
  define({ op: 'cropping2d', cropping: sidesOf(2, cropping ?? 0) });

/** Cells cut off around a volume, as `cropping2d`; 1 by default, as in Keras. Keras `Cropping3D` (channels first). */
export const cropping3d = <const A extends SidesOf<3> = 1>(cropping?: A): Layer<Cropping3d<A>> =>
  define({ op: 'cropping3d', cropping: sidesOf(3, cropping ?? 1) });
