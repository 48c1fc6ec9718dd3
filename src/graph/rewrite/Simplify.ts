/**
 * A graph that computes the same with less, by plain operators: sizes are asked once, what gradients of compositions leave behind
 * is put in order, each kernel's gradient is in its fast form, and convolutions take the normalisation behind them over.
 *
 * Law: the outputs are those of the given graph up to rounding.
 */
import type { Graph } from '../Graph.ts';
import { asProducts, type KernelGradient } from '../KernelGradient.ts';
import { activations } from './Activations.ts';
import { intoConvolution } from './Normalized.ts';
import { reductions } from './Reductions.ts';
import { rewrite } from './Rewrite.ts';
import { sizes } from './Sizes.ts';

/** `isKept`: kernels' gradients that stay convolutions. Default: none. */
export const simplify = (isKept: (gradient: KernelGradient) => boolean = () => false): ((graph: Graph) => Graph) => {
  const rules = [sizes, reductions, asProducts(isKept), intoConvolution, activations];
  return rewrite((node, around) => {
    for (const rule of rules) {
      const found = rule(node, around);
      if (found !== undefined) return found;
    }
    return undefined;
  });
};
