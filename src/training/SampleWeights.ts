/**
 * How much each sample counts in the loss: given directly, or by its class.
 *
 * As with Keras, the loss of a batch is the sum of weighted losses divided by the number of samples (not by the sum of the
 * weights: that is the reduction `meanWithSampleWeight`), the loss of an epoch weighs batches by their number of samples,
 * and metrics are not weighted.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { sampleWeightInput, targetInput } from '../interpret/Batches.ts';
import type { NdArray } from '../shape/NdArray.ts';
import type { Checked } from './Check.ts';
import { type FitError, fitError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** By class number; classes that are not listed weigh 1. */
export type ClassWeight = Readonly<Record<number, number>>;

export interface WeightSettings {
  /** How much samples of each class count in the loss of training. Not together with `sampleWeight`. */
  readonly classWeight?: ClassWeight;
  /** How much each sample counts in the loss, in the order of the data; `validationSplit` splits them too. */
  readonly sampleWeight?: ArrayLike<number>;
}

// -------------------------------------------------------------------------------------
// checks
// -------------------------------------------------------------------------------------

const isWeight = (value: number): boolean => Number.isFinite(value) && value >= 0;

/** What is wrong with the settings themselves, for data of that many samples. */
export const checkWeightSettings = (
  { classWeight, sampleWeight }: WeightSettings,
  size: number,
): E.Either<FitError, void> => {
  if (classWeight !== undefined && sampleWeight !== undefined)
    return E.left(fitError('fit: give classWeight or sampleWeight, not both; multiply them into sampleWeight'));
  const entries = Object.entries(classWeight ?? {});
  const wrongClass = entries.find(([key]) => !/^\d+$/.test(key));
  if (wrongClass !== undefined)
    return E.left(fitError(`fit: classWeight: expects class numbers from 0 as keys, got '${wrongClass[0]}'`));
  const wrong = entries.find(([, weight]) => !isWeight(weight));
  if (wrong !== undefined)
    return E.left(
      fitError(`fit: classWeight: expects finite weights, 0 or more; class ${wrong[0]} has ${String(wrong[1])}`),
    );
  if (sampleWeight === undefined) return E.right(undefined);
  if (sampleWeight.length !== size)
    return E.left(
      fitError(`fit: sampleWeight: expects one weight for each of the ${size} samples, got ${sampleWeight.length}`),
    );
  const at = Array.prototype.findIndex.call(sampleWeight, (weight: number) => !isWeight(weight));
  return at < 0
    ? E.right(undefined)
    : E.left(
        fitError(`fit: sampleWeight: expects finite weights, 0 or more; sample ${at} has ${String(sampleWeight[at])}`),
      );
};

// -------------------------------------------------------------------------------------
// classes
// -------------------------------------------------------------------------------------

const largest = (data: ArrayLike<number | bigint>, from: number, width: number): number => {
  let best = 0;
  for (let i = 1; i < width; i++) if (Number(data[from + i]) > Number(data[from + best])) best = i;
  return best;
};

/** The class of each sample: its label, yes or no, or the largest of a row. */
const classesOf = ({ shape, data }: NdArray): E.Either<FitError, readonly number[]> => {
  const [size = 0, width = 1, ...rest] = shape;
  if (rest.length > 0 || shape.length > 2)
    return E.left(
      fitError(
        `fit: classWeight: expects targets with one class for each sample: [batch], [batch,1] or [batch,classes], got ` +
          `[batch,${shape.slice(1).join(',')}]; give sampleWeight instead`,
      ),
    );
  const classes = Array.from({ length: size }, (_, i) =>
    width === 1 ? Number(data[i]) : largest(data as ArrayLike<number>, i * width, width),
  );
  const at = classes.findIndex((c) => !Number.isInteger(c));
  return at < 0
    ? E.right(classes)
    : E.left(
        fitError(
          `fit: classWeight: expects targets that are classes; sample ${at} has ${classes[at]}; give sampleWeight`,
        ),
      );
};

// -------------------------------------------------------------------------------------
// combinators
// -------------------------------------------------------------------------------------

const weightedBy =
  (values: Float32Array) =>
  ({ samples, types }: Checked): Checked => ({
    samples: {
      ...samples,
      arrays: { ...samples.arrays, [sampleWeightInput]: { dtype: 'float32', shape: [values.length], data: values } },
    },
    types: { ...types, weighted: true },
  });

/** The samples of a part of the data, which begins at sample `from`, with their weights. */
export const withSampleWeight =
  ({ sampleWeight }: WeightSettings, from: number) =>
  (part: Checked): Checked =>
    sampleWeight === undefined
      ? part
      : weightedBy(Float32Array.from({ length: part.samples.size }, (_, i) => sampleWeight[from + i] as number))(part);

/** The samples with the weights of their classes. */
export const withClassWeight =
  ({ classWeight }: WeightSettings) =>
  (part: Checked): E.Either<FitError, Checked> =>
    classWeight === undefined
      ? E.right(part)
      : pipe(
          classesOf(part.samples.arrays[targetInput] as NdArray),
          E.map((classes) => weightedBy(Float32Array.from(classes, (c) => classWeight[c] ?? 1))(part)),
        );
