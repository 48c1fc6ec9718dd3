/**
 * A run: training as a stream of signals that has not started yet. Callbacks are functions from runs to runs.
 */
import type { Stream } from '../stream/Stream.ts';
import type { Direction, Signal } from '../training/Event.ts';

export interface Resumption {
  readonly path: string;
  readonly fallback?: ReadonlyArray<string>;
}

/** Norms over all trained parameters together: of their gradients before any clipping, of what is added to them, and of them. */
export type Probe = 'gradient_norm' | 'update_norm' | 'weight_norm';

/**
 * - `R` what the run needs of its environment; each callback adds its own needs.
 * - `Keys` the keys of its logs (`'loss' | 'val_loss' | 'accuracy' | ...`), `string` where they are known at run time
 *   only. A run that logs more can be used where one that logs less is asked for.
 * - `A` what it results in; callbacks carry it along unseen.
 * - `E` its errors; each callback adds `CallbackError`.
 */
export interface Run<R, Keys extends string, A, E> {
  /** Each event is followed by the directives and states of the callbacks, in the order of the pipe, and `Settled`. */
  readonly signals: Stream<R, E, Signal>;
  /** What is logged, and whether lower or higher is better: known from the objective, before anything runs. */
  readonly directions: Readonly<Record<Keys, Direction>>;
  readonly result: A;
  /** Some callback acts on weights at every so many steps: no call of the runtime may make steps across one of those. */
  readonly grain?: number;
  /** Files with a train state to go on from, the first good one of them; the run begins if none is there. */
  readonly resumption?: Resumption;
  /** What is measured in each training step, for the logs. */
  readonly probes?: ReadonlyArray<Probe>;
  /** Layers and groups that callbacks will name: one that the model does not have is an error before the first step. */
  readonly paths?: ReadonlyArray<string>;
}
