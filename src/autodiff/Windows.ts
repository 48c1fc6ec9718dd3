/**
 * Rules of convolution, channels first, one to three spatial axes. The batch may be a named size; spatial
 * sizes must be known.
 *
 * The forms were chosen by measurement on onnxruntime's CPU provider:
 * - data, stride 1: a convolution of the cotangent with the kernel turned by 180 degrees and its channels swapped (2 to 6
 *   times as fast as ConvTranspose at few channels); other strides: ConvTranspose.
 * - weights: for each tap of the kernel a product of the cotangent with the input, one shifted against the other, summed over the
 *   batch; no column matrix is built.
 */
import type { OperatorNode, Value } from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import type { Dim } from '../shape/Shape.ts';
import { multiply } from './Products.ts';
import { cotangent, input, intOf, intsOf, product, type Rule, staticSizes, textOf } from './Rule.ts';

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

interface Cells {
  readonly axis: number;
  readonly start: number;
  readonly count: number;
  readonly step: number;
}

/** `count` cells of each axis, from `start` in steps; all of an axis is no slice. */
export const cells =
  (wanted: readonly Cells[]) =>
  (x: Value): Value => {
    const parts = wanted.filter((c) => !(c.start === 0 && c.step === 1 && x.type.shape[c.axis] === c.count));
    return parts.length === 0
      ? x
      : Op.slice({
          axes: parts.map((c) => c.axis),
          starts: parts.map((c) => c.start),
          ends: parts.map((c) => c.start + (c.count - 1) * c.step + 1),
          steps: parts.map((c) => c.step),
        })(x);
  };

/** All places in a kernel, row-major. */
export const places = (kernel: readonly number[]): readonly (readonly number[])[] =>
  kernel.reduce<readonly (readonly number[])[]>(
    (found, k) => found.flatMap((p) => Array.from({ length: k }, (_, i) => [...p, i])),
    [[]],
  );

/** An axis of which a new one is seen: `count` cells in steps, of which the first is `start`; zeros where there are none. */
const seen =
  (wanted: readonly Cells[]) =>
  (x: Value): Value => {
    const [before, after] = [x.type.shape.map(() => 0), x.type.shape.map(() => 0)];
    for (const { axis, start, count, step } of wanted) {
      before[axis] = -start;
      after[axis] = start + (count - 1) * step + 1 - (x.type.shape[axis] as number);
    }
    return cells(wanted.map((c) => ({ ...c, start: 0 })))(Op.pad([...before, ...after])(x));
  };

/** How much larger than its operands the products for each sample must be before one long product is better than they. */
const larger = 6;

/** How much more the products may compute if that saves copies of the input. */
const worthwhile = 1.15;

/**
 * Cotangent of a convolution's kernel [filters, channels / group, ...] from its input `x` and its output's cotangent.
 *
 * Each tap is a product over all positions and the batch. Either there is one product for each sample and the results
 * are summed, or the batch is moved behind the channels, so that one long product sums over it: then both operands are
 * transposed, but no matrices of filters by channels are written for each sample. The second way wins (up to 4 times)
 * when those matrices are much larger than the operands; but its transposed operands are not shifted in blocks.
 *
 * For a tap one operand must be shifted against the other. Along the first spatial axis that is the cotangent (over the
 * input's positions; beyond it are zeros), along the others the input: so a kernel of 3 by 3 needs at most 3 copies of each instead of 9
 * of one, and none for the tap in the middle of a convolution that keeps the size. With strides, or where the input is
 * much longer than the output, the input is shifted along the first axis too.
 */
const weightGradient = (x: Value, dy: Value, o: Op.ConvOptions): Value => {
  const { kernel, strides, dilations, pads, group } = o;
  const [filters, ...out] = staticSizes(dy, 1, 'the gradient of a convolution') as [number, ...number[]];
  const [channels, ...sizes] = staticSizes(x, 1, 'the gradient of a convolution') as [number, ...number[]];
  const batch = x.type.shape[0] as Dim;
  const depthwise = filters === group && channels === group;
  const written = product(kernel) * filters * channels;
  // (One channel to one filter is depthwise already, and its way wants a batch.)
  const long = group === 1 && !depthwise && written > larger * (filters * product(out) + channels * product(sizes));
  const both = at(strides, 0) === 1 && at(sizes, 0) <= worthwhile * at(out, 0);
  const rows = both ? at(sizes, 0) : at(out, 0);
  const length = rows * product(out.slice(1));

  const arranged = (v: Value): Value => (long ? Op.transpose([1, 0, ...v.type.shape.map((_, i) => i).slice(2)])(v) : v);
  const flattened = (v: Value, size: number): Value => {
    if (long) return Op.reshape([size, typeof batch === 'number' ? batch * length : '?'])(v);
    return Op.reshape(group === 1 || depthwise ? [batch, size, length] : [batch, group, size / group, length])(v);
  };
  const [input, cotangent] = [arranged(x), arranged(dy)];

  const along = (axis: number, place: number): Cells => ({
    axis: axis + 2,
    start: place * at(dilations, axis) - at(pads, axis),
    count: at(out, axis),
    step: at(strides, axis),
  });
  const tap = (inputs: Value, cotangents: Value): Value => {
    const [a, b] = [flattened(cotangents, filters), flattened(inputs, channels)];
    if (depthwise) return Op.reduceSum({ axes: [0, 2] })(Op.mul(a, b));
    const each = multiply(a, b, { transB: true });
    return long ? each : Op.reduceSum({ axes: [0] })(each);
  };
  const columns = places(kernel.slice(1)).map((place) => seen(place.map((j, k) => along(k + 1, j)))(input));
  const taps = Array.from({ length: at(kernel, 0) }, (_, i) => along(0, i)).flatMap((wanted) => {
    const { axis, start } = wanted;
    if (!both) return columns.map((v) => tap(seen([wanted])(v), cotangent));
    const shifted = seen([{ axis, start: -start, count: rows, step: 1 }])(cotangent);
    return columns.map((v) => tap(v, shifted));
  });
  const stacked = Op.reshape([taps.length, filters, channels / group])(Op.concat(0)(taps));
  return Op.reshape([filters, channels / group, ...kernel])(Op.transpose([1, 2, 0])(stacked));
};

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
