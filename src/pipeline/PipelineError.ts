/**
 * What can go wrong with a pipeline, as values: what was expected, what came, where, and the likely mend.
 */
import type { PreprocessError } from '../data/preprocess/PreprocessError.ts';
import type { RuntimeError } from '../runtime/Runtime.ts';
import type { IoError } from '../training/Environment.ts';
import type { TrainingError } from '../training/TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Issue {
  /** Where in the request: `flowers.0.petalLength`; `''` is the request as a whole. */
  readonly path: string;
  readonly expected: string;
  /** As JSON, clipped. */
  readonly actual: string;
}

/** A request that its codec refused. */
export interface InvalidRequest {
  readonly _tag: 'InvalidRequest';
  readonly issues: readonly Issue[];
  readonly message: string;
}

/** Two stages that do not fit, or a stage that cannot be; found when the pipeline is opened, run, served or saved. */
export interface InvalidPipeline {
  readonly _tag: 'InvalidPipeline';
  readonly problems: readonly string[];
  readonly message: string;
}

/** An array of another shape or element type than a stage takes, met at run time. */
export interface ShapeMismatch {
  readonly _tag: 'ShapeMismatch';
  readonly expected: string;
  readonly actual: string;
  readonly message: string;
}

/** Scores that nothing can be read from: NaN. */
export interface InvalidScores {
  readonly _tag: 'InvalidScores';
  readonly message: string;
}

/** As many requests are waiting as may: try again later. HTTP's 503. */
export interface Overloaded {
  readonly _tag: 'Overloaded';
  readonly waiting: number;
  readonly message: string;
}

/** The server is being closed, or was. */
export interface Closed {
  readonly _tag: 'Closed';
  readonly message: string;
}

/** A function in the pipeline threw; functions are to be total. */
export interface Defect {
  readonly _tag: 'Defect';
  readonly message: string;
}

/** A pipeline with a part that no file can hold: a function without a name. */
export interface NotSaveable {
  readonly _tag: 'NotSaveable';
  readonly message: string;
}

/** A file that is torn, was changed, or is of another version. */
export interface InvalidSaved {
  readonly _tag: 'InvalidSaved';
  readonly path: string;
  readonly message: string;
}

/** What was saved takes or gives something else than was declared. */
export interface TypeMismatch {
  readonly _tag: 'TypeMismatch';
  readonly path: string;
  readonly declared: string;
  readonly saved: string;
  readonly message: string;
}

/** Everything that a loaded pipeline can fail with. */
export type PipelineError =
  | InvalidRequest
  | InvalidPipeline
  | ShapeMismatch
  | InvalidScores
  | PreprocessError
  | RuntimeError
  | TrainingError;

export type SavedError = NotSaveable | InvalidPipeline | TrainingError | IoError;

export type LoadError = InvalidSaved | TypeMismatch | InvalidPipeline | IoError;

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

export const invalidPipeline = (problems: readonly string[]): InvalidPipeline => ({
  _tag: 'InvalidPipeline',
  problems,
  message: problems.join('\n'),
});

export const shapeMismatch = (where: string, expected: string, actual: string): ShapeMismatch => ({
  _tag: 'ShapeMismatch',
  expected,
  actual,
  message: `${where}: expected an array ${expected}, got ${actual}`,
});

export const invalidScores = (message: string): InvalidScores => ({ _tag: 'InvalidScores', message });

export const overloaded = (waiting: number): Overloaded => ({
  _tag: 'Overloaded',
  waiting,
  message: `${waiting} requests are waiting already: try again later, or serve with a greater maxQueue`,
});

export const closed: Closed = { _tag: 'Closed', message: 'the server is closed: it takes no more requests' };

export const defect = (thrown: unknown): Defect => ({
  _tag: 'Defect',
  message: `a function in the pipeline threw: ${thrown instanceof Error ? thrown.message : String(thrown)}; make it give an Either`,
});

export const miscounted = (results: number, elements: number): Defect => ({
  _tag: 'Defect',
  message: `a function of batches gave ${results} results for ${elements} elements; make it give one for each, in their order`,
});

export const notSaveable = (message: string): NotSaveable => ({ _tag: 'NotSaveable', message });

export const invalidSaved = (path: string, message: string): InvalidSaved => ({
  _tag: 'InvalidSaved',
  path,
  message: `${path}: ${message}`,
});

export const typeMismatch = (path: string, what: string, declared: string, saved: string): TypeMismatch => ({
  _tag: 'TypeMismatch',
  path,
  declared,
  saved,
  message: `${path}: declared to ${what} ${declared}, but what was saved ${what}s ${saved}`,
});
