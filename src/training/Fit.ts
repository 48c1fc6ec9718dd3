/**
 * `fit`: an objective and data as a run that has not started. Keras's `fit`, as a value: callbacks are attached by
 * `pipe`, and `run` runs it.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Run } from '../callback/Run.ts';
import type { Dataset } from '../data/Dataset.ts';
import { split } from '../data/Split.ts';
import type { DataTypes } from '../interpret/Batches.ts';
import { resolve } from '../model/Resolve.ts';
import type { Resolved } from '../model/Resolved.ts';
import { check as checkOptimizer } from '../optimizer/Optimizer.ts';
import type { Agree, Sample, Show, Sized } from '../shape/Shape.ts';
import * as Stream from '../stream/Stream.ts';
import { type AnyDataset, type Checked, firstOf, parts, positive, samplesFor, tooLarge } from './Check.ts';
import type { HasClock } from './Environment.ts';
import type { Direction, Signal } from './Event.ts';
import type { Objective } from './Objective.ts';
import { checkWeightSettings, type WeightSettings, withClassWeight, withSampleWeight } from './SampleWeights.ts';
import { type HasRun, type Schedule, signals } from './Source.ts';
import type { TrainState, Weights } from './State.ts';
import type { Samples } from './Trainer.ts';
import { type FitError, fitError, modelError, type TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** 0: silent; 1: a live bar; 2: a line an epoch. */
export type Verbosity = 0 | 1 | 2;

export interface FitSettings extends WeightSettings {
  /** Epoch at which to stop, counted from the beginning of training (also after a resume). Default 1. */
  readonly epochs?: number;
  /** Default 32, or all samples if there are fewer. The last batch of an epoch may be smaller; it is trained on. */
  readonly batchSize?: number;
  /** Default: that of training. */
  readonly validationBatchSize?: number;
  /** Default 1. */
  readonly verbose?: Verbosity;
  /** A new order of the samples in every epoch. Default true. */
  readonly shuffle?: boolean;
  /** Of initial weights, shuffles and dropout. Default 0, or that of `from`. */
  readonly seed?: number;
  /** Steps that one call of onnxruntime makes. Directives of callbacks at steps take effect after it. Default 'auto'. */
  readonly stepsPerRun?: number | 'auto';
  /**
   * Layers that stay as they are, by name or by the path of a `named` group (`'backbone'`, `'backbone.conv2d'`): they cost no
   * backward pass, and their batch normalisation keeps its statistics. Keras's `trainable = False`.
   */
  readonly freeze?: readonly string[];
  /** Begin with these weights instead of initial ones. Not together with `from`, which has its own. */
  readonly weights?: Weights;
  /**
   * Go on from this train state: weights, optimizer slots, learning rate, counters, callback states and history. If it has
   * as many epochs behind it as `epochs` says, nothing is left to train.
   */
  readonly from?: TrainState;
}

/** What `run` needs to know besides the signals. */
export interface Fit<I, O, T, K extends string> {
  readonly objective: Objective<I, O, T, K>;
  readonly settings: FitSettings;
  readonly prepared: E.Either<TrainingError, Prepared>;
}

export interface Prepared {
  readonly resolved: Resolved;
  readonly types: DataTypes;
  readonly schedule: Schedule;
  readonly data: Samples;
  readonly validation: Checked | undefined;
  readonly validationBatchSize: number;
  /** Names of parameters that are not trained. */
  readonly frozen: ReadonlySet<string>;
}

// -------------------------------------------------------------------------------------
// checks, as types
// -------------------------------------------------------------------------------------

type FitsData<Who extends string, What extends string, Want, Whose extends string, Got, Then> =
  Agree<Got, Sized<Want>> extends true
    ? Then
    : `${Who}: the model's ${What} is ${Show<Want>}, the ${Whose} ${Show<Got>}`;

/** `unknown`, or the message. */
export type CheckData<I, T, X, Y, Who extends string = 'fit', Whose extends string = "dataset's"> = FitsData<
  Who,
  'input',
  Sample<I>,
  Whose,
  X,
  FitsData<Who, 'target', Sample<T>, Whose, Y, unknown>
>;

/** The same for validation data, if there are any. */
export type CheckValidation<I, T, V> =
  V extends Dataset<infer X, infer Y> ? CheckData<I, T, X, Y, 'fit', "validation data's"> : unknown;

/** Log keys with validation: `loss`, `val_loss`, ... */
export type Keys<K extends string, V, S> = [V, S] extends [undefined, undefined] ? K : K | `val_${K}`;

// -------------------------------------------------------------------------------------
// preparation
// -------------------------------------------------------------------------------------

/** The parameters of frozen layers and groups. */
const frozenOf = ({ parameters }: Resolved, paths: readonly string[]): E.Either<FitError, ReadonlySet<string>> => {
  const under = (path: string) => parameters.filter((p) => p.name.startsWith(`${path}.`)).map((p) => p.name);
  const unknown = paths.find((path) => under(path).length === 0);
  const frozen = new Set(paths.flatMap(under));
  const layers = [...new Set(parameters.map((p) => p.name.slice(0, p.name.lastIndexOf('.'))))];
  if (unknown !== undefined)
    return E.left(
      fitError(`fit: freeze: no layer or group '${unknown}' has parameters; there are ${layers.join(', ')}`),
    );
  return paths.length === 0 || parameters.some((p) => p.trainable && !frozen.has(p.name))
    ? E.right(frozen)
    : E.left(fitError('fit: freeze: nothing is left to train; freeze less, or use evaluate and predict'));
};

const directionsOf = (
  objective: Objective<unknown, unknown, unknown, string>,
  validated: boolean,
): Readonly<Record<string, Direction>> => {
  const plain = [['loss', 'min'] as const, ...objective.metrics.map((m) => [m.name, m.direction] as const)];
  return Object.fromEntries(validated ? [...plain, ...plain.map(([k, d]) => [`val_${k}`, d] as const)] : plain);
};

/** Names of metrics are keys of the logs. */
const checkNames = ({ metrics }: Objective<unknown, unknown, unknown, string>): E.Either<FitError, void> => {
  const names = metrics.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  const taken = names.find((name) => name === '' || name === 'loss' || name.startsWith('val_'));
  return firstOf([
    twice === undefined
      ? undefined
      : fitError(`compile: two metrics have the name '${twice}'; give one of them another: { name: '...' }`),
    taken === undefined
      ? undefined
      : fitError(
          `compile: a metric has the name '${taken}'; 'loss' and 'val_...' are keys of the logs that mean something else, ` +
            "and no key is empty; give it another: { name: '...' }",
        ),
  ]);
};

/** Settings that a train state to go on from has already decided. */
const checkFrom = ({ from, seed, weights }: FitSettings): E.Either<FitError, void> =>
  firstOf([
    from !== undefined && weights !== undefined
      ? fitError('fit: give `weights` to begin with or a state to go on `from`, not both')
      : undefined,
    from !== undefined && seed !== undefined && seed !== from.seed
      ? fitError(
          `fit: the train state to go on from has the seed ${from.seed}, got ${seed}; leave the seed out, or give weights ` +
            'in place of the state',
        )
      : undefined,
  ]);

interface Given {
  readonly data: AnyDataset;
  readonly validation: AnyDataset | undefined;
  readonly validationSplit: number | undefined;
}

const prepare = (
  objective: Objective<unknown, unknown, unknown, string>,
  settings: FitSettings,
  given: Given,
): E.Either<TrainingError, Prepared> =>
  pipe(
    E.Do,
    E.bindW('resolved', () => pipe(resolve(objective.model), E.mapLeft(modelError))),
    E.chainFirstW(() =>
      pipe(
        checkOptimizer(objective.optimizer),
        E.mapLeft((problems) => fitError(problems.join('; '))),
      ),
    ),
    E.chainFirstW(() => checkNames(objective)),
    E.chainFirstW(() => checkFrom(settings)),
    E.chainFirstW(() => checkWeightSettings(settings, given.data.size)),
    E.bindW('split', () =>
      given.validation !== undefined || given.validationSplit === undefined
        ? E.right({ train: given.data, validation: given.validation })
        : split({ validation: given.validationSplit })(given.data),
    ),
    E.bindW('train', ({ resolved, split: { train } }) =>
      pipe(
        samplesFor(objective, resolved, train, parts.data),
        E.map(withSampleWeight(settings, 0)),
        E.chainW(withClassWeight(settings)),
      ),
    ),
    E.bindW(
      'validation',
      ({ resolved, split: { train, validation } }): E.Either<TrainingError, Checked | undefined> =>
        validation === undefined
          ? E.right(undefined)
          : pipe(
              samplesFor(objective, resolved, validation, parts.validation),
              // Validation data of their own have no weights; a part of the data keeps its samples'.
              E.map(given.validation === undefined ? withSampleWeight(settings, train.size) : (part) => part),
            ),
    ),
    E.bindW('sizes', ({ train, validation }) => {
      const batchSize = settings.batchSize ?? Math.min(32, train.samples.size);
      const validationBatchSize = settings.validationBatchSize ?? batchSize;
      const epochs = settings.epochs ?? 1;
      return pipe(
        firstOf([
          positive('epochs', epochs),
          positive('batchSize', batchSize),
          positive('validationBatchSize', validationBatchSize),
          settings.stepsPerRun === undefined || settings.stepsPerRun === 'auto'
            ? undefined
            : positive('stepsPerRun', settings.stepsPerRun),
          Number.isSafeInteger(settings.seed ?? 0) && (settings.seed ?? 0) >= 0
            ? undefined
            : fitError(`fit: seed must be a whole number, 0 or more, got ${settings.seed}`),
          tooLarge('batchSize', batchSize, train.samples.size),
          settings.validationBatchSize === undefined || validation === undefined
            ? undefined
            : tooLarge('validationBatchSize', validationBatchSize, validation.samples.size),
        ]),
        E.map(() => ({ batchSize, validationBatchSize, epochs })),
      );
    }),
    E.bindW('frozen', ({ resolved }) => frozenOf(resolved, settings.freeze ?? [])),
    E.map(({ resolved, train, validation, sizes, frozen }) => ({
      resolved,
      frozen,
      types: train.types,
      data: train.samples,
      validation,
      validationBatchSize: sizes.validationBatchSize,
      schedule: {
        epochs: sizes.epochs,
        samples: train.samples.size,
        batchSize: sizes.batchSize,
        shuffle: settings.shuffle ?? true,
        seed: settings.from?.seed ?? settings.seed ?? 0,
        stepsPerRun: settings.stepsPerRun ?? 'auto',
        directions: directionsOf(objective, validation !== undefined),
        metrics: objective.metrics,
      },
    })),
  );

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * A run of training, not started. Data are checked against model and loss by the compiler and, where it cannot know,
 * before the first step. `validation` is a data set; `validationSplit` takes that share from the end of the data.
 *
 * @example
 * pipe(
 *   T.fit(objective, { data: train, validation, epochs: 35, batchSize: 128, verbose: 2 }),
 *   C.earlyStopping({ monitor: 'val_loss', patience: 3 }),
 *   T.run,
 * )
 */
export const fit = <
  I,
  O,
  T,
  K extends string,
  X,
  Y,
  V extends Dataset<unknown, unknown> | undefined = undefined,
  S extends number | undefined = undefined,
>(
  objective: Objective<I, O, T, K>,
  options: FitSettings & {
    readonly data: [CheckData<I, T, X, Y>] extends [infer E extends string] ? E : Dataset<X, Y>;
    readonly validation?: V & CheckValidation<I, T, V>;
    readonly validationSplit?: S;
  },
): Run<HasRun & HasClock, Keys<K, V, S>, Fit<I, O, T, K>, TrainingError> => {
  const { data, validation, validationSplit, ...settings } = options;
  const prepared = prepare(objective as Objective<unknown, unknown, unknown, string>, settings, {
    data: data as AnyDataset,
    validation: validation as AnyDataset | undefined,
    validationSplit,
  });
  return {
    signals: pipe(
      prepared,
      E.match(
        (error): Stream.Stream<HasRun & HasClock, TrainingError, Signal> => Stream.left(error),
        ({ schedule }) => signals(schedule),
      ),
    ),
    directions: directionsOf(
      objective as Objective<unknown, unknown, unknown, string>,
      validation !== undefined || validationSplit !== undefined,
    ) as Readonly<Record<Keys<K, V, S>, Direction>>,
    result: { objective, settings, prepared },
  };
};
