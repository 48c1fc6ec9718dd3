/** The laws of the arrow, in results and in effects. */
import * as fc from 'fast-check';
import { fanIn } from 'fp-ts/lib/Choice.js';
import * as E from 'fp-ts/lib/Either.js';
import { flow, pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import { fanOut } from 'fp-ts/lib/Strong.js';
import { describe, expect, it } from 'vitest';
import { Pipeline as P } from '../../src/index.ts';
import { arrow, type Env, observe, traced } from './support.ts';

const [f, g, h] = [arrow('f'), arrow('g'), arrow('h')];
const small = fc.integer({ min: -9, max: 9 });
const batch = fc.array(small, { maxLength: 5 });
const pairs = fc.array(fc.tuple(small, small), { maxLength: 5 });
const sums = fc.array(
  fc.oneof(
    small.map((n): E.Either<number, number> => E.left(n)),
    small.map((n): E.Either<number, number> => E.right(n)),
  ),
  { maxLength: 6 },
);
const pureF = fc.func(small);

type Ints = P.Pipeline<Env, string, number, number>;

const same = async <A, B>(p: P.Pipeline<Env, string, A, B>, q: P.Pipeline<Env, string, A, B>, as: readonly A[]) => {
  expect(await observe(p, as)).toEqual(await observe(q, as));
};

const law = <Ts extends [unknown, ...unknown[]]>(
  name: string,
  arbitraries: { [K in keyof Ts]: fc.Arbitrary<Ts[K]> },
  check: (...ts: Ts) => Promise<void>,
) =>
  it(name, () =>
    fc.assert(fc.asyncProperty(...(arbitraries as [fc.Arbitrary<unknown>]), check as never), { numRuns: 60 }),
  );

const then = (p: Ints, q: Ints): Ints => pipe(p, P.andThen(q));
const first = P.first<number>();
const second = P.second<number>();
const left = P.left<number>();
const right = P.right<number>();

describe('category', () => {
  law<[Ints, number[]]>('identity', [f, batch], async (p, as) => {
    await same(then(P.id(), p), p, as);
    await same(then(p, P.id()), p, as);
  });
  law<[Ints, Ints, Ints, number[]]>('associativity', [f, g, h, batch], (p, q, r, as) =>
    same(then(then(p, q), r), then(p, then(q, r)), as),
  );
  law<[Ints, Ints, number[]]>('andThen and compose are one', [f, g, batch], (p, q, as) =>
    same(then(p, q), P.Category.compose(q, p), as),
  );
});

describe('profunctor', () => {
  law<[Ints, number[]]>('identity', [f, batch], (p, as) =>
    same(
      pipe(
        p,
        P.promap(
          (n: number) => n,
          (n: number) => n,
        ),
      ),
      p,
      as,
    ),
  );
  law<[Ints, (n: number) => number, (n: number) => number, number[]]>(
    'composition',
    [f, pureF, pureF, batch],
    (p, u, v, as) =>
      same(
        pipe(p, P.contramap(u), P.contramap(v), P.map(u), P.map(v)),
        pipe(
          p,
          P.promap(
            (n: number) => u(v(n)),
            (n: number) => v(u(n)),
          ),
        ),
        as,
      ),
  );
  law<[Ints, (n: number) => number, number[]]>('map is arr after', [f, pureF, batch], (p, u, as) =>
    same(pipe(p, P.map(u)), then(p, P.arr(u)), as),
  );
});

describe('arrow', () => {
  law<[(n: number) => number, (n: number) => number, number[]]>(
    'arr keeps composition',
    [pureF, pureF, batch],
    (u, v, as) => same<number, number>(P.arr(flow(u, v)), pipe(P.arr(u), P.andThen(P.arr(v))), as),
  );
  law<[(n: number) => number, [number, number][]]>('first of a function', [pureF, pairs], (u, as) =>
    same<[number, number], [number, number]>(
      first(P.arr(u)),
      P.arr(([a, c]) => [u(a), c]),
      as,
    ),
  );
  law<[Ints, Ints, [number, number][]]>('first keeps composition', [f, g, pairs], (p, q, as) =>
    same(first(then(p, q)), pipe(first(p), P.andThen(first(q))), as),
  );
  law<[Ints, (n: number) => number, [number, number][]]>(
    'what is pure may be exchanged',
    [f, pureF, pairs],
    (p, u, as) =>
      same<[number, number], [number, number]>(
        pipe(first(p), P.andThen(second(P.arr(u)))),
        pipe(second(P.arr(u)), P.andThen(first(p))),
        as,
      ),
  );
  law<[Ints, [number, number][]]>('first, then fst', [f, pairs], (p, as) =>
    same<[number, number], number>(
      pipe(
        first(p),
        P.map(([b]) => b),
      ),
      pipe(
        p,
        P.contramap(([a]: [number, number]) => a),
      ),
      as,
    ),
  );
  law<[Ints, [[number, number], number][]]>(
    'association',
    [f, fc.array(fc.tuple(fc.tuple(small, small), small), { maxLength: 4 })],
    (p, as) =>
      same(
        pipe(
          P.first<number>()(first(p)),
          P.map(([[a, b], c]) => [a, [b, c]] as const),
        ),
        pipe(
          P.first<[number, number]>()(p),
          P.contramap(([[a, b], c]: [[number, number], number]): [number, [number, number]] => [a, [b, c]]),
          P.map(([a, bc]) => [a, bc] as const),
        ),
        as,
      ),
  );
  law<[Ints, [number, number][]]>('second is first, swapped', [f, pairs], (p, as) =>
    same<[number, number], [number, number]>(
      second(p),
      pipe(
        first(p),
        P.promap(
          ([a, b]: [number, number]): [number, number] => [b, a],
          ([a, b]): [number, number] => [b, a],
        ),
      ),
      as,
    ),
  );
  law<[Ints, Ints, [number, number][]]>('split is first, then second', [f, g, pairs], (p, q, as) =>
    same<[number, number], [number, number]>(P.split(p, q), pipe(first(p), P.andThen(second(q))), as),
  );
  law<[Ints, Ints, number[]]>("fanout is fp-ts's", [f, g, batch], (p, q, as) =>
    same<number, [number, number]>(P.fanout(p, q), fanOut(P.Strong, P.Category)(p, q), as),
  );
  law<[Ints, Ints, number[]]>('collect is fanout with names, struct split', [f, g, batch], async (p, q, as) => {
    await same<number, { readonly a: number; readonly b: number }>(
      P.collect({ a: p, b: q }),
      pipe(
        P.fanout(p, q),
        P.map(([a, b]) => ({ a, b })),
      ),
      as,
    );
    await same<number, { readonly a: number; readonly b: number }>(
      pipe(
        P.struct({ a: p, b: q }),
        P.contramap((n: number) => ({ a: n, b: n + 1 })),
      ),
      pipe(
        P.split(p, q),
        P.promap(
          (n: number): [number, number] => [n, n + 1],
          ([a, b]) => ({ a, b }),
        ),
      ),
      as,
    );
  });
});

describe('choice', () => {
  law<[(n: number) => number, E.Either<number, number>[]]>('left of a function', [pureF, sums], (u, as) =>
    same<E.Either<number, number>, E.Either<number, number>>(left(P.arr(u)), P.arr(E.mapLeft(u)), as),
  );
  law<[Ints, Ints, E.Either<number, number>[]]>('left keeps composition', [f, g, sums], (p, q, as) =>
    same(left(then(p, q)), pipe(left(p), P.andThen(left(q))), as),
  );
  law<[Ints, number[]]>('into the left, then left', [f, batch], (p, as) =>
    same<number, E.Either<number, number>>(
      pipe(
        left(p),
        P.contramap((n: number): E.Either<number, number> => E.left(n)),
      ),
      pipe(
        p,
        P.map((b): E.Either<number, number> => E.left(b)),
      ),
      as,
    ),
  );
  law<[Ints, (n: number) => number, E.Either<number, number>[]]>(
    'what is pure may be exchanged',
    [f, pureF, sums],
    (p, u, as) => same(pipe(left(p), P.andThen(right(P.arr(u)))), pipe(right(P.arr(u)), P.andThen(left(p))), as),
  );
  law<[Ints, E.Either<number, number>[]]>('right is left, swapped', [f, sums], (p, as) =>
    same<E.Either<number, number>, E.Either<number, number>>(right(p), pipe(left(p), P.promap(E.swap, E.swap)), as),
  );
  law<[Ints, Ints, E.Either<number, number>[]]>(
    "fanin is fp-ts's, choice left then right",
    [f, g, sums],
    async (p, q, as) => {
      await same<E.Either<number, number>, number>(P.fanin(p, q), fanIn(P.Choice, P.Category)(p, q), as);
      await same(P.choice(p, q), pipe(left(p), P.andThen(right(q))), as);
    },
  );
});

describe('Kleisli arrows', () => {
  const k = (n: number) => (env: Env) => async () => {
    env.log.push(`k${n}`);
    return n % 3 === 0 ? E.left('three') : E.right(n + 1);
  };
  law<[number]>('there and back', [small], async (n) => {
    const [a, b]: Env[] = [{ log: [] }, { log: [] }];
    expect(await P.toKleisli(P.fromKleisli(k))(n)(a as Env)()).toEqual(await k(n)(b as Env)());
    expect(a).toEqual(b);
  });
  law<[Ints, Ints, number]>('toKleisli keeps composition', [f, g, small], async (p, q, n) => {
    const env = () => ({ log: [] });
    expect(await P.toKleisli(then(p, q))(n)(env())()).toEqual(
      await pipe(P.toKleisli(p)(n), RTE.chain(P.toKleisli(q)))(env())(),
    );
  });
});

describe('batches and resources', () => {
  law<[Ints, Ints, number[], number]>(
    'what an element gives does not depend on the others or the batch size',
    [f, g, batch, fc.integer({ min: 1, max: 4 })],
    async (p, q, as, batchSize) => {
      const both = P.fanout(p, q);
      const together = await pipe(both, P.runAll(as, { batchSize }))({ log: [] })();
      const alone = await Promise.all(as.map((a) => pipe(both, P.run(a))({ log: [] })()));
      expect(together).toEqual(E.right(alone));
    },
  );
  it('a function of batches that gives another number of results is told so, for each element', async () => {
    const short = P.fromBatch((as: readonly number[]) => () => async () => as.slice(1).map((a) => E.right(a)));
    const results = await pipe(short, P.andThen(P.arr((n) => n + 1)), P.runAll([1, 2]))({})();
    const told = expect.objectContaining({
      _tag: 'Defect',
      message: expect.stringContaining('1 results for 2 elements'),
    });
    expect(results).toEqual(E.right([E.left(told), E.left(told)]));
  });
  it('opens in order, closes in reverse, runs nothing for none', async () => {
    const p = pipe(
      traced(
        'a',
        (n: number) => n,
        () => true,
      ),
      P.andThen(traced('b', (n: number) => n)),
    );
    expect(await observe(p, [1, 2])).toEqual({
      results: E.right([E.left('a refuses 1'), E.left('a refuses 2')]),
      log: ['open a', 'open b', 'a([1,2])', 'close b', 'close a'],
    });
  });
  it('lets go of the first when the second cannot be had', async () => {
    const broken: P.Pipeline<Env, string, number, number> = pipe(
      P.bracket(
        () => async () => E.left('no'),
        () => P.id<number>(),
        () => async () => undefined,
      ),
      P.mapLeft(String),
    );
    const { results, log } = await observe(
      pipe(
        traced('a', (n: number) => n),
        P.andThen(broken),
      ),
      [1],
    );
    expect(results).toEqual(E.left('no'));
    expect(log).toEqual(['open a', 'close a']);
  });
  it('a pipeline that does not fit inside a bracket is told, and the resource let go of', async () => {
    let released = 0;
    const softmax = (size: number) => P.softmax(size);
    const inner = pipe(softmax(3), P.andThen(softmax(4)));
    const p = P.bracket(
      () => async () => E.right(1),
      () => inner,
      () => async () => {
        released += 1;
      },
    );
    const result = await pipe(p, P.runAll([]))({})();
    expect([E.isLeft(result) && result.left.message, released]).toEqual([
      'andThen: the stage before gives NdArray[3], this one takes NdArray[4]',
      1,
    ]);
  });
});
