/** The convolution whose kernel is a cotangent, and what it sees of the input: what all forms of the gradient of a kernel have in common. */
import type { Value } from '../Graph.ts';
import type { KernelGradient } from '../KernelGradient.ts';
import * as Op from '../Operators.ts';
import { int, ints } from '../operators/node.ts';
import { type Image, nchwc } from './Layout.ts';

/** onnxruntime computes as many blocks of filters at a time. */
export const together = 4;

/** Rows and columns of the input that the windows of so many results see. */
export const reachOf = (
  { options: { kernel, strides } }: KernelGradient,
  [height, width]: readonly [number, number],
): readonly [number, number] => {
  const along = (axis: 0 | 1, n: number): number => (strides[axis] as number) * (n - 1) + (kernel[axis] as number);
  return [along(0, height), along(1, width)];
};

export interface Sums {
  /** Numbers of the input side by side that windows step over as one: the channels of a block, or 1. */
  readonly lanes: number;
  /** In which sums are taken first, and then added up. */
  readonly groups: number;
  /** Rows of zeros that the input does not have. */
  readonly above?: number;
  readonly below?: number;
}

/** A row that adds up groups. onnxruntime's product takes a third to an eighth of the time of its reduction (64 by 2304, 64 by 4608). */
const ones = (groups: number): Value => Op.tensor(new Array<number>(groups).fill(1), [1, groups], 'float32');

/** [images, filters, rows, columns * lanes] in blocks of filters, from images and a cotangent in so many groups. */
export const sums = (
  image: Value,
  cotangent: Value,
  { dy, options: { kernel, strides } }: KernelGradient,
  { lanes, groups, above = 0, below = 0 }: Sums,
): Value => {
  const [images] = image.type.shape as Image;
  const [, filters] = dy.type.shape as Image;
  const [rows, columns] = kernel as readonly [number, number];
  const [down, right] = strides as readonly [number, number];
  const all = nchwc(
    'Conv',
    [image, cotangent],
    { ...image, type: { dtype: 'float32', shape: [images, groups * filters, rows, columns * lanes] } },
    {
      kernel_shape: ints(cotangent.type.shape.slice(2) as number[]),
      dilations: ints([down, right * lanes]),
      pads: ints([above, 0, below, 0]),
      group: int(groups),
    },
  );
  if (groups === 1) return all;
  const each = Op.reshape([images, groups, filters * rows * columns * lanes])(all);
  return Op.reshape([images, filters, rows, columns * lanes])(Op.matMul(ones(groups), each));
};
