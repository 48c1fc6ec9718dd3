/** Some values in place of others: what is behind them goes, what is beside them stays. */
import { expect, it } from 'vitest';
import { input, nodesOf, type Value } from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import { substitute, substitution } from '../../src/graph/Substitute.ts';
import { graphOf } from '../support/evaluate.ts';

const [x, y] = [input('x', 'float32', [4]), input('y', 'float32', [4])];
const double = Op.mul(x, 2);
const halves = Op.split(0, [2, 2])(double) as readonly [Value, Value];
const sum = Op.add(halves[0], halves[1]);

it('nothing in place of nothing: the very same values', () => {
  expect(substitute(substitution([]))([sum, double])).toEqual([sum, double]);
  expect(substitute(substitution([]))([sum])[0]?.node).toBe(sum.node);
});

it('one output of two: what the other one is computed of is replaced too', () => {
  const other = Op.neg(halves[0]);
  const [now] = substitute(
    substitution([
      [halves[0], other],
      [x, y],
    ]),
  )([sum]) as readonly [Value];
  const names = nodesOf(graphOf({ now })).flatMap((n) => (n._tag === 'Input' ? [n.name] : []));
  // `other` is as it was given, and so reads x.
  expect(names.toSorted()).toEqual(['x', 'y']);
  expect(now.node._tag === 'Operator' && now.node.inputs[0]).toBe(other);
});

it('all outputs: nothing of what they were computed of is left', () => {
  const [a, b] = [input('a', 'float32', [2]), input('b', 'float32', [2])];
  const [now] = substitute(
    substitution([
      [halves[0], a],
      [halves[1], b],
    ]),
  )([sum]) as readonly [Value];
  expect(nodesOf(graphOf({ now })).length).toBe(3);
});
