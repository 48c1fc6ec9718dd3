/**
 * A graph that computes the same with less, by plain operators: sizes are asked once, what gradients of compositions leave behind
 * is put in order, each kernel's gradient is in its fast form, convolutions take the normalisation behind them over, and what is
 * added to them, and kernels take factors of channels over.
 *
 * Law: the outputs are those of the given graph up to rounding.
 */
import type { Graph } from '../Graph.ts';
import { asProducts, type KernelGradient } from '../KernelGradient.ts';
import { activations } from './Activations.ts';
import { between } from './Between.ts';
import { biases } from './Biases.ts';
import { factors } from './Factors.ts';
import { intoConvolution } from './Normalized.ts';
import { reductions } from './Reductions.ts';
import { firstOf, type Rule, rewrite } from './Rewrite.ts';
import { scattered } from './Scattered.ts';
import { sizes } from './Sizes.ts';

/** `isKept`: kernels' gradients that stay convolutions. Default: none. `rules`: what else helps where the graph runs. */
export const simplify = (
  isKept: (gradient: KernelGradient) => boolean = () => false,
  rules: readonly Rule[] = [],
): ((graph: Graph) => Graph) =>
  rewrite(
    firstOf([
      sizes,
      reductions,
      factors(isKept),
      asProducts(isKept),
      intoConvolution,
      biases,
      activations,
      between,
      scattered,
      ...rules,
    ]),
  );
