/** Sums over rows as products: the same numbers, no less exact, and one row of ones. */
import { flow } from 'fp-ts/lib/function.js';
import { describe, expect, it } from 'vitest';
import { input, topological, type Value } from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import { rewrite } from '../../src/graph/rewrite/Rewrite.ts';
import { shared } from '../../src/graph/rewrite/Shared.ts';
import { sums } from '../../src/graph/rewrite/Sums.ts';
import { f32, graphOf, run } from '../support/evaluate.ts';
import { noise } from '../training/support.ts';

const byProducts = flow(rewrite(sums), shared);

const names = (values: Readonly<Record<string, Value>>): readonly string[] =>
  topological(byProducts(graphOf(values)).outputs.map((o) => o.value)).flatMap((n) =>
    n._tag === 'Operator' ? [n.operator] : [],
  );

const count = (values: Readonly<Record<string, Value>>, name: string): number =>
  names(values).filter((n) => n === name).length;

const sum = (axes: readonly number[], keepDims = false) => Op.reduceSum({ axes, keepDims });

describe('sums over rows', () => {
  it.each([
    [1024, 128],
    [1024, 512],
    [128, 2048],
    [4096, 64],
    [1, 64],
  ])('of %i by %i are at least as exact as those of onnxruntime, 1e-6 of what is summed', async (rows, columns) => {
    const x = input('x', 'float32', ['batch', columns]);
    const values = noise(rows * columns, 1).map((v) => Math.fround(v + 0.5));
    const g = graphOf({ y: sum([0])(x), kept: sum([0], true)(x), mean: Op.reduceMean({ axes: [0] })(x) });
    const feeds = { x: f32(values, [rows, columns]) };
    const [fast, plain] = [await run(byProducts(g), feeds), await run(g, feeds)];
    const exact = new Float64Array(columns);
    const sizes = new Float64Array(columns);
    values.forEach((v, i) => {
      exact[i % columns] = (exact[i % columns] as number) + v;
      sizes[i % columns] = (sizes[i % columns] as number) + Math.abs(v);
    });
    const error = (found: ArrayLike<unknown> | undefined, scale = 1): number =>
      Math.max(
        ...Array.from(exact, (e, i) => Math.abs(Number(found?.[i] ?? Number.NaN) * scale - e) / (sizes[i] as number)),
      );
    expect(error(fast.y?.data)).toBeLessThan(1.5e-6);
    expect(error(fast.y?.data)).toBeLessThanOrEqual(error(plain.y?.data) + 1e-7);
    expect(error(fast.mean?.data, rows)).toBeLessThan(1.5e-6);
    expect(Array.from(fast.kept?.data ?? [], Number)).toEqual(Array.from(fast.y?.data ?? [], Number));
    for (const name of ['y', 'kept', 'mean']) expect(fast[name]?.shape).toEqual(plain[name]?.shape);
  });

  it('of several axes, and none of rows', async () => {
    const x = input('x', 'float32', ['batch', 'steps', 3, 64]);
    const x4 = input('x4', 'float32', ['batch', 5, 3, 64]);
    const each = input('each', 'float32', ['batch', 5, 1, 1]);
    const values = {
      y: sum([0, 1, 2])(x),
      z: sum([-2, 0, 1], true)(x),
      first: sum([0])(x4),
      mean: Op.reduceMean({ axes: [0, 1], keepDims: true })(x4),
      weighted: sum([0, 1])(Op.mul(x4, each)),
      e: sum([0, 1, 2])(Op.slice({ axes: [0], starts: [2], ends: [2] })(x)),
    };
    const g = graphOf(values);
    const given = f32(noise(2 * 5 * 3 * 64, 2), [2, 5, 3, 64]);
    const feeds = { x: given, x4: given, each: f32(noise(10, 3), [2, 5, 1, 1]) };
    const [fast, plain] = [await run(byProducts(g), feeds), await run(g, feeds)];
    for (const [name, { data, shape }] of Object.entries(plain)) {
      expect(fast[name]?.shape).toEqual(shape);
      const found = Array.from(fast[name]?.data ?? [], Number);
      Array.from(data, Number).forEach((v, i) => expect(found[i]).toBeCloseTo(v, 4));
    }
    const { e, ...others } = values;
    expect(count(others, 'ReduceSum') + count(others, 'ReduceMean')).toBe(0);
    expect(count({ weighted: values.weighted }, 'Mul')).toBe(0);
  });

  it('and along rows, weighted first, are products with the weights', async () => {
    const x = input('x', 'float32', ['batch', 3, 64]);
    const each = input('each', 'float32', ['batch', 3, 1]);
    const v = input('v', 'float32', [64]);
    const values = {
      over: sum([0, 1])(Op.mul(x, each)),
      mean: Op.reduceMean({ axes: [0, 1], keepDims: true })(Op.mul(each, x)),
      along: sum([2], true)(Op.mul(x, v)),
      level: Op.reduceMean({ axes: [-1], keepDims: true })(Op.mul(v, x)),
    };
    const g = graphOf(values);
    const feeds = {
      x: f32(noise(2 * 3 * 64, 4), [2, 3, 64]),
      each: f32(noise(6, 5), [2, 3, 1]),
      v: f32(noise(64, 6)),
    };
    const [fast, plain] = [await run(byProducts(g), feeds), await run(g, feeds)];
    for (const [name, { data, shape }] of Object.entries(plain)) {
      expect(fast[name]?.shape).toEqual(shape);
      const found = Array.from(fast[name]?.data ?? [], Number);
      Array.from(data, Number).forEach((e, i) => {
        expect(found[i]).toBeCloseTo(e, 5);
      });
    }
    // The mean over rows is of the same sum.
    expect(count(values, 'MatMul')).toBe(3);
    // Factors of one vector and of one shape: what they multiply is not needed.
    expect(count({ over: values.over, along: values.along }, 'Mul')).toBe(0);
  });

  it('of values of one batch share their ones', () => {
    const x = input('x', 'float32', ['batch', 4, 64]);
    const y = Op.exp(x);
    const two = { a: sum([0, 1])(y), b: sum([0, 1])(Op.log(y)), c: sum([0, 1])(Op.relu(x)) };
    expect(count(two, 'MatMul')).toBe(3);
    expect(count(two, 'Expand')).toBe(1);
  });

  it('along the last axis, of few columns or rows, of integers, or of sizes without a name stay', () => {
    const of = (dtype: 'float32' | 'float64' | 'int32', shape: readonly (number | string)[]) =>
      input('x', dtype, shape);
    const stay = [
      sum([1])(of('float32', ['batch', 64])),
      sum([0, 2])(of('float32', ['batch', 4, 64])),
      sum([0, 2])(of('float32', [64, 16, 1])),
      sum([1])(of('float32', ['batch', 4, 64])),
      sum([0])(of('float32', ['batch', 'steps', 64])),
      sum([0])(of('float32', ['batch', 4, 10])),
      sum([0])(of('float32', ['batch', 10])),
      sum([0])(of('int32', ['batch', 64])),
      sum([0])(of('float64', ['batch', 64])),
      sum([0])(of('float32', ['?', 64])),
      sum([0])(of('float32', [64])),
      sum([0, 1])(of('float32', [2, 3, 64])),
    ];
    for (const y of stay) expect(names({ y })).toEqual(['ReduceSum']);
  });
});
