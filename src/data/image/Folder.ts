/**
 * Folders of images, a class for each folder, and lists of them: listed first, loaded after.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { NdArray } from '../../shape/NdArray.ts';
import type { Int } from '../../shape/Shape.ts';
import type { HasFileSystem, IoError } from '../../training/Environment.ts';
import type { DataError } from '../DataError.ts';
import type { Dataset } from '../Dataset.ts';
import { dataset, oneHot } from '../Dataset.ts';
import { permutation } from '../Random.ts';
import { bytes, floats, ints } from '../Samples.ts';
import {
  type LabelledFile,
  type LabelledFiles,
  type ListOptions,
  labelledFolder,
  labelledList,
} from '../source/Folder.ts';
import type { ChannelsOf, ColorMode, DecodeOptions } from './Decode.ts';
import { channelsOf, decodeImage } from './Decode.ts';
import type { ImageError } from './ImageError.ts';
import { invalidImage } from './ImageError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface ImageFolder {
  readonly _tag: 'ImageFolder';
  readonly classNames: readonly string[];
  readonly files: readonly LabelledFile[];
}

export type FolderError = DataError | ImageError | IoError;

export interface FolderOptions {
  /** Which classes, in the order of their labels; default: all folders, sorted. Give those of the training data for other data. */
  readonly classNames?: readonly string[];
  /** Default: shuffled with seed 0; `false` keeps the order of classes and names. Keras `shuffle`, `seed`. */
  readonly seed?: number | false;
  /** Default: png, jpg, jpeg, webp, gif, tif, tiff and avif. */
  readonly extensions?: readonly string[];
}

// -------------------------------------------------------------------------------------
// listing
// -------------------------------------------------------------------------------------

const known = ['.png', '.jpg', '.jpeg', '.webp', '.gif', '.tif', '.tiff', '.avif'];

const imagesOf =
  (seed: number | false) =>
  ({ classes, files }: LabelledFiles): ImageFolder => ({
    _tag: 'ImageFolder',
    classNames: classes,
    files: seed === false ? files : Array.from(permutation(seed, files.length), (i) => files[i] as LabelledFile),
  });

/**
 * The image files of a folder with a folder for each class, shuffled. Errors: those of `D.labelledFolder` (no folders, a class that has
 * none, no files).
 *
 * @example
 * imageFolder('flowers', { seed: 1 })
 */
export const imageFolder = (
  folder: string,
  options: FolderOptions = {},
): RTE.ReaderTaskEither<HasFileSystem, FolderError, ImageFolder> => {
  const { classNames, seed = 0, extensions = known } = options;
  return pipe(
    labelledFolder(folder, { extensions, ...(classNames === undefined ? {} : { classes: classNames }) }),
    RTE.map(imagesOf(seed)),
  );
};

/**
 * The images of a list, a CSV file with the columns `path` and `label`, as `imageFolder` gives those of folders; `seed` as there.
 * Errors: those of `D.labelledList`.
 *
 * @example
 * pipe(imageList('flowers/train.csv'), RTE.chainW(loadImages({ size: [64, 64] })))
 */
export const imageList = (
  path: string,
  options: Pick<FolderOptions, 'classNames' | 'seed'> & Pick<ListOptions, 'columns' | 'delimiter'> = {},
): RTE.ReaderTaskEither<HasFileSystem, FolderError, ImageFolder> => {
  const { classNames, seed = 0, ...rest } = options;
  return pipe(
    labelledList(path, { ...rest, ...(classNames === undefined ? {} : { classes: classNames }) }),
    RTE.map(imagesOf(seed)),
  );
};

/**
 * Two folders, the second with a share of the files: the tail, as Keras's `validation_split` (the files are shuffled already). Error:
 * a part without files.
 */
export const splitFolder =
  (validation: number) =>
  (self: ImageFolder): E.Either<ImageError, { readonly train: ImageFolder; readonly validation: ImageFolder }> => {
    const at = self.files.length - Math.floor(self.files.length * validation);
    return validation > 0 && validation < 1 && at < self.files.length
      ? E.right({
          train: { ...self, files: self.files.slice(0, at) },
          validation: { ...self, files: self.files.slice(at) },
        })
      : E.left(
          invalidImage('splitFolder', `a share that leaves files on both sides of ${self.files.length}`, validation),
        );
  };

// -------------------------------------------------------------------------------------
// loading
// -------------------------------------------------------------------------------------

/** One image of a folder, by its index: for streams, which decode as they go. */
export const imageAt =
  <const M extends ColorMode = 'rgb'>(options: DecodeOptions<M> = {}) =>
  (
    self: ImageFolder,
    index: number,
  ): RTE.ReaderTaskEither<HasFileSystem, FolderError, NdArray<[ChannelsOf<M>, number, number]>> =>
  (env) => {
    const file = self.files[index];
    return file === undefined
      ? TE.left(invalidImage('imageAt: index', `an integer from 0 to ${self.files.length - 1}`, index))
      : pipe(
          env.fileSystem.readFile(file.path),
          TE.chainW((content) => decodeImage(content, options, file.path)),
        );
  };

/** How many images are read and decoded at once: more bytes than these are never in flight. */
const atOnce = 8;

interface LoadOptions<M extends ColorMode, H extends number, W extends number> extends DecodeOptions<M> {
  readonly size: readonly [H, W];
}

const load = <M extends ColorMode, H extends number, W extends number>(
  self: ImageFolder,
  options: LoadOptions<M, H, W>,
): RTE.ReaderTaskEither<HasFileSystem, FolderError, Uint8Array> => {
  const [height, width] = options.size;
  const each = channelsOf[options.colorMode ?? 'rgb'] * height * width;
  const starts = Array.from({ length: Math.ceil(self.files.length / atOnce) }, (_, i) => i * atOnce);
  return (env) => {
    const all = new Uint8Array(self.files.length * each);
    return pipe(
      starts,
      TE.traverseSeqArray((from) =>
        pipe(
          self.files.slice(from, from + atOnce),
          TE.traverseArrayWithIndex((i) =>
            pipe(
              imageAt(options)(self, from + i)(env),
              TE.map((image) => all.set(image.data as Uint8Array, (from + i) * each)),
            ),
          ),
        ),
      ),
      TE.map(() => all),
    );
  };
};

/**
 * All images in memory, as bytes, with labels: `Dataset<[channels, height, width], Int<[]>>`. Keras
 * `image_dataset_from_directory(label_mode='int', image_size=(256, 256))`; for `'categorical'` follow with `D.oneHot(classes)`, for
 * `'binary'` take `loadBinary`. Errors: the first file that cannot be read or decoded.
 *
 * @example
 * pipe(imageFolder('flowers'), RTE.chainW(loadImages({ size: [64, 64] })))
 */
export const loadImages =
  <const H extends number = 256, const W extends number = 256, const M extends ColorMode = 'rgb'>(
    options: LoadOptions<M, H, W>,
  ) =>
  (self: ImageFolder): RTE.ReaderTaskEither<HasFileSystem, FolderError, Dataset<[ChannelsOf<M>, H, W], Int<[]>>> =>
    pipe(
      load(self, options),
      RTE.chainEitherKW((data) => {
        const channels = channelsOf[options.colorMode ?? 'rgb'] as ChannelsOf<M>;
        const labels = self.files.map(({ label }) => label);
        const shape: readonly number[] = [channels, ...options.size];
        return dataset({ x: bytes(shape, data), y: ints([], labels) }) as unknown as E.Either<
          DataError,
          Dataset<[ChannelsOf<M>, H, W], Int<[]>>
        >;
      }),
    );

/** As `loadImages`, the label as a number 0 or 1 (Keras `label_mode='binary'`): `[1]`, for a sigmoid. Error: not two classes. */
export const loadBinary =
  <const H extends number = 256, const W extends number = 256, const M extends ColorMode = 'rgb'>(
    options: LoadOptions<M, H, W>,
  ) =>
  (self: ImageFolder): RTE.ReaderTaskEither<HasFileSystem, FolderError, Dataset<[ChannelsOf<M>, H, W], [1]>> =>
    self.classNames.length !== 2
      ? RTE.left(invalidImage('loadBinary', 'two classes', self.classNames.length))
      : pipe(
          load(self, options),
          RTE.chainEitherKW((data) => {
            const shape: readonly number[] = [channelsOf[options.colorMode ?? 'rgb'], ...options.size];
            const labels = self.files.map(({ label }) => label);
            return dataset({ x: bytes(shape, data), y: floats([1], labels) }) as unknown as E.Either<
              DataError,
              Dataset<[ChannelsOf<M>, H, W], [1]>
            >;
          }),
        );

/** As `loadImages`, labels as rows with a single 1 (Keras `label_mode='categorical'`). */
export const loadCategorical =
  <
    const C extends number,
    const H extends number = 256,
    const W extends number = 256,
    const M extends ColorMode = 'rgb',
  >(
    classes: C,
    options: LoadOptions<M, H, W>,
  ) =>
  (self: ImageFolder): RTE.ReaderTaskEither<HasFileSystem, FolderError, Dataset<[ChannelsOf<M>, H, W], [C]>> =>
    pipe(loadImages(options)(self), RTE.chainEitherKW(oneHot(classes)));
