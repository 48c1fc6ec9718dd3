import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as Pace from '../../src/training/Pace.ts';

const bytes = fc.nat(2 ** 31);
const call = fc.record({
  steps: fc.integer({ min: 1, max: 1000 }),
  milliseconds: fc.double({ min: 0, max: 1e5, noNaN: true }),
});

describe('Pace', () => {
  it('begins with one step', () => {
    fc.assert(fc.property(bytes, (n) => Pace.next(n, undefined) === 1));
  });

  it('aims at 0.3 s of small models and at 2 s of large ones', () => {
    expect(Pace.target(0)).toBe(300);
    expect(Pace.target(4 * 3 * 1.2e6)).toBeCloseTo(576);
    expect(Pace.target(4 * 3 * 25.6e6)).toBe(2000);
    expect(Pace.next(0, { steps: 10, milliseconds: 100 })).toBe(30);
    expect(Pace.next(4 * 3 * 4.5e6, { steps: 10, milliseconds: 500 })).toBe(40);
  });

  it('makes at least one step, at most eight times the last ones, and never more than the target allows', () => {
    fc.assert(
      fc.property(bytes, call, (n, last) => {
        const steps = Pace.next(n, last);
        expect(steps).toBeGreaterThanOrEqual(1);
        expect(steps).toBeLessThanOrEqual(8 * last.steps);
        if (steps > 1)
          expect((steps - 0.5) * (last.milliseconds / last.steps)).toBeLessThanOrEqual(Pace.target(n) + 1e-6);
      }),
    );
  });
});
