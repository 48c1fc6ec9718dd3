import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as t from 'io-ts';
import { describe, expect, it } from 'vitest';
import type * as D from '../../../src/data/Data.ts';
import * as DS from '../../../src/data/DataStream.ts';
import * as S from '../../../src/stream/Stream.ts';
import { expectError, right } from '../support.ts';
import { collect } from './support.ts';

const Result = t.type({ doubled: t.number, index: t.number, seed: t.number, pixels: t.unknown });
const Part = t.type({ bytes: t.number, sum: t.number, part: t.unknown });
const module = new URL('./double.js', import.meta.url);
const inWorkers = DS.mapInWorkers({ module, workers: 2, seed: 7, decode: Result.decode });
const numbers = DS.fromArray([0, 1, 2, 3, 4, 5, 6, 7]);

describe('mapInWorkers', () => {
  it('keeps the order, gives each element its number and a seed, and goes on in the middle', async () => {
    const data = pipe(numbers, inWorkers);
    const all = right(await collect(data, undefined));
    expect(all.map(({ doubled }) => doubled)).toEqual([0, 2, 4, 6, 8, 10, 12, 14]);
    expect(all.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(new Set(all.map(({ seed }) => seed)).size).toBe(8);
    expect(all[3]?.pixels).toEqual(Uint8Array.of(3, 3));
    expect(right(await collect(data, undefined, { pass: 0, at: 5 }))).toEqual(all.slice(5));
    const picked = await S.runCollect(data.pick?.(0, [6, 1]) ?? S.empty)(undefined)();
    expect(right(picked)).toEqual([all[6], all[1]]);
  });

  it('holds the source back', async () => {
    let pulled = 0;
    const endless = DS.fromStream(
      S.fromGenerator<unknown, never, number>(async function* () {
        for (;;) yield E.right(pulled++ % 5);
      }),
    );
    const data = pipe(endless, DS.mapInWorkers({ module, workers: 1, capacity: 3, decode: Result.decode }));
    await S.runCollect(S.take(4)(data.open(DS.start)))(undefined)();
    expect(pulled).toBeLessThanOrEqual(7);
  });

  it('sends of a view of a large array its own part, there and back', async () => {
    const data = Float32Array.from({ length: 40_000 }, (_, i) => i);
    const parts = pipe(
      DS.fromArray([0, 1, 2, 3]),
      DS.map((i) => [{ data: data.subarray(10 * i, 10 * i + 10), of: { more: Buffer.from('abc') } }]),
      DS.mapInWorkers({ module: new URL('./part.js', import.meta.url), workers: 1, decode: Part.decode }),
    );
    const all = right(await collect(parts, undefined));
    expect(all.map(({ bytes, sum }) => [bytes, sum])).toEqual([0, 1, 2, 3].map((i) => [40, 100 * i + 45]));
    expect(all[2]?.part).toEqual(Float64Array.of(20, 20));
    for (const { part } of all) expect((part as Float64Array).buffer.byteLength).toBe(16);
  });

  it('tells what the function throws, a thread that ends, and a module that is not there', async () => {
    const of = (n: number) => collect(pipe(DS.fromArray([1, n]), inWorkers), undefined);
    expectError((await of(13)) as E.Either<D.DataError, unknown>, 'WorkerFailed', 'element 1: unlucky');
    expectError((await of(14)) as E.Either<D.DataError, unknown>, 'WorkerFailed', 'element 1', 'code 3');
    const missing = DS.mapInWorkers({ module: '/nowhere.js', workers: 1, decode: E.right });
    expectError(await collect(missing(numbers), undefined), 'WorkerFailed', 'element 0', 'nowhere.js');
    const refused = await collect(
      pipe(numbers, DS.mapInWorkers({ module, workers: 1, decode: t.string.decode })),
      undefined,
    );
    expect(E.isLeft(refused)).toBe(true);
  });
});
