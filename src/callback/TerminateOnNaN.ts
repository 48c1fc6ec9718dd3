/**
 * Stops a run whose loss is no longer a number. Keras: `TerminateOnNaN`.
 */
import { pipe } from 'fp-ts/lib/function.js';
import type { HasTerminal } from '../training/Environment.ts';
import { type Callback, fromMachine } from './Attach.ts';
import { callbackError } from './CallbackError.ts';
import { answer, fail, saying, stay } from './Machine.ts';
import { transient } from './StateCodec.ts';

export interface TerminateOnNaNOptions {
  /** An error in place of an orderly end: nothing more happens in the run then. Default false. */
  readonly raiseError?: boolean;
  /** Default `terminateOnNaN`. */
  readonly key?: string;
}

/**
 * Halts the run, with a message, after a step at whose end the loss is NaN or infinite. The loss tested is the mean so far
 * of the epoch, so that it cannot recover within it. Steps without a loss are passed over.
 *
 * Errors: `Failed` with `raiseError`.
 *
 * Keras: `TerminateOnNaN`.
 */
export const terminateOnNaN = (options: TerminateOnNaNOptions = {}): Callback<HasTerminal> => {
  const { raiseError = false, key = 'terminateOnNaN' } = options;
  return fromMachine()<HasTerminal, null>({
    key,
    codec: transient(null),
    initial: null,
    step: (state, event) => {
      if (event._tag !== 'StepEnded') return stay(state);
      const loss = event.logs.loss;
      if (loss === undefined || Number.isFinite(loss)) return stay(state);
      if (raiseError)
        return fail(
          callbackError(
            key,
            'Failed',
            `the loss is ${loss} after step ${event.step + 1} of epoch ${event.epoch + 1}; a lower learning rate, ` +
              'gradient clipping, or a look for NaN in the data may help',
          ),
        );
      return pipe(
        answer(state, [
          {
            _tag: 'HaltRun',
            reason: `${key}: the loss is ${loss} in step ${event.step + 1} of epoch ${event.epoch + 1}`,
          },
        ]),
        saying([`Batch ${event.step}: Invalid loss, terminating training`]),
      );
    },
  });
};
