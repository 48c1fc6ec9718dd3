/** Graphs in two: what does not change is computed before, and the results are the same. */
import { describe, expect, it } from 'vitest';
import { type Graph, graph, input, operator, topological, type Value } from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import { prepared } from '../../src/graph/Prepared.ts';
import { f32, run } from '../support/evaluate.ts';
import { noise } from '../training/support.ts';

const x = input('x', 'float32', ['batch', 4]);
const w = input('w', 'float32', [4, 3]);
const b = input('b', 'float32', [3]);
const feeds = { x: f32(noise(8, 1), [2, 4]), w: f32(noise(12, 2), [4, 3]), b: f32(noise(3, 3)) };

const of = (values: Readonly<Record<string, Value>>): Graph =>
  graph(
    'spec',
    [x, w, b],
    Object.entries(values).map(([name, value]) => ({ name, value })),
  );

const split = prepared((name) => name === 'x');

const inputs = (g: Graph): readonly string[] =>
  g.inputs.flatMap(({ node }) => (node._tag === 'Input' ? [node.name] : []));

const operators = (g: Graph): readonly string[] =>
  topological(g.outputs.map((o) => o.value)).flatMap((n) => (n._tag === 'Operator' ? [n.operator] : []));

const normalised = Op.div(w, Op.sqrt(Op.reduceSum({ axes: [0], keepDims: true })(Op.mul(w, w))));

describe('a graph in two', () => {
  it('has the results of the whole', async () => {
    const scale = Op.exp(b);
    const y = Op.add(Op.matMul(x, normalised), scale);
    const whole = of({ y, z: Op.mul(y, scale) });
    const found = split(whole);
    if (found === undefined) throw new Error('expected two graphs');
    expect(inputs(found.first).toSorted()).toEqual(['b', 'w']);
    expect(operators(found.first).toSorted()).toEqual(['Div', 'Exp', 'Mul', 'ReduceSum', 'Sqrt']);
    expect(inputs(found.rest)).toEqual(['x', ...found.first.outputs.map((o) => o.name)]);
    expect(operators(found.rest)).toEqual(['MatMul', 'Add', 'Mul']);
    const between = await run(found.first, feeds);
    expect(await run(found.rest, { ...feeds, ...between })).toEqual(await run(whole, feeds));
  });

  it('asks for weights before they are only given another shape', () => {
    const found = split(of({ y: Op.add(Op.reshape(['batch', 4, 1])(x), Op.reshape([1, 3])(Op.exp(b))) }));
    expect(found?.rest.inputs.at(-1)?.type.shape).toEqual([3]);
    expect(split(of({ y: Op.add(Op.reshape(['batch', 4, 1])(x), Op.reshape([1, 3])(b)) }))).toBeUndefined();
  });

  it('takes what a body reads from around it', async () => {
    const row = input('row', 'float32', [4]);
    const body = graph('body', [row], [{ name: 'sum', value: Op.add(Op.reduceSum()(row), Op.exp(b)) }]);
    const [y] = Op.scan([x], body);
    const whole = of({ y: y as Value });
    const found = split(whole);
    if (found === undefined) throw new Error('expected two graphs');
    expect(operators(found.first)).toEqual(['Exp']);
    const between = await run(found.first, feeds);
    expect(await run(found.rest, { ...feeds, ...between })).toEqual(await run(whole, feeds));
  });

  it('is none where nothing is computed of what stays, or nothing else of an output', () => {
    expect(split(of({ y: Op.matMul(x, w) }))).toBeUndefined();
    expect(split(of({ y: Op.exp(x), z: Op.exp(w) }))).toBeUndefined();
  });

  it('leaves sizes where they are, and is none where numbers are drawn', () => {
    const size = Op.cast('float32')(Op.shapeOf(Op.exp(w)));
    const found = split(of({ y: Op.mul(Op.reduceSum()(x), Op.gather(size, Op.scalar(0, 'int64'))) }));
    expect(found?.first.outputs).toHaveLength(1);
    expect(split(of({ y: Op.gather(x, Op.shapeOf(Op.exp(w)), 1) }))).toBeUndefined();
    const [drawn] = operator('RandomNormalLike', [w], [w.type]);
    expect(split(of({ y: Op.matMul(x, Op.add(drawn as Value, Op.exp(w))) }))).toBeUndefined();
  });
});
