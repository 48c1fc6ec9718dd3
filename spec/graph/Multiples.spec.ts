/** Multiples that products make for nothing: the same numbers, and fewer operators. */
import { flow } from 'fp-ts/lib/function.js';
import { describe, expect, it } from 'vitest';
import { grad } from '../../src/autodiff/Grad.ts';
import { type Graph, graph, input, operator, topological, type Value } from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import { multiples } from '../../src/graph/rewrite/Multiples.ts';
import { shared } from '../../src/graph/rewrite/Shared.ts';
import { simplify } from '../../src/graph/rewrite/Simplify.ts';
import { right } from '../interpret/support.ts';
import { f32, graphOf, run } from '../support/evaluate.ts';
import { noise } from '../training/support.ts';

const count = (g: Graph, operator: string): number =>
  topological(g.outputs.map((o) => o.value)).filter((n) => n._tag === 'Operator' && n.operator === operator).length;

const [rows, width, inner] = [5, 4, 6];
const x = input('x', 'float32', ['batch', width]);
const w = input('w', 'float32', [width, inner]);
const b = input('b', 'float32', [inner]);
const v = input('v', 'float32', [inner, width]);
const feeds = {
  x: f32(noise(rows * width, 1), [rows, width]),
  w: f32(noise(width * inner, 2), [width, inner]),
  b: f32(noise(inner, 3), [inner]),
  v: f32(noise(inner * width, 4), [inner, width]),
};

/** The same numbers as before. */
const same = async (g: Graph, changed: Graph): Promise<void> => {
  const [a, z] = [await run(changed, feeds), await run(g, feeds)];
  for (const [name, { shape, data }] of Object.entries(z)) {
    expect(a[name]?.shape).toEqual(shape);
    const found = Array.from(a[name]?.data ?? [], Number);
    Array.from(data, Number).forEach((n, i) => expect(found[i]).toBeCloseTo(n, 5));
  }
};

const hidden = Op.add(Op.matMul(x, w), b);

/** Read times 3, and as it is by what `behind` makes of it. */
const read = (y: Value, behind: (y: Value, tripled: Value) => Readonly<Record<string, Value>>): Graph => {
  const tripled = Op.mul(y, 3);
  return graphOf({ t: Op.tanh(tripled), ...behind(y, tripled) });
};

describe('gelu between products', () => {
  const gelu = (y: Value): Value => operator('Gelu', [y], [y.type], {}, 'com.microsoft')[0] as Value;
  const loss = Op.reduceSum()(Op.tanh(Op.matMul(gelu(hidden), v)));
  const gradients = right(grad(loss, [x, w, b, v]));
  const g = flow(simplify(), shared)(graphOf({ loss, ...Object.fromEntries(gradients.map((d, i) => [`d${i}`, d])) }));

  it('has one multiplication of images less, forward and backward together', async () => {
    const fewer = multiples(g);
    // The row takes its place.
    expect(count(fewer, 'Mul')).toBe(count(g, 'Mul'));
    const large = (of: Graph): number =>
      topological(of.outputs.map((o) => o.value)).filter(
        (n) => n._tag === 'Operator' && n.operator === 'Mul' && n.outputs[0]?.shape.join() === `batch,${inner}`,
      ).length;
    expect(large(fewer)).toBe(large(g) - 1);
    await same(g, fewer);
  });
});

describe('a value that is read times a constant too', () => {
  it.each([
    ['a product', Op.matMul(x, w)],
    ['a product with a factor', Op.matMul(x, w, { alpha: 0.5 })],
    ['a product with a row added', hidden],
    ['a row with a product added', Op.add(b, Op.matMul(x, w))],
    ['a Gemm', Op.gemm(x, w, b)],
  ] as const)('of %s is made so many times as large', async (_, y) => {
    const g = read(y, (of) => ({ p: Op.matMul(of, v) }));
    const fewer = multiples(g);
    expect(count(fewer, 'Mul')).toBe(y.node._tag === 'Operator' && y.node.operator === 'Add' ? 1 : 0);
    await same(g, fewer);
  });

  const squares = (y: Value): Value => Op.mul(y, y);
  it.each([
    ['as a first factor', (y: Value) => Op.matMul(y, v)],
    ['as a second one, transposed', (y: Value) => Op.matMul(x, y, { transA: true, alpha: 2 })],
    ['by a Gemm, not what it adds', (y: Value) => Op.gemm(y, v, x)],
    ['in another shape', (y: Value) => Op.matMul(Op.reshape([-1, inner])(y), v)],
    ['by what multiplies it', (y: Value) => Op.matMul(Op.mul(y, Op.sigmoid(b)), v)],
    ['by what divides it', (y: Value) => Op.matMul(Op.div(y, Op.exp(b)), v)],
    ['times another constant', (y: Value) => Op.mul(y, -0.5)],
    ['for its sizes', (y: Value) => Op.cast('float32')(Op.shapeOf(y))],
  ] as const)('is made up for where it is read %s', async (_, behind) => {
    const g = read(hidden, (y) => ({ p: behind(y), q: Op.matMul(y, v) }));
    const fewer = multiples(g);
    expect(count(g, 'Mul') - count(fewer, 'Mul')).toBe(0);
    expect(count(fewer, 'FusedMatMul')).toBeGreaterThan(0);
    expect(fewer).not.toBe(g);
    await same(g, fewer);
  });

  it('is made up for in both factors of a product of two of them', async () => {
    const [one, two] = [Op.matMul(x, w), Op.matMul(x, Op.transpose([1, 0])(v))];
    const g = graphOf({
      t: Op.tanh(Op.mul(one, 3)),
      u: Op.tanh(Op.mul(two, 5)),
      p: Op.matMul(one, two, { transB: true }),
    });
    const fewer = multiples(g);
    await same(g, fewer);
    expect(count(fewer, 'Mul')).toBeLessThan(count(g, 'Mul'));
  });

  it('that makes up for another one stays as large as it is', async () => {
    const first = Op.matMul(x, w);
    const second = Op.matMul(first, v);
    const g = graphOf({
      t: Op.tanh(Op.mul(first, 3)),
      u: Op.tanh(Op.mul(second, 5)),
      p: Op.matMul(second, w),
    });
    const fewer = multiples(g);
    expect(count(fewer, 'Mul')).toBe(1);
    await same(g, fewer);
  });

  it.each([
    ['is an output', (y: Value) => ({ y })],
    ['is activated', (y: Value) => ({ p: Op.tanh(y) })],
    ['divides', (y: Value) => ({ p: Op.matMul(Op.div(b, y), v) })],
    ['is squared', (y: Value) => ({ p: Op.matMul(squares(y), v) })],
    ['meets itself in a product', (y: Value) => ({ p: Op.matMul(y, y, { transB: true }) })],
    ['is added', (y: Value) => ({ p: Op.gemm(x, w, y) })],
    ['is multiplied for an output', (y: Value) => ({ p: Op.mul(y, Op.sigmoid(b)) })],
  ] as const)('stays where it %s', (_, behind) => {
    const g = read(hidden, behind);
    expect(multiples(g)).toBe(g);
  });

  it('stays where no product makes it, or one that others read too, or no row is added', () => {
    const behind = (y: Value) => ({ p: Op.matMul(y, v) });
    const product = Op.matMul(x, w);
    for (const y of [Op.add(Op.tanh(product), b), Op.add(product, Op.tanh(product))]) {
      const g = read(y, behind);
      expect(multiples(g)).toBe(g);
    }
    for (const others of [{ product }, { other: Op.tanh(product) }]) {
      const g = read(Op.add(product, b), (y) => ({ ...behind(y), ...others }));
      expect(multiples(g)).toBe(g);
    }
    const g = read(Op.add(product, input('m', 'float32', ['batch', inner])), behind);
    expect(multiples(g)).toBe(g);
  });

  it('stays where only the multiple is read, or the factor is none', () => {
    const alone = graphOf({ t: Op.tanh(Op.mul(hidden, 3)) });
    expect(multiples(alone)).toBe(alone);
    for (const factor of [0, Number.POSITIVE_INFINITY, Number.NaN]) {
      const g = graphOf({ t: Op.tanh(Op.mul(hidden, factor)), p: Op.matMul(hidden, v) });
      expect(multiples(g)).toBe(g);
    }
  });

  it('stays where a branch gives it out', () => {
    const [one] = [input('one', 'float32', ['batch', width])];
    const y = Op.add(Op.matMul(one, w), b);
    const branch = (name: string): Graph =>
      graph(
        name,
        [one],
        [
          { name: `${name}/y`, value: y },
          { name: `${name}/p`, value: Op.matMul(Op.mul(y, Op.tanh(Op.mul(y, 3))), v) },
        ],
      );
    const isPositive = Op.greater(Op.reduceSum()(x), 0);
    const [z, p] = Op.either(isPositive, [x], branch('yes'), branch('no')) as readonly [Value, Value];
    const g = graphOf({ z, p });
    expect(multiples(g)).toBe(g);
  });

  it('stays in float64, whose products have no factors', () => {
    const [c, d] = [input('c', 'float64', ['batch', width]), input('d', 'float64', [width, inner])];
    const g = read(Op.matMul(c, d), (y) => ({ p: Op.matMul(y, input('e', 'float64', [inner, 2])) }));
    expect(multiples(g)).toBe(g);
  });
});
