/**
 * A model with weights: what a run results in, and what files of weights are read into.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import * as History from '../callback/History.ts';
import { initialValues } from '../model/Initial.ts';
import { resolve } from '../model/Resolve.ts';
import type { Resolved } from '../model/Resolved.ts';
import type { HasFileSystem } from './Environment.ts';
import type { Objective } from './Objective.ts';
import type { Halt } from './Position.ts';
import type { TrainState, Weights } from './State.ts';
import * as State from './State.ts';
import { modelError, type TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Trained<I, O, T, K extends string> {
  readonly _tag: 'Trained';
  readonly objective: Objective<I, O, T, K>;
  readonly weights: Weights;
  /** Logs of every epoch. */
  readonly history: History.History;
  /** To go on from: `fit(objective, { data, from: trained.state })`. `undefined` for weights from elsewhere. */
  readonly state: TrainState | undefined;
  /** The callback that halted the run, and why, if one did. */
  readonly halted?: Halt;
  /** The signal that interrupted the run, and the file that it can be gone on with from. */
  readonly interrupted?: { readonly signal: string; readonly saved: string | undefined };
}

type AnyObjective = Objective<unknown, unknown, unknown, string>;

/** Where the types of its shapes do not matter. */
export const anyObjective = <I, O, T, K extends string>(objective: Objective<I, O, T, K>): AnyObjective =>
  objective as unknown as AnyObjective;

/** The model, checked. */
export const resolvedOf = <I, O, T, K extends string>(
  objective: Objective<I, O, T, K>,
): E.Either<TrainingError, Resolved> => pipe(resolve(objective.model), E.mapLeft(modelError));

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** With given weights; every difference from the model's own is listed in the error. */
export const withWeights =
  (weights: Weights) =>
  <I, O, T, K extends string>(objective: Objective<I, O, T, K>): E.Either<TrainingError, Trained<I, O, T, K>> =>
    pipe(
      resolvedOf(objective),
      E.chainW(({ parameters }) => State.checkWeights(parameters)(weights)),
      E.map((checked) => ({ _tag: 'Trained', objective, weights: checked, history: History.empty, state: undefined })),
    );

/** With initial weights, drawn by the layers' initializers from a seed. */
export const untrained =
  (seed: number) =>
  <I, O, T, K extends string>(objective: Objective<I, O, T, K>): E.Either<TrainingError, Trained<I, O, T, K>> =>
    pipe(
      resolvedOf(objective),
      E.chain((resolved) => withWeights(initialValues(resolved, seed))(objective)),
    );

// -------------------------------------------------------------------------------------
// files
// -------------------------------------------------------------------------------------

/** The error, with the file it is about in front of its message. */
export const inFile =
  (path: string) =>
  <Err extends TrainingError>(error: Err): Err =>
    error._tag === 'IoError' || error.message.startsWith(path)
      ? error
      : { ...error, message: `${path}: ${error.message}` };

export const readCheckpoint =
  (path: string): RTE.ReaderTaskEither<HasFileSystem, TrainingError, State.Checkpoint> =>
  ({ fileSystem }) =>
    pipe(
      fileSystem.readFile(path),
      TE.chainEitherKW((bytes) => pipe(State.decode(bytes), E.mapLeft(inFile(path)))),
    );

/**
 * Puts the weights of a file (a checkpoint, or any safetensors file of the same names and shapes) in place. The history
 * stays; the state to go on from, which had other weights, does not. Keras `load_weights`.
 */
export const loadWeights =
  (path: string) =>
  <I, O, T, K extends string>(
    trained: Trained<I, O, T, K>,
  ): RTE.ReaderTaskEither<HasFileSystem, TrainingError, Trained<I, O, T, K>> =>
    pipe(
      readCheckpoint(path),
      RTE.chainEitherKW((checkpoint) =>
        pipe(
          resolvedOf(trained.objective),
          E.chainW(({ parameters }) => State.checkWeights(parameters)(State.weightsOf(checkpoint))),
          E.mapLeft(inFile(path)),
        ),
      ),
      RTE.map((weights) => ({ ...trained, weights, state: undefined })),
    );

/** Writes the weights as one safetensors file. Keras `save_weights`. */
export const saveWeights =
  (path: string) =>
  <I, O, T, K extends string>(
    trained: Trained<I, O, T, K>,
  ): RTE.ReaderTaskEither<HasFileSystem, TrainingError, Trained<I, O, T, K>> =>
  ({ fileSystem }) =>
    pipe(
      TE.fromEither(State.encodeWeights(trained.weights)),
      TE.chainW((bytes) => fileSystem.writeFile(path, bytes)),
      TE.map(() => trained),
    );
