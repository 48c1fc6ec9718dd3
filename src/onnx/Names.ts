/**
 * Names for the nodes and values of an ONNX file: unique over all scopes, and readable.
 */
import { bodies, eachPredecessor, type Graph, type Node, type OperatorNode, type Value } from '../graph/Graph.ts';

// -------------------------------------------------------------------------------------
// unique names
// -------------------------------------------------------------------------------------

/** Gives the wanted name, or that name with a number where it was given before. Local to one encoding. */
export type Fresh = (wanted: string) => string;

export const fresh = (reserved: Iterable<string>): Fresh => {
  const used = new Set(reserved);
  const next = new Map<string, number>();
  return (wanted) => {
    let name = wanted;
    let n = next.get(wanted) ?? 2;
    while (used.has(name)) name = `${wanted}_${n++}`;
    next.set(wanted, n);
    used.add(name);
    return name;
  };
};

// -------------------------------------------------------------------------------------
// labels
// -------------------------------------------------------------------------------------

export const subgraphs = (node: Node): readonly Graph[] => (node._tag === 'Operator' ? bodies(node) : []);

interface Reach {
  readonly label: string;
  readonly distance: number;
}

const nearer = (a: Reach | undefined, b: Reach): Reach => (a === undefined || b.distance <= a.distance ? b : a);

/**
 * For each unlabelled node the label of the nearest labelled node that needs it; where there is none, the name of the
 * nearest output. Of equally near ones the first in `order` counts, which is topological.
 */
export const prefixes = (graph: Graph, order: readonly Node[]): ReadonlyMap<Node, string> => {
  const labelled = new Map<Node, Reach>();
  const exported = new Map<Node, Reach>();
  const spread = (to: Map<Node, Reach>, node: Node, reach: Reach) => to.set(node, nearer(to.get(node), reach));
  for (const { name, value } of graph.outputs) spread(exported, value.node, { label: name, distance: 0 });
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i] as Node;
    if (node._tag !== 'Operator') continue;
    if (node.label !== undefined) labelled.set(node, { label: node.label, distance: 0 });
    for (const reached of [labelled, exported]) {
      const here = reached.get(node);
      if (here === undefined) continue;
      const reach = { label: here.label, distance: here.distance + 1 };
      eachPredecessor(node, (p) => spread(reached, p, reach));
    }
  }
  return new Map([...exported, ...labelled].map(([node, { label }]) => [node, label]));
};

/** The name of a node before it is made unique; `n` counts the operator's uses under one prefix. */
export const nodeName = (node: OperatorNode, prefix: string | undefined, count: (key: string) => number): string => {
  if (node.label !== undefined) return node.label;
  const stem = prefix === undefined ? node.operator : `${prefix}/${node.operator}`;
  return `${stem}_${count(stem)}`;
};

// -------------------------------------------------------------------------------------
// outputs in use
// -------------------------------------------------------------------------------------

/** How many of a node's outputs are needed: one more than the last that anything reads. */
export const usedOutputs = (graph: Graph, order: readonly Node[]): ReadonlyMap<Node, number> => {
  const used = new Map<Node, number>();
  const use = (v: Value) => used.set(v.node, Math.max(used.get(v.node) ?? 0, v.index + 1));
  for (const { value } of graph.outputs) use(value);
  for (const node of order) {
    if (node._tag === 'Operator') for (const v of node.inputs) if (v !== undefined) use(v);
    for (const g of subgraphs(node)) for (const { value } of g.outputs) use(value);
  }
  return used;
};
