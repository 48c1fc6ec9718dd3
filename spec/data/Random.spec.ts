import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { below, derive, next, permutation, stateFrom } from '../../src/data/Random.ts';

describe('next', () => {
  it('is xoshiro128**: the published sequence from the state 1, 2, 3, 4', () => {
    const state = Uint32Array.of(1, 2, 3, 4);
    expect(Array.from({ length: 10 }, () => next(state))).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ]);
  });
});

describe('below', () => {
  it('stays below the bound and reaches every value', () => {
    fc.assert(
      fc.property(fc.double(), fc.integer({ min: 1, max: 8 }), (seed, bound) => {
        const state = stateFrom(seed);
        const seen = new Set(Array.from({ length: 400 }, () => below(state, bound)));
        expect([...seen].sort()).toEqual(Array.from({ length: bound }, (_, i) => i));
      }),
    );
  });
});

describe('permutation', () => {
  it('holds every index once', () => {
    fc.assert(
      fc.property(fc.double(), fc.integer({ min: 0, max: 300 }), (seed, n) => {
        expect(Array.from(permutation(seed, n)).sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
      }),
    );
  });

  it('depends on nothing but its arguments', () => {
    fc.assert(
      fc.property(fc.double(), (seed) => {
        expect(permutation(seed, 50)).toEqual(permutation(seed, 50));
      }),
    );
  });

  it('gives these orders, on every machine and in every version: runs must be repeatable', () => {
    expect(Array.from(permutation(42, 10))).toMatchInlineSnapshot(`
      [
        9,
        7,
        3,
        0,
        8,
        5,
        1,
        6,
        2,
        4,
      ]
    `);
    expect(Array.from(permutation(0.1, 10))).toMatchInlineSnapshot(`
      [
        5,
        6,
        9,
        2,
        7,
        1,
        4,
        3,
        0,
        8,
      ]
    `);
  });

  it('puts each index in each place about equally often', () => {
    const counts = Array.from({ length: 5 }, () => new Float64Array(5));
    for (let seed = 0; seed < 5000; seed++) {
      permutation(seed, 5).forEach((index, place) => {
        const row = counts[place];
        if (row) row[index] = (row[index] ?? 0) + 1;
      });
    }
    // 1000 expected, deviation 28: five deviations.
    for (const row of counts) for (const count of row) expect(Math.abs(count - 1000)).toBeLessThan(141);
  });

  it('tells seeds apart that are close', () => {
    const orders = [1, 2, 3, 1 + Number.EPSILON, 2 ** 32, 2 ** 32 + 1, -1].map((seed) => permutation(seed, 20).join());
    expect(new Set(orders).size).toBe(orders.length);
  });

  it('takes 0 and -0 as one seed', () => expect(permutation(-0, 20)).toEqual(permutation(0, 20)));
});

describe('derive', () => {
  it('makes different safe integers for different streams', () => {
    const seeds = Array.from({ length: 1000 }, (_, epoch) => derive(7, epoch));
    expect(new Set(seeds).size).toBe(1000);
    expect(seeds.every((seed) => Number.isSafeInteger(seed) && seed >= 0)).toBe(true);
    expect(derive(7, 3)).toBe(derive(7, 3));
    expect(derive(8, 3)).not.toBe(derive(7, 3));
  });
});
