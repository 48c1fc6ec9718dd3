/**
 * The objective: a model with losses, an optimizer and metrics. Keras's `compile`, as a value.
 *
 * A model with one output has one loss; a model whose output is a record has a loss for each output, or one for all of
 * them. What is minimised is the weighted sum of the outputs' losses and the layers' penalties.
 *
 * Law: the sum is linear in `lossWeights`; a weight here is the same as `Loss.scale` of that output's loss, but that the
 * log of the output's own loss (`NAME_loss`) does not have it.
 */
import { check, float32, type Precision } from '../interpret/Precision.ts';
import type { CheckPaths } from '../model/Freezable.ts';
import type { Grouping, WithGroups } from '../model/Grouping.ts';
import type { Model } from '../model/Model.ts';
import { isBare } from '../model/Outputs.ts';
import { type Goal, type GoalParts, goalsOf, type Logged, logged } from '../objective/Goal.ts';
import type { AnyLoss } from '../objective/Loss.ts';
import type { Optimizer } from '../optimizer/Optimizer.ts';
import type { CheckLoss, CheckMetrics, CheckWeights, KeysOf, TargetsOf } from './Parts.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/**
 * `T` is the shape of a batch of targets, or a record of them by output; `K` the names of what is logged: `'loss'` and the
 * metrics' names, and where the output is a record `'NAME_loss'` and `'NAME_METRIC'`.
 */
export interface Objective<I, O, T, K extends string> {
  readonly _tag: 'Objective';
  readonly model: Model<I, O>;
  /** What is asked of each output that has a loss, in the model's order. */
  readonly goals: readonly Goal[];
  readonly optimizer: Optimizer;
  /** What training computes in. */
  readonly precision: Precision;
  /** What is logged besides `loss`. */
  readonly metrics: readonly Logged[];
  /** What is wrong with how the parts were put together; `fit` and `evaluate` report it. */
  readonly problems: readonly string[];
  /** Phantoms: never present at run time. */
  readonly '~target'?: T;
  readonly '~keys'?: K;
}

/** By the outputs' names. An output whose loss is `undefined` is not trained on and has no target. */
export interface Losses {
  readonly [output: string]: AnyLoss | undefined;
}

/** By the outputs' names. `CheckMetrics` says what the elements are: a type here would widen their names to `string`. */
export interface Metrics {
  readonly [output: string]: readonly unknown[];
}

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * Puts a model, losses, an optimizer and metrics together. Each loss is checked against its output and decides the shape
 * of the targets; the metrics are checked against both; the names of what is logged are what callbacks may monitor.
 *
 * - `loss`: one loss, or one for each output: `{ a: Loss..., b: Loss... }`. One loss for a model with several outputs is
 *   applied to each of them. An output whose loss is `undefined` is not trained on and has no target.
 * - `lossWeights`: how much each output's loss counts in the sum. Default 1.
 * - `metrics` do not see the weights of samples, `weightedMetrics` do; one of the same name as a metric is logged as
 *   `weighted_NAME`. Steps that a layer has masked count in neither.
 * - `precision`: what training computes in, `Precision.mixedFloat16()` for one. Default `Precision.float32`.
 *
 * The logs of a model with several outputs are Keras's: `loss` is the weighted sum with the layers' penalties, `a_loss` the
 * loss of the output `a` without its weight, `a_accuracy` a metric of it.
 *
 * @example
 * T.compile(model, {
 *   loss: Loss.sparseCategoricalCrossentropy(),
 *   optimizer: Optimizer.adam({ learningRate: 1e-3 }),
 *   metrics: [Metric.sparseCategoricalAccuracy({ name: 'accuracy' })],
 * })
 * T.compile(detector, {                                   // logs loss, box_loss, kind_loss, kind_accuracy
 *   loss: { box: Loss.huber(), kind: Loss.sparseCategoricalCrossentropy() },
 *   lossWeights: { box: 0.2 },
 *   metrics: { kind: [Metric.accuracy()] },
 *   optimizer: Optimizer.adam(),
 * })
 */
export const compile = <
  I,
  O,
  L extends AnyLoss | Losses,
  const Ms extends readonly unknown[] | Metrics = readonly [],
  const Ws extends readonly unknown[] | Metrics = readonly [],
  G extends string = string,
  P extends string = string,
>(
  model: Model<I, O> & Grouping<G>,
  parts: {
    readonly loss: CheckLoss<L, O>;
    readonly lossWeights?: CheckWeights<L, O>;
    readonly optimizer: Optimizer<P> & CheckPaths<G, P>;
    readonly precision?: Precision;
    readonly metrics?: Ms & CheckMetrics<Ms, O, TargetsOf<L, O>>;
    readonly weightedMetrics?: Ws & CheckMetrics<Ws, O, TargetsOf<L, O>>;
  },
): WithGroups<Objective<I, O, TargetsOf<L, O>, KeysOf<L, O, Ms, Ws>>, G> => {
  // Where a rule does not hold the type is a message, which no value has.
  const given = parts as unknown as GoalParts;
  const outputs = isBare(model.spec) ? undefined : model.spec.outputs.map(({ name }) => name);
  const { goals, problems } = goalsOf(outputs, given);
  const { optimizer, precision = float32 } = parts;
  const objective: Objective<I, O, TargetsOf<L, O>, KeysOf<L, O, Ms, Ws>> = {
    _tag: 'Objective',
    model,
    goals,
    optimizer,
    precision,
    metrics: logged(goals),
    problems: [...problems, ...check(precision)],
  };
  return objective as WithGroups<typeof objective, G>;
};
