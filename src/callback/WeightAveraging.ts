/**
 * Averages of weights as the weights of a model: stochastic weight averaging, and the optimizer's moving averages for
 * evaluation.
 */
import * as t from 'io-ts';
import { type Callback, fromMachine } from './Attach.ts';
import { callbackError } from './CallbackError.ts';
import { type Answer, answer, fail, stay } from './Machine.ts';
import { transient } from './StateCodec.ts';

// -------------------------------------------------------------------------------------
// stochastic weight averaging
// -------------------------------------------------------------------------------------

export interface WeightAveragingOptions {
  /** Epochs before this one (counted from 0) are not in the mean. Default 0. */
  readonly startEpoch?: number;
  /** Updates before this one are not in the mean, where `every` counts in steps. Default 0. */
  readonly startStep?: number;
  /** `'epoch'`: the weights at each epoch's end; or a number of steps, counted over the whole training. Default `'epoch'`. */
  readonly every?: 'epoch' | number;
  /** Default `stochasticWeightAveraging`. */
  readonly key?: string;
}

export interface WeightAveragingState {
  /** Weights in the mean. */
  readonly count: number;
}

const codec: t.Type<WeightAveragingState, unknown> = t.type({ count: t.number });

/**
 * Keeps the mean of the weights at the end of each epoch from `startEpoch` on, or at every so many steps; the run ends with the
 * mean as the model's weights. It is part of train states, so a resumed run has the same mean. Training itself knows nothing of it:
 * validation is of the weights as they are. If nothing was averaged (the run was shorter), the weights stay.
 *
 * Running statistics (batch normalisation) are averaged as well, PyTorch's `use_buffers=True`. They are those of the weights that
 * went into the mean, not of the mean; to have its own, give the mean one more epoch at a learning rate of 0, which is what
 * PyTorch's `update_bn` is for:
 * `T.fit(objective, { data, weights: trained.weights })` with `C.learningRateScheduler(() => 0)`.
 *
 * Errors: `InvalidOption` before the first step for numbers that cannot be.
 *
 * PyTorch: `swa_utils.AveragedModel`; with `learningRateScheduler` for `SWALR`. Lightning: `StochasticWeightAveraging`.
 * Izmailov et al. 2018, https://arxiv.org/abs/1803.05407
 *
 * @example
 * pipe(T.fit(objective, { data, epochs: 40 }), C.stochasticWeightAveraging({ startEpoch: 30 }), T.run)
 */
export const stochasticWeightAveraging = (options: WeightAveragingOptions = {}): Callback<unknown> => {
  const { startEpoch = 0, startStep = 0, every = 'epoch', key = 'stochasticWeightAveraging' } = options;
  type State = WeightAveragingState;
  const isCount = (n: number, least: number): boolean => Number.isInteger(n) && n >= least;
  const wrong =
    every !== 'epoch' && !isCount(every, 1)
      ? `every must be 'epoch' or a number of steps, an integer from 1 on, but is ${String(every)}`
      : !isCount(startEpoch, 0) || !isCount(startStep, 0)
        ? `startEpoch and startStep must be integers from 0 on, but are ${startEpoch} and ${startStep}`
        : undefined;
  const oneMore = ({ count }: State): Answer<unknown, State> =>
    answer({ count: count + 1 }, [{ _tag: 'Average', slot: key, count }]);

  return fromMachine()<unknown, State>({
    key,
    codec,
    initial: { count: 0 },
    ...(wrong === undefined && every !== 'epoch' ? { grain: every } : {}),
    step: (state, event) => {
      switch (event._tag) {
        case 'RunStarted':
          return wrong === undefined ? stay(state) : fail(callbackError(key, 'InvalidOption', wrong));
        case 'StepEnded':
          return every !== 'epoch' &&
            event.epoch >= startEpoch &&
            event.globalStep > startStep &&
            event.globalStep % every === 0
            ? oneMore(state)
            : stay(state);
        case 'EpochEnded':
          return every === 'epoch' && event.epoch >= startEpoch ? oneMore(state) : stay(state);
        case 'RunEnded':
          return answer(state, state.count > 0 ? [{ _tag: 'Restore', slot: key }] : []);
        default:
          return stay(state);
      }
    },
  });
};

// -------------------------------------------------------------------------------------
// the optimizer's averages
// -------------------------------------------------------------------------------------

export interface SwapEmaWeightsOptions {
  /** Keeps the averages in the model from the end of an epoch to the beginning of the next. Default false. */
  readonly swapOnEpoch?: boolean;
  /** Default `swapEmaWeights`. */
  readonly key?: string;
}

/**
 * Validates with the moving averages that the optimizer keeps (`useEma: true`), while training goes on with the weights
 * themselves. With `swapOnEpoch` the averages are in the model also at the end of each epoch, so that files of weights
 * (`modelCheckpoint` with `saveWeightsOnly`) have them, wherever in the pipe it stands. Train states always have the weights
 * themselves, and the averages besides: a resumed run goes on as if nothing had been swapped.
 *
 * A run with such an optimizer results in the averages in any case.
 *
 * Errors: `Failed` at the first validation when the optimizer keeps no averages.
 *
 * Keras: `SwapEMAWeights`.
 *
 * @example
 * pipe(
 *   T.fit(objective, { data, validation, epochs: 10 }), // an objective with Optimizer.adam({ useEma: true })
 *   C.swapEmaWeights({ swapOnEpoch: true }),
 *   C.modelCheckpoint('best.safetensors', { saveBestOnly: true, saveWeightsOnly: true }),
 *   T.run,
 * )
 */
export const swapEmaWeights = (options: SwapEmaWeightsOptions = {}): Callback<unknown> => {
  const { swapOnEpoch = false, key = 'swapEmaWeights' } = options;
  const use = (on: boolean): Answer<unknown, null> => answer(null, [{ _tag: 'UseAverages', on }]);
  return fromMachine()<unknown, null>({
    key,
    codec: transient(null),
    initial: null,
    step: (state, event) => {
      switch (event._tag) {
        case 'ValidationStarted':
          return use(true);
        case 'ValidationEnded':
          return use(false);
        case 'EpochEnded':
          return swapOnEpoch ? use(true) : stay(state);
        case 'EpochStarted':
        case 'RunEnded':
          return use(false);
        default:
          return stay(state);
      }
    },
  });
};
