/**
 * Graph values run by onnxruntime: what the specs compare with.
 */
import * as E from 'fp-ts/lib/Either.js';
import * as ort from 'onnxruntime-node';
import { type Graph, graph, type InputNode, type Node, topological, type Value } from '../../src/graph/Graph.ts';
import { encode } from '../../src/onnx/Encode.ts';
import type { DType, NdArray } from '../../src/shape/NdArray.ts';

export interface EvaluateOptions {
  /** Default 18. */
  readonly opset?: number;
  /** Default 'disabled': the operators as they are written. */
  readonly optimization?: ort.InferenceSession.SessionOptions['graphOptimizationLevel'];
}

export const toTensor = (a: NdArray): ort.Tensor =>
  new ort.Tensor(a.dtype as 'float32', a.data as Float32Array, [...a.shape]);

export const fromTensor = (t: ort.Tensor): NdArray => ({
  dtype: t.type as DType,
  shape: [...t.dims],
  data: t.data as NdArray['data'],
});

/** A float32 array. */
export const f32 = (values: readonly number[], shape: readonly number[] = [values.length]): NdArray => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from(values),
});

/** Formal inputs of loops inside are not inputs of the graph. */
const inputsOf = (values: readonly Value[]): readonly Value[] => {
  const order = topological(values);
  const formal = new Set<Node>(
    order.flatMap((n) =>
      n._tag !== 'Operator'
        ? []
        : Object.values(n.attributes).flatMap((a) => (a._tag === 'Graph' ? a.value.inputs.map((v) => v.node) : [])),
    ),
  );
  return order
    .filter((n): n is InputNode => n._tag === 'Input' && !formal.has(n))
    .map((node) => ({ type: node.outputs[0], node, index: 0 }));
};

/** The graph of the values; its inputs are the `Input` nodes that they need. */
export const graphOf = (values: Readonly<Record<string, Value>>): Graph =>
  graph(
    'spec',
    inputsOf(Object.values(values)),
    Object.entries(values).map(([name, value]) => ({ name, value })),
  );

/** Runs a graph in a fresh session. Rejects when it cannot be encoded, loaded or run. Feeds it does not need are left. */
export const run = async (
  g: Graph,
  feeds: Readonly<Record<string, NdArray>>,
  { opset = 18, optimization = 'disabled' }: EvaluateOptions = {},
): Promise<Record<string, NdArray>> => {
  const bytes = encode(g, { opset });
  if (E.isLeft(bytes)) throw new Error(bytes.left.message);
  const session = await ort.InferenceSession.create(bytes.right, {
    graphOptimizationLevel: optimization,
    logSeverityLevel: 3,
    intraOpNumThreads: 1,
  });
  const names = new Set(session.inputNames);
  const given = Object.entries(feeds).filter(([name]) => names.has(name));
  const results = await session.run(Object.fromEntries(given.map(([name, a]) => [name, toTensor(a)])));
  const out = Object.fromEntries(Object.entries(results).map(([name, t]) => [name, fromTensor(t)]));
  await session.release();
  return out;
};

/** What onnxruntime computes for the values. */
export const evaluate = (
  values: Readonly<Record<string, Value>>,
  feeds: Readonly<Record<string, NdArray>>,
  options: EvaluateOptions = {},
): Promise<Record<string, NdArray>> => run(graphOf(values), feeds, options);
