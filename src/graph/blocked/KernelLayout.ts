/**
 * Kernels of convolutions in blocks, and back. A kernel is put there once a step, in two transpositions that move whole vectors:
 * onnxruntime has a fast loop for matrices, and copies what stays together; one transposition of all six axes takes three times as
 * long as both.
 */
import type { Value } from '../Graph.ts';
import * as Op from '../Operators.ts';
import { intsOf } from '../rewrite/Rewrite.ts';

type Sizes = readonly [filters: number, channels: number, height: number, width: number];

const sizesOf = (w: Value): Sizes => w.type.shape as readonly number[] as Sizes;

/** From [channels, taps, filters], or any other two in their places, to blocks: [.., .., taps, block, block]. */
const blocksOf =
  (block: number, [outer, taps, inner]: readonly [number, number, number]) =>
  (w: Value): Value =>
    Op.transpose([3, 0, 2, 1, 4])(Op.reshape([outer / block, block, taps, inner / block, block])(w));

const constants = (v: Value | undefined): readonly number[] =>
  v?.node._tag === 'Constant' ? Array.from(v.node.data.data, Number) : [];

/**
 * The kernel whose gradient to the image has this one: filters and channels in each other's place, rows and columns from the end.
 * `undefined`: it is no such kernel.
 */
const turned = (w: Value): Value | undefined => {
  const slice = w.node._tag === 'Operator' && w.node.operator === 'Slice' ? w.node : undefined;
  const swap = slice?.inputs[0]?.node;
  if (slice === undefined || swap?._tag !== 'Operator' || swap.operator !== 'Transpose') return undefined;
  const [, starts, , axes, steps] = slice.inputs.map(constants);
  const isWhole = starts?.join() === '-1,-1' && axes?.join() === '2,3' && steps?.join() === '-1,-1';
  const same = slice.outputs[0]?.shape.every((d, i) => d === swap.outputs[0]?.shape[i]);
  return isWhole && same && intsOf(swap, 'perm')?.join() === '1,0,2,3' ? (swap.inputs[0] ?? undefined) : undefined;
};

/** [filters, channels, h, w] as [filters / block, channels / block, h, w, block of channels, block of filters]. */
export const kernelOfBlocks =
  (block: number) =>
  (w: Value): Value => {
    const [filters, channels, height, width] = sizesOf(w);
    const taps = height * width;
    const original = taps > 1 ? turned(w) : undefined;
    if (original !== undefined) {
      // The original is [channels, filters, taps] in the names of this one.
      const last = Op.transpose([0, 2, 1])(Op.reshape([channels, filters, taps])(original));
      const back = Op.int64s(Array.from({ length: taps }, (_, i) => taps - 1 - i));
      return Op.reshape([filters, channels, height, width])(
        blocksOf(block, [channels, taps, filters])(Op.gather(last, back, 1)),
      );
    }
    const last = Op.transpose([1, 0])(Op.reshape([filters, channels * taps])(w));
    return Op.reshape([filters, channels, height, width])(blocksOf(block, [channels, taps, filters])(last));
  };

/** [filters, channels, h, w] as [filters / block, channels, h, w, block of filters]: few channels, or one for each filter. */
export const kernelOfFilters =
  (block: number) =>
  (w: Value): Value => {
    const [filters, channels, ...size] = sizesOf(w);
    const parts = Op.reshape([filters / block, block, channels, ...size])(w);
    return Op.reshape([filters, channels, ...size])(Op.transpose([0, 2, 3, 4, 1])(parts));
  };

/** [channels / block, filters / block, h, w, block of channels, block of filters] as [filters, channels, h, w]. */
export const kernelFromBlocks =
  (block: number, [filters, channels, height, width]: Sizes) =>
  (parts: Value): Value => {
    const taps = height * width;
    const sums = Op.reshape([channels / block, filters / block, taps, block, block])(parts);
    const last = Op.reshape([channels * taps, filters])(Op.transpose([0, 3, 2, 1, 4])(sums));
    return Op.reshape([filters, channels, height, width])(Op.transpose([1, 0])(last));
  };
