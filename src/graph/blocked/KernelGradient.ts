/**
 * The gradient of a convolution's kernel by onnxruntime's own convolution in blocks: the batch stands where the channels are.
 *
 * Where images are [batch, channels / block, cells, block] in memory, a convolution that sums over the batch wants blocks of samples:
 * - of the input as [channels / block, samples / block, height, width * block, block]: a row holds all the channels of a block side
 *   by side, and windows step over them by a dilation. So one window row yields `kernel width * block` results, as many as keep
 *   the processor's registers busy.
 * - of the cotangent, as kernels are: [filters / block, samples / block, height, width, samples, filters].
 *
 * Rows are put there by Gather, which copies on all threads. Its indices are also where a batch that does not fill blocks is filled up:
 * with rows of zeros of the input, and any rows of the cotangent. Of a whole batch that fills them, one block of channels is there
 * already.
 *
 * This takes half to two thirds of the time of a product for each tap (two cores, AVX-512; 16 to 64 channels, 3 by 3, batch 64).
 */
import type { Value } from '../Graph.ts';
import type { KernelGradient } from '../KernelGradient.ts';
import * as Op from '../Operators.ts';
import { ints } from '../operators/node.ts';
import { ofWholeBatch, samples } from './Batch.ts';
import { kernelFromBlocks } from './KernelLayout.ts';
import { framed, type Image, imageOf, nchwc } from './Layout.ts';

/** How many times as many samples the blocks may hold as there are. */
const waste = 1.5;

/** Whether this form is there and pays: whole blocks of channels and filters, several taps, a batch that nearly fills blocks. */
export const fits =
  (block: number, batch: number) =>
  ({ x, dy, options }: KernelGradient): boolean =>
    x.type.dtype === 'float32' &&
    options.kernel.some((k) => k > 1) &&
    options.dilations.every((d) => d === 1) &&
    imageOf(x, block) !== undefined &&
    imageOf(dy, block) !== undefined &&
    Math.ceil(batch / block) * block <= waste * batch;

const int32s = (values: readonly number[], shape: readonly number[]): Value => Op.tensor(values, shape, 'int32');

const places = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);

interface Samples {
  /** Of the batch, int32. */
  readonly count: Value;
  /** 0, 1, ... in whole blocks, int32: as many as the batch has, and the rest of the last block. */
  readonly places: Value;
}

const samplesOf = (x: Value, block: number): Samples => {
  const count = samples(x);
  const blocks = Op.div(Op.add(count, block - 1), block);
  return { count: Op.cast('int32')(count), places: Op.cast('int32')(Op.range(Op.mul(blocks, block))) };
};

/** Cells of the input that windows see: rows and columns. */
const reachOf = ({ dy, options: { kernel, strides } }: KernelGradient): readonly [number, number] => {
  const [, , height, width] = dy.type.shape as Image;
  const along = (axis: 0 | 1, n: number): number => (strides[axis] as number) * (n - 1) + (kernel[axis] as number);
  return [along(0, height), along(1, width)];
};

/** `x` with its zeros around it, samples in blocks, the channels of a block along the rows. */
const input = (x: Value, gradient: KernelGradient, samples: Samples, block: number, batch: number): Value => {
  const [, channels, height, width] = x.type.shape as Image;
  const [top, left] = gradient.options.pads as readonly [number, number];
  const [rows, columns] = reachOf(gradient);
  const [bottom, right] = [rows - top - height, columns - left - width];
  const blocks = channels / block;
  const column = Op.reshape(['?', 1]);
  /** Of a sample's first row: its rows block by block, of which so many are stored. */
  const within = (count: number, stored: number): Value =>
    int32s(
      places(blocks).flatMap((b) => places(count).map((r) => b * stored + r)),
      [blocks, 1, count],
    );
  const cellsOf = (image: Value): Value => Op.reshape(['?', ((image.type.shape as Image)[3] as number) * block])(image);

  const filledUp = (image: Value): Value => {
    // There must be one row of zeros to fill up with.
    const padded = framed(block)([top, left, top > 0 ? bottom : Math.max(1, bottom), right])(image);
    const stored = (padded.type.shape as Image)[2];
    const isThere = Op.less(samples.places, samples.count);
    const first = Op.where(isThere, Op.mul(samples.places, blocks * stored), top > 0 ? 0 : stored - 1);
    const index = Op.add(Op.mul(within(rows, stored), column(Op.cast('int32')(isThere))), column(first));
    const cells = Op.reshape([blocks, '?', rows, columns * block])(Op.gather(cellsOf(padded), index));
    return nchwc('ReorderInput', [cells], cells);
  };
  // Nothing is to be filled up, so zeros come last: then there is less to move.
  const whole = (image: Value): Value => {
    const first = column(Op.mul(samples.places, blocks * height));
    const gathered = blocks === 1 ? image : Op.gather(cellsOf(image), Op.add(within(height, height), first));
    const cells = Op.reshape([blocks, batch, height, width * block])(gathered);
    return framed(block)([top, left * block, bottom, right * block])(nchwc('ReorderInput', [cells], cells));
  };
  return batch % block !== 0
    ? filledUp(x)
    : ofWholeBatch(
        batch,
        [x],
        ([image]) => whole(image as Value),
        ([image]) => filledUp(image as Value),
      );
};

/** The cotangent as a kernel, samples in blocks. */
const kernel = (dy: Value, samples: Samples, block: number): Value => {
  const [, filters, height, width] = dy.type.shape as Image;
  const blocks = filters / block;
  const cells = height * width;
  const last = Op.sub(samples.count, 1);
  const first = Op.mul(Op.min(samples.places, last), blocks * cells);
  const within = int32s(
    places(blocks).flatMap((b) => places(cells).map((c) => b * cells + c)),
    [blocks, 1, cells, 1],
  );
  const index = Op.add(within, Op.reshape(['?', 1, block])(first));
  const gathered = Op.gather(Op.reshape(['?', block])(dy), index);
  return Op.reshape([filters, '?', height, width])(gathered);
};

/** [channels, filters, ...kernel] in the plain layout, from the operands `x` and `dy` in blocks. */
export const byBlocks = (block: number, batch: number, gradient: KernelGradient, x: Value, dy: Value): Value => {
  const [, channels] = x.type.shape as Image;
  const [, filters, ...window] = dy.type.shape as Image;
  const { kernel: size, strides } = gradient.options;
  const [rows, columns] = size as readonly [number, number];
  const samples = samplesOf(x, block);
  const like: Value['type'] = { dtype: 'float32', shape: [channels / block, filters, rows, columns * block] };
  const sums = nchwc(
    'Conv',
    [input(x, gradient, samples, block, batch), kernel(dy, samples, block)],
    { ...x, type: like },
    {
      kernel_shape: ints(window),
      dilations: ints([strides[0] as number, (strides[1] as number) * block]),
    },
  );
  return Op.transpose([1, 0, 2, 3])(kernelFromBlocks(block, [filters, channels, rows, columns])(sums));
};
