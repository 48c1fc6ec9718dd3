/** Normal numbers against the distribution itself. Seeds are fixed; bounds are those that one seed in some thousands exceeds. */
import { describe, expect, it } from 'vitest';
import { normals } from '../../src/model/Normal.ts';
import { keyed, word } from '../../src/model/Random.ts';

const size = 2_000_000;
const plain = normals(keyed(7, 'plain'), size, 0, 1);
const cut = normals(keyed(8, 'cut'), size, 0, 1, 2);

/** The integral of the standard normal's density from `a` to `b`, by Simpson's rule. */
const mass = (a: number, b: number, pieces = 20): number => {
  const h = (b - a) / (2 * pieces);
  let sum = 0;
  for (let i = 0; i <= 2 * pieces; i++) {
    const weight = i === 0 || i === 2 * pieces ? 1 : i % 2 === 0 ? 2 : 4;
    sum += weight * Math.exp(-((a + i * h) ** 2) / 2);
  }
  return (sum * h) / 3 / Math.sqrt(2 * Math.PI);
};

/** How many numbers are in each of so many cells of the same width from `least` to `most`, and how many should be. */
const cells = (xs: Float32Array, count: number, least: number, most: number, total = 1) => {
  const width = (most - least) / count;
  const seen = new Float64Array(count);
  for (const x of xs) {
    // The last cell has its end.
    const cell = Math.min(Math.floor((x - least) / width), x <= most ? count - 1 : count);
    if (cell >= 0 && cell < count) seen[cell] = (seen[cell] as number) + 1;
  }
  const wanted = seen.map((_, i) => (xs.length * mass(least + i * width, least + (i + 1) * width)) / total);
  return { seen, wanted };
};

const chiSquare = ({ seen, wanted }: ReturnType<typeof cells>): number =>
  seen.reduce((sum, n, i) => sum + (n - (wanted[i] as number)) ** 2 / (wanted[i] as number), 0);

/** Kolmogorov and Smirnov's distance at the ends of the cells, times the root of how many numbers there are. */
const distance = ({ seen, wanted }: ReturnType<typeof cells>, below: number): number => {
  let [gap, worst] = [below, Math.abs(below)];
  seen.forEach((n, i) => {
    gap += n - (wanted[i] as number);
    worst = Math.max(worst, Math.abs(gap));
  });
  return worst / Math.sqrt(size);
};

const mean = (xs: Float32Array, f: (x: number) => number): number => {
  let sum = 0;
  for (const x of xs) sum += f(x);
  return sum / xs.length;
};

const count = (xs: Float32Array, p: (x: number) => boolean): number => mean(xs, (x) => (p(x) ? 1 : 0)) * xs.length;

describe('normals', () => {
  it('have the moments of a normal', () => {
    // Standard errors: the root of (the moment of twice the order - the square of the moment) / size.
    const bound = (variance: number) => 4 * Math.sqrt(variance / size);
    expect(Math.abs(mean(plain, (x) => x))).toBeLessThan(bound(1));
    expect(Math.abs(mean(plain, (x) => x ** 2) - 1)).toBeLessThan(bound(2));
    expect(Math.abs(mean(plain, (x) => x ** 3))).toBeLessThan(bound(15));
    expect(Math.abs(mean(plain, (x) => x ** 4) - 3)).toBeLessThan(bound(96));
  });

  it('are no further from the distribution than chance has it (Kolmogorov and Smirnov)', () => {
    const below = count(plain, (x) => x < -5) - size * mass(-12, -5, 400);
    // Above 1.95 in one of 1000 seeds.
    expect(distance(cells(plain, 10_000, -5, 5), below)).toBeLessThan(1.95);
  });

  it('fill each stretch of the axis: the ends of layers too', () => {
    // 400 degrees of freedom, standard deviation 28.
    expect(chiSquare(cells(plain, 400, -3.6, 3.6))).toBeLessThan(400 + 4 * 28);
  });

  it.each([
    [1, 0.31731050786291415],
    [2, 0.04550026389635842],
    [3, 0.002699796063260189],
    [3.6541528853610088, 0.0002580324876539009],
    [4, 6.334248366623985e-5],
    [4.5, 6.795346249460121e-6],
  ])('beyond %d on either side there are as many as there should be', (edge, share) => {
    expect(share / 2).toBeCloseTo(mass(edge, edge + 8, 400), 9);
    for (const sign of [1, -1]) {
      const wanted = (size * share) / 2;
      expect(Math.abs(count(plain, (x) => sign * x > edge) - wanted)).toBeLessThan(4 * Math.sqrt(wanted));
    }
  });

  it('have the right tail where no layer reaches', () => {
    const r = keyed(9, 'tail');
    const far = Array.from({ length: 20 }, () => normals(r, size / 2, 0, 1).filter((x) => Math.abs(x) > 3.7)).flatMap(
      (xs) => [...xs].map(Math.abs),
    );
    for (const edge of [3.8, 4, 4.3, 4.7]) {
      const share = mass(edge, 12, 400) / mass(3.7, 12, 400);
      const off = far.filter((x) => x > edge).length - far.length * share;
      expect(Math.abs(off)).toBeLessThan(4 * Math.sqrt(far.length * share * (1 - share)));
    }
  });

  it('say nothing about those that follow, neither by value nor by size', () => {
    const correlation = (f: (x: number) => number, lag: number): number => {
      let sum = 0;
      for (let i = lag; i < size; i++) sum += f(plain[i] as number) * f(plain[i - lag] as number);
      return (sum / size) * Math.sqrt(size);
    };
    for (const lag of [1, 2, 3, 7]) {
      expect(Math.abs(correlation((x) => x, lag))).toBeLessThan(4);
      expect(Math.abs(correlation((x) => (x * x - 1) / Math.SQRT2, lag))).toBeLessThan(4);
    }
  });

  it('have the mean and the standard deviation asked for', () => {
    const stretched = normals(keyed(7, 'plain'), 1000, 3, 0.5);
    expect([...stretched]).toEqual([...plain.subarray(0, 1000)].map((z) => expect.closeTo(3 + 0.5 * z, 5)));
  });

  it('are the same in one go and in several', () => {
    const r = keyed(7, 'plain');
    const parts = [0, 1, 500, 7].flatMap((n) => [...normals(r, n, 0, 1)]);
    expect(parts).toEqual([...plain.subarray(0, 508)]);
  });

  it('are fixed for all time by the stream', () => {
    const r = keyed(1, 'golden');
    expect([...normals(r, 5, 0, 1)]).toMatchInlineSnapshot(`
      [
        0.16144856810569763,
        -0.20035320520401,
        0.6206220984458923,
        -1.7935752868652344,
        0.6977282762527466,
      ]
    `);
    // After many, so that ends of layers and the tail have had their turn.
    expect(normals(r, 1_000_000, 0, 1).at(-1)).toMatchInlineSnapshot(`0.7947343587875366`);
    expect(word(r)).toMatchInlineSnapshot(`-1497956707`);
  });
});

describe('normals that are cut', () => {
  it('are the others without those beyond', () => {
    const within = plain.subarray(0, 10_000).filter((x) => Math.abs(x) <= 2);
    expect(normals(keyed(7, 'plain'), within.length, 0, 1, 2)).toEqual(within);
  });

  it('reach to both ends, and have the variance that is left', () => {
    expect(count(cut, (x) => Math.abs(x) > 2)).toBe(0);
    expect(count(cut, (x) => x > 1.999)).toBeGreaterThan(0);
    expect(count(cut, (x) => x < -1.999)).toBeGreaterThan(0);
    // 1 - 2 * 2 * density(2) / mass(-2, 2); the fourth moment gives the error.
    expect(Math.abs(mean(cut, (x) => x * x) - 0.7737413035)).toBeLessThan(4 * Math.sqrt(0.8175 / size));
  });

  it('are distributed as the normal between the ends', () => {
    const total = mass(-2, 2);
    expect(distance(cells(cut, 10_000, -2, 2, total), 0)).toBeLessThan(1.95);
    expect(chiSquare(cells(cut, 400, -2, 2, total))).toBeLessThan(400 + 4 * 28);
  });
});
