/**
 * Graphs with other names of dimensions, or with sizes in their place.
 *
 * Law: renaming back gives the same types.
 */
import type { Dim } from '../../shape/Shape.ts';
import type { Attribute, Graph, Node, Value, ValueType } from '../Graph.ts';
import { topological } from '../Graph.ts';

/** The names in the types of the inputs, each once. */
export const namedDimensions = (graph: Graph): readonly string[] =>
  [
    ...new Set(graph.inputs.flatMap((v) => v.type.shape.filter((d) => typeof d === 'string' && d !== '?'))),
  ] as readonly string[];

/** Products such as `2*batch` are of names too. */
const replaced =
  (by: Readonly<Record<string, string | number>>) =>
  (d: Dim): Dim => {
    if (typeof d === 'number' || d === '?') return d;
    const parts = d.split('*').map((part) => (Object.hasOwn(by, part) ? (by[part] ?? part) : part));
    const number = (part: string | number): boolean => /^\d+$/.test(String(part));
    const factor = parts.filter(number).reduce<number>((n, part) => n * Number(part), 1);
    const names = parts.filter((part) => !number(part)).map(String);
    if (names.length === 0) return factor;
    return (factor === 1 ? names : [String(factor), ...names]).join('*');
  };

/** The same graph with these names or sizes in place of dimensions' names. */
export const withDimensions =
  (by: Readonly<Record<string, string | number>>) =>
  (graph: Graph): Graph => {
    const dim = replaced(by);
    const type = (t: ValueType): ValueType => ({ ...t, shape: t.shape.map(dim) });
    const now = new Map<Node, Node>();
    const of = (node: Node): Node => {
      const known = now.get(node);
      if (known !== undefined) return known;
      const next = renamed(node);
      now.set(node, next);
      return next;
    };
    const value = (v: Value): Value => ({ ...v, type: type(v.type), node: of(v.node) });
    const whole = (g: Graph): Graph => ({
      ...g,
      inputs: g.inputs.map(value),
      outputs: g.outputs.map((o) => ({ ...o, value: value(o.value) })),
    });
    const renamed = (node: Node): Node => {
      if (node._tag === 'Constant') return node;
      if (node._tag === 'Input') return { ...node, outputs: [type(node.outputs[0])] };
      return {
        ...node,
        inputs: node.inputs.map((v) => (v === undefined ? undefined : value(v))),
        outputs: node.outputs.map(type),
        attributes: Object.fromEntries(
          Object.entries(node.attributes).map(([name, a]): [string, Attribute] => [
            name,
            a._tag === 'Graph' ? { _tag: 'Graph', value: whole(a.value) } : a,
          ]),
        ),
      };
    };
    // In order, so that no depth is too much for the stack.
    for (const node of topological([...graph.outputs.map((o) => o.value), ...graph.inputs])) of(node);
    return whole(graph);
  };
