/**
 * Everything that models are built from: `import { Layer as L } from 'grad-ts'`.
 *
 * Layers are functions that return immutable values; they compose with `sequential`, `residual`, `concat`, become models
 * with `model` and `graph`, and are functions on symbolic tensors themselves.
 */
export type { Grouping, Groups, GroupsOf, Model } from '../model/Wiring.ts';
export { asLayer, graph, groups, model, through } from '../model/Wiring.ts';
export type { Apply, Fn, Id, Leaf, Named, Seq } from '../shape/Fn.ts';
export type { AnyShape, Dim, Int, Shape } from '../shape/Shape.ts';
export { int } from '../shape/Shape.ts';
export * from './activation.ts';
export * from './attention.ts';
export {
  type Augmented,
  type RandomCropped,
  randomBrightness,
  randomContrast,
  randomCrop,
  randomFlip,
  randomRotation,
  randomTranslation,
  randomZoom,
  type WarpOptions,
} from './augmentation.ts';
export * as Constraint from './Constraint.ts';
export * from './combinators.ts';
export type {
  Conv1d,
  Conv1dOptions,
  Conv2d,
  Conv2dOptions,
  Conv3d,
  Conv3dOptions,
} from './convolution.ts';
export { conv1d, conv2d, conv3d } from './convolution.ts';
export * from './convRecurrent.ts';
export * from './core.ts';
export * from './custom.ts';
export type { KernelLayer, Layer } from './Definition.ts';
export * from './depthwise.ts';
export * from './globalPooling.ts';
export type { KernelGoverning, ScaleGoverning } from './governing.ts';
export * as Initializer from './Initializer.ts';
export * from './merging.ts';
export * from './normalization.ts';
export type { Activation } from './Options.ts';
export * from './pooling.ts';
export * from './positions.ts';
export * as Regularizer from './Regularizer.ts';
export * from './recurrent.ts';
export * from './regularization.ts';
export * from './reshaping.ts';
export * from './resizing.ts';
export type { Input, Tensor } from './Tensor.ts';
export { input, tokens } from './Tensor.ts';
export * from './transformer.ts';
export * from './transposed.ts';
