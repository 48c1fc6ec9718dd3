/**
 * Gradients of whole layers beside finite differences, in the inputs and in every parameter, each along a random direction.
 *
 * onnxruntime has most kernels in float32 only. Differences are therefore taken element by element and summed in float64, with
 * a large step whose error of the second order is taken away by a second step (Richardson).
 */
import { vjp } from '../../src/autodiff/Grad.ts';
import { input, type Value } from '../../src/graph/Graph.ts';
import { lower, type Mode } from '../../src/interpret/Lower.ts';
import type { Model } from '../../src/model/Model.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { dims } from '../../src/shape/Shape.ts';
import { sessionOf } from '../autodiff/finiteDifferences.ts';
import { type Random, size } from '../autodiff/random.ts';
import { resolvedOf, right } from '../interpret/support.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Configuration {
  /** What it is, for the message. */
  readonly title: string;
  readonly model: Model<never, unknown>;
  /** Values of the inputs, by name, each with the shape of a batch. */
  readonly inputs: Readonly<Record<string, NdArray>>;
  /** Which steps of the first input count: bool [batch, seq]. */
  readonly mask?: NdArray;
}

export interface Comparison {
  /** Largest difference of the two slopes, relative to the longest that a gradient of this size can have, or to 1. */
  readonly error: number;
  readonly worst: string;
  /** How many of the gradients are not 0 everywhere. */
  readonly alive: number;
}

// -------------------------------------------------------------------------------------
// values
// -------------------------------------------------------------------------------------

/** Different numbers, `gap` apart and half of it from 0: no kink lies within a step. */
export const apart = (random: Random, shape: readonly number[], gap = 0.2): NdArray => {
  const n = size(shape);
  const all = Array.from({ length: n }, (_, i) => (i - Math.floor(n / 2)) * gap + gap / 2);
  return { dtype: 'float32', shape, data: Float32Array.from(random.shuffle(all)) };
};

export const anywhere = (random: Random, shape: readonly number[]): NdArray => random.array32(shape, -1.2, 1.2);

/** Variances and factors are positive; a direction is not next to 0, where it turns round. */
const ofRole = (random: Random, role: string, shape: readonly number[]): NdArray => {
  if (['moving_variance', 'gamma', 'g'].includes(role)) return random.array32(shape, 0.5, 1.5);
  if (role !== 'v') return random.array32(shape, -0.9, 0.9);
  const data = random.floats(size(shape), 0.3, 1.2).map((x) => (random.bool() ? x : -x));
  return { dtype: 'float32', shape, data: Float32Array.from(data) };
};

// -------------------------------------------------------------------------------------
// comparison
// -------------------------------------------------------------------------------------

const step = 0.04;

const numbers = (a: NdArray | undefined): Float32Array => a?.data as Float32Array;

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
};

const norm = (a: ArrayLike<number>): number => Math.sqrt(dot(a, a));

/** The slopes of sum(y * c) for a random c along random directions, as the graph of gradients says and as differences say. */
export const compare = async (
  { title, model, inputs, mask }: Configuration,
  random: Random,
  mode: Mode,
): Promise<Comparison> => {
  const resolved = resolvedOf(model);
  const x = resolved.inputs.map(({ name, type }) => input(name, 'float32', dims(type)));
  const w = resolved.parameters.map((p) => input(p.name, 'float32', p.shape));
  const byName = Object.fromEntries(resolved.parameters.map((p, i) => [p.name, w[i] as Value]));
  const masks = mask === undefined ? [] : [input('mask', 'bool', ['batch', x[0]?.type.shape[1] ?? '?'])];
  const y = lower(resolved, x, byName, mode, masks).outputs[0] as Value;
  const c = input('cotangent', 'float32', y.type.shape);
  const gradients = right(vjp([y], [c], [...x, ...w]));
  const names = [...resolved.inputs, ...resolved.parameters].map(({ name }) => name);
  const feeds: Readonly<Record<string, NdArray>> = {
    ...inputs,
    ...Object.fromEntries(resolved.parameters.map(({ name, role, shape }) => [name, ofRole(random, role, shape)])),
    ...(mask === undefined ? {} : { mask }),
  };
  const plain = await sessionOf({ y });
  const derived = await sessionOf(Object.fromEntries(gradients.map((g, i) => [`d${i}`, g])));
  try {
    const at = async (changed: Readonly<Record<string, NdArray>>): Promise<NdArray> =>
      (await plain.run({ ...feeds, ...changed }, ['y'])).y as NdArray;
    const base = await at({});
    const weights = random.floats(base.data.length, -1, 1);
    const cotangent: NdArray = { ...base, data: Float32Array.from(weights) };
    const exact = await derived.run(
      { ...feeds, cotangent },
      gradients.map((_, i) => `d${i}`),
    );
    let [error, worst, alive] = [0, '', 0];
    for (const [i, name] of names.entries()) {
      const here = feeds[name] as NdArray;
      const gradient = exact[`d${i}`];
      if (`${gradient?.shape}` !== `${here.shape}`)
        throw new Error(`${title}: the gradient in ${name} is ${gradient?.shape}, not ${here.shape}`);
      const direction = random.floats(here.data.length, -1, 1);
      const moved = (by: number): NdArray => ({
        ...here,
        data: Float32Array.from(numbers(here), (v, k) => v + by * (direction[k] as number)),
      });
      const slope = async (h: number): Promise<number> => {
        const [up, down] = [await at({ [name]: moved(h) }), await at({ [name]: moved(-h) })];
        return weights.reduce((s, v, k) => s + v * (Number(up.data[k]) - Number(down.data[k])), 0) / (2 * h);
      };
      const [wide, narrow] = [await slope(step), await slope(step / 2)];
      const expected = (4 * narrow - wide) / 3;
      const got = dot(numbers(gradient), direction);
      if (norm(numbers(gradient)) > 0) alive++;
      const off = Math.abs(got - expected) / Math.max(1, norm(numbers(gradient)) * norm(direction));
      if (!(off <= error)) {
        error = Number.isNaN(off) ? Number.POSITIVE_INFINITY : off;
        worst = `${title}: the slope in ${name} is ${got}, by finite differences ${expected}`;
      }
    }
    return { error, worst, alive };
  } finally {
    await plain.release();
    await derived.release();
  }
};
