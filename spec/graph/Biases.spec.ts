/** What is added to a convolution by channel, or taken from it, is its bias. */
import { describe, expect, it } from 'vitest';
import { type Graph, input, topological, type Value } from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import { simplify } from '../../src/graph/rewrite/Simplify.ts';
import { f32, graphOf, run } from '../support/evaluate.ts';
import { noise } from '../training/support.ts';

const image = input('x', 'float32', ['batch', 2, 5, 5]);
const level = input('level', 'float32', [1, 3, 1, 1]);
const cells = input('cells', 'float32', [1, 1, 5, 5]);

const conv = (hasBias: boolean): Value =>
  Op.conv(image, input('w', 'float32', [3, 2, 3, 3]), hasBias ? input('b', 'float32', [3]) : undefined, {
    kernel: [3, 3],
    strides: [1, 1],
    dilations: [1, 1],
    pads: [1, 1, 1, 1],
    group: 1,
  });

const feeds = {
  x: f32(noise(150, 1), [3, 2, 5, 5]),
  w: f32(noise(54, 2), [3, 2, 3, 3]),
  b: f32(noise(3, 3), [3]),
  level: f32(noise(3, 4), [1, 3, 1, 1]),
  cells: f32(noise(25, 5), [1, 1, 5, 5]),
};

/** Operators whose result is an image. */
const passes = (g: Graph): readonly string[] =>
  topological(g.outputs.map((o) => o.value)).flatMap((n) =>
    n._tag === 'Operator' && n.outputs[0]?.shape.length === 4 ? [n.operator] : [],
  );

const largest = async (a: Graph, b: Graph): Promise<number> => {
  const [x, y] = [(await run(a, feeds)).y, (await run(b, feeds)).y].map((v) => Array.from(v?.data ?? [], Number));
  return Math.max(...(x ?? []).map((v, i) => Math.abs(v - (y?.[i] ?? Number.NaN))));
};

describe('taken over', () => {
  it.each([
    ['added', (c: Value) => Op.add(c, level)],
    ['added to', (c: Value) => Op.add(level, c)],
    ['taken away', (c: Value) => Op.sub(c, level)],
    ['twice', (c: Value) => Op.sub(Op.add(c, level), level)],
  ])('%s', async (_, of) => {
    for (const hasBias of [false, true]) {
      const g = graphOf({ y: of(conv(hasBias)) });
      const simple = simplify()(g);
      expect(passes(simple)).toEqual(['Conv']);
      expect(await largest(g, simple)).toBeLessThan(1e-5);
    }
  });
});

describe('left alone', () => {
  it.each([
    ['what the convolution is taken from', (c: Value) => Op.sub(level, c), ['Conv', 'Sub']],
    ['what differs from cell to cell', (c: Value) => Op.add(c, cells), ['Conv', 'Add']],
    ['a convolution that others read', (c: Value) => Op.mul(Op.add(c, level), c), ['Conv', 'Add', 'Mul']],
  ])('%s', async (_, of, expected) => {
    const g = graphOf({ y: of(conv(true)) });
    expect(passes(simplify()(g))).toEqual(expected);
    expect(await largest(g, simplify()(g))).toBeLessThan(1e-5);
  });
});
