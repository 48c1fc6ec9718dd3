import type { Value } from '../../../src/graph/Graph.ts';
import * as Op from '../../../src/graph/Operators.ts';
import { batched, type Case, linear32, pick, raw } from './Case.ts';

type Sizes = readonly number[];

const product = (
  rule: string,
  name: string,
  a: Sizes,
  b: Sizes,
  f: (a: Value, b: Value) => Value,
  namedRows = false,
): Case => ({
  rule,
  name,
  sample: (r) => {
    const single = rule !== 'MatMul';
    const make = single ? r.array32 : r.array;
    return {
      inputs: {
        a: { array: make(a), dims: namedRows ? ['batch', ...a.slice(1)] : a },
        b: { array: make(b) },
      },
      y: (v) => f(pick(v, 'a'), pick(v, 'b')),
      ...(single ? linear32 : {}),
    };
  },
});

const transposes = [
  [false, false],
  [false, true],
  [true, false],
  [true, true],
] as const;

const fused: readonly Case[] = transposes.flatMap(([transA, transB]) => {
  const rule = 'com.microsoft:FusedMatMul';
  const f = (a: Value, b: Value) => Op.matMul(a, b, { transA, transB, alpha: 0.7 });
  const a = transA ? [3, 2] : [2, 3];
  const b = transB ? [4, 3] : [3, 4];
  const title = `${transA ? 'A^T' : 'A'} ${transB ? 'B^T' : 'B'}`;
  return [
    product(rule, `${title}, matrices`, a, b, f),
    product(rule, `${title}, batch axes broadcast`, [2, 1, ...a], [3, ...b], f, true),
    product(rule, `${title}, one matrix on the right`, [2, ...a], b, f, true),
    product(rule, `${title}, one matrix on the left`, a, [2, ...b], f),
  ];
});

export const products: readonly Case[] = [
  product('MatMul', 'matrices', [2, 3], [3, 4], Op.matMul, true),
  product('MatMul', 'sequence by matrix', [2, 3, 4], [4, 2], Op.matMul, true),
  product('MatMul', 'sequence of known length by matrix', [2, 3, 4], [4, 2], Op.matMul),
  product('MatMul', 'batches', [2, 2, 3], [2, 3, 2], Op.matMul),
  product('MatMul', 'batch axes broadcast', [2, 1, 2, 3], [3, 3, 2], Op.matMul, true),
  product('MatMul', 'matrix by batch', [2, 3], [2, 3, 2], Op.matMul),
  product('MatMul', 'vector by matrix', [3], [3, 2], (a, b) => raw('MatMul', [a, b], [2])),
  product('MatMul', 'batch by vector', [2, 2, 3], [3], (a, b) => raw('MatMul', [a, b], ['batch', 2]), true),
  product('MatMul', 'vector by batch', [3], [2, 3, 4], (a, b) => raw('MatMul', [a, b], [2, 4])),
  product('MatMul', 'vector by vector', [3], [3], (a, b) => raw('MatMul', [a, b], [])),
  ...fused,
  {
    rule: 'Gemm',
    name: 'with a bias',
    sample: (r) => {
      const [m, k, n] = [r.int(1, 3), r.int(1, 3), r.int(1, 3)];
      return {
        inputs: { a: batched(r, r.array([m, k])), b: { array: r.array([k, n]) }, c: { array: r.array([n]) } },
        y: (v) => Op.gemm(pick(v, 'a'), pick(v, 'b'), pick(v, 'c')),
      };
    },
  },
  ...transposes.map(
    ([transA, transB]): Case => ({
      rule: 'Gemm',
      name: `transA ${transA}, transB ${transB}, with factors`,
      sample: (r) => ({
        inputs: {
          a: { array: r.array(transA ? [3, 2] : [2, 3]) },
          b: { array: r.array(transB ? [4, 3] : [3, 4]) },
          c: { array: r.array([2, 1]) },
        },
        y: (v) =>
          raw('Gemm', [pick(v, 'a'), pick(v, 'b'), pick(v, 'c')], [2, 4], {
            transA: { _tag: 'Int', value: transA ? 1 : 0 },
            transB: { _tag: 'Int', value: transB ? 1 : 0 },
            alpha: { _tag: 'Float', value: 0.5 },
            beta: { _tag: 'Float', value: -2 },
          }),
      }),
    }),
  ),
];
