import { describe, expect, it } from 'vitest';
import { measure } from './Large.ts';

describe('a very large CSV file', () => {
  it('takes no more memory than a small one', async () => {
    const small = await measure(20 * 2 ** 20);
    const large = await measure(200 * 2 ** 20);
    console.log(
      `${large.rows} rows: ${large.mebibytes.toFixed(0)} MiB; ${small.rows} rows: ${small.mebibytes.toFixed(0)} MiB`,
    );
    expect(large.rows).toBeGreaterThan(9 * small.rows);
    expect(large.mebibytes).toBeLessThan(2 * small.mebibytes + 50);
  });
});
