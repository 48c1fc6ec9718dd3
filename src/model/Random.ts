/**
 * Random numbers that are the same on every machine: integer arithmetic, and the basic operations of float64, whose
 * rounding IEEE 754 fixes. No logarithm and no cosine is taken: their last bits differ between platforms.
 *
 * The generator is sfc32 (Chris Doty-Humphrey's small fast chaotic generator), keyed by a seed and a name, so that every
 * parameter has a stream of its own.
 */

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** A stream of numbers. It has a state: make one, use it up in one place. */
export interface Random {
  /** 32 random bits as an integer with a sign: such a number is returned in a register, one of up to 2^32 - 1 in memory. */
  readonly word: () => number;
}

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** The finaliser of MurmurHash3: mixes 32 bits. */
const mix = (h: number): number => {
  const a = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  const b = Math.imul(a ^ (a >>> 13), 0xc2b2ae35);
  return (b ^ (b >>> 16)) >>> 0;
};

/** A stream for this seed and name. Seeds are taken modulo 2^53. */
export const keyed = (seed: number, name: string): Random => {
  const words = [
    seed >>> 0,
    Math.floor(seed / 4294967296) >>> 0,
    name.length,
    ...[...name].map((c) => c.codePointAt(0) ?? 0),
  ];
  const hash = (start: number): number => words.reduce((h, w) => mix((Math.imul(h, 31) + w + 0x9e3779b9) | 0), start);
  // Four words. In an array of integers they stay integers of the processor: variables of the closure take twice the time.
  const state = Int32Array.of(hash(0x243f6a88), hash(0x85a308d3), hash(0x13198a2e), 1);
  const word = (): number => {
    const a = state[0] as number;
    const b = state[1] as number;
    const c = state[2] as number;
    const d = state[3] as number;
    const t = (((a + b) | 0) + d) | 0;
    state[0] = b ^ (b >>> 9);
    state[1] = c + (c << 3);
    state[2] = ((c << 21) | (c >>> 11)) + t;
    state[3] = d + 1;
    return t;
  };
  for (let i = 0; i < 12; i++) word();
  return { word };
};

// -------------------------------------------------------------------------------------
// distributions
// -------------------------------------------------------------------------------------

/** Uniform in [0, 1), in steps of 2^-32: finer than float32 tells apart but next to 0. */
export const uniform = (r: Random): number => (r.word() >>> 0) / 4294967296;

/** True with probability exp(-p), for 0 <= p <= 1: the parity of a falling run (von Neumann 1951). */
const bernoulliExp = (r: Random, p: number): boolean => {
  let even = true;
  for (let last = p * 4294967296, next = r.word() >>> 0; next < last; last = next, next = r.word() >>> 0) even = !even;
  return even;
};

/**
 * Standard normal by comparisons of uniforms alone: algorithm N of Karney, Sampling exactly from the normal distribution,
 * 2016.
 */
export const normal = (r: Random): number => {
  for (;;) {
    let k = 0;
    while (bernoulliExp(r, 0.5)) k++;
    let left = k * (k - 1);
    while (left > 0 && bernoulliExp(r, 0.5)) left--;
    if (left > 0) continue;
    const x = uniform(r);
    const p = (x * (2 * k + x)) / (2 * k + 2);
    left = k + 1;
    while (left > 0 && bernoulliExp(r, p)) left--;
    if (left === 0) return (r.word() & 1) === 0 ? k + x : -(k + x);
  }
};

/** Standard normal, drawn again outside [-2, 2]. */
export const truncatedNormal = (r: Random): number => {
  for (;;) {
    const z = normal(r);
    if (z >= -2 && z <= 2) return z;
  }
};
