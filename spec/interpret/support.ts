/**
 * A model lowered with its weights as graph inputs, as a run has them, and what onnxruntime makes of it.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { Value } from '../../src/graph/Graph.ts';
import { input } from '../../src/graph/Graph.ts';
import { scalar } from '../../src/graph/Operators.ts';
import { inference, type Lowered, lower, type Mode, training } from '../../src/interpret/Lower.ts';
import type { Provider } from '../../src/interpret/Random.ts';
import type { Model } from '../../src/model/Model.ts';
import { resolve } from '../../src/model/Resolve.ts';
import type { Resolved } from '../../src/model/Resolved.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { dims, dtypeOf } from '../../src/shape/Shape.ts';
import { evaluate } from '../support/evaluate.ts';

/** The right side; a left one is a defect of the spec or of what it tests. */
export const right = <A>(either: E.Either<unknown, A>): A => {
  if (E.isRight(either)) return either.right;
  const { left } = either;
  throw new Error(left instanceof Error ? left.message : JSON.stringify(left));
};

export const resolvedOf = (model: Model<never, unknown>): Resolved => right(resolve(model));

/** Constant seed and step: what dropout draws is fixed. */
export const trainingMode = (provider: Provider = 'cpu', seed = 1, step = 2): Mode =>
  training({ seed: scalar(seed, 'uint32'), step: scalar(step, 'uint32'), provider });

export { inference };

/** Inputs by the model's names, weights by the parameters'. */
export const lowered = (resolved: Resolved, mode: Mode, masks: readonly (Value | undefined)[] = []): Lowered => {
  const inputs = resolved.inputs.map(({ name, type }) => input(name, dtypeOf(type), dims(type)));
  const weights = Object.fromEntries(resolved.parameters.map((p) => [p.name, input(p.name, 'float32', p.shape)]));
  return lower(resolved, inputs, weights, mode, masks);
};

/** The output that has the new value of a running statistic. */
export const next = (name: string): string => `next/${name}`;

/** The model's outputs, and the new values of its running statistics as `next/NAME`. */
export const runModel = (
  resolved: Resolved,
  feeds: Readonly<Record<string, NdArray>>,
  mode: Mode = inference,
  /** Of each input: bool. */
  masks: readonly (NdArray | undefined)[] = [],
): Promise<Record<string, NdArray>> => {
  const fed = masks.map((m, i) => (m === undefined ? undefined : input(`mask/${i}`, 'bool', m.shape)));
  const { outputs, updates } = lowered(resolved, mode, fed);
  const named = Object.fromEntries(resolved.outputs.map(({ name }, i) => [name, outputs[i] as Value]));
  const updated = Object.fromEntries(Object.entries(updates).map(([name, value]) => [next(name), value]));
  const given = masks.flatMap((m, i) => (m === undefined ? [] : [[`mask/${i}`, m] as const]));
  return evaluate({ ...named, ...updated }, { ...feeds, ...Object.fromEntries(given) });
};
