/**
 * Which target goes with which output: functions from a model's output shape to the shape of its targets, as types and
 * as values that give the same message.
 *
 * The class axis is where a softmax layer puts it: the last one, or 1 (channels first) for images and volumes.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Apply, Fn, Leaf } from '../shape/Fn.ts';
import type { Div, Mod } from '../shape/Nat.ts';
import {
  type Agree,
  type AnyShape,
  agree,
  type Dim,
  dims,
  type Int,
  int,
  isInt,
  type Shape,
  type Show,
  show,
  unknown,
} from '../shape/Shape.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** The target's shape, or what is wrong with the output. */
export type TargetShape = (output: AnyShape) => E.Either<string, AnyShape>;

/** The target has the output's shape. */
export interface SameShape extends Leaf {
  readonly out: this['in'];
}

/** One integer for each position of the output: the class. */
export interface Sparse<Op extends string = 'sparseCategoricalCrossentropy'> extends Leaf {
  readonly out: SparseOut<Op, this['in']>;
}

/** A number for each class: one-hot, or probabilities. */
export interface Categorical<Op extends string = 'categoricalCrossentropy'> extends Leaf {
  readonly out: CategoricalOut<Op, this['in']>;
}

/** One row of columns for each sample. */
export interface Matrix<Op extends string> extends Leaf {
  readonly out: this['in'] extends readonly [unknown, unknown]
    ? this['in']
    : `${Op}: expects [batch,classes], got ${Show<this['in']>}`;
}

/** One integer for each row of numbers: the class of what the row describes. */
export interface Labels<Op extends string> extends Leaf {
  readonly out: this['in'] extends readonly [infer B extends Dim, unknown]
    ? Int<[B]>
    : `${Op}: expects [batch,features], got ${Show<this['in']>}`;
}

/** Two numbers of the output for each of the target. */
export interface Half<Op extends string> extends Leaf {
  readonly out: HalfOut<Op, this['in']>;
}

/** For each sample a line of `L` classes, padded with 0. */
export interface Line<Op extends string, L extends number> extends Leaf {
  readonly out: LineOut<Op, L, this['in']>;
}

/** What all of them take; they must agree. */
export interface Together<Fs extends readonly Fn[]> extends Leaf {
  readonly out: TogetherOut<this['in'], Fs>;
}

/** Whatever the loss takes: the metric reads the target's shape when its graph is built. */
export interface AnyTarget extends Leaf {
  readonly out: Shape;
}

// -------------------------------------------------------------------------------------
// rules, as types
// -------------------------------------------------------------------------------------

/** Without the class axis and with it: [positions, classes]. */
type Classes<S> = S extends readonly [infer B, infer C, infer H, infer W, ...infer R]
  ? [readonly [B, H, W, ...R], C]
  : S extends readonly [infer B, ...infer R, infer C]
    ? [readonly [B, ...R], C]
    : never;

type OneClass<Op extends string, S> = `${Op}: the output ${Show<S>} has one class; use binaryCrossentropy`;
type NoClasses<Op extends string, S> = `${Op}: expects [batch,...,classes], got ${Show<S>}`;

type SparseOut<Op extends string, S> = [Classes<S>] extends [never]
  ? NoClasses<Op, S>
  : Classes<S> extends [infer P, infer C]
    ? C extends 1
      ? OneClass<Op, S>
      : P extends Shape
        ? Int<Mutable<P>>
        : never
    : never;

type CategoricalOut<Op extends string, S> = [Classes<S>] extends [never]
  ? NoClasses<Op, S>
  : Classes<S> extends [unknown, infer C]
    ? C extends 1
      ? OneClass<Op, S>
      : S
    : never;

type HalfOut<Op extends string, S> = S extends readonly [...infer R extends Dim[], infer D extends number]
  ? number extends D
    ? [...R, number]
    : Mod<D, 2> extends 0
      ? [...R, Div<D, 2>]
      : `${Op}: expects an even last size, got ${Show<S>}`
  : `${Op}: expects an even last size, got ${Show<S>}`;

type LineOut<Op extends string, L extends number, S> = S extends readonly [infer B extends Dim, infer D, infer _C]
  ? D extends number
    ? Int<[B, L]>
    : `${Op}: the number of steps must be known, got ${Show<S>}`
  : `${Op}: expects [batch,steps,classes], got ${Show<S>}`;

type TogetherOut<S, Fs extends readonly Fn[]> = Fs extends readonly [
  infer F extends Fn,
  ...infer R extends readonly Fn[],
]
  ? R extends readonly []
    ? Apply<F, S>
    : Meet<Apply<F, S>, TogetherOut<S, R>>
  : Shape;

type Meet<A, B> = A extends string
  ? A
  : B extends string
    ? B
    : Agree<A, B> extends true
      ? A
      : `weighted: one loss has targets ${Show<A>}, another ${Show<B>}`;

type Mutable<P extends Shape> = P extends readonly [...infer T extends Dim[]] ? T : never;

// -------------------------------------------------------------------------------------
// rules, as values
// -------------------------------------------------------------------------------------

/** The axis of the classes in an output of that rank. */
export const classAxis = (rank: number): number => (rank >= 4 ? 1 : rank - 1);

/** The number of classes, if it is known. */
export const classes = (output: AnyShape): number | undefined => {
  const shape = dims(output);
  const size = shape[classAxis(shape.length)];
  return typeof size === 'number' ? size : undefined;
};

const withClasses =
  (target: (output: Shape) => AnyShape) =>
  (op: string): TargetShape =>
  (output) =>
    isInt(output) || output.length < 2
      ? E.left(`${op}: expects [batch,...,classes], got ${show(output)}`)
      : classes(output) === 1
        ? E.left(`${op}: the output ${show(output)} has one class; use binaryCrossentropy`)
        : E.right(target(output));

export const sameShape: TargetShape = E.right;

/** The rule, unless options of the loss are wrong: then that is the message. */
export const provided =
  (problems: readonly string[]) =>
  (rule: TargetShape): TargetShape =>
    problems.length === 0 ? rule : () => E.left(problems.join('; '));

export const sparse = withClasses((s) => int(s.filter((_, i) => i !== classAxis(s.length))));

export const categorical = withClasses((s) => s);

export const matrix =
  (op: string): TargetShape =>
  (output) =>
    isInt(output) || output.length !== 2
      ? E.left(`${op}: expects [batch,classes], got ${show(output)}`)
      : E.right(output);

export const labels =
  (op: string): TargetShape =>
  (output) =>
    isInt(output) || output.length !== 2
      ? E.left(`${op}: expects [batch,features], got ${show(output)}`)
      : E.right(int(output.slice(0, 1)));

export const half =
  (op: string): TargetShape =>
  (output) => {
    const size = isInt(output) ? undefined : output[output.length - 1];
    return isInt(output) || size === undefined || (typeof size === 'number' ? size % 2 !== 0 : size !== unknown)
      ? E.left(`${op}: expects an even last size, got ${show(output)}`)
      : E.right([...output.slice(0, -1), typeof size === 'number' ? size / 2 : unknown]);
  };

export const line =
  (op: string, length: number): TargetShape =>
  (output) => {
    if (isInt(output) || output.length !== 3)
      return E.left(`${op}: expects [batch,steps,classes], got ${show(output)}`);
    return typeof output[1] === 'number'
      ? E.right(int([output[0] as Dim, length]))
      : E.left(`${op}: the number of steps must be known, got ${show(output)}`);
  };

/** The first of several targets, if they agree. */
export const together =
  (shapes: readonly TargetShape[]): TargetShape =>
  (output) =>
    pipe(
      shapes,
      E.traverseArray((shape) => shape(output)),
      E.chain((all) => {
        const [first = output] = all;
        const other = all.find((s) => !agree(first, s));
        return other === undefined
          ? E.right(first)
          : E.left(`weighted: one loss has targets ${show(first)}, another ${show(other)}`);
      }),
    );
