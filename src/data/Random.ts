/**
 * Deterministic random numbers: a function of the seed alone, with the same bits on every machine.
 *
 * The generator is xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2018), in 32-bit
 * integer operations only. Any number may be a seed: its 64 bits are hashed, so 1, 2 and 0.1 are equally good ones.
 *
 * Laws: `permutation(seed, n)` holds each of 0 .. n-1 once; equal arguments give equal results.
 */

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** Four 32-bit words, not all zero. `next` advances them in place: a state belongs to one loop and is never shared. */
export type State = Uint32Array;

const rotl = (x: number, k: number): number => (x << k) | (x >>> (32 - k));

/** The finalizer of MurmurHash3: a bijection of 32 bits in which every input bit moves every output bit. */
const mix = (x: number): number => {
  const a = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  const b = Math.imul(a ^ (a >>> 13), 0xc2b2ae35);
  return b ^ (b >>> 16);
};

/** The bits of a number as (low, high); both zeros and all NaNs are one. */
const bits = (x: number): readonly [number, number] => {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Number.isNaN(x) ? Number.NaN : x + 0, true);
  return [view.getInt32(0, true), Number.isNaN(x) ? 0x7ff80000 : view.getInt32(4, true)];
};

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

export const stateFrom = (seed: number, stream = 0): State => {
  const [low, high] = bits(seed);
  const [streamLow, streamHigh] = bits(stream);
  const word = (_: unknown, i: number): number =>
    mix(mix(mix(mix(low + Math.imul(i + 1, 0x9e3779b9)) ^ high) ^ streamLow) ^ streamHigh);
  const state = Uint32Array.from({ length: 4 }, word);
  return state.some((x) => x !== 0) ? state : Uint32Array.of(1, 2, 3, 4);
};

// -------------------------------------------------------------------------------------
// combinators
// -------------------------------------------------------------------------------------

/** The next 32 random bits, from 0 to 2^32 - 1. */
export const next = (state: State): number => {
  const [a = 0, b = 0, c = 0, d = 0] = state;
  const result = Math.imul(rotl(Math.imul(b, 5), 7), 9) >>> 0;
  const c1 = c ^ a;
  const d1 = d ^ b;
  state[0] = a ^ d1;
  state[1] = b ^ c1;
  state[2] = c1 ^ (b << 9);
  state[3] = rotl(d1, 11);
  return result;
};

/** Uniform in 0 .. bound - 1, without bias: draws that would favour low values are drawn again. */
export const below = (state: State, bound: number): number => {
  const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound);
  for (;;) {
    const x = next(state);
    if (x < limit) return x % bound;
  }
};

/**
 * 0 .. n-1 in random order (Fisher and Yates). Training shuffles with it: `permutation(derive(seed, epoch), n)`.
 *
 * @example
 * permutation(42, 5) // the same five indices on every machine
 */
export const permutation = (seed: number, n: number): Int32Array => {
  const state = stateFrom(seed);
  const indices = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = below(state, i + 1);
    const kept = indices[i] ?? 0;
    indices[i] = indices[j] ?? 0;
    indices[j] = kept;
  }
  return indices;
};

/** A seed of its own for part `stream` (an epoch, a fold) of whatever `seed` governs: an integer below 2^53. */
export const derive = (seed: number, stream: number): number => {
  const state = stateFrom(seed, stream);
  next(state);
  return (next(state) >>> 11) * 0x1_0000_0000 + next(state);
};
