/**
 * Everything that can go wrong between a model value and its predictions, as one union. Each error has a message that
 * says what was expected, what came, where, and the likely mend.
 */
import type * as NEA from 'fp-ts/lib/NonEmptyArray.js';
import type { AutodiffError } from '../autodiff/Grad.ts';
import type { CallbackError } from '../callback/CallbackError.ts';
import type { DataError } from '../data/DataError.ts';
import type { ImageError } from '../data/image/ImageError.ts';
import type { FormatError } from '../format/FormatError.ts';
import type { LoweringError } from '../interpret/Lowering.ts';
import type { PrecisionError } from '../interpret/Precision.ts';
import type { ShapeError } from '../model/Resolve.ts';
import type { OnnxError } from '../onnx/OnnxError.ts';
import type { RuntimeError } from '../runtime/Runtime.ts';
import type { IoError } from './Environment.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** All shape errors of a model at once. */
export interface ModelError {
  readonly _tag: 'ModelError';
  readonly errors: NEA.NonEmptyArray<ShapeError>;
  readonly message: string;
}

/** An option or a data set that does not suit the model or the objective. */
export interface FitError {
  readonly _tag: 'FitError';
  readonly message: string;
}

/** A checkpoint of another model, of another version, or torn. */
export interface CheckpointError {
  readonly _tag: 'CheckpointError';
  readonly path: string | undefined;
  readonly message: string;
}

export type TrainingError =
  | ModelError
  | FitError
  | LoweringError
  | PrecisionError
  | CheckpointError
  | AutodiffError
  | CallbackError
  | DataError
  | ImageError
  | FormatError
  | OnnxError
  | RuntimeError
  | IoError;

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

export const fitError = (message: string): FitError => ({ _tag: 'FitError', message });

/** What is wrong with a model, one line each. */
export const modelError = (errors: NEA.NonEmptyArray<ShapeError>): ModelError => ({
  _tag: 'ModelError',
  errors,
  message: errors.map((e) => e.message).join('\n'),
});

export const checkpointError = (message: string, path?: string): CheckpointError => ({
  _tag: 'CheckpointError',
  path,
  message: path === undefined ? message : `${path}: ${message}`,
});

// -------------------------------------------------------------------------------------
// destructors
// -------------------------------------------------------------------------------------

/** One text for people: the kind of error and its message. */
export const show = (error: TrainingError): string => `${error._tag}: ${error.message}`;
