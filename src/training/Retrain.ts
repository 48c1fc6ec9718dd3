/**
 * Which parameters are trained, changed in the middle of a run: other graphs are loaded, weights and slots go on.
 *
 * Law: a run in which a callback thaws layers at the start of epoch n gives, bit for bit on the CPU, what a program of n epochs with
 * these layers frozen, and then epochs without, gives.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import { callbackError } from '../callback/CallbackError.ts';
import type { Resolved } from '../model/Resolved.ts';
import type { Directive } from './Event.ts';
import { namesUnder } from './Prepare.ts';
import { goneOn, type Trained } from './Slots.ts';
import { type Cell, type Fixed, snapshot } from './Snapshot.ts';
import type { TrainState } from './State.ts';
import type { Trainer } from './Trainer.ts';
import { fitError, type TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export type Choice = Extract<Directive, { readonly _tag: 'Freeze' | 'Thaw' }>;

/** A trainer whose sessions and resident weights can be replaced by those of another one. */
export interface Replaceable extends Trainer {
  readonly replace: (open: TE.TaskEither<TrainingError, Trainer>) => TE.TaskEither<TrainingError, void>;
}

export interface Retraining {
  readonly resolved: Resolved;
  readonly objective: Trained;
  /** A trainer with these parameters frozen, that begins with this state. */
  readonly open: (frozen: ReadonlySet<string>, from: TrainState) => TE.TaskEither<TrainingError, Trainer>;
}

// -------------------------------------------------------------------------------------
// trainers
// -------------------------------------------------------------------------------------

/** The old one is closed before the new one is opened: the data are in the runtime once. */
export const replaceable = (first: Trainer): Replaceable => {
  let current = first;
  const { validate } = first;
  return {
    get stateBytes() {
      return current.stateBytes;
    },
    learn: (...args) => current.learn(...args),
    validate: validate === undefined ? undefined : () => (current.validate ?? validate)(),
    weights: () => current.weights(),
    slots: () => current.slots(),
    restore: (weights) => current.restore(weights),
    close: () => current.close(),
    replace: (open) => async () => {
      await current.close();
      const next = await open();
      if (E.isRight(next)) current = next.right;
      return pipe(
        next,
        E.map(() => undefined),
      );
    },
  };
};

// -------------------------------------------------------------------------------------
// interpreter
// -------------------------------------------------------------------------------------

/** The first path that leads nowhere, before the run begins. */
export const checkPaths = (resolved: Resolved, paths: readonly string[]): E.Either<TrainingError, void> =>
  pipe(
    namesUnder('callbacks', resolved, paths),
    E.map(() => undefined),
  );

const chosen = (
  resolved: Resolved,
  frozen: ReadonlySet<string>,
  { _tag, paths }: Choice,
): E.Either<TrainingError, ReadonlySet<string>> =>
  pipe(
    paths.length === 0
      ? E.right(resolved.parameters.map(({ name }) => name))
      : namesUnder(_tag === 'Freeze' ? 'freeze' : 'thaw', resolved, paths),
    E.map((names): ReadonlySet<string> => {
      const listed = new Set(names);
      const isFrozen = (name: string): boolean => (listed.has(name) ? _tag === 'Freeze' : frozen.has(name));
      return new Set(resolved.parameters.flatMap(({ name }) => (isFrozen(name) ? [name] : [])));
    }),
    E.filterOrElse(
      (next) => resolved.parameters.some(({ name, trainable }) => trainable && !next.has(name)),
      () => fitError('nothing is left to train; freeze less, or halt the run'),
    ),
  );

const isSame = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a.size === b.size && [...a].every((name) => b.has(name));

/** Carries the choice out. The weights are the model's own, also where it had the optimizer's averages. */
export const retrain =
  ({ resolved, objective, open }: Retraining) =>
  (
    { trainer, cell, fixed }: { readonly trainer: Replaceable; readonly cell: Cell; readonly fixed: Fixed },
    from: string,
    choice: Choice,
  ): TE.TaskEither<TrainingError, void> =>
    pipe(
      TE.fromEither(chosen(resolved, cell.frozen, choice)),
      TE.mapLeft((error): TrainingError => callbackError(from, 'Failed', error.message)),
      TE.chain((frozen) =>
        isSame(frozen, cell.frozen)
          ? TE.right(undefined)
          : pipe(
              snapshot(trainer, cell, fixed),
              TE.map((state): TrainState => ({ ...state, ...goneOn(resolved, frozen, objective, state, true) })),
              TE.chain((state) =>
                pipe(
                  trainer.replace(open(frozen, state)),
                  TE.map(() => {
                    cell.frozen = frozen;
                    cell.rechosen = true;
                    cell.optimizerStart = state.optimizerStart ?? 0;
                    cell.own = undefined;
                  }),
                ),
              ),
            ),
      ),
    );
