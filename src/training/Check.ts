/**
 * Data against a model and its objective, before anything runs: what the compiler could not know.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { type Dataset, namedArrays } from '../data/Dataset.ts';
import { type DataTypes, dataInput, targetInput } from '../interpret/Batches.ts';
import { outputIndex } from '../model/Outputs.ts';
import type { Resolved } from '../model/Resolved.ts';
import type { Goal } from '../objective/Goal.ts';
import type { AnyLoss, Range } from '../objective/Loss.ts';
import type { NdArray } from '../shape/NdArray.ts';
import { type AnyShape, agree, dims, sample, show, sized } from '../shape/Shape.ts';
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
  const got = array.shape.slice(1);
  const sameSizes = agree(got, dims(sized(wanted)));
  const mend = !sameSizes ? '' : isInteger ? '; make them with floats' : '; make them with ints';
  return agree(sampleShape(array, want), sized(wanted)) && isInteger === 'int' in want
    ? undefined
    : fitError(
        `${who}: the model's ${what} is ${show(wanted)}, the ${whose} ${isInteger ? 'int32' : ''}[${got.join(',')}]${mend}`,
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
  named = '',
): FitError | undefined => {
  if (range === undefined) return undefined;
  const { data } = array;
  const width = data.length / Math.max(1, array.shape[0] ?? 1);
  for (let i = 0; i < data.length; i++) {
    const v = Number(data[i]);
    const fine = (v >= range.min && v <= range.max && (!range.integer || Number.isInteger(v))) || v === range.except;
    if (!fine)
      return fitError(
        `${who}: ${loss} expects targets${named} that are ${describe(range)}; sample ${Math.floor(i / width)} of the ${name} ` +
          `has ${v}; correct it, or give the model an output of another size or the objective another loss`,
      );
  }
  return undefined;
};

/** The first sample whose numbers are no target together. */
const faultySample = ({ name: loss, sampleFault }: AnyLoss, { who, name }: Part, array: NdArray, named: string) => {
  if (sampleFault === undefined) return undefined;
  const size = array.shape[0] ?? 0;
  const width = array.data.length / Math.max(1, size);
  for (let i = 0; i < size; i++) {
    const target = Array.from({ length: width }, (_, k) => Number(array.data[i * width + k]));
    const fault = sampleFault(target);
    if (fault !== undefined)
      return fitError(
        `${who}: ${loss} expects targets${named} ${fault.expected}; sample ${i} of the ${name} is ` +
          `[${target.join(',')}]; ${fault.mend}`,
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

const quoted = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(', ');

type Arrays = Readonly<Record<string, NdArray>>;

/** Arrays by the model's input names. */
const inputsOf = ({ who }: Part, resolved: Resolved, data: AnyDataset): E.Either<FitError, Arrays> => {
  const x: Arrays = namedArrays(data.x);
  const single = resolved.inputs.length === 1 && Object.keys(x).length === 1 ? Object.values(x)[0] : undefined;
  const inputs = resolved.inputs.map(({ name }) => [name, single ?? x[name]] as const);
  const missing = inputs.find(([, array]) => array === undefined);
  const spare = single !== undefined ? [] : Object.keys(x).filter((name) => !inputs.some(([n]) => n === name));
  if (missing !== undefined)
    return E.left(
      fitError(`${who}: the model's input '${missing[0]}' is not in the data, which has ${Object.keys(x).join(', ')}`),
    );
  if (spare.length > 0)
    return E.left(
      fitError(
        `${who}: the data have ${quoted(spare)}, which is no input of the model; its inputs are ` +
          `${quoted(inputs.map(([n]) => n))}`,
      ),
    );
  return E.right(Object.fromEntries(inputs.map(([name, array]) => [dataInput(name), array as NdArray])));
};

/** Arrays of targets by the outputs that are asked for one. */
const targetsOf = ({ who }: Part, goals: readonly Goal[], data: AnyDataset): E.Either<FitError, Arrays> => {
  const y: Arrays = namedArrays(data.y);
  const given = Object.keys(y);
  const wanted = goals.map(({ output }) => output);
  if (wanted.includes('')) {
    const [only] = Object.values(y);
    return only === undefined || given.length !== 1
      ? E.left(
          fitError(
            `${who}: expects one target, the data have ${given.length}: ${quoted(given)}; the model has one output: give ` +
              'one array, or a model with an output for each of them',
          ),
        )
      : E.right({ '': only });
  }
  if (given.includes(''))
    return E.left(
      fitError(`${who}: expects a target for each of ${quoted(wanted)}, the data have one without a name; name it`),
    );
  const missing = wanted.filter((name) => !given.includes(name));
  const spare = given.filter((name) => !wanted.includes(name));
  if (missing.length > 0)
    return E.left(
      fitError(`${who}: the model's target ${quoted(missing)} is not in the data, which has ${quoted(given)}`),
    );
  return spare.length > 0
    ? E.left(
        fitError(
          `${who}: the data have ${quoted(spare)}, which is no target of the model; its targets are ${quoted(wanted)}`,
        ),
      )
    : E.right(Object.fromEntries(wanted.map((name) => [name, y[name] as NdArray])));
};

/** A goal, its output's shape and the shape of its targets. */
interface Aim {
  readonly goal: Goal;
  readonly output: AnyShape;
  readonly target: AnyShape;
}

/** Of one output nothing is said about which it is. */
const located = (output: string, message: string): string =>
  output === '' ? message : `output '${output}': ${message}`;

const aimsOf = (goals: readonly Goal[], resolved: Resolved): E.Either<FitError, readonly Aim[]> =>
  pipe(
    goals,
    E.traverseArray((goal) => {
      const output = resolved.outputs[outputIndex(resolved, goal.output)]?.type ?? [];
      return pipe(
        goal.loss.targetShape(output),
        E.bimap(
          (message) => fitError(located(goal.output, message)),
          (target): Aim => ({ goal, output, target }),
        ),
      );
    }),
  );

const checkAim = (part: Part, { goal, output, target }: Aim, array: NdArray): readonly (FitError | undefined)[] => {
  const named = goal.output === '' ? '' : ` '${goal.output}'`;
  return [
    mismatch(part, `target${named}`, target, array),
    outOfRange(goal.loss.name, part, array, goal.loss.range(output), named),
    faultySample(goal.loss, part, array, named),
    ...goal.watched.map(({ metric }) =>
      pipe(
        metric.accepts(output, target),
        E.match(
          (message) => fitError(located(goal.output, message)),
          () => undefined,
        ),
      ),
    ),
  ];
};

/** A data set as a model and its losses need it: arrays by graph input, checked. */
export const samplesFor = (
  { goals, problems }: Pick<Objective<unknown, unknown, unknown, string>, 'goals' | 'problems'>,
  resolved: Resolved,
  data: AnyDataset,
  part: Part,
): E.Either<TrainingError, Checked> =>
  pipe(
    firstOf(problems.map(fitError)),
    E.bind('aims', () => aimsOf(goals, resolved)),
    E.bind('inputs', () => inputsOf(part, resolved, data)),
    E.bind('targets', () => targetsOf(part, goals, data)),
    E.chainFirst(({ aims, inputs, targets }) =>
      firstOf([
        ...resolved.inputs.map(({ name, type }) =>
          mismatch(
            part,
            resolved.inputs.length === 1 ? 'input' : `input '${name}'`,
            type,
            inputs[dataInput(name)] as NdArray,
          ),
        ),
        ...aims.flatMap((aim) => checkAim(part, aim, targets[aim.goal.output] as NdArray)),
      ]),
    ),
    E.map(({ aims, inputs, targets }) => ({
      samples: {
        arrays: {
          ...inputs,
          ...Object.fromEntries(Object.entries(targets).map(([output, array]) => [targetInput(output), array])),
        },
        size: data.size,
      },
      types: {
        inputs: Object.fromEntries(
          resolved.inputs.map(({ name }) => [name, (inputs[dataInput(name)] as NdArray).dtype] as const),
        ),
        targets: Object.fromEntries(
          aims.map(({ goal: { output }, target }) => [
            output,
            { dtype: (targets[output] as NdArray).dtype, shape: target },
          ]),
        ),
      },
    })),
  );
