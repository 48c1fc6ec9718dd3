import { parquetWriteBuffer } from 'hyparquet-writer';
import * as t from 'io-ts';
import { describe, expect, it } from 'vitest';
import * as D from '../../../src/data/Data.ts';
import { collect, expectLaws } from '../streamed/support.ts';
import { expectError, memory, right } from '../support.ts';

const COUNT = 25;
const file = new Uint8Array(
  parquetWriteBuffer({
    columnData: [
      { name: 'name', data: Array.from({ length: COUNT }, (_, i) => `n${i % 4}`), type: 'STRING' },
      { name: 'age', data: Array.from({ length: COUNT }, (_, i) => i), type: 'INT32' },
      { name: 'id', data: Array.from({ length: COUNT }, (_, i) => BigInt(i)), type: 'INT64' },
      {
        name: 'weight',
        data: Array.from({ length: COUNT }, (_, i) => (i === 20 ? null : i / 2)),
        type: 'DOUBLE',
        nullable: true,
      },
    ],
    rowGroupSize: 10,
  }),
);
const Row = t.type({ name: t.string, age: t.number, id: D.integerFromParquet, weight: t.union([t.number, t.null]) });
const env = memory({ 'f.parquet': file });
const expected = Array.from({ length: COUNT }, (_, i) => ({
  name: `n${i % 4}`,
  age: i,
  id: i,
  weight: i === 20 ? null : i / 2,
}));

describe('parquet', () => {
  it('gives decoded rows, over groups', async () => {
    expect(right(await collect(D.parquet('f.parquet', Row), env))).toEqual(expected);
  });

  it('goes on from the middle of a group', async () => {
    const data = D.parquet('f.parquet', Row);
    for (const at of [1, 10, 17, 25])
      expect(right(await collect(data, env, { pass: 0, at }))).toEqual(expected.slice(at));
  });

  it('reads columns by name, and tells of those that are not there', async () => {
    const ages = D.parquet('f.parquet', t.type({ age: t.number }), { columns: ['age'] });
    expect(right(await collect(ages, env)).slice(0, 2)).toEqual([{ age: 0 }, { age: 1 }]);
    expectError(
      await collect(D.parquet('f.parquet', Row, { columns: ['agee'] }), env),
      'InvalidFile',
      'agee',
      'name, age, id, weight',
    );
  });

  it('tells the row and column that do not fit, or passes over them', async () => {
    const Strict = t.type({ weight: t.number });
    expectError(
      await collect(D.parquet('f.parquet', Strict), env),
      'InvalidRow',
      'f.parquet: row 21: column "weight": expected number, got null',
    );
    const told: number[] = [];
    const lax = D.parquet('f.parquet', Strict, { onBadRow: { skip: (count) => () => void told.push(count) } });
    expect(right(await collect(lax, env)).length).toBe(24);
    expect(told).toEqual([1]);
    expect(right(await collect(lax, env, { pass: 0, at: 22 })).length).toBe(2);
  });

  it('laws hold for a small file', async () => {
    const small = memory({
      's.parquet': new Uint8Array(parquetWriteBuffer({ columnData: [{ name: 'a', data: [1, 2], type: 'INT32' }] })),
    });
    await expectLaws(D.parquet('s.parquet', t.type({ a: t.number })), small);
  });

  it('garbage and cut files are errors', async () => {
    const read = (bytes: Uint8Array) => collect(D.parquet('f', Row), memory({ f: bytes }));
    expectError(await read(new Uint8Array(100)), 'InvalidFile', 'f: it cannot be read as Parquet');
    expectError(await read(file.subarray(0, 200)), 'InvalidFile', 'footer');
    expectError(await read(new Uint8Array(3)), 'InvalidFile', 'f:');
    expectError(await collect(D.parquet('none', Row), env), 'IoError' as never, 'none');
  });
});
