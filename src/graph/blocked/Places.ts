/**
 * Rules of what goes by places of an image: sizes, pooling, frames.
 */
import type { Value } from '../Graph.ts';
import * as Op from '../Operators.ts';
import { named } from '../rewrite/Rewrite.ts';
import { framed, imageOf, nchwc } from './Layout.ts';
import { constants, explicitPads, inBlocks, inPlain, output, type Rule } from './Rule.ts';

// -------------------------------------------------------------------------------------
// sizes
// -------------------------------------------------------------------------------------

/** A value in blocks has the sizes of the plain one. */
export const shape: Rule = (node, { isBlocked, blocked }) => {
  const x = node.inputs[0] as Value;
  return isBlocked(x) ? inPlain(Op.shapeOf(blocked(x) as Value)) : undefined;
};

// -------------------------------------------------------------------------------------
// pooling and frames
// -------------------------------------------------------------------------------------

export const pool: Rule = (node, { block, uses, isBlocked, blocked }) => {
  const x = node.inputs[0] as Value;
  const indices = node.outputs.length > 1 && uses({ type: node.outputs[1] as Value['type'], node, index: 1 }) > 0;
  if (!isBlocked(x) || indices || imageOf(output(node), block) === undefined || !explicitPads(node)) return undefined;
  return inBlocks(named(node)(nchwc(node.operator, [blocked(x)], output(node), node.attributes)));
};

/** Rows and columns of zeros around an image, or taken from it. */
export const pad: Rule = (node, { block, isBlocked, blocked }) => {
  const [x, given, value] = node.inputs as readonly [Value, Value, Value | undefined];
  const pads = constants(given);
  const mode = node.attributes.mode;
  const zeros = value === undefined || constants(value)?.every((v) => v === 0) === true;
  const constant = mode === undefined || (mode._tag === 'String' && mode.value === 'constant');
  if (pads?.length !== 8 || node.inputs.length > 3 || !zeros || !constant) return undefined;
  if (!isBlocked(x) || imageOf(x, block) === undefined || imageOf(output(node), block) === undefined) return undefined;
  const [n0, c0, top, left, n1, c1, bottom, right] = pads as unknown as readonly [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (n0 !== 0 || c0 !== 0 || n1 !== 0 || c1 !== 0) return undefined;
  return inBlocks(named(node)(framed(block)([top, left, bottom, right])(blocked(x) as Value)));
};
