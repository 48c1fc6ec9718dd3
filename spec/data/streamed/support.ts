/** Helpers for the specs of streamed data. */
import * as E from 'fp-ts/lib/Either.js';
import { expect } from 'vitest';
import * as DS from '../../../src/data/DataStream.ts';
import * as S from '../../../src/stream/Stream.ts';

/** All elements from a position on, or the error. */
export const collect = async <R, Err, A>(
  data: DS.DataStream<R, Err, A>,
  r: R,
  from: DS.Position = DS.start,
): Promise<E.Either<Err, readonly A[]>> => S.runCollect(data.open(from))(r)();

export const elements = async <Err, A>(data: DS.DataStream<unknown, Err, A>, pass = 0): Promise<readonly A[]> => {
  const all = await collect(data, undefined, { pass, at: 0 });
  if (E.isLeft(all)) throw new Error(`expected elements, got ${JSON.stringify(all.left)}`);
  return all.right;
};

/** The laws of every stage, checked for one pass: determinism, going on from every position, size and picking. */
export const expectLaws = async <R, Err, A>(data: DS.DataStream<R, Err, A>, r: R, pass = 0): Promise<void> => {
  const whole = await collect(data, r, { pass, at: 0 });
  expect(await collect(data, r, { pass, at: 0 })).toEqual(whole);
  if (E.isLeft(whole)) return;
  const all = whole.right;
  if (data.size !== undefined) expect(all.length).toBe(data.size);
  for (let at = 0; at <= all.length; at++)
    expect([at, await collect(data, r, { pass, at })]).toEqual([at, E.right(all.slice(at))]);
  if (data.pick !== undefined) {
    const indices = all.map((_, i) => (i * 7) % all.length);
    expect(await S.runCollect(data.pick(pass, indices))(r)()).toEqual(E.right(indices.map((i) => all[i])));
  }
};
