/**
 * Rules of what goes by places of an image: sizes, pooling, up-sampling, frames.
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
// pooling and up-sampling
// -------------------------------------------------------------------------------------

export const pool: Rule = (node, { block, uses, isBlocked, blocked }) => {
  const x = node.inputs[0] as Value;
  const indices = node.outputs.length > 1 && uses({ type: node.outputs[1] as Value['type'], node, index: 1 }) > 0;
  if (!isBlocked(x) || indices || imageOf(output(node), block) === undefined || !explicitPads(node)) return undefined;
  return inBlocks(named(node)(nchwc(node.operator, [blocked(x)], output(node), node.attributes)));
};

/** Cells repeated: whole blocks gathered, which onnxruntime does on all threads (its Resize on one). */
export const resize: Rule = (node, { block, isBlocked, blocked }) => {
  const x = node.inputs[0] as Value;
  const scales = constants(node.inputs[2]);
  const is = (name: string, value: string): boolean => {
    const a = node.attributes[name];
    return a?._tag === 'String' && a.value === value;
  };
  const whole = scales?.length === 4 && scales[0] === 1 && scales[1] === 1 && scales.every((s) => Number.isInteger(s));
  // In other modes a cell of the output may have another one's number.
  const floored =
    is('mode', 'nearest') &&
    is('nearest_mode', 'floor') &&
    is('coordinate_transformation_mode', 'asymmetric') &&
    node.attributes.axes === undefined;
  const from = imageOf(x, block);
  const to = imageOf(output(node), block);
  if (!isBlocked(x) || !whole || !floored || from === undefined || to === undefined) return undefined;
  const [batch, channels, height, width] = to;
  const [down, across] = [scales[2] as number, scales[3] as number];
  const cells = Op.reshape([batch, channels / block, from[2] * from[3], block])(blocked(x) as Value);
  const places = Array.from({ length: height * width }, (_, i) => {
    const [row, column] = [Math.floor(i / width), i % width];
    return Math.floor(row / down) * from[3] + Math.floor(column / across);
  });
  return inBlocks(named(node)(Op.reshape(to)(Op.gather(cells, Op.int64s(places), 2))));
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
