/** Graphs in order: they compute the same, with less. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { grad } from '../../src/autodiff/Grad.ts';
import { type Graph, input, topological, type Value } from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import { shared } from '../../src/graph/rewrite/Shared.ts';
import { simplify } from '../../src/graph/rewrite/Simplify.ts';
import { right } from '../interpret/support.ts';
import { f32, graphOf, run } from '../support/evaluate.ts';
import { noise } from '../training/support.ts';

const nodes = (g: Graph) => topological(g.outputs.map((o) => o.value)).filter((n) => n._tag === 'Operator');

const count = (g: Graph, operator: string): number => nodes(g).filter((n) => n.operator === operator).length;

const shape = [3, 4, 5, 2] as const;
const x = input('x', 'float32', shape);
const factor = input('factor', 'float32', [1, 4, 1, 1]);
const feeds = {
  x: f32(noise(120, 1), [...shape]),
  z: f32(noise(120, 2), [...shape]),
  factor: f32(noise(4, 3), [1, 4, 1, 1]),
};
const z = input('z', 'float32', shape);

const sum = Op.reduceSum({ axes: [0, 2, 3], keepDims: true });
const mean = Op.reduceMean({ axes: [0, 2, 3], keepDims: true });
const deviation = Op.sub(x, mean(x));

/** The simple graph, after a comparison of results. */
const agree = async (g: Graph): Promise<Graph> => {
  const simple = shared(simplify()(g));
  const [a, b] = [await run(g, feeds), await run(simple, feeds)];
  for (const [name, { data, shape }] of Object.entries(a)) {
    expect(b[name]?.shape).toEqual(shape);
    const other = Array.from(b[name]?.data ?? [], Number);
    Array.from(data, Number).forEach((v, i) => {
      expect(other[i]).toBeCloseTo(v, 4);
    });
  }
  return simple;
};

describe('sums', () => {
  it('of deviations from the mean are zero', async () => {
    const simple = await agree(graphOf({ y: Op.add(sum(deviation), factor), m: Op.mul(mean(deviation), factor) }));
    expect(count(simple, 'ReduceSum') + count(simple, 'ReduceMean')).toBe(0);
  });

  it('of deviations along other axes are not', async () => {
    const other = Op.reduceSum({ axes: [0, 2], keepDims: true });
    expect(count(await agree(graphOf({ y: other(deviation) })), 'ReduceSum')).toBe(1);
  });

  it('let a factor out that is the same along their axes, with the axes kept or not', async () => {
    const gone = Op.reduceSum({ axes: [0, 2, 3] });
    const simple = await agree(graphOf({ a: sum(Op.mul(x, factor)), b: gone(Op.mul(factor, x)), c: sum(x) }));
    const sizes = nodes(simple).flatMap((n) => (n.operator === 'Mul' ? [n.outputs[0]?.shape] : []));
    expect(sizes.every((s) => s?.[0] !== 3)).toBe(true);
    // That of `a` is that of `c`.
    expect(count(simple, 'ReduceSum')).toBe(2);
  });

  it('keep a factor that is not', async () => {
    const cells = Op.reduceSum({ axes: [1] });
    const simple = await agree(graphOf({ y: cells(Op.mul(x, factor)) }));
    expect(count(simple, 'Mul')).toBe(1);
    expect(nodes(simple).find((n) => n.operator === 'Mul')?.outputs[0]?.shape).toEqual(shape);
  });

  it('are taken apart where all parts but one are zero, and only there', async () => {
    const apart = Op.add(Op.mul(z, factor), Op.mul(deviation, factor));
    const one = await agree(graphOf({ y: sum(apart) }));
    expect(nodes(one).flatMap((n) => (n.operator === 'Add' ? [n] : []))).toEqual([]);
    const whole = Op.add(Op.mul(z, factor), Op.mul(x, Op.exp(factor)));
    expect(count(await agree(graphOf({ y: sum(whole) })), 'Add')).toBe(1);
  });

  it('the gradient of a normalisation reads its cotangent once for both sums of it', async () => {
    const variance = mean(Op.mul(deviation, deviation));
    const y = Op.add(Op.mul(deviation, Op.mul(Op.reciprocal(Op.sqrt(Op.add(variance, 1e-3))), factor)), factor);
    const loss = Op.reduceSum()(Op.mul(Op.tanh(y), z));
    const [dx, dFactor] = right(grad(loss, [x, factor])) as readonly [Value, Value];
    const g = graphOf({ dx, dFactor });
    expect(count(await agree(g), 'ReduceSum')).toBeLessThan(count(g, 'ReduceSum'));
  });
});

describe('common subexpressions', () => {
  it('are computed once, equal small constants too', () => {
    const twice = graphOf({ a: Op.tanh(Op.add(x, 1)), b: Op.tanh(Op.add(x, 1)), c: Op.tanh(Op.add(x, 2)) });
    expect(count(shared(twice), 'Tanh')).toBe(2);
  });

  it('leave a graph without any the very same', () => {
    const g = graphOf({ a: Op.tanh(x), b: Op.exp(x) });
    expect(shared(g)).toBe(g);
  });

  it('are not what differs in an attribute, a type or an input left out', () => {
    const g = graphOf({
      a: Op.reduceSum({ axes: [1] })(x),
      b: Op.reduceSum({ axes: [1], keepDims: true })(x),
      c: Op.cast('float16')(x),
      d: Op.cast('float64')(x),
    });
    expect(shared(g)).toBe(g);
  });
});

it('random graphs of sums, products and deviations', async () => {
  const leaf = fc.constantFrom(x, z, deviation, Op.mul(deviation, factor), Op.mul(factor, z));
  const tree: fc.Arbitrary<Value> = fc.letrec<{ tree: Value }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.tuple(tie('tree'), tie('tree')).map(([a, b]) => Op.add(a, b)),
      fc.tuple(tie('tree'), tie('tree')).map(([a, b]) => Op.mul(a, Op.tanh(b))),
      tie('tree').map((a) => Op.mul(a, factor)),
      tie('tree').map((a) => Op.sub(a, mean(a))),
      tie('tree').map((a) => Op.mul(a, sum(Op.mul(a, factor)))),
    ),
  })).tree;
  await fc.assert(
    fc.asyncProperty(tree, async (y) => {
      await agree(
        graphOf({
          s: Op.mul(sum(Op.tanh(y)), factor),
          m: Op.reduceMean({ axes: [0, 2, 3] })(Op.mul(Op.tanh(y), factor)),
          y: Op.tanh(y),
        }),
      );
    }),
    { numRuns: 40, seed: 5 },
  );
});

describe('sizes', () => {
  const rows = input('rows', 'float32', ['batch', 4]);
  const size = (v: Value, axis = 0): Value => Op.gather(Op.shapeOf(v), Op.scalar(axis, 'int64'));
  const values = { rows: f32(noise(12, 5), [3, 4]) };

  it('are asked of the first value that has them, once', async () => {
    const hidden = Op.tanh(Op.mul(rows, rows));
    const n = Op.add(size(hidden), size(Op.transpose([1, 0])(Op.exp(hidden)), 1));
    const before = graphOf({ n });
    const after = shared(simplify()(before));
    expect((await run(after, values)).n).toEqual((await run(before, values)).n);
    expect(nodes(after).map((node) => node.operator)).toEqual(['Shape', 'Gather', 'Add']);
  });

  it('without a name are asked where they are', () => {
    const some = { ...rows, type: { ...rows.type, shape: ['?', 4] } } as Value;
    const before = graphOf({ n: size(Op.tanh(some)) });
    expect(count(simplify()(before), 'Tanh')).toBe(1);
  });
});
