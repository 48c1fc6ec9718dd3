/** What killed processes leave of their writes is removed; what somebody is writing is not. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import * as E from 'fp-ts/lib/Either.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeFileSystem as files } from '../../src/format/FileSystem.ts';
import { temporaryIn } from '../../src/format/Temporary.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'grad-ts-temporary-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A process: its number, and its end. */
const other = () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  const ended = new Promise<void>((done) => child.on('exit', () => done()));
  return {
    pid: child.pid ?? 0,
    kill: () => {
      child.kill('SIGKILL');
      return ended;
    },
  };
};

/** A torn file as the process of that number would have left it. */
const torn = async (pid: number, of: (name: string) => string = (name) => name): Promise<string> => {
  const path = temporaryIn(folder);
  const name = of(basename(path).replace(`-${process.pid}-`, () => `-${pid}-`));
  await writeFile(join(folder, name), 'half of i');
  return name;
};

const HOUR = 3600;
const aged = (name: string, hours: number) => {
  const then = Date.now() / 1000 - hours * HOUR;
  return utimes(join(folder, name), then, then);
};

const left = async () => (await readdir(folder)).filter((name) => name !== 'weights.bin').sort();
const write = async () => {
  expect(await files.writeFile(join(folder, 'weights.bin'), new Uint8Array(3))()).toEqual(E.right(undefined));
};

describe('a temporary file', () => {
  it('is hidden, beside what it becomes, and never the same', () => {
    const names = [temporaryIn(folder), temporaryIn(folder)];
    expect(new Set(names).size).toBe(2);
    for (const name of names) {
      expect(dirname(name)).toBe(folder);
      expect(basename(name)).toMatch(/^\..*\.tmp$/);
    }
  });

  it('of a process that was killed is removed at the next write into its folder', async () => {
    const process = other();
    await torn(process.pid);
    await process.kill();
    await write();
    expect(await left()).toEqual([]);
  });

  it('of a process that is alive stays', async () => {
    const process = other();
    const name = await torn(process.pid);
    await write();
    expect(await left()).toEqual([name]);
    await process.kill();
  });

  it('of this process stays, unless it is older than the process, which then had the number of another', async () => {
    const [mine, theirs] = [await torn(process.pid), await torn(process.pid)];
    await aged(theirs, process.uptime() / HOUR + 1);
    await write();
    expect(await left()).toEqual([mine]);
  });

  it('of another machine stays for a day, whatever the number of its process', async () => {
    const gone = other();
    await gone.kill();
    const elsewhere = (name: string) => `.000000000000${name.slice(13)}`;
    const [young, old] = [await torn(gone.pid, elsewhere), await torn(gone.pid, elsewhere)];
    await aged(young, 23);
    await aged(old, 25);
    await write();
    expect(await left()).toEqual([young]);
  });
});

it('files that only look like them stay', async () => {
  const gone = other();
  await gone.kill();
  const name = await torn(gone.pid);
  const names = ['.a.tmp', `x${name}`, `${name}.bin`, name.replace(/[0-9a-f]{4}\.tmp$/, '.tmp')];
  for (const [i, one] of names.entries()) {
    if (i === 0) await rename(join(folder, name), join(folder, one));
    else await writeFile(join(folder, one), 'mine');
    await aged(one, 48);
  }
  await write();
  expect(await left()).toEqual([...names].sort());
});
