/**
 * ONNX operators as functions on values, with shape inference. Names, attributes and defaults are ONNX's (opset 18);
 * what is an input in ONNX but always known here (axes, target shapes) is an argument.
 *
 * In binary operators a plain number stands for a scalar of the other operand's type. A named dimension is a size not
 * known yet: sizes that depend on one are read off at run time (`Shape`), never guessed.
 *
 * These functions are the inner language of lowerings and gradients. Ill-typed use is a defect of the caller and throws
 * `GraphDefect`; interpreters turn one that comes from a user's own layer or loss into an error value.
 */
import type { DType } from '../shape/NdArray.ts';
import type { Dim } from '../shape/Shape.ts';
import { dtypeDefect, GraphDefect, int64s, scalar } from './Constants.ts';
import type { Attribute, Attributes, Domain, Graph, Value, ValueType } from './Graph.ts';
import { operator, valueType } from './Graph.ts';

export { GraphDefect, int64s, scalar, tensor } from './Constants.ts';

// -------------------------------------------------------------------------------------
// attributes
// -------------------------------------------------------------------------------------

const int = (value: number): Attribute => ({ _tag: 'Int', value });
const ints = (value: readonly number[]): Attribute => ({ _tag: 'Ints', value });
const float = (value: number): Attribute => ({ _tag: 'Float', value });
const text = (value: string): Attribute => ({ _tag: 'String', value });

const first = (values: readonly Value[]): Value => values[0] as Value;

const op = (
  name: string,
  inputs: readonly (Value | undefined)[],
  type: ValueType,
  attributes: Attributes = {},
  domain: Domain = '',
): Value => first(operator(name, inputs, [type], attributes, domain));

// -------------------------------------------------------------------------------------
// dimensions
// -------------------------------------------------------------------------------------

export const rank = (x: Value): number => x.type.shape.length;

/** A non-negative axis. */
export const axisOf = (x: Value, axis: number): number => (axis < 0 ? axis + rank(x) : axis);

const isStatic = (shape: readonly Dim[]): shape is readonly number[] => shape.every((d) => typeof d === 'number');

const show = (shape: readonly Dim[]): string => `[${shape.join(',')}]`;

const broadcastDim = (a: Dim, b: Dim, where: () => string): Dim => {
  if (a === b || b === 1) return a;
  if (a === 1) return b;
  if (typeof a === 'number' && typeof b === 'number') throw new GraphDefect(where());
  if (typeof a === 'number') return a;
  return typeof b === 'number' || a === '?' ? b : a;
};

/** The shape of an elementwise result (numpy's rule). */
export const broadcast = (a: readonly Dim[], b: readonly Dim[]): readonly Dim[] => {
  const n = Math.max(a.length, b.length);
  return Array.from({ length: n }, (_, i) =>
    broadcastDim(
      a[i - n + a.length] ?? 1,
      b[i - n + b.length] ?? 1,
      () => `${show(a)} and ${show(b)} do not broadcast`,
    ),
  );
};

const product = (dims: readonly number[]): number => dims.reduce((p, d) => p * d, 1);

// -------------------------------------------------------------------------------------
// elementwise
// -------------------------------------------------------------------------------------

/** A number stands for a scalar of the other operand's type. */
export type Operand = Value | number;

const both = (a: Operand, b: Operand): readonly [Value, Value] => {
  if (typeof a === 'number') {
    if (typeof b === 'number') throw new GraphDefect('an operator needs at least one value that is not a plain number');
    return [scalar(a, b.type.dtype), b];
  }
  const right = typeof b === 'number' ? scalar(b, a.type.dtype) : b;
  if (a.type.dtype !== right.type.dtype) throw dtypeDefect('binary operator', a.type, right.type);
  return [a, right];
};

const arithmetic = (name: string) => (a: Operand, b: Operand) => {
  const [x, y] = both(a, b);
  return op(name, [x, y], valueType(x.type.dtype, broadcast(x.type.shape, y.type.shape)));
};
const comparison = (name: string) => (a: Operand, b: Operand) => {
  const [x, y] = both(a, b);
  return op(name, [x, y], valueType('bool', broadcast(x.type.shape, y.type.shape)));
};
const unary = (name: string) => (x: Value) => op(name, [x], x.type);

export const add = arithmetic('Add');
export const sub = arithmetic('Sub');
export const mul = arithmetic('Mul');
export const div = arithmetic('Div');
export const pow = arithmetic('Pow');
export const max = arithmetic('Max');
export const min = arithmetic('Min');
/** Integers only; the sign is the divisor's, as Python's. */
export const mod = arithmetic('Mod');
export const bitwiseXor = arithmetic('BitwiseXor');
export const and = comparison('And');
export const or = comparison('Or');
export const greater = comparison('Greater');
export const greaterOrEqual = comparison('GreaterOrEqual');
export const less = comparison('Less');
export const lessOrEqual = comparison('LessOrEqual');
export const equal = comparison('Equal');
export const not = unary('Not');
export const neg = unary('Neg');
export const abs = unary('Abs');
export const sign = unary('Sign');
export const exp = unary('Exp');
export const log = unary('Log');
export const sqrt = unary('Sqrt');
export const reciprocal = unary('Reciprocal');
export const floor = unary('Floor');
export const erf = unary('Erf');
export const sin = unary('Sin');
export const cos = unary('Cos');
export const sinh = unary('Sinh');
export const cosh = unary('Cosh');
export const relu = unary('Relu');
export const sigmoid = unary('Sigmoid');
export const tanh = unary('Tanh');
export const softplus = unary('Softplus');
export const identity = unary('Identity');

/** Unsigned integers only. */
export const shiftRight = (x: Value, bits: number): Value =>
  op('BitShift', [x, scalar(bits, x.type.dtype)], x.type, { direction: text('RIGHT') });

const onnxType: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float64: 11,
  uint32: 12,
};

export const cast =
  (dtype: DType) =>
  (x: Value): Value =>
    x.type.dtype === dtype ? x : op('Cast', [x], valueType(dtype, x.type.shape), { to: int(onnxType[dtype]) });

/** `condition ? a : b`, elementwise. */
export const where = (condition: Value, a: Operand, b: Operand): Value => {
  const [x, y] = both(a, b);
  const shape = broadcast(condition.type.shape, broadcast(x.type.shape, y.type.shape));
  return op('Where', [condition, x, y], valueType(x.type.dtype, shape));
};

export const softmax =
  (axis = -1) =>
  (x: Value): Value =>
    op('Softmax', [x], x.type, { axis: int(axis) });

export const logSoftmax =
  (axis = -1) =>
  (x: Value): Value =>
    op('LogSoftmax', [x], x.type, { axis: int(axis) });

// -------------------------------------------------------------------------------------
// products
// -------------------------------------------------------------------------------------

export interface MatMulOptions {
  readonly transA?: boolean;
  readonly transB?: boolean;
  /** Factor on the result. */
  readonly alpha?: number;
}

const swapLast = (shape: readonly Dim[]): readonly Dim[] => [
  ...shape.slice(0, -2),
  shape[shape.length - 1] as Dim,
  shape[shape.length - 2] as Dim,
];

/** Matrix product over the last two axes, the others broadcast; with a transpose or factor it is a FusedMatMul. */
export const matMul = (a: Value, b: Value, options: MatMulOptions = {}): Value => {
  const { transA = false, transB = false, alpha = 1 } = options;
  if (rank(a) < 2 || rank(b) < 2 || a.type.dtype !== b.type.dtype) throw dtypeDefect('MatMul', a.type, b.type);
  const sa = transA ? swapLast(a.type.shape) : a.type.shape;
  const sb = transB ? swapLast(b.type.shape) : b.type.shape;
  const inner = [sa[sa.length - 1] as Dim, sb[sb.length - 2] as Dim] as const;
  if (typeof inner[0] === 'number' && typeof inner[1] === 'number' && inner[0] !== inner[1])
    throw new GraphDefect(`MatMul: ${show(sa)} x ${show(sb)}: inner sizes ${inner[0]} and ${inner[1]} differ`);
  const shape = [...broadcast(sa.slice(0, -2), sb.slice(0, -2)), sa[sa.length - 2] as Dim, sb[sb.length - 1] as Dim];
  const type = valueType(a.type.dtype, shape);
  return transA || transB || alpha !== 1
    ? op(
        'FusedMatMul',
        [a, b],
        type,
        { transA: int(transA ? 1 : 0), transB: int(transB ? 1 : 0), alpha: float(alpha) },
        'com.microsoft',
      )
    : op('MatMul', [a, b], type);
};

/** `a b + c` for matrices, `c` broadcast to the product. */
export const gemm = (a: Value, b: Value, c: Value): Value =>
  op('Gemm', [a, b, c], valueType(a.type.dtype, [a.type.shape[0] as Dim, b.type.shape[1] as Dim]));

// -------------------------------------------------------------------------------------
// reductions
// -------------------------------------------------------------------------------------

export interface ReduceOptions {
  /** Default: all. */
  readonly axes?: readonly number[];
  /** Whether reduced axes stay, with size 1. Default false. */
  readonly keepDims?: boolean;
}

const reduction =
  (name: string) =>
  (options: ReduceOptions = {}) =>
  (x: Value): Value => {
    const axes = (options.axes ?? x.type.shape.map((_, i) => i)).map((a) => axisOf(x, a));
    const keep = options.keepDims ?? false;
    const shape = x.type.shape.flatMap((d, i): readonly Dim[] => (axes.includes(i) ? (keep ? [1] : []) : [d]));
    return axes.length === 0
      ? x
      : op(name, [x, int64s(axes)], valueType(x.type.dtype, shape), { keepdims: int(keep ? 1 : 0) });
  };

export const reduceSum = reduction('ReduceSum');
export const reduceMean = reduction('ReduceMean');
export const reduceMax = reduction('ReduceMax');
export const reduceMin = reduction('ReduceMin');
export const reduceProd = reduction('ReduceProd');

/** Index of the largest element along an axis, the first of equals. */
export const argMax =
  (axis: number, keepDims = false) =>
  (x: Value): Value => {
    const at = axisOf(x, axis);
    const shape = x.type.shape.flatMap((d, i): readonly Dim[] => (i === at ? (keepDims ? [1] : []) : [d]));
    return op('ArgMax', [x], valueType('int64', shape), { axis: int(at), keepdims: int(keepDims ? 1 : 0) });
  };

// -------------------------------------------------------------------------------------
// shapes
// -------------------------------------------------------------------------------------

/** The run-time shape, int64; a constant when every size is known. */
export const shapeOf = (x: Value): Value =>
  isStatic(x.type.shape) ? int64s(x.type.shape) : op('Shape', [x], valueType('int64', [rank(x)]));

/** Number of elements along the axes (default: all), a scalar of the given type. */
export const count =
  (dtype: DType, axes?: readonly number[]) =>
  (x: Value): Value => {
    const dims = (axes ?? x.type.shape.map((_, i) => i)).map((a) => axisOf(x, a));
    const known = product(dims.map((i) => x.type.shape[i]).filter((d) => typeof d === 'number'));
    const unknown = dims.filter((i) => typeof x.type.shape[i] !== 'number');
    const sizes = unknown.map((i) => cast(dtype)(gather(shapeOf(x), scalar(i, 'int64'))));
    return (
      sizes.reduce<Value | undefined>(
        (n, size) => (n === undefined ? (known === 1 ? size : mul(size, known)) : mul(n, size)),
        undefined,
      ) ?? scalar(known, dtype)
    );
  };

/**
 * The same elements in another shape. A named dimension must be one of `x`'s own, at the same axis, or the only one
 * whose size follows from the rest.
 */
export const reshape =
  (shape: readonly Dim[]) =>
  (x: Value): Value => {
    const same = (d: Dim, i: number) => typeof d === 'string' && x.type.shape[i] === d && d !== '?';
    const open = shape.filter((d, i) => typeof d === 'string' && !same(d, i)).length;
    if (open > 1)
      throw new GraphDefect(`Reshape: ${show(x.type.shape)} to ${show(shape)} leaves more than one size open`);
    const target = shape.map((d, i) => (typeof d === 'number' ? d : same(d, i) ? 0 : -1));
    return op('Reshape', [x, int64s(target)], valueType(x.type.dtype, shape));
  };

/** The same elements in the shape of another value. */
export const reshapeLike =
  (like: Value) =>
  (x: Value): Value =>
    op('Reshape', [x, shapeOf(like)], valueType(x.type.dtype, like.type.shape));

/** The same elements in a shape computed at run time; `dims` is what is known of it. */
export const reshapeTo =
  (shape: Value, dims: readonly Dim[]) =>
  (x: Value): Value =>
    op('Reshape', [x, shape], valueType(x.type.dtype, dims));

/** Repeats along axes of size 1, to the shape of another value. */
export const expandLike =
  (like: Value) =>
  (x: Value): Value =>
    x.type.shape.length === like.type.shape.length &&
    x.type.shape.every((d, i) => d === like.type.shape[i] && d !== '?')
      ? x
      : op('Expand', [x, shapeOf(like)], valueType(x.type.dtype, like.type.shape));

/** Repeats along axes of size 1, to known sizes; 1 leaves an axis as it is. */
export const expand =
  (sizes: readonly number[]) =>
  (x: Value): Value =>
    op('Expand', [x, int64s(sizes)], valueType(x.type.dtype, broadcast(x.type.shape, sizes)));

export const transpose =
  (perm: readonly number[]) =>
  (x: Value): Value =>
    op(
      'Transpose',
      [x],
      valueType(
        x.type.dtype,
        perm.map((p) => x.type.shape[p] as Dim),
      ),
      { perm: ints(perm) },
    );

export const unsqueeze =
  (axes: readonly number[]) =>
  (x: Value): Value => {
    const n = rank(x) + axes.length;
    const at = axes.map((a) => (a < 0 ? a + n : a));
    const rest = x.type.shape[Symbol.iterator]();
    const shape = Array.from({ length: n }, (_, i) => (at.includes(i) ? 1 : (rest.next().value as Dim)));
    return op('Unsqueeze', [x, int64s(at)], valueType(x.type.dtype, shape));
  };

export const squeeze =
  (axes: readonly number[]) =>
  (x: Value): Value => {
    const at = axes.map((a) => axisOf(x, a));
    const shape = x.type.shape.filter((_, i) => !at.includes(i));
    // Without axes ONNX squeezes every axis of size 1.
    return at.length === 0 ? x : op('Squeeze', [x, int64s(at)], valueType(x.type.dtype, shape));
  };

export const concat =
  (axis: number) =>
  (values: readonly Value[]): Value => {
    const head = values[0];
    if (head === undefined) throw new GraphDefect('Concat: expects at least one value');
    if (values.length === 1) return head;
    const at = axisOf(head, axis);
    const sizes: readonly Dim[] = values.map((v) => v.type.shape[at] as Dim);
    const total: Dim = isStatic(sizes) ? sizes.reduce((n, d) => n + d, 0) : '?';
    const shape = head.type.shape.map((d, i) => (i === at ? total : d));
    return op('Concat', values, valueType(head.type.dtype, shape), { axis: int(at) });
  };

export interface SliceOptions {
  readonly axes: readonly number[];
  readonly starts: readonly number[];
  /** Exclusive; beyond the end is the end. */
  readonly ends: readonly number[];
  readonly steps?: readonly number[];
}

const sliceLength = (size: Dim, start: number, end: number, step: number): Dim => {
  if (typeof size !== 'number') return '?';
  // Backwards, the end may lie before the first element, the start may not.
  const high = step > 0 ? size : size - 1;
  const at = (i: number, low: number) => Math.min(Math.max(i < 0 ? i + size : i, low), high);
  return Math.max(0, Math.ceil((at(end, step > 0 ? 0 : -1) - at(start, 0)) / step));
};

export const slice =
  (options: SliceOptions) =>
  (x: Value): Value => {
    const axes = options.axes.map((a) => axisOf(x, a));
    const steps = options.steps ?? axes.map(() => 1);
    const shape = x.type.shape.map((d, i) => {
      const k = axes.indexOf(i);
      return k < 0 ? d : sliceLength(d, options.starts[k] as number, options.ends[k] as number, steps[k] as number);
    });
    const inputs = [x, int64s(options.starts), int64s(options.ends), int64s(axes), int64s(steps)];
    return op('Slice', inputs, valueType(x.type.dtype, shape));
  };

/** Rows `start` to `end` (exclusive, both scalars or one-element int64 values) of the first axis. */
export const sliceRows = (x: Value, start: Value, end: Value): Value => {
  const vector = (v: Value) => (rank(v) === 1 ? v : reshape([1])(v));
  const shape = ['batch', ...x.type.shape.slice(1)];
  return op('Slice', [x, vector(start), vector(end), int64s([0])], valueType(x.type.dtype, shape));
};

/** `pads`: cells before each axis, then after each. */
export const pad =
  (pads: readonly number[], value = 0) =>
  (x: Value): Value => {
    const n = rank(x);
    const shape = x.type.shape.map((d, i) =>
      typeof d === 'number'
        ? d + (pads[i] as number) + (pads[i + n] as number)
        : pads[i] === 0 && pads[i + n] === 0
          ? d
          : '?',
    );
    return pads.every((p) => p === 0)
      ? x
      : op('Pad', [x, int64s(pads), scalar(value, x.type.dtype)], valueType(x.type.dtype, shape), {
          mode: text('constant'),
        });
  };

/** Entries of `x` along an axis, chosen by integers. */
export const gather = (x: Value, indices: Value, axis = 0): Value => {
  const at = axisOf(x, axis);
  const shape = [...x.type.shape.slice(0, at), ...indices.type.shape, ...x.type.shape.slice(at + 1)];
  return op('Gather', [x, indices], valueType(x.type.dtype, shape), { axis: int(at) });
};

export const gatherElements = (x: Value, indices: Value, axis: number): Value =>
  op('GatherElements', [x, indices], valueType(x.type.dtype, indices.type.shape), { axis: int(axisOf(x, axis)) });

/** Slices of `x` chosen by index vectors, the last axis of `indices`. */
export const gatherND = (x: Value, indices: Value): Value => {
  const depth = indices.type.shape[rank(indices) - 1];
  if (typeof depth !== 'number')
    throw new GraphDefect(`GatherND: the index length of ${show(indices.type.shape)} is unknown`);
  const shape = [...indices.type.shape.slice(0, -1), ...x.type.shape.slice(depth)];
  return op('GatherND', [x, indices], valueType(x.type.dtype, shape));
};

export type ScatterReduction = 'none' | 'add';

export const scatterElements = (
  x: Value,
  indices: Value,
  updates: Value,
  axis: number,
  reduce: ScatterReduction = 'none',
): Value =>
  op('ScatterElements', [x, indices, updates], x.type, { axis: int(axisOf(x, axis)), reduction: text(reduce) });

export const scatterND = (x: Value, indices: Value, updates: Value, reduce: ScatterReduction = 'none'): Value =>
  op('ScatterND', [x, indices, updates], x.type, { reduction: text(reduce) });

/** Zeros (or another number) in the shape of another value. */
export const fillLike = (like: Value, value = 0, dtype: DType = like.type.dtype): Value =>
  op('ConstantOfShape', [shapeOf(like)], valueType(dtype, like.type.shape), {
    value: { _tag: 'Tensor', value: oneElement(value, dtype) },
  });

const oneElement = (value: number, dtype: DType) => {
  const { node } = scalar(value, dtype);
  if (node._tag !== 'Constant') throw new GraphDefect('a scalar is a constant');
  return { ...node.data, shape: [1] };
};

/** 0, 1, ..., n - 1 for a scalar n; its length is not known before run time. */
export const range = (n: Value): Value =>
  op('Range', [scalar(0, n.type.dtype), n, scalar(1, n.type.dtype)], valueType(n.type.dtype, ['?']));

/** 1 at the given class, else 0: a last axis of `depth` is added. Classes are integers in [0, depth). */
export const oneHot =
  (depth: number, dtype: DType) =>
  (indices: Value): Value =>
    cast(dtype)(equal(unsqueeze([-1])(cast('int64')(indices)), int64s(Array.from({ length: depth }, (_, i) => i))));

// -------------------------------------------------------------------------------------
// convolution and pooling, channels first
// -------------------------------------------------------------------------------------

export interface WindowOptions {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Cells before each spatial axis, then after each. */
  readonly pads: readonly number[];
}

const windowLength = (size: Dim, k: number, s: number, d: number, pads: number): Dim =>
  typeof size === 'number'
    ? Math.floor((size + pads - (d * (k - 1) + 1)) / s) + 1
    : s === 1 && pads === d * (k - 1)
      ? size
      : '?';

const windowShape = (spatial: readonly Dim[], o: WindowOptions): readonly Dim[] =>
  spatial.map((size, i) =>
    windowLength(
      size,
      o.kernel[i] as number,
      o.strides[i] as number,
      o.dilations[i] as number,
      (o.pads[i] as number) + (o.pads[i + spatial.length] as number),
    ),
  );

const windowAttributes = (o: WindowOptions): Attributes => ({
  kernel_shape: ints(o.kernel),
  strides: ints(o.strides),
  dilations: ints(o.dilations),
  pads: ints(o.pads),
});

export interface ConvOptions extends WindowOptions {
  readonly group: number;
}

/** x [batch, channels, ...], w [filters, channels / group, ...], b [filters]. */
export const conv = (x: Value, w: Value, b: Value | undefined, options: ConvOptions): Value => {
  const shape = [x.type.shape[0] as Dim, w.type.shape[0] as Dim, ...windowShape(x.type.shape.slice(2), options)];
  return op('Conv', b === undefined ? [x, w] : [x, w, b], valueType(x.type.dtype, shape), {
    ...windowAttributes(options),
    group: int(options.group),
  });
};

export interface ConvTransposeOptions extends ConvOptions {
  readonly outputPadding: readonly number[];
}

/** x [batch, channels, ...], w [channels, filters / group, ...], b [filters]. */
export const convTranspose = (x: Value, w: Value, options: ConvTransposeOptions, b?: Value): Value => {
  const spatial = x.type.shape.slice(2);
  const sizes = spatial.map((size, i): Dim => {
    const [k, s, d] = [options.kernel[i] as number, options.strides[i] as number, options.dilations[i] as number];
    const pads = (options.pads[i] as number) + (options.pads[i + spatial.length] as number);
    const more = d * (k - 1) - pads + (options.outputPadding[i] as number);
    if (typeof size !== 'number') return s === 1 && more === 0 ? size : '?';
    return (size - 1) * s + 1 + more;
  });
  const filters = w.type.shape[1] as Dim;
  const shape = [x.type.shape[0] as Dim, typeof filters === 'number' ? filters * options.group : '?', ...sizes];
  return op('ConvTranspose', b === undefined ? [x, w] : [x, w, b], valueType(x.type.dtype, shape), {
    ...windowAttributes(options),
    group: int(options.group),
    output_padding: ints(options.outputPadding),
  });
};

/** Largest of each window; `indices` (int64) are positions in the whole flattened `x`. */
export const maxPool = (x: Value, options: WindowOptions): { readonly output: Value; readonly indices: Value } => {
  const shape = [...x.type.shape.slice(0, 2), ...windowShape(x.type.shape.slice(2), options)];
  const [output, indices] = operator(
    'MaxPool',
    [x],
    [valueType(x.type.dtype, shape), valueType('int64', shape)],
    windowAttributes(options),
  ) as readonly [Value, Value];
  return { output, indices };
};

/** Mean of each window; cells of the padding do not count. Dilation is not supported by opset 18. */
export const averagePool = (x: Value, options: WindowOptions): Value => {
  const { dilations: _, ...attributes } = windowAttributes(options);
  const shape = [...x.type.shape.slice(0, 2), ...windowShape(x.type.shape.slice(2), options)];
  return op('AveragePool', [x], valueType(x.type.dtype, shape), { ...attributes, count_include_pad: int(0) });
};

/** Mean over all spatial positions, which stay with size 1. */
export const globalAveragePool = (x: Value): Value =>
  op(
    'GlobalAveragePool',
    [x],
    valueType(x.type.dtype, [...x.type.shape.slice(0, 2), ...x.type.shape.slice(2).map(() => 1)]),
  );

/** Inference form, channels on axis 1: (x - mean) / sqrt(variance + epsilon) * scale + bias. */
export const batchNormalization = (
  x: Value,
  scale: Value,
  bias: Value,
  mean: Value,
  variance: Value,
  epsilon: number,
): Value => op('BatchNormalization', [x, scale, bias, mean, variance], x.type, { epsilon: float(epsilon) });

// -------------------------------------------------------------------------------------
// loops
// -------------------------------------------------------------------------------------

/**
 * ONNX's Loop. `body` has the inputs iteration (int64 scalar), condition (bool scalar), then the carried values; and the
 * outputs condition, carried values, then scanned values, whose results are stacked along a new first axis.
 */
export const loop = (trips: Value, carried: readonly Value[], body: Graph): readonly Value[] => {
  const scanned = body.outputs.slice(1 + carried.length).map((o) => o.value.type);
  return operator(
    'Loop',
    [trips, scalar(1, 'bool'), ...carried],
    [...carried.map((v) => v.type), ...scanned.map((t) => valueType(t.dtype, ['?', ...t.shape]))],
    { body: { _tag: 'Graph', value: body } },
  );
};
