/**
 * Arithmetic on sizes that are not all numbers: a dimension is a number, a product like `2*batch` of a number and
 * names, or `'?'`.
 *
 * Laws: `times` is commutative and has 1 as its unit; `over(times(a, b), b)` is `a` wherever neither is unknown or 0.
 */
import type { Dim } from '../../shape/Shape.ts';
import { malformed, refuse } from './ImportError.ts';

// -------------------------------------------------------------------------------------
// products
// -------------------------------------------------------------------------------------

interface Product {
  readonly factor: number;
  readonly names: readonly string[];
}

const parse = (d: Dim): Product => {
  if (typeof d === 'number') return { factor: d, names: [] };
  const parts = d.split('*');
  const factor = Number(parts[0]);
  return /^\d+$/.test(parts[0] ?? '') ? { factor, names: parts.slice(1) } : { factor: 1, names: parts };
};

const show = ({ factor, names }: Product): Dim => {
  if (!Number.isSafeInteger(factor)) return refuse(malformed(`a size of ${factor} elements`));
  if (names.length === 0 || factor === 0) return factor;
  const sorted = [...names].sort();
  return (factor === 1 ? sorted : [`${factor}`, ...sorted]).join('*');
};

export const times = (a: Dim, b: Dim): Dim => {
  if (a === '?' || b === '?') return a === 0 || b === 0 ? 0 : '?';
  const [x, y] = [parse(a), parse(b)];
  // A longer product is of no use to anybody.
  return x.names.length + y.names.length > 16
    ? '?'
    : show({ factor: x.factor * y.factor, names: [...x.names, ...y.names] });
};

/** How often `b` is in `a`; `'?'` if that cannot be said. */
export const over = (a: Dim, b: Dim): Dim => {
  if (a === '?' || b === '?' || b === 0) return '?';
  const [x, y] = [parse(a), parse(b)];
  const names = [...x.names];
  for (const name of y.names) {
    const at = names.indexOf(name);
    if (at < 0) return '?';
    names.splice(at, 1);
  }
  return x.factor % y.factor === 0 ? show({ factor: x.factor / y.factor, names }) : '?';
};

export const total = (shape: readonly Dim[]): Dim => shape.reduce<Dim>(times, 1);

/** Whether a size depends on the number of samples. */
export const hasBatch = (d: Dim | undefined): boolean => typeof d === 'string' && parse(d).names.includes('batch');

/** A sum is known if both are numbers, or one of them is 0. */
export const plus = (a: Dim, b: Dim): Dim =>
  typeof a === 'number' && typeof b === 'number' ? a + b : a === 0 ? b : b === 0 ? a : '?';
