/**
 * Activations that are x times a gate: gelu, silu. Each gate is written once, here, so that an activation and its gradient
 * read the same nodes.
 */
import type { Value } from './Graph.ts';
import * as Op from './Operators.ts';

/** From a function between -1 and 1 to one between 0 and 1. */
const raised = (v: Value): Value =>
  v.type.dtype === 'float32' ? Op.hardSigmoid(0.5, 0.5)(v) : Op.mul(Op.add(v, 1), 0.5);

// -------------------------------------------------------------------------------------
// gelu
// -------------------------------------------------------------------------------------

interface Normal {
  /** x over the root of 2. */
  readonly t: Value;
  /** The distribution function of the normal distribution. */
  readonly gate: Value;
}

export const normal = (x: Value): Normal => {
  const t = Op.mul(x, Math.SQRT1_2);
  return { t, gate: raised(Op.erf(t)) };
};

const [slope, cubic] = [2 * Math.sqrt(2 / Math.PI), 0.044715];

interface Logistic {
  readonly gate: Value;
  /** The derivative of what the gate is a sigmoid of. */
  readonly inner: () => Value;
}

/** The approximation of `normal` by a cubic, (1 + tanh(u)) / 2 being sigmoid(2 u). */
export const nearlyNormal = (x: Value): Logistic => {
  const square = Op.mul(x, x);
  return {
    gate: Op.sigmoid(Op.mul(x, Op.add(Op.mul(square, slope * cubic), slope))),
    inner: () => Op.add(Op.mul(square, 3 * slope * cubic), slope),
  };
};

// -------------------------------------------------------------------------------------
// silu
// -------------------------------------------------------------------------------------

/** `alpha` x. */
export const multiple = (alpha: number, x: Value): Value => (alpha === 1 ? x : Op.mul(x, alpha));

export const logistic = (alpha: number, x: Value): Value => Op.sigmoid(multiple(alpha, x));
