/**
 * The 16-bit float formats, as bits: IEEE 754's binary16 (`float16`) and the upper half of a binary32 (`bfloat16`).
 *
 * Laws: `fromBits` after `toBits` is rounding to the nearest representable number, ties to even; it is the identity on
 * representable numbers, and monotone. What is too large becomes infinite; NaN stays NaN.
 */

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** `float16`: 11 bits of precision, 6e-8 to 65504. `bfloat16`: 8 bits of precision, the range of float32. */
export type Half = 'float16' | 'bfloat16';

export const isHalf = (dtype: string): dtype is Half => dtype === 'float16' || dtype === 'bfloat16';

// -------------------------------------------------------------------------------------
// conversions
// -------------------------------------------------------------------------------------

const word = new Float32Array(1);
const bits = new Uint32Array(word.buffer);

/** The bits of a number as float32, of which the lower `n` are rounded away, to even on a tie. */
const roundedAway = (b: number, n: number): number => {
  const kept = Math.floor(b / 2 ** n);
  const rest = b % 2 ** n;
  const half = 2 ** (n - 1);
  return kept + (rest > half || (rest === half && kept % 2 === 1) ? 1 : 0);
};

const bfloat16Bits = (x: number): number => {
  word[0] = x;
  const b = bits[0] ?? 0;
  return Number.isNaN(x) ? 0x7fc0 : roundedAway(b, 16);
};

const float16Bits = (x: number): number => {
  if (Number.isNaN(x)) return 0x7e00;
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  word[0] = Math.abs(x);
  const b = bits[0] ?? 0;
  const exponent = (b >>> 23) - 127;
  if (exponent > 15) return sign | 0x7c00;
  // A carry out of the fraction runs into the exponent: the next power of two, or infinity.
  if (exponent >= -14) return sign | (roundedAway(b, 13) - ((127 - 15) << 10));
  const fraction = (b & 0x7fffff) | 0x800000;
  return sign | (exponent < -25 ? 0 : roundedAway(fraction, -exponent - 1));
};

/** The 16 bits of the nearest number of the format. */
export const toBits = (format: Half): ((x: number) => number) => (format === 'float16' ? float16Bits : bfloat16Bits);

const fromBfloat16 = (b: number): number => {
  bits[0] = b * 2 ** 16;
  return word[0] ?? 0;
};

const fromFloat16 = (b: number): number => {
  const sign = b & 0x8000 ? -1 : 1;
  const exponent = (b >>> 10) & 0x1f;
  const fraction = b & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (fraction + 1024) * 2 ** (exponent - 25));
};

/** The number that 16 bits of the format stand for; every one is a float32. */
export const fromBits = (format: Half): ((b: number) => number) => (format === 'float16' ? fromFloat16 : fromBfloat16);

/** The nearest number of the format. */
export const round =
  (format: Half) =>
  (x: number): number =>
    fromBits(format)(toBits(format)(x));
