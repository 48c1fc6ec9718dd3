import fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import { decode, encode } from '../../src/format/Safetensors.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { expectError, left, right } from '../data/support.ts';

const anyArray: fc.Arbitrary<NdArray> = fc.array(fc.nat({ max: 4 }), { maxLength: 3 }).chain((shape) => {
  const length = shape.reduce((a, b) => a * b, 1);
  const size = { minLength: length, maxLength: length };
  return fc.oneof(
    fc.float32Array(size).map((data): NdArray => ({ dtype: 'float32', shape, data })),
    fc.float64Array(size).map((data): NdArray => ({ dtype: 'float64', shape, data })),
    fc.int32Array(size).map((data): NdArray => ({ dtype: 'int32', shape, data })),
    fc.bigInt64Array(size).map((data): NdArray => ({ dtype: 'int64', shape, data })),
    fc.uint8Array(size).map((data): NdArray => ({ dtype: 'uint8', shape, data })),
    fc.uint32Array(size).map((data): NdArray => ({ dtype: 'uint32', shape, data })),
    fc.uint8Array({ ...size, max: 1 }).map((data): NdArray => ({ dtype: 'bool', shape, data })),
  );
});
const anyName = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('__proto__', 'toString', '1', '0', ''),
);
const ownRecord = <A>(key: fc.Arbitrary<string>, value: fc.Arbitrary<A>): fc.Arbitrary<Record<string, A>> =>
  fc.array(fc.tuple(key, value), { maxLength: 6 }).map((entries) => Object.fromEntries(entries));
const anyTensors = ownRecord(anyName, anyArray);
const anyMetadata = ownRecord(
  anyName.filter((name) => name !== 'checksum'),
  fc.string({ unit: 'binary' }),
);

const small: Record<string, NdArray> = {
  w: { dtype: 'float32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
  step: { dtype: 'int64', shape: [], data: BigInt64Array.of(7n) },
  mask: { dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) },
};

/** A file from its parts, as hostile as one likes. */
const file = (header: string | Uint8Array, data: readonly number[] = []): Uint8Array => {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
};
const one = (dtype: string, shape: unknown, offsets: unknown): string =>
  JSON.stringify({ a: { dtype, shape, data_offsets: offsets } });

describe('round trip', () => {
  it('gives tensors and metadata back, with and without a checksum, wherever the bytes lie in memory', () => {
    fc.assert(
      fc.property(anyTensors, anyMetadata, fc.boolean(), fc.nat({ max: 9 }), (tensors, metadata, checksum, shift) => {
        const bytes = right(encode(tensors, metadata, { checksum }));
        const moved = new Uint8Array(bytes.length + shift).subarray(shift);
        moved.set(bytes);
        expect(right(decode(moved, { requireChecksum: checksum }))).toEqual({ tensors, metadata });
      }),
    );
  });

  it('makes equal bytes of equal tensors in another order', () => {
    const turned = Object.fromEntries(Object.entries(small).reverse());
    expect(encode(turned, { b: '1', a: '2' })).toEqual(encode(small, { a: '2', b: '1' }));
  });

  it('is the format: length, JSON, data from a multiple of 8 on', () => {
    const bytes = right(encode(small, { format: 'pt' }));
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect((8 + length) % 8).toBe(0);
    expect(JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)))).toEqual({
      __metadata__: { format: 'pt' },
      step: { dtype: 'I64', shape: [], data_offsets: [0, 8] },
      w: { dtype: 'F32', shape: [2, 2], data_offsets: [8, 24] },
      mask: { dtype: 'BOOL', shape: [3], data_offsets: [24, 27] },
    });
    expect(bytes.length).toBe(8 + length + 27);
    expect(Array.from(bytes.subarray(8 + length, 8 + length + 12))).toEqual([7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x3f]);
  });

  it('reads a file whose data are not aligned, and one without tensors', () => {
    const odd = file(`${one('F32', [1], [0, 4])} `, [0, 0, 0x80, 0x3f]);
    for (const pad of ['', ' ', '  ', '   ']) {
      const bytes = file(`${one('F32', [1], [0, 4])}${pad}`, [0, 0, 0x80, 0x3f]);
      expect(right(decode(bytes)).tensors.a?.data).toEqual(Float32Array.of(1));
    }
    expect(right(decode(odd)).metadata).toEqual({});
    expect(right(decode(file('{}')))).toEqual({ tensors: {}, metadata: {} });
  });
});

describe('encode', () => {
  it('refuses what the format cannot hold', () => {
    expectError(encode({ __metadata__: small.w as NdArray }), 'ReservedName', '__metadata__');
    expectError(encode({}, { checksum: 'x' }), 'ReservedName', 'checksum');
    const torn: NdArray = { dtype: 'float32', shape: [3], data: new Float32Array(2) };
    expectError(encode({ torn }), 'SizeMismatch', '"torn"', '[3] needs 12 bytes, got 8');
  });
});

describe('hostile and damaged files', () => {
  it('are told apart', () => {
    expectError(decode(new Uint8Array(5)), 'Truncated', '8 bytes', 'got 5');
    expectError(decode(new Uint8Array(16).fill(255)), 'Truncated', 'header');
    expectError(decode(file(Uint8Array.of(0x7b, 0xff, 0x7d))), 'InvalidHeader', 'UTF-8');
    expectError(decode(file('{')), 'InvalidHeader', 'JSON');
    expectError(decode(file('[]')), 'InvalidHeader', 'object');
    expectError(decode(file('{"a":1}')), 'InvalidHeader', '"a"');
    expectError(decode(file('{"__metadata__":{"a":1}}')), 'InvalidHeader', '__metadata__');
    expectError(decode(file(one('F8_E4M3', [1], [0, 1]), [0])), 'UnknownDType', '"F8_E4M3"', 'F32');
    expectError(decode(file(one('toString', [1], [0, 2]), [0, 0])), 'UnknownDType');
    for (const shape of [[-1], [1.5], ['1'], 1, null, [2 ** 60]]) {
      expectError(decode(file(one('U8', shape, [0, 1]), [0])), 'InvalidHeader', 'shape');
    }
    for (const offsets of [[0], [0, 1, 2], [-1, 0], [0, 0.5], null]) {
      expectError(decode(file(one('U8', [1], offsets), [0])), 'InvalidHeader', 'data_offsets');
    }
    expectError(decode(file(one('U8', [1], [1, 0]), [0])), 'InvalidLayout', 'before it begins');
    expectError(decode(file(one('F32', [2], [0, 8]), [0, 0, 0, 0])), 'Truncated', '"a"', '8 bytes');
    expectError(decode(file(one('F32', [2], [0, 4]), [0, 0, 0, 0])), 'SizeMismatch', 'needs 8 bytes, got 4');
    expectError(decode(file(one('U8', [2 ** 50, 2 ** 50], [0, 1]), [0])), 'SizeMismatch');
    expectError(decode(file(one('U8', [1], [1, 2]), [0, 0])), 'InvalidLayout', 'gap');
    expectError(decode(file(one('U8', [1], [0, 1]), [0, 0])), 'InvalidLayout', 'expected 1 bytes of data', 'got 2');
    const two = (a: unknown, b: unknown) =>
      JSON.stringify({
        a: { dtype: 'U8', shape: [2], data_offsets: a },
        b: { dtype: 'U8', shape: [2], data_offsets: b },
      });
    expectError(decode(file(two([0, 2], [1, 3]), [0, 0, 0])), 'InvalidLayout', '"b"', 'overlaps');
    expectError(decode(file(two([0, 2], [0, 2]), [0, 0])), 'InvalidLayout', 'overlaps');
    const entry = '{"dtype":"U8","shape":[0],"data_offsets":[0,0]}';
    expectError(decode(file(`{"a":${entry},"\\u0061" : ${entry}}`)), 'DuplicateName', '"a"');
    expectError(decode(file('{"__metadata__":{"k":"1","k":"2"}}')), 'DuplicateName', '"k"');
  });

  it('do not take a value or a name in another object for a duplicate', () => {
    const bytes = right(encode(small, { w: 'w', 'a"b': 'a"b', '{': '}' }));
    expect(E.isRight(decode(bytes))).toBe(true);
  });

  it('cut off anywhere are refused', () => {
    for (const checksum of [false, true]) {
      const bytes = right(encode(small, { a: 'b' }, { checksum }));
      for (let n = 0; n < bytes.length; n++) expect(E.isLeft(decode(bytes.subarray(0, n)))).toBe(true);
    }
  });

  it('never make it throw', () => {
    const bytes = right(encode(small, { a: 'b' }));
    for (let i = 0; i < bytes.length; i++) {
      for (let bit = 0; bit < 8; bit++) {
        const flipped = bytes.slice();
        flipped[i] = (flipped[i] ?? 0) ^ (1 << bit);
        expect(decode(flipped)).toHaveProperty('_tag');
      }
    }
    fc.assert(
      fc.property(fc.uint8Array(), (random) => {
        expect(decode(random)).toHaveProperty('_tag');
      }),
    );
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(decode(file(json))).toHaveProperty('_tag');
      }),
    );
    expect(left(decode(file('['.repeat(100_000))))._tag).toBe('InvalidHeader');
  });
});

describe('checksum', () => {
  it('finds every changed bit, unless only white space of the header changed', () => {
    const bytes = right(encode(small, { epoch: '12' }, { checksum: true }));
    const good = right(decode(bytes, { requireChecksum: true }));
    for (let i = 0; i < bytes.length; i++) {
      for (let bit = 0; bit < 8; bit++) {
        const flipped = bytes.slice();
        flipped[i] = (flipped[i] ?? 0) ^ (1 << bit);
        const result = decode(flipped, { requireChecksum: true });
        if (E.isRight(result)) expect(result.right).toEqual(good);
      }
    }
    const last = bytes.slice();
    last[last.length - 1] = 9;
    expectError(decode(last), 'Altered', 'checksum');
    const text = new TextDecoder('latin1').decode(bytes).replace('"epoch":"12"', '"epoch":"13"');
    expectError(decode(Uint8Array.from(text, (c) => c.charCodeAt(0))), 'Altered');
  });

  it('can be demanded', () => {
    expectError(decode(right(encode(small)), { requireChecksum: true }), 'NoChecksum');
    expect(right(decode(right(encode(small, {}, { checksum: true })))).metadata).toEqual({});
  });
});
