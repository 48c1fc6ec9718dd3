/**
 * Kernels of convolutions in blocks, and back. What turns squares of numbers is onnxruntime's own operators between plain images and those
 * in blocks, with filters for channels and the rest for cells: they run on all threads, and of 64 filters and 64 channels take a
 * twelfth of the time of its Transpose. That is left to move whole vectors.
 */
import type { Value } from '../Graph.ts';
import * as Op from '../Operators.ts';
import { intsOf, operands } from '../rewrite/Rewrite.ts';
import { toBlocked, toPlain } from './Layout.ts';

type Sizes = readonly [filters: number, channels: number, height: number, width: number];

const sizesOf = (w: Value): Sizes => w.type.shape as readonly number[] as Sizes;

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

/** A turned kernel with a factor for each of its channels, whose blocks are better multiplied than made anew. */
const timesChannels = (w: Value): { readonly kernel: Value; readonly factor: Value } | undefined => {
  const [kernel, factor] = operands(w, 'Mul') ?? [];
  if (kernel === undefined || factor === undefined || turned(kernel) === undefined) return undefined;
  const isFit =
    factor.type.shape.length === 4 && factor.type.shape.every((d, i) => d === (i === 1 ? sizesOf(w)[1] : 1));
  return isFit ? { kernel, factor } : undefined;
};

/** [filters, channels, h, w] as [filters / block, channels / block, h, w, block of channels, block of filters]. */
export const kernelOfBlocks =
  (block: number) =>
  (w: Value): Value => {
    const [filters, channels, height, width] = sizesOf(w);
    const original = turned(w);
    if (original !== undefined) return turnedOfBlocks(block, original, sizesOf(w));
    const product = timesChannels(w);
    if (product !== undefined) {
      const each = Op.reshape([1, channels / block, 1, block, 1])(product.factor);
      const parts = [filters / block, channels / block, height * width, block, block];
      return Op.reshape(w.type.shape)(Op.mul(Op.reshape(parts)(kernelOfBlocks(block)(product.kernel)), each));
    }
    const taps = height * width;
    const cells = toBlocked(Op.reshape([1, filters, channels, taps])(w));
    const vectors = Op.reshape([filters / block, channels / block, block, taps, block])(cells);
    return Op.reshape([filters, channels, height, width])(Op.transpose([0, 1, 3, 2, 4])(vectors));
  };

/**
 * Squares of a kernel in blocks, each turned in itself, in an order of one's own: [squares, block of filters, block of channels]. Their
 * numbers count `kernelOfBlocks` through, blocks of filters first and taps last; `undefined` is a square of zeros.
 */
export const turnedSquares =
  (block: number, order: readonly (number | undefined)[]) =>
  (w: Value): Value => {
    const [filters, channels, height, width] = sizesOf(w);
    const [all, size] = [(filters * channels * height * width) / block ** 2, block ** 2];
    const given = Op.reshape([all, size])(kernelOfBlocks(block)(w));
    const zeros = Op.tensor(new Array<number>(size).fill(0), [1, size], 'float32');
    const blocks = order.includes(undefined) ? Op.concat(0)([given, zeros]) : given;
    const squares = Op.gather(blocks, Op.int64s(order.map((at) => at ?? all)));
    return toBlocked(Op.reshape([order.length, block, block / 4, 4])(squares));
  };

/** The same of a kernel that is turned, from the blocks of the original: they change places, and each is turned in itself. */
const turnedOfBlocks = (block: number, original: Value, sizes: Sizes): Value => {
  const [filters, channels, height, width] = sizes;
  const [rows, columns, taps] = [filters / block, channels / block, height * width];
  const order = Array.from({ length: rows * columns * taps }, (_, i) => {
    const [r, c, tap] = [Math.floor(i / (columns * taps)), Math.floor(i / taps) % columns, i % taps];
    return (c * rows + r) * taps + (taps - 1 - tap);
  });
  return Op.reshape(sizes)(turnedSquares(block, order)(original));
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
    const cells = Op.reshape([1, filters, channels, taps])(Op.transpose([1, 0, 3, 2, 4])(sums));
    return Op.reshape([filters, channels, height, width])(toPlain(cells));
  };
