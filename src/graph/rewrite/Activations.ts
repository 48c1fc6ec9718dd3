/**
 * Activations by operators that onnxruntime computes fast, and those that a gradient reads the parts of by these parts.
 *
 * Law: the outputs are those of the given graph up to rounding.
 */
import * as Gates from '../Gates.ts';
import type { OperatorNode, Value } from '../Graph.ts';
import * as Op from '../Operators.ts';
import { floatOf, named, operatorOf, type Rule, type Surroundings } from './Rewrite.ts';

const gateOf = (node: OperatorNode, x: Value): Value | undefined => {
  switch (`${node.domain}:${node.operator}`) {
    case 'com.microsoft:Gelu':
      return Gates.normal(x).gate;
    case 'com.microsoft:FastGelu':
      return node.inputs[1] === undefined ? Gates.nearlyNormal(x).gate : undefined;
    case 'com.microsoft:QuickGelu':
      return Gates.logistic(floatOf(node, 'alpha', 1.702), x);
  }
};

/** What alone reads its input has no gradient: as one operator it is faster. */
const gated = (node: OperatorNode, x: Value, { uses }: Surroundings): Value | undefined => {
  if (uses(x) === 1) return undefined;
  const gate = gateOf(node, x);
  return gate === undefined ? undefined : Op.mul(x, gate);
};

/** onnxruntime computes it number by number, both branches of a condition. */
const softplus = (x: Value): Value => Op.add(Op.relu(x), Op.log(Op.add(Op.exp(Op.neg(Op.abs(x))), 1)));

/** So many numbers of a sample are worth six operators more. */
const worth = 32;

const isLarge = (x: Value): boolean =>
  x.type.shape.reduce<number>((n, d) => (typeof d === 'number' ? n * d : n), 1) >= worth;

/** a exp(-s) is a / exp(s): where the one vanishes so does the other. */
const quotient = (node: OperatorNode, { uses }: Surroundings): Value | undefined => {
  const [a, b] = node.inputs;
  const exponent = operatorOf(b, 'Exp')?.inputs[0];
  const s = operatorOf(exponent, 'Neg')?.inputs[0];
  if (a === undefined || b === undefined || exponent === undefined || s === undefined) return undefined;
  return uses(b) === 1 && uses(exponent) === 1 ? Op.div(a, Op.exp(s)) : undefined;
};

const faster = (node: OperatorNode, x: Value, around: Surroundings): Value | undefined => {
  const found = gated(node, x, around);
  if (found !== undefined || node.domain !== '') return found;
  if (node.operator === 'Mul') return quotient(node, around);
  return node.operator === 'Softplus' && isLarge(x) ? softplus(x) : undefined;
};

export const activations: Rule = (node, around) => {
  const [x] = node.inputs;
  const [type] = node.outputs;
  if (x?.type.dtype !== 'float32' || type === undefined || node.detached !== undefined) return undefined;
  const y = faster(node, x, around);
  if (y === undefined) return undefined;
  const typed = { ...y, type };
  return [named(node)(typed)];
};
