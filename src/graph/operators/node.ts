import type { Dim } from '../../shape/Shape.ts';
import { GraphDefect } from '../Constants.ts';
import type { Attribute, Attributes, Domain, Value, ValueType } from '../Graph.ts';
import { operator } from '../Graph.ts';

// -------------------------------------------------------------------------------------
// attributes
// -------------------------------------------------------------------------------------

export const int = (value: number): Attribute => ({ _tag: 'Int', value });
export const ints = (value: readonly number[]): Attribute => ({ _tag: 'Ints', value });
export const float = (value: number): Attribute => ({ _tag: 'Float', value });
export const text = (value: string): Attribute => ({ _tag: 'String', value });

const first = (values: readonly Value[]): Value => values[0] as Value;

export const op = (
  name: string,
  inputs: readonly (Value | undefined)[],
  type: ValueType,
  attributes: Attributes = {},
  domain: Domain = '',
): Value => first(operator(name, inputs, [type], attributes, domain));

// -------------------------------------------------------------------------------------
// dimensions
// -------------------------------------------------------------------------------------

/** How many axes. */
export const rank = (x: Value): number => x.type.shape.length;

/** A non-negative axis. */
export const axisOf = (x: Value, axis: number): number => (axis < 0 ? axis + rank(x) : axis);

export const isStatic = (shape: readonly Dim[]): shape is readonly number[] =>
  shape.every((d) => typeof d === 'number');

export const show = (shape: readonly Dim[]): string => `[${shape.join(',')}]`;

const broadcastDim = (a: Dim, b: Dim, where: () => string): Dim => {
  if (a === b || b === 1) return a;
  if (a === 1) return b;
  if (typeof a === 'number' && typeof b === 'number') throw new GraphDefect(where());
  if (typeof a === 'number') return a;
  return typeof b === 'number' || a === '?' ? b : a;
};

/** The shape of an elementwise result (numpy's rule). */
export const broadcast = (a: readonly Dim[], b: readonly Dim[]): readonly Dim[] => {
  const n = Math.max(a.length, b.length);
  return Array.from({ length: n }, (_, i) =>
    broadcastDim(
      a[i - n + a.length] ?? 1,
      b[i - n + b.length] ?? 1,
      () => `${show(a)} and ${show(b)} do not broadcast`,
    ),
  );
};

export const product = (dims: readonly number[]): number => dims.reduce((p, d) => p * d, 1);
