import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as D from '../../src/data/Data.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { expectError, numbers, right } from './support.ts';

const counted = (n: number) => {
  const values = Array.from({ length: n }, (_, i) => i);
  return right(D.dataset({ x: D.floats([], values), y: D.ints([], values) }));
};
const labels = (data: { readonly y: NdArray<unknown> }): number[] => numbers(data.y);
const ascending = (a: number, b: number) => a - b;
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);

describe('split', () => {
  it('takes the tail for validation, as Keras does', () => {
    const { train, validation } = right(D.split({ validation: 0.2 })(counted(11)));
    expect(labels(train)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(labels(validation)).toEqual([8, 9, 10]);
  });

  it('shares every sample out once, shuffled or not', () => {
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 60 }), fc.option(fc.integer(), { nil: undefined }), (n, seed) => {
        const options = seed === undefined ? { validation: 0.3 } : { validation: 0.3, seed };
        const { train, validation } = right(D.split(options)(counted(n)));
        expect([...labels(train), ...labels(validation)].sort(ascending)).toEqual(upTo(n));
        expect(labels(train)).toEqual(numbers(train.x));
      }),
    );
  });

  it('shuffles before it splits when given a seed', () => {
    const { validation } = right(D.split({ validation: 0.5, seed: 3 })(counted(40)));
    expect(labels(validation)).not.toEqual(upTo(40).slice(20));
  });

  it('refuses shares that leave a part empty', () => {
    expectError(D.split({ validation: 0 })(counted(5)), 'InvalidArgument', 'between 0 and 1');
    expectError(D.split({ validation: Number.NaN })(counted(5)), 'InvalidArgument');
    expectError(D.split({ validation: 0.5 })(counted(1)), 'InvalidArgument', 'both parts', '0 for training');
  });
});

describe('kFold', () => {
  const anyFolds = fc
    .integer({ min: 2, max: 40 })
    .chain((n) => fc.tuple(fc.constant(n), fc.integer({ min: 2, max: n }), fc.integer()));

  it('validates on every sample once, trains on all others, and sizes differ by one at most', () => {
    fc.assert(
      fc.property(anyFolds, ([n, k, seed]) => {
        const folds = right(D.kFold(k, { seed })(counted(n)));
        expect(folds.map(({ index }) => index)).toEqual(upTo(k));
        expect(folds.flatMap(({ validation }) => labels(validation)).sort(ascending)).toEqual(upTo(n));
        for (const { train, validation, trainIndices, validationIndices } of folds) {
          expect([...labels(train), ...labels(validation)].sort(ascending)).toEqual(upTo(n));
          expect(labels(train)).toEqual(Array.from(trainIndices));
          expect(labels(validation)).toEqual(Array.from(validationIndices));
        }
        const sizes = folds.map(({ validation }) => validation.size);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('has the folds of scikit-learn when it does not shuffle', () => {
    const folds = right(D.kFold(3, { shuffle: false })(counted(10)));
    expect(folds.map(({ validationIndices }) => Array.from(validationIndices))).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ]);
    expect(Array.from(folds[1]?.trainIndices ?? [])).toEqual([0, 1, 2, 3, 7, 8, 9]);
  });

  it('depends on the seed alone', () => {
    const indices = (seed: number) => right(D.kFold(4, { seed })(counted(20))).map((f) => f.validationIndices.join());
    expect(indices(5)).toEqual(indices(5));
    expect(indices(5)).not.toEqual(indices(6));
  });

  it('refuses fewer than two folds and more than there are samples', () => {
    expectError(
      D.kFold(1, { seed: 0 })(counted(5)),
      'InvalidArgument',
      'kFold: k: expected an integer from 2 to 5, got 1',
    );
    expectError(D.kFold(6, { seed: 0 })(counted(5)), 'InvalidArgument', 'got 6');
    expectError(D.kFold(2.5, { seed: 0 })(counted(5)), 'InvalidArgument', 'got 2.5');
  });
});
