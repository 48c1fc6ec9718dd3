/**
 * Graphs for older operator sets: operators that came later, by those that there were.
 *
 * Law: the outputs are those of the given graph up to rounding.
 */
import { scalar } from '../Constants.ts';
import type { Graph, OperatorNode, Value } from '../Graph.ts';
import * as Op from '../Operators.ts';
import { floatOf, intOf, type LocalRule, named, rewriteLocally } from './Rewrite.ts';

type Expansion = (x: Value, node: OperatorNode) => Value | undefined;

/** Only the result itself: who reads mean and deviation too keeps the operator. */
const layerNormalization: Expansion = (x, node) => {
  const [, gamma, beta] = node.inputs;
  if (node.outputs.length !== 1 || gamma === undefined) return undefined;
  const rank = Op.rank(x);
  const first = Op.axisOf(x, intOf(node, 'axis', -1));
  const axes = Array.from({ length: rank - first }, (_, i) => first + i);
  const mean = Op.reduceMean({ axes, keepDims: true });
  const centred = Op.sub(x, mean(x));
  const deviation = Op.sqrt(Op.add(mean(Op.mul(centred, centred)), floatOf(node, 'epsilon', 1e-5)));
  const scaled = Op.mul(Op.div(centred, deviation), gamma);
  return beta === undefined ? scaled : Op.add(scaled, beta);
};

/** x * max(0, min(1, x / 6 + 1 / 2)) */
const hardSwish: Expansion = (x) => Op.mul(x, Op.min(Op.max(Op.add(Op.mul(x, 1 / 6), 0.5), 0), 1));

const mish: Expansion = (x) => Op.mul(x, Op.tanh(Op.softplus(x)));

const gelu: Expansion = (x, { attributes }) => {
  const isTanh = attributes.approximate?._tag === 'String' && attributes.approximate.value === 'tanh';
  const inner = isTanh
    ? Op.tanh(Op.mul(Op.add(x, Op.mul(Op.mul(x, Op.mul(x, x)), 0.044715)), Math.sqrt(2 / Math.PI)))
    : Op.erf(Op.mul(x, Math.SQRT1_2));
  return Op.mul(Op.mul(x, 0.5), Op.add(inner, scalar(1, x.type.dtype)));
};

/** By the opset that brought them. */
const later: Readonly<Record<string, readonly [number, Expansion]>> = {
  HardSwish: [14, hardSwish],
  LayerNormalization: [17, layerNormalization],
  Mish: [18, mish],
  Gelu: [20, gelu],
};

const expansion =
  (opset: number): LocalRule =>
  (node) => {
    const [since, expand] = (node.domain === '' ? later[node.operator] : undefined) ?? [];
    const [x] = node.inputs;
    if (since === undefined || since <= opset || expand === undefined || x === undefined) return undefined;
    const y = expand(x, node);
    return y === undefined ? undefined : [named(node)(y)];
  };

/** The graph without operators that the opset does not have, as far as others can say them. */
export const forOpset = (opset: number): ((graph: Graph) => Graph) => rewriteLocally(expansion(opset));
