/** The gradient of a convolution's kernel is the same in each of its forms. */
import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { blocked } from '../../src/graph/blocked/Blocked.ts';
import { fitsFew, isBySample } from '../../src/graph/blocked/BySample.ts';
import { fits, groupsOf } from '../../src/graph/blocked/KernelGradient.ts';
import { type Graph, input, topological, type Value } from '../../src/graph/Graph.ts';
import { asConvolution, byTaps, type KernelGradient, recognised } from '../../src/graph/KernelGradient.ts';
import * as Op from '../../src/graph/Operators.ts';
import { simplify } from '../../src/graph/rewrite/Simplify.ts';
import { Environment } from '../../src/index.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { blockSize } from '../../src/training/Emission.ts';
import { f32, graphOf, run } from '../support/evaluate.ts';
import { noise } from '../training/support.ts';

const env = Environment.node({ threads: 1 })();
afterAll(env.runtime.close);
const block = (await blockSize(env.runtime)()) ?? Number.NaN;

interface Case {
  readonly batch: number;
  readonly channels: number;
  readonly filters: number;
  readonly sizes: readonly number[];
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
}

const windows = (rank: number) => {
  const each = (values: fc.Arbitrary<number>, n = rank) => fc.array(values, { minLength: n, maxLength: n });
  return fc
    .record({
      batch: fc.integer({ min: 1, max: 3 }),
      channels: fc.integer({ min: 1, max: 5 }),
      filters: fc.integer({ min: 1, max: 4 }),
      sizes: each(fc.integer({ min: 3, max: 7 })),
      kernel: each(fc.integer({ min: 1, max: 3 })),
      strides: each(fc.integer({ min: 1, max: 3 })),
      dilations: each(fc.integer({ min: 1, max: 2 })),
      pads: each(fc.integer({ min: 0, max: 2 }), 2 * rank),
    })
    .filter((c) => outOf(c).every((n) => n >= 1));
};

const outOf = ({ sizes, kernel, strides, dilations, pads }: Case): readonly number[] =>
  sizes.map((n, i) => {
    const reach = (dilations[i] as number) * ((kernel[i] as number) - 1) + 1;
    const all = n + (pads[i] as number) + (pads[i + sizes.length] as number);
    return Math.floor((all - reach) / (strides[i] as number)) + 1;
  });

const gradientOf = (c: Case, batch: 'batch' | number = c.batch): KernelGradient => ({
  x: input('x', 'float32', [batch, c.channels, ...c.sizes]),
  dy: input('dy', 'float32', [batch, c.filters, ...outOf(c)]),
  options: { kernel: c.kernel, strides: c.strides, dilations: c.dilations, pads: c.pads, group: 1 },
});

const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

const feeds = (c: Case): Record<string, NdArray> => {
  const [x, dy] = [
    [c.batch, c.channels, ...c.sizes],
    [c.batch, c.filters, ...outOf(c)],
  ];
  return { x: f32(noise(product(x), 1), x), dy: f32(noise(product(dy), 2), dy) };
};

const difference = (a: NdArray, b: NdArray): number => {
  expect(b.shape).toEqual(a.shape);
  const [x, y] = [Array.from(a.data, Number), Array.from(b.data, Number)];
  const largest = (values: readonly number[], least: number): number =>
    values.reduce((most, v) => Math.max(most, Math.abs(v)), least);
  return (
    largest(
      x.map((v, i) => v - (y[i] as number)),
      0,
    ) / largest(x, 1)
  );
};

const operators = (g: Graph): readonly string[] =>
  topological(g.outputs.map((o) => o.value)).flatMap((n) =>
    n._tag === 'Operator' ? [`${n.domain}${n.operator}`] : [],
  );

/** The convolution inside the transposition that puts filters before channels. */
const convolutionOf = (v: Value) => {
  const inner = v.node._tag === 'Operator' ? v.node.inputs[0]?.node : undefined;
  return inner?._tag === 'Operator' ? inner : undefined;
};

describe.each([1, 2, 3])('with %i spatial axes', (rank) => {
  it('a convolution with the axes swapped, and a product for each tap', async () => {
    await fc.assert(
      fc.asyncProperty(windows(rank), async (c) => {
        const gradient = gradientOf(c);
        const found = convolutionOf(asConvolution(gradient));
        // Windows that never see the end of an image: that is cut off first.
        expect(found === undefined ? undefined : recognised(found)?.options.kernel).toEqual(c.kernel);
        const both = await run(graphOf({ a: asConvolution(gradient), b: byTaps(gradient) }), feeds(c));
        expect(difference(both.a as NdArray, both.b as NdArray)).toBeLessThan(1e-5);
      }),
      { numRuns: 25, seed: rank },
    );
  });
});

it('is found in a graph and written as products, unless it is to be kept', () => {
  const y = asConvolution(
    gradientOf({
      batch: 2,
      channels: 16,
      filters: 16,
      sizes: [5, 5],
      kernel: [3, 3],
      strides: [1, 1],
      dilations: [1, 1],
      pads: [1, 1, 1, 1],
    }),
  );
  expect(operators(simplify()(graphOf({ y })))).not.toContain('Conv');
  expect(operators(simplify(() => true)(graphOf({ y })))).toContain('Conv');
});

it('an ordinary convolution of transposed images is one still', () => {
  const x = input('x', 'float32', [2, 3, 5, 5]);
  const w = input('w', 'float32', [4, 2, 3, 3]);
  const options = { kernel: [3, 3], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], group: 1 };
  const y = Op.conv(Op.transpose([1, 0, 2, 3])(x), w, undefined, options);
  expect(y.node._tag === 'Operator' && recognised(y.node)).toBeUndefined();
});

it.each([1, 2, 5, 15, 16, 17, 33])('in blocks, with a batch of %i', async (batch) => {
  const shapes = [
    { sizes: [6, 5], kernel: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] },
    { sizes: [6, 7], kernel: [3, 2], strides: [2, 2], pads: [1, 0, 1, 1] },
    { sizes: [7, 6], kernel: [2, 3], strides: [1, 1], pads: [0, 0, 0, 0] },
    { sizes: [8, 8], kernel: [3, 3], strides: [2, 3], pads: [0, 1, 0, 1] },
  ];
  for (const shape of shapes) {
    const c: Case = { batch, channels: 2 * block, filters: block, dilations: [1, 1], ...shape };
    const plain = graphOf({ y: asConvolution(gradientOf(c, 'batch')) });
    const fast = blocked(block, block)(plain);
    expect(operators(fast)).toContain('com.microsoft.nchwcConv');
    expect(operators(fast)).not.toContain('com.microsoftFusedMatMul');
    const [a, b] = [await run(plain, feeds(c)), await run(fast, feeds(c))];
    expect(difference(a.y as NdArray, b.y as NdArray), JSON.stringify(shape)).toBeLessThan(1e-5);
  }
});

const square = { kernel: [3, 3], strides: [1, 1], dilations: [1, 1], pads: [1, 1, 1, 1] };

// Of a cotangent that does not stay in cache: how many groups is said for blocks of 16.
it.each([
  ['rows', { channels: 128, filters: 128, sizes: [16, 32], ...square }, 2],
  ['rows that are skipped', { channels: 160, filters: 512, sizes: [32, 64], ...square, strides: [2, 2] }, 2],
  [
    'rows of which four are too many, but less than twice',
    { channels: 144, filters: 144, sizes: [8, 72], ...square },
    2,
  ],
  ['few rows, which would be read twice', { channels: 144, filters: 144, sizes: [7, 80], ...square }, 1],
] as const)('is taken in groups: %s', async (_, shape, groups) => {
  for (const batch of [block, 3]) {
    const c: Case = { batch, ...shape };
    const gradient = gradientOf(c, 'batch');
    expect(groupsOf(16, gradient)).toBe(groups);
    expect(isBySample(block, batch, gradient)).toBe(false);
    const plain = graphOf({ y: asConvolution(gradient) });
    const expected = await run(plain, feeds(c));
    for (const whole of [block, block - 1]) {
      const fast = blocked(block, whole)(plain);
      expect(operators(fast)).not.toContain('com.microsoftFusedMatMul');
      const found = await run(fast, feeds(c));
      expect(difference(expected.y as NdArray, found.y as NdArray), JSON.stringify({ batch, whole })).toBeLessThan(
        1e-5,
      );
    }
  }
});

const few = fc.record({
  channels: fc.oneof(fc.constantFrom(1, 3, 5), fc.constantFrom(block, 2 * block)),
  filters: fc.constantFrom(block, 2 * block, 3 * block),
  sizes: fc.array(fc.integer({ min: 16, max: 24 }), { minLength: 2, maxLength: 2 }),
  kernel: fc.constantFrom([3, 3], [2, 3], [1, 2]),
  strides: fc.constantFrom([1, 1], [2, 1], [2, 3]),
  pads: fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 4, maxLength: 4 }),
  batch: fc.constantFrom(2, 5, 7, block, block + 1, 2 * block),
});

it('is taken of each sample by itself where channels are few', async () => {
  const taken = { few: 0, blocks: 0 };
  await fc.assert(
    fc.asyncProperty(few, async (shape) => {
      const c: Case = { ...shape, dilations: [1, 1] };
      const gradient = gradientOf(c, 'batch');
      const plain = graphOf({ y: asConvolution(gradient) });
      const expected = await run(plain, feeds(c));
      // Where it is the number of samples of a whole batch, and where it is fewer.
      for (const whole of [c.batch, block]) {
        if (whole === c.batch && fitsFew(block, whole)(gradient)) taken.few++;
        if (whole === c.batch && fits(block, whole)(gradient) && isBySample(block, whole, gradient)) taken.blocks++;
        const found = await run(blocked(block, whole)(plain), feeds(c));
        expect(difference(expected.y as NdArray, found.y as NdArray)).toBeLessThan(1e-5);
      }
    }),
    { numRuns: 40 },
  );
  expect(taken.few).toBeGreaterThan(5);
  expect(taken.blocks).toBeGreaterThan(5);
});

it.each([
  ['1 channel', { channels: 1, sizes: [6, 5], ...square }],
  ['3 channels, to two blocks', { channels: 3, sizes: [6, 5], ...square, pads: [0, 0, 0, 0] }],
  ['strides that leave cells over', { channels: 2, sizes: [8, 7], ...square, strides: [2, 3], pads: [0, 1, 1, 0] }],
  ['dilations', { channels: 3, sizes: [9, 8], ...square, kernel: [3, 2], dilations: [2, 3], pads: [2, 0, 1, 1] }],
  ['16 columns', { channels: 4, sizes: [6, 5], ...square, kernel: [2, 2] }],
] as const)('of few channels, by columns in blocks: %s', async (_, shape) => {
  for (const batch of [1, 5]) {
    const c: Case = { batch, filters: 2 * block, ...shape };
    const plain = graphOf({ y: asConvolution(gradientOf(c, 'batch')) });
    const fast = blocked(block, 5)(plain);
    // With blocks of 8 it is cut out of the plain input, or taken of each sample by itself.
    const isInBlocks = block === 16 || fitsFew(block, 5)(gradientOf(c, 'batch'));
    expect(operators(fast).includes('com.microsoft.nchwcConv')).toBe(isInBlocks);
    const [a, b] = [await run(plain, feeds(c)), await run(fast, feeds(c))];
    expect(difference(a.y as NdArray, b.y as NdArray)).toBeLessThan(1e-5);
  }
});

it('is written as products where batches would fill less than two thirds of their blocks', () => {
  const shape = { sizes: [6, 5], kernel: [3, 3], strides: [1, 1], dilations: [1, 1], pads: [1, 1, 1, 1] };
  const plain = graphOf({
    y: asConvolution(gradientOf({ batch: 4, channels: block, filters: block, ...shape }, 'batch')),
  });
  expect(operators(blocked(block, block / 2)(plain))).toContain('com.microsoftFusedMatMul');
});
