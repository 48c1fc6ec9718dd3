/**
 * From an objective, settings and data to all that a run needs, or the first thing that is wrong with them. Nothing runs yet.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { split } from '../data/Split.ts';
import type { DataTypes } from '../interpret/Batches.ts';
import type { Probe } from '../interpret/Probes.ts';
import { resolve } from '../model/Resolve.ts';
import type { Resolved } from '../model/Resolved.ts';
import { check as checkOptimizer } from '../optimizer/Optimizer.ts';
import { type AnyDataset, type Checked, firstOf, parts, positive, samplesFor, tooLarge } from './Check.ts';
import type { Direction } from './Event.ts';
import type { Feed } from './Feed.ts';
import type { Objective } from './Objective.ts';
import { checkWeightSettings, withClassWeight, withSampleWeight } from './SampleWeights.ts';
import type { FitSettings } from './Settings.ts';
import type { Schedule, ValidationFreq } from './Source.ts';
import type { Samples } from './Trainer.ts';
import { type FitError, fitError, modelError, type TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Prepared {
  readonly resolved: Resolved;
  readonly types: DataTypes;
  readonly schedule: Schedule;
  readonly data: Samples;
  /** Where batches come from that are not in memory. */
  readonly feed?: Feed;
  readonly validation: Checked | undefined;
  readonly validationBatchSize: number;
  /** What callbacks want measured in each step. */
  readonly probes?: readonly Probe[];
  /** Names of parameters that are not trained. */
  readonly frozen: ReadonlySet<string>;
}

// -------------------------------------------------------------------------------------
// checks
// -------------------------------------------------------------------------------------

/** The names of the parameters of layers and groups, or the first of these that has none. */
export const namesUnder = (
  what: string,
  { parameters }: Resolved,
  paths: readonly string[],
): E.Either<FitError, readonly string[]> => {
  const under = (path: string) =>
    parameters.filter((p) => p.name === path || p.name.startsWith(`${path}.`)).map((p) => p.name);
  const unknown = paths.find((path) => under(path).length === 0);
  const layers = [...new Set(parameters.map((p) => p.name.slice(0, p.name.lastIndexOf('.'))))];
  return unknown === undefined
    ? E.right(paths.flatMap(under))
    : E.left(fitError(`${what}: no layer or group '${unknown}' has parameters; there are ${layers.join(', ')}`));
};

/** The parameters of frozen layers and groups. */
const frozenOf = (resolved: Resolved, paths: readonly string[]): E.Either<FitError, ReadonlySet<string>> =>
  pipe(
    namesUnder('fit: freeze', resolved, paths),
    E.map((names): ReadonlySet<string> => new Set(names)),
    E.filterOrElse(
      (frozen) => paths.length === 0 || resolved.parameters.some((p) => p.trainable && !frozen.has(p.name)),
      () => fitError('fit: freeze: nothing is left to train; freeze less, or use evaluate and predict'),
    ),
  );

export const directionsOf = (
  objective: Objective<unknown, unknown, unknown, string>,
  validated: boolean,
): Readonly<Record<string, Direction>> => {
  const plain = [['loss', 'min'] as const, ...objective.metrics.map((m) => [m.name, m.direction] as const)];
  return Object.fromEntries(validated ? [...plain, ...plain.map(([k, d]) => [`val_${k}`, d] as const)] : plain);
};

/** Names of metrics are keys of the logs; with several outputs, those with the output's name in front. */
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

const notNegative = (name: string, value: number): FitError | undefined =>
  Number.isSafeInteger(value) && value >= 0
    ? undefined
    : fitError(`fit: ${name} must be a whole number, 0 or more, got ${value}`);

const checkSteps = ({
  stepsPerEpoch,
  repeatData,
  initialEpoch = 0,
}: FitSettings): readonly (FitError | undefined)[] => [
  notNegative('initialEpoch', initialEpoch),
  stepsPerEpoch === undefined ? undefined : positive('stepsPerEpoch', stepsPerEpoch),
  repeatData === true && stepsPerEpoch === undefined
    ? fitError('fit: repeatData makes the data endless, so it needs stepsPerEpoch, where an epoch ends')
    : undefined,
];

const checkFreq = (freq: ValidationFreq): readonly (FitError | undefined)[] =>
  typeof freq === 'number'
    ? [positive('validationFreq', freq)]
    : 'steps' in freq
      ? [positive('validationFreq: steps', freq.steps)]
      : freq.map((epoch) => positive('validationFreq: each epoch, counted from 1,', epoch));

/** JSON, or the reason why not. */
const checkAttached = ({ attached }: FitSettings): E.Either<FitError, void> =>
  pipe(
    E.tryCatch(() => JSON.stringify(attached), String),
    E.bimap(
      (why) => fitError(`fit: attached: expected JSON, as codecs encode it, got what JSON cannot hold: ${why}`),
      () => undefined,
    ),
  );

/** Settings that a train state to go on from has already decided. */
export const checkFrom = ({ from, seed, weights, initialEpoch }: FitSettings): E.Either<FitError, void> =>
  firstOf([
    from !== undefined && initialEpoch !== undefined && initialEpoch !== from.epoch
      ? fitError(
          `fit: the train state to go on from has ${from.epoch} epochs behind it, initialEpoch is ${initialEpoch}; leave it out`,
        )
      : undefined,
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

// -------------------------------------------------------------------------------------
// preparation
// -------------------------------------------------------------------------------------

/** The data as they come. */
export interface Given {
  readonly data: AnyDataset;
  readonly validation: AnyDataset | undefined;
  readonly validationSplit: number | undefined;
}

/** All checks, and what the run needs. */
export const prepare = (
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
    E.chainFirstW(({ resolved }) =>
      namesUnder('compile: optimizer: groups', resolved, objective.optimizer.paths ?? []),
    ),
    E.chainFirstW(() => checkNames(objective)),
    E.chainFirstW(() => checkFrom(settings)),
    E.chainFirstW(() => checkAttached(settings)),
    E.chainFirstW(() => checkWeightSettings(settings, given.validation !== undefined)),
    E.bindW('split', () =>
      given.validation !== undefined || given.validationSplit === undefined
        ? E.right({ train: given.data, validation: given.validation })
        : split({ validation: given.validationSplit })(given.data),
    ),
    E.bindW('train', ({ resolved, split: { train } }) =>
      pipe(
        samplesFor(objective, resolved, train, parts.data),
        E.chainW(withSampleWeight('fit: sampleWeight', settings.sampleWeight, 0, given.data.size)),
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
              // A part of the data keeps its samples' weights; classes do not weigh here.
              E.chainW(
                given.validation === undefined
                  ? withSampleWeight('fit: sampleWeight', settings.sampleWeight, train.size, given.data.size)
                  : withSampleWeight(
                      'fit: validationSampleWeight',
                      settings.validationSampleWeight,
                      0,
                      validation.size,
                    ),
              ),
            ),
    ),
    E.bindW('sizes', ({ train, validation }) => {
      const size = train.samples.size;
      const shared = settings.stepsPerEpoch === undefined ? 32 : Math.ceil(size / settings.stepsPerEpoch);
      const batchSize = settings.batchSize ?? Math.min(shared, size);
      const validationBatchSize = settings.validationBatchSize ?? batchSize;
      const epochs = settings.epochs ?? 1;
      return pipe(
        firstOf([
          positive('epochs', epochs),
          ...checkSteps(settings),
          ...checkFreq(settings.validationFreq ?? 1),
          positive('batchSize', batchSize),
          positive('validationBatchSize', validationBatchSize),
          settings.stepsPerRun === undefined || settings.stepsPerRun === 'auto'
            ? undefined
            : positive('stepsPerRun', settings.stepsPerRun),
          notNegative('seed', settings.seed ?? 0),
          tooLarge('batchSize', batchSize, train.samples.size),
          settings.validationBatchSize === undefined || validation === undefined
            ? undefined
            : tooLarge('validationBatchSize', validationBatchSize, validation.samples.size),
        ]),
        E.map(() => ({ batchSize, validationBatchSize, epochs })),
      );
    }),
    E.bindW('frozen', ({ resolved }) => frozenOf(resolved, [...(settings.freeze ?? []), ...(resolved.frozen ?? [])])),
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
        stepsPerEpoch: settings.stepsPerEpoch,
        repeatData: settings.repeatData ?? false,
        validationFreq: settings.validationFreq ?? 1,
        directions: directionsOf(objective, validation !== undefined),
        metrics: objective.metrics,
      },
    })),
  );
