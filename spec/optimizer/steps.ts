/**
 * An optimizer's step as a graph of its own, run again and again: parameters and slots are fed back.
 */
import * as E from 'fp-ts/lib/Either.js';
import * as ort from 'onnxruntime-node';
import { input, type Value } from '../../src/graph/Graph.ts';
import { add, identity } from '../../src/graph/Operators.ts';
import { encode } from '../../src/onnx/Encode.ts';
import type { Transformation } from '../../src/optimizer/Transformation.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { f32, fromTensor, graphOf, toTensor } from '../support/evaluate.ts';

export type Arrays = Readonly<Record<string, NdArray>>;

const inputs = (prefix: string, arrays: Readonly<Record<string, { readonly shape: readonly number[] }>>) =>
  Object.fromEntries(Object.entries(arrays).map(([n, { shape }]) => [n, input(`${prefix}/${n}`, 'float32', shape)]));

/** All values of one step: `next/...` parameters and `slot/...`. */
export const stepValues = (
  transformation: Transformation,
  parameters: Arrays,
  withGradient: readonly string[] = Object.keys(parameters),
): Readonly<Record<string, Value>> => {
  const shapes = Object.fromEntries(Object.entries(parameters).map(([n, a]) => [n, a.shape]));
  const weights = inputs('weight', parameters);
  const { updates, slots } = transformation.update({
    learningRate: input('rate', 'float32', []),
    step: input('step', 'float32', []),
  })(
    inputs('gradient', Object.fromEntries(withGradient.map((n) => [n, parameters[n] as NdArray]))),
    weights,
    inputs('slot', transformation.slots(shapes)),
  );
  const named = (prefix: string, values: Readonly<Record<string, Value>>) =>
    Object.entries(values).map(([n, v]): readonly [string, Value] => [`${prefix}/${n}`, v]);
  const next = Object.fromEntries(
    Object.entries(weights).map(([n, w]) => [n, updates[n] === undefined ? identity(w) : add(w, updates[n])]),
  );
  return Object.fromEntries([...named('next', next), ...named('next-slot', slots)]);
};

const prefixed = (prefix: string, arrays: Arrays): Arrays =>
  Object.fromEntries(Object.entries(arrays).map(([n, a]) => [`${prefix}/${n}`, a]));

const unprefixed = (prefix: string, arrays: Arrays): Arrays =>
  Object.fromEntries(
    Object.entries(arrays).flatMap(([n, a]) => (n.startsWith(`${prefix}/`) ? [[n.slice(prefix.length + 1), a]] : [])),
  );

/** What is there after a step. */
export interface After {
  readonly weights: Arrays;
  readonly slots: Arrays;
}

const initialSlots = (transformation: Transformation, initial: Arrays): Arrays => {
  const specs = transformation.slots(Object.fromEntries(Object.entries(initial).map(([n, a]) => [n, a.shape])));
  return Object.fromEntries(
    Object.entries(specs).map(([n, { shape, init, parameter }]) => {
      const size = shape.reduce((a, b) => a * b, 1);
      return [n, init === 'parameter' ? (initial[parameter] as NdArray) : f32(new Array(size).fill(init), shape)];
    }),
  );
};

/**
 * Parameters and slots after each step. The first step tells which parameters have gradients. `from`: slots to go on with,
 * and the number of steps behind them.
 */
export const runAll = async (
  transformation: Transformation,
  initial: Arrays,
  steps: readonly { readonly gradients: Arrays; readonly rate: number }[],
  from: { readonly slots: Arrays; readonly steps: number } = { slots: initialSlots(transformation, initial), steps: 0 },
): Promise<readonly After[]> => {
  const bytes = encode(graphOf(stepValues(transformation, initial, Object.keys(steps[0]?.gradients ?? {}))), {
    opset: 18,
  });
  if (E.isLeft(bytes)) throw new Error(bytes.left.message);
  const session = await ort.InferenceSession.create(bytes.right, { logSeverityLevel: 3, intraOpNumThreads: 1 });
  const known = new Set(session.inputNames);
  let now: After = { weights: initial, slots: from.slots };
  const history: After[] = [];
  for (const [i, { gradients, rate }] of steps.entries()) {
    const feeds: Arrays = {
      ...prefixed('weight', now.weights),
      ...prefixed('gradient', gradients),
      ...prefixed('slot', now.slots),
      rate: f32([rate], []),
      step: f32([from.steps + i + 1], []),
    };
    const read = Object.entries(feeds).filter(([n]) => known.has(n));
    const results = await session.run(Object.fromEntries(read.map(([n, a]) => [n, toTensor(a)])));
    const arrays = Object.fromEntries(Object.entries(results).map(([n, t]) => [n, fromTensor(t)]));
    now = { weights: unprefixed('next', arrays), slots: unprefixed('next-slot', arrays) };
    history.push(now);
  }
  await session.release();
  return history;
};

/** The parameters after each step. */
export const runSteps = async (
  transformation: Transformation,
  initial: Arrays,
  steps: readonly { readonly gradients: Arrays; readonly rate: number }[],
): Promise<readonly Arrays[]> => (await runAll(transformation, initial, steps)).map(({ weights }) => weights);
