/**
 * A graph that computes the same with less, by plain operators: what gradients of compositions leave behind is put in order,
 * each kernel's gradient is in its fast form, and convolutions take the normalisation behind them over.
 *
 * Law: the outputs are those of the given graph up to rounding.
 */
import type { Graph } from '../Graph.ts';
import { asProducts, type KernelGradient } from '../KernelGradient.ts';
import { activations } from './Activations.ts';
import { intoConvolution } from './Normalized.ts';
import { reductions } from './Reductions.ts';
import { rewrite } from './Rewrite.ts';

/** `isKept`: kernels' gradients that stay convolutions. Default: none. */
export const simplify = (isKept: (gradient: KernelGradient) => boolean = () => false): ((graph: Graph) => Graph) => {
  const products = asProducts(isKept);
  return rewrite(
    (node, around) =>
      reductions(node, around) ?? products(node, around) ?? intoConvolution(node, around) ?? activations(node, around),
  );
};
