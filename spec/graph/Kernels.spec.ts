import { describe, expect, test } from 'vitest';
import { graph, input, operator, type Value, valueType } from '../../src/graph/Graph.ts';
import { missingKernels } from '../../src/graph/Kernels.ts';
import * as O from '../../src/graph/Operators.ts';
import type { DType } from '../../src/shape/NdArray.ts';
import { kernelTables } from '../support/kernelTables.ts';

const x = (dtype: DType) => input('x', dtype, ['batch', 4]);
const of = (value: Value) => graph('spec', [], [{ name: 'y', value }]);
const lacks = (provider: 'cpu' | 'cuda', value: Value, opset = 18) =>
  missingKernels(of(value), kernelTables, provider, opset).map((m) => `${m.operator} ${m.dtype}`);

const loopOf = (step: (s: Value) => Value, carried: Value): Value => {
  const i = input('i', 'int64', []);
  const go = input('go', 'bool', []);
  const s = input('s', carried.type.dtype, carried.type.shape);
  const outputs = [
    { name: 'go', value: go },
    { name: 's', value: step(s) },
  ];
  return O.loop(O.scalar(2, 'int64'), [carried], graph('body', [i, go, s], outputs))[0] as Value;
};

describe('missingKernels', () => {
  test('nothing, for a dense layer and its sum', () => {
    const dense = O.reduceSum()(
      O.relu(O.gemm(x('float32'), O.tensor([1, 2, 3, 4], [4, 1], 'float32'), O.tensor([0], [1], 'float32'))),
    );
    expect(lacks('cpu', dense)).toEqual([]);
    expect(lacks('cuda', dense)).toEqual([]);
  });

  test('an operator that a provider lacks', () => {
    const hash = O.bitwiseXor(x('uint32'), O.shiftRight(x('uint32'), 3));
    expect(lacks('cpu', hash)).toEqual([]);
    expect(lacks('cuda', hash)).toEqual(['BitShift uint32', 'BitwiseXor uint32']);
  });

  test('an element type that a kernel lacks, also of a result', () => {
    expect(lacks('cpu', O.argMax(1)(x('uint32')))).toEqual(['ArgMax uint32']);
    expect(lacks('cuda', O.reduceMean()(x('int64')))).toEqual(['ReduceMean int64']);
    expect(lacks('cuda', O.fillLike(x('float32'), 1, 'float64'))).toEqual([]);
    expect(lacks('cpu', O.greater(x('bool'), x('bool')))).toEqual(['Greater bool']);
  });

  test('a version of the operator that a kernel does not serve', () => {
    const padded = O.pad([0, 1, 0, 1])(x('float32'));
    expect(lacks('cuda', padded, 18)).toEqual([]);
    expect(lacks('cuda', padded, 19)).toEqual(['Pad float32']);
    expect(lacks('cpu', padded, 19)).toEqual([]);
    expect(missingKernels(of(padded), kernelTables, 'cuda', 19)[0]?.reason).toContain('version 19');
  });

  test('an operator that the opset lacks', () => {
    expect(lacks('cpu', O.bitwiseXor(x('uint32'), x('uint32')), 17)).toEqual(['BitwiseXor uint32']);
    expect(lacks('cpu', operator('Nonsense', [x('float32')], [valueType('float32', [])])[0] as Value)).toEqual([
      'Nonsense float32',
    ]);
  });

  test('looks into the bodies of loops', () => {
    expect(
      lacks(
        'cuda',
        loopOf((s) => O.shiftRight(s, 1), x('uint32')),
      ),
    ).toEqual(['BitShift uint32']);
    expect(
      lacks(
        'cuda',
        loopOf((s) => O.add(s, 1), x('float32')),
      ),
    ).toEqual([]);
  });

  test("onnxruntime's own domains", () => {
    const product = (dtype: DType) => O.matMul(x(dtype), x(dtype), { transB: true });
    expect(lacks('cuda', product('float32'))).toEqual([]);
    expect(lacks('cpu', product('float64'))).toEqual(['FusedMatMul float64']);
    const reorder = (v: Value) => operator('ReorderInput', [v], [v.type], {}, 'com.microsoft.nchwc')[0] as Value;
    expect(lacks('cpu', reorder(x('float32')))).toEqual([]);
    expect(lacks('cuda', reorder(x('float32')))).toEqual(['ReorderInput float32']);
  });
});
