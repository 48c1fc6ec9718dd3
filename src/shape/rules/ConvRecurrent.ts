/**
 * Recurrent layers whose products are convolutions: `[batch,seq,channels,...cells]`. What a convolution makes of one step, for
 * each step or for the last one.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { AnyShape, Int, Shape, Show } from '../Shape.ts';
import { agree, isInt, show } from '../Shape.ts';
import type { ConvWith } from './Convolution.ts';
import { conv, convOptions } from './Convolution.ts';
import type { FloatError } from './Elementwise.ts';
import { floatError } from './Elementwise.ts';
import type { Opt } from './Option.ts';
import type { StepsError, StepsRule } from './Recurrent.ts';
import { stepsOptions } from './Recurrent.ts';
import type { Rank, SizeOf } from './Window.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface ConvLstmShapeOptions<N extends Rank> {
  readonly filters: number;
  readonly kernel: SizeOf<N>;
  readonly strides?: SizeOf<N>;
  readonly padding?: 'same' | 'valid';
  readonly dilation?: SizeOf<N>;
  readonly returnSequences?: boolean;
  readonly dropout?: number;
  readonly recurrentDropout?: number;
  readonly truncate?: number;
}

export interface ConvLstmRule extends StepsRule {
  readonly op: string;
  readonly filters: number;
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly padding: 'same' | 'valid';
  readonly dilation: readonly number[];
}

// -------------------------------------------------------------------------------------
// the input
// -------------------------------------------------------------------------------------

interface Axes {
  readonly 1: 'length';
  readonly 2: 'height,width';
  readonly 3: 'depth,height,width';
}

const axes: Axes = { 1: 'length', 2: 'height,width', 3: 'depth,height,width' };

type InputError<Op extends string, N extends Rank, S> =
  S extends Int<Shape> ? FloatError<Op, S> : `${Op}: expects [batch,seq,channels,${Axes[N]}], got ${Show<S>}`;

// -------------------------------------------------------------------------------------
// the layer
// -------------------------------------------------------------------------------------

/** The state: `[batch,filters,...cells]`, or the message. */
export type ConvLstmState<N extends Rank, S, C extends ConvLstmShapeOptions<N>> =
  StepsError<`convLstm${N}d`, C> extends infer E extends string
    ? E
    : S extends readonly [infer B, unknown, infer Ch, ...infer Sp]
      ? Sp['length'] extends N
        ? [Ch, ...Sp] extends readonly number[]
          ? ConvWith<
              `convLstm${N}d`,
              N,
              [B, Ch, ...Sp],
              C['filters'],
              C['kernel'],
              Opt<C, 'strides', 1>,
              Opt<C, 'padding', 'valid', unknown>,
              Opt<C, 'dilation', 1>,
              1
            >
          : `convLstm${N}d: channels and ${Axes[N]} of ${Show<S>} must have fixed sizes`
        : InputError<`convLstm${N}d`, N, S>
      : InputError<`convLstm${N}d`, N, S>;

/** The state after the last step, or after each with `returnSequences`. */
export type ConvLstmOut<N extends Rank, S, C extends ConvLstmShapeOptions<N>> =
  ConvLstmState<N, S, C> extends infer R
    ? R extends readonly [infer B, ...infer F]
      ? S extends readonly [unknown, infer T, ...unknown[]]
        ? Sequences<B, T, F, Opt<C, 'returnSequences', false, boolean>>
        : never
      : R
    : never;
type Sequences<B, T, F extends readonly unknown[], Q> = [Q] extends [false]
  ? [B, ...F]
  : [Q] extends [true]
    ? [B, T, ...F]
    : Shape;

const convRule = (c: ConvLstmRule) => ({
  op: c.op,
  filters: c.filters,
  kernel: c.kernel,
  strides: c.strides,
  padding: c.padding,
  dilation: c.dilation,
  groups: 1,
});

export const convLstmOptions = (c: ConvLstmRule): string | undefined =>
  stepsOptions(c.op, c) ?? convOptions(convRule(c));

/** The sequence, then the two initial states if there are any. */
export const convLstm =
  (c: ConvLstmRule) =>
  ([input, ...initial]: readonly AnyShape[]): E.Either<string, AnyShape> => {
    if (input === undefined) return E.left(`${c.op}: expects 1 input, got 0`);
    const bad = stepsOptions(c.op, c);
    if (bad !== undefined) return E.left(bad);
    if (isInt(input)) return E.left(floatError(c.op, input));
    const [batch, time, ...sample] = input;
    const names = axes[c.kernel.length as Rank];
    if (batch === undefined || time === undefined || sample.length !== 1 + c.kernel.length)
      return E.left(`${c.op}: expects [batch,seq,channels,${names}], got ${show(input)}`);
    if (!sample.every((d) => typeof d === 'number'))
      return E.left(`${c.op}: channels and ${names} of ${show(input)} must have fixed sizes`);
    const state = conv(convRule(c))([batch, ...sample]);
    if (E.isLeft(state)) return state;
    const after = state.right as Shape;
    if (initial.length > 0 && initial.length !== 2)
      return E.left(`${c.op}: expects 2 initial states, got ${initial.length}`);
    const wrong = initial.find((s) => isInt(s) || !agree(s, after));
    if (wrong !== undefined) return E.left(`${c.op}: expects initial states ${show(after)}, got ${show(wrong)}`);
    return E.right(c.returnSequences ? [batch, time, ...after.slice(1)] : after);
  };
