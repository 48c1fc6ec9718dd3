/**
 * Dimensions and shapes, as types and as values.
 *
 * A shape is a readonly tuple of dimensions. A dimension is a literal size, a name (`'batch'`, `'seq'`) for a size that
 * is one number in a run but not known now, or, in types, `number`: unknown until run time. `Shape` itself is a shape
 * of unknown rank. Float tensors are the default; integer tensors are marked `Int<[...]>`.
 *
 * What stands here as a type has a twin that is a function on values (`Show` and `show`, `Agree` and `agree`, ...). As a
 * value an unknown dimension is `'?'`, where the type says `number`.
 */
import type { Add, Mult } from './Nat.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** A known size, a named symbolic size ('batch', 'seq'), or `number`: unknown until run time (as a value: `'?'`). */
export type Dim = number | string;

/** `Shape` itself is a shape of unknown rank: everything about it is left to run time. */
export type Shape = readonly Dim[];

/** Integer tensors are marked, float32 is the default: labels and tokens are `Int<[...]>`. */
export interface Int<S extends Shape> {
  readonly int: S;
}

export type AnyShape = Shape | Int<Shape>;

/** The dimension that nothing is known about, as a value. It agrees with every other. */
export const unknown = '?';

// -------------------------------------------------------------------------------------
// showing
// -------------------------------------------------------------------------------------

export type ShowDim<D> = number extends D ? '?' : D extends Dim ? `${D}` : '?';

type Join<S, A extends string = ''> = S extends readonly [infer H, ...infer T]
  ? Join<T, A extends '' ? ShowDim<H> : `${A},${ShowDim<H>}`>
  : A;

/** `[batch,784]`, `int32[batch,seq]`, `[...]` when the rank is unknown; `{...}` for a record of shapes. */
export type Show<S> = Shape extends S
  ? '[...]'
  : S extends Int<infer T>
    ? Shape extends T
      ? 'int32[...]'
      : `int32[${Join<T>}]`
    : S extends Shape
      ? `[${Join<S>}]`
      : '{...}';

/** As the messages print it: `[batch,784]`, `int32[batch,seq]`. */
export const show = (shape: AnyShape): string => `${isInt(shape) ? 'int32' : ''}[${dims(shape).join(',')}]`;

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** Marks a shape as one of integers (int32): `int(['seq'])` for tokens, `int([])` for one label a sample. */
export const int = <const S extends Shape>(shape: S): Int<S> => ({ int: shape });

// -------------------------------------------------------------------------------------
// destructors
// -------------------------------------------------------------------------------------

/** Whether it is of integers: labels, tokens. */
export const isInt = (shape: AnyShape): shape is Int<Shape> => !Array.isArray(shape);

/** The sizes, whatever the element type: names are sizes that are not known yet. */
export const dims = (shape: AnyShape): Shape => (isInt(shape) ? shape.int : shape);

/** The element type that the shape stands for. */
export const dtypeOf = (shape: AnyShape): 'float32' | 'int32' => (isInt(shape) ? 'int32' : 'float32');

/** How many numbers a tensor of this shape holds; undefined when a dimension is not known. `[]` holds one. */
export const elements = (shape: AnyShape): number | undefined => {
  const total = product(dims(shape));
  return typeof total === 'number' ? total : undefined;
};

// -------------------------------------------------------------------------------------
// relations
// -------------------------------------------------------------------------------------

/** Whether two shapes, or two records of shapes, can be equal: unknown sizes and ranks are left to run time. */
export type Agree<A, B> = A extends B
  ? true
  : Shape extends A | B
    ? true
    : A extends Int<infer X>
      ? B extends Int<infer Y>
        ? Agree<X, Y>
        : false
      : A extends Shape
        ? B extends Shape
          ? AgreeDims<A, B>
          : false
        : B extends AnyShape
          ? false
          : AgreeRecords<A, B>;

type AgreeDims<A, B> = A extends readonly [infer X, ...infer As]
  ? B extends readonly [infer Y, ...infer Bs]
    ? number extends X | Y
      ? AgreeDims<As, Bs>
      : X extends Y
        ? AgreeDims<As, Bs>
        : false
    : false
  : A extends readonly []
    ? B extends readonly []
      ? true
      : number extends (B & Shape)['length']
        ? true
        : false
    : true;

type AgreeRecords<A, B> = keyof A extends keyof B
  ? keyof B extends keyof A
    ? false extends { [K in keyof A]: K extends keyof B ? Agree<A[K], B[K]> : false }[keyof A]
      ? false
      : true
    : false
  : false;

/** Whether two shapes can be equal; `'?'` agrees with every dimension. */
export const agree = (a: AnyShape, b: AnyShape): boolean => {
  const x = dims(a);
  const y = dims(b);
  return (
    isInt(a) === isInt(b) && x.length === y.length && x.every((d, i) => d === unknown || y[i] === unknown || d === y[i])
  );
};

// -------------------------------------------------------------------------------------
// the batch
// -------------------------------------------------------------------------------------

/** Puts `'batch'` in front: from the shape of one sample to that of a batch. */
export type Batched<S> =
  S extends Int<infer T> ? Int<BatchedDims<T>> : S extends Shape ? BatchedDims<S> : { [K in keyof S]: Batched<S[K]> };
type BatchedDims<S extends Shape> = number extends S['length'] ? Shape : ['batch', ...S];

/** With the batch in front: `[4]` is `['batch', 4]`. */
export const batched = (sample: AnyShape): AnyShape =>
  isInt(sample) ? { int: ['batch', ...sample.int] } : ['batch', ...sample];

/** Takes the batch dimension off; a record of shapes field by field. */
export type Sample<S> = S extends readonly [unknown, ...infer R]
  ? R
  : S extends Int<infer T>
    ? T extends readonly [Dim, ...infer R extends Shape]
      ? Int<R>
      : Int<Shape>
    : S extends Shape
      ? Shape
      : { [K in keyof S]: Sample<S[K]> };

/** Without the batch in front. */
export const sample = (batch: AnyShape): AnyShape => (isInt(batch) ? { int: batch.int.slice(1) } : batch.slice(1));

/** Puts the actual batch size in place of `'batch'`; a record of shapes field by field. */
export type Bind<S, N> = S extends readonly ['batch', ...infer R]
  ? [N, ...R]
  : S extends Int<infer T>
    ? T extends readonly ['batch', ...infer R extends Shape]
      ? Int<[N & Dim, ...R]>
      : S
    : S extends Shape
      ? S
      : { [K in keyof S]: Bind<S[K], N> };

/** With the batch's size in place of its name. */
export const bind =
  (size: number) =>
  (shape: AnyShape): AnyShape => {
    const put = (s: Shape): Shape => s.map((d) => (d === 'batch' ? size : d));
    return isInt(shape) ? { int: put(shape.int) } : put(shape);
  };

/** Named sizes made unknown: what data, whose sizes are numbers, are compared with. A record of shapes field by field. */
export type Sized<S> =
  S extends Int<infer T> ? Int<SizedDims<T>> : S extends Shape ? SizedDims<S> : { [K in keyof S]: Sized<S[K]> };
type SizedDims<S extends Shape> = { [K in keyof S]: S[K] extends number ? S[K] : number };

/** Named sizes made unknown. */
export const sized = (shape: AnyShape): AnyShape => {
  const open = (s: Shape): Shape => s.map((d) => (typeof d === 'number' ? d : unknown));
  return isInt(shape) ? { int: open(shape.int) } : open(shape);
};

/** `unknown` when `Got` can be `Want`, otherwise the message: `fit: the model's input is [784], the dataset's [28,28]`. */
export type Fits<What extends string, Want, Whose extends string, Got> =
  Agree<Got, Want> extends true ? unknown : `${What} is ${Show<Want>}, ${Whose} ${Show<Got>}`;

// -------------------------------------------------------------------------------------
// arithmetic on dimensions
// -------------------------------------------------------------------------------------

export type AddDim<A, B> = A extends number ? (B extends number ? Add<A, B> : number) : number;

/** The sum of two sizes; `?` where one is not known. */
export const addDim = (a: Dim, b: Dim): Dim => (typeof a === 'number' && typeof b === 'number' ? a + b : unknown);

export type MultDim<A, B> = A extends 1
  ? B
  : B extends 1
    ? A
    : A extends number
      ? B extends number
        ? Mult<A, B>
        : number
      : number;

/** The product of two sizes; `?` where one is not known, unless the other says the result. */
export const multDim = (a: Dim, b: Dim): Dim =>
  a === 1 ? b : b === 1 ? a : typeof a === 'number' && typeof b === 'number' ? a * b : unknown;

export type Product<S, A = 1> = S extends readonly [infer H, ...infer T]
  ? Product<T, MultDim<A, H>>
  : S extends readonly []
    ? A
    : number;

/** The product of all sizes. */
export const product = (s: Shape): Dim => s.reduce<Dim>(multDim, 1);

/** What a rule gave, made a shape again: a message becomes the unknown shape, so that no error follows another. */
export type Known<R> = R extends AnyShape ? R : Shape;
