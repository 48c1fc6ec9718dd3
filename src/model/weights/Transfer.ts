/**
 * Weights from tensors of another library and back, by pairs of parts and modules.
 *
 * Law: reading what was written gives the same weights; writing what was read gives the same tensors, except where two of them are
 * added up in one of ours.
 */
import * as E from 'fp-ts/lib/Either.js';
import { fromBits, isHalf } from '../../shape/Half.ts';
import type { NdArray } from '../../shape/NdArray.ts';
import { sizeOf, walk } from '../../shape/Strided.ts';
import type { ParameterSpec } from '../Resolved.ts';
import type { Pair } from './Pair.ts';
import type { Entry, Part } from './Part.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export type Tensors = Readonly<Record<string, NdArray>>;

/** One thing that does not fit. */
export type Fault =
  | { readonly _tag: 'Missing'; readonly tensor: string; readonly layer: string; readonly message: string }
  | { readonly _tag: 'Unexpected'; readonly tensor: string; readonly message: string }
  | {
      readonly _tag: 'Shape';
      readonly tensor: string;
      readonly layer: string;
      readonly expected: readonly number[];
      readonly got: readonly number[];
      readonly message: string;
    }
  /** No module of the kind is left for a layer. */
  | { readonly _tag: 'NoModule'; readonly layer: string; readonly message: string }
  /** The other library has no such layer. */
  | { readonly _tag: 'NoForm'; readonly layer: string; readonly message: string }
  /** The model itself does not fit together. */
  | { readonly _tag: 'Model'; readonly layer: string; readonly message: string };

/** Everything that does not fit, at once. */
export interface WeightsError {
  readonly _tag: 'WeightsError';
  readonly faults: readonly Fault[];
  readonly message: string;
}

export const weightsError = (what: string, faults: readonly Fault[]): WeightsError => ({
  _tag: 'WeightsError',
  faults,
  message: `${what}: ${faults.map(({ message }) => message).join('; ')}`,
});

export type TensorName = (target: string, name: string) => string;

const show = (shape: readonly number[]): string => `[${shape.join(',')}]`;

// -------------------------------------------------------------------------------------
// reading
// -------------------------------------------------------------------------------------

const numbersOf = ({ dtype, data }: NdArray): ArrayLike<number> =>
  isHalf(dtype)
    ? Float32Array.from(data as Uint16Array, fromBits(dtype))
    : data instanceof BigInt64Array
      ? Float32Array.from(data, Number)
      : data;

/** The tensor that an entry is read from, by the first of its names that there is. */
const foundAs = (target: string, { names }: Entry, tensors: Tensors, nameOf: TensorName): string => {
  const all = names.map((name) => nameOf(target, name));
  return all.find((name) => Object.hasOwn(tensors, name)) ?? all[0] ?? '';
};

const addTo = (sums: ReadonlyMap<string, Float32Array>, { pieces }: Entry, tensor: NdArray): void => {
  const values = numbersOf(tensor);
  let at = 0;
  for (const { parameter, shape, strides, start } of pieces) {
    const sum = sums.get(parameter);
    for (const to of walk(shape, strides, start)) {
      if (sum !== undefined) sum[to] = (sum[to] ?? 0) + (values[at] ?? 0);
      at++;
    }
  }
};

const entryFault = (part: Part, name: string, { shape, counter }: Entry, tensors: Tensors): Fault | undefined => {
  const tensor = tensors[name];
  if (tensor === undefined)
    return counter === true
      ? undefined
      : {
          _tag: 'Missing',
          tensor: name,
          layer: part.id,
          message: `${part.id}: '${name}' ${show(shape)} is missing`,
        };
  return counter === true || tensor.shape.join() === shape.join()
    ? undefined
    : {
        _tag: 'Shape',
        tensor: name,
        layer: part.id,
        expected: shape,
        got: tensor.shape,
        message: `${part.id}: '${name}' is ${show(tensor.shape)}, the model's needs ${show(shape)}`,
      };
};

/** Every parameter from its tensors, or all that does not fit. */
export const read = (
  parameters: readonly ParameterSpec[],
  pairs: readonly Pair[],
  tensors: Tensors,
  nameOf: TensorName,
  ignore: (tensor: string) => boolean,
): E.Either<WeightsError, Record<string, NdArray>> => {
  const faults: Fault[] = [];
  const used = new Set<string>();
  const sums = new Map(parameters.map(({ name, shape }) => [name, new Float32Array(sizeOf(shape))]));
  for (const { part, target } of pairs) {
    if (part.fault !== undefined) {
      faults.push({ _tag: 'NoForm', layer: part.id, message: `${part.id}: ${part.fault}` });
      continue;
    }
    if (target === undefined) {
      const shapes = part.entries.map(({ names, shape }) => `${names[0]} ${show(shape)}`).join(', ');
      faults.push({
        _tag: 'NoModule',
        layer: part.id,
        message: `${part.id}: no module is left for it (${part.kind}: ${shapes})`,
      });
      continue;
    }
    for (const entry of part.entries) {
      const name = foundAs(target, entry, tensors, nameOf);
      used.add(name);
      const fault = entryFault(part, name, entry, tensors);
      const tensor = tensors[name];
      if (fault !== undefined) faults.push(fault);
      else if (tensor !== undefined && entry.counter !== true) addTo(sums, entry, tensor);
    }
  }
  for (const [tensor, { shape }] of Object.entries(tensors))
    if (!used.has(tensor) && !ignore(tensor))
      faults.push({ _tag: 'Unexpected', tensor, message: `'${tensor}' ${show(shape)} is of no layer of the model` });
  if (faults.length > 0) return E.left(weightsError('the tensors are not of this model', faults));
  return E.right(
    Object.fromEntries(
      parameters.map(({ name, shape }) => [
        name,
        { dtype: 'float32' as const, shape, data: sums.get(name) ?? new Float32Array(0) },
      ]),
    ),
  );
};

// -------------------------------------------------------------------------------------
// writing
// -------------------------------------------------------------------------------------

const written = ({ shape, pieces, zeros, counter }: Entry, weights: Tensors): NdArray => {
  if (counter === true) return { dtype: 'int64', shape, data: new BigInt64Array(sizeOf(shape)) };
  const data = new Float32Array(sizeOf(shape));
  let at = 0;
  for (const { parameter, shape: size, strides, start } of zeros === true ? [] : pieces) {
    const values = weights[parameter]?.data;
    for (const from of walk(size, strides, start)) data[at++] = Number(values?.[from] ?? 0);
  }
  return { dtype: 'float32', shape, data };
};

const weightFaults = (parameters: readonly ParameterSpec[], weights: Tensors): readonly Fault[] =>
  parameters.flatMap(({ name, shape }): readonly Fault[] => {
    const array = weights[name];
    if (array === undefined)
      return [{ _tag: 'Missing', tensor: name, layer: name, message: `the weights have no ${name} ${show(shape)}` }];
    return array.shape.join() === shape.join() && array.dtype === 'float32'
      ? []
      : [
          {
            _tag: 'Shape',
            tensor: name,
            layer: name,
            expected: shape,
            got: array.shape,
            message: `the weights' ${name} is ${array.dtype}${show(array.shape)}, the model's float32${show(shape)}`,
          },
        ];
  });

/** Every tensor that the modules have. */
export const write = (
  parameters: readonly ParameterSpec[],
  pairs: readonly { readonly part: Part; readonly target: string }[],
  weights: Tensors,
  nameOf: TensorName,
): E.Either<WeightsError, Record<string, NdArray>> => {
  const noForm = pairs.flatMap(({ part }): readonly Fault[] =>
    part.fault === undefined ? [] : [{ _tag: 'NoForm', layer: part.id, message: `${part.id}: ${part.fault}` }],
  );
  const faults = [...noForm, ...weightFaults(parameters, weights)];
  if (faults.length > 0) return E.left(weightsError('the weights cannot be written', faults));
  return E.right(
    Object.fromEntries(
      pairs.flatMap(({ part, target }) =>
        part.entries.map((entry) => [nameOf(target, entry.names[0]), written(entry, weights)]),
      ),
    ),
  );
};
