/**
 * Random numbers that are the same on every machine: integer arithmetic, and the basic operations of float64, whose
 * rounding IEEE 754 fixes. No logarithm and no cosine of `Math` is taken: their last bits differ between platforms.
 *
 * The generator is sfc32 (Chris Doty-Humphrey's small fast chaotic generator), keyed by a seed and a name, so that every
 * parameter has a stream of its own.
 */

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/**
 * A stream of numbers: the four words of the generator. They change with every draw: make one, use it up in one place.
 * In an array of integers they stay integers of the processor: variables of a closure take twice the time.
 */
export type Random = Int32Array;

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
  const r = Int32Array.of(hash(0x243f6a88), hash(0x85a308d3), hash(0x13198a2e), 1);
  for (let i = 0; i < 12; i++) word(r);
  return r;
};

// -------------------------------------------------------------------------------------
// numbers
// -------------------------------------------------------------------------------------

/** 32 random bits as an integer with a sign: such a number is returned in a register, one of up to 2^32 - 1 in memory. */
export const word = (r: Random): number => {
  const a = r[0] as number;
  const b = r[1] as number;
  const c = r[2] as number;
  const d = r[3] as number;
  const t = (((a + b) | 0) + d) | 0;
  r[0] = b ^ (b >>> 9);
  r[1] = c + (c << 3);
  r[2] = ((c << 21) | (c >>> 11)) + t;
  r[3] = d + 1;
  return t;
};

/** Uniform in [0, 1), in steps of 2^-32: finer than float32 tells apart but next to 0. */
export const uniform = (r: Random): number => (word(r) >>> 0) / 4294967296;

/**
 * So many, uniform from `least` to `most`. Each distribution has a loop of its own: numbers from a function that a loop is
 * given come through memory, and take three times as long; so do bounds that come from around the function.
 */
export const uniforms = (r: Random, size: number, least: number, most: number): Float32Array => {
  const out = new Float32Array(size);
  for (let i = 0; i < size; i++) out[i] = least + (most - least) * uniform(r);
  return out;
};
