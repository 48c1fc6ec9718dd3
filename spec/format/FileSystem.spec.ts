import { execFileSync } from 'node:child_process';
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { nodeFileSystem as files } from '../../src/format/FileSystem.ts';
import { expectError } from '../data/support.ts';

/** The step that a test lets fail, and with which code. */
const fault = vi.hoisted(() => ({ step: '', code: '' }));

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const failing = (step: string): void => {
    if (fault.step === step) throw Object.assign(new Error(`${fault.code}: ${step}`), { code: fault.code });
  };
  return {
    ...real,
    open: async (path: string, flags: string) => {
      const handle = await real.open(path, flags);
      const isFile = flags === 'wx';
      return {
        writeFile: async (bytes: Uint8Array) => {
          await handle.writeFile(bytes.subarray(0, fault.step === 'write' ? 3 : bytes.length));
          failing('write');
        },
        sync: async () => {
          failing(isFile ? 'sync' : 'sync folder');
          await handle.sync();
        },
        close: () => handle.close(),
      };
    },
  };
});

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'grad-ts-'));
});
afterEach(async () => {
  fault.step = '';
  await rm(folder, { recursive: true, force: true });
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('writeFile', () => {
  it('writes into what is no file, and leaves it what it is', async () => {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    const read = readFile(path, 'utf8');
    expect(await files.writeFile(path, bytes('through'))()).toEqual(E.right(undefined));
    expect(await read).toBe('through');
    expect((await lstat(path)).isFIFO()).toBe(true);
    expect(await readdir(folder)).toEqual(['pipe']);
  });

  it('writes what readFile reads, makes folders, and replaces what was there', async () => {
    const path = join(folder, 'a', 'b', 'weights.bin');
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (content) => {
        expect(await files.writeFile(path, content)()).toEqual(E.right(undefined));
        expect(await files.readFile(path)()).toEqual(E.right(content));
      }),
      { numRuns: 10 },
    );
    expect(await readdir(join(folder, 'a', 'b'))).toEqual(['weights.bin']);
  });

  it('leaves the old content and no temporary file when any step fails', async () => {
    const path = join(folder, 'weights.bin');
    await writeFile(path, 'old');
    for (const step of ['write', 'sync']) {
      fault.step = step;
      fault.code = 'ENOSPC';
      expectError(await files.writeFile(path, bytes('new content'))(), 'IoError', path, 'ENOSPC', 'disk is full');
      fault.step = '';
      expect(await readdir(folder)).toEqual(['weights.bin']);
      expect(await readFile(path, 'utf8')).toBe('old');
    }
  });

  it('does without the sync of folders where there is none, but tells other failures of it', async () => {
    const path = join(folder, 'weights.bin');
    fault.step = 'sync folder';
    fault.code = 'EINVAL';
    expect(await files.writeFile(path, bytes('x'))()).toEqual(E.right(undefined));
    fault.code = 'EIO';
    expectError(await files.writeFile(path, bytes('y'))(), 'IoError', 'EIO');
  });

  it('refuses a folder, a path through a file, and a name that is too long; nothing is left', async () => {
    await mkdir(join(folder, 'taken', 'inner'), { recursive: true });
    await writeFile(join(folder, 'file'), 'x');
    const before = await readdir(folder);
    const onFolder = await files.writeFile(join(folder, 'taken'), bytes('x'))();
    expectError(onFolder, 'IoError', 'taken', 'folder of that name');
    expect(onFolder).toMatchObject({ left: { code: 'EISDIR', path: join(folder, 'taken') } });
    expectError(await files.writeFile(join(folder, 'file', 'x'), bytes('x'))(), 'IoError', 'is a file, not a folder');
    expectError(await files.writeFile(join(folder, 'n'.repeat(300)), bytes('x'))(), 'IoError', 'shorter name');
    expectError(await files.writeFile(join(folder, 'nul\0'), bytes('x'))(), 'IoError', 'write');
    expect(await readdir(folder)).toEqual(before);
  });

  it.skipIf(process.getuid?.() === 0 || process.platform === 'win32')(
    'refuses a folder it may not write to',
    async () => {
      const locked = join(folder, 'locked');
      await mkdir(locked);
      await chmod(locked, 0o555);
      expectError(await files.writeFile(join(locked, 'x'), bytes('x'))(), 'IoError', 'EACCES', 'permissions');
      expect(await readdir(locked)).toEqual([]);
    },
  );
});

describe('readFile', () => {
  it('says why a file cannot be read', async () => {
    const missing = await files.readFile(join(folder, 'none'))();
    expectError(missing, 'IoError', 'could not read', 'none', 'ENOENT', 'spelling');
    expect(missing).toMatchObject({ left: { code: 'ENOENT', path: join(folder, 'none') } });
    expectError(await files.readFile(folder)(), 'IoError', 'EISDIR', 'path of a file');
  });
});

describe('appendFile', () => {
  it('makes the folder and the file, then adds to it', async () => {
    const path = join(folder, 'logs', 'run.csv');
    expect(await files.appendFile(path, 'a\n')()).toEqual(E.right(undefined));
    expect(await files.appendFile(path, 'b\n')()).toEqual(E.right(undefined));
    expect(await readFile(path, 'utf8')).toBe('a\nb\n');
    expectError(await files.appendFile(folder, 'x')(), 'IoError', 'could not append to');
  });
});

describe('exists and remove', () => {
  it('agree', async () => {
    const path = join(folder, 'x');
    expect(await files.exists(path)()).toEqual(E.right(false));
    await writeFile(path, '');
    expect(await files.exists(path)()).toEqual(E.right(true));
    expect(await files.exists(join(path, 'below'))()).toEqual(E.right(false));
    expect(await files.remove(path)()).toEqual(E.right(undefined));
    expect(await files.exists(path)()).toEqual(E.right(false));
    expect(await files.remove(path)()).toEqual(E.right(undefined));
  });

  it('tell what they cannot do', async () => {
    expectError(await files.remove(folder)(), 'IoError', 'could not remove');
    const loop = join(folder, 'loop');
    await symlink(loop, loop);
    expectError(await files.exists(loop)(), 'IoError', 'ELOOP');
  });
});
