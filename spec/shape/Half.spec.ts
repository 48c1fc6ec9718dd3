import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromBits, type Half, round, toBits } from '../../src/shape/Half.ts';

const halves: readonly Half[] = ['float16', 'bfloat16'];
const all = Array.from({ length: 65536 }, (_, b) => b);

describe('16-bit floats', () => {
  test.each(halves)('%s: every representable number stays as it is', (half) => {
    const [to, from] = [toBits(half), fromBits(half)];
    const changed = all.filter((b) => {
      const x = from(b);
      return Number.isNaN(x) ? !Number.isNaN(from(to(x))) : to(x) !== b;
    });
    expect(changed).toEqual([]);
  });

  test.each(halves)('%s: the nearest number, the even one of two that are as near', (half) => {
    const [to, from] = [toBits(half), fromBits(half)];
    fc.assert(
      fc.property(fc.integer({ min: 0, max: half === 'float16' ? 0x7bfe : 0x7f7e }), fc.boolean(), (b, negative) => {
        const sign = negative ? -1 : 1;
        const [low, high] = [from(b), from(b + 1)];
        const middle = (low + high) / 2;
        const even = b % 2 === 0 ? low : high;
        expect(from(to(sign * middle))).toBe(sign * even);
        expect(from(to(sign * (middle + (high - low) / 8)))).toBe(sign * high);
        expect(from(to(sign * (middle - (high - low) / 8)))).toBe(sign * low);
      }),
    );
  });

  test('what does not fit', () => {
    expect(round('float16')(65519)).toBe(65504);
    expect(round('float16')(65520)).toBe(Number.POSITIVE_INFINITY);
    expect(round('float16')(-1e9)).toBe(Number.NEGATIVE_INFINITY);
    expect(round('float16')(2 ** -25)).toBe(0);
    expect(round('float16')(2 ** -25 * 1.01)).toBe(2 ** -24);
    expect(Object.is(round('float16')(-1e-20), -0)).toBe(true);
    expect(round('bfloat16')(-1e9)).toBe(-998244352);
    expect(round('bfloat16')(3.4e38)).toBe(Number.POSITIVE_INFINITY);
    for (const half of halves) expect(round(half)(Number.NaN)).toBeNaN();
  });

  test.each(halves)('%s: monotone', (half) => {
    const f = round(half);
    const number = fc.float({ noNaN: true });
    fc.assert(fc.property(number, number, (a, b) => (a <= b ? f(a) <= f(b) : f(a) >= f(b))));
  });
});
