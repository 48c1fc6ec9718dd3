import fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as O from 'fp-ts/lib/Option.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import { describe, expect, it } from 'vitest';
import * as D from '../../../src/data/Data.ts';
import * as DS from '../../../src/data/DataStream.ts';
import * as S from '../../../src/stream/Stream.ts';
import { type Eq, expectError, isType, numbers, right } from '../support.ts';
import { collect, elements, expectLaws } from './support.ts';

type Numbers = DS.DataStream<unknown, D.DataError, number>;

const upTo = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);
/** Of unknown size and without picking: as a file of text is. */
const unsized = (n: number): Numbers => DS.fromStream(S.fromIterable(upTo(n)));
const sorted = (list: readonly number[]) => [...list].sort((a, b) => a - b);

const stages: fc.Arbitrary<readonly [string, (data: Numbers) => Numbers]> = fc.oneof(
  fc.constant(['map', DS.map((n: number) => n * 3)] as const),
  fc.constant(['mapEffect', DS.mapEffect((n: number) => RTE.right(n + 1))] as const),
  fc.constant(['mapEither', DS.mapEither((n: number) => E.right(n - 1))] as const),
  fc.constant(['filterMap', DS.filterMap((n: number) => (n % 3 === 0 ? O.none : O.some(n * 2)))] as const),
  fc.nat(5).map(
    (seed) =>
      [
        'resample',
        DS.resample({
          classOf: (n: number) => Math.abs(n % 2),
          observed: { 0: 5, 1: 3 },
          target: { 0: 1, 1: 2 },
          seed,
        }),
      ] as const,
  ),
  fc
    .tuple(fc.integer({ min: 1, max: 3 }), fc.constantFrom<DS.Last<number>>('keep', 'drop', { pad: 2 }))
    .map(
      ([batchSize, last]) =>
        [
          'batchByLength',
          (data: Numbers) =>
            pipe(
              data,
              DS.batchByLength({ lengthOf: (n: number) => Math.abs(n % 7), boundaries: [1, 4], batchSize, last }),
              DS.unbatch,
            ),
        ] as const,
    ),
  fc.nat(5).map((seed) => ['mapSeeded', DS.mapSeeded(seed)((n: number, own) => n + (own % 10))] as const),
  fc.integer({ min: 1, max: 3 }).map((k) => ['filter', DS.filter((n: number) => n % k === 0)] as const),
  fc.nat(9).map((n) => ['take', DS.take(n)] as const),
  fc.nat(4).map((n) => ['drop', DS.drop(n)] as const),
  fc.integer({ min: 1, max: 3 }).map((n) => ['repeat', DS.repeat(n)] as const),
  fc.nat(5).map((seed) => ['shuffle', DS.shuffle({ seed })] as const),
  fc
    .tuple(fc.nat(5), fc.integer({ min: 1, max: 6 }))
    .map(([seed, buffer]) => ['shuffle buffered', DS.shuffle({ seed, buffer })] as const),
  fc
    .integer({ min: 1, max: 4 })
    .map((n) => ['batch and unbatch', (data: Numbers) => pipe(data, DS.batch(n), DS.unbatch)] as const),
  fc.tuple(fc.integer({ min: 1, max: 4 }), fc.constantFrom<DS.Last<number>>('keep', 'drop', { pad: -1 })).map(
    ([n, last]) =>
      [
        'batch',
        (data: Numbers) =>
          pipe(
            data,
            DS.batch(n, { last }),
            DS.map((b) => b.reduce((a, c) => a * 31 + c, 7) % 1000),
          ),
      ] as const,
  ),
  fc.nat(6).map((n) => ['concat', DS.concat(unsized(n))] as const),
  fc.nat(6).map((n) => ['concat sized', DS.concat(DS.fromArray(upTo(n)))] as const),
  fc.nat(9).map((n) => ['zip', DS.zipWith(unsized(n), (a: number, b: number) => a * 10 + b)] as const),
  fc
    .nat(3)
    .map(
      (n) => ['flatMap', DS.flatMap((a: number) => (a % 2 === 0 ? DS.fromArray(upTo(n)) : unsized(a % 3)))] as const,
    ),
  fc.constant(['cache', DS.cache()] as const),
  fc.integer({ min: 1, max: 3 }).map((capacity) => ['prefetch', DS.prefetch({ capacity })] as const),
  fc
    .tuple(fc.nat(7), fc.integer({ min: 1, max: 3 }))
    .map(
      ([n, block]) =>
        [
          'interleave',
          (data: Numbers) => DS.interleave([data, DS.fromArray(upTo(n)), DS.fromArray([])], { block }),
        ] as const,
    ),
  fc.tuple(fc.nat(7), fc.nat(9), fc.constantFrom('first' as const, 'last' as const)).map(
    ([n, seed, stop]) =>
      [
        'mix',
        (data: Numbers) =>
          DS.mix(
            [
              { data, weight: 2 },
              { data: unsized(n), weight: 0.5 },
            ],
            { seed, stop },
          ),
      ] as const,
  ),
);

describe('the laws of every stage', () => {
  it('hold for any composition: determinism, going on from every position, size, picking', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(12),
        fc.boolean(),
        fc.array(stages, { maxLength: 3 }),
        fc.nat(2),
        async (n, isSized, chosen, pass) => {
          const source: Numbers = isSized ? DS.fromArray(upTo(n)) : unsized(n);
          const data = chosen.reduce((before, [, stage]) => stage(before), source);
          await expectLaws(data, undefined, pass);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('sources', () => {
  it('a data set in memory comes in the order in which fit visits it', async () => {
    const data = right(D.dataset({ x: D.floats([1], upTo(7)), y: D.ints([], upTo(7)) }));
    const batches = pipe(data, DS.fromDataset({ batchSize: 3, seed: 5 }));
    isType<Eq<typeof batches, DS.DataStream<unknown, D.DataError, D.Dataset<[1], { readonly int: [] }>>>>;
    await expectLaws(batches, undefined, 1);
    for (const pass of [0, 1]) {
      const labels = (await elements(batches, pass)).flatMap(({ y }) => numbers(y));
      expect(labels).toEqual([...D.permutation(D.derive(5, pass), 7)]);
    }
    expect((await elements(batches)).map(({ size }) => size)).toEqual([3, 3, 1]);
  });

  it('position has a codec', () => {
    expect(DS.Position.decode(JSON.parse(JSON.stringify({ pass: 2, at: 30 })))).toEqual(E.right({ pass: 2, at: 30 }));
    for (const bad of [{ pass: -1, at: 0 }, { pass: 0 }, { pass: 0, at: 0.5 }, null])
      expect(E.isLeft(DS.Position.decode(bad))).toBe(true);
  });
});

describe('order', () => {
  it('shuffling keeps every element, and each pass has another order', async () => {
    for (const data of [DS.fromArray(upTo(50)), unsized(50)])
      for (const options of [{ seed: 3 }, { seed: 3, buffer: 10 }]) {
        const shuffled = pipe(data, DS.shuffle(options));
        const [first, second] = [await elements(shuffled, 0), await elements(shuffled, 1)];
        expect(sorted(first)).toEqual(upTo(50));
        expect(sorted(second)).toEqual(upTo(50));
        expect(first).not.toEqual(second);
        expect(first).not.toEqual(upTo(50));
      }
  });

  it('a buffer of n lets an element come at most n places early', async () => {
    const shuffled = await elements(pipe(unsized(200), DS.shuffle({ seed: 1, buffer: 20 })));
    shuffled.forEach((n, at) => {
      expect(n - at).toBeLessThanOrEqual(20);
    });
  });

  it('where elements can be had in any order, none is held', async () => {
    let pulled = 0;
    const counted = pipe(
      DS.fromArray(upTo(100)),
      DS.map((n) => {
        pulled++;
        return n;
      }),
      DS.shuffle({ seed: 1 }),
      DS.take(3),
    );
    await elements(counted);
    expect(pulled).toBe(3);
  });

  it('mix draws by weight, resample thins out by class', async () => {
    const of = (name: string, n: number) => DS.fromArray(Array.from({ length: n }, () => name));
    const mixed = await elements(
      DS.mix(
        [
          { data: of('a', 4000), weight: 3 },
          { data: pipe(of('b', 10), DS.repeat()), weight: 1 },
        ],
        { seed: 1 },
      ),
    );
    const share = mixed.filter((x) => x === 'b').length / mixed.length;
    expect(Math.abs(share - 0.25)).toBeLessThan(0.03);
    const both = pipe(of('a', 3000), DS.concat(of('b', 1000)), DS.concat(of('c', 50)));
    const even = await elements(
      pipe(
        both,
        DS.resample({
          classOf: (a: string) => a,
          observed: { a: 3000, b: 1000, c: 50 },
          target: { a: 1, b: 1 },
          seed: 2,
        }),
      ),
    );
    const count = (name: string) => even.filter((x) => x === name).length;
    expect([count('b'), count('c')]).toEqual([1000, 0]);
    expect(Math.abs(count('a') - 1000)).toBeLessThan(120);
    expectError(
      await collect(
        pipe(both, DS.resample({ classOf: (a: string) => a, observed: { a: 1 }, target: { z: 1 }, seed: 2 })),
        undefined,
      ),
      'InvalidArgument',
      "class 'z'",
      'observed were a',
    );
  });
});

describe('batches', () => {
  it('of about the same length', async () => {
    const words = DS.fromArray(['aaaa', 'b', 'cc', 'dddddd', 'e', 'ff', 'gggggg', 'h']);
    const batches = await elements(
      pipe(words, DS.batchByLength({ lengthOf: (w: string) => w.length, boundaries: [1, 4], batchSize: [2, 2, 5] })),
    );
    expect(batches).toEqual([['aaaa', 'cc'], ['b', 'e'], ['h'], ['ff'], ['dddddd', 'gggggg']]);
    const bad = pipe(words, DS.batchByLength({ lengthOf: (w: string) => w.length, boundaries: [4, 1], batchSize: 2 }));
    expectError(await collect(bad, undefined), 'InvalidArgument', 'boundaries[1]', 'rise');
  });

  it('padded behind, in front, cut, and to a multiple', () => {
    const rows = [[1, 2, 3], [4]];
    expect(DS.padded(rows)).toEqual([
      [1, 2, 3],
      [4, 0, 0],
    ]);
    expect(DS.padded(rows, { side: 'start', value: 9 })).toEqual([
      [1, 2, 3],
      [9, 9, 4],
    ]);
    expect(DS.padded(rows, { length: 2, side: 'start' })).toEqual([
      [2, 3],
      [0, 4],
    ]);
    expect(DS.padded(rows, { multipleOf: 4 })).toEqual([
      [1, 2, 3, 0],
      [4, 0, 0, 0],
    ]);
    for (const odd of [{ length: -1 }, { length: Number.POSITIVE_INFINITY }, { length: 1.5 }, { multipleOf: 0 }]) {
      const x = D.ints(['seq'], DS.padded(rows, odd));
      expectError(D.dataset({ x, y: D.ints([], [0, 1]) }), 'Empty', 'x');
    }
  });

  const blocks = (sizes: readonly number[]) => {
    let next = 0;
    return DS.fromArray(
      sizes.map((size) => {
        const values = Array.from({ length: size }, () => next++);
        return right(
          D.dataset({
            x: {
              a: D.floats(
                [2],
                values.flatMap((v) => [v, -v]),
              ),
              b: D.bytes([], values),
            },
            y: D.ints([], values),
          }),
        );
      }),
    );
  };

  it('rebatch keeps samples and their order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 6 }),
        fc.integer({ min: 1, max: 7 }),
        async (sizes, n) => {
          const data = pipe(blocks(sizes), DS.rebatch(n));
          const batches = await elements(data);
          const total = sizes.reduce((a, b) => a + b, 0);
          expect(batches.flatMap(({ y }) => numbers(y))).toEqual(upTo(total));
          expect(batches.flatMap(({ x }) => numbers(x.a))).toEqual(upTo(total).flatMap((v) => [v, -v]));
          expect(batches.map(({ size }) => size)).toEqual(
            upTo(Math.ceil(total / n)).map((i) => Math.min(n, total - i * n)),
          );
          await expectLaws(
            pipe(
              data,
              DS.map(({ y }) => numbers(y)),
            ),
            undefined,
          );
        },
      ),
      { numRuns: 40 },
    );
  });

  it('chunks hold batches of one size, the last one smaller, and say where the next begins', async () => {
    const chunks = await S.runCollect(pipe(blocks([4, 4, 4, 4, 2]), DS.toChunks({ batches: 3 })))(undefined)();
    const seen = right(chunks).map(({ data, batchSize, batches, next }) => [data.size, batchSize, batches, next.at]);
    expect(seen).toEqual([
      [12, 4, 3, 3],
      [6, 4, 2, 5],
    ]);
    const odd = right(await S.runCollect(pipe(blocks([2, 4, 1, 1]), DS.toChunks({ batches: 9 })))(undefined)());
    expect(odd.map(({ data, batchSize }) => [data.size, batchSize])).toEqual([
      [2, 2],
      [5, 4],
      [1, 1],
    ]);
  });

  it('chunks from the middle give the batches that were left', async () => {
    const data = pipe(blocks([3, 3, 3, 3, 1]), DS.shuffle({ seed: 4 }));
    const labels = async (from: DS.Position, batches: number) =>
      right(await S.runCollect(pipe(data, DS.toChunks({ batches, from })))(undefined)()).flatMap((c) =>
        numbers(c.data.y),
      );
    const all = await labels({ pass: 3, at: 0 }, 2);
    const sizes = (await elements(data, 3)).map(({ size }) => size);
    for (let at = 0; at <= 5; at++)
      expect(await labels({ pass: 3, at }, 4)).toEqual(all.slice(sizes.slice(0, at).reduce((a, b) => a + b, 0)));
  });
});

describe('holding', () => {
  it('cache reads a whole pass once, and only then', async () => {
    let runs = 0;
    const source = DS.fromStream(
      S.fromGenerator<unknown, never, number>(async function* () {
        runs++;
        for (const n of upTo(5)) yield E.right(n);
      }),
    );
    const cached = pipe(source, DS.cache());
    await S.runCollect(S.take(2)(cached.open(DS.start)))(undefined)();
    expect(await elements(cached)).toEqual(upTo(5));
    expect(await elements(cached, 1)).toEqual(upTo(5));
    expect(runs).toBe(2);
    const small = pipe(source, DS.cache({ atMost: 4 }));
    await elements(small);
    await elements(small);
    expect(runs).toBe(4);
  });

  it('prefetch is bounded, and closing closes the source', async () => {
    let pulled = 0;
    let closed = 0;
    const source = DS.fromStream(
      S.fromGenerator<unknown, never, number>(async function* () {
        try {
          for (;;) yield E.right(pulled++);
        } finally {
          closed++;
        }
      }),
    );
    const some = await S.runCollect(S.take(2)(pipe(source, DS.prefetch({ capacity: 3 })).open(DS.start)))(undefined)();
    expect(right(some)).toEqual([0, 1]);
    expect(pulled).toBeLessThanOrEqual(6);
    expect(closed).toBe(1);
  });
});

describe('wrong arguments are errors of the stream', () => {
  it.each([
    ['batch', DS.batch(0)],
    ['take', DS.take(-1)],
    ['drop', DS.drop(0.5)],
    ['repeat', DS.repeat(0)],
    ['shuffle', DS.shuffle({ seed: 1, buffer: 0 })],
    ['prefetch', DS.prefetch({ capacity: 0 })],
  ] as const)('%s', async (name, stage) => {
    expectError(await collect((stage as (d: Numbers) => Numbers)(unsized(3)), undefined), 'InvalidArgument', name);
  });

  it('interleave, mix, workers', async () => {
    expectError(await collect(DS.interleave([unsized(2)], { block: 0 }), undefined), 'InvalidArgument', 'block');
    expectError(
      await collect(DS.mix([{ data: unsized(2), weight: -1 }], { seed: 1 }), undefined),
      'InvalidArgument',
      'weight',
    );
    const none = DS.mapInWorkers({ module: 'x', workers: 0, decode: E.right });
    expectError(await collect(none(unsized(2)), undefined), 'InvalidArgument', 'workers');
  });
});
