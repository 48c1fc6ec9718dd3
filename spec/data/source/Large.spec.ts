import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { describe, expect, it } from 'vitest';
import * as D from '../../../src/data/Data.ts';
import * as DS from '../../../src/data/DataStream.ts';
import { memory } from '../support.ts';
import { Row, source } from './Large.ts';

describe('a large CSV file', () => {
  it('is read no further than what is held: some blocks, and the elements of shuffle, batch and prefetch', async () => {
    const block = 16_384;
    let made = 0;
    const count = (bytes: number) => {
      made = bytes;
    };
    const batches = pipe(
      D.csvRows(source(2 ** 20, block, count), Row),
      DS.shuffle({ seed: 1, buffer: 300 }),
      DS.batch(50),
      DS.prefetch({ capacity: 2 }),
    );
    let rows = 0;
    let ahead = 0;
    for await (const e of batches.open(DS.start)(memory({}))) {
      if (E.isLeft(e)) throw new Error(e.left.message);
      rows += e.right.length;
      // A row has at most 45 bytes.
      ahead = Math.max(ahead, made - rows * 45);
    }
    expect(rows).toBeGreaterThan(20_000);
    expect(ahead).toBeLessThan((300 + 4 * 50) * 45 + 2 * block);
  });
});
