import fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import * as D from '../../src/data/Data.ts';
import { expectError, numbers, right } from './support.ts';

const values = fc.double({ min: -1e3, max: 1e3, noNaN: true });
const ofRows = (rows: readonly number[][]) =>
  right(
    D.dataset({
      x: D.floats([3], rows),
      y: D.ints(
        [],
        rows.map(() => 0),
      ),
    }),
  );
const anyRows = fc.array(fc.tuple(values, values, values), { minLength: 2, maxLength: 30 });

describe('standardise', () => {
  it('gives mean 0 and deviation 1, or 0 where a feature is constant', () => {
    fc.assert(
      fc.property(anyRows, (rows) => {
        const data = ofRows(rows);
        const rounded = numbers(data.x);
        const out = Array.from(right(D.standardise.apply(D.standardise.fit(data))(data)).x.data, Number);
        for (const feature of [0, 1, 2]) {
          const column = (flat: number[]) => flat.filter((_, i) => i % 3 === feature);
          const mean = column(out).reduce((a, b) => a + b, 0) / rows.length;
          const squares = column(out).reduce((a, b) => a + b * b, 0) / rows.length;
          expect(mean).toBeCloseTo(0, 4);
          expect(squares).toBeCloseTo(new Set(column(rounded)).size === 1 ? 0 : 1, 4);
        }
      }),
    );
  });

  it('measures what it should: population deviation, scale 1 for a constant', () => {
    const s = D.standardise.fit(
      ofRows([
        [1, 5, 0],
        [3, 5, 0],
        [5, 5, 3],
      ]),
    );
    expect(s.mean).toEqual([3, 5, 1]);
    expect(s.scale[0]).toBeCloseTo(Math.sqrt(8 / 3), 12);
    expect(s.scale[1]).toBe(1);
    expect(s.scale[2]).toBeCloseTo(Math.sqrt(2), 12);
  });

  it('takes channels as the features of images, and turns bytes into floats', () => {
    const images = right(D.dataset({ x: D.bytes([2, 1, 2], [0, 2, 7, 7, 4, 6, 7, 7]), y: D.ints([], [0, 1]) }));
    const s = D.standardise.fit(images);
    expect(s).toEqual({ mean: [3, 7], scale: [Math.sqrt(5), 1] });
    const x = right(D.standardise.apply(s)(images)).x;
    expect(x.dtype).toBe('float32');
    expect(x.shape).toEqual([2, 2, 1, 2]);
    expect(x.data[0]).toBeCloseTo(-3 / Math.sqrt(5), 6);
  });

  it('takes the last axis of sequences, and one feature of scalars', () => {
    const y = D.ints([], [0]);
    expect(D.standardise.fit(right(D.dataset({ x: D.floats([2, 2], [1, 10, 3, 30]), y }))).mean).toEqual([2, 20]);
    expect(D.standardise.fit(right(D.dataset({ x: D.floats([], [4]), y })))).toEqual({ mean: [4], scale: [1] });
  });

  it('invert undoes applyTo', () => {
    fc.assert(
      fc.property(anyRows, (rows) => {
        const { x } = ofRows(rows);
        const s = D.standardise.fit(ofRows(rows));
        const back = right(E.chain(D.standardise.invert(s))(D.standardise.applyTo(s)(x)));
        back.data.forEach((value: number | bigint, i: number) => {
          expect(Number(value)).toBeCloseTo(Number(x.data[i]), 2);
        });
      }),
    );
  });

  it('uses the training part of a fold alone, for both parts', () => {
    const data = ofRows([
      [0, 0, 0],
      [2, 2, 2],
      [100, 100, 100],
      [102, 102, 102],
    ]);
    const [first] = right(D.kFold(2, { shuffle: false })(data));
    if (first === undefined) throw new Error('no fold');
    const { train, validation, trainIndices, index } = right(D.standardiseFold(first));
    expect(numbers(train.x)).toEqual([-1, -1, -1, 1, 1, 1]);
    expect(numbers(validation.x)).toEqual([-101, -101, -101, -99, -99, -99]);
    expect([index, Array.from(trainIndices)]).toEqual([0, [2, 3]]);
  });

  it('refuses data of another width', () => {
    const s = { mean: [0, 0], scale: [1, 1] };
    expectError(D.standardise.apply(s)(ofRows([[1, 2, 3]])), 'ShapeMismatch', '2 features', 'shape [3] with 3');
  });

  it('refuses results that float32 cannot hold', () => {
    const s = { mean: [0, 0, 0], scale: [1e-40, 1, 1] };
    expectError(D.standardise.apply(s)(ofRows([[1, 2, 3]])), 'InvalidNumber', 'sample 0, feature 0');
  });

  it('has a codec that round-trips through JSON and refuses nonsense', () => {
    fc.assert(
      fc.property(anyRows, (rows) => {
        const s = D.standardise.fit(ofRows(rows));
        const { codec } = D.standardise;
        expect(codec.decode(JSON.parse(JSON.stringify(codec.encode(s))))).toEqual(E.right(s));
      }),
    );
    for (const wrong of [{}, { mean: [1], scale: [] }, { mean: [1], scale: [0] }, { mean: [Number.NaN], scale: [1] }]) {
      expect(E.isLeft(D.standardise.codec.decode(wrong))).toBe(true);
      expect(D.standardise.codec.is(wrong)).toBe(false);
    }
  });
});
