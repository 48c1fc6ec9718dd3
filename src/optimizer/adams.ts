/**
 * Optimizers of Adam's family.
 */
import { type ScheduleFreeRule, scheduleFreeMoments, scheduleFreeRequirements } from './averaging.ts';
import { scaleByTrustRatio } from './layerwise.ts';
import {
  type AdamOptions,
  adaptiveMoments,
  largestMoments,
  type MomentOptions,
  momentRequirements,
  nesterovMoments,
  scaleByMoments,
} from './moments.ts';
import { descend } from './momentum.ts';
import { build, type CommonOptions, decaying, decayingBefore, type Optimizer } from './Options.ts';
import { chain, type Transformation } from './Transformation.ts';

type MomentFullOptions = CommonOptions & MomentOptions;

/** Keras's defaults are the same for all of the family. */
const withDefaults = <O extends MomentFullOptions>(options: O) => {
  const { learningRate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = options;
  return { ...options, learningRate, beta1, beta2, epsilon };
};

const ofMoments = (
  name: string,
  rule: (options: MomentOptions) => Transformation,
  options: MomentFullOptions,
): Optimizer => {
  const full = withDefaults(options);
  return build(name, decaying(options)(rule(full)), full, momentRequirements(full));
};

// -------------------------------------------------------------------------------------
// Adam
// -------------------------------------------------------------------------------------

export type AdamFullOptions = CommonOptions & AdamOptions;

const adamLike = (name: string, options: AdamFullOptions): Optimizer => {
  const full = { ...withDefaults(options), amsgrad: options.amsgrad ?? false };
  return build(name, decaying(options)(adaptiveMoments(full)), full, momentRequirements(full));
};

/**
 * Adam: rate 0.001, beta1 0.9, beta2 0.999, epsilon 1e-7, amsgrad false. Epsilon is added before the bias is corrected,
 * as Keras does (PyTorch adds 1e-8 after). Weight decay, if given, is decoupled.
 * Keras and PyTorch: Adam. Kingma and Ba 2015, https://arxiv.org/abs/1412.6980
 */
export const adam = (options: AdamFullOptions = {}): Optimizer => adamLike('adam', options);

/**
 * Adam with decoupled weight decay, 0.004 by default.
 * Keras and PyTorch: AdamW. Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101
 */
export const adamW = (options: AdamFullOptions = {}): Optimizer =>
  adamLike('adamw', { ...options, weightDecay: options.weightDecay ?? 0.004 });

export type AdamaxOptions = CommonOptions & MomentOptions;

/**
 * Adam with the decaying maximum of gradients in place of their mean square: rate 0.001, beta1 0.9, beta2 0.999,
 * epsilon 1e-7. Keras and PyTorch (rate 0.002): Adamax. Kingma and Ba 2015, section 7
 */
export const adamax = (options: AdamaxOptions = {}): Optimizer => ofMoments('adamax', largestMoments, options);

export type NadamOptions = CommonOptions & MomentOptions;

/**
 * Adam with Nesterov's look-ahead: rate 0.001, beta1 0.9, beta2 0.999, epsilon 1e-7.
 * Keras: Nadam. PyTorch: NAdam with `momentum_decay` 1 (its own default is 0.004).
 */
export const nadam = (options: NadamOptions = {}): Optimizer => ofMoments('nadam', nesterovMoments, options);

// -------------------------------------------------------------------------------------
// LAMB, schedule-free
// -------------------------------------------------------------------------------------

export type LambOptions = CommonOptions & MomentOptions;

/**
 * Adam's direction, with each parameter's step in proportion to its length: large batches. Rate 0.001, beta1 0.9,
 * beta2 0.999, epsilon 1e-7. Weight decay, if given, is decoupled and not part of the ratio, as in Keras.
 * Keras: Lamb. You et al. 2020, https://arxiv.org/abs/1904.00962
 */
export const lamb = (options: LambOptions = {}): Optimizer => {
  const full = withDefaults(options);
  const rule = chain(scaleByMoments(full), scaleByTrustRatio, descend);
  return build('lamb', decayingBefore(options)(rule), full, momentRequirements(full));
};

export type ScheduleFreeAdamWOptions = CommonOptions & ScheduleFreeRule;

/**
 * Adam that averages its path in place of lowering its rate: rate 0.0025, beta1 0.9 (above 0), beta2 0.999, epsilon 1e-8,
 * no warm-up, no weight decay. The model's weights are those that gradients are taken at, as in Keras.
 * Keras: ScheduleFreeAdamW. Defazio et al. 2024, https://arxiv.org/abs/2405.15682
 */
export const scheduleFreeAdamW = (options: ScheduleFreeAdamWOptions = {}): Optimizer => {
  const { learningRate = 0.0025, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, warmupSteps = 0 } = options;
  const full = { ...options, learningRate, beta1, beta2, epsilon, warmupSteps };
  return build(
    'schedulefreeadamw',
    decayingBefore(options)(scheduleFreeMoments(full)),
    full,
    scheduleFreeRequirements(full),
  );
};
