/**
 * Losses that put samples of the same class near each other, and others far apart. The outputs are points
 * [batch,features], the target the class of each; what is compared is the samples of a batch with each other, so batches
 * must have several of a class.
 */
import { pipe } from 'fp-ts/lib/function.js';
import { stopGradient } from '../../autodiff/Grad.ts';
import type { Value } from '../../graph/Graph.ts';
import {
  add,
  and,
  cast,
  count,
  div,
  equal,
  exp,
  greater,
  log,
  matMul,
  max,
  mul,
  not,
  range,
  reduceMax,
  reduceMin,
  reduceSum,
  relu,
  softplus,
  sqrt,
  squeeze,
  sub,
  transpose,
  unsqueeze,
  where,
} from '../../graph/Operators.ts';
import { finite, oneOf, positive } from '../../shape/Requirement.ts';
import { type Formula, float } from '../Formula.ts';
import * as T from '../Target.ts';
import { custom, define, type Loss, type ReductionOptions, requiring } from './Definition.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** Between two points. `cosine` is 1 - a b: for points of length 1. */
export type Distance = 'euclidean' | 'squaredEuclidean' | 'cosine';

export interface TripletOptions extends ReductionOptions {
  /** How much further the negative is to be than the positive. Default 1. */
  readonly margin?: number;
  /** Default `euclidean`. */
  readonly distance?: Distance;
  /**
   * Which triplets of a batch count. `semiHard`, the default: every positive with the nearest negative that is further
   * away, or else with the furthest one. `hard`: for each anchor the furthest positive and the nearest negative.
   */
  readonly mining?: 'semiHard' | 'hard';
}

export interface CircleOptions extends ReductionOptions {
  /** Scale. Default 80. */
  readonly gamma?: number;
  /** Default 0.4. */
  readonly margin?: number;
}

// -------------------------------------------------------------------------------------
// pairs
// -------------------------------------------------------------------------------------

/** Beyond any distance, and far from float32's end. */
const far = 1e30;

/** Which pairs of samples are two of the same class, and which are of two classes; both [batch,batch]. */
interface Pairs {
  readonly positive: Value;
  readonly negative: Value;
}

const pairsOf = (labels: Value): Pairs => {
  const y = cast('int32')(labels);
  const same = equal(unsqueeze([1])(y), unsqueeze([0])(y));
  const index = range(count('int64', [0])(y));
  const self = equal(unsqueeze([1])(index), unsqueeze([0])(index));
  return { positive: and(same, not(self)), negative: not(same) };
};

const products = (x: Value): Value => matMul(x, transpose([1, 0])(x));

/** [batch,batch]; the diagonal is 0. */
const distances = (x: Value, distance: Distance): Value => {
  if (distance === 'cosine') return sub(1, products(x));
  const squares = reduceSum({ axes: [1], keepDims: true })(mul(x, x));
  const squared = relu(sub(add(squares, transpose([1, 0])(squares)), mul(products(x), 2)));
  if (distance === 'squaredEuclidean') return squared;
  // The root has no derivative at 0.
  const apart = greater(squared, 0);
  return where(apart, sqrt(where(apart, squared, 1)), 0);
};

const largest = reduceMax({ axes: [-1], keepDims: true });
const smallest = reduceMin({ axes: [-1], keepDims: true });
const rows = reduceSum({ axes: [-1] });

// -------------------------------------------------------------------------------------
// formulas
// -------------------------------------------------------------------------------------

/** For each anchor and positive; summed for each anchor and scaled so that the mean over the batch is that over pairs. */
const semiHard = (d: Value, { positive, negative }: Pairs, margin: number): Value => {
  const negatives = unsqueeze([1])(negative);
  const [toPositive, toNegative] = [unsqueeze([2])(d), unsqueeze([1])(d)];
  const beyond = and(negatives, greater(toNegative, toPositive));
  const nearest = reduceMin({ axes: [-1] })(where(beyond, toNegative, far));
  const furthest = largest(where(negative, d, -far));
  const chosen = where(greater(nearest, far / 2), furthest, nearest);
  const counted = float(and(positive, greater(furthest, -far / 2)));
  const losses = mul(relu(add(sub(d, chosen), margin)), counted);
  const pairs = max(reduceSum()(float(positive)), 1);
  return mul(rows(losses), div(count('float32', [0])(d), pairs));
};

const hard = (d: Value, { positive, negative }: Pairs, margin: number): Value => {
  const furthest = largest(where(positive, d, 0));
  const nearest = smallest(where(negative, d, far));
  const some = float(greater(far / 2, nearest));
  return squeeze([-1])(mul(relu(add(sub(furthest, nearest), margin)), some));
};

const tripletOf =
  ({ margin = 1, distance = 'euclidean', mining = 'semiHard' }: TripletOptions): Formula =>
  (output, target) =>
    (mining === 'hard' ? hard : semiHard)(distances(float(output), distance), pairsOf(target), margin);

/** The logarithm of the sum of exponentials over the pairs that are chosen; very small if none is. */
const logSumExp = (x: Value, chosen: Value): Value => {
  const masked = where(chosen, x, -far);
  const top = stopGradient(largest(masked));
  return squeeze([-1])(add(top, log(reduceSum({ axes: [-1], keepDims: true })(exp(sub(masked, top))))));
};

const circleOf =
  ({ gamma = 80, margin = 0.4 }: CircleOptions): Formula =>
  (output, target) => {
    const d = relu(distances(float(output), 'cosine'));
    const { positive, negative } = pairsOf(target);
    const near = mul(mul(relu(add(d, margin)), sub(d, margin)), gamma);
    const apart = mul(mul(relu(sub(1 + margin, d)), sub(1 - margin, d)), gamma);
    return softplus(add(logSumExp(near, positive), logSumExp(apart, negative)));
  };

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * Each sample (the anchor) is to be nearer to those of its class than to others, by a margin. The mean over the batch is
 * that over all pairs of anchor and positive (`semiHard`), or over anchors (`hard`). An anchor without a negative in the
 * batch has no loss. Memory goes with the cube of the batch size for `semiHard`.
 * TensorFlow Addons: TripletSemiHardLoss, TripletHardLoss. PyTorch: TripletMarginLoss, which is given its triplets.
 *
 * @example
 * L.model(L.input([784]), L.dense(64), L.unitNormalization()); // target int32[batch]
 * Loss.triplet({ margin: 0.2 });
 */
export const triplet = (options: TripletOptions = {}): Loss<T.Labels<'triplet'>> =>
  pipe(
    define<T.Labels<'triplet'>>({
      ...custom('triplet', tripletOf(options), options),
      target: 'int32',
      targetShape: T.labels('triplet'),
    }),
    requiring('triplet', [
      finite('margin', options.margin),
      oneOf('euclidean', 'squaredEuclidean', 'cosine')('distance', options.distance),
      oneOf('semiHard', 'hard')('mining', options.mining),
    ]),
  );

/**
 * As triplets, but over all pairs at once, each weighted by how far it is from where it should be. Outputs must have
 * length 1. Samples whose loss is 0 do not count in a mean. Keras: Circle.
 */
export const circle = (options: CircleOptions = {}): Loss<T.Labels<'circle'>> => {
  const perSample = circleOf(options);
  return pipe(
    define<T.Labels<'circle'>>({
      ...custom('circle', perSample, options),
      target: 'int32',
      targetShape: T.labels('circle'),
      mask: (output, target) => float(greater(perSample(output, target), 0)),
    }),
    requiring('circle', [positive('gamma', options.gamma), finite('margin', options.margin)]),
  );
};
