/** Rows of arrays, a block at a time: of files larger than memory, as numpy's `mmap_mode`, and of arrays in memory. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { ReaderTaskEither } from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { FormatError } from '../../format/FormatError.ts';
import * as Npy from '../../format/Npy.ts';
import * as Safetensors from '../../format/Safetensors.ts';
import type { NdArray } from '../../shape/NdArray.ts';
import { show } from '../../shape/Shape.ts';
import * as S from '../../stream/Stream.ts';
import type { FileSystem, HasFileSystem, IoError } from '../../training/Environment.ts';
import { type DataError, invalidArgument, invalidFile } from '../DataError.ts';
import * as Idx from '../Idx.ts';
import { between } from '../Rows.ts';
import { type DataStream, isPositive, make } from '../streamed/Model.ts';
import { partOf, sizeOf } from './Bytes.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface BlockOptions {
  /** Rows (of axis 0) in a block; the last one may have fewer. */
  readonly rows: number;
}

/** An array in a file, its rows one behind the other. */
interface Placed {
  readonly shape: readonly number[];
  /** Bytes of an element. */
  readonly width: number;
  /** Where the elements start. */
  readonly start: number;
  readonly read: (shape: readonly number[], bytes: Uint8Array) => E.Either<DataError, NdArray>;
}

type Blocks = DataStream<HasFileSystem, DataError | IoError, NdArray>;

// -------------------------------------------------------------------------------------
// blocks of a placed array
// -------------------------------------------------------------------------------------

const rowsError = (what: string, rows: number): DataError =>
  invalidArgument(`${what}: rows`, rows, 'a positive integer', 'it is the number of rows in a block');

const blockOf =
  (path: string, { shape, width, start, read }: Placed, rows: number) =>
  (index: number): ReaderTaskEither<HasFileSystem, DataError | IoError, NdArray> => {
    const [count = 0, ...row] = shape;
    const from = index * rows;
    const some = Math.min(rows, count - from);
    const bytesOfRow = row.reduce((a, b) => a * b, width);
    return ({ fileSystem }) =>
      pipe(
        partOf(fileSystem, path, start + from * bytesOfRow, some * bytesOfRow),
        TE.chainEitherKW((bytes) => {
          const said = `row ${from}: expected ${some * bytesOfRow} bytes, got ${bytes.length}`;
          return bytes.length === some * bytesOfRow
            ? read([some, ...row], bytes)
            : E.left(invalidFile(path, said, 'the file was cut off while it was read'));
        }),
      );
  };

/** Numbers one by one: there may be very many. */
function* upTo(from: number, to: number): Generator<number, void> {
  for (let i = from; i < to; i++) yield i;
}

const blocksOf = (path: string, placed: Placed, rows: number): E.Either<DataError, Blocks> => {
  const [count] = placed.shape;
  if (count === undefined)
    return E.left(invalidFile(path, 'expected an array with rows, got a single number', 'give it an axis'));
  const size = Math.ceil(count / rows);
  const block = blockOf(path, placed, rows);
  const of = (indices: Iterable<number>): S.Stream<HasFileSystem, DataError | IoError, NdArray> =>
    S.fromGenerator(async function* (r) {
      for (const i of indices) {
        const next = await block(i)(r)();
        yield next;
        if (E.isLeft(next)) return;
      }
    });
  return E.right(
    make(
      ({ at }) => of(upTo(at, size)),
      size,
      (_, indices) => of(indices),
    ),
  );
};

/** Finds the array in the file, then its blocks. */
const opened =
  <Err>(
    what: string,
    path: string,
    { rows }: BlockOptions,
    place: (fileSystem: FileSystem, size: number) => TE.TaskEither<Err | DataError | IoError, Placed>,
  ): ReaderTaskEither<HasFileSystem, Err | DataError | IoError, Blocks> =>
  ({ fileSystem }) =>
    isPositive(rows)
      ? pipe(
          sizeOf(fileSystem, path),
          TE.chainW((size) => place(fileSystem, size)),
          TE.chainEitherKW((placed) => blocksOf(path, placed, rows)),
        )
      : TE.left(rowsError(what, rows));

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * An npy file in blocks of `rows` rows (of axis 0), read as they are needed: arrays larger than memory. The header is read at once;
 * blocks can be had in any order, so `DS.shuffle` holds none of them, and any position is reached at once.
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
  options: BlockOptions,
): ReaderTaskEither<HasFileSystem, DataError | IoError, Blocks> => {
  const asDataError = ({ message }: Npy.NpyError): DataError => ({ _tag: 'InvalidFile', message, file: path });
  return opened('npyBlocks', path, options, (fileSystem, size) =>
    pipe(
      partOf(fileSystem, path, 0, Npy.headerBytes),
      TE.chainEitherKW((bytes) =>
        pipe(Npy.layout(bytes, path), E.chainFirst(Npy.checkSize(size, path)), E.mapLeft(asDataError)),
      ),
      TE.filterOrElseW(
        ({ fortranOrder, shape }) => !fortranOrder || shape.length < 2,
        () =>
          invalidFile(
            path,
            'the array is in Fortran order, where rows do not lie together',
            'save np.ascontiguousarray(a)',
          ),
      ),
      TE.map((layout) => ({
        ...layout,
        read: (shape, bytes) => pipe(Npy.decodeElements(layout, shape, bytes, path), E.mapLeft(asDataError)),
      })),
    ),
  );
};

/**
 * An IDX file in blocks of rows, as `npyBlocks`. It must be unpacked: there is no place in gzip to begin in the middle.
 *
 * Errors: those of `idx`; an array without rows; `rows` is not a positive integer.
 */
export const idxBlocks = (
  path: string,
  options: BlockOptions,
): ReaderTaskEither<HasFileSystem, DataError | IoError, Blocks> =>
  opened('idxBlocks', path, options, (fileSystem, size) =>
    pipe(
      partOf(fileSystem, path, 0, Idx.headLength),
      TE.chainEitherKW((bytes) => Idx.header(path, bytes)),
      TE.filterOrElseW(
        ({ end }) => end === size,
        (head) => Idx.wrongSize(path, head, String(size), head.end > size),
      ),
      TE.map(({ element, shape, start }) => ({
        shape,
        start,
        width: element.width,
        read: (part, bytes) => E.right(Idx.elementsOf(element, part, bytes)),
      })),
    ),
  );

/**
 * One tensor of a safetensors file in blocks of rows, as `npyBlocks`. A checksum in the file, which is of all its bytes, is not compared.
 *
 * Errors: those of `safetensors`; no tensor of that name; one without rows; `rows` is not a positive integer.
 *
 * @example
 * D.safetensorsBlocks('embeddings.safetensors', 'train', { rows: 1024 })
 */
export const safetensorsBlocks = (
  path: string,
  name: string,
  options: BlockOptions,
): ReaderTaskEither<HasFileSystem, FormatError | DataError | IoError, Blocks> => {
  const here = (e: FormatError): FormatError => ({ ...e, message: `${path}: ${e.message}` });
  return opened<FormatError>('safetensorsBlocks', path, options, (fileSystem, size) =>
    pipe(
      partOf(fileSystem, path, 0, 8),
      TE.chainEitherKW((first) => pipe(Safetensors.headerEnd(first), E.mapLeft(here))),
      TE.chainW((end) => partOf(fileSystem, path, 0, end)),
      TE.chainEitherKW((header) => pipe(Safetensors.layouts(header, size), E.mapLeft(here))),
      TE.chainEitherKW((all) => {
        const found = Object.hasOwn(all, name) ? all[name] : undefined;
        const there = Object.entries(all).map(([other, { shape }]) => `${JSON.stringify(other)} ${show(shape)}`);
        return found === undefined
          ? E.left(
              invalidFile(
                path,
                `expected a tensor ${JSON.stringify(name)}, there are ${there.slice(0, 20).join(', ') || 'none'}`,
                'compare the names',
              ),
            )
          : E.right({
              ...found,
              read: (shape: readonly number[], bytes: Uint8Array) => E.right(found.read(shape, bytes)),
            });
      }),
    ),
  );
};

/** An array in memory in blocks of `rows` rows, which are views of it. Error, of the stream: `rows` is not a positive integer. */
export const arrayBlocks =
  ({ rows }: BlockOptions) =>
  (array: NdArray<unknown>): DataStream<unknown, DataError, NdArray> => {
    const count = array.shape[0] ?? 0;
    const of = (indices: Iterable<number>): S.Stream<unknown, DataError, NdArray> =>
      S.fromGenerator(async function* () {
        if (!isPositive(rows)) return yield E.left(rowsError('arrayBlocks', rows));
        for (const i of indices) yield E.right(between(array, i * rows, Math.min(count, (i + 1) * rows)));
      });
    const size = isPositive(rows) ? Math.ceil(count / rows) : 1;
    return make(
      ({ at }) => of(upTo(at, size)),
      size,
      (_, indices) => of(indices),
    );
  };
