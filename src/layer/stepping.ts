/**
 * What all recurrent layers are told of their steps, with Keras's defaults filled in.
 */
import { governed, type KernelGoverning } from './governing.ts';
import { glorotUniform, orthogonal, zeros } from './Initializer.ts';
import type { Activation, Constraint, Initializer, Regularizer } from './Options.ts';

export interface SimpleRnnOptions extends KernelGoverning {
  /** `'tanh'` by default. */
  readonly activation?: Activation;
  /** `true` by default. */
  readonly useBias?: boolean;
  /** `glorotUniform` by default. */
  readonly kernelInitializer?: Initializer;
  /** `orthogonal()` by default. */
  readonly recurrentInitializer?: Initializer;
  /** `zeros` by default. */
  readonly biasInitializer?: Initializer;
  /** Penalty on the recurrent kernel, added to the loss. */
  readonly recurrentRegularizer?: Regularizer;
  readonly recurrentConstraint?: Constraint;
  /** In training, the share of the input's features that are dropped: the same ones at every step. 0 by default. */
  readonly dropout?: number;
  /** In training, the share of the state's features that are dropped before the recurrent product. 0 by default. */
  readonly recurrentDropout?: number;
  /** Whether the output is the sequence of all outputs and not the last one only; `false` by default. */
  readonly returnSequences?: boolean;
  /** Whether time runs backwards, also in the sequence that is returned; `false` by default. */
  readonly goBackwards?: boolean;
  /**
   * Whether the sequence that is returned has zeros at masked steps, and not the output before; `false` by default, and always so
   * inside `bidirectional`.
   */
  readonly zeroOutputForMask?: boolean;
  /**
   * Truncated back-propagation through time: no gradient flows into a block of this many steps from the block behind it.
   * Without it gradients flow through all steps. Keras has no such option; in PyTorch one detaches the state.
   */
  readonly truncate?: number;
}

export interface GatedOptions extends SimpleRnnOptions {
  /** Of the gates; `'sigmoid'` by default. */
  readonly recurrentActivation?: Activation;
}

export const stepping = (o: GatedOptions) => ({
  activation: o.activation ?? 'tanh',
  recurrentActivation: o.recurrentActivation ?? 'sigmoid',
  useBias: o.useBias ?? true,
  kernelInitializer: o.kernelInitializer ?? glorotUniform,
  recurrentInitializer: o.recurrentInitializer ?? orthogonal(),
  biasInitializer: o.biasInitializer ?? zeros,
  dropout: o.dropout ?? 0,
  recurrentDropout: o.recurrentDropout ?? 0,
  returnSequences: o.returnSequences ?? false,
  goBackwards: o.goBackwards ?? false,
  zeroOutputForMask: o.zeroOutputForMask ?? false,
  truncate: o.truncate,
  ...governed(o),
});
