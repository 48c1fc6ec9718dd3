/**
 * Everything that can be wrong with data, as values.
 *
 * Each error carries what was expected and what came as fields for programs, and one `message` for people: what, where,
 * and the likely mend. `part` names the array: `x`, `y`, or `x.image` where there are several inputs.
 */
import type { Shape } from '../shape/Shape.ts';
import { show } from '../shape/Shape.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** No samples, no rows, an empty file. */
export interface Empty {
  readonly _tag: 'Empty';
  readonly message: string;
  readonly part: string;
}

/** A dimension that is not a positive integer, or a named one whose size the data do not tell. */
export interface InvalidShape {
  readonly _tag: 'InvalidShape';
  readonly message: string;
  readonly part: string;
  readonly shape: Shape;
}

/** Flat data whose length is no multiple of the elements of one sample. */
export interface ElementCount {
  readonly _tag: 'ElementCount';
  readonly message: string;
  readonly part: string;
  readonly perSample: number;
  readonly actual: number;
}

/** One row with more or fewer numbers than a sample has. */
export interface RowLength {
  readonly _tag: 'RowLength';
  readonly message: string;
  readonly part: string;
  readonly sample: number;
  readonly expected: number;
  readonly actual: number;
}

/** Inputs and targets of different numbers of samples. */
export interface SampleCount {
  readonly _tag: 'SampleCount';
  readonly message: string;
  readonly counts: Readonly<Record<string, number>>;
}

/** Two arrays that should have samples of one shape, or a named set of arrays, have not. */
export interface ShapeMismatch {
  readonly _tag: 'ShapeMismatch';
  readonly message: string;
  readonly part: string;
  readonly expected: string;
  readonly actual: string;
}

/** A number the element type cannot hold: NaN, infinity, a label that is not an integer, a byte above 255. */
export interface InvalidNumber {
  readonly _tag: 'InvalidNumber';
  readonly message: string;
  readonly part: string;
  /** The first one: which sample, and which element of it, counted from 0 in row-major order. */
  readonly sample: number;
  readonly feature: number;
  readonly value: number;
  /** How many there are in this array. */
  readonly count: number;
}

export interface LabelOutOfRange {
  readonly _tag: 'LabelOutOfRange';
  readonly message: string;
  readonly sample: number;
  readonly label: number;
  readonly classes: number;
}

/** An argument of a combinator that does not suit this data set: `take(11)` of 10 samples, `kFold(1)`. */
export interface InvalidArgument {
  readonly _tag: 'InvalidArgument';
  readonly message: string;
  readonly argument: string;
  readonly actual: number | string;
}

/** Text that is not CSV: an open quote, bytes that are not UTF-8. */
export interface CsvSyntax {
  readonly _tag: 'CsvSyntax';
  readonly message: string;
  readonly file: string;
  readonly line: number;
}

/** Column names that are missing or there twice. */
export interface CsvHeader {
  readonly _tag: 'CsvHeader';
  readonly message: string;
  readonly file: string;
  readonly columns: readonly string[];
}

export interface CsvIssue {
  /** Counted from 1, as editors do; of a row over several lines, the first. */
  readonly line: number;
  /** `undefined` where the row as a whole is wrong. Counted from 1. */
  readonly column: { readonly name: string; readonly number: number } | undefined;
  readonly text: string;
  readonly expected: string;
}

/** Rows that the codec refused: the first ones, and how many issues there are in all. */
export interface CsvRows {
  readonly _tag: 'CsvRows';
  readonly message: string;
  readonly file: string;
  readonly issues: readonly CsvIssue[];
  readonly total: number;
}

/** Bytes that are not an IDX file, or not a whole one. */
export interface InvalidIdx {
  readonly _tag: 'InvalidIdx';
  readonly message: string;
  readonly file: string;
}

/** A record of a streamed source that its codec refused. */
export interface InvalidRow {
  readonly _tag: 'InvalidRow';
  readonly message: string;
  readonly file: string;
  /** Of text: the line on which it starts; of other sources its number. Both from 1. */
  readonly line: number;
  readonly issues: readonly RowIssue[];
}

export interface RowIssue {
  /** A column's name and, in CSV, its number from 1; a path into a JSON value. `undefined` where the row as a whole is wrong. */
  readonly column: { readonly name: string; readonly number: number | undefined } | undefined;
  readonly text: string;
  readonly expected: string;
}

/** Bytes that are not of the format that was asked for, or not all of them; a limit on their size. */
export interface InvalidFile {
  readonly _tag: 'InvalidFile';
  readonly message: string;
  readonly file: string;
}

/** An optional package that is not installed. */
export interface MissingPackage {
  readonly _tag: 'MissingPackage';
  readonly message: string;
  readonly name: string;
}

/** A function in a worker thread that threw, could not be loaded, or ended its thread. */
export interface WorkerFailed {
  readonly _tag: 'WorkerFailed';
  readonly message: string;
  readonly module: string;
  readonly index: number;
}

/** What a foreign source threw. */
export interface SourceFailed {
  readonly _tag: 'SourceFailed';
  readonly message: string;
  readonly source: string;
}

export type DataError =
  | Empty
  | InvalidShape
  | ElementCount
  | RowLength
  | SampleCount
  | ShapeMismatch
  | InvalidNumber
  | LabelOutOfRange
  | InvalidArgument
  | CsvSyntax
  | CsvHeader
  | CsvRows
  | InvalidIdx
  | InvalidRow
  | InvalidFile
  | MissingPackage
  | WorkerFailed
  | SourceFailed;

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

export const empty = (part: string, what: string): DataError => ({
  _tag: 'Empty',
  message: `${part}: expected at least one ${what}, got none; check that the source was read and not filtered away`,
  part,
});

export const invalidShape = (part: string, shape: Shape, reason: string): DataError => ({
  _tag: 'InvalidShape',
  message: `${part}: the sample shape ${show(shape)} cannot be used: ${reason}`,
  part,
  shape,
});

export const elementCount = (part: string, shape: Shape, perSample: number, actual: number): DataError => ({
  _tag: 'ElementCount',
  message:
    `${part}: samples of shape ${show(shape)} have ${perSample} elements each, but ${actual} elements came: ` +
    `${Math.floor(actual / perSample)} samples and ${actual % perSample} elements over; check the shape (without the batch) ` +
    'and that the data are whole',
  part,
  perSample,
  actual,
});

export const rowLength = (part: string, sample: number, expected: number, actual: number): DataError => ({
  _tag: 'RowLength',
  message:
    `${part}: sample ${sample} has ${actual} numbers, expected ${expected}; ` +
    'every row is one sample, flat, with as many numbers as the sample shape has elements',
  part,
  sample,
  expected,
  actual,
});

export const sampleCount = (counts: Readonly<Record<string, number>>): DataError => ({
  _tag: 'SampleCount',
  message: `expected the same number of samples in every array, got ${Object.entries(counts)
    .map(([part, count]) => `${part}: ${count}`)
    .join(', ')}; row i of each must belong to sample i: check that no rows were lost on one side`,
  counts,
});

export const shapeMismatch = (part: string, expected: string, actual: string, mend: string): DataError => ({
  _tag: 'ShapeMismatch',
  message: `${part}: expected ${expected}, got ${actual}; ${mend}`,
  part,
  expected,
  actual,
});

export const invalidNumber = (
  part: string,
  at: { readonly sample: number; readonly feature: number },
  value: number,
  count: number,
  expected: string,
  mend: string,
): DataError => ({
  _tag: 'InvalidNumber',
  message:
    `${part}: sample ${at.sample}, feature ${at.feature} (both from 0): expected ${expected}, got ${value}` +
    `${count > 1 ? ` (${count} such values in this array)` : ''}; ${mend}`,
  part,
  ...at,
  value,
  count,
});

export const labelOutOfRange = (sample: number, label: number, classes: number): DataError => ({
  _tag: 'LabelOutOfRange',
  message:
    `oneHot(${classes}): the label of sample ${sample} is ${label}, expected an integer from 0 to ${classes - 1}; ` +
    'give the number of classes, and labels that count from 0',
  sample,
  label,
  classes,
});

export const invalidArgument = (
  argument: string,
  actual: number | string,
  expected: string,
  mend: string,
): DataError => ({
  _tag: 'InvalidArgument',
  message: `${argument}: expected ${expected}, got ${actual}; ${mend}`,
  argument,
  actual,
});

export const csvSyntax = (file: string, line: number, reason: string, mend: string): DataError => ({
  _tag: 'CsvSyntax',
  message: `${file}: line ${line}: ${reason}; ${mend}`,
  file,
  line,
});

export const csvHeader = (file: string, columns: readonly string[], reason: string): DataError => ({
  _tag: 'CsvHeader',
  message: `${file}: ${reason}`,
  file,
  columns,
});

const showIssue = ({ line, column, text, expected }: CsvIssue): string =>
  `line ${line}${column === undefined ? '' : `, column ${column.number} ${JSON.stringify(column.name)}`}: ` +
  `expected ${expected}, got ${text}`;

export const csvRows = (file: string, issues: readonly CsvIssue[], total: number): DataError => ({
  _tag: 'CsvRows',
  message: [
    `${file}: ${total} ${total === 1 ? 'value does' : 'values do'} not fit the row codec`,
    ...issues.map((issue) => `  ${showIssue(issue)}`),
    ...(total > issues.length ? [`  and ${total - issues.length} more`] : []),
  ].join('\n'),
  file,
  issues,
  total,
});

export const invalidIdx = (file: string, reason: string, mend: string): DataError => ({
  _tag: 'InvalidIdx',
  message: `${file}: ${reason}; ${mend}`,
  file,
});

const showRowIssue = ({ column, text, expected }: RowIssue): string => {
  const number = column?.number === undefined ? '' : ` ${column.number}`;
  return `${column === undefined ? '' : `column${number} ${JSON.stringify(column.name)}: `}expected ${expected}, got ${text}`;
};

export const invalidRow = (
  file: string,
  unit: 'line' | 'row',
  line: number,
  issues: readonly RowIssue[],
): InvalidRow => ({
  _tag: 'InvalidRow',
  message: `${file}: ${unit} ${line}: ${issues.map(showRowIssue).join('; ')}`,
  file,
  line,
  issues,
});

export const invalidFile = (file: string, reason: string, mend: string): DataError => ({
  _tag: 'InvalidFile',
  message: `${file}: ${reason}; ${mend}`,
  file,
});

export const missingPackage = (name: string, why: string): DataError => ({
  _tag: 'MissingPackage',
  message: `the package '${name}' is not installed, and ${why} needs it: npm install ${name}`,
  name,
});

export const workerFailed = (module: string, index: number, reason: string): DataError => ({
  _tag: 'WorkerFailed',
  message: `${module}: element ${index}: ${reason}; its default export must be a function that returns what can be sent between threads`,
  module,
  index,
});

export const sourceFailed = (source: string, thrown: unknown): DataError => ({
  _tag: 'SourceFailed',
  message: `${source}: the source failed: ${thrown instanceof Error ? thrown.message : String(thrown)}; see that it is open and can be read`,
  source,
});
