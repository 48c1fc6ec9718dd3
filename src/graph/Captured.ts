/**
 * What the body of a loop takes from the graph around it.
 *
 * A body has no list of what it captures: it just reads values. Those that depend on its formal inputs are `inside`, and
 * the others that an inside node (or an output) reads are `captured`.
 */
import { bodies, type Graph, type Node, type Value } from './Graph.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Capture {
  /** The formal inputs and every node that depends on one. */
  readonly inside: ReadonlySet<Node>;
  /** In order of first use, constants left out. */
  readonly captured: readonly Value[];
}

// -------------------------------------------------------------------------------------
// interpreter
// -------------------------------------------------------------------------------------

/** The values that a node needs from its own graph: its inputs, and what its bodies capture. */
export const reads = (node: Node): readonly Value[] =>
  node._tag !== 'Operator'
    ? []
    : [...node.inputs.filter((v) => v !== undefined), ...bodies(node).flatMap((g) => capture(g).captured)];

/** Nodes of one level, each after what it reads. */
const level = (outputs: readonly Value[]): readonly Node[] => {
  const order: Node[] = [];
  const state = new Map<Node, 'open' | 'done'>();
  const stack = outputs.map((v) => v.node).reverse();
  for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
    if (state.has(node)) {
      stack.pop();
      if (state.get(node) === 'open') order.push(node);
      state.set(node, 'done');
      continue;
    }
    state.set(node, 'open');
    for (const v of [...reads(node)].reverse()) if (!state.has(v.node)) stack.push(v.node);
  }
  return order;
};

const cache = new WeakMap<Graph, Capture>();

/** Computed once for each graph. */
export const capture = (graph: Graph): Capture => {
  const known = cache.get(graph);
  if (known !== undefined) return known;
  const outputs = graph.outputs.map((o) => o.value);
  const inside = new Set<Node>(graph.inputs.map((v) => v.node));
  const order = level(outputs);
  for (const node of order) if (reads(node).some((v) => inside.has(v.node))) inside.add(node);
  const found = new Map<Node, Map<number, Value>>();
  const take = (v: Value): void => {
    if (inside.has(v.node) || v.node._tag === 'Constant') return;
    const outputsOf = found.get(v.node) ?? new Map<number, Value>();
    if (!outputsOf.has(v.index)) found.set(v.node, outputsOf.set(v.index, v));
  };
  for (const node of order) if (inside.has(node)) reads(node).forEach(take);
  outputs.forEach(take);
  const result = { inside, captured: [...found.values()].flatMap((vs) => [...vs.values()]) };
  cache.set(graph, result);
  return result;
};
