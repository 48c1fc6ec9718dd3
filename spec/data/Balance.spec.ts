import fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { describe, expect, it } from 'vitest';
import * as D from '../../src/data/Data.ts';
import { expectError, numbers, right } from './support.ts';

const of = (labels: readonly number[]) =>
  right(
    D.dataset({
      x: D.floats(
        [1],
        labels.map((_, i) => i),
      ),
      y: D.ints([], labels),
    }),
  );
const counts = (values: readonly number[]): Readonly<Record<number, number>> => {
  const found: Record<number, number> = {};
  for (const v of values) found[v] = (found[v] ?? 0) + 1;
  return found;
};
const labelled = fc.array(fc.nat(3), { minLength: 8, maxLength: 60 });

describe('stratifiedSplit', () => {
  it('holds every sample once, and the share of each class to within a sample', () => {
    fc.assert(
      fc.property(labelled, fc.double({ min: 0.2, max: 0.8, noNaN: true }), fc.nat(), (labels, validation, seed) => {
        const parts = right(pipe(of(labels), D.stratifiedSplit({ validation, seed })));
        const seen = [...numbers(parts.train.x), ...numbers(parts.validation.x)].sort((a, b) => a - b);
        expect(seen).toEqual(labels.map((_, i) => i));
        const all = counts(labels);
        const some = counts(numbers(parts.validation.y));
        for (const c of Object.keys(all).map(Number))
          expect(Math.abs((some[c] ?? 0) - (all[c] ?? 0) * validation)).toBeLessThanOrEqual(1);
      }),
      { numRuns: 80 },
    );
    expectError(pipe(of([0, 1]), D.stratifiedSplit({ validation: 1, seed: 1 })), 'InvalidArgument', 'validation');
    expectError(
      pipe(of([0, 1]), D.stratifiedSplit({ validation: 0.5, seed: 1, labels: ['a'] })),
      'InvalidArgument',
      '2 of them',
    );
    expectError(
      pipe(of([0, 1]), D.stratifiedSplit({ validation: 0.1, seed: 1 })),
      'InvalidArgument',
      'leaves 2 for training',
    );
  });
});

describe('groupSplit', () => {
  it('keeps groups together', () => {
    fc.assert(
      fc.property(labelled, fc.nat(), (groups, seed) => {
        const parts = pipe(of(groups), D.groupSplit({ validation: 0.4, seed, groups }));
        if (E.isLeft(parts)) return expect(new Set(groups).size).toBeLessThanOrEqual(3);
        const [train, validation] = [numbers(parts.right.train.y), numbers(parts.right.validation.y)];
        expect(validation.filter((g) => train.includes(g))).toEqual([]);
        expect(train.length + validation.length).toBe(groups.length);
      }),
      { numRuns: 80 },
    );
  });
});

describe('multiLabelKFold', () => {
  it('deals each label out evenly', () => {
    const rows = Array.from({ length: 200 }, (_, i) => [
      i % 2,
      i % 10 === 0 ? 1 : 0,
      i % 7 < 3 ? 1 : 0,
      i === 5 || i === 6 ? 1 : 0,
    ]);
    const data = right(
      D.dataset({
        x: D.floats(
          [1],
          rows.map((_, i) => i),
        ),
        y: D.floats([4], rows),
      }),
    );
    const folds = right(pipe(data, D.multiLabelKFold(4, { seed: 3 })));
    expect(folds.flatMap((f) => [...f.validationIndices]).sort((a, b) => a - b)).toEqual(rows.map((_, i) => i));
    for (const { validationIndices } of folds) {
      expect(Math.abs(validationIndices.length - 50)).toBeLessThanOrEqual(3);
      const per = [0, 1, 2, 3].map((label) => [...validationIndices].filter((i) => rows[i]?.[label] === 1).length);
      [25, 5, 21.5, 0.5].forEach((want, label) => {
        expect([label, Math.abs((per[label] ?? 0) - want) <= 2.5]).toEqual([label, true]);
      });
    }
    expectError(pipe(of([0, 2]), D.multiLabelKFold(2, { seed: 1 })), 'InvalidArgument', 'zeros and ones', 'got 2');
  });
});

describe('balance', () => {
  it('leaves the same number of each class', () => {
    fc.assert(
      fc.property(labelled, fc.nat(), (labels, seed) => {
        const sizes = Object.values(counts(labels));
        const under = right(pipe(of(labels), D.undersample({ seed })));
        expect(new Set(Object.values(counts(numbers(under.y))))).toEqual(new Set([Math.min(...sizes)]));
        expect(new Set(numbers(under.x)).size).toBe(under.size);
        const over = right(pipe(of(labels), D.oversample({ seed })));
        expect(new Set(Object.values(counts(numbers(over.y))))).toEqual(new Set([Math.max(...sizes)]));
        expect(new Set(numbers(over.x)).size).toBe(labels.length);
      }),
      { numRuns: 60 },
    );
  });

  it('weights let all classes count the same', () => {
    expect(D.balancedWeights([0, 0, 0, 1])).toEqual({ 0: 4 / 6, 1: 2 });
  });
});
