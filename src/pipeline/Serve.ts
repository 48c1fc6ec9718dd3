/**
 * A pipeline that serves: requests that come one by one are run many at a time, and each gets its own result back.
 *
 * The first request that waits opens a batch; it runs when `maxSize` wait, or when the first has waited `maxDelay`. While a batch
 * runs, the next one gathers, so that under load batches grow by themselves. No more than `maxQueue` wait: who comes then is told
 * so at once (`Overloaded`). The pipeline is opened once and closed once. The time is that of the environment's clock and timer.
 *
 * Laws: each request has one result, that of the pipeline for it alone (up to rounding in the model); results of requests that were
 * taken do not depend on the others; after `close` every request that was taken has its result, and nothing is held.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { IO } from 'fp-ts/lib/IO.js';
import type * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import type { Task } from 'fp-ts/lib/Task.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { HasClock, HasTimer } from '../training/Environment.ts';
import type { Opened, Pipeline } from './Arrow.ts';
import {
  type Closed,
  closed,
  type Defect,
  defect,
  type InvalidPipeline,
  invalidPipeline,
  miscounted,
  type Overloaded,
  overloaded,
} from './PipelineError.ts';
import { open } from './Run.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface ServeOptions {
  /** Requests in a batch at most. Default 32. */
  readonly maxSize?: number;
  /** Milliseconds that the first request of a batch waits for others at most. Default 2; 0: not at all. */
  readonly maxDelay?: number;
  /** Requests that wait at most, beside those that are being run. Default 1024. */
  readonly maxQueue?: number;
}

export interface Stats {
  /** Requests that were taken, refused because too many waited, and answered. */
  readonly taken: number;
  readonly refused: number;
  readonly answered: number;
  readonly batches: number;
  /** The greatest batch. */
  readonly largest: number;
  readonly waiting: number;
}

export interface Server<Err, A, B> {
  readonly submit: (a: A) => TE.TaskEither<Err | Overloaded | Closed | Defect, B>;
  readonly stats: IO<Stats>;
  /** Takes no more, answers what was taken, then closes the pipeline. The same when called again. */
  readonly close: Task<void>;
}

interface Waiting<Err, A, B> {
  readonly a: A;
  readonly since: number;
  readonly answer: (result: E.Either<Err | Defect, B>) => void;
}

// -------------------------------------------------------------------------------------
// a server
// -------------------------------------------------------------------------------------

type Limits = Required<ServeOptions>;

/** A function that throws is not to leave requests without an answer: what threw is run one by one. */
const guarded =
  <Err, A, B>({ run }: Opened<Err, A, B>) =>
  async (as: readonly A[]): Promise<readonly E.Either<Err | Defect, B>[]> => {
    try {
      return await run(as)();
    } catch (thrown) {
      if (as.length === 1) return [E.left(defect(thrown))];
      const results: E.Either<Err | Defect, B>[] = [];
      for (const a of as) results.push(...(await guarded({ run, close: async () => undefined })([a])));
      return results;
    }
  };

const start = <Err, A, B>(
  opened: Opened<Err, A, B>,
  { maxSize, maxDelay, maxQueue }: Limits,
  { clock, timer }: HasClock & HasTimer,
): Server<Err, A, B> => {
  const queue: Waiting<Err, A, B>[] = [];
  const count = { taken: 0, refused: 0, answered: 0, batches: 0, largest: 0 };
  const run = guarded(opened);
  let running = false;
  let callOff: IO<void> | undefined;
  let ending: Promise<void> | undefined;
  let idle: (() => void) | undefined;

  const runBatch = async (): Promise<void> => {
    running = true;
    const batch = queue.splice(0, maxSize);
    count.batches += 1;
    count.largest = Math.max(count.largest, batch.length);
    const results = await run(batch.map(({ a }) => a));
    count.answered += batch.length;
    for (const [i, { answer }] of batch.entries())
      answer(results[i] ?? E.left(miscounted(results.length, batch.length)));
    running = false;
    look(false);
  };

  const look = (isTime: boolean): void => {
    callOff?.();
    callOff = undefined;
    if (running) return;
    const [first] = queue;
    if (first === undefined) {
      idle?.();
      return;
    }
    const rest = maxDelay - (clock.now() - first.since);
    if (isTime || queue.length >= maxSize || rest <= 0 || ending !== undefined) void runBatch();
    else callOff = timer.after(rest, () => look(true))();
  };

  return {
    submit: (a) => () =>
      new Promise((resolve) => {
        if (ending !== undefined) return resolve(E.left(closed));
        if (queue.length >= maxQueue) {
          count.refused += 1;
          return resolve(E.left(overloaded(queue.length)));
        }
        count.taken += 1;
        queue.push({ a, since: clock.now(), answer: resolve });
        // The timer of those that wait already stands.
        if (!running && (queue.length === 1 || queue.length >= maxSize)) look(false);
      }),
    stats: () => ({ ...count, waiting: queue.length }),
    close: () => {
      ending ??= new Promise<void>((resolve) => {
        idle = resolve;
      }).then(opened.close);
      look(false);
      return ending;
    },
  };
};

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

const checked = ({ maxSize = 32, maxDelay = 2, maxQueue = 1024 }: ServeOptions): E.Either<InvalidPipeline, Limits> => {
  const whole = (name: string, n: number) =>
    Number.isInteger(n) && n >= 1 ? [] : [`serve: ${name}: expected an integer of 1 or more, got ${n}`];
  const problems = [
    ...whole('maxSize', maxSize),
    ...whole('maxQueue', maxQueue),
    ...(Number.isFinite(maxDelay) && maxDelay >= 0
      ? []
      : [`serve: maxDelay: expected 0 or more milliseconds, got ${maxDelay}`]),
  ];
  return problems.length > 0 ? E.left(invalidPipeline(problems)) : E.right({ maxSize, maxDelay, maxQueue });
};

/**
 * Opens a pipeline and serves it until it is closed. `serving` closes by itself.
 *
 * @example
 * pipe(flowers, P.serve({ maxSize: 64, maxDelay: 2 }))   // RTE<..., Server<..., unknown, Answer>>
 */
export const serve =
  (options: ServeOptions = {}) =>
  <R, Err, A, B>(
    self: Pipeline<R, Err, A, B>,
  ): RTE.ReaderTaskEither<R & HasClock & HasTimer, Err | InvalidPipeline, Server<Err, A, B>> =>
  (env) =>
    pipe(
      TE.fromEither(checked(options)),
      TE.chainW((limits) =>
        pipe(
          open(self)(env),
          TE.map((opened) => start(opened, limits, env)),
        ),
      ),
    );

/** Serves for the duration of `f`; closed on every exit, when all that was taken is answered. */
export const serving =
  <Err, A, B, R2, E2, C>(options: ServeOptions, f: (server: Server<Err, A, B>) => RTE.ReaderTaskEither<R2, E2, C>) =>
  <R>(
    self: Pipeline<R, Err, A, B>,
  ): RTE.ReaderTaskEither<R & R2 & HasClock & HasTimer, Err | InvalidPipeline | E2, C> =>
  (env) =>
    TE.bracketW(
      serve(options)(self)(env),
      (server) => f(server)(env),
      ({ close }) => TE.fromTask(close),
    );
