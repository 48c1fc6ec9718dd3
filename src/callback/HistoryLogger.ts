/**
 * Collects the logs of the epochs as a callback's state, for those who work on signals themselves: a run's result has
 * its history anyway.
 */
import { pipe } from 'fp-ts/lib/function.js';
import { type Callback, fromMachine } from './Attach.ts';
import * as History from './History.ts';
import { stay } from './Machine.ts';

export interface HistoryOptions {
  /** Two histories in one run need different keys. Default `history`. */
  readonly key?: string;
}

/**
 * The epochs' logs as they are at this place of the pipe: what later callbacks add is not in it, so attach it last.
 * Its state is a `History`. Keras: `History`.
 */
export const history = (options: HistoryOptions = {}): Callback<unknown> =>
  fromMachine()({
    key: options.key ?? 'history',
    codec: History.codec,
    initial: History.empty,
    step: (state, event) =>
      stay(event._tag === 'EpochEnded' ? pipe(state, History.append(event.epoch, event.logs)) : state),
  });
