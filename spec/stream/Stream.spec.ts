import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as O from 'fp-ts/lib/Option.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import { describe, expect, it } from 'vitest';
import * as S from '../../src/stream/Stream.ts';
import { type Env, observe, traced } from './traced.ts';

const collect = <E, A>(s: S.Stream<Env, E, A>) => S.runCollect(s)({ log: [] })();
const numbers = S.fromIterable([1, 2, 3, 4, 5]);

describe('constructors', () => {
  it('give their elements', async () => {
    expect(await collect(S.empty)).toEqual(E.right([]));
    expect(await collect(S.of(7))).toEqual(E.right([7]));
    expect(await collect(S.left('no'))).toEqual(E.left('no'));
    expect(await collect(S.fromIterable(new Set(['a', 'b'])))).toEqual(E.right(['a', 'b']));
    expect(await collect(S.fromEither(E.left('no')))).toEqual(E.left('no'));
    expect(await collect(S.fromTaskEither(async () => E.right(1)))).toEqual(E.right([1]));
    expect(await collect(S.fromTask(async () => 1))).toEqual(E.right([1]));
    expect(await collect(S.fromReader((r: Env) => r.log.length))).toEqual(E.right([0]));
    expect(await collect(S.asks((r: Env) => r.log.length + 1))).toEqual(E.right([1]));
    expect(
      await collect(
        pipe(
          S.ask<Env>(),
          S.map((r) => r.log),
        ),
      ),
    ).toEqual(E.right([[]]));
  });

  it('fromIO runs its effect at each run, not before', async () => {
    let runs = 0;
    const s = S.fromIO(() => ++runs);
    expect(runs).toBe(0);
    expect(await collect(s)).toEqual(E.right([1]));
    expect(await collect(s)).toEqual(E.right([2]));
  });

  it('unfold goes on until none', async () => {
    const countdown = S.unfold(3, (n) => (n === 0 ? O.none : O.some([n, n - 1] as const)));
    expect(await collect(countdown)).toEqual(E.right([3, 2, 1]));
  });

  it('one description can be iterated twice, and both iterations start anew', async () => {
    const iterable = pipe(numbers, S.take(2))({});
    const run = async () => {
      const all: unknown[] = [];
      for await (const e of iterable) all.push(e);
      return all;
    };
    expect(await run()).toEqual([E.right(1), E.right(2)]);
    expect(await run()).toEqual([E.right(1), E.right(2)]);
  });
});

describe('fromAsyncIterable', () => {
  const failing = (at: number) =>
    async function* () {
      for (let i = 0; ; i++) {
        if (i === at) throw new Error(`broken at ${i}`);
        yield i;
      }
    };

  it('maps what the iterable throws, after the elements before it', async () => {
    const s = pipe(
      failing(2),
      S.fromAsyncIterable(E.toError),
      S.mapLeft((e) => e.message),
    );
    expect((await observe(s)).elements).toEqual([E.right(0), E.right(1), E.left('broken at 2')]);
  });

  it('maps what making the iterable throws', async () => {
    const s = pipe((): AsyncIterable<number> => {
      throw new Error('no such file');
    }, S.fromAsyncIterable(E.toError));
    expect(await collect(s)).toEqual(E.left(new Error('no such file')));
  });

  it('is made anew for each run', async () => {
    const s = pipe(failing(9), S.fromAsyncIterable(E.toError), S.take(2));
    expect(await collect(s)).toEqual(E.right([0, 1]));
    expect(await collect(s)).toEqual(E.right([0, 1]));
  });

  it('does not throw when the source fails while it is closed early', async () => {
    const source = async function* () {
      try {
        yield 1;
        yield 2;
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: a clean-up that fails is what is tested
        throw new Error('close failed');
      }
    };
    expect(await collect(pipe(source, S.fromAsyncIterable(E.toError), S.take(1)))).toEqual(E.right([1]));
  });
});

describe('what comes after an error', () => {
  const lawless: S.Stream<unknown, string, number> = S.fromGenerator(async function* () {
    yield E.right(1);
    yield E.left('no');
    yield E.right(2);
  });

  const transformers: readonly (readonly [string, (s: typeof lawless) => typeof lawless])[] = [
    ['map', S.map((n: number) => n)],
    ['chain', S.chain((n: number) => S.of<unknown, string, number>(n))],
    ['filter', S.filter((_: number) => true)],
    ['take', S.take(9)],
    ['takeWhile', S.takeWhile((_: number) => true)],
    ['takeUntil', S.takeUntil((_: number) => false)],
    ['drop', S.drop(0)],
    ['concat', S.concat(S.of<unknown, string, number>(3))],
    [
      'transduce',
      S.transduce(0, (s, n: number) => RTE.of<unknown, string, readonly [number, readonly number[]]>([s, [n]])),
    ],
    [
      'bracket',
      (s: typeof lawless) =>
        S.bracket(
          RTE.of<unknown, string, number>(0),
          () => s,
          () => RTE.of(undefined),
        ),
    ],
  ];
  it.each(transformers)('is not there: %s', async (_, f) => {
    const all: unknown[] = [];
    for await (const e of f(lawless)({})) all.push(e);
    expect(all).toEqual([E.right(1), E.left('no')]);
  });

  it('is not there after an error of an inner stream', async () => {
    const s = pipe(
      traced('a', [1, 2]),
      S.chain((n) => S.left<Env, string, number>(`no ${n}`)),
    );
    expect(await observe(s)).toEqual({ elements: [E.left('no 1')], log: ['a0'] });
  });

  it('is not seen by a runner', async () => {
    const seen: number[] = [];
    const run = pipe(
      lawless,
      S.runForEach((n: number) => RTE.fromIO(() => void seen.push(n))),
    );
    expect(await run({})()).toEqual(E.left('no'));
    expect(seen).toEqual([1]);
  });
});

describe('combinators', () => {
  it('take, takeWhile, takeUntil and drop', async () => {
    expect(await collect(pipe(numbers, S.take(2)))).toEqual(E.right([1, 2]));
    expect(await collect(pipe(numbers, S.take(0)))).toEqual(E.right([]));
    expect(
      await collect(
        pipe(
          numbers,
          S.takeWhile((n) => n < 3),
        ),
      ),
    ).toEqual(E.right([1, 2]));
    expect(
      await collect(
        pipe(
          numbers,
          S.takeUntil((n) => n >= 3),
        ),
      ),
    ).toEqual(E.right([1, 2, 3]));
    expect(await collect(pipe(numbers, S.drop(3)))).toEqual(E.right([4, 5]));
    expect(await collect(pipe(traced('a', [1], 'no'), S.drop(3)))).toEqual(E.left('no'));
  });

  it('scan gives the initial result first', async () => {
    expect(
      await collect(
        pipe(
          numbers,
          S.scan(0, (sum, n) => sum + n),
        ),
      ),
    ).toEqual(E.right([0, 1, 3, 6, 10, 15]));
  });

  it('flatten joins very many streams without nesting', async () => {
    const many = S.flatten(S.fromIterable(Array.from({ length: 20_000 }, (_, i) => S.of(i))));
    expect(
      await pipe(
        many,
        S.runFold(0, (n, _) => n + 1),
      )({})(),
    ).toEqual(E.right(20_000));
  });

  it('tap acts on each element and ends the stream when it fails', async () => {
    const s = pipe(
      numbers,
      S.tapW((n) => (r: Env) => async () => {
        r.log.push(`tap${n}`);
        return n === 3 ? E.left('three') : E.right('ignored');
      }),
    );
    expect(await observe(s)).toEqual({
      elements: [E.right(1), E.right(2), E.left('three')],
      log: ['tap1', 'tap2', 'tap3'],
    });
  });

  it('orElse keeps the elements before the error', async () => {
    const s = pipe(
      traced('a', [1, 2], 'no'),
      S.orElse((e) => S.fromIterable<number, Env, string>([e.length])),
    );
    expect((await observe(s)).elements).toEqual([E.right(1), E.right(2), E.right(2)]);
  });

  it('local changes the environment of the stream before it alone', async () => {
    const s = pipe(
      S.asks((r: { readonly n: number }) => r.n),
      S.local((r: Env) => ({ n: r.log.length + 41 })),
      S.chain((n) => S.asks((r: Env) => n + r.log.length)),
    );
    expect(await collect(s)).toEqual(E.right([41]));
  });
});

describe('transduce', () => {
  const pairs = S.transduceW(
    O.none as O.Option<number>,
    (held, n: number): RTE.ReaderTaskEither<Env, string, readonly [O.Option<number>, readonly (readonly number[])[]]> =>
      ({ log }) =>
      async () => {
        log.push(`step${n}`);
        if (n < 0) return E.left(`negative: ${n}`);
        return E.right(O.isSome(held) ? [O.none, [[held.value, n]]] : [O.some(n), []]);
      },
    (held) => RTE.of(O.isSome(held) ? [[held.value]] : []),
  );

  it('carries a state, and gives what is left at the end', async () => {
    expect(await collect(pipe(numbers, pairs))).toEqual(E.right([[1, 2], [3, 4], [5]]));
  });

  it('starts from the initial state in each run', async () => {
    const s = pipe(S.of(1), pairs);
    expect(await collect(s)).toEqual(E.right([[1]]));
    expect(await collect(s)).toEqual(E.right([[1]]));
  });

  it('ends at an error of a step, without the end', async () => {
    const s = pipe(S.fromIterable([1, -2, 3]), pairs);
    expect(await observe(s)).toEqual({ elements: [E.left('negative: -2')], log: ['step1', 'step-2'] });
  });

  it('ends at an error of the source, without the end', async () => {
    expect((await observe(pipe(traced('a', [1], 'no'), pairs))).elements).toEqual([E.left('no')]);
  });

  it('gives any number of elements for one, all before the next is pulled', async () => {
    const repeat = S.transduce(0, (s, n: number) =>
      RTE.of<Env, string, readonly [number, readonly number[]]>([s, Array.from({ length: n }, () => n)]),
    );
    const seen = pipe(
      traced('a', [2, 0, 3]),
      repeat,
      S.tap(
        (n) =>
          ({ log }: Env) =>
          async () =>
            E.right(log.push(`=${n}`)),
      ),
    );
    expect((await observe(seen)).log).toEqual(['a0', '=2', '=2', 'a1', 'a2', '=3', '=3', '=3', 'a3']);
  });
});

describe('runners', () => {
  it('runFold, runFoldRTE, runDrain', async () => {
    const env: Env = { log: [] };
    expect(
      await pipe(
        numbers,
        S.runFold(0, (sum, n) => sum + n),
      )(env)(),
    ).toEqual(E.right(15));
    expect(await pipe(traced('a', [1, 2]), S.runDrain)(env)()).toEqual(E.right(undefined));
    expect(env.log).toEqual(['a0', 'a1', 'a2']);
    const stopAt3 = S.runFoldRTE(0, (sum: number, n: number) => (n === 3 ? RTE.left(`at ${sum}`) : RTE.right(sum + n)));
    expect(await pipe(numbers, stopAt3)(env)()).toEqual(E.left('at 3'));
  });

  it('runForEach waits for each effect before the next pull', async () => {
    const env: Env = { log: [] };
    const run = pipe(
      traced('a', [1, 2]),
      S.runForEach((n: number) => ({ log }: Env) => async () => {
        log.push(`begin${n}`);
        await new Promise((resolve) => setTimeout(resolve, 1));
        log.push(`end${n}`);
        return E.right(undefined);
      }),
    );
    await run(env)();
    expect(env.log).toEqual(['a0', 'begin1', 'end1', 'a1', 'begin2', 'end2', 'a2']);
  });
});
