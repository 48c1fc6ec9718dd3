/**
 * A learning rate for each epoch. Keras: `LearningRateScheduler`.
 */
import { pipe } from 'fp-ts/lib/function.js';
import type { HasTerminal } from '../training/Environment.ts';
import { type Callback, fromMachine } from './Attach.ts';
import { callbackError } from './CallbackError.ts';
import { answer, fail, saying, stay } from './Machine.ts';
import { repr } from './PythonNumber.ts';
import { transient } from './StateCodec.ts';

export interface LearningRateSchedulerOptions {
  /** 1: says the rate of each epoch. Default 0. */
  readonly verbose?: 0 | 1;
  /** Default `learningRateScheduler`. */
  readonly key?: string;
}

/**
 * Sets the learning rate at the start of each epoch to `schedule(epoch, rate)`: the epoch counted from 0, and the rate at
 * hand. Logs the rate that each epoch used as `learning_rate`. For a rate that changes with each step, give the optimizer a
 * schedule instead.
 *
 * Errors: `Failed` when the schedule gives NaN or an infinity, or throws.
 *
 * Keras: `LearningRateScheduler`. PyTorch: `torch.optim.lr_scheduler.LambdaLR`.
 *
 * @example
 * pipe(run, C.learningRateScheduler((epoch, rate) => (epoch < 10 ? rate : rate * Math.exp(-0.1))))
 */
export const learningRateScheduler = (
  schedule: (epoch: number, learningRate: number) => number,
  options: LearningRateSchedulerOptions = {},
): Callback<HasTerminal, never, 'learning_rate'> => {
  const { verbose = 0, key = 'learningRateScheduler' } = options;
  return fromMachine()<HasTerminal, null, 'learning_rate'>({
    key,
    codec: transient(null),
    initial: null,
    // A rate is neither better lower nor better higher; a direction makes the key known to callbacks after this one.
    logs: { learning_rate: 'min' },
    step: (state, event) => {
      switch (event._tag) {
        case 'EpochStarted': {
          const rate = schedule(event.epoch, Math.fround(event.learningRate));
          if (!Number.isFinite(rate))
            return fail(
              callbackError(
                key,
                'Failed',
                `the schedule gave ${rate} for epoch ${event.epoch}; it must give a finite number`,
              ),
            );
          return pipe(
            answer(state, [{ _tag: 'SetLearningRate', value: Math.fround(rate) }]),
            saying(
              verbose > 0
                ? [`\nEpoch ${event.epoch + 1}: LearningRateScheduler setting learning rate to ${repr(rate)}.`]
                : [],
            ),
          );
        }
        case 'EpochEnded':
          return answer(state, [{ _tag: 'Log', logs: { learning_rate: Math.fround(event.learningRate) } }]);
        default:
          return stay(state);
      }
    },
  });
};
