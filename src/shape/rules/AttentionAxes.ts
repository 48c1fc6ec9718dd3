/**
 * Attention along chosen axes of tensors of any rank, `[batch,...,features]`: the other axes are as many batches.
 */
import type { Agree, AnyShape, Int, Shape, Show } from '../Shape.ts';
import { agree, isInt, show } from '../Shape.ts';
import type { AxesError, Axis, FloatError } from './Elementwise.ts';
import { axesError, axisOf, floatError } from './Elementwise.ts';
import type { Opt } from './Option.ts';

// -------------------------------------------------------------------------------------
// along one axis
// -------------------------------------------------------------------------------------

type Ordered = { readonly causal: true } | { readonly rotary: true | number } | { readonly slidingWindow: number };

type OrderError<Op extends string, A, C> = A extends readonly [unknown, unknown, ...unknown[]]
  ? C extends Ordered
    ? `${Op}: causal, rotary and slidingWindow are along one axis, attentionAxes has ${A['length']}`
    : true
  : true;

export interface AlongRule {
  readonly attentionAxes: readonly number[] | undefined;
  readonly causal: boolean;
  readonly rotary: number | undefined;
  readonly slidingWindow: number | undefined;
}

export const orderError = (op: string, c: AlongRule): string | undefined => {
  const count = c.attentionAxes?.length ?? 1;
  return count > 1 && (c.causal || c.rotary !== undefined || c.slidingWindow !== undefined)
    ? `${op}: causal, rotary and slidingWindow are along one axis, attentionAxes has ${count}`
    : undefined;
};

// -------------------------------------------------------------------------------------
// sources
// -------------------------------------------------------------------------------------

type SourceError<Op extends string, S> =
  S extends Int<Shape>
    ? FloatError<Op, S>
    : S extends readonly [...unknown[], infer F]
      ? F extends number
        ? true
        : `${Op}: the last axis of ${Show<S>} has no fixed size`
      : true;

const sourceError = (op: string, s: AnyShape): string | undefined =>
  isInt(s)
    ? floatError(op, s)
    : typeof s.at(-1) === 'number'
      ? undefined
      : `${op}: the last axis of ${show(s)} has no fixed size`;

/** The indices of A in S. */
type Attended<A, S> = A extends readonly (infer H)[] ? Axis<H, S> : Axis<A, S>;

type LastError<Op extends string, I, S> = S extends readonly [...infer L, unknown]
  ? number extends I
    ? true
    : L['length'] extends I
      ? `${Op}: attentionAxes names the features' axis of ${Show<S>}`
      : true
  : true;

/** Before the features, with 1 for the sizes of axes I. */
type Others<S, I> = S extends readonly [...infer L, unknown]
  ? { [K in keyof L]: K extends `${I & number}` ? 1 : L[K] }
  : never;

const others = (s: Shape, axes: readonly number[]): Shape => s.slice(0, -1).map((d, i) => (axes.includes(i) ? 1 : d));

// -------------------------------------------------------------------------------------
// the rule
// -------------------------------------------------------------------------------------

/** `[batch,...,query features]`, or `outputSize` features. A: the axes, one or a list. */
export type AlongOut<Op extends string, Q, V, K, A, C> =
  OrderError<Op, A, C> extends infer E extends string
    ? E
    : Shape extends Q | V | K
      ? Shape
      : SourceError<Op, Q> extends infer E extends string
        ? E
        : SourceError<Op, V> extends infer E extends string
          ? E
          : SourceError<Op, K> extends infer E extends string
            ? E
            : AxesError<Op, A, Q> extends infer E extends string
              ? E
              : LastError<Op, Attended<A, Q>, Q> extends infer E extends string
                ? E
                : Meeting<Op, Q, V, K, Attended<A, Q>, C>;
type Meeting<Op extends string, Q, V, K, I, C> =
  Agree<Others<Q, I>, Others<V, I>> extends false
    ? `${Op}: query ${Show<Q>} and value ${Show<V>} differ in an axis that does not attend`
    : Agree<Others<V, never>, Others<K, never>> extends false
      ? `${Op}: value ${Show<V>} and key ${Show<K>} differ before their features`
      : Q extends readonly [...infer L, infer F]
        ? [...L, Opt<C, 'outputSize', F>]
        : Shape;

export const alongError = (
  op: string,
  axes: readonly number[],
  [query, value, key]: readonly [AnyShape, AnyShape, AnyShape],
): string | undefined => {
  const bad = sourceError(op, query) ?? sourceError(op, value) ?? sourceError(op, key);
  if (bad !== undefined) return bad;
  const [q, v, k] = [query as Shape, value as Shape, key as Shape];
  const wrong = axesError(op, axes, q);
  if (wrong !== undefined) return wrong;
  const attended = axes.flatMap((a) => axisOf(a, q) ?? []);
  if (attended.includes(q.length - 1)) return `${op}: attentionAxes names the features' axis of ${show(q)}`;
  if (!agree(others(q, attended), others(v, attended)))
    return `${op}: query ${show(q)} and value ${show(v)} differ in an axis that does not attend`;
  return agree(others(v, []), others(k, []))
    ? undefined
    : `${op}: value ${show(v)} and key ${show(k)} differ before their features`;
};
