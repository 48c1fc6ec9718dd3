/**
 * Layers along an axis of time, `[batch,seq,features]`: recurrent layers, and layers applied to each step.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { Mult } from '../Nat.ts';
import type { AddDim, Agree, AnyShape, Dim, Int, Shape, Show } from '../Shape.ts';
import { addDim, agree, isInt, show, unknown } from '../Shape.ts';
import type { FloatError } from './Elementwise.ts';
import { floatError } from './Elementwise.ts';
import type { Opt, Positive, Unit } from './Option.ts';
import { positive, unit } from './Option.ts';

// -------------------------------------------------------------------------------------
// sequences
// -------------------------------------------------------------------------------------

/** Message unless S is `[batch,seq,features]` with a number of features that is known. */
export type SequenceError<Op extends string, S> = S extends readonly [unknown, unknown, infer F]
  ? F extends number
    ? true
    : `${Op}: the last axis of ${Show<S>} has no fixed size`
  : S extends Int<Shape>
    ? FloatError<Op, S>
    : `${Op}: expects [batch,seq,features], got ${Show<S>}`;

export const sequenceError = (op: string, input: AnyShape): string | undefined =>
  isInt(input)
    ? floatError(op, input)
    : input.length !== 3
      ? `${op}: expects [batch,seq,features], got ${show(input)}`
      : typeof input[2] === 'number'
        ? undefined
        : `${op}: the last axis of ${show(input)} has no fixed size`;

// -------------------------------------------------------------------------------------
// recurrent
// -------------------------------------------------------------------------------------

export interface RecurrentShapeOptions {
  readonly returnSequences?: boolean;
  readonly dropout?: number;
  readonly recurrentDropout?: number;
  readonly truncate?: number | undefined;
}

type RecurrentError<Op extends string, N, C> =
  Positive<Op, 'units', N> extends infer E extends string ? E : StepsError<Op, C>;

/** What all recurrent layers are told of their steps. */
export type StepsError<Op extends string, C> =
  Unit<Op, 'dropout', Opt<C, 'dropout', 0>> extends infer E extends string
    ? E
    : Unit<Op, 'recurrentDropout', Opt<C, 'recurrentDropout', 0>> extends infer E extends string
      ? E
      : Positive<Op, 'truncate', Opt<C, 'truncate', 1>>;

/** `[batch,seq,features]` to `[batch,units]`, or to `[batch,seq,units]` with `returnSequences`. */
export type RecurrentOut<Op extends string, S, N extends number, C> =
  RecurrentError<Op, N, C> extends infer E extends string
    ? E
    : SequenceError<Op, S> extends infer E extends string
      ? E
      : S extends readonly [infer B, infer T, unknown]
        ? Sequences<B, T, N, Opt<C, 'returnSequences', false, boolean>>
        : never;
type Sequences<B, T, N, R> = [R] extends [false] ? [B, N] : [R] extends [true] ? [B, T, N] : Shape;

export interface StepsRule {
  readonly returnSequences: boolean;
  readonly dropout: number;
  readonly recurrentDropout: number;
  readonly truncate: number | undefined;
}

export interface RecurrentRule extends StepsRule {
  readonly units: number;
}

export const recurrentOptions = (op: string, c: RecurrentRule): string | undefined =>
  positive(op, 'units', c.units) ?? stepsOptions(op, c);

export const stepsOptions = (op: string, c: StepsRule): string | undefined =>
  unit(op, 'dropout', c.dropout) ??
  unit(op, 'recurrentDropout', c.recurrentDropout) ??
  (c.truncate === undefined ? undefined : positive(op, 'truncate', c.truncate));

/** The sequence, then the initial states if there are any. */
export const recurrent =
  (op: string, c: RecurrentRule, states: number) =>
  ([input, ...initial]: readonly AnyShape[]): E.Either<string, AnyShape> => {
    if (input === undefined) return E.left(`${op}: expects 1 input, got 0`);
    const bad = recurrentOptions(op, c) ?? sequenceError(op, input);
    if (bad !== undefined) return E.left(bad);
    if (initial.length > 0 && initial.length !== states)
      return E.left(`${op}: expects ${states} initial states, got ${initial.length}`);
    const [batch = unknown, time = unknown] = input as Shape;
    const wrong = initial.find((s) => isInt(s) || s.length !== 2 || (s[1] !== c.units && s[1] !== unknown));
    return wrong === undefined
      ? E.right(c.returnSequences ? [batch, time, c.units] : [batch, c.units])
      : E.left(`${op}: expects initial states [batch,${c.units}], got ${show(wrong)}`);
  };

/** A recurrent layer's state, from its output: without time, which lies between the batch and features and spatial axes. */
export const recurrentState =
  (spatial: number) =>
  (output: AnyShape): E.Either<string, AnyShape> =>
    isInt(output) || output.length < 2 + spatial
      ? E.left(`recurrentState: expects the output of a recurrent layer, got ${show(output)}`)
      : E.right([output[0] as Dim, ...output.slice(-1 - spatial)]);

// -------------------------------------------------------------------------------------
// bidirectional
// -------------------------------------------------------------------------------------

/** Of the outputs of both directions: with `concat` one behind the other along the last axis. */
export type DirectionsOut<S, M, B = S> = S extends string
  ? `bidirectional > ${S}`
  : B extends string
    ? `bidirectional > ${B}`
    : [M] extends ['sum' | 'mul' | 'ave']
      ? Agree<S, B> extends false
        ? `bidirectional: mergeMode '${M}' of ${Show<S>} and ${Show<B>}, which differ`
        : S
      : ['concat'] extends [M]
        ? [S, B] extends [readonly [...infer R, infer L], readonly [...infer Q, infer N]]
          ? Agree<R, Q> extends false
            ? `bidirectional: ${Show<S>} and ${Show<B>}: one direction gives a sequence, the other one does not`
            : [M] extends ['concat']
              ? [...R, AddDim<L, N>]
              : Shape
          : Shape
        : `bidirectional: mergeMode '${M & string}' is not one of concat, sum, mul, ave`;

export const directions =
  (mode: string) =>
  ([forward, backward]: readonly AnyShape[]): E.Either<string, AnyShape> => {
    if (forward === undefined || backward === undefined || isInt(forward) || isInt(backward))
      return E.left('bidirectional: expects the outputs of two directions');
    const both = `${show(forward)} and ${show(backward)}`;
    if (mode === 'sum' || mode === 'mul' || mode === 'ave')
      return agree(forward, backward)
        ? E.right(forward)
        : E.left(`bidirectional: mergeMode '${mode}' of ${both}, which differ`);
    if (mode !== 'concat') return E.left(`bidirectional: mergeMode '${mode}' is not one of concat, sum, mul, ave`);
    return agree(forward.slice(0, -1), backward.slice(0, -1))
      ? E.right([...forward.slice(0, -1), addDim(forward.at(-1) as Dim, backward.at(-1) as Dim)])
      : E.left(`bidirectional: ${both}: one direction gives a sequence, the other one does not`);
  };

// -------------------------------------------------------------------------------------
// each step on its own
// -------------------------------------------------------------------------------------

/** Batch and time as one dimension; a name for two sizes of which one has a name. */
export type FoldDim<B, T> = number extends B | T
  ? number
  : B extends number
    ? T extends number
      ? Mult<B, T>
      : `${B}*${T & string}`
    : `${B & string}*${T & Dim}`;

export const foldDim = (b: Dim, t: Dim): Dim =>
  b === unknown || t === unknown ? unknown : typeof b === 'number' && typeof t === 'number' ? b * t : `${b}*${t}`;

export type FoldTime<S> = S extends readonly [infer B, infer T, ...infer R]
  ? [FoldDim<B, T>, ...R]
  : S extends Int<infer D>
    ? D extends readonly [infer B, infer T, ...infer R extends Shape]
      ? Int<[FoldDim<B, T> & Dim, ...R]>
      : `timeDistributed: expects [batch,seq,...], got ${Show<S>}`
    : `timeDistributed: expects [batch,seq,...], got ${Show<S>}`;

export type UnfoldTime<S, O> = O extends string
  ? O
  : S extends readonly [infer B, infer T, ...unknown[]]
    ? Unfold<B, T, O>
    : S extends Int<infer D>
      ? D extends readonly [infer B, infer T, ...unknown[]]
        ? Unfold<B, T, O>
        : Shape
      : Shape;
type Unfold<B, T, O> = Shape extends O ? Shape : O extends readonly [unknown, ...infer R] ? [B, T, ...R] : Shape;

export const foldTime = (input: AnyShape): E.Either<string, AnyShape> => {
  const [batch, time, ...rest] = isInt(input) ? input.int : input;
  if (batch === undefined || time === undefined)
    return E.left(`timeDistributed: expects [batch,seq,...], got ${show(input)}`);
  const folded = [foldDim(batch, time), ...rest];
  return E.right(isInt(input) ? { int: folded } : folded);
};

export const unfoldTime = ([folded, original]: readonly AnyShape[]): E.Either<string, AnyShape> => {
  const [batch, time] = original === undefined ? [] : isInt(original) ? original.int : original;
  return folded === undefined || batch === undefined || time === undefined || isInt(folded)
    ? E.left('timeDistributed: the layer must give numbers for each step')
    : E.right([batch, time, ...folded.slice(1)]);
};
