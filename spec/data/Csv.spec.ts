import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as t from 'io-ts';
import { describe, expect, it } from 'vitest';
import * as D from '../../src/data/Data.ts';
import { expectError, left, memory, numbers, right, throwing } from './support.ts';

const AB = t.type({ a: D.numberFromCsv, b: t.string });
const text = (s: string) => new TextEncoder().encode(s);
const parse = (s: string | Uint8Array, options: D.CsvOptions = {}) => D.parseCsv(AB, options)(s);

const yeast = new URL('../../examples/data/yeast.csv', import.meta.url);
const Yeast = D.row({
  labels: D.columns(D.numbered('label', 14), D.integerFromCsv),
  features: D.columns(D.numbered('x', 103), D.numberFromCsv),
});

describe('numberFromCsv', () => {
  it('takes decimal numbers and nothing else', () => {
    for (const good of ['0', '-1', '+2.5', ' 3 ', '.5', '5.', '1e3', '-1.25E-7']) {
      expect(D.numberFromCsv.decode(good)).toEqual(E.right(Number(good)));
    }
    for (const bad of ['', ' ', 'NA', 'NaN', 'Infinity', '1e999', '0x10', '1,5', '1 2', '--1', 'e5', 7, null]) {
      expect(E.isLeft(D.numberFromCsv.decode(bad))).toBe(true);
    }
  });

  it('round-trips every finite number', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) => {
        expect(D.numberFromCsv.is(x)).toBe(true);
        expect(right(D.numberFromCsv.decode(D.numberFromCsv.encode(x)))).toBe(x === 0 ? 0 : x);
      }),
    );
    expect(D.numberFromCsv.is(Number.NaN)).toBe(false);
  });
});

describe('other codecs', () => {
  it('integers and categories refuse what they are not', () => {
    expect(D.integerFromCsv.decode('7.0')).toEqual(E.right(7));
    expect(E.isLeft(D.integerFromCsv.decode('7.5'))).toBe(true);
    const Kind = D.categoryFromCsv(['ham', 'spam']);
    expect(Kind.decode('spam')).toEqual(E.right(1));
    expect(Kind.encode(0)).toBe('ham');
    expect([Kind.is(1), Kind.is(2)]).toEqual([true, false]);
    expectError(D.parseCsv(t.type({ a: Kind }))('a\neggs'), 'CsvRows', 'expected one of "ham", "spam", got "eggs"');
  });

  it('a cell that may be missing is null where the text says so, and else the cell', () => {
    const Row = t.type({ age: D.nullableFromCsv(D.numberFromCsv), town: D.nullableFromCsv(t.string, ['NA', '']) });
    const rows = right(D.parseCsv(Row)('age,town\n 3,Cork\n ,NA\n0,\n'));
    expect(rows).toEqual([
      { age: 3, town: 'Cork' },
      { age: null, town: null },
      { age: 0, town: null },
    ]);
    expect(rows.map(Row.encode)).toEqual([
      { age: '3', town: 'Cork' },
      { age: '', town: 'NA' },
      { age: '0', town: 'NA' },
    ]);
    expect(rows.every(Row.is)).toBe(true);
    expectError(D.parseCsv(Row)('age,town\nNA,Cork\n'), 'CsvRows', 'a number such as');
    // A column that is not there is not missing cells.
    expectError(D.parseCsv(Row)('age\n3\n'), 'CsvHeader', 'town');
  });

  it('row and columns round-trip', () => {
    const Row = D.row({ xs: D.columns(['x1', 'x2'], D.numberFromCsv), name: D.column('Name', t.string) });
    const value = { xs: [1, 2.5], name: 'n' };
    expect(Row.encode(value)).toEqual({ x1: '1', x2: '2.5', Name: 'n' });
    expect(Row.decode(Row.encode(value))).toEqual(E.right(value));
    expect([Row.is(value), Row.is({ xs: [1], name: 'n' }), Row.is(null)]).toEqual([true, false, false]);
    expect(D.numbered('x', 3, 0)).toEqual(['x0', 'x1', 'x2']);
  });
});

describe('parseCsv', () => {
  it('reads quotes, CRLF, CR, a byte order mark, blank lines and other delimiters', () => {
    const expected = [
      { a: 1, b: 'x, "y"' },
      { a: 2, b: '' },
    ];
    expect(parse('a,b\n1,"x, ""y"""\n2,\n')).toEqual(E.right(expected));
    expect(parse('\ufeffa,b\r\n\r\n1,"x, ""y"""\r\n2,')).toEqual(E.right(expected));
    expect(parse('a,b\r1,"x, ""y"""\r2,\r')).toEqual(E.right(expected));
    expect(parse(text('b\ta\n"x, ""y"""\t1\n\t2\n'), { delimiter: '\t' })).toEqual(E.right(expected));
    expect(parse('1,é\n', { header: ['a', 'b'] })).toEqual(E.right([{ a: 1, b: 'é' }]));
    expect(parse(`a,b\n1,${'x'.repeat(200_000)}`)).toEqual(E.right([{ a: 1, b: 'x'.repeat(200_000) }]));
  });

  it('round-trips any text in quotes', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer(), fc.string({ unit: 'binary' })), { minLength: 1 }), (rows) => {
        const quote = (s: string) => `"${s.replaceAll('"', '""')}"`;
        const csv = `a,b\n${rows.map(([a, b]) => `${a},${quote(b)}`).join('\n')}`;
        expect(parse(csv)).toEqual(E.right(rows.map(([a, b]) => ({ a: a === 0 ? 0 : a, b }))));
      }),
    );
  });

  it('names line, column and text of each issue', () => {
    const error = left(parse('a,b\n1,x\nn/a,y\n\n,z\n'));
    expect(error).toMatchObject({ _tag: 'CsvRows', total: 2 });
    expect(error.message).toContain('line 3, column 1 "a": expected a number such as 3.5 or -1e-3, got "n/a"');
    expect(error.message).toContain('line 5, column 1 "a": expected a number such as 3.5 or -1e-3, got ""');
  });

  it('counts lines as an editor does, whatever the line ends and however long quoted fields are', () => {
    const end = fc.constantFrom('\n', '\r\n');
    const line = fc.tuple(fc.array(end, { maxLength: 3 }), fc.nat({ max: 3 }), end);
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), end, (before, headerEnd) => {
        const rows = before.map(([blank, inner, last]) => `${blank.join('')}1,"${`y${last}`.repeat(inner)}"${last}`);
        const head = `a,b${headerEnd}${rows.join('')}`;
        const issue = left(parse(`${head}oops,z`));
        const expected = head.split(/\r\n|\n/).length;
        expect(issue.message).toContain(`line ${expected}, column 1 "a"`);
      }),
    );
  });

  it('lists as many issues as asked for and tells the total', () => {
    const rows = `a,b\n${'x,y\n'.repeat(100)}`;
    const error = left(parse(rows));
    expect(error).toMatchObject({ total: 100 });
    expect(error._tag === 'CsvRows' && error.issues.length).toBe(20);
    expect(error.message).toContain('and 80 more');
    const few = left(parse(rows, { maxIssues: 2 }));
    expect(few._tag === 'CsvRows' && few.issues.map(({ line }) => line)).toEqual([2, 3]);
  });

  it('accumulates several issues of one row, and ragged rows among them', () => {
    const Both = t.intersection([t.type({ a: D.numberFromCsv }), t.type({ b: D.numberFromCsv })]);
    const error = left(D.parseCsv(Both, { name: 'two.csv' })('a,b\nx,y\n1\n1,2,3\n'));
    expect(error).toMatchObject({
      file: 'two.csv',
      total: 4,
      issues: [
        { line: 2, column: { name: 'a', number: 1 } },
        { line: 2, column: { name: 'b', number: 2 } },
        { line: 3, column: undefined },
        { line: 4, column: undefined },
      ],
    });
    expect(error.message).toContain('line 3: expected 2 fields, as in the header, got 1: "1"');
  });

  it('tells a missing column once, and what the header has', () => {
    expectError(parse('A,b\n1,x\n2,y'), 'CsvHeader', 'the column "a"', 'the header has "A", "b"', 'case');
    expectError(parse('1,2\n3,4'), 'CsvHeader', 'the columns "a", "b"', 'looks like data');
    expectError(D.parseCsv(Yeast)('x1\n1'), 'CsvHeader', 'and 108 more');
  });

  it('refuses column names that are there twice, no header, no rows', () => {
    expectError(parse('a,b,a\n1,2,3'), 'CsvHeader', '"a" in columns 1, 3');
    expectError(parse(''), 'Empty', 'header');
    expectError(parse('\ufeff\n\n'), 'Empty', 'header');
    expectError(parse('a,b\n'), 'Empty', 'row after the header');
  });

  it('a codec that throws refuses the row', () => {
    expectError(D.parseCsv(throwing)('a,b\n1,2\n'), 'CsvRows', 'csv', 'line 2', 'it threw: Error: boom', '"1,2"');
  });

  it('refuses broken quotes and bytes that are no text, with the line', () => {
    expectError(parse('a,b\n1,2\n1,"x\n2,y\n3,z'), 'CsvSyntax', 'csv: line 3: Quote Not Closed;', 'never closed');
    for (const delimiter of ['', ';;', '"', '\n'])
      expectError(D.parseCsv(t.UnknownRecord, { delimiter })('a'), 'InvalidArgument', 'one character', 'line end');
    expectError(parse('a,b\n1,x\n1,"x"y\n'), 'CsvSyntax', 'line 3');
    expectError(parse('a,b\n1,x"y\n'), 'CsvSyntax', 'line 2', 'quote the whole field');
    expectError(parse(Uint8Array.of(0x1f, 0x8b, 0xff)), 'CsvSyntax', 'not UTF-8');
    expect(E.isLeft(parse('a,b\n1,2', { delimiter: '' }))).toBe(true);
  });

  it('takes columns of any name', () => {
    const Odd = D.columns(['__proto__', 'constructor', ''], D.numberFromCsv);
    expect(D.parseCsv(Odd)('__proto__,constructor,\n1,2,3')).toEqual(E.right([[1, 2, 3]]));
    expectError(D.parseCsv(t.type({ toString: t.string }))('a\n1'), 'CsvHeader', '"toString"');
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(parse(bytes)).toHaveProperty('_tag');
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab1,"\r\n') }), (s) => {
        expect(parse(s)).toHaveProperty('_tag');
      }),
    );
  });
});

describe('csv', () => {
  it('reads through the environment; errors carry the path', async () => {
    const files = memory({ 'ok.csv': text('a,b\n1,x'), 'bad.csv': text('a,b\nq,x') });
    expect(await D.csv('ok.csv', AB)(files)()).toEqual(E.right([{ a: 1, b: 'x' }]));
    expectError(await D.csv('bad.csv', AB)(files)(), 'CsvRows', 'bad.csv', 'line 2, column 1');
    expectError(await D.csv('none.csv', AB)(files)(), 'IoError', 'none.csv');
  });

  it('makes a data set of the whole yeast file', async () => {
    const load = pipe(
      D.csv('yeast.csv', Yeast),
      RTE.chainEitherKW((rows) =>
        D.dataset({
          x: D.floats(
            [103],
            rows.map((r) => r.features),
          ),
          y: D.floats(
            [14],
            rows.map((r) => r.labels),
          ),
        }),
      ),
    );
    const data = right(await load(memory({ 'yeast.csv': new Uint8Array(readFileSync(yeast)) }))());
    expect(data.x.shape).toEqual([2417, 103]);
    expect(data.y.shape).toEqual([2417, 14]);
    expect(numbers(data.y).slice(0, 14)).toEqual([0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(data.x.data[0]).toBe(Math.fround(0.0937));
  });

  it('finds the one damaged cell of the yeast file', () => {
    const lines = readFileSync(yeast, 'utf8').split('\n');
    const cells = (lines[999] ?? '').split(',');
    cells[20] = 'NA';
    lines[999] = cells.join(',');
    const error = left(D.parseCsv(Yeast, { name: 'yeast.csv' })(lines.join('\n')));
    expect(error.message).toBe(
      'yeast.csv: 1 value does not fit the row codec\n' +
        '  line 1000, column 21 "x7": expected a number such as 3.5 or -1e-3, got "NA"',
    );
  });
});
