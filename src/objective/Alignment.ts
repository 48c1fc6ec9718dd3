/**
 * Keras's rank alignment: a last axis of size 1 may be there or not.
 */
import type { Value } from '../graph/Graph.ts';
import { rank, squeeze, unsqueeze } from '../graph/Operators.ts';

const last = (x: Value) => x.type.shape[x.type.shape.length - 1];

/** The longer one gives up its last axis of size 1; next to a vector it is the vector that gets one. */
const trim = (long: Value, short: Value): readonly [Value, Value] =>
  last(long) !== 1 ? [long, short] : rank(short) === 1 ? [long, unsqueeze([-1])(short)] : [squeeze([-1])(long), short];

/** Two values of the same rank, where their ranks differ by an axis of size 1: never (n,) against (n,1). */
export const align = (a: Value, b: Value): readonly [Value, Value] => {
  if (rank(a) === rank(b) + 1) return trim(a, b);
  if (rank(b) === rank(a) + 1) {
    const [y, x] = trim(b, a);
    return [x, y];
  }
  return [a, b];
};

/**
 * Values and their weights. A weight for each sample is a weight for all that the sample holds: weights of lower rank
 * get axes of size 1 at the end (Keras broadcasts them along the last axis instead, which fails or mixes samples up).
 */
export const alignWeights = (values: Value, weights: Value): readonly [Value, Value] => {
  const [v, w] = align(values, weights);
  const missing = rank(v) - rank(w);
  return rank(w) === 0 || missing <= 0
    ? [v, w]
    : [v, unsqueeze(Array.from({ length: missing }, (_, i) => rank(w) + i))(w)];
};
