/**
 * Saves the model as training goes: every epoch, every n steps, or when a metric is at its best. Keras:
 * `ModelCheckpoint`, with its semantics.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import * as t from 'io-ts';
import type { HasFileSystem, HasTerminal } from '../training/Environment.ts';
import type { Direction, Directive, Event, Logs } from '../training/Event.ts';
import { type Callback, fromMachine } from './Attach.ts';
import { type CallbackError, callbackError, fromIoError } from './CallbackError.ts';
import { type Answer, answer, fail, saying, stay } from './Machine.ts';
import * as Monitor from './Monitor.ts';
import * as Options from './Options.ts';
import * as PathTemplate from './PathTemplate.ts';
import { fixed } from './PythonNumber.ts';
import { float, maybe, sinceAdded } from './StateCodec.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface ModelCheckpointOptions<M extends string = string, Best extends boolean = boolean> {
  /** A log key. Default `val_loss`; looked at only with `saveBestOnly`. */
  readonly monitor?: M;
  /** 1: says what is saved and why. Default 0. */
  readonly verbose?: 0 | 1;
  /** Saves only when `monitor` is better than at every save before. Default false. */
  readonly saveBestOnly?: Best;
  /** Weights alone, or else the whole train state, from which training can go on. Default false. */
  readonly saveWeightsOnly?: boolean;
  /** Default `'auto'`: the direction of the metric. */
  readonly mode?: Monitor.Mode;
  /** `'epoch'`, or a number of steps, counted over the borders of epochs. Default `'epoch'`. */
  readonly saveFreq?: 'epoch' | number;
  /** Keeps the files of the last so many saves and removes older ones, where the path has fields. Default: keeps all. */
  readonly keepLast?: number;
  /** What the first save has to beat. */
  readonly initialValueThreshold?: number;
  /** Default `modelCheckpoint(PATH)`. */
  readonly key?: string;
}

/** The path, if it ends in `.safetensors` as far as the compiler knows it, or else what it has to say. */
export type CheckedPath<P extends string> = string extends P
  ? P
  : P extends `${string}.safetensors`
    ? P
    : 'modelCheckpoint: the path must end in .safetensors';

/** What the run must log: the monitor where it is looked at, and the logs that the path names. */
export type Monitored<P extends string, M extends string, Best extends boolean> =
  | ([M] extends [never] ? (true extends Best ? 'val_loss' : never) : M)
  | Exclude<PathTemplate.FieldsOf<P>, 'epoch' | 'batch'>;

interface Pending {
  readonly path: string;
  readonly epoch: number;
}

export interface ModelCheckpointState {
  readonly direction: Direction | undefined;
  readonly best: number | undefined;
  /** Steps since the last save, and the last step seen in this epoch (-1: none). */
  readonly steps: number;
  readonly lastStep: number;
  /** Saves asked for whose end is yet to be told. */
  readonly pending: ReadonlyArray<Pending>;
  /** Files that were saved and not removed, oldest first; only with `keepLast`. */
  readonly kept: ReadonlyArray<string>;
}

const codec: t.Type<ModelCheckpointState, unknown> = t.type({
  direction: maybe(t.union([t.literal('min'), t.literal('max')])),
  best: maybe(float),
  steps: t.number,
  lastStep: t.number,
  pending: t.readonlyArray(t.type({ path: t.string, epoch: t.number })),
  kept: sinceAdded(t.readonlyArray(t.string), []),
});

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * Saves to `path` at the end of each epoch, or every `saveFreq` steps; with `saveBestOnly` only when `monitor` is at its best
 * so far.
 *
 * - `path` may have fields: `{epoch}`, `{batch}` (with `saveFreq` in steps) and any log key, with formats as in
 *   `'{epoch:02d}-{val_loss:.4f}.safetensors'`. Epochs and batches are counted from 1 there. It must end in `.safetensors`,
 *   the one format of checkpoints here, where Keras has `.keras` and `.weights.h5`. An existing file is overwritten.
 * - With `saveBestOnly`, an epoch without the monitored key is saved anyway, with a warning, as in Keras.
 * - With `saveFreq` in steps nothing more is saved at the end of an epoch.
 * - With `keepLast` the oldest file is removed when the newest is there: never fewer than that many are.
 * - Each run starts with `initialValueThreshold` as the best value, or with the best of the run that it resumes; in Keras a
 *   callback object that is used again goes on with its old best.
 *
 * Errors, all before the first step: `InvalidOption` for a path or a frequency that cannot be, `UnknownMonitor` for a monitor that
 * the run does not log. And `Failed` when a log that the path names is missing at a save.
 *
 * Keras: `ModelCheckpoint`. Lightning: `ModelCheckpoint`. orbax: `max_to_keep`, which is `keepLast`.
 *
 * @example
 * pipe(run, C.modelCheckpoint('best.safetensors', { monitor: 'val_loss', saveBestOnly: true, saveWeightsOnly: true }))
 */
export const modelCheckpoint = <P extends string, const M extends string = never, const Best extends boolean = false>(
  path: CheckedPath<P>,
  options: ModelCheckpointOptions<M, Best> = {},
): Callback<HasTerminal & HasFileSystem, Monitored<P, M, Best>> => {
  const file: string = path;
  const monitor: string = options.monitor ?? 'val_loss';
  const saveBestOnly: boolean = options.saveBestOnly ?? false;
  const { verbose = 0, saveWeightsOnly = false, mode = 'auto', saveFreq = 'epoch', initialValueThreshold } = options;
  const { keepLast } = options;
  const { key = `modelCheckpoint(${file})` } = options;
  const template = PathTemplate.parse(file);
  type State = ModelCheckpointState;
  type Next = Answer<HasTerminal & HasFileSystem, State>;

  const initial: State = {
    direction: undefined,
    best: initialValueThreshold,
    steps: 0,
    lastStep: -1,
    pending: [],
    kept: [],
  };

  /** What is wrong with the options, for this run. */
  const checked = (directions: Readonly<Record<string, Direction>>): E.Either<CallbackError, void> => {
    const invalid = (message: string): E.Either<CallbackError, void> =>
      E.left(callbackError(key, 'InvalidOption', message));
    if (!file.endsWith('.safetensors'))
      return invalid(`the path must end in .safetensors, the format of checkpoints, but is '${file}'`);
    if (saveFreq !== 'epoch' && !(Number.isInteger(saveFreq) && saveFreq > 0))
      return invalid(`saveFreq must be 'epoch' or a number of steps, an integer from 1 on, but is ${String(saveFreq)}`);
    if (keepLast !== undefined && !(Number.isInteger(keepLast) && keepLast > 0))
      return invalid(`keepLast must be a number of files, an integer from 1 on, but is ${keepLast}`);
    const threshold = Options.ordered('initialValueThreshold', initialValueThreshold);
    if (threshold !== undefined) return invalid(threshold);
    if (E.isLeft(template)) return invalid(template.left);
    for (const name of PathTemplate.fields(template.right)) {
      if (name === 'epoch' || (name === 'batch' && saveFreq !== 'epoch')) continue;
      if (name === 'batch') return invalid('the path has a field {batch}, which is known only with saveFreq in steps');
      if (!Object.hasOwn(directions, name))
        return invalid(
          `the path has a field {${name}}, which this run does not log; there are epoch, ${Object.keys(directions).join(', ')}`,
        );
    }
    return E.right(undefined);
  };

  /** Keras looks at an explicit monitor even without `saveBestOnly`. */
  const direction = (
    directions: Readonly<Record<string, Direction>>,
  ): E.Either<CallbackError, Direction | undefined> =>
    saveBestOnly || options.monitor !== undefined
      ? Monitor.resolve(key, { monitor, mode }, directions)
      : E.right(undefined);

  const pathAt = (epoch: number, step: number | undefined, logs: Logs): E.Either<CallbackError, string> =>
    pipe(
      template,
      E.chain(
        PathTemplate.render({
          epoch: { _tag: 'Integer', value: epoch + 1 },
          ...(step === undefined ? {} : { batch: { _tag: 'Integer', value: step + 1 } as const }),
          ...Object.fromEntries(Object.entries(logs).map(([k, value]) => [k, { _tag: 'Float', value } as const])),
        }),
      ),
      E.mapLeft((why) => callbackError(key, 'Failed', why)),
    );

  const saveTo = (state: State, epoch: number, target: string, lines: ReadonlyArray<string>): Next => {
    const save: Directive = { _tag: 'Save', path: target, what: saveWeightsOnly ? 'weights' : 'state' };
    const pending = verbose > 0 ? [...state.pending, { path: target, epoch }] : state.pending;
    // Told before it is there, so that a run that goes on from this very file knows of it.
    const kept = keepLast === undefined ? state.kept : [...state.kept.filter((old) => old !== target), target];
    return pipe(answer({ ...state, pending, kept }, [save]), saying(lines));
  };

  const consider = (state: State, epoch: number, target: string, logs: Logs): Next => {
    const loud = (text: string): ReadonlyArray<string> => (verbose > 0 ? [`\nEpoch ${epoch + 1}: ${text}`] : []);
    if (!saveBestOnly) return saveTo(state, epoch, target, loud(`saving model to ${target}`));
    const value = logs[monitor];
    if (value === undefined)
      return saveTo(state, epoch, target, [
        `Warning: the best model cannot be told, for '${monitor}' is not in the logs (${Object.keys(logs).join(', ')}); saving anyway`,
      ]);
    const best = state.best === undefined ? 'None' : fixed(state.best, 5);
    return pipe(
      Monitor.known(key, state.direction),
      E.match(
        fail<State, HasTerminal & HasFileSystem>,
        (d): Next =>
          Monitor.improves(d, 0)(value, state.best)
            ? saveTo(
                { ...state, best: value },
                epoch,
                target,
                loud(`${monitor} improved from ${best} to ${fixed(value, 5)}, saving model to ${target}`),
              )
            : pipe(stay(state), saying(loud(`${monitor} did not improve from ${best}`))),
      ),
    );
  };

  const saveAt = (state: State, epoch: number, step: number | undefined, logs: Logs): Next =>
    pipe(
      pathAt(epoch, step, logs),
      E.match(fail<State, HasTerminal & HasFileSystem>, (target) => consider(state, epoch, target, logs)),
    );

  const stepEnded = (state: State, event: Extract<Event, { readonly _tag: 'StepEnded' }>): Next => {
    if (saveFreq === 'epoch') return stay(state);
    // Several steps may have passed since the last event.
    const steps = state.steps + event.step - state.lastStep;
    const counted: State = { ...state, steps, lastStep: event.step };
    return steps < saveFreq ? stay(counted) : saveAt({ ...counted, steps: 0 }, event.epoch, event.step, event.logs);
  };

  /** Removes what is too much, once the newest is there. */
  const prune =
    (state: State, path: string): Next =>
    ({ fileSystem }) => {
      const surplus =
        keepLast === undefined || state.kept.at(-1) !== path
          ? []
          : state.kept.slice(0, Math.max(0, state.kept.length - keepLast));
      return surplus.length === 0
        ? TE.right([state, []])
        : pipe(
            surplus,
            TE.traverseSeqArray(fileSystem.remove),
            TE.bimap(fromIoError(key), () => [{ ...state, kept: state.kept.slice(surplus.length) }, []]),
          );
    };

  const saved = (state: State, path: string): Next => {
    const done = state.pending.find((p) => p.path === path);
    return done === undefined
      ? stay(state)
      : pipe(
          stay({ ...state, pending: state.pending.filter((p) => p !== done) }),
          saying([`\nEpoch ${done.epoch + 1}: finished saving model to ${path}`]),
        );
  };

  return fromMachine<Monitored<P, M, Best>>()<HasTerminal & HasFileSystem, State>({
    key,
    codec,
    initial,
    ...(typeof saveFreq === 'number' && saveFreq > 0 && Number.isInteger(saveFreq) ? { grain: saveFreq } : {}),
    step: (state, event): Next => {
      switch (event._tag) {
        case 'RunStarted':
          return pipe(
            checked(event.directions),
            E.chain(() => direction(event.directions)),
            E.match(fail<State, HasTerminal & HasFileSystem>, (d) => stay({ ...state, direction: d, pending: [] })),
          );
        case 'EpochStarted':
          return stay(state.lastStep === -1 ? state : { ...state, lastStep: -1 });
        case 'StepEnded':
          return stepEnded(state, event);
        case 'EpochEnded':
          return saveFreq === 'epoch' ? saveAt(state, event.epoch, undefined, event.logs) : stay(state);
        case 'CheckpointSaved':
          return (r) =>
            pipe(
              prune(state, event.path)(r),
              TE.chain(([next]) => saved(next, event.path)(r)),
            );
        default:
          return stay(state);
      }
    },
  });
};
