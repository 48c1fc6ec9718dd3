/**
 * `fit`: an objective and data as a run that has not started. Keras's `fit`, as a value: callbacks are attached by
 * `pipe`, and `run` runs it.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type * as TE from 'fp-ts/lib/TaskEither.js';
import type { Run } from '../callback/Run.ts';
import type { Dataset } from '../data/Dataset.ts';
import type { CheckFreeze } from '../model/Freezable.ts';
import type { Grouping } from '../model/Grouping.ts';
import * as Stream from '../stream/Stream.ts';
import type { AnyDataset } from './Check.ts';
import type { CheckData, CheckValidation } from './CheckData.ts';
import type { HasClock } from './Environment.ts';
import type { Direction, Signal } from './Event.ts';
import type { Objective } from './Objective.ts';
import type { Halt } from './Position.ts';
import { directionsOf, type Prepared, prepare } from './Prepare.ts';
import type { FitSettings, Interruption, Resumption } from './Settings.ts';
import { type HasRun, signals } from './Source.ts';
import type { ProgramPlace } from './State.ts';
import type { TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** What `run` needs to know besides the signals. */
export interface Fit<I, O, T, K extends string> {
  readonly objective: Objective<I, O, T, K>;
  readonly settings: FitSettings;
  readonly prepared: E.Either<TrainingError, Prepared>;
  /** The file to go on from, if it is there. */
  readonly resumption?: Resumption;
  readonly interruption?: Interruption;
  /** Of a part of a program, and whether another one follows on it, if it ends like that. */
  readonly program?: ProgramPlace;
  readonly follows?: (halted: Halt | undefined) => boolean;
  /** In place of `prepared` where something has to be read before: the first batch of streamed data. */
  readonly deferred?: (env: unknown) => TE.TaskEither<TrainingError, Prepared>;
}

/** Log keys with validation: `loss`, `val_loss`, ... */
export type Keys<K extends string, V, S> = [V, S] extends [undefined, undefined] ? K : K | `val_${K}`;

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
  G extends string = string,
  const P extends string = never,
>(
  objective: Objective<I, O, T, K> & Grouping<G>,
  options: Omit<FitSettings, 'freeze'> & {
    readonly data: [CheckData<I, T, X, Y>] extends [infer E extends string] ? E : Dataset<X, Y>;
    readonly validation?: V & CheckValidation<I, T, V>;
    readonly validationSplit?: S;
    readonly freeze?: [CheckFreeze<G, P>] extends [never] ? readonly P[] : CheckFreeze<G, P>;
  },
): Run<HasRun & HasClock, Keys<K, V, S>, Fit<I, O, T, K>, TrainingError> => {
  // Where a path is refused its type is a message, which no value has.
  const { data, validation, validationSplit, ...settings } = options as typeof options & Pick<FitSettings, 'freeze'>;
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
