/**
 * The gradient of a convolution's kernel, as a value and in the form that is fast with plain operators.
 *
 * It is itself a convolution, with the axes of batch and channels swapped: the output's cotangent slides over the input, with the
 * strides as dilations and the dilations as strides. Gradients are written so, since this says what is computed in two
 * operators; in which form it is computed is decided when the graph is written for a runtime. `byTaps` is the form for every
 * provider: with kernels as large as images onnxruntime's convolution takes 2 to 4 times as long as a product for each tap of
 * the kernel (two cores; 16 to 64 channels, 3 by 3, batch 64). The blocked layout has another one, see
 * `blocked/KernelGradient.ts`.
 *
 * Law: the forms have the same result up to rounding.
 */
import type { Dim } from '../shape/Shape.ts';
import { type Cells, places, seen } from './Cells.ts';
import type { OperatorNode, Value } from './Graph.ts';
import * as Op from './Operators.ts';
import { product } from './operators/node.ts';
import { intOf, intsOf, named, type Rule } from './rewrite/Rewrite.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** A kernel's gradient: of the convolution with these `options` from `x` to what `dy` is the cotangent of. */
export interface KernelGradient {
  readonly x: Value;
  readonly dy: Value;
  /** Pads after the image are whatever the windows need. */
  readonly options: Op.ConvOptions;
}

export const at = (list: readonly number[], i: number): number => list[i] as number;

const known = (v: Value, from: number): readonly number[] =>
  v.type.shape.slice(from).map((d) => {
    if (typeof d === 'number') return d;
    throw new Op.GraphDefect(
      `the gradient of Conv needs known sizes from axis ${from} on, got [${v.type.shape.join(',')}]`,
    );
  });

/** Batch and channels in each other's place. */
export const swapped = (v: Value): Value => Op.transpose([1, 0, ...v.type.shape.map((_, i) => i).slice(2)])(v);

// -------------------------------------------------------------------------------------
// as a convolution
// -------------------------------------------------------------------------------------

/** [filters, channels, ...kernel] from x [batch, channels, ...] and dy [batch, filters, ...]; one group. */
export const asConvolution = ({ x, dy, options }: KernelGradient): Value => {
  const { kernel, strides, dilations, pads } = options;
  const [sizes, out] = [known(x, 2), known(dy, 2)];
  const before = kernel.map((_, i) => at(pads, i));
  // What the windows reach behind the image; where that is less than nothing, they never see its end.
  const after = kernel.map(
    (k, i) => at(dilations, i) * (k - 1) + at(strides, i) * (at(out, i) - 1) + 1 - at(sizes, i) - at(before, i),
  );
  const cut = [0, 0, ...kernel.map(() => 0), 0, 0, ...after.map((n) => Math.min(0, n))];
  const image = Op.pad(cut)(x);
  return swapped(
    Op.conv(swapped(image), swapped(dy), undefined, {
      kernel: out,
      strides: dilations,
      dilations: strides,
      pads: [...before, ...after.map((n) => Math.max(0, n))],
      group: 1,
    }),
  );
};

const unswapped = (v: Value | undefined): Value | undefined => {
  if (v?.node._tag !== 'Operator' || v.node.operator !== 'Transpose' || v.node.domain !== '') return undefined;
  const perm = intsOf(v.node, 'perm');
  return perm?.every((p, i) => p === (i < 2 ? 1 - i : i)) === true ? v.node.inputs[0] : undefined;
};

/** What a convolution is the gradient of, read off its operands; its result has channels before filters. */
export const recognised = (node: OperatorNode): KernelGradient | undefined => {
  if (node.operator !== 'Conv' || node.domain !== '' || node.inputs[2] !== undefined) return undefined;
  const [x, dy] = [unswapped(node.inputs[0]), unswapped(node.inputs[1])];
  const [strides, dilations, pads] = ['dilations', 'strides', 'pads'].map((name) => intsOf(node, name));
  if (x === undefined || dy === undefined || strides === undefined || dilations === undefined || pads === undefined)
    return undefined;
  const kernel = (node.outputs[0]?.shape ?? []).slice(2);
  const isKnown = [...kernel, ...x.type.shape.slice(1), ...dy.type.shape.slice(1)].every((d) => typeof d === 'number');
  if (!isKnown || intOf(node, 'group', 1) !== 1) return undefined;
  return { x, dy, options: { kernel: kernel as readonly number[], strides, dilations, pads, group: 1 } };
};

// -------------------------------------------------------------------------------------
// as products
// -------------------------------------------------------------------------------------

/** How much larger than its operands the products for each sample must be before one long product is better than they. */
const larger = 6;

/** How much more the products may compute if that saves copies of the input. */
const worthwhile = 1.15;

/** Columns (channels times taps) up to which the columns of an image are built: copies of few channels cost little. */
const fewColumns = 32;

/** Where the windows look along a spatial axis, at one place of the kernel. */
const along =
  ({ dilations, pads, strides }: Op.ConvOptions, out: readonly number[]) =>
  (axis: number, place: number): Cells => ({
    axis: axis + 2,
    start: place * at(dilations, axis) - at(pads, axis),
    count: at(out, axis),
    step: at(strides, axis),
  });

/** Few channels: what each tap sees side by side, in one product for each sample. */
const byColumns = ({ x, dy, options }: KernelGradient): Value => {
  const [filters, ...out] = known(dy, 1) as [number, ...number[]];
  const channels = x.type.shape[1] as number;
  const taps = places(options.kernel).map((place) => seen(place.map((j, k) => along(options, out)(k, j)))(x));
  const rows = (v: Value, size: number): Value => Op.reshape([x.type.shape[0] as Dim, size, product(out)])(v);
  const columns = rows(Op.concat(1)(taps), taps.length * channels);
  const sum = Op.reduceSum({ axes: [0] })(Op.multiply(rows(dy, filters), columns, { transB: true }));
  const apart = Op.transpose([0, 2, 1])(Op.reshape([filters, taps.length, channels])(sum));
  return Op.reshape([filters, channels, ...options.kernel])(apart);
};

/**
 * Each tap is a product over all positions and the batch. Either there is one product for each sample and the results
 * are summed, or the batch is moved behind the channels, so that one long product sums over it: then both operands are
 * transposed, but no matrices of filters by channels are written for each sample. The second way wins (up to 4 times)
 * when those matrices are much larger than the operands; but its transposed operands are not shifted in blocks.
 *
 * For a tap one operand must be shifted against the other. Along the first spatial axis that is the cotangent (over the
 * input's positions; beyond it are zeros), along the others the input: so a kernel of 3 by 3 needs at most 3 copies of each instead of 9
 * of one, and none for the tap in the middle of a convolution that keeps the size. With strides, or where the input is
 * much longer than the output, the input is shifted along the first axis too.
 *
 * Groups are allowed.
 */
export const byTaps = (gradient: KernelGradient): Value => {
  const { x, dy, options } = gradient;
  const { kernel, strides, group } = options;
  const [filters, ...out] = known(dy, 1) as [number, ...number[]];
  const [channels, ...sizes] = known(x, 1) as [number, ...number[]];
  if (group === 1 && channels * product(kernel) <= fewColumns) return byColumns(gradient);
  const batch = x.type.shape[0] as Dim;
  const depthwise = filters === group && channels === group;
  const written = product(kernel) * filters * channels;
  // (One channel to one filter is depthwise already, and its way wants a batch.)
  const long = group === 1 && !depthwise && written > larger * (filters * product(out) + channels * product(sizes));
  const both = at(strides, 0) === 1 && at(sizes, 0) <= worthwhile * at(out, 0);
  const rows = both ? at(sizes, 0) : at(out, 0);
  const length = rows * product(out.slice(1));

  const arranged = (v: Value): Value => (long ? swapped(v) : v);
  const flattened = (v: Value, size: number): Value => {
    if (long) return Op.reshape([size, typeof batch === 'number' ? batch * length : '?'])(v);
    return Op.reshape(group === 1 || depthwise ? [batch, size, length] : [batch, group, size / group, length])(v);
  };
  const [input, cotangent] = [arranged(x), arranged(dy)];

  const place = along(options, out);
  const tap = (inputs: Value, cotangents: Value): Value => {
    const [a, b] = [flattened(cotangents, filters), flattened(inputs, channels)];
    if (depthwise) return Op.reduceSum({ axes: [0, 2] })(Op.mul(a, b));
    const each = Op.multiply(a, b, { transB: true });
    return long ? each : Op.reduceSum({ axes: [0] })(each);
  };
  const columns = places(kernel.slice(1)).map((p) => seen(p.map((j, k) => place(k + 1, j)))(input));
  const taps = Array.from({ length: at(kernel, 0) }, (_, i) => place(0, i)).flatMap((wanted) => {
    const { axis, start } = wanted;
    if (!both) return columns.map((v) => tap(seen([wanted])(v), cotangent));
    const shifted = seen([{ axis, start: -start, count: rows, step: 1 }])(cotangent);
    return columns.map((v) => tap(v, shifted));
  });
  const stacked = Op.reshape([taps.length, filters, channels / group])(Op.concat(0)(taps));
  return Op.reshape([filters, channels / group, ...kernel])(Op.transpose([1, 2, 0])(stacked));
};

// -------------------------------------------------------------------------------------
// rule
// -------------------------------------------------------------------------------------

/** Kernels' gradients as products, but for those that another form is kept for. */
export const asProducts =
  (isKept: (gradient: KernelGradient) => boolean): Rule =>
  (node) => {
    const gradient = recognised(node);
    if (gradient === undefined || isKept(gradient)) return undefined;
    const value = swapped(byTaps(gradient));
    return [named(node)(value)];
  };
