/**
 * What changes while a run goes, and the train state that is made of it between two events.
 */
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type * as History from '../callback/History.ts';
import { type Pending, pendingOf, type Visited } from './Position.ts';
import type { Control } from './Source.ts';
import type { Attached, ProgramPlace, TrainState, Weights } from './State.ts';
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
  /** Updates done when the optimizer began with new slots. */
  optimizerStart: number;
  /** Names of the parameters that are not trained, and whether a callback has chosen them. */
  frozen: ReadonlySet<string>;
  rechosen: boolean;
  /** The model's own weights while it has the optimizer's averages, and the updates done when they were put away. */
  own?: { readonly weights: Weights; readonly step: number } | undefined;
}

/** Weights that were put away, unless steps were made since: then what is in use is the model's own. */
export const putAway = ({ own, control }: Cell): Weights | undefined =>
  own !== undefined && own.step === control.step ? own.weights : undefined;

const ownWeights = (trainer: Trainer, cell: Cell): Trainer['weights'] => {
  const own = putAway(cell);
  return own === undefined ? trainer.weights : TE.right(own);
};

// -------------------------------------------------------------------------------------
// snapshots
// -------------------------------------------------------------------------------------

/** What a run does not change. */
export interface Fixed {
  readonly seed: number;
  readonly threads: number;
  readonly visited: Visited;
  readonly program: ProgramPlace | undefined;
  readonly attached: Attached | undefined;
}

/** The train state between two events, with what comes before the next one. */
export const snapshot = (
  trainer: Trainer,
  cell: Cell,
  { visited, program, attached, ...fixed }: Fixed,
  next: readonly Pending[] = [],
): TE.TaskEither<TrainingError, TrainState> =>
  pipe(
    TE.Do,
    // The model's own, also while it has the averages.
    TE.bind('weights', () => ownWeights(trainer, cell)),
    TE.bind('slots', () => trainer.slots),
    TE.map(({ weights, slots }): TrainState => {
      const { control, optimizerStart } = cell;
      return {
        weights,
        slots,
        remembered: Object.fromEntries(cell.remembered),
        ...fixed,
        epoch: cell.epoch,
        step: control.step,
        learningRate: control.learningRate,
        callbacks: { ...cell.callbacks },
        history: cell.history,
        position: {
          cursor: control.cursor,
          visited,
          within: control.within === undefined ? undefined : { ...control.within, halted: control.haltEpoch },
          halted: control.halted,
          shown: control.shown,
          restored: cell.restored,
          averages: putAway(cell) !== undefined,
          frozen: cell.rechosen ? [...cell.frozen] : undefined,
          pending: [...control.pending.flatMap(pendingOf), ...next],
        },
        ...(optimizerStart === 0 ? {} : { optimizerStart }),
        ...(program === undefined ? {} : { program }),
        ...(attached === undefined ? {} : { attached }),
      };
    }),
  );
