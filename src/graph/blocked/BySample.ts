/**
 * The gradient of a convolution's kernel as sums of each sample by itself, which are added up. onnxruntime's convolution takes them in
 * one: each sample is a group, with a single channel. Such convolutions read plain images, for which blocks of channels will do too. So
 * nothing is put in blocks of samples: the cotangent is the kernel as it lies there, and of the input the channels, or their blocks, come
 * before the samples.
 *
 * The convolutions take as long as those of blocks of samples. What has to be put in order takes a third of the time with 16 channels
 * (3 by 3, 32 by 32, batch 64; two cores, AVX2): steps of ResNet-20 take 0.95, with AVX-512 0.92. Instead of columns that are cut out
 * of a plain input (1 and 3 channels) it takes an eighth to a quarter of the time; with AVX-512, where the columns are a convolution, less
 * than half.
 */
import type { Value } from '../Graph.ts';
import { byTaps, type KernelGradient } from '../KernelGradient.ts';
import * as Op from '../Operators.ts';
import { product } from '../operators/node.ts';
import { ofWholeBatch } from './Batch.ts';
import { reachOf, type Sums, sums, together } from './KernelSums.ts';
import { type Frame, framed, type Image, imageOf, places, toPlain } from './Layout.ts';

// -------------------------------------------------------------------------------------
// when it pays
// -------------------------------------------------------------------------------------

/** Bytes of the cotangent of a sample that stay in cache beside the input, for so many filters as are computed together. */
const cached = 2 ** 18;

/** Channels that onnxruntime takes: less than a block, or whole ones. */
const isTaken = (block: number, channels: number): boolean => channels < block || channels % block === 0;

/** Whether sums of single samples are there, and fewer numbers than would have to be put in order for other forms. */
export const isBySample = (block: number, batch: number, { x, dy, options: { kernel } }: KernelGradient): boolean => {
  const [, channels, height, width] = x.type.shape as Image;
  const [, filters, outHeight, outWidth] = dy.type.shape as Image;
  const cells = outHeight * outWidth;
  const bytes = 4 * Math.min(together * block, filters) * cells;
  const sums = channels * filters * product(kernel);
  return batch > 1 && isTaken(block, batch) && bytes <= cached && sums <= channels * height * width + filters * cells;
};

/** Whether the same is there of a plain input, whose channels do not fill a block. */
export const fitsFew =
  (block: number, batch: number) =>
  (gradient: KernelGradient): boolean => {
    const { x, dy, options } = gradient;
    const [, channels, ...sizes] = x.type.shape;
    return (
      x.type.dtype === 'float32' &&
      options.kernel.length === 2 &&
      options.kernel.some((k) => k > 1) &&
      options.dilations.every((d) => d === 1) &&
      options.group === 1 &&
      typeof channels === 'number' &&
      channels < block &&
      sizes.every((n) => typeof n === 'number') &&
      imageOf(dy, block) !== undefined &&
      isBySample(block, batch, gradient)
    );
  };

// -------------------------------------------------------------------------------------
// forms
// -------------------------------------------------------------------------------------

type Whole = readonly [batch: number, channels: number, height: number, width: number];

/** What is missing around the input, or left over: beside it and where rows are left over, and rows of zeros. */
const around = (gradient: KernelGradient): { readonly frame: Frame; readonly rows: Pick<Sums, 'above' | 'below'> } => {
  const [, , height, width] = gradient.x.type.shape as Image;
  const [, , outHeight, outWidth] = gradient.dy.type.shape as Image;
  const [top, left] = gradient.options.pads as readonly [number, number];
  const [rows, columns] = reachOf(gradient, [outHeight, outWidth]);
  const bottom = rows - top - height;
  return {
    frame: [0, left, Math.min(0, bottom), columns - left - width],
    rows: { above: top, below: Math.max(0, bottom) },
  };
};

/** The cotangent of a whole batch, as it lies there. */
const asKernel = (dy: Value): Value => {
  const [batch, filters, height, width] = dy.type.shape as Whole;
  return Op.reshape([batch * filters, 1, height, width])(dy);
};

/** [channels / block, filters, rows, columns * block] in blocks, of a whole batch in blocks. */
export const bySample = (x: Value, dy: Value, gradient: KernelGradient, block: number): Value => {
  const [batch, channels] = x.type.shape as Whole;
  const missing = around(gradient);
  const blocks = channels / block;
  const sides = framed(block)(missing.frame)(x);
  const [, , rows, columns] = sides.type.shape as Image;
  const cells = Op.reshape([batch * blocks, rows * columns * block])(sides);
  const order = places(blocks).flatMap((b) => places(batch).map((n) => n * blocks + b));
  const blocksFirst = blocks === 1 ? cells : Op.gather(cells, Op.tensor(order, [batch * blocks], 'int32'));
  const image = Op.reshape([blocks, batch, rows, columns * block])(blocksFirst);
  return sums(image, asKernel(dy), gradient, { lanes: block, groups: batch, ...missing.rows });
};

/** [channels, filters, ...kernel] in the plain layout, from a plain `x` and from `dy` in blocks. */
export const fewBySample = (batch: number, gradient: KernelGradient, x: Value, dy: Value): Value => {
  const missing = around(gradient);
  const whole = ([x, dy]: readonly [Value, Value]): Value => {
    const [top, left, bottom, right] = missing.frame;
    const sides = Op.pad([0, 0, top, left, 0, 0, bottom, right])(x);
    return toPlain(sums(swapped(sides), asKernel(dy), gradient, { lanes: 1, groups: batch, ...missing.rows }));
  };
  return ofWholeBatch(batch, [x, dy], whole, ([x, dy]) => swapped(byTaps({ ...gradient, x, dy: toPlain(dy) })));
};

/** Channels before samples. */
const swapped = Op.transpose([1, 0, 2, 3]);
