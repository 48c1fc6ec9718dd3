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
