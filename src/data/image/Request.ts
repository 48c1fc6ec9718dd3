/** One image as it is asked for, in plain data, so that it can be sent to a worker thread; and how it is answered. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { NdArray } from '../../shape/NdArray.ts';
import type { Shape } from '../../shape/Shape.ts';
import type { HasFileSystem, IoError } from '../../training/Environment.ts';
import { type Augmentation, augment } from './Augment.ts';
import { type ColorMode, channelsOf, type DecodeOptions, decodeImage } from './Decode.ts';
import { type ImageError, invalidImage } from './ImageError.ts';

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

export interface Request {
  readonly path: string;
  readonly label: number;
  readonly decode: DecodeOptions<ColorMode> & { readonly size: readonly [number, number] };
  readonly steps: readonly Augmentation[];
  /** Of this image in this pass alone. */
  readonly seed: number;
  /** What must come of it. */
  readonly size: readonly [number, number];
}

// -------------------------------------------------------------------------------------
// interpreter
// -------------------------------------------------------------------------------------

const augmented =
  ({ steps, seed }: Request) =>
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
  (request: Request) =>
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
