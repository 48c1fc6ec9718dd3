/**
 * `fitStream`: an objective and streamed batches as a run that has not started; `fit` for data that are not in memory.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { Run } from '../callback/Run.ts';
import type { DataStream } from '../data/DataStream.ts';
import type { Dataset } from '../data/Dataset.ts';
import type { CheckFreeze } from '../model/Freezable.ts';
import type { Grouping } from '../model/Grouping.ts';
import * as Stream from '../stream/Stream.ts';
import { type AnyDataset, type Checked, parts, samplesFor } from './Check.ts';
import type { CheckData, CheckValidation } from './CheckData.ts';
import type { HasClock } from './Environment.ts';
import type { Direction, Signal } from './Event.ts';
import { feedOf, firstBatch } from './Feed.ts';
import type { Fit, Keys } from './Fit.ts';
import type { Objective } from './Objective.ts';
import { directionsOf, type Prepared, prepare } from './Prepare.ts';
import { type SampleWeight, type WeighSamples, weighed, withClassWeight } from './SampleWeights.ts';
import type { FitSettings } from './Settings.ts';
import { type HasRun, signals } from './Source.ts';
import { type FitError, fitError, type TrainingError } from './TrainingError.ts';

type AnyObjective = Objective<unknown, unknown, unknown, string>;
type Batches = DataStream<unknown, TrainingError, AnyDataset>;

export type FitStreamSettings = Omit<FitSettings, 'batchSize' | 'shuffle' | 'sampleWeight'>;

const needsRun = fitError('fitStream: what has to be read is read by `run`');

const checkLength = ({ size }: Batches, { stepsPerEpoch }: FitSettings): FitError | undefined =>
  size === undefined && stepsPerEpoch === undefined
    ? fitError('fitStream: the data do not tell how many batches a pass has; give stepsPerEpoch')
    : undefined;

/** Element types are compiled into the graph: they stay those of the first batch. */
const sameTypes =
  (first: Checked) =>
  (checked: Checked): E.Either<TrainingError, Checked> => {
    const of = ({ types: { inputs, targets } }: Checked): string =>
      [...Object.entries(inputs), ...Object.entries(targets).map(([name, { dtype }]) => [name, dtype])]
        .map((pair) => pair.join(' '))
        .join(', ');
    return of(first) === of(checked)
      ? E.right(checked)
      : E.left(
          fitError(`fitStream: the first batch has ${of(first)}, a later one ${of(checked)}; make all batches alike`),
        );
  };

/** With the first batch everything is known that `fit` knows before it begins. */
const preparedFrom = (
  objective: AnyObjective,
  settings: FitSettings,
  batches: Batches,
  validation: AnyDataset | undefined,
  weigh: WeighSamples | undefined,
  env: unknown,
): TE.TaskEither<TrainingError, Prepared> => {
  const wrong = checkLength(batches, settings);
  if (wrong !== undefined) return TE.left(wrong);
  return pipe(
    firstBatch(batches, env, settings.initialEpoch ?? 0),
    TE.chainEitherK((first) =>
      first === undefined
        ? E.left(fitError('fitStream: the data give no batches; see that the source is not empty'))
        : E.right(first),
    ),
    TE.chainEitherK((first) =>
      pipe(
        // `stepsPerEpoch` counts batches of the stream, of which this is the first.
        prepare(
          objective,
          { ...settings, batchSize: first.size, shuffle: false },
          { data: first, validation, validationSplit: undefined },
        ),
        E.chain((prepared) => {
          const checked = (data: AnyDataset): E.Either<TrainingError, Checked> =>
            pipe(
              samplesFor(objective, prepared.resolved, data, parts.data),
              E.chainW(weighed(weigh, settings)(data)),
              E.chainW(withClassWeight(settings)),
            );
          return pipe(
            checked(first),
            E.map((one) => ({
              ...prepared,
              types: one.types,
              feed: feedOf(batches, env, (data) => pipe(checked(data), E.chain(sameTypes(one)))),
              validationBatchSize: settings.validationBatchSize ?? Math.min(first.size, validation?.size ?? first.size),
              schedule: { ...prepared.schedule, streamed: true, samples: batches.size ?? 0 },
            })),
          );
        }),
      ),
    ),
  );
};

/**
 * A run of training on batches that are read as they are needed. Each element of the stream is one batch and one step: its size is that of
 * the batch, and shuffling is the stream's. An epoch is a pass through the data, or `stepsPerEpoch` batches, which has to be given
 * where the stream does not know its size. A train state holds the position in the stream, so that a resumed run goes on with the next
 * batch. The same batches give the same weights, bit for bit, as `fit` on the data in memory. Validation data are in memory.
 *
 * `sampleWeight` says how much samples count in the loss, from the samples themselves: it is called with one batch or several
 * in a row, and gives one number for each sample (or, by output, a record of them). Keras: the third of a generator's tuples.
 *
 * Errors: those of `fit`, those of the stream; batches whose element types differ.
 *
 * @example
 * T.fitStream(objective, { data: batches, epochs: 10, stepsPerEpoch: 1000, repeatData: true })
 */
export const fitStream = <
  I,
  O,
  T,
  K extends string,
  X,
  Y,
  R,
  Err extends TrainingError,
  V extends Dataset<unknown, unknown> | undefined = undefined,
  G extends string = string,
  const P extends string = never,
>(
  objective: Objective<I, O, T, K> & Grouping<G>,
  options: Omit<FitStreamSettings, 'freeze'> & {
    readonly data: DataStream<R, Err, Dataset<X, Y>> & CheckData<I, T, X, Y>;
    readonly validation?: V & CheckValidation<I, T, V>;
    readonly sampleWeight?: (samples: Dataset<X, Y>) => SampleWeight;
    readonly freeze?: [CheckFreeze<G, P>] extends [never] ? readonly P[] : CheckFreeze<G, P>;
  },
): Run<HasRun & HasClock & R, Keys<K, V, undefined>, Fit<I, O, T, K>, TrainingError> => {
  const { data, validation, sampleWeight, ...settings } = options as typeof options & Pick<FitSettings, 'freeze'>;
  const some = objective as AnyObjective;
  const prepared: E.Either<TrainingError, Prepared> = E.left(needsRun);
  const all: Stream.Stream<HasRun & HasClock & R, TrainingError, Signal> = (env) =>
    (env.run.schedule === undefined ? Stream.left(needsRun) : signals(env.run.schedule))(env);
  return {
    signals: all,
    directions: directionsOf(some, validation !== undefined) as Readonly<Record<Keys<K, V, undefined>, Direction>>,
    result: {
      objective,
      settings,
      prepared,
      deferred: (env) =>
        preparedFrom(
          some,
          settings,
          data as unknown as Batches,
          validation as AnyDataset | undefined,
          sampleWeight as WeighSamples | undefined,
          env,
        ),
    },
  };
};
