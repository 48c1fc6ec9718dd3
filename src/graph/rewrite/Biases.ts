/**
 * What is added to a convolution, or taken from it, by channel is its bias: it is written once.
 *
 * Law: the outputs are those of the given graph up to rounding.
 */
import type { OperatorNode, Value } from '../Graph.ts';
import * as Op from '../Operators.ts';
import type { Rule, Surroundings } from './Rewrite.ts';

/** A convolution that nothing else reads. */
const alone = (v: Value, { uses }: Surroundings): OperatorNode | undefined =>
  v.node._tag === 'Operator' && v.node.operator === 'Conv' && v.node.domain === '' && uses(v) === 1
    ? v.node
    : undefined;

/** One number for each channel. */
const isLevel = (v: Value, image: Value): boolean =>
  Op.rank(v) === Op.rank(image) && v.type.shape.every((n, i) => n === (i === 1 ? image.type.shape[1] : 1));

export const biases: Rule = (node, around) => {
  const isSub = node.operator === 'Sub';
  if (node.domain !== '' || node.detached !== undefined || !(isSub || node.operator === 'Add')) return undefined;
  const [a, b] = node.inputs as readonly [Value, Value];
  const [x, level] = isLevel(b, a) ? [a, b] : [b, a];
  const conv = isSub && x !== a ? undefined : alone(x, around);
  const [type] = node.outputs;
  const [image, kernel, bias] = conv?.inputs ?? [];
  const filters = x.type.shape[1];
  if (conv === undefined || type === undefined || typeof filters !== 'number' || !isLevel(level, x)) return undefined;
  const vector = Op.reshape([filters])(level);
  const signed = isSub ? Op.neg(vector) : vector;
  const inputs = [image, kernel, bias === undefined ? signed : Op.add(bias, signed)];
  return [{ type, node: { ...conv, inputs, label: node.label ?? conv.label }, index: 0 }];
};
