/**
 * Products with a transposed first factor that turn it before. Within onnxruntime's product that costs the more the more columns the
 * result has. From 1024 on it is faster once before: the gradient to a kernel of 2048 by 1024 with a batch of 128 takes 3.9 instead of
 * 4.5 ms, and of 875 by 2048 3.4 instead of 3.7; of 512 columns there is little or nothing to win.
 *
 * Law: the outputs are those of the given graph up to rounding.
 */
import * as Op from '../Operators.ts';
import { floatOf, intOf, named, type Rule } from './Rewrite.ts';

/** Columns from which on it pays. */
const wide = 1024;

export const turned: Rule = (node) => {
  const [a, b] = node.inputs;
  if (node.operator !== 'FusedMatMul' || intOf(node, 'transA', 0) === 0 || intOf(node, 'transB', 0) === 1)
    return undefined;
  if (a === undefined || b === undefined || Op.rank(a) !== 2 || Op.rank(b) !== 2) return undefined;
  const columns = b.type.shape[1];
  if (typeof columns !== 'number' || columns < wide) return undefined;
  return [named(node)(Op.matMul(Op.transpose([1, 0])(a), b, { alpha: floatOf(node, 'alpha', 1) }))];
};
