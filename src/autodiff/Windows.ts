/**
 * Rules of convolution, channels first, one to three spatial axes. The batch may be a named size; spatial
 * sizes must be known.
 *
 * - data, stride 1: a convolution of the cotangent with the kernel turned by 180 degrees and its channels swapped (on
 *   onnxruntime's CPU provider 2 to 6 times as fast as ConvTranspose at few channels); other strides: ConvTranspose.
 * - weights: a convolution of the input with the cotangent, batch and channels in each other's place. `graph/KernelGradient.ts`
 *   has the forms in which that is computed.
 */
import type { OperatorNode, Value } from '../graph/Graph.ts';
import { asConvolution, byTaps } from '../graph/KernelGradient.ts';
import * as Op from '../graph/Operators.ts';
import { cotangent, input, intOf, intsOf, type Rule, staticSizes, textOf } from './Rule.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export const at = (list: readonly number[], i: number): number => list[i] as number;

/** ONNX's SAME: as many windows as strides fit in, the odd cell of padding at the end (UPPER) or the start (LOWER). */
const samePads = (o: Op.WindowOptions, sizes: readonly number[], upper: boolean): readonly number[] => {
  const totals = sizes.map((size, i) => {
    const reach = at(o.dilations, i) * (at(o.kernel, i) - 1) + 1;
    return Math.max(0, (Math.ceil(size / at(o.strides, i)) - 1) * at(o.strides, i) + reach - size);
  });
  const less = totals.map((total) => Math.floor(total / 2));
  const more = totals.map((total) => Math.ceil(total / 2));
  return upper ? [...less, ...more] : [...more, ...less];
};

/** ONNX's defaults filled in; `x` is what the windows lie on. */
export const windowOf = (node: OperatorNode, kernel: readonly number[], x?: Value): Op.ConvOptions => {
  const o = {
    kernel,
    strides: intsOf(node, 'strides') ?? kernel.map(() => 1),
    dilations: intsOf(node, 'dilations') ?? kernel.map(() => 1),
    pads: intsOf(node, 'pads') ?? [...kernel, ...kernel].map(() => 0),
    group: intOf(node, 'group', 1),
  };
  const padding = textOf(node, 'auto_pad', 'NOTSET');
  if (padding === 'NOTSET' || padding === 'VALID') return o;
  if (x === undefined) throw new Op.GraphDefect(`${node.operator} with auto_pad ${padding}: give pads`);
  const sizes = staticSizes(x, 2, `the gradient of ${node.operator}`);
  return { ...o, pads: samePads(o, sizes, padding === 'SAME_UPPER') };
};

/** Cells a window reaches over along each axis. */
export const extents = (o: Op.WindowOptions): readonly number[] =>
  o.kernel.map((k, i) => at(o.dilations, i) * (k - 1) + 1);

// -------------------------------------------------------------------------------------
// gradient of the data
// -------------------------------------------------------------------------------------

/** Channels of input and output swapped within each group, and every spatial axis reversed. */
const turnedKernel = (w: Value, group: number): Value => {
  const [filters, channels, ...kernel] = staticSizes(w, 0, 'a convolution kernel') as [number, number, ...number[]];
  const spatial = kernel.map((_, i) => i);
  const swapped =
    group === 1
      ? Op.transpose([1, 0, ...spatial.map((i) => i + 2)])(w)
      : Op.reshape([channels * group, filters / group, ...kernel])(
          Op.transpose([0, 2, 1, ...spatial.map((i) => i + 3)])(
            Op.reshape([group, filters / group, channels, ...kernel])(w),
          ),
        );
  const turning = spatial.filter((i) => at(kernel, i) > 1);
  return turning.length === 0
    ? swapped
    : Op.slice({
        axes: turning.map((i) => i + 2),
        starts: turning.map(() => -1),
        ends: turning.map((i) => -at(kernel, i) - 1),
        steps: turning.map(() => -1),
      })(swapped);
};

/** Cotangent of a convolution's input, whose spatial sizes are `sizes`. */
export const dataGradient = (dy: Value, w: Value, sizes: readonly number[], o: Op.ConvOptions): Value => {
  const out = staticSizes(dy, 2, 'the gradient of a convolution');
  const extent = extents(o);
  const before = extent.map((e, i) => e - 1 - at(o.pads, i));
  const after = extent.map((e, i) => at(sizes, i) - at(out, i) + e - 1 - at(before, i));
  if (o.strides.every((s) => s === 1) && [...before, ...after].every((p) => p >= 0))
    return Op.conv(dy, turnedKernel(w, o.group), undefined, { ...o, pads: [...before, ...after] });
  // What the windows did not reach at the end (a remainder of the stride) is output padding.
  const rest = extent.map((e, i) => (at(out, i) - 1) * at(o.strides, i) + e - at(o.pads, i) - at(sizes, i));
  return Op.convTranspose(dy, w, {
    ...o,
    pads: [...o.pads.slice(0, extent.length), ...rest.map((r) => Math.max(r, 0))],
    outputPadding: rest.map((r) => Math.max(-r, 0)),
  });
};

// -------------------------------------------------------------------------------------
// gradient of the weights
// -------------------------------------------------------------------------------------

/** Cotangent of a convolution's kernel [filters, channels / group, ...] from its input `x` and its output's cotangent. */
const weightGradient = (x: Value, dy: Value, options: Op.ConvOptions): Value =>
  options.group === 1 ? asConvolution({ x, dy, options }) : byTaps({ x, dy, options });

// -------------------------------------------------------------------------------------
// convolutions
// -------------------------------------------------------------------------------------

const biasGradient = (dy: Value): Value =>
  Op.reduceSum({ axes: dy.type.shape.flatMap((_, i) => (i === 1 ? [] : [i])) })(dy);

export const conv: Rule = (a) => {
  const [dy, x, w] = [cotangent(a), input(a, 0), input(a, 1)] as const;
  const o = windowOf(a.node, staticSizes(w, 2, 'the gradient of Conv'), x);
  return [
    () => dataGradient(dy, w, staticSizes(x, 2, 'the gradient of Conv'), o),
    () => weightGradient(x, dy, o),
    () => biasGradient(dy),
  ];
};

/** The transpose of a convolution from the output to the input: their rules are each other's. */
export const convTranspose: Rule = (a) => {
  const [dy, x, w] = [cotangent(a), input(a, 0), input(a, 1)] as const;
  if (a.node.attributes.output_shape !== undefined)
    throw new Op.GraphDefect('ConvTranspose with output_shape: give pads and output_padding');
  const o = windowOf(a.node, staticSizes(w, 2, 'the gradient of ConvTranspose'));
  return [() => Op.conv(dy, w, undefined, o), () => weightGradient(dy, x, o), () => biasGradient(dy)];
};
