/**
 * Bytes of text into blocks of whole records, in bounded memory: where a record ends is seen byte by byte, and what is in it is
 * left to who reads the block.
 */
import * as E from 'fp-ts/lib/Either.js';
import * as S from '../../stream/Stream.ts';
import { type DataError, invalidFile } from '../DataError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** Whole records, and the line, from 1, on which the first of them starts. */
export interface Block {
  readonly bytes: Uint8Array;
  readonly line: number;
}

export interface Cutting {
  /** A line end between quotes is no end of a record. Quotes open at the start of a field: the byte that ends one. */
  readonly quotedFields?: { readonly delimiter: number };
  /** Bytes of the longest record: what has no line end must not fill the memory. */
  readonly maxRecord: number;
}

/** 64 MiB. */
export const MAX_RECORD = 64 * 2 ** 20;

const LF = 10;
const CR = 13;
const QUOTE = 34;

// -------------------------------------------------------------------------------------
// interpreter
// -------------------------------------------------------------------------------------

const joined = (parts: readonly Uint8Array[]): Uint8Array => {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const all = new Uint8Array(parts.reduce((n, { length }) => n + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
};

/** Where it is while it scans: it goes on from block to block. */
interface Scan {
  inside: boolean;
  atStart: boolean;
  afterCR: boolean;
  /** Line ends seen. */
  lines: number;
}

/** The end of the last whole record in these bytes, or 0, and how many line ends are before it. */
const lastEnd = (scan: Scan, bytes: Uint8Array, delimiter: number | undefined): readonly [number, number] => {
  let end = 0;
  let linesAtEnd = 0;
  let { inside, atStart, afterCR, lines } = scan;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    // A CR ends a line at once; whether it is half of CRLF is known at the next byte.
    if (afterCR && byte !== LF && !inside) [end, linesAtEnd] = [i, lines];
    if (byte === LF || byte === CR) {
      if (byte === CR || !afterCR) lines++;
      afterCR = byte === CR;
      if (!inside) atStart = true;
      if (byte === LF && !inside) [end, linesAtEnd] = [i + 1, lines];
      continue;
    }
    afterCR = false;
    if (delimiter === undefined) continue;
    if (byte === QUOTE && (inside || atStart)) {
      // A doubled quote closes and opens again.
      inside = !inside;
      atStart = !inside;
    } else if (!inside) atStart = byte === delimiter;
  }
  scan.inside = inside;
  scan.atStart = atStart;
  scan.afterCR = afterCR;
  scan.lines = lines;
  return [end, linesAtEnd];
};

const withoutMark = (bytes: Uint8Array): Uint8Array =>
  bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;

/** Blocks of whole records; the last one may lack its line end. A byte order mark is left out. */
export const blocks =
  (name: string, { quotedFields, maxRecord }: Cutting) =>
  <R, Err>(source: S.Stream<R, Err, Uint8Array>): S.Stream<R, Err | DataError, Block> =>
    S.fromGenerator<R, Err | DataError, Block>(async function* (r) {
      const scan: Scan = { inside: false, atStart: true, afterCR: false, lines: 0 };
      let held: Uint8Array[] = [];
      let heldBytes = 0;
      let line = 1;
      let isFirst = true;
      for await (const e of source(r)) {
        if (E.isLeft(e)) return yield e;
        const bytes = isFirst ? withoutMark(e.right) : e.right;
        isFirst = false;
        const [end, lines] = lastEnd(scan, bytes, quotedFields?.delimiter);
        if (end > 0) {
          yield E.right({ bytes: joined([...held, bytes.subarray(0, end)]), line });
          held = [];
          heldBytes = 0;
          line = lines + 1;
        }
        if (end < bytes.length) {
          held.push(bytes.subarray(end));
          heldBytes += bytes.length - end;
        }
        if (heldBytes > maxRecord) {
          const what = scan.inside ? 'a quote that is opened there is not closed' : 'a record has no end';
          const mend = 'check the quotes and line ends there, or raise maxRecord if records are so long';
          return yield E.left(invalidFile(name, `line ${line}: ${what} within ${maxRecord} bytes`, mend));
        }
      }
      if (heldBytes > 0) yield E.right({ bytes: joined(held), line });
    });
