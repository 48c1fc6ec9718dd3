/**
 * `run`: the one place that ties the knot. It pulls the signals of a run, carries the callbacks' directives out at each
 * `Settled` (what is saved, is saved last), and results in the trained model.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { IO } from 'fp-ts/lib/IO.js';
import type * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import { callbackError } from '../callback/CallbackError.ts';
import * as History from '../callback/History.ts';
import { progress } from '../callback/Progress.ts';
import type { Run } from '../callback/Run.ts';
import * as Plan from '../interpret/Plan.ts';
import { initialValues } from '../model/Initial.ts';
import { averaged, inputFor, type Optimizer, rateAt } from '../optimizer/Optimizer.ts';
import type { HasRuntime, Runtime } from '../runtime/Runtime.ts';
import type { NdArray } from '../shape/NdArray.ts';
import type { HasClock, HasFileSystem, HasTerminal } from './Environment.ts';
import type { Event, Signal } from './Event.ts';
import type { Fit, FitSettings, Prepared } from './Fit.ts';
import type { Objective } from './Objective.ts';
import type { Control, HasRun } from './Source.ts';
import type { TrainState, Weights } from './State.ts';
import * as State from './State.ts';
import type { Trained } from './Trained.ts';
import * as Trainer from './Trainer.ts';
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

/** The mutable state of one run; nothing of it outlives the run. */
interface Cell {
  readonly control: Control;
  readonly remembered: Map<string, Weights>;
  readonly callbacks: Record<string, unknown>;
  history: History.History;
  /** Epochs that have ended, counted from the beginning of training. */
  epoch: number;
  /** The present weights were put back by a callback, and no step has changed them since. */
  restored: boolean;
}

// -------------------------------------------------------------------------------------
// directives
// -------------------------------------------------------------------------------------

const snapshot = (
  trainer: Trainer.Trainer,
  cell: Cell,
  fixed: { readonly seed: number; readonly threads: number },
): TE.TaskEither<TrainingError, TrainState> =>
  pipe(
    TE.Do,
    TE.bind('weights', () => trainer.weights),
    TE.bind('slots', () => trainer.slots),
    TE.map(({ weights, slots }) => ({
      weights,
      slots,
      remembered: Object.fromEntries(cell.remembered),
      ...fixed,
      epoch: cell.epoch,
      step: cell.control.step,
      learningRate: cell.control.learningRate,
      callbacks: { ...cell.callbacks },
      history: cell.history,
    })),
  );

type Asked = Extract<Signal, { readonly _tag: 'Directive' }>;

interface Tools {
  readonly optimizer: Optimizer;
  readonly trainer: Trainer.Trainer;
  readonly cell: Cell;
  readonly env: Environment;
  readonly fixed: { readonly seed: number; readonly threads: number };
}

const carryOut = (
  { trainer, cell, env, fixed, optimizer }: Tools,
  { from, directive }: Asked,
): TE.TaskEither<TrainingError, void> => {
  const { control } = cell;
  const announce = (event: Event) => {
    control.pending.push(event);
  };
  switch (directive._tag) {
    case 'SetLearningRate':
      if (!(Number.isFinite(directive.value) && directive.value >= 0))
        return TE.left(
          callbackError(
            from,
            'Failed',
            `it set the learning rate to ${directive.value}; expected a finite number, 0 or more`,
          ),
        );
      return pipe(
        TE.rightIO(() => (optimizer.schedule === undefined ? control.learningRate : control.shown)),
        TE.chain((present) =>
          pipe(
            inputFor(optimizer)(control.learningRate, present, directive.value),
            E.mapLeft((reason) => callbackError(from, 'Failed', `it set the learning rate: ${reason}`)),
            E.map((input) => {
              if (directive.value === present) return;
              announce({ _tag: 'LearningRateChanged', from: present, to: directive.value, time: env.clock.now() });
              control.learningRate = input;
              control.shown = directive.value;
            }),
            TE.fromEither,
          ),
        ),
      );
    case 'HaltEpoch':
      return TE.fromIO(() => {
        control.haltEpoch = true;
      });
    case 'HaltRun':
      return TE.fromIO(() => {
        control.haltEpoch = true;
        control.halted = control.halted ?? directive.reason;
      });
    case 'Remember':
      return pipe(
        trainer.weights,
        TE.chainIOK((weights) => () => {
          cell.remembered.set(directive.slot, weights);
        }),
      );
    case 'Restore': {
      const weights = cell.remembered.get(directive.slot);
      return weights === undefined
        ? TE.left(
            callbackError(
              from,
              'Protocol',
              `it asked to restore '${directive.slot}', which was not remembered; there are ` +
                `${[...cell.remembered.keys()].map((slot) => `'${slot}'`).join(', ') || 'none'}. Ask to Remember it first`,
            ),
          )
        : pipe(
            trainer.restore(weights),
            TE.map(() => {
              cell.restored = true;
            }),
          );
    }
    case 'Save':
      return pipe(
        directive.what === 'weights'
          ? pipe(trainer.weights, TE.chainEitherKW(State.encodeWeights))
          : pipe(snapshot(trainer, cell, fixed), TE.chainEitherKW(State.encodeState)),
        TE.chainW((bytes) => env.fileSystem.writeFile(directive.path, bytes)),
        TE.map(() => announce({ _tag: 'CheckpointSaved', path: directive.path, time: env.clock.now() })),
      );
    case 'Log':
      // Logs are part of the event by now: attaching a callback put them there.
      return TE.right(undefined);
  }
};

const savesLast = (asked: readonly Asked[]): readonly Asked[] => [
  ...asked.filter(({ directive }) => directive._tag !== 'Save'),
  ...asked.filter(({ directive }) => directive._tag === 'Save'),
];

const carryOutAll = (tools: Tools, asked: readonly Asked[]): TE.TaskEither<TrainingError, void> =>
  savesLast(asked).reduce<TE.TaskEither<TrainingError, void>>(
    (before, one) =>
      pipe(
        before,
        TE.chain(() => carryOut(tools, one)),
      ),
    TE.right(undefined),
  );

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

// -------------------------------------------------------------------------------------
// opening
// -------------------------------------------------------------------------------------

const filled = (value: number, shape: readonly number[]): NdArray => ({
  dtype: 'float32',
  shape,
  data: new Float32Array(shape.reduce((n, d) => n * d, 1)).fill(value),
});

/** Slots of a resumed run, or the optimizer's initial ones. */
const slotsFrom = (plan: Plan.TrainingPlan, weights: Weights, from: TrainState | undefined): Weights =>
  Object.fromEntries(
    Object.entries(plan.slots).map(([name, { shape, init, parameter }]) => [
      name,
      from?.slots[name] ?? (init === 'parameter' ? (weights[parameter] as NdArray) : filled(init, shape)),
    ]),
  );

const checkSlots = (plan: Plan.TrainingPlan, from: TrainState | undefined): E.Either<TrainingError, void> => {
  const differing =
    from === undefined
      ? []
      : Object.entries(plan.slots).flatMap(([name, { shape }]) =>
          from.slots[name]?.shape.join() === shape.join() ? [] : [name],
        );
  return differing.length === 0
    ? E.right(undefined)
    : E.left(
        fitError(
          `fit: the train state to go on from is of another optimizer: it has no fitting ${differing.join(', ')}`,
        ),
      );
};

const openTrainer = (
  objective: Objective<unknown, unknown, unknown, string>,
  settings: FitSettings,
  prepared: Prepared,
  runtime: Runtime,
): TE.TaskEither<TrainingError, Trainer.Trainer> => {
  const { resolved, types, schedule } = prepared;
  const problem = { ...objective, resolved };
  return pipe(
    E.Do,
    E.bindW('weights', () =>
      State.checkWeights(resolved.parameters)(
        settings.from?.weights ?? settings.weights ?? initialValues(resolved, schedule.seed),
      ),
    ),
    E.bindW('training', () => Plan.trainingPlan(problem, types, runtime.provider)),
    E.bindW('evaluation', () => Plan.evaluationPlan(problem, prepared.validation?.types ?? types)),
    E.chainFirstW(({ training }) => checkSlots(training, settings.from)),
    TE.fromEither,
    TE.chainW(({ weights, training, evaluation }) =>
      Trainer.open({
        runtime,
        training,
        evaluation,
        metrics: objective.metrics,
        weights,
        slots: slotsFrom(training, weights, settings.from),
        data: prepared.data,
        validation: prepared.validation?.samples,
        batchSize: schedule.batchSize,
        validationBatchSize: prepared.validationBatchSize,
        seed: schedule.seed,
      }),
    ),
  );
};

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
    const anyObjective = objective as unknown as Objective<unknown, unknown, unknown, string>;
    const shown = progress({ verbose: settings.verbose ?? 1 })(fit);
    const { from } = settings;
    const whole = pipe(
      TE.fromEither(prepared),
      TE.chainW((ready) =>
        TE.bracket(
          openTrainer(anyObjective, settings, ready, env.runtime),
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
