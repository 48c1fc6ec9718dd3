/**
 * Layers that normalise along axes. Axes count from 0 with the batch at 0, which is none of them; by default the features'.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { Mod } from '../Nat.ts';
import type { AnyShape, Int, Shape, Show } from '../Shape.ts';
import { isInt, show } from '../Shape.ts';
import type { AxesError, Axis, AxisError, FloatError } from './Elementwise.ts';
import { axesError, axisError, axisOf, floatError } from './Elementwise.ts';
import type { Above0, Opt, Positive } from './Option.ts';
import { above0, positive } from './Option.ts';

type Result = E.Either<string, AnyShape>;
type Axes = number | readonly number[] | undefined;

// -------------------------------------------------------------------------------------
// layer, root mean square
// -------------------------------------------------------------------------------------

/** With parameters as long as the axes: they need a size. */
export type NormalizationOut<Op extends string, S, C> =
  Above0<Op, 'epsilon', Opt<C, 'epsilon', 0.001>> extends infer E extends string
    ? E
    : S extends Int<Shape>
      ? FloatError<Op, S>
      : AxesError<Op, Opt<C, 'axis', undefined>, S> extends infer E extends string
        ? E
        : SizeError<Op, Opt<C, 'axis', undefined>, S> extends infer E extends string
          ? E
          : S;

type SizeError<Op extends string, A, S> = A extends readonly unknown[]
  ? A extends readonly [infer H, ...infer T]
    ? SizeAt<Op, Axis<H, S>, S> extends infer E extends string
      ? E
      : SizeError<Op, T, S>
    : true
  : SizeAt<Op, Axis<A, S>, S>;
type SizeAt<Op extends string, I, S> = number extends I
  ? true
  : S[I & keyof S] extends number
    ? true
    : `${Op}: axis ${I & number} of ${Show<S>} has no fixed size`;

const sizeError = (op: string, axis: Axes, shape: Shape): string | undefined => {
  const open = (typeof axis === 'object' ? axis : [axis])
    .map((a) => axisOf(a, shape))
    .find((i) => i !== undefined && typeof shape[i] !== 'number');
  return open === undefined ? undefined : `${op}: axis ${open} of ${show(shape)} has no fixed size`;
};

export const normalizationOptions = (op: string, epsilon: number): string | undefined => above0(op, 'epsilon', epsilon);

export const normalization =
  (op: string, { axis, epsilon }: { readonly axis: Axes; readonly epsilon: number }) =>
  (input: AnyShape): Result => {
    const bad = normalizationOptions(op, epsilon);
    if (bad !== undefined) return E.left(bad);
    if (isInt(input)) return E.left(floatError(op, input));
    const wrong = axesError(op, axis, input) ?? sizeError(op, axis, input);
    return wrong === undefined ? E.right(input) : E.left(wrong);
  };

// -------------------------------------------------------------------------------------
// unit
// -------------------------------------------------------------------------------------

export type UnitNormalizationOut<S, A> =
  S extends Int<Shape>
    ? FloatError<'unitNormalization', S>
    : AxesError<'unitNormalization', A, S> extends infer E extends string
      ? E
      : S;

export const unitNormalization =
  (axis: number | readonly number[]) =>
  (input: AnyShape): Result => {
    if (isInt(input)) return E.left(floatError('unitNormalization', input));
    const bad = axesError('unitNormalization', axis, input);
    return bad === undefined ? E.right(input) : E.left(bad);
  };

// -------------------------------------------------------------------------------------
// group, instance
// -------------------------------------------------------------------------------------

/** Groups -1: as many as there are channels. */
export type GroupNormalizationOut<Op extends string, S, C, G> =
  GroupsError<Op, G> extends infer E extends string
    ? E
    : Above0<Op, 'epsilon', Opt<C, 'epsilon', 0.001>> extends infer E extends string
      ? E
      : S extends Int<Shape>
        ? FloatError<Op, S>
        : [Axis<Opt<C, 'axis', undefined>, S>] extends [never]
          ? AxisError<Op, Opt<C, 'axis', undefined>, S>
          : SizeAt<Op, Axis<Opt<C, 'axis', undefined>, S>, S> extends infer E extends string
            ? E
            : Divided<Op, S, G, Axis<Opt<C, 'axis', undefined>, S>>;
type GroupsError<Op extends string, G> = G extends -1 ? true : Positive<Op, 'groups', G>;
type Divided<Op extends string, S, G, I> = number extends I | G
  ? S
  : G extends -1
    ? S
    : S[I & keyof S] extends infer N extends number
      ? Mod<N, G & number> extends 0
        ? S
        : number extends N
          ? S
          : `${Op}: ${N} channels do not divide into ${G & number} groups`
      : S;

export interface GroupRule {
  readonly groups: number;
  readonly axis: number | undefined;
  readonly epsilon: number;
}

export const groupNormalizationOptions = (op: string, { groups, epsilon }: GroupRule): string | undefined =>
  (groups === -1 ? undefined : positive(op, 'groups', groups)) ?? above0(op, 'epsilon', epsilon);

export const groupNormalization =
  (op: string, rule: GroupRule) =>
  (input: AnyShape): Result => {
    const bad = groupNormalizationOptions(op, rule);
    if (bad !== undefined) return E.left(bad);
    if (isInt(input)) return E.left(floatError(op, input));
    const axis = axisOf(rule.axis, input);
    if (axis === undefined) return E.left(axisError(op, rule.axis, input));
    const n = input[axis];
    if (typeof n !== 'number') return E.left(`${op}: axis ${axis} of ${show(input)} has no fixed size`);
    return rule.groups === -1 || n % rule.groups === 0
      ? E.right(input)
      : E.left(`${op}: ${n} channels do not divide into ${rule.groups} groups`);
  };
