import fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { describe, expect, it } from 'vitest';
import * as D from '../../src/data/Data.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { expectError, left, numbers, right } from './support.ts';

/** n samples of 2 numbers; sample i is [i, -i] with the label i. */
const counted = (n: number) =>
  right(
    D.dataset({
      x: D.floats(
        [2],
        Array.from({ length: n }, (_, i) => [i, -i]),
      ),
      y: D.ints(
        [],
        Array.from({ length: n }, (_, i) => i),
      ),
    }),
  );

const labels = (data: { readonly y: NdArray<unknown> }): number[] => numbers(data.y);
const size = fc.integer({ min: 1, max: 40 });

describe('dataset', () => {
  it('takes rows, flat arrays and NdArrays alike', () => {
    const y = D.ints([], [0, 1]);
    const forms: D.Numbers[] = [
      [[1, 2, 3], Float64Array.of(4, 5, 6)],
      [1, 2, 3, 4, 5, 6],
      Float32Array.of(1, 2, 3, 4, 5, 6),
      BigInt64Array.of(1n, 2n, 3n, 4n, 5n, 6n),
      { dtype: 'uint8', shape: [2, 1, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 6) },
    ];
    for (const data of forms) {
      expect(right(D.dataset({ x: D.floats([3], data), y })).x).toEqual({
        dtype: 'float32',
        shape: [2, 3],
        data: Float32Array.of(1, 2, 3, 4, 5, 6),
      });
    }
  });

  it('keeps bytes as bytes and copies nothing that has its type already', () => {
    const images = new Uint8Array(2 * 784);
    const floats = Float32Array.of(1, 2);
    const data = right(D.dataset({ x: D.bytes([1, 28, 28], images), y: D.floats([1], floats) }));
    expect(data.x).toMatchObject({ dtype: 'uint8', shape: [2, 1, 28, 28] });
    expect(data.x.data).toBe(images);
    expect(data.y.data).toBe(floats);
    expect(data.size).toBe(2);
  });

  it('takes records for several inputs and targets', () => {
    const data = right(
      D.dataset({
        x: { words: D.ints([3], [[1, 2, 3]]), age: D.floats([1], [[40]]) },
        y: { a: D.floats([], [0.5]), b: D.ints([], [7]) },
      }),
    );
    expect(data.x.words).toEqual({ dtype: 'int32', shape: [1, 3], data: Int32Array.of(1, 2, 3) });
    expect(data.y.a.shape).toEqual([1]);
  });

  it('learns the size of a named dimension from rows and from NdArrays', () => {
    const array: NdArray = { dtype: 'int32', shape: [1, 4], data: Int32Array.of(1, 2, 3, 4) };
    const y = D.ints([], [0]);
    expect(right(D.dataset({ x: D.ints(['seq'], [[1, 2, 3, 4]]), y })).x.shape).toEqual([1, 4]);
    expect(right(D.dataset({ x: D.ints(['seq'], array), y })).x.shape).toEqual([1, 4]);
    expect(right(D.dataset({ x: D.ints(['seq', 2], array), y })).x.shape).toEqual([1, 2, 2]);
    expectError(D.dataset({ x: D.ints(['seq'], [1, 2, 3, 4]), y }), 'InvalidShape', 'named dimension', 'give rows');
    expectError(D.dataset({ x: D.ints(['seq', 3], array), y }), 'ShapeMismatch', '[seq,3]', '[4]');
  });

  it('says what is wrong, where, and what to do', () => {
    const y = D.ints([], [0, 1]);
    const two = D.floats([1], [1, 2]);
    expectError(
      D.dataset({ x: D.floats([3], [1, 2, 3, 4]), y }),
      'ElementCount',
      'x: samples of shape [3]',
      '4 elements',
    );
    expectError(
      D.dataset({ x: D.floats([2], [[1, 2], [1]]), y }),
      'RowLength',
      'x: sample 1 has 1 numbers, expected 2',
    );
    expectError(D.dataset({ x: D.floats([1], [1, 2, 3]), y }), 'SampleCount', 'x: 3, y: 2');
    expectError(D.dataset({ x: { a: two, b: D.floats([1], [1]) }, y }), 'SampleCount', 'x.a: 2, x.b: 1, y: 2');
    expectError(D.dataset({ x: D.floats([1], []), y }), 'Empty', 'x: expected at least one sample');
    expectError(D.dataset({ x: {}, y }), 'Empty', 'x');
    expectError(D.dataset({ x: { '': two }, y }), 'ShapeMismatch', 'name');
    expectError(D.dataset({ x: D.floats([0], [1]), y }), 'InvalidShape', '[0]', 'positive');
    expectError(D.dataset({ x: D.floats([1.5], [1]), y }), 'InvalidShape');
    const torn: NdArray = { dtype: 'float32', shape: [3, 1], data: new Float32Array(2) };
    expectError(D.dataset({ x: D.floats([1], torn), y }), 'ShapeMismatch', '[3,1]', '2 elements');
    const other: NdArray = { dtype: 'float32', shape: [2, 4], data: new Float32Array(8) };
    expectError(D.dataset({ x: D.floats([3], other), y }), 'ShapeMismatch', '[3]', '[4]');
  });

  it('finds the first number that does not belong, and counts all', () => {
    const error = left(
      D.dataset({ x: D.floats([2], [1, 2, 3, Number.NaN, Number.POSITIVE_INFINITY, 6]), y: D.ints([], [1, 2, 3]) }),
    );
    expect(error).toMatchObject({
      _tag: 'InvalidNumber',
      part: 'x',
      sample: 1,
      feature: 1,
      value: Number.NaN,
      count: 2,
    });
    expect(error.message).toContain('x: sample 1, feature 1');
    const x = D.floats([], [1, 2]);
    expectError(D.dataset({ x: D.floats([], [1, 1e300]), y: x }), 'InvalidNumber', 'finite float32, got 1e+300');
    expectError(D.dataset({ x: D.floats([], Float32Array.of(1, Number.NaN)), y: x }), 'InvalidNumber', 'sample 1');
    expectError(D.dataset({ x, y: D.ints([], [0, 1.5]) }), 'InvalidNumber', 'y: sample 1', '32-bit integer, got 1.5');
    expectError(D.dataset({ x, y: D.ints([], [0, 2 ** 31]) }), 'InvalidNumber', '2147483648');
    expectError(D.dataset({ x: D.bytes([], [0, 256]), y: x }), 'InvalidNumber', '0 to 255, got 256');
  });
});

describe('which samples', () => {
  it('take is the front of slice, and concat puts slices together again', () => {
    fc.assert(
      fc.property(size, fc.nat(), (n, at) => {
        const data = counted(n + 1);
        const k = 1 + (at % n);
        const [head, tail] = [right(D.slice(0, k)(data)), right(D.slice(k, n + 1)(data))];
        expect(right(D.take(k)(data))).toEqual(head);
        expect(right(D.concat(tail)(head))).toEqual(data);
      }),
    );
  });

  it('select composes as indices do', () => {
    const indices = fc.array(fc.nat(), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(size, indices, indices, (n, a, b) => {
        const data = counted(n);
        const first = a.map((i) => i % n);
        const second = b.map((i) => i % first.length);
        const both = pipe(data, D.select(first), E.chain(D.select(second)));
        expect(both).toEqual(D.select(second.map((i) => first[i] ?? -1))(data));
      }),
    );
  });

  it('shuffle keeps every pair of sample and target, and depends on the seed alone', () => {
    fc.assert(
      fc.property(size, fc.integer(), (n, seed) => {
        const data = counted(n);
        const mixed = D.shuffle({ seed })(data);
        expect(labels(mixed).sort((a, b) => a - b)).toEqual(labels(data));
        expect(numbers(mixed.x)).toEqual(labels(mixed).flatMap((i) => [i, i === 0 ? -0 : -i]));
        expect(D.shuffle({ seed })(data)).toEqual(mixed);
      }),
    );
    expect(labels(D.shuffle({ seed: 1 })(counted(30)))).not.toEqual(labels(D.shuffle({ seed: 2 })(counted(30))));
  });

  it('works on every array of a record', () => {
    const data = right(
      D.dataset({ x: { a: D.ints([], [1, 2, 3]), b: D.bytes([2], [1, 2, 3, 4, 5, 6]) }, y: D.floats([], [1, 2, 3]) }),
    );
    const some = right(D.select([2, 0])(data));
    expect([some.x.a.data, some.x.b.data, some.y.data]).toEqual([
      Int32Array.of(3, 1),
      Uint8Array.of(5, 6, 1, 2),
      Float32Array.of(3, 1),
    ]);
  });

  it('refuses what is not there', () => {
    const data = counted(10);
    expectError(D.take(11)(data), 'InvalidArgument', 'take: expected an integer from 1 to 10, got 11');
    expectError(D.take(0)(data), 'InvalidArgument');
    expectError(D.slice(-1, 5)(data), 'InvalidArgument', 'slice: from');
    expectError(D.slice(5, 5)(data), 'InvalidArgument', 'slice: to', '6 to 10');
    expectError(D.select([1, 10])(data), 'InvalidArgument', 'indices[1]', '0 to 9, got 10');
    expectError(D.select([])(data), 'InvalidArgument', 'at least one');
    const wide = right(D.dataset({ x: D.floats([3 as number], [1, 2, 3]), y: D.ints([], [1]) }));
    const narrow = right(D.dataset({ x: D.floats([2 as number], [1, 2]), y: D.ints([], [1]) }));
    expectError(D.concat(wide)(narrow), 'ShapeMismatch', 'float32 [2]', 'float32 [3]');
  });

  it('batches hold every sample in order, all of one size but the last', () => {
    fc.assert(
      fc.property(size, fc.integer({ min: 1, max: 50 }), (n, batchSize) => {
        const pieces = Array.from(right(D.batches(batchSize)(counted(n))));
        expect(pieces.flatMap(labels)).toEqual(labels(counted(n)));
        expect(pieces.slice(0, -1).every((piece) => piece.size === batchSize)).toBe(true);
      }),
    );
    expectError(D.batches(0)(counted(3)), 'InvalidArgument', 'batches');
  });
});

describe('what is in them', () => {
  it('mapX and mapY replace one side and keep the other', () => {
    const data = counted(3);
    const sums = right(
      D.mapX((rows) =>
        D.floats(
          [1],
          rows.map(([a = 0, b = 0]) => a - b),
        ),
      )(data),
    );
    expect(sums.x).toEqual({ dtype: 'float32', shape: [3, 1], data: Float32Array.of(0, 2, 4) });
    expect(sums.y).toBe(data.y);
    const odd = right(
      D.mapY((rows) =>
        D.ints(
          [],
          rows.map(([a = 0]) => a % 2),
        ),
      )(data),
    );
    expect(labels(odd)).toEqual([0, 1, 0]);
    expectError(D.mapX(() => D.floats([1], [1]))(data), 'SampleCount', 'x before: 3, x after: 1');
    expectError(
      D.mapX((rows) =>
        D.floats(
          [1],
          rows.map(() => Number.NaN),
        ),
      )(data),
      'InvalidNumber',
    );
  });

  it('oneHot has a single 1 where the label says, and names the sample whose label is out of range', () => {
    const data = right(D.oneHot(3)(right(D.dataset({ x: D.floats([], [1, 2]), y: D.ints([], [2, 0]) }))));
    expect(data.y).toEqual({ dtype: 'float32', shape: [2, 3], data: Float32Array.of(0, 0, 1, 1, 0, 0) });
    expectError(D.oneHot(3)(counted(5)), 'LabelOutOfRange', 'sample 3 is 3', '0 to 2');
    const low = right(D.dataset({ x: D.floats([], [1, 2]), y: D.ints([2], [0, 1, 1, -1]) }));
    expectError(D.oneHot(2)(low), 'LabelOutOfRange', 'sample 1 is -1');
    expectError(D.oneHot(0)(counted(5)), 'InvalidArgument', 'oneHot');
  });
});
