/**
 * What operators compute from constants. Not all of them: those that parameters and sizes go through on their way to a layer. One
 * that is not in the table is left to onnxruntime.
 *
 * Law: the results are onnxruntime's up to rounding (sums are taken in float64 here).
 */
import { isFloating } from '../../shape/NdArray.ts';
import { walk } from '../../shape/Strided.ts';
import type { OperatorNode } from '../Graph.ts';
import { around, fromArray, type Numbers, sizeOf } from './Numbers.ts';
import { intOf, intsOf } from './Rewrite.ts';

type Inputs = readonly (Numbers | undefined)[];

/** `undefined`: not in a form that is known here. */
type Kernel = (inputs: Inputs, node: OperatorNode) => readonly Numbers[] | undefined;

// -------------------------------------------------------------------------------------
// elementwise
// -------------------------------------------------------------------------------------

const unary =
  (f: (x: number) => number): Kernel =>
  ([x]) =>
    x === undefined ? undefined : [{ shape: x.shape, data: x.data.map(f) }];

const broadcastShape = (shapes: readonly (readonly number[])[]): readonly number[] | undefined => {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  const result = Array.from({ length: rank }, (_, i) => {
    const sizes = shapes.map((s) => s[i - rank + s.length] ?? 1).filter((n) => n !== 1);
    return sizes.every((n) => n === sizes[0]) ? (sizes[0] ?? 1) : -1;
  });
  return result.includes(-1) ? undefined : result;
};

/** Strides of a tensor read in a larger shape: 0 along axes that are repeated. */
const stridesIn = (shape: readonly number[], rank: number): readonly number[] => {
  const own = shape.map((n, i) => (n === 1 ? 0 : sizeOf(shape.slice(i + 1))));
  return [...Array.from({ length: rank - shape.length }, () => 0), ...own];
};

const picked = (x: Numbers, shape: readonly number[], strides: readonly number[], start = 0): Numbers => {
  const order = walk(shape, strides, start);
  const data = new Float64Array(order.length);
  for (let i = 0; i < order.length; i++) data[i] = x.data[order[i] ?? 0] ?? 0;
  return { shape, data };
};

const expanded = (x: Numbers, shape: readonly number[]): Numbers =>
  x.shape.join() === shape.join() ? x : picked(x, shape, stridesIn(x.shape, shape.length));

const elementwise = (inputs: Inputs, f: (values: readonly number[]) => number): readonly Numbers[] | undefined => {
  const present = inputs.filter((x) => x !== undefined);
  const shape = broadcastShape(present.map((x) => x.shape));
  if (present.length !== inputs.length || shape === undefined) return undefined;
  const all = present.map((x) => expanded(x, shape));
  const data = new Float64Array(sizeOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = f(all.map((x) => x.data[i] ?? 0));
  return [{ shape, data }];
};

const binary =
  (f: (a: number, b: number) => number): Kernel =>
  (inputs) =>
    inputs.length === 2 ? elementwise(inputs, ([a = 0, b = 0]) => f(a, b)) : undefined;

const truth = (b: boolean): number => (b ? 1 : 0);

/** Of integers the quotient is one too. */
const divide: Kernel = (inputs, node) => {
  const whole = !isFloating(node.outputs[0]?.dtype ?? 'float32');
  return binary((a, b) => (whole ? Math.trunc(a / b) : a / b))(inputs, node);
};

/** To integers: towards 0, and nothing that they do not hold. */
const cast: Kernel = ([x], node) => {
  const to = node.outputs[0]?.dtype ?? 'float32';
  if (x === undefined) return undefined;
  if (isFloating(to) || to === 'bool') return [x];
  const data = x.data.map(Math.trunc);
  const most = to === 'uint8' ? 255 : to === 'uint32' ? 2 ** 32 - 1 : to === 'int32' ? 2 ** 31 - 1 : 2 ** 53;
  const least = to === 'uint8' || to === 'uint32' ? 0 : -most;
  return data.every((v) => v >= least && v <= most) ? [{ shape: x.shape, data }] : undefined;
};

// -------------------------------------------------------------------------------------
// reductions
// -------------------------------------------------------------------------------------

const axesIn = (rank: number, axes: readonly number[]): readonly number[] => axes.map((a) => (a < 0 ? a + rank : a));

const reduction =
  (
    start: number,
    step: (sum: number, x: number) => number,
    end: (sum: number, n: number) => number = (s) => s,
  ): Kernel =>
  ([x, given], node) => {
    if (x === undefined) return undefined;
    const rank = x.shape.length;
    const named = given === undefined ? intsOf(node, 'axes') : Array.from(given.data);
    if ((named === undefined || named.length === 0) && intOf(node, 'noop_with_empty_axes', 0) === 1) return undefined;
    const axes = axesIn(rank, named === undefined || named.length === 0 ? x.shape.map((_, i) => i) : named);
    const kept = x.shape.map((n, i) => (axes.includes(i) ? 1 : n));
    const target = walk(x.shape, stridesIn(kept, rank));
    const data = new Float64Array(sizeOf(kept)).fill(start);
    for (let i = 0; i < target.length; i++) data[target[i] ?? 0] = step(data[target[i] ?? 0] ?? 0, x.data[i] ?? 0);
    const n = sizeOf(x.shape) / Math.max(1, data.length);
    const shape = intOf(node, 'keepdims', 1) === 1 ? kept : kept.filter((_, i) => !axes.includes(i));
    return [{ shape, data: data.map((s) => end(s, n)) }];
  };

const sum = (a: number, b: number): number => a + b;

// -------------------------------------------------------------------------------------
// shapes
// -------------------------------------------------------------------------------------

const reshape: Kernel = ([x, to], node) => {
  if (x === undefined || to === undefined || intOf(node, 'allowzero', 0) === 1) return undefined;
  const sizes = Array.from(to.data, (n, i) => (n === 0 ? (x.shape[i] ?? 0) : n));
  const rest = sizes.filter((n) => n >= 0).reduce((a, b) => a * b, 1);
  const shape = sizes.map((n) => (n < 0 ? x.data.length / rest : n));
  return sizeOf(shape) === x.data.length ? [{ shape, data: x.data }] : undefined;
};

export const transposed = (x: Numbers, perm: readonly number[]): Numbers => {
  const strides = x.shape.map((_, i) => sizeOf(x.shape.slice(i + 1)));
  return picked(
    x,
    perm.map((p) => x.shape[p] ?? 1),
    perm.map((p) => strides[p] ?? 0),
  );
};

const slice: Kernel = ([x, starts, ends, axes, steps]) => {
  if (x === undefined || starts === undefined || ends === undefined) return undefined;
  const rank = x.shape.length;
  const along = axesIn(rank, axes === undefined ? Array.from(starts.data, (_, i) => i) : Array.from(axes.data));
  const strides = x.shape.map((_, i) => sizeOf(x.shape.slice(i + 1)));
  const [shape, walked] = [[...x.shape], [...strides]];
  let start = 0;
  for (const [i, axis] of along.entries()) {
    const n = x.shape[axis] ?? 0;
    const step = steps?.data[i] ?? 1;
    const clamp = (p: number, most: number, least: number) => Math.min(most, Math.max(least, p < 0 ? p + n : p));
    const [from, to] = [starts.data[i] ?? 0, ends.data[i] ?? 0];
    const first = step > 0 ? clamp(from, n, 0) : clamp(from, n - 1, 0);
    const last = step > 0 ? clamp(to, n, 0) : clamp(to, n, -1);
    shape[axis] = Math.max(0, Math.ceil((last - first) / step));
    walked[axis] = (strides[axis] ?? 0) * step;
    start += first * (strides[axis] ?? 0);
  }
  return [picked(x, shape, walked, start)];
};

/** Along one axis, from `start` on. */
const part = (x: Numbers, axis: number, start: number, length: number): Numbers => {
  const strides = x.shape.map((_, i) => sizeOf(x.shape.slice(i + 1)));
  const shape = x.shape.map((n, i) => (i === axis ? length : n));
  return picked(x, shape, strides, start * (strides[axis] ?? 0));
};

const split: Kernel = ([x, sizes], node) => {
  if (x === undefined) return undefined;
  const axis = axesIn(x.shape.length, [intOf(node, 'axis', 0)])[0] ?? 0;
  const n = x.shape[axis] ?? 0;
  const each = Math.ceil(n / node.outputs.length);
  const lengths =
    sizes === undefined ? node.outputs.map((_, i) => Math.min(each, n - i * each)) : Array.from(sizes.data);
  const starts = lengths.map((_, i) => lengths.slice(0, i).reduce(sum, 0));
  return lengths.map((length, i) => part(x, axis, starts[i] ?? 0, length));
};

const gather: Kernel = ([x, indices], node) => {
  if (x === undefined || indices === undefined) return undefined;
  const axis = axesIn(x.shape.length, [intOf(node, 'axis', 0)])[0] ?? 0;
  const [before, n, after] = around(x.shape, axis);
  const wanted = indices.data.map((i) => (i < 0 ? i + n : i));
  if (wanted.some((i) => i < 0 || i >= n)) return undefined;
  const data = new Float64Array(before * wanted.length * after);
  for (let b = 0; b < before; b++)
    wanted.forEach((i, k) => {
      data.set(x.data.subarray((b * n + i) * after, (b * n + i + 1) * after), (b * wanted.length + k) * after);
    });
  return [{ shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)], data }];
};

const concat: Kernel = (inputs, node) => {
  const parts = inputs.filter((x) => x !== undefined);
  const [first] = parts;
  if (first === undefined) return undefined;
  const axis = axesIn(first.shape.length, [intOf(node, 'axis', 0)])[0] ?? 0;
  const [before, , after] = around(first.shape, axis);
  const lengths = parts.map((x) => x.shape[axis] ?? 0);
  const total = lengths.reduce(sum, 0);
  const data = new Float64Array(before * total * after);
  for (let b = 0, at = 0; b < before; b++)
    parts.forEach((x, i) => {
      const length = (lengths[i] ?? 0) * after;
      data.set(x.data.subarray(b * length, (b + 1) * length), at);
      at += length;
    });
  return [{ shape: first.shape.map((n, i) => (i === axis ? total : n)), data }];
};

const expand: Kernel = ([x, to]) => {
  const shape = x === undefined || to === undefined ? undefined : broadcastShape([x.shape, Array.from(to.data)]);
  return x === undefined || shape === undefined ? undefined : [expanded(x, shape)];
};

const unsqueeze: Kernel = ([x, axes]) => {
  if (x === undefined || axes === undefined) return undefined;
  const rank = x.shape.length + axes.data.length;
  const ones = new Set(axesIn(rank, Array.from(axes.data)));
  const rest = [...x.shape];
  return [{ shape: Array.from({ length: rank }, (_, i) => (ones.has(i) ? 1 : (rest.shift() ?? 1))), data: x.data }];
};

const squeeze: Kernel = ([x, axes]) => {
  if (x === undefined) return undefined;
  const gone = axes === undefined ? undefined : axesIn(x.shape.length, Array.from(axes.data));
  return [{ shape: x.shape.filter((n, i) => (gone === undefined ? n !== 1 : !gone.includes(i))), data: x.data }];
};

const filled: Kernel = ([shape], { attributes }) => {
  if (shape === undefined) return undefined;
  const value = attributes.value?._tag === 'Tensor' ? (fromArray(attributes.value.value).data[0] ?? 0) : 0;
  const sizes = Array.from(shape.data);
  return [{ shape: sizes, data: new Float64Array(sizeOf(sizes)).fill(value) }];
};

const range: Kernel = ([start, limit, step]) => {
  const [a, b, d] = [start?.data[0] ?? 0, limit?.data[0] ?? 0, step?.data[0] ?? 1];
  const n = d === 0 ? 0 : Math.max(0, Math.ceil((b - a) / d));
  return [{ shape: [n], data: Float64Array.from({ length: n }, (_, i) => a + i * d) }];
};

// -------------------------------------------------------------------------------------
// products
// -------------------------------------------------------------------------------------

const matMul: Kernel = ([a, b]) => {
  if (a?.shape.length !== 2 || b?.shape.length !== 2) return undefined;
  const [[m = 0, k = 0], [l = 0, n = 0]] = [a.shape, b.shape];
  if (k !== l) return undefined;
  const data = new Float64Array(m * n);
  for (let i = 0; i < m; i++)
    for (let p = 0; p < k; p++) {
      const x = a.data[i * k + p] ?? 0;
      for (let j = 0; j < n; j++) data[i * n + j] = (data[i * n + j] ?? 0) + x * (b.data[p * n + j] ?? 0);
    }
  return [{ shape: [m, n], data }];
};

// -------------------------------------------------------------------------------------
// table
// -------------------------------------------------------------------------------------

/** To even on a tie, as ONNX's. */
const roundEven = (x: number): number => {
  const r = Math.round(x);
  return Math.abs(x % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r;
};

const kernels: Readonly<Record<string, Kernel>> = {
  Identity: unary((x) => x),
  Neg: unary((x) => -x),
  Abs: unary(Math.abs),
  Sqrt: unary(Math.sqrt),
  Reciprocal: unary((x) => 1 / x),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Sin: unary(Math.sin),
  Cos: unary(Math.cos),
  Tanh: unary(Math.tanh),
  Sigmoid: unary((x) => 1 / (1 + Math.exp(-x))),
  Relu: unary((x) => Math.max(0, x)),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Round: unary(roundEven),
  Sign: unary(Math.sign),
  Not: unary((x) => truth(x === 0)),
  Cast: cast,
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: divide,
  Pow: binary((a, b) => a ** b),
  Equal: binary((a, b) => truth(a === b)),
  Less: binary((a, b) => truth(a < b)),
  LessOrEqual: binary((a, b) => truth(a <= b)),
  Greater: binary((a, b) => truth(a > b)),
  GreaterOrEqual: binary((a, b) => truth(a >= b)),
  And: binary((a, b) => truth(a !== 0 && b !== 0)),
  Or: binary((a, b) => truth(a !== 0 || b !== 0)),
  Max: (inputs) => elementwise(inputs, (values) => Math.max(...values)),
  Min: (inputs) => elementwise(inputs, (values) => Math.min(...values)),
  Sum: (inputs) => elementwise(inputs, (values) => values.reduce(sum, 0)),
  Where: (inputs) => elementwise(inputs, ([c = 0, a = 0, b = 0]) => (c === 0 ? b : a)),
  ReduceSum: reduction(0, sum),
  ReduceMean: reduction(0, sum, (s, n) => s / n),
  ReduceProd: reduction(1, (p, x) => p * x),
  ReduceMax: reduction(Number.NEGATIVE_INFINITY, Math.max),
  ReduceMin: reduction(Number.POSITIVE_INFINITY, Math.min),
  ReduceL1: reduction(0, (s, x) => s + Math.abs(x)),
  ReduceL2: reduction(0, (s, x) => s + x * x, Math.sqrt),
  ReduceSumSquare: reduction(0, (s, x) => s + x * x),
  Reshape: reshape,
  Transpose: ([x], node) =>
    x === undefined
      ? undefined
      : [transposed(x, intsOf(node, 'perm') ?? x.shape.map((_, i) => x.shape.length - 1 - i))],
  Slice: slice,
  Split: split,
  Gather: gather,
  Concat: concat,
  Expand: expand,
  Unsqueeze: unsqueeze,
  Squeeze: squeeze,
  ConstantOfShape: filled,
  Range: range,
  Shape: ([x], node) => {
    const [start, end] = [intOf(node, 'start', 0), intOf(node, 'end', x?.shape.length ?? 0)];
    const sizes = x?.shape.slice(start, end);
    return sizes === undefined ? undefined : [{ shape: [sizes.length], data: Float64Array.from(sizes) }];
  },
  Size: ([x]) => (x === undefined ? undefined : [{ shape: [], data: Float64Array.of(x.data.length) }]),
  MatMul: matMul,
};

/** The operators that constants go through. */
export const evaluated: readonly string[] = Object.keys(kernels);

/** The outputs of an operator of ai.onnx for these inputs; `undefined` where that is left to onnxruntime. */
export const evaluate = (node: OperatorNode, inputs: Inputs): readonly Numbers[] | undefined =>
  node.domain === '' && Object.hasOwn(kernels, node.operator) ? kernels[node.operator]?.(inputs, node) : undefined;
