/** The generator of initial weights: its words, and uniform numbers of them. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyed, uniform, uniforms, word } from '../../src/model/Random.ts';

const words = (seed: number, name: string, size = 4): readonly number[] => {
  const r = keyed(seed, name);
  return Array.from({ length: size }, () => word(r));
};

describe('keyed', () => {
  it('a stream is fixed for all time by seed and name', () => {
    expect(words(0, '')).toMatchInlineSnapshot(`
      [
        2128922620,
        -367704079,
        -570412253,
        -1835525197,
      ]
    `);
    expect(words(1, 'dense.kernel')).toMatchInlineSnapshot(`
      [
        25303562,
        -1006219738,
        -1676592806,
        -1952508873,
      ]
    `);
  });

  it('others for another seed or name', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.maxSafeInteger(), fc.string(), fc.string(), (a, b, s, t) => {
        expect(words(a, s)).toEqual(words(a, s));
        if (a !== b) expect(words(a, s)).not.toEqual(words(b, s));
        if (s !== t) expect(words(a, s)).not.toEqual(words(a, t));
      }),
    );
  });

  it('each of the 32 bits is set half the time', () => {
    const size = 100_000;
    const set = new Array<number>(32).fill(0);
    for (const w of words(2, 'bits', size)) set.forEach((n, bit) => (set[bit] = n + ((w >>> bit) & 1)));
    // The standard error is 158.
    for (const n of set) expect(Math.abs(n - size / 2)).toBeLessThan(5 * 158);
  });
});

describe('uniform', () => {
  it('fills [0, 1) evenly', () => {
    const r = keyed(3, 'cells');
    const cells = new Array<number>(16).fill(0);
    for (let i = 0; i < 160_000; i++) {
      const cell = Math.floor(uniform(r) * 16);
      cells[cell] = (cells[cell] ?? Number.NaN) + 1;
    }
    const chiSquare = cells.reduce((sum, n) => sum + (n - 10_000) ** 2 / 10_000, 0);
    // 15 degrees of freedom: above 40 in one of 2000 seeds.
    expect(chiSquare).toBeLessThan(40);
  });

  it('many at once are those that come one by one, stretched', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.nat(40), fc.float({ noNaN: true, min: -9, max: 9 }), (seed, size, least) => {
        const [one, many] = [keyed(seed, 'u'), keyed(seed, 'u')];
        const single = Array.from({ length: size }, () => Math.fround(least + (3 - least) * uniform(one)));
        expect([...uniforms(many, size, least, 3)]).toEqual(single);
        expect(word(many)).toBe(word(one));
      }),
    );
  });
});
