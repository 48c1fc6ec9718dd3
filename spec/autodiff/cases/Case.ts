/** A function to differentiate for a rule of the table, with random sizes and values away from kinks. */
import { type Attributes, operator, type Value, valueType } from '../../../src/graph/Graph.ts';
import type { NdArray } from '../../../src/shape/NdArray.ts';
import type { Dim } from '../../../src/shape/Shape.ts';
import type { Argument, Sample } from '../finiteDifferences.ts';
import type { Random } from '../random.ts';

export interface Case {
  /** Key of the table. */
  readonly rule: string;
  readonly name: string;
  readonly sample: (random: Random) => Sample;
}

export type Values = Readonly<Record<string, Value>>;

export const pick = (v: Values, name: string): Value => {
  const found = v[name];
  if (found === undefined) throw new Error(`no input ${name}`);
  return found;
};

/** The first axis under a name half of the time: no rule may rely on knowing it. */
export const batched = (random: Random, array: NdArray): Argument =>
  random.bool() ? { array, dims: ['batch', ...array.shape.slice(1)] } : { array };

/** An operator as an imported file may have it, with defaults left out. */
export const raw = (
  name: string,
  inputs: readonly (Value | undefined)[],
  shape: readonly Dim[],
  attributes: Attributes = {},
): Value => {
  const dtype = inputs[0]?.type.dtype ?? 'float64';
  return operator(name, inputs, [valueType(dtype, shape)], attributes)[0] as Value;
};

/** What is linear in each input takes a large step: float32 is exact enough then. */
export const linear32 = { step: 0.5, tolerance: 1e-4 } as const;
