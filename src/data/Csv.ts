/**
 * CSV files, decoded row by row with an io-ts codec; whatever is wrong is told with file, line and column.
 *
 * RFC 4180 with a header row: quoted fields (with delimiters, quotes and line ends inside), CRLF, LF or CR line ends, a
 * byte order mark, another delimiter. Fields are not trimmed. Blank lines are skipped. Text is UTF-8.
 */
import { isUtf8 } from 'node:buffer';
import { parse } from 'csv-parse/sync';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { ReaderTaskEither } from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type * as t from 'io-ts';
import type { HasFileSystem, IoError } from '../training/Environment.ts';
import type { CsvRecord } from './CsvCodec.ts';
import type { CsvIssue, DataError } from './DataError.ts';
import { csvHeader, csvRows, csvSyntax, empty, invalidArgument } from './DataError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface CsvOptions {
  /** Default `,`; `\t` for TSV, `;` where the comma is the decimal sign (numbers still need a point). One character. */
  readonly delimiter?: string;
  /** Column names of a file that has none: then the first line is data. */
  readonly header?: readonly string[];
  /** How many issues an error lists; the total is always told. Default 20. */
  readonly maxIssues?: number;
}

/** A file and the names of its columns. */
export interface Heading {
  readonly file: string;
  readonly header: readonly string[];
}

interface Table extends Heading {
  readonly rows: readonly (readonly string[])[];
  /** The line, from 1, on which row `i` starts. */
  readonly lineOf: (i: number) => number;
}

// -------------------------------------------------------------------------------------
// text to table
// -------------------------------------------------------------------------------------

const LF = 10;
const CR = 13;

/**
 * The line on which a record starts, by the offset at which the one before it ended: line ends before that, and those of
 * the blank lines that follow it. Only records with issues ask, so it is not kept for each.
 */
const lineAt = (bytes: Uint8Array, offset: number): number => {
  let line = 1;
  for (let i = 0; i < bytes.length; i++) {
    const isEnd = bytes[i] === LF || bytes[i] === CR;
    if (i >= offset && !isEnd) break;
    if (isEnd && !(bytes[i] === CR && bytes[i + 1] === LF)) line++;
  }
  return line;
};

const syntaxMends: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED:
    'a quote in the row that begins there is never closed: close it, and write quotes inside a field twice',
  INVALID_OPENING_QUOTE: 'quote the whole field, and write quotes inside it twice',
  CSV_INVALID_CLOSING_QUOTE: 'write quotes inside a quoted field twice, and nothing behind the closing one',
};

/** The parser counts lines from where the bytes begin: the error's own field tells the line of the file. */
const withoutLine = (message: string): string =>
  message.replace(/(: the parsing is finished with an opening quote)? at line \d+/g, '');

const asError = (e: unknown): { readonly message: string; readonly code: string; readonly lines: number } => ({
  message: withoutLine(e instanceof Error ? e.message : String(e)),
  code: e instanceof Error && 'code' in e ? String(e.code) : '',
  lines: e instanceof Error && 'lines' in e && typeof e.lines === 'number' ? e.lines : 1,
});

/** Records of text, and the line, from 1, on which record `i` starts. */
export interface Records {
  readonly records: readonly (readonly string[])[];
  readonly lineOf: (i: number) => number;
}

/** For this room's own modules: whether it can separate fields. */
export const checkDelimiter = (what: string, delimiter: string): E.Either<DataError, void> =>
  [...delimiter].length === 1 && !'"\r\n'.includes(delimiter)
    ? E.right(undefined)
    : E.left(
        invalidArgument(
          `${what}: delimiter`,
          JSON.stringify(delimiter),
          'one character that is neither a quote nor a line end',
          "it is what separates fields, as ',' or '\\t'",
        ),
      );

/** For this room's own modules: all records of these bytes, the first of which are on line `firstLine` of the file. */
export const readRecords = (
  file: string,
  bytes: Uint8Array,
  options: Pick<CsvOptions, 'delimiter'>,
  firstLine = 1,
): E.Either<DataError, Records> => {
  if (!isUtf8(bytes)) {
    const mend = 'save the file as UTF-8; if it is packed (gzip, xlsx), unpack or export it first';
    return E.left(csvSyntax(file, firstLine, 'the bytes are not UTF-8 text', mend));
  }
  const ends: number[] = [];
  const records = E.tryCatch(
    (): readonly (readonly string[])[] =>
      parse(bytes, {
        bom: true,
        delimiter: options.delimiter ?? ',',
        record_delimiter: ['\r\n', '\n', '\r'],
        relax_column_count: true,
        skip_empty_lines: true,
        max_record_size: 0,
        on_record: (record, info) => {
          ends.push(info.bytes);
          return record;
        },
      }),
    asError,
  );
  if (E.isLeft(records)) {
    const { message, code, lines } = records.left;
    const mend = syntaxMends[code] ?? 'check the delimiter and the quotes there';
    // Of a quote that is not closed the parser tells where the text ends; what helps is where the row begins.
    const line = code === 'CSV_QUOTE_NOT_CLOSED' ? lineAt(bytes, ends[ends.length - 1] ?? 0) : lines;
    return E.left(csvSyntax(file, firstLine - 1 + line, message, mend));
  }
  return E.right({
    records: records.right,
    lineOf: (i) => firstLine - 1 + lineAt(bytes, ends[i - 1] ?? 0),
  });
};

const toTable = (file: string, bytes: Uint8Array, options: CsvOptions): E.Either<DataError, Table> =>
  pipe(
    checkDelimiter('csv', options.delimiter ?? ','),
    E.chain(() => readRecords(file, bytes, options)),
    E.chain(({ records, lineOf }) => {
      const header = options.header ?? records[0];
      if (header === undefined) return E.left(empty(file, 'line: a header of column names, then rows'));
      const first = options.header === undefined ? 1 : 0;
      const rows = records.slice(first);
      return rows.length === 0
        ? E.left(empty(file, 'row after the header'))
        : E.right({ file, header, rows, lineOf: (i) => lineOf(i + first) });
    }),
  );

/** For this room's own modules: no name comes twice. */
export const checkHeader = <T extends Heading>(table: T): E.Either<DataError, T> => {
  const twice = table.header.filter((name, i) => table.header.indexOf(name) !== i);
  if (twice.length === 0) return E.right(table);
  const where = [...new Set(twice)].map((name) => {
    const positions = table.header.flatMap((other, i) => (other === name ? [i + 1] : []));
    return `${JSON.stringify(name)} in columns ${positions.join(', ')}`;
  });
  return E.left(
    csvHeader(
      table.file,
      [...new Set(twice)],
      `column names must differ, got ${where.join('; ')}; rename them, or give { header: [...] } if the file has no header row`,
    ),
  );
};

// -------------------------------------------------------------------------------------
// table to rows
// -------------------------------------------------------------------------------------

const clip = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}...` : text);

const show = (value: unknown): string =>
  typeof value === 'string' ? JSON.stringify(clip(value)) : clip(JSON.stringify(value) ?? String(value));

/** The column that an io-ts error is about: the first key below the root that is not a branch of `&` or `|`. */
const columnOf = (context: t.Context): string | undefined =>
  context.find((_, i) => {
    const parent = context[i - 1]?.type;
    const tag = parent !== undefined && '_tag' in parent ? parent._tag : undefined;
    return i > 0 && tag !== 'IntersectionType' && tag !== 'UnionType';
  })?.key;

const toIssue = (table: Heading, line: number, error: t.ValidationError): CsvIssue => {
  const name = columnOf(error.context);
  const last = error.context[error.context.length - 1];
  return {
    line,
    column: name === undefined ? undefined : { name, number: table.header.indexOf(name) + 1 },
    text: show(error.value),
    expected: error.message ?? last?.type.name ?? 'another value',
  };
};

const missing = (table: Heading, errors: t.Errors): readonly string[] => [
  ...new Set(errors.flatMap(({ context }) => columnOf(context) ?? []).filter((name) => !table.header.includes(name))),
];

const missingColumns = (table: Heading, names: readonly string[]): DataError => {
  const some = (list: readonly string[]): string =>
    list
      .slice(0, 8)
      .map((name) => JSON.stringify(clip(name)))
      .join(', ') + (list.length > 8 ? `, and ${list.length - 8} more` : '');
  const looksLikeData = table.header.every((name) => name.trim() !== '' && Number.isFinite(Number(name)));
  const mend = looksLikeData
    ? 'the first line looks like data: give { header: [...] } if the file has no header row'
    : 'compare the names (case and spaces count), or set the delimiter';
  return csvHeader(
    table.file,
    names,
    `expected the ${names.length === 1 ? 'column' : 'columns'} ${some(names)}, the header has ${some(table.header)}; ${mend}`,
  );
};

const toRecord = (header: readonly string[], row: readonly string[]): CsvRecord => {
  // Without a prototype, so that a column may be called `__proto__` or `constructor`.
  const record: Record<string, string> = Object.create(null);
  header.forEach((name, i) => {
    record[name] = row[i] ?? '';
  });
  return record;
};

/** What is wrong with a row: how many issues, and some of them; or with the header, which no other row can mend. */
export type Refused =
  | {
      readonly _tag: 'Row';
      readonly count: number;
      readonly issues: (line: number, most: number) => readonly CsvIssue[];
    }
  | { readonly _tag: 'Header'; readonly error: DataError };

/** For this room's own modules: one row. Lines are found only for issues that are told. */
export const decodeRow =
  <A>(codec: t.Decoder<unknown, A>) =>
  (heading: Heading, row: readonly string[]): E.Either<Refused, A> => {
    const width = heading.header.length;
    if (row.length !== width) {
      const issue = (line: number): CsvIssue => ({
        line,
        column: undefined,
        text: `${row.length}: ${show(row.join(','))}`,
        expected: `${width} fields, as in the header`,
      });
      return E.left({ _tag: 'Row', count: 1, issues: (line) => [issue(line)] });
    }
    // A codec of the user's may throw; that is what is wrong with the row then.
    const decoded = E.tryCatch(() => codec.decode(toRecord(heading.header, row)), String);
    if (E.isLeft(decoded)) {
      const expected = `what the codec takes (it threw: ${decoded.left})`;
      const issue = (line: number): CsvIssue => ({ line, column: undefined, text: show(row.join(',')), expected });
      return E.left({ _tag: 'Row', count: 1, issues: (line) => [issue(line)] });
    }
    const value = decoded.right;
    if (E.isRight(value)) return value;
    const absent = missing(heading, value.left);
    if (absent.length > 0) return E.left({ _tag: 'Header', error: missingColumns(heading, absent) });
    return E.left({
      _tag: 'Row',
      count: value.left.length,
      issues: (line, most) => value.left.slice(0, most).map((error) => toIssue(heading, line, error)),
    });
  };

const decodeRows =
  <A>(codec: t.Decoder<unknown, A>, maxIssues: number) =>
  (table: Table): E.Either<DataError, readonly A[]> => {
    const decode = decodeRow(codec);
    const values: A[] = [];
    const issues: CsvIssue[] = [];
    let total = 0;
    for (const [i, row] of table.rows.entries()) {
      const value = decode(table, row);
      if (E.isRight(value)) values.push(value.right);
      else if (value.left._tag === 'Header') return E.left(value.left.error);
      else {
        total += value.left.count;
        const room = maxIssues - issues.length;
        if (room > 0) issues.push(...value.left.issues(table.lineOf(i), room));
      }
    }
    return total === 0 ? E.right(values) : E.left(csvRows(table.file, issues, total));
  };

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * Rows from text or bytes. `name` is what errors call it.
 *
 * Errors, each with its line: a delimiter that is not one character, or is a quote or line end; not UTF-8; broken quotes; no header or no rows; column names twice; columns that the codec
 * wants and the header lacks; rows with more or fewer fields than the header; values that the codec refuses (all rows
 * are looked at; the first `maxIssues` are listed, the total is told).
 */
export const parseCsv =
  <A>(codec: t.Decoder<unknown, A>, options: CsvOptions & { readonly name?: string } = {}) =>
  (source: string | Uint8Array): E.Either<DataError, readonly A[]> =>
    pipe(
      toTable(options.name ?? 'csv', typeof source === 'string' ? new TextEncoder().encode(source) : source, options),
      E.chain(checkHeader),
      E.chain(decodeRows(codec, options.maxIssues ?? 20)),
    );

/**
 * Rows from a file; errors are those of `parseCsv`, and those of reading.
 *
 * @example
 * const Flower = t.type({ sepal: numberFromCsv, species: categoryFromCsv(['setosa', 'virginica']) });
 * pipe(
 *   csv('iris.csv', Flower),
 *   RTE.chainEitherKW((rows) =>
 *     dataset({ x: floats([1], rows.map((r) => [r.sepal])), y: ints([], rows.map((r) => r.species)) })),
 * )
 */
export const csv =
  <A>(
    path: string,
    codec: t.Decoder<unknown, A>,
    options: CsvOptions = {},
  ): ReaderTaskEither<HasFileSystem, DataError | IoError, readonly A[]> =>
  ({ fileSystem }) =>
    pipe(fileSystem.readFile(path), TE.chainEitherKW(parseCsv(codec, { ...options, name: path })));
