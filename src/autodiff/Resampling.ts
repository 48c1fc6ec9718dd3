/**
 * The rule of Resize. A resize is linear and separable: along each axis the output is a matrix of weights, of output by
 * input cells, applied to the input; the gradient applies its transpose. Resized axes must have known sizes.
 *
 * Coordinates are computed in float32, step by step as onnxruntime does, so that rounding picks the same cells.
 */
import type { OperatorNode, Value } from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import type { Dim } from '../shape/Shape.ts';
import {
  type At,
  cotangent,
  floatOf,
  input,
  intOf,
  intsOf,
  numbersOf,
  output,
  type Rule,
  refuse,
  textOf,
} from './Rule.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

interface Resized {
  readonly axis: number;
  readonly from: number;
  readonly to: number;
  readonly scale: number;
}

/** Input cells and their weights, for one output cell. */
type Taps = readonly (readonly [cell: number, weight: number])[];

const f = Math.fround;

// -------------------------------------------------------------------------------------
// where an output cell lies in the input
// -------------------------------------------------------------------------------------

const coordinates: Readonly<Record<string, (i: number, r: Resized) => number>> = {
  half_pixel: (i, { scale }) => f(f(f(i + 0.5) / scale) - 0.5),
  pytorch_half_pixel: (i, { scale, to }) => (to > 1 ? f(f(f(i + 0.5) / scale) - 0.5) : 0),
  asymmetric: (i, { scale }) => f(i / scale),
  align_corners: (i, { from, to }) => (to === 1 ? 0 : f(f(i * (from - 1)) / (to - 1))),
};

const roundings: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(f(x - 0.5)),
  round_prefer_ceil: (x) => Math.floor(f(x + 0.5)),
  floor: Math.floor,
  ceil: Math.ceil,
};

// -------------------------------------------------------------------------------------
// what it takes from there
// -------------------------------------------------------------------------------------

const clamp = (i: number, size: number): number => Math.min(Math.max(i, 0), size - 1);

const nearest = (node: OperatorNode, x: number, size: number): Taps => {
  const mode = textOf(node, 'nearest_mode', 'round_prefer_floor');
  const round = roundings[mode] ?? refuse(node, `nearest_mode ${mode}`);
  return [[clamp(round(x), size), 1]];
};

const linear = (x: number, size: number): Taps => {
  const at = clamp(x, size);
  const low = Math.floor(at);
  const part = at - low;
  return part === 0
    ? [[low, 1]]
    : [
        [low, 1 - part],
        [low + 1, part],
      ];
};

/** Keys' cubic convolution, of parameter a. */
const cubic = (node: OperatorNode, x: number, size: number): Taps => {
  const a = floatOf(node, 'cubic_coeff_a', -0.75);
  const low = Math.floor(x);
  const weight = (distance: number): number => {
    const d = Math.abs(distance);
    return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  };
  const taps = [-1, 0, 1, 2].map((k) => [low + k, weight(x - low - k)] as const);
  if (intOf(node, 'exclude_outside', 0) === 0) return taps.map(([cell, w]) => [clamp(cell, size), w]);
  const inside = taps.filter(([cell]) => cell >= 0 && cell < size);
  const total = inside.reduce((s, [, w]) => s + w, 0);
  return inside.map(([cell, w]) => [cell, w / total]);
};

const tapsOf = (node: OperatorNode, r: Resized): readonly Taps[] => {
  const [mode, place] = [textOf(node, 'mode', 'nearest'), textOf(node, 'coordinate_transformation_mode', 'half_pixel')];
  const coordinate = coordinates[place] ?? refuse(node, `coordinate_transformation_mode ${place}`);
  return Array.from({ length: r.to }, (_, i) => {
    const x = coordinate(i, r);
    if (mode === 'nearest') return nearest(node, x, r.from);
    if (mode === 'linear') return linear(x, r.from);
    return mode === 'cubic' ? cubic(node, x, r.from) : refuse(node, `mode ${mode}`);
  });
};

// -------------------------------------------------------------------------------------
// the transpose
// -------------------------------------------------------------------------------------

/** How often each cell is repeated, if that is all that happens. */
const repeats = (taps: readonly Taps[], { from, to }: Resized): number | undefined => {
  const times = to / from;
  const plain = taps.every(([tap, ...more], i) => more.length === 0 && tap?.[0] === Math.floor(i / times));
  return Number.isInteger(times) && plain && taps.every(([tap]) => tap?.[1] === 1) ? times : undefined;
};

const replaced = (shape: readonly Dim[], axis: number, by: readonly Dim[]): readonly Dim[] => [
  ...shape.slice(0, axis),
  ...by,
  ...shape.slice(axis + 1),
];

const transposed = (node: OperatorNode, dy: Value, r: Resized): Value => {
  const taps = tapsOf(node, r);
  const times = repeats(taps, r);
  const shape = dy.type.shape;
  const open = shape.filter((d, i) => i > r.axis && typeof d !== 'number').length;
  if (times !== undefined && open <= 1)
    return Op.reduceSum({ axes: [r.axis + 1] })(Op.reshape(replaced(shape, r.axis, [r.from, times]))(dy));
  const weights = new Float64Array(r.to * r.from);
  taps.forEach((row, i) => {
    for (const [cell, weight] of row) weights[i * r.from + cell] = (weights[i * r.from + cell] ?? 0) + weight;
  });
  const matrix = Op.tensor(Array.from(weights), [r.to, r.from], dy.type.dtype);
  const last = shape.length - 1;
  const swap = shape.map((_, i) => (i === r.axis ? last : i === last ? r.axis : i));
  const moved = r.axis === last ? dy : Op.transpose(swap)(dy);
  const product = Op.multiply(moved, matrix);
  return r.axis === last ? product : Op.transpose(swap)(product);
};

/** Scales and sizes are for all axes, or for those in `axes`. */
const resizedAxes = (at: At): readonly Resized[] => {
  const [x, y] = [input(at, 0), output(at)];
  const axes = (intsOf(at.node, 'axes') ?? x.type.shape.map((_, i) => i)).map((a) => Op.axisOf(x, a));
  const given = at.inputs[2];
  const scales = given === undefined ? [] : (numbersOf(given) ?? refuse(at.node, 'scales known at run time only'));
  return axes.flatMap((axis, k): readonly Resized[] => {
    const [from, to] = [x.type.shape[axis], y.type.shape[axis]];
    if (from === to && (scales[k] ?? 1) === 1) return [];
    if (typeof from !== 'number' || typeof to !== 'number')
      throw new Op.GraphDefect(
        `the gradient of Resize needs the sizes of axis ${axis}: [${x.type.shape.join(',')}] to [${y.type.shape.join(',')}]`,
      );
    return [{ axis, from, to, scale: f(scales[k] ?? to / from) }];
  });
};

export const resize: Rule = (at) => {
  const { node } = at;
  if (intOf(node, 'antialias', 0) !== 0) refuse(node, 'antialias');
  const policy = textOf(node, 'keep_aspect_ratio_policy', 'stretch');
  if (policy !== 'stretch') refuse(node, `keep_aspect_ratio_policy ${policy}`);
  const axes = resizedAxes(at);
  return [() => axes.reduce((dy, r) => transposed(node, dy, r), cotangent(at))];
};
