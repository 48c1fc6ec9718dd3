/** Loops beyond what the cases of the table say: gradients of gradients, what cannot be differentiated, what is computed. */
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, test } from 'vitest';
import { grad, vjp } from '../../src/autodiff/Grad.ts';
import { capture } from '../../src/graph/Captured.ts';
import { graph, input, type OperatorNode, operator, topological, type Value } from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import { recur } from '../../src/graph/Recur.ts';
import { substitute, substitution } from '../../src/graph/Substitute.ts';
import { evaluate } from '../support/evaluate.ts';
import { f64 } from './random.ts';

const number = (name: string) => input(name, 'float64', []);
const scalarOf = async (v: Value, feeds: Readonly<Record<string, number>>) => {
  const given = Object.entries(feeds).map(([name, x]) => [name, f64([x], [])] as const);
  return (await evaluate({ v }, Object.fromEntries(given))).v?.data[0];
};

/** x (a x)^n in a loop: the state is multiplied by `a x` n times. */
const power = (a: Value, x: Value, n: number, saved: boolean): Value =>
  recur('power', Op.scalar(n, 'int64'), [x], (_, [h]) => {
    const next = Op.mul(h as Value, Op.mul(a, x));
    return { next: [next], outputs: [], saved: saved ? [h as Value, next] : [] };
  }).final[0] as Value;

const right = <A>(e: E.Either<{ readonly message: string }, A>): A => {
  if (E.isLeft(e)) throw new Error(e.left.message);
  return e.right;
};

const operators = (v: readonly Value[]): readonly OperatorNode[] =>
  topological(v).flatMap((n) => (n._tag === 'Operator' ? [n] : []));

describe.each([true, false])('carried values scanned: %s', (saved) => {
  test('derivatives of derivatives', async () => {
    const [a, x] = [number('a'), number('x')];
    const y = power(a, x, 3, saved);
    const [first] = right(grad(y, [x]));
    const [second] = right(grad(first as Value, [x]));
    const feeds = { a: 0.7, x: 1.3 };
    expect(await scalarOf(y, feeds)).toBeCloseTo(0.7 ** 3 * 1.3 ** 4, 10);
    expect(await scalarOf(first as Value, feeds)).toBeCloseTo(4 * 0.7 ** 3 * 1.3 ** 3, 10);
    expect(await scalarOf(second as Value, feeds)).toBeCloseTo(12 * 0.7 ** 3 * 1.3 ** 2, 10);
  });

  test('the loop runs once forwards if it scans them, otherwise twice', () => {
    const [a, x] = [number('a'), number('x')];
    const y = power(a, x, 3, saved);
    const loops = operators([y, ...right(grad(y, [x]))]).filter((n) => n.operator === 'Loop');
    expect(loops.length).toBe(saved ? 2 : 3);
  });
});

test('what a loop does not need is not differentiated: a frozen weight costs no sum', () => {
  const [a, x] = [number('a'), number('x')];
  const y = power(a, x, 3, true);
  const loops = operators(right(grad(y, [a]))).filter((n) => n.operator === 'Loop');
  // The cotangent of the state and the sums of a and x come back; nothing more.
  expect(loops[1]?.outputs.length).toBeLessThanOrEqual(3);
});

test('an operator without a gradient inside is named', () => {
  const x = number('x');
  const y = recur('body', Op.scalar(2, 'int64'), [x], (_, [h]) => ({
    next: [operator('NoSuchOperator', [h], [(h as Value).type])[0] as Value],
    outputs: [],
    saved: [],
  })).final[0] as Value;
  const result = vjp([y], [Op.scalar(1, 'float64')], [x]);
  expect(E.isLeft(result) && result.left.message).toContain('NoSuchOperator');
  expect(E.isLeft(result) && result.left.operators[0]?.operator).toBe('Loop');
});

describe('captured values', () => {
  test('are those of the graph around, once each, in order of use; constants are not', () => {
    const [a, b, h] = [number('a'), number('b'), number('h')];
    const sum = Op.add(a, b);
    const body = graph('body', [h], [{ name: 'y', value: Op.mul(Op.mul(h, sum), Op.add(Op.mul(a, 2), h)) }]);
    const { captured, inside } = capture(body);
    expect(captured.map((v) => (v.node._tag === 'Operator' ? v.node.operator : ''))).toEqual(['Add', 'Mul']);
    expect(captured[0]?.node).toBe(sum.node);
    expect(inside.has(h.node) && !inside.has(sum.node)).toBe(true);
  });

  test('of a loop in a loop reach the outer one', () => {
    const [a, x] = [number('a'), number('x')];
    const y = recur('outer', Op.scalar(2, 'int64'), [x], (_, [h]) => ({
      next: [power(a, h as Value, 2, false)],
      outputs: [],
      saved: [],
    })).final[0] as Value;
    const attribute = (y.node as OperatorNode).attributes.body;
    const { captured } = capture(attribute?._tag === 'Graph' ? attribute.value : graph('', [], []));
    expect(captured.map((v) => v.node)).toEqual([a.node]);
  });
});

describe('substitution', () => {
  const [a, b, x] = [number('a'), number('b'), number('x')];

  test('of nothing gives the same nodes; what reaches no replaced value stays the same node', () => {
    const left = Op.sin(a);
    const y = Op.add(left, Op.cos(x));
    expect(substitute(substitution([]))([y])[0]?.node).toBe(y.node);
    const z = substitute(substitution([[x, b]]))([y])[0] as Value;
    expect(z.node).not.toBe(y.node);
    expect((z.node as OperatorNode).inputs[0]?.node).toBe(left.node);
  });

  test('reaches into the bodies of loops', async () => {
    const y = power(a, Op.mul(x, 1), 2, false);
    const [z] = substitute(substitution([[a, b]]))([y]);
    expect(await scalarOf(z as Value, { b: 0.5, x: 2 })).toBeCloseTo(0.25 * 8, 10);
  });
});
