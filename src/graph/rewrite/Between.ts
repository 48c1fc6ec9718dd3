/**
 * What is padded or cut between two transpositions that undo each other is so on other axes without them.
 *
 * Law: the outputs are exactly those of the given graph.
 */
import type { OperatorNode, Value } from '../Graph.ts';
import * as Op from '../Operators.ts';
import { constantOf, intsOf, named, type Rule } from './Rewrite.ts';

const transposition = (v: Value | undefined): readonly [Value, readonly number[]] | undefined => {
  const { node } = v ?? {};
  const perm =
    node?._tag === 'Operator' && node.operator === 'Transpose' && node.detached === undefined
      ? intsOf(node, 'perm')
      : undefined;
  const x = node?._tag === 'Operator' ? node.inputs[0] : undefined;
  return perm === undefined || x === undefined ? undefined : [x, perm];
};

const numbers = (v: Value | undefined): readonly number[] | undefined => {
  const data = constantOf(v)?.data;
  return data === undefined ? undefined : Array.from(data, Number);
};

/** The inputs behind the first, for axis `i` in place of `to[i]`; `undefined`: they are not known. */
const onOtherAxes = (
  { operator, inputs }: OperatorNode,
  to: readonly number[],
  from: readonly number[],
): readonly (Value | undefined)[] | undefined => {
  if (operator === 'Pad') {
    const pads = numbers(inputs[1]);
    if (pads === undefined || inputs[3] !== undefined) return undefined;
    const n = to.length;
    const moved = [...to, ...to.map((a) => a + n)].map((a) => pads[a] as number);
    return [Op.int64s(moved), inputs[2]];
  }
  const axes = operator === 'Slice' ? numbers(inputs[3]) : undefined;
  return axes === undefined
    ? undefined
    : [inputs[1], inputs[2], Op.int64s(axes.map((a) => from[a < 0 ? a + from.length : a] as number)), inputs[4]];
};

export const between: Rule = (node, { uses }) => {
  const outer =
    node.domain === '' ? transposition({ type: node.outputs[0] as Value['type'], node, index: 0 }) : undefined;
  const inner = outer?.[0].node;
  if (outer === undefined || inner?._tag !== 'Operator' || inner.domain !== '' || uses(outer[0]) > 1) return undefined;
  const first = transposition(inner.inputs[0]);
  if (first === undefined || !outer[1].every((a, i) => first[1][a] === i)) return undefined;
  const rest = onOtherAxes(inner, outer[1], first[1]);
  if (rest === undefined) return undefined;
  const [type] = node.outputs as [Value['type']];
  const moved: OperatorNode = { ...inner, inputs: [first[0], ...rest], outputs: [type] };
  return [named(node)({ type, node: moved, index: 0 })];
};
