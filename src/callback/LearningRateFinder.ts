/**
 * The range test for a learning rate: a short training whose rate grows from step to step, until the loss runs away. Smith 2015,
 * https://arxiv.org/abs/1506.01186; smoothing, stopping rule and defaults are those of fast.ai's `lr_find`.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as t from 'io-ts';
import type { Event } from '../training/Event.ts';
import { type Callback, fromMachine } from './Attach.ts';
import { type CallbackError, callbackError } from './CallbackError.ts';
import { type Answer, answer, fail, stay } from './Machine.ts';
import { type Suggestions, suggested } from './RangeTest.ts';
import { decodeWith, float, maybe } from './StateCodec.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface LearningRateFinderOptions {
  /** The first rate. Default 1e-7. */
  readonly from?: number;
  /** The last one, if the loss has not run away before. Default 10. */
  readonly to?: number;
  /** Steps, at most: fewer if the epochs of the run have fewer. Default 100. */
  readonly steps?: number;
  /** Ends the test when the smoothed loss is more than this many times its best. Default 4; Infinity never ends it. */
  readonly divergence?: number;
  /** How much of the smoothed loss is kept at each step. In [0, 1), default 0.98. */
  readonly smoothing?: number;
  /** Default `learningRateFinder`. */
  readonly key?: string;
}

/** What the test has found. */
export interface RangeTest {
  /** The rate of each step. */
  readonly rates: ReadonlyArray<number>;
  /** The loss of each step's batch. */
  readonly losses: ReadonlyArray<number>;
  /** The same, smoothed, without the smoothing's bias to its beginning. */
  readonly smoothed: ReadonlyArray<number>;
  /** Whether it ended because the loss ran away. */
  readonly diverged: boolean;
  /** Rates to take; each is `undefined` where the curve does not have what it looks for. */
  readonly suggestions: Suggestions;
}

export interface FinderState {
  readonly steps: number;
  readonly initialRate: number;
  /** Sums over the samples of the epoch so far, from which the last batch's loss follows. */
  readonly samples: number;
  readonly total: number;
  readonly average: number;
  readonly best: number | undefined;
  readonly diverged: boolean;
  readonly rates: ReadonlyArray<number>;
  readonly losses: ReadonlyArray<number>;
  readonly smoothed: ReadonlyArray<number>;
}

const codec: t.Type<FinderState, unknown> = t.type({
  steps: t.number,
  initialRate: float,
  samples: t.number,
  total: float,
  average: float,
  best: maybe(float),
  diverged: t.boolean,
  rates: t.readonlyArray(float),
  losses: t.readonlyArray(float),
  smoothed: t.readonlyArray(float),
});

const initial: FinderState = {
  steps: 0,
  initialRate: 0,
  samples: 0,
  total: 0,
  average: 0,
  best: undefined,
  diverged: false,
  rates: [],
  losses: [],
  smoothed: [],
};

const defaultKey = 'learningRateFinder';

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

const checked = (o: Required<Omit<LearningRateFinderOptions, 'key'>>): string | undefined =>
  !(o.from > 0 && o.to > o.from && Number.isFinite(o.to))
    ? `rates must grow from above 0, but go from ${o.from} to ${o.to}`
    : !(Number.isInteger(o.steps) && o.steps > 1)
      ? `steps must be an integer from 2 on, but is ${o.steps}`
      : !(o.divergence > 1)
        ? `divergence must be above 1, but is ${o.divergence}`
        : !(o.smoothing >= 0 && o.smoothing < 1)
          ? `smoothing must be in [0, 1), but is ${o.smoothing}`
          : undefined;

/**
 * Makes the run a range test. The rate of step i of n is `from * (to / from) ** (i / (n - 1))`; the test ends after `steps`, at
 * the end of the run's epochs, or when the loss is no number or more than `divergence` times its best. Then weights and
 * rate are again what they were; `foundLearningRate` reads what was found from the result.
 *
 * - Every step is a call of the runtime of its own, so a test is slower than training.
 * - It is meant for a run of its own, and for an optimizer without a schedule.
 *
 * Errors: `InvalidOption` before the first step.
 *
 * fast.ai: `Learner.lr_find`. Lightning: `LearningRateFinder`.
 *
 * @example
 * pipe(
 *   T.fit(objective, { data, epochs: 10, verbose: 0 }),
 *   C.learningRateFinder({ steps: 100 }),
 *   T.run,
 *   RTE.chainEitherKW(C.foundLearningRate()),
 *   RTE.map(({ suggestions }) => suggestions.valley),
 * )
 */
export const learningRateFinder = (options: LearningRateFinderOptions = {}): Callback<unknown> => {
  const { from = 1e-7, to = 10, steps = 100, divergence = 4, smoothing = 0.98, key = defaultKey } = options;
  const wrong = checked({ from, to, steps, divergence, smoothing });
  type State = FinderState;
  const rateOf = (state: State): number => from * (to / from) ** (state.losses.length / (state.steps - 1));

  const begun = (event: Extract<Event, { readonly _tag: 'RunStarted' }>): Answer<unknown, State> => {
    const available = (event.epochs - event.initialEpoch) * event.stepsPerEpoch;
    const n = Math.min(steps, available);
    return n < 2
      ? fail(
          callbackError(
            key,
            'InvalidOption',
            `the run has ${available} steps, expected 2 or more; give it more epochs`,
          ),
        )
      : answer({ ...initial, steps: n, initialRate: event.learningRate }, [
          { _tag: 'Remember', slot: key },
          { _tag: 'SetLearningRate', value: from },
        ]);
  };

  const stepped = (state: State, event: Extract<Event, { readonly _tag: 'StepEnded' }>): Answer<unknown, State> => {
    if (state.diverged || state.losses.length >= state.steps) return stay(state);
    const isFirst = event.samples <= state.samples;
    const total = (event.logs.loss ?? Number.NaN) * event.samples;
    const [totalBefore, samplesBefore] = isFirst ? [0, 0] : [state.total, state.samples];
    const loss = (total - totalBefore) / (event.samples - samplesBefore);
    const average = smoothing * state.average + (1 - smoothing) * loss;
    const smooth = average / (1 - smoothing ** (state.losses.length + 1));
    const best = state.best === undefined || smooth < state.best ? smooth : state.best;
    const diverged = !Number.isFinite(smooth) || smooth > divergence * best;
    const next: State = {
      ...state,
      samples: event.samples,
      total,
      average,
      best,
      diverged,
      rates: [...state.rates, rateOf(state)],
      losses: [...state.losses, loss],
      smoothed: [...state.smoothed, smooth],
    };
    return answer(
      next,
      diverged || next.losses.length >= state.steps
        ? [{ _tag: 'HaltRun', reason: `${key}: the range test has ended after ${next.losses.length} steps` }]
        : [{ _tag: 'SetLearningRate', value: rateOf(next) }],
    );
  };

  return fromMachine()<unknown, State>({
    key,
    codec,
    initial,
    grain: 1,
    step: (state, event) => {
      switch (event._tag) {
        case 'RunStarted':
          return wrong === undefined ? begun(event) : fail(callbackError(key, 'InvalidOption', wrong));
        case 'EpochStarted':
          return stay({ ...state, samples: 0, total: 0 });
        case 'StepEnded':
          return stepped(state, event);
        case 'RunEnded':
          return answer(state, [
            { _tag: 'SetLearningRate', value: state.initialRate },
            { _tag: 'Restore', slot: key },
          ]);
        default:
          return stay(state);
      }
    },
  });
};

// -------------------------------------------------------------------------------------
// destructors
// -------------------------------------------------------------------------------------

/** What a run with a `learningRateFinder` results in, as far as it matters here. */
interface Ran {
  readonly state: { readonly callbacks: Readonly<Record<string, unknown>> } | undefined;
}

/** What the test found, from the result of its run; a `Failed` if that run had no finder of this key. */
export const foundLearningRate =
  (key: string = defaultKey) =>
  ({ state }: Ran): E.Either<CallbackError, RangeTest> =>
    pipe(
      decodeWith(codec)(state?.callbacks[key]),
      E.bimap(
        () =>
          callbackError(
            key,
            'Failed',
            `this result is not of a run with a learningRateFinder of this key; there are ` +
              `${Object.keys(state?.callbacks ?? {}).join(', ') || 'no callbacks'}`,
          ),
        ({ rates, losses, smoothed, diverged }) => ({
          rates,
          losses,
          smoothed,
          diverged,
          suggestions: suggested(rates, smoothed),
        }),
      ),
    );
