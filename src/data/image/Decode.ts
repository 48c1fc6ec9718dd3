/**
 * Images from files' bytes to arrays: PNG, JPEG, WebP and what else `sharp` reads, turned upright as their metadata say, brought to a
 * size, channels first.
 *
 * `sharp` is an optional peer: it is loaded when the first image is decoded, and decodes in threads of its own.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { NdArray } from '../../shape/NdArray.ts';
import type { ImageError } from './ImageError.ts';
import { corruptImage, invalidImage, missingPeer } from './ImageError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export type ColorMode = 'grayscale' | 'rgb' | 'rgba';
export type Interpolation = 'bilinear' | 'nearest' | 'bicubic' | 'lanczos3';

export const channelsOf = { grayscale: 1, rgb: 3, rgba: 4 } as const;
export type ChannelsOf<M extends ColorMode> = (typeof channelsOf)[M];

export interface DecodeOptions<M extends ColorMode = ColorMode> {
  /** Height and width to bring the image to; `undefined`: as it is. */
  readonly size?: readonly [number, number] | undefined;
  /** Default `'rgb'`. An alpha channel that is not wanted is laid on black. */
  readonly colorMode?: M;
  /** Default `'bilinear'`. */
  readonly interpolation?: Interpolation;
  /** What if the image has other proportions: distort it (default), cut off the sides, or fill them up with black. */
  readonly fit?: 'stretch' | 'crop' | 'pad';
  /** Images of more pixels are refused before they are decoded: 64 million by default. */
  readonly maxPixels?: number;
}

type Sharp = typeof import('sharp').default;

/** Not a literal in the import: a bundler must not look for a package that need not be there. */
const peer: string = 'sharp';

/** Once, and again only after a failure. */
let loaded: Promise<Sharp> | undefined;

const load = (): TE.TaskEither<ImageError, Sharp> =>
  TE.tryCatch(
    async () => {
      loaded ??= (import(peer) as Promise<typeof import('sharp')>).then((m) => m.default);
      return await loaded;
    },
    () => {
      loaded = undefined;
      return missingPeer('sharp');
    },
  );

const kernels = { nearest: 'nearest', bilinear: 'linear', bicubic: 'cubic', lanczos3: 'lanczos3' } as const;
const fits = { stretch: 'fill', crop: 'cover', pad: 'contain' } as const;

const isSize = (n: number): boolean => Number.isInteger(n) && n > 0 && n <= 2 ** 15;

// -------------------------------------------------------------------------------------
// decoding
// -------------------------------------------------------------------------------------

/** Channels from last to first. */
const channelsFirst = (bytes: Uint8Array, channels: number): Uint8Array => {
  if (channels === 1) return bytes;
  const plane = bytes.length / channels;
  const out = new Uint8Array(bytes.length);
  for (let c = 0; c < channels; c++) for (let i = 0; i < plane; i++) out[c * plane + i] = bytes[i * channels + c] ?? 0;
  return out;
};

/**
 * The pixels, bytes `[channels, height, width]`. Errors: `sharp` is not installed; bytes that are no image or not a whole one
 * (`file` names it); too many pixels; a size that makes no sense. Keras: `load_img`, `Resizing`.
 *
 * @example
 * decodeImage(bytes, { size: [224, 224], fit: 'crop' }, 'cat.jpg') // NdArray<[3, number, number]>, uint8
 */
export const decodeImage = <const M extends ColorMode = 'rgb'>(
  bytes: Uint8Array,
  options: DecodeOptions<M> = {},
  file = 'image',
): TE.TaskEither<ImageError, NdArray<[ChannelsOf<M>, number, number]>> => {
  const { size, interpolation = 'bilinear', fit = 'stretch', maxPixels = 64_000_000 } = options;
  const colorMode: ColorMode = options.colorMode ?? 'rgb';
  const channels = channelsOf[colorMode];
  if (size !== undefined && !size.every(isSize))
    return TE.left(invalidImage('decodeImage: size', 'height and width from 1 to 32768', size.join(' by ')));
  return pipe(
    load(),
    TE.chain((sharp) =>
      TE.tryCatch(
        async () => {
          let image = sharp(bytes, { limitInputPixels: maxPixels, failOn: 'truncated' }).rotate();
          image = colorMode === 'rgba' ? image.ensureAlpha() : image.flatten({ background: '#000' });
          if (size !== undefined)
            image = image.resize({
              height: size[0],
              width: size[1],
              fit: fits[fit],
              kernel: kernels[interpolation],
              background: '#000',
            });
          image = colorMode === 'grayscale' ? image.grayscale() : image.toColourspace('srgb');
          return await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
        },
        (e) => corruptImage(file, e instanceof Error ? e.message : String(e)),
      ),
    ),
    TE.chainEitherK(
      ({ data, info }): E.Either<ImageError, NdArray<[ChannelsOf<M>, number, number]>> =>
        info.channels === channels
          ? E.right({
              dtype: 'uint8',
              shape: [channels, info.height, info.width],
              data: channelsFirst(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), channels),
            })
          : E.left(corruptImage(file, `${info.channels} channels where ${channels} were asked for`)),
    ),
  );
};
