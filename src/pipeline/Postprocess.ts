/**
 * From a model's scores to answers: the labels' number is checked against the model's output by the compiler.
 *
 * Scores that are NaN are an error of that element: no label follows from them.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { NdArray } from '../shape/NdArray.ts';
import { show } from '../shape/Shape.ts';
import { type Pipeline, pure } from './Arrow.ts';
import * as Border from './Border.ts';
import { type InvalidScores, invalidScores, type ShapeMismatch, shapeMismatch } from './PipelineError.ts';
import { mismatch } from './Samples.ts';
import * as Stage from './Stage.ts';

// -------------------------------------------------------------------------------------
// scores
// -------------------------------------------------------------------------------------

export type ScoreError = InvalidScores | ShapeMismatch;

/** As many scores as there are labels. */
export type Scores<L extends readonly string[]> = NdArray<number extends L['length'] ? [number] : [L['length']]>;

export interface Ranked<L extends string> {
  readonly label: L;
  readonly score: number;
}

const numbersOf = (what: string, size: number, array: NdArray<unknown>): E.Either<ScoreError, readonly number[]> => {
  const wrong = mismatch([size], array);
  if (wrong !== undefined) return E.left(shapeMismatch(what, show([size]), wrong));
  const scores = Array.from(array.data as ArrayLike<number | bigint>, Number);
  const nan = scores.findIndex(Number.isNaN);
  return nan < 0
    ? E.right(scores)
    : E.left(invalidScores(`${what}: score ${nan} (from 0) is NaN; check the input and the model's weights`));
};

interface Definition<S extends readonly number[], B> {
  readonly name: string;
  readonly size: S[0];
  readonly settings: Readonly<Record<string, unknown>>;
  readonly to: Border.AnyBorder;
  readonly problems?: readonly (string | undefined)[];
  readonly of: (scores: readonly number[]) => B;
}

const scored = <A, B>({ name, size, settings, to, problems = [], of }: Definition<readonly number[], B>) =>
  pure<ScoreError, A, B>(
    Stage.data(name, settings),
    { from: Border.array([size ?? 0]), to },
    (array) => {
      const scores = numbersOf(name.charAt(0).toLowerCase() + name.slice(1), size ?? 0, array as NdArray<unknown>);
      return E.isLeft(scores) ? scores : E.right(of(scores.right));
    },
    problems.flatMap((p) => (p === undefined ? [] : [p])),
  );

const labelling = (what: string, labels: readonly string[]): string | undefined => {
  const twice = labels.find((l, i) => labels.indexOf(l) !== i);
  return labels.length === 0
    ? `${what}: expected at least one label, got none`
    : twice === undefined
      ? undefined
      : `${what}: the label '${twice}' is there twice`;
};

const best = (scores: readonly number[]): number => scores.reduce((at, x, i) => (x > (scores[at] ?? x) ? i : at), 0);

// -------------------------------------------------------------------------------------
// labels
// -------------------------------------------------------------------------------------

/**
 * The label with the greatest score; of equal ones the first.
 *
 * @example
 * P.argmax(['setosa', 'versicolor', 'virginica'])   // NdArray<[3]> -> 'setosa' | 'versicolor' | 'virginica'
 */
export const argmax = <const L extends readonly string[]>(
  labels: L,
): Pipeline<unknown, ScoreError, Scores<L>, L[number]> =>
  scored({
    name: 'Argmax',
    size: labels.length,
    settings: { labels },
    to: Border.oneOf(labels),
    problems: [labelling('argmax', labels)],
    of: (scores) => labels[best(scores)] as L[number],
  });

/** The `k` greatest, greatest first; equal ones in the labels' order. */
export const topK = <const L extends readonly string[]>(
  k: number,
  labels: L,
): Pipeline<unknown, ScoreError, Scores<L>, readonly Ranked<L[number]>[]> =>
  scored({
    name: 'TopK',
    size: labels.length,
    settings: { k, labels },
    to: Border.type(`Ranked<${Border.show(Border.oneOf(labels))}>[]`),
    problems: [
      labelling('topK', labels),
      Number.isInteger(k) && k >= 1 && k <= labels.length
        ? undefined
        : `topK: expected an integer of 1 to ${labels.length} (as many labels), got ${k}`,
    ],
    of: (scores) =>
      scores
        .map((score, i): Ranked<L[number]> => ({ label: labels[i] as L[number], score }))
        .sort((a, b) => b.score - a.score)
        .slice(0, k),
  });

/**
 * All labels whose score is at least the threshold, for models that give each label a probability of its own: one threshold, or one
 * for each label. Default 0.5.
 */
export const threshold = <const L extends readonly string[]>(
  labels: L,
  at: number | { readonly [K in L[number]]: number } = 0.5,
): Pipeline<unknown, ScoreError, Scores<L>, readonly L[number][]> => {
  const thresholds = labels.map((l) => (typeof at === 'number' ? at : (at[l as L[number]] as number | undefined)));
  return scored({
    name: 'Threshold',
    size: labels.length,
    settings: { labels, at },
    to: Border.type(`(${Border.show(Border.oneOf(labels))})[]`),
    problems: [
      labelling('threshold', labels),
      ...labels.map((l, i) =>
        Number.isFinite(thresholds[i]) ? undefined : `threshold: expected a number for '${l}', got ${thresholds[i]}`,
      ),
    ],
    of: (scores) => labels.filter((_, i) => (scores[i] ?? 0) >= (thresholds[i] ?? 0)),
  });
};

/** Each label with its score. */
export const probabilities = <const L extends readonly string[]>(
  labels: L,
): Pipeline<unknown, ScoreError, Scores<L>, { readonly [K in L[number]]: number }> =>
  scored({
    name: 'Probabilities',
    size: labels.length,
    settings: { labels },
    to: Border.type(`Record<${Border.show(Border.oneOf(labels))}, number>`),
    problems: [labelling('probabilities', labels)],
    of: (scores) => Object.fromEntries(labels.map((l, i) => [l, scores[i]])) as { readonly [K in L[number]]: number },
  });

// -------------------------------------------------------------------------------------
// numbers
// -------------------------------------------------------------------------------------

const vector = (numbers: readonly number[]): NdArray => ({
  dtype: 'float32',
  shape: [numbers.length],
  data: Float32Array.from(numbers),
});

/** Logits to probabilities that sum to 1. Keras: `softmax` on one sample. Of more than one infinity they share. */
const normalised = (logits: readonly number[]): readonly number[] => {
  const greatest = Math.max(...logits);
  const powers = logits.map((x) => (x === greatest ? 1 : Math.exp(x - greatest)));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => p / total);
};

/** Logits to probabilities: `softmax(3)` is from `NdArray<[3]>` to `NdArray<[3]>`. */
export const softmax = <const N extends number>(size: N): Pipeline<unknown, ScoreError, NdArray<[N]>, NdArray<[N]>> =>
  scored({
    name: 'Softmax',
    size,
    settings: { size },
    to: Border.array([size]),
    of: (logits) => vector(normalised(logits)) as NdArray<[N]>,
  });

/** Logits to a probability for each, independent of the others. */
export const sigmoid = <const N extends number>(size: N): Pipeline<unknown, ScoreError, NdArray<[N]>, NdArray<[N]>> =>
  scored({
    name: 'Sigmoid',
    size,
    settings: { size },
    to: Border.array([size]),
    of: (logits) => vector(logits.map((x) => 1 / (1 + Math.exp(-x)))) as NdArray<[N]>,
  });

/** The numbers as a list. */
export const numbers = <const N extends number>(
  size: N,
): Pipeline<unknown, ScoreError, NdArray<[N]>, readonly number[]> =>
  scored({
    name: 'Numbers',
    size,
    settings: { size },
    to: Border.type('number[]'),
    of: (xs) => xs,
  });

/** The only number. */
export const scalar: Pipeline<unknown, ScoreError, NdArray<[1]>, number> = scored({
  name: 'Scalar',
  size: 1,
  settings: {},
  to: Border.type('number'),
  of: ([x]) => x as number,
});
