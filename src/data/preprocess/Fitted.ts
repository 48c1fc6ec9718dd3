/**
 * Fitted stages: functions from batches to batches that are known as plain data.
 *
 * A `Fitted<A, B>` is made from its `spec`, JSON that holds all that was learned: two with equal specs are equal, and saving is
 * writing the spec. `transform` maps batches; `inverse` goes back where there is a way; `lower` says the same in ONNX operators, so
 * that an exported model needs no second implementation. Kinds of batches are told apart at run time by `from` and `to`.
 *
 * Laws: with `compose` and `identity` the fitted stages are a category, in specs and not only in results (`compose` flattens);
 * `transform` of `compose(g)(f)` is `transform` of `f`, then of `g`; inverses compose the other way round; `inverse` undoes `transform`
 * up to rounding on what the fit saw, except where a stage documents what it loses; `lower` gives what `transform` gives, up to
 * float32.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Value } from '../../graph/Graph.ts';
import type { NdArray } from '../../shape/NdArray.ts';
import type { PreprocessError } from './PreprocessError.ts';
import { unsupported } from './PreprocessError.ts';
import type { Cells, Table } from './Table.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** What goes through stages: numbers, categories, texts, records, arrays of samples. */
export interface Kinds {
  readonly table: Table;
  readonly cells: Cells;
  readonly texts: readonly string[];
  readonly rows: readonly object[];
  readonly array: NdArray;
}

export type Kind = keyof Kinds;

/** What a stage is, as JSON. `_tag` says which stage reads it. */
export interface Spec {
  readonly _tag: string;
}

export interface ChainSpec extends Spec {
  readonly _tag: 'Chain';
  readonly stages: readonly Spec[];
}

/** On a float32 value with the batch on axis 0. */
export type Lowering = (x: Value) => Value;

export interface Fitted<A, B> {
  readonly _tag: 'Fitted';
  readonly spec: Spec;
  /** `undefined`: any kind, the same as `to` (the identity). */
  readonly from: Kind | undefined;
  readonly to: Kind | undefined;
  /** Names of the columns that go in and come out; `undefined` where there are none. */
  readonly inputs: readonly string[] | undefined;
  readonly names: readonly string[] | undefined;
  readonly transform: (a: A) => E.Either<PreprocessError, B>;
  /** Left: it has none, and why. */
  readonly inverse: E.Either<PreprocessError, (b: B) => E.Either<PreprocessError, A>>;
  /** Left: there are no operators for it, and why. */
  readonly lower: E.Either<PreprocessError, Lowering>;
  /** Of a chain: its stages, none of them a chain. */
  readonly chain?: readonly Untyped[];
}

/** A stage whose kinds are known at run time only. */
export type Untyped = Fitted<unknown, unknown>;

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

export const noInverse = (stage: string, why: string): E.Either<PreprocessError, never> =>
  E.left(unsupported(stage, `has no inverse: ${why}`, 'leave it out of what is to be inverted'));

export const notLowered = (stage: string, why: string): E.Either<PreprocessError, never> =>
  E.left(unsupported(stage, `cannot be a part of a graph: ${why}`, 'run it with `transform` before the model'));

/** Forgets the types; whoever takes them back knows them from `from` and `to`. */
export const untyped = <A, B>(self: Fitted<A, B>): Untyped => self as unknown as Untyped;

const stagesOf = (self: Untyped): readonly Untyped[] => self.chain ?? [self];

/** The stages one after the other, chains taken apart: what `compose` does, without its types. */
export const chainOf = (all: readonly Untyped[]): Untyped => {
  const stages = all.flatMap(stagesOf);
  const [first] = stages;
  const last = stages[stages.length - 1];
  if (first !== undefined && first === last) return first;
  const spec: ChainSpec = { _tag: 'Chain', stages: stages.map((s) => s.spec) };
  return {
    _tag: 'Fitted',
    spec,
    from: first?.from,
    to: last?.to,
    inputs: first?.inputs,
    names: last?.names,
    chain: stages,
    transform: (a) =>
      stages.reduce<E.Either<PreprocessError, unknown>>((x, stage) => pipe(x, E.chain(stage.transform)), E.right(a)),
    inverse: pipe(
      stages,
      E.traverseArray((s) => s.inverse),
      E.map(
        (backs) => (b) =>
          backs.reduceRight<E.Either<PreprocessError, unknown>>((x, back) => pipe(x, E.chain(back)), E.right(b)),
      ),
    ),
    lower: pipe(
      stages,
      E.traverseArray((s) => s.lower),
      E.map((all) => (x: Value) => all.reduce((y, f) => f(y), x)),
    ),
  };
};

/** The arrow that changes nothing. */
export const identity = <A>(): Fitted<A, A> => chainOf([]) as unknown as Fitted<A, A>;

// -------------------------------------------------------------------------------------
// combinators
// -------------------------------------------------------------------------------------

/** First this, then that. `pipe(f, compose(g))`. */
export const compose =
  <B, C>(next: Fitted<B, C>) =>
  <A>(self: Fitted<A, B>): Fitted<A, C> =>
    chainOf([untyped(self), untyped(next)]) as unknown as Fitted<A, C>;

/** The batch transformed: data-last for `pipe`. */
export const transform =
  <A, B>(fitted: Fitted<A, B>) =>
  (a: A): E.Either<PreprocessError, B> =>
    fitted.transform(a);

/** Back to what was before, where the stages have an inverse. */
export const invert =
  <A, B>(fitted: Fitted<A, B>) =>
  (b: B): E.Either<PreprocessError, A> =>
    pipe(
      fitted.inverse,
      E.chain((back) => back(b)),
    );

/** How many columns come out; `undefined` where there are none. */
export const widthOf = <A, B>(fitted: Fitted<A, B>): number | undefined => fitted.names?.length;
