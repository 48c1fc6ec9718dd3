/**
 * Losses: what training makes small.
 *
 * A loss is a value that knows which targets go with an output (as a type, and at run time), how output and target
 * become one number for each sample, and how those become the number that is minimised. Definitions and defaults are
 * Keras's.
 *
 * @example
 * import { Loss } from 'grad-ts';
 *
 * Loss.binaryCrossentropy({ labelSmoothing: 0.001 });
 * Loss.sparseCategoricalCrossentropy(); // output [batch,10] -> target int32[batch]
 * Loss.weighted([[1, Loss.binaryCrossentropy()], [0.5, Loss.dice()]]);
 */
export * from './losses/Crossentropies.ts';
export {
  type AnyLoss,
  custom,
  type Loss,
  type Range,
  type ReductionOptions,
  scalar,
  type Term,
  withTargetsOf,
} from './losses/Definition.ts';
export * from './losses/Embeddings.ts';
export * from './losses/Margins.ts';
export * from './losses/Overlaps.ts';
export * from './losses/Regressions.ts';
export * from './losses/Sequences.ts';
export * from './losses/Weighted.ts';
export { type ReduceOptions, type Reduction, reduce } from './Reduction.ts';
export type { Categorical, Half, Labels, Line, SameShape, Sparse, Together } from './Target.ts';
