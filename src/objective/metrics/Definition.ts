/**
 * What a metric is, and metrics of one's own. See `Metric.ts`.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Value, ValueType } from '../../graph/Graph.ts';
import { cast, mul } from '../../graph/Operators.ts';
import type { Fn } from '../../shape/Fn.ts';
import { type Requirement, unmet } from '../../shape/Requirement.ts';
import { type AnyShape, agree, dims, show } from '../../shape/Shape.ts';
import type { Direction } from '../../training/Event.ts';
import { alignWeights } from '../Alignment.ts';
import type { Formula } from '../Formula.ts';
import type { AnyLoss, Loss } from '../losses/Definition.ts';
import { meanResult, meanUpdate, only, sumUpdate } from '../Mean.ts';
import * as T from '../Target.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** Sums over batches, by name. */
export type States = Readonly<Record<string, Float64Array>>;

/** `Name`: its key in the logs. `F`: the targets it goes with, as a loss's. `D`: which way is better. */
export interface Metric<Name extends string = string, F extends Fn = Fn, D extends Direction = Direction> {
  readonly name: Name;
  readonly direction: D;
  /** The target's shape again, or why the metric does not go with this output and target. */
  readonly accepts: (output: AnyShape, target: AnyShape) => E.Either<string, AnyShape>;
  /** Shapes of the sums. */
  readonly states: (output: ValueType) => Readonly<Record<string, readonly number[]>>;
  /** What a batch adds to each sum: float32, or float64 where that would lose digits. Weights: one for each sample, or for each value. */
  readonly update: (output: Value, target: Value, weights?: Value) => Readonly<Record<string, Value>>;
  readonly result: (states: States) => number;
  /** Phantom: the function on shapes as the compiler knows it. Never present at run time. */
  readonly '~fn'?: F;
}

/** Any metric, whatever its name and targets. */
export type AnyMetric = Metric;

export interface NameOptions<Name extends string> {
  /** The key in the logs. Default: Keras's name, in snake case. */
  readonly name?: Name;
}

export interface ThresholdOptions {
  /** Strictly above it is a yes. Default 0.5. */
  readonly threshold?: number;
}

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

/** The literal type of the default is the default of `N`: the two cannot differ. */
export const nameOf = <N extends string>(options: NameOptions<N>, byDefault: string): N =>
  options.name ?? (byDefault as N);

export type Accepts = AnyMetric['accepts'];

export const anyTarget: Accepts = (_, target) => E.right(target);

/** The target must be the one that goes with the output. */
export const expecting =
  (metric: string, targetShape: T.TargetShape): Accepts =>
  (output, target) =>
    pipe(
      targetShape(output),
      E.filterOrElse(
        (expected) => agree(expected, target),
        (expected) => `${metric}: expects targets ${show(expected)} with outputs ${show(output)}, got ${show(target)}`,
      ),
    );

/** The rule, unless options of the metric are wrong: then that is the message. */
export const requiring =
  (metric: string, requirements: readonly Requirement[]) =>
  (accepts: Accepts): Accepts => {
    const problems = unmet(metric, requirements);
    return problems.length === 0 ? accepts : () => E.left(problems.join('; '));
  };

/** The rule, and that the columns which are asked for are there. */
export const withColumns =
  (metric: string, { classId, topK }: { readonly classId?: number | undefined; readonly topK?: number | undefined }) =>
  (accepts: Accepts): Accepts =>
  (output, target) => {
    const columns = dims(output).at(-1);
    const missing = (name: string, value: number, from: number, to: number) =>
      E.left(`${metric}: ${name} must be an integer from ${from} to ${to} with outputs ${show(output)}, got ${value}`);
    const within = (value: number, from: number, to: number) => Number.isInteger(value) && value >= from && value <= to;
    if (typeof columns !== 'number') return accepts(output, target);
    if (classId !== undefined && !within(classId, 0, columns - 1)) return missing('classId', classId, 0, columns - 1);
    if (topK !== undefined && !within(topK, 1, columns)) return missing('topK', topK, 1, columns);
    return accepts(output, target);
  };

export const meanMetric = <N extends string, D extends Direction>(
  name: N,
  direction: D,
  accepts: Accepts,
  formula: Formula,
) => ({
  name,
  direction,
  accepts,
  states: () => ({ total: [], count: [] }),
  update: (output: Value, target: Value, weights?: Value) => meanUpdate(formula(output, target), weights),
  result: meanResult,
});

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * A metric of your own: the mean over samples of a formula. The target has the output's shape.
 *
 * @example
 * Metric.custom('worst', 'min', (output, target) => reduceMax({ axes: [-1] })(abs(sub(output, target))));
 */
export const custom = <const N extends string, D extends Direction>(
  name: N,
  direction: D,
  formula: Formula,
): Metric<N, T.SameShape, D> => meanMetric(name, direction, expecting(name, T.sameShape), formula);

/**
 * The metric with the targets of a loss, in place of those of the output's shape: for a metric of your own of classes.
 *
 * @example
 * pipe(Metric.custom('own', 'max', ofClasses), Metric.withTargetsOf(Loss.sparseCategoricalCrossentropy()));
 */
export const withTargetsOf =
  <F extends Fn>({ targetShape }: Loss<F>) =>
  <N extends string, D extends Direction>(metric: Metric<N, Fn, D>): Metric<N, F, D> => {
    const { '~fn': _, ...rest } = metric;
    return { ...rest, accepts: expecting(metric.name, targetShape) };
  };

/**
 * As `custom`, but the sum of all values. Keras: Sum.
 *
 * @example
 * Metric.sum('mistakes', 'min', (output, target) => cast('float32')(not(equal(sign(output), target))));
 */
export const sum = <const N extends string, D extends Direction>(
  name: N,
  direction: D,
  formula: Formula,
): Metric<N, T.SameShape, D> => ({
  name,
  direction,
  accepts: expecting(name, T.sameShape),
  states: () => ({ total: [] }),
  update: (output, target, weights) => sumUpdate(formula(output, target), weights),
  result: (states) => only(states.total),
});

/** Keras's rule: positions that a loss ignores have no weight if there are weights; otherwise they count, as 0. */
const masked = (loss: AnyLoss, output: Value, target: Value, weights: Value | undefined): Value | undefined => {
  if (weights === undefined || loss.mask === undefined) return weights;
  const [mask, w] = alignWeights(loss.mask(output, target), cast('float32')(weights));
  return mul(mask, w);
};

/**
 * The mean of a loss's values: a loss to watch beside the one that is trained on. Lower is better. Named as the loss
 * unless told otherwise.
 */
export const fromLoss = <F extends Fn, const N extends string = string>(
  loss: Loss<F>,
  options: NameOptions<N> = {},
): Metric<N, F, 'min'> => {
  const name: N = nameOf(options, loss.name);
  return {
    ...meanMetric(name, 'min', expecting(name, loss.targetShape), loss.perSample),
    update: (output, target, weights) =>
      meanUpdate(loss.perSample(output, target), masked(loss, output, target, weights)),
  };
};
