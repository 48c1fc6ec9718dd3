import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as S from '../../src/shape/Shape.ts';

const dim = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom('batch', 'seq', '?'));
const shape = fc.array(dim, { maxLength: 4 });
const any = fc.oneof(
  shape,
  shape.map((s) => S.int(s)),
);

describe('Shape', () => {
  it('shows', () => {
    expect(S.show(['batch', 3, '?'])).toBe('[batch,3,?]');
    expect(S.show(S.int(['batch', 'seq']))).toBe('int32[batch,seq]');
    expect(S.show(S.int([]))).toBe('int32[]');
  });

  it('agree is reflexive and symmetric', () => {
    fc.assert(
      fc.property(any, (a) => {
        expect(S.agree(a, a)).toBe(true);
      }),
    );
    fc.assert(
      fc.property(any, any, (a, b) => {
        expect(S.agree(a, b)).toBe(S.agree(b, a));
      }),
    );
  });

  it('agree tells ranks, sizes, names and element types apart, and leaves the unknown alone', () => {
    expect(S.agree([1, 2], [1])).toBe(false);
    expect(S.agree([1, 2], [1, 3])).toBe(false);
    expect(S.agree(['seq'], ['batch'])).toBe(false);
    expect(S.agree([2], S.int([2]))).toBe(false);
    expect(S.agree(['?', 2], [7, '?'])).toBe(true);
  });

  it('sample undoes batched', () => {
    fc.assert(
      fc.property(any, (a) => {
        expect(S.sample(S.batched(a))).toEqual(a);
      }),
    );
  });

  it('binds the batch only', () => {
    expect(S.bind(32)(['batch', 'seq', 3])).toEqual([32, 'seq', 3]);
    expect(S.bind(32)(S.int(['batch']))).toEqual({ int: [32] });
  });

  it('counts elements where it can', () => {
    expect(S.elements([2, 3, 4])).toBe(24);
    expect(S.elements([])).toBe(1);
    expect(S.elements(['batch', 3])).toBeUndefined();
    expect(S.elements(['batch', 1])).toBeUndefined();
    expect(S.dtypeOf([])).toBe('float32');
    expect(S.dtypeOf(S.int([]))).toBe('int32');
  });
});
