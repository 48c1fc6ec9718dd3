/** Products that turn their first factor once: the same numbers, and only where it pays. */
import { describe, expect, it } from 'vitest';
import { input, topological } from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import { rewrite } from '../../src/graph/rewrite/Rewrite.ts';
import { turned } from '../../src/graph/rewrite/Turned.ts';
import { f32, graphOf, run } from '../support/evaluate.ts';
import { noise } from '../training/support.ts';

const names = (g: ReturnType<typeof graphOf>): readonly string[] =>
  topological(rewrite(turned)(g).outputs.map((o) => o.value)).flatMap((n) =>
    n._tag === 'Operator' ? [n.operator] : [],
  );

const kernelGradient = (columns: number, alpha = 1) =>
  graphOf({
    y: Op.matMul(input('x', 'float32', ['batch', 24]), input('dy', 'float32', ['batch', columns]), {
      transA: true,
      alpha,
    }),
  });

describe('products with a transposed first factor', () => {
  it.each([
    [1, ['Transpose', 'MatMul']],
    [0.5, ['Transpose', 'FusedMatMul']],
  ] as const)('of many columns turn it once, with a factor of %d', async (alpha, operators) => {
    const g = kernelGradient(1024, alpha);
    expect(names(g)).toEqual(operators);
    const feeds = { x: f32(noise(16 * 24, 1), [16, 24]), dy: f32(noise(16 * 1024, 2), [16, 1024]) };
    const [fast, plain] = [await run(rewrite(turned)(g), feeds), await run(g, feeds)];
    expect(fast.y?.shape).toEqual([24, 1024]);
    const found = Array.from(fast.y?.data ?? [], Number);
    Array.from(plain.y?.data ?? [], Number).forEach((v, i) => expect(found[i]).toBeCloseTo(v, 5));
  });

  it('of few or of unknown columns, of batches or with both factors transposed stay', () => {
    expect(names(kernelGradient(1023))).toEqual(['FusedMatMul']);
    const [a, b] = [input('a', 'float32', ['n', 8]), input('b', 'float32', ['n', 'm'])];
    expect(names(graphOf({ y: Op.matMul(a, b, { transA: true }) }))).toEqual(['FusedMatMul']);
    const [c, d] = [input('c', 'float32', [2, 'n', 8]), input('d', 'float32', [2, 'n', 2048])];
    expect(names(graphOf({ y: Op.matMul(c, d, { transA: true }) }))).toEqual(['FusedMatMul']);
    const e = input('e', 'float32', [2048, 'n']);
    expect(names(graphOf({ y: Op.matMul(a, e, { transA: true, transB: true }) }))).toEqual(['FusedMatMul']);
  });
});
