/**
 * Recurrences: one step after the other over the rows of time, as ONNX's Loop.
 *
 * What a step reads at row `t` it gathers from values whose first axis is time. Outputs of the steps come back stacked
 * along a first axis. `saved` are stacked as well and only there for the gradient, which reads them back instead of
 * computing them again (see autodiff/Loops): the state before the step and whatever is dear.
 */
import type { Value } from './Graph.ts';
import { graph, input } from './Graph.ts';
import * as Op from './Operators.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Step {
  /** The state after the step, of the types of the state before it. */
  readonly next: readonly Value[];
  /** What is stacked and given back. */
  readonly outputs: readonly Value[];
  /** What is stacked for the gradient. */
  readonly saved: readonly Value[];
}

export interface Recurrence {
  /** The state after the last step. */
  readonly final: readonly Value[];
  /** Each of the steps' outputs, time first. */
  readonly stacked: readonly Value[];
}

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** `steps`: how many (int64 scalar). `step` gets the number of the step (int64 scalar) and the state before it. */
export const recur = (
  name: string,
  steps: Value,
  initial: readonly Value[],
  step: (t: Value, state: readonly Value[]) => Step,
): Recurrence => {
  const t = input('step', 'int64', []);
  const condition = input('condition', 'bool', []);
  const state = initial.map((v, i) => input(`state/${i}`, v.type.dtype, v.type.shape));
  const { next, outputs, saved } = step(t, state);
  const body = graph(
    name,
    [t, condition, ...state],
    [
      { name: 'continue', value: Op.identity(condition) },
      ...next.map((value, i) => ({ name: `next/${i}`, value })),
      ...outputs.map((value, i) => ({ name: `output/${i}`, value })),
      ...saved.map((value, i) => ({ name: `saved/${i}`, value })),
    ],
  );
  const results = Op.loop(steps, initial, body);
  return {
    final: results.slice(0, initial.length),
    stacked: results.slice(initial.length, initial.length + outputs.length),
  };
};
