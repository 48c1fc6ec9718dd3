/**
 * Small parts of optimizer rules.
 */
import { operator, type Value, valueType } from '../graph/Graph.ts';
import { add, cast, div, equal, mod, mul, pow, scalar, sqrt, sub } from '../graph/Operators.ts';
import { number } from '../shape/Requirement.ts';

export const constant = (value: number): Value => scalar(value, 'float32');

export const sumOfSquares = (x: Value): Value =>
  operator('ReduceSumSquare', [x], [valueType('float32', [])], { keepdims: { _tag: 'Int', value: 0 } })[0] as Value;

/** The length of all numbers together. */
export const norm = (x: Value): Value => sqrt(sumOfSquares(x));

/** Root of the mean of squares. */
export const rootMeanSquare = (x: Value): Value => {
  const size = x.type.shape.reduce<number>((n, d) => (typeof d === 'number' ? n * d : n), 1);
  return sqrt(mul(sumOfSquares(x), 1 / size));
};

/** Whether this step, counted from 1, is the last of k. Integers: float32 would have to round. */
export const isLastOf = (k: number, step: Value): Value => equal(mod(cast('int64')(step), k), 0);

/** In which group of k steps a step is, both counted from 1: float32. */
export const groupOf = (k: number, step: Value): Value =>
  k === 1 ? step : cast('float32')(add(div(sub(cast('int64')(step), 1), k), 1));

/**
 * 1 - b^t: the share of a running mean that gradients make up after t of them. In float64, since in float32 little would
 * be left of the difference: with b = 0.999 its first values would be off by 1e-5.
 */
export const filled = (beta: number, step: Value): Value => cast('float32')(sub(1, pow(beta, cast('float64')(step))));

/** A share of a running mean that is kept. */
export const keeps = number((x) => x >= 0 && x < 1, 'at least 0 and below 1');

/** The same for one that what is new must not fill alone. */
export const keepsSome = number((x) => x > 0 && x <= 1, 'above 0 and at most 1');

/** The exponent of a number that must not grow. */
export const falling = number((x) => x <= 0, '0 or less');
