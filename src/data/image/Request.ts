/** Images and batches of them as they are asked for, in plain data, so that it can be sent to a worker thread; and how it is answered. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { NdArray } from '../../shape/NdArray.ts';
import type { Shape } from '../../shape/Shape.ts';
import type { HasFileSystem, IoError } from '../../training/Environment.ts';
import type { Dataset } from '../Dataset.ts';
import { augment } from './Augment.ts';
import type { Augmentation } from './Augmentation.ts';
import { type ColorMode, channelsOf, type DecodeOptions, decodeImage } from './Decode.ts';
import { type ImageError, invalidImage } from './ImageError.ts';
import { cutmix, mixup } from './Mix.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** An image with its label, the position of its class. */
export interface Labelled<S extends Shape> {
  readonly image: NdArray;
  readonly label: number;
  /** Phantom: the image's shape as the compiler knows it. Never present at run time. */
  readonly '~shape'?: S;
}

/** An image of a file. */
export interface FileRequest {
  readonly _tag: 'File';
  readonly path: string;
  readonly label: number;
  readonly decode: DecodeOptions<ColorMode> & { readonly size: readonly [number, number] };
  readonly steps: readonly Augmentation[];
  /** Of this image in this pass alone. */
  readonly seed: number;
  /** What must come of it. */
  readonly size: readonly [number, number];
}

/** A batch of images to be changed, or mixed with each other. `seed`: of this batch in this pass alone. */
export type BatchRequest<X, Y> = { readonly batch: Dataset<X, Y>; readonly seed: number } & (
  | { readonly _tag: 'Augment'; readonly steps: readonly Augmentation[] }
  | { readonly _tag: 'Mix'; readonly how: 'mixup' | 'cutmix'; readonly alpha?: number }
);

export type Request = FileRequest | BatchRequest<unknown, unknown>;

// -------------------------------------------------------------------------------------
// interpreter
// -------------------------------------------------------------------------------------

const augmented =
  ({ steps, seed }: FileRequest) =>
  (image: NdArray): E.Either<ImageError, NdArray> =>
    steps.length === 0
      ? E.right(image)
      : pipe(
          { ...image, shape: [1, ...image.shape] },
          augment(steps, { seed, epoch: 0, samples: [0] }),
          E.map((batch) => ({ ...batch, shape: batch.shape.slice(1) })),
        );

/** Read, decoded, augmented: bytes if there are no steps, float32 otherwise. */
export const answer =
  (request: FileRequest) =>
  ({ fileSystem }: HasFileSystem): TE.TaskEither<ImageError | IoError, Labelled<Shape>> =>
    pipe(
      fileSystem.readFile(request.path),
      TE.chainW((bytes) => decodeImage(bytes, request.decode, request.path)),
      TE.chainEitherKW(augmented(request)),
      TE.chainEitherKW((image): E.Either<ImageError, Labelled<Shape>> => {
        const expected = [channelsOf[request.decode.colorMode ?? 'rgb'], ...request.size].join();
        return image.shape.join() === expected
          ? E.right({ image, label: request.label })
          : E.left(
              invalidImage(
                `readImages: ${request.path}`,
                `[${expected}] after all steps (\`size\` is that of the result, \`decodeSize\` that before a crop)`,
                `[${image.shape.join()}]`,
              ),
            );
      }),
    );

/** The batch with other images; of `Mix` with other targets, too. */
export const answerBatch = <X, Y>(request: BatchRequest<X, Y>): E.Either<ImageError, Dataset<X, Y>> => {
  const { batch, seed } = request;
  const before = batch.x as unknown as NdArray;
  if (request._tag === 'Augment') {
    const samples = Array.from({ length: batch.size }, (_, i) => i);
    return pipe(
      before,
      augment(request.steps, { seed, epoch: 0, samples }),
      E.filterOrElse(
        (x) => x.shape.join() === before.shape.join(),
        (x) => invalidImage('augmented', `steps that keep the size, [${before.shape}]`, `[${x.shape}]`),
      ),
      E.map((x) => ({ ...batch, x: x as unknown as typeof batch.x })),
    );
  }
  const mix = request.how === 'mixup' ? mixup : cutmix;
  return pipe(
    { x: before, y: batch.y as unknown as NdArray },
    mix({ seed, epoch: 0, batch: 0 }, request.alpha === undefined ? {} : { alpha: request.alpha }),
    E.map(({ x, y }) => ({ ...batch, x: x as unknown as typeof batch.x, y: y as unknown as typeof batch.y })),
  );
};
