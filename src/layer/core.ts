/**
 * Fully connected layers and the simplest of all.
 */
import type { Id, Leaf } from '../shape/Fn.ts';
import type { DenseOut } from '../shape/rules/Dense.ts';
import type { ElementwiseOut } from '../shape/rules/Elementwise.ts';
import type { KernelLayer, Layer } from './Definition.ts';
import { define, defineKernel } from './Definition.ts';
import { glorotUniform, zeros } from './Initializer.ts';
import type { Activation, Initializer } from './Spec.ts';

// -------------------------------------------------------------------------------------
// dense
// -------------------------------------------------------------------------------------

export interface Dense<N extends number> extends Leaf {
  readonly out: DenseOut<this['in'], N>;
}

export interface DenseOptions {
  /** What happens to the result; `'linear'` by default: nothing. */
  readonly activation?: Activation;
  /** `true` by default. */
  readonly useBias?: boolean;
  /** `glorotUniform` by default. */
  readonly kernelInitializer?: Initializer;
  /** `zeros` by default. */
  readonly biasInitializer?: Initializer;
}

/**
 * `x * kernel + bias` on the last axis. Shapes: `[batch, ..., features]` to `[batch, ..., units]`. Parameters: `kernel`
 * `[features, units]`, `bias` `[units]`. Keras `Dense`, PyTorch `Linear` (whose weight is the transpose).
 *
 * @example
 * dense(128, { activation: 'relu' })
 */
export const dense = <const N extends number>(units: N, options: DenseOptions = {}): KernelLayer<Dense<N>> =>
  defineKernel({
    op: 'dense',
    units,
    activation: options.activation ?? 'linear',
    useBias: options.useBias ?? true,
    kernelInitializer: options.kernelInitializer ?? glorotUniform,
    biasInitializer: options.biasInitializer ?? zeros,
  });

// -------------------------------------------------------------------------------------
// identity, rescaling
// -------------------------------------------------------------------------------------

/** The input as it is: the unit of `sequential`. Any shape. Keras `Identity`, PyTorch `Identity`. */
export const identity = (): Layer<Id> => define({ op: 'identity' });

export interface Rescaling extends Leaf {
  readonly out: ElementwiseOut<'rescaling', this['in']>;
}

/**
 * `x * scale + offset`, without parameters: brings pixels of 0 to 255 into 0 to 1 inside the model, so that whoever serves
 * it cannot forget. Any shape. Offset 0 by default. Keras `Rescaling`.
 *
 * @example
 * rescaling(1 / 255)
 */
export const rescaling = (scale: number, offset = 0): Layer<Rescaling> => define({ op: 'rescaling', scale, offset });
