import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import * as N from '../../src/shape/NdArray.ts';

const right = <A>(e: E.Either<N.ArrayError, A>): A => {
  if (E.isLeft(e)) throw new Error(e.left.message);
  return e.right;
};
const message = (e: E.Either<N.ArrayError, unknown>): string => (E.isLeft(e) ? e.left.message : 'no error');

const shaped = fc
  .array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 })
  .map((shape) => ({ shape, length: shape.reduce((a, b) => a * b, 1) }));

describe('constructors', () => {
  it('take the shape and keep the data', () => {
    const x = right(N.float32([2, 2], [1, 2.5, -3, 4]));
    expect(x).toEqual({ dtype: 'float32', shape: [2, 2], data: Float32Array.of(1, 2.5, -3, 4) });
    expect(right(N.int32([2], [-1, 7])).data).toEqual(Int32Array.of(-1, 7));
    expect(right(N.uint8([2], [0, 255])).data).toEqual(Uint8Array.of(0, 255));
  });

  it('do not copy what has the right type', () => {
    const data = new Float32Array(6);
    expect(right(N.float32([2, 3], data)).data).toBe(data);
    const bytes = new Uint8Array(4);
    expect(right(N.uint8([4], bytes)).data).toBe(bytes);
  });

  it('fromArray reads the element type off the data', () => {
    const dtypes = [
      new Float32Array(1),
      new Float64Array(1),
      new Int32Array(1),
      new BigInt64Array(1),
      new Uint8Array(1),
      new Uint32Array(1),
    ].map((data) => right(N.fromArray([1], data)).dtype);
    expect(dtypes).toEqual(['float32', 'float64', 'int32', 'int64', 'uint8', 'uint32']);
  });

  it('say what does not fit', () => {
    expect(message(N.float32([2, 3], [1, 2]))).toBe('float32: [2,3] holds 6 numbers, got 2');
    expect(message(N.fromArray([2, -1], new Float32Array(2)))).toBe(
      'float32: size -1 of axis 1 is not an integer of 0 or more',
    );
    expect(message(N.int32([2], [1, 2.5]))).toBe(
      'int32: expects integers from -2147483648 to 2147483647, got 2.5 at index 1',
    );
    expect(message(N.uint8([1], [256]))).toBe('uint8: expects integers from 0 to 255, got 256 at index 0');
  });
});

describe('nesting', () => {
  it('refuses what is ragged, with its place', () => {
    expect(message(N.fromNested([[1, 2], [3]]))).toBe('fromNested: expects [1] to have 2 elements, got 1');
    expect(
      message(
        N.fromNested([
          [[1], [2]],
          [[3], 4],
        ]),
      ),
    ).toBe('fromNested: expects [1][1] to be an array of 1, got a number');
    expect(message(N.fromNested([1, [2]]))).toBe('fromNested: expects [1] to be a number, got an array of 1');
  });

  it('toNested . fromNested is the identity', () => {
    const nested = fc.letrec<{ rows: N.Nested<number> }>(() => ({
      rows: fc
        .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 2 }))
        .map(([a, b, c]) =>
          Array.from({ length: a }, (_, i) =>
            Array.from({ length: b }, (_, j) => Array.from({ length: c }, (_, k) => i + 10 * j + 100 * k)),
          ),
        ),
    })).rows;
    fc.assert(
      fc.property(nested, (x) => {
        expect(N.toNested(right(N.fromNested(x)))).toEqual(x);
      }),
    );
    expect(N.toNested(right(N.fromNested(3)))).toBe(3);
  });

  it('fromNested . toNested keeps shape and data where no axis is empty', () => {
    fc.assert(
      fc.property(
        shaped.filter((s) => s.length > 0),
        ({ shape, length }) => {
          const x = right(
            N.float32(
              shape,
              Array.from({ length }, (_, i) => i),
            ),
          );
          expect(right(N.fromNested(N.toNested(x) as N.Nested<number>))).toEqual(x);
          expect(N.size(x)).toBe(length);
        },
      ),
    );
  });
});

describe('rows', () => {
  const x = right(N.float32([4, 2], [0, 1, 10, 11, 20, 21, 30, 31]));

  it('slice is a view that clamps', () => {
    const part = N.slice(1, 3)(x);
    expect(part.shape).toEqual([2, 2]);
    expect([...part.data]).toEqual([10, 11, 20, 21]);
    expect(part.data.buffer).toBe(x.data.buffer);
  });

  it('slice is Array.slice on the rows', () => {
    const bound = fc.integer({ min: -6, max: 6 });
    fc.assert(
      fc.property(bound, fc.option(bound, { nil: undefined }), (start, end) => {
        const all = N.toNested(x) as readonly unknown[];
        expect(N.toNested(N.slice(start, end)(x))).toEqual(all.slice(start, end));
      }),
    );
  });

  it('rows picks in order, with repetition, or says which index is wrong', () => {
    expect(N.toNested(right(N.rows([3, 0, 3])(x)))).toEqual([
      [30, 31],
      [0, 1],
      [30, 31],
    ]);
    expect(right(N.rows([])(x)).shape).toEqual([0, 2]);
    expect(message(N.rows([0, 4])(x))).toBe('rows: index 4 is not in an array of 4 rows');
    expect(right(N.rows([1])(right(N.fromArray([2], BigInt64Array.of(5n, 6n))))).data).toEqual(BigInt64Array.of(6n));
  });
});
