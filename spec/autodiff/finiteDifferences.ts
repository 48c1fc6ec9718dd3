/** Central differences: what a gradient must be, from values alone. */
import * as E from 'fp-ts/lib/Either.js';
import * as ort from 'onnxruntime-node';
import { vjp } from '../../src/autodiff/Grad.ts';
import { input, type Value } from '../../src/graph/Graph.ts';
import { encode } from '../../src/onnx/Encode.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import type { Dim } from '../../src/shape/Shape.ts';
import { fromTensor, graphOf, toTensor } from '../support/evaluate.ts';
import type { Random } from './random.ts';

export interface Argument {
  readonly array: NdArray;
  /** The shape as the graph knows it; default: the array's. */
  readonly dims?: readonly Dim[];
}

/** A function of named arrays at one point. */
export interface Sample {
  readonly inputs: Readonly<Record<string, Argument>>;
  /** What is differentiated. */
  readonly y: (values: Readonly<Record<string, Value>>) => Value;
  /** Where it is differentiated; default: all float inputs. */
  readonly wrt?: readonly string[];
  /** Step. Default 1e-4 (float64); what is linear in each input may take a large one. */
  readonly step?: number;
  readonly tolerance?: number;
  /** Of the function; its gradient is always written for 18. Default 18. */
  readonly opset?: number;
}

export interface Comparison {
  readonly y: Value;
  /** Largest difference between gradient and finite difference, relative to 1 + the gradient's size. */
  readonly error: number;
  readonly worst: string;
}

const isFloat = (a: NdArray): boolean => a.dtype === 'float32' || a.dtype === 'float64';

const at = (a: NdArray, i: number): number => Number(a.data[i]);

const withElement = (a: NdArray, i: number, value: number): NdArray => {
  const data = a.data.slice() as Float64Array;
  data[i] = value;
  return { ...a, data };
};

export const sessionOf = async (values: Readonly<Record<string, Value>>, opset = 18) => {
  const bytes = encode(graphOf(values), { opset });
  if (E.isLeft(bytes)) throw new Error(bytes.left.message);
  const session = await ort.InferenceSession.create(bytes.right, {
    graphOptimizationLevel: 'disabled',
    logSeverityLevel: 3,
    intraOpNumThreads: 1,
  });
  const run = async (
    feeds: Readonly<Record<string, NdArray>>,
    fetches: readonly string[],
  ): Promise<Readonly<Record<string, NdArray>>> => {
    const needed = Object.entries(feeds).filter(([name]) => session.inputNames.includes(name));
    const result = await session.run(Object.fromEntries(needed.map(([n, a]) => [n, toTensor(a)])), [...fetches]);
    return Object.fromEntries(Object.entries(result).map(([n, t]) => [n, fromTensor(t)]));
  };
  return { run, release: () => session.release() };
};

/** The gradient of sum(y * c) for a random c, beside central differences in every element of every input. */
export const compare = async (sample: Sample, random: Random): Promise<Comparison> => {
  const { step = 1e-4 } = sample;
  const entries = Object.entries(sample.inputs);
  const values = Object.fromEntries(
    entries.map(([name, { array, dims }]) => [name, input(name, array.dtype, dims ?? array.shape)]),
  );
  const feeds = Object.fromEntries(entries.map(([name, { array }]) => [name, array]));
  const wrt = sample.wrt ?? entries.filter(([, { array }]) => isFloat(array)).map(([name]) => name);
  const y = sample.y(values);
  const c = input('cotangent', y.type.dtype, y.type.shape);
  const gradients = vjp(
    [y],
    [c],
    wrt.map((name) => values[name] as Value),
  );
  if (E.isLeft(gradients)) throw new Error(gradients.left.message);
  const named = Object.fromEntries(wrt.map((name, k) => [`d_${name}`, gradients.right[k] as Value]));
  const plain = await sessionOf({ y }, sample.opset);
  const base = (await plain.run(feeds, ['y'])).y as NdArray;
  const weights = random.floats(base.data.length, -1, 1);
  const cotangent: NdArray = {
    ...base,
    data: base.dtype === 'float64' ? Float64Array.from(weights) : Float32Array.from(weights),
  };
  const differentiated = await sessionOf(named);
  const analytic = await differentiated.run({ ...feeds, cotangent }, Object.keys(named));

  let [error, worst] = [0, ''];
  for (const name of wrt) {
    const array = feeds[name] as NdArray;
    const gradient = analytic[`d_${name}`] as NdArray;
    if (`${gradient.shape}` !== `${array.shape}`) throw new Error(`d_${name}: ${gradient.shape}, not ${array.shape}`);
    for (let i = 0; i < array.data.length; i++) {
      const high = withElement(array, i, at(array, i) + step);
      const low = withElement(array, i, at(array, i) - step);
      const up = (await plain.run({ ...feeds, [name]: high }, ['y'])).y as NdArray;
      const down = (await plain.run({ ...feeds, [name]: low }, ['y'])).y as NdArray;
      const width = at(high, i) - at(low, i);
      const expected = weights.reduce((s, _, j) => s + at(cotangent, j) * (at(up, j) - at(down, j)), 0) / width;
      const difference = Math.abs(expected - at(gradient, i)) / (1 + Math.abs(expected));
      if (!(difference <= error)) {
        error = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
        worst = `d_${name}[${i}] is ${at(gradient, i)}, by finite differences ${expected}`;
      }
    }
  }
  await plain.release();
  await differentiated.release();
  return { y, error, worst };
};
