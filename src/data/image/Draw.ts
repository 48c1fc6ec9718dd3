/**
 * Random numbers of one image: a function of seed, epoch and sample, with the same bits on every machine and in every thread.
 */
import { derive, next, type State, stateFrom } from '../Random.ts';

/** Where in a run an image stands: what augmentation depends on. */
export interface Moment {
  readonly seed: number;
  readonly epoch: number;
  /** Index of the sample in its data set, not in the batch. */
  readonly sample: number;
}

export const stateOf = ({ seed, epoch, sample }: Moment): State => stateFrom(derive(seed, epoch), sample);

/** Uniform in [low, high). */
export const uniform = (state: State, [low, high]: readonly [number, number]): number =>
  low + ((high - low) * next(state)) / 2 ** 32;

/** Standard normal, of two uniform numbers (Box and Muller 1958). */
export const normal = (state: State): number => {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform(state, [0, 1])));
  return radius * Math.cos(2 * Math.PI * uniform(state, [0, 1]));
};

/** Of the gamma distribution with that shape (Marsaglia and Tsang 2000). */
const gamma = (state: State, shape: number): number => {
  if (shape < 1) return gamma(state, shape + 1) * (1 - uniform(state, [0, 1])) ** (1 / shape);
  const d = shape - 1 / 3;
  for (;;) {
    const x = normal(state);
    const v = (1 + x / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(1 - uniform(state, [0, 1])) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
};

/** Of the beta distribution with both parameters `alpha`: from 0 to 1. */
export const beta = (state: State, alpha: number): number => {
  const [x, y] = [gamma(state, alpha), gamma(state, alpha)];
  // Very small shapes may round both to 0.
  return x + y > 0 ? x / (x + y) : uniform(state, [0, 1]) < 0.5 ? 0 : 1;
};
