/**
 * How long epochs take, and how many steps and samples a second there are.
 */
import type { Event } from '../training/Event.ts';
import { type Callback, fromMachine } from './Attach.ts';
import { answer, stay } from './Machine.ts';
import { transient } from './StateCodec.ts';

export interface TimingOptions {
  /** Default `timing`. */
  readonly key?: string;
}

/** Not kept in checkpoints: after a resume the clock starts anew. */
interface State {
  readonly started: number | undefined;
  readonly last: Extract<Event, { readonly _tag: 'StepEnded' }> | undefined;
  /** Samples and steps of this epoch that an earlier run has made. */
  readonly before: { readonly steps: number; readonly samples: number };
}

const initial: State = { started: undefined, last: undefined, before: { steps: 0, samples: 0 } };

/**
 * Adds to the logs of each epoch, and so to the history:
 *
 * - `epoch_seconds`: from the start of the epoch to its end, validation included;
 * - `steps_per_second` and `samples_per_second`: of training alone, up to the last step's end.
 *
 * Callbacks after it may monitor them. Since times differ from run to run, so do histories that have them.
 *
 * Keras: `write_steps_per_second` of `TensorBoard`. Lightning: `ThroughputMonitor`, `Timer`.
 *
 * @example
 * pipe(run, C.timing(), C.csvLogger('log.csv'))
 */
export const timing = (
  options: TimingOptions = {},
): Callback<unknown, never, 'epoch_seconds' | 'steps_per_second' | 'samples_per_second'> =>
  fromMachine()<unknown, State, 'epoch_seconds' | 'steps_per_second' | 'samples_per_second'>({
    key: options.key ?? 'timing',
    codec: transient(initial),
    initial,
    logs: { epoch_seconds: 'min', steps_per_second: 'max', samples_per_second: 'max' },
    step: (state, event) => {
      switch (event._tag) {
        case 'EpochStarted':
          return stay({ ...initial, started: event.time });
        case 'StepEnded': {
          // An epoch that is gone on with has had steps before its first one here.
          const isFirst = state.last === undefined;
          const before =
            isFirst && event.step > 0
              ? { steps: event.step, samples: (event.samples / (event.step + 1)) * event.step }
              : state.before;
          return stay({ ...state, last: event, before });
        }
        case 'EpochEnded': {
          const { started, last, before } = state;
          if (started === undefined) return stay(state);
          const seconds = (event.time - started) / 1000;
          const trained = last === undefined ? 0 : (last.time - started) / 1000;
          const rates =
            last === undefined || trained <= 0
              ? {}
              : {
                  steps_per_second: (last.step + 1 - before.steps) / trained,
                  samples_per_second: (last.samples - before.samples) / trained,
                };
          return answer(state, [{ _tag: 'Log', logs: { epoch_seconds: seconds, ...rates } }]);
        }
        default:
          return stay(state);
      }
    },
  });
