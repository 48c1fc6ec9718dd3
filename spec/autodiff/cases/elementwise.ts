import type { Value } from '../../../src/graph/Graph.ts';
import * as Op from '../../../src/graph/Operators.ts';
import type { Dim } from '../../../src/shape/Shape.ts';
import { f64, i64, type Random, size } from '../random.ts';
import { batched, type Case, pick, raw } from './Case.ts';

const shapeOf = (r: Random): readonly number[] => [r.int(1, 3), r.int(1, 3), r.int(2, 3)];

const unary = (rule: string, f: (x: Value) => Value, low = -1.5, high = 1.5): Case => ({
  rule,
  name: 'elementwise',
  sample: (r) => ({ inputs: { x: batched(r, r.array(shapeOf(r), low, high)) }, y: (v) => f(pick(v, 'x')) }),
});

const kinked = (rule: string, f: (x: Value) => Value): Case => ({
  rule,
  name: 'away from the kink',
  sample: (r) => ({ inputs: { x: batched(r, r.distinct(shapeOf(r))) }, y: (v) => f(pick(v, 'x')) }),
});

/** The CPU provider has a float32 kernel only. */
const unary32 = (rule: string, f: (x: Value) => Value): Case => ({
  rule,
  name: 'float32',
  sample: (r) => ({
    inputs: { x: batched(r, r.array32(shapeOf(r))) },
    y: (v) => f(pick(v, 'x')),
    step: 1e-2,
    tolerance: 1e-3,
  }),
});

interface Pair {
  readonly name: string;
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly dimsA?: readonly Dim[];
  readonly dimsB?: readonly Dim[];
}

const pairs: readonly Pair[] = [
  { name: 'same shapes', a: [2, 3], b: [2, 3], dimsA: ['batch', 3], dimsB: ['batch', 3] },
  { name: 'a vector on the right', a: [2, 2, 3], b: [3], dimsA: ['batch', 2, 3] },
  { name: 'a column on the left', a: [2, 1], b: [4, 2, 3], dimsB: ['batch', 2, 3] },
  { name: 'a scalar on the left', a: [], b: [2, 3] },
  { name: 'both sides repeat', a: [3, 1, 2], b: [3, 1], dimsA: ['batch', 1, 2], dimsB: ['time', 1] },
  { name: 'one row for a batch', a: [1, 3], b: [2, 3], dimsB: ['batch', 3] },
];

const binary = (
  rule: string,
  f: (a: Value, b: Value) => Value,
  [lowA, highA]: readonly [number, number] = [-1.5, 1.5],
  [lowB, highB]: readonly [number, number] = [-1.5, 1.5],
): readonly Case[] =>
  pairs.map((p) => ({
    rule,
    name: p.name,
    sample: (r) => ({
      inputs: {
        a: { array: r.array(p.a, lowA, highA), dims: p.dimsA ?? p.a },
        b: { array: r.array(p.b, lowB, highB), dims: p.dimsB ?? p.b },
      },
      y: (v) => f(pick(v, 'a'), pick(v, 'b')),
    }),
  }));

/** No two elements are close. */
const extremum = (rule: string, f: (a: Value, b: Value) => Value): readonly Case[] =>
  pairs.map((p) => ({
    rule,
    name: p.name,
    sample: (r) => {
      const all = Array.from(r.distinct([size(p.a) + size(p.b)]).data, Number);
      return {
        inputs: {
          a: { array: f64(all.slice(0, size(p.a)), p.a), dims: p.dimsA ?? p.a },
          b: { array: f64(all.slice(size(p.a)), p.b), dims: p.dimsB ?? p.b },
        },
        y: (v) => f(pick(v, 'a'), pick(v, 'b')),
      };
    },
  }));

const alongAxes = (rule: string, f: (axis: number) => (x: Value) => Value): readonly Case[] =>
  [-1, 1, 0].map((axis) => ({
    rule,
    name: `axis ${axis}`,
    sample: (r) => ({ inputs: { x: batched(r, r.array(shapeOf(r))) }, y: (v) => f(axis)(pick(v, 'x')) }),
  }));

export const elementwise: readonly Case[] = [
  ...binary('Add', Op.add),
  ...binary('Sub', Op.sub),
  ...binary('Mul', Op.mul),
  ...binary('Div', Op.div, [-1.5, 1.5], [0.5, 2]),
  ...binary('Pow', Op.pow, [0.3, 2]),
  ...[0, 1, 2, 3, -1, 0.5].map(
    (c): Case => ({
      rule: 'Pow',
      name: `constant exponent ${c}`,
      sample: (r) => ({ inputs: { x: { array: r.array([2, 3], 0.3, 2) } }, y: (v) => Op.pow(pick(v, 'x'), c) }),
    }),
  ),
  {
    rule: 'Pow',
    name: 'negative bases, integer exponents',
    sample: (r) => ({
      inputs: { x: { array: r.array([2, 3]) }, n: { array: i64([3, 2, 1], [3]) } },
      y: (v) => raw('Pow', [pick(v, 'x'), pick(v, 'n')], [2, 3]),
    }),
  },
  {
    rule: 'Pow',
    name: 'base 0',
    sample: () => ({
      inputs: { x: { array: f64([0, 0, 0], [3]) }, p: { array: f64([0, 1, 2], [3]) } },
      y: (v) => Op.pow(pick(v, 'x'), pick(v, 'p')),
      wrt: ['x'],
      tolerance: 2e-4,
    }),
  },
  ...extremum('Max', Op.max),
  ...extremum('Min', Op.min),
  {
    rule: 'Max',
    name: 'three arguments',
    sample: (r) => {
      const all = Array.from(r.distinct([18]).data, Number);
      const part = (i: number) => ({ array: f64(all.slice(6 * i, 6 * i + 6), [2, 3]) });
      return {
        inputs: { a: part(0), b: part(1), c: part(2) },
        y: (v) => raw('Max', [pick(v, 'a'), pick(v, 'b'), pick(v, 'c')], [2, 3]),
      };
    },
  },
  unary('Neg', Op.neg),
  kinked('Abs', Op.abs),
  kinked('Sign', (x) => Op.mul(Op.sign(x), x)),
  unary('Exp', Op.exp),
  unary('Log', Op.log, 0.3, 2),
  unary('Sqrt', Op.sqrt, 0.3, 2),
  unary('Reciprocal', Op.reciprocal, 0.4, 2),
  kinked('Floor', (x) => Op.mul(Op.floor(Op.mul(x, 2)), x)),
  unary32('Erf', Op.erf),
  kinked('Relu', Op.relu),
  unary('Sigmoid', Op.sigmoid, -4, 4),
  unary('Tanh', Op.tanh),
  unary32('Softplus', Op.softplus),
  unary('Identity', Op.identity),
  {
    rule: 'Cast',
    name: 'float64 to float32 and back',
    sample: (r) => ({
      inputs: { x: batched(r, r.array([2, 3])) },
      y: (v) => Op.cast('float64')(Op.cast('float32')(pick(v, 'x'))),
      step: 0.5,
      tolerance: 1e-5,
    }),
  },
  ...pairs.map(
    (p): Case => ({
      rule: 'Where',
      name: p.name,
      sample: (r) => ({
        inputs: {
          c: { array: { ...r.integers(p.a, 0, 1), dtype: 'bool', data: Uint8Array.from(r.floats(size(p.a), 0, 2)) } },
          a: { array: r.array(p.a), dims: p.dimsA ?? p.a },
          b: { array: r.array(p.b), dims: p.dimsB ?? p.b },
        },
        y: (v) => Op.where(pick(v, 'c'), pick(v, 'a'), pick(v, 'b')),
      }),
    }),
  ),
  ...alongAxes('Softmax', Op.softmax),
  ...alongAxes('LogSoftmax', Op.logSoftmax),
];
