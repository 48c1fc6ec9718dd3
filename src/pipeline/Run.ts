/**
 * Pipelines at work: opened for the duration of a use, for one element or for many.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import { type InvalidPipeline, invalidPipeline } from './PipelineError.ts';
import { type Opened, open, type Pipeline } from './Types.ts';

// -------------------------------------------------------------------------------------
// opening
// -------------------------------------------------------------------------------------

export { open } from './Types.ts';

/** Opened for the duration of `f`, and closed on every exit. */
export const use =
  <Err, A, B, R2, E2, C>(f: (opened: Opened<Err, A, B>) => RTE.ReaderTaskEither<R2, E2, C>) =>
  <R>(self: Pipeline<R, Err, A, B>): RTE.ReaderTaskEither<R & R2, Err | InvalidPipeline | E2, C> =>
  (env) =>
    TE.bracketW(
      open(self)(env),
      (opened) => f(opened)(env),
      ({ close }) => TE.fromTask(close),
    );

// -------------------------------------------------------------------------------------
// running
// -------------------------------------------------------------------------------------

export interface RunOptions {
  /** Elements that go through the stages at a time: bounds memory. Default 256. */
  readonly batchSize?: number;
}

/**
 * Many elements, in batches; each has its own result, in their order. What cannot be opened fails as a whole.
 *
 * @example
 * pipe(flowers, P.runAll(requests))   // RTE<HasRuntime, ..., readonly Either<..., Answer>[]>
 */
export const runAll =
  <A>(elements: readonly A[], { batchSize = 256 }: RunOptions = {}) =>
  <R, Err, B>(
    self: Pipeline<R, Err, A, B>,
  ): RTE.ReaderTaskEither<R, Err | InvalidPipeline, readonly E.Either<Err, B>[]> => {
    if (!Number.isInteger(batchSize) || batchSize < 1)
      return () => TE.left(invalidPipeline([`runAll: batchSize: expected an integer of 1 or more, got ${batchSize}`]));
    return pipe(
      self,
      use(({ run }: Opened<Err, A, B>) => () => async () => {
        const results: E.Either<Err, B>[] = [];
        for (let from = 0; from < elements.length; from += batchSize)
          for (const result of await run(elements.slice(from, from + batchSize))()) results.push(result);
        return E.right(results);
      }),
    );
  };

/** One element: the Kleisli arrow, applied. A pipeline that is used again and again is better opened once: `use`, `serve`. */
export const run =
  <A>(element: A) =>
  <R, Err, B>(self: Pipeline<R, Err, A, B>): RTE.ReaderTaskEither<R, Err | InvalidPipeline, B> =>
    pipe(
      self,
      use(({ run }: Opened<Err, A, B>) => () => async () => {
        const [result] = await run([element])();
        return result as E.Either<Err, B>;
      }),
    );

/** As a function to `ReaderTaskEither`, which composes with `RTE.chain`. It opens and closes at each call. */
export const toKleisli =
  <R, Err, A, B>(self: Pipeline<R, Err, A, B>) =>
  (a: A): RTE.ReaderTaskEither<R, Err | InvalidPipeline, B> =>
    run(a)(self);
