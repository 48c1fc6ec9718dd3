/**
 * The shape of the random numbers of dropout: along each axis as many as the input has (`null`, or its size), or one for all (1).
 */
import type { AnyShape, Shape, Show } from '../Shape.ts';
import { isInt, show, unknown } from '../Shape.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** One entry for each axis, the batch included. */
export type NoiseShape = readonly (number | null)[];

// -------------------------------------------------------------------------------------
// type
// -------------------------------------------------------------------------------------

/** Message unless it fits. */
export type NoiseShapeError<Op extends string, N, S> = N extends readonly unknown[]
  ? number extends N['length']
    ? true
    : S extends Shape
      ? N['length'] extends S['length']
        ? EntryError<Op, N, S, S>
        : `${Op}: noiseShape has ${N['length']} axes, the input is ${Show<S>}`
      : true
  : true;

type EntryError<Op extends string, N, S, All> = N extends readonly [infer E, ...infer Ns]
  ? S extends readonly [infer D, ...infer Ds]
    ? Fits<E, D> extends true
      ? EntryError<Op, Ns, Ds, All>
      : `${Op}: noiseShape has ${E & number} where ${Show<All>} has ${D & (string | number)}; expected null, 1 or that size`
    : true
  : true;

type Fits<E, D> = E extends null | 1 ? true : number extends E | D ? true : E extends D ? true : false;

// -------------------------------------------------------------------------------------
// twin
// -------------------------------------------------------------------------------------

export const noiseShapeError = (op: string, n: NoiseShape | undefined, input: AnyShape): string | undefined => {
  // Integers are refused as such.
  if (n === undefined || isInt(input)) return undefined;
  if (n.length !== input.length) return `${op}: noiseShape has ${n.length} axes, the input is ${show(input)}`;
  const bad = n.findIndex((e, i) => e !== null && e !== 1 && e !== input[i] && input[i] !== unknown);
  return bad < 0
    ? undefined
    : `${op}: noiseShape has ${n[bad]} where ${show(input)} has ${input[bad]}; expected null, 1 or that size`;
};
