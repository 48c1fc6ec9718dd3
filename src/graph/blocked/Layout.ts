/**
 * The blocked layout of onnxruntime's CPU provider: the channels of an image tensor in groups of as many as a vector
 * register holds (8 or 16), `[batch, channels / block, height, width, block]` in memory. Its convolutions run on that layout up
 * to twice as fast as on channels first. onnxruntime itself changes to it only where weights are constants; while they are
 * trained they are not.
 *
 * A blocked value keeps the shape [batch, channels, height, width] in its type, as onnxruntime's operators of the domain
 * `com.microsoft.nchwc` have it: what elementwise operators compute is the same in any order of elements.
 */
import type { Attributes, Value } from '../Graph.ts';
import { operator, valueType } from '../Graph.ts';
import * as Op from '../Operators.ts';
import { int, ints } from '../operators/node.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** [batch, channels, height, width], of which all but the batch are known. */
export type Image = readonly [batch: Value['type']['shape'][number], channels: number, height: number, width: number];

/** The shape of an image tensor whose channels fill whole blocks. */
export const imageOf = (v: Value, block: number): Image | undefined => {
  const [batch, channels, height, width] = v.type.shape;
  return v.type.shape.length === 4 &&
    batch !== undefined &&
    batch !== '?' &&
    typeof channels === 'number' &&
    typeof height === 'number' &&
    typeof width === 'number' &&
    channels % block === 0
    ? [batch, channels, height, width]
    : undefined;
};

/** With one position both layouts are the same. */
export const isPoint = ([, , height, width]: Image): boolean => height === 1 && width === 1;

export const nchwc = (
  name: string,
  inputs: readonly (Value | undefined)[],
  like: Value,
  attributes: Attributes = {},
): Value =>
  operator(name, inputs, [valueType('float32', like.type.shape)], attributes, 'com.microsoft.nchwc')[0] as Value;

/** 0, 1, ... so many. */
export const places = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);

// -------------------------------------------------------------------------------------
// between the layouts
// -------------------------------------------------------------------------------------

export const toBlocked = (v: Value): Value => nchwc('ReorderInput', [v], v);

export const toPlain = (v: Value): Value =>
  nchwc('ReorderOutput', [v], v, { channels: int(v.type.shape[1] as number) });

/** Cells above, to the left, below and to the right; fewer than none are taken away. */
export type Frame = readonly [top: number, left: number, bottom: number, right: number];

/**
 * An image in a frame of zeros, or cut: a convolution of each channel with a kernel that has a single one, on all threads
 * (onnxruntime's Pad and Slice run on one).
 */
export const framed =
  (block: number) =>
  (frame: Frame) =>
  (x: Value): Value => {
    if (frame.every((n) => n === 0)) return x;
    const [batch, channels, height, width] = x.type.shape as Image;
    const [top, left, bottom, right] = frame;
    const cut = (n: number): number => Math.max(0, -n);
    const added = (n: number): number => Math.max(0, n);
    const size = [1 + cut(top) + cut(bottom), 1 + cut(left) + cut(right)] as const;
    const one = cut(top) * size[1] + cut(left);
    const kernel = Array.from({ length: channels * size[0] * size[1] }, (_, i) =>
      Math.floor(i / block) % (size[0] * size[1]) === one ? 1 : 0,
    );
    const like = { ...x, type: valueType('float32', [batch, channels, height + top + bottom, width + left + right]) };
    return nchwc('Conv', [x, Op.tensor(kernel, [channels, 1, ...size], 'float32')], like, {
      kernel_shape: ints(size),
      pads: ints([added(top), added(left), added(bottom), added(right)]),
      group: int(channels),
    });
  };

/** [batch, blocks, height, width, block]: what the memory really holds. */
export const unfolded =
  (block: number) =>
  (v: Value): Value => {
    const [batch, channels, height, width] = v.type.shape as Image;
    return Op.reshape([batch, channels / block, height, width, block])(v);
  };

/** What broadcasts with `unfolded` values as the plain value does with plain ones. */
export const unfoldedOperand =
  (block: number) =>
  (v: Value): Value | undefined => {
    const rank = v.type.shape.length;
    const shape = [...Array.from({ length: Math.max(0, 4 - rank) }, () => 1), ...v.type.shape];
    const [batch, channels, height, width] = shape;
    if (shape.length !== 4 || batch === undefined || batch === '?') return undefined;
    if (typeof height !== 'number' || typeof width !== 'number') return undefined;
    if (channels === 1) return Op.reshape([batch, 1, height, width, 1])(v);
    const whole = typeof channels === 'number' && channels % block === 0 && height === 1 && width === 1;
    return whole ? Op.reshape([batch, channels / block, 1, 1, block])(v) : undefined;
  };
