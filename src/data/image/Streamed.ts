/**
 * Images in streams: read, decoded, augmented and mixed while a model trains.
 *
 * What is random follows from a seed, the pass and the place in it. So each pass differs, the same pass is the same whenever and
 * in however many threads it is read, and a run that goes on in the middle sees what it would have seen.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { ReaderTaskEither } from 'fp-ts/lib/ReaderTaskEither.js';
import type { Int, Shape } from '../../shape/Shape.ts';
import type { HasFileSystem } from '../../training/Environment.ts';
import type { DataError } from '../DataError.ts';
import { type Dataset, dataset } from '../Dataset.ts';
import { bytes, floats, ints } from '../Samples.ts';
import type { LabelledFile } from '../source/Folder.ts';
import { mapEffect, mapEither, mapSeeded } from '../streamed/Elements.ts';
import { type DataStream, fromArray } from '../streamed/Model.ts';
import { mapInWorkers } from '../streamed/Workers.ts';
import type { Augmentation } from './Augmentation.ts';
import type { ChannelsOf, ColorMode, DecodeOptions } from './Decode.ts';
import type { FolderError, ImageFolder } from './Folder.ts';
import { type ImageError, invalidImage } from './ImageError.ts';
import { answer, answerBatch, type BatchRequest, type FileRequest, type Labelled } from './Request.ts';

export type { Labelled };

// -------------------------------------------------------------------------------------
// images of files
// -------------------------------------------------------------------------------------

/** Where the work is done. */
export interface Threads {
  /** In so many threads; default: in the one that asks. The results are the same, bit for bit. */
  readonly workers?: number;
  /** Where the threads' module is, for bundles that leave it behind: a file made of `data/image/Worker`. Default: beside this one. */
  readonly workerModule?: URL | string;
}

export interface ReadOptions<M extends ColorMode, H extends number, W extends number>
  extends DecodeOptions<M>,
    Threads {
  /** Height and width of the result. */
  readonly size: readonly [H, W];
  /** Those of the decoded image, before `steps`; default: `size`. Larger than it where a step crops. */
  readonly decodeSize?: readonly [number, number];
  /** Default: none; then images are bytes, a quarter of the memory of float32. */
  readonly steps?: readonly Augmentation[];
  /** Of the augmentation. Default 0. */
  readonly seed?: number;
  /** Reads, decodes and augments in so many threads, which read files by Node, not by the environment. */
  readonly workers?: number;
}

/** The files of a folder as a stream, in their order: each can be had at once, so shuffling holds nothing but numbers. */
export const imageFiles = (folder: ImageFolder): DataStream<unknown, never, LabelledFile> => fromArray(folder.files);

const isRecord = (u: unknown): u is Readonly<Record<string, unknown>> => typeof u === 'object' && u !== null;

/** What comes from a thread is an `Either` of what was asked for, if the module is the right one. */
const answered =
  <Err, A>(what: string) =>
  (result: unknown): E.Either<Err | ImageError, A> =>
    isRecord(result) && (result._tag === 'Left' || (result._tag === 'Right' && isRecord(result.right)))
      ? (result as unknown as E.Either<Err, A>)
      : E.left(invalidImage(`${what}: workerModule`, 'the answer of data/image/Worker', typeof result));

const beside = (): URL => new URL('./Worker.js', import.meta.url);

/**
 * Files to images with labels, each decoded to a size and augmented by seed, pass and place, one after the other or in worker threads:
 * the same numbers, bit for bit. Shuffle before, batch behind.
 *
 * Errors, of the stream: a file that cannot be read or decoded, steps out of range or whose result has another size, no `sharp`,
 * a worker that fails. PyTorch: `DataLoader(ImageFolder(root, transform), num_workers)`.
 *
 * @example
 * pipe(
 *   imageFiles(folder),
 *   DS.shuffle({ seed: 1 }),
 *   readImages({ size: [224, 224], decodeSize: [256, 256], steps: [randomCrop(224, 224), randomFlip('horizontal')], workers: 4 }),
 *   DS.batch(32),
 *   DS.mapEither(imageBatch), // DataStream<HasFileSystem, FolderError, Dataset<[3, 224, 224], Int<[]>>>
 * )
 */
export const readImages =
  <const H extends number, const W extends number, const M extends ColorMode = 'rgb'>(options: ReadOptions<M, H, W>) =>
  <R, Err>(
    self: DataStream<R, Err, LabelledFile>,
  ): DataStream<R & HasFileSystem, Err | FolderError, Labelled<[ChannelsOf<M>, H, W]>> => {
    const { size, decodeSize = size, steps = [], seed = 0, workers, workerModule, ...decode } = options;
    const requests = pipe(
      self,
      mapSeeded(seed)(
        ({ path, label }: LabelledFile, own): FileRequest => ({
          _tag: 'File',
          path,
          label,
          decode: { ...decode, size: decodeSize },
          steps,
          seed: own,
          size,
        }),
      ),
    );
    // Its shape is checked there.
    type Image = Labelled<[ChannelsOf<M>, H, W]>;
    if (workers === undefined)
      return pipe(
        requests,
        mapEffect(answer as (request: FileRequest) => ReaderTaskEither<HasFileSystem, FolderError, Image>),
      );
    const module = workerModule ?? beside();
    return pipe(requests, mapInWorkers({ module, workers, decode: answered<FolderError, Image>('readImages') }));
  };

/** Images with labels as a batch to train on. Errors: none; other sizes among them. */
export const imageBatch = <S extends Shape>(
  all: readonly Labelled<S>[],
): E.Either<ImageError | DataError, Dataset<S, Int<[]>>> => {
  const shape = all[0]?.image.shape ?? [];
  const each = shape.reduce((a, b) => a * b, 1);
  const odd = all.find(({ image }) => image.shape.join() !== shape.join());
  if (all.length === 0 || odd !== undefined)
    return E.left(
      invalidImage(
        'imageBatch',
        `images of one size, the first has [${shape}]`,
        `[${odd?.image.shape ?? 'no images'}]`,
      ),
    );
  const isBytes = all.every(({ image }) => image.dtype === 'uint8');
  const data = isBytes ? new Uint8Array(all.length * each) : new Float32Array(all.length * each);
  all.forEach(({ image }, i) => {
    data.set(image.data as ArrayLike<number>, i * each);
  });
  const y = ints(
    [],
    all.map(({ label }) => label),
  );
  return dataset({ x: isBytes ? bytes(shape, data) : floats(shape, data), y }) as unknown as E.Either<
    DataError,
    Dataset<S, Int<[]>>
  >;
};

// -------------------------------------------------------------------------------------
// batches
// -------------------------------------------------------------------------------------

type Pictures = [number, number, number];

/** Each batch by a request with a seed of its own, here or in threads. */
const eachBatch =
  <X, Y>(
    what: string,
    { seed, workers, workerModule }: Threads & { readonly seed: number },
    asked: (batch: Dataset<X, Y>, seed: number) => BatchRequest<X, Y>,
  ) =>
  <R, Err>(self: DataStream<R, Err, Dataset<X, Y>>): DataStream<R, Err | ImageError | DataError, Dataset<X, Y>> => {
    const requests = pipe(self, mapSeeded(seed)(asked));
    if (workers === undefined) return pipe(requests, mapEither(answerBatch));
    const module = workerModule ?? beside();
    return pipe(requests, mapInWorkers({ module, workers, decode: answered<ImageError, Dataset<X, Y>>(what) }));
  };

/**
 * Batches of images augmented, by seed, pass and place: for images that are in memory (`DS.fromDataset`). Errors, of the stream:
 * those of `augment`; steps that change the size, which is in the type (`readImages` crops); a worker that fails.
 *
 * @example
 * pipe(data, DS.fromDataset({ batchSize: 32, seed: 1 }), augmented([randomFlip('horizontal')], { seed: 2, workers: 2 }))
 */
export const augmented =
  (steps: readonly Augmentation[], options: { readonly seed: number } & Threads) =>
  <R, Err, S extends Pictures, Y>(
    self: DataStream<R, Err, Dataset<S, Y>>,
  ): DataStream<R, Err | ImageError | DataError, Dataset<S, Y>> =>
    pipe(
      self,
      eachBatch('augmented', options, (batch: Dataset<S, Y>, seed) => ({ _tag: 'Augment', batch, seed, steps })),
    );

/**
 * The images of each batch mixed with others of it, and their targets, which are rows of probabilities: `DS.mapEither(D.oneHot(10))`
 * before. Errors, of the stream: those of `mixup` and `cutmix`; a worker that fails.
 *
 * @example
 * pipe(batches, DS.mapEither(D.oneHot(10)), mixed('cutmix', { seed: 3 })) // train with Loss.categoricalCrossentropy()
 */
export const mixed =
  (how: 'mixup' | 'cutmix', options: { readonly seed: number; readonly alpha?: number } & Threads) =>
  <R, Err, S extends Pictures, K extends number>(
    self: DataStream<R, Err, Dataset<S, [K]>>,
  ): DataStream<R, Err | ImageError | DataError, Dataset<S, [K]>> => {
    const { alpha, ...rest } = options;
    return pipe(
      self,
      eachBatch('mixed', rest, (batch: Dataset<S, [K]>, seed) => ({
        _tag: 'Mix',
        batch,
        seed,
        how,
        ...(alpha === undefined ? {} : { alpha }),
      })),
    );
  };
