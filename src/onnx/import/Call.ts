/**
 * A node being elaborated: its inputs as values, and the vocabulary that importers of operators are written in.
 *
 * Besides its value an input may have known `content`: the numbers of a small tensor, or the sizes that stand in it
 * (the `Shape` of an image is `['batch', 3, 48, 192]`). That is how computed shapes, axes and conditions become known.
 */
import { GraphDefect } from '../../graph/Constants.ts';
import type { ForeignAttribute, ForeignBody, ForeignNode } from '../../graph/Foreign.ts';
import type { Attribute, Attributes, Domain, Value, ValueType } from '../../graph/Graph.ts';
import * as G from '../../graph/Graph.ts';
import * as Op from '../../graph/Operators.ts';
import type { DType } from '../../shape/NdArray.ts';
import type { Dim } from '../../shape/Shape.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Held {
  readonly value: Value;
  /** In row-major order; truth values as 0 and 1. `'?'`: not known. */
  readonly content?: readonly Dim[] | undefined;
  /** A weight: its numbers will change, so nothing follows from them. */
  readonly isWeight?: true;
}

export interface Call {
  readonly node: ForeignNode;
  readonly inputs: readonly (Held | undefined)[];
  /** Whether something reads the output. */
  readonly wants: (output: number) => boolean;
  /** Elaborates a branch where the node stands. */
  readonly inline: (body: ForeignBody) => readonly Held[];
  /** Statistics that training moves, by the name of the file's tensor. */
  readonly update: (input: number, value: Value) => void;
  /** Whether samples must stay apart: the file was made for one. */
  readonly freed: boolean;
  /** Whether normalisations take the statistics of the batch. */
  readonly batchStatistics: boolean;
}

/** The outputs of a node. Throws `GraphDefect` where the node cannot be. */
export type Importer = (call: Call) => readonly Held[];

/** Most numbers that are followed through a graph. */
export const SMALL = 4096;

// -------------------------------------------------------------------------------------
// refusals
// -------------------------------------------------------------------------------------

export const defect = (message: string): never => {
  throw new GraphDefect(message);
};

// -------------------------------------------------------------------------------------
// inputs
// -------------------------------------------------------------------------------------

export const held = (call: Call, i: number): Held => call.inputs[i] ?? defect(`input ${i} is missing`);

export const value = (call: Call, i: number): Value => held(call, i).value;

export const optional = (call: Call, i: number): Value | undefined => call.inputs[i]?.value;

export const shape = (v: Value): readonly Dim[] => v.type.shape;

/** The ends of int64 stand for 'to the end' in slices; as numbers they would be rounded beyond themselves. */
const exact = (n: number | bigint): number =>
  typeof n === 'number' ? n : Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Number(n)));

/** The numbers of an input, as far as they are known. */
export const contentOf = (h: Held | undefined): readonly Dim[] | undefined => {
  if (h === undefined || h.isWeight) return undefined;
  if (h.content !== undefined) return h.content;
  const { node } = h.value;
  return node._tag === 'Constant' && node.data.data.length <= SMALL ? Array.from(node.data.data, exact) : undefined;
};

const isNumber = (d: Dim): d is number => typeof d === 'number';

export const allNumbers = (dims: readonly Dim[] | undefined): readonly number[] | undefined =>
  dims?.every(isNumber) ? (dims as readonly number[]) : undefined;

/** Numbers of an input that must be known before anything runs. */
export const known = (call: Call, i: number, what: string): readonly number[] =>
  allNumbers(contentOf(held(call, i))) ?? defect(`${what} must be known before the graph runs, input ${i} is computed`);

// -------------------------------------------------------------------------------------
// attributes
// -------------------------------------------------------------------------------------

const attribute = <T extends ForeignAttribute['_tag']>(call: Call, name: string, tag: T) => {
  const { attributes } = call.node;
  const found = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
  if (found !== undefined && found._tag !== tag) return defect(`attribute ${name} is ${found._tag}, expected ${tag}`);
  return found as Extract<ForeignAttribute, { readonly _tag: T }> | undefined;
};

export const intOf = (call: Call, name: string, otherwise: number): number =>
  attribute(call, name, 'Int')?.value ?? otherwise;
export const floatOf = (call: Call, name: string, otherwise: number): number =>
  attribute(call, name, 'Float')?.value ?? otherwise;
export const textOf = (call: Call, name: string, otherwise: string): string =>
  attribute(call, name, 'String')?.value ?? otherwise;
export const intsOf = (call: Call, name: string): readonly number[] | undefined => attribute(call, name, 'Ints')?.value;
export const floatsOf = (call: Call, name: string): readonly number[] | undefined =>
  attribute(call, name, 'Floats')?.value;
export const stringsOf = (call: Call, name: string): readonly string[] | undefined =>
  attribute(call, name, 'Strings')?.value;
export const tensorOf = (call: Call, name: string) => attribute(call, name, 'Tensor')?.value;
export const bodyOf = (call: Call, name: string): ForeignBody =>
  attribute(call, name, 'Body')?.value ?? defect(`attribute ${name} is missing`);

/** The named attributes as they are, those that the file leaves out left out. */
export const keep = (call: Call, ...names: readonly string[]): Attributes =>
  Object.fromEntries(
    names.flatMap((name): readonly (readonly [string, Attribute])[] => {
      const a = Object.hasOwn(call.node.attributes, name) ? call.node.attributes[name] : undefined;
      if (a === undefined) return [];
      return a._tag === 'Strings' || a._tag === 'Body' ? defect(`attribute ${name} is of a wrong type`) : [[name, a]];
    }),
  );

export const int = (n: number): Attribute => ({ _tag: 'Int', value: n });
export const ints = (n: readonly number[]): Attribute => ({ _tag: 'Ints', value: n });
export const text = (s: string): Attribute => ({ _tag: 'String', value: s });

// -------------------------------------------------------------------------------------
// axes
// -------------------------------------------------------------------------------------

export const axisIn = (rank: number, axis: number): number => {
  const at = axis < 0 ? axis + rank : axis;
  return Number.isInteger(at) && at >= 0 && at < rank ? at : defect(`axis ${axis} is not in a tensor of rank ${rank}`);
};

/** Axes from an attribute (older files) or an input. */
export const axesOf = (call: Call, input: number, rank: number): readonly number[] | undefined => {
  const given = intsOf(call, 'axes') ?? (call.inputs[input] === undefined ? undefined : known(call, input, 'axes'));
  return given?.map((a) => axisIn(rank, a));
};

// -------------------------------------------------------------------------------------
// outputs
// -------------------------------------------------------------------------------------

export const type = (dtype: DType, dims: readonly Dim[]): ValueType => G.valueType(dtype, dims);

export const of = (v: Value, content?: readonly Dim[]): Held => ({ value: v, content });

/** One output of a new node. */
export const emit = (
  operator: string,
  inputs: readonly (Value | undefined)[],
  output: ValueType,
  attributes: Attributes = {},
  domain: Domain = '',
): Value => G.operator(operator, inputs, [output], attributes, domain)[0] as Value;

export const int64s = Op.int64s;

/** In a file made for one sample, what works along the axis of the batch would mix samples. */
export const separates = (call: Call, v: Value, axes: readonly number[], what = call.node.operator): void => {
  if (!call.freed) return;
  for (const a of axes) {
    const d = v.type.shape[a];
    if (typeof d === 'string' && d.split('*').includes('batch'))
      defect(`${what} along axis ${a}, of size ${d}, would mix the samples of a batch: it cannot be freed`);
  }
};
