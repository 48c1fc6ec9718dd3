import fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { parquetWriteBuffer } from 'hyparquet-writer';
import * as t from 'io-ts';
import { describe, expect, it } from 'vitest';
import * as D from '../../../src/data/Data.ts';
import { collect } from '../streamed/support.ts';
import { memory } from '../support.ts';

const numbers = Array.from({ length: 300 }, (_, i) => i);
const file = new Uint8Array(
  parquetWriteBuffer({
    columnData: [
      { name: 'name', data: numbers.map((i) => `n${i % 4}`), type: 'STRING' },
      { name: 'age', data: numbers, type: 'INT32' },
      { name: 'weight', data: numbers.map((i) => (i % 3 ? i / 2 : null)), type: 'DOUBLE', nullable: true },
    ],
  }),
);

describe('mutated Parquet files', () => {
  it('give rows or an error: no crash, no end of memory', async () => {
    const outcomes = { rows: 0, errors: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        async (changes) => {
          const mutated = Uint8Array.from(file);
          for (const [at, to] of changes) mutated[at] = to;
          const result = await collect(
            D.parquet('f', t.UnknownRecord, { memory: 128, timeout: 3000 }),
            memory({ f: mutated }),
          );
          if (E.isLeft(result)) outcomes.errors++;
          else outcomes.rows++;
          if (E.isLeft(result)) expect(result.left.message).toMatch(/^f: /);
        },
      ),
      { numRuns: 150 },
    );
    expect(Math.min(outcomes.rows, outcomes.errors)).toBeGreaterThan(10);
    expect(process.memoryUsage().heapUsed).toBeLessThan(500 * 2 ** 20);
  });
});
