/**
 * Optimizers beside Adam's family.
 */
import { from0to1, notNegative, number, positive } from '../shape/Requirement.ts';
import {
  type FtrlRule,
  followLeader,
  ftrlRequirements,
  type RmsPropRule,
  ratioOfSquares,
  rmsPropRequirements,
  rootMeanSquares,
  summedSquares,
} from './accumulators.ts';
import { partition, scaleRate } from './around.ts';
import { decayWeights } from './decay.ts';
import { clipByRootMeanSquare, descendRelatively, scaleByFactoredSquares } from './layerwise.ts';
import { adaptiveMoments } from './moments.ts';
import { descend, momentum as followMomentum, signedMomentum } from './momentum.ts';
import { type MuonRule, muonRequirements, orthogonalMomentum } from './muon.ts';
import { build, type CommonOptions, decaying, decayingBefore, decays, type Optimizer } from './Options.ts';
import { falling, keeps, keepsSome } from './scalars.ts';
import { chain, type Parameter, type Transformation } from './Transformation.ts';

// -------------------------------------------------------------------------------------
// gradient descent
// -------------------------------------------------------------------------------------

export type SgdOptions = CommonOptions & {
  readonly momentum?: number;
  readonly nesterov?: boolean;
};

/**
 * Gradient descent, with momentum if asked for: rate 0.01, momentum 0, nesterov false. The momentum's buffer contains the
 * learning rate, as Keras's does (PyTorch's does not). Keras and PyTorch: SGD.
 */
export const sgd = (options: SgdOptions = {}): Optimizer => {
  const { learningRate = 0.01, momentum = 0, nesterov = false } = options;
  const rule = momentum === 0 ? descend : followMomentum(momentum, nesterov);
  return build('sgd', decaying(options)(rule), { ...options, learningRate, momentum, nesterov }, [
    from0to1('momentum', momentum),
  ]);
};

export type LionOptions = CommonOptions & { readonly beta1?: number; readonly beta2?: number };

/**
 * Steps of one size, by the sign of a momentum: rate 0.001, beta1 0.9, beta2 0.99. Takes a rate 3 to 10 times as small as
 * Adam's. Keras: Lion. Chen et al. 2023, https://arxiv.org/abs/2302.06675
 */
export const lion = (options: LionOptions = {}): Optimizer => {
  const { learningRate = 0.001, beta1 = 0.9, beta2 = 0.99 } = options;
  const rule = signedMomentum(beta1, beta2);
  return build('lion', decaying(options)(rule), { ...options, learningRate, beta1, beta2 }, [
    keepsSome('beta1', beta1),
    keeps('beta2', beta2),
  ]);
};

// -------------------------------------------------------------------------------------
// accumulated squares
// -------------------------------------------------------------------------------------

export type RmspropOptions = CommonOptions & RmsPropRule;

/**
 * RMSprop: rate 0.001, rho 0.9, momentum 0, epsilon 1e-7 (inside the root; PyTorch adds it outside), centered false.
 * Keras and PyTorch (rate 0.01, alpha 0.99): RMSprop.
 */
export const rmsprop = (options: RmspropOptions = {}): Optimizer => {
  const { learningRate = 0.001, rho = 0.9, momentum = 0, epsilon = 1e-7, centered = false } = options;
  const full = { ...options, learningRate, rho, momentum, epsilon, centered };
  return build('rmsprop', decaying(options)(rootMeanSquares(full)), full, rmsPropRequirements(full));
};

export type AdagradOptions = CommonOptions & {
  readonly initialAccumulatorValue?: number;
  readonly epsilon?: number;
};

/**
 * Adagrad: rate 0.001, initialAccumulatorValue 0.1, epsilon 1e-7 (inside the root; PyTorch adds it outside).
 * Keras and PyTorch (rate 0.01, accumulator 0): Adagrad. Duchi et al. 2011
 */
export const adagrad = (options: AdagradOptions = {}): Optimizer => {
  const { learningRate = 0.001, initialAccumulatorValue = 0.1, epsilon = 1e-7 } = options;
  const rule = summedSquares(initialAccumulatorValue, epsilon);
  return build('adagrad', decaying(options)(rule), { ...options, learningRate, initialAccumulatorValue, epsilon }, [
    notNegative('initialAccumulatorValue', initialAccumulatorValue),
    notNegative('epsilon', epsilon),
  ]);
};

export type AdadeltaOptions = CommonOptions & { readonly rho?: number; readonly epsilon?: number };

/**
 * Adadelta: rate 0.001 (the paper's and PyTorch's is 1), rho 0.95, epsilon 1e-7.
 * Keras and PyTorch: Adadelta. Zeiler 2012, https://arxiv.org/abs/1212.5701
 */
export const adadelta = (options: AdadeltaOptions = {}): Optimizer => {
  const { learningRate = 0.001, rho = 0.95, epsilon = 1e-7 } = options;
  return build(
    'adadelta',
    decaying(options)(ratioOfSquares(rho, epsilon)),
    { ...options, learningRate, rho, epsilon },
    [keeps('rho', rho), notNegative('epsilon', epsilon)],
  );
};

const notZero = number((x) => x !== 0, 'above 0');

export type FtrlOptions = CommonOptions & FtrlRule;

/**
 * Follow the regularised leader, for sparse linear models: rate 0.001 (never 0), learningRatePower -0.5,
 * initialAccumulatorValue 0.1, and 0 for the strengths of l1, l2, l2 shrinkage and for beta.
 * Keras: Ftrl. McMahan et al. 2013
 */
export const ftrl = (options: FtrlOptions = {}): Optimizer => {
  const { learningRate = 0.001, learningRatePower = -0.5, initialAccumulatorValue = 0.1, beta = 0 } = options;
  const { l1RegularizationStrength = 0, l2RegularizationStrength = 0 } = options;
  const { l2ShrinkageRegularizationStrength = 0 } = options;
  const strengths = { l1RegularizationStrength, l2RegularizationStrength, l2ShrinkageRegularizationStrength };
  const full = { ...options, learningRate, learningRatePower, initialAccumulatorValue, ...strengths, beta };
  return build('ftrl', decayingBefore(options)(followLeader(full)), full, [
    ...(typeof learningRate === 'number' ? [notZero('learningRate', learningRate)] : []),
    ...ftrlRequirements(full),
  ]);
};

// -------------------------------------------------------------------------------------
// matrices
// -------------------------------------------------------------------------------------

export type AdafactorOptions = CommonOptions & {
  /** The mean of squares keeps 1 - t^beta2Decay of itself. Default -0.8. */
  readonly beta2Decay?: number;
  /** Added to squares of gradients. Default 1e-30. */
  readonly epsilon1?: number;
  /** The least size of a parameter that the rate is relative to. Default 1e-3. */
  readonly epsilon2?: number;
  /** The greatest root mean square of an update before the rate. Default 1. */
  readonly clipThreshold?: number;
};

/**
 * Adafactor, in little memory: squares of a matrix are kept by row and by column. Rate 0.001, beta2Decay -0.8, epsilon1
 * 1e-30, epsilon2 1e-3, clipThreshold 1. The rate is relative to the size of each parameter and at most 1 / sqrt(t). (Keras's
 * `relative_step` changes nothing, so there is none.)
 * Keras: Adafactor. Shazeer and Stern 2018, https://arxiv.org/abs/1804.04235
 */
export const adafactor = (options: AdafactorOptions = {}): Optimizer => {
  const { learningRate = 0.001, beta2Decay = -0.8, epsilon1 = 1e-30, epsilon2 = 1e-3, clipThreshold = 1 } = options;
  const rule = chain(
    scaleByFactoredSquares(beta2Decay, epsilon1),
    clipByRootMeanSquare(clipThreshold),
    descendRelatively(epsilon2),
  );
  const full = { ...options, learningRate, beta2Decay, epsilon1, epsilon2, clipThreshold };
  return build('adafactor', decayingBefore(options)(rule), full, [
    falling('beta2Decay', beta2Decay),
    notNegative('epsilon1', epsilon1),
    notNegative('epsilon2', epsilon2),
    positive('clipThreshold', clipThreshold),
  ]);
};

export type MuonOptions = Omit<CommonOptions, 'weightDecay'> &
  MuonRule & {
    /** Of Adam, for everything that is not a matrix. Default 0.9. */
    readonly adamBeta1?: number;
    /** Default 0.999. */
    readonly adamBeta2?: number;
    /** Of Adam. Default 1e-7. */
    readonly epsilon?: number;
    /** Adam's rate is so many times Muon's. Default 1. */
    readonly adamLrRatio?: number;
    /** Of matrices; `null`: none. Default 0.004. */
    readonly weightDecay?: number | null;
    /** Of everything else; `null`: none. Default 0.004. */
    readonly adamWeightDecay?: number | null;
    /** Matrices whose name has one of these follow Adam as well, such as the model's last layer. Default none. */
    readonly excludeLayers?: readonly RegExp[];
    /** Tables of embeddings follow Adam as well. Default true. */
    readonly excludeEmbeddings?: boolean;
  };

/**
 * Muon for matrices, Adam for the rest: rate 0.001, momentum 0.95, nesterov true, 5 iterations, rmsRate 0.2, adamBeta1 0.9,
 * adamBeta2 0.999, epsilon 1e-7, adamLrRatio 1, weightDecay and adamWeightDecay 0.004. Kernels of convolutions are no
 * matrices. Slots are `partition/muon/...` and `partition/adam/...`.
 * Keras: Muon. Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/
 */
export const muon = (options: MuonOptions = {}): Optimizer => {
  const { learningRate = 0.001, momentum = 0.95, adamBeta1 = 0.9, adamBeta2 = 0.999, epsilon = 1e-7 } = options;
  const { nesterov = true, nsSteps = 5, muonA = 3.4445, muonB = -4.775, muonC = 2.0315, rmsRate = 0.2 } = options;
  const { weightDecay = 0.004, adamWeightDecay = 0.004, adamLrRatio = 1 } = options;
  const { excludeLayers = [], excludeEmbeddings = true, ...common } = options;
  const excluded = [...excludeLayers, ...(excludeEmbeddings ? [/(^|\.)embeddings?$/] : [])];
  const isMatrix = ({ name, shape }: Parameter) =>
    shape.length === 2 && excluded.every((pattern) => name.search(pattern) < 0);
  const withDecay = (rule: Transformation, rate: number | null) =>
    rate === null ? rule : chain(rule, decayWeights(rate, decays(options as CommonOptions)));
  const ofMuon = { momentum, nesterov, nsSteps, muonA, muonB, muonC, rmsRate };
  const adamRule = adaptiveMoments({ beta1: adamBeta1, beta2: adamBeta2, epsilon });
  const rule = partition((p) => (isMatrix(p) ? 'muon' : 'adam'), {
    muon: withDecay(orthogonalMomentum(ofMuon), weightDecay),
    adam: withDecay(adamLrRatio === 1 ? adamRule : scaleRate(adamLrRatio)(adamRule), adamWeightDecay),
  });
  const own = { ...ofMuon, adamBeta1, adamBeta2, epsilon, adamLrRatio, excludeEmbeddings };
  const { weightDecay: _, ...rest } = common;
  const full = {
    ...(rest as CommonOptions),
    ...own,
    learningRate,
    ...(weightDecay === null ? {} : { weightDecay }),
    ...(adamWeightDecay === null ? {} : { adamWeightDecay }),
  };
  return build('muon', rule, full, [
    ...muonRequirements(ofMuon),
    keeps('adamBeta1', adamBeta1),
    keeps('adamBeta2', adamBeta2),
    notNegative('epsilon', epsilon),
    notNegative('adamLrRatio', adamLrRatio),
    notNegative('adamWeightDecay', adamWeightDecay ?? undefined),
  ]);
};
