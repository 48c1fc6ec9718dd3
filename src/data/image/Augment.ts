/**
 * Augmentation: images changed at random, other ones in every epoch, so that a model sees more than there is.
 *
 * An `Augmentation` is plain data (it can be sent to a worker thread, or stored); `augment` interprets it. What it does to an image is
 * a function of seed, epoch and the sample's index: the same in every run, whatever the batches and the threads.
 *
 * Steps that are not random (`resize`, `centerCrop`, `normalise`) stand among them, so that one list says what becomes of an image.
 * Arguments and defaults are Keras's. A factor is a number f, which stands for [-f, f], or a range. Images are channels first.
 * Laws: the steps of a list are applied in order; factors of 0 change nothing; flipping twice changes nothing.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { NdArray } from '../../shape/NdArray.ts';
import type { State } from '../Random.ts';
import { below } from '../Random.ts';
import { type Augmentation, fault, type Range } from './Augmentation.ts';
import type { Moment } from './Draw.ts';
import { normal, stateOf, uniform } from './Draw.ts';
import type { ImageError } from './ImageError.ts';
import { invalidImage } from './ImageError.ts';
import type { Affine, Picture } from './Warp.ts';
import { about, cut, flip, resized, warp } from './Warp.ts';

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

/** A part of that size, at the place that `at` says of what is over; of an image that is too small the middle, resized. */
const crop = (height: number, width: number, at: (over: number) => number, x: Picture): Picture => {
  if (x.height >= height && x.width >= width) return cut(at(x.height - height), at(x.width - width), height, width)(x);
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
      return crop(one.height, one.width, (over) => below(state, over + 1), x);
    case 'CenterCrop':
      return crop(one.height, one.width, (over) => Math.floor(over / 2), x);
    case 'Resize':
      return resized(one.height, one.width)(x);
    case 'Normalise': {
      const plane = x.height * x.width;
      const f = (v: number, i: number): number => {
        const c = Math.floor(i / plane);
        return (v - (one.mean[c] ?? 0)) / (one.scale[c] ?? 1);
      };
      return { ...x, data: x.data.map(f) };
    }
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
        const expected = fault(one, batch.shape[1] ?? 0);
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
