/**
 * The file system of the machine, as the environment of a run wants it.
 *
 * Law of `writeFile`: whatever happens, and whenever the process is killed, the path holds the old content or the new one,
 * whole; when it fails, no temporary file is left. What a process that was killed has left of one is removed when another
 * process first writes into that folder.
 */
import type { FileHandle } from 'node:fs/promises';
import * as fs from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { FileSystem, IoError } from '../training/Environment.ts';
import { sweep, temporaryIn } from './Temporary.ts';

// -------------------------------------------------------------------------------------
// errors
// -------------------------------------------------------------------------------------

const mends: Readonly<Record<string, string>> = {
  ENOENT: 'check the spelling of the path and the folder it starts from',
  EACCES: 'check the permissions of the file and its folder',
  EPERM: 'check the permissions of the file and its folder',
  EROFS: 'it lies on a read-only file system: choose another folder',
  ENOSPC: 'the disk is full: free some space or choose another folder',
  EDQUOT: 'your quota is used up: free some space or choose another folder',
  EISDIR: 'there is a folder of that name: give the path of a file',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EEXIST: 'a part of the path is a file, not a folder',
  ENAMETOOLONG: 'take a shorter name',
  EMFILE: 'too many files are open: close some, or raise the limit (ulimit -n)',
};

const codeOf = (e: unknown): string | undefined =>
  e instanceof Error && 'code' in e && typeof e.code === 'string' ? e.code : undefined;

const ioError =
  (what: string, path: string) =>
  (e: unknown): IoError => {
    const code = codeOf(e);
    const said = e instanceof Error ? e.message : String(e);
    const mend = code === undefined ? undefined : mends[code];
    return {
      _tag: 'IoError',
      message: `could not ${what} ${path}: ${said}${mend === undefined ? '' : `; ${mend}`}`,
      path,
      code,
    };
  };

// -------------------------------------------------------------------------------------
// writing
// -------------------------------------------------------------------------------------

/** Codes that say that folders cannot be synced here at all, as on Windows: then renaming is as safe as it gets. */
const cannotSync: readonly (string | undefined)[] = ['EINVAL', 'ENOTSUP', 'EPERM', 'EISDIR', 'EACCES', 'EBADF'];

const closing = async <A>(handle: FileHandle, use: (handle: FileHandle) => Promise<A>): Promise<A> => {
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
};

/** One read takes less than 2 GiB. */
const MOST = 2 ** 30;

const readPart = async (handle: FileHandle, offset: number, length: number): Promise<Uint8Array> => {
  const { size } = await handle.stat();
  const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await handle.read(bytes, done, Math.min(MOST, bytes.length - done), offset + done);
    if (bytesRead === 0) return bytes.subarray(0, done);
    done += bytesRead;
  }
  return bytes;
};

const syncFolder = async (folder: string): Promise<void> => {
  try {
    await closing(await fs.open(folder, 'r'), (handle) => handle.sync());
  } catch (e) {
    if (!cannotSync.includes(codeOf(e))) throw e;
  }
};

/** A device, a pipe or a socket: there is nothing to keep whole, and a rename would put a file in its place. */
const isSpecial = async (path: string): Promise<boolean> => {
  const found = await fs.stat(path).catch(() => undefined);
  return found !== undefined && !found.isFile() && !found.isDirectory();
};

const writeWhole = async (path: string, bytes: Uint8Array): Promise<void> => {
  if (await isSpecial(path)) return fs.writeFile(path, bytes);
  const folder = dirname(path);
  await fs.mkdir(folder, { recursive: true });
  await sweep(folder);
  // In the same folder, because only there a rename is one step; `wx`, so that nothing of that name is overwritten.
  const temporary = temporaryIn(folder);
  try {
    await closing(await fs.open(temporary, 'wx'), async (handle) => {
      await handle.writeFile(bytes);
      await handle.sync();
    });
    await fs.rename(temporary, path);
  } catch (e) {
    // What went wrong first is what the caller should hear of.
    await fs.rm(temporary, { force: true }).catch(() => undefined);
    throw e;
  }
  await syncFolder(folder);
};

// -------------------------------------------------------------------------------------
// instances
// -------------------------------------------------------------------------------------

/**
 * `FileSystem` on node:fs. Errors carry the system's code and a likely mend. `remove` of what is not there is no error;
 * `remove` does not take folders.
 */
export const nodeFileSystem: FileSystem = {
  readFile: (path) =>
    pipe(
      TE.tryCatch(() => fs.readFile(path), ioError('read', path)),
      TE.map((buffer) => new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)),
    ),
  writeFile: (path, bytes) => TE.tryCatch(() => writeWhole(path, bytes), ioError('write', path)),
  appendFile: (path, content) =>
    TE.tryCatch(
      async () => {
        await fs.mkdir(dirname(path), { recursive: true });
        await fs.appendFile(path, content);
      },
      ioError('append to', path),
    ),
  exists: (path) =>
    pipe(
      TE.tryCatch(() => fs.stat(path), ioError('look at', path)),
      TE.map(() => true),
      TE.orElse((error) => (error.code === 'ENOENT' || error.code === 'ENOTDIR' ? TE.right(false) : TE.left(error))),
    ),
  remove: (path) => TE.tryCatch(() => fs.rm(path, { force: true }), ioError('remove', path)),
  list: (folder) =>
    pipe(
      TE.tryCatch(() => fs.readdir(folder, { withFileTypes: true }), ioError('list', folder)),
      TE.map((entries) => entries.flatMap((entry) => (entry.isFile() ? [entry.name] : [])).sort()),
      TE.orElse((error) => (error.code === 'ENOENT' ? TE.right([]) : TE.left(error))),
    ),
  readRange: (path, offset, length) =>
    TE.tryCatch(
      async () => closing(await fs.open(path, 'r'), (handle) => readPart(handle, offset, length)),
      ioError('read', path),
    ),
  size: (path) =>
    TE.tryCatch(
      async () => {
        const found = await fs.stat(path);
        if (found.isFile()) return found.size;
        throw Object.assign(new Error('it is no file'), { code: found.isDirectory() ? 'EISDIR' : undefined });
      },
      ioError('look at', path),
    ),
  folders: (folder) =>
    pipe(
      TE.tryCatch(() => fs.readdir(folder, { withFileTypes: true }), ioError('list', folder)),
      TE.map((entries) => entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort()),
    ),
  realPath: (path) => TE.tryCatch(() => fs.realpath(path), ioError('look at', path)),
};
