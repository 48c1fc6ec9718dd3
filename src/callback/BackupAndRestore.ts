/**
 * A backup of the whole run, from which the same program goes on when it is started again after it was killed. Keras:
 * `BackupAndRestore`.
 */
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import * as t from 'io-ts';
import type { FileSystem, HasFileSystem, IoError } from '../training/Environment.ts';
import { type Callback, fromMachine } from './Attach.ts';
import { callbackError, fromIoError } from './CallbackError.ts';
import { type Answer, answer, fail, stay } from './Machine.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface BackupOptions {
  /** `'epoch'`, or a number of steps, counted over the borders of epochs. Default `'epoch'`. */
  readonly saveFreq?: 'epoch' | number;
  /** Keeps the backup before the last one too, as `PATH.bkp`, for when the last one cannot be read. Default false. */
  readonly doubleCheckpoint?: boolean;
  /** Removes the backup when the run has come to its end. Default true. */
  readonly deleteCheckpoint?: boolean;
  /** Default `backupAndRestore(PATH)`. */
  readonly key?: string;
}

export interface BackupState {
  /** Steps since the last save. */
  readonly steps: number;
}

const codec: t.Type<BackupState, unknown> = t.type({ steps: t.number });

/** A copy of what is there; nothing if there is nothing. */
const copy = (fileSystem: FileSystem, from: string, to: string): TE.TaskEither<IoError, void> =>
  pipe(
    fileSystem.exists(from),
    TE.chain((there) =>
      there
        ? pipe(
            fileSystem.readFile(from),
            TE.chain((bytes) => fileSystem.writeFile(to, bytes)),
          )
        : TE.right(undefined),
    ),
  );

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * Saves the train state to `path` at the end of each epoch, or every `saveFreq` steps; and a run that starts while there is such a
 * file goes on from it, with weights, optimizer, callbacks' states, history and place in the data.
 *
 * - The file is replaced as a whole, so a run that is killed while it saves has the backup before. With `doubleCheckpoint` the
 *   one before is kept besides, and taken (with a warning) when the last cannot be read.
 * - With `saveFreq` in steps the run goes on at the very step; Keras begins the epoch again.
 * - At the normal end of the run the backup is removed, unless `deleteCheckpoint` is false: then the run is done, and running
 *   it again with more epochs goes on. A run that was interrupted keeps it, and a program keeps it up to the end of its last part.
 * - A backup wins over `from` and `weights` of `fit`, being later than they are.
 *
 * Errors: `InvalidOption` for an empty path or a frequency that cannot be; when the run starts, those of `Training.resume` for a
 * file that is damaged or of another model.
 *
 * Keras: `BackupAndRestore`; the path is a file here, not a folder. See also `Training.resume` with `modelCheckpoint`.
 *
 * @example
 * pipe(T.fit(objective, { data, epochs: 100 }), C.backupAndRestore('run/backup.safetensors', { saveFreq: 500 }), T.run)
 */
export const backupAndRestore = (path: string, options: BackupOptions = {}): Callback<HasFileSystem> => {
  const { saveFreq = 'epoch', doubleCheckpoint = false, deleteCheckpoint = true } = options;
  const { key = `backupAndRestore(${path})` } = options;
  const before = `${path}.bkp`;
  type State = BackupState;
  type Next = Answer<HasFileSystem, State>;

  const save =
    (state: State): Next =>
    ({ fileSystem }) =>
      pipe(
        doubleCheckpoint ? copy(fileSystem, path, before) : TE.right(undefined),
        TE.bimap(fromIoError(key), () => [state, [{ _tag: 'Save', path, what: 'state' }]]),
      );

  const remove =
    (state: State): Next =>
    ({ fileSystem }) =>
      pipe(
        fileSystem.remove(path),
        TE.chain(() => (doubleCheckpoint ? fileSystem.remove(before) : TE.right(undefined))),
        TE.bimap(fromIoError(key), () => [state, []]),
      );

  const isCount = typeof saveFreq === 'number' && Number.isInteger(saveFreq) && saveFreq > 0;
  const invalid =
    path === ''
      ? "the path is empty; give the file to save to, such as 'run/backup.safetensors'"
      : saveFreq !== 'epoch' && !isCount
        ? `saveFreq must be 'epoch' or a number of steps, an integer from 1 on, but is ${String(saveFreq)}`
        : undefined;

  return fromMachine()<HasFileSystem, State>({
    key,
    codec,
    initial: { steps: 0 },
    ...(isCount ? { grain: saveFreq } : {}),
    ...(invalid === undefined ? { resumption: { path, ...(doubleCheckpoint ? { fallback: [before] } : {}) } } : {}),
    step: (state, event): Next => {
      switch (event._tag) {
        case 'RunStarted':
          return invalid === undefined ? stay(state) : fail(callbackError(key, 'InvalidOption', invalid));
        case 'StepEnded':
          if (saveFreq === 'epoch') return stay(state);
          return state.steps + 1 < saveFreq ? stay({ steps: state.steps + 1 }) : save({ steps: 0 });
        case 'EpochEnded':
          return saveFreq === 'epoch' ? save(state) : stay(state);
        case 'RunEnded':
          return deleteCheckpoint && event.unfinished === undefined ? remove(state) : answer(state, []);
        default:
          return stay(state);
      }
    },
  });
};
