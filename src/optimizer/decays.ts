/**
 * Schedules that decay, rise and follow one another. Those that Keras has are Keras's, numbers and boundaries included.
 */
import { pipe } from 'fp-ts/lib/function.js';
import { finite, positive, unmet } from '../shape/Requirement.ts';
import type { Schedule } from './Expression.ts';
import * as S from './Expression.ts';

// -------------------------------------------------------------------------------------
// checks
// -------------------------------------------------------------------------------------

const strictlyAscending = (xs: readonly number[]) => xs.every((x, i) => i === 0 || x > (xs[i - 1] as number));

// -------------------------------------------------------------------------------------
// decays
// -------------------------------------------------------------------------------------

export interface DecayOptions {
  readonly initialLearningRate: number;
  /** Steps in which the rate is multiplied (or, for inverse time, its divisor grows) once. */
  readonly decaySteps: number;
  readonly decayRate: number;
  /** Once every `decaySteps` steps in place of a little in each. Default false. */
  readonly staircase?: boolean;
}

const elapsed = ({ decaySteps, staircase = false }: DecayOptions): Schedule => {
  const share = S.div(S.step, decaySteps);
  return staircase ? S.floor(share) : share;
};

const decayProblems = (name: string, { initialLearningRate, decaySteps, decayRate }: DecayOptions) =>
  unmet(name, [
    finite('initialLearningRate', initialLearningRate),
    positive('decaySteps', decaySteps),
    finite('decayRate', decayRate),
  ]);

/**
 * `initialLearningRate * decayRate ^ (step / decaySteps)`.
 * Keras: ExponentialDecay. PyTorch: ExponentialLR; with `staircase` StepLR.
 */
export const exponentialDecay = (options: DecayOptions): Schedule =>
  pipe(
    S.mul(options.initialLearningRate, S.pow(options.decayRate, elapsed(options))),
    S.withProblems(decayProblems('exponentialDecay', options)),
  );

/** `initialLearningRate / (1 + decayRate * step / decaySteps)`. Keras: InverseTimeDecay. */
export const inverseTimeDecay = (options: DecayOptions): Schedule =>
  pipe(
    S.div(options.initialLearningRate, S.add(1, S.mul(options.decayRate, elapsed(options)))),
    S.withProblems(decayProblems('inverseTimeDecay', options)),
  );

export interface PolynomialDecayOptions {
  readonly initialLearningRate: number;
  readonly decaySteps: number;
  /** Default 0.0001. */
  readonly endLearningRate?: number;
  /** Default 1: a straight line. */
  readonly power?: number;
  /** Past the end begin again over twice, three times, ... as many steps, in place of staying there. Default false. */
  readonly cycle?: boolean;
}

/**
 * From `initialLearningRate` to `endLearningRate` in `decaySteps` steps, along `(1 - step / decaySteps) ^ power`.
 * Keras: PolynomialDecay. PyTorch: PolynomialLR.
 */
export const polynomialDecay = (options: PolynomialDecayOptions): Schedule => {
  const { initialLearningRate, decaySteps, endLearningRate = 0.0001, power = 1, cycle = false } = options;
  const ceiling = (x: Schedule) => S.mul(-1, S.floor(S.mul(-1, x)));
  const length = cycle ? S.mul(decaySteps, S.max(1, ceiling(S.div(S.step, decaySteps)))) : S.constant(decaySteps);
  const share = S.div(S.min(S.step, length), length);
  return pipe(
    S.add(S.mul(initialLearningRate - endLearningRate, S.pow(S.sub(1, share), power)), endLearningRate),
    S.withProblems(
      unmet('polynomialDecay', [
        finite('initialLearningRate', initialLearningRate),
        positive('decaySteps', decaySteps),
        finite('endLearningRate', endLearningRate),
        positive('power', power),
      ]),
    ),
  );
};

/**
 * `values[0]` up to and with step `boundaries[0]`, then `values[1]` up to and with `boundaries[1]`, ...: one value more
 * than boundaries, which are whole numbers.
 * Keras: PiecewiseConstantDecay. PyTorch: MultiStepLR, whose milestones are one later.
 */
export const piecewiseConstant = (boundaries: readonly number[], values: readonly number[]): Schedule =>
  pipe(
    S.table(
      boundaries.map((b) => b + 1),
      values,
    ),
    S.withProblems([
      ...(values.length === boundaries.length + 1
        ? []
        : [
            `piecewiseConstant: values must be one more than boundaries, got ${values.length} values and ` +
              `${boundaries.length} boundaries`,
          ]),
      ...(boundaries.every(Number.isInteger) && strictlyAscending(boundaries)
        ? []
        : [`piecewiseConstant: boundaries must be ascending whole numbers, got ${boundaries.join(', ')}`]),
    ]),
  );

export interface LinearOptions {
  readonly from: number;
  readonly to: number;
  readonly steps: number;
}

/** From one rate to another in so many steps, then stays there. PyTorch: LinearLR. Optax: linear_schedule. */
export const linear = ({ from, to, steps }: LinearOptions): Schedule =>
  pipe(
    S.add(from, S.mul(to - from, S.div(S.min(S.step, steps), steps))),
    S.withProblems(unmet('linear', [finite('from', from), finite('to', to), positive('steps', steps)])),
  );

export interface NoamOptions {
  /** Width of the model's vectors. */
  readonly modelSize: number;
  readonly warmupSteps: number;
  /** Default 1. */
  readonly factor?: number;
}

/**
 * The Transformer's: `factor * modelSize ^ -0.5 * min(t ^ -0.5, t * warmupSteps ^ -1.5)`, with t counted from 1.
 * Vaswani et al. 2017, https://arxiv.org/abs/1706.03762
 */
export const noam = ({ modelSize, warmupSteps, factor = 1 }: NoamOptions): Schedule => {
  const t = S.add(S.step, 1);
  return pipe(
    S.mul(factor * modelSize ** -0.5, S.min(S.pow(t, -0.5), S.mul(t, warmupSteps ** -1.5))),
    S.withProblems(
      unmet('noam', [
        positive('modelSize', modelSize),
        positive('warmupSteps', warmupSteps),
        positive('factor', factor),
      ]),
    ),
  );
};

// -------------------------------------------------------------------------------------
// one after the other
// -------------------------------------------------------------------------------------

/**
 * One schedule after the other: the second takes over at step `boundaries[0]`, which is its own step 0, and so on.
 * Optax: join_schedules. PyTorch: SequentialLR.
 */
export const join = (
  schedules: readonly [Schedule, ...(readonly Schedule[])],
  boundaries: readonly number[],
): Schedule => {
  const [first, ...rest] = schedules;
  return pipe(
    rest.reduce<Schedule>((before, next, i) => {
      const start = boundaries[i] ?? 0;
      return S.choose(S.step, start, before, S.compose(next, S.sub(S.step, start)));
    }, first),
    S.withProblems([
      ...(boundaries.length === rest.length
        ? []
        : [
            `join: boundaries must be one fewer than schedules, got ${schedules.length} schedules and ` +
              `${boundaries.length} boundaries`,
          ]),
      ...(strictlyAscending(boundaries) ? [] : [`join: boundaries must be ascending, got ${boundaries.join(', ')}`]),
    ]),
  );
};

/** Stays at its beginning for so many steps, then runs. */
export const delay =
  (steps: number) =>
  (schedule: Schedule): Schedule =>
    S.compose(schedule, S.max(S.sub(S.step, steps), 0));

export interface WarmUpOptions {
  readonly steps: number;
  /** Where the rate begins. Default 0. */
  readonly from?: number;
}

/** In so many steps linearly up to the schedule's own beginning, then the schedule. */
export const warmUp =
  ({ steps, from = 0 }: WarmUpOptions) =>
  (schedule: Schedule): Schedule =>
    join([linear({ from, to: S.at(schedule)(0), steps }), schedule], [steps]);
