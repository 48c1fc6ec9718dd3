/**
 * Layers that act in training only: what they draw, in the CPU's form and in the one that CUDA has kernels for. Seeds are fixed,
 * so every statistic is one number that either holds or does not.
 */
import { describe, expect, it } from 'vitest';
import { input } from '../../src/graph/Graph.ts';
import { missingKernels } from '../../src/graph/Kernels.ts';
import { scalar } from '../../src/graph/Operators.ts';
import { uniform } from '../../src/interpret/Random.ts';
import * as L from '../../src/layer/Layer.ts';
import type { Model } from '../../src/model/Model.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { lowered, resolvedOf, runModel, trainingMode } from '../interpret/support.ts';
import { evaluate, graphOf } from '../support/evaluate.ts';
import { kernelTables } from '../support/kernelTables.ts';

type Provider = 'cpu' | 'cuda';
const providers = ['cpu', 'cuda'] as const;

const filled = (shape: readonly number[], f: (i: number) => number): NdArray => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => f(i)),
});

const model = (shape: readonly number[], ...layers: readonly unknown[]) =>
  resolvedOf(
    L.model(L.input(shape.slice(1)), ...(layers as readonly L.Layer<L.Id>[])) as unknown as Model<never, unknown>,
  );

const drawn = async (layer: unknown, x: NdArray, provider: Provider, step = 2): Promise<Float32Array> =>
  (await runModel(model(x.shape, layer), { input: x }, trainingMode(provider, 1, step))).output?.data as Float32Array;

const mean = (xs: ArrayLike<number>): number => Array.from(xs).reduce((a, b) => a + b, 0) / xs.length;
const variance = (xs: ArrayLike<number>): number => {
  const m = mean(xs);
  return mean(Array.from(xs, (x) => (x - m) ** 2));
};

const zeros = filled([128, 256], () => 0);
const ones = filled([128, 256], () => 1);

// -------------------------------------------------------------------------------------
// normal numbers
// -------------------------------------------------------------------------------------

describe.each(providers)('on %s', (provider) => {
  it('Gaussian noise is normal: moments, tails, no pattern between neighbours', async () => {
    const xs = await drawn(L.gaussianNoise(0.5), zeros, provider);
    const zs = xs.map((x) => x / 0.5);
    const share = (p: (z: number) => boolean) => zs.filter(p).length / zs.length;
    expect(Math.abs(mean(zs))).toBeLessThan(0.015);
    expect(Math.abs(variance(zs) - 1)).toBeLessThan(0.02);
    expect(Math.abs(mean(zs.map((z) => z ** 3)))).toBeLessThan(0.04);
    expect(Math.abs(mean(zs.map((z) => z ** 4)) - 3)).toBeLessThan(0.1);
    expect(Math.abs(share((z) => Math.abs(z) < 1) - 0.682689)).toBeLessThan(0.01);
    expect(Math.abs(share((z) => Math.abs(z) > 2) - 0.0455)).toBeLessThan(0.004);
    const lagged = (lag: number) => mean(zs.subarray(lag).map((z, i) => z * (zs[i] as number)));
    for (const lag of [1, 2, 256, 257]) expect(Math.abs(lagged(lag))).toBeLessThan(0.02);
  });

  it('is other numbers at another step, and in another layer', async () => {
    const [a, b] = [
      await drawn(L.gaussianNoise(1), zeros, provider, 2),
      await drawn(L.gaussianNoise(1), zeros, provider, 3),
    ];
    expect(Math.abs(mean(a.map((z, i) => z * (b[i] as number))))).toBeLessThan(0.02);
    const twice = model(zeros.shape, L.gaussianNoise(1), L.gaussianNoise(1));
    const { output } = await runModel(twice, { input: zeros }, trainingMode(provider));
    expect(Math.abs(variance(output?.data as Float32Array) - 2)).toBeLessThan(0.04);
  });

  it('uniform numbers are within (0, 1], and their streams apart', async () => {
    const random = { seed: scalar(1, 'uint32'), step: scalar(1, 'uint32'), provider };
    const x = input('x', 'float32', ['batch', 256]);
    const { a, b } = await evaluate({ a: uniform(random, 3)(x), b: uniform(random, 3, 1)(x) }, { x: zeros });
    const [u, v] = [a?.data as Float32Array, b?.data as Float32Array];
    expect(Math.min(...u)).toBeGreaterThan(0);
    expect(Math.max(...u)).toBeLessThanOrEqual(1);
    expect(Math.abs(mean(u) - 0.5)).toBeLessThan(0.005);
    expect(Math.abs(variance(u) - 1 / 12)).toBeLessThan(0.002);
    expect(Math.abs(mean(u.map((p, i) => (p - 0.5) * ((v[i] as number) - 0.5))))).toBeLessThan(0.002);
  });

  it('Gaussian dropout multiplies by mean 1 and variance rate / (1 - rate)', async () => {
    const xs = await drawn(L.gaussianDropout(0.2), ones, provider);
    expect(Math.abs(mean(xs) - 1)).toBeLessThan(0.01);
    expect(Math.abs(variance(xs) - 0.25)).toBeLessThan(0.01);
  });

  it('alpha dropout keeps mean and variance of normal numbers', async () => {
    const normals = await drawn(L.gaussianNoise(1), zeros, provider);
    const xs = await drawn(L.alphaDropout(0.3), { ...zeros, data: normals }, provider, 7);
    expect(Math.abs(mean(xs))).toBeLessThan(0.03);
    expect(Math.abs(variance(xs) - 1)).toBeLessThan(0.03);
    // Dropped ones are all the same number: a * alpha' + b.
    const alpha = -1.7580993408473766;
    const a = ((1 - 0.3) * (1 + 0.3 * alpha ** 2)) ** -0.5;
    const value = a * alpha - a * alpha * 0.3;
    const dropped = xs.filter((x) => Math.abs(x - value) < 1e-5).length / xs.length;
    expect(Math.abs(dropped - 0.3)).toBeLessThan(0.01);
  });

  it('dropout with a noise shape draws one number for all along its axes of 1', async () => {
    const threes = filled([64, 5, 16], () => 3);
    const rows = async (layer: unknown) => {
      const xs = await drawn(layer as L.Layer<L.Id>, threes, provider);
      return (sample: number, step: number) => [...xs.subarray((sample * 5 + step) * 16, (sample * 5 + step + 1) * 16)];
    };
    const features = await rows(L.dropout(0.25, { noiseShape: [null, 1, null] }));
    const all = Array.from({ length: 64 }, (_, i) => features(i, 0));
    expect(all.every((row, i) => [1, 2, 3, 4].every((t) => `${features(i, t)}` === `${row}`))).toBe(true);
    expect(new Set(all.flat())).toEqual(new Set([0, 4]));
    expect(Math.abs(all.flat().filter((x) => x === 0).length / all.flat().length - 0.25)).toBeLessThan(0.05);
    const steps = await rows(L.alphaDropout(0.25, { noiseShape: [1, 5, 1] }));
    expect([1, 2, 3].every((i) => [0, 1, 2, 3, 4].every((t) => `${steps(i, t)}` === `${steps(0, t)}`))).toBe(true);
    expect([0, 1, 2, 3, 4].every((t) => new Set(steps(0, t)).size === 1)).toBe(true);
  });

  it.each([
    ['1d', L.spatialDropout1d(0.25), [64, 32, 5]],
    ['2d', L.spatialDropout2d(0.25), [64, 32, 3, 2]],
    ['3d', L.spatialDropout3d(0.25), [64, 32, 2, 1, 3]],
  ] as const)('spatial dropout %s drops whole channels', async (_, layer, shape) => {
    const size = shape.slice(2).reduce((a: number, b: number) => a * b, 1);
    const xs = await drawn(
      layer,
      filled(shape, () => 3),
      provider,
    );
    const channels = Array.from({ length: 64 * 32 }, (_, c) => new Set(xs.subarray(c * size, (c + 1) * size)));
    expect(channels.every((c) => c.size === 1)).toBe(true);
    const first = channels.map((c) => [...c][0] as number);
    expect(new Set(first)).toEqual(new Set([0, 4]));
    expect(Math.abs(first.filter((x) => x === 0).length / first.length - 0.25)).toBeLessThan(0.03);
  });
});

// -------------------------------------------------------------------------------------
// all of them
// -------------------------------------------------------------------------------------

const all: readonly (readonly [string, unknown, readonly number[]])[] = [
  ['gaussianNoise', L.gaussianNoise(0.5), [2, 3]],
  ['gaussianDropout', L.gaussianDropout(0.5), [2, 3]],
  ['alphaDropout', L.alphaDropout(0.5), [2, 3, 2]],
  ['spatialDropout1d', L.spatialDropout1d(0.5), [2, 3, 4]],
  ['spatialDropout2d', L.spatialDropout2d(0.5), [2, 3, 4, 2]],
  ['spatialDropout3d', L.spatialDropout3d(0.5), [2, 3, 1, 4, 2]],
];

const none: readonly (readonly [string, unknown, readonly number[]])[] = [
  ['gaussianNoise', L.gaussianNoise(0), [2, 3]],
  ['gaussianDropout', L.gaussianDropout(0), [2, 3]],
  ['alphaDropout', L.alphaDropout(0), [2, 3, 2]],
  ['spatialDropout2d', L.spatialDropout2d(0), [2, 3, 4, 2]],
];

it.each(all)('%s is the identity in inference', async (_, layer, shape) => {
  const x = filled(shape, (i) => i - 4);
  expect((await runModel(model(shape, layer, L.rescaling(1)), { input: x })).output).toEqual(x);
});

it.each(none)('%s of 0 is the identity in training', async (_, layer, shape) => {
  const x = filled(shape, (i) => i - 4);
  expect((await runModel(model(shape, layer, L.rescaling(1)), { input: x }, trainingMode())).output).toEqual(x);
});

it.each(all)('%s keeps its shape, and has kernels', async (_, layer, shape) => {
  for (const provider of providers) {
    const resolved = model(shape, layer);
    const graph = graphOf({ y: lowered(resolved, trainingMode(provider)).outputs[0] as never });
    expect(missingKernels(graph, kernelTables, provider, 18)).toEqual([]);
    const x = filled(shape, () => 1);
    const { output } = await runModel(resolved, { input: x }, trainingMode(provider));
    expect(output?.shape).toEqual(shape);
  }
});
