/**
 * Callbacks of your own: a machine with a state, or a function from events to directives (Keras's `LambdaCallback`).
 */
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import type { Direction, Directive, Event } from '../training/Event.ts';
import { type Callback, fromMachine } from './Attach.ts';
import type { CallbackError } from './CallbackError.ts';
import { type Machine, stay } from './Machine.ts';
import { transient } from './StateCodec.ts';

/**
 * A callback with a state.
 *
 * - `key` names the state in a checkpoint and must be unique in the run.
 * - `codec` (io-ts) writes the state as JSON: use `C.float` for numbers that may be NaN or infinite, and
 *   `C.transient(initial)` for a state that no checkpoint should keep.
 * - `step` gives the next state, and directives, for each event. A state that did not change is given back as it is.
 * - `logs` are the keys that the callback adds to the logs by `Log` directives, with their directions: callbacks after
 *   it may monitor them.
 * - `monitors` are the keys it looks up in the logs: a run without them does not compile.
 *
 * @example
 * // halts when an epoch takes longer than a budget
 * const budget = (ms: number) =>
 *   C.custom({
 *     key: 'budget',
 *     codec: C.float,
 *     initial: 0,
 *     step: (started, e) =>
 *       e._tag === 'EpochStarted' ? RTE.right([e.time, []])
 *       : e._tag === 'EpochEnded' && e.time - started > ms ? RTE.right([started, [{ _tag: 'HaltRun', reason: 'too slow' }]])
 *       : RTE.right([started, []]),
 *   });
 */
export const custom = <R, S, const Logged extends string = never, const Monitors extends string = never>(
  machine: Omit<Machine<R, S>, 'logs'> & {
    readonly logs?: Readonly<Record<Logged, Direction>>;
    readonly monitors?: ReadonlyArray<Monitors>;
  },
): Callback<R, Monitors, Logged> => fromMachine<Monitors>()<R, S, Logged>(machine);

export interface OnEventOptions {
  /** Two handlers in one run need different keys. */
  readonly key?: string;
}

/**
 * A callback without a state: an effect, and directives, for each event. Keras's `LambdaCallback`.
 *
 * @example
 * C.onEvent((e) => (e._tag === 'EpochEnded' && e.epoch === 4 ? RTE.right([{ _tag: 'SetLearningRate', value: 1e-4 }]) : RTE.right([])))
 */
export const onEvent = <R>(
  handler: (event: Event) => RTE.ReaderTaskEither<R, CallbackError, ReadonlyArray<Directive>>,
  options: OnEventOptions = {},
): Callback<R> =>
  fromMachine()<R, null>({
    key: options.key ?? 'onEvent',
    codec: transient(null),
    initial: null,
    step: (state, event) =>
      pipe(
        handler(event),
        RTE.map((directives) => [state, directives]),
      ),
  });

/**
 * `onEvent` for the events of one kind.
 *
 * @example
 * C.on('CheckpointSaved', ({ path }) => (r: HasUpload) => pipe(r.upload(path), TE.map(() => [])))
 */
export const on = <Tag extends Event['_tag'], R>(
  tag: Tag,
  handler: (
    event: Extract<Event, { readonly _tag: Tag }>,
  ) => RTE.ReaderTaskEither<R, CallbackError, ReadonlyArray<Directive>>,
  options: OnEventOptions = {},
): Callback<R> => {
  const isOne = (event: Event): event is Extract<Event, { readonly _tag: Tag }> => event._tag === tag;
  return fromMachine()<R, null>({
    key: options.key ?? `on(${tag})`,
    codec: transient(null),
    initial: null,
    step: (state, event) =>
      isOne(event)
        ? pipe(
            handler(event),
            RTE.map((directives) => [state, directives]),
          )
        : stay(state),
  });
};
