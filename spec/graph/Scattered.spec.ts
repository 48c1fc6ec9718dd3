/** The gradient of a logarithm of probabilities of which one was chosen: the very same numbers, with no zeros around them. */
import { flow } from 'fp-ts/lib/function.js';
import { describe, expect, it } from 'vitest';
import { grad } from '../../src/autodiff/Grad.ts';
import { type Graph, input, topological, type Value } from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import { rewrite } from '../../src/graph/rewrite/Rewrite.ts';
import { scattered } from '../../src/graph/rewrite/Scattered.ts';
import { shared } from '../../src/graph/rewrite/Shared.ts';
import { right } from '../interpret/support.ts';
import { f32, graphOf, run } from '../support/evaluate.ts';
import { noise } from '../training/support.ts';

const fewer = flow(shared, rewrite(scattered));

const count = (g: Graph, operator: string): number =>
  topological(g.outputs.map((o) => o.value)).filter((n) => n._tag === 'Operator' && n.operator === operator).length;

const logits = input('logits', 'float32', ['batch', 3, 5]);
const chosen = input('chosen', 'int64', ['batch', 3, 1]);
const weights = input('weights', 'float32', ['batch', 3, 1]);
const feeds = {
  logits: f32(noise(30, 1), [2, 3, 5]),
  chosen: { dtype: 'int64', shape: [2, 3, 1], data: BigInt64Array.from([0n, 4n, 2n, 2n, 1n, 3n]) },
  weights: f32(noise(6, 2), [2, 3, 1]),
} as const;

const loss = (axis: number, probabilities: Value = Op.logSoftmax(axis)(logits)): Value =>
  Op.reduceSum()(Op.mul(Op.gatherElements(probabilities, chosen, axis), weights));

const gradient = (of: Value): Value => right(grad(of, [logits]))[0] as Value;

describe('the gradient of a chosen logarithm of probabilities', () => {
  it('adds to the others what was chosen, without zeros and their sum', async () => {
    const g = graphOf({ d: gradient(loss(-1)) });
    const simple = fewer(g);
    expect(count(g, 'ConstantOfShape')).toBeGreaterThan(0);
    for (const operator of ['ConstantOfShape', 'ReduceSum', 'Sub']) expect(count(simple, operator)).toBe(0);
    expect(count(simple, 'ScatterElements')).toBe(1);
    expect(await run(simple, feeds)).toEqual(await run(g, feeds));
  });

  /** `s - e * sum(s)`, of a scattered `s`. */
  const form = (options: {
    readonly zeros?: Value;
    readonly reduce?: Op.ScatterReduction;
    readonly axis?: number;
    readonly indices?: Value;
    readonly updates?: Value;
  }): readonly [s: Value, y: Value] => {
    const { reduce = 'add', axis = 2, indices = chosen, updates = weights } = options;
    const zeros = options.zeros ?? Op.fillLike(logits);
    const s = Op.scatterElements(zeros, indices, updates, 2, reduce);
    return [s, Op.sub(s, Op.mul(logits, Op.reduceSum({ axes: [axis], keepDims: true })(s)))];
  };

  it('is known by its form, whichever factor is the sum', () => {
    const [s, y] = form({});
    expect(count(fewer(graphOf({ y })), 'Sub')).toBe(0);
    const turned = Op.sub(s, Op.mul(Op.reduceSum({ axes: [-1], keepDims: true })(s), logits));
    expect(count(fewer(graphOf({ y: turned })), 'Sub')).toBe(0);
  });

  it('stays where it is another one, or where something else reads its parts', () => {
    const two = { indices: input('i', 'int64', ['batch', 3, 2]), updates: input('u', 'float32', ['batch', 3, 2]) };
    const few = { indices: input('i', 'int64', ['batch', 2, 1]), updates: input('u', 'float32', ['batch', 2, 1]) };
    const other = [
      { zeros: Op.fillLike(logits, 1) },
      { zeros: logits },
      { reduce: 'none' },
      { axis: 1 },
      two,
      few,
    ] as const;
    for (const options of other) {
      const [, y] = form(options);
      expect(count(fewer(graphOf({ y })), 'Sub')).toBe(1);
    }
    const [s, y] = form({});
    expect(count(fewer(graphOf({ y, s })), 'Sub')).toBe(1);
    const { node } = y;
    const product = node._tag === 'Operator' ? (node.inputs[1] as Value) : y;
    expect(count(fewer(graphOf({ y, product })), 'Sub')).toBe(1);
    const sum = product.node._tag === 'Operator' ? (product.node.inputs[1] as Value) : y;
    expect(count(fewer(graphOf({ y, sum })), 'Sub')).toBe(1);
  });
});
