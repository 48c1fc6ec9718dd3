/**
 * Batch normalisation right behind a convolution, in training: its moments are taken of numbers that the convolution has brought
 * near 0. What it gives must be what it gives of any other input, whatever the numbers are.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { grad } from '../../src/autodiff/Grad.ts';
import { input, topological, type Value } from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import { lower } from '../../src/interpret/Lower.ts';
import * as L from '../../src/layer/Layer.ts';
import type { Model } from '../../src/model/Model.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { evaluate, f32 } from '../support/evaluate.ts';
import { noise } from '../training/support.ts';
import { next, resolvedOf, right, runModel, trainingMode } from './support.ts';

type AnyModel = Model<never, unknown>;
type AnyLayer = L.Layer<never>;

const modelOf = (...layers: readonly unknown[]): AnyModel =>
  (L.model as (...parts: readonly unknown[]) => unknown)(...layers) as AnyModel;

/** Between them it keeps the convolution from being seen. */
const hidden = L.rescaling(1) as unknown as AnyLayer;

const convolution = fc
  .record({
    filters: fc.constantFrom(24, 32),
    kernel: fc.constantFrom<1 | 2 | 3>(1, 2, 3),
    strides: fc.constantFrom<1 | 2>(1, 2),
    dilation: fc.constantFrom<1 | 2>(1, 2),
    padding: fc.constantFrom<'same' | 'valid'>('same', 'valid'),
    groups: fc.constantFrom<1 | 2>(1, 2),
    useBias: fc.boolean(),
  })
  .filter(({ strides, dilation }) => strides === 1 || dilation === 1);

const normalisation = fc.record({ center: fc.boolean(), scale: fc.boolean(), momentum: fc.constant(0.5) });

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

const feedsOf = (model: AnyModel, x: NdArray): Record<string, NdArray> => ({
  input: x,
  ...Object.fromEntries(
    resolvedOf(model).parameters.map(({ name, shape }, i) => [name, f32(noise(product(shape), i + 7), shape)]),
  ),
});

/** Outputs, statistics, and the gradients of all weights and of the input, of a loss that weighs all outputs differently. */
const allOf = async (model: AnyModel, x: NdArray): Promise<Record<string, NdArray>> => {
  const resolved = resolvedOf(model);
  const given = input('input', 'float32', x.shape);
  const weights = Object.fromEntries(resolved.parameters.map((p) => [p.name, input(p.name, 'float32', p.shape)]));
  const { outputs, updates } = lower(resolved, [given], weights, trainingMode());
  const y = outputs[0] as Value;
  const scales = Op.tensor(noise(product(y.type.shape as number[]), 3), y.type.shape as number[], 'float32');
  const wrt = { input: given, ...weights };
  const trained = Object.entries(wrt).filter(([name]) => !name.includes('moving'));
  const gradients = right(
    grad(
      Op.reduceSum({ axes: y.type.shape.map((_, i) => i) })(Op.mul(y, scales)),
      trained.map(([, v]) => v),
    ),
  );
  return evaluate(
    {
      output: y,
      ...Object.fromEntries(Object.entries(updates).map(([name, v]) => [next(name), v])),
      ...Object.fromEntries(trained.map(([name], i) => [`d ${name}`, gradients[i] as Value])),
    },
    feedsOf(model, x),
  );
};

const numbersOf = (a: NdArray | undefined): readonly number[] => Array.from(a?.data ?? [], Number);

/** Differences by the largest number of what is alike: gradients beside gradients (a bias has none but for rounding). */
const expectEqual = (a: Record<string, NdArray>, b: Record<string, NdArray>): void => {
  expect(Object.keys(b)).toEqual(Object.keys(a));
  const kind = (name: string): boolean => name.startsWith('d ');
  for (const [name, array] of Object.entries(a)) {
    const alike = Object.entries(a).flatMap(([n, v]) => (kind(n) === kind(name) ? numbersOf(v) : []));
    const scale = alike.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    const other = numbersOf(b[name]);
    const most = numbersOf(array).reduce((m, v, i) => Math.max(m, Math.abs(v - (other[i] ?? Number.NaN))), 0);
    expect(most / scale, name).toBeLessThan(2e-5);
  }
};

/** Large enough for strides of 2. */
const image = [2, 4, 40, 40];

describe('behind a convolution', () => {
  it('outputs, statistics and gradients are as behind anything else', async () => {
    await fc.assert(
      fc.asyncProperty(convolution, normalisation, fc.nat(1000), async (c, n, seed) => {
        const x = f32(noise(product(image), seed), image);
        const of = (...between: readonly AnyLayer[]) =>
          modelOf(L.input(image.slice(1)), L.conv2d(c as never), ...between, L.batchNormalization(n));
        const [a, b] = [await allOf(of(hidden), x), await allOf(of(), x)];
        expectEqual(a, b);
      }),
      { numRuns: 25 },
    );
  });

  it.each([
    ['a line', [3000], L.conv1d({ filters: 3, kernel: 3, padding: 'same' })],
    ['a volume', [14, 14, 14], L.conv3d({ filters: 3, kernel: 3, padding: 'same' })],
    ['an image smaller than the windows', [2, 2], L.conv2d({ filters: 2048, kernel: 3, padding: 'same' })],
  ])('of %s too', async (_, sizes, layer) => {
    const x = f32(noise(4 * 2 * product(sizes), 5), [4, 2, ...sizes]);
    const of = (...between: readonly AnyLayer[]) =>
      modelOf(L.input([2, ...sizes]), layer, ...between, L.batchNormalization({ axis: 1 }));
    const [a, b] = [await allOf(of(hidden), x), await allOf(of(), x)];
    expectEqual(a, b);
  });

  it('the estimate is of one cell of each image', () => {
    const resolved = resolvedOf(
      modelOf(L.input(image.slice(1)), L.conv2d({ filters: 8, kernel: 3 }), L.batchNormalization()) as never,
    );
    const weights = Object.fromEntries(resolved.parameters.map((p) => [p.name, input(p.name, 'float32', p.shape)]));
    const { outputs } = lower(resolved, [input('input', 'float32', image)], weights, trainingMode());
    const convolutions = topological([outputs[0] as Value]).filter(
      (n) => n._tag === 'Operator' && n.operator === 'Conv',
    );
    const shapes = convolutions.map((n) => n.outputs[0]?.shape);
    expect(shapes).toHaveLength(2);
    for (const shape of [
      [2, 8, 38, 38],
      [2, 8, 1, 1],
    ])
      expect(shapes).toContainEqual(shape);
  });
});

describe('where the mean is large beside the deviation', () => {
  const size = 96;
  const shape = [2, 1, size, size];
  const model = modelOf(
    L.input([1, size, size]),
    L.conv2d({ filters: 1, kernel: 1, useBias: false }),
    L.batchNormalization({ center: false, scale: false, momentum: 0, epsilon: 1e-6 }),
  );

  const varianceOf = async (numbers: readonly number[]): Promise<readonly [got: number, exact: number]> => {
    const x = f32(numbers, shape);
    const all = Array.from(x.data, Number);
    const mean = all.reduce((a, b) => a + b, 0) / all.length;
    const exact = all.reduce((s, v) => s + (v - mean) ** 2, 0) / all.length;
    const kernel = f32([1], [1, 1, 1, 1]);
    const feeds = { ...feedsOf(model, x), 'conv2d.kernel': kernel };
    const got = await runModel(resolvedOf(model), feeds, trainingMode());
    return [Number(got['next/batch_normalization.moving_variance']?.data[0]), exact];
  };

  // The mean of the squares less the square of the mean is wrong by tenths here, or below 0.
  it.each([1e3, 1e4])('the variance of numbers around %d is right', async (offset) => {
    const [got, exact] = await varianceOf(noise(product(shape), 1).map((v) => v + offset));
    expect(Math.abs(got - exact) / exact).toBeLessThan(1e-4);
  });

  // The cells that are asked are unlike the rest.
  it.each([
    [3, 5e-4],
    [10, 2e-3],
    [100, 1e-2],
  ])('so it is where the cells in the middle are %d away from all others', async (distance, limit) => {
    const middle = Math.floor((size - 1) / 2);
    const isMiddle = (i: number) => i % size === middle && Math.floor(i / size) % size === middle;
    const [got, exact] = await varianceOf(noise(product(shape), 1).map((v, i) => (isMiddle(i) ? v + distance : v)));
    expect(Math.abs(got - exact) / exact).toBeLessThan(limit);
  });

  it('of numbers that are all the same the variance is 0, and the output too', async () => {
    const x = f32(new Array(product(shape)).fill(1e5), shape);
    const feeds = { ...feedsOf(model, x), 'conv2d.kernel': f32([1 / 3], [1, 1, 1, 1]) };
    const got = await runModel(resolvedOf(model), feeds, trainingMode());
    expect(Number(got['next/batch_normalization.moving_variance']?.data[0])).toBeCloseTo(0, 6);
    expect(Array.from(got.output?.data ?? [], Number).every((v) => v === 0)).toBe(true);
  });
});
