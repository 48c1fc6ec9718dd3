import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import * as t from 'io-ts';
import { describe, expect, it } from 'vitest';
import * as D from '../../../src/data/Data.ts';
import * as DS from '../../../src/data/DataStream.ts';
import * as S from '../../../src/stream/Stream.ts';
import type { HasFileSystem } from '../../../src/training/Environment.ts';
import { collect, expectLaws } from '../streamed/support.ts';
import { expectError, left, memory, right } from '../support.ts';

const AB = t.type({ a: D.numberFromCsv, b: t.string });
const utf8 = (text: string) => new TextEncoder().encode(text);
/** A file in pieces of this many bytes, as a disk with small blocks would give it. */
const pieces = (bytes: Uint8Array, size: number): D.TextSource<unknown, never> => ({
  name: 'f',
  bytes: S.fromGenerator(async function* () {
    for (let i = 0; i < bytes.length; i += size) yield E.right(bytes.subarray(i, i + size));
  }),
});
const none = memory({});
const read = <Err, A>(data: DS.DataStream<HasFileSystem, Err, A>) => collect(data, none);
const csvOf = (text: string | Uint8Array, options: D.CsvRowsOptions = {}, size = 7) =>
  read(D.csvRows(pieces(typeof text === 'string' ? utf8(text) : text, size), AB, options));

describe('csvRows', () => {
  it('gives the rows of parseCsv, however the bytes are cut', async () => {
    const cell = fc.oneof(fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', 'é', '\ufeff') }), fc.string());
    const quote = (s: string) => `"${s.replaceAll('"', '""')}"`;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer(), cell), { minLength: 1 }),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.integer({ min: 1, max: 40 }),
        fc.boolean(),
        async (rows, end, size, isLastEnded) => {
          const text = ['a,b', ...rows.map(([a, b]) => `${a},${quote(b)}`)].join(end) + (isLastEnded ? end : '');
          expect(await csvOf(text, {}, size)).toEqual(D.parseCsv(AB)(text));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('reads TSV, gzip, files without header, and a byte order mark', async () => {
    const expected = E.right([
      { a: 1, b: 'x' },
      { a: 2, b: '' },
    ]);
    expect(await csvOf('\ufeffa,b\n1,x\n\n2,\n')).toEqual(expected);
    expect(await csvOf('b\ta\nx\t1\n\t2', { delimiter: '\t' })).toEqual(expected);
    expect(await csvOf('1,x\n2,', { header: ['a', 'b'] })).toEqual(expected);
    expect(await csvOf(new Uint8Array(gzipSync('a,b\n1,x\n2,')), {}, 5)).toEqual(expected);
    const file = memory({ 'f.csv': utf8('a,b\n1,x\n2,') });
    expect(await collect(D.csvRows('f.csv', AB), file)).toEqual(expected);
    await expectLaws(D.csvRows('f.csv', AB), file, 1);
  });

  it('stops at a bad row with its file, line and column; rows before it have been given', async () => {
    const text = 'a,b\n1,x\n"2\n",y\nz,"q\nq"\n4,w\n';
    expectError(
      await csvOf(text),
      'InvalidRow',
      'f: line 5: column 1 "a": expected a number such as 3.5 or -1e-3, got "z"',
    );
    const seen: unknown[] = [];
    const rows = D.csvRows(pieces(utf8('a,b\n1,x\nz,y\n'), 3), AB);
    const end = await S.runForEach((row: unknown) => () => TE.fromIO(() => void seen.push(row)))(rows.open(DS.start))(
      none,
    )();
    expect(seen).toEqual([{ a: 1, b: 'x' }]);
    expectError(end as E.Either<D.DataError, void>, 'InvalidRow', 'line 3', 'column 1 "a"', 'got "z"');
    expectError(await csvOf('a,b\n1\n'), 'InvalidRow', 'line 2: expected 2 fields, as in the header, got 1');
  });

  it('counts lines through quotes, CRLF and blank lines, in blocks of any size', async () => {
    const text = 'a,b\r\n1,"x\r\ny"\r\n\r\n2,z\r\nbad,w\r\n';
    for (const size of [1, 2, 3, 5, 8, 100]) expectError(await csvOf(text, {}, size), 'InvalidRow', 'f: line 6:');
  });

  it('skips bad rows and tells how many, up to a number', async () => {
    const told: number[] = [];
    const skip = (count: number) => () => void told.push(count);
    const text = 'a,b\n1,x\nz,y\nz\n4,w\n';
    expect(await csvOf(text, { onBadRow: { skip } })).toEqual(
      E.right([
        { a: 1, b: 'x' },
        { a: 4, b: 'w' },
      ]),
    );
    expect(told).toEqual([2]);
    expectError(await csvOf(text, { onBadRow: { skip, atMost: 1 } }), 'InvalidRow', 'line 4');
    await expectLaws(D.csvRows(pieces(utf8(text), 4), AB, { onBadRow: { skip } }), none);
  });

  it('hands bad rows to a side channel, whose errors are those of the stream', async () => {
    const bad: D.InvalidRow[] = [];
    const rows = D.csvRows(pieces(utf8('a,b\nz,y\n4,w\n'), 4), AB, {
      onBadRow: { report: (row) => () => TE.fromIO(() => void bad.push(row)) },
    });
    expect(await read(rows)).toEqual(E.right([{ a: 4, b: 'w' }]));
    expect(bad.map(({ line, issues }) => [line, issues[0]?.column])).toEqual([[2, { name: 'a', number: 1 }]]);
    const failing = D.csvRows(pieces(utf8('a,b\nz,y\n'), 4), AB, {
      onBadRow: { report: () => () => TE.left('full' as const) },
    });
    expect(await read(failing)).toEqual(E.left('full'));
  });

  it('refuses what is wrong with the file as a whole', async () => {
    expectError(await csvOf(''), 'Empty', 'header');
    expectError(await csvOf('a,a\n1,2\n'), 'CsvHeader', 'columns 1, 2');
    expectError(
      await csvOf('a,c\n1,2\n', { onBadRow: { skip: () => () => undefined } }),
      'CsvHeader',
      'expected the column "b"',
    );
    expectError(await csvOf('a,b\n1,x\n2,"y\n3,z\n'), 'CsvSyntax', 'f: line 3: Quote Not Closed;', 'never closed');
    expectError(await csvOf('a"b\n1"x\n', { delimiter: '"' }), 'InvalidArgument', 'csvRows: delimiter', 'a quote');
    expectError(await csvOf('a,b\n1,x\n2,y"z\n3,w\n'), 'CsvSyntax', 'f: line 3', 'quote the whole field');
    expectError(await csvOf(Uint8Array.of(0x61, 0x0a, 0xff, 0x0a)), 'CsvSyntax', 'UTF-8');
    expectError(
      await csvOf('a,b\n1,"xxxxxxxxxxxxxxxxxxxxx\n2,y\n3,y\n', { maxRecord: 20 }),
      'InvalidFile',
      'f: line 2: a quote',
      '20 bytes',
    );
    expectError(await csvOf('a,b\n', { delimiter: '' }), 'InvalidArgument', 'delimiter');
    expectError(await collect(D.csvRows('none.csv', AB), none), 'IoError' as never, 'none.csv');
  });

  it('tells of gzip that is cut off or damaged, and never hangs or throws on it', async () => {
    const rows = Array.from({ length: 2000 }, (_, i) => `${i},${i * i}`).join('\n');
    const packed = new Uint8Array(gzipSync(`a,b\n${rows}\n`));
    expectError(
      await csvOf(packed.subarray(0, packed.length - 20), {}, 999),
      'InvalidFile',
      'f: the gzip data are damaged or cut off',
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(packed.length - 1), fc.nat(255), async (at, to) => {
        const result = await csvOf(packed.with(at, to), {}, 999);
        if (E.isLeft(result)) expect(left(result).message.length).toBeGreaterThan(10);
        else expect(result.right.length).toBe(2000);
      }),
      { numRuns: 60 },
    );
  });

  it('text of any kind gives rows or an error', async () => {
    const char = fc.constantFrom('a', '1', ',', '"', '\n', '\r', ' ', 'é');
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: char, maxLength: 60 }), fc.integer({ min: 1, max: 9 }), async (text, size) => {
        const whole = D.parseCsv(AB)(`a,b\n${text}`);
        const rows = await csvOf(`a,b\n${text}`, {}, size);
        if (E.isRight(whole)) expect(rows).toEqual(whole);
        else if (E.isRight(rows)) expect(rows.right).toEqual([]);
      }),
      { numRuns: 400 },
    );
  });
});

describe('textLines', () => {
  it('gives the lines, however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: fc.constantFrom('a', '"', 'é', '😀', ' ') }), { minLength: 1 }),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.integer({ min: 1, max: 9 }),
        async (lines, end, size) => {
          const text = lines.map((line) => `${line}${end}`).join('');
          expect(await read(D.textLines(pieces(utf8(text), size)))).toEqual(E.right(lines));
          const open = await read(D.textLines(pieces(utf8(`${text}x`), size)));
          expect(open).toEqual(E.right([...lines, 'x']));
        },
      ),
      { numRuns: 100 },
    );
  });

  it('holds the file back: no more is read than is asked for', async () => {
    let reads = 0;
    const endless: D.TextSource<unknown, never> = {
      name: 'endless',
      bytes: S.fromGenerator(async function* () {
        for (;;) {
          reads++;
          yield E.right(utf8('line\nline\n'));
        }
      }),
    };
    const some = await S.runCollect(S.take(5)(D.textLines(endless).open(DS.start)))(none)();
    expect(right(some)).toHaveLength(5);
    expect(reads).toBeLessThanOrEqual(4);
  });
});

describe('jsonLines', () => {
  const Review = t.type({ text: t.string, stars: t.array(t.number) });
  const json = (text: string, options: D.RowOptions = {}) => read(D.jsonLines(pieces(utf8(text), 6), Review, options));

  it('round-trips', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ text: fc.string(), stars: fc.array(fc.integer()) })), async (reviews) => {
        expect(await json(reviews.map((r) => JSON.stringify(r)).join('\n\n'))).toEqual(E.right(reviews));
      }),
      { numRuns: 60 },
    );
  });

  it('tells line and path of what does not fit', async () => {
    const good = '{"text":"x","stars":[1]}';
    expectError(
      await json(`${good}\n{"text":"x","stars":[1,"2"]}`),
      'InvalidRow',
      'f: line 2: column "stars[1]": expected number, got "2"',
    );
    expectError(await json(`${good}\n\n{"text":`), 'InvalidRow', 'f: line 3: expected one JSON value (');
    expectError(await json('{"stars":[]}'), 'InvalidRow', 'column "text": expected string, got undefined');
    const skipped: number[] = [];
    const lax = await json(`oops\n${good}\n[]\n`, { onBadRow: { skip: (count) => () => void skipped.push(count) } });
    expect([right(lax).length, skipped]).toEqual([1, [2]]);
  });

  it('mutated files, packed and plain, give rows or an error with the file in its message', async () => {
    const plain = utf8(Array.from({ length: 8 }, (_, i) => `{"text":"réview ${i}","stars":[${i},2]}`).join('\n'));
    for (const whole of [plain, new Uint8Array(gzipSync(plain))])
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 4 }),
          fc.nat(whole.length),
          async (changes, end) => {
            const mutated = Uint8Array.from(whole);
            for (const [at, to] of changes) mutated[at] = to;
            const source = pieces(mutated.subarray(0, end), 50);
            for (const result of [
              await read(D.jsonLines(source, Review)),
              await read(D.jsonLines(source, Review, { onBadRow: { skip: () => () => undefined } })),
            ])
              if (E.isLeft(result)) expect(result.left.message).toMatch(/^f: /);
              else expect(result.right.length).toBeLessThanOrEqual(9);
          },
        ),
        { numRuns: 60 },
      );
  });
});

describe('fromAsyncIterable', () => {
  const Person = t.type({ age: t.number });
  it('gives decoded rows of anything that iterates, and closes it', async () => {
    let closed = 0;
    const cursor = function* () {
      try {
        for (let age = 0; ; age++) yield { age };
      } finally {
        closed++;
      }
    };
    const people = D.fromAsyncIterable(cursor, Person, { name: 'person' });
    expect(right(await S.runCollect(S.take(3)(people.open(DS.start)))(none)())).toEqual([
      { age: 0 },
      { age: 1 },
      { age: 2 },
    ]);
    expect(closed).toBe(1);
    await expectLaws(
      D.fromAsyncIterable(() => [{ age: 1 }, { age: 2 }], Person, { size: 2 }),
      none,
    );
  });

  it('tells the row that does not fit, and what the source throws', async () => {
    expectError(
      await read(D.fromAsyncIterable(() => [{ age: 1 }, { age: 'x' }], Person, { name: 'person' })),
      'InvalidRow',
      'person: row 2: column "age"',
    );
    const broken = D.fromAsyncIterable(
      async function* () {
        yield { age: 1 };
        throw new Error('connection lost');
      },
      Person,
      { name: 'person' },
    );
    expectError(await read(broken), 'SourceFailed', 'person: the source failed: connection lost');
  });

  it('goes from rows to batches with the shapes in their types', async () => {
    const rows = D.csvRows(pieces(utf8('a,b\n1,x\n2,y\n3,z\n'), 4), AB);
    const batches = pipe(
      rows,
      DS.batch(2),
      DS.mapEither((some) =>
        D.dataset({
          x: D.floats(
            [1],
            some.map(({ a }) => a),
          ),
          y: D.ints(
            [],
            some.map(() => 0),
          ),
        }),
      ),
    );
    expect(right(await read(batches)).map(({ x }) => x.shape)).toEqual([
      [2, 1],
      [1, 1],
    ]);
  });
});
