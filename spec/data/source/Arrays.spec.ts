import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as D from '../../../src/data/Data.ts';
import * as DS from '../../../src/data/DataStream.ts';
import { nodeFileSystem } from '../../../src/format/FileSystem.ts';
import * as Npy from '../../../src/format/Npy.ts';
import * as Npz from '../../../src/format/Npz.ts';
import * as Safetensors from '../../../src/format/Safetensors.ts';
import type { NdArray } from '../../../src/shape/NdArray.ts';
import { collect, expectLaws } from '../streamed/support.ts';
import { expectError, memory, numbers, right } from '../support.ts';

const x: NdArray = { dtype: 'float32', shape: [7, 2], data: Float32Array.from({ length: 14 }, (_, i) => i) };
const files = {
  'x.npy': right(Npy.encode(x)),
  'x.npz': right(Npz.encode({ x }, { compress: true })),
  'x.safetensors': right(Safetensors.encode({ x })),
};
const env = memory(files);
const run = <Err, A>(rte: RTE.ReaderTaskEither<typeof env, Err, A>) => rte(env)();

describe('whole files', () => {
  it('npy, npz and safetensors give the same array', async () => {
    expect(right(await run(D.npy('x.npy')))).toEqual(x);
    expect(right(await run(D.npz('x.npz')))).toEqual({ x });
    expect(right(await run(D.safetensors('x.safetensors')))).toEqual({ x });
  });

  it('errors say which file', async () => {
    const bad = memory({ 'f.npy': files['x.npz'], 'f.npz': files['x.npy'] });
    expectError(await D.npy('f.npy')(bad)(), 'InvalidFile', 'f.npy: expected an npy file', 'Npz');
    expectError(await D.npz('f.npz')(bad)(), 'InvalidFile', 'f.npz: expected a ZIP archive');
    expectError(await run(D.npz('x.npz', { limit: 10 })), 'InvalidFile', 'the limit is 10');
    expectError(await run(D.npy('y.npy')), 'IoError' as never, 'y.npy');
    expectError(await D.safetensors('f.npy')(bad)(), 'Truncated' as never, 'f.npy: safetensors');
  });
});

describe('blocks of rows', () => {
  it('of a file are read as they are needed, in any order', async () => {
    const blocks = right(await run(D.npyBlocks('x.npy', { rows: 3 })));
    expect(blocks.size).toBe(3);
    await expectLaws(blocks, env);
    await expectLaws(pipe(blocks, DS.shuffle({ seed: 2 })), env, 1);
    const all = right(await collect(blocks, env));
    expect(all.map(({ shape }) => shape)).toEqual([
      [3, 2],
      [3, 2],
      [1, 2],
    ]);
    expect(all.flatMap(numbers)).toEqual(numbers(x));
    await expectLaws(pipe(x, D.arrayBlocks({ rows: 3 })), env);
    expect(right(await collect(pipe(x, D.arrayBlocks({ rows: 3 })), env))).toEqual(all);
  });

  it('become batches of data sets', async () => {
    const labelled = pipe(
      D.npyBlocks('x.npy', { rows: 3 }),
      RTE.map(
        DS.mapEither((block) =>
          D.dataset({
            x: D.floats([2], block),
            y: D.ints(
              [],
              numbers(block).filter((_, i) => i % 2),
            ),
          }),
        ),
      ),
      RTE.map(DS.rebatch(4)),
    );
    const batches = right(await collect(right(await run(labelled)), env));
    expect(batches.map(({ size }) => size)).toEqual([4, 3]);
    expect(batches.flatMap(({ y }) => numbers(y))).toEqual([1, 3, 5, 7, 9, 11, 13]);
  });

  it('of a file that lies, is cut off, or is in Fortran order are errors', async () => {
    const text = new TextDecoder('latin1').decode(files['x.npy']);
    const as = (s: string) => Uint8Array.from(s, (c) => c.charCodeAt(0));
    const bad = memory({
      'fortran.npy': as(text.replace('False', 'True ')),
      'long.npy': as(text.replace('(7, 2), }     ', '(999999999, 2), }')),
      'empty.npy': as(text.replace('(7, 2), }          ', '(99999999999, 0), }').slice(0, 128)),
      'scalar.npy': right(Npy.encode({ dtype: 'float32', shape: [], data: new Float32Array(1) })),
    });
    expectError(await D.npyBlocks('fortran.npy', { rows: 2 })(bad)(), 'InvalidFile', 'ascontiguousarray');
    expectError(await D.npyBlocks('scalar.npy', { rows: 2 })(bad)(), 'InvalidFile', 'single number');
    expectError(await D.npyBlocks('x.npy', { rows: 0 })(bad)(), 'InvalidArgument', 'rows');
    expectError(await D.npyBlocks('long.npy', { rows: 4 })(bad)(), 'InvalidFile', '999999999, 2', 'cut off');
    const empty = right(await D.npyBlocks('empty.npy', { rows: 4e10 })(bad)());
    expect(right(await collect(empty, bad)).map(({ shape }) => shape[0])).toEqual([4e10, 4e10, 19999999999]);
    // Rows of nothing: so many that their order would fill the memory.
    const many = right(await D.npyBlocks('empty.npy', { rows: 1 })(bad)());
    expectError(await collect(pipe(many, DS.shuffle({ seed: 1 })), bad), 'InvalidArgument', 'shuffle: size', 'buffer');
    const cut = right(await D.npyBlocks('x.npy', { rows: 4 })(env)());
    const shorter = memory({ 'x.npy': files['x.npy'].slice(0, -8) });
    expectError(await collect(cut, shorter), 'InvalidFile', 'row 4: expected 24 bytes, got 16', 'cut off');
  });

  it('of IDX and safetensors files are those of the whole array', async () => {
    const bytes = Uint8Array.of(0, 0, 0x0b, 2, 0, 0, 0, 5, 0, 0, 0, 2, ...Array.from({ length: 20 }, (_, i) => i));
    const other: NdArray = { dtype: 'int64', shape: [2], data: BigInt64Array.of(3n, -4n) };
    const both = memory({
      'a.idx': bytes,
      'a.safetensors': right(Safetensors.encode({ x, other }, { by: 'us' }, { checksum: true })),
    });
    const idx = right(await D.idxBlocks('a.idx', { rows: 2 })(both)());
    await expectLaws(pipe(idx, DS.shuffle({ seed: 3 })), both);
    const whole = right(await D.idx('a.idx')(both)());
    expect(right(await collect(idx, both))).toEqual(right(await collect(pipe(whole, D.arrayBlocks({ rows: 2 })), {})));
    const tensor = right(await D.safetensorsBlocks('a.safetensors', 'x', { rows: 3 })(both)());
    await expectLaws(tensor, both);
    expect(right(await collect(tensor, both))).toEqual(right(await collect(pipe(x, D.arrayBlocks({ rows: 3 })), {})));
    const odd = right(await D.safetensorsBlocks('a.safetensors', 'other', { rows: 1 })(both)());
    expect(right(await collect(odd, both)).flatMap(numbers)).toEqual([3, -4]);
  });

  it('of IDX and safetensors files that lie are errors; nothing throws', async () => {
    const idx = Uint8Array.of(0, 0, 8, 2, 255, 255, 255, 255, 255, 255, 255, 255, 1);
    const tensors = files['x.safetensors'];
    const bad = memory({
      'a.idx': idx,
      'b.idx': Uint8Array.of(0x1f, 0x8b, 8),
      'cut.st': tensors.slice(0, -1),
      'long.st': Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1),
      ...files,
    });
    expectError(await D.idxBlocks('a.idx', { rows: 2 })(bad)(), 'InvalidIdx', '4294967295', 'got 13');
    expectError(await D.idxBlocks('b.idx', { rows: 2 })(bad)(), 'InvalidIdx', '1f 8b', 'unpacked');
    expectError(await D.idxBlocks('b.idx', { rows: -1 })(bad)(), 'InvalidArgument', 'idxBlocks: rows');
    const st = (file: string, name = 'x') => D.safetensorsBlocks(file, name, { rows: 2 })(bad)();
    expectError(await st('cut.st'), 'Truncated' as never, 'cut.st: ', 'cut off');
    expectError(await st('long.st'), 'InvalidHeader' as never, 'long.st: ', 'at most');
    expectError(await st('x.safetensors', 'toString'), 'InvalidFile', '"toString"', '"x" [7,2]');
    for (const file of [idx, tensors, files['x.npy']])
      await fc.assert(
        fc.asyncProperty(fc.nat(file.length - 1), fc.nat(255), fc.nat(file.length), async (at, byte, end) => {
          const changed = Uint8Array.from(file);
          changed[at] = byte;
          const env = memory({ f: changed.subarray(0, Math.max(end, at + 1)) });
          for (const open of [
            D.npyBlocks('f', { rows: 2 }),
            D.idxBlocks('f', { rows: 2 }),
            D.safetensorsBlocks('f', 'x', { rows: 2 }),
          ]) {
            const blocks = await open(env)();
            if (E.isLeft(blocks)) expect(blocks.left.message).toMatch(/^f: /);
            else {
              const some = pipe(blocks.right, DS.shuffle({ seed: 1 }), DS.take(9));
              expect(['Left', 'Right']).toContain((await collect(some, env))._tag);
            }
          }
        }),
        { numRuns: 60 },
      );
  });
});

describe('labelled files', () => {
  let root = '';
  const fileSystem = { fileSystem: nodeFileSystem };
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'labelled-'));
    for (const path of [
      'rose/b.JPG',
      'rose/a.jpg',
      'rose/notes.txt',
      'daisy/deep/c.png',
      'daisy/.hidden.png',
      '.cache/d.png',
      'Tulip/e.png',
    ]) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), 'x');
    }
    await symlink(root, join(root, 'rose/loop'));
    await writeFile(join(root, 'list.csv'), 'path,label\nrose/a.jpg,rose\n/abs/x.png,daisy\n');
  });
  afterAll(() => rm(root, { recursive: true }));

  it('by folder: classes sorted, what is below too, hidden files and links left out', async () => {
    const { classes, files, data } = right(
      await D.labelledFolder(root, { extensions: ['.jpg', '.png'] })(fileSystem)(),
    );
    expect(classes).toEqual(['Tulip', 'daisy', 'rose']);
    const relative = files.map(({ path, label }) => [path.slice(root.length + 1), label]);
    expect(relative).toEqual([
      ['Tulip/e.png', 0],
      ['daisy/deep/c.png', 1],
      ['rose/a.jpg', 2],
      ['rose/b.JPG', 2],
    ]);
    expect(right(await collect(data, undefined))).toEqual(files);
    await expectLaws(pipe(data, DS.shuffle({ seed: 1 })), undefined);
  });

  it('with classes of another data set, in their order', async () => {
    const some = right(
      await D.labelledFolder(root, { classes: ['rose', 'Tulip'], extensions: ['.png'] })(fileSystem)(),
    );
    expect([some.classes, some.files.map(({ label }) => label)]).toEqual([['rose', 'Tulip'], [1]]);
    expectError(
      await D.labelledFolder(root, { classes: ['lily'] })(fileSystem)(),
      'InvalidFile',
      '"lily"',
      'Tulip, daisy, rose',
    );
    expectError(await D.labelledFolder(root, { extensions: ['.webp'] })(fileSystem)(), 'Empty', '.webp');
    expectError(await D.labelledFolder(join(root, 'rose/a.jpg'))(fileSystem)(), 'IoError' as never, 'a.jpg');
    expectError(await D.labelledFolder('x')(env)(), 'InvalidFile', 'cannot list folders');
  });

  it('by list: paths relative to the list', async () => {
    const { classes, files } = right(await D.labelledList(join(root, 'list.csv'))(fileSystem)());
    expect(classes).toEqual(['daisy', 'rose']);
    expect(files).toEqual([
      { path: `${root}/rose/a.jpg`, label: 1 },
      { path: '/abs/x.png', label: 0 },
    ]);
    expectError(
      await D.labelledList(join(root, 'list.csv'), { classes: ['rose'] })(fileSystem)(),
      'InvalidFile',
      'entry 2',
      '"daisy"',
    );
  });

  it('the file system knows sizes and folders', async () => {
    expect(await nodeFileSystem.size?.(join(root, 'list.csv'))()).toEqual(E.right(44));
    expectError((await nodeFileSystem.size?.(root)()) ?? E.right(0), 'IoError', 'folder');
  });
});
