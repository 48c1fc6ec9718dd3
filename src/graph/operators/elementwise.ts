/**
 * Elementwise operators.
 */
import type { DType } from '../../shape/NdArray.ts';
import { dtypeDefect, GraphDefect, scalar } from '../Constants.ts';
import type { Value } from '../Graph.ts';
import { valueType } from '../Graph.ts';
import { broadcast, float, int, op, text } from './node.ts';

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

/** `a + b`. Of all operators of two operands: elementwise, of one element type; axes of size 1 stretch, counted from the last as in NumPy. */
export const add = arithmetic('Add');
/** `a - b`. */
export const sub = arithmetic('Sub');
/** `a * b`, elementwise; products of matrices are `matMul`. */
export const mul = arithmetic('Mul');
/** `a / b`; of integers towards 0. */
export const div = arithmetic('Div');
/** `a` to the power `b`. */
export const pow = arithmetic('Pow');
/** The larger of the two; the largest along an axis is `reduceMax`. */
export const max = arithmetic('Max');
/** The smaller of the two. */
export const min = arithmetic('Min');
/** Integers only; the sign is the divisor's, as Python's. */
export const mod = arithmetic('Mod');
/** Of integers, bit by bit. */
export const bitwiseXor = arithmetic('BitwiseXor');
/** Of bool values. */
export const and = comparison('And');
/** Of bool values. */
export const or = comparison('Or');
/** `a > b`, as bool: for `where`, or `cast('float32')` makes 0 and 1 of it. Comparisons have no gradient. */
export const greater = comparison('Greater');
/** `a >= b`, as bool. */
export const greaterOrEqual = comparison('GreaterOrEqual');
/** `a < b`, as bool. */
export const less = comparison('Less');
/** `a <= b`, as bool. */
export const lessOrEqual = comparison('LessOrEqual');
/** `a = b`, as bool. */
export const equal = comparison('Equal');
/** Of a bool value. */
export const not = unary('Not');
/** `-x`. */
export const neg = unary('Neg');
/** Without the sign; the gradient at 0 is 0. */
export const abs = unary('Abs');
/** -1, 0 or 1; its gradient is 0. */
export const sign = unary('Sign');
/** e to the power `x`. */
export const exp = unary('Exp');
/** Natural logarithm. */
export const log = unary('Log');
/** Square root. */
export const sqrt = unary('Sqrt');
/** `1 / x`. */
export const reciprocal = unary('Reciprocal');
/** The next integer below; its gradient is 0. */
export const floor = unary('Floor');
/** The error function. */
export const erf = unary('Erf');
/** Sine of radians. */
export const sin = unary('Sin');
/** Cosine of radians. */
export const cos = unary('Cos');
/** Hyperbolic sine. */
export const sinh = unary('Sinh');
/** Hyperbolic cosine. */
export const cosh = unary('Cosh');
/** `max(x, 0)`. */
export const relu = unary('Relu');
/** `1 / (1 + exp(-x))`. */
export const sigmoid = unary('Sigmoid');
/** Hyperbolic tangent. */
export const tanh = unary('Tanh');
/** `log(1 + exp(x))`. */
export const softplus = unary('Softplus');
/** The same, as a node of its own. */
export const identity = unary('Identity');

/** alpha x + beta, kept from 0 to 1. */
export const hardSigmoid =
  (alpha: number, beta: number) =>
  (x: Value): Value =>
    op('HardSigmoid', [x], x.type, { alpha: float(alpha), beta: float(beta) });

/** Unsigned integers only. */
export const shiftRight = (x: Value, bits: number): Value =>
  op('BitShift', [x, scalar(bits, x.type.dtype)], x.type, { direction: text('RIGHT') });

const onnxType: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  bfloat16: 16,
};

/** The same numbers in another element type: `cast('float32')(labels)`. Fractions are cut off towards 0. No gradient passes through integers. */
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

/** Exponentials that sum to 1 along an axis, the last by default. */
export const softmax =
  (axis = -1) =>
  (x: Value): Value =>
    op('Softmax', [x], x.type, { axis: int(axis) });

/** The logarithm of `softmax`, exact where probabilities are tiny. */
export const logSoftmax =
  (axis = -1) =>
  (x: Value): Value =>
    op('LogSoftmax', [x], x.type, { axis: int(axis) });
