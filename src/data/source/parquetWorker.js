/**
 * Where Parquet files are decoded: a thread of its own, with a limit on its memory, since a damaged file can make a decoder ask for
 * any amount of it. Bytes come from the main thread, so that whatever file system it has is used.
 *
 * The main thread asks for `open` (rows of each group, columns) and for rows of a group; this thread asks for parts of the file.
 */
import { parentPort, workerData } from 'node:worker_threads';
import * as zlib from 'node:zlib';

/** @type {{ module: string, byteLength: number, limit: number, columns: string[] | undefined }} */
const { module, byteLength, limit, columns } = workerData;
const port = parentPort;
if (port === null) throw new Error('this file is for a worker thread');

/** @type {Map<number, { resolve: (bytes: ArrayBuffer) => void, reject: (error: Error) => void }>} */
const waiting = new Map();
let nextId = 0;

const file = {
  byteLength,
  /** @param {number} start @param {number} [end] @returns {Promise<ArrayBuffer>} */
  slice: (start, end = byteLength) =>
    new Promise((resolve, reject) => {
      if (!(start >= 0 && end >= start && end <= byteLength))
        return reject(new Error(`it points to bytes ${start} to ${end}, the file has ${byteLength}`));
      const id = nextId++;
      waiting.set(id, { resolve, reject });
      port.postMessage({ _tag: 'Slice', id, start, end });
    }),
};

/** @param {(input: Uint8Array, options: { maxOutputLength: number }) => Uint8Array} unpack */
const bounded = (unpack) => (/** @type {Uint8Array} */ input, /** @type {number} */ length) => {
  if (length > limit) throw new Error(`a page claims ${length} bytes unpacked, the limit is ${limit}`);
  return new Uint8Array(unpack(input, { maxOutputLength: Math.max(1, length) }));
};

/** @type {any} */
let hyparquet;
/** @type {any} */
let metadata;
/** @type {{ group: number, rows: unknown[] } | undefined} */
let held;

/** Node has Zstandard since 22.15. @type {any} */
const { zstdDecompressSync } = zlib;

const compressors = () => ({
  SNAPPY: (/** @type {Uint8Array} */ input, /** @type {number} */ length) => {
    if (length > limit) throw new Error(`a page claims ${length} bytes unpacked, the limit is ${limit}`);
    const output = new Uint8Array(length);
    hyparquet.snappyUncompress(input, output);
    return output;
  },
  GZIP: bounded(zlib.gunzipSync),
  BROTLI: bounded(zlib.brotliDecompressSync),
  ...(zstdDecompressSync === undefined ? {} : { ZSTD: bounded(zstdDecompressSync) }),
});

const open = async () => {
  hyparquet = await import(module);
  metadata = await hyparquet.parquetMetadataAsync(file);
  const groups = metadata.row_groups.map((/** @type {any} */ group) => Number(group.num_rows));
  const names = hyparquet.parquetSchema(metadata).children.map((/** @type {any} */ child) => child.element.name);
  return { groups, names };
};

/** @param {number} group @param {number} from @param {number} to */
const rowsOf = async (group, from, to) => {
  if (held?.group !== group) {
    held = undefined;
    const sizes = metadata.row_groups.map((/** @type {any} */ g) => Number(g.num_rows));
    const rowStart = sizes.slice(0, group).reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b, 0);
    const rowEnd = rowStart + sizes[group];
    const rows = await hyparquet.parquetReadObjects({
      file,
      metadata,
      columns,
      rowStart,
      rowEnd,
      compressors: compressors(),
    });
    held = { group, rows };
  }
  return held.rows.slice(from, to);
};

port.on('message', async (message) => {
  if (message._tag === 'Bytes') {
    const task = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.bytes === undefined) task?.reject(new Error(message.error));
    else task?.resolve(message.bytes);
    return;
  }
  try {
    const result = message._tag === 'Open' ? await open() : await rowsOf(message.group, message.from, message.to);
    port.postMessage({ _tag: 'Answer', result });
  } catch (e) {
    port.postMessage({ _tag: 'Answer', error: e instanceof Error ? e.message : String(e) });
  }
});
