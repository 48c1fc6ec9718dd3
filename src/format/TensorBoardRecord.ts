/**
 * TFRecord: a file of records of bytes, each with its length and checksums
 * (https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details).
 *
 * A record is its length as uint64, a masked CRC-32C of those 8 bytes, the bytes, a masked CRC-32C of them; numbers are
 * little-endian. Law: `decode` after `encode` gives the records back; every change of one byte is found.
 */
import * as E from 'fp-ts/lib/Either.js';

// -------------------------------------------------------------------------------------
// checksums
// -------------------------------------------------------------------------------------

/** Castagnoli's polynomial, bits reversed. */
const polynomial = 0x82f63b78;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
  return crc;
});

/** CRC-32C (RFC 3720, appendix B.4). */
export const crc32c = (bytes: Uint8Array): number => {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 0xff] ?? 0);
  return (crc ^ 0xffffffff) >>> 0;
};

/** As the format has it: a checksum of data that contain checksums would be weak. */
export const masked = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;

// -------------------------------------------------------------------------------------
// records
// -------------------------------------------------------------------------------------

const overhead = 16;

/** One record as the file has it. Records are put one after the other. */
export const encode = (record: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(overhead + record.length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(record.length), true);
  view.setUint32(8, masked(crc32c(bytes.subarray(0, 8))), true);
  bytes.set(record, 12);
  view.setUint32(12 + record.length, masked(crc32c(record)), true);
  return bytes;
};

export interface RecordError {
  readonly _tag: 'RecordError';
  /** Where in the file, what was expected, what came, and the likely mend. */
  readonly message: string;
}

const wrong = (at: number, what: string): E.Either<RecordError, never> =>
  E.left({ _tag: 'RecordError', message: `TFRecord: at byte ${at}: ${what}; the file is cut off or damaged` });

/** All records of a file. */
export const decode = (bytes: Uint8Array): E.Either<RecordError, ReadonlyArray<Uint8Array>> => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (bytes.length - at < overhead) return wrong(at, `expected a record, got ${bytes.length - at} bytes`);
    if (view.getUint32(at + 8, true) !== masked(crc32c(bytes.subarray(at, at + 8))))
      return wrong(at, 'the checksum of the length does not match');
    const length = Number(view.getBigUint64(at, true));
    if (length > bytes.length - at - overhead)
      return wrong(at, `expected a record of ${length} bytes, got ${bytes.length - at - overhead}`);
    const record = bytes.subarray(at + 12, at + 12 + length);
    if (view.getUint32(at + 12 + length, true) !== masked(crc32c(record)))
      return wrong(at, 'the checksum of the record does not match');
    records.push(record);
    at += overhead + length;
  }
  return E.right(records);
};
