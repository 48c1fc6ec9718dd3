/**
 * How the state of a training lies in memory between runs. The loop carries weights in other shapes, or several as one array
 * (`Tiled.ts`, `Flat.ts`); what comes in as the loop wants it, and goes out as the loop leaves it, need not be put together
 * before a run and taken apart after it. Who runs the graph sees the arrays by their names as parts of what is stored.
 *
 * Law: the outputs are exactly those of the given graph, seen as its parts.
 */

import { type Columns, elementsOf, fromBlocks, heldInBlocks, outOfBlocks } from '../blocked/Dense.ts';
import type { Graph, Node, OperatorNode, Value } from '../Graph.ts';
import { input, isSame, nodesOf } from '../Graph.ts';
import { isStatic, product } from '../operators/node.ts';
import { unshaped } from '../rewrite/Rewrite.ts';
import { substitute, substitution } from '../Substitute.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** An array by its name, of the shape that others know it in. */
export interface Part {
  readonly name: string;
  readonly shape: readonly number[];
}

/** An input of the graph, and the arrays that lie in it, one behind the other or in blocks. */
export interface Stored extends Part {
  readonly parts: readonly [Part, ...Part[]];
  /** If it lies in blocks of columns: then it is a single part, whose elements are in another order. */
  readonly columns?: Columns;
}

export interface WithStored {
  readonly graph: Graph;
  readonly stored: readonly Stored[];
}

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

const isOf = (node: Node, operator: string): node is OperatorNode =>
  node._tag === 'Operator' && node.operator === operator && node.domain === '';

/** What lies in a value, if it is put together, and how, if it is in blocks. */
const lyingIn = (v: Value): { readonly values: readonly Value[]; readonly columns?: Columns } => {
  const blocks = heldInBlocks(v);
  if (blocks !== undefined) return { values: [blocks.plain], columns: blocks.of };
  const whole = unshaped(v);
  return {
    values: isOf(whole.node, 'Concat') ? whole.node.inputs.map((part) => unshaped(part as Value)) : [whole],
  };
};

/** Of a value, the one that it is a part of, and which. */
const wholeOf = (v: Value): readonly [Value, number] => {
  const part = outOfBlocks(v) ?? unshaped(v);
  return isOf(part.node, 'Split') ? [unshaped(part.node.inputs[0] as Value), part.index] : [part, 0];
};

/** The stored form of a carried value of the loop, whose parts are these inputs of the graph. */
interface Found extends Stored {
  readonly initial: Value;
  readonly result: Value;
}

/**
 * The graph with its state as the loop carries it. `carried`: names of the inputs that come back changed; `next` is what the output is
 * called that an input comes back as.
 */
export const withStored =
  (carried: readonly string[], next: (name: string) => string) =>
  (graph: Graph): WithStored => {
    const byName = new Map(graph.outputs.map((o) => [o.name, o.value]));
    const shapes = new Map(
      graph.inputs.flatMap(({ node, type: { shape } }) =>
        node._tag === 'Input' && isStatic(shape) ? [[node.name, shape] as const] : [],
      ),
    );
    const asTheyAre = (name: string): Stored => {
      const part = { name, shape: shapes.get(name) ?? [] };
      return { ...part, parts: [part] };
    };
    const state = new Set(carried);
    const loop = graph.outputs.map((o) => wholeOf(o.value)[0].node).find((node) => isOf(node, 'Loop'));
    if (loop === undefined) return { graph, stored: carried.map(asTheyAre) };

    const readers = new Map<Node, number>();
    for (const node of nodesOf(graph))
      if (node._tag === 'Operator')
        for (const v of node.inputs) if (v !== undefined) readers.set(v.node, (readers.get(v.node) ?? 0) + 1);

    const found = (loop as OperatorNode).inputs.slice(2).flatMap((initial, i): readonly Found[] => {
      const { shape, dtype } = initial?.type ?? {};
      const result: Value = { type: loop.outputs[i] as Value['type'], node: loop, index: i };
      if (initial === undefined || shape === undefined || !isStatic(shape) || initial.node._tag === 'Input') return [];
      const { values, columns } = lyingIn(initial);
      const parts = values.flatMap(({ node }, k): readonly Part[] => {
        const name = node._tag === 'Input' ? node.name : undefined;
        const of = name === undefined ? undefined : shapes.get(name);
        const after = name === undefined ? undefined : byName.get(next(name));
        if (name === undefined || of === undefined || after === undefined || !state.has(name)) return [];
        const [whole, place] = wholeOf(after);
        return isSame(whole, result) && place === k && readers.get(node) === 1 ? [{ name, shape: of }] : [];
      });
      const [first, ...rest] = parts;
      const isAll = parts.length === values.length && dtype === 'float32' && readers.get(initial.node) === 1;
      const elements = columns === undefined ? parts.reduce((n, p) => n + product(p.shape), 0) : elementsOf(columns);
      if (first === undefined || !isAll || elements !== product(shape)) return [];
      const name = rest.length === 0 ? first.name : `state/${i}`;
      return [{ name, shape, parts: [first, ...rest], ...(columns && { columns }), initial, result }];
    });

    const moved = new Set(found.flatMap((s) => s.parts.map((p) => p.name)));
    const formals = found.map((s) => input(s.name, 'float32', s.shape));
    const stay = graph.outputs.filter((o) => !found.some((s) => s.parts.some((p) => next(p.name) === o.name)));
    // Nobody but the loop reads what it begins with.
    const begins = loop.inputs.map((v) => formals[found.findIndex((s) => s.initial === v)] ?? v);
    const stored: OperatorNode = { ...loop, inputs: begins };
    const results = loop.outputs.map(
      (type, index) =>
        [
          { type, node: loop, index },
          { type, node: stored, index },
        ] as const,
    );
    const values = substitute(substitution(results))([...stay.map((o) => o.value), ...found.map((s) => s.result)]);
    return {
      graph: {
        ...graph,
        inputs: [...graph.inputs.filter(({ node }) => node._tag !== 'Input' || !moved.has(node.name)), ...formals],
        outputs: [
          ...stay.map((o, i) => ({ ...o, value: values[i] as Value })),
          ...found.map((s, i) => ({ name: next(s.name), value: values[stay.length + i] as Value })),
        ],
      },
      stored: [
        ...carried.filter((name) => !moved.has(name)).map(asTheyAre),
        ...found.map(({ initial, result, ...s }) => s),
      ],
    };
  };

/** A graph that reads weights, with those that lie in blocks as they are stored. */
export const readingStored =
  (stored: readonly Stored[]) =>
  (graph: Graph): Graph => {
    const found = graph.inputs.flatMap((v) => {
      const { node } = v;
      const s = node._tag === 'Input' ? stored.find(({ name }) => name === node.name) : undefined;
      return s?.columns === undefined ? [] : [{ from: v, to: input(s.name, 'float32', s.shape), columns: s.columns }];
    });
    if (found.length === 0) return graph;
    const plain = found.map(({ from, to, columns }) => [from, fromBlocks(columns)(to)] as const);
    const values = substitute(substitution(plain))(graph.outputs.map((o) => o.value));
    return {
      ...graph,
      inputs: graph.inputs.map((v) => found.find(({ from }) => from === v)?.to ?? v),
      outputs: graph.outputs.map((o, i) => ({ ...o, value: values[i] as Value })),
    };
  };
