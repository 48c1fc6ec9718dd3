import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import * as Npy from '../../src/format/Npy.ts';
import * as Npz from '../../src/format/Npz.ts';
import { unzip, zip } from '../../src/format/Zip.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { expectError, left, right } from '../data/support.ts';

interface Golden {
  readonly good: readonly {
    readonly name: string;
    readonly shape: number[];
    readonly data: unknown[];
    readonly file: string;
  }[];
  readonly bad: Readonly<Record<string, string>>;
  readonly npz: { readonly stored: string; readonly compressed: string; readonly bomb: string };
}
const golden: Golden = JSON.parse(readFileSync(new URL('../golden/npy.json', import.meta.url), 'utf8'));
const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));

/** Every element type that is written, with any numbers. */
const arrays: fc.Arbitrary<NdArray> = fc
  .tuple(
    fc.constantFrom('float32', 'float64', 'float16', 'int32', 'int64', 'uint8', 'uint32', 'bool' as const),
    fc.array(fc.nat(4), { maxLength: 4 }),
    fc.infiniteStream(fc.maxSafeNat()),
  )
  .map(([dtype, shape, numbers]) => {
    const of = shape.reduce((a, b) => a * b, 1);
    const list = Array.from({ length: of }, () => numbers.next().value);
    const data = {
      float32: () => Float32Array.from(list),
      float64: () => Float64Array.from(list),
      float16: () => Uint16Array.from(list),
      int32: () => Int32Array.from(list),
      int64: () => BigInt64Array.from(list.map((n) => -BigInt(n))),
      uint8: () => Uint8Array.from(list),
      uint32: () => Uint32Array.from(list),
      bool: () => Uint8Array.from(list, (n) => n % 2),
    }[dtype]();
    return { dtype, shape, data };
  });

describe('npy as numpy writes it', () => {
  it.each(golden.good.map((g) => [g.name, g] as const))('%s', (_, { shape, data, file }) => {
    const array = right(Npy.decode(bytes(file)));
    expect(array.shape).toEqual(shape);
    expect(Array.from(array.data, String)).toEqual(data.map((v) => String(typeof v === 'boolean' ? Number(v) : v)));
  });

  it('keeps element types, and widens those it does not have', () => {
    const kind = (name: string) => right(Npy.decode(bytes(golden.good.find((g) => g.name === name)?.file ?? ''))).dtype;
    const expected = {
      '<f2': 'float16',
      '>f4': 'float32',
      '<f8': 'float64',
      '<i1': 'int32',
      '>i2': 'int32',
      '<u2': 'int32',
    };
    for (const [name, dtype] of Object.entries({
      ...expected,
      '<u4': 'uint32',
      '<i8': 'int64',
      '>u8': 'int64',
      '<u1': 'uint8',
      '<?': 'bool',
    }))
      expect([name, kind(name)]).toEqual([name, dtype]);
  });

  it('writes the same bytes as numpy', () => {
    for (const name of ['<f4', '<f8', '<f2', '<i4', '<i8', '<u1', '<u4', '<?', 'no axis', 'empty', 'one axis']) {
      const file = bytes(golden.good.find((g) => g.name === name)?.file ?? '');
      expect(right(Npy.encode(right(Npy.decode(file))))).toEqual(file);
    }
  });

  it.each(Object.entries(golden.bad))('refuses %s', (name, file) => {
    const reasons: Readonly<Record<string, string>> = {
      object: 'pickled',
      text: 'texts',
      complex: 'a.real',
      structured: 'structured',
      'large u8': '2^63',
    };
    expectError(Npy.decode(bytes(file), { name: 'f.npy' }), 'NpyError', 'f.npy: expected', reasons[name] ?? 'expected');
  });
});

describe('npy', () => {
  it('round-trips', () => {
    fc.assert(
      fc.property(arrays, (array) => {
        expect(right(Npy.decode(right(Npy.encode(array))))).toEqual(array);
      }),
      { numRuns: 200 },
    );
  });

  it('reads bytes at odd offsets', () => {
    const file = right(Npy.encode({ dtype: 'float64', shape: [2], data: Float64Array.of(1.5, -2) }));
    const shifted = new Uint8Array(file.length + 1);
    shifted.set(file, 1);
    expect(right(Npy.decode(shifted.subarray(1))).data).toEqual(Float64Array.of(1.5, -2));
  });

  it('refuses what is cut off, longer, of another version, or lies about its size', () => {
    const file = right(Npy.encode({ dtype: 'float32', shape: [2, 3], data: new Float32Array(6) }));
    const decode = (b: Uint8Array) => Npy.decode(b, { name: 'f' });
    expectError(
      decode(file.subarray(0, -1)),
      'NpyError',
      '(2, 3), which makes a file of 152 bytes, got 151',
      'cut off',
    );
    expectError(decode(Uint8Array.from([...file, 0])), 'NpyError', 'more than one array');
    expectError(decode(file.with(6, 4)), 'NpyError', 'version 1, 2 or 3, got 4.0');
    expectError(decode(new Uint8Array()), 'NpyError', '93 4e 55 4d 50 59, got nothing');
    const lie = (shape: string) => {
      const text = new TextDecoder('latin1').decode(file).replace('(2, 3), }', `(${shape}), }`);
      return Uint8Array.from(text, (c) => c.charCodeAt(0));
    };
    expectError(decode(lie('999999999, 999999999')), 'NpyError', 'too large');
    expectError(decode(lie('99999999999')), 'NpyError', 'cut off');
    expectError(decode(lie('-2, 3')), 'NpyError', 'no tuple of sizes');
    expect(E.isLeft(Npy.encode({ dtype: 'bfloat16', shape: [1], data: new Uint16Array(1) }))).toBe(true);
    expectError(Npy.encode({ dtype: 'uint8', shape: [2], data: new Uint8Array(1) }), 'NpyError', 'belong together');
  });

  it('mutated files give an error or an array whose shape fits its data', () => {
    const files = [...golden.good.map((g) => bytes(g.file)), ...Object.values(golden.bad).map(bytes)];
    fc.assert(
      fc.property(
        fc.constantFrom(...files),
        fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 6 }),
        fc.option(fc.nat(300)),
        (file, changes, cut) => {
          const mutated = Uint8Array.from(cut === null ? file : file.subarray(0, cut));
          for (const [at, to] of changes) mutated[at] = to;
          const result = Npy.decode(mutated);
          if (E.isRight(result)) expect(result.right.data.length).toBe(result.right.shape.reduce((a, b) => a * b, 1));
          else expect(result.left.message).toMatch(/^npy: .*; /s);
        },
      ),
      { numRuns: 1500 },
    );
  });
});

describe('npz', () => {
  it.each(['stored', 'compressed'] as const)('reads what numpy has %s', (kind) => {
    const { x, 'labels/y': y } = right(Npz.decode(bytes(golden.npz[kind])));
    expect([x?.dtype, x?.shape, x?.data[0]]).toEqual(['float32', [2, 3, 4], -7]);
    expect(y).toEqual({ dtype: 'int64', shape: [4], data: BigInt64Array.of(0n, 1n, 2n, 3n) });
  });

  it('round-trips, stored and deflated, and equal arrays make equal bytes', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ minLength: 1 }), arrays, { maxKeys: 4 }), fc.boolean(), (all, compress) => {
        const file = right(Npz.encode(all, { compress }));
        expect(right(Npz.decode(file))).toEqual({ ...all });
        expect(right(Npz.encode(all, { compress }))).toEqual(file);
      }),
      { numRuns: 60 },
    );
  });

  it('unpacks no more than its limit', () => {
    const bomb = bytes(golden.npz.bomb);
    expect(bomb.length).toBeLessThan(5000);
    expectError(Npz.decode(bomb, { limit: 1e6 }), 'ZipError', '4000128 bytes unpacked, the limit is 1000000');
    expect(right(Npz.decode(bomb)).zeros?.shape).toEqual([4_000_000]);
  });

  it('takes no memory for sizes that cannot be, and finds every change by its checksum', () => {
    const file = right(zip({ a: new Uint8Array(1000).fill(7) }, { compress: true }));
    const directory = file.findIndex((_, i) => file[i] === 0x50 && file[i + 1] === 0x4b && file[i + 2] === 1);
    const lie = Uint8Array.from(file);
    new DataView(lie.buffer).setUint32(directory + 24, 2_000_000_000, true);
    expectError(unzip(lie), 'ZipError', 'claims 2000000000 bytes');
    const less = Uint8Array.from(file);
    new DataView(less.buffer).setUint32(directory + 24, 999, true);
    expectError(unzip(less), 'ZipError', 'checksum');
    expectError(unzip(right(zip({ a: new Uint8Array(9) })).with(35, 1)), 'ZipError', 'checksum');
    expectError(unzip(file.subarray(0, -30)), 'ZipError', 'cut off');
    expectError(unzip(new Uint8Array(100)), 'ZipError', 'starts with PK');
    expectError(
      Npz.decode(right(zip({ 'readme.txt': new Uint8Array(4) })), { name: 'f.npz' }),
      'NpyError',
      'f.npz: readme.txt: expected an npy file',
    );
  });

  it('mutated archives give an error or what was in them', () => {
    const files = [bytes(golden.npz.stored), bytes(golden.npz.compressed)];
    const whole = files.map((file) => right(Npz.decode(file)));
    fc.assert(
      fc.property(
        fc.nat(1),
        fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        (which, changes, cut) => {
          const file = files[which] ?? new Uint8Array();
          const mutated = Uint8Array.from(file);
          for (const [at, to] of changes) mutated[Math.floor(at * (file.length - 1))] = to;
          const result = Npz.decode(cut ? mutated.subarray(0, mutated.length - (changes[0]?.[1] ?? 0)) : mutated);
          // Only names, flags that are not read and padding are not covered by a checksum.
          if (E.isRight(result)) expect(Object.values(result.right).length).toBeLessThanOrEqual(2);
          else expect(left(result).message.length).toBeGreaterThan(10);
          if (E.isRight(result) && 'x' in result.right) expect(result.right.x).toEqual(whole[which]?.x);
        },
      ),
      { numRuns: 800 },
    );
  });
});
