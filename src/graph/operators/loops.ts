import { scalar } from '../Constants.ts';
import type { Graph, Value } from '../Graph.ts';
import { operator, valueType } from '../Graph.ts';
import { int } from './node.ts';

// -------------------------------------------------------------------------------------
// loops and branches
// -------------------------------------------------------------------------------------

/**
 * ONNX's Loop. `body` has the inputs iteration (int64 scalar), condition (bool scalar), then the carried values; and the
 * outputs condition, carried values, then scanned values, whose results are stacked along a new first axis.
 */
export const loop = (trips: Value, carried: readonly Value[], body: Graph): readonly Value[] => {
  const scanned = body.outputs.slice(1 + carried.length).map((o) => o.value.type);
  return operator(
    'Loop',
    [trips, scalar(1, 'bool'), ...carried],
    [...carried.map((v) => v.type), ...scanned.map((t) => valueType(t.dtype, ['?', ...t.shape]))],
    { body: { _tag: 'Graph', value: body } },
  );
};

/**
 * ONNX's Scan without a state: `body` computes of an entry of each value, along its first axis, an entry of each result. It may read
 * values of the graph around it.
 */
export const scan = (values: readonly Value[], body: Graph): readonly Value[] => {
  const entries = values[0]?.type.shape[0] ?? '?';
  return operator(
    'Scan',
    values,
    body.outputs.map(({ value: { type } }) => valueType(type.dtype, [entries, ...type.shape])),
    { body: { _tag: 'Graph', value: body }, num_scan_inputs: int(values.length) },
  );
};

/**
 * ONNX's If: one of two graphs computes the results, as a single truth value says. Both have the operands as their inputs and
 * results of the same types; what depends on those inputs is computed in the chosen one alone. (In the file branches have no
 * inputs: they read the operands by name.)
 */
export const either = (condition: Value, operands: readonly Value[], onTrue: Graph, onFalse: Graph): readonly Value[] =>
  operator(
    'If',
    [condition, ...operands],
    onFalse.outputs.map(({ value: { type } }) => type),
    { then_branch: { _tag: 'Graph', value: onTrue }, else_branch: { _tag: 'Graph', value: onFalse } },
  );
