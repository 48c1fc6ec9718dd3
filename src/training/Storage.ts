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

/** Rows that are moved together: what they read and write stays in cache. */
const strip = 16;

/** Moves a plain matrix into blocks, or back. */
const move = ({ block, rows, columns }: Columns, plain: Float32Array, blocks: Float32Array, isBack: boolean): void => {
  const filledRows = blocks.length / columns;
  for (let first = 0; first < rows; first += strip) {
    const last = Math.min(first + strip, rows);
    for (let c = 0; c < columns; c += block)
      for (let r = first; r < last; r++) {
        const [at, of] = [r * columns + c, c * filledRows + r * block];
        if (isBack) for (let i = 0; i < block; i++) plain[at + i] = blocks[of + i] as number;
        else for (let i = 0; i < block; i++) blocks[of + i] = plain[at + i] as number;
      }
  }
};

const intoBlocks = (of: Columns, shape: readonly number[], plain: Float32Array): NdArray => {
  const data = new Float32Array(product(shape));
  // Slots mostly begin with zeros.
  if (plain.some((x) => x !== 0)) move(of, plain, data, false);
  return { dtype: 'float32', shape, data };
};

const outOfBlocks = (of: Columns, { data: blocks }: NdArray): NdArray => {
  const data = new Float32Array(of.rows * of.columns);
  move(of, data, blocks as Float32Array, true);
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

const isCopy = ({ parts, columns }: Stored): boolean => parts.length > 1 || columns !== undefined;

/** The names of the arrays that are not stored as they are, but copied. */
export const copied = (stored: readonly Stored[]): readonly string[] =>
  stored.filter(isCopy).flatMap(({ parts }) => parts.map(({ name }) => name));

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
  (s: Stored): boolean =>
    isCopy(s) || own.has(s.parts[0].name);

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
