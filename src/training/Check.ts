/**
 * Data against a model and its objective, before anything runs: what the compiler could not know.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { type Dataset, namedArrays } from '../data/Dataset.ts';
import { type DataTypes, dataInput, targetInput } from '../interpret/Batches.ts';
import type { Resolved } from '../model/Resolved.ts';
import type { Range } from '../objective/Loss.ts';
import type { NdArray } from '../shape/NdArray.ts';
import { type AnyShape, agree, sample, show, sized } from '../shape/Shape.ts';
import type { Objective } from './Objective.ts';
import type { Samples } from './Trainer.ts';
import { type FitError, fitError, type TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** A data set as arrays by graph input, and their element types. */
export interface Checked {
  readonly samples: Samples;
  readonly types: DataTypes;
}

// -------------------------------------------------------------------------------------
// checks, as values
// -------------------------------------------------------------------------------------

const sampleShape = (array: NdArray, like: AnyShape): AnyShape => {
  const dims = array.shape.slice(1);
  return array.dtype === 'int32' && 'int' in like ? { int: dims } : dims;
};

/** Which data are spoken of: by whom they are asked for, what they are, and whose shape it is. */
export interface Part {
  readonly who: string;
  readonly name: string;
  readonly whose: string;
}

export const parts = {
  data: { who: 'fit', name: 'data', whose: "dataset's" },
  validation: { who: 'fit', name: 'validation data', whose: "validation data's" },
  evaluated: { who: 'evaluate', name: 'data', whose: "dataset's" },
} satisfies Readonly<Record<string, Part>>;

const mismatch = ({ who, whose }: Part, what: string, want: AnyShape, array: NdArray): FitError | undefined => {
  const isInteger = array.dtype === 'int32';
  const wanted = sample(want);
  return agree(sampleShape(array, want), sized(wanted)) && isInteger === 'int' in want
    ? undefined
    : fitError(
        `${who}: the model's ${what} is ${show(wanted)}, the ${whose} ${isInteger ? 'int32' : ''}[${array.shape.slice(1).join(',')}]`,
      );
};

export const positive = (name: string, value: number): FitError | undefined =>
  Number.isInteger(value) && value > 0 ? undefined : fitError(`fit: ${name} must be a positive integer, got ${value}`);

export const tooLarge = (name: string, batchSize: number, size: number): FitError | undefined =>
  batchSize <= size
    ? undefined
    : fitError(`fit: ${name} ${batchSize} is larger than the ${size} samples; give at most ${size}, or more data`);

const describe = ({ min, max, integer, except }: Range): string =>
  `${integer ? 'whole numbers' : 'numbers'} from ${min} to ${max}${except === undefined ? '' : ` (or ${except})`}`;

/** The first number of the targets that the loss has no meaning for. */
const outOfRange = (
  loss: string,
  { who, name }: Part,
  array: NdArray,
  range: Range | undefined,
): FitError | undefined => {
  if (range === undefined) return undefined;
  const { data } = array;
  const width = data.length / Math.max(1, array.shape[0] ?? 1);
  for (let i = 0; i < data.length; i++) {
    const v = Number(data[i]);
    const fine = (v >= range.min && v <= range.max && (!range.integer || Number.isInteger(v))) || v === range.except;
    if (!fine)
      return fitError(
        `${who}: ${loss} expects targets that are ${describe(range)}; sample ${Math.floor(i / width)} of the ${name} ` +
          `has ${v}; correct it, or give the model an output of another size or the objective another loss`,
      );
  }
  return undefined;
};

export const firstOf = (errors: readonly (FitError | undefined)[]): E.Either<FitError, void> => {
  const found = errors.find((e) => e !== undefined);
  return found === undefined ? E.right(undefined) : E.left(found);
};

// -------------------------------------------------------------------------------------
// preparation
// -------------------------------------------------------------------------------------

export type AnyDataset = Dataset<unknown, unknown>;

/** Arrays by the model's input names, and the target. */
const toSamples = ({ who }: Part, resolved: Resolved, data: AnyDataset): E.Either<FitError, Samples> => {
  const x: Readonly<Record<string, NdArray>> = namedArrays(data.x);
  const y: Readonly<Record<string, NdArray>> = namedArrays(data.y);
  const single = resolved.inputs.length === 1 && Object.keys(x).length === 1 ? Object.values(x)[0] : undefined;
  const inputs = resolved.inputs.map(({ name }) => [name, single ?? x[name]] as const);
  const missing = inputs.find(([, array]) => array === undefined);
  const spare = single !== undefined ? [] : Object.keys(x).filter((name) => !inputs.some(([n]) => n === name));
  const target: NdArray | undefined = Object.values(y)[0];
  if (missing !== undefined)
    return E.left(
      fitError(`${who}: the model's input '${missing[0]}' is not in the data, which has ${Object.keys(x).join(', ')}`),
    );
  if (spare.length > 0)
    return E.left(
      fitError(
        `${who}: the data have ${spare.map((n) => `'${n}'`).join(', ')}, which is no input of the model; its inputs are ` +
          `${inputs.map(([n]) => `'${n}'`).join(', ')}`,
      ),
    );
  if (target === undefined || Object.keys(y).length !== 1)
    return E.left(fitError(`${who}: expects one target, the data have ${Object.keys(y).length}`));
  return E.right({
    arrays: {
      ...Object.fromEntries(inputs.map(([name, array]) => [dataInput(name), array as NdArray])),
      [targetInput]: target,
    },
    size: data.size,
  });
};

const checkSamples = (
  part: Part,
  resolved: Resolved,
  target: AnyShape,
  { loss, metrics }: Objective<unknown, unknown, unknown, string>,
  { arrays }: Samples,
): E.Either<FitError, void> => {
  const targets = arrays[targetInput] as NdArray;
  const output = resolved.outputs[0]?.type ?? [];
  return firstOf([
    ...resolved.inputs.map(({ name, type }) => mismatch(part, 'input', type, arrays[dataInput(name)] as NdArray)),
    mismatch(part, 'target', target, targets),
    outOfRange(loss.name, part, targets, loss.range(output)),
    ...metrics.map((metric) =>
      pipe(
        metric.accepts(output, target),
        E.match(fitError, () => undefined),
      ),
    ),
  ]);
};

const dataTypes = (resolved: Resolved, target: AnyShape, { arrays }: Samples): DataTypes => ({
  inputs: Object.fromEntries(
    resolved.inputs.map(({ name }) => [name, (arrays[dataInput(name)] as NdArray).dtype] as const),
  ),
  target: (arrays[targetInput] as NdArray).dtype,
  targetShape: target,
});

/** A data set as a model and its loss need it: arrays by graph input, checked. */
export const samplesFor = (
  objective: Objective<unknown, unknown, unknown, string>,
  resolved: Resolved,
  data: AnyDataset,
  part: Part,
): E.Either<TrainingError, Checked> =>
  pipe(
    E.Do,
    E.bindW('output', () =>
      resolved.outputs.length === 1 && resolved.outputs[0] !== undefined
        ? E.right(resolved.outputs[0].type)
        : E.left(
            fitError(
              `${part.who}: expects a model with one output, this one has ${resolved.outputs.length}: ` +
                `${resolved.outputs.map(({ name }) => name).join(', ')}; concatenate them, or train them one at a time`,
            ),
          ),
    ),
    E.bindW('target', ({ output }) => pipe(objective.loss.targetShape(output), E.mapLeft(fitError))),
    E.bindW('samples', () => toSamples(part, resolved, data)),
    E.chainFirstW(({ target, samples }) => checkSamples(part, resolved, target, objective, samples)),
    E.map(({ samples, target }) => ({ samples, types: dataTypes(resolved, target, samples) })),
  );
