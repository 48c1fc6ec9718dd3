/**
 * Programs, run: each part is a run of `fit`, and the train state flows from one to the next. Part of `Program.ts`.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as O from 'fp-ts/lib/Option.js';
import type * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { Callback, Missing } from '../callback/Attach.ts';
import type { Dataset } from '../data/Dataset.ts';
import type { Resolved } from '../model/Resolved.ts';
import type { CheckValidation } from './CheckData.ts';
import type { HasInterrupts } from './Environment.ts';
import type { Keys } from './Fit.ts';
import { listeningThroughout } from './Interrupts.ts';
import type { Objective } from './Objective.ts';
import { checkFrom } from './Prepare.ts';
import type { Supply } from './ProgramData.ts';
import { type Part, type Program, partInWords, parts, problems, type WrongRun } from './ProgramModel.ts';
import {
  type Begun,
  fitOf,
  forget,
  haltsProgram,
  type ProgramSettings,
  resumptionOf,
  type Whole,
} from './ProgramPart.ts';
import { nextState, placeOf } from './ProgramState.ts';
import { find, fitting } from './Resume.ts';
import { type Environment, type Needs, run as runFit } from './Run.ts';
import type { Interruption, Resumption } from './Settings.ts';
import type { ProgramPlace, TrainState } from './State.ts';
import { anyObjective, inFile, resolvedOf, type Trained } from './Trained.ts';
import { checkpointError, fitError, type TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** What a program is run with. */
export interface RunOptions<R, M extends string, L extends string> extends ProgramSettings {
  /**
   * Callbacks of the whole program: they see all its parts, each with a `RunStarted` and a `RunEnded`, and keep their states. If
   * one of them halts the run, that is the end of the program.
   */
  readonly callbacks?: Callback<R, M, L>;
  /** Go on from this file, if it is there: in the part, epoch and step in which it was saved. See `T.resume`. */
  readonly resume?: string | Resumption;
}

type AnyTrained = Trained<unknown, unknown, unknown, string>;

// -------------------------------------------------------------------------------------
// all parts
// -------------------------------------------------------------------------------------

const announced = (env: Environment, whole: Whole, all: readonly Part[], i: number): void => {
  const part = all[i];
  if ((whole.settings.verbose ?? 1) !== 0 && all.length > 1 && part !== undefined)
    env.terminal.write(`Part ${i + 1}/${all.length}: ${partInWords(part)}\n`)();
};

/** From a part on to the end of the program, or to where it is halted or interrupted. */
const goOn =
  (env: Environment, whole: Whole, all: readonly Part[], resolved: Resolved) =>
  (begun: Begun): TE.TaskEither<TrainingError, AnyTrained> =>
  async () => {
    let { place, from } = begun;
    for (;;) {
      const part = all[place.part];
      if (part === undefined) return E.left(fitError('run: the program is empty: give it at least one part'));
      announced(env, whole, all, place.part);
      const attached = fitOf(whole, part, resolved, { place, from, isLast: place.part === all.length - 1 });
      if (E.isLeft(attached)) return attached;
      const result: E.Either<TrainingError, AnyTrained> = await runFit(attached.right)(env as never)();
      if (E.isLeft(result)) return result;
      const trained = result.right;
      const isStopped = trained.interrupted !== undefined || haltsProgram(whole, trained.halted);
      const next = all[place.part + 1];
      if (isStopped || next === undefined || trained.state === undefined) return result;
      const nextPlace = placeOf(all, place.part + 1, trained.state, place);
      const state = nextState(whole, resolved, trained.state, part, next, nextPlace);
      if (E.isLeft(state)) return state;
      [place, from] = [nextPlace, state.right];
    }
  };

/** A state of this program says in which part it was saved; any other is one to begin with. */
const beginAt = (
  whole: Whole,
  all: readonly Part[],
  resolved: Resolved,
  state: TrainState | undefined,
): E.Either<TrainingError, Begun> => {
  const first: ProgramPlace = {
    part: 0,
    epoch: state?.epoch ?? 0,
    step: state?.step ?? 0,
    rateFrom: state?.step ?? 0,
    done: [],
  };
  if (state === undefined) return E.right({ place: first, from: undefined });
  const place = state.program;
  const [part] = all;
  if (place === undefined)
    return part === undefined
      ? E.right({ place: first, from: state })
      : pipe(
          nextState(whole, resolved, state, undefined, part, first),
          E.map((from) => ({ place: first, from })),
        );
  const done = all.slice(0, place.part).map(partInWords);
  return place.part < all.length && done.join('\n') === place.done.join('\n')
    ? E.right({ place, from: state })
    : E.left(
        checkpointError(
          `the train state is of another program: it was saved in part ${place.part + 1} after ${place.done.map((d) => `(${d})`).join(', ') || 'nothing'}; ` +
            `this one has ${all.length} parts and before that ${done.map((d) => `(${d})`).join(', ') || 'nothing'}. Run it with the ` +
            'program it was saved in, or leave `program` out of the state to begin this one from its weights',
        ),
      );
};

/** The state to go on from: that of a file, if there is one, else what was given. */
const stateOf = (
  whole: Whole,
  all: readonly Part[],
  { parameters }: Resolved,
  env: Environment,
): TE.TaskEither<TrainingError, TrainState | undefined> => {
  const { seed, from, verbose = 1 } = whole.settings;
  const seeded = seed === undefined ? {} : { seed };
  const resumption = resumptionOf(whole, all);
  return pipe(
    TE.fromEither(checkFrom(whole.settings)),
    TE.chainW(() => (resumption === undefined ? TE.right(O.none) : find(resumption, fitting(parameters))(env))),
    TE.chainEitherKW(
      O.match(
        (): E.Either<TrainingError, TrainState | undefined> => E.right(from),
        ({ state, path, refused }) => {
          if (verbose !== 0)
            for (const error of refused) env.terminal.write(`Warning: ${error.message}; going on from ${path}\n`)();
          return pipe(
            checkFrom({ from: state, ...seeded }),
            E.bimap(inFile(path), () => state),
          );
        },
      ),
    ),
  );
};

export const runWhole =
  (whole: Whole, all: readonly Part[]) =>
  (env: Environment): TE.TaskEither<TrainingError, AnyTrained> =>
    pipe(
      TE.fromEither(resolvedOf(whole.objective)),
      TE.bindTo('resolved'),
      TE.bindW('state', ({ resolved }) => stateOf(whole, all, resolved, env)),
      TE.bindW('begun', ({ resolved, state }) => TE.fromEither(beginAt(whole, all, resolved, state))),
      // Between two parts, while the next one's graphs are loaded, no run listens.
      TE.chain(({ resolved, begun }) =>
        listeningThroughout<Environment & Partial<HasInterrupts>>(
          whole.interruption,
          env,
        )((heard) => goOn(heard, whole, all, resolved)(begun)),
      ),
    );

/** The program's parts, if its numbers make sense. */
export const checkedParts = <U, R, M extends string>(
  program: Program<U, R, M>,
): E.Either<TrainingError, readonly Part[]> => {
  const wrong = problems(program);
  return wrong.length === 0 ? E.right(parts(program)) : E.left(fitError(`program: ${wrong.join('; ')}`));
};

// -------------------------------------------------------------------------------------
// interpreter
// -------------------------------------------------------------------------------------

type Unmonitored<M extends string, Keys extends string> = [Missing<M, Keys>] extends [never]
  ? never
  : `monitor '${Missing<M, Keys>}' is not logged by this run`;

/**
 * Runs a program: one part after the other, each a `fit` of its own that begins with what the one before left. History, epochs and
 * updates are counted through.
 *
 * - Optimizer slots stay where the next part's optimizer is of the same kind and finds all of its slots; else it begins with
 *   new ones and counts its steps anew (Adam corrects its bias by that count), as Keras does after `compile`.
 * - The learning rate that callbacks made stays where rate and objective are those of the part before; what they have frozen and
 *   thawed, where the part before freezes the same.
 * - States that are saved know the part: `resume` goes on in it, in the middle of its epoch, bit for bit on the CPU.
 * - `interruptible: { save }` is `T.interruptible`. A part's callback that halts ends that part, one of `callbacks` the program.
 * - Each part loads its graphs anew; where a part is a few steps, that is what takes the time.
 *
 * Errors: numbers that make no sense, a path that freezes nothing, a state of another program, and all of `T.run`.
 */
export const run =
  <
    I,
    O,
    T,
    K extends string,
    X,
    Y,
    RD = unknown,
    R2 = unknown,
    M2 extends string = never,
    L extends string = never,
    V extends Dataset<unknown, unknown> | undefined = undefined,
    S extends number | undefined = undefined,
    N extends Interruption | undefined = undefined,
  >(
    objective: Objective<I, O, T, K>,
    options: RunOptions<R2, M2, L> & {
      /** A data set, or a stream of batches, as `fitStream` takes it. */
      readonly data: Supply<X, Y, RD>;
      readonly validation?: V & CheckValidation<I, T, V>;
      readonly validationSplit?: S;
      readonly interruptible?: N;
    },
  ) =>
  <U, R, M extends string>(
    program: [WrongRun<U, I, T, X, Y> | Unmonitored<M | M2, Keys<K, V, S> | L>] extends [never]
      ? Program<U, R, M>
      : WrongRun<U, I, T, X, Y> | Unmonitored<M | M2, Keys<K, V, S> | L>,
  ): RTE.ReaderTaskEither<
    Needs<R & R2 & RD & (N extends Interruption ? HasInterrupts : unknown)>,
    TrainingError,
    Trained<I, O, T, K>
  > =>
  (env) =>
    pipe(
      TE.fromEither(checkedParts(program as Program<U, R, M>)),
      TE.chain((all) => runWhole(forget(anyObjective(objective), options), all)(env)),
      TE.map((trained) => ({ ...trained, objective }) as unknown as Trained<I, O, T, K>),
    );
