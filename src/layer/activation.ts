/**
 * Activations as layers of their own. Most layers with a kernel take one as an option as well.
 */
import type { Leaf } from '../shape/Fn.ts';
import type { ActivationOut } from '../shape/rules/Elementwise.ts';
import type { Layer } from './Definition.ts';
import { define } from './Definition.ts';
import type { Activation } from './Spec.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Activate<A extends Activation> extends Leaf {
  readonly out: ActivationOut<A, this['in']>;
}

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** By name. Any shape. Keras `Activation`. */
export const activation = <const A extends Activation>(name: A): Layer<Activate<A>> =>
  define({ op: 'activation', activation: name });

/** `max(x, 0)`. Keras `ReLU`, PyTorch `ReLU`. */
export const relu = (): Layer<Activate<'relu'>> => activation('relu');

/** `1 / (1 + exp(-x))`. Keras `Activation('sigmoid')`, PyTorch `Sigmoid`. */
export const sigmoid = (): Layer<Activate<'sigmoid'>> => activation('sigmoid');

/** Hyperbolic tangent. Keras `Activation('tanh')`, PyTorch `Tanh`. */
export const tanh = (): Layer<Activate<'tanh'>> => activation('tanh');

/** Probabilities over the last axis: `exp(x) / sum(exp(x))`. Rank 2 or more. Keras `Softmax`, PyTorch `Softmax(-1)`. */
export const softmax = (): Layer<Activate<'softmax'>> => activation('softmax');

/** Nothing: `x`. Keras `Activation('linear')`. */
export const linear = (): Layer<Activate<'linear'>> => activation('linear');
