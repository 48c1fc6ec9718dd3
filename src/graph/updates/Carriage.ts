/** Loops that carry other values: several in one, or one in another shape. */
import type { Graph, Node, OperatorNode, Value } from '../Graph.ts';
import { graph as graphOf } from '../Graph.ts';
import type { LoopBody } from '../LoopBody.ts';
import { substitute, substitution } from '../Substitute.ts';

export interface Carriage {
  /** Of the carried values that it stands for. */
  readonly places: readonly number[];
  readonly initial: Value;
  /** The formal input of the body. */
  readonly formal: Value;
  /** The values that it stands for, from it. */
  readonly apart: (whole: Value) => readonly Value[];
}

/**
 * What stands in place of a loop's outputs. `reads` are values of the body that the carriages' next values are computed from by
 * `next`, which is given them as they are in the new body.
 */
export const recarried = (
  node: OperatorNode,
  body: LoopBody,
  carriages: readonly Carriage[],
  reads: readonly Value[],
  next: (reads: readonly Value[]) => readonly Value[],
): readonly Value[] => {
  const n = body.before.length;
  const moved = new Set(carriages.flatMap((c) => c.places));
  const kept = body.before.flatMap((_, i) => (moved.has(i) ? [] : [i]));
  const pairs = carriages.flatMap((c) => {
    const parts = c.apart(c.formal);
    return c.places.map((p, i) => [body.before[p] as Value, parts[i] as Value] as const);
  });
  const continued = body.graph.outputs[0]?.value as Value;
  const stay = [continued, ...kept.map((i) => body.after[i] as Value), ...body.scanned];
  const values = substitute(substitution(pairs))([...stay, ...reads]);
  const after = values.slice(1, 1 + kept.length);
  const scanned = values.slice(1 + kept.length, stay.length);
  const computed = next(values.slice(stay.length));

  const outputs = [values[0] as Value, ...after, ...computed, ...scanned];
  const inner = graphOf(
    body.graph.name,
    [body.iteration, body.condition, ...kept.map((i) => body.before[i] as Value), ...carriages.map((c) => c.formal)],
    outputs.map((value, i) => ({ name: `step/${i}`, value })),
  );
  const initial = node.inputs.slice(2);
  const loop: OperatorNode = {
    ...node,
    inputs: [...node.inputs.slice(0, 2), ...kept.map((i) => initial[i]), ...carriages.map((c) => c.initial)],
    attributes: { ...node.attributes, body: { _tag: 'Graph', value: inner } },
    outputs: [
      ...kept.map((i) => node.outputs[i] as Value['type']),
      ...carriages.map((c) => c.formal.type),
      ...node.outputs.slice(n),
    ],
  };
  const result = (index: number): Value => ({ type: loop.outputs[index] as Value['type'], node: loop, index });
  const places = new Map(kept.map((p, i) => [p, result(i)]));
  carriages.forEach((c, k) => {
    const parts = c.apart(result(kept.length + k));
    c.places.forEach((p, i) => places.set(p, parts[i] as Value));
  });
  return [
    ...body.before.map((_, i) => places.get(i) as Value),
    ...body.scanned.map((_, i) => result(kept.length + carriages.length + i)),
  ];
};

/** The loops of a graph that are in no other's body. */
const loopsOf = (graph: Graph): readonly OperatorNode[] => {
  const found = new Set<Node>(graph.outputs.map((o) => o.value.node));
  for (const node of found)
    if (node._tag === 'Operator') for (const v of node.inputs) if (v !== undefined) found.add(v.node);
  return [...found].filter((n): n is OperatorNode => n._tag === 'Operator' && n.operator === 'Loop' && n.domain === '');
};

/** The graph with something in place of the outputs of its loop over steps; without one, or with several, as it is. */
export const withLoop =
  (change: (loop: OperatorNode) => readonly Value[] | undefined) =>
  (graph: Graph): Graph => {
    const [loop, ...others] = loopsOf(graph);
    const results = loop === undefined || others.length > 0 ? undefined : change(loop);
    if (loop === undefined || results === undefined) return graph;
    const pairs = results.map((to, index) => [{ type: to.type, node: loop, index }, to] as const);
    const values = substitute(substitution(pairs))(graph.outputs.map((o) => o.value));
    return { ...graph, outputs: graph.outputs.map((o, i) => ({ ...o, value: values[i] as Value })) };
  };
