/**
 * Stops when a monitored metric has stopped getting better. Keras: `EarlyStopping`, with its semantics.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as t from 'io-ts';
import type { HasTerminal } from '../training/Environment.ts';
import type { Direction, Directive, Logs } from '../training/Event.ts';
import { type Callback, fromMachine } from './Attach.ts';
import { callbackError } from './CallbackError.ts';
import { type Answer, answer, fail, saying, stay } from './Machine.ts';
import * as Monitor from './Monitor.ts';
import * as Options from './Options.ts';
import { float, maybe } from './StateCodec.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface EarlyStoppingOptions<M extends string = string> {
  /** A log key. Default `val_loss`. */
  readonly monitor?: M;
  /** Less than this is no improvement; its absolute value counts. Default 0. */
  readonly minDelta?: number;
  /** Epochs in a row without improvement after which training stops. Default 0, which acts as 1. */
  readonly patience?: number;
  /** 1: says so when it stops and when it restores. Default 0. */
  readonly verbose?: 0 | 1;
  /** Default `'auto'`: the direction of the metric. */
  readonly mode?: Monitor.Mode;
  /** Only an improvement that is also better than this starts the patience anew. */
  readonly baseline?: number;
  /** Whether the run ends with the weights of the best epoch; also when it ends without an early stop. Default false. */
  readonly restoreBestWeights?: boolean;
  /** Epochs before this one (counted from 0) are not looked at. Default 0. */
  readonly startFromEpoch?: number;
  /** Default `earlyStopping(MONITOR)`. */
  readonly key?: string;
}

export interface EarlyStoppingState {
  readonly direction: Direction | undefined;
  readonly wait: number;
  /** 0: not stopped. The first epoch never stops a run. */
  readonly stoppedEpoch: number;
  readonly best: number | undefined;
  readonly bestEpoch: number;
  /** Whether weights are kept under the callback's key. */
  readonly remembered: boolean;
}

const codec: t.Type<EarlyStoppingState, unknown> = t.type({
  direction: maybe(t.union([t.literal('min'), t.literal('max')])),
  wait: t.number,
  stoppedEpoch: t.number,
  best: maybe(float),
  bestEpoch: t.number,
  remembered: t.boolean,
});

const initial: EarlyStoppingState = {
  direction: undefined,
  wait: 0,
  stoppedEpoch: 0,
  best: undefined,
  bestEpoch: 0,
  remembered: false,
};

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * Halts the run when `monitor` did not improve in `patience` epochs in a row. The very first epoch (0) never stops it.
 *
 * - With `restoreBestWeights`, the weights at the end of the best epoch come back when the run ends (the optimizer's state
 *   does not).
 * - An epoch without the monitored key (validation every few epochs) does not count; a warning says so.
 * - A NaN never improves. If the first value is NaN, nothing improves on it, as in Keras.
 *
 * Errors, before the first step: `InvalidOption` for numbers that cannot be, `UnknownMonitor` when the run does not log `monitor`.
 *
 * Keras: `EarlyStopping`. Lightning: `EarlyStopping`.
 *
 * @example
 * pipe(run, C.earlyStopping({ monitor: 'val_loss', patience: 5, restoreBestWeights: true }))
 */
export const earlyStopping = <const M extends string = 'val_loss'>(
  options: EarlyStoppingOptions<M> = {},
): Callback<HasTerminal, M> => {
  const monitor: string = options.monitor ?? 'val_loss';
  const { minDelta = 0, patience = 0, verbose = 0, mode = 'auto', baseline } = options;
  const { restoreBestWeights = false, startFromEpoch = 0, key = `earlyStopping(${monitor})` } = options;
  type State = EarlyStoppingState;

  const wrong = Options.first(
    Options.wholeOrNever('patience', patience),
    Options.whole('startFromEpoch', startFromEpoch),
    Options.finite('minDelta', minDelta),
    Options.ordered('baseline', baseline),
  );

  const epochEnded = (state: State, epoch: number, logs: Logs, direction: Direction): Answer<HasTerminal, State> => {
    const value = logs[monitor];
    if (value === undefined)
      return pipe(
        stay(state),
        saying([
          `Warning: early stopping is conditioned on '${monitor}', which epoch ${epoch + 1} did not log; ` +
            `there are ${Object.keys(logs).join(', ')}`,
        ]),
      );
    if (epoch < startFromEpoch) return stay(state);
    const improves = Monitor.improves(direction, minDelta);
    const remember: ReadonlyArray<Directive> = [{ _tag: 'Remember', slot: key }];
    const wait = state.wait + 1;
    if (improves(value, state.best)) {
      const beatsBaseline = baseline === undefined || improves(value, baseline);
      const next: State = {
        ...state,
        best: value,
        bestEpoch: epoch,
        remembered: restoreBestWeights,
        wait: beatsBaseline ? 0 : wait,
      };
      return answer(next, restoreBestWeights ? remember : []);
    }
    // Without a best, anything improves: so this is a state from a run that did not keep weights.
    const first = restoreBestWeights && !state.remembered;
    const waiting: State = first ? { ...state, wait, bestEpoch: epoch, remembered: true } : { ...state, wait };
    const kept = first ? remember : [];
    return wait >= patience && epoch > 0
      ? answer({ ...waiting, stoppedEpoch: epoch }, [
          ...kept,
          { _tag: 'HaltRun', reason: `${key}: '${monitor}' did not improve for ${wait} epochs` },
        ])
      : answer(waiting, kept);
  };

  const runEnded = (state: State): Answer<HasTerminal, State> => {
    const restores = restoreBestWeights && state.remembered;
    const lines = [
      ...(state.stoppedEpoch > 0 ? [`Epoch ${state.stoppedEpoch + 1}: early stopping`] : []),
      ...(restores ? [`Restoring model weights from the end of the best epoch: ${state.bestEpoch + 1}.`] : []),
    ];
    return pipe(answer(state, restores ? [{ _tag: 'Restore', slot: key }] : []), saying(verbose > 0 ? lines : []));
  };

  return fromMachine<M>()<HasTerminal, State>({
    key,
    codec,
    initial,
    step: (state, event) => {
      switch (event._tag) {
        case 'RunStarted':
          return wrong === undefined
            ? pipe(
                Monitor.resolve(key, { monitor, mode }, event.directions),
                E.match(fail<State, HasTerminal>, (direction) => stay({ ...state, direction, stoppedEpoch: 0 })),
              )
            : fail(callbackError(key, 'InvalidOption', wrong));
        case 'EpochEnded':
          return pipe(
            Monitor.known(key, state.direction),
            E.match(fail<State, HasTerminal>, (direction) => epochEnded(state, event.epoch, event.logs, direction)),
          );
        case 'RunEnded':
          return runEnded(state);
        default:
          return stay(state);
      }
    },
  });
};
