/**
 * Safetensors: named tensors and text metadata in one file (https://github.com/huggingface/safetensors).
 *
 * A uint64 (little-endian) with the length of the header, the header as JSON, the data of all tensors without gaps. The
 * header is padded with spaces so that the data start at a multiple of 8, and wide element types come first, so every
 * tensor is aligned. Numbers are little-endian, as on every machine that onnxruntime-node runs on.
 *
 * Laws: `decode` after `encode` gives the tensors and metadata back; equal tensors make equal bytes, in whatever order
 * they were put in; `decode` of any bytes whatever returns, and never throws. With a checksum every change of content
 * is found.
 */
import { createHash } from 'node:crypto';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { DType, NdArray, TypedArray } from '../shape/NdArray.ts';
import type { FormatError } from './FormatError.ts';
import {
  altered,
  duplicateName,
  invalidHeader,
  invalidLayout,
  noChecksum,
  reservedName,
  sizeMismatch,
  truncated,
  unknownDType,
} from './FormatError.ts';
import { duplicateKey } from './Json.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Contents {
  readonly tensors: Readonly<Record<string, NdArray>>;
  readonly metadata: Readonly<Record<string, string>>;
}

interface Element {
  readonly dtype: DType;
  readonly width: number;
  /** A view of these bytes, which are aligned. */
  readonly view: (buffer: ArrayBufferLike, offset: number, count: number) => TypedArray;
}

const elements = {
  F32: { dtype: 'float32', width: 4, view: (b: ArrayBufferLike, o: number, n: number) => new Float32Array(b, o, n) },
  F64: { dtype: 'float64', width: 8, view: (b: ArrayBufferLike, o: number, n: number) => new Float64Array(b, o, n) },
  F16: { dtype: 'float16', width: 2, view: (b: ArrayBufferLike, o: number, n: number) => new Uint16Array(b, o, n) },
  BF16: { dtype: 'bfloat16', width: 2, view: (b: ArrayBufferLike, o: number, n: number) => new Uint16Array(b, o, n) },
  I32: { dtype: 'int32', width: 4, view: (b: ArrayBufferLike, o: number, n: number) => new Int32Array(b, o, n) },
  I64: { dtype: 'int64', width: 8, view: (b: ArrayBufferLike, o: number, n: number) => new BigInt64Array(b, o, n) },
  U8: { dtype: 'uint8', width: 1, view: (b: ArrayBufferLike, o: number, n: number) => new Uint8Array(b, o, n) },
  U32: { dtype: 'uint32', width: 4, view: (b: ArrayBufferLike, o: number, n: number) => new Uint32Array(b, o, n) },
  BOOL: { dtype: 'bool', width: 1, view: (b: ArrayBufferLike, o: number, n: number) => new Uint8Array(b, o, n) },
} satisfies Readonly<Record<string, Element>>;

const elementOf = (code: string): Element | undefined =>
  Object.hasOwn(elements, code) ? elements[code as keyof typeof elements] : undefined;

const codes: Readonly<Record<DType, keyof typeof elements>> = {
  float32: 'F32',
  float64: 'F64',
  float16: 'F16',
  bfloat16: 'BF16',
  int32: 'I32',
  int64: 'I64',
  uint8: 'U8',
  uint32: 'U32',
  bool: 'BOOL',
};

/** What the header says of one tensor, checked. */
interface Entry {
  readonly name: string;
  readonly code: string;
  readonly element: Element;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

const METADATA = '__metadata__';
const CHECKSUM = 'checksum';
const LENGTH = 8;

const byteSize = (shape: readonly number[], width: number): number => shape.reduce((a, b) => a * b, width);

/** By name, in an order that no locale changes. */
const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

// -------------------------------------------------------------------------------------
// header
// -------------------------------------------------------------------------------------

const headerText = (metadata: Readonly<Record<string, string>>, entries: readonly Entry[]): string => {
  const sorted = Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => byName(a, b)));
  const tensors = entries.map(({ name, code, shape, begin, end }): [string, unknown] => [
    name,
    { dtype: code, shape, data_offsets: [begin, end] },
  ]);
  return JSON.stringify(
    Object.fromEntries([...(Object.keys(sorted).length === 0 ? [] : [[METADATA, sorted] as const]), ...tensors]),
  );
};

/** SHA-256 of the header (as it is without the checksum) and the data, in hexadecimal. */
const checksumOf = (metadata: Readonly<Record<string, string>>, entries: readonly Entry[], data: Uint8Array): string =>
  createHash('sha256').update(headerText(metadata, entries)).update('\n').update(data).digest('hex');

// -------------------------------------------------------------------------------------
// encoding
// -------------------------------------------------------------------------------------

const toEntries = (tensors: Readonly<Record<string, NdArray>>): readonly Entry[] => {
  const sorted = Object.entries(tensors)
    .map(([name, tensor]) => ({ name, tensor, element: elements[codes[tensor.dtype]] }))
    .sort((a, b) => b.element.width - a.element.width || byName(a.name, b.name));
  let begin = 0;
  return sorted.map(({ name, tensor, element }) => {
    const end = begin + tensor.data.byteLength;
    const entry = { name, code: codes[tensor.dtype], element, shape: tensor.shape, begin, end };
    begin = end;
    return entry;
  });
};

/**
 * The bytes of a file with these tensors. With `checksum: true` the metadata get an entry `checksum`: the SHA-256 of
 * everything else in the file, which `decode` compares.
 *
 * Errors: an array whose shape and data do not belong together; a tensor called `__metadata__`, a metadata entry called
 * `checksum`.
 */
export const encode = (
  tensors: Readonly<Record<string, NdArray>>,
  metadata: Readonly<Record<string, string>> = {},
  options: { readonly checksum?: boolean } = {},
): E.Either<FormatError, Uint8Array> => {
  if (Object.hasOwn(tensors, METADATA)) return E.left(reservedName(METADATA, 'the metadata'));
  if (Object.hasOwn(metadata, CHECKSUM)) return E.left(reservedName(CHECKSUM, 'the checksum of the file'));
  const entries = toEntries(tensors);
  const wrong = entries.find(({ shape, element, begin, end }) => byteSize(shape, element.width) !== end - begin);
  if (wrong !== undefined) {
    const { name, shape, element, begin, end } = wrong;
    return E.left(sizeMismatch(name, shape, byteSize(shape, element.width), end - begin));
  }
  const data = new Uint8Array(entries[entries.length - 1]?.end ?? 0);
  for (const { name, begin } of entries) {
    const source = tensors[name]?.data;
    if (source !== undefined) data.set(new Uint8Array(source.buffer, source.byteOffset, source.byteLength), begin);
  }
  const all = options.checksum ? { ...metadata, [CHECKSUM]: checksumOf(metadata, entries, data) } : metadata;
  const header = new TextEncoder().encode(headerText(all, entries));
  const start = Math.ceil((LENGTH + header.length) / 8) * 8;
  const file = new Uint8Array(start + data.length).fill(0x20, LENGTH, start);
  new DataView(file.buffer).setBigUint64(0, BigInt(start - LENGTH), true);
  file.set(header, LENGTH);
  file.set(data, start);
  return E.right(file);
};

// -------------------------------------------------------------------------------------
// decoding
// -------------------------------------------------------------------------------------

const isRecord = (u: unknown): u is Readonly<Record<string, unknown>> =>
  typeof u === 'object' && u !== null && !Array.isArray(u);

const isSize = (u: unknown): u is number => Number.isSafeInteger(u) && Number(u) >= 0;

/** The header's JSON and the data, taken apart. */
const cut = (bytes: Uint8Array): E.Either<FormatError, { readonly text: string; readonly data: Uint8Array }> => {
  if (bytes.length < LENGTH) return E.left(truncated('the length of the header', LENGTH, bytes.length));
  const length = new DataView(bytes.buffer, bytes.byteOffset, LENGTH).getBigUint64(0, true);
  if (length > BigInt(bytes.length - LENGTH)) {
    return E.left(truncated('the header', Number(length), bytes.length - LENGTH));
  }
  const start = LENGTH + Number(length);
  return pipe(
    E.tryCatch(
      () => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(LENGTH, start)),
      () => invalidHeader('expected a header in UTF-8, got other bytes'),
    ),
    E.map((text) => ({ text, data: bytes.subarray(start) })),
  );
};

const toJson = (text: string): E.Either<FormatError, Readonly<Record<string, unknown>>> =>
  pipe(
    E.tryCatch(
      (): unknown => JSON.parse(text),
      (e) => invalidHeader(`expected a header in JSON (${e instanceof Error ? e.message : String(e)})`),
    ),
    E.filterOrElse(isRecord, () => invalidHeader('expected a JSON object as header')),
    E.chain((json) => {
      const name = duplicateKey(text);
      return name === undefined ? E.right(json) : E.left(duplicateName(name));
    }),
  );

const toMetadata = (json: unknown): E.Either<FormatError, Readonly<Record<string, string>>> =>
  json === undefined
    ? E.right({})
    : isRecord(json) && Object.values(json).every((value) => typeof value === 'string')
      ? E.right(json as Readonly<Record<string, string>>)
      : E.left(invalidHeader(`expected ${METADATA} to be an object of texts`));

const toEntry = (name: string, json: unknown, available: number): E.Either<FormatError, Entry> => {
  const where = `tensor ${JSON.stringify(name)}`;
  if (!isRecord(json)) return E.left(invalidHeader(`${where}: expected an object with dtype, shape and data_offsets`));
  const { dtype, shape, data_offsets: offsets } = json;
  if (typeof dtype !== 'string') return E.left(invalidHeader(`${where}: expected a text as dtype`));
  const element = elementOf(dtype);
  if (element === undefined) return E.left(unknownDType(name, dtype, Object.keys(elements)));
  if (!Array.isArray(shape) || !shape.every(isSize)) {
    return E.left(invalidHeader(`${where}: expected a list of sizes as shape`));
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    return E.left(invalidHeader(`${where}: expected data_offsets [begin, end]`));
  }
  const [begin = 0, end = 0] = offsets;
  if (begin > end) return E.left(invalidLayout(`${where} ends at ${end}, before it begins at ${begin}`));
  if (end > available) return E.left(truncated(where, end, available));
  const expected = byteSize(shape, element.width);
  return expected === end - begin
    ? E.right({ name, code: dtype, element, shape, begin, end })
    : E.left(sizeMismatch(name, shape, expected, end - begin));
};

/** Tensors must fill the data from the first byte to the last, one behind the other. */
const checkLayout = (entries: readonly Entry[], available: number): E.Either<FormatError, readonly Entry[]> => {
  const sorted = [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const { name, begin, end } of sorted) {
    if (begin !== at) {
      const what = begin < at ? 'overlaps the tensor before it, which ends' : 'leaves a gap after byte';
      return E.left(invalidLayout(`tensor ${JSON.stringify(name)} begins at ${begin} and ${what} at ${at}`));
    }
    at = end;
  }
  return at === available
    ? E.right(sorted)
    : E.left(invalidLayout(`expected ${at} bytes of data as the header says, got ${available}`));
};

/** The tensors that a header names, in the order of their data. */
const toEntriesOf = (
  json: Readonly<Record<string, unknown>>,
  available: number,
): E.Either<FormatError, readonly Entry[]> =>
  pipe(
    Object.entries(json).filter(([name]) => name !== METADATA),
    E.traverseArray(([name, entry]) => toEntry(name, entry, available)),
    E.chain((entries) => checkLayout(entries, available)),
  );

/** Where a tensor lies in its file, and how its bytes are read. */
export interface TensorLayout {
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** Bytes of an element. */
  readonly width: number;
  readonly start: number;
  /** Elements from bytes of the file: all of them, or those of some rows. */
  readonly read: (shape: readonly number[], bytes: Uint8Array) => NdArray;
}

/** Larger headers are refused, as the format's own library does. */
const MOST_HEADER = 100_000_000;

/** How many bytes from the start of a file hold its header, by the first 8 of them. */
export const headerEnd = (first: Uint8Array): E.Either<FormatError, number> => {
  if (first.length < LENGTH) return E.left(truncated('the length of the header', LENGTH, first.length));
  const length = Number(new DataView(first.buffer, first.byteOffset, LENGTH).getBigUint64(0, true));
  return length <= MOST_HEADER
    ? E.right(LENGTH + length)
    : E.left(invalidHeader(`a header of ${length} bytes, at most ${MOST_HEADER} are read`));
};

/**
 * Where the tensors lie, by the bytes up to `headerEnd` and the size of the whole file: to read parts of what is larger than memory.
 * The layout is checked as `decode` does; a checksum, which is of all bytes, is not.
 */
export const layouts = (
  header: Uint8Array,
  size: number,
): E.Either<FormatError, Readonly<Record<string, TensorLayout>>> =>
  pipe(
    cut(header),
    E.chain(({ text }) => toJson(text)),
    E.chain((json) => toEntriesOf(json, size - header.length)),
    E.map((entries) =>
      Object.fromEntries(
        entries.map(({ name, element, shape, begin }): readonly [string, TensorLayout] => [
          name,
          {
            shape,
            dtype: element.dtype,
            width: element.width,
            start: header.length + begin,
            read: (part, bytes) => toTensor({ element, shape: part, begin: 0, end: bytes.length }, bytes),
          },
        ]),
      ),
    ),
  );

const toTensor = ({ element, shape, begin, end }: Omit<Entry, 'name' | 'code'>, data: Uint8Array): NdArray => {
  const offset = data.byteOffset + begin;
  const count = (end - begin) / element.width;
  const isAligned = offset % element.width === 0;
  return {
    dtype: element.dtype,
    shape,
    data: isAligned ? element.view(data.buffer, offset, count) : element.view(data.slice(begin, end).buffer, 0, count),
  };
};

/**
 * Tensors and metadata from the bytes of a file. Tensors are views of `bytes` where they are aligned: do not write to
 * `bytes` afterwards. A checksum is compared if there is one; with `requireChecksum` there must be one. It is not part
 * of the metadata that come back.
 *
 * Errors: whatever is wrong with the file, from hostile or damaged bytes too; nothing is guessed.
 */
export const decode = (
  bytes: Uint8Array,
  options: { readonly requireChecksum?: boolean } = {},
): E.Either<FormatError, Contents> =>
  pipe(
    E.Do,
    E.bind('cut', () => cut(bytes)),
    E.bind('json', ({ cut }) => toJson(cut.text)),
    E.bind('metadata', ({ json }) => toMetadata(Object.hasOwn(json, METADATA) ? json[METADATA] : undefined)),
    E.bind('entries', ({ cut, json }) => toEntriesOf(json, cut.data.length)),
    E.chain(({ cut, metadata, entries }) => {
      const rest = Object.fromEntries(Object.entries(metadata).filter(([key]) => key !== CHECKSUM));
      const claimed = Object.hasOwn(metadata, CHECKSUM) ? metadata[CHECKSUM] : undefined;
      if (claimed === undefined && options.requireChecksum) return E.left(noChecksum);
      if (claimed !== undefined && claimed !== checksumOf(rest, entries, cut.data)) return E.left(altered);
      const tensors = Object.fromEntries(entries.map((entry) => [entry.name, toTensor(entry, cut.data)]));
      return E.right({ tensors, metadata: rest });
    }),
  );
