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
import { probesLogged } from '../interpret/Probes.ts';
import { averaged, rateAt } from '../optimizer/Optimizer.ts';
import type { HasRuntime } from '../runtime/Runtime.ts';
import { type Beginning, begin, cellOf, checkPlace, visitedOf, warnings } from './Begin.ts';
import { type Asked, carryOutAll, type Tools, takeUp } from './Directives.ts';
import type { HasClock, HasFileSystem, HasTerminal } from './Environment.ts';
import type { Event, Signal } from './Event.ts';
import type { Fit } from './Fit.ts';
import { type Interrupt, type Interrupted, listening } from './Interrupts.ts';
import { openTrainer } from './Open.ts';
import type { Prepared } from './Prepare.ts';
import { checkPaths, type Retraining, replaceable } from './Retrain.ts';
import type { FitSettings } from './Settings.ts';
import { type Cell, type Fixed, snapshot } from './Snapshot.ts';
import type { HasRun } from './Source.ts';
import type { TrainState } from './State.ts';
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
  (
    signals: AsyncIterable<E.Either<TrainingError, Signal>>,
    tools: Tools,
    interrupt: Interrupt,
  ): TE.TaskEither<TrainingError, void> =>
  async () => {
    let asked: readonly Asked[] = [];
    let isEnded = false;
    for await (const next of signals) {
      if (E.isLeft(next)) return next;
      const signal = next.right;
      switch (signal._tag) {
        case 'Event':
          observe(tools.cell, signal.event);
          isEnded = isEnded || signal.event._tag === 'RunEnded';
          break;
        case 'Directive':
          asked = [...asked, signal];
          break;
        case 'CallbackState':
          tools.cell.callbacks[signal.key] = signal.state;
          break;
        case 'Settled': {
          const left = await carryOutAll(tools, asked)();
          if (E.isLeft(left)) return left;
          asked = left.right;
          const stopped = isEnded || tools.cell.control.untold > 0 ? E.right(undefined) : await interrupt();
          if (E.isLeft(stopped)) return stopped;
        }
      }
    }
    return E.right(undefined);
  };

/** What code of others throws (a metric's `result`, a stream's transformer, an environment) ends the run as an error. */
export const guarded = <A>(task: TE.TaskEither<TrainingError, A>): TE.TaskEither<TrainingError, A> =>
  pipe(
    TE.tryCatch(task, (thrown) =>
      fitError(
        `the run was broken off by code that threw: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      ),
    ),
    TE.chain(TE.fromEither),
  );

const warn =
  (all: readonly string[], { verbose = 1 }: FitSettings, { terminal }: Environment): IO<void> =>
  () => {
    if (verbose !== 0) for (const warning of all) terminal.write(`Warning: ${warning}\n`)();
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
    const { objective, settings, prepared, program } = fit.result;
    const { optimizer } = objective;
    const shown = progress({ verbose: settings.verbose ?? 1 })(fit);
    const train = (ready: Prepared, beginning: Beginning) => {
      const { from } = beginning;
      const { threads } = env.runtime;
      const seed = from?.seed ?? ready.schedule.seed;
      const schedule = { ...ready.schedule, seed };
      const open = (frozen: ReadonlySet<string>, state: TrainState | undefined) =>
        openTrainer(
          anyObjective(objective),
          state === undefined ? settings : { ...settings, from: state },
          { ...ready, schedule, frozen, probes: fit.probes ?? [] },
          env.runtime,
        );
      const frozen = from?.position?.frozen === undefined ? ready.frozen : new Set(from.position.frozen);
      return TE.bracket(
        pipe(open(frozen, from), TE.map(replaceable)),
        (trainer) => {
          const cell = cellOf(fit.result, beginning, schedule, frozen);
          const { control } = cell;
          const position = from?.position;
          const attached = settings.attached ?? from?.attached;
          const fixed: Fixed = { seed, threads, visited: visitedOf(schedule), program, attached };
          const retraining: Retraining = { resolved: ready.resolved, objective: anyObjective(objective), open };
          const tools: Tools = { trainer, retraining, cell, env, fixed, optimizer };
          const context = (pending: readonly Event[]) =>
            ({
              ...env,
              run: {
                trainer,
                control,
                start: {
                  epoch: cell.epoch,
                  callbacks: from?.callbacks ?? {},
                  pending,
                  shown: position?.shown,
                },
                grain: fit.grain,
                rateAt: (input: number, step: number) => rateAt(optimizer)(input, step - cell.optimizerStart),
                seed,
                probes: probesLogged(fit.probes ?? []),
                schedule,
                ...(ready.feed === undefined ? {} : { feed: ready.feed }),
                ...(fit.result.follows === undefined ? {} : { follows: fit.result.follows }),
              },
            }) as unknown as R & HasRun & Environment;
          let interrupted: Interrupted | undefined;
          return pipe(
            TE.fromIO(warn(warnings(beginning, schedule, threads), settings, env)),
            TE.chain(() => takeUp(tools, position ?? { pending: [], averages: false }, from?.weights ?? {})),
            TE.chain((pending) =>
              listening(fit.result.interruption, env, tools, schedule.epochs, (what) => {
                interrupted = what;
              })((interrupt) => guarded(() => consume(shown.signals(context(pending)), tools, interrupt)())),
            ),
            TE.chain(() => snapshot(trainer, cell, fixed)),
            TE.map(
              (state): Trained<I, O, T, K> => ({
                _tag: 'Trained',
                objective,
                // Where the optimizer keeps averages of the weights, those are the result (Keras's `use_ema`).
                weights: cell.restored ? state.weights : averaged(optimizer)(state.weights, state.slots),
                history: state.history,
                state: interrupted?.state ?? state,
                ...(control.halted === undefined ? {} : { halted: control.halted }),
                ...(interrupted === undefined
                  ? {}
                  : { interrupted: { signal: interrupted.signal, saved: interrupted.saved } }),
              }),
            ),
          );
        },
        (trainer) =>
          TE.fromTask(async () => {
            await ready.feed?.close();
            await trainer.close();
          }),
      );
    };
    return guarded(
      pipe(
        fit.result.deferred?.(env) ?? TE.fromEither(prepared),
        TE.bindTo('ready'),
        TE.bind('beginning', ({ ready }) => begin(settings, fit.result.resumption ?? fit.resumption, ready, env)),
        TE.chainFirstEitherKW(({ ready }) => checkPaths(ready.resolved, fit.paths ?? [])),
        TE.chainFirstEitherKW(({ ready, beginning }) => checkPlace(beginning.from, ready.schedule)),
        TE.chain(({ ready, beginning }) => train(ready, beginning)),
      ),
    );
  };
