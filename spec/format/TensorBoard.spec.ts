/** Event files byte for byte as Google's protobuf writes them, and records that notice every change. */
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import * as TB from '../../src/format/TensorBoard.ts';
import * as Record from '../../src/format/TensorBoardRecord.ts';

interface Golden {
  readonly checksums: readonly { readonly bytes: string; readonly crc32c: number; readonly masked: number }[];
  readonly events: readonly { readonly event: TB.TensorBoardEvent; readonly record: string }[];
}

const golden = JSON.parse(
  readFileSync(new URL('../golden/tensorboard.json', import.meta.url), 'utf8'),
) as unknown as Golden;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('checksums', () => {
  it('are those of RFC 3720 and of a bitwise implementation', () => {
    for (const { bytes, crc32c, masked } of golden.checksums) {
      const data = Uint8Array.from(Buffer.from(bytes, 'hex'));
      expect(Record.crc32c(data)).toBe(crc32c);
      expect(Record.masked(Record.crc32c(data))).toBe(masked);
    }
    expect(Record.crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(Record.crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
  });
});

describe('events', () => {
  it.each(golden.events.map(({ event, record }, i) => [`${i} ${event._tag}`, event, record] as const))(
    '%s is as protobuf writes it',
    (_, event, record) => {
      expect(hex(TB.encode(event))).toBe(record);
    },
  );

  it('of one file are in a name that sorts by time', () => {
    const names = [5, 1_700_000_000_001, 1_700_000_000_020, 1_700_000_001_000].map(TB.fileName);
    expect([...names].sort()).toEqual(names);
    expect(names[1]).toBe('events.out.tfevents.1700000000.001.grad-ts');
  });
});

describe('records', () => {
  const records = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 5 });
  const join = (all: readonly Uint8Array[]) => Uint8Array.from(all.flatMap((r) => [...Record.encode(r)]));

  it('come back as they were', () =>
    fc.assert(
      fc.property(records, (all) => {
        const back = Record.decode(join(all));
        expect(E.isRight(back) && back.right.map(hex)).toEqual(all.map(hex));
      }),
    ));

  it('show every change of a byte, and every cut but those between records', () =>
    fc.assert(
      fc.property(records, fc.nat(), fc.integer({ min: 1, max: 255 }), (all, at, by) => {
        const file = join(all);
        if (file.length === 0) return;
        const i = at % file.length;
        const changed = Uint8Array.from(file, (byte, j) => (i === j ? byte ^ by : byte));
        expect(E.isLeft(Record.decode(changed))).toBe(true);
        const ends = all.map((_, n) => join(all.slice(0, n)).length);
        expect(E.isRight(Record.decode(file.slice(0, i)))).toBe(ends.includes(i));
      }),
    ));
});

describe('histogramOf', () => {
  it('counts every finite value once, between its limits', () =>
    fc.assert(
      fc.property(fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 }), (values) => {
        const h = TB.histogramOf([...values, Number.NaN, Number.POSITIVE_INFINITY]);
        if (h === undefined) throw new Error('a histogram was expected');
        const [least, most] = [Math.min(...values), Math.max(...values)];
        expect([h.min, h.max, h.num]).toEqual([least, most, values.length]);
        expect(h.counts.reduce((a, b) => a + b, 0)).toBe(values.length);
        expect(h.limits.at(-1)).toBe(most);
        expect([...h.limits].sort((a, b) => a - b)).toEqual(h.limits);
        expect(h.counts).toHaveLength(most > least ? 30 : 1);
      }),
    ));

  it('has what was asked for on numbers that are easy', () => {
    expect(TB.histogramOf([0, 1, 2, 3, 4], 4)).toEqual({
      min: 0,
      max: 4,
      num: 5,
      sum: 10,
      sumSquares: 30,
      limits: [1, 2, 3, 4],
      counts: [2, 1, 1, 1],
    });
    expect(TB.histogramOf([7, 7])).toMatchObject({ limits: [7], counts: [2] });
    expect(TB.histogramOf([Number.NaN])).toBeUndefined();
  });
});
