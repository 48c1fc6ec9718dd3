/**
 * `fit`: an objective and data as a run that has not started. Keras's `fit`, as a value: callbacks are attached by
 * `pipe`, and `run` runs it.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Run } from '../callback/Run.ts';
import { type Dataset, namedArrays } from '../data/Dataset.ts';
import { split } from '../data/Split.ts';
import { type DataTypes, dataInput, targetInput } from '../interpret/Batches.ts';
import { resolve } from '../model/Resolve.ts';
import type { Resolved } from '../model/Resolved.ts';
import type { Range } from '../objective/Loss.ts';
import { check as checkOptimizer } from '../optimizer/Optimizer.ts';
import type { NdArray } from '../shape/NdArray.ts';
import { type Agree, type AnyShape, agree, type Sample, type Show, sample, show } from '../shape/Shape.ts';
import * as Stream from '../stream/Stream.ts';
import type { HasClock } from './Environment.ts';
import type { Direction, Signal } from './Event.ts';
import type { Objective } from './Objective.ts';
import { type HasRun, type Schedule, signals } from './Source.ts';
import type { TrainState, Weights } from './State.ts';
import type { Samples } from './Trainer.ts';
import { type FitError, fitError, modelError, type TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** 0: silent; 1: a live bar; 2: a line an epoch. */
export type Verbosity = 0 | 1 | 2;

export interface FitSettings {
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

/** A data set as arrays by graph input, and their element types. */
export interface Checked {
  readonly samples: Samples;
  readonly types: DataTypes;
}

export interface Prepared {
  readonly resolved: Resolved;
  readonly types: DataTypes;
  readonly schedule: Schedule;
  readonly data: Samples;
  readonly validation: Checked | undefined;
  readonly validationBatchSize: number;
}

// -------------------------------------------------------------------------------------
// checks, as types
// -------------------------------------------------------------------------------------

type FitsData<Who extends string, What extends string, Want, Whose extends string, Got, Then> =
  Agree<Got, Want> extends true ? Then : `${Who}: the model's ${What} is ${Show<Want>}, the ${Whose} ${Show<Got>}`;

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
// checks, as values
// -------------------------------------------------------------------------------------

const sampleShape = (array: NdArray, like: AnyShape): AnyShape => {
  const dims = array.shape.slice(1);
  return array.dtype === 'int32' && 'int' in like ? { int: dims } : dims;
};

/** Which data are spoken of: by whom they are asked for, what they are, and whose shape it is. */
interface Part {
  readonly who: string;
  readonly name: string;
  readonly whose: string;
}

export const parts = {
  data: { who: 'fit', name: 'data', whose: "dataset's" },
  validation: { who: 'fit', name: 'validation data', whose: "validation data's" },
  evaluated: { who: 'evaluate', name: 'data', whose: "dataset's" },
} satisfies Readonly<Record<string, Part>>;

const mismatch = ({ who, whose }: Part, what: string, want: AnyShape, array: NdArray): FitError | undefined => {
  const isInteger = array.dtype === 'int32';
  const wanted = sample(want);
  return agree(sampleShape(array, want), wanted) && isInteger === 'int' in want
    ? undefined
    : fitError(
        `${who}: the model's ${what} is ${show(wanted)}, the ${whose} ${isInteger ? 'int32' : ''}[${array.shape.slice(1).join(',')}]`,
      );
};

const positive = (name: string, value: number): FitError | undefined =>
  Number.isInteger(value) && value > 0 ? undefined : fitError(`fit: ${name} must be a positive integer, got ${value}`);

const tooLarge = (name: string, batchSize: number, size: number): FitError | undefined =>
  batchSize <= size
    ? undefined
    : fitError(`fit: ${name} ${batchSize} is larger than the ${size} samples; give at most ${size}, or more data`);

const describe = ({ min, max, integer, except }: Range): string =>
  `${integer ? 'whole numbers' : 'numbers'} from ${min} to ${max}${except === undefined ? '' : ` (or ${except})`}`;

/** The first number of the targets that the loss has no meaning for. */
const outOfRange = (
  loss: string,
  { who, name }: Part,
  array: NdArray,
  range: Range | undefined,
): FitError | undefined => {
  if (range === undefined) return undefined;
  const { data } = array;
  const width = data.length / Math.max(1, array.shape[0] ?? 1);
  for (let i = 0; i < data.length; i++) {
    const v = Number(data[i]);
    const fine = (v >= range.min && v <= range.max && (!range.integer || Number.isInteger(v))) || v === range.except;
    if (!fine)
      return fitError(
        `${who}: ${loss} expects targets that are ${describe(range)}; sample ${Math.floor(i / width)} of the ${name} ` +
          `has ${v}; correct it, or give the model an output of another size or the objective another loss`,
      );
  }
  return undefined;
};

const firstOf = (errors: readonly (FitError | undefined)[]): E.Either<FitError, void> => {
  const found = errors.find((e) => e !== undefined);
  return found === undefined ? E.right(undefined) : E.left(found);
};

// -------------------------------------------------------------------------------------
// preparation
// -------------------------------------------------------------------------------------

type AnyDataset = Dataset<unknown, unknown>;

/** Arrays by the model's input names, and the target. */
const toSamples = ({ who }: Part, resolved: Resolved, data: AnyDataset): E.Either<FitError, Samples> => {
  const x: Readonly<Record<string, NdArray>> = namedArrays(data.x);
  const y: Readonly<Record<string, NdArray>> = namedArrays(data.y);
  const single = resolved.inputs.length === 1 && Object.keys(x).length === 1 ? Object.values(x)[0] : undefined;
  const inputs = resolved.inputs.map(({ name }) => [name, single ?? x[name]] as const);
  const missing = inputs.find(([, array]) => array === undefined);
  const spare = single !== undefined ? [] : Object.keys(x).filter((name) => !inputs.some(([n]) => n === name));
  const target: NdArray | undefined = Object.values(y)[0];
  if (missing !== undefined)
    return E.left(
      fitError(`${who}: the model's input '${missing[0]}' is not in the data, which has ${Object.keys(x).join(', ')}`),
    );
  if (spare.length > 0)
    return E.left(
      fitError(
        `${who}: the data have ${spare.map((n) => `'${n}'`).join(', ')}, which is no input of the model; its inputs are ` +
          `${inputs.map(([n]) => `'${n}'`).join(', ')}`,
      ),
    );
  if (target === undefined || Object.keys(y).length !== 1)
    return E.left(fitError(`${who}: expects one target, the data have ${Object.keys(y).length}`));
  return E.right({
    arrays: {
      ...Object.fromEntries(inputs.map(([name, array]) => [dataInput(name), array as NdArray])),
      [targetInput]: target,
    },
    size: data.size,
  });
};

const checkSamples = (
  part: Part,
  resolved: Resolved,
  target: AnyShape,
  { loss, metrics }: Objective<unknown, unknown, unknown, string>,
  { arrays }: Samples,
): E.Either<FitError, void> => {
  const targets = arrays[targetInput] as NdArray;
  const output = resolved.outputs[0]?.type ?? [];
  return firstOf([
    ...resolved.inputs.map(({ name, type }) => mismatch(part, 'input', type, arrays[dataInput(name)] as NdArray)),
    mismatch(part, 'target', target, targets),
    outOfRange(loss.name, part, targets, loss.range(output)),
    ...metrics.map((metric) =>
      pipe(
        metric.accepts(output, target),
        E.match(fitError, () => undefined),
      ),
    ),
  ]);
};

const dataTypes = (resolved: Resolved, target: AnyShape, { arrays }: Samples): DataTypes => ({
  inputs: Object.fromEntries(
    resolved.inputs.map(({ name }) => [name, (arrays[dataInput(name)] as NdArray).dtype] as const),
  ),
  target: (arrays[targetInput] as NdArray).dtype,
  targetShape: target,
});

/** A data set as a model and its loss need it: arrays by graph input, checked. */
export const samplesFor = (
  objective: Objective<unknown, unknown, unknown, string>,
  resolved: Resolved,
  data: AnyDataset,
  part: Part,
): E.Either<TrainingError, Checked> =>
  pipe(
    E.Do,
    E.bindW('output', () =>
      resolved.outputs.length === 1 && resolved.outputs[0] !== undefined
        ? E.right(resolved.outputs[0].type)
        : E.left(
            fitError(
              `${part.who}: expects a model with one output, this one has ${resolved.outputs.length}: ` +
                `${resolved.outputs.map(({ name }) => name).join(', ')}; concatenate them, or train them one at a time`,
            ),
          ),
    ),
    E.bindW('target', ({ output }) => pipe(objective.loss.targetShape(output), E.mapLeft(fitError))),
    E.bindW('samples', () => toSamples(part, resolved, data)),
    E.chainFirstW(({ target, samples }) => checkSamples(part, resolved, target, objective, samples)),
    E.map(({ samples, target }) => ({ samples, types: dataTypes(resolved, target, samples) })),
  );

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
    E.bindW('split', () =>
      given.validation !== undefined || given.validationSplit === undefined
        ? E.right({ train: given.data, validation: given.validation })
        : split({ validation: given.validationSplit })(given.data),
    ),
    E.bindW('train', ({ resolved, split: { train } }) => samplesFor(objective, resolved, train, parts.data)),
    E.bindW(
      'validation',
      ({ resolved, split: { validation } }): E.Either<TrainingError, Checked | undefined> =>
        validation === undefined ? E.right(undefined) : samplesFor(objective, resolved, validation, parts.validation),
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
    E.map(({ resolved, train, validation, sizes }) => ({
      resolved,
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
