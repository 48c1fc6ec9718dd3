/**
 * Running a lowering: what is ill-typed in it becomes an error value.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { Value } from '../graph/Graph.ts';
import * as G from '../graph/Graph.ts';
import { GraphDefect } from '../graph/Operators.ts';
import type { ParameterSpec } from '../model/Resolved.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** A lowering that does not fit together: the message of the defect. */
export interface LoweringError {
  readonly _tag: 'LoweringError';
  readonly message: string;
}

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** Runs a lowering; ill-typed use of operators in it becomes an error value. */
export const lowering = <A>(build: () => A): E.Either<LoweringError, A> =>
  E.tryCatch(build, (thrown) => {
    if (thrown instanceof GraphDefect) return { _tag: 'LoweringError', message: thrown.message };
    throw thrown;
  });

/** Graph inputs for a model's weights, by name. */
export const weightInputs = (parameters: readonly ParameterSpec[]): Readonly<Record<string, Value>> =>
  Object.fromEntries(parameters.map((p) => [p.name, G.input(p.name, 'float32', p.shape)]));
