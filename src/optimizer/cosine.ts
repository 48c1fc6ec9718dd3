/**
 * Schedules along a cosine.
 */
import { pipe } from 'fp-ts/lib/function.js';
import {
  finite,
  from0to1,
  notNegative,
  number,
  oneOf,
  positive,
  positiveInteger,
  unmet,
} from '../shape/Requirement.ts';
import { join, linear } from './decays.ts';
import type { Schedule } from './Expression.ts';
import * as S from './Expression.ts';

/** Half a cosine: 1 at 0, 0 at 1. */
const halfCosine = (share: Schedule): Schedule => S.mul(0.5, S.add(1, S.cos(S.mul(Math.PI, share))));

/** Stays in [0, 1]. */
const share = (steps: number): Schedule => S.div(S.min(S.step, steps), steps);

export interface CosineDecayOptions {
  /** Where it begins: the warm-up, if there is one, else the decay. */
  readonly initialLearningRate: number;
  /** Length of the decay, the warm-up not counted. */
  readonly decaySteps: number;
  /** Where it ends, as a share of where the decay begins. Default 0. */
  readonly alpha?: number;
  /** Rate at the end of the warm-up. Default: no warm-up. */
  readonly warmupTarget?: number;
  /** Of no effect without `warmupTarget`. Default 0. */
  readonly warmupSteps?: number;
}

/**
 * Half a cosine down to `alpha` of its beginning, then stays; before it, if asked for, a linear warm-up.
 * Keras: CosineDecay. PyTorch: CosineAnnealingLR. Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983
 */
export const cosineDecay = (options: CosineDecayOptions): Schedule => {
  const { initialLearningRate, decaySteps, alpha = 0, warmupTarget, warmupSteps = 0 } = options;
  const decay = S.mul(
    warmupTarget ?? initialLearningRate,
    S.add(S.mul(1 - alpha, halfCosine(share(decaySteps))), alpha),
  );
  return pipe(
    warmupTarget === undefined || warmupSteps === 0
      ? decay
      : join([linear({ from: initialLearningRate, to: warmupTarget, steps: warmupSteps }), decay], [warmupSteps]),
    S.withProblems(
      unmet('cosineDecay', [
        finite('initialLearningRate', initialLearningRate),
        positive('decaySteps', decaySteps),
        finite('alpha', alpha),
        finite('warmupTarget', warmupTarget ?? 0),
        notNegative('warmupSteps', warmupSteps),
      ]),
    ),
  );
};

export interface CosineDecayRestartsOptions {
  readonly initialLearningRate: number;
  /** Length of the first period. */
  readonly firstDecaySteps: number;
  /** Each period is so many times as long as the one before: 1, or at least 1.01. Default 2. */
  readonly tMul?: number;
  /** Each period begins at so many times the rate of the one before. Default 1. */
  readonly mMul?: number;
  /** Where each period ends, as a share of `initialLearningRate`. Default 0. */
  readonly alpha?: number;
}

const longer = number((x) => x === 1 || (x >= 1.01 && Number.isFinite(x)), '1, or a finite number of 1.01 or more');

/** Beyond it float32 does not count steps. */
const horizon = 2 ** 24;

interface Periods {
  /** Since the period's beginning, as a share of its length. */
  readonly share: Schedule;
  readonly amplitude: Schedule;
}

const equalPeriods = (length: number, mMul: number): Periods => {
  const periods = S.div(S.step, length);
  const number = S.floor(periods);
  return { share: S.sub(periods, number), amplitude: S.pow(mMul, number) };
};

/** As tables: a logarithm in float32 would now and then miss the step of a restart. */
const growingPeriods = (first: number, tMul: number, mMul: number): Periods => {
  const lengths: number[] = [first];
  const starts: number[] = [0];
  for (let next = first; next < horizon; next += lengths[lengths.length - 1] as number) {
    starts.push(next);
    lengths.push((lengths[lengths.length - 1] as number) * tMul);
  }
  const later = starts.slice(1);
  return {
    share: S.div(S.sub(S.step, S.table(later, starts)), S.table(later, lengths)),
    amplitude: S.table(
      later,
      starts.map((_, i) => mMul ** i),
    ),
  };
};

/**
 * Half cosines, one after the other, each starting anew: stochastic gradient descent with warm restarts.
 * Keras: CosineDecayRestarts. PyTorch: CosineAnnealingWarmRestarts. Loshchilov and Hutter 2017,
 * https://arxiv.org/abs/1608.03983
 */
export const cosineDecayRestarts = (options: CosineDecayRestartsOptions): Schedule => {
  const { initialLearningRate, firstDecaySteps, tMul = 2, mMul = 1, alpha = 0 } = options;
  const problems = unmet('cosineDecayRestarts', [
    finite('initialLearningRate', initialLearningRate),
    positive('firstDecaySteps', firstDecaySteps),
    longer('tMul', tMul),
    finite('mMul', mMul),
    finite('alpha', alpha),
  ]);
  // With wrong options the tables would have no end.
  if (problems.length > 0) return pipe(S.constant(initialLearningRate), S.withProblems(problems));
  const periods = tMul === 1 ? equalPeriods(firstDecaySteps, mMul) : growingPeriods(firstDecaySteps, tMul, mMul);
  const height = S.mul(1 - alpha, S.mul(periods.amplitude, halfCosine(periods.share)));
  return S.mul(initialLearningRate, S.add(height, alpha));
};

export interface OneCycleOptions {
  readonly maxLearningRate: number;
  readonly totalSteps: number;
  /** Share of the steps in which the rate rises. Default 0.3. */
  readonly pctStart?: number;
  /** It begins at `maxLearningRate / divFactor`. Default 25. */
  readonly divFactor?: number;
  /** It ends at the beginning's rate `/ finalDivFactor`. Default 10,000. */
  readonly finalDivFactor?: number;
  /** Default 'cos'. */
  readonly annealStrategy?: 'cos' | 'linear';
  /** Down to the beginning's rate in as many steps as up, and to the end in the rest. Default false. */
  readonly threePhase?: boolean;
}

/**
 * Up to a high rate and down to a very low one, in one cycle; stays there after `totalSteps`.
 * PyTorch: OneCycleLR (its momentum does not cycle here). Smith and Topin 2018, https://arxiv.org/abs/1708.07120
 */
export const oneCycle = (options: OneCycleOptions): Schedule => {
  const { maxLearningRate, totalSteps, pctStart = 0.3, divFactor = 25, finalDivFactor = 1e4 } = options;
  const { annealStrategy = 'cos', threePhase = false } = options;
  const low = maxLearningRate / divFactor;
  const end = low / finalDivFactor;
  const between = (from: number, to: number, steps: number): Schedule =>
    annealStrategy === 'linear' ? linear({ from, to, steps }) : S.add(to, S.mul(from - to, halfCosine(share(steps))));
  const top = pctStart * totalSteps - 1;
  const last = totalSteps - 1;
  const back = threePhase ? 2 * top : last;
  const problems = unmet('oneCycle', [
    positive('maxLearningRate', maxLearningRate),
    positiveInteger('totalSteps', totalSteps),
    from0to1('pctStart', pctStart),
    positive('divFactor', divFactor),
    positive('finalDivFactor', finalDivFactor),
    oneOf('cos', 'linear')('annealStrategy', annealStrategy),
  ]);
  const short =
    top > 0 && back > top && (!threePhase || last > back)
      ? []
      : [`oneCycle: every phase must have a step or more, got totalSteps ${totalSteps} and pctStart ${pctStart}`];
  return pipe(
    threePhase
      ? join(
          [between(low, maxLearningRate, top), between(maxLearningRate, low, top), between(low, end, last - back)],
          [top, back],
        )
      : join([between(low, maxLearningRate, top), between(maxLearningRate, end, last - top)], [top]),
    S.withProblems(problems.length > 0 ? problems : short),
  );
};
