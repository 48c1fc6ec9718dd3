/**
 * Penalties on weights and outputs that are added to the loss: the optimizer weighs them against it. Given to layers as
 * `kernelRegularizer`, `biasRegularizer`, `activityRegularizer`, ...
 *
 * The losses that training and validation report have them; metrics do not. They are computed of the weights before the step's
 * update. Frozen weights count too: nothing changes for them, and losses before and after a thaw compare.
 */
import type { Regularizer } from './Options.ts';

export type { Regularizer } from './Options.ts';

/** `factor * sum |w|`; 0.01 by default. Keras `L1`. */
export const l1 = (factor = 0.01): Regularizer => ({ _tag: 'L1L2', l1: factor, l2: 0 });

/** `factor * sum w^2` (no half: the gradient is `2 * factor * w`); 0.01 by default. Keras `L2`. */
export const l2 = (factor = 0.01): Regularizer => ({ _tag: 'L1L2', l1: 0, l2: factor });

/** Both; 0 each by default. Keras `L1L2`. */
export const l1l2 = (factors: { readonly l1?: number; readonly l2?: number } = {}): Regularizer => ({
  _tag: 'L1L2',
  l1: factors.l1 ?? 0,
  l2: factors.l2 ?? 0,
});

/**
 * Of a matrix: wants its rows (or columns) at right angles. `factor` (0.01) times the mean of the pairs' absolute cosines. Keras
 * `OrthogonalRegularizer`.
 */
export const orthogonal = (
  options: { readonly factor?: number; readonly mode?: 'rows' | 'columns' } = {},
): Regularizer => ({ _tag: 'Orthogonal', factor: options.factor ?? 0.01, mode: options.mode ?? 'rows' });
