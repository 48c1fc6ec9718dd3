/** Weights and slots by name, and what they lie in between runs (`graph/updates/Stored.ts`). */

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

/** What is stored, of arrays by name; all the parts of each must be there. */
export const packed = (stored: readonly Stored[], arrays: Arrays): Arrays =>
  Object.fromEntries(
    stored.map((s) => {
      const parts = s.parts.map((p) => arrays[p.name] as NdArray);
      return [s.name, parts.length === 1 ? { ...(parts[0] as NdArray), shape: s.shape } : together(s, parts)];
    }),
  );

/** Of all that is stored, which is float32. */
export const bytes = (stored: readonly Stored[]): number => 4 * stored.reduce((n, s) => n + product(s.shape), 0);

/** Of a stored array that is a single part with an array of the caller's own, or that was put together: it is our own too. */
export const isOwn =
  (own: ReadonlySet<string>) =>
  ({ parts }: Stored): boolean =>
    parts.length > 1 || own.has(parts[0].name);

const sameShape = (a: Part, b: Part): boolean => a.shape.join() === b.shape.join();

/** The arrays by name, as parts of what is stored. */
export const views = (stored: readonly Stored[], residents: Residents): Residents =>
  Object.fromEntries(
    stored.flatMap((s) => {
      let at = 0;
      return s.parts.map((part) => {
        const whole = residents[s.name] as Resident;
        const offset = at;
        at += product(part.shape);
        return [part.name, sameShape(part, s) ? whole : view(part.shape, offset)(whole)];
      });
    }),
  );
