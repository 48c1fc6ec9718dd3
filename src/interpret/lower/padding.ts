/**
 * Cells around the spatial axes to operators: zeros, or cells of the value itself.
 */
import type { Value } from '../../graph/Graph.ts';
import * as Op from '../../graph/Operators.ts';
import type { PaddingSpec } from '../../layer/SpatialSpec.ts';

/** No size is larger. */
const everything = 2 ** 31 - 1;

/** The value between so many cells more along an axis. */
type Around = (at: number, before: number, after: number) => (x: Value) => Value;

const part = (at: number, start: number, end: number, step = 1) =>
  Op.slice({ axes: [at], starts: [start], ends: [end], steps: [step] });

/** The first cell of an axis `before` times more, and the last one `after` times. */
export const replicated: Around = (at, before, after) => (x) => {
  if (before + after === 0) return x;
  const [first, last] = [part(at, 0, 1)(x), part(at, -1, everything)(x)];
  const cells = [...new Array<Value>(before).fill(first), x, ...new Array<Value>(after).fill(last)];
  return Op.concat(at)(cells);
};

/** The cells behind the first one, turned round, and those before the last one. */
const reflected: Around = (at, before, after) => (x) => {
  const cells = [
    ...(before === 0 ? [] : [part(at, before, 0, -1)(x)]),
    x,
    ...(after === 0 ? [] : [part(at, -2, -2 - after, -1)(x)]),
  ];
  return cells.length === 1 ? x : Op.concat(at)(cells);
};

export const padded = ({ op, padding }: PaddingSpec, x: Value): Value => {
  if (op.startsWith('zero')) {
    const [before, after] = [padding.map((s) => s[0]), padding.map((s) => s[1])];
    return Op.pad([0, 0, ...before, 0, 0, ...after])(x);
  }
  const around = op.startsWith('reflection') ? reflected : replicated;
  return padding.reduce((y, [before, after], i) => around(i + 2, before, after)(y), x);
};
