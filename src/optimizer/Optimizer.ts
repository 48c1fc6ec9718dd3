/**
 * Optimizers: how parameters follow their gradients.
 *
 * An optimizer is a learning rate and a chain of gradient transformations. The rate, and the number of the step, are inputs
 * of the training graph: a callback changes them and nothing is rebuilt. Rules and defaults are Keras's; in each step
 * gradients are accumulated, clipped, weights decay, the rule is applied, then averages are kept.
 *
 * The rate is a number or a `Schedule`. With a schedule the graph computes every step's rate, and the input is a factor on
 * it, 1 at the beginning: what a callback does to the rate stays, on top of the schedule.
 *
 * @example
 * import { Optimizer } from 'grad-ts';
 *
 * Optimizer.adam();
 * Optimizer.sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true, globalClipNorm: 1 });
 * Optimizer.adamW({ learningRate: Schedule.cosineDecay({ initialLearningRate: 1e-3, decaySteps: 10_000 }) });
 * pipe(Optimizer.adam(), Optimizer.groups({ backbone: 0.1 }));
 * pipe(Optimizer.adam(), Optimizer.precededBy(Optimizer.centraliseGradients()), Optimizer.followedBy(Optimizer.lookahead()));
 * Optimizer.custom('signs', 1e-3, Optimizer.chain(
 *   Optimizer.map('sign', () => ({ gradient }) => Operators.sign(gradient)),
 *   Optimizer.descend,
 * ));
 */
export type { FtrlRule, RmsPropRule } from './accumulators.ts';
export { followLeader, ratioOfSquares, rootMeanSquares, summedSquares } from './accumulators.ts';
export type {
  AdamaxOptions,
  AdamFullOptions,
  LambOptions,
  NadamOptions,
  ScheduleFreeAdamWOptions,
} from './adams.ts';
export { adam, adamax, adamW, lamb, nadam, scheduleFreeAdamW } from './adams.ts';
export { accumulate, partition, scaleRate, scheduled, withRate } from './around.ts';
export type { EmaOptions, ScheduleFreeRule } from './averaging.ts';
export { averaged, ema, lookahead, scheduleFreeMoments } from './averaging.ts';
export { centraliseGradients, clipByGlobalNorm, clipByNorm, clipByValue, scaleGradients } from './clipping.ts';
export { decayBefore, decayWeights } from './decay.ts';
export type { Group } from './groups.ts';
export { groups } from './groups.ts';
export { clipByRootMeanSquare, descendRelatively, scaleByFactoredSquares, scaleByTrustRatio } from './layerwise.ts';
export type { AdamOptions, MomentOptions } from './moments.ts';
export { adaptiveMoments, largestMoments, nesterovMoments, scaleByMoments } from './moments.ts';
export { descend, momentum, signedMomentum } from './momentum.ts';
export type { MuonRule } from './muon.ts';
export { orthogonalise, orthogonalMomentum } from './muon.ts';
export type { Clipping, CommonOptions, Optimizer } from './Options.ts';
export { check, custom, followedBy, inputFor, precededBy, rateAt } from './Options.ts';
export type {
  AdadeltaOptions,
  AdafactorOptions,
  AdagradOptions,
  FtrlOptions,
  LionOptions,
  MuonOptions,
  RmspropOptions,
  SgdOptions,
} from './others.ts';
export { adadelta, adafactor, adagrad, ftrl, lion, muon, rmsprop, sgd } from './others.ts';
export type {
  Parameter,
  RuleInput,
  RuleResult,
  Slot,
  SlotSpec,
  Stage,
  Step,
  Transformation,
} from './Transformation.ts';
export { asStage, chain, empty, fromStage, joint, map, monoid, perParameter, withProblems } from './Transformation.ts';
