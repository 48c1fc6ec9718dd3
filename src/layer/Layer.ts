/**
 * Everything that models are built from: `import { Layer as L } from 'grad-ts'`.
 *
 * Layers are functions that return immutable values; they compose with `sequential`, `residual`, `concat`, become models
 * with `model` and `graph`, and are functions on symbolic tensors themselves.
 */
export type { Groups, GroupsOf, Model } from '../model/Wiring.ts';
export { asLayer, graph, groups, model, through } from '../model/Wiring.ts';
export type { Apply, Fn, Id, Leaf, Named, Seq } from '../shape/Fn.ts';
export type { AnyShape, Dim, Int, Shape } from '../shape/Shape.ts';
export { int } from '../shape/Shape.ts';
export * from './activation.ts';
export * from './combinators.ts';
export type { Conv2d, Conv2dOptions } from './convolution.ts';
export { conv2d } from './convolution.ts';
export * from './core.ts';
export type { KernelLayer, Layer } from './Definition.ts';
export * as Initializer from './Initializer.ts';
export * from './merging.ts';
export * from './normalization.ts';
export * from './pooling.ts';
export * from './regularization.ts';
export * from './reshaping.ts';
export type { Activation } from './Spec.ts';
export type { Input, Tensor } from './Tensor.ts';
export { input, tokens } from './Tensor.ts';
