import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { describe, expect, it } from 'vitest';
import * as History from '../../src/callback/History.ts';

const logs = fc.dictionary(
  fc.constantFrom('loss', 'accuracy', 'val_loss', 'learning_rate'),
  fc.oneof(fc.double(), fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY)),
  { noNullPrototype: true },
);

const histories = fc
  .array(logs, { maxLength: 5 })
  .map((all) => all.reduce<History.History>((h, one, i) => History.append(i, one)(h), History.empty));

const M = History.MonoidHistory;

describe('History', () => {
  it('is a monoid', () => {
    fc.assert(
      fc.property(histories, histories, histories, (a, b, c) => {
        expect(M.concat(M.concat(a, b), c)).toEqual(M.concat(a, M.concat(b, c)));
        expect(Object.keys(M.concat(M.concat(a, b), c).logs)).toEqual(Object.keys(M.concat(a, M.concat(b, c)).logs));
        expect(M.concat(a, M.empty)).toEqual(a);
        expect(M.concat(M.empty, a)).toEqual(a);
      }),
    );
  });

  it('appends as it concatenates', () => {
    fc.assert(
      fc.property(histories, fc.nat(), logs, (h, epoch, one) => {
        expect(History.append(epoch, one)(h)).toEqual(History.concat(h, History.of(epoch, one)));
      }),
    );
  });

  it('survives JSON, NaN and infinities too', () => {
    fc.assert(
      fc.property(histories, (h) => {
        expect(History.codec.decode(JSON.parse(JSON.stringify(History.codec.encode(h))))).toEqual(E.right(h));
      }),
    );
  });

  const skipping = pipe(
    History.empty,
    History.append(3, { loss: 1, learning_rate: 0.1 }),
    History.append(4, { loss: Number.NaN, val_loss: 2, learning_rate: 0.1 }),
    History.append(5, { loss: 3, learning_rate: 0.1 }),
  );

  it('keeps gaps, and gives Keras’s shorter lists without them', () => {
    expect(skipping.logs.val_loss).toEqual([null, 2, null]);
    expect(History.values(skipping)).toEqual({
      loss: [1, Number.NaN, 3],
      learning_rate: [0.1, 0.1, 0.1],
      val_loss: [2],
    });
    expect(Object.keys(skipping.logs)).toEqual(['loss', 'learning_rate', 'val_loss']);
  });

  it('gives the points of a curve', () => {
    expect(History.points('val_loss')(skipping)).toEqual([[4, 2]]);
    expect(History.points('nothing')(skipping)).toEqual([]);
  });
});
