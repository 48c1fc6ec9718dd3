/**
 * Checks of numeric options, as types and as functions: a message, or `true` (as a value: `undefined`) when it holds.
 *
 * Options are checked where a layer meets its input, not where it is made: a block that is generic in its widths stays
 * possible, and one place speaks of everything that is wrong with a layer. `number` is left to run time.
 */
import type { Dim, Shape } from '../Shape.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** One size for both axes, or (height, width). */
export type Size2 = number | readonly [number, number];

/** One axis: a size, or a list of one. */
export type Size1 = number | readonly [number];

/** One size for all three axes, or (depth, height, width). */
export type Size3 = number | readonly [number, number, number];

/** Component I of a size for each axis; a number stands for all. `number` where the compiler does not know. */
export type At<T, I> = [T] extends [readonly number[]] ? T[I & keyof T] & number : [T] extends [number] ? T : number;

/** The option K of C; `D` where it is absent, `Unknown` where the compiler does not know whether it is there. */
export type Opt<C, K extends string, D, Unknown = number> = C extends { readonly [_ in K]: infer V }
  ? V
  : K extends keyof C
    ? Unknown
    : D;

// -------------------------------------------------------------------------------------
// checks
// -------------------------------------------------------------------------------------

type Fractional = `${string}.${string}` | `${string}e-${string}` | 'NaN' | 'Infinity' | '-Infinity';
type Huge = `${string}e+${string}`;

/** Message unless N is an integer of 1 or more. */
export type Positive<Op extends string, Name extends string, N> = N extends number
  ? number extends N
    ? true
    : `${N}` extends '0' | `-${string}` | Fractional | Huge
      ? `${Op}: ${Name} ${N} is not a positive integer`
      : true
  : true;

export const positive = (op: string, name: string, n: number): string | undefined =>
  Number.isSafeInteger(n) && n > 0 ? undefined : `${op}: ${name} ${n} is not a positive integer`;

/** Every component. */
export type Positives<Op extends string, Name extends string, T> = [T] extends [number]
  ? Positive<Op, Name, T>
  : [T] extends [readonly [infer H, ...infer R]]
    ? Positive<Op, Name, H> extends infer E extends string
      ? E
      : Positives<Op, Name, R>
    : true;

export const positives = (op: string, name: string, sizes: readonly number[]): string | undefined =>
  sizes.map((n) => positive(op, name, n)).find((e) => e !== undefined);

/** Message unless N is an integer of 0 or more. */
export type Natural<Op extends string, Name extends string, N> = N extends number
  ? number extends N
    ? true
    : `${N}` extends `-${string}` | Fractional | Huge
      ? `${Op}: ${Name} ${N} is not an integer of 0 or more`
      : true
  : true;

export const natural = (op: string, name: string, n: number): string | undefined =>
  Number.isSafeInteger(n) && n >= 0 ? undefined : `${op}: ${name} ${n} is not an integer of 0 or more`;

/** Every component. */
export type Naturals<Op extends string, Name extends string, T> = [T] extends [number]
  ? Natural<Op, Name, T>
  : [T] extends [readonly [infer H, ...infer R]]
    ? Natural<Op, Name, H> extends infer E extends string
      ? E
      : Naturals<Op, Name, R>
    : true;

export const naturals = (op: string, name: string, sizes: readonly number[]): string | undefined =>
  sizes.map((n) => natural(op, name, n)).find((e) => e !== undefined);

/** Message unless 0 <= N <= 1. */
export type Unit<Op extends string, Name extends string, N> = N extends number
  ? number extends N
    ? true
    : `${N}` extends `-${string}`
      ? OutsideUnit<Op, Name, N>
      : `${N}` extends '0' | '1' | `0.${string}` | `${string}e-${string}`
        ? true
        : OutsideUnit<Op, Name, N>
  : true;
type OutsideUnit<
  Op extends string,
  Name extends string,
  N extends number,
> = `${Op}: ${Name} ${N} is not between 0 and 1`;

export const unit = (op: string, name: string, n: number): string | undefined =>
  n >= 0 && n <= 1 ? undefined : `${op}: ${name} ${n} is not between 0 and 1`;

/** Message unless N > 0. */
export type Above0<Op extends string, Name extends string, N> = N extends number
  ? number extends N
    ? true
    : `${N}` extends '0' | `-${string}` | 'NaN'
      ? `${Op}: ${Name} ${N} is not above 0`
      : true
  : true;

export const above0 = (op: string, name: string, n: number): string | undefined =>
  n > 0 && n < Number.POSITIVE_INFINITY ? undefined : `${op}: ${name} ${n} is not above 0`;

/** Message if N < 0. */
export type NotBelow0<Op extends string, Name extends string, N> = N extends number
  ? number extends N
    ? true
    : `${N}` extends `-${string}` | 'NaN'
      ? `${Op}: ${Name} ${N} is below 0`
      : true
  : true;

export const notBelow0 = (op: string, name: string, n: number): string | undefined =>
  n >= 0 ? undefined : `${op}: ${name} ${n} is below 0`;

/** Message unless every dimension is a positive integer or a name. */
export type Sizes<Op extends string, S> = S extends readonly [infer H, ...infer T]
  ? H extends ''
    ? `${Op}: a dimension's name is empty`
    : Positive<Op, 'size', H> extends infer E extends string
      ? E
      : Sizes<Op, T>
  : true;

export const sizes = (op: string, shape: Shape): string | undefined => {
  const bad = (d: Dim): string | undefined =>
    d === '' ? `${op}: a dimension's name is empty` : typeof d === 'number' ? positive(op, 'size', d) : undefined;
  return shape.map(bad).find((e) => e !== undefined);
};
