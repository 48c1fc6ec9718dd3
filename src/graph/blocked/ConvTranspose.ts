/**
 * Transposed convolutions with strides in blocks (the gradients to the images of convolutions with strides are such).
 *
 * The outputs at one remainder of the stride, a phase, are a plain convolution with the taps of that phase. All phases are
 * computed by one convolution with as many times the filters, on the small image; then their cells are put between one another.
 */
import type { OperatorNode, Value } from '../Graph.ts';
import * as Op from '../Operators.ts';
import { ints } from '../operators/node.ts';
import { intOf, intsOf } from '../rewrite/Rewrite.ts';
import { turnedSquares } from './KernelLayout.ts';
import { type Image, imageOf, nchwc, places } from './Layout.ts';

/** Taps that the window of all phases has, over taps of the kernel: beyond this onnxruntime's own operator is faster. */
const worthwhile = 2;

interface Axis {
  readonly stride: number;
  readonly kernel: number;
  readonly pad: number;
  /** Which cells of the image a window sees, counted from its phase's place: from `low` to `high`. */
  readonly low: number;
  readonly high: number;
}

const axisOf = (stride: number, kernel: number, pad: number): Axis => {
  // Phase r sees, from cell d on, the tap r + pad - stride d.
  const phases = Array.from({ length: stride }, (_, r) => r + pad);
  const low = Math.min(...phases.map((t) => Math.ceil((t - kernel + 1) / stride)));
  const high = Math.max(...phases.map((t) => Math.floor(t / stride)));
  return { stride, kernel, pad, low, high };
};

const window = ({ low, high }: Axis): number => high - low + 1;

/** For each phase and place of the window the kernel's tap along one axis; `undefined`: none. */
const tapOf = (axis: Axis, phase: number, place: number): number | undefined => {
  const tap = phase + axis.pad - axis.stride * (axis.low + place);
  return tap >= 0 && tap < axis.kernel ? tap : undefined;
};

/** [channels, filters, h, w] as a kernel in blocks from channels to the filters of all phases: blocks of filters outside. */
const kernelOf = (block: number, w: Value, [down, across]: readonly [Axis, Axis]): Value => {
  const [channels, filters] = w.type.shape as readonly [number, number];
  const phases = down.stride * across.stride;
  const taps = places(down.stride).map((r) =>
    places(across.stride).map((s) =>
      places(window(down)).flatMap((i) =>
        places(window(across)).map((j) => {
          const [row, column] = [tapOf(down, r, i), tapOf(across, s, j)];
          return row === undefined || column === undefined ? undefined : row * across.kernel + column;
        }),
      ),
    ),
  );
  const order = places(filters / block).flatMap((f) =>
    taps.flat().flatMap((ofPhase) =>
      places(channels / block).flatMap((c) => {
        const first = (c * (filters / block) + f) * down.kernel * across.kernel;
        return ofPhase.map((tap) => (tap === undefined ? undefined : first + tap));
      }),
    ),
  );
  return Op.reshape([filters * phases, channels, window(down), window(across)])(turnedSquares(block, order)(w));
};

/** One number for each filter, for the filters of all phases. */
const repeated = (block: number, phases: number, bias: Value): Value => {
  const [filters] = bias.type.shape as readonly [number];
  const each = Op.reshape([filters / block, 1, block])(bias);
  return Op.reshape([filters * phases])(Op.concat(1)(places(phases).map(() => each)));
};

/** From an image `x` in blocks; `undefined` where this form is not there or does not pay. */
export const convTranspose = (
  block: number,
  node: OperatorNode,
  y: Value,
  x: Value,
  plain: (v: Value) => Value,
): Value | undefined => {
  const [, w, bias] = node.inputs as readonly [Value, Value, Value | undefined];
  const [strides, pads, kernel] = [intsOf(node, 'strides'), intsOf(node, 'pads'), w.type.shape.slice(2)];
  const [image, result] = [imageOf(x, block), imageOf(y, block)];
  const isPlain = intOf(node, 'group', 1) === 1 && (intsOf(node, 'dilations') ?? []).every((d) => d === 1);
  if (image === undefined || result === undefined || strides?.length !== 2 || pads?.length !== 4) return undefined;
  if (!isPlain || node.attributes.output_shape !== undefined || !kernel.every((k) => typeof k === 'number'))
    return undefined;
  const [rows, columns] = kernel as readonly number[] as readonly [number, number];
  const down = axisOf(strides[0] as number, rows, pads[0] as number);
  const across = axisOf(strides[1] as number, columns, pads[1] as number);
  const phases = down.stride * across.stride;
  if (phases === 1 || (phases * window(down) * window(across)) / (rows * columns) > worthwhile) return undefined;
  const [batch, channels, height, width] = result;
  const size = [Math.ceil(height / down.stride), Math.ceil(width / across.stride)] as const;
  const before = [-down.low, -across.low] as const;
  const after = [size[0] - image[2] + down.high, size[1] - image[3] + across.high] as const;
  if ([...before, ...after].some((n) => n < 0)) return undefined;
  const like: Value = { ...y, type: { dtype: 'float32', shape: [batch, channels * phases, ...size] satisfies Image } };
  const biases = bias === undefined ? [] : [repeated(block, phases, plain(bias))];
  const all = nchwc('Conv', [x, kernelOf(block, plain(w), [down, across]), ...biases], like, {
    kernel_shape: ints([window(down), window(across)]),
    pads: ints([...before, ...after]),
  });
  const cells = Op.reshape([batch, channels / block, phases * size[0] * size[1], block])(all);
  const order = places(height).flatMap((i) =>
    places(width).map((j) => {
      const phase = (i % down.stride) * across.stride + (j % across.stride);
      const cell = Math.floor(i / down.stride) * size[1] + Math.floor(j / across.stride);
      return phase * size[0] * size[1] + cell;
    }),
  );
  return Op.reshape([batch, channels, height, width])(Op.gather(cells, Op.int64s(order), 2));
};
