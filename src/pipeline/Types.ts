/** What a pipeline is; what holds of it is said in `Arrow`. */
import type * as E from 'fp-ts/lib/Either.js';
import type * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import type * as T from 'fp-ts/lib/Task.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type * as Border from './Border.ts';
import { type InvalidPipeline, invalidPipeline } from './PipelineError.ts';
import type * as Stage from './Stage.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** A pipeline at work: what it needs has been acquired. */
export interface Opened<E, A, B> {
  /** One result for each element, in their order. Not called with none. */
  readonly run: (elements: readonly A[]) => T.Task<readonly E.Either<E, B>[]>;
  readonly close: T.Task<void>;
}

export interface Pipeline<R, E, A, B> {
  readonly _tag: 'Pipeline';
  readonly from: Border.AnyBorder;
  readonly to: Border.AnyBorder;
  /** What is wrong with how it was put together; reported by whatever opens or saves it. */
  readonly problems: readonly string[];
  readonly stage: Stage.Stage;
  readonly acquire: RTE.ReaderTaskEither<R, E, Opened<E, A, B>>;
}

/** Of any types: every pipeline is one. */
export type AnyPipeline = Pipeline<never, unknown, never, unknown>;

export interface Ends {
  readonly from: Border.AnyBorder;
  readonly to: Border.AnyBorder;
}

// -------------------------------------------------------------------------------------
// opening
// -------------------------------------------------------------------------------------

/** Checks how it was put together, then acquires what the stages need. Who opens closes: `use` does both. */
export const open = <R, Err, A, B>(
  self: Pipeline<R, Err, A, B>,
): RTE.ReaderTaskEither<R, Err | InvalidPipeline, Opened<Err, A, B>> =>
  self.problems.length > 0 ? () => TE.left(invalidPipeline(self.problems)) : self.acquire;
