/**
 * The gradient of a kernel for few channels, as those of a first convolution: there are no blocks of channels, but channels times taps
 * fill one or two.
 *
 * What the taps see side by side, the columns, is itself a convolution, with a filter for each channel and tap that has a single one.
 * So columns come in blocks, as the cotangent is there already, and a product over the cells of each sample needs neither of them plain.
 *
 * This takes three fifths of the time of cutting the columns out of the plain input (two cores, AVX-512; 1 and 3 channels, 3 by 3,
 * batch 64). With blocks of 8 the products would be of narrower matrices still; that was not measured, and is left as it was. Where
 * the batch fills blocks, sums of each sample by itself (`BySample.ts`) are faster.
 */
import type { Value } from '../Graph.ts';
import { at, type KernelGradient } from '../KernelGradient.ts';
import * as Op from '../Operators.ts';
import { ints, product } from '../operators/node.ts';
import { type Image, imageOf, nchwc } from './Layout.ts';

/** Blocks so wide that products of one by another are worth it, and how many of columns there may be. */
const wide = 16;
const most = 2;

/** Zeros around the input so that it has a window for each cell of the cotangent; `undefined`: windows would be left over. */
const padsOf = ({ x, dy, options }: KernelGradient): readonly number[] | undefined => {
  const { kernel, strides, dilations, pads } = options;
  const after = kernel.map((k, i) => {
    const [size, out] = [at(x.type.shape as number[], i + 2), at(dy.type.shape as number[], i + 2)];
    const rest = at(dilations, i) * (k - 1) + at(strides, i) * (out - 1) + 1 - size - at(pads, i);
    return -rest < at(strides, i) ? Math.max(0, rest) : undefined;
  });
  return after.every((n) => n !== undefined) ? [...pads.slice(0, kernel.length), ...after] : undefined;
};

/** Whether this form is there and pays. */
export const fitsColumns =
  (block: number) =>
  (gradient: KernelGradient): boolean => {
    const { x, dy, options } = gradient;
    const channels = x.type.shape[1] as number;
    return (
      block >= wide &&
      x.type.dtype === 'float32' &&
      options.kernel.length === 2 &&
      channels < block &&
      channels * product(options.kernel) <= most * block &&
      imageOf(dy, block) !== undefined &&
      padsOf(gradient) !== undefined
    );
  };

/** [channels, filters, ...kernel] in the plain layout, from a plain `x` and from `dy` in blocks. */
export const byColumnsInBlocks = (block: number, gradient: KernelGradient, x: Value, dy: Value): Value => {
  const { kernel, strides, dilations } = gradient.options;
  const [batch, filters, height, width] = gradient.dy.type.shape as Image;
  const channels = x.type.shape[1] as number;
  const taps = product(kernel);
  const used = channels * taps;
  const blocks = Math.ceil(used / block);
  const ones = Array.from({ length: blocks * used * block }, (_, i) => {
    const [outer, seen, lane] = [Math.floor(i / (used * block)), Math.floor(i / block) % used, i % block];
    return outer * block + lane === seen ? 1 : 0;
  });
  const columns = nchwc(
    'Conv',
    [x, Op.tensor(ones, [blocks * block, channels, ...kernel], 'float32')],
    { ...x, type: { dtype: 'float32', shape: [batch, blocks * block, height, width] } },
    {
      kernel_shape: ints(kernel),
      strides: ints(strides),
      dilations: ints(dilations),
      pads: ints(padsOf(gradient) ?? []),
    },
  );
  const cells = height * width;
  const each = Op.multiply(
    Op.reshape([batch, filters / block, 1, cells, block])(dy),
    Op.reshape([batch, 1, blocks, cells, block])(columns),
    { transA: true },
  );
  // [filters / block, blocks, block of filters, block of columns]
  const sum = Op.transpose([0, 2, 1, 3])(Op.reduceSum({ axes: [0] })(each));
  const all = Op.reshape([filters, blocks * block])(sum);
  const kept = blocks * block === used ? all : Op.slice({ axes: [1], starts: [0], ends: [used] })(all);
  return Op.transpose([1, 0, 2, 3])(Op.reshape([filters, channels, ...kernel])(kept));
};
