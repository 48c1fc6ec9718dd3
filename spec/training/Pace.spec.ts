import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as Pace from '../../src/training/Pace.ts';

const bytes = fc.nat(2 ** 31);
const endless = Number.POSITIVE_INFINITY;
const left = fc.oneof(fc.integer({ min: 1, max: 10_000 }), fc.constant(endless));
const call = fc.record({
  steps: fc.integer({ min: 1, max: 1000 }),
  milliseconds: fc.double({ min: 0, max: 1e5, noNaN: true }),
});

describe('Pace', () => {
  it('begins with one step', () => {
    fc.assert(fc.property(bytes, left, (n, many) => Pace.next(n, undefined, many) === 1));
  });

  it('aims at 0.3 s of small models and at 2 s of large ones', () => {
    expect(Pace.target(0)).toBe(300);
    expect(Pace.target(4 * 3 * 1.2e6)).toBeCloseTo(576);
    expect(Pace.target(4 * 3 * 25.6e6)).toBe(2000);
    expect(Pace.next(0, { steps: 10, milliseconds: 100 }, endless)).toBe(30);
    expect(Pace.next(4 * 3 * 4.5e6, { steps: 10, milliseconds: 500 }, endless)).toBe(40);
  });

  it('shares what is left evenly', () => {
    const last = { steps: 10, milliseconds: 100 };
    expect([100, 67, 33].map((left) => Pace.next(0, last, left))).toEqual([34, 34, 33]);
    expect(Pace.next(0, last, 44)).toBe(44);
    expect(Pace.next(0, last, 46)).toBe(23);
  });

  it('makes at least one step, at most eight times the last ones, as many as are left, and half as much again as the target allows', () => {
    fc.assert(
      fc.property(bytes, call, left, (n, last, many) => {
        const steps = Pace.next(n, last, many);
        expect(steps).toBeGreaterThanOrEqual(1);
        expect(steps).toBeLessThanOrEqual(Math.min(8 * last.steps, many));
        const perStep = last.milliseconds / last.steps;
        if (steps > 1) expect((steps - 1) * perStep).toBeLessThanOrEqual(1.5 * (Pace.target(n) + perStep));
      }),
    );
  });

  it('makes as many calls of what is left as the target asks for', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 400 }), (many, perStep) => {
        let [left, calls] = [many, 0];
        for (const last = { steps: many, milliseconds: many * perStep }; left > 0; calls++)
          left -= Pace.next(0, last, left);
        expect(calls).toBeLessThanOrEqual(Math.ceil(many / Math.max(1, Math.round(300 / perStep))));
      }),
    );
  });
});
