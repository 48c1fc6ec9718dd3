/**
 * Spatial axes made longer, shorter or one to operators: up-sampling, pixel shuffle, global and adaptive pooling.
 */
import type { Value } from '../../graph/Graph.ts';
import * as Op from '../../graph/Operators.ts';
import type { AdaptivePoolSpec, GlobalPoolSpec, UpSamplingSpec } from '../../layer/SpatialSpec.ts';
import { isMaximum } from '../../layer/SpatialSpec.ts';
import type { Dim } from '../../shape/Shape.ts';
import { multDim, unknown } from '../../shape/Shape.ts';
import { type Mask, maskedMean } from './masks.ts';
import { replicated } from './padding.ts';

// -------------------------------------------------------------------------------------
// reshape with several unknown sizes
// -------------------------------------------------------------------------------------

/** A size, or that of an axis of the value whose cells are laid out, times a factor. */
type Part = number | { readonly axis: number; readonly times: number };

const axis = (i: number, times = 1): Part => ({ axis: i, times });

/** `x` in the shape that `parts` say of `source`. Sizes that are not known yet are read off at run time. */
const laidOut =
  (source: Value, parts: readonly Part[]) =>
  (x: Value): Value => {
    const dims = parts.map(
      (p): Dim => (typeof p === 'number' ? p : multDim(source.type.shape[p.axis] as Dim, p.times)),
    );
    const open = dims.filter((d, i) => typeof d === 'string' && (d === unknown || x.type.shape[i] !== d));
    if (open.length <= 1) return Op.reshape(dims)(x);
    const sizes = parts.map((p) =>
      typeof p === 'number' ? Op.int64s([p]) : Op.mul(Op.gather(Op.shapeOf(source), Op.int64s([p.axis])), p.times),
    );
    return Op.reshapeTo(Op.concat(0)(sizes), dims)(x);
  };

// -------------------------------------------------------------------------------------
// up
// -------------------------------------------------------------------------------------

/** Channels to cells: `[batch, channels * a * b, h, w]` to `[batch, channels, h * a, w * b]`. */
export const shuffled =
  (a: number, b: number) =>
  (x: Value): Value => {
    const channels = (x.type.shape[1] as number) / (a * b);
    const parted = laidOut(x, [axis(0), channels, a, b, axis(2), axis(3)])(x);
    return laidOut(x, [axis(0), channels, axis(2, a), axis(3, b)])(Op.transpose([0, 1, 4, 2, 5, 3])(parted));
  };

/** Each cell repeated. */
const nearest = (size: readonly number[], x: Value): Value => {
  const behind = size.map((_, i) => 2 * i + 3);
  const repeated = Op.expand([1, 1, ...size.flatMap((s) => [1, s])])(Op.unsqueeze(behind)(x));
  return laidOut(x, [axis(0), axis(1), ...size.map((s, i) => axis(i + 2, s))])(repeated);
};

/** How far the centre of each of the `s` cells that one becomes lies from its own. */
const shifts = (s: number): readonly number[] => Array.from({ length: s }, (_, r) => (r + 0.5) / s - 0.5);

/** Keys's cubic convolution by the distance from a cell. */
const cubic = (x: number): number => {
  const [a, d] = [-0.75, Math.abs(x)];
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
};

/** How much of a cell there is at a distance of it, less than `reach` + 1/2. */
const shapes = {
  bilinear: { reach: 1, share: (d: number) => Math.max(1 - Math.abs(d), 0) },
  bicubic: { reach: 2, share: cubic },
} as const;

/**
 * Half-pixel centres, edges held: one convolution of each channel with a small kernel for each new cell, whose results are
 * shuffled into place. (Only operators that have gradients; a Resize does the same.)
 */
const smooth = (mode: keyof typeof shapes, [a = 1, b = 1]: readonly number[], x: Value): Value => {
  const channels = x.type.shape[1];
  if (typeof channels !== 'number') throw new Op.GraphDefect(`${mode} up-sampling needs a known number of channels`);
  const { reach, share } = shapes[mode];
  // An axis that stays as it is needs no neighbours.
  const reaches = [a, b].map((s) => (s === 1 ? 0 : reach));
  const rows = (s: number, far: number) =>
    shifts(s).map((shift) => Array.from({ length: 2 * far + 1 }, (_, k) => share(k - far - shift)));
  const [vertical, horizontal] = [rows(a, reaches[0] as number), rows(b, reaches[1] as number)];
  const taps = vertical.flatMap((row) => horizontal.map((column) => row.flatMap((r) => column.map((c) => r * c))));
  const kernels = Array.from({ length: channels }, () => taps.flat()).flat();
  const kernel = reaches.map((far) => 2 * far + 1);
  const edges = reaches.reduce((y, far, i) => replicated(i + 2, far, far)(y), x);
  const cells = Op.conv(edges, Op.tensor(kernels, [channels * a * b, 1, ...kernel], x.type.dtype), undefined, {
    kernel,
    strides: [1, 1],
    dilations: [1, 1],
    pads: [0, 0, 0, 0],
    group: channels,
  });
  return shuffled(a, b)(cells);
};

export const upSampled = (spec: UpSamplingSpec, x: Value): Value =>
  spec.interpolation === 'nearest' ? nearest(spec.size, x) : smooth(spec.interpolation, spec.size, x);

// -------------------------------------------------------------------------------------
// down to one
// -------------------------------------------------------------------------------------

const spatialAxes = (x: Value): readonly number[] => x.type.shape.flatMap((_, i) => (i < 2 ? [] : [i]));

const overall = (maximum: boolean, x: Value): Value =>
  maximum ? Op.reduceMax({ axes: spatialAxes(x), keepDims: true })(x) : Op.globalAveragePool(x);

/** `mask`: of the cells of one axis, for the mean. */
export const globalPooled = (spec: GlobalPoolSpec, x: Value, mask: Mask): Value => {
  const isMean = spec.op === 'globalAveragePool1d' && mask !== undefined && Op.rank(mask) === 3;
  const one = isMean ? maskedMean(x, mask) : overall(isMaximum(spec), x);
  return spec.keepDims ? one : Op.squeeze(spatialAxes(x))(one);
};

// -------------------------------------------------------------------------------------
// down to a number of cells
// -------------------------------------------------------------------------------------

/** From which cell, and to which (exclusive), each of the windows goes. */
const adaptiveWindows = (n: number, windows: number): readonly (readonly [number, number])[] =>
  Array.from({ length: windows }, (_, i) => [Math.floor((i * n) / windows), Math.ceil(((i + 1) * n) / windows)]);

/** The mean of each window along an axis: a product with their shares. */
const averagedAlong = (at: number, windows: number, x: Value): Value => {
  const [batch, ...sizes] = x.type.shape as readonly [Dim, ...number[]];
  const n = sizes[at - 1] as number;
  const matrix = adaptiveWindows(n, windows).map(([from, to]) =>
    Array.from({ length: n }, (_, i) => (i >= from && i < to ? 1 / (to - from) : 0)),
  );
  const product = (list: readonly number[]) => list.reduce((p, d) => p * d, 1);
  const [before, after] = [product(sizes.slice(0, at - 1)), product(sizes.slice(at))];
  const flat = Op.reshape([batch, before, n, after])(x);
  const means = Op.matMul(Op.tensor(matrix.flat(), [windows, n], x.type.dtype), flat);
  return Op.reshape([batch, ...sizes.with(at - 1, windows)])(means);
};

/** The largest of each window along an axis; where a window is shorter than the longest, its last cell stands again. */
const largestAlong = (at: number, windows: number, x: Value): Value => {
  const spans = adaptiveWindows(x.type.shape[at] as number, windows);
  const longest = Math.max(...spans.map(([from, to]) => to - from));
  const cells = spans.flatMap(([from, to]) => Array.from({ length: longest }, (_, i) => Math.min(from + i, to - 1)));
  const gathered = Op.gather(x, Op.reshape([windows, longest])(Op.int64s(cells)), at);
  return Op.reduceMax({ axes: [at + 1], keepDims: false })(gathered);
};

export const adaptivelyPooled = (spec: AdaptivePoolSpec, x: Value): Value => {
  const maximum = isMaximum(spec);
  if (spec.size.every((n) => n === 1)) return overall(maximum, x);
  const sizes = x.type.shape.slice(2).flatMap((d) => (typeof d === 'number' ? [d] : []));
  if (sizes.length < spec.size.length || typeof x.type.shape[1] !== 'number')
    throw new Op.GraphDefect(`${spec.op}: sizes must be known when the graph is built`);
  const kernel = sizes.map((n, i) => n / (spec.size[i] as number));
  if (kernel.every(Number.isInteger)) {
    const none = kernel.map(() => 0);
    const window = { kernel, strides: kernel, dilations: kernel.map(() => 1), pads: [...none, ...none] };
    return maximum ? Op.maxPool(x, window).output : Op.averagePool(x, window);
  }
  return spec.size.reduce((y, windows, i) => (maximum ? largestAlong : averagedAlong)(i + 2, windows, y), x);
};
