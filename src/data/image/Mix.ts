/**
 * Augmentation of pairs: images and their targets mixed with those of another sample of the batch.
 *
 * Targets are rows of probabilities (`D.oneHot`). Laws: the targets of a sample sum to what they summed to, if all of the batch sum to
 * the same; the share of an image in the mix is that of its target.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { NdArray } from '../../shape/NdArray.ts';
import type { State } from '../Random.ts';
import { below, derive, permutation } from '../Random.ts';
import { beta, stateOf } from './Draw.ts';
import type { ImageError } from './ImageError.ts';
import { invalidImage } from './ImageError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Pair {
  /** `[n, channels, height, width]`. */
  readonly x: NdArray;
  /** `[n, classes]`. */
  readonly y: NdArray;
}

/** Which batch of which epoch. */
export interface MixAt {
  readonly seed: number;
  readonly epoch: number;
  readonly batch: number;
}

type Blend = (state: State, own: Float32Array, other: ArrayLike<number>, height: number, width: number) => number;

const checked =
  (name: string, alpha: number, at: MixAt, blend: Blend) =>
  ({ x, y }: Pair): E.Either<ImageError, Pair> => {
    const [n = 0, channels = 0, height = 0, width = 0] = x.shape;
    if (x.shape.length !== 4 || y.shape.length !== 2 || y.shape[0] !== n)
      return E.left(
        invalidImage(
          name,
          'images [n, channels, height, width] and targets [n, classes]',
          `[${x.shape}] and [${y.shape}]`,
        ),
      );
    if (!(alpha > 0 && alpha < Number.POSITIVE_INFINITY))
      return E.left(invalidImage(`${name}: alpha`, 'a positive number', alpha));
    const [size, classes] = [channels * height * width, y.shape[1] ?? 0];
    const partner = permutation(derive(derive(at.seed, at.epoch), at.batch), n);
    const [images, targets] = [Float32Array.from(x.data, Number), Float32Array.from(y.data, Number)];
    const [xs, ys] = [Float32Array.from(images), Float32Array.from(targets)];
    for (let i = 0; i < n; i++) {
      const j = partner[i] ?? i;
      const state = stateOf({ seed: derive(at.seed, at.batch), epoch: at.epoch, sample: i });
      const share = blend(
        state,
        xs.subarray(i * size, (i + 1) * size),
        images.subarray(j * size, (j + 1) * size),
        height,
        width,
      );
      for (let k = 0; k < classes; k++)
        ys[i * classes + k] = share * (targets[i * classes + k] ?? 0) + (1 - share) * (targets[j * classes + k] ?? 0);
    }
    return E.right({
      x: { dtype: 'float32', shape: x.shape, data: xs },
      y: { dtype: 'float32', shape: y.shape, data: ys },
    });
  };

// -------------------------------------------------------------------------------------
// mixing
// -------------------------------------------------------------------------------------

/**
 * Each image and target `share` of itself and the rest of another; the share is of the beta distribution with `alpha`, 0.2 by default.
 * Errors: other ranks, alpha not positive. Keras `MixUp`. Zhang et al. 2018.
 */
export const mixup = (
  at: MixAt,
  options: { readonly alpha?: number } = {},
): ((pair: Pair) => E.Either<ImageError, Pair>) => {
  const alpha = options.alpha ?? 0.2;
  return checked('mixup', alpha, at, (state, own, other) => {
    const share = beta(state, alpha);
    for (let k = 0; k < own.length; k++) own[k] = share * (own[k] ?? 0) + (1 - share) * (other[k] ?? 0);
    return share;
  });
};

/**
 * A rectangle of each image replaced by the same part of another, and the target by the share of the area. The area is of the beta
 * distribution with `alpha`, 1 by default. Errors: as `mixup`. Keras `CutMix(factor)`. Yun et al. 2019.
 */
export const cutmix = (
  at: MixAt,
  options: { readonly alpha?: number } = {},
): ((pair: Pair) => E.Either<ImageError, Pair>) => {
  const alpha = options.alpha ?? 1;
  return checked('cutmix', alpha, at, (state, own, other, height, width) => {
    const side = Math.sqrt(1 - beta(state, alpha));
    const [cy, cx] = [below(state, height), below(state, width)];
    const clamp = (v: number, most: number): number => Math.min(most, Math.max(0, Math.round(v)));
    const [top, bottom] = [clamp(cy - (height * side) / 2, height), clamp(cy + (height * side) / 2, height)];
    const [left, right] = [clamp(cx - (width * side) / 2, width), clamp(cx + (width * side) / 2, width)];
    const plane = height * width;
    for (let c = 0; c * plane < own.length; c++)
      for (let i = top; i < bottom; i++)
        for (let j = left; j < right; j++) {
          const k = c * plane + i * width + j;
          own[k] = other[k] ?? 0;
        }
    return 1 - ((bottom - top) * (right - left)) / plane;
  });
};
