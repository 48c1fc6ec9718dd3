/**
 * Keras's layouts turned into ours: images from channels last to channels first, convolution kernels from
 * [height, width, in, out] to [out, in, height, width].
 */
import type { NdArray } from '../../src/shape/NdArray.ts';

const strides = (shape: readonly number[]): readonly number[] =>
  shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));

/** Axis i of the result is axis `axes[i]` of the array. */
export const transpose =
  (axes: readonly number[]) =>
  (a: NdArray): NdArray => {
    const shape = axes.map((i) => a.shape[i] as number);
    const from = axes.map((i) => strides(a.shape)[i] as number);
    const to = strides(shape);
    const source = (at: number) =>
      to.reduce((sum, stride, i) => sum + (Math.floor(at / stride) % (shape[i] as number)) * (from[i] as number), 0);
    const data = a.data.slice();
    for (let i = 0; i < data.length; i++) data[i] = a.data[source(i)] as number;
    return { ...a, shape, data };
  };

/** [batch, height, width, channels] to [batch, channels, height, width]; other ranks as they are. */
export const channelsFirst = (a: NdArray): NdArray => (a.shape.length === 4 ? transpose([0, 3, 1, 2])(a) : a);

/** The way back. */
export const channelsLast = (a: NdArray): NdArray => (a.shape.length === 4 ? transpose([0, 2, 3, 1])(a) : a);

/** [height, width, in, out] to [out, in, height, width]; a dense kernel [in, out] is the same in both. */
export const kernel = (a: NdArray): NdArray => (a.shape.length === 4 ? transpose([3, 2, 0, 1])(a) : a);

/** The way back. */
export const kerasKernel = (a: NdArray): NdArray => (a.shape.length === 4 ? transpose([2, 3, 1, 0])(a) : a);
