/**
 * Temporary files that become the real ones by a rename, and what is left of them when their process is killed.
 *
 * Law of `sweep`: a file that somebody is still writing is never removed. So the name of one says where and by which
 * process it is written, and only files whose process is no more, or that nobody has touched for a day, are removed.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';

// -------------------------------------------------------------------------------------
// names
// -------------------------------------------------------------------------------------

/** Numbers of processes mean something on one machine, and there within one namespace: a container has its own. */
const namespace = (): string => {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
};

const here = createHash('sha256').update(`${hostname()} ${namespace()}`).digest('hex').slice(0, 12);

/** A new hidden name in a folder. */
export const temporaryIn = (folder: string): string => join(folder, `.${here}-${process.pid}-${randomUUID()}.tmp`);

const pattern = /^\.([0-9a-f]{12})-(\d+)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/;

// -------------------------------------------------------------------------------------
// what is left of them
// -------------------------------------------------------------------------------------

const DAY = 24 * 60 * 60 * 1000;

/** Of the file's time and the process's start, which different clocks tell. */
const SLACK = 2000;

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (e) {
    // Any other code says that it is there, but somebody else's.
    return !(e instanceof Error && 'code' in e && e.code === 'ESRCH');
  }
};

/** A restarted container gives its processes the numbers that they had before. */
const isBeforeThisProcess = (written: number): boolean => written < Date.now() - process.uptime() * 1000 - SLACK;

const isStale = (place: string, pid: number, written: number): boolean =>
  written < Date.now() - DAY ||
  (place === here && (pid === process.pid ? isBeforeThisProcess(written) : !isAlive(pid)));

const remove = async (path: string, place: string, pid: number): Promise<void> => {
  const { mtimeMs } = await fs.stat(path);
  if (isStale(place, pid, mtimeMs)) await fs.rm(path, { force: true });
};

/** Folders that this process has looked through: once is enough, as those that are killed later are not this one. */
const swept = new Set<string>();

/** Removes what processes that were killed have left in a folder; once a process. What cannot be removed stays. */
export const sweep = async (folder: string): Promise<void> => {
  const path = resolve(folder);
  if (swept.has(path)) return;
  swept.add(path);
  const names = await fs.readdir(path).catch((): string[] => []);
  await Promise.all(
    names.map(async (name) => {
      const [, place, pid] = pattern.exec(name) ?? [];
      if (place === undefined || pid === undefined) return;
      await remove(join(path, name), place, Number(pid)).catch(() => undefined);
    }),
  );
};
