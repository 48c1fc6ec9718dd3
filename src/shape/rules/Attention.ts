/**
 * Attention, `[batch,seq,features]`: one tensor to itself, or query, value and key.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { Lt, Mod } from '../Nat.ts';
import type { Agree, AnyShape, Dim, Int, Shape, Show } from '../Shape.ts';
import { agree, isInt, show } from '../Shape.ts';
import type { AlongOut, AlongRule } from './AttentionAxes.ts';
import { alongError, orderError } from './AttentionAxes.ts';
import type { FloatError } from './Elementwise.ts';
import { floatError } from './Elementwise.ts';
import type { Opt, Positive, Unit } from './Option.ts';
import { positive, unit } from './Option.ts';
import type { SequenceError } from './Recurrent.ts';
import { sequenceError } from './Recurrent.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** What attends to what, where it is not one tensor to itself. */
export interface Sources<Q, V, K> {
  readonly query: Q;
  readonly value: V;
  readonly key: K;
}

// -------------------------------------------------------------------------------------
// sources
// -------------------------------------------------------------------------------------

type SourcesError<Op extends string, Q, V, K> = Shape extends Q | V | K
  ? true
  : SequenceError<Op, Q> extends infer E extends string
    ? E
    : SequenceError<Op, V> extends infer E extends string
      ? E
      : SequenceError<Op, K> extends infer E extends string
        ? E
        : [Q, V, K] extends [
              readonly [infer A, unknown, unknown],
              readonly [infer B, infer T, unknown],
              readonly [infer C, infer U, unknown],
            ]
          ? Agree<[A, T], [B, T]> extends false
            ? `${Op}: query ${Show<Q>} and value ${Show<V>} differ in their batch`
            : Agree<[B, T], [C, U]> extends false
              ? `${Op}: value ${Show<V>} and key ${Show<K>} differ in batch or length`
              : true
          : true;

const sourcesError = (op: string, query: AnyShape, value: AnyShape, key: AnyShape): string | undefined => {
  const bad = sequenceError(op, query) ?? sequenceError(op, value) ?? sequenceError(op, key);
  if (bad !== undefined) return bad;
  const [q, v, k] = [query as Shape, value as Shape, key as Shape];
  return !agree(q.slice(0, 1), v.slice(0, 1))
    ? `${op}: query ${show(query)} and value ${show(value)} differ in their batch`
    : agree(v.slice(0, 2), k.slice(0, 2))
      ? undefined
      : `${op}: value ${show(value)} and key ${show(key)} differ in batch or length`;
};

/** A mask has one number for each query and key. */
export type MaskError<Op extends string, Q, V, M> = Shape extends Q | V
  ? true
  : [Q, V] extends [readonly [infer B, infer T, unknown], readonly [unknown, infer S, unknown]]
    ? Agree<M, Int<[B & Dim, T & Dim, S & Dim]>> extends true
      ? true
      : `${Op}: expects a mask ${Show<Int<[B & Dim, T & Dim, S & Dim]>>}, got ${Show<M>}`
    : Q extends Shape
      ? `${Op}: expects no mask beside a query ${Show<Q>}, which is no [batch,seq,features]`
      : true;

const maskError = (op: string, query: AnyShape, value: AnyShape, mask: AnyShape | undefined): string | undefined => {
  if (mask !== undefined && (query as Shape).length !== 3)
    return `${op}: expects no mask beside a query ${show(query)}, which is no [batch,seq,features]`;
  const wanted = { int: [(query as Shape)[0] as Dim, (query as Shape)[1] as Dim, (value as Shape)[1] as Dim] };
  return mask === undefined || agree(mask, wanted)
    ? undefined
    : `${op}: expects a mask ${show(wanted)}, got ${show(mask)}`;
};

// -------------------------------------------------------------------------------------
// dot and additive
// -------------------------------------------------------------------------------------

/** `[batch,queries,value features]`. */
export type AttentionOut<Op extends string, S, C> =
  Unit<Op, 'dropout', Opt<C, 'dropout', 0>> extends infer E extends string
    ? E
    : S extends Sources<infer Q, infer V, infer K>
      ? Scored<Op, Q, V, K>
      : Scored<Op, S, S, S>;
type Scored<Op extends string, Q, V, K> =
  SourcesError<Op, Q, V, K> extends infer E extends string
    ? E
    : [Q, V, K] extends [
          readonly [infer B, infer T, infer F],
          readonly [unknown, unknown, infer O],
          readonly [unknown, unknown, infer G],
        ]
      ? Agree<[F], [G]> extends false
        ? `${Op}: query ${Show<Q>} and key ${Show<K>} differ in their features`
        : [B, T, O]
      : Shape;

/** Inputs: one, or query, value, key and perhaps a mask. */
export const attention =
  (op: string, dropout: number) =>
  ([query, value, key, mask]: readonly AnyShape[]): E.Either<string, AnyShape> => {
    if (query === undefined) return E.left(`${op}: expects 1 input, got 0`);
    const [v, k] = [value ?? query, key ?? value ?? query];
    const bad = unit(op, 'dropout', dropout) ?? sourcesError(op, query, v, k) ?? maskError(op, query, v, mask);
    if (bad !== undefined) return E.left(bad);
    const [q, o] = [query as Shape, v as Shape];
    return agree(q.slice(2), (k as Shape).slice(2))
      ? E.right([q[0] as Dim, q[1] as Dim, o[2] as Dim])
      : E.left(`${op}: query ${show(query)} and key ${show(k)} differ in their features`);
  };

// -------------------------------------------------------------------------------------
// several heads
// -------------------------------------------------------------------------------------

export interface HeadsRule extends AlongRule {
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly keyDim: number;
  readonly valueDim: number;
  readonly outputSize: number | undefined;
  readonly dropout: number;
}

type HeadsError<Op extends string, C> =
  Positive<Op, 'heads', Opt<C, 'heads', 1>> extends infer E extends string
    ? E
    : Positive<Op, 'keyValueHeads', Opt<C, 'keyValueHeads', 1>> extends infer E extends string
      ? E
      : Positive<Op, 'keyDim', Opt<C, 'keyDim', 1>> extends infer E extends string
        ? E
        : Positive<Op, 'valueDim', Opt<C, 'valueDim', 1>> extends infer E extends string
          ? E
          : Positive<Op, 'outputSize', Opt<C, 'outputSize', 1>> extends infer E extends string
            ? E
            : Unit<Op, 'dropout', Opt<C, 'dropout', 0>> extends infer E extends string
              ? E
              : Positive<Op, 'slidingWindow', Opt<C, 'slidingWindow', 1>> extends infer E extends string
                ? E
                : Shared<Op, Opt<C, 'heads', 1>, Opt<C, 'keyValueHeads', 1>> extends infer E extends string
                  ? E
                  : Opt<C, 'rotary', false, boolean> extends false
                    ? true
                    : Even<Op, 'keyDim', Opt<C, 'keyDim', 2>>;

type Shared<Op extends string, H, G> = H extends number
  ? G extends number
    ? number extends H | G
      ? true
      : Mod<H, G> extends 0
        ? true
        : `${Op}: ${H} heads are not divisible by ${G} keyValueHeads`
    : true
  : true;

type Even<Op extends string, Name extends string, N> = N extends number
  ? number extends N
    ? true
    : Mod<N, 2> extends 0
      ? true
      : `${Op}: rotary positions need an even ${Name}, got ${N}`
  : true;

const even = (op: string, name: string, n: number): string | undefined =>
  n % 2 === 0 ? undefined : `${op}: rotary positions need an even ${name}, got ${n}`;

/** `[batch,queries,query features]`, or `outputSize` features; with `attentionAxes` of any rank. */
export type MultiHeadOut<Op extends string, S, C> =
  HeadsError<Op, C> extends infer E extends string
    ? E
    : S extends Sources<infer Q, infer V, infer K>
      ? Heads<Op, Q, V, K, C, Opt<C, 'attentionAxes', undefined>>
      : Heads<Op, S, S, S, C, Opt<C, 'attentionAxes', undefined>>;
type Heads<Op extends string, Q, V, K, C, A> = [A] extends [undefined]
  ? Op extends 'multiHeadAttention'
    ? Q extends readonly [unknown, unknown, unknown, unknown, ...unknown[]]
      ? `${Op}: expects [batch,seq,features], or attentionAxes, got ${Show<Q>}`
      : SequenceHeads<Op, Q, V, K, C>
    : SequenceHeads<Op, Q, V, K, C>
  : AlongOut<Op, Q, V, K, A, C>;
type SequenceHeads<Op extends string, Q, V, K, C> =
  SourcesError<Op, Q, V, K> extends infer E extends string
    ? E
    : Q extends readonly [infer B, infer T, infer F]
      ? [B, T, Opt<C, 'outputSize', F>]
      : Shape;

export const headsOptions = (op: string, c: HeadsRule): string | undefined =>
  positive(op, 'heads', c.heads) ??
  positive(op, 'keyValueHeads', c.keyValueHeads) ??
  positive(op, 'keyDim', c.keyDim) ??
  positive(op, 'valueDim', c.valueDim) ??
  (c.outputSize === undefined ? undefined : positive(op, 'outputSize', c.outputSize)) ??
  unit(op, 'dropout', c.dropout) ??
  (c.slidingWindow === undefined ? undefined : positive(op, 'slidingWindow', c.slidingWindow)) ??
  (c.heads % c.keyValueHeads === 0
    ? undefined
    : `${op}: ${c.heads} heads are not divisible by ${c.keyValueHeads} keyValueHeads`) ??
  (c.rotary === undefined ? undefined : even(op, 'keyDim', c.keyDim));

const axesMissing = (op: string, query: AnyShape): string | undefined =>
  op === 'multiHeadAttention' && !isInt(query) && query.length > 3
    ? `${op}: expects [batch,seq,features], or attentionAxes, got ${show(query)}`
    : undefined;

/** Inputs: one, or query, value, key and perhaps a mask. */
export const multiHead =
  (op: string, c: HeadsRule) =>
  ([query, value, key, mask]: readonly AnyShape[]): E.Either<string, AnyShape> => {
    if (query === undefined) return E.left(`${op}: expects 1 input, got 0`);
    const v = value ?? query;
    const k = key ?? v;
    const bad =
      headsOptions(op, c) ??
      orderError(op, c) ??
      (c.attentionAxes === undefined
        ? (axesMissing(op, query) ?? sourcesError(op, query, v, k))
        : alongError(op, c.attentionAxes, [query, v, k])) ??
      maskError(op, query, v, mask);
    if (bad !== undefined) return E.left(bad);
    const sizes = query as Shape;
    return E.right([...sizes.slice(0, -1), c.outputSize ?? (sizes.at(-1) as Dim)]);
  };

// -------------------------------------------------------------------------------------
// scores
// -------------------------------------------------------------------------------------

/** `[batch,heads,queries,keys]`, without heads `[batch,queries,keys]`. */
export type ScoresOut<Q, V, H = undefined> = Shape extends Q | V
  ? Shape
  : [Q, V] extends [readonly [infer B, infer T, unknown], readonly [unknown, infer S, unknown]]
    ? [H] extends [undefined]
      ? [B, T, S]
      : [B, H, T, S]
    : Shape;

/** Inputs: the output of an attention layer, and the value. */
export const attentionScores =
  (heads: number | undefined) =>
  ([output, value]: readonly AnyShape[]): E.Either<string, AnyShape> => {
    const [a, b] = [output ?? [], value ?? []];
    const bad = sequenceError('attentionScores', a) ?? sequenceError('attentionScores', b);
    if (bad !== undefined) return E.left(bad);
    const [batch, queries] = a as readonly [Dim, Dim];
    const keys = (b as Shape)[1] as Dim;
    return E.right(heads === undefined ? [batch, queries, keys] : [batch, heads, queries, keys]);
  };

// -------------------------------------------------------------------------------------
// positions
// -------------------------------------------------------------------------------------

export type SinusoidalOut<S> = SequenceError<'sinusoidalPositions', S> extends infer E extends string ? E : S;

export const sinusoidal = (input: AnyShape): E.Either<string, AnyShape> => {
  const bad = sequenceError('sinusoidalPositions', input);
  return bad === undefined ? E.right(input) : E.left(bad);
};

export type LearnedOut<S, N extends number> =
  Positive<'learnedPositions', 'maxLength', N> extends infer E extends string
    ? E
    : SequenceError<'learnedPositions', S> extends infer E extends string
      ? E
      : S extends readonly [unknown, infer T, unknown]
        ? Within<S, T, N>
        : S;
type Within<S, T, N extends number> = T extends number
  ? number extends T | N
    ? S
    : Lt<N, T> extends true
      ? `learnedPositions: the length of ${Show<S>} is more than ${N}`
      : S
  : S;

export const learned =
  (maxLength: number) =>
  (input: AnyShape): E.Either<string, AnyShape> => {
    const bad = positive('learnedPositions', 'maxLength', maxLength) ?? sequenceError('learnedPositions', input);
    if (bad !== undefined) return E.left(bad);
    const length = (input as Shape)[1];
    return typeof length === 'number' && length > maxLength
      ? E.left(`learnedPositions: the length of ${show(input)} is more than ${maxLength}`)
      : E.right(input);
  };

/** `[batch,seq,...,features]` with an even number of features. */
export type RotaryOut<S> = S extends readonly [unknown, unknown, ...unknown[], infer F]
  ? F extends number
    ? Even<'rotaryPositions', 'number of features', F> extends infer E extends string
      ? E
      : S
    : `rotaryPositions: the last axis of ${Show<S>} has no fixed size`
  : S extends Int<Shape>
    ? FloatError<'rotaryPositions', S>
    : `rotaryPositions: expects [batch,seq,...,features], got ${Show<S>}`;

export const rotary = (input: AnyShape): E.Either<string, AnyShape> => {
  if (isInt(input)) return E.left(floatError('rotaryPositions', input));
  const last = input[input.length - 1];
  if (input.length < 3) return E.left(`rotaryPositions: expects [batch,seq,...,features], got ${show(input)}`);
  if (typeof last !== 'number') return E.left(`rotaryPositions: the last axis of ${show(input)} has no fixed size`);
  const bad = even('rotaryPositions', 'number of features', last);
  return bad === undefined ? E.right(input) : E.left(bad);
};
