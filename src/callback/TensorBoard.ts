/**
 * Event files for TensorBoard. Keras: `TensorBoard`, with its folders and tags.
 */
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import * as t from 'io-ts';
import {
  encode,
  fileName,
  type GraphNode,
  histogramOf,
  type TensorBoardEvent,
  type Value,
} from '../format/TensorBoard.ts';
import type { FileSystem, HasFileSystem, IoError } from '../training/Environment.ts';
import type { Directive, Event, Logs } from '../training/Event.ts';
import { type Callback, fromMachine } from './Attach.ts';
import { callbackError, fromIoError } from './CallbackError.ts';
import * as LogFile from './LogFile.ts';
import { type Answer, answer, fail, stay } from './Machine.ts';
import { maybe } from './StateCodec.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface TensorBoardOptions {
  /** `'epoch'`: scalars of epochs alone; `'batch'` or a number n: also those of every step, or of every n. Default `'epoch'`. */
  readonly updateFreq?: 'epoch' | 'batch' | number;
  /** Histograms of all weights every so many epochs; 0 for none. Default 0. */
  readonly histogramFreq?: number;
  /** Logs `epoch_steps_per_second`, and `batch_steps_per_second` where steps are written. Default false. */
  readonly writeStepsPerSecond?: boolean;
  /** Nodes of a graph to show: Keras's `write_graph`. `Model.nodes(model)` gives those of a model. Default none. */
  readonly graph?: ReadonlyArray<GraphNode>;
  /** Default `tensorBoard(FOLDER)`. */
  readonly key?: string;
}

/** An event file and its length after the last event. */
interface LogFileState {
  readonly path: string;
  readonly bytes: number;
}

export interface TensorBoardState {
  readonly train: LogFileState | undefined;
  readonly validation: LogFileState | undefined;
  /** Steps of the whole training so far. */
  readonly steps: number;
  /** When the epoch and the last step began or ended, and the steps made before the epoch. */
  readonly epochStarted: { readonly time: number; readonly steps: number } | undefined;
  readonly lastStep: number | undefined;
  /** The epoch whose weights were asked for. */
  readonly histograms: number | undefined;
}

const LogFileCodec = t.type({ path: t.string, bytes: t.number });

const codec: t.Type<TensorBoardState, unknown> = t.type({
  train: maybe(LogFileCodec),
  validation: maybe(LogFileCodec),
  steps: t.number,
  epochStarted: maybe(t.type({ time: t.number, steps: t.number })),
  lastStep: maybe(t.number),
  histograms: maybe(t.number),
});

const initial: TensorBoardState = {
  train: undefined,
  validation: undefined,
  steps: 0,
  epochStarted: undefined,
  lastStep: undefined,
  histograms: undefined,
};

type Writer = 'train' | 'validation';

// -------------------------------------------------------------------------------------
// values
// -------------------------------------------------------------------------------------

const scalars = (logs: Logs, tag: (name: string) => string): ReadonlyArray<Value> =>
  Object.entries(logs).map(([name, value]) => ({ _tag: 'Scalar', tag: tag(name), value }));

const isValidation = (name: string): boolean => name.startsWith('val_');
const plain = (name: string): string => name.slice('val_'.length);

const only = (logs: Logs, predicate: (name: string) => boolean): Logs =>
  Object.fromEntries(Object.entries(logs).filter(([name]) => predicate(name)));

const weightHistograms = (event: Extract<Event, { readonly _tag: 'WeightsRead' }>): ReadonlyArray<Value> =>
  Object.entries(event.weights).flatMap(([name, { data }]): ReadonlyArray<Value> => {
    const histogram = histogramOf(data);
    return histogram === undefined
      ? []
      : [{ _tag: 'Histogram', tag: `${name.replaceAll('.', '/')}/histogram`, histogram }];
  });

// -------------------------------------------------------------------------------------
// files
// -------------------------------------------------------------------------------------

const bytesOf = (events: ReadonlyArray<TensorBoardEvent>): Uint8Array =>
  Uint8Array.from(events.flatMap((event) => [...encode(event)]));

/** The file with these events behind what it has; it begins with its version. */
const write = (
  fileSystem: FileSystem,
  file: LogFileState,
  events: ReadonlyArray<TensorBoardEvent>,
  seconds: number,
): TE.TaskEither<IoError, LogFileState> =>
  pipe(
    LogFile.append(
      fileSystem,
      file.path,
      file.bytes,
      bytesOf(file.bytes === 0 ? [{ _tag: 'Version', seconds }, ...events] : events),
    ),
    TE.map((bytes) => ({ ...file, bytes })),
  );

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * Writes event files to `folder/train` and, where there is validation, `folder/validation`; `tensorboard --logdir folder` shows them.
 * Tags and steps are Keras's:
 *
 * - at the end of an epoch `epoch_NAME` for every log, `val_` ones under the same tag in `validation`, and
 *   `epoch_learning_rate`, at the epoch's number (from 0);
 * - after a validation `evaluation_NAME_vs_iterations`, at the number of updates;
 * - with `updateFreq` `batch_NAME` for every log of a step, at the number of updates; logs of steps are means over the epoch so far;
 * - every `histogramFreq` epochs a histogram of each weight, `LAYER/PARAMETER/histogram`, running statistics included.
 *
 * What callbacks before it add to the logs (`timing`, `norms`, `reduceLROnPlateau`) is written, too. A resumed run goes on in
 * its files, behind the events that the checkpoint knows. `graph` shows the nodes it is given, such as `Model.nodes(model)`.
 *
 * Errors: `InvalidOption` for frequencies that cannot be, before the first step; `Io` when a file cannot be written.
 *
 * Keras: `TensorBoard` (without images of weights, embeddings and profiles). PyTorch: `SummaryWriter`.
 *
 * @example
 * pipe(run, C.tensorBoard('logs/first', { histogramFreq: 1, updateFreq: 100 }))
 */
export const tensorBoard = (folder = 'logs', options: TensorBoardOptions = {}): Callback<HasFileSystem> => {
  const { updateFreq = 'epoch', histogramFreq = 0, writeStepsPerSecond = false, graph = [] } = options;
  const { key = `tensorBoard(${folder})` } = options;
  const every = updateFreq === 'batch' ? 1 : updateFreq;
  type State = TensorBoardState;
  type Next = Answer<HasFileSystem, State>;

  const wrong =
    every !== 'epoch' && !(Number.isInteger(every) && every > 0)
      ? `updateFreq must be 'epoch', 'batch' or a number of steps, an integer from 1 on, but is ${String(updateFreq)}`
      : !(Number.isInteger(histogramFreq) && histogramFreq >= 0)
        ? `histogramFreq must be a number of epochs, an integer from 0 on, but is ${histogramFreq}`
        : undefined;

  const writeTo =
    (writer: Writer, state: State, time: number, events: ReadonlyArray<TensorBoardEvent>): Next =>
    ({ fileSystem }) =>
      pipe(
        write(
          fileSystem,
          state[writer] ?? { path: `${folder}/${writer}/${fileName(time)}`, bytes: 0 },
          events,
          time / 1000,
        ),
        TE.bimap(fromIoError(key), (file) => [{ ...state, [writer]: file }, []]),
      );

  const summary = (writer: Writer, state: State, time: number, step: number, values: ReadonlyArray<Value>): Next =>
    values.length === 0
      ? stay(state)
      : writeTo(writer, state, time, [{ _tag: 'Summary', seconds: time / 1000, step, values }]);

  /** Files of a resumed run, without what came after the checkpoint. */
  const begun =
    (state: State, time: number): Next =>
    (r) => {
      const back = (file: LogFileState | undefined): TE.TaskEither<IoError, LogFileState | undefined> =>
        file === undefined
          ? TE.right(undefined)
          : pipe(
              LogFile.rewind(r.fileSystem, file.path, file.bytes),
              TE.map((bytes) => ({ ...file, bytes })),
            );
      return pipe(
        TE.Do,
        TE.bind('train', () => back(state.train)),
        TE.bind('validation', () => back(state.validation)),
        TE.mapLeft(fromIoError(key)),
        TE.chain((files) => {
          const next: State = { ...state, ...files };
          return state.train !== undefined || graph.length === 0
            ? stay<State, HasFileSystem>(next)(r)
            : writeTo('train', next, time, [{ _tag: 'Graph', seconds: time / 1000, nodes: graph }])(r);
        }),
      );
    };

  const stepEnded = (state: State, event: Extract<Event, { readonly _tag: 'StepEnded' }>): Next => {
    const next: State = { ...state, steps: event.globalStep, lastStep: event.time };
    if (every === 'epoch' || event.globalStep % every !== 0) return stay(next);
    const before = state.lastStep ?? state.epochStarted?.time;
    const rate =
      writeStepsPerSecond && before !== undefined && event.time > before
        ? { steps_per_second: 1000 / (event.time - before) }
        : {};
    const values = scalars({ ...rate, ...event.logs }, (name) => `batch_${name}`);
    return summary('train', next, event.time, event.globalStep, values);
  };

  const epochEnded = (state: State, event: Extract<Event, { readonly _tag: 'EpochEnded' }>): Next => {
    const { epochStarted: begin, steps } = state;
    const { epoch, time } = event;
    const rate =
      writeStepsPerSecond && begin !== undefined && time > begin.time
        ? { steps_per_second: ((steps - begin.steps) * 1000) / (time - begin.time) }
        : {};
    const training = { ...only(event.logs, (name) => !isValidation(name)), learning_rate: event.learningRate, ...rate };
    const asks = histogramFreq > 0 && epoch % histogramFreq === 0;
    const asked: ReadonlyArray<Directive> = asks ? [{ _tag: 'ReadWeights' }] : [];
    return (r) =>
      pipe(
        summary(
          'train',
          state,
          time,
          epoch,
          scalars(training, (name) => `epoch_${name}`),
        )(r),
        TE.chain(([next]) =>
          summary(
            'validation',
            next,
            time,
            epoch,
            scalars(only(event.logs, isValidation), (name) => `epoch_${plain(name)}`),
          )(r),
        ),
        TE.chain(([next]) =>
          answer<State, HasFileSystem>({ ...next, histograms: asks ? epoch : next.histograms }, asked)(r),
        ),
      );
  };

  return fromMachine()<HasFileSystem, State>({
    key,
    codec,
    initial,
    step: (state, event): Next => {
      switch (event._tag) {
        case 'RunStarted':
          return wrong === undefined ? begun(state, event.time) : fail(callbackError(key, 'InvalidOption', wrong));
        case 'EpochStarted':
          return stay({ ...state, epochStarted: { time: event.time, steps: state.steps }, lastStep: undefined });
        case 'StepEnded':
          return stepEnded(state, event);
        case 'ValidationEnded':
          return summary(
            'validation',
            state,
            event.time,
            state.steps,
            scalars(event.logs, (name) => `evaluation_${isValidation(name) ? plain(name) : name}_vs_iterations`),
          );
        case 'EpochEnded':
          return epochEnded(state, event);
        case 'WeightsRead':
          return event.by === key && state.histograms !== undefined
            ? summary(
                'train',
                { ...state, histograms: undefined },
                event.time,
                state.histograms,
                weightHistograms(event),
              )
            : stay(state);
        default:
          return stay(state);
      }
    },
  });
};
