/** Gradients of layer normalisation beside float64, where cancellation could take digits, and the passes that they take. */
import { flow } from 'fp-ts/lib/function.js';
import { describe, expect, it } from 'vitest';
import { vjp } from '../../src/autodiff/Grad.ts';
import { input, operator, topological, type Value } from '../../src/graph/Graph.ts';
import { rewrite } from '../../src/graph/rewrite/Rewrite.ts';
import { shared } from '../../src/graph/rewrite/Shared.ts';
import { sums } from '../../src/graph/rewrite/Sums.ts';
import { right } from '../interpret/support.ts';
import { f32, graphOf, run } from '../support/evaluate.ts';
import { noise } from '../training/support.ts';

const byProducts = flow(rewrite(sums), shared);

const [rows, n, epsilon] = [24, 128, 1e-5];

const x = input('x', 'float32', ['batch', 3, n]);
const dy = input('dy', 'float32', ['batch', 3, n]);
const gamma = input('gamma', 'float32', [n]);
const beta = input('beta', 'float32', [n]);

const layer = (): Value => {
  const statistic = { ...x.type, shape: ['batch', 3, 1] };
  return operator('LayerNormalization', [x, gamma, beta], [x.type, statistic, statistic], {
    axis: { _tag: 'Int', value: -1 },
    epsilon: { _tag: 'Float', value: epsilon },
  })[0] as Value;
};

const rootMeanSquare = (): Value =>
  operator('SimplifiedLayerNormalization', [x, gamma], [x.type], {
    axis: { _tag: 'Int', value: -1 },
    epsilon: { _tag: 'Float', value: epsilon },
  })[0] as Value;

interface Numbers {
  readonly x: readonly number[];
  readonly dy: readonly number[];
  readonly gamma: readonly number[];
}

/** By the definition, in float64. */
const expected = (v: Numbers, isCentred: boolean) => {
  const dx: number[] = [];
  const dgamma = new Array<number>(n).fill(0);
  const mean = (row: readonly number[]): number => row.reduce((a, b) => a + b, 0) / n;
  for (let r = 0; r < rows; r++) {
    const [row, up] = [v.x.slice(r * n, (r + 1) * n), v.dy.slice(r * n, (r + 1) * n)];
    const level = isCentred ? mean(row) : 0;
    const centred = row.map((a) => a - level);
    const inverse = 1 / Math.sqrt(mean(centred.map((a) => a * a)) + epsilon);
    const unit = centred.map((a) => a * inverse);
    const d = up.map((a, i) => a * (v.gamma[i] as number));
    const [m1, m2] = [isCentred ? mean(d) : 0, mean(d.map((a, i) => a * (unit[i] as number)))];
    d.forEach((a, i) => {
      dx.push(inverse * (a - m1 - (unit[i] as number) * m2));
      dgamma[i] = (dgamma[i] as number) + (up[i] as number) * (unit[i] as number);
    });
  }
  return { dx, dgamma };
};

const fround = (values: readonly number[]): readonly number[] => values.map(Math.fround);

const error = (found: ArrayLike<unknown> | undefined, wanted: readonly number[]): number => {
  const size = Math.max(...wanted.map(Math.abs));
  return Math.max(...wanted.map((w, i) => Math.abs(Number(found?.[i] ?? Number.NaN) - w))) / size;
};

describe.each([
  ['layer normalisation', layer, true],
  ['root mean square', rootMeanSquare, false],
] as const)('%s', (_, y, isCentred) => {
  it.each([
    [0, 1],
    [100, 1],
    [1000, 1],
    [1e-3, 1e-3],
    [0, 1e4],
  ])('of numbers around %d with a deviation of %d', async (level, deviation) => {
    const numbers = {
      x: fround(noise(rows * n, 1).map((v) => level + deviation * v)),
      dy: fround(noise(rows * n, 2)),
      gamma: fround(noise(n, 3).map((v) => 1 + v)),
    };
    const [dx, dgamma] = right(vjp([y()], [dy], [x, gamma])) as [Value, Value];
    const feeds = {
      x: f32(numbers.x, [rows / 3, 3, n]),
      dy: f32(numbers.dy, [rows / 3, 3, n]),
      gamma: f32(numbers.gamma),
      beta: f32(new Array(n).fill(0)),
    };
    const wanted = expected(numbers, isCentred);
    // The mean of the input itself is rounded.
    const digits = 2e-6 + 1e-7 * (level / deviation);
    const g = graphOf({ dx, dgamma });
    for (const found of [await run(g, feeds), await run(byProducts(g), feeds)]) {
      expect(error(found.dx?.data, wanted.dx)).toBeLessThan(digits);
      expect(error(found.dgamma?.data, wanted.dgamma)).toBeLessThan(digits);
    }
  });
});

it("layer normalisation's gradient takes seven elementwise passes over rows, and four products with vectors", () => {
  const gradients = right(vjp([layer()], [dy], [x, gamma, beta]));
  const g = byProducts(graphOf(Object.fromEntries(gradients.map((value, i) => [`d${i}`, value]))));
  const passes = topological(g.outputs.map((o) => o.value)).flatMap((node) => {
    if (node._tag !== 'Operator' || ['LayerNormalization', 'Reshape', 'Shape'].includes(node.operator)) return [];
    return node.inputs.some((v) => v?.type.shape.at(-1) === n && v.type.shape.length > 1) ? [node.operator] : [];
  });
  expect([...passes].sort()).toEqual([
    ...['MatMul', 'MatMul', 'MatMul', 'MatMul', 'Mul', 'Mul', 'Mul', 'Mul', 'Sub', 'Sub', 'Sub'],
  ]);
});
