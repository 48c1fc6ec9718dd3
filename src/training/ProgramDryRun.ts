/** A program for a few steps of each part: what is wrong anywhere shows, and how long a step takes. Part of `Program.ts`. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import { type Callback, onEvent } from '../callback/Callback.ts';
import type { Dataset } from '../data/Dataset.ts';
import type { CheckValidation } from './CheckData.ts';
import type { Event, Logs } from './Event.ts';
import type { Objective } from './Objective.ts';
import {
  type DataOptions,
  type Estimate,
  estimateOf,
  estimatePart,
  type PartEstimate,
  previewed,
} from './ProgramEstimate.ts';
import { type Part, type Program, partInWords, type WrongRun } from './ProgramModel.ts';
import { forget, type ProgramSettings, type Whole } from './ProgramPart.ts';
import { checkedParts, runWhole } from './ProgramRun.ts';
import type { Environment, Needs } from './Run.ts';
import { anyObjective } from './Trained.ts';
import { fitError, type TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// dry run
// -------------------------------------------------------------------------------------

export interface DryPart {
  readonly words: string;
  readonly steps: number;
  /** The median, without the first step. */
  readonly stepMilliseconds: number | undefined;
  readonly learningRate: number;
  /** Training and validation logs of these steps. */
  readonly logs: Logs;
}

interface Noted {
  times: number[];
  learningRate: number;
  logs: Logs;
}

const noting = (into: Noted[]): Callback<unknown> =>
  onEvent(
    (e: Event) => () => async () => {
      const last = into.at(-1);
      if (e._tag === 'EpochStarted') into.push({ times: [e.time], learningRate: e.learningRate, logs: {} });
      if (e._tag === 'StepEnded') last?.times.push(e.time);
      if (e._tag === 'EpochEnded' && last !== undefined)
        Object.assign(last, { learningRate: e.learningRate, logs: e.logs });
      return E.right([]);
    },
    { key: 'dryRun' },
  );

const median = (all: readonly number[]): number | undefined =>
  [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)];

/** Differences between the times of steps; the first is from the epoch's start and has the warming up in it. */
const between = (times: readonly number[]): readonly number[] => times.slice(1).map((t, i) => t - (times[i] ?? t));

/** At most so many steps of it, with no callbacks of its own. */
const shortened =
  (steps: number) =>
  (part: Part): Part => {
    const { validationFreq: _, stepsPerRun: __, ...settings } = part.settings;
    return { ...part, length: { _tag: 'Steps', count: steps }, callbacks: [], settings };
  };

const tried =
  (whole: Whole, all: readonly Part[], steps: number) =>
  (env: Environment): TE.TaskEither<TrainingError, readonly DryPart[]> => {
    const noted: Noted[] = [];
    const settings: ProgramSettings = { ...whole.settings, verbose: 0, stepsPerRun: 1, validationFreq: 1 };
    const quiet: Whole = {
      ...whole,
      settings,
      callbacks: noting(noted),
      resumption: undefined,
      interruption: undefined,
    };
    return pipe(
      runWhole(quiet, all.map(shortened(steps)))(env),
      TE.map(() =>
        noted.map(({ times, learningRate, logs }, i) => {
          const part = all[i];
          return {
            words: part === undefined ? '' : partInWords(part),
            steps: times.length - 1,
            stepMilliseconds: median(between(times).slice(1)),
            learningRate,
            logs,
          };
        }),
      ),
    );
  };

const checkedSteps = (steps: number): E.Either<TrainingError, number> =>
  Number.isSafeInteger(steps) && steps > 0
    ? E.right(steps)
    : E.left(fitError(`program: steps must be a positive integer, got ${steps}`));

/**
 * Every part for a few steps (default 3), with its objective, data, frozen parameters and rate, and one validation; without
 * callbacks, and nothing is written. What is wrong anywhere in a long program shows in seconds.
 */
export const dryRun =
  <
    I,
    O,
    T,
    K extends string,
    X,
    Y,
    RD = unknown,
    V extends Dataset<unknown, unknown> | undefined = undefined,
    S extends number | undefined = undefined,
  >(
    objective: Objective<I, O, T, K>,
    options: DataOptions<X, Y, V & CheckValidation<I, T, V>, S, RD> & { readonly steps?: number },
  ) =>
  <U, R, M extends string>(
    program: [WrongRun<U, I, T, X, Y>] extends [never] ? Program<U, R, M> : WrongRun<U, I, T, X, Y>,
  ): RTE.ReaderTaskEither<Needs<R & RD>, TrainingError, readonly DryPart[]> => {
    const { steps = 3, ...rest } = options;
    return pipe(
      RTE.fromEither(checkedSteps(steps)),
      RTE.chainEitherK(() => checkedParts(program as Program<U, R, M>)),
      RTE.chain((all) => tried(forget(anyObjective(objective), rest), all, steps)),
    );
  };

/** Of streamed data the first batch is read. */
const sized =
  (whole: Whole) =>
  (part: Part): RTE.ReaderTaskEither<Environment, TrainingError, PartEstimate> =>
  (env) =>
    pipe(
      TE.fromEither(previewed(whole, part)),
      TE.chain((preview) =>
        pipe(
          preview.fit.deferred?.(env) ?? TE.fromEither(preview.fit.prepared),
          TE.chainFirstTaskK(
            ({ feed }) =>
              async () =>
                feed?.close(),
          ),
          TE.map((prepared) => estimatePart(whole)(preview, prepared)),
        ),
      ),
    );

/** `estimate`, with the time of a step measured in a dry run of `steps` (default 8) of each part. */
export const measure =
  <
    I,
    O,
    T,
    K extends string,
    X,
    Y,
    RD = unknown,
    V extends Dataset<unknown, unknown> | undefined = undefined,
    S extends number | undefined = undefined,
  >(
    objective: Objective<I, O, T, K>,
    options: DataOptions<X, Y, V & CheckValidation<I, T, V>, S, RD> & { readonly steps?: number },
  ) =>
  <U, R, M extends string>(
    program: [WrongRun<U, I, T, X, Y>] extends [never] ? Program<U, R, M> : WrongRun<U, I, T, X, Y>,
  ): RTE.ReaderTaskEither<Needs<R & RD>, TrainingError, Estimate> => {
    const { steps = 8, ...rest } = options;
    const whole = forget(anyObjective(objective), rest);
    return pipe(
      RTE.fromEither(checkedSteps(steps)),
      RTE.chainEitherK(() => checkedParts(program as Program<U, R, M>)),
      RTE.chain((all) =>
        pipe(
          tried(whole, all, steps),
          RTE.bindTo('rows'),
          RTE.bind('parts', () => RTE.traverseSeqArray(sized(whole))(all)),
          RTE.map(({ rows, parts }) =>
            estimateOf(
              parts,
              rows.map((row) => row.stepMilliseconds ?? 0),
            ),
          ),
        ),
      ),
    );
  };
