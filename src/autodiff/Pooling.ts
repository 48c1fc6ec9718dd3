/**
 * Rules of pooling, channels first, one to three spatial axes. The batch may be a named size; spatial sizes must be known,
 * except where all positions are pooled.
 */
import { cells, places } from '../graph/Cells.ts';
import { type OperatorNode, operator, type Value, valueType } from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import type { Dim } from '../shape/Shape.ts';
import { shared } from './Reductions.ts';
import {
  type At,
  cotangent,
  input,
  intOf,
  intsOf,
  output,
  product,
  type Rule,
  reached,
  shapedAs,
  staticSizes,
  times,
  zeros,
} from './Rule.ts';
import { at, dataGradient, extents, windowOf } from './Windows.ts';

// -------------------------------------------------------------------------------------
// pooling of windows
// -------------------------------------------------------------------------------------

const poolOf = (node: OperatorNode, x: Value): Op.ConvOptions => {
  const kernel = intsOf(node, 'kernel_shape');
  if (kernel === undefined) throw new Op.GraphDefect(`${node.operator} without kernel_shape`);
  return windowOf(node, kernel, x);
};

const flatSize = (x: Value): Dim => {
  const known = x.type.shape.filter((d) => typeof d === 'number');
  return known.length === x.type.shape.length ? product(known) : '?';
};

const flattened = (x: Value): Value => Op.reshape([flatSize(x)])(x);

const flatZeros = (x: Value): Value =>
  zeros(Op.unsqueeze([0])(Op.count('int64')(x)), valueType(x.type.dtype, [flatSize(x)]));

/** MaxPool may have been built without its indices: then it is built again with them. */
const indicesOf = (a: At): Value =>
  a.outputs[1] ??
  (operator(
    'MaxPool',
    a.node.inputs,
    [output(a).type, valueType('int64', output(a).type.shape)],
    a.node.attributes,
    a.node.domain,
  )[1] as Value);

/** The cell with the largest number of each window, by its place in the whole flattened input. */
const byIndices = (a: At, x: Value, dy: Value, overlapping: boolean): Value =>
  shapedAs(x)(
    Op.scatterND(flatZeros(x), Op.reshape(['?', 1])(indicesOf(a)), flattened(dy), overlapping ? 'add' : 'none'),
  );

/** Each cell as often as a window has cells. */
const enlarged =
  (kernel: readonly number[]) =>
  (y: Value): Value =>
    Op.nearest([1, 1, ...kernel])(y);

/**
 * By which a cell of a window is above the next one: 2^-124. `reached` tells such numbers apart, and beside what two cells
 * differ by they are nothing, but where that is itself below 2^-124 times the cells of a window: then the first may be taken.
 */
const rank = 2 ** -124;

/**
 * Windows that tile the input: of each cell its window's largest number is taken away, and among equals, which are zero then, the
 * first is found by pooling again, with numbers added that fall from cell to cell. This needs no indices, with which
 * onnxruntime's MaxPool is some ten times as slow as without.
 */
const byComparison = (x: Value, y: Value, dy: Value, o: Op.ConvOptions): Value => {
  const windows = staticSizes(y, 2, 'the gradient of MaxPool');
  const tiled = windows.map((n, i) => n * at(o.kernel, i));
  const rest = staticSizes(x, 2, 'the gradient of MaxPool').map((n, i) => n - at(tiled, i));
  const seen = cells(tiled.map((count, i) => ({ axis: i + 2, start: 0, count, step: 1 })))(x);
  const place = (cell: readonly number[]): number =>
    cell.reduce((n, c, i) => n * at(o.kernel, i) + (c % at(o.kernel, i)), 0);
  const falling = Op.tensor(
    places(tiled).map((cell) => rank * (product(o.kernel) - place(cell))),
    [1, 1, ...tiled],
    x.type.dtype,
  );
  const ranks = Op.add(Op.sub(seen, enlarged(o.kernel)(y)), falling);
  const first = reached(ranks, enlarged(o.kernel)(Op.maxPool(ranks, o).output));
  const dx = Op.mul(enlarged(o.kernel)(dy), first);
  return rest.every((n) => n === 0) ? dx : Op.pad([0, 0, ...rest.map(() => 0), 0, 0, ...rest])(dx);
};

/** Windows of one cell: each cotangent repeated over a stride's cells, and all but the first of those set to zero. */
const bySpreading = (x: Value, dy: Value, o: Op.ConvOptions): Value => {
  const sizes = staticSizes(x, 2, 'the gradient of MaxPool');
  const cell = (place: readonly number[]): number => (place.every((c, i) => c % at(o.strides, i) === 0) ? 1 : 0);
  const mask = Op.tensor(places(sizes).map(cell), [1, 1, ...sizes], x.type.dtype);
  const repeated = enlarged(o.strides)(dy);
  return Op.mul(cells(sizes.map((count, i) => ({ axis: i + 2, start: 0, count, step: 1 })))(repeated), mask);
};

/** Each window's cotangent goes to its largest element, the first of equals. */
export const maxPool: Rule = (a) => {
  const [dy, x] = [cotangent(a), input(a, 0)];
  if (intOf(a.node, 'storage_order', 0) !== 0) throw new Op.GraphDefect('MaxPool with storage_order 1');
  const o = poolOf(a.node, x);
  const plain =
    o.kernel.length === 2 &&
    x.type.dtype === 'float32' &&
    o.pads.every((p) => p === 0) &&
    o.dilations.every((d) => d === 1) &&
    intOf(a.node, 'ceil_mode', 0) === 0;
  const tiling = o.kernel.every((k, i) => k === at(o.strides, i));
  const overlapping = extents(o).some((e, i) => e > at(o.strides, i));
  return [
    () => {
      if (plain && o.kernel.every((k) => k === 1)) return bySpreading(x, dy, o);
      return plain && tiling ? byComparison(x, output(a), dy, o) : byIndices(a, x, dy, overlapping);
    },
  ];
};

/** One over the number of cells that each window averages, as [1, 1, ...windows]. */
const shares = (x: Value, out: readonly number[], sizes: readonly number[], o: Op.ConvOptions, countPads: boolean) => {
  const n = sizes.length;
  const reach = (axis: number, window: number): number => {
    const start = window * at(o.strides, axis) - at(o.pads, axis);
    const low = countPads ? -at(o.pads, axis) : 0;
    const high = at(sizes, axis) + (countPads ? at(o.pads, axis + n) : 0);
    return Math.min(start + at(o.kernel, axis), high) - Math.max(start, low);
  };
  const values = places(out).map((place) => 1 / product(place.map((window, axis) => reach(axis, window))));
  const [head = 1] = values;
  return values.every((v) => v === head)
    ? Op.scalar(head, x.type.dtype)
    : Op.tensor(values, [1, 1, ...out], x.type.dtype);
};

/** The transpose of summing each window: a convolution of every channel alike with ones. */
const spread = (dy: Value, x: Value, o: Op.ConvOptions): Value => {
  const sizes = staticSizes(x, 2, 'the gradient of a pool');
  const [batch, channels] = x.type.shape;
  const images = typeof batch === 'number' && typeof channels === 'number' ? batch * channels : '?';
  const ones = Op.tensor(
    Array.from({ length: product(o.kernel) }, () => 1),
    [1, 1, ...o.kernel],
    x.type.dtype,
  );
  const each = Op.reshape([images, 1, ...staticSizes(dy, 2, 'the gradient of a pool')])(dy);
  return shapedAs(x)(dataGradient(each, ones, sizes, o));
};

export const averagePool: Rule = (a) => {
  const [dy, x] = [cotangent(a), input(a, 0)];
  const o = poolOf(a.node, x);
  return [
    () => {
      const [out, sizes] = [
        staticSizes(dy, 2, 'the gradient of AveragePool'),
        staticSizes(x, 2, 'the gradient of AveragePool'),
      ];
      return spread(times(dy, shares(x, out, sizes, o, intOf(a.node, 'count_include_pad', 0) !== 0)), x, o);
    },
  ];
};

/** The p-norm of each window: (sum of |x|^p)^(1/p). Where it is zero the gradient is zero. */
const ofNorm = (dy: Value, x: Value, y: Value, p: number, back: (dy: Value) => Value): Value => {
  const positive = Op.greater(y, 0);
  const root = Op.where(positive, Op.pow(Op.where(positive, y, 1), 1 - p), 0);
  const power = p === 1 ? Op.sign(x) : p === 2 ? x : Op.mul(Op.sign(x), Op.pow(Op.abs(x), p - 1));
  return Op.mul(back(Op.mul(dy, root)), power);
};

export const lpPool: Rule = (a) => {
  const [dy, x] = [cotangent(a), input(a, 0)];
  const o = poolOf(a.node, x);
  return [() => ofNorm(dy, x, output(a), intOf(a.node, 'p', 2), (d) => spread(d, x, o))];
};

// -------------------------------------------------------------------------------------
// pooling of all positions
// -------------------------------------------------------------------------------------

const spatial = (x: Value): readonly number[] => x.type.shape.flatMap((_, i) => (i < 2 ? [] : [i]));

export const globalAveragePool: Rule = (a) => {
  const [dy, x] = [cotangent(a), input(a, 0)];
  return [() => Op.expandLike(x)(Op.div(dy, Op.count(x.type.dtype, spatial(x))(x)))];
};

export const globalMaxPool: Rule = (a) => {
  const [dy, x] = [cotangent(a), input(a, 0)];
  return [() => shared(dy, x, output(a), spatial(x))];
};

export const globalLpPool: Rule = (a) => {
  const [dy, x] = [cotangent(a), input(a, 0)];
  return [() => ofNorm(dy, x, output(a), intOf(a.node, 'p', 2), (d) => d)];
};
