/**
 * Training graphs descend along the gradient: steps of whole models against finite differences, and steps of random ones.
 */
import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import { missingKernels } from '../../src/graph/Kernels.ts';
import { Layer as L, Optimizer } from '../../src/index.ts';
import * as Plan from '../../src/interpret/Plan.ts';
import { initialValues } from '../../src/model/Initial.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { type AnyShape, dims } from '../../src/shape/Shape.ts';
import { kernelTables } from '../support/kernelTables.ts';
import { chains, filled, modelOf } from './models.ts';
import {
  type Arrays,
  asModel,
  beginning,
  dataOf,
  type Example,
  examples,
  float32,
  int64,
  mse,
  named,
  noise,
  problemOf,
  range,
  runOnce,
  samples,
  session,
  trainingOf,
  uint32,
} from './problems.ts';
import { resolvedOf } from './support.ts';

// -------------------------------------------------------------------------------------
// gradients
// -------------------------------------------------------------------------------------

/** Parameters move by the gradient itself at a rate of 1, and not at all at 0. */
const descent: Optimizer.Optimizer = Optimizer.sgd({ learningRate: 1 });

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
};

const moved = (a: NdArray, by: number, direction: Float32Array): NdArray => ({
  ...a,
  data: Float32Array.from(a.data as Float32Array, (x, i) => x + by * (direction[i] as number)),
});

describe.each(named)('%s', (_, whole) => {
  const example = { ...whole, optimizer: descent };

  it.each(['cpu', 'cuda'] as const)('the step is the gradient, in the form for %s', async (provider) => {
    const plan = trainingOf(example, provider);
    const on = await session(plan.model);
    const { resolved } = problemOf(example);
    const weights = initialValues(resolved, 3);
    const at = (changed: Arrays, learningRate: number) =>
      runOnce(on, {
        ...weights,
        ...changed,
        ...dataOf(example),
        indices: range(0, samples),
        batch_size: int64(samples),
        learning_rate: float32(learningRate),
        step: int64(4),
        seed: uint32(2),
      });
    const lossAt = async (changed: Arrays): Promise<number> => (await at(changed, 0)).loss?.data[0] as number;
    const stepped = await at({}, 1);
    // Losses are float32: the step must be large enough for their difference to have digits.
    const h = 0.02;
    const scales: number[] = [];
    for (const { name, trainable, shape } of resolved.parameters) {
      const old = weights[name] as NdArray;
      const next = stepped[`next/${name}`] as NdArray;
      expect(next.shape).toEqual(shape);
      if (!trainable) continue;
      const gradient = Float32Array.from(old.data as Float32Array, (x, i) => x - (next.data[i] as number));
      const scale = Math.sqrt(dot(gradient, gradient));
      scales.push(scale);
      // Along the gradient, the steepest way, and along another one.
      const other = noise(gradient.length, 17);
      const norm = Math.sqrt(dot(other, other));
      const ways = [gradient.map((g) => g / (scale || 1)), other.map((d) => d / norm)];
      for (const way of ways) {
        const up = await lossAt({ [name]: moved(old, h, way) });
        const down = await lossAt({ [name]: moved(old, -h, way) });
        const difference = (up - down) / (2 * h);
        expect(Math.abs(difference - dot(gradient, way)), name).toBeLessThan(2e-4 + 0.01 * scale);
      }
    }
    // Most gradients are large enough to be told from their like.
    expect(scales.filter((scale) => scale > 2e-3).length).toBeGreaterThan(scales.length / 2);
    await on.release();
  });
});

it('a model of any layers trains: every result is finite and of the shape it came with', async () => {
  await fc.assert(
    fc.asyncProperty(chains, fc.constantFrom('cpu' as const, 'cuda' as const), async (chain, provider) => {
      fc.pre(chain.sample.every((d) => typeof d === 'number'));
      const model = modelOf(chain);
      const output = dims(resolvedOf(model).outputs[0]?.type as AnyShape) as readonly number[];
      const data = { input: filled([samples, ...(chain.sample as readonly number[])]) };
      const target = filled([samples, ...output.slice(1)]);
      const example = { model, loss: mse, metrics: [], optimizer: Optimizer.adam(), data, target };
      const plan = trainingOf(example, provider);
      expect(missingKernels(plan.graph, kernelTables, provider, 18)).toEqual([]);
      const on = await session(plan.model);
      const start = beginning(plan, initialValues(resolvedOf(model), 1));
      const results = await runOnce(on, {
        ...start,
        ...dataOf(example),
        indices: range(0, samples),
        batch_size: int64(8),
        learning_rate: float32(0.01),
        step: int64(0),
        seed: uint32(0),
      });
      await on.release();
      expect(results.loss?.shape).toEqual([3]);
      for (const name of plan.carried) expect(results[`next/${name}`]?.shape, name).toEqual(start[name]?.shape);
      for (const [name, array] of Object.entries(results))
        expect((array.data as Float32Array).every(Number.isFinite), name).toBe(true);
    }),
    { numRuns: 40 },
  );
});

it('a convolution over sizes that are not known has no gradient, and the error says so', () => {
  const model = asModel(
    L.model(L.input([1, 'h', 'w']), L.conv2d({ filters: 1, kernel: 3 }), L.globalAveragePool2d(), L.dense(2)),
  );
  const problem = problemOf({ ...(examples['images of any size'] as Example), model });
  const types = { inputs: {}, targets: { '': { dtype: 'float32', shape: ['batch', 2] } } } as const;
  const plan = Plan.trainingPlan(problem, types, 'cpu');
  expect(E.isLeft(plan) && plan.left).toMatchObject({ _tag: 'AutodiffError' });
  expect(E.isLeft(plan) && plan.left.message).toMatch(/Conv.* needs known sizes .*\[batch,1,h,w\]|\[batch,1,\?,\?\]/s);
});
