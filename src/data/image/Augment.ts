/**
 * Augmentation: images changed at random, other ones in every epoch, so that a model sees more than there is.
 *
 * An `Augmentation` is plain data (it can be sent to a worker thread, or stored); `augment` interprets it. What it does to an image is
 * a function of seed, epoch and the sample's index: the same in every run, whatever the batches and the threads.
 *
 * Arguments and defaults are Keras's. A factor is a number f, which stands for [-f, f], or a range. Images are channels first.
 * Laws: the steps of a list are applied in order; factors of 0 change nothing; flipping twice changes nothing.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { NdArray } from '../../shape/NdArray.ts';
import type { State } from '../Random.ts';
import { below } from '../Random.ts';
import type { Moment } from './Draw.ts';
import { normal, stateOf, uniform } from './Draw.ts';
import type { ImageError } from './ImageError.ts';
import { invalidImage } from './ImageError.ts';
import type { Affine, FillOptions, Picture } from './Warp.ts';
import { about, cut, flip, resized, warp } from './Warp.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export type Range = readonly [number, number];
export type Factor = number | Range;

export type Augmentation =
  | { readonly _tag: 'Flip'; readonly mode: 'horizontal' | 'vertical' | 'horizontalAndVertical' }
  | { readonly _tag: 'Rotation'; readonly factor: Range; readonly fill: FillOptions }
  | {
      readonly _tag: 'Zoom';
      readonly height: Range;
      readonly width: Range | undefined;
      readonly fill: FillOptions;
    }
  | { readonly _tag: 'Translation'; readonly height: Range; readonly width: Range; readonly fill: FillOptions }
  | { readonly _tag: 'Crop'; readonly height: number; readonly width: number }
  | { readonly _tag: 'Contrast'; readonly factor: Range; readonly valueRange: Range }
  | { readonly _tag: 'Brightness'; readonly factor: Range; readonly valueRange: Range }
  | {
      readonly _tag: 'Erasing';
      readonly factor: Range;
      readonly scale: Range;
      readonly fillValue: number | undefined;
      readonly valueRange: Range;
    };

const symmetric = (factor: Factor): Range => (typeof factor === 'number' ? [-factor, factor] : factor);
const pixels: Range = [0, 255];

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** Left to right and top to bottom, each with probability 1/2; both by default. Keras `RandomFlip`. */
export const randomFlip = (
  mode: 'horizontal' | 'vertical' | 'horizontalAndVertical' = 'horizontalAndVertical',
): Augmentation => ({ _tag: 'Flip', mode });

/** Turned by a share of the full circle; positive is counter-clockwise: 0.1 is up to 36 degrees both ways. Keras `RandomRotation`. */
export const randomRotation = (factor: Factor, fill: FillOptions = {}): Augmentation => ({
  _tag: 'Rotation',
  factor: symmetric(factor),
  fill,
});

/** Larger (negative) or smaller (positive) by a share; the proportions stay unless `width` has a factor. Keras `RandomZoom`. */
export const randomZoom = (height: Factor, options: FillOptions & { readonly width?: Factor } = {}): Augmentation => {
  const { width, ...fill } = options;
  return { _tag: 'Zoom', height: symmetric(height), width: width === undefined ? undefined : symmetric(width), fill };
};

/** Moved by shares of height and width; positive is down and right. Keras `RandomTranslation`. */
export const randomTranslation = (height: Factor, width: Factor, fill: FillOptions = {}): Augmentation => ({
  _tag: 'Translation',
  height: symmetric(height),
  width: symmetric(width),
  fill,
});

/** A part of that size, anywhere; of an image that is too small the largest part of these proportions, resized. Keras `RandomCrop`. */
export const randomCrop = (height: number, width: number): Augmentation => ({ _tag: 'Crop', height, width });

/** Distances from each channel's mean times 1 + factor, brought into `valueRange` (0 to 255). Keras `RandomContrast`. */
export const randomContrast = (factor: Factor, options: { readonly valueRange?: Range } = {}): Augmentation => ({
  _tag: 'Contrast',
  factor: symmetric(factor),
  valueRange: options.valueRange ?? pixels,
});

/** A share of `valueRange` (0 to 255) added, brought into it. Keras `RandomBrightness`. */
export const randomBrightness = (factor: Factor, options: { readonly valueRange?: Range } = {}): Augmentation => ({
  _tag: 'Brightness',
  factor: symmetric(factor),
  valueRange: options.valueRange ?? pixels,
});

/**
 * A rectangle blotted out, with a probability that is drawn from `factor` (0 to 1 by default, a number f is 0 to f), of a share of the
 * area drawn from `scale`, with the proportions of the image, filled with `fillValue` or, by default, with noise in the middle of
 * `valueRange`. Keras `RandomErasing` (cutout: DeVries and Taylor 2017; Zhong et al. 2017).
 */
export const randomErasing = (
  options: {
    readonly factor?: Factor;
    readonly scale?: Range;
    readonly fillValue?: number;
    readonly valueRange?: Range;
  } = {},
): Augmentation => {
  const { factor = 1, scale = [0.02, 0.33], fillValue, valueRange = pixels } = options;
  return { _tag: 'Erasing', factor: typeof factor === 'number' ? [0, factor] : factor, scale, fillValue, valueRange };
};

// -------------------------------------------------------------------------------------
// what they do
// -------------------------------------------------------------------------------------

const clip = (x: number, [low, high]: Range): number => Math.min(high, Math.max(low, x));

const turned = (angle: number): Affine => [Math.cos(angle), -Math.sin(angle), 0, Math.sin(angle), Math.cos(angle), 0];

const means = ({ channels, data }: Picture): readonly number[] => {
  const plane = data.length / channels;
  return Array.from(
    { length: channels },
    (_, c) => data.subarray(c * plane, (c + 1) * plane).reduce((a, b) => a + b, 0) / plane,
  );
};

const crop = (state: State, height: number, width: number, x: Picture): Picture => {
  if (x.height >= height && x.width >= width)
    return cut(below(state, x.height - height + 1), below(state, x.width - width + 1), height, width)(x);
  const scale = Math.min(x.height / height, x.width / width);
  const [h, w] = [Math.max(1, Math.floor(height * scale)), Math.max(1, Math.floor(width * scale))];
  const part = cut(Math.floor((x.height - h) / 2), Math.floor((x.width - w) / 2), h, w)(x);
  return resized(height, width)(part);
};

type Erasing = Extract<Augmentation, { readonly _tag: 'Erasing' }>;

const erase = (state: State, { factor, scale, fillValue, valueRange }: Erasing, x: Picture): Picture => {
  if (uniform(state, [0, 1]) >= uniform(state, factor)) return x;
  const side = Math.sqrt(uniform(state, scale));
  const [h, w] = [Math.round(x.height * side), Math.round(x.width * side)];
  const [top, left] = [below(state, x.height - h + 1), below(state, x.width - w + 1)];
  const [low, high] = valueRange;
  const data = Float32Array.from(x.data);
  for (let c = 0; c < x.channels; c++)
    for (let i = top; i < top + h; i++)
      for (let j = left; j < left + w; j++)
        data[(c * x.height + i) * x.width + j] =
          fillValue ?? clip((low + high) / 2 + (normal(state) * (high - low)) / 6, valueRange);
  return { ...x, data };
};

const step = (state: State, one: Augmentation, x: Picture): Picture => {
  switch (one._tag) {
    case 'Flip': {
      // Both are drawn, so that the mode does not move what comes after.
      const [left, top] = [uniform(state, [0, 1]) < 0.5, uniform(state, [0, 1]) < 0.5];
      const y = left && one.mode !== 'vertical' ? flip('horizontal')(x) : x;
      return top && one.mode !== 'horizontal' ? flip('vertical')(y) : y;
    }
    case 'Rotation':
      return warp(about(x, turned(2 * Math.PI * uniform(state, one.factor))), one.fill)(x);
    case 'Zoom': {
      const h = 1 + uniform(state, one.height);
      const w = one.width === undefined ? h : 1 + uniform(state, one.width);
      return warp(about(x, [w, 0, 0, 0, h, 0]), one.fill)(x);
    }
    case 'Translation': {
      const [h, w] = [uniform(state, one.height), uniform(state, one.width)];
      return warp([1, 0, -w * x.width, 0, 1, -h * x.height], one.fill)(x);
    }
    case 'Crop':
      return crop(state, one.height, one.width, x);
    case 'Contrast': {
      const [factor, mean, plane] = [1 + uniform(state, one.factor), means(x), x.height * x.width];
      const f = (v: number, i: number): number => {
        const m = mean[Math.floor(i / plane)] ?? 0;
        return clip((v - m) * factor + m, one.valueRange);
      };
      return { ...x, data: x.data.map(f) };
    }
    case 'Brightness': {
      const delta = uniform(state, one.factor) * (one.valueRange[1] - one.valueRange[0]);
      return { ...x, data: x.data.map((v) => clip(v + delta, one.valueRange)) };
    }
    case 'Erasing':
      return erase(state, one, x);
  }
};

const isRange = ([low, high]: Range, least: number, most: number): boolean =>
  low >= least && low <= high && high <= most;

/** What is wrong with a step, if anything. */
const fault = (one: Augmentation): string | undefined => {
  const far = Number.MAX_VALUE;
  switch (one._tag) {
    case 'Flip':
      return undefined;
    case 'Rotation':
      return isRange(one.factor, -far, far) ? undefined : 'a factor, or a range that ascends';
    case 'Zoom':
      return [one.height, one.width ?? one.height].every((r) => isRange(r, -1, far) && r[0] > -1)
        ? undefined
        : 'factors above -1, ranges that ascend';
    case 'Translation':
      return [one.height, one.width].every((r) => isRange(r, -1, 1)) ? undefined : 'factors from -1 to 1';
    case 'Crop':
      return [one.height, one.width].every((n) => Number.isInteger(n) && n > 0) ? undefined : 'positive integers';
    case 'Contrast':
      return isRange(one.factor, -1, far) ? undefined : 'factors from -1';
    case 'Brightness':
      return isRange(one.factor, -1, 1) ? undefined : 'factors from -1 to 1';
    case 'Erasing':
      return isRange(one.factor, 0, 1) && isRange(one.scale, 0, 1) ? undefined : 'factor and scale from 0 to 1';
  }
};

// -------------------------------------------------------------------------------------
// interpreters
// -------------------------------------------------------------------------------------

/** The image `sample` of `[samples, channels, height, width]` in float32; other data are not touched. */
const pictureAt = (array: NdArray<unknown>, i: number): Picture => {
  const [, channels = 1, height = 1, width = 1] = array.shape;
  const size = channels * height * width;
  return {
    channels,
    height,
    width,
    data: Float32Array.from(array.data.subarray(i * size, (i + 1) * size) as ArrayLike<number>),
  };
};

/**
 * A batch `[n, channels, height, width]` (bytes or floats) augmented, as float32. `samples` are the indices of its images in the data
 * set. Errors: another rank; factors out of range.
 *
 * @example
 * const steps = [randomFlip('horizontal'), randomRotation(0.05), randomCrop(28, 28)];
 * pipe(batch, augment(steps, { seed: 1, epoch: 3, samples: indices }))
 */
export const augment =
  (
    steps: readonly Augmentation[],
    at: { readonly seed: number; readonly epoch: number; readonly samples: ArrayLike<number> },
  ) =>
  (batch: NdArray<unknown>): E.Either<ImageError, NdArray> => {
    const n = batch.shape[0] ?? 0;
    if (batch.shape.length !== 4 || n === 0 || at.samples.length !== n)
      return E.left(
        invalidImage(
          'augment',
          'images [n, channels, height, width] and n indices of samples',
          `[${batch.shape.join(',')}] and ${at.samples.length}`,
        ),
      );
    return pipe(
      steps,
      E.traverseArray((one) => {
        const expected = fault(one);
        return expected === undefined
          ? E.right(one)
          : E.left(invalidImage(`augment: ${one._tag}`, expected, JSON.stringify(one)));
      }),
      E.map((all): NdArray => {
        const images = Array.from({ length: n }, (_, i) => {
          const state = stateOf({ seed: at.seed, epoch: at.epoch, sample: at.samples[i] ?? i });
          return all.reduce((x, one) => step(state, one, x), pictureAt(batch, i));
        });
        const [first] = images;
        const size = first?.data.length ?? 0;
        const data = new Float32Array(n * size);
        images.forEach((image, i) => {
          data.set(image.data, i * size);
        });
        return { dtype: 'float32', shape: [n, first?.channels ?? 0, first?.height ?? 0, first?.width ?? 0], data };
      }),
    );
  };

export type { Moment };
