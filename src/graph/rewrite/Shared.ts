/**
 * Common subexpressions: nodes that compute the same of the same values are one node.
 *
 * Laws: the outputs are exactly those of the given graph; a graph without equal nodes stays the very same.
 */
import type { Attribute, Graph, Node, OperatorNode, Value } from '../Graph.ts';
import { type LocalRule, rewriteLocally } from './Rewrite.ts';

/** Each call draws numbers of its own. */
const random = /^(Random|Bernoulli|Multinomial|Dropout)/;

export const isRandom = (operator: string): boolean => random.test(operator);

/** Constants of more elements are compared by identity only. */
const small = 4096;

const attributeKey = (a: Attribute): string | undefined =>
  a._tag === 'Graph' || a._tag === 'Tensor' ? undefined : `${a._tag}:${a.value}`;

/** A rule with a memory, for one graph. */
const sharing = (): LocalRule => {
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
  const draws = new Map<string, boolean>();
  const isDrawn = (operator: string): boolean => {
    const known = draws.get(operator) ?? isRandom(operator);
    draws.set(operator, known);
    return known;
  };
  // In loops: it runs for every node.
  const keyOf = ({ operator, domain, detached, attributes, inputs, outputs }: OperatorNode): string | undefined => {
    if (isDrawn(operator)) return undefined;
    let key = `${domain}|${operator}|${detached ?? ''}`;
    for (const name in attributes) {
      const attribute = attributeKey(attributes[name] as Attribute);
      if (attribute === undefined) return undefined;
      key += `|${name}=${attribute}`;
    }
    for (const { dtype } of outputs) key += `|${dtype}`;
    for (const v of inputs) key += v === undefined ? ',' : `,${nodeKey(v.node)}.${v.index}`;
    return key;
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

export const shared = (graph: Graph): Graph => rewriteLocally(sharing())(graph);
