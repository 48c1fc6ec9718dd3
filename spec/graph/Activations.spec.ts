/** Activations by parts that their gradients share: the same numbers, and none that is none. */
import { describe, expect, it } from 'vitest';
import { grad, vjp } from '../../src/autodiff/Grad.ts';
import { type Attributes, type Graph, input, operator, topological, type Value } from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import { shared } from '../../src/graph/rewrite/Shared.ts';
import { simplify } from '../../src/graph/rewrite/Simplify.ts';
import { right } from '../interpret/support.ts';
import { f32, graphOf, run } from '../support/evaluate.ts';

const simple = (g: Graph): Graph => shared(simplify()(g));

const operators = (g: Graph): readonly string[] =>
  topological(g.outputs.map((o) => o.value)).flatMap((n) => (n._tag === 'Operator' ? [n.operator] : []));

/** Near zero, where curves bend, where exponentials vanish or overflow. */
const points = [
  ...Array.from({ length: 401 }, (_, i) => (i - 200) / 20),
  ...[11, 13, 13.3, 14, 20, 50, 88, 89, 100, 1e3, 1e4].flatMap((p) => [p, -p]),
];

const x = input('x', 'float32', [points.length]);
const of = (name: string, attributes: Attributes = {}): Value =>
  operator(name, [x], [x.type], attributes, 'com.microsoft')[0] as Value;

const derivative = (y: Value): Value => right(grad(Op.reduceSum()(y), [x]))[0] as Value;

/** Of the normal distribution: a series near zero, a continued fraction far from it. */
const phi = (v: number): number => {
  const density = Math.exp((-v * v) / 2) / Math.sqrt(2 * Math.PI);
  if (Math.abs(v) > 4) {
    const tail =
      density / Array.from({ length: 60 }, (_, i) => 60 - i).reduce((f, k) => Math.abs(v) + k / f, Math.abs(v));
    return v > 0 ? 1 - tail : tail;
  }
  let [term, sum] = [v, v];
  for (let k = 1; k < 100; k++) {
    term *= (v * v) / (2 * k + 1);
    sum += term;
  }
  return 0.5 + sum * density;
};
const logistic = (v: number): number => 1 / (1 + Math.exp(-v));
const sech = (v: number): number => (Math.abs(v) > 300 ? 0 : 1 / Math.cosh(v));

type Case = readonly [name: string, y: () => Value, f: (v: number) => number, df: (v: number) => number];

const nearly = (v: number): number => Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3);

const cases: readonly Case[] = [
  ['gelu', () => of('Gelu'), (v) => v * phi(v), (v) => phi(v) + (v * Math.exp((-v * v) / 2)) / Math.sqrt(2 * Math.PI)],
  [
    'gelu by tanh',
    () => of('FastGelu'),
    (v) => v * logistic(2 * nearly(v)),
    (v) =>
      logistic(2 * nearly(v)) + 0.5 * v * sech(nearly(v)) ** 2 * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * v * v),
  ],
  [
    'silu',
    () => of('QuickGelu', { alpha: { _tag: 'Float', value: 1 } }),
    (v) => v * logistic(v),
    (v) => logistic(v) * (1 + v * logistic(-v)),
  ],
  [
    'quick gelu',
    () => of('QuickGelu'),
    (v) => v * logistic(1.702 * v),
    (v) => logistic(1.702 * v) * (1 + 1.702 * v * logistic(-1.702 * v)),
  ],
  ['softplus', () => Op.softplus(x), (v) => Math.log1p(Math.exp(-Math.abs(v))) + Math.max(v, 0), logistic],
];

const feeds = { x: f32(points, [points.length]) };

const worst = (found: unknown, expected: (v: number) => number): number =>
  Math.max(
    ...Array.from(found as Float32Array, (v, i) => {
      const e = expected(Math.fround(points[i] as number));
      const error = Math.abs(v - e) / (1 + Math.abs(e));
      return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
    }),
  );

describe.each(cases)('%s', (_, y, f, df) => {
  it('and its gradient are those of float64, everywhere finite', async () => {
    const g = graphOf({ y: y(), dx: derivative(y()) });
    for (const graph of [g, simple(g)]) {
      const results = await run(graph, feeds);
      expect(worst(results.y?.data, f)).toBeLessThan(3e-6);
      expect(worst(results.dx?.data, df)).toBeLessThan(3e-6);
    }
  });
});

describe('gelu', () => {
  it('has a second derivative that is finite everywhere', async () => {
    const results = await run(graphOf({ d: derivative(derivative(of('Gelu'))) }), feeds);
    const second = (v: number): number => ((2 - v * v) * Math.exp((-v * v) / 2)) / Math.sqrt(2 * Math.PI);
    expect(worst(results.d?.data, second)).toBeLessThan(3e-6);
  });

  it('with its gradient takes ten passes', () => {
    const y = of('Gelu');
    const dy = input('dy', 'float32', [points.length]);
    const dx = right(vjp([y], [dy], [x]))[0] as Value;
    const passes = [...operators(simple(graphOf({ y, dx })))].sort();
    expect(passes).toEqual([...['Add', 'Div', 'Erf', 'Exp', 'HardSigmoid'], ...Array<string>(5).fill('Mul')]);
  });

  it('without a gradient stays one operator', () => {
    expect(operators(simple(graphOf({ y: of('Gelu') })))).toEqual(['Gelu']);
  });
});
