/**
 * The numbers behind dropout: reproducible, uniform, and without a visible pattern. Both forms, the CPU's and the one that
 * CUDA has kernels for, run on the CPU. Seeds are fixed, so every statistic is one number that either holds or does not.
 */
import { describe, expect, it } from 'vitest';
import * as G from '../../src/graph/Graph.ts';
import { scalar } from '../../src/graph/Operators.ts';
import { bits, coins, keepMask, type Provider } from '../../src/interpret/Random.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import type { Dim } from '../../src/shape/Shape.ts';
import { evaluate } from '../support/evaluate.ts';

// -------------------------------------------------------------------------------------
// drawing
// -------------------------------------------------------------------------------------

interface Draw {
  readonly provider: Provider;
  readonly seed?: number;
  readonly step?: number;
  readonly site?: number;
  /** What is fed: [samples, ...features]. */
  readonly shape?: readonly number[];
  /** What is known when the graph is built. */
  readonly known?: readonly Dim[];
  /** Which numbers. Default `bits`. */
  readonly by?: typeof bits;
}

const samples = 256;
const features = 128;
const count = samples * features;

const uint32 = (n: number): NdArray => ({ dtype: 'uint32', shape: [], data: Uint32Array.of(n) });

const draw = async (
  f: (random: Parameters<typeof bits>[0], site: number) => (x: G.Value) => G.Value,
  { provider, seed = 1, step = 0, site = 0, shape = [samples, features], known }: Draw,
): Promise<NdArray> => {
  const x = G.input('x', 'float32', known ?? ['batch', ...shape.slice(1)]);
  const random = { seed: G.input('seed', 'uint32', []), step: G.input('step', 'uint32', []), provider };
  const size = shape.reduce((a, b) => a * b, 1);
  const { y } = await evaluate(
    { y: f(random, site)(x) },
    { x: { dtype: 'float32', shape, data: new Float32Array(size) }, seed: uint32(seed), step: uint32(step) },
  );
  return y as NdArray;
};

/** Numbers in [0, 1). */
const unit = (array: NdArray): Float64Array => Float64Array.from(array.data as Uint32Array, (u) => u / 2 ** 32);

const uniforms = async ({ by = bits, ...options }: Draw): Promise<Float64Array> => unit(await draw(by, options));

/** Those of many steps, in one graph. */
const overSteps = async (steps: number, options: Draw): Promise<readonly Float64Array[]> => {
  const { provider, known = [], shape = [], by = bits } = options;
  const x = G.input('x', 'float32', known);
  const at = (step: number) => by({ seed: scalar(1, 'uint32'), step: scalar(step, 'uint32'), provider }, 0)(x);
  const names = Array.from({ length: steps }, (_, step) => `step${step}`);
  const size = shape.reduce((a, b) => a * b, 1);
  const all = await evaluate(Object.fromEntries(names.map((name, step) => [name, at(step)])), {
    x: { dtype: 'float32', shape, data: new Float32Array(size) },
  });
  return names.map((name) => unit(all[name] as NdArray));
};

const mask = (rate: number, options: Draw): Promise<NdArray> =>
  draw((random, site) => keepMask(random, site, rate), options);

const dataOf = async (array: Promise<NdArray>): Promise<number[]> => [...((await array).data as Float32Array)];

// -------------------------------------------------------------------------------------
// statistics
// -------------------------------------------------------------------------------------

/** How many standard deviations the numbers' correlation is from 0, were they independent. */
const correlation = (a: Float64Array, b: Float64Array): number => {
  const n = a.length;
  // Uniform numbers have mean 1/2 and variance 1/12.
  const sum = a.reduce((s, x, i) => s + (x - 0.5) * ((b[i] as number) - 0.5), 0);
  return (sum * 12) / Math.sqrt(n);
};

/** How many standard deviations the counts' chi-square is from its mean. */
const chiSquare = (cells: readonly number[]): number => {
  const total = cells.reduce((a, b) => a + b, 0);
  const expected = total / cells.length;
  const chi = cells.reduce((s, c) => s + (c - expected) ** 2 / expected, 0);
  return (chi - (cells.length - 1)) / Math.sqrt(2 * (cells.length - 1));
};

const histogram = (n: number, cell: (i: number) => number, cells: number): number[] => {
  const counts = new Array<number>(cells).fill(0);
  for (let i = 0; i < n; i++) counts[cell(i)] = (counts[cell(i)] as number) + 1;
  return counts;
};

const rows = (u: Float64Array): number[][] =>
  Array.from({ length: samples }, (_, i) => [...u.subarray(i * features, (i + 1) * features)]);

const columns = (u: Float64Array): number[][] =>
  Array.from({ length: features }, (_, j) => Array.from({ length: samples }, (_, i) => u[i * features + j] as number));

/** How many of each group are below the threshold, each in deviations of a binomial count; the mean of their squares is 1. */
const spread = (groups: readonly (readonly number[])[], threshold: number): number => {
  const squares = groups.map((group) => {
    const below = group.filter((x) => x < threshold).length;
    return (below - group.length * threshold) ** 2 / (group.length * threshold * (1 - threshold));
  });
  // Of a chi-square with as many degrees as groups.
  return (squares.reduce((a, b) => a + b, 0) - groups.length) / Math.sqrt(2 * groups.length);
};

/** Of every two groups: how many deviations their agreement about being below a half is from chance; the largest. */
const agreement = (groups: readonly (readonly number[])[]): number => {
  const signs = groups.map((group) => Int8Array.from(group, (x) => (x < 0.5 ? 1 : -1)));
  let largest = 0;
  signs.forEach((a, i) => {
    for (let j = 0; j < i; j++) {
      const b = signs[j] as Int8Array;
      let sum = 0;
      for (let k = 0; k < a.length; k++) sum += (a[k] as number) * (b[k] as number);
      largest = Math.max(largest, Math.abs(sum) / Math.sqrt(a.length));
    }
  });
  return largest;
};

const shifted = (u: Float64Array, by: number): [Float64Array, Float64Array] => [
  u.subarray(0, u.length - by),
  u.subarray(by),
];

const providers = ['cpu', 'cuda'] as const;

// -------------------------------------------------------------------------------------
// laws
// -------------------------------------------------------------------------------------

describe.each(providers)('masks of the form for %s', (provider) => {
  it('are the same for the same seed, step and site, and others for others', async () => {
    const base = { provider, seed: 7, step: 3, site: 1, shape: [64, 32] };
    const first = await dataOf(mask(0.5, base));
    expect(await dataOf(mask(0.5, base))).toEqual(first);
    const others = [
      { seed: 8 },
      { step: 4 },
      { site: 2 },
      { seed: 3, step: 7 },
      { seed: 2 ** 32 - 1 },
      { step: 2 ** 31 },
    ];
    for (const other of others) {
      const second = await dataOf(mask(0.5, { ...base, ...other }));
      const differing = second.filter((x, i) => x !== first[i]).length / second.length;
      // Half of them, to within 5 standard deviations.
      expect(Math.abs(differing - 0.5)).toBeLessThan((5 * 0.5) / Math.sqrt(second.length));
    }
  });

  it("do not depend on the batch's size: a sample's mask is that of its place", async () => {
    const whole = await dataOf(mask(0.3, { provider, shape: [16, 10] }));
    expect(await dataOf(mask(0.3, { provider, shape: [5, 10] }))).toEqual(whole.slice(0, 50));
  });

  it.each([0.1, 0.2, 0.25, 0.5, 0.75, 0.9, 0.99])(
    'keep 1 - %d of the numbers, scaled so that the mean stays',
    async (rate) => {
      const kept = await dataOf(mask(rate, { provider, step: 5 }));
      const scale = Math.fround(1 / (1 - rate));
      expect(new Set(kept)).toEqual(new Set([0, scale]));
      const share = kept.filter((x) => x !== 0).length / kept.length;
      expect(Math.abs(share - (1 - rate))).toBeLessThan(4 * Math.sqrt((rate * (1 - rate)) / count));
    },
  );

  it('are of any rank, and of features whose number is known at run time only', async () => {
    const shape = [8, 4, 3, 2];
    for (const known of [undefined, ['batch', 'seq', 3, 2], ['batch', 4, 'h', 'w']]) {
      const got = await mask(0.5, { provider, shape, ...(known === undefined ? {} : { known }) });
      expect(got.shape).toEqual(shape);
      expect(new Set(got.data as Float32Array)).toEqual(new Set([0, 2]));
    }
  });
});

const forms = providers.flatMap((provider) =>
  [bits, coins].flatMap((by) => [
    { provider, by, name: `${by.name}, ${provider}, features known`, known: ['batch', features] as readonly Dim[] },
    { provider, by, name: `${by.name}, ${provider}, features unknown`, known: ['batch', 'seq'] as readonly Dim[] },
  ]),
);

describe.each(forms)('$name', ({ provider, by, known }) => {
  const at = (options: Partial<Draw> = {}) => uniforms({ provider, by, known, ...options });

  it('are uniform', async () => {
    for (const step of [0, 1, 1000]) {
      const u = await at({ step });
      expect(Math.abs(chiSquare(histogram(count, (i) => Math.floor((u[i] as number) * 256), 256)))).toBeLessThan(4);
    }
  });

  it('are uniform in pairs of neighbours: features, samples', async () => {
    const u = await at();
    for (const by of [1, features]) {
      const [a, b] = shifted(u, by);
      const cell = (i: number) => Math.floor((a[i] as number) * 16) * 16 + Math.floor((b[i] as number) * 16);
      expect(Math.abs(chiSquare(histogram(a.length, cell, 256)))).toBeLessThan(4);
    }
  });

  it('are uncorrelated between features, samples, steps, seeds and sites', async () => {
    const u = await at();
    for (const by of [1, 2, 3, 64, features - 1, features, features + 1, 2 * features])
      expect(Math.abs(correlation(...shifted(u, by))), `${by} on`).toBeLessThan(4);
    const others: Partial<Draw>[] = [{ step: 1 }, { step: 2 }, { seed: 0 }, { seed: 2 }, { site: 1 }, { site: 2 }];
    for (const other of others)
      expect(Math.abs(correlation(u, await at(other))), JSON.stringify(other)).toBeLessThan(4);
    // A sample's numbers at one step, and its neighbour's at the next.
    const later = await at({ step: 1 });
    expect(Math.abs(correlation(u.subarray(features), later.subarray(0, count - features)))).toBeLessThan(4);
  });

  it('drop neither the same number in every sample nor in every feature', async () => {
    const u = await at({ seed: 3 });
    for (const threshold of [0.2, 0.5, 0.8])
      for (const groups of [rows(u), columns(u)]) expect(Math.abs(spread(groups, threshold))).toBeLessThan(4);
  });

  it('agree by chance only, for every two samples and every two features', async () => {
    const u = await at({ seed: 4 });
    // Of 32,640 pairs of independent samples, one time in 15,000 some pair is further away than this.
    expect(agreement(rows(u))).toBeLessThan(6);
    expect(agreement(columns(u))).toBeLessThan(6);
  });

  it('drop a feature of a sample in a step as if a coin was tossed', async () => {
    const steps = await overSteps(32, { provider, by, known, shape: [16, features] });
    const series = Array.from({ length: 16 * features }, (_, i) => steps.map((u) => u[i] as number));
    expect(Math.abs(spread(series, 0.5))).toBeLessThan(4);
  });
});
