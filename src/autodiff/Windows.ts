/**
 * Rules of convolution, channels first, one to three spatial axes. The batch may be a named size; spatial
 * sizes must be known.
 *
 * The forms were chosen by measurement on onnxruntime's CPU provider:
 * - data, stride 1: a convolution of the cotangent with the kernel turned by 180 degrees and its channels swapped (2 to 6
 *   times as fast as ConvTranspose at few channels); other strides: ConvTranspose.
 * - weights: for each tap of the kernel a product of the cotangent with the shifted input, summed over the batch; no
 *   column matrix is built. Trailing axes are sliced first, so that shifts along the first axis are contiguous.
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
const cells =
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

/**
 * Cotangent of a convolution's kernel [filters, channels / group, ...] from its input `x` and its output's cotangent.
 *
 * Each tap is a product over all positions and the batch. Either there is one product for each sample and the results
 * are summed, or the batch is moved behind the channels, so that one long product sums over it: then both operands are
 * transposed, but no matrices of filters by channels are written for each sample. The second way wins (up to 4 times)
 * when those matrices are larger than the operands.
 */
const weightGradient = (x: Value, dy: Value, o: Op.ConvOptions): Value => {
  const { kernel, strides, dilations, pads, group } = o;
  const [filters, ...out] = staticSizes(dy, 1, 'the gradient of a convolution') as [number, ...number[]];
  const [channels, ...sizes] = staticSizes(x, 1, 'the gradient of a convolution') as [number, ...number[]];
  const batch = x.type.shape[0] as Dim;
  const length = product(out);
  const depthwise = filters === group && channels === group;
  const written = product(kernel) * filters * channels;
  const long = group === 1 && written > 1.5 * (filters * length + channels * product(sizes));

  const arranged = (v: Value): Value => (long ? Op.transpose([1, 0, ...v.type.shape.map((_, i) => i).slice(2)])(v) : v);
  const flattened = (v: Value, size: number): Value => {
    if (long) return Op.reshape([size, typeof batch === 'number' ? batch * length : '?'])(v);
    return Op.reshape(group === 1 || depthwise ? [batch, size, length] : [batch, group, size / group, length])(v);
  };
  const n = kernel.length;
  const padded = Op.pad([0, 0, ...pads.slice(0, n), 0, 0, ...pads.slice(n)])(arranged(x));
  const cotangents = flattened(arranged(dy), filters);

  /** The first spatial axis: contiguous when its stride is 1. */
  const shifted = (columns: Value) => {
    const [height, row] = [columns.type.shape[2] as number, product(out.slice(1))];
    const whole = Op.reshape([...columns.type.shape.slice(0, 2), height * row])(columns);
    return (i: number): Value => {
      const start = i * at(dilations, 0);
      return at(strides, 0) === 1
        ? cells([{ axis: 2, start: start * row, count: length, step: 1 }])(whole)
        : cells([{ axis: 2, start, count: at(out, 0), step: at(strides, 0) }])(columns);
    };
  };
  const tap = (inputs: Value): Value => {
    const seen = flattened(inputs, channels);
    if (depthwise) return Op.reduceSum({ axes: [0, 2] })(Op.mul(cotangents, seen));
    const each = multiply(cotangents, seen, { transB: true });
    return long ? each : Op.reduceSum({ axes: [0] })(each);
  };
  const trailing = places(kernel.slice(1)).map((place) => {
    const wanted = place.map((j, k) => ({
      axis: k + 3,
      start: j * at(dilations, k + 1),
      count: at(out, k + 1),
      step: at(strides, k + 1),
    }));
    return shifted(cells(wanted)(padded));
  });
  const taps = Array.from({ length: at(kernel, 0) }, (_, i) => trailing.map((shift) => tap(shift(i)))).flat();
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
