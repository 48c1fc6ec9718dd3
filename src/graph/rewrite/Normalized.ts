/**
 * Batch normalisation in inference, taken apart: a factor and a summand for each channel, which the convolution before it takes
 * over. (`Absorb.ts` does so with numbers that are known; here weights are inputs, and their products are computed in the graph, outside
 * the loop over batches.)
 *
 * Law: the outputs are those of the given graph up to rounding.
 */
import type { OperatorNode, Value } from '../Graph.ts';
import * as Op from '../Operators.ts';
import { floatOf, intOf, type Rule } from './Rewrite.ts';

/** x times `scale` plus `shift`, [channels] each. */
interface Affine {
  readonly x: Value;
  readonly scale: Value;
  readonly shift: Value;
}

export const affineOf = (node: OperatorNode): Affine | undefined => {
  const [x, gamma, beta, mean, variance] = node.inputs;
  const isOne = node.operator === 'BatchNormalization' && node.domain === '' && intOf(node, 'training_mode', 0) === 0;
  if (!isOne || !x || !gamma || !beta || !mean || !variance) return undefined;
  const deviation = Op.sqrt(Op.add(variance, floatOf(node, 'epsilon', 1e-5)));
  const scale = Op.div(gamma, deviation);
  return { x, scale, shift: Op.sub(beta, Op.mul(mean, scale)) };
};

/** A convolution with the normalisation that alone reads it. */
export const intoConvolution: Rule = (node, { uses }) => {
  const conv = node.inputs[0]?.node;
  if (node.operator !== 'BatchNormalization' || conv?._tag !== 'Operator') return undefined;
  const isAlone = conv.operator === 'Conv' && conv.domain === '' && uses(node.inputs[0] as Value) === 1;
  const affine = isAlone && node.detached === undefined ? affineOf(node) : undefined;
  const [image, kernel, bias] = conv.inputs;
  const filters = kernel?.type.shape[0];
  if (affine === undefined || !image || !kernel || typeof filters !== 'number') return undefined;
  if (affine.scale.type.dtype !== kernel.type.dtype) return undefined;
  const { scale, shift } = affine;
  const each = Op.reshape([filters, ...kernel.type.shape.slice(1).map(() => 1)])(scale);
  const moved = bias === undefined ? shift : Op.add(Op.mul(bias, scale), shift);
  const taken: OperatorNode = {
    ...conv,
    inputs: [image, Op.mul(kernel, each), moved],
    label: node.label ?? conv.label,
  };
  return [{ type: node.outputs[0] as Value['type'], node: taken, index: 0 }];
};
