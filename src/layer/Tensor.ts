/**
 * Symbolic tensors: what flows through a graph while it is wired. A tensor is an expression over the graph's inputs and
 * holds no numbers; its type says its shape.
 */

import type { Sizes } from '../shape/rules/Option.ts';
import type { AnyShape, Batched, Shape } from '../shape/Shape.ts';
import { batched, int } from '../shape/Shape.ts';
import type { Expression, Spec } from './Spec.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Tensor<S> {
  readonly _tag: 'Tensor';
  readonly expression: Expression;
  /** Phantom: the shape as the compiler knows it. Never present at run time. */
  readonly '~shape'?: S;
}

/** A tensor that is an input of a model. */
export interface Input<S> extends Tensor<S> {
  readonly expression: Extract<Expression, { readonly _tag: 'Input' }>;
}

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

export const inputNamed = <S>(name: string, type: AnyShape): Input<S> => ({
  _tag: 'Tensor',
  expression: { _tag: 'Input', name, type },
});

type Checked<S extends Shape> = Sizes<'input', S> extends infer E extends string ? E : S;

/**
 * Samples of float32 numbers: the shape is that of one sample, and the batch is added in front. Images are channels first.
 * Dimensions are positive integers or names. Keras `Input(shape)`.
 *
 * @example
 * input([784])             // Input<['batch', 784]>
 * input([3, 224, 224])     // Input<['batch', 3, 224, 224]>: channels, height, width
 * input(['seq', 16])       // Input<['batch', 'seq', 16]>: sequences of any one length
 */
export const input = <const S extends Shape>(shape: Checked<S>): Input<Batched<S>> =>
  inputNamed('input', batched(shape as S));

/** Samples of integers (int32): tokens, labels. `tokens(['seq'])` is `Int<['batch', 'seq']>`. Keras `Input(dtype='int32')`. */
export const tokens = <const S extends Shape>(shape: Checked<S>): Input<Batched<{ readonly int: S }>> =>
  inputNamed('input', batched(int(shape as S)));

/** What a layer's description makes of tensors. */
export const applied = <S>(spec: Spec, to: readonly Tensor<unknown>[]): Tensor<S> => ({
  _tag: 'Tensor',
  expression: { _tag: 'Apply', spec, to: to.map((t) => t.expression) },
});
