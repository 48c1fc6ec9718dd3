/** Arrays from files: npy, npz, safetensors whole, and npy in blocks of rows for files larger than memory. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { ReaderTaskEither } from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { FormatError } from '../../format/FormatError.ts';
import * as Npy from '../../format/Npy.ts';
import * as Npz from '../../format/Npz.ts';
import * as Safetensors from '../../format/Safetensors.ts';
import type { NdArray } from '../../shape/NdArray.ts';
import * as S from '../../stream/Stream.ts';
import type { FileSystem, HasFileSystem, IoError } from '../../training/Environment.ts';
import { type DataError, invalidArgument, invalidFile } from '../DataError.ts';
import { between } from '../Rows.ts';
import { type DataStream, isPositive, make } from '../streamed/Model.ts';

// -------------------------------------------------------------------------------------
// whole files
// -------------------------------------------------------------------------------------

type FromFile<A> = ReaderTaskEither<HasFileSystem, DataError | IoError, A>;

/** The message is whole already. */
const asDataError = ({ name, message }: Npz.NpzError): DataError => ({ _tag: 'InvalidFile', message, file: name });

const read =
  <Err, A>(
    path: string,
    decode: (bytes: Uint8Array) => E.Either<Err, A>,
  ): ReaderTaskEither<HasFileSystem, Err | IoError, A> =>
  ({ fileSystem }) =>
    pipe(fileSystem.readFile(path), TE.chainEitherKW(decode));

/** The array in an npy file; errors are those of `Npy.decode`, and those of reading. */
export const npy = (path: string): FromFile<NdArray> =>
  read(path, (bytes) => pipe(Npy.decode(bytes, { name: path }), E.mapLeft(asDataError)));

/** The arrays of an npz file by name; `limit` is how many bytes they may have unpacked, by default 2 GiB. */
export const npz = (
  path: string,
  options: { readonly limit?: number } = {},
): FromFile<Readonly<Record<string, NdArray>>> =>
  read(path, (bytes) => pipe(Npz.decode(bytes, { ...options, name: path }), E.mapLeft(asDataError)));

/** The tensors of a safetensors file by name: `Dataset`s that were saved as such. Errors: those of `Safetensors.decode`. */
export const safetensors = (
  path: string,
): ReaderTaskEither<HasFileSystem, FormatError | IoError, Readonly<Record<string, NdArray>>> =>
  read(path, (bytes) =>
    pipe(
      Safetensors.decode(bytes),
      E.map(({ tensors }) => tensors),
    ),
  );

// -------------------------------------------------------------------------------------
// blocks of rows
// -------------------------------------------------------------------------------------

/** Numbers one by one: what a header says may be very many. */
function* upTo(from: number, to: number): Generator<number, void> {
  for (let i = from; i < to; i++) yield i;
}

/** Some bytes of a file; of a file system that cannot read parts, of all of it. */
const ranged = ({ readRange, readFile }: FileSystem): NonNullable<FileSystem['readRange']> =>
  readRange ??
  ((path, offset, length) =>
    pipe(
      readFile(path),
      TE.map((bytes) => bytes.subarray(offset, offset + length)),
    ));

const blockOf =
  (path: string, layout: Npy.NpyLayout, rows: number) =>
  (index: number): FromFile<NdArray> => {
    const [count = 0, ...row] = layout.shape;
    const from = index * rows;
    const some = Math.min(rows, count - from);
    const bytesOfRow = row.reduce((a, b) => a * b, layout.width);
    return ({ fileSystem }) =>
      pipe(
        ranged(fileSystem)(path, layout.start + from * bytesOfRow, some * bytesOfRow),
        TE.chainEitherKW((bytes) =>
          bytes.length === some * bytesOfRow
            ? pipe(Npy.decodeElements(layout, [some, ...row], bytes, path), E.mapLeft(asDataError))
            : E.left(
                invalidFile(
                  path,
                  `row ${from}: expected ${some * bytesOfRow} bytes, got ${bytes.length}`,
                  'the file is cut off',
                ),
              ),
        ),
      );
  };

/**
 * An npy file in blocks of `rows` rows (of axis 0), read as they are needed: arrays larger than memory, as numpy's `mmap_mode`. The header
 * is read at once; blocks can be had in any order, so `DS.shuffle` holds none of them, and any position is reached at once.
 *
 * Errors: those of `npy`; Fortran order, in which rows do not lie together; an array without rows; `rows` is not a positive integer.
 *
 * @example
 * pipe(
 *   D.npyBlocks('images.npy', { rows: 256 }),
 *   RTE.map(DS.mapEither((images) => D.dataset({ x: D.bytes([1, 28, 28], images), y: ... }))),
 * )
 */
export const npyBlocks = (
  path: string,
  options: { readonly rows: number },
): FromFile<DataStream<HasFileSystem, DataError | IoError, NdArray>> => {
  const { rows } = options;
  return ({ fileSystem }) =>
    pipe(
      TE.fromEither(
        isPositive(rows)
          ? E.right(undefined)
          : E.left(
              invalidArgument('npyBlocks: rows', rows, 'a positive integer', 'it is the number of rows in a block'),
            ),
      ),
      TE.chainW(() => ranged(fileSystem)(path, 0, Npy.headerBytes)),
      TE.chainEitherKW((bytes) => pipe(Npy.layout(bytes, path), E.mapLeft(asDataError))),
      TE.chainEitherKW((layout): E.Either<DataError, DataStream<HasFileSystem, DataError | IoError, NdArray>> => {
        const [count] = layout.shape;
        if (count === undefined)
          return E.left(invalidFile(path, 'expected an array with rows, got a single number', 'give it an axis'));
        if (layout.fortranOrder && layout.shape.length > 1)
          return E.left(
            invalidFile(
              path,
              'the array is in Fortran order, where rows do not lie together',
              'save np.ascontiguousarray(a)',
            ),
          );
        const size = Math.ceil(count / rows);
        const block = blockOf(path, layout, rows);
        const blocks = (indices: Iterable<number>): S.Stream<HasFileSystem, DataError | IoError, NdArray> =>
          S.fromGenerator(async function* (r) {
            for (const i of indices) {
              const next = await block(i)(r)();
              yield next;
              if (E.isLeft(next)) return;
            }
          });
        return E.right(
          make(
            ({ at }) => blocks(upTo(at, size)),
            size,
            (_, indices) => blocks(indices),
          ),
        );
      }),
    );
};

/** An array in memory in blocks of `rows` rows, which are views of it; the last one may be smaller. */
export const arrayBlocks =
  (options: { readonly rows: number }) =>
  (array: NdArray<unknown>): DataStream<unknown, DataError, NdArray> => {
    const { rows } = options;
    const count = array.shape[0] ?? 0;
    const of = (indices: Iterable<number>): S.Stream<unknown, DataError, NdArray> =>
      S.fromGenerator(async function* () {
        if (!isPositive(rows))
          return yield E.left(
            invalidArgument('arrayBlocks: rows', rows, 'a positive integer', 'it is the number of rows in a block'),
          );
        for (const i of indices) yield E.right(between(array, i * rows, Math.min(count, (i + 1) * rows)));
      });
    const size = isPositive(rows) ? Math.ceil(count / rows) : 1;
    return make(
      ({ at }) => of(upTo(at, size)),
      size,
      (_, indices) => of(indices),
    );
  };
