/**
 * Graphs with some values in place of others.
 *
 * Laws: substituting nothing gives the same nodes; nodes that reach no replaced value stay the same nodes, so they are
 * still shared with the graphs they come from.
 */
import type { Node, Value } from './Graph.ts';
import { reading, topological } from './Graph.ts';

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
    const copied = reading(value);
    // What only they read is not there any more.
    const isReplaced = (node: Node): boolean => by.get(node)?.size === node.outputs.length;
    for (const node of topological(values, { has: isReplaced })) {
      if (node._tag !== 'Operator') continue;
      const copy = copied(node);
      if (copy !== node) copies.set(node, copy);
    }
    return values.map(value);
  };
