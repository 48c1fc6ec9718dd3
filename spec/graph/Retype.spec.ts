import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { source } from '../../scripts/half-kernels.mjs';
import { graph, input, type Node, type OperatorNode, topological, type Value } from '../../src/graph/Graph.ts';
import { halfKernels } from '../../src/graph/HalfKernels.ts';
import { missingKernels } from '../../src/graph/Kernels.ts';
import * as O from '../../src/graph/Operators.ts';
import { emulating, retype, withKernelsOf } from '../../src/graph/Retype.ts';
import type { Half } from '../../src/shape/Half.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { graphOf, run } from '../support/evaluate.ts';
import { kernelTables } from '../support/kernelTables.ts';

const operators = (values: readonly Value[]): readonly OperatorNode[] =>
  topological(values).filter((n: Node): n is OperatorNode => n._tag === 'Operator');
const names = (values: readonly Value[]) => operators(values).map((n) => `${n.operator} ${n.outputs[0]?.dtype}`);
const one = (values: readonly Value[]): Value => values[0] as Value;

const loopOf = (step: (s: Value) => Value, carried: Value): Value => {
  const [i, go] = [input('i', 'int64', []), input('go', 'bool', [])];
  const s = input('s', carried.type.dtype, carried.type.shape);
  const outputs = [
    { name: 'go', value: go },
    { name: 's', value: step(s) },
  ];
  return O.loop(O.scalar(3, 'int64'), [carried], graph('body', [i, go, s], outputs))[0] as Value;
};

const x = input('x', 'float32', [2, 3]);
const w = input('w', 'float32', [3, 3]);

describe('retype', () => {
  test('as it is: the same nodes', () => {
    const values = [O.relu(O.matMul(x, w)), loopOf((s) => O.mul(s, 2), x)];
    const after = retype(() => undefined, { restore: true })(values);
    expect(after.map((v) => v.node)).toEqual(values.map((v) => v.node));
    expect(after.every((v, i) => v.node === values[i]?.node)).toBe(true);
  });

  test('one cast for a value, however many read it; results keep their types', () => {
    const values = [O.add(O.matMul(x, w), O.matMul(x, w)), O.relu(x)];
    const half = retype((n) => (n.operator === 'MatMul' ? 'float16' : 'float32'), { restore: false })(values);
    expect(half.map((v) => v.type)).toEqual(values.map((v) => v.type));
    expect(names(half)).toEqual([
      'Cast float16',
      'Cast float16',
      'MatMul float16',
      'Cast float32',
      'MatMul float16',
      'Cast float32',
      'Add float32',
      'Relu float32',
    ]);
  });

  test('constants are rounded, not cast', () => {
    const scaled = retype(() => 'float16', { restore: false })([O.mul(O.cast('float16')(x), O.scalar(0.1, 'float16'))]);
    const wide = retype(() => 'float32', { restore: false })(scaled);
    const constant = operators(wide).find((n) => n.operator === 'Mul')?.inputs[1]?.node as { data: NdArray };
    expect(constant.data.dtype).toBe('float32');
    expect(constant.data.data[0]).toBe(0.0999755859375);
  });

  test('bodies of loops: inside in 16 bits, what is carried as it was', async () => {
    const value = loopOf((s) => O.matMul(s, w), x);
    const half = retype((n) => (n.operator === 'MatMul' ? 'float16' : undefined), { restore: false })([value]);
    expect(names(half)).toEqual(['Cast float16', 'Cast float16', 'MatMul float16', 'Cast float32', 'Loop float32']);
    const feeds = {
      x: { dtype: 'float32', shape: [2, 3], data: Float32Array.of(1.0003, 2, 3, 4, 5, 6) },
      w: { dtype: 'float32', shape: [3, 3], data: Float32Array.of(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9) },
    } as const;
    const exact = await run(graphOf({ y: value }), feeds);
    const rounded = await run(graphOf({ y: one(emulating(half)) }), feeds);
    const [a, b] = [exact.y?.data as Float32Array, rounded.y?.data as Float32Array];
    expect(Array.from(b)).not.toEqual(Array.from(a));
    for (const [i, y] of a.entries()) expect(Math.abs((b[i] ?? 0) - y) / y).toBeLessThan(2e-3);
  });
});

describe('kernels', () => {
  const halved = (half: Half) => retype(() => half, { restore: false });
  const lacks = (provider: 'cpu' | 'cuda', values: readonly Value[]) =>
    missingKernels(
      graph(
        'g',
        [],
        values.map((value, i) => ({ name: `y${i}`, value })),
      ),
      kernelTables,
      provider,
      18,
    );

  test.each(['float16', 'bfloat16'] as const)('%s: what has none computes in float32', (half) => {
    const image = input('image', 'float32', [1, 2, 5, 5]);
    const kernel = input('kernel', 'float32', [3, 2, 3, 3]);
    const y = O.conv(image, kernel, undefined, {
      kernel: [3, 3],
      strides: [1, 1],
      dilations: [1, 1],
      pads: [0, 0, 0, 0],
      group: 1,
    });
    const values = halved(half)([O.matMul(x, w), O.log(x), O.reduceMean()(x), y]);
    if (half === 'bfloat16')
      expect(lacks('cuda', values).map((m) => m.operator)).toEqual(['Log', 'ReduceMean', 'Conv']);
    const cuda = withKernelsOf('cuda')(values);
    expect(lacks('cuda', cuda)).toEqual([]);
    expect(names(cuda)).toContain(`MatMul ${half}`);
    expect(names(cuda)).toContain(half === 'float16' ? 'Conv float16' : 'Conv float32');
    expect(lacks('cpu', emulating(values))).toEqual([]);
    expect(names(emulating(values))).toContain('MatMul float32');
  });

  test('the list in the sources is that of the tables', () => {
    // Line breaks are Biome's.
    const words = (text: string) => text.split(/\s+/).join(' ');
    expect(words(readFileSync(new URL('../../src/graph/HalfKernels.ts', import.meta.url), 'utf8'))).toBe(
      words(source()),
    );
    expect(halfKernels.cuda.float16.has('Conv')).toBe(true);
    expect(halfKernels.cuda.bfloat16.has('Conv')).toBe(false);
    expect(halfKernels.cuda.bfloat16.has('com.microsoft:FusedMatMul')).toBe(true);
    expect(halfKernels.cpu.float16.has('MatMul')).toBe(false);
  });
});
