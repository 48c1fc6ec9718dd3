/**
 * Which target goes with which output: functions from a model's output shape to the shape of its targets, as types and
 * as values that give the same message.
 *
 * The class axis is where a softmax layer puts it: the last one, or 1 (channels first) for images and volumes.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { Leaf } from '../shape/Fn.ts';
import { type AnyShape, type Dim, dims, type Int, int, isInt, type Shape, type Show, show } from '../shape/Shape.ts';

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

export const sparse = withClasses((s) => int(s.filter((_, i) => i !== classAxis(s.length))));

export const categorical = withClasses((s) => s);

export const matrix =
  (op: string): TargetShape =>
  (output) =>
    isInt(output) || output.length !== 2
      ? E.left(`${op}: expects [batch,classes], got ${show(output)}`)
      : E.right(output);
