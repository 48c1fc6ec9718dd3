import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';
import { describe, expect, it } from 'vitest';
import { decodeWith, float, maybe, transient } from '../../src/callback/StateCodec.ts';

const numbers = fc.oneof(
  fc.double(),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0),
);

const throughJson = <A>(codec: t.Type<A, unknown>, a: A): unknown => JSON.parse(JSON.stringify(codec.encode(a)));

describe('float', () => {
  it('survives JSON', () => {
    fc.assert(
      fc.property(numbers, (x) => {
        const back = float.decode(throughJson(float, x));
        expect(E.isRight(back) && Object.is(back.right, x)).toBe(true);
      }),
    );
  });

  it('refuses other strings', () => {
    expect(decodeWith(t.type({ best: float }))({ best: 'nan' })).toEqual(
      E.left('at best: expected a number, "NaN", "Infinity", "-Infinity" or "-0", got "nan"'),
    );
  });
});

describe('maybe', () => {
  it('survives JSON', () => {
    const codec = t.type({ best: maybe(float) });
    fc.assert(
      fc.property(fc.option(numbers, { nil: undefined }), (best) => {
        expect(codec.decode(throughJson(codec, { best }))).toEqual(E.right({ best }));
      }),
    );
  });

  it('refuses what its codec refuses', () => {
    expect(E.isLeft(maybe(float).decode('much'))).toBe(true);
    expect([maybe(float).is(undefined), maybe(float).is(1), maybe(float).is('1')]).toEqual([true, true, false]);
  });
});

describe('transient', () => {
  it('is the initial state again, whatever was written', () => {
    const codec = transient({ n: 1 });
    expect(codec.encode({ n: 7 })).toBe(null);
    expect([codec.decode(null), codec.decode(5)]).toEqual([E.right({ n: 1 }), E.right({ n: 1 })]);
  });
});
