/**
 * Rules of what goes by places of an image: sizes, pooling, channels, frames.
 */
import type { Value } from '../Graph.ts';
import * as Op from '../Operators.ts';
import { ints } from '../operators/node.ts';
import { named } from '../rewrite/Rewrite.ts';
import { framed, type Image, imageOf, isPoint, nchwc, unfolded } from './Layout.ts';
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
// pooling
// -------------------------------------------------------------------------------------

export const pool: Rule = (node, { block, uses, isBlocked, blocked }) => {
  const x = node.inputs[0] as Value;
  const indices = node.outputs.length > 1 && uses({ type: node.outputs[1] as Value['type'], node, index: 1 }) > 0;
  if (!isBlocked(x) || indices || imageOf(output(node), block) === undefined || !explicitPads(node)) return undefined;
  return inBlocks(named(node)(nchwc(node.operator, [blocked(x)], output(node), node.attributes)));
};

// -------------------------------------------------------------------------------------
// channels
// -------------------------------------------------------------------------------------

/** Numbers of the largest kernel that moves channels: of a larger one the convolution takes longer than to go to the plain layout. */
const largest = 2 ** 14;

/**
 * Channels of zeros before and behind an image's, or taken from them: a convolution in whose kernel each row has a single one. (A
 * number that is not finite makes the others of its cell so too.)
 */
const channelsMoved = (x: Value, y: Value, first: number, block: number): Value | undefined => {
  const [, channels] = x.type.shape as Image;
  const [, filters] = y.type.shape as Image;
  if (channels * filters > largest) return undefined;
  // [filters / block, channels / block, block of channels, block of filters]
  const kernel = Array.from({ length: filters * channels }, (_, i) => {
    const filter = Math.floor(i / (channels * block)) * block + (i % block);
    const channel = Math.floor(i / (block * block)) % (channels / block);
    return channel * block + (Math.floor(i / block) % block) === filter + first ? 1 : 0;
  });
  return nchwc('Conv', [x, Op.tensor(kernel, [filters, channels, 1, 1], 'float32')], y, { kernel_shape: ints([1, 1]) });
};

/** A part of the channels, or of the places. */
export const cut: Rule = (node, { block, isBlocked, blocked }) => {
  const [x, ...given] = node.inputs as readonly Value[];
  const y = output(node);
  const [starts, ends, axes, steps = [1]] = given.map(constants);
  const of = imageOf(y, block);
  if (x === undefined || of === undefined || y.type.dtype !== 'float32' || !isBlocked(x)) return undefined;
  if (starts === undefined || ends === undefined || steps.some((n) => n !== 1)) return undefined;
  if (axes?.join() === '2,3') {
    const part = Op.slice({ axes, starts, ends })(unfolded(block)(blocked(x) as Value));
    return inBlocks(named(node)(Op.reshape(y.type.shape)(part)));
  }
  const [start = 0] = starts;
  if (isPoint(of) || axes?.join() !== '1' || start < 0) return undefined;
  const part = channelsMoved(blocked(x) as Value, y, start, block);
  return part === undefined ? undefined : inBlocks(named(node)(part));
};

/** Rows, columns and channels of zeros around an image, or taken from it. */
export const pad: Rule = (node, { block, isBlocked, blocked }) => {
  const [x, given, value] = node.inputs as readonly [Value, Value, Value | undefined];
  const y = output(node);
  const pads = constants(given);
  const mode = node.attributes.mode;
  const zeros = value === undefined || constants(value)?.every((v) => v === 0) === true;
  const constant = mode === undefined || (mode._tag === 'String' && mode.value === 'constant');
  if (pads?.length !== 8 || node.inputs.length > 3 || !zeros || !constant || y.type.dtype !== 'float32')
    return undefined;
  if (!isBlocked(x) || imageOf(x, block) === undefined || imageOf(y, block) === undefined) return undefined;
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
  if (n0 !== 0 || n1 !== 0) return undefined;
  const image = framed(block)([top, left, bottom, right])(blocked(x) as Value);
  const all = c0 === 0 && c1 === 0 ? image : channelsMoved(image, y, -c0, block);
  return all === undefined ? undefined : inBlocks(named(node)(all));
};
