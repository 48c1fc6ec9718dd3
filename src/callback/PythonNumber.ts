/**
 * Numbers as text in the forms that Python prints: what Keras's messages, file names and CSV files are made of.
 *
 * Rounding is to nearest, ties to even, on the exact binary value (as C's printf does): JavaScript's `toFixed` rounds
 * ties up, so `0.125` would become `0.13` there and is `0.12` here.
 */

// -------------------------------------------------------------------------------------
// exact decimals
// -------------------------------------------------------------------------------------

/** `numerator / denominator`, rounded to an integer, ties to even. */
const divideRounded = (numerator: bigint, denominator: bigint): bigint => {
  const quotient = numerator / denominator;
  const twice = (numerator % denominator) * 2n;
  return twice > denominator || (twice === denominator && quotient % 2n === 1n) ? quotient + 1n : quotient;
};

/** A finite non-negative double as an exact fraction. */
const fraction = (x: number): readonly [bigint, bigint] => {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  const bits = view.getBigUint64(0);
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const mantissa = (bits & 0xfffffffffffffn) | (exponent === 0 ? 0n : 1n << 52n);
  const shift = Math.max(exponent, 1) - 1075;
  return shift >= 0 ? [mantissa << BigInt(shift), 1n] : [mantissa, 1n << BigInt(-shift)];
};

/** `x * 10^power`, rounded. */
const scaled = (x: number, power: number): bigint => {
  const [numerator, denominator] = fraction(x);
  return power >= 0
    ? divideRounded(numerator * 10n ** BigInt(power), denominator)
    : divideRounded(numerator, denominator * 10n ** BigInt(-power));
};

const signed = (x: number, text: string): string => (x < 0 || Object.is(x, -0) ? `-${text}` : text);

const nonFinite = (x: number): string => (Number.isNaN(x) ? 'nan' : x > 0 ? 'inf' : '-inf');

/** `digits + 1` significant digits and the decimal exponent of the first. */
const significant = (x: number, digits: number): readonly [string, number] => {
  if (x === 0) return ['0'.repeat(digits + 1), 0];
  const guess = Number(x.toExponential().split('e')[1]);
  // The guess is off by one where the shortest form rounds up to a power of ten, or where the digits asked for do.
  for (const exponent of [guess - 1, guess, guess + 1]) {
    const text = scaled(x, digits - exponent).toString();
    if (text.length === digits + 1) return [text, exponent];
  }
  return [`1${'0'.repeat(digits)}`, guess + 1];
};

const exponentText = (exponent: number): string =>
  `e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;

const withPoint = (text: string): string => (text.length === 1 ? text : `${text.slice(0, 1)}.${text.slice(1)}`);

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** `%.{digits}f`. */
export const fixed = (x: number, digits: number): string => {
  if (!Number.isFinite(x)) return nonFinite(x);
  const text = scaled(Math.abs(x), digits)
    .toString()
    .padStart(digits + 1, '0');
  const whole = text.slice(0, text.length - digits);
  return signed(x, digits === 0 ? whole : `${whole}.${text.slice(-digits)}`);
};

/** `%.{digits}e`. */
export const exponential = (x: number, digits: number): string => {
  if (!Number.isFinite(x)) return nonFinite(x);
  const [text, exponent] = significant(Math.abs(x), digits);
  return signed(x, `${withPoint(text)}${exponentText(exponent)}`);
};

/** `%.{precision}g`. */
export const general = (x: number, precision: number): string => {
  if (!Number.isFinite(x)) return nonFinite(x);
  const digits = Math.max(precision, 1);
  const [text, exponent] = significant(Math.abs(x), digits - 1);
  if (exponent < -4 || exponent >= digits)
    return signed(x, `${withPoint(text).replace(/\.?0+$/, '')}${exponentText(exponent)}`);
  const full = fixed(Math.abs(x), digits - 1 - exponent);
  return signed(x, full.includes('.') ? full.replace(/\.?0+$/, '') : full);
};

/** `repr`: the shortest text that reads back as the same double, with `.0` where it looks like an integer. */
export const repr = (x: number): string => {
  if (!Number.isFinite(x)) return nonFinite(x);
  if (x === 0) return signed(x, '0.0');
  const [mantissa = '', power = '0'] = Math.abs(x).toExponential().split('e');
  const exponent = Number(power);
  const digits = mantissa.replace('.', '');
  if (exponent < -4 || exponent >= 16) return signed(x, `${mantissa}${exponentText(exponent)}`);
  if (exponent < 0) return signed(x, `0.${'0'.repeat(-exponent - 1)}${digits}`);
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return signed(x, `${whole}.${digits.slice(exponent + 1) || '0'}`);
};
