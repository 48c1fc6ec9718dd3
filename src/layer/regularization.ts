/**
 * Layers that act in training only.
 */
import type { Leaf } from '../shape/Fn.ts';
import type { DropoutOut } from '../shape/rules/Elementwise.ts';
import type { Layer } from './Definition.ts';
import { define } from './Definition.ts';

export interface Dropout<R extends number> extends Leaf {
  readonly out: DropoutOut<R, this['in']>;
}

/**
 * In training, zeroes each number with probability `rate` (0 to 1) and divides the others by `1 - rate`; in inference, the
 * input as it is. Any shape. Keras `Dropout`, PyTorch `Dropout`. Srivastava et al. 2014.
 */
export const dropout = <const R extends number>(rate: R): Layer<Dropout<R>> => define({ op: 'dropout', rate });
