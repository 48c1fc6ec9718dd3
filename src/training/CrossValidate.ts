/** A program on the folds of a data set: scores, and predictions for samples that were not trained on. Part of `Program.ts`. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { Missing } from '../callback/Attach.ts';
import type * as History from '../callback/History.ts';
import type { DataError } from '../data/DataError.ts';
import type { Dataset } from '../data/Dataset.ts';
import { derive } from '../data/Random.ts';
import type { Fold, Split } from '../data/Split.ts';
import type { NdArray } from '../shape/NdArray.ts';
import type { Keys } from './Fit.ts';
import type { Objective } from './Objective.ts';
import { evaluate, predict } from './Predict.ts';
import type { Part, Program, WrongRun } from './ProgramModel.ts';
import { forget, resumptionOf } from './ProgramPart.ts';
import { checkedParts, type RunOptions, runWhole } from './ProgramRun.ts';
import { type Environment, guarded, type Needs } from './Run.ts';
import type { Weights } from './State.ts';
import { anyObjective, resolvedOf, type Trained } from './Trained.ts';
import { fitError, type TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface CrossValidation<X, Y, R, M extends string, L extends string>
  extends Omit<RunOptions<R, M, L>, 'resume' | 'from' | 'seed'> {
  readonly data: Dataset<X, Y>;
  /** `D.kFold(5, { seed: 1 })`, `D.stratifiedKFold`, `D.groupKFold`, `D.repeatedFolds`, or a function of your own. */
  readonly folds: (data: Dataset<X, Y>) => E.Either<DataError, readonly Fold<X, Y>[]>;
  /** What is fitted on the training part of a fold and applied to both, such as `D.standardiseFold`. Default: nothing. */
  readonly prepare?: (fold: Fold<X, Y>) => E.Either<DataError, Split<X, Y>>;
  /** Each fold has a seed of its own that follows from it. Default 0. */
  readonly seed?: number;
}

export interface FoldResult<K extends string> {
  readonly index: number;
  readonly seed: number;
  /** Of the fold's validation part, by the model that was trained on the others. */
  readonly scores: Readonly<Record<K, number>>;
  readonly history: History.History;
  readonly weights: Weights;
  readonly validationIndices: Int32Array;
}

export interface Crossed<K extends string> {
  readonly folds: readonly FoldResult<K>[];
  /** Over folds. */
  readonly mean: Readonly<Record<K, number>>;
  /** Of the sample: with n - 1. NaN for a single fold. */
  readonly deviation: Readonly<Record<K, number>>;
  /**
   * For each output, a prediction for each sample by models that were not trained on it, in the order of the data: the mean, where
   * several rounds of folds give several. Float32; NaN for a sample that is in no validation part.
   */
  readonly predictions: Readonly<Record<string, NdArray>>;
  /** How many predictions each sample has. */
  readonly times: Int32Array;
}

// -------------------------------------------------------------------------------------
// scores and predictions
// -------------------------------------------------------------------------------------

const over = <K extends string>(
  folds: readonly FoldResult<K>[],
  f: (values: readonly number[]) => number,
): Readonly<Record<K, number>> => {
  const keys = Object.keys(folds[0]?.scores ?? {}) as K[];
  return Object.fromEntries(keys.map((key) => [key, f(folds.map(({ scores }) => scores[key]))])) as Record<K, number>;
};

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

const deviation = (values: readonly number[]): number => {
  const m = mean(values);
  return Math.sqrt(values.reduce((sum, v) => sum + (v - m) ** 2, 0) / (values.length - 1));
};

type Outputs = Readonly<Record<string, NdArray>>;

interface Predicted {
  readonly indices: Int32Array;
  readonly outputs: Outputs;
}

/** The mean of what the folds say of each sample. */
const together = (size: number, all: readonly Predicted[]): Pick<Crossed<string>, 'predictions' | 'times'> => {
  const times = new Int32Array(size);
  for (const { indices } of all) for (const i of indices) times[i] = (times[i] ?? 0) + 1;
  const predictions = Object.fromEntries(
    Object.entries(all[0]?.outputs ?? {}).map(([name, first]): readonly [string, NdArray] => {
      const row = first.shape.slice(1);
      const width = row.reduce((n, d) => n * d, 1);
      const sums = new Float64Array(size * width);
      for (const { indices, outputs } of all)
        indices.forEach((sample, at) => {
          for (let j = 0; j < width; j++)
            sums[sample * width + j] = (sums[sample * width + j] ?? 0) + Number(outputs[name]?.data[at * width + j]);
        });
      const data = Float32Array.from(sums, (sum, i) => sum / (times[Math.floor(i / width)] ?? 0));
      return [name, { dtype: 'float32', shape: [size, ...row], data }];
    }),
  );
  return { predictions, times };
};

/** What comes of a fold. */
interface Trial<K extends string> {
  readonly result: FoldResult<K>;
  readonly predicted: Predicted;
}

/** Predictions find their way back by the indices. */
const checkFold = (
  { index, validationIndices }: Pick<Fold<unknown, unknown>, 'index' | 'validationIndices'>,
  validated: number,
  size: number,
): E.Either<TrainingError, void> => {
  const stray = validationIndices.find((i) => i < 0 || i >= size);
  if (stray !== undefined)
    return E.left(fitError(`crossValidate: fold ${index} validates sample ${stray}, the data have ${size}`));
  return validationIndices.length === validated
    ? E.right(undefined)
    : E.left(
        fitError(
          `crossValidate: fold ${index} has ${validationIndices.length} validation indices and, once prepared, ${validated} ` +
            'validation samples; `prepare` must keep them all, in their order',
        ),
      );
};

/** A backup would have one fold go on from where another one was. */
const withoutBackup = (callbacks: unknown, all: readonly Part[]): E.Either<TrainingError, void> => {
  const found = resumptionOf(
    { resumption: undefined, callbacks: callbacks as Parameters<typeof resumptionOf>[0]['callbacks'] },
    all,
  );
  return found === undefined
    ? E.right(undefined)
    : E.left(
        fitError(
          `crossValidate: a callback goes on from ${found.path}, which all folds would share; leave the backup out, or run the ` +
            'folds one by one with a file for each',
        ),
      );
};

type AnyTrained = Trained<unknown, unknown, unknown, string>;

/** By the names of the model's outputs, also where there is one. */
const predictAll =
  (trained: AnyTrained, x: Dataset<unknown, unknown>['x']) =>
  (env: Environment): TE.TaskEither<TrainingError, Outputs> =>
    pipe(
      TE.fromEither(resolvedOf(trained.objective)),
      TE.chain((resolved) =>
        pipe(
          predict(x as never)(trained as never)(env) as TE.TaskEither<TrainingError, NdArray | Outputs>,
          TE.map(
            (output): Outputs =>
              resolved.outputs.length === 1
                ? { [resolved.outputs[0]?.name ?? '']: output as NdArray }
                : (output as Outputs),
          ),
        ),
      ),
    );

// -------------------------------------------------------------------------------------
// interpreter
// -------------------------------------------------------------------------------------

type Unmonitored<M extends string, Keys extends string> = [Missing<M, Keys>] extends [never]
  ? never
  : `monitor '${Missing<M, Keys>}' is not logged by this run`;

/**
 * Trains the program once for each fold, from new weights and with a seed of its own, on the training part; the fold's validation part
 * is the validation data. One fold after the other: a run uses all threads by itself.
 *
 * Nothing passes from one fold to another, and callbacks begin anew in each. What is fitted to data belongs into `prepare`, and a
 * program that brings its own data (`withData`) should bring none of these. Errors: those of the folds and of `run`; folds whose
 * indices do not fit; a callback that goes on from a file (`backupAndRestore`). The first one ends it. scikit-learn: `cross_validate` and `cross_val_predict`.
 *
 * @example
 * pipe(P.epochs(20), P.crossValidate(objective, { data, folds: D.stratifiedKFold(5, { seed: 1 }) }), RTE.map(({ mean }) => mean.accuracy))
 */
export const crossValidate =
  <I, O, T, K extends string, X, Y, R2 = unknown, M2 extends string = never, L extends string = never>(
    objective: Objective<I, O, T, K>,
    options: CrossValidation<X, Y, R2, M2, L>,
  ) =>
  <U, R, M extends string>(
    program: [WrongRun<U, I, T, X, Y> | Unmonitored<M | M2, Keys<K, Dataset<X, Y>, undefined> | L>] extends [never]
      ? Program<U, R, M>
      : WrongRun<U, I, T, X, Y> | Unmonitored<M | M2, Keys<K, Dataset<X, Y>, undefined> | L>,
  ): RTE.ReaderTaskEither<Needs<R & R2>, TrainingError, Crossed<K>> =>
  (given) => {
    const env: Environment = given;
    const { data, folds: foldsOf, prepare = E.right, seed = 0, ...rest } = options;
    const one =
      (all: Parameters<typeof runWhole>[1]) =>
      (fold: Fold<X, Y>): TE.TaskEither<TrainingError, Trial<K>> =>
        pipe(
          TE.fromEither<TrainingError, Split<X, Y>>(prepare(fold)),
          TE.chainFirstEitherKW(({ validation }) => checkFold(fold, validation.size, data.size)),
          TE.bindTo('parts'),
          TE.bindW('trained', ({ parts: { train, validation } }) =>
            runWhole(
              forget(anyObjective(objective), {
                ...rest,
                data: train,
                validation,
                seed: derive(seed, fold.index) % 2 ** 32,
              }),
              all,
            )(env),
          ),
          TE.bindW('scores', ({ trained, parts: { validation } }) =>
            evaluate(validation)({ ...trained, objective: anyObjective(objective) } as never)(env),
          ),
          TE.bindW('outputs', ({ trained, parts: { validation } }) =>
            predictAll(trained, validation.x as Dataset<unknown, unknown>['x'])(env),
          ),
          TE.map(({ trained, scores, outputs }) => ({
            result: {
              index: fold.index,
              seed: derive(seed, fold.index) % 2 ** 32,
              scores: scores as unknown as Readonly<Record<K, number>>,
              history: trained.history,
              weights: trained.weights,
              validationIndices: fold.validationIndices,
            },
            predicted: { indices: fold.validationIndices, outputs },
          })),
        );
    const trained: TE.TaskEither<TrainingError, readonly Trial<K>[]> = pipe(
      TE.fromEither(checkedParts(program as Program<U, R, M>)),
      TE.chainFirstEitherKW((all) => withoutBackup(options.callbacks, all)),
      TE.bindTo('all'),
      TE.bindW('folds', () => TE.fromEither(foldsOf(data))),
      TE.chainW(({ all, folds }) =>
        folds.length === 0
          ? TE.left<TrainingError>(fitError('crossValidate: expects at least one fold, got none'))
          : pipe(folds, TE.traverseSeqArray(one(all))),
      ),
    );
    return pipe(
      guarded(trained),
      TE.map((results) => {
        const folds = results.map(({ result }) => result);
        return {
          folds,
          mean: over(folds, mean),
          deviation: over(folds, deviation),
          ...together(
            data.size,
            results.map(({ predicted }) => predicted),
          ),
        };
      }),
    );
  };
