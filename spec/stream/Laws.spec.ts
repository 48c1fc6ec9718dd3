import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { flow, identity, pipe } from 'fp-ts/lib/function.js';
import * as O from 'fp-ts/lib/Option.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import { describe, expect, it } from 'vitest';
import * as S from '../../src/stream/Stream.ts';
import { type Env, functionOf, kleisli, observe, predicate, quietStream, streamOf } from './traced.ts';

type Numbers = S.Stream<Env, string, number>;

/** Both sides give the same elements and the same effects in the same order, for every drawn argument. */
const law = <T extends [unknown, ...unknown[]], A>(
  name: string,
  arbitraries: { [K in keyof T]: fc.Arbitrary<T[K]> },
  sides: (...args: T) => readonly [S.Stream<Env, string, A>, S.Stream<Env, string, A>],
): void =>
  it(name, () =>
    fc.assert(
      fc.asyncProperty(fc.tuple(...(arbitraries as unknown as [fc.Arbitrary<unknown>])), async (args) => {
        const [left, right] = sides(...(args as unknown as T));
        expect(await observe(left)).toEqual(await observe(right));
      }),
    ),
  );

const small = fc.integer({ min: -9, max: 9 });
const functions = (name: string) =>
  fc.tuple(streamOf(name), fc.func(small)).map(([s, f]) =>
    pipe(
      s,
      S.map((n) => (m: number) => f(n, m) as number),
    ),
  );

describe('Functor', () => {
  law<[Numbers], number>('identity', [streamOf('a')], (a) => [pipe(a, S.map(identity)), a]);
  law(
    'composition',
    [streamOf('a'), functionOf, functionOf],
    (a: Numbers, f: (n: number) => number, g: (n: number) => number) => [
      pipe(
        a,
        S.map(
          flow(
            (n: number) => f(n),
            (n) => g(n),
          ),
        ),
      ),
      pipe(
        a,
        S.map((n) => f(n)),
        S.map((n) => g(n)),
      ),
    ],
  );
});

describe('Bifunctor', () => {
  law<[Numbers], number>('identity', [streamOf('a')], (a) => [pipe(a, S.bimap(identity, identity)), a]);
  law<[Numbers], number>('composition', [streamOf('a')], (a) => [
    pipe(
      a,
      S.bimap(
        (e) => `g(f(${e}))`,
        (n) => (n + 1) * 2,
      ),
    ),
    pipe(
      a,
      S.bimap(
        (e) => `f(${e})`,
        (n) => n + 1,
      ),
      S.bimap(
        (e) => `g(${e})`,
        (n) => n * 2,
      ),
    ),
  ]);
});

describe('Applicative', () => {
  law<[Numbers], number>('identity', [streamOf('a')], (a) => [
    pipe(S.of<Env, string, (n: number) => number>(identity), S.ap(a)),
    a,
  ]);
  law('homomorphism', [functionOf, small], (f: (n: number) => number, n: number) => [
    pipe(
      S.of<Env, string, (n: number) => number>((x) => f(x)),
      S.ap(S.of<Env, string, number>(n)),
    ),
    S.of<Env, string, number>(f(n)),
  ]);
  law('interchange', [functions('f'), small], (fs: S.Stream<Env, string, (n: number) => number>, n: number) => [
    pipe(fs, S.ap(S.of<Env, string, number>(n))),
    pipe(
      S.of<Env, string, (f: (n: number) => number) => number>((f) => f(n)),
      S.ap(fs),
    ),
  ]);
  law(
    'composition',
    [functions('f'), functions('g'), streamOf('a')],
    (f: S.Stream<Env, string, (n: number) => number>, g: S.Stream<Env, string, (n: number) => number>, a: Numbers) => [
      pipe(
        f,
        S.map((bc) => (ab: (n: number) => number) => (n: number) => bc(ab(n))),
        S.ap(g),
        S.ap(a),
      ),
      pipe(f, S.ap(pipe(g, S.ap(a)))),
    ],
  );
  law(
    'ap is the one derived from chain',
    [functions('f'), streamOf('a')],
    (f: S.Stream<Env, string, (n: number) => number>, a: Numbers) => [
      pipe(f, S.ap(a)),
      S.Monad.chain(f, (g) => S.Monad.map(a, g)),
    ],
  );
});

describe('Monad', () => {
  law('left identity', [small, kleisli('f')], (n: number, f: (n: number) => Numbers) => [
    pipe(S.of<Env, string, number>(n), S.chain(f)),
    f(n),
  ]);
  law<[Numbers], number>('right identity', [streamOf('a')], (a) => [
    pipe(
      a,
      S.chain((n) => S.of(n)),
    ),
    a,
  ]);
  law(
    'associativity',
    [streamOf('a'), kleisli('f'), kleisli('g')],
    (a: Numbers, f: (n: number) => Numbers, g: (n: number) => Numbers) => [
      pipe(a, S.chain(f), S.chain(g)),
      pipe(
        a,
        S.chain((n) => pipe(f(n), S.chain(g))),
      ),
    ],
  );
  law('left is a left zero of chain', [kleisli('f')], (f: (n: number) => Numbers) => [
    pipe(S.left<Env, string, number>('e'), S.chain(f)),
    S.left<Env, string, number>('e'),
  ]);
});

describe('fromReaderTaskEither', () => {
  const effect = fc.tuple(fc.constantFrom('x', 'y'), fc.boolean(), small).map(
    ([name, fails, n]): RTE.ReaderTaskEither<Env, string, number> =>
      ({ log }) =>
      async () => {
        log.push(name);
        return fails ? E.left(name) : E.right(n);
      },
  );
  law<[number], number>('keeps of', [small], (n) => [S.fromReaderTaskEither(RTE.of<Env, string, number>(n)), S.of(n)]);
  law(
    'keeps chain',
    [effect, fc.array(effect, { minLength: 1 })],
    (fa: RTE.ReaderTaskEither<Env, string, number>, fs: RTE.ReaderTaskEither<Env, string, number>[]) => {
      const f = (n: number) => fs[Math.abs(n) % fs.length] as RTE.ReaderTaskEither<Env, string, number>;
      return [
        S.fromReaderTaskEither(pipe(fa, RTE.chain(f))),
        pipe(
          S.fromReaderTaskEither(fa),
          S.chain((n) => S.fromReaderTaskEither(f(n))),
        ),
      ];
    },
  );
});

describe('Monoid', () => {
  const { concat, empty } = S.getMonoid<Env, string, number>();
  law<[Numbers], number>('left identity', [streamOf('a')], (a) => [concat(empty, a), a]);
  law<[Numbers], number>('right identity', [streamOf('a')], (a) => [concat(a, empty), a]);
  law('associativity', [streamOf('a'), streamOf('b'), streamOf('c')], (a: Numbers, b: Numbers, c: Numbers) => [
    concat(concat(a, b), c),
    concat(a, concat(b, c)),
  ]);
  law<[Numbers], number>('left absorbs', [streamOf('a')], (a) => [concat(S.left('e'), a), S.left('e')]);
  law(
    'chain distributes from the right',
    [streamOf('a'), streamOf('b'), kleisli('f')],
    (a: Numbers, b: Numbers, f: (n: number) => Numbers) => [
      pipe(concat(a, b), S.chain(f)),
      concat(pipe(a, S.chain(f)), pipe(b, S.chain(f))),
    ],
  );
});

describe('the monoid of elements, lifted', () => {
  const text = S.getApplicativeMonoid<Env, string, string>({ concat: (x, y) => x + y, empty: '' });
  const words = (name: string) => streamOf(name).map((s) => pipe(s, S.map(String)));
  type Words = S.Stream<Env, string, string>;
  law<[Words], string>('left identity', [words('a')], (a) => [text.concat(text.empty, a), a]);
  law<[Words], string>('right identity', [words('a')], (a) => [text.concat(a, text.empty), a]);
  law('associativity', [words('a'), words('b'), words('c')], (a: Words, b: Words, c: Words) => [
    text.concat(text.concat(a, b), c),
    text.concat(a, text.concat(b, c)),
  ]);
});

describe('Filterable and Compactable', () => {
  type P = (n: number) => boolean;
  law<[Numbers], number>('identity', [streamOf('a')], (a) => [S.Filterable.filter(a, () => true), a]);
  law('distributivity', [streamOf('a'), predicate, predicate], (a: Numbers, p: P, q: P) => [
    pipe(
      a,
      S.filter((n) => p(n) && q(n)),
    ),
    pipe(
      a,
      S.filter((n) => p(n)),
      S.filter((n) => q(n)),
    ),
  ]);
  law('annihilation of streams that neither fail nor act', [quietStream, quietStream], (a: Numbers, b: Numbers) => [
    pipe(
      a,
      S.filter(() => false),
    ),
    pipe(
      b,
      S.filter(() => false),
    ),
  ]);
  law('filterMap is compact after map', [streamOf('a'), predicate], (a: Numbers, p: P) => {
    const f = (n: number) => (p(n) ? O.some(n * 2) : O.none);
    return [pipe(a, S.filterMap(f)), pipe(a, S.map(f), S.compact)];
  });
  law('partition keeps those that hold on the right', [streamOf('a'), predicate], (a: Numbers, p: P) => [
    pipe(
      a,
      S.partition((n) => p(n)),
    ).right,
    pipe(
      a,
      S.filter((n) => p(n)),
    ),
  ]);
  law('partition puts the others on the left', [streamOf('a'), predicate], (a: Numbers, p: P) => [
    S.Filterable.partition(a, (n) => p(n)).left,
    pipe(
      a,
      S.filter((n) => !p(n)),
    ),
  ]);
  law('separate after map is partitionMap', [streamOf('a'), predicate], (a: Numbers, p: P) => {
    const f = (n: number): E.Either<string, number> => (p(n) ? E.right(n) : E.left(`${n}`));
    return [pipe(a, S.map(f), S.separate).left, pipe(a, S.partitionMap(f)).left];
  });
});

describe('Alt', () => {
  const { alt, map } = S.Alt;
  law('associativity', [streamOf('a'), streamOf('b'), streamOf('c')], (a: Numbers, b: Numbers, c: Numbers) => [
    alt(
      alt(a, () => b),
      () => c,
    ),
    alt(a, () => alt(b, () => c)),
  ]);
  law('distributivity', [streamOf('a'), streamOf('b')], (a: Numbers, b: Numbers) => [
    map(
      alt(a, () => b),
      (n) => n + 1,
    ),
    alt(
      map(a, (n) => n + 1),
      () => map(b, (n) => n + 1),
    ),
  ]);
  law<[Numbers], number>('left is the left zero', [streamOf('a')], (a) => [
    alt(S.left<Env, string, number>('e'), () => a),
    a,
  ]);
});

describe('take, drop and transduce', () => {
  const count = fc.nat(6);
  law(
    'take n, then take m, is take of the lesser',
    [streamOf('a'), count, count],
    (a: Numbers, n: number, m: number) => [pipe(a, S.take(n), S.take(m)), pipe(a, S.take(Math.min(n, m)))],
  );
  law('drop n, then drop m, is drop of the sum', [streamOf('a'), count, count], (a: Numbers, n: number, m: number) => [
    pipe(a, S.drop(n), S.drop(m)),
    pipe(a, S.drop(n + m)),
  ]);
  law('the machine that passes everything on is the identity', [streamOf('a')], (a: Numbers) => [
    pipe(
      a,
      S.transduce(undefined, (s, n: number) => RTE.of<Env, string, readonly [undefined, readonly number[]]>([s, [n]])),
    ),
    a,
  ]);
  it('take n and drop n together are all elements', () =>
    fc.assert(
      fc.asyncProperty(quietStream, count, async (a, n) => {
        const first = await observe(pipe(a, S.take(n)));
        const rest = await observe(pipe(a, S.drop(n)));
        expect([...first.elements, ...rest.elements]).toEqual((await observe(a)).elements);
      }),
    ));
});
