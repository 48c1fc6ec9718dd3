/** Augmentations as plain data, and what must hold of their arguments. What they do is in `Augment.ts`. */
import type { Standardisation } from '../Standardise.ts';
import type { FillOptions } from './Warp.ts';

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
  | { readonly _tag: 'CenterCrop'; readonly height: number; readonly width: number }
  | { readonly _tag: 'Resize'; readonly height: number; readonly width: number }
  | { readonly _tag: 'Normalise'; readonly mean: readonly number[]; readonly scale: readonly number[] }
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

/** The middle part of that size; of an image that is too small as `randomCrop`. Keras `CenterCrop`. */
export const centerCrop = (height: number, width: number): Augmentation => ({ _tag: 'CenterCrop', height, width });

/** Stretched to that size, bilinear by half-pixel centres, without smoothing before. Keras `Resizing`. */
export const resize = (height: number, width: number): Augmentation => ({ _tag: 'Resize', height, width });

/**
 * Each channel less its mean, over its scale: as `Data.standardise.fit` measures them, or of the data a model was trained on. What works on
 * a range of values (`randomContrast`, `randomBrightness`) comes before. Keras `Normalization`; torchvision `Normalize`.
 *
 * @example
 * normalise({ mean: [123.675, 116.28, 103.53], scale: [58.395, 57.12, 57.375] }) // ImageNet's, of bytes
 */
export const normalise = ({ mean, scale }: Standardisation): Augmentation => ({ _tag: 'Normalise', mean, scale });

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
// arguments
// -------------------------------------------------------------------------------------

const isRange = ([low, high]: Range, least: number, most: number): boolean =>
  low >= least && low <= high && high <= most;

/** What is wrong with a step for images of so many channels, if anything. */
export const fault = (one: Augmentation, channels: number): string | undefined => {
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
    case 'Normalise':
      return one.mean.length === channels &&
        one.scale.length === channels &&
        one.mean.every(Number.isFinite) &&
        one.scale.every((v) => Number.isFinite(v) && v > 0)
        ? undefined
        : `a mean and a positive scale for each of the ${channels} channels`;
    case 'Crop':
    case 'CenterCrop':
    case 'Resize':
      return [one.height, one.width].every((n) => Number.isInteger(n) && n > 0) ? undefined : 'positive integers';
    case 'Contrast':
      return isRange(one.factor, -1, far) ? undefined : 'factors from -1';
    case 'Brightness':
      return isRange(one.factor, -1, 1) ? undefined : 'factors from -1 to 1';
    case 'Erasing':
      return isRange(one.factor, 0, 1) && isRange(one.scale, 0, 1) ? undefined : 'factor and scale from 0 to 1';
  }
};
