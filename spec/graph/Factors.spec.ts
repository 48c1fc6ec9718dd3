/** Factors of channels: out of the gradient of a normalisation, into kernels; the numbers are the same. */
import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { grad } from '../../src/autodiff/Grad.ts';
import { blocked } from '../../src/graph/blocked/Blocked.ts';
import { type Graph, input, topological, type Value } from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import { factors } from '../../src/graph/rewrite/Factors.ts';
import { rewrite } from '../../src/graph/rewrite/Rewrite.ts';
import { shared } from '../../src/graph/rewrite/Shared.ts';
import { simplify } from '../../src/graph/rewrite/Simplify.ts';
import { Environment } from '../../src/index.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { blockSize } from '../../src/training/Emission.ts';
import { right } from '../interpret/support.ts';
import { f32, graphOf, run } from '../support/evaluate.ts';
import { noise } from '../training/support.ts';

const env = Environment.node({ threads: 1 })();
afterAll(env.runtime.close);
const block = (await blockSize(env.runtime)()) ?? Number.NaN;

const [batch, size] = [block, 12];

const filtersOf = (name: string, filters: number, x: Value): Value =>
  input(`${name}.kernel`, 'float32', [filters, x.type.shape[1] as number, 3, 3]);

const conv = (x: Value, w: Value, stride = 1): Value =>
  Op.conv(x, w, undefined, {
    kernel: [3, 3],
    strides: [stride, stride],
    dilations: [1, 1],
    pads: [1, 1, 1, 1],
    group: 1,
  });

const mean = Op.reduceMean({ axes: [0, 2, 3], keepDims: true });
const ofChannels = (name: string, channels = block): Value =>
  Op.reshape([1, channels, 1, 1])(input(name, 'float32', [channels]));

/** By deviations from the mean, or in one pass by what is left of it when something near is taken away. */
const normalised = (x: Value, name: string, isOnePass: boolean): Value => {
  const near = Op.sub(x, isOnePass ? ofChannels(`${name}.near`) : mean(x));
  const squares = mean(Op.mul(near, near));
  const rest = mean(near);
  const variance = isOnePass ? Op.relu(Op.sub(squares, Op.mul(rest, rest))) : squares;
  const scale = Op.mul(Op.reciprocal(Op.sqrt(Op.add(variance, 1e-3))), ofChannels(`${name}.gamma`));
  const beta = ofChannels(`${name}.beta`);
  return Op.add(Op.mul(near, scale), isOnePass ? Op.sub(beta, Op.mul(rest, scale)) : beta);
};

const x = input('x', 'float32', ['batch', block, size, size]);

/** Convolution, normalisation and relu, twice; with `skip` what came in is added before the last of these. */
const gradients = (options: { onePass: boolean; stride?: number; skip?: boolean }): Graph => {
  const [v, w] = [filtersOf('v', block, x), filtersOf('w', block, x)];
  const first = Op.relu(normalised(conv(x, v, options.stride), 'n', options.onePass));
  const second = normalised(conv(first, w), 'm', options.onePass);
  const y = Op.relu(options.skip === true ? Op.add(second, first) : second);
  const weights = ['n.gamma', 'm.gamma', 'n.beta'].map((name) => input(name, 'float32', [block]));
  const loss = Op.reduceSum()(Op.mul(y, Op.mul(y, 0.5)));
  const wanted = [v, w, x];
  const inputs = new Map(
    topological([loss]).flatMap((n) =>
      n._tag === 'Input' ? [[n.name, { type: n.outputs[0], node: n, index: 0 } as Value] as const] : [],
    ),
  );
  const of = [...wanted, ...weights.map((p) => inputs.get((p.node as { name: string }).name) as Value)];
  const all = right(grad(loss, of));
  return graphOf(Object.fromEntries(all.map((g, i) => [`d${i}`, g])));
};

/** Images of a graph that are computed as another one with a factor for each channel. */
const scaledImages = (g: Graph): number =>
  topological(g.outputs.map((o) => o.value)).filter(
    (n) =>
      n._tag === 'Operator' &&
      n.operator === 'Mul' &&
      n.outputs[0]?.shape[0] === 'batch' &&
      n.inputs.some((v) => v?.type.shape.slice(2).join() === '1,1'),
  ).length;

/** Numbers for all inputs; some factors are 0. */
const feedsOf = (g: Graph, seed: number): Record<string, NdArray> =>
  Object.fromEntries(
    g.inputs.flatMap((v, i) => {
      if (v.node._tag !== 'Input') return [];
      const shape = v.type.shape.map((d) => (typeof d === 'number' ? d : batch));
      const numbers = noise(
        shape.reduce((a, b) => a * b, 1),
        seed + i,
      );
      const { name } = v.node;
      return [[name, f32(name.endsWith('gamma') ? numbers.map((n, j) => (j % 3 === 0 ? 0 : n)) : numbers, shape)]];
    }),
  );

const largest = (numbers: readonly number[]): number => numbers.reduce((m, n) => (n > m || Number.isNaN(n) ? n : m), 0);

const difference = async (a: Graph, b: Graph, seed = 1): Promise<number> => {
  const feeds = feedsOf(a, seed);
  const [one, other] = [await run(a, feeds), await run(b, feeds)];
  return largest(
    Object.entries(one).map(([name, { data }]) => {
      const [p, q] = [Array.from(data, Number), Array.from(other[name]?.data ?? [], Number)];
      const scale = Math.max(1e-3, largest(p.map(Math.abs)));
      return largest(p.map((n, i) => Math.abs(n - (q[i] ?? Number.NaN)))) / scale;
    }),
  );
};

describe('the gradient of a normalisation', () => {
  it('has its factor in kernels, and the same numbers, with factors of 0 too', async () => {
    const cases = fc.record({ onePass: fc.boolean(), stride: fc.constantFrom(1, 2), seed: fc.nat(99) });
    await fc.assert(
      fc.asyncProperty(cases, async ({ seed, ...options }) => {
        const g = shared(gradients(options));
        const simple = shared(simplify()(g));
        // With a pass for deviations there are more sums of the cotangent, and it stays.
        expect(scaledImages(simple)).toBe(scaledImages(g) - (options.onePass ? 2 : 0));
        expect(await difference(g, simple, seed)).toBeLessThan(1e-4);
        expect(await difference(g, blocked(block, batch)(g), seed)).toBeLessThan(1e-4);
      }),
      { numRuns: 8 },
    );
  });

  it('adds in place, where nobody else needs the cotangent: one pass in blocks instead of two', () => {
    const passes = (g: Graph) =>
      topological(blocked(block, batch)(g).outputs.map((o) => o.value)).filter(
        (n) =>
          n._tag === 'Operator' &&
          n.domain === 'com.microsoft.nchwc' &&
          n.operator === 'Conv' &&
          n.inputs[1]?.type.shape.join() === `${block},1,1,1` &&
          n.outputs[0]?.shape.slice(2).join() === `${size},${size}`,
      ).length;
    // Of each normalisation one forward and one backward.
    expect(passes(gradients({ onePass: true }))).toBe(4);
  });

  it('stays where kernels are dearer to multiply than images', () => {
    // Two by two cells, of 8 channels or more.
    const g = shared(gradients({ onePass: true, stride: 6 }));
    expect(scaledImages(shared(simplify()(g)))).toBe(scaledImages(g));
  });

  it('stays where the cotangent is needed afterwards', () => {
    const [with_, without] = [true, false].map((skip) =>
      scaledImages(shared(simplify()(gradients({ onePass: true, skip })))),
    );
    expect(with_).toBe((without ?? 0) + 1);
  });
});

describe('a factor of channels', () => {
  const simple = rewrite(factors(() => true));
  const scaled = Op.mul(x, Op.exp(ofChannels('s')));

  it('goes to the kernel of a convolution, and of a transposed one', async () => {
    const w = filtersOf('w', 2 * block, x);
    const t = input('t', 'float32', [block, 2 * block, 3, 3]);
    const options = {
      kernel: [3, 3],
      strides: [2, 2],
      dilations: [1, 1],
      pads: [1, 1, 1, 1],
      outputPadding: [1, 1],
      group: 1,
    };
    const g = graphOf({ y: conv(scaled, w), z: Op.convTranspose(scaled, t, options) });
    expect(scaledImages(simple(g))).toBe(0);
    expect(await difference(g, simple(g))).toBeLessThan(1e-5);
  });

  it('is not moved where it is a weight itself', () => {
    const g = graphOf({ y: conv(Op.mul(x, ofChannels('s')), filtersOf('w', block, x)) });
    expect(simple(g)).toBe(g);
  });

  it('is not taken out of groups, where kernels do not have all channels', () => {
    const w = input('w', 'float32', [block, block / 2, 3, 3]);
    const options = { kernel: [3, 3], strides: [1, 1], dilations: [1, 1], pads: [1, 1, 1, 1], group: 2 };
    expect(scaledImages(simple(graphOf({ y: Op.conv(scaled, w, undefined, options) })))).toBe(1);
  });

  it('is none where it differs from sample to sample', () => {
    const each = Op.mul(x, Op.exp(input('s', 'float32', ['batch', block, 1, 1])));
    expect(scaledImages(simple(graphOf({ y: conv(each, filtersOf('w', block, x)) })))).toBe(1);
  });

  /** x * s + y * k + c, of which nobody else reads x. */
  const sum = (s: Value, k: Value, c: Value): Graph =>
    graphOf({ sum: Op.add(Op.add(Op.mul(x, s), c), Op.mul(input('y', 'float32', x.type.shape), k)) });

  it('is taken out of sums, differences and quotients of numbers of channels', async () => {
    const s = ofChannels('s');
    const [a, b] = [ofChannels('a'), ofChannels('b')];
    const of = (v: Value) => Op.mul(v, s);
    const given = sum(s, Op.neg(Op.div(of(a), Op.exp(b))), Op.sub(Op.mul(of(a), 2), Op.add(of(b), of(a))));
    const g = shared(given);
    expect(scaledImages(g)).toBe(2);
    const fewer = simple(g);
    // The sum times the factor, and the other image times what is left.
    expect(topological(fewer.outputs.map((o) => o.value)).at(-1)).toMatchObject({ operator: 'Mul' });
    expect(await difference(g, fewer)).toBeLessThan(1e-5);
  });

  it('stays in sums that have others', () => {
    const s = ofChannels('s');
    for (const [k, c] of [
      [ofChannels('k'), Op.mul(s, 2)],
      [Op.mul(s, ofChannels('k')), ofChannels('c')],
      [Op.mul(s, ofChannels('k')), Op.add(Op.mul(s, 2), ofChannels('c'))],
      [Op.mul(s, ofChannels('k')), Op.exp(s)],
      [Op.div(ofChannels('k'), s), Op.mul(s, 2)],
    ] as const) {
      const g = shared(sum(s, k, c));
      expect(simple(g)).toBe(g);
    }
  });
});
