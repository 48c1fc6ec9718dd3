/** Weights and slots by name, and what they lie in between runs (`graph/updates/Stored.ts`). */

import type { Columns } from '../graph/blocked/Dense.ts';
import { product } from '../graph/operators/node.ts';
import type { Part, Stored } from '../graph/updates/Stored.ts';
import { type Resident, view } from '../runtime/Runtime.ts';
import type { NdArray } from '../shape/NdArray.ts';

type Arrays = Readonly<Record<string, NdArray>>;
type Residents = Readonly<Record<string, Resident>>;

const together = ({ shape, parts }: Stored, arrays: readonly NdArray[]): NdArray => {
  const data = new Float32Array(product(shape));
  let at = 0;
  parts.forEach((part, i) => {
    data.set(arrays[i]?.data as Float32Array, at);
    at += product(part.shape);
  });
  return { dtype: 'float32', shape, data };
};

/** Calls `f` with the place of each block of a row in blocks, and its place in the plain matrix. */
const forBlocks = (
  { block, rows, columns }: Columns,
  elements: number,
  f: (inBlocks: number, plain: number) => void,
): void => {
  const filledRows = elements / columns;
  for (let c = 0; c < columns; c += block)
    for (let r = 0; r < rows; r++) f(c * filledRows + r * block, r * columns + c);
};

const intoBlocks = (of: Columns, shape: readonly number[], plain: Float32Array): NdArray => {
  const data = new Float32Array(product(shape));
  forBlocks(of, data.length, (to, from) => {
    for (let i = 0; i < of.block; i++) data[to + i] = plain[from + i] as number;
  });
  return { dtype: 'float32', shape, data };
};

const outOfBlocks = (of: Columns, { data: blocks }: NdArray): NdArray => {
  const data = new Float32Array(of.rows * of.columns);
  forBlocks(of, blocks.length, (from, to) => {
    for (let i = 0; i < of.block; i++) data[to + i] = blocks[from + i] as number;
  });
  return { dtype: 'float32', shape: [of.rows, of.columns], data };
};

/** What is stored, of arrays by name; all the parts of each must be there. */
export const packed = (stored: readonly Stored[], arrays: Arrays): Arrays =>
  Object.fromEntries(
    stored.map((s) => {
      const [first, ...rest] = s.parts.map((p) => arrays[p.name] as NdArray) as [NdArray, ...NdArray[]];
      if (s.columns !== undefined) return [s.name, intoBlocks(s.columns, s.shape, first.data as Float32Array)];
      return [s.name, rest.length === 0 ? { ...first, shape: s.shape } : together(s, [first, ...rest])];
    }),
  );

/** Arrays by name, in the order that everybody knows, of such views of what is stored. */
export const plain =
  (stored: readonly Stored[]) =>
  (arrays: Arrays): Arrays => {
    const inBlocks = new Map(stored.map((s) => [s.name, s.columns]));
    return Object.fromEntries(
      Object.entries(arrays).map(([name, array]) => {
        const of = inBlocks.get(name);
        return [name, of === undefined ? array : outOfBlocks(of, array)];
      }),
    );
  };

/** Of all that is stored, which is float32. */
export const bytes = (stored: readonly Stored[]): number => 4 * stored.reduce((n, s) => n + product(s.shape), 0);

/** Of a stored array that is a single part with an array of the caller's own, or that was made of it: it is our own too. */
export const isOwn =
  (own: ReadonlySet<string>) =>
  ({ parts, columns }: Stored): boolean =>
    parts.length > 1 || columns !== undefined || own.has(parts[0].name);

const sameShape = (a: Part, b: Part): boolean => a.shape.join() === b.shape.join();

/** The arrays by name, as parts of what is stored; what lies in blocks as it is. */
export const views = (stored: readonly Stored[], residents: Residents): Residents =>
  Object.fromEntries(
    stored.flatMap((s) => {
      let at = 0;
      return s.parts.map((part) => {
        const whole = residents[s.name] as Resident;
        const offset = at;
        at += product(part.shape);
        return [part.name, sameShape(part, s) || s.columns !== undefined ? whole : view(part.shape, offset)(whole)];
      });
    }),
  );
