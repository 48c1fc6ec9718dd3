/**
 * Finding the train state to go on from: a file, those to fall back on when it is not good, or the latest good one of a
 * folder. A file that is not there is no error for `resume`: then the run begins.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as O from 'fp-ts/lib/Option.js';
import type * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { Run } from '../callback/Run.ts';
import type { ParameterSpec } from '../model/Resolved.ts';
import type { HasFileSystem } from './Environment.ts';
import type { Fit } from './Fit.ts';
import type { FallbackOptions, Resumption } from './Settings.ts';
import type { TrainState } from './State.ts';
import * as State from './State.ts';
import { inFile, readCheckpoint } from './Trained.ts';
import { checkpointError, type TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** A good state, where it was found, and why the files before it were passed over. */
export interface Found {
  readonly state: TrainState;
  readonly path: string;
  readonly refused: readonly TrainingError[];
}

// -------------------------------------------------------------------------------------
// one file
// -------------------------------------------------------------------------------------

/** Of this model, or of any. */
type Check = (state: TrainState) => E.Either<TrainingError, TrainState>;

/** A state whose weights are those of the model. */
export const fitting =
  (parameters: readonly ParameterSpec[]): Check =>
  (state) =>
    pipe(
      State.checkWeights(parameters)(state.weights),
      E.map(() => state),
    );

const read =
  (path: string, check: Check): RTE.ReaderTaskEither<HasFileSystem, TrainingError, TrainState> =>
  (env) =>
    pipe(
      readCheckpoint(path)(env),
      TE.chainEitherKW((checkpoint) =>
        checkpoint._tag === 'State'
          ? pipe(check(checkpoint.state), E.mapLeft(inFile(path)))
          : E.left<TrainingError>(
              checkpointError(
                'holds weights only, not a train state: save it with saveWeightsOnly: false, or use loadWeights',
                path,
              ),
            ),
      ),
    );

/** What another file can make up for. A file that may not be read is a matter of permissions, not of this file. */
const isDamage = (error: TrainingError): boolean => error._tag !== 'IoError' || error.code === 'ENOENT';

const isMissing = (error: TrainingError): boolean => error._tag === 'IoError' && error.code === 'ENOENT';

// -------------------------------------------------------------------------------------
// several files
// -------------------------------------------------------------------------------------

interface Search {
  readonly found: O.Option<{ readonly state: TrainState; readonly path: string }>;
  readonly refused: readonly TrainingError[];
}

const nothing: Search = { found: O.none, refused: [] };

const look =
  (path: string, check: Check) =>
  (before: Search): RTE.ReaderTaskEither<HasFileSystem, TrainingError, Search> =>
  (env) =>
    O.isSome(before.found)
      ? TE.right(before)
      : pipe(
          read(path, check)(env),
          TE.match(
            (error): E.Either<TrainingError, Search> =>
              isDamage(error) ? E.right({ found: O.none, refused: [...before.refused, error] }) : E.left(error),
            (state) => E.right({ found: O.some({ state, path }), refused: before.refused }),
          ),
        );

const plain = (folder: string): string => folder.replace(/(?<=.)\/+$/, '');

/** One file at a time is in memory, and the best one so far. */
const lookIn =
  (folder: string, check: Check) =>
  (before: Search): RTE.ReaderTaskEither<HasFileSystem, TrainingError, Search> =>
  (env) =>
    O.isSome(before.found)
      ? TE.right(before)
      : pipe(
          env.fileSystem.list(plain(folder)),
          TE.mapLeft((error): TrainingError => error),
          TE.chain((names) =>
            names
              .filter((name) => name.endsWith('.safetensors'))
              .reduce<TE.TaskEither<TrainingError, Search>>(
                (search, name) =>
                  pipe(
                    search,
                    TE.chain((best) =>
                      pipe(
                        look(`${plain(folder)}/${name}`, check)(nothing)(env),
                        TE.map(({ found, refused }) => ({
                          found: later(best.found, found),
                          refused: [...best.refused, ...refused],
                        })),
                      ),
                    ),
                  ),
                TE.right(before),
              ),
          ),
        );

const later = (a: Search['found'], b: Search['found']): Search['found'] =>
  O.isSome(a) && O.isSome(b) ? (b.value.state.step > a.value.state.step ? b : a) : O.isSome(a) ? a : b;

/** `None` if none of the files is there. If some are and none is good, that is the error, with the reason for each. */
export const find =
  ({ path, fallback = [], latestIn }: Resumption, check: Check = E.right) =>
  (env: HasFileSystem): TE.TaskEither<TrainingError, O.Option<Found>> =>
    pipe(
      [path, ...(typeof fallback === 'string' ? [fallback] : fallback)].reduce<TE.TaskEither<TrainingError, Search>>(
        (search, candidate) =>
          pipe(
            search,
            TE.chain((before) => look(candidate, check)(before)(env)),
          ),
        TE.right(nothing),
      ),
      TE.chain((search) => (latestIn === undefined ? TE.right(search) : lookIn(latestIn, check)(search)(env))),
      TE.chain(({ found, refused }): TE.TaskEither<TrainingError, O.Option<Found>> => {
        const damaged = refused.filter((error) => !isMissing(error));
        const [first, ...others] = damaged;
        if (O.isSome(found)) return TE.right(O.some({ ...found.value, refused: damaged }));
        if (first === undefined) return TE.right(O.none);
        return TE.left(
          others.length === 0 ? first : checkpointError(`none is good: ${damaged.map((e) => e.message).join('; ')}`),
        );
      }),
    );

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * The train state that `modelCheckpoint` without `saveWeightsOnly` wrote: give it to `fit` as `from`. With `fallback` or
 * `latestIn`, the first good one.
 *
 * Errors: `IoError` when the file is not there or cannot be read; `CheckpointError` or a format error, with the path in its
 * message, when it is torn, altered, holds weights only or is of a newer version.
 */
export const loadState = (
  path: string,
  options: FallbackOptions = {},
): RTE.ReaderTaskEither<HasFileSystem, TrainingError, TrainState> =>
  options.fallback === undefined && options.latestIn === undefined
    ? read(path, E.right)
    : (env) =>
        pipe(
          find({ path, ...options })(env),
          TE.chain(
            O.match(
              // None is there: what the first one says of it.
              () => read(path, E.right)(env),
              ({ state }) => TE.right(state),
            ),
          ),
        );

/**
 * Makes a run one that goes on from a file, if it is there: the same program started again after it was killed is the program
 * that was not, bit for bit on the CPU. A run that was halted stays so. The file is not deleted; give it to `modelCheckpoint`.
 *
 * Errors when the run starts: a file that is not good (see `fallback`), or whose model, optimizer or data are others.
 * Keras: `BackupAndRestore`.
 *
 * @example
 * pipe(
 *   T.fit(objective, { data, epochs: 100 }),
 *   C.modelCheckpoint('run/last.safetensors', { saveFreq: 50 }),
 *   T.resume('run/last.safetensors', { latestIn: 'run' }),
 *   T.run,
 * )
 */
export const resume =
  (path: string, options: FallbackOptions = {}) =>
  <R, Keys extends string, I, O, T, K extends string, Err>(
    run: Run<R, Keys, Fit<I, O, T, K>, Err>,
  ): Run<R, Keys, Fit<I, O, T, K>, Err> => ({
    ...run,
    result: { ...run.result, resumption: { path, ...options } },
  });
