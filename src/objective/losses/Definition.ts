/**
 * What a loss is, and how it becomes the number that is minimised. See `Loss.ts`.
 */
import type * as E from 'fp-ts/lib/Either.js';
import type { Value } from '../../graph/Graph.ts';
import { add, and, cast, mul, rank } from '../../graph/Operators.ts';
import type { Fn } from '../../shape/Fn.ts';
import { type Requirement, unmet } from '../../shape/Requirement.ts';
import type { AnyShape } from '../../shape/Shape.ts';
import type { Formula } from '../Formula.ts';
import { type Reduction, reduce } from '../Reduction.ts';
import * as T from '../Target.ts';

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

/** Part of a weighted sum. */
export interface Term {
  readonly weight: number;
  readonly loss: AnyLoss;
}

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
  /** What is wrong with the numbers of one sample's target together: what is expected of them, and how to mend it. */
  readonly sampleFault?: (
    target: readonly number[],
  ) => { readonly expected: string; readonly mend: string } | undefined;
  /** Before the reduction: without the last axis, or the classes'. */
  readonly perSample: Formula;
  /** 1 where a value counts, 0 where it does not; shaped as `perSample`'s values. */
  readonly mask: Formula | undefined;
  /** A weighted sum's parts: each is reduced in its own way, then they are added up. */
  readonly terms?: readonly Term[];
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

/** What counts for the loss itself and by the mask of the output, which is left out where its axes are not the values'. */
const bothMasks = (own: Value | undefined, ofOutput: Value | undefined, values: Value): Value | undefined => {
  const fits = ofOutput !== undefined && rank(ofOutput) <= rank(values) ? ofOutput : undefined;
  return own === undefined || fits === undefined ? (own ?? fits) : and(cast('bool')(own), fits);
};

/**
 * The number to minimise, a float32 scalar. Weights: one for each sample, one for each value, or one for all. `mask`: which
 * steps of the output count, bool [batch, seq].
 */
export const scalar =
  (loss: AnyLoss) =>
  (output: Value, target: Value, weights?: Value, mask?: Value): Value => {
    if (loss.terms !== undefined)
      return loss.terms
        .map((t) => mul(scalar(t.loss)(output, target, weights, mask), t.weight))
        .reduce((a, b) => add(a, b));
    const values = loss.perSample(output, target);
    const both = bothMasks(loss.mask?.(output, target), mask, values);
    return reduce({ reduction: loss.reduction, weights, mask: both })(values);
  };

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

export const define = <F extends Fn>(loss: Omit<Loss<F>, '~fn'>): Loss<F> => loss;

/** The loss; with options that do not meet what is required, one that no output goes with. */
export const requiring =
  (op: string, requirements: readonly Requirement[]) =>
  <F extends Fn>(loss: Loss<F>): Loss<F> => ({
    ...loss,
    targetShape: T.provided(unmet(op, requirements))(loss.targetShape),
  });

/**
 * The loss with the targets of another one: their shape and element type, the numbers that they may be, and which of them do
 * not count. For a loss of your own whose targets are classes.
 *
 * @example
 * // How often the class is not the most probable one, but smooth: 1 minus its probability.
 * pipe(
 *   Loss.custom('doubt', (output, target) => {
 *     const classes = unsqueeze([1])(cast('int64')(target));
 *     return squeeze([1])(sub(1, gatherElements(output, classes, 1)));
 *   }),
 *   Loss.withTargetsOf(Loss.sparseCategoricalCrossentropy()),
 * );
 */
export const withTargetsOf =
  <F extends Fn>({ target, targetShape, range, mask, sampleFault = () => undefined }: Loss<F>) =>
  (loss: AnyLoss): Loss<F> =>
    define({ ...loss, target, targetShape, range, mask, sampleFault });

/** What probabilities, and labels that are 0 or 1, may be. */
export const probabilities = (): Range => ({ min: 0, max: 1, integer: false, except: undefined });

/** Classes, counted from 0. */
export const classNumbers =
  (except?: number) =>
  (output: AnyShape): Range | undefined => {
    const n = T.classes(output);
    return n === undefined ? undefined : { min: 0, max: n - 1, integer: true, except };
  };
