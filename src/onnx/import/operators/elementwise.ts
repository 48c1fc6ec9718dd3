/**
 * Elementwise operators: activations, arithmetic, comparisons, casts. Older and newer forms become those of opset 18.
 */
import type { Value } from '../../../graph/Graph.ts';
import * as Op from '../../../graph/Operators.ts';
import type { DType } from '../../../shape/NdArray.ts';
import type { Dim } from '../../../shape/Shape.ts';
import * as C from '../Call.ts';
import { over, plus, times } from '../Sizes.ts';
import { elementType } from '../Tensors.ts';

type Fold = (...args: readonly number[]) => number;

// -------------------------------------------------------------------------------------
// folding
// -------------------------------------------------------------------------------------

const elements = (v: Value): number =>
  v.type.shape.reduce<number>((n, d) => (typeof d === 'number' ? n * d : Number.NaN), 1);

/** Floats are followed in small tensors only: they matter for scales and counts. */
const SMALL_FLOATS = 16;

/** Contents under an elementwise function: of equal lengths, or single numbers. */
const folded = (inputs: readonly (C.Held | undefined)[], output: Value, fold: Fold): readonly Dim[] | undefined => {
  const contents = inputs.map(C.contentOf);
  const n = elements(output);
  const isFloat = output.type.dtype === 'float32' || output.type.dtype === 'float64';
  if (!(n <= (isFloat ? SMALL_FLOATS : C.SMALL)) || contents.some((c) => c?.length !== n && c?.length !== 1))
    return undefined;
  const round = output.type.dtype === 'float32' ? Math.fround : (x: number) => x;
  const at = (c: readonly Dim[] | undefined, i: number): Dim => c?.[c.length === 1 ? 0 : i] ?? '?';
  const out = Array.from({ length: n }, (_, i): Dim => {
    const args = C.allNumbers(contents.map((c) => at(c, i)));
    return args === undefined ? '?' : round(fold(...args));
  });
  return out.every((d) => d === '?') ? undefined : out;
};

// -------------------------------------------------------------------------------------
// one input
// -------------------------------------------------------------------------------------

const unary =
  (names: readonly string[] = [], fold?: Fold): C.Importer =>
  (call) => {
    const x = C.value(call, 0);
    const y = C.emit(call.node.operator, [x], x.type, C.keep(call, ...names));
    return [C.of(y, fold === undefined ? undefined : folded([call.inputs[0]], y, fold))];
  };

const truth =
  (fold?: Fold): C.Importer =>
  (call) => {
    const x = C.value(call, 0);
    const y = C.emit(
      call.node.operator,
      [x],
      C.type('bool', C.shape(x)),
      C.keep(call, 'detect_negative', 'detect_positive'),
    );
    return [C.of(y, fold === undefined ? undefined : folded([call.inputs[0]], y, fold))];
  };

const identity: C.Importer = (call) => [C.held(call, 0)];

/** In inference; a mask that somebody reads is all true. */
const dropout: C.Importer = (call) => {
  const x = C.held(call, 0);
  if (!call.wants(1)) return [x];
  return [x, C.of(Op.fillLike(x.value, 1, 'bool'))];
};

const castTo = (x: C.Held, dtype: DType): C.Held => {
  if (x.value.type.dtype === dtype) return x;
  const y = Op.cast(dtype)(x.value);
  const whole = dtype.includes('int');
  const content = C.contentOf(x)?.map((d) =>
    typeof d !== 'number' ? d : whole ? Math.trunc(d) : dtype === 'bool' ? Number(d !== 0) : d,
  );
  return C.of(
    y,
    elements(y) <= (whole || dtype === 'bool' ? C.SMALL : SMALL_FLOATS) || content?.length === 1 ? content : undefined,
  );
};

const cast: C.Importer = (call) => [
  castTo(C.held(call, 0), elementType(call.node.outputs[0] ?? '', C.intOf(call, 'to', 1))),
];

const castLike: C.Importer = (call) => [castTo(C.held(call, 0), C.value(call, 1).type.dtype)];

/** Softmax and its kin, which flattened the axes from `axis` on before opset 13. */
const alongAxis: C.Importer = (call) => {
  const x = C.value(call, 0);
  const { operator, version } = call.node;
  const rank = C.shape(x).length;
  const axis = C.axisIn(rank, C.intOf(call, 'axis', version < 13 ? 1 : -1));
  const apply = (v: Value, at: number): Value => C.emit(operator, [v], v.type, { axis: C.int(at) });
  if (version >= 13 || axis === rank - 1) {
    C.separates(call, x, [axis]);
    return [C.of(apply(x, axis))];
  }
  const axes = C.shape(x).map((_, i) => i);
  C.separates(call, x, axes.slice(axis));
  const flat = C.emit('Flatten', [x], C.type(x.type.dtype, ['?', '?']), { axis: C.int(axis) });
  const y = C.emit('Reshape', [apply(flat, 1), Op.shapeOf(x)], x.type);
  return [C.of(y)];
};

const prelu: C.Importer = (call) => {
  const [x, slope] = [C.value(call, 0), C.value(call, 1)];
  return [C.of(C.emit('PRelu', [x, slope], x.type))];
};

/** Limits were attributes before opset 11. */
const clip: C.Importer = (call) => {
  const x = C.value(call, 0);
  const { dtype } = x.type;
  const limit = (name: string, input: number): Value | undefined => {
    if (call.node.version >= 11) return C.optional(call, input);
    const given = C.floatOf(call, name, Number.NaN);
    return Number.isNaN(given) ? undefined : Op.scalar(given, dtype);
  };
  const [low, high] = [limit('min', 1), limit('max', 2)];
  const y = low === undefined && high === undefined ? x : C.emit('Clip', [x, low, high], x.type);
  const [l, h] = [1, 2].map((i) => C.allNumbers(C.contentOf(call.inputs[i]))?.[0]);
  const missing = (low !== undefined && l === undefined) || (high !== undefined && h === undefined);
  const bounded: Fold = (n = 0) => Math.min(Math.max(n, l ?? Number.NEGATIVE_INFINITY), h ?? Number.POSITIVE_INFINITY);
  return [C.of(y, missing ? undefined : folded([call.inputs[0]], y, bounded))];
};

/** Opset 20; here in the operators of 18. */
const gelu: C.Importer = (call) => {
  const x = C.value(call, 0);
  const inner =
    C.textOf(call, 'approximate', 'none') === 'tanh'
      ? Op.tanh(Op.mul(Op.add(x, Op.mul(Op.mul(Op.mul(x, x), x), 0.044715)), Math.sqrt(2 / Math.PI)))
      : Op.erf(Op.mul(x, Math.SQRT1_2));
  return [C.of(Op.mul(Op.mul(x, 0.5), Op.add(inner, 1)))];
};

/** Opset 24. */
const swish: C.Importer = (call) => {
  const x = C.value(call, 0);
  return [C.of(Op.mul(x, Op.sigmoid(Op.mul(x, C.floatOf(call, 'alpha', 1)))))];
};

// -------------------------------------------------------------------------------------
// two inputs or more
// -------------------------------------------------------------------------------------

const joined = (values: readonly Value[]): readonly Dim[] => values.map(C.shape).reduce((a, b) => Op.broadcast(a, b));

const binary =
  (fold?: Fold, output?: DType, names: readonly string[] = []): C.Importer =>
  (call) => {
    const [a, b] = [C.value(call, 0), C.value(call, 1)];
    if (a.type.dtype !== b.type.dtype && call.node.operator !== 'Pow')
      return C.defect(`its inputs are ${a.type.dtype} and ${b.type.dtype}`);
    const y = C.emit(
      call.node.operator,
      [a, b],
      C.type(output ?? a.type.dtype, joined([a, b])),
      C.keep(call, ...names),
    );
    return [C.of(y, fold === undefined ? undefined : folded([call.inputs[0], call.inputs[1]], y, fold))];
  };

const symbolic = (call: C.Call, y: Value, by: (a: Dim, b: Dim) => Dim): readonly Dim[] | undefined => {
  const [a, b] = [C.contentOf(call.inputs[0]), C.contentOf(call.inputs[1])];
  const n = elements(y);
  if (a === undefined || b === undefined || !(n <= 64)) return undefined;
  return Array.from({ length: n }, (_, i) => by(a[a.length === 1 ? 0 : i] ?? '?', b[b.length === 1 ? 0 : i] ?? '?'));
};

const isWhole = (v: Value): boolean => v.type.dtype.includes('int');

/** Whole numbers are divided towards 0; sizes that are products stay known. */
const arithmetic =
  (floats: Fold, sizes: (a: Dim, b: Dim) => Dim, whole: Fold = floats): C.Importer =>
  (call) => {
    const [y] = binary()(call);
    if (y === undefined) return [];
    const fold = isWhole(y.value) ? whole : floats;
    const inputs = [call.inputs[0], call.inputs[1]];
    const content = folded(inputs, y.value, fold);
    return [
      C.of(
        y.value,
        content?.every((d) => d !== '?') ? content : isWhole(y.value) ? symbolic(call, y.value, sizes) : undefined,
      ),
    ];
  };

const variadic =
  (fold: Fold): C.Importer =>
  (call) => {
    const values = call.inputs.map((_, i) => C.value(call, i));
    const [first] = values;
    if (first === undefined) return C.defect('has no inputs');
    if (values.length === 1) return [C.held(call, 0)];
    const y = C.emit(call.node.operator, values, C.type(first.type.dtype, joined(values)));
    return [C.of(y, folded(call.inputs, y, fold))];
  };

const where: C.Importer = (call) => {
  const [c, a, b] = [C.value(call, 0), C.value(call, 1), C.value(call, 2)];
  const y = C.emit('Where', [c, a, b], C.type(a.type.dtype, joined([c, a, b])));
  const [cs, as, bs] = call.inputs.map(C.contentOf);
  const n = elements(y);
  const at = (s: readonly Dim[], i: number): Dim => s[s.length === 1 ? 0 : i] ?? '?';
  const content =
    cs === undefined || as === undefined || bs === undefined || !(n <= C.SMALL)
      ? undefined
      : Array.from({ length: n }, (_, i): Dim => {
          const chosen = at(cs, i);
          return chosen === '?' ? '?' : at(chosen !== 0 ? as : bs, i);
        });
  return [C.of(y, content)];
};

const flag =
  (test: (a: number, b: number) => boolean): Fold =>
  (a = 0, b = 0) =>
    Number(test(a, b));

// -------------------------------------------------------------------------------------
// the table
// -------------------------------------------------------------------------------------

export const elementwise: Readonly<Record<string, C.Importer>> = {
  Identity: identity,
  Dropout: dropout,
  Cast: cast,
  CastLike: castLike,
  Abs: unary([], Math.abs),
  Neg: unary([], (x = 0) => -x),
  Sign: unary([], Math.sign),
  Floor: unary([], Math.floor),
  Ceil: unary([], Math.ceil),
  Round: unary(),
  Exp: unary(),
  Log: unary(),
  Sqrt: unary([], Math.sqrt),
  Reciprocal: unary([], (x = 1) => 1 / x),
  Erf: unary(),
  ...Object.fromEntries(
    ['Sin', 'Cos', 'Tan', 'Asin', 'Acos', 'Atan', 'Sinh', 'Cosh', 'Asinh', 'Acosh', 'Atanh', 'Tanh'].map((o) => [
      o,
      unary(),
    ]),
  ),
  Relu: unary([], (x = 0) => Math.max(0, x)),
  Sigmoid: unary(),
  Softplus: unary(),
  Softsign: unary(),
  Mish: unary(),
  HardSwish: unary(),
  LeakyRelu: unary(['alpha']),
  Elu: unary(['alpha']),
  Celu: unary(['alpha']),
  ThresholdedRelu: unary(['alpha']),
  Selu: unary(['alpha', 'gamma']),
  HardSigmoid: unary(['alpha', 'beta']),
  Shrink: unary(['bias', 'lambd']),
  Gelu: gelu,
  Swish: swish,
  PRelu: prelu,
  Clip: clip,
  Softmax: alongAxis,
  LogSoftmax: alongAxis,
  Hardmax: alongAxis,
  Not: truth((x = 0) => Number(x === 0)),
  IsNaN: truth(),
  IsInf: truth(),
  Add: arithmetic((a = 0, b = 0) => a + b, plus),
  Sub: arithmetic(
    (a = 0, b = 0) => a - b,
    (a, b) => (b === 0 ? a : typeof a === 'number' && typeof b === 'number' ? a - b : a === b && a !== '?' ? 0 : '?'),
  ),
  Mul: arithmetic((a = 0, b = 0) => a * b, times),
  Div: arithmetic(
    (a = 0, b = 1) => a / b,
    over,
    (a = 0, b = 1) => (b === 0 ? 0 : Math.trunc(a / b)),
  ),
  Pow: binary((a = 0, b = 0) => a ** b),
  Mod: binary(undefined, undefined, ['fmod']),
  Max: variadic(Math.max),
  Min: variadic(Math.min),
  Sum: variadic((...all) => all.reduce((a, b) => a + b, 0)),
  Mean: variadic((...all) => all.reduce((a, b) => a + b, 0) / all.length),
  And: binary(
    flag((a, b) => a !== 0 && b !== 0),
    'bool',
  ),
  Or: binary(
    flag((a, b) => a !== 0 || b !== 0),
    'bool',
  ),
  Xor: binary(
    flag((a, b) => (a !== 0) !== (b !== 0)),
    'bool',
  ),
  Equal: binary(
    flag((a, b) => a === b),
    'bool',
  ),
  Less: binary(
    flag((a, b) => a < b),
    'bool',
  ),
  LessOrEqual: binary(
    flag((a, b) => a <= b),
    'bool',
  ),
  Greater: binary(
    flag((a, b) => a > b),
    'bool',
  ),
  GreaterOrEqual: binary(
    flag((a, b) => a >= b),
    'bool',
  ),
  Where: where,
};
