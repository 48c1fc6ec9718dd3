/**
 * Losses: what training makes small.
 *
 * A loss is a value that knows which targets go with an output (as a type, and at run time), how output and target
 * become one number for each sample, and how those become the number that is minimised. Definitions and defaults are
 * Keras's.
 *
 * @example
 * import { Loss } from 'grad-ts';
 *
 * Loss.binaryCrossentropy({ labelSmoothing: 0.001 });
 * Loss.sparseCategoricalCrossentropy(); // output [batch,10] -> target int32[batch]
 */
import type * as E from 'fp-ts/lib/Either.js';
import type { Value } from '../graph/Graph.ts';
import { neg } from '../graph/Operators.ts';
import type { Fn } from '../shape/Fn.ts';
import type { AnyShape } from '../shape/Shape.ts';
import * as C from './Crossentropy.ts';
import type { Formula } from './Formula.ts';
import * as F from './Formula.ts';
import { type Reduction, reduce } from './Reduction.ts';
import * as T from './Target.ts';

export type { SmoothingOptions, SparseOptions } from './Crossentropy.ts';
export { type ReduceOptions, type Reduction, reduce } from './Reduction.ts';
export type { Categorical, SameShape, Sparse } from './Target.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** What the numbers of a target may be. Data outside are an error, not a loss. */
export interface Range {
  readonly min: number;
  readonly max: number;
  /** Whole numbers only. */
  readonly integer: boolean;
  /** One more that may be there. */
  readonly except: number | undefined;
}

/** Any loss, whatever its targets. */
export type AnyLoss = Loss;

/** `F`: from the model's output shape to the target's. */
export interface Loss<F extends Fn = Fn> {
  /** Keras's: `binary_crossentropy`. */
  readonly name: string;
  /** Element type of the target. */
  readonly target: 'float32' | 'int32';
  readonly reduction: Reduction;
  /** `F` at run time: the target's shape, or the message that the compiler would print. */
  readonly targetShape: (output: AnyShape) => E.Either<string, AnyShape>;
  /** What the target's numbers may be; undefined: anything. */
  readonly range: (output: AnyShape) => Range | undefined;
  /** Before the reduction: without the last axis, or the classes'. */
  readonly perSample: Formula;
  /** 1 where a value counts, 0 where it does not; shaped as `perSample`'s values. */
  readonly mask: Formula | undefined;
  /** Phantom: the function on shapes as the compiler knows it. Never present at run time. */
  readonly '~fn'?: F;
}

export interface ReductionOptions {
  /** Default `sumOverBatchSize`: the mean over the batch. */
  readonly reduction?: Reduction;
}

// -------------------------------------------------------------------------------------
// interpreters
// -------------------------------------------------------------------------------------

/** The number to minimise, a float32 scalar. Weights: one for each sample, one for each value, or one for all. */
export const scalar =
  (loss: AnyLoss) =>
  (output: Value, target: Value, weights?: Value): Value =>
    reduce({ reduction: loss.reduction, weights, mask: loss.mask?.(output, target) })(loss.perSample(output, target));

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * A loss of your own, from a formula on graph values: one value for each sample. The target has the output's shape.
 *
 * @example
 * Loss.custom('quartic', (output, target) => reduceMean({ axes: [-1] })(pow(sub(output, target), 4)));
 */
export const custom = (name: string, perSample: Formula, options: ReductionOptions = {}): Loss<T.SameShape> => ({
  name,
  target: 'float32',
  reduction: options.reduction ?? 'sumOverBatchSize',
  targetShape: T.sameShape,
  range: () => undefined,
  perSample,
  mask: undefined,
});

const define = <F extends Fn>(loss: Omit<Loss<F>, '~fn'>): Loss<F> => loss;

const probabilities = (): Range => ({ min: 0, max: 1, integer: false, except: undefined });

/**
 * For outputs that are yes or no, each on its own: -[y ln p + (1 - y) ln(1 - p)], mean over the last axis. Targets are
 * in [0, 1], in the output's shape. End the model with a sigmoid, or with nothing and `fromLogits: true`.
 * Keras: BinaryCrossentropy. PyTorch: BCELoss, BCEWithLogitsLoss.
 */
export const binaryCrossentropy = (options: C.SmoothingOptions & ReductionOptions = {}): Loss<T.SameShape> => ({
  ...custom('binary_crossentropy', C.binaryCrossentropy(options), options),
  range: probabilities,
});

/**
 * For outputs that are one of several classes, with one-hot targets (or probabilities) in the output's shape: the sum
 * of -y ln p. End the model with a softmax, or with nothing and `fromLogits: true`.
 * Keras: CategoricalCrossentropy. PyTorch: CrossEntropyLoss on logits.
 */
export const categoricalCrossentropy = (options: C.SmoothingOptions & ReductionOptions = {}): Loss<T.Categorical> =>
  define({
    ...custom('categorical_crossentropy', C.categoricalCrossentropy(options), options),
    targetShape: T.categorical('categoricalCrossentropy'),
    range: probabilities,
  });

/**
 * As `categoricalCrossentropy`, with the class's number as target: output [batch,10] goes with int32[batch], whole
 * numbers from 0 to 9. Positions with `ignoreClass` do not count.
 * Keras: SparseCategoricalCrossentropy. PyTorch: CrossEntropyLoss on logits.
 */
export const sparseCategoricalCrossentropy = (options: C.SparseOptions & ReductionOptions = {}): Loss<T.Sparse> => ({
  name: 'sparse_categorical_crossentropy',
  target: 'int32',
  reduction: options.reduction ?? 'sumOverBatchSize',
  targetShape: T.sparse('sparseCategoricalCrossentropy'),
  range: (output) => {
    const n = T.classes(output);
    return n === undefined ? undefined : { min: 0, max: n - 1, integer: true, except: options.ignoreClass };
  },
  perSample: C.sparseCategoricalCrossentropy(options),
  mask: options.ignoreClass === undefined ? undefined : C.notIgnored(options.ignoreClass),
});

/** Mean of (y - p)^2 over the last axis. Keras: MeanSquaredError. PyTorch: MSELoss. */
export const meanSquaredError = (options: ReductionOptions = {}): Loss<T.SameShape> =>
  custom('mean_squared_error', F.meanSquaredError, options);

/** Mean of |y - p| over the last axis. Keras: MeanAbsoluteError. PyTorch: L1Loss. */
export const meanAbsoluteError = (options: ReductionOptions = {}): Loss<T.SameShape> =>
  custom('mean_absolute_error', F.meanAbsoluteError, options);

/** Mean of 100 |y - p| / |y|, with |y| at least 1e-7. Keras: MeanAbsolutePercentageError. */
export const meanAbsolutePercentageError = (options: ReductionOptions = {}): Loss<T.SameShape> =>
  custom('mean_absolute_percentage_error', F.meanAbsolutePercentageError, options);

/** Mean of (ln(y + 1) - ln(p + 1))^2; negative numbers count as 0. Keras: MeanSquaredLogarithmicError. */
export const meanSquaredLogarithmicError = (options: ReductionOptions = {}): Loss<T.SameShape> =>
  custom('mean_squared_logarithmic_error', F.meanSquaredLogarithmicError, options);

/** Squared near the truth, linear further than `delta` (default 1) from it. Keras: Huber. PyTorch: HuberLoss. */
export const huber = (options: ReductionOptions & { readonly delta?: number } = {}): Loss<T.SameShape> =>
  custom('huber_loss', F.huber(options.delta ?? 1), options);

/** Mean of ln(cosh(p - y)): as Huber, but smooth. Keras: LogCosh. */
export const logCosh = (options: ReductionOptions = {}): Loss<T.SameShape> => custom('log_cosh', F.logCosh, options);

/** Mean of max(1 - y p, 0) for labels -1 and 1 (or 0 and 1). Keras: Hinge. */
export const hinge = (options: ReductionOptions = {}): Loss<T.SameShape> => custom('hinge', F.hinge, options);

/** Mean of max(1 - y p, 0)^2 for labels -1 and 1 (or 0 and 1). Keras: SquaredHinge. */
export const squaredHinge = (options: ReductionOptions = {}): Loss<T.SameShape> =>
  custom('squared_hinge', F.squaredHinge, options);

/** Best wrong score minus the right one, plus 1, not below 0; one-hot targets. Keras: CategoricalHinge. */
export const categoricalHinge = (options: ReductionOptions = {}): Loss<T.SameShape> =>
  custom('categorical_hinge', F.categoricalHinge, options);

/** Sum of y ln(y / p), both clipped to [1e-7, 1]. Keras: KLDivergence. PyTorch: KLDivLoss. */
export const klDivergence = (options: ReductionOptions = {}): Loss<T.SameShape> => ({
  ...custom('kl_divergence', F.klDivergence, options),
  range: probabilities,
});

/** Mean of p - y ln p, for counts. Keras: Poisson. PyTorch: PoissonNLLLoss with log_input false. */
export const poisson = (options: ReductionOptions = {}): Loss<T.SameShape> => custom('poisson', F.poisson, options);

/** Minus the cosine of the angle between y and p: -1 is best. Keras: CosineSimilarity. */
export const cosineSimilarity = (options: ReductionOptions = {}): Loss<T.SameShape> =>
  custom('cosine_similarity', (output, target) => neg(F.cosine(output, target)), options);
