/** Rows of text files as streamed data: lines, JSON Lines, CSV. */
import { isUtf8 } from 'node:buffer';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type * as t from 'io-ts';
import * as S from '../../stream/Stream.ts';
import type { HasFileSystem, IoError } from '../../training/Environment.ts';
import { checkDelimiter, checkHeader, decodeRow, type Heading, readRecords } from '../Csv.ts';
import { csvSyntax, type DataError, empty, type InvalidRow, invalidRow } from '../DataError.ts';
import { type DataStream, fromStream } from '../streamed/Model.ts';
import { type Block, blocks, MAX_RECORD } from './Blocks.ts';
import { contents, unpacked } from './Bytes.ts';
import { decoded, type OnBadRow, settled } from './Records.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** A file by its path, or bytes from anywhere else (a download, a member of an archive) with a name for errors. */
export type TextSource<R, Err> = string | { readonly name: string; readonly bytes: S.Stream<R, Err, Uint8Array> };

export interface TextOptions {
  /** Bytes of the longest record; what has no line end must not fill the memory. Default 64 MiB. */
  readonly maxRecord?: number;
}

export interface RowOptions<R = unknown, Err = never> extends TextOptions {
  /** What becomes of rows that the codec refuses. Default `'stop'`. */
  readonly onBadRow?: OnBadRow<R, Err>;
}

export interface CsvRowsOptions<R = unknown, Err = never> extends RowOptions<R, Err> {
  /** Default `,`; `\t` for TSV, `;` where the comma is the decimal sign (numbers still need a point). One character. */
  readonly delimiter?: string;
  /** Column names of a file that has none: then the first line is data. */
  readonly header?: readonly string[];
}

type Opened<R, Err> = {
  readonly name: string;
  readonly bytes: S.Stream<R & HasFileSystem, Err | DataError | IoError, Uint8Array>;
};

const opened = <R, Err>(source: TextSource<R, Err>): Opened<R, Err> =>
  typeof source === 'string'
    ? { name: source, bytes: contents(source) }
    : { name: source.name, bytes: unpacked(source.name)(source.bytes) };

const notText = (name: string, line: number): DataError =>
  csvSyntax(name, line, 'the bytes are not UTF-8 text', 'save the file as UTF-8');

// -------------------------------------------------------------------------------------
// lines
// -------------------------------------------------------------------------------------

interface Line {
  readonly text: string;
  readonly number: number;
}

const lineEnd = /\r\n|\n|\r/;

const linesOf = <R, Err>(
  { name, bytes }: Opened<R, Err>,
  { maxRecord = MAX_RECORD }: TextOptions,
): S.Stream<R & HasFileSystem, Err | DataError | IoError, Line> =>
  S.fromGenerator<R & HasFileSystem, Err | DataError | IoError, Line>(async function* (r) {
    for await (const e of blocks(name, { maxRecord })(bytes)(r)) {
      if (E.isLeft(e)) return yield e;
      const block: Block = e.right;
      if (!isUtf8(block.bytes)) return yield E.left(notText(name, block.line));
      const lines = new TextDecoder('utf-8', { ignoreBOM: true }).decode(block.bytes).split(lineEnd);
      // Behind the last line end there is nothing.
      const count = lines[lines.length - 1] === '' ? lines.length - 1 : lines.length;
      for (let i = 0; i < count; i++) yield E.right({ text: lines[i] ?? '', number: block.line + i });
    }
  });

/**
 * The lines of a text file, without their ends, empty ones too; gzip is unpacked. tf.data: `TextLineDataset`.
 *
 * Errors: reading; not UTF-8; damaged gzip; a line longer than `maxRecord`.
 */
export const textLines = <R = unknown, Err = never>(
  source: TextSource<R, Err>,
  options: TextOptions = {},
): DataStream<R & HasFileSystem, Err | DataError | IoError, string> =>
  fromStream(S.map(({ text }: Line) => text)(linesOf(opened(source), options)));

/**
 * The values of a JSON Lines file, one on each line, through a codec; blank lines are skipped, gzip is unpacked. What does not fit
 * is told with its line and the path in the value.
 *
 * Errors: those of `textLines`, and of rows as `onBadRow` says.
 *
 * @example
 * D.jsonLines('reviews.jsonl', t.type({ text: t.string, stars: t.number }))
 */
export const jsonLines = <A, R = unknown, Err = never, R2 = unknown, Err2 = never>(
  source: TextSource<R, Err>,
  codec: t.Decoder<unknown, A>,
  options: RowOptions<R2, Err2> = {},
): DataStream<R & R2 & HasFileSystem, Err | Err2 | DataError | IoError, A> => {
  const from = opened(source);
  const decode = decoded(codec, from.name, 'line');
  const parse = ({ text, number }: Line): E.Either<InvalidRow, A> =>
    pipe(
      E.tryCatch(
        (): unknown => JSON.parse(text),
        (e) => {
          const reason = e instanceof Error ? e.message : String(e);
          const what = text.length > 60 ? `${text.slice(0, 60)}...` : text;
          return invalidRow(from.name, 'line', number, [
            { column: undefined, text: JSON.stringify(what), expected: `one JSON value (${reason})` },
          ]);
        },
      ),
      E.chain((value) => decode(value, number)),
    );
  return fromStream(
    pipe(
      linesOf(from, options),
      S.filter(({ text }: Line) => text.trim() !== ''),
      S.map(parse),
      settled(options.onBadRow ?? 'stop'),
    ),
  );
};

// -------------------------------------------------------------------------------------
// CSV
// -------------------------------------------------------------------------------------

const asRow = (
  name: string,
  line: number,
  refused: {
    readonly issues: (
      line: number,
      most: number,
    ) => readonly {
      readonly column: { readonly name: string; readonly number: number } | undefined;
      readonly text: string;
      readonly expected: string;
    }[];
  },
): InvalidRow =>
  invalidRow(
    name,
    'line',
    line,
    refused.issues(line, 20).map(({ column, text, expected }) => ({ column, text, expected })),
  );

/** Rows and refused ones; what is wrong with the file as a whole ends the stream. */
const csvRecords = <A, R, Err>(
  { name, bytes }: Opened<R, Err>,
  codec: t.Decoder<unknown, A>,
  options: Pick<CsvRowsOptions, 'delimiter' | 'header' | 'maxRecord'>,
): S.Stream<R & HasFileSystem, Err | DataError | IoError, E.Either<InvalidRow, A>> =>
  S.fromGenerator<R & HasFileSystem, Err | DataError | IoError, E.Either<InvalidRow, A>>(async function* (r) {
    const { delimiter = ',', maxRecord = MAX_RECORD } = options;
    const mark = new TextEncoder().encode(delimiter);
    const separates = checkDelimiter('csvRows', delimiter);
    if (E.isLeft(separates)) return yield separates;
    const decode = decodeRow(codec);
    let heading: Heading | undefined;
    const named = (header: readonly string[]): E.Either<DataError, Heading> => checkHeader({ file: name, header });
    if (options.header !== undefined) {
      const given = named(options.header);
      if (E.isLeft(given)) return yield given;
      heading = given.right;
    }
    const cutting = { maxRecord, quotedFields: { delimiter: mark[mark.length - 1] ?? 0 } };
    for await (const e of blocks(name, cutting)(bytes)(r)) {
      if (E.isLeft(e)) return yield e;
      const found = readRecords(name, e.right.bytes, { delimiter }, e.right.line);
      if (E.isLeft(found)) return yield found;
      const { records, lineOf } = found.right;
      for (const [i, record] of records.entries()) {
        if (heading === undefined) {
          const first = named(record);
          if (E.isLeft(first)) return yield first;
          heading = first.right;
          continue;
        }
        const row = decode(heading, record);
        if (E.isRight(row)) yield E.right(row);
        else if (row.left._tag === 'Header') return yield E.left(row.left.error);
        else yield E.right(E.left(asRow(name, lineOf(i), row.left)));
      }
    }
    if (heading === undefined) yield E.left(empty(name, 'line: a header of column names, then rows'));
  });

/**
 * The rows of a CSV file one by one, through a codec, in memory that does not grow with the file: `D.csv` for files of any size. The
 * format, codecs and messages are the same; gzip is unpacked. TSV: `{ delimiter: '\t' }`.
 *
 * Errors: reading; not UTF-8; broken quotes; columns missing or there twice; no header; a record longer than `maxRecord`; and those
 * of rows, with line and column, as `onBadRow` says.
 *
 * @example
 * D.csvRows('clicks.csv.gz', Click, { onBadRow: { skip: (count) => () => console.error(`${count} bad rows`) } })
 */
export const csvRows = <A, R = unknown, Err = never, R2 = unknown, Err2 = never>(
  source: TextSource<R, Err>,
  codec: t.Decoder<unknown, A>,
  options: CsvRowsOptions<R2, Err2> = {},
): DataStream<R & R2 & HasFileSystem, Err | Err2 | DataError | IoError, A> =>
  fromStream(pipe(csvRecords(opened(source), codec, options), settled(options.onBadRow ?? 'stop')));
