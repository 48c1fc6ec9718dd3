/**
 * What can be wrong with preprocessing, as values: what was expected, what came, where, and the likely mend.
 */

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** A value that a stage cannot take: text where a number should be, an infinity, a missing number, an unknown category. */
export interface InvalidValue {
  readonly _tag: 'InvalidValue';
  readonly message: string;
  /** Name of the feature. */
  readonly column: string;
  /** Counted from 0. */
  readonly row: number;
  readonly value: unknown;
}

/** A category that was not there when the stage was fitted. */
export interface UnknownCategory {
  readonly _tag: 'UnknownCategory';
  readonly message: string;
  readonly column: string;
  readonly row: number;
  readonly value: unknown;
}

/** Another number of columns than the stage was fitted on. */
export interface WidthMismatch {
  readonly _tag: 'WidthMismatch';
  readonly message: string;
  readonly expected: number;
  readonly actual: number;
}

/** Data from which nothing can be learned: no rows, a column without a single number. */
export interface NothingToFit {
  readonly _tag: 'NothingToFit';
  readonly message: string;
}

/** An argument that makes no sense. */
export interface InvalidOption {
  readonly _tag: 'InvalidOption';
  readonly message: string;
  readonly option: string;
}

/** The stage has no inverse, or no form as graph operators. */
export interface Unsupported {
  readonly _tag: 'Unsupported';
  readonly message: string;
  readonly stage: string;
}

export type PreprocessError =
  | InvalidValue
  | UnknownCategory
  | WidthMismatch
  | NothingToFit
  | InvalidOption
  | Unsupported;

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** A value as it stands in a message, clipped. */
export const showValue = (value: unknown): string => {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
};

interface Place {
  readonly column: string;
  readonly row: number;
  readonly value: unknown;
}

const where = ({ row, column }: Place): string => `row ${row} (from 0), column ${JSON.stringify(column)}`;

export const invalidValue = (stage: string, place: Place, expected: string, mend: string): PreprocessError => ({
  _tag: 'InvalidValue',
  message: `${stage}: ${where(place)}: expected ${expected}, got ${showValue(place.value)}; ${mend}`,
  ...place,
});

export const unknownCategory = (stage: string, place: Place, known: readonly unknown[]): PreprocessError => ({
  _tag: 'UnknownCategory',
  message:
    `${stage}: ${where(place)}: expected one of ${known.slice(0, 8).map(showValue).join(', ')}` +
    `${known.length > 8 ? ` and ${known.length - 8} more` : ''}, got ${showValue(place.value)}; ` +
    "it was not in the data of the fit: { unknown: 'ignore' } or { unknown: 'own' } accept such values",
  ...place,
});

export const widthMismatch = (stage: string, expected: number, actual: number): PreprocessError => ({
  _tag: 'WidthMismatch',
  message: `${stage}: expected ${expected} columns, got ${actual}; give it data with the columns that it was fitted on`,
  expected,
  actual,
});

export const nothingToFit = (stage: string, reason: string, mend: string): PreprocessError => ({
  _tag: 'NothingToFit',
  message: `${stage}: ${reason}; ${mend}`,
});

export const invalidOption = (stage: string, option: string, expected: string, actual: unknown): PreprocessError => ({
  _tag: 'InvalidOption',
  message: `${stage}: ${option}: expected ${expected}, got ${showValue(actual)}`,
  option,
});

export const unsupported = (stage: string, what: string, mend: string): PreprocessError => ({
  _tag: 'Unsupported',
  message: `${stage}: ${what}; ${mend}`,
  stage,
});
