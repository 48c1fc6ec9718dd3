/**
 * Positions: angles that grow with the step, and vectors by step. Lengths may be known at run time only.
 */
import type { Value } from '../../graph/Graph.ts';
import * as Op from '../../graph/Operators.ts';
import { sizeOf } from './sequences.ts';

// -------------------------------------------------------------------------------------
// angles
// -------------------------------------------------------------------------------------

/** Sines and cosines of `t * frequency`, [seq, frequencies], for the steps of `x`. */
const waves = (x: Value, frequencies: readonly number[]): { readonly sin: Value; readonly cos: Value } => {
  const length = x.type.shape[1];
  const n = frequencies.length;
  if (typeof length === 'number') {
    const angles = Array.from({ length: length * n }, (_, i) => Math.floor(i / n) * (frequencies[i % n] as number));
    return {
      sin: Op.tensor(angles.map(Math.sin), [length, n], x.type.dtype),
      cos: Op.tensor(angles.map(Math.cos), [length, n], x.type.dtype),
    };
  }
  const steps = Op.cast(x.type.dtype)(Op.range(sizeOf(x, 1)));
  const named = { ...steps, type: { ...steps.type, shape: [length ?? '?'] } };
  const angles = Op.mul(Op.unsqueeze([1])(named), Op.tensor(frequencies, [1, n], x.type.dtype));
  return { sin: Op.sin(angles), cos: Op.cos(angles) };
};

const sizeOfLast = (x: Value): number => {
  const size = x.type.shape.at(-1);
  if (typeof size !== 'number') throw new Op.GraphDefect('positions need a known number of features');
  return size;
};

/** `1 / maxWavelength^(2i / features)`. */
const frequenciesOf = (features: number, maxWavelength: number, count: number): readonly number[] =>
  Array.from({ length: count }, (_, i) => maxWavelength ** ((-2 * i) / features));

// -------------------------------------------------------------------------------------
// layers
// -------------------------------------------------------------------------------------

/** Even features get the sine, odd ones the cosine. */
export const sinusoidal =
  (maxWavelength: number) =>
  (x: Value): Value => {
    const features = sizeOfLast(x);
    const half = Math.ceil(features / 2);
    const { sin, cos } = waves(x, frequenciesOf(features, maxWavelength, half));
    const pairs = Op.concat(2)([Op.unsqueeze([2])(sin), Op.unsqueeze([2])(cos)]);
    const rows = Op.reshape([sin.type.shape[0] ?? '?', 2 * half])(pairs);
    const encoding = features === 2 * half ? rows : Op.slice({ axes: [1], starts: [0], ends: [features] })(rows);
    return Op.add(x, encoding);
  };

/** Rows 0, 1, ... of a table. */
export const learned = (x: Value, table: Value): Value => {
  const length = x.type.shape[1];
  if (typeof length === 'number') {
    const rows = length === table.type.shape[0] ? table : Op.slice({ axes: [0], starts: [0], ends: [length] })(table);
    return Op.add(x, rows);
  }
  const rows = Op.gather(table, Op.range(sizeOf(x, 1)));
  return Op.add(x, { ...rows, type: { ...rows.type, shape: [length ?? '?', ...table.type.shape.slice(1)] } });
};

/** Turns features i and i + half of each step, [batch, seq, ..., features]. */
export const rotate =
  (maxWavelength: number) =>
  (x: Value): Value => {
    const features = sizeOfLast(x);
    const half = features / 2;
    const between = Array.from({ length: Op.rank(x) - 3 }, (_, i) => i + 1);
    const along = (v: Value): Value => (between.length === 0 ? v : Op.unsqueeze(between)(v));
    const { sin, cos } = waves(x, frequenciesOf(features, maxWavelength, half));
    const [s, c] = [along(sin), along(cos)];
    const a = Op.slice({ axes: [-1], starts: [0], ends: [half] })(x);
    const b = Op.slice({ axes: [-1], starts: [half], ends: [features] })(x);
    return Op.concat(-1)([Op.sub(Op.mul(a, c), Op.mul(b, s)), Op.add(Op.mul(b, c), Op.mul(a, s))]);
  };
