/** The body of ONNX's Loop, with names for its parts. */
import { GraphDefect } from './Constants.ts';
import type { Graph, OperatorNode, Value } from './Graph.ts';

export interface LoopBody {
  readonly graph: Graph;
  readonly iteration: Value;
  readonly condition: Value;
  /** Carried values before the step, and after it. */
  readonly before: readonly Value[];
  readonly after: readonly Value[];
  readonly scanned: readonly Value[];
}

export const loopBody = (node: OperatorNode): LoopBody => {
  const attribute = node.attributes.body;
  if (attribute?._tag !== 'Graph') throw new GraphDefect('Loop without a body');
  const { inputs, outputs } = attribute.value;
  const [iteration, condition, ...before] = inputs;
  if (iteration === undefined || condition === undefined)
    throw new GraphDefect('a body of Loop needs the inputs iteration and condition');
  const results = outputs.slice(1).map((o) => o.value);
  return {
    graph: attribute.value,
    iteration,
    condition,
    before,
    after: results.slice(0, before.length),
    scanned: results.slice(before.length),
  };
};
