/**
 * Lowers the learning rate when a monitored metric has stopped getting better. Keras: `ReduceLROnPlateau`, with its
 * semantics; learning rates are float32, as there.
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
import { repr } from './PythonNumber.ts';
import { float, maybe } from './StateCodec.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface ReduceLROnPlateauOptions<M extends string = string> {
  /** A log key. Default `val_loss`. */
  readonly monitor?: M;
  /** The new rate is the old one times this: below 1. Default 0.1. */
  readonly factor?: number;
  /** Epochs without improvement after which the rate is lowered. Default 10; 0 acts as 1. */
  readonly patience?: number;
  /** 1: says so when it lowers the rate. Default 0. */
  readonly verbose?: 0 | 1;
  /** Default `'auto'`: the direction of the metric. */
  readonly mode?: Monitor.Mode;
  /** Less than this is no improvement; its absolute value counts. Default 1e-4. */
  readonly minDelta?: number;
  /** Epochs after a reduction in which waiting does not begin; the last one counts again. Default 0. */
  readonly cooldown?: number;
  /** The rate is never lowered below this. Default 0. */
  readonly minLr?: number;
  /** Default `reduceLROnPlateau(MONITOR)`. */
  readonly key?: string;
}

export interface ReduceLROnPlateauState {
  readonly direction: Direction | undefined;
  readonly wait: number;
  readonly cooldownCounter: number;
  readonly best: number | undefined;
}

const codec: t.Type<ReduceLROnPlateauState, unknown> = t.type({
  direction: maybe(t.union([t.literal('min'), t.literal('max')])),
  wait: t.number,
  cooldownCounter: t.number,
  best: maybe(float),
});

const initial: ReduceLROnPlateauState = { direction: undefined, wait: 0, cooldownCounter: 0, best: undefined };

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * Multiplies the learning rate by `factor` when `monitor` did not improve in `patience` epochs, and logs the rate that each
 * epoch used as `learning_rate`.
 *
 * - The comparison is with the best value ever, not with the last epoch's.
 * - `cooldown` is counted down before it is tested, as in Keras: 1 adds no waiting, c leaves c - 1 epochs out.
 * - An epoch without the monitored key (validation every few epochs) does not count; a warning says so.
 * - Two of them in one run each start from the rate that the epoch used, not from what the other has just set.
 *
 * Errors, before the first step: `InvalidOption` for a factor of 1 or more and other numbers that cannot be, `UnknownMonitor` when
 * the run does not log `monitor`.
 *
 * Keras: `ReduceLROnPlateau`. PyTorch: `torch.optim.lr_scheduler.ReduceLROnPlateau`.
 *
 * @example
 * pipe(run, C.reduceLROnPlateau({ monitor: 'val_loss', factor: 0.1, patience: 3, minDelta: 1e-4, verbose: 1 }))
 */
export const reduceLROnPlateau = <const M extends string = 'val_loss'>(
  options: ReduceLROnPlateauOptions<M> = {},
): Callback<HasTerminal, M, 'learning_rate'> => {
  const monitor: string = options.monitor ?? 'val_loss';
  const { factor = 0.1, patience = 10, verbose = 0, mode = 'auto', minDelta = 1e-4, cooldown = 0, minLr = 0 } = options;
  const { key = `reduceLROnPlateau(${monitor})` } = options;
  type State = ReduceLROnPlateauState;

  const wrong = Options.first(
    factor >= 1
      ? `factor is ${factor}, but must be below 1 to lower the learning rate`
      : Options.finite('factor', factor, 0),
    Options.wholeOrNever('patience', patience),
    Options.whole('cooldown', cooldown),
    Options.finite('minDelta', minDelta),
    Options.finite('minLr', minLr, 0),
  );

  const epochEnded = (
    state: State,
    { epoch, logs, learningRate }: { readonly epoch: number; readonly logs: Logs; readonly learningRate: number },
    direction: Direction,
  ): Answer<HasTerminal, State> => {
    const rate = Math.fround(learningRate);
    const log: Directive = { _tag: 'Log', logs: { learning_rate: rate } };
    const value = logs[monitor];
    if (value === undefined)
      return pipe(
        answer(state, [log]),
        saying([
          `Warning: learning rate reduction is conditioned on '${monitor}', which epoch ${epoch + 1} did not log; ` +
            `there are ${Object.keys(logs).join(', ')}`,
        ]),
      );
    const cooled: State =
      state.cooldownCounter > 0 ? { ...state, cooldownCounter: state.cooldownCounter - 1, wait: 0 } : state;
    if (Monitor.improves(direction, minDelta)(value, state.best))
      return answer({ ...cooled, best: value, wait: 0 }, [log]);
    if (cooled.cooldownCounter > 0) return answer(cooled, [log]);
    const wait = cooled.wait + 1;
    if (wait < patience || rate <= Math.fround(minLr)) return answer({ ...cooled, wait }, [log]);
    const lowered = Math.max(rate * factor, minLr);
    return pipe(
      answer<State>({ ...cooled, wait: 0, cooldownCounter: cooldown }, [
        log,
        { _tag: 'SetLearningRate', value: Math.fround(lowered) },
      ]),
      saying(
        verbose > 0 ? [`\nEpoch ${epoch + 1}: ReduceLROnPlateau reducing learning rate to ${repr(lowered)}.`] : [],
      ),
    );
  };

  return fromMachine<M>()<HasTerminal, State, 'learning_rate'>({
    key,
    codec,
    initial,
    // A rate is neither better lower nor better higher; a direction makes the key known to callbacks after this one.
    logs: { learning_rate: 'min' },
    step: (state, event) => {
      switch (event._tag) {
        case 'RunStarted':
          return wrong !== undefined
            ? fail(callbackError(key, 'InvalidOption', wrong))
            : pipe(
                Monitor.resolve(key, { monitor, mode }, event.directions),
                E.match(fail<State, HasTerminal>, (direction) => stay({ ...state, direction })),
              );
        case 'EpochEnded':
          return pipe(
            Monitor.known(key, state.direction),
            E.match(fail<State, HasTerminal>, (direction) => epochEnded(state, event, direction)),
          );
        default:
          return stay(state);
      }
    },
  });
};
