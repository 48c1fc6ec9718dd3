/**
 * Graphs whose weights are stored as float16, and computed with in float32: a Cast stands behind each, which onnxruntime does when
 * it loads the file.
 *
 * Law: the outputs are those of the given graph with its weights rounded to float16. A constant with a number that float16 does
 * not hold (above 65504) stays as it is, and so does a small one.
 */
import type { Graph, Value } from '../Graph.ts';
import { constant, type Node } from '../Graph.ts';
import { cast } from '../operators/elementwise.ts';
import { fromArray, sizeOf, toArray } from './Numbers.ts';
import { constantOf, labelOf, rewriteLocally } from './Rewrite.ts';

/** Constants of fewer elements are not worth a Cast. */
export const smallest = 64;

const largest = 65504;

const halved = (v: Value): Value | undefined => {
  const data = constantOf(v);
  if (data?.dtype !== 'float32' || sizeOf(data.shape) < smallest) return undefined;
  const numbers = fromArray(data);
  return numbers.data.every((x) => Math.abs(x) <= largest)
    ? cast('float32')(constant(toArray('float16')(numbers), labelOf(v)))
    : undefined;
};

/** Weights as float16. */
export const halfWeights: (graph: Graph) => Graph = (graph) => {
  const made = new Map<Node, Value | undefined>();
  const of = (v: Value): Value => {
    if (!made.has(v.node)) made.set(v.node, halved(v));
    return made.get(v.node) ?? v;
  };
  return rewriteLocally((node) => {
    const inputs = node.inputs.map((v) => (v === undefined ? undefined : of(v)));
    if (inputs.every((v, i) => v === node.inputs[i])) return undefined;
    const next = { ...node, inputs };
    return node.outputs.map((type, index) => ({ type, node: next, index }));
  })(graph);
};
