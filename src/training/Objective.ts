/**
 * The objective: a model with a loss, an optimizer and metrics. Keras's `compile`, as a value.
 */
import type { Model } from '../model/Model.ts';
import type { AnyLoss, Loss } from '../objective/Loss.ts';
import type { AnyMetric } from '../objective/Metric.ts';
import type { Optimizer } from '../optimizer/Optimizer.ts';
import type { Apply, Fn } from '../shape/Fn.ts';
import type { Agree, Show } from '../shape/Shape.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** `T` is the shape of a batch of targets, `K` the names of what is logged: `'loss'` and the metrics' names. */
export interface Objective<I, O, T, K extends string> {
  readonly _tag: 'Objective';
  readonly model: Model<I, O>;
  readonly loss: AnyLoss;
  readonly optimizer: Optimizer;
  readonly metrics: readonly AnyMetric[];
  /** Phantoms: never present at run time. */
  readonly '~target'?: T;
  readonly '~keys'?: K;
}

// -------------------------------------------------------------------------------------
// checks, as types
// -------------------------------------------------------------------------------------

/** The metric's target must be the loss's: `accuracy` on one-hot targets and on labels are two metrics. */
type CheckMetric<M, O, T> = M extends { readonly '~fn'?: infer F }
  ? NonNullable<F> extends infer G extends Fn
    ? Apply<G, O> extends infer Wanted
      ? Wanted extends string
        ? Wanted
        : Agree<Wanted, T> extends true
          ? M
          : `the metric's target is ${Show<Wanted>}, the loss's ${Show<T>}`
      : never
    : M
  : M;

type CheckMetrics<Ms extends readonly unknown[], O, T> = { readonly [K in keyof Ms]: CheckMetric<Ms[K], O, T> };

type NameOf<M> = M extends { readonly name: infer N extends string } ? N : never;

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * Puts a model, a loss, an optimizer and metrics together. The loss is checked against the model's output and decides
 * the shape of the targets; the metrics are checked against both; their names are what callbacks may monitor.
 *
 * @example
 * T.compile(model, {
 *   loss: Loss.sparseCategoricalCrossentropy(),
 *   optimizer: Optimizer.adam({ learningRate: 1e-3 }),
 *   metrics: [Metric.sparseCategoricalAccuracy({ name: 'accuracy' })],
 * })
 */
export const compile = <I, O, F extends Fn, const Ms extends readonly AnyMetric[] = readonly []>(
  model: Model<I, O>,
  parts: {
    readonly loss: [Apply<F, O>] extends [infer E extends string] ? E : Loss<F>;
    readonly optimizer: Optimizer;
    readonly metrics?: Ms & CheckMetrics<Ms, O, Apply<F, O>>;
  },
): Objective<I, O, Apply<F, O>, 'loss' | NameOf<Ms[number]>> => ({
  _tag: 'Objective',
  model,
  // Where the rule does not hold the type is a message, which no value has.
  loss: parts.loss as AnyLoss,
  optimizer: parts.optimizer,
  metrics: parts.metrics ?? [],
});
