/** Batch normalisation in inference: taken over by convolutions, or one pass in blocks; with the same results. */
import * as fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { blocked } from '../../src/graph/blocked/Blocked.ts';
import { type Graph, input, topological, type Value } from '../../src/graph/Graph.ts';
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

const size = 6;

const conv = (x: Value, name: string, filters: number, group: number, hasBias: boolean): Value => {
  const w = input(`${name}.w`, 'float32', [filters, (x.type.shape[1] as number) / group, 3, 3]);
  const b = hasBias ? input(`${name}.b`, 'float32', [filters]) : undefined;
  return Op.conv(x, w, b, { kernel: [3, 3], strides: [1, 1], dilations: [1, 1], pads: [1, 1, 1, 1], group });
};

const normalised = (x: Value, name: string): Value => {
  const of = (role: string) => input(`${name}.${role}`, 'float32', [x.type.shape[1] as number]);
  return Op.batchNormalization(x, of('gamma'), of('beta'), of('mean'), of('variance'), 1e-3);
};

const operators = (g: Graph): readonly string[] =>
  topological(g.outputs.map((o) => o.value)).flatMap((n) => (n._tag === 'Operator' ? [n.operator] : []));

/** Numbers for all inputs; variances are positive. */
const feedsOf = (g: Graph): Record<string, NdArray> =>
  Object.fromEntries(
    g.inputs.flatMap((v, i) => {
      if (v.node._tag !== 'Input') return [];
      const shape = v.type.shape.map((d) => (typeof d === 'number' ? d : 2));
      const numbers = noise(
        shape.reduce((a, b) => a * b, 1),
        i + 1,
      );
      const { name } = v.node;
      return [[name, f32(name.endsWith('variance') ? numbers.map((n) => Math.abs(n) + 0.1) : numbers, shape)]];
    }),
  );

const difference = async (a: Graph, b: Graph): Promise<number> => {
  const feeds = feedsOf(a);
  const [x, y] = [await run(a, feeds), await run(b, feeds)];
  return Math.max(
    ...Object.entries(x).flatMap(([name, { data }]) => {
      const [one, other] = [Array.from(data, Number), Array.from(y[name]?.data ?? [], Number)];
      const scale = Math.max(1, ...one.map(Math.abs));
      return one.map((v, i) => Math.abs(v - (other[i] ?? Number.NaN)) / scale);
    }),
  );
};

it('a convolution takes the normalisation over that alone reads it, in groups and with a bias too', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(1, 2, 4), fc.boolean(), async (group, hasBias) => {
      const x = input('x', 'float32', ['batch', 4, size, size]);
      const g = graphOf({ y: Op.relu(normalised(conv(x, 'c', 8, group, hasBias), 'n')) });
      const simple = simplify()(g);
      expect(operators(simple)).not.toContain('BatchNormalization');
      expect(await difference(g, simple)).toBeLessThan(1e-5);
    }),
    { numRuns: 6 },
  );
});

it('what others read as well stays', async () => {
  const x = input('x', 'float32', ['batch', 4, size, size]);
  const c = conv(x, 'c', 4, 1, true);
  const g = graphOf({ y: normalised(c, 'n'), c });
  expect(operators(simplify()(g))).toContain('BatchNormalization');
});

it('in blocks it is a part of the convolution before it, or a convolution of each channel', async () => {
  const x = input('x', 'float32', ['batch', block, size, size]);
  const before = normalised(conv(x, 'a', block, 1, false), 'm');
  const c = conv(Op.relu(before), 'b', block, 1, true);
  // The sum is read twice: nothing before takes the normalisation of it over.
  const sum = Op.add(Op.tanh(c), c);
  const g = graphOf({ y: Op.relu(normalised(sum, 'n')), sum });
  const fast = blocked(block, 1)(g);
  expect(operators(fast)).not.toContain('BatchNormalization');
  expect(operators(fast).filter((o) => o === 'Conv').length).toBe(3);
  expect(await difference(g, fast)).toBeLessThan(1e-5);
});
