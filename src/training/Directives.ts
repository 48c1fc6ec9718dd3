/**
 * What callbacks ask for, carried out: on the control of the run, on the weights in the runtime, and on files.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import { callbackError } from '../callback/CallbackError.ts';
import type * as History from '../callback/History.ts';
import { inputFor, type Optimizer } from '../optimizer/Optimizer.ts';
import type { HasClock, HasFileSystem } from './Environment.ts';
import type { Event, Signal } from './Event.ts';
import type { Control } from './Source.ts';
import type { TrainState, Weights } from './State.ts';
import * as State from './State.ts';
import type { Trainer } from './Trainer.ts';
import type { TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** The mutable state of one run; nothing of it outlives the run. */
export interface Cell {
  readonly control: Control;
  readonly remembered: Map<string, Weights>;
  readonly callbacks: Record<string, unknown>;
  history: History.History;
  /** Epochs that have ended, counted from the beginning of training. */
  epoch: number;
  /** The present weights were put back by a callback, and no step has changed them since. */
  restored: boolean;
}

// -------------------------------------------------------------------------------------
// directives
// -------------------------------------------------------------------------------------

/** The train state between two events. */
export const snapshot = (
  trainer: Trainer,
  cell: Cell,
  fixed: { readonly seed: number; readonly threads: number },
): TE.TaskEither<TrainingError, TrainState> =>
  pipe(
    TE.Do,
    TE.bind('weights', () => trainer.weights),
    TE.bind('slots', () => trainer.slots),
    TE.map(({ weights, slots }) => ({
      weights,
      slots,
      remembered: Object.fromEntries(cell.remembered),
      ...fixed,
      epoch: cell.epoch,
      step: cell.control.step,
      learningRate: cell.control.learningRate,
      callbacks: { ...cell.callbacks },
      history: cell.history,
    })),
  );

/** A directive and who asked for it. */
export type Asked = Extract<Signal, { readonly _tag: 'Directive' }>;

export interface Tools {
  readonly optimizer: Optimizer;
  readonly trainer: Trainer;
  readonly cell: Cell;
  readonly env: HasClock & HasFileSystem;
  readonly fixed: { readonly seed: number; readonly threads: number };
}

const carryOut = (
  { trainer, cell, env, fixed, optimizer }: Tools,
  { from, directive }: Asked,
): TE.TaskEither<TrainingError, void> => {
  const { control } = cell;
  const announce = (event: Event) => {
    control.pending.push(event);
  };
  switch (directive._tag) {
    case 'SetLearningRate':
      if (!(Number.isFinite(directive.value) && directive.value >= 0))
        return TE.left(
          callbackError(
            from,
            'Failed',
            `it set the learning rate to ${directive.value}; expected a finite number, 0 or more`,
          ),
        );
      return pipe(
        TE.rightIO(() => (optimizer.schedule === undefined ? control.learningRate : control.shown)),
        TE.chain((present) =>
          pipe(
            inputFor(optimizer)(control.learningRate, present, directive.value),
            E.mapLeft((reason) => callbackError(from, 'Failed', `it set the learning rate: ${reason}`)),
            E.map((input) => {
              if (directive.value === present) return;
              announce({ _tag: 'LearningRateChanged', from: present, to: directive.value, time: env.clock.now() });
              control.learningRate = input;
              control.shown = directive.value;
            }),
            TE.fromEither,
          ),
        ),
      );
    case 'HaltEpoch':
      return TE.fromIO(() => {
        control.haltEpoch = true;
      });
    case 'HaltRun':
      return TE.fromIO(() => {
        control.haltEpoch = true;
        control.halted = control.halted ?? directive.reason;
      });
    case 'Remember':
      return pipe(
        trainer.weights,
        TE.chainIOK((weights) => () => {
          cell.remembered.set(directive.slot, weights);
        }),
      );
    case 'Restore': {
      const weights = cell.remembered.get(directive.slot);
      return weights === undefined
        ? TE.left(
            callbackError(
              from,
              'Protocol',
              `it asked to restore '${directive.slot}', which was not remembered; there are ` +
                `${[...cell.remembered.keys()].map((slot) => `'${slot}'`).join(', ') || 'none'}. Ask to Remember it first`,
            ),
          )
        : pipe(
            trainer.restore(weights),
            TE.map(() => {
              cell.restored = true;
            }),
          );
    }
    case 'Save':
      return pipe(
        directive.what === 'weights'
          ? pipe(trainer.weights, TE.chainEitherKW(State.encodeWeights))
          : pipe(snapshot(trainer, cell, fixed), TE.chainEitherKW(State.encodeState)),
        TE.chainW((bytes) => env.fileSystem.writeFile(directive.path, bytes)),
        TE.map(() => announce({ _tag: 'CheckpointSaved', path: directive.path, time: env.clock.now() })),
      );
    case 'Log':
      // Logs are part of the event by now: attaching a callback put them there.
      return TE.right(undefined);
  }
};

const savesLast = (asked: readonly Asked[]): readonly Asked[] => [
  ...asked.filter(({ directive }) => directive._tag !== 'Save'),
  ...asked.filter(({ directive }) => directive._tag === 'Save'),
];

/** In their order, what is saved last. */
export const carryOutAll = (tools: Tools, asked: readonly Asked[]): TE.TaskEither<TrainingError, void> =>
  savesLast(asked).reduce<TE.TaskEither<TrainingError, void>>(
    (before, one) =>
      pipe(
        before,
        TE.chain(() => carryOut(tools, one)),
      ),
    TE.right(undefined),
  );
