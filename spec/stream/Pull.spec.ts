/** Back-pressure, and what happens to sources and resources when a stream ends. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import { describe, expect, it } from 'vitest';
import * as S from '../../src/stream/Stream.ts';
import { type Env, observe, traced } from './traced.ts';

type Numbers = S.Stream<Env, string, number>;

/** 0, 1, 2, ... without end; counts its pulls, and notes that it was closed. */
const counted = () => {
  const seen = { pulls: 0, closed: 0 };
  const stream: S.Stream<Env, string, number> = () => ({
    [Symbol.asyncIterator]: () => ({
      next: async () => ({ done: false, value: E.right(seen.pulls++) }),
      return: async () => {
        seen.closed += 1;
        return { done: true, value: undefined };
      },
    }),
  });
  return { seen, stream };
};

const transformers: readonly (readonly [string, (s: Numbers) => Numbers])[] = [
  ['map', S.map((n) => n)],
  ['mapLeft', S.mapLeft((e) => e)],
  ['filter', S.filter(() => true)],
  ['chain', S.chain((n) => S.of(n))],
  [
    'ap',
    (s) =>
      pipe(
        S.of<Env, string, (n: number) => number>((n) => n),
        S.ap(s),
      ),
  ],
  ['chainReaderTaskEitherK', S.chainReaderTaskEitherK((n) => RTE.of(n))],
  ['tap', S.tap((n) => RTE.of(n))],
  ['take', S.take(100)],
  ['takeWhile', S.takeWhile(() => true)],
  ['takeUntil', S.takeUntil(() => false)],
  ['drop', S.drop(0)],
  ['concat', S.concat<Env, string, number>(S.empty)],
  ['transduce', S.transduce(0, (s, n) => RTE.of([s, [n]]))],
  ['orElse', S.orElse(() => S.empty as Numbers)],
  ['local', S.local((r: Env) => r)],
  [
    'bracket',
    (s) =>
      S.bracket(
        RTE.of(0),
        () => s,
        () => RTE.of(undefined),
      ),
  ],
];

describe.each(transformers)('%s', (_, transform) => {
  it('pulls nothing before it is asked, and one element for each that is asked for', async () => {
    const { seen, stream } = counted();
    const iterator = transform(stream)({ log: [] })[Symbol.asyncIterator]();
    expect(seen.pulls).toBe(0);
    for (const n of [0, 1, 2]) {
      expect(await iterator.next()).toEqual({ done: false, value: E.right(n) });
      expect(seen.pulls).toBe(n + 1);
    }
    await iterator.return?.();
  });

  it('closes the source once when the consumer stops early', async () => {
    const { seen, stream } = counted();
    expect(await S.runCollect(pipe(stream, transform, S.take(3)))({ log: [] })()).toEqual(E.right([0, 1, 2]));
    expect(seen).toEqual({ pulls: 3, closed: 1 });
  });
});

describe('early ends', () => {
  it('take pulls no more than it gives, and take(0) pulls nothing', async () => {
    const { seen, stream } = counted();
    await observe(pipe(stream, S.take(0)));
    expect(seen).toEqual({ pulls: 0, closed: 0 });
    await observe(pipe(stream, S.take(2)));
    expect(seen).toEqual({ pulls: 2, closed: 1 });
  });

  it('takeUntil closes behind the last element, takeWhile behind the first dropped one', async () => {
    const until = counted();
    await observe(
      pipe(
        until.stream,
        S.takeUntil((n) => n === 2),
      ),
    );
    expect(until.seen).toEqual({ pulls: 3, closed: 1 });
    const held = counted();
    await observe(
      pipe(
        held.stream,
        S.takeWhile((n) => n < 2),
      ),
    );
    expect(held.seen).toEqual({ pulls: 3, closed: 1 });
  });

  it('an error further down closes the source', async () => {
    const { seen, stream } = counted();
    await observe(
      pipe(
        stream,
        S.chain((n) => (n === 1 ? S.left<Env, string, number>('no') : S.of(n))),
      ),
    );
    expect(seen).toEqual({ pulls: 2, closed: 1 });
  });

  it('an error of a runner closes the source', async () => {
    const { seen, stream } = counted();
    const run = pipe(
      stream,
      S.runForEach((n: number) => (n === 1 ? RTE.left('no') : RTE.right(undefined))),
    );
    expect(await run({ log: [] })()).toEqual(E.left('no'));
    expect(seen).toEqual({ pulls: 2, closed: 1 });
  });

  it('concat does not start the second stream before the first has ended', async () => {
    const { log } = await observe(pipe(traced('a', [1]), S.concat(traced('b', [2])), S.take(1)));
    expect(log).toEqual(['a0']);
  });
});

describe('bracket', () => {
  const note =
    (what: string, fails = false): RTE.ReaderTaskEither<Env, string, void> =>
    ({ log }) =>
    async () => {
      log.push(what);
      return fails ? E.left(`${what} failed`) : E.right(undefined);
    };
  const held = (use: Numbers, releaseFails = false): Numbers =>
    S.bracket(
      note('acquire'),
      () => use,
      () => note('release', releaseFails),
    );

  it('releases at the end', async () => {
    expect(await observe(held(traced('a', [1])))).toEqual({
      elements: [E.right(1)],
      log: ['acquire', 'a0', 'a1', 'release'],
    });
  });

  it('releases after an error', async () => {
    expect(await observe(held(traced('a', [1], 'no')))).toEqual({
      elements: [E.right(1), E.left('no')],
      log: ['acquire', 'a0', 'a1', 'release'],
    });
  });

  it('releases when the consumer stops early, and inner resources first', async () => {
    const inner = S.bracket(
      note('acquire inner'),
      () => traced('a', [1, 2, 3]),
      () => note('release inner'),
    );
    expect(
      await observe(
        pipe(
          held(inner),
          S.map((n) => n),
          S.take(1),
        ),
      ),
    ).toEqual({
      elements: [E.right(1)],
      log: ['acquire', 'acquire inner', 'a0', 'release inner', 'release'],
    });
  });

  it('does not acquire what is never pulled, and does not release what was not acquired', async () => {
    expect((await observe(pipe(held(traced('a', [1])), S.take(0)))).log).toEqual([]);
    const refused = S.bracket(
      note('acquire', true),
      () => traced('a', [1]),
      () => note('release'),
    );
    expect(await observe(refused)).toEqual({ elements: [E.left('acquire failed')], log: ['acquire'] });
  });

  it('an error of the release is the last element at a normal end, and never hides an earlier one', async () => {
    expect((await observe(held(traced('a', [1]), true))).elements).toEqual([E.right(1), E.left('release failed')]);
    expect((await observe(held(traced('a', [], 'no'), true))).elements).toEqual([E.left('no')]);
    expect((await observe(pipe(held(traced('a', [1, 2]), true), S.take(1)))).elements).toEqual([E.right(1)]);
  });
});
