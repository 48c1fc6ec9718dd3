/**
 * IDX files: the format of MNIST and its kin (http://yann.lecun.com/exdb/mnist). A big-endian header (two zero bytes, the
 * element type, the number of dimensions, each dimension as uint32), then the elements, big-endian, row-major.
 */
import { gunzipSync, constants as zlib } from 'node:zlib';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { ReaderTaskEither } from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { NdArray, TypedArray } from '../shape/NdArray.ts';
import { show } from '../shape/Shape.ts';
import type { HasFileSystem, IoError } from '../training/Environment.ts';
import type { DataError } from './DataError.ts';
import { invalidIdx } from './DataError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** An element type: its width in bytes, and how a run of elements becomes an array. */
interface Element {
  readonly width: number;
  readonly dtype: NdArray['dtype'];
  readonly read: (view: DataView, count: number) => TypedArray;
}

const range = (count: number): { readonly length: number } => ({ length: count });

const elementTypes: Readonly<Record<number, Element>> = {
  8: { width: 1, dtype: 'uint8', read: (v, n) => new Uint8Array(v.buffer, v.byteOffset, n) },
  9: { width: 1, dtype: 'int32', read: (v, n) => Int32Array.from(range(n), (_, i) => v.getInt8(i)) },
  11: { width: 2, dtype: 'int32', read: (v, n) => Int32Array.from(range(n), (_, i) => v.getInt16(2 * i)) },
  12: { width: 4, dtype: 'int32', read: (v, n) => Int32Array.from(range(n), (_, i) => v.getInt32(4 * i)) },
  13: { width: 4, dtype: 'float32', read: (v, n) => Float32Array.from(range(n), (_, i) => v.getFloat32(4 * i)) },
  14: { width: 8, dtype: 'float64', read: (v, n) => Float64Array.from(range(n), (_, i) => v.getFloat64(8 * i)) },
};

interface Header {
  readonly element: Element;
  readonly shape: readonly number[];
  /** Where the elements start, and how long the whole file is. */
  readonly start: number;
  readonly end: number;
}

// -------------------------------------------------------------------------------------
// decoding
// -------------------------------------------------------------------------------------

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ') || 'nothing';

const refetch = 'the file is cut off: fetch or copy it again';

/** For this room's own modules: what the first bytes say. `headLength` of them are enough. */
export const header = (name: string, bytes: Uint8Array): E.Either<DataError, Header> => {
  const [zero, zeroToo, type = 0, rank = 0] = bytes;
  const element = elementTypes[type];
  if (bytes.length < 4 || zero !== 0 || zeroToo !== 0 || element === undefined) {
    const got = `expected an IDX file, which starts with 00 00, a type (08 09 0b 0c 0d 0e) and a rank, got ${hex(bytes.subarray(0, 4))}`;
    return E.left(invalidIdx(name, got, 'check that this is the right file, and that it was unpacked'));
  }
  const start = 4 + 4 * rank;
  if (bytes.length < start) {
    return E.left(
      invalidIdx(name, `expected a header of ${start} bytes for ${rank} dimensions, got ${bytes.length}`, refetch),
    );
  }
  const view = viewOf(bytes);
  const shape = Array.from(range(rank), (_, i) => view.getUint32(4 + 4 * i));
  return E.right({ element, shape, start, end: start + shape.reduce((a, b) => a * b, element.width) });
};

/** For this room's own modules: elements as they lie in the file, of some of its rows perhaps. */
export const elementsOf = ({ dtype, width, read }: Element, shape: readonly number[], bytes: Uint8Array): NdArray => ({
  dtype,
  shape,
  data: read(viewOf(bytes), bytes.length / width),
});

export const wrongSize = (name: string, { shape, end }: Header, actual: string, isShort: boolean): DataError =>
  invalidIdx(
    name,
    `the header says ${show(shape)}, which makes a file of ${end} bytes, got ${actual}`,
    isShort ? refetch : 'the header does not belong to this data, or the file is damaged: fetch it again',
  );

const plain = (name: string, bytes: Uint8Array): E.Either<DataError, NdArray> =>
  pipe(
    header(name, bytes),
    E.filterOrElse(
      ({ end }) => end === bytes.length,
      (head) => wrongSize(name, head, String(bytes.length), head.end > bytes.length),
    ),
    E.map(({ element, shape, start }) => elementsOf(element, shape, bytes.subarray(start))),
  );

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** No stream of this format grows by more: so a header cannot make a small file claim memory for a large one. */
const maxRatio = 1032;
export const headLength = 4 + 4 * 255;

const unpack = (name: string, bytes: Uint8Array): E.Either<DataError, Uint8Array> => {
  const damaged = (e: unknown): DataError =>
    invalidIdx(
      name,
      `the gzip data are damaged (${e instanceof Error ? e.message : String(e)})`,
      'fetch the file again',
    );
  return pipe(
    // The first bytes, of a stream that may be cut off here, tell how large the rest may be.
    E.tryCatch(() => gunzipSync(bytes.subarray(0, 4096), { finishFlush: zlib.Z_SYNC_FLUSH }), damaged),
    E.chain((head) => header(name, head.subarray(0, headLength))),
    E.filterOrElse(
      ({ end }) => end <= bytes.length * maxRatio,
      (head) => wrongSize(name, head, `${bytes.length} bytes of gzip, which hold less`, true),
    ),
    E.chain((head) =>
      E.tryCatch(
        () => gunzipSync(bytes, { maxOutputLength: head.end }),
        (e) =>
          e instanceof Error && 'code' in e && e.code === 'ERR_BUFFER_TOO_LARGE'
            ? wrongSize(name, head, 'more', false)
            : damaged(e),
      ),
    ),
  );
};

/**
 * An array from the bytes of an IDX file, or of a gzipped one. uint8 stays as it is (a view, not a copy), int8, int16
 * and int32 become int32. Unpacking never takes more memory than the header says. `name` is what errors call it.
 *
 * Errors: not IDX; cut off; more bytes than the header says; damaged gzip.
 *
 * @example
 * pipe(decodeIdx()(bytes), E.chain((images) => dataset({ x: bytes([1, 28, 28], images), y: ints([], labels) })))
 */
export const decodeIdx =
  (options: { readonly name?: string } = {}) =>
  (bytes: Uint8Array): E.Either<DataError, NdArray> => {
    const name = options.name ?? 'idx';
    return isGzip(bytes)
      ? pipe(
          unpack(name, bytes),
          E.chain((unpacked) => plain(name, unpacked)),
        )
      : plain(name, bytes);
  };

/** An array from an IDX file, gzipped or not; errors are those of `decodeIdx`, and those of reading. */
export const idx =
  (path: string): ReaderTaskEither<HasFileSystem, DataError | IoError, NdArray> =>
  ({ fileSystem }) =>
    pipe(fileSystem.readFile(path), TE.chainEitherKW(decodeIdx({ name: path })));
