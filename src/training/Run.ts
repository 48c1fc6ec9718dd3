/**
 * `run`: the one place that ties the knot. It pulls the signals of a run, carries the callbacks' directives out at each
 * `Settled` (what is saved, is saved last), and results in the trained model.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { IO } from 'fp-ts/lib/IO.js';
import type * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import * as History from '../callback/History.ts';
import { progress } from '../callback/Progress.ts';
import type { Run } from '../callback/Run.ts';
import { averaged, rateAt } from '../optimizer/Optimizer.ts';
import type { HasRuntime } from '../runtime/Runtime.ts';
import { type Asked, type Cell, carryOutAll, snapshot, type Tools } from './Directives.ts';
import type { HasClock, HasFileSystem, HasTerminal } from './Environment.ts';
import type { Event, Signal } from './Event.ts';
import type { Fit, FitSettings } from './Fit.ts';
import { openTrainer } from './Open.ts';
import type { Control, HasRun } from './Source.ts';
import { anyObjective, type Trained } from './Trained.ts';
import { fitError, type TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** What every run needs. */
export interface Environment extends HasRuntime, HasFileSystem, HasClock, HasTerminal {}

/** Keys of what callbacks ask for that `Environment` does not give. */
type Own<R> = keyof { [K in keyof R as K extends 'run' ? never : Environment extends Pick<R, K> ? never : K]: R[K] };

/** What a run with callbacks needs: `Environment`, and what callbacks of your own ask for besides. */
export type Needs<R> = [Own<R>] extends [never]
  ? Environment
  : Environment & { readonly [K in Own<R>]: R[K & keyof R] };

const observe = (cell: Cell, event: Event): void => {
  if (event._tag === 'StepEnded') cell.restored = false;
  if (event._tag !== 'EpochEnded') return;
  cell.epoch = event.epoch + 1;
  cell.history = History.append(event.epoch, event.logs)(cell.history);
};

/** Pulls all signals; a mutable loop, as the one consumer of an effectful stream. */
const consume =
  (signals: AsyncIterable<E.Either<TrainingError, Signal>>, tools: Tools): TE.TaskEither<TrainingError, void> =>
  async () => {
    let asked: Asked[] = [];
    for await (const next of signals) {
      if (E.isLeft(next)) return next;
      const signal = next.right;
      switch (signal._tag) {
        case 'Event':
          observe(tools.cell, signal.event);
          break;
        case 'Directive':
          asked.push(signal);
          break;
        case 'CallbackState':
          tools.cell.callbacks[signal.key] = signal.state;
          break;
        case 'Settled': {
          const done = await carryOutAll(tools, asked)();
          asked = [];
          if (E.isLeft(done)) return done;
        }
      }
    }
    return E.right(undefined);
  };

/** What code of others throws (a metric's `result`, a stream's transformer, an environment) ends the run as an error. */
const guarded = <A>(task: TE.TaskEither<TrainingError, A>): TE.TaskEither<TrainingError, A> =>
  pipe(
    TE.tryCatch(task, (thrown) =>
      fitError(
        `the run was broken off by code that threw: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      ),
    ),
    TE.chain(TE.fromEither),
  );

/** Long sums are split among threads, so their last bits depend on how many there are. */
const warnOfThreads =
  ({ from, verbose = 1 }: FitSettings, { runtime, terminal }: Environment): IO<void> =>
  () => {
    if (from === undefined || from.threads === runtime.threads || verbose === 0) return;
    terminal.write(
      `Warning: the train state was made with ${from.threads} threads, this runtime has ${runtime.threads}; the last bits of ` +
        `results may differ. Take { threads: ${from.threads} } to have the same\n`,
    )();
  };

// -------------------------------------------------------------------------------------
// interpreter
// -------------------------------------------------------------------------------------

/**
 * Runs a run. The result has the weights after the last epoch (or those that a callback restored), the history, and the
 * state to go on from. On any error the runtime's resources are released and the error is the result.
 */
export const run =
  <R, Keys extends string, I, O, T, K extends string, Err extends TrainingError>(
    fit: Run<R, Keys, Fit<I, O, T, K>, Err>,
  ): RTE.ReaderTaskEither<Needs<R>, TrainingError, Trained<I, O, T, K>> =>
  (given) => {
    const env: Environment = given;
    const { objective, settings, prepared } = fit.result;
    const shown = progress({ verbose: settings.verbose ?? 1 })(fit);
    const { from } = settings;
    const whole = pipe(
      TE.fromEither(prepared),
      TE.chainW((ready) =>
        TE.bracket(
          openTrainer(anyObjective(objective), settings, ready, env.runtime),
          (trainer) => {
            const control: Control = {
              learningRate: from?.learningRate ?? Math.fround(objective.optimizer.learningRate),
              step: from?.step ?? 0,
              shown: Number.NaN,
              haltEpoch: false,
              halted: undefined,
              pending: [],
            };
            const cell: Cell = {
              control,
              remembered: new Map(Object.entries(from?.remembered ?? {})),
              callbacks: { ...from?.callbacks },
              history: from?.history ?? History.empty,
              epoch: from?.epoch ?? 0,
              restored: false,
            };
            const start = { epoch: cell.epoch, step: control.step, callbacks: from?.callbacks ?? {} };
            const fixed = { seed: ready.schedule.seed, threads: env.runtime.threads };
            const context = {
              ...env,
              run: { trainer, control, start, grain: fit.grain, rateAt: rateAt(objective.optimizer) },
            } as unknown as R & HasRun & Environment;
            return pipe(
              TE.fromIO(warnOfThreads(settings, env)),
              TE.chain(() =>
                guarded(() =>
                  consume(shown.signals(context), { trainer, cell, env, fixed, optimizer: objective.optimizer })(),
                ),
              ),
              TE.chain(() => snapshot(trainer, cell, fixed)),
              TE.map(
                (state): Trained<I, O, T, K> => ({
                  _tag: 'Trained',
                  objective,
                  // Where the optimizer keeps averages of the weights, those are the result (Keras's `use_ema`).
                  weights: cell.restored ? state.weights : averaged(objective.optimizer)(state.weights, state.slots),
                  history: state.history,
                  state,
                }),
              ),
            );
          },
          (trainer) => TE.fromTask(trainer.close),
        ),
      ),
    );
    return guarded(whole);
  };
