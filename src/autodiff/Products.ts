/**
 * Rules of matrix products.
 */
import type { Value } from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import { cotangent, floatOf, input, intOf, product, type Rule, shapedAs, unbroadcast } from './Rule.ts';

/** Batch and rows as one axis: a sum over the batch becomes part of one product. */
const rows = (x: Value): Value => {
  const shape = x.type.shape;
  const before = shape.slice(0, -1);
  const known = before.filter((d) => typeof d === 'number');
  const columns = shape[shape.length - 1] ?? 1;
  return Op.reshape([known.length === before.length ? product(known) : '?', columns])(x);
};

interface Factors {
  readonly transA: boolean;
  readonly transB: boolean;
  readonly alpha: number;
}

const gradientA = (dy: Value, a: Value, b: Value, { transA, transB, alpha }: Factors): Value =>
  unbroadcast(a)(
    transA
      ? Op.multiply(b, dy, { transA: transB, transB: true, alpha })
      : Op.multiply(dy, b, { transB: !transB, alpha }),
  );

const gradientB = (dy: Value, a: Value, b: Value, { transA, transB, alpha }: Factors): Value => {
  const sizesKnown = [...b.type.shape, a.type.shape[Op.rank(a) - 1]].every((d) => typeof d === 'number');
  const flattened = Op.rank(b) === 2 && Op.rank(a) > 2 && !transA && sizesKnown;
  const [x, d] = flattened ? [rows(a), rows(dy)] : [a, dy];
  return unbroadcast(b)(
    transB ? Op.multiply(d, x, { transA: true, transB: transA, alpha }) : Op.multiply(x, d, { transA: !transA, alpha }),
  );
};

/** MatMul and FusedMatMul: batch axes broadcast; a vector is a row on the left and a column on the right. */
export const matMul: Rule = (at) => {
  const { node } = at;
  if (intOf(node, 'transBatchA', 0) !== 0 || intOf(node, 'transBatchB', 0) !== 0)
    throw new Op.GraphDefect('FusedMatMul with transBatchA or transBatchB');
  const factors = {
    transA: intOf(node, 'transA', 0) !== 0,
    transB: intOf(node, 'transB', 0) !== 0,
    alpha: floatOf(node, 'alpha', 1),
  };
  const [a, b] = [input(at, 0), input(at, 1)];
  const left = Op.rank(a) === 1 ? Op.unsqueeze([0])(a) : a;
  const right = Op.rank(b) === 1 ? Op.unsqueeze([1])(b) : b;
  const column = Op.rank(b) === 1 ? Op.unsqueeze([-1])(cotangent(at)) : cotangent(at);
  const dy = Op.rank(a) === 1 ? Op.unsqueeze([-2])(column) : column;
  return [
    () => shapedAs(a)(gradientA(dy, left, right, factors)),
    () => shapedAs(b)(gradientB(dy, left, right, factors)),
  ];
};

/** alpha op(A) op(B) + beta C, all matrices; C is broadcast. */
export const gemm: Rule = (at) => {
  const { node } = at;
  const [dy, a, b, c] = [cotangent(at), input(at, 0), input(at, 1), at.inputs[2]] as const;
  const beta = floatOf(node, 'beta', 1);
  const factors = {
    transA: intOf(node, 'transA', 0) !== 0,
    transB: intOf(node, 'transB', 0) !== 0,
    alpha: floatOf(node, 'alpha', 1),
  };
  return [
    () => gradientA(dy, a, b, factors),
    () => gradientB(dy, a, b, factors),
    c === undefined ? undefined : () => unbroadcast(c)(beta === 1 ? dy : Op.mul(dy, beta)),
  ];
};
