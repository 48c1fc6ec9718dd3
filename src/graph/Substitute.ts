/**
 * Graphs with some values in place of others.
 *
 * Laws: substituting nothing gives the same nodes; nodes that reach no replaced value stay the same nodes, so they are
 * still shared with the graphs they come from.
 */
import type { Attributes, Graph, Node, OperatorNode, Value } from './Graph.ts';
import { topological } from './Graph.ts';

/** Which value stands in place of an output of a node. */
export type Substitution = ReadonlyMap<Node, ReadonlyMap<number, Value>>;

/** From pairs of what is replaced and what replaces it. */
export const substitution = (pairs: readonly (readonly [Value, Value])[]): Substitution => {
  const all = new Map<Node, Map<number, Value>>();
  for (const [from, to] of pairs) all.set(from.node, (all.get(from.node) ?? new Map()).set(from.index, to));
  return all;
};

/** The values, with every replaced value in what they are computed from replaced; bodies of loops included. */
export const substitute =
  (by: Substitution) =>
  (values: readonly Value[]): readonly Value[] => {
    const copies = new Map<Node, Node>();
    const value = (v: Value): Value => {
      const replacement = by.get(v.node)?.get(v.index);
      if (replacement !== undefined) return replacement;
      const node = copies.get(v.node) ?? v.node;
      return node === v.node ? v : { ...v, node };
    };
    const graph = (g: Graph): Graph => {
      const outputs = g.outputs.map((o) => ({ ...o, value: value(o.value) }));
      return outputs.every((o, i) => o.value === g.outputs[i]?.value) ? g : { ...g, outputs };
    };
    const copied = (node: OperatorNode): OperatorNode => {
      const inputs = node.inputs.map((v) => (v === undefined ? undefined : value(v)));
      const attributes: Attributes = Object.fromEntries(
        Object.entries(node.attributes).map(([name, a]) => {
          if (a._tag !== 'Graph') return [name, a];
          const body = graph(a.value);
          return [name, body === a.value ? a : { _tag: 'Graph', value: body }];
        }),
      );
      const same =
        inputs.every((v, i) => v === node.inputs[i]) &&
        Object.entries(attributes).every(([name, a]) => a === node.attributes[name]);
      return same ? node : { ...node, inputs, attributes };
    };
    for (const node of topological(values)) if (node._tag === 'Operator') copies.set(node, copied(node));
    return values.map(value);
  };
