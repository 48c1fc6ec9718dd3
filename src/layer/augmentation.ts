/**
 * Images changed at random, in training only: in inference these layers give their input as it is, and `randomCrop` its middle. Images
 * are `[batch, channels, height, width]` of known height and width; each gets random numbers of its own, which follow from the run's seed,
 * the step and the layer's place.
 *
 * Arguments and defaults are Keras's. A factor is a number f, which stands for [-f, f], or a range. The same on arrays, before training
 * and with more ways to fill: the module `Image`.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { Value } from '../graph/Graph.ts';
import { operator } from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import type { Leaf } from '../shape/Fn.ts';
import type { Lt } from '../shape/Nat.ts';
import type { AnyShape, Int, Shape, Show, ShowDim } from '../shape/Shape.ts';
import { dims, isInt, show } from '../shape/Shape.ts';
import type { CustomSite } from './CoreSpec.ts';
import { custom } from './custom.ts';
import type { Layer } from './Definition.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Augmented<Op extends string> extends Leaf {
  readonly out: this['in'] extends Int<Shape>
    ? `${Op}: expects float32 images [batch,channels,height,width], got ${Show<this['in']>}`
    : this['in'] extends readonly [unknown, unknown, unknown, unknown]
      ? this['in']
      : `${Op}: expects float32 images [batch,channels,height,width], got ${Show<this['in']>}`;
}

type Factor = number | readonly [number, number];

export interface WarpOptions {
  /** What is beyond the border: `'reflect'` by default. Keras's `'wrap'` has no operator; the module `Image` has it. */
  readonly fillMode?: 'constant' | 'nearest' | 'reflect';
  /** `'bilinear'` by default. */
  readonly interpolation?: 'nearest' | 'bilinear';
  /** With `'constant'`; 0 by default. */
  readonly fillValue?: number;
}

const images = (name: string, faults: string | undefined) => (input: AnyShape) =>
  faults !== undefined
    ? E.left(faults)
    : isInt(input) || dims(input).length !== 4
      ? E.left(`expects float32 images [batch,channels,height,width], got ${show(input)}`)
      : dims(input)
            .slice(2)
            .every((d) => typeof d === 'number')
        ? E.right(input)
        : E.left(`${name} needs a known height and width, got ${show(input)}`);

const augmentation = <N extends string>(
  name: N,
  options: unknown,
  faults: string | undefined,
  change: (x: Value, draw: (range: readonly [number, number], stream: number) => Value, site: CustomSite) => Value,
): Layer<Augmented<N>> =>
  custom<Augmented<N>>({
    name,
    options,
    output: images(name, faults),
    lower: (x, site) => {
      if (site.mode === 'inference') return x;
      // A number for each image: [batch, 1, 1, 1].
      const one = Op.slice({ axes: [1, 2, 3], starts: [0, 0, 0], ends: [1, 1, 1] })(x);
      const draw = ([low, high]: readonly [number, number], stream: number): Value =>
        Op.add(Op.mul(site.uniform(one, stream), high - low), low);
      return change(x, draw, site);
    },
  });

const symmetric = (factor: Factor): readonly [number, number] =>
  typeof factor === 'number' ? [-factor, factor] : factor;

const outside = (
  what: string,
  ranges: readonly (readonly [number, number])[],
  least: number,
  most: number,
): string | undefined =>
  ranges.every(([low, high]) => low >= least && low <= high && high <= most)
    ? undefined
    : `${what} must ascend within ${least} and ${most}, got ${ranges.map((r) => `[${r.join(',')}]`).join(', ')}`;

// -------------------------------------------------------------------------------------
// warping
// -------------------------------------------------------------------------------------

type Coefficient = Value | number;

/**
 * `x' = a x + b y + c`, `y' = d x + e y + f` from the result to the source, in pixels from the middle of the image; coefficients are
 * numbers, or values `[batch, 1, 1, 1]`.
 */
export const warped =
  (
    [a, b, c, d, e, f]: readonly [Coefficient, Coefficient, Coefficient, Coefficient, Coefficient, Coefficient],
    options: WarpOptions,
  ) =>
  (x: Value): Value => {
    const { fillMode = 'reflect', interpolation = 'bilinear', fillValue = 0 } = options;
    const [batch = 'batch', , height, width] = x.type.shape;
    if (typeof height !== 'number' || typeof width !== 'number')
      throw new Op.GraphDefect('images need a known height and width');
    const flat = (v: Coefficient): Coefficient => (typeof v === 'number' ? v : Op.squeeze([3])(v));
    const line = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i - (n - 1) / 2);
    const xs = Op.tensor(line(width), [1, 1, width], 'float32');
    const ys = Op.tensor(line(height), [1, height, 1], 'float32');
    const zeros = Op.tensor(new Array<number>(height * width).fill(0), [1, height, width], 'float32');
    const one = Op.mul(Op.squeeze([3])(Op.slice({ axes: [1, 2, 3], starts: [0, 0, 0], ends: [1, 1, 1] })(x)), 0);
    const coordinate = (p: Coefficient, q: Coefficient, r: Coefficient, n: number): Value => {
      const sum = Op.add(Op.add(Op.mul(xs, flat(p)), Op.mul(ys, flat(q))), flat(r));
      // One for each image even if nothing in it depends on the image; from pixels to GridSample's -1 to 1.
      return Op.unsqueeze([3])(Op.add(Op.add(Op.mul(sum, 2 / n), zeros), one));
    };
    const grid = Op.concat(3)([coordinate(a, b, c, width), coordinate(d, e, f, height)]);
    const moved = fillMode === 'constant' && fillValue !== 0 ? Op.sub(x, fillValue) : x;
    const sampled =
      operator('GridSample', [moved, grid], [{ dtype: 'float32', shape: [batch, ...x.type.shape.slice(1)] }], {
        mode: { _tag: 'String', value: interpolation },
        padding_mode: {
          _tag: 'String',
          value: { constant: 'zeros', nearest: 'border', reflect: 'reflection' }[fillMode],
        },
        align_corners: { _tag: 'Int', value: 0 },
      })[0] ?? x;
    return moved === x ? sampled : Op.add(sampled, fillValue);
  };

/**
 * Each image turned by a share of the full circle; positive is counter-clockwise. Keras `RandomRotation`.
 *
 * @example
 * L.model(L.input([3, 32, 32]), L.randomFlip('horizontal'), L.randomRotation(0.05), network)
 */
export const randomRotation = (factor: Factor, options: WarpOptions = {}): Layer<Augmented<'randomRotation'>> => {
  const range = symmetric(factor);
  const faults = outside('factor', [range], -Number.MAX_VALUE, Number.MAX_VALUE);
  return augmentation('randomRotation', { range, options }, faults, (x, draw) => {
    const angle = Op.mul(draw(range, 0), 2 * Math.PI);
    const [cos, sin] = [Op.cos(angle), Op.sin(angle)];
    return warped([cos, Op.neg(sin), 0, sin, cos, 0], options)(x);
  });
};

/** Each image larger (negative) or smaller (positive) by a share; proportions stay unless `width` has a factor. Keras `RandomZoom`. */
export const randomZoom = (
  height: Factor,
  options: WarpOptions & { readonly width?: Factor } = {},
): Layer<Augmented<'randomZoom'>> => {
  const [h, w] = [symmetric(height), options.width === undefined ? undefined : symmetric(options.width)];
  const faults = outside('factors', [h, w ?? h], -0.999, Number.MAX_VALUE);
  return augmentation('randomZoom', { h, w, options }, faults, (x, draw) => {
    const tall = Op.add(draw(h, 0), 1);
    return warped([w === undefined ? tall : Op.add(draw(w, 1), 1), 0, 0, 0, tall, 0], options)(x);
  });
};

/** Each image moved by shares of height and width; positive is down and right. Keras `RandomTranslation`. */
export const randomTranslation = (
  height: Factor,
  width: Factor,
  options: WarpOptions = {},
): Layer<Augmented<'randomTranslation'>> => {
  const [h, w] = [symmetric(height), symmetric(width)];
  return augmentation('randomTranslation', { h, w, options }, outside('factors', [h, w], -1, 1), (x, draw) => {
    const [tall, wide] = x.type.shape.slice(2).map(Number);
    return warped([1, 0, Op.mul(draw(w, 1), -(wide ?? 1)), 0, 1, Op.mul(draw(h, 0), -(tall ?? 1))], options)(x);
  });
};

// -------------------------------------------------------------------------------------
// cropping
// -------------------------------------------------------------------------------------

/** Of an unknown size (`boolean`) nothing is said. */
type IsTrue<B> = [B] extends [true] ? true : false;

export interface RandomCropped<H extends number, W extends number> extends Leaf {
  readonly out: this['in'] extends Int<Shape>
    ? `randomCrop: expects float32 images [batch,channels,height,width], got ${Show<this['in']>}`
    : this['in'] extends readonly [infer B, infer C, infer Y, infer X]
      ? Y extends number
        ? X extends number
          ? true extends IsTrue<Lt<Y, H>> | IsTrue<Lt<X, W>>
            ? `randomCrop: ${H}x${W} is larger than input ${ShowDim<Y>}x${ShowDim<X>}`
            : [B, C, H, W]
          : `randomCrop: needs a known height and width, got ${Show<this['in']>}`
        : `randomCrop: needs a known height and width, got ${Show<this['in']>}`
      : `randomCrop: expects float32 images [batch,channels,height,width], got ${Show<this['in']>}`;
}

/** The part of each image that begins at `[batch, 1, 1]` offsets, exactly: pixels are taken, not mixed. */
const taken = (x: Value, top: Value, left: Value, height: number, width: number): Value => {
  const [batch = 'batch', channels = 1, tall, wide] = x.type.shape;
  const from = (n: number, shape: readonly number[]): Value =>
    Op.tensor(
      Array.from({ length: n }, (_, i) => i),
      shape,
      'float32',
    );
  // Centres of pixels, from GridSample's -1 to 1.
  const coordinate = (at: Value, n: number): Value => Op.unsqueeze([3])(Op.sub(Op.mul(Op.add(at, 0.5), 2 / n), 1));
  const zeros = Op.tensor(new Array<number>(height * width).fill(0), [1, height, width], 'float32');
  const xs = Op.add(Op.add(from(width, [1, 1, width]), left), zeros);
  const ys = Op.add(Op.add(from(height, [1, height, 1]), top), zeros);
  const grid = Op.concat(3)([coordinate(xs, Number(wide)), coordinate(ys, Number(tall))]);
  return (
    operator('GridSample', [x, grid], [{ dtype: 'float32', shape: [batch, channels, height, width] }], {
      mode: { _tag: 'String', value: 'nearest' },
      padding_mode: { _tag: 'String', value: 'border' },
      align_corners: { _tag: 'Int', value: 0 },
    })[0] ?? x
  );
};

/**
 * A part of that size, of each image another one; in inference the middle. Images are at least as large: Keras, which resizes those that
 * are smaller, is `Image.randomCrop`. Shapes: `[batch, channels, height, width]` to `[batch, channels, h, w]`. Keras `RandomCrop`.
 *
 * @example
 * L.model(L.input([3, 36, 36]), L.randomCrop(32, 32), L.randomFlip('horizontal'), network)
 */
export const randomCrop = <const H extends number, const W extends number>(
  height: H,
  width: W,
): Layer<RandomCropped<H, W>> =>
  custom<RandomCropped<H, W>>({
    name: 'randomCrop',
    options: { height, width },
    output: (input) => {
      const [batch, channels, tall, wide, ...more] = dims(input);
      if (isInt(input) || batch === undefined || channels === undefined || wide === undefined || more.length > 0)
        return E.left(`expects float32 images [batch,channels,height,width], got ${show(input)}`);
      if (typeof tall !== 'number' || typeof wide !== 'number')
        return E.left(`needs a known height and width, got ${show(input)}`);
      if (![height, width].every((size) => Number.isInteger(size) && size > 0))
        return E.left(`sizes must be positive integers, got ${height}x${width}`);
      return tall < height || wide < width
        ? E.left(`${height}x${width} is larger than input ${tall}x${wide}`)
        : E.right([batch, channels, height, width]);
    },
    lower: (x, site) => {
      const [tall = 1, wide = 1] = x.type.shape.slice(2).map(Number);
      const [down, right] = [tall - height, wide - width];
      if (site.mode === 'inference') {
        const [top, left] = [Math.floor(down / 2), Math.floor(right / 2)];
        return Op.slice({ axes: [2, 3], starts: [top, left], ends: [top + height, left + width] })(x);
      }
      const one = Op.squeeze([3])(Op.slice({ axes: [1, 2, 3], starts: [0, 0, 0], ends: [1, 1, 1] })(x));
      // Uniform numbers reach 1, which is no place.
      const offset = (over: number, stream: number): Value =>
        Op.min(Op.floor(Op.mul(site.uniform(one, stream), over + 1)), over);
      return taken(x, offset(down, 0), offset(right, 1), height, width);
    },
  });

// -------------------------------------------------------------------------------------
// pixels
// -------------------------------------------------------------------------------------

/** The axis the other way round. */
export const reversed =
  (axis: number) =>
  (x: Value): Value => {
    const n = Number(x.type.shape[axis]);
    return Op.gather(x, Op.int64s(Array.from({ length: n }, (_, i) => n - 1 - i)), axis);
  };

/** Left to right and top to bottom, each with probability 1/2; both by default. Keras `RandomFlip`. */
export const randomFlip = (
  mode: 'horizontal' | 'vertical' | 'horizontalAndVertical' = 'horizontalAndVertical',
): Layer<Augmented<'randomFlip'>> =>
  augmentation('randomFlip', mode, undefined, (x, draw) => {
    const turn = (axis: number, stream: number, y: Value): Value =>
      Op.where(Op.less(draw([0, 1], stream), 0.5), reversed(axis)(y), y);
    const y = mode === 'vertical' ? x : turn(3, 0, x);
    return mode === 'horizontal' ? y : turn(2, 1, y);
  });

interface ValueOptions {
  /** The least and the largest number of an image, [0, 255] by default; results are brought into it. */
  readonly valueRange?: readonly [number, number];
}

const clipped = (x: Value, [low, high]: readonly [number, number]): Value => Op.min(Op.max(x, low), high);

/** A share of `valueRange` added to each image. Keras `RandomBrightness`. */
export const randomBrightness = (factor: Factor, options: ValueOptions = {}): Layer<Augmented<'randomBrightness'>> => {
  const [range, values] = [symmetric(factor), options.valueRange ?? ([0, 255] as const)];
  return augmentation('randomBrightness', { range, values }, outside('factor', [range], -1, 1), (x, draw) =>
    clipped(Op.add(x, Op.mul(draw(range, 0), values[1] - values[0])), values),
  );
};

/** Distances from the mean of each image's channel times 1 + factor. Keras `RandomContrast`. */
export const randomContrast = (factor: Factor, options: ValueOptions = {}): Layer<Augmented<'randomContrast'>> => {
  const [range, values] = [symmetric(factor), options.valueRange ?? ([0, 255] as const)];
  const faults = outside('factor', [range], -1, Number.MAX_VALUE);
  return augmentation('randomContrast', { range, values }, faults, (x, draw) => {
    const mean = Op.reduceMean({ axes: [2, 3], keepDims: true })(x);
    return clipped(Op.add(Op.mul(Op.sub(x, mean), Op.add(draw(range, 0), 1)), mean), values);
  });
};
