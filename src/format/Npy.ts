/**
 * npy: one array in a file, NumPy's own format (numpy.lib.format, versions 1.0, 2.0 and 3.0).
 *
 * `float32`, `float64`, `float16`, `int32`, `int64`, `uint8`, `uint32` and `bool` are read as they are. `int8`, `int16` and `uint16`
 * become int32 (all their values fit), `uint64` becomes int64 if its values fit. Either byte order is read, C order and Fortran
 * order too; little-endian C order is written. What no array here can hold is refused: objects (pickles, which could run code),
 * texts, dates, complex numbers, structured types.
 *
 * Laws: `decode` after `encode` gives the array back; `decode` of any bytes whatever returns, never throws, and takes no more
 * memory than a small multiple of the bytes given.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { DType, NdArray, TypedArray } from '../shape/NdArray.ts';
import { decodeHeader, encodeHeader, type NpyHeader } from './NpyHeader.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** What is wrong with an npy file, with what was expected and the likely mend. */
export interface NpyError {
  readonly _tag: 'NpyError';
  readonly message: string;
  /** What errors call the file, or the member of an npz file. */
  readonly name: string;
}

const error = (name: string, reason: string, mend: string): NpyError => ({
  _tag: 'NpyError',
  message: `${name}: ${reason}; ${mend}`,
  name,
});

/** How a run of elements, aligned and little-endian, becomes an array. */
interface Element {
  readonly dtype: DType;
  readonly width: number;
  readonly read: (buffer: ArrayBufferLike, offset: number, count: number) => TypedArray | undefined;
}

const elements: Readonly<Record<string, Element>> = {
  f2: { dtype: 'float16', width: 2, read: (b, o, n) => new Uint16Array(b, o, n) },
  f4: { dtype: 'float32', width: 4, read: (b, o, n) => new Float32Array(b, o, n) },
  f8: { dtype: 'float64', width: 8, read: (b, o, n) => new Float64Array(b, o, n) },
  i1: { dtype: 'int32', width: 1, read: (b, o, n) => Int32Array.from(new Int8Array(b, o, n)) },
  i2: { dtype: 'int32', width: 2, read: (b, o, n) => Int32Array.from(new Int16Array(b, o, n)) },
  i4: { dtype: 'int32', width: 4, read: (b, o, n) => new Int32Array(b, o, n) },
  i8: { dtype: 'int64', width: 8, read: (b, o, n) => new BigInt64Array(b, o, n) },
  u1: { dtype: 'uint8', width: 1, read: (b, o, n) => new Uint8Array(b, o, n) },
  u2: { dtype: 'int32', width: 2, read: (b, o, n) => Int32Array.from(new Uint16Array(b, o, n)) },
  u4: { dtype: 'uint32', width: 4, read: (b, o, n) => new Uint32Array(b, o, n) },
  u8: {
    dtype: 'int64',
    width: 8,
    read: (b, o, n) => {
      const signed = new BigInt64Array(b, o, n);
      return signed.every((x) => x >= 0n) ? signed : undefined;
    },
  },
  b1: { dtype: 'bool', width: 1, read: (b, o, n) => new Uint8Array(b, o, n) },
};

const codes: Readonly<Partial<Record<DType, string>>> = {
  float16: '<f2',
  float32: '<f4',
  float64: '<f8',
  int32: '<i4',
  int64: '<i8',
  uint8: '|u1',
  uint32: '<u4',
  bool: '|b1',
};

const reasons: Readonly<Record<string, readonly [string, string]>> = {
  O: [
    'Python objects (pickled), which are not read since they could run code',
    'save numbers: np.save(file, a.astype(np.float32))',
  ],
  U: ['texts', 'number them and save the numbers, or write CSV'],
  S: ['texts in bytes', 'number them and save the numbers, or write CSV'],
  c: ['complex numbers', 'save real and imaginary parts: a.real, a.imag'],
  M: ['dates', 'save them as numbers: a.astype(np.int64)'],
  m: ['durations', 'save them as numbers: a.astype(np.int64)'],
  V: ['raw or structured elements', 'save each field by itself; bfloat16 as np.float32'],
};

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59] as const;

// -------------------------------------------------------------------------------------
// header
// -------------------------------------------------------------------------------------

/** What the header says, checked. */
export interface NpyLayout {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly fortranOrder: boolean;
  readonly isBigEndian: boolean;
  /** Bytes of an element in the file. */
  readonly width: number;
  /** Where the elements start. */
  readonly start: number;
  /** Where the file ends, if it is whole. */
  readonly end: number;
  readonly code: string;
}

const product = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

const toLayout = (
  name: string,
  { descr, fortranOrder, shape }: NpyHeader,
  start: number,
): E.Either<NpyError, NpyLayout> => {
  const [, order = '', kind = '', size = ''] = /^([<>|=]?)([a-zA-Z])(\d*)$/.exec(descr) ?? [];
  const code = `${kind}${size}`;
  const element = Object.hasOwn(elements, code) ? elements[code] : undefined;
  if (element === undefined) {
    const known = 'f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1';
    const [what, mend] = reasons[kind === '' ? 'V' : kind] ?? [
      'elements of another type',
      'convert it: a.astype(np.float32)',
    ];
    return E.left(
      error(name, `expected numbers of ${known}, got ${JSON.stringify(descr.slice(0, 80))}: ${what}`, mend),
    );
  }
  const count = product(shape);
  return Number.isSafeInteger(count * element.width)
    ? E.right({
        dtype: element.dtype,
        shape,
        fortranOrder,
        isBigEndian: order === '>',
        width: element.width,
        start,
        end: start + count * element.width,
        code,
      })
    : E.left(error(name, `the shape (${shape.join(', ')}) is too large`, 'the file is damaged: save it again'));
};

/** The first bytes of a file are enough: `headerBytes` says how many, where these are too few. */
export const layout = (bytes: Uint8Array, name = 'npy'): E.Either<NpyError, NpyLayout> => {
  const again = 'the file is cut off: copy or save it again';
  if (!MAGIC.every((byte, i) => bytes[i] === byte)) {
    const got = Array.from(bytes.subarray(0, 6), (b) => b.toString(16).padStart(2, '0')).join(' ') || 'nothing';
    const mend = 'check that this is the right file; an npz file is read by Npz';
    return E.left(error(name, `expected an npy file, which starts with 93 4e 55 4d 50 59, got ${got}`, mend));
  }
  const major = bytes[6] ?? 0;
  if (bytes.length > 6 && (major < 1 || major > 3))
    return E.left(error(name, `expected version 1, 2 or 3, got ${major}.${bytes[7]}`, 'save it with numpy.save'));
  const wide = major > 1;
  const before = wide ? 12 : 10;
  if (bytes.length < before)
    return E.left(error(name, `expected ${before} bytes of header, got ${bytes.length}`, again));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  if (length > MOST_HEADER)
    return E.left(
      error(name, `a header of ${length} bytes, at most ${MOST_HEADER} are read`, 'the file is damaged: save it again'),
    );
  if (before + length > bytes.length)
    return E.left(error(name, `the header has ${length} bytes, the file ${bytes.length - before}`, again));
  // Versions 1 and 2 are latin1, version 3 is UTF-8: what is read of it is ASCII.
  const text = new TextDecoder(major === 3 ? 'utf-8' : 'latin1').decode(bytes.subarray(before, before + length));
  return pipe(
    decodeHeader(text),
    E.mapLeft((reason) => error(name, reason, 'the file is damaged, or was made by faulty software: save it again')),
    E.chain((header) => toLayout(name, header, before + length)),
  );
};

/** Of numbers it is one line; structured types, whose headers may be long, are refused in any case. */
const MOST_HEADER = 1 << 14;

/** So many bytes from the start of a file hold its header, whatever it is. */
export const headerBytes = 12 + MOST_HEADER;

// -------------------------------------------------------------------------------------
// decoding
// -------------------------------------------------------------------------------------

const swapped = (bytes: Uint8Array, width: number): Uint8Array => {
  const out = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i += width)
    for (let j = 0; j < width; j++) out[i + j] = bytes[i + width - 1 - j] as number;
  return out;
};

/** Fortran order to C order: the first axis runs fastest there. */
const rowMajor = (bytes: Uint8Array, shape: readonly number[], width: number): Uint8Array => {
  const out = new Uint8Array(bytes.length);
  const strides = shape.map((_, axis) => product(shape.slice(0, axis)) * width);
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < out.length; to += width) {
    for (let j = 0; j < width; j++) out[to + j] = bytes[from + j] as number;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      from += strides[axis] ?? 0;
      if (next < (shape[axis] ?? 0)) {
        index[axis] = next;
        break;
      }
      from -= next * (strides[axis] ?? 0);
      index[axis] = 0;
    }
  }
  return out;
};

/** A file of `size` bytes holds what its header says, and no more. */
export const checkSize =
  (size: number, name: string) =>
  ({ shape, end }: NpyLayout): E.Either<NpyError, void> => {
    if (end === size) return E.right(undefined);
    const says = `the header says (${shape.join(', ')}), which makes a file of ${end} bytes, got ${size}`;
    return E.left(
      end > size
        ? error(name, says, 'the file is cut off: copy or save it again')
        : error(
            name,
            says,
            'it holds more than one array, or was added to: save each array in a file of its own, or all as npz',
          ),
    );
  };

/** Elements as their file has them, of a part of it perhaps, as an array of this shape. */
export const decodeElements = (
  { dtype, code, width, isBigEndian, fortranOrder }: NpyLayout,
  shape: readonly number[],
  bytes: Uint8Array,
  name = 'npy',
): E.Either<NpyError, NdArray> => {
  const ordered = fortranOrder && shape.filter((d) => d !== 1).length > 1 ? rowMajor(bytes, shape, width) : bytes;
  const little = isBigEndian && width > 1 ? swapped(ordered, width) : ordered;
  const aligned = little.byteOffset % width === 0 ? little : little.slice();
  const data = elements[code]?.read(aligned.buffer, aligned.byteOffset, aligned.length / width);
  return data === undefined
    ? E.left(
        error(
          name,
          'expected unsigned 64-bit integers below 2^63, got a larger one',
          'convert it: a.astype(np.float64)',
        ),
      )
    : E.right({ dtype, shape, data });
};

/**
 * The array in the bytes of a file; `name` is what errors call it. The data are a view of `bytes` where they lie there as they are
 * needed: do not write to `bytes` afterwards.
 *
 * Errors: not npy; a version above 3; an element type that cannot be held; cut off; more bytes than the header says.
 *
 * @example
 * pipe(Npy.decode(bytes), E.chain((x) => D.dataset({ x: D.floats([4], x), y: D.ints([], labels) })))
 */
export const decode = (bytes: Uint8Array, options: { readonly name?: string } = {}): E.Either<NpyError, NdArray> => {
  const name = options.name ?? 'npy';
  return pipe(
    layout(bytes, name),
    E.chainFirst(checkSize(bytes.length, name)),
    E.chain((found) => decodeElements(found, found.shape, bytes.subarray(found.start, found.end), name)),
  );
};

// -------------------------------------------------------------------------------------
// encoding
// -------------------------------------------------------------------------------------

const encoded = (shape: readonly number[], descr: string): Uint8Array => {
  const text = new TextEncoder().encode(encodeHeader({ descr, fortranOrder: false, shape }));
  // Elements start at a multiple of 64, and a line end comes before them, as numpy has it.
  const version = text.length + 75 < 65_536 ? 1 : 2;
  const before = version === 1 ? 10 : 12;
  const start = Math.ceil((before + text.length + 1) / 64) * 64;
  const head = new Uint8Array(start).fill(0x20);
  head.set([...MAGIC, version, 0]);
  const view = new DataView(head.buffer);
  if (version === 1) view.setUint16(8, start - before, true);
  else view.setUint32(8, start - before, true);
  head.set(text, before);
  head[start - 1] = 0x0a;
  return head;
};

/**
 * The bytes of a file with this array, as `numpy.save` writes it.
 *
 * Errors: shape and data that do not belong together; bfloat16, which numpy does not have.
 */
export const encode = (
  array: NdArray<unknown>,
  options: { readonly name?: string } = {},
): E.Either<NpyError, Uint8Array> => {
  const name = options.name ?? 'npy';
  const { dtype, shape, data } = array;
  const descr = codes[dtype];
  if (descr === undefined)
    return E.left(error(name, `expected an element type that numpy has, got ${dtype}`, 'convert it to float32'));
  if (product(shape) !== data.length) {
    const reason = `the shape [${shape.join(',')}] holds ${product(shape)} elements, the data ${data.length}`;
    return E.left(error(name, reason, 'shape and data must belong together'));
  }
  const head = encoded(shape, descr);
  const file = new Uint8Array(head.length + data.byteLength);
  file.set(head);
  file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), head.length);
  return E.right(file);
};
