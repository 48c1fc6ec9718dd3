/**
 * Common subexpressions: nodes that compute the same of the same values are one node.
 *
 * Laws: the outputs are exactly those of the given graph; a graph without equal nodes stays the very same.
 */
import type { Attribute, Graph, Node, OperatorNode, Value } from '../Graph.ts';
import { type Rule, rewrite } from './Rewrite.ts';

/** Each call draws numbers of its own. */
const random = /^(Random|Bernoulli|Multinomial|Dropout)/;

/** Constants of more elements are compared by identity only. */
const small = 4096;

const attributeKey = (a: Attribute): string | undefined =>
  a._tag === 'Graph' || a._tag === 'Tensor' ? undefined : `${a._tag}:${a.value}`;

/** A rule with a memory, for one graph. */
const sharing = (): Rule => {
  const numbers = new Map<Node | string, number>();
  const numberOf = (key: Node | string): number => {
    const found = numbers.get(key) ?? numbers.size;
    numbers.set(key, found);
    return found;
  };
  const nodeKey = (node: Node): number => {
    const known = numbers.get(node);
    if (known !== undefined || node._tag !== 'Constant' || node.data.data.length > small)
      return known ?? numberOf(node);
    const number = numberOf(`${node.data.dtype}[${node.data.shape}]${node.data.data.join()}`);
    numbers.set(node, number);
    return number;
  };
  const valueKey = (v: Value | undefined): string => (v === undefined ? '' : `${nodeKey(v.node)}.${v.index}`);
  const keyOf = (node: OperatorNode): string | undefined => {
    const attributes = Object.entries(node.attributes).map(([name, a]) => [name, attributeKey(a)] as const);
    if (random.test(node.operator) || attributes.some(([, key]) => key === undefined)) return undefined;
    const options = attributes.map(([name, key]) => `${name}=${key}`).sort();
    const types = node.outputs.map((t) => t.dtype);
    return [node.domain, node.operator, node.detached, options, types, node.inputs.map(valueKey)].join('|');
  };
  const seen = new Map<string, readonly Value[]>();
  return (node) => {
    const key = keyOf(node);
    if (key === undefined) return undefined;
    const found = seen.get(key);
    if (found === undefined)
      seen.set(
        key,
        node.outputs.map((type, index): Value => ({ type, node, index })),
      );
    return found;
  };
};

export const shared = (graph: Graph): Graph => rewrite(sharing())(graph);
