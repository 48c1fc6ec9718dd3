/** In which order the samples are seen. */
import { derive, permutation } from '../data/Random.ts';

interface Ordered {
  readonly shuffle: boolean;
  readonly samples: number;
}

/** Order of the samples in a pass: a function of seed and pass alone, so that a resumed run sees the same. */
export const visits = ({ shuffle, samples }: Ordered, seed: number, pass: number): Int32Array =>
  shuffle ? permutation(derive(seed, pass), samples) : Int32Array.from({ length: samples }, (_, i) => i);

/** The order of a pass. */
export type Orders = (pass: number) => Int32Array;

/** Each is worked out once, as long as it is asked for pass by pass: those of a pass and of the one before are kept. */
export const orders = (ordered: Ordered, seed: number): Orders => {
  let known: readonly (readonly [pass: number, order: Int32Array])[] = [];
  return (pass) => {
    const order = known.find(([p]) => p === pass)?.[1] ?? visits(ordered, seed, pass);
    known = [...known.filter(([p]) => p === pass - 1), [pass, order]];
    return order;
  };
};
