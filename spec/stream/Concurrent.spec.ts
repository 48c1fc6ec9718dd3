/** `buffer`, `merge`, `tee`, `throttle`: nothing lost, nothing twice, never more held than agreed, everything released. */
import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import { describe, expect, it } from 'vitest';
import * as S from '../../src/stream/Stream.ts';

const collect = <Err, A>(s: S.Stream<unknown, Err, A>) => S.runCollect(s)({})();

const ticks = async (n: number): Promise<void> => {
  for (let i = 0; i < n; i++) await Promise.resolve();
};
const macrotask = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A source that counts what is open, pulled and closed; `delays` are the microtasks that each element takes. */
const counted = (length: number, delays: readonly number[] = [0], failsAt = -1) => {
  const seen = { pulls: 0, opened: 0, closed: 0, active: 0, mostActive: 0 };
  const stream: S.Stream<unknown, string, number> = S.fromGenerator(async function* () {
    seen.opened += 1;
    try {
      for (let i = 0; i < length; i++) {
        seen.active += 1;
        seen.mostActive = Math.max(seen.mostActive, seen.active);
        await ticks(delays[i % delays.length] ?? 0);
        seen.active -= 1;
        if (i === failsAt) {
          yield E.left(`no ${i}`);
          return;
        }
        seen.pulls += 1;
        yield E.right(i);
      }
    } finally {
      seen.closed += 1;
    }
  });
  return { seen, stream };
};

const delays = fc.array(fc.nat(12), { minLength: 1, maxLength: 5 });

describe('merge', () => {
  it('gives all elements of both, those of each in their order', () =>
    fc.assert(
      fc.asyncProperty(fc.nat(12), fc.nat(12), delays, delays, async (n, m, slow, fast) => {
        const [a, b] = [counted(n, slow), counted(m, fast)];
        const result = await collect(
          pipe(
            a.stream,
            S.map((i) => ['a', i] as readonly [string, number]),
            S.merge(
              pipe(
                b.stream,
                S.map((i) => ['b', i] as readonly [string, number]),
              ),
            ),
          ),
        );
        const all = E.isRight(result) ? result.right : [];
        const of = (who: string) => all.filter(([w]) => w === who).map(([, i]) => i);
        expect(of('a')).toEqual(Array.from({ length: n }, (_, i) => i));
        expect(of('b')).toEqual(Array.from({ length: m }, (_, i) => i));
        expect([a.seen.opened, a.seen.closed, b.seen.opened, b.seen.closed]).toEqual([1, 1, 1, 1]);
        expect(Math.max(a.seen.mostActive, b.seen.mostActive)).toBeLessThanOrEqual(1);
      }),
      { numRuns: 60 },
    ));

  it('is one element ahead of the consumer at most, of each source', async () => {
    const [a, b] = [counted(1000), counted(1000)];
    const iterator = pipe(a.stream, S.merge(b.stream))({})[Symbol.asyncIterator]();
    expect(a.seen.opened).toBe(0);
    for (let taken = 1; taken <= 10; taken++) {
      await iterator.next();
      await macrotask();
      expect(a.seen.pulls + b.seen.pulls).toBeLessThanOrEqual(taken + 2);
    }
    await iterator.return?.();
    expect([a.seen.closed, b.seen.closed]).toEqual([1, 1]);
  });

  it('does not starve the slower source', async () => {
    const fast = pipe(
      counted(100).stream,
      S.map(() => 'fast'),
    );
    const slow = pipe(
      counted(3, [5]).stream,
      S.map(() => 'slow'),
    );
    const result = await collect(pipe(fast, S.merge(slow), S.take(60)));
    expect(E.isRight(result) && result.right.filter((who) => who === 'slow')).toHaveLength(3);
  });

  it('ends with the first error and closes the other source', async () => {
    const [a, b] = [counted(1000), counted(5, [0], 2)];
    expect(await collect(pipe(a.stream, S.merge(b.stream)))).toEqual(E.left('no 2'));
    expect([a.seen.closed, b.seen.closed]).toEqual([1, 1]);
    expect(a.seen.pulls).toBeLessThan(10);
  });

  it('of nothing is nothing, and of one and nothing is that one', async () => {
    expect(await collect(pipe(S.empty, S.mergeW(S.empty)))).toEqual(E.right([]));
    expect(await collect(pipe(S.fromIterable([1, 2]), S.mergeW(S.empty)))).toEqual(E.right([1, 2]));
    expect(await collect(pipe(S.empty, S.mergeW(S.fromIterable([1, 2]))))).toEqual(E.right([1, 2]));
  });

  it('listens once to a source that gives nothing, however much the other one gives', async () => {
    let listeners = 0;
    class Counted<A> extends Promise<A> {
      // biome-ignore lint/suspicious/noThenProperty: a promise that counts who listens
      override then<B, C>(...args: Parameters<Promise<A>['then']>): Promise<B | C> {
        listeners += 1;
        return super.then(...args) as Promise<B | C>;
      }
    }
    let end: () => void = () => undefined;
    const silent: S.Stream<unknown, never, number> = () => ({
      [Symbol.asyncIterator]: () => ({
        next: () =>
          new Counted((resolve) => {
            end = () => resolve({ done: true, value: undefined });
          }),
      }),
    });
    let given = 0;
    const counting = pipe(
      counted(500).stream,
      S.merge(silent as S.Stream<unknown, string, number>),
      S.runFold(0, (n, _: number) => {
        given = n + 1;
        if (given === 500) end();
        return given;
      }),
    );
    expect(await counting({})()).toEqual(E.right(500));
    expect(listeners).toBeLessThanOrEqual(2);
  });

  it('waits for the pull that is under way, and then releases what it holds', async () => {
    const log: string[] = [];
    let answer: () => void = () => undefined;
    const held = S.bracket(
      RTE.rightIO<unknown, string, number>(() => log.push('acquired')),
      () =>
        S.fromReaderTaskEither<unknown, string, number>(
          () => () =>
            new Promise((resolve) => {
              answer = () => resolve(E.right(7));
            }),
        ),
      () => RTE.fromIO(() => void log.push('released')),
    );
    const running = collect(pipe(S.of<unknown, string, number>(1), S.merge(held), S.take(1)));
    await macrotask();
    expect(log).toEqual(['acquired']);
    answer();
    expect(await running).toEqual(E.right([1]));
    expect(log).toEqual(['acquired', 'released']);
  });
});

describe('buffer', () => {
  it('gives the same elements in the same order', () =>
    fc.assert(
      fc.asyncProperty(fc.nat(20), fc.integer({ min: -1, max: 6 }), delays, fc.nat(25), async (n, room, d, failsAt) => {
        const [plain, ahead] = [counted(n, d, failsAt), counted(n, d, failsAt)];
        expect(await collect(pipe(ahead.stream, S.buffer(room)))).toEqual(await collect(plain.stream));
        expect([ahead.seen.opened, ahead.seen.closed]).toEqual([1, 1]);
      }),
      { numRuns: 60 },
    ));

  it('pulls ahead as far as it has room, and no further', async () => {
    const { seen, stream } = counted(1000);
    const iterator = S.buffer(4)(stream)({})[Symbol.asyncIterator]();
    await macrotask();
    expect(seen.opened).toBe(0);
    for (let taken = 1; taken <= 10; taken++) {
      await iterator.next();
      await macrotask();
      expect(seen.pulls).toBe(taken + 4);
    }
    await iterator.return?.();
    await macrotask();
    expect(seen).toMatchObject({ pulls: 14, opened: 1, closed: 1 });
  });

  it('lets the source work while the consumer does', async () => {
    const log: string[] = [];
    const source = pipe(
      S.fromIterable([0, 1]),
      S.tapW((i) => RTE.fromIO(() => void log.push(`made ${i}`))),
      S.buffer(1),
    );
    for await (const e of source({})) {
      await macrotask();
      log.push(`used ${E.isRight(e) ? e.right : '?'}`);
    }
    expect(log).toEqual(['made 0', 'made 1', 'used 0', 'used 1']);
  });

  it('passes on what the source throws', async () => {
    const broken: S.Stream<unknown, never, number> = S.fromGenerator(async function* () {
      yield E.right(1);
      throw new Error('broken');
    });
    await expect(collect(S.buffer(3)(broken))).rejects.toThrow('broken');
  });
});

describe('tee', () => {
  it('runs the source once, and both branches see every element', () =>
    fc.assert(
      fc.asyncProperty(fc.nat(12), fc.integer({ min: 1, max: 4 }), delays, async (n, capacity, d) => {
        const { seen, stream } = counted(n, d);
        const [left, right]: [number[], number[]] = [[], []];
        const into = (all: number[]) => S.tap((i: number) => RTE.fromIO<void, unknown, string>(() => void all.push(i)));
        const result = await collect(pipe(stream, S.tee(into(left), into(right), capacity)));
        const expected = Array.from({ length: n }, (_, i) => i);
        expect([left, right]).toEqual([expected, expected]);
        expect(E.isRight(result) && [...result.right].sort((x, y) => x - y)).toEqual(expected.flatMap((i) => [i, i]));
        expect([seen.opened, seen.closed, seen.pulls]).toEqual([1, 1, n]);
      }),
      { numRuns: 60 },
    ));

  it('a branch that ends early, or is not read at all, does not hold the other back', async () => {
    for (const g of [S.take(2), S.take(0), () => S.empty]) {
      const { seen, stream } = counted(50);
      const kept = pipe(
        stream,
        S.tee(
          S.map((i: number) => ['all', i] as const),
          (branch) =>
            pipe(
              g(branch) as S.Stream<unknown, string, number>,
              S.map((i) => ['some', i] as const),
            ),
        ),
      );
      const result = await collect(kept);
      expect(E.isRight(result) && result.right.filter(([who]) => who === 'all')).toHaveLength(50);
      expect(seen).toMatchObject({ opened: 1, closed: 1 });
    }
  });

  it('is no further ahead than agreed', async () => {
    const { seen, stream } = counted(1000);
    const iterator = pipe(
      stream,
      S.tee(
        S.map((i) => i),
        S.map((i) => i),
        3,
      ),
    )({})[Symbol.asyncIterator]();
    for (let taken = 1; taken <= 20; taken++) {
      await iterator.next();
      await macrotask();
      // Each element is given twice; one of each branch may wait in `merge`.
      expect(seen.pulls).toBeLessThanOrEqual(Math.ceil(taken / 2) + 3 + 2);
    }
    await iterator.return?.();
    expect(seen.closed).toBe(1);
  });

  it('an error reaches both branches, and one in a branch closes the source', async () => {
    const source = counted(9, [0], 2);
    expect(await collect(pipe(source.stream, S.tee(S.drop(100), S.drop(100))))).toEqual(E.left('no 2'));
    expect(source.seen.closed).toBe(1);
    const { seen, stream } = counted(1000);
    const fails = S.chain((i: number) =>
      i === 3 ? S.left<unknown, string, number>('three') : S.of<unknown, string, number>(i),
    );
    expect(await collect(pipe(stream, S.tee(fails, S.drop(0))))).toEqual(E.left('three'));
    expect(seen).toMatchObject({ opened: 1, closed: 1 });
    expect(seen.pulls).toBeLessThan(10);
  });
});

describe('throttle', () => {
  const at = (times: readonly number[], milliseconds: number) => {
    let now = 0;
    const clock = { now: () => now };
    const source = pipe(
      S.fromIterable(times),
      S.tapW((t) =>
        RTE.fromIO(() => {
          now = t;
        }),
      ),
      S.throttle(milliseconds),
    );
    return S.runCollect(source)({ clock })();
  };

  it('drops what comes too soon after the last one that was passed on', async () => {
    expect(await at([0, 50, 99, 100, 120, 350, 351], 100)).toEqual(E.right([0, 100, 350]));
    expect(await at([5, 6, 7], 0)).toEqual(E.right([5, 6, 7]));
    expect(await at([5, 6, 7], Number.POSITIVE_INFINITY)).toEqual(E.right([5]));
  });

  it('never drops an error', async () => {
    const source = pipe(S.fromIterable([1, 2]), S.concatW(S.left('no')), S.throttle(100));
    expect(await S.runCollect(source)({ clock: { now: () => 0 } })()).toEqual(E.left('no'));
  });
});

describe('long streams', () => {
  it('leave nothing behind that grows: 30,000 elements through all of them', async () => {
    const { seen, stream } = counted(10_000);
    const all = pipe(
      stream,
      S.buffer(8),
      S.tee(
        S.filter((i: number) => i % 2 === 0),
        S.filter((i: number) => i % 2 === 1),
      ),
      S.merge(pipe(counted(20_000).stream, S.buffer(2))),
      S.buffer(4),
    );
    const count = pipe(
      all,
      S.runFold(0, (n, _: number) => n + 1),
    );
    expect(await count({})()).toEqual(E.right(30_000));
    expect(seen).toMatchObject({ pulls: 10_000, opened: 1, closed: 1, mostActive: 1 });
  });
});
