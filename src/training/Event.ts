/**
 * What happens in a run (events), what a callback may ask for (directives), and the signals that carry both.
 *
 * A run is a stream of signals. The source emits an event and then `Settled`; callbacks, which are transformers of that
 * stream, pass the event on and put their directives behind it; whoever consumes the stream carries the directives
 * out at `Settled` (checkpoints last) before it pulls again. So a callback never races with the training it steers.
 */
import type { NdArray } from '../shape/NdArray.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** Means so far of the epoch: `loss`, one entry for each metric, and the same with `val_` for validation. */
export type Logs = Readonly<Record<string, number>>;

/** Whether lower or higher is better. */
export type Direction = 'min' | 'max';

export type Event =
  | {
      readonly _tag: 'RunStarted';
      /** Epochs run from `initialEpoch` (0, or later after a resume) to `epochs`, exclusive. */
      readonly initialEpoch: number;
      /** Steps of the initial epoch that were made before, where a run goes on in the middle of it. Default 0. */
      readonly initialStep?: number;
      readonly epochs: number;
      readonly stepsPerEpoch: number;
      readonly batchSize: number;
      readonly learningRate: number;
      /** The direction of each log key, `val_` keys included. `loss` is always there. */
      readonly directions: Readonly<Record<string, Direction>>;
      /** States of callbacks, by key, as a checkpoint kept them; empty in a new run. */
      readonly callbackStates: Readonly<Record<string, unknown>>;
      /** `clock.now` at this moment, in milliseconds. */
      readonly time: number;
    }
  | { readonly _tag: 'EpochStarted'; readonly epoch: number; readonly learningRate: number; readonly time: number }
  | {
      readonly _tag: 'StepEnded';
      readonly epoch: number;
      /** Counted from 0 within the epoch. */
      readonly step: number;
      /** Steps of the whole training so far, this one included. */
      readonly globalStep: number;
      readonly logs: Logs;
      /** Samples seen in this epoch so far, this step's included. */
      readonly samples: number;
      /** When it ended. Steps that one call of onnxruntime made are told together afterwards; its time is shared out among them. */
      readonly time: number;
    }
  /** Before the first validation step: what a callback does to the weights here is what is evaluated. */
  | { readonly _tag: 'ValidationStarted'; readonly epoch: number; readonly time: number }
  | { readonly _tag: 'ValidationEnded'; readonly epoch: number; readonly logs: Logs; readonly time: number }
  | {
      readonly _tag: 'EpochEnded';
      readonly epoch: number;
      /** Training logs sorted by key, then `val_` ones sorted, then what callbacks added. */
      readonly logs: Logs;
      /** The rate used in this epoch's last step. */
      readonly learningRate: number;
      readonly time: number;
    }
  | { readonly _tag: 'CheckpointSaved'; readonly path: string; readonly time: number }
  | {
      /** The answer to `ReadWeights`. */
      readonly _tag: 'WeightsRead';
      /** The key of the callback that asked. */
      readonly by: string;
      /** The model's parameters and running statistics, by name. */
      readonly weights: Readonly<Record<string, NdArray>>;
      readonly time: number;
    }
  | { readonly _tag: 'LearningRateChanged'; readonly from: number; readonly to: number; readonly time: number }
  | {
      readonly _tag: 'RunEnded';
      /** Epochs that ended in this run. */
      readonly epochs: number;
      /** Why a callback halted the run, if one did. */
      readonly halted: string | undefined;
      /** Where this is not the end of the training: it was interrupted, or another part of its program follows. */
      readonly unfinished?: 'interrupted' | 'part';
      readonly time: number;
    };

export type Directive =
  /** From the next step on. */
  | { readonly _tag: 'SetLearningRate'; readonly value: number }
  /** Write a checkpoint: weights only, or the whole train state (weights, optimizer slots, callback states, history). */
  | { readonly _tag: 'Save'; readonly path: string; readonly what: 'weights' | 'state' }
  /** Keep the present weights in memory under a name; a later `Restore` of that name brings them back. */
  | { readonly _tag: 'Remember'; readonly slot: string }
  | { readonly _tag: 'Restore'; readonly slot: string }
  /** Hand out a copy of the present weights: the event `WeightsRead` comes next. */
  | { readonly _tag: 'ReadWeights' }
  /**
   * Take the present weights into the mean that is kept under a name, as one more after the `count` that are in it: so with
   * `count` 0 this is `Remember`. `Restore` brings the mean into the model.
   */
  | { readonly _tag: 'Average'; readonly slot: string; readonly count: number }
  /**
   * Whether the model has the optimizer's averages of its weights (`useEma`) for the time being, or its own. Train states are
   * saved with the model's own all the same, so nothing of this is left in them; files of weights get what is in use.
   */
  | { readonly _tag: 'UseAverages'; readonly on: boolean }
  /**
   * From the next step on, these layers or groups (by name, or path of a `named` group) stay as they are, or are trained; all of
   * them, if none is named. The optimizer's slots stay where all that it then needs are there; else it begins anew.
   */
  | { readonly _tag: 'Freeze' | 'Thaw'; readonly paths: readonly string[] }
  /** No more steps in this epoch; its validation and end still happen. */
  | { readonly _tag: 'HaltEpoch' }
  /** As `HaltEpoch`, and no more epochs. */
  | { readonly _tag: 'HaltRun'; readonly reason: string }
  /** Add entries to the logs of the event at hand: later callbacks and the history see them. */
  | { readonly _tag: 'Log'; readonly logs: Logs };

export type Signal =
  | { readonly _tag: 'Event'; readonly event: Event }
  | { readonly _tag: 'Directive'; readonly from: string; readonly directive: Directive }
  /** A callback's state after an event, encoded: it goes into the train state. */
  | { readonly _tag: 'CallbackState'; readonly key: string; readonly state: unknown }
  | { readonly _tag: 'Settled' };

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** An event as a signal. */
export const event = (event: Event): Signal => ({ _tag: 'Event', event });
/** A directive as a signal; `from` is the key of the callback that asks. */
export const directive = (from: string, directive: Directive): Signal => ({ _tag: 'Directive', from, directive });
/** What stands behind each event and the directives to it: now they are carried out. */
export const settled: Signal = { _tag: 'Settled' };
