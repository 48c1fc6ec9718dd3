/**
 * Functions on shapes, as types: what a layer does to its input, known before the input is.
 *
 * A `Fn` is an interface with `in` and `out`; `Apply` fixes `in` and reads `out` (fp-ts's encoding of higher kinds). The
 * result is a shape or, where the rule does not hold, a string literal: the message that the compiler prints. After an
 * error, and for inputs of unknown rank, everything is `Shape`: unknown, so that nothing follows.
 *
 * Laws: with `Seq` as composition and `Id` as identity these are the arrows of a category, as far as shapes go.
 */
import type { Agree, Shape, Show } from './Shape.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** A function on shapes: fix `in`, read `out`. `names`: the parameter groups inside. */
export interface Fn {
  readonly in: unknown;
  readonly out: unknown;
  readonly names: string;
}

/** A function without named groups. */
export interface Leaf extends Fn {
  readonly names: never;
}

export type Apply<F extends Fn, S> = Shape extends S ? Shape : (F & { readonly in: S })['out'];

// -------------------------------------------------------------------------------------
// combinators
// -------------------------------------------------------------------------------------

export interface Id extends Leaf {
  readonly out: this['in'];
}

/** F, then G, then ... */
export interface Seq<Fs extends readonly Fn[]> extends Fn {
  readonly out: Run<this['in'], Fs>;
  readonly names: Fs[number]['names'];
  readonly list: Fs;
}

/** Composition flattens, so that a long chain does not nest. */
export type Then<F extends Fn, G extends Fn> = F extends { readonly list: infer Fs extends readonly Fn[] }
  ? Seq<[...Fs, G]>
  : Seq<[F, G]>;

export interface Named<N extends string, F extends Fn> extends Fn {
  readonly out: CheckName<N> extends infer E extends string ? E : Apply<F, this['in']>;
  readonly names: N | `${N}.${F['names']}`;
}

type CheckName<N extends string> = string extends N
  ? true
  : N extends '' | `${string}.${string}`
    ? `named: '${N}' is not a name: it must not be empty and has no dots`
    : true;

/** A function whose input and output are known: a whole model. */
export interface Fixed<I, O> extends Leaf {
  readonly out: Agree<this['in'], I> extends true ? O : `model: expects ${Show<I>}, got ${Show<this['in']>}`;
}

// -------------------------------------------------------------------------------------
// folds
// -------------------------------------------------------------------------------------

/**
 * Folds go by index, not by slicing the tuple: linear. The destructuring test on `Fs` is needed: without it tsc
 * unfolds the recursion before `Fs` is inferred (TS2589). An array of layers has no known end.
 */
export type Run<S, Fs extends readonly Fn[]> = Fs extends readonly []
  ? S
  : Fs extends readonly [Fn, ...Fn[]]
    ? number extends Fs['length']
      ? Shape
      : RunFrom<S, Fs>
    : Shape;

type RunFrom<S, Fs extends readonly Fn[], I extends readonly unknown[] = []> = I['length'] extends Fs['length']
  ? S
  : Apply<Fs[I['length']], S> extends infer R
    ? R extends string
      ? `sequential[${I['length']}] > ${R}`
      : RunFrom<R, Fs, [...I, unknown]>
    : never;

/** The result of a fold that held. */
export interface Done<S> {
  readonly done: S;
}

/** The output shape in a box, or the arguments with the message in place of the layer that does not fit. */
export type Fold<S, Fs extends readonly Fn[]> = Fs extends readonly []
  ? Done<S>
  : Fs extends readonly [Fn, ...Fn[]]
    ? number extends Fs['length']
      ? Done<Shape>
      : FoldFrom<S, Fs>
    : Done<Shape>;

type FoldFrom<S, Fs extends readonly Fn[], I extends readonly unknown[] = []> = I['length'] extends Fs['length']
  ? Done<S>
  : Apply<Fs[I['length']], S> extends infer R
    ? R extends string
      ? [...I, R, ...unknown[]]
      : FoldFrom<R, Fs, [...I, unknown]>
    : never;

/** Each branch applied to the same input; a branch's message says which one it was. */
export type ApplyAll<Op extends string, Fs, S> = {
  readonly [K in keyof Fs]: Fs[K] extends Fn ? Within<`${Op}[${K & string}]`, Apply<Fs[K], S>> : never;
};

/** Puts where it happened in front of a message; shapes pass. */
export type Within<Where extends string, R> = R extends string ? `${Where} > ${R}` : R;
