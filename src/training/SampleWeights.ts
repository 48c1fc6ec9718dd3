/**
 * How much each sample counts in the loss: given directly, or by its class.
 *
 * As with Keras, the loss of a batch is the sum of weighted losses divided by the number of samples (not by the sum of the
 * weights: that is the reduction `meanWithSampleWeight`), the loss of an epoch weighs batches by their number of samples,
 * and of the metrics only `weightedMetrics` see the weights.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { sampleWeightInput, targetInput } from '../interpret/Batches.ts';
import type { NdArray } from '../shape/NdArray.ts';
import type { AnyDataset, Checked } from './Check.ts';
import { type FitError, fitError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** By class number; classes that are not listed weigh 1. */
export type ClassWeight = Readonly<Record<number, number>>;

/**
 * One number for each sample, in the order of the data. With several outputs: the same for all of them, or a record by
 * output, in which an output that is not listed weighs all samples alike.
 */
export type SampleWeight = ArrayLike<number> | { readonly [output: string]: ArrayLike<number> };

/** How much streamed samples count, from the samples. */
export type WeighSamples = (samples: AnyDataset) => SampleWeight;

export interface WeightSettings {
  /**
   * How much samples of each class count in the loss of training: `{ 0: 1, 1: 5 }`. With several outputs by output,
   * `{ kind: { 0: 1, 1: 5 } }` (Keras has it for one output only). Not together with `sampleWeight`. Validation data are
   * not weighted by class.
   */
  readonly classWeight?: ClassWeight | { readonly [output: string]: ClassWeight };
  /** How much each sample counts in the loss; `validationSplit` splits these too. */
  readonly sampleWeight?: SampleWeight;
  /** The same for the samples of `validation`. Keras: `validation_data=(x, y, sample_weight)`. */
  readonly validationSampleWeight?: SampleWeight;
}

// -------------------------------------------------------------------------------------
// checks
// -------------------------------------------------------------------------------------

const isWeight = (value: number): boolean => Number.isFinite(value) && value >= 0;

const notBoth = (what: string): FitError =>
  fitError(`${what}: give classWeight or sampleWeight, not both; multiply them into sampleWeight`);

/** What is wrong with the settings together. */
export const checkWeightSettings = (
  { classWeight, sampleWeight, validationSampleWeight }: WeightSettings,
  validated: boolean,
): E.Either<FitError, void> => {
  if (classWeight !== undefined && sampleWeight !== undefined) return E.left(notBoth('fit'));
  return validationSampleWeight !== undefined && !validated
    ? E.left(
        fitError(
          'fit: validationSampleWeight is for the data given as validation, and there are none; the weights of ' +
            'validationSplit are part of sampleWeight',
        ),
      )
    : E.right(undefined);
};

const checkWeights = (what: string, weights: ArrayLike<number>, size: number): E.Either<FitError, void> => {
  if (weights.length !== size)
    return E.left(fitError(`${what}: expects one weight for each of the ${size} samples, got ${weights.length}`));
  const at = Array.prototype.findIndex.call(weights, (weight: number) => !isWeight(weight));
  return at < 0
    ? E.right(undefined)
    : E.left(fitError(`${what}: expects finite weights, 0 or more; sample ${at} has ${String(weights[at])}`));
};

const checkClasses = (what: string, classWeight: ClassWeight): E.Either<FitError, void> => {
  const entries = Object.entries(classWeight);
  const wrongClass = entries.find(([key]) => !/^\d+$/.test(key));
  if (wrongClass !== undefined)
    return E.left(fitError(`${what}: expects class numbers from 0 as keys, got '${wrongClass[0]}'`));
  const wrong = entries.find(([, weight]) => !isWeight(weight));
  return wrong === undefined
    ? E.right(undefined)
    : E.left(fitError(`${what}: expects finite weights, 0 or more; class ${wrong[0]} has ${String(wrong[1])}`));
};

const quoted = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(', ');

/** The outputs that have targets; `''` alone for a model whose output is no record. */
const outputsOf = ({ types }: Checked): readonly string[] => Object.keys(types.targets);

/** A record by output names outputs only. */
const byOutput = <A>(
  what: string,
  record: Readonly<Record<string, A>>,
  part: Checked,
): E.Either<FitError, readonly (readonly [output: string, of: A])[]> => {
  const outputs = outputsOf(part);
  const stranger = Object.keys(record).find((name) => name === '' || !outputs.includes(name));
  if (stranger === undefined) return E.right(Object.entries(record));
  return E.left(
    fitError(
      outputs.includes('')
        ? `${what}: the model has one output; give its weights without the name '${stranger}'`
        : `${what}: there is no target '${stranger}'; there are ${quoted(outputs)}`,
    ),
  );
};

const named = (what: string, output: string): string => (output === '' ? what : `${what} of '${output}'`);

// -------------------------------------------------------------------------------------
// classes
// -------------------------------------------------------------------------------------

const largest = (data: ArrayLike<number | bigint>, from: number, width: number): number => {
  let best = 0;
  for (let i = 1; i < width; i++) if (Number(data[from + i]) > Number(data[from + best])) best = i;
  return best;
};

/** The class of each sample: its label, yes or no, or the largest of a row. */
const classesOf = (what: string, { shape, data }: NdArray): E.Either<FitError, readonly number[]> => {
  const [size = 0, width = 1, ...rest] = shape;
  if (rest.length > 0 || shape.length > 2)
    return E.left(
      fitError(
        `${what}: expects targets with one class for each sample: [batch], [batch,1] or [batch,classes], got ` +
          `[batch,${shape.slice(1).join(',')}]; give sampleWeight instead`,
      ),
    );
  const classes = Array.from({ length: size }, (_, i) =>
    width === 1 ? Number(data[i]) : largest(data as ArrayLike<number>, i * width, width),
  );
  const at = classes.findIndex((c) => !Number.isInteger(c));
  return at < 0
    ? E.right(classes)
    : E.left(fitError(`${what}: expects targets that are classes; sample ${at} has ${classes[at]}; give sampleWeight`));
};

// -------------------------------------------------------------------------------------
// combinators
// -------------------------------------------------------------------------------------

const weightedBy =
  (output: string, values: Float32Array) =>
  ({ samples, types }: Checked): Checked => {
    const array: NdArray = { dtype: 'float32', shape: [values.length], data: values };
    const target = types.targets[output];
    return {
      samples: { ...samples, arrays: { ...samples.arrays, [sampleWeightInput(output)]: array } },
      types: {
        ...types,
        targets: target === undefined ? types.targets : { ...types.targets, [output]: { ...target, weighted: true } },
      },
    };
  };

const isArrayLike = (weights: SampleWeight): weights is ArrayLike<number> => typeof weights.length === 'number';

/**
 * The samples of a part of the data, which begins at sample `from` of `total`, with their weights. `what` gives messages
 * their beginning: `fit: sampleWeight`.
 */
export const withSampleWeight =
  (what: string, weights: SampleWeight | undefined, from: number, total: number) =>
  (part: Checked): E.Either<FitError, Checked> => {
    if (weights === undefined) return E.right(part);
    const all = isArrayLike(weights)
      ? E.right(outputsOf(part).map((output) => [output, weights] as const))
      : byOutput(what, weights, part);
    const label = (output: string) => (isArrayLike(weights) ? what : named(what, output));
    return pipe(
      all,
      E.chainFirst(E.traverseArray(([output, own]) => checkWeights(label(output), own, total))),
      E.map((checked) =>
        checked.reduce(
          (weighted, [output, own]) =>
            weightedBy(
              output,
              Float32Array.from({ length: part.samples.size }, (_, i) => own[from + i] as number),
            )(weighted),
          part,
        ),
      ),
    );
  };

/** Streamed samples with the weights that a function of them gives, if there is one. */
export const weighed =
  (weigh: WeighSamples | undefined, { classWeight }: WeightSettings) =>
  (data: AnyDataset) =>
  (part: Checked): E.Either<FitError, Checked> => {
    if (weigh === undefined) return E.right(part);
    if (classWeight !== undefined) return E.left(notBoth('fitStream'));
    return pipe(
      E.tryCatch(
        () => weigh(data),
        (thrown) => fitError(`fitStream: sampleWeight: the function threw: ${String(thrown)}`),
      ),
      E.chain((weights) => withSampleWeight('fitStream: sampleWeight', weights, 0, data.size)(part)),
    );
  };

const isByOutput = (
  classWeight: Exclude<WeightSettings['classWeight'], undefined>,
): classWeight is Readonly<Record<string, ClassWeight>> =>
  Object.values(classWeight).some((of) => typeof of === 'object');

/** The samples with the weights of their classes. */
export const withClassWeight =
  ({ classWeight }: WeightSettings) =>
  (part: Checked): E.Either<FitError, Checked> => {
    const what = 'fit: classWeight';
    if (classWeight === undefined) return E.right(part);
    const outputs = outputsOf(part);
    if (!isByOutput(classWeight) && !outputs.includes(''))
      return E.left(
        fitError(
          `${what}: the model has targets for ${quoted(outputs)}; give the weights by their names: ` +
            `{ ${outputs[0]}: { 0: 1, 1: 5 } }`,
        ),
      );
    return pipe(
      isByOutput(classWeight) ? byOutput(what, classWeight, part) : E.right([['', classWeight] as const]),
      E.chain(
        E.traverseArray(([output, own]) =>
          pipe(
            checkClasses(named(what, output), own),
            E.chain(() => classesOf(named(what, output), part.samples.arrays[targetInput(output)] as NdArray)),
            E.map((classes) =>
              weightedBy(
                output,
                Float32Array.from(classes, (c) => own[c] ?? 1),
              ),
            ),
          ),
        ),
      ),
      E.map((changes) => changes.reduce((weighted, change) => change(weighted), part)),
    );
  };
