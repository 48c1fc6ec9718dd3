/**
 * Metrics of counts: how many were called yes and are, how many were missed, and shares of these.
 */
import { pipe } from 'fp-ts/lib/function.js';
import { finite, oneOf, positive } from '../../shape/Requirement.ts';
import type { Direction } from '../../training/Event.ts';
import {
  type Average,
  averaged,
  type CallOptions,
  type Counter,
  called,
  counts,
  fScore,
  largestOfRow,
  supportOf,
} from '../Confusion.ts';
import { only, ratio } from '../Mean.ts';
import * as T from '../Target.ts';
import { expecting, type Metric, type NameOptions, nameOf, requiring, withColumns } from './Definition.ts';

export type { Average, CallOptions } from '../Confusion.ts';

// -------------------------------------------------------------------------------------
// counts
// -------------------------------------------------------------------------------------

export interface CountOptions {
  /** Strictly above it is a yes. Default 0.5. */
  readonly threshold?: number;
  /** Only this column (counted from 0). Default: all of them in one pool. */
  readonly classId?: number;
}

const counter =
  <D extends Direction>(which: Counter, op: string, direction: D) =>
  <N extends string>(name: N, options: CountOptions): Metric<N, T.SameShape, D> => ({
    name,
    direction,
    accepts: pipe(
      expecting(op, T.sameShape),
      withColumns(op, options),
      requiring(op, [finite('threshold', options.threshold)]),
    ),
    states: () => ({ [which]: [] }),
    update: (output, target, weights) => counts([which], called(output, target, options), 'one', weights),
    result: (states) => only(states[which]),
  });

/** How many were called yes and are. Keras: TruePositives. */
export const truePositives = <const N extends string = 'true_positives'>(
  options: NameOptions<N> & CountOptions = {},
): Metric<N, T.SameShape, 'max'> =>
  counter('truePositives', 'truePositives', 'max')(nameOf<N>(options, 'true_positives'), options);

/** How many were called yes and are not. Keras: FalsePositives. */
export const falsePositives = <const N extends string = 'false_positives'>(
  options: NameOptions<N> & CountOptions = {},
): Metric<N, T.SameShape, 'min'> =>
  counter('falsePositives', 'falsePositives', 'min')(nameOf<N>(options, 'false_positives'), options);

/** How many were called no and are not. Keras: TrueNegatives. */
export const trueNegatives = <const N extends string = 'true_negatives'>(
  options: NameOptions<N> & CountOptions = {},
): Metric<N, T.SameShape, 'max'> =>
  counter('trueNegatives', 'trueNegatives', 'max')(nameOf<N>(options, 'true_negatives'), options);

/** How many were called no and are. Keras: FalseNegatives. */
export const falseNegatives = <const N extends string = 'false_negatives'>(
  options: NameOptions<N> & CountOptions = {},
): Metric<N, T.SameShape, 'min'> =>
  counter('falseNegatives', 'falseNegatives', 'min')(nameOf<N>(options, 'false_negatives'), options);

// -------------------------------------------------------------------------------------
// shares
// -------------------------------------------------------------------------------------

const averages = oneOf('micro', 'macro', 'weighted');

export interface ShareOptions extends CallOptions {
  /**
   * Default `micro`, Keras's: all columns in one pool. `macro`: the mean of the columns' shares; `weighted`: that weighted
   * by how many labels each has. For classes that exclude each other take `topK: 1`.
   */
  readonly average?: Average;
}

const share =
  (error: 'falsePositives' | 'falseNegatives') =>
  <N extends string>(op: string, name: N, options: ShareOptions): Metric<N, T.SameShape, 'max'> => {
    const average = options.average ?? 'micro';
    const pools = average === 'micro' ? 'one' : 'columns';
    // The weighted mean needs the number of labels, whichever share it is of.
    const which: readonly Counter[] =
      average === 'weighted' ? ['truePositives', 'falsePositives', 'falseNegatives'] : ['truePositives', error];
    return {
      name,
      direction: 'max',
      accepts: pipe(
        expecting(op, T.sameShape),
        withColumns(op, options),
        requiring(op, [finite('threshold', options.threshold), averages('average', options.average)]),
      ),
      states: ({ shape }) => {
        const columns = options.classId === undefined ? shape[shape.length - 1] : 1;
        const each = pools === 'one' || typeof columns !== 'number' ? [] : [columns];
        return Object.fromEntries(which.map((state) => [state, each]));
      },
      update: (output, target, weights) => counts(which, called(output, target, options), pools, weights),
      result: (states) => {
        const wrong = states[error] ?? [];
        const shares = Array.from(states.truePositives ?? [], (right, i) => ratio(right, right + (wrong[i] ?? 0)));
        return averaged(shares, supportOf(states), average);
      },
    };
  };

/**
 * Of those called yes, the share that are; 0 if none was called. Keras: Precision. scikit-learn: precision_score, with
 * `average`.
 */
export const precision = <const N extends string = 'precision'>(
  options: NameOptions<N> & ShareOptions = {},
): Metric<N, T.SameShape, 'max'> => share('falsePositives')('precision', nameOf<N>(options, 'precision'), options);

/**
 * Of those that are yes, the share that was called; 0 if there are none. Keras: Recall. scikit-learn: recall_score, with
 * `average`.
 */
export const recall = <const N extends string = 'recall'>(
  options: NameOptions<N> & ShareOptions = {},
): Metric<N, T.SameShape, 'max'> => share('falseNegatives')('recall', nameOf<N>(options, 'recall'), options);

// -------------------------------------------------------------------------------------
// F scores
// -------------------------------------------------------------------------------------

export interface FScoreOptions {
  /** Strictly above it is a yes. Default: the largest of each row is (with one column: above 0.5). */
  readonly threshold?: number;
  /** The `k` largest of each row are, the first of equals (without it, all of equals). */
  readonly topK?: number;
  /** Default `macro`: the mean over classes. Keras's default, a number for each class, is none that can be logged. */
  readonly average?: Average;
}

/**
 * The harmonic mean of precision and recall, recall counting `beta` times as much. Outputs and targets are
 * [batch, classes], targets 0 or 1. Keras: FBetaScore.
 */
export const fBeta = <const N extends string = 'fbeta_score'>(
  options: NameOptions<N> & FScoreOptions & { readonly beta?: number } = {},
): Metric<N, T.Matrix<'fBeta'>, 'max'> =>
  fMeasure('fBeta', nameOf<N>(options, 'fbeta_score'), options.beta ?? 1, options);

/** The harmonic mean of precision and recall. Keras: F1Score. */
export const f1 = <const N extends string = 'f1_score'>(
  options: NameOptions<N> & FScoreOptions = {},
): Metric<N, T.Matrix<'f1'>, 'max'> => fMeasure('f1', nameOf<N>(options, 'f1_score'), 1, options);

const fMeasure = <Op extends string, N extends string>(
  op: Op,
  name: N,
  beta: number,
  options: FScoreOptions,
): Metric<N, T.Matrix<Op>, 'max'> => {
  const average = options.average ?? 'macro';
  const pools = average === 'micro' ? 'one' : 'columns';
  const states = ['truePositives', 'falsePositives', 'falseNegatives'] as const;
  return {
    name,
    direction: 'max',
    accepts: pipe(
      expecting(op, T.matrix(op)),
      withColumns(op, options),
      requiring(op, [
        positive('beta', beta),
        finite('threshold', options.threshold),
        averages('average', options.average),
      ]),
    ),
    states: (output) => {
      const columns = output.shape[1];
      const shape = pools === 'one' || typeof columns !== 'number' ? [] : [columns];
      return Object.fromEntries(states.map((state) => [state, shape]));
    },
    update: (output, target, weights) => {
      const { topK } = options;
      const threshold = options.threshold ?? (topK === undefined && output.type.shape[1] === 1 ? 0.5 : undefined);
      const calls =
        threshold === undefined && topK === undefined
          ? largestOfRow(output, target)
          : called(output, target, {
              ...(threshold === undefined ? {} : { threshold }),
              ...(topK === undefined ? {} : { topK }),
            });
      return counts(states, calls, pools, weights);
    },
    result: (sums) => fScore(sums, beta, average),
  };
};
