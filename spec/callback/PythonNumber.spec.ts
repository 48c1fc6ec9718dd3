import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exponential, fixed, general, repr } from '../../src/callback/PythonNumber.ts';

const finite = fc.double({ noDefaultInfinity: true, noNaN: true });

describe('fixed', () => {
  it('rounds ties to even, as printf does', () => {
    expect([0.125, 0.375, -0.125].map((x) => fixed(x, 2))).toEqual(['0.12', '0.38', '-0.12']);
    expect([0.5, 1.5, 2.5].map((x) => fixed(x, 0))).toEqual(['0', '2', '2']);
  });

  it('is toFixed where there is no tie', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.nat(8), (x, digits) => {
        // A tie has a last binary digit at the place after the last decimal: at most digits + 1 of them.
        fc.pre(!Number.isInteger(Math.abs(x) * 2 ** (digits + 1)));
        expect(fixed(x, digits)).toBe(x.toFixed(digits));
      }),
    );
  });

  it('is exact for large numbers', () => {
    expect(fixed(1e22, 1)).toBe('10000000000000000000000.0');
    expect(fixed(1e23, 0)).toBe('99999999999999991611392');
  });
});

describe('exponential', () => {
  it('has two digits of exponent at least', () => {
    expect([0.00012345, 12345.678, 0, -2.5, 1e-100].map((x) => exponential(x, 4))).toEqual([
      '1.2345e-04',
      '1.2346e+04',
      '0.0000e+00',
      '-2.5000e+00',
      '1.0000e-100',
    ]);
  });

  it('carries over to the next power', () => {
    expect([9.9999, 9.5, 99.99].map((x) => exponential(x, 1))).toEqual(['1.0e+01', '9.5e+00', '1.0e+02']);
    expect([9.6, 9.4, 8.5].map((x) => exponential(x, 0))).toEqual(['1e+01', '9e+00', '8e+00']);
    // The shortest form of this double is 1e+23, which is more than it is.
    expect(exponential(1e23, 17)).toBe('9.99999999999999916e+22');
  });

  it('reads back as the same number with 17 digits', () => {
    fc.assert(fc.property(finite, (x) => Object.is(Number(exponential(x, 16)), x)));
  });
});

describe('general', () => {
  it('chooses the form by the exponent and drops zeros', () => {
    expect([0.0001, 0.00001, 123456, 1234567, 100, 0, 1.5].map((x) => general(x, 6))).toEqual([
      '0.0001',
      '1e-05',
      '123456',
      '1.23457e+06',
      '100',
      '0',
      '1.5',
    ]);
    expect([general(0.000012345, 3), general(99.99, 3), general(5, 0)]).toEqual(['1.23e-05', '100', '5']);
  });
});

describe('repr', () => {
  it('is as Python prints floats', () => {
    const pairs: ReadonlyArray<readonly [number, string]> = [
      [1, '1.0'],
      [0.1, '0.1'],
      [-0, '-0.0'],
      [123456, '123456.0'],
      [0.0001, '0.0001'],
      [0.00001, '1e-05'],
      [1.5e-7, '1.5e-07'],
      [1e15, '1000000000000000.0'],
      [1e16, '1e+16'],
      [1.25e22, '1.25e+22'],
      [Number.NaN, 'nan'],
      [Number.NEGATIVE_INFINITY, '-inf'],
      [Math.fround(0.1), '0.10000000149011612'],
    ];
    expect(pairs.map(([x]) => repr(x))).toEqual(pairs.map(([, text]) => text));
  });

  it('reads back as the same number', () => {
    fc.assert(fc.property(finite, (x) => Object.is(Number(repr(x)), x) && /[.e]/.test(repr(x))));
  });
});
