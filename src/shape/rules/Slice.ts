/**
 * Some of the cells of one axis: a slice, or the parts of a split. The batch is not cut; an axis is counted with the batch at
 * 0, negative ones from the end.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { Add, CeilDiv, Div, Lt, Mod, Sub } from '../Nat.ts';
import type { AnyShape, Dim, Int, Shape, Show } from '../Shape.ts';
import { isInt, show, unknown } from '../Shape.ts';
import type { Axis, AxisError, FloatError } from './Elementwise.ts';
import { axisError, axisOf, floatError } from './Elementwise.ts';
import type { Positive, Positives } from './Option.ts';
import { positive, positives } from './Option.ts';

/** Another size on axis I. */
type With<S, I, X> = { [K in keyof S]: K extends `${I & number}` ? X : S[K] };

// -------------------------------------------------------------------------------------
// slice
// -------------------------------------------------------------------------------------

export interface SliceRule {
  readonly axis: number;
  readonly start: number;
  /** Exclusive; undefined is the axis' end. */
  readonly end: number | undefined;
  readonly step: number;
}

/** A position within an axis of D cells: negative ones count from the end, and what is beyond is an end. */
type Clamped<D extends number, P extends number> = number extends P
  ? number
  : `${P}` extends `-${infer N extends number}`
    ? [Sub<D, N>] extends [never]
      ? 0
      : Sub<D, N>
    : [Lt<P, D>] extends [false]
      ? D
      : P;

/** Cells between two positions; false when there is none. */
type Between<From extends number, To extends number, Step extends number> = [Sub<To, From>] extends [never]
  ? false
  : Sub<To, From> extends 0
    ? false
    : CeilDiv<Sub<To, From>, Step>;

type SliceLength<D, From extends number, To, Step extends number> = D extends number
  ? number extends D
    ? number
    : Between<Clamped<D, From>, To extends number ? Clamped<D, To> : D, Step>
  : [From, To, Step] extends [0, undefined, 1]
    ? D
    : number;

/** A negative zero and fractions are no positions. */
type Whole<N> = N extends number
  ? number extends N
    ? true
    : `${N}` extends `${string}.${string}` | `${string}e${string}` | 'NaN' | `${string}Infinity`
      ? `slice: ${N} is not an integer`
      : true
  : true;

const whole = (n: number | undefined): string | undefined =>
  n === undefined || Number.isInteger(n) ? undefined : `slice: ${n} is not an integer`;

export type SliceOut<S, A extends number, From extends number, To extends number | undefined, Step extends number> =
  Whole<From> extends infer E extends string
    ? E
    : Whole<To> extends infer E extends string
      ? E
      : Positive<'slice', 'step', Step> extends infer E extends string
        ? E
        : S extends Int<Shape>
          ? FloatError<'slice', S>
          : Axis<A, S> extends infer I
            ? [I] extends [never]
              ? AxisError<'slice', A, S>
              : number extends I
                ? Shape
                : SliceLength<S[I & keyof S], From, To, Step> extends infer L
                  ? L extends false
                    ? `slice: from ${From} to ${To extends number ? To : 'the end'} there is nothing on axis ${I & number} of ${Show<S>}`
                    : With<S, I, L>
                  : never
            : never;

export const sliceOptions = (c: SliceRule): string | undefined =>
  whole(c.start) ?? whole(c.end) ?? positive('slice', 'step', c.step);

/** A position within an axis of that many cells. */
const clamped = (size: number, position: number): number =>
  Math.min(Math.max(position < 0 ? size + position : position, 0), size);

export const slice =
  (c: SliceRule) =>
  (input: AnyShape): E.Either<string, AnyShape> => {
    const bad = sliceOptions(c);
    if (bad !== undefined) return E.left(bad);
    if (isInt(input)) return E.left(floatError('slice', input));
    const at = axisOf(c.axis, input);
    if (at === undefined) return E.left(axisError('slice', c.axis, input));
    const size = input[at] as Dim;
    if (typeof size !== 'number')
      return E.right(input.with(at, c.start === 0 && c.end === undefined && c.step === 1 ? size : unknown));
    const cells = clamped(size, c.end ?? size) - clamped(size, c.start);
    return cells > 0
      ? E.right(input.with(at, Math.ceil(cells / c.step)))
      : E.left(`slice: from ${c.start} to ${c.end ?? 'the end'} there is nothing on axis ${at} of ${show(input)}`);
  };

// -------------------------------------------------------------------------------------
// split
// -------------------------------------------------------------------------------------

export interface SplitRule {
  readonly axis: number;
  /** How many equal parts, or the size of each. */
  readonly parts: number | readonly number[];
  /** Which part. */
  readonly index: number;
}

type Sum<P, A extends number = 0> = P extends readonly [infer H extends number, ...infer R] ? Sum<R, Add<A, H>> : A;

/** The sizes of the parts of D cells; a message when they do not fit. */
type PartSizes<D, P, I, S> = P extends number
  ? D extends number
    ? Mod<D, P> extends 0
      ? Div<D, P>
      : number extends D | P
        ? number
        : `split: axis ${I & number} of ${Show<S>} does not divide into ${P} equal parts`
    : `split: axis ${I & number} of ${Show<S>} has no fixed size`
  : P extends readonly number[]
    ? number extends D | P[number] | P['length']
      ? true
      : D extends number
        ? Sum<P> extends D
          ? true
          : `split: parts of ${Show<P>} do not add up to axis ${I & number} of ${Show<S>}`
        : `split: axis ${I & number} of ${Show<S>} has no fixed size`
    : never;

/** The shape of every part, as a tuple; or a message. */
export type SplitOut<S, P extends number | readonly number[], A extends number> =
  Positives<'split', 'parts', P> extends infer E extends string
    ? E
    : S extends Int<Shape>
      ? FloatError<'split', S>
      : Axis<A, S> extends infer I
        ? [I] extends [never]
          ? AxisError<'split', A, S>
          : PartSizes<S[I & keyof S], P, I, S> extends infer L
            ? L extends string
              ? L
              : P extends readonly number[]
                ? { -readonly [K in keyof P]: number extends I ? Shape : With<S, I, P[K]> }
                : number extends P
                  ? readonly (number extends I ? Shape : With<S, I, L>)[]
                  : Times<P & number, number extends I ? Shape : With<S, I, L>>
            : never
        : never;
type Times<N extends number, X, O extends readonly unknown[] = []> = O['length'] extends N ? O : Times<N, X, [...O, X]>;

/** As many parts as were asked for, of which nothing is known. */
export type Unsplit<P> = P extends readonly unknown[]
  ? P
  : Positives<'split', 'parts', P> extends string
    ? readonly unknown[]
    : number extends P
      ? readonly unknown[]
      : Times<P & number, unknown>;

export const splitOptions = ({ parts }: SplitRule): string | undefined =>
  positives('split', 'parts', typeof parts === 'number' ? [parts] : parts);

/** Where part `index` starts, and how many cells it has. */
export const partOf = (size: number, parts: number | readonly number[], index: number): readonly [number, number] => {
  if (typeof parts === 'number') return [(index * size) / parts, size / parts];
  return [parts.slice(0, index).reduce((a, b) => a + b, 0), parts[index] ?? 0];
};

export const split =
  (c: SplitRule) =>
  (input: AnyShape): E.Either<string, AnyShape> => {
    const bad = splitOptions(c);
    if (bad !== undefined) return E.left(bad);
    if (isInt(input)) return E.left(floatError('split', input));
    const at = axisOf(c.axis, input);
    if (at === undefined) return E.left(axisError('split', c.axis, input));
    const [size, { parts }] = [input[at] as Dim, c];
    if (typeof parts === 'number') {
      if (typeof size !== 'number')
        return size === unknown ? E.right(input) : E.left(`split: axis ${at} of ${show(input)} has no fixed size`);
      return size % parts === 0
        ? E.right(input.with(at, size / parts))
        : E.left(`split: axis ${at} of ${show(input)} does not divide into ${parts} equal parts`);
    }
    if (size === unknown) return E.right(input.with(at, parts[c.index] ?? unknown));
    if (typeof size !== 'number') return E.left(`split: axis ${at} of ${show(input)} has no fixed size`);
    return parts.reduce((a, b) => a + b, 0) === size
      ? E.right(input.with(at, parts[c.index] ?? unknown))
      : E.left(`split: parts of ${show(parts)} do not add up to axis ${at} of ${show(input)}`);
  };
