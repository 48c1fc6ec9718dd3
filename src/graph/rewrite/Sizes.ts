/**
 * Sizes that are known at run time only, asked of the first value that has them: the size of a batch is that of the slice of
 * samples which began it. So it is computed once, and no large value is kept in memory for the sake of its size.
 *
 * Law: the outputs are exactly those of the given graph.
 */
import type { Dim } from '../../shape/Shape.ts';
import type { Value } from '../Graph.ts';
import * as Op from '../Operators.ts';
import { constantOf, intOf, type Rule } from './Rewrite.ts';

/** The value farthest up that a value has a named size from: a name means one size. */
const sourceOf = (v: Value, size: Dim): Value => {
  let at = v;
  for (;;) {
    const { node } = at;
    const isPlain = node._tag === 'Operator' && Object.values(node.attributes).every((a) => a._tag !== 'Graph');
    const from = isPlain ? node.inputs.find((u) => u?.type.shape.includes(size)) : undefined;
    if (from === undefined) return at;
    at = from;
  }
};

export const sizes: Rule = (node) => {
  const [shape, index] = node.inputs;
  const asked = shape?.node;
  if (node.operator !== 'Gather' || asked?._tag !== 'Operator' || asked.operator !== 'Shape') return undefined;
  const x = asked.inputs[0];
  const axis = constantOf(index);
  const isWhole = asked.domain === '' && Object.keys(asked.attributes).length === 0;
  if (x === undefined || axis?.data.length !== 1 || axis.shape.length > 0 || !isWhole) return undefined;
  if (intOf(node, 'axis', 0) !== 0) return undefined;
  const size = x.type.shape[Op.axisOf(x, Number(axis.data[0]))];
  if (typeof size !== 'string' || size === '?') return undefined;
  const source = sourceOf(x, size);
  const at = source.type.shape.indexOf(size);
  return source.node === x.node ? undefined : [Op.gather(Op.shapeOf(source), Op.scalar(at, 'int64'))];
};
