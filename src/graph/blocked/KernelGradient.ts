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
 * onnxruntime goes through the whole cotangent for each few results. So where more would not stay in cache, sums are taken of some
 * rows of the images at a time, and added up.
 *
 * This takes half to two thirds of the time of a product for each tap (two cores, AVX-512; 16 to 64 channels, 3 by 3, batch 64). Of few
 * channels sums are taken of each sample by itself instead (`BySample.ts`).
 */
import type { Value } from '../Graph.ts';
import type { KernelGradient } from '../KernelGradient.ts';
import * as Op from '../Operators.ts';
import { ofWholeBatch, samples } from './Batch.ts';
import { bySample, isBySample } from './BySample.ts';
import { kernelFromBlocks } from './KernelLayout.ts';
import { reachOf, sums, together } from './KernelSums.ts';
import { framed, type Image, imageOf, nchwc, places } from './Layout.ts';

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

// -------------------------------------------------------------------------------------
// groups
// -------------------------------------------------------------------------------------

/** Bytes of the cotangent for a block of samples that stay in cache beside the input, for each number of a block; or twice as many. */
const cached = 2 ** 16;

/** How many times as many rows of the input the groups may read as there are. */
const overlap = 1.5;

/** In how many groups of rows sums are taken. */
export const groupsOf = (block: number, gradient: KernelGradient): number => {
  const [, filters, height, width] = gradient.dy.type.shape as Image;
  const [stride = 1] = gradient.options.strides;
  const bytes = 4 * Math.min(together * block, filters) * block * height * width;
  const divisors = places(height + 1).filter((n) => {
    const each = height / n;
    return Number.isInteger(each) && reachOf(gradient, [each, width])[0] <= overlap * stride * each;
  });
  const fitting = (limit: number): number | undefined => divisors.find((n) => bytes / n <= limit * block);
  return bytes <= cached * block ? 1 : (fitting(cached) ?? fitting(2 * cached) ?? 1);
};

// -------------------------------------------------------------------------------------
// operands
// -------------------------------------------------------------------------------------

type Steps = readonly [count: number, step: number];

/** So many places from each of the places that two steps lead to. (In loops: there are thousands.) */
const rowsAt = ([outer, far]: Steps, [inner, near]: Steps, n: number): readonly number[] => {
  const found: number[] = [];
  for (let i = 0; i < outer; i++)
    for (let j = 0; j < inner; j++) for (let k = 0; k < n; k++) found.push(i * far + j * near + k);
  return found;
};

/**
 * The input with its zeros around it, samples in blocks, the channels of a block along the rows; one group of rows after the other.
 * Where blocks may have to be filled up, there is a row of zeros to do it with.
 */
const input = (
  x: Value,
  gradient: KernelGradient,
  samples: Samples,
  block: number,
  groups: number,
  isWhole: boolean,
): Value => {
  const [, channels, height, width] = x.type.shape as Image;
  const [, , outHeight, outWidth] = gradient.dy.type.shape as Image;
  const [top, left] = gradient.options.pads as readonly [number, number];
  const [all, columns] = reachOf(gradient, [outHeight, outWidth]);
  const [rows] = reachOf(gradient, [outHeight / groups, outWidth]);
  const step = (gradient.options.strides[0] as number) * (outHeight / groups);
  const [bottom, right] = [all - top - height, columns - left - width];
  const blocks = channels / block;
  const padded = framed(block)([top, left, isWhole || top > 0 ? bottom : Math.max(1, bottom), right])(x);
  const stored = (padded.type.shape as Image)[2];
  const within = int32s(rowsAt([blocks, stored], [groups, step], rows), [blocks, groups, 1, rows]);
  const first = Op.mul(samples.places, blocks * stored);
  const isThere = Op.less(samples.places, samples.count);
  const index = isWhole
    ? Op.add(within, column(first))
    : Op.add(
        Op.mul(within, column(Op.cast('int32')(isThere))),
        column(Op.where(isThere, first, top > 0 ? 0 : stored - 1)),
      );
  const cells = Op.reshape([blocks, '?', rows, columns * block])(Op.gather(cellsOf(padded, block), index));
  return nchwc('ReorderInput', [cells], cells);
};

const column = Op.reshape(['?', 1]);

const cellsOf = (image: Value, block: number): Value =>
  Op.reshape(['?', ((image.type.shape as Image)[3] as number) * block])(image);

/** The same of a whole batch in one group: zeros come last, so there is less to move. */
const inputOfWhole = (x: Value, gradient: KernelGradient, samples: Samples, block: number): Value => {
  const [batch, channels, height, width] = x.type.shape as Image;
  const [, , outHeight, outWidth] = gradient.dy.type.shape as Image;
  const [top, left] = gradient.options.pads as readonly [number, number];
  const [all, columns] = reachOf(gradient, [outHeight, outWidth]);
  const blocks = channels / block;
  const within = int32s(places(blocks * height), [blocks, 1, height]);
  const first = column(Op.mul(samples.places, blocks * height));
  const gathered = blocks === 1 ? x : Op.gather(cellsOf(x, block), Op.add(within, first));
  const cells = Op.reshape([blocks, batch, height, width * block])(gathered);
  const [bottom, right] = [all - top - height, columns - left - width];
  return framed(block)([top, left * block, bottom, right * block])(nchwc('ReorderInput', [cells], cells));
};

/** The cotangent as a kernel, samples in blocks. */
const kernel = (dy: Value, samples: Samples, block: number, groups: number): Value => {
  const [, filters, height, width] = dy.type.shape as Image;
  const blocks = filters / block;
  const cells = height * width;
  const part = cells / groups;
  const last = Op.sub(samples.count, 1);
  const first = Op.mul(Op.min(samples.places, last), blocks * cells);
  const within = int32s(rowsAt([groups, part], [blocks, cells], part), [groups, blocks, 1, part, 1]);
  const index = Op.add(within, Op.reshape(['?', 1, block])(first));
  const gathered = Op.gather(Op.reshape(['?', block])(dy), index);
  return Op.reshape([groups * filters, '?', height / groups, width])(gathered);
};

// -------------------------------------------------------------------------------------
// products
// -------------------------------------------------------------------------------------

/** [channels, filters, ...kernel] in the plain layout, from the operands `x` and `dy` in blocks. */
export const byBlocks = (block: number, batch: number, gradient: KernelGradient, x: Value, dy: Value): Value => {
  const [, channels] = x.type.shape as Image;
  const [, filters] = dy.type.shape as Image;
  const [rows, columns] = gradient.options.kernel as readonly [number, number];
  const samples = samplesOf(x, block);
  const groups = groupsOf(block, gradient);
  const products = (image: Value, dy: Value): Value =>
    sums(image, kernel(dy, samples, block, groups), gradient, { lanes: block, groups });
  const single = isBySample(block, batch, gradient);
  const whole = ([x, dy]: readonly [Value, Value]): Value => {
    if (single) return bySample(x, dy, gradient, block);
    const image =
      groups > 1 ? input(x, gradient, samples, block, groups, true) : inputOfWhole(x, gradient, samples, block);
    return products(image, dy);
  };
  const part = ([x, dy]: readonly [Value, Value]): Value =>
    products(input(x, gradient, samples, block, groups, false), dy);
  const parts = single || batch % block === 0 ? ofWholeBatch(batch, [x, dy], whole, part) : part([x, dy]);
  return Op.transpose([1, 0, 2, 3])(kernelFromBlocks(block, [filters, channels, rows, columns])(parts));
};
