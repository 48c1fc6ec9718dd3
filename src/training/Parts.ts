/**
 * The parts of an objective against the model's output, as types: each rule gives the type to be given, or the message.
 * What they say is said again at run time by `Goal.ts` and `Check.ts`.
 */
import type { Formula } from '../objective/Formula.ts';
import type { AnyMetric } from '../objective/Metric.ts';
import type { Apply, Fn } from '../shape/Fn.ts';
import type { Agree, AnyShape, Show } from '../shape/Shape.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** A record of outputs: their names. Otherwise `never`. */
type Names<O> = unknown extends O ? never : [O] extends [AnyShape] ? never : keyof O & string;

/** Any loss, told from a record of them. */
interface One {
  readonly perSample: Formula;
}

type FnOf<L> = L extends { readonly '~fn'?: infer F } ? (NonNullable<F> extends infer G extends Fn ? G : never) : never;

/** The target of a loss for an output, or the message. */
type Target<L, O> = Apply<FnOf<L>, O>;

/** The outputs that have a loss. */
type Trained<L, O> = L extends One
  ? Names<O>
  : { [N in Names<O>]: N extends keyof L ? ([L[N]] extends [undefined] ? never : N) : never }[Names<O>];

type LossFor<L, N> = L extends One ? L : N extends keyof L ? L[N] : never;

// -------------------------------------------------------------------------------------
// results
// -------------------------------------------------------------------------------------

/** The shape of a batch of targets: a record where the output is one. */
export type TargetsOf<L, O> = [Names<O>] extends [never]
  ? Target<L, O>
  : { [N in Trained<L, O>]: Target<LossFor<L, N>, O[N & keyof O]> };

type NameOf<M> = M extends { readonly name: infer N extends string } ? N : never;

type MetricNames<Ms, N> = NameOf<
  (N extends keyof Ms ? Ms[N] : never) extends infer A extends readonly unknown[] ? A[number] : never
>;

/** Keras's rule: a weighted metric whose name is taken says that it is weighted. */
type Weighted<W extends string, M extends string> = W extends M ? `weighted_${W}` : W;

type KeysOfOutput<
  N extends string,
  Ms,
  Ws,
> = `${N}_${'loss' | MetricNames<Ms, N> | Weighted<MetricNames<Ws, N>, MetricNames<Ms, N>>}`;

type ListNames<Ms> = Ms extends readonly unknown[] ? NameOf<Ms[number]> : never;

/** What is logged. */
export type KeysOf<L, O, Ms, Ws> =
  | 'loss'
  | ([Names<O>] extends [never]
      ? ListNames<Ms> | Weighted<ListNames<Ws>, ListNames<Ms>>
      : { [N in Trained<L, O>]: KeysOfOutput<N, Ms, Ws> }[Trained<L, O>]);

// -------------------------------------------------------------------------------------
// losses
// -------------------------------------------------------------------------------------

/** What is wrong with the record as a whole. */
type Missing<L, O> = {
  [N in Names<O>]: N extends keyof L
    ? never
    : `compile: the output '${N}' has no loss; give one, or undefined if it is not trained on`;
}[Names<O>];

type CheckOne<L, O> = [Target<L, O>] extends [infer E extends string] ? E : L;

/** The first message of one loss for all outputs. */
type Each<L, O> = {
  [N in Names<O>]: [Target<L, O[N & keyof O]>] extends [infer E extends string] ? `output '${N}': ${E}` : never;
}[Names<O>];

type CheckField<L, O, N> =
  N extends Names<O>
    ? L extends One
      ? CheckOne<L, O[N & keyof O]>
      : L
    : `compile: loss: the model has no output '${N & string}'`;

export type CheckLoss<L, O> = [Names<O>] extends [never]
  ? L extends One
    ? CheckOne<L, O>
    : 'compile: the model has one output; give one loss'
  : L extends One
    ? [Each<L, O>] extends [never]
      ? L
      : Each<L, O>
    : [Missing<L, O>] extends [never]
      ? { readonly [N in keyof L]: CheckField<L[N], O, N> }
      : Missing<L, O>;

export type CheckWeights<L, O> = [Names<O>] extends [never] ? number : { readonly [N in Trained<L, O>]?: number };

// -------------------------------------------------------------------------------------
// metrics
// -------------------------------------------------------------------------------------

/** The metric's target must be the loss's: `accuracy` on one-hot targets and on labels are two metrics. */
type CheckMetric<M, O, T> = M extends { readonly name: string; readonly update: unknown; readonly '~fn'?: infer F }
  ? NonNullable<F> extends infer G extends Fn
    ? Apply<G, O> extends infer Wanted
      ? Wanted extends string
        ? Wanted
        : Agree<Wanted, T> extends true
          ? M
          : `the metric's target is ${Show<Wanted>}, the loss's ${Show<T>}`
      : never
    : M
  : AnyMetric;

type CheckList<Ms, O, T> = { readonly [K in keyof Ms]: CheckMetric<Ms[K], O, T> };

type CheckOutput<Ms, O, T, N> = N extends keyof T
  ? CheckList<Ms, O[N & keyof O], T[N]>
  : N extends keyof O
    ? `compile: metrics: the output '${N & string}' has no loss, and so no target`
    : `compile: metrics: the model has no output '${N & string}'`;

export type CheckMetrics<Ms, O, T> = [Names<O>] extends [never]
  ? Ms extends readonly unknown[]
    ? CheckList<Ms, O, T>
    : 'compile: the model has one output; give one list of metrics'
  : Ms extends readonly unknown[]
    ? Ms extends readonly []
      ? unknown
      : 'compile: the model has several outputs; give the metrics by their names: { NAME: [...] }'
    : { readonly [N in keyof Ms]: CheckOutput<Ms[N], O, T, N> };
