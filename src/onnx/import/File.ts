/**
 * ONNX files from a file system, with the files beside them that hold their tensors.
 *
 * No path leaves the model's folder: not by `..`, not as an absolute path, and not through a link.
 */
import { pipe } from 'fp-ts/lib/function.js';
import type * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { Foreign } from '../../graph/Foreign.ts';
import type { Layer } from '../../layer/Definition.ts';
import type { Model } from '../../model/Wiring.ts';
import type { Fixed } from '../../shape/Fn.ts';
import type { AnyShape, Batched, Shape } from '../../shape/Shape.ts';
import type { FileSystem, HasFileSystem, IoError } from '../../training/Environment.ts';
import { attempt } from './Attempt.ts';
import { fromParts, keyOf, locationsOf, partsOf } from './External.ts';
import { type Expect, type ExpectAll, type ImportOptions, layerOf, modelOf } from './Import.ts';
import { externalData, type ImportError } from './ImportError.ts';
import { defaultLimits, type Limits, within } from './Limits.ts';
import { decodeModel, type ReadOptions, readModel } from './Read.ts';
import type { Location } from './Tensors.ts';

// -------------------------------------------------------------------------------------
// paths
// -------------------------------------------------------------------------------------

const folderOf = (path: string): string => {
  const end = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'));
  return end < 0 ? '.' : path.slice(0, end + 1) || '/';
};

const join = (folder: string, parts: readonly string[]): string =>
  `${folder}${folder.endsWith('/') || folder.endsWith('\\') ? '' : '/'}${parts.join('/')}`;

const isBelow = (folder: string, path: string): boolean => {
  const root = folder.endsWith('/') || folder.endsWith('\\') ? folder.slice(0, -1) : folder;
  return path.startsWith(root) && /^[/\\]/.test(path.slice(root.length));
};

/** The path of a location, once no link in it leads out of the folder. */
const inside = (
  { realPath }: FileSystem,
  folder: string,
  location: string,
): TE.TaskEither<ImportError | IoError, string> =>
  pipe(
    TE.fromEither(attempt(() => join(folder, partsOf(location)))),
    TE.chainW((path) =>
      realPath === undefined
        ? TE.right(path)
        : pipe(
            TE.Do,
            TE.apSW('root', realPath(folder)),
            TE.apSW('real', realPath(path)),
            TE.chainW(({ root, real }) =>
              isBelow(root, real)
                ? TE.right(real)
                : TE.left(
                    externalData(location, "is a link that leaves the model's folder; put the file itself there"),
                  ),
            ),
          ),
    ),
  );

// -------------------------------------------------------------------------------------
// reading
// -------------------------------------------------------------------------------------

const readAt = (
  fileSystem: FileSystem,
  path: string,
  { offset, length }: Location,
): TE.TaskEither<IoError, Uint8Array> =>
  fileSystem.readRange === undefined || length === undefined
    ? pipe(
        fileSystem.readFile(path),
        TE.map((bytes) => bytes.subarray(offset, length === undefined ? undefined : offset + length)),
      )
    : fileSystem.readRange(path, offset, length);

/** What lies outside, by place: each place once. */
const partsFrom = (
  fileSystem: FileSystem,
  folder: string,
  locations: readonly Location[],
  limits: Limits,
): TE.TaskEither<ImportError | IoError, ReadonlyMap<string, Uint8Array>> => {
  const once = [...new Map(locations.map((at) => [keyOf(at), at])).values()];
  const most = limits.tensorBytes ?? defaultLimits.tensorBytes;
  return pipe(
    TE.fromEither(
      attempt(() =>
        within(
          'bytes of external data',
          most,
          once.reduce((n, { length = 0 }) => n + length, 0),
        ),
      ),
    ),
    TE.chainW(() =>
      pipe(
        once,
        TE.traverseSeqArray((at) =>
          pipe(
            inside(fileSystem, folder, at.location),
            TE.chainW((path) => readAt(fileSystem, path, at)),
            TE.chainW(
              (bytes): TE.TaskEither<ImportError, readonly [string, Uint8Array]> =>
                at.length !== undefined && bytes.length < at.length
                  ? TE.left(
                      externalData(
                        at.location,
                        `ends before byte ${at.offset + at.length}, which a tensor reaches: the file is cut off`,
                      ),
                    )
                  : TE.right([keyOf(at), bytes]),
            ),
          ),
        ),
      ),
    ),
    TE.map((parts) => new Map(parts)),
  );
};

const readFrom =
  (path: string, options: ReadOptions): RTE.ReaderTaskEither<HasFileSystem, ImportError | IoError, Foreign> =>
  ({ fileSystem }) =>
    pipe(
      fileSystem.readFile(path),
      TE.chainEitherKW((bytes) => decodeModel(bytes, options.limits)),
      TE.bindTo('model'),
      TE.bindW('locations', ({ model }) => TE.fromEither(attempt(() => locationsOf(model)))),
      TE.bindW('parts', ({ locations }) => partsFrom(fileSystem, folderOf(path), locations, options.limits ?? {})),
      TE.chainEitherKW(({ model, parts }) => readModel(options, fromParts(parts))(model)),
      TE.mapLeft((error) => (error._tag === 'IoError' ? error : { ...error, message: `${path}: ${error.message}` })),
    );

/**
 * `importOnnx` of a file, with the tensors that lie in other files of its folder. Left besides: `IoError`.
 *
 * @example
 * pipe(
 *   importOnnxFile('backbone.onnx', { expect: { input: [3, 224, 224], output: [1000] } }),
 *   RTE.map((backbone) => L.model(L.input([3, 224, 224]), L.named('backbone', backbone), L.dense(5))),
 * )
 */
export const importOnnxFile =
  <const I extends AnyShape = Shape, const O extends AnyShape = Shape>(
    path: string,
    options: ImportOptions & { readonly expect?: Expect<I, O> } = {},
  ): RTE.ReaderTaskEither<HasFileSystem, ImportError | IoError, Layer<Fixed<Batched<I>, Batched<O>>>> =>
  (env) =>
    pipe(readFrom(path, options)(env), TE.chainEitherKW(layerOf<I, O>(options)));

/** `importModel` of a file, with the tensors that lie in other files of its folder. Left besides: `IoError`. */
export const importModelFile =
  <const I extends Readonly<Record<string, AnyShape>>, const O extends Readonly<Record<string, AnyShape>>>(
    path: string,
    options: ReadOptions & { readonly expect: ExpectAll<I, O> },
  ): RTE.ReaderTaskEither<
    HasFileSystem,
    ImportError | IoError,
    Model<{ readonly [K in keyof I]: Batched<I[K]> }, { readonly [K in keyof O]: Batched<O[K]> }>
  > =>
  (env) =>
    pipe(readFrom(path, options)(env), TE.chainEitherKW(modelOf(options.expect)));
