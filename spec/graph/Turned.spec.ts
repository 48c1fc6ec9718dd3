/** Products that turn their first factor once: the same numbers, and only where it pays. */
import { describe, expect, it } from 'vitest';
import { type Graph, input, topological, type Value } from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import { turned } from '../../src/graph/rewrite/Turned.ts';
import { f32, graphOf, run } from '../support/evaluate.ts';
import { noise } from '../training/support.ts';

const names = (g: Graph): readonly string[] =>
  topological(turned(g).outputs.map((o) => o.value)).flatMap((n) => (n._tag === 'Operator' ? [n.operator] : []));

const rows = 16;
const x = input('x', 'float32', ['batch', 24]);
const gradient = (name: string, columns: number, alpha = 1, of: Value = x): Value =>
  Op.matMul(of, input(name, 'float32', ['batch', columns]), { transA: true, alpha });

const same = async (g: Graph, columns: Readonly<Record<string, number>>): Promise<void> => {
  const feeds = {
    x: f32(noise(rows * 24, 1), [rows, 24]),
    ...Object.fromEntries(
      Object.entries(columns).map(([name, n], i) => [name, f32(noise(rows * n, i + 2), [rows, n])]),
    ),
  };
  const [fast, plain] = [await run(turned(g), feeds), await run(g, feeds)];
  for (const [name, { shape, data }] of Object.entries(plain)) {
    expect(fast[name]?.shape).toEqual(shape);
    const found = Array.from(fast[name]?.data ?? [], Number);
    Array.from(data, Number).forEach((v, i) => expect(found[i]).toBeCloseTo(v, 5));
  }
};

describe('products with a transposed first factor', () => {
  it.each([
    [1, ['Transpose', 'MatMul']],
    [0.5, ['Transpose', 'FusedMatMul']],
  ] as const)('of many columns turn it once, with a factor of %d', async (alpha, operators) => {
    const g = graphOf({ y: gradient('dy', 384, alpha) });
    expect(names(g)).toEqual(operators);
    await same(g, { dy: 384 });
  });

  it('of few columns each turn it once for all', async () => {
    const g = graphOf({ q: gradient('dq', 128), k: gradient('dk', 128, 0.5), v: gradient('dv', 128) });
    expect(names(g)).toEqual(['Transpose', 'MatMul', 'FusedMatMul', 'MatMul']);
    await same(g, { dq: 128, dk: 128, dv: 128 });
  });

  it('of few or of unknown columns, of batches or with both factors transposed stay', () => {
    const other = input('other', 'float32', ['batch', 24]);
    const few = graphOf({ y: gradient('dy', 383), z: gradient('dz', 383, 1, other) });
    expect(turned(few)).toBe(few);
    const [a, b] = [input('a', 'float32', ['n', 8]), input('b', 'float32', ['n', 'm'])];
    expect(names(graphOf({ y: Op.matMul(a, b, { transA: true }) }))).toEqual(['FusedMatMul']);
    const [c, d] = [input('c', 'float32', [2, 'n', 8]), input('d', 'float32', [2, 'n', 2048])];
    expect(names(graphOf({ y: Op.matMul(c, d, { transA: true }) }))).toEqual(['FusedMatMul']);
    const e = input('e', 'float32', [2048, 'n']);
    expect(names(graphOf({ y: Op.matMul(a, e, { transA: true, transB: true }) }))).toEqual(['FusedMatMul']);
  });

  it('of two outputs of a node are two', () => {
    const halves = Op.split(1, [12, 12])(x);
    const g = graphOf({ y: gradient('dy', 200, 1, halves[0]), z: gradient('dz', 200, 1, halves[1]) });
    expect(turned(g)).toBe(g);
  });
});
