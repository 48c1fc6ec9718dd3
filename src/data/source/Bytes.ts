/** Bytes of files as streams: a block at a time, unpacked where they are gzip. */
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import { toReadable } from '../../stream/Node.ts';
import * as S from '../../stream/Stream.ts';
import type { FileSystem, HasFileSystem, IoError } from '../../training/Environment.ts';
import { type DataError, invalidFile } from '../DataError.ts';

const BLOCK = 1 << 20;

/** The bytes of a file as they are, in blocks. A file system that cannot read parts reads it whole. */
export const fileBytes = (path: string, block = BLOCK): S.Stream<HasFileSystem, IoError, Uint8Array> =>
  S.fromGenerator(async function* ({ fileSystem }) {
    const { readRange } = fileSystem;
    if (readRange === undefined) return yield await fileSystem.readFile(path)();
    for (let offset = 0; ; offset += block) {
      const bytes = await readRange(path, offset, block)();
      if (E.isLeft(bytes)) return yield bytes;
      if (bytes.right.length > 0) yield bytes;
      if (bytes.right.length < block) return;
    }
  });

/** How many bytes a file has; of a file system that cannot tell, it is read to know. */
export const sizeOf = ({ size, readFile }: FileSystem, path: string): TE.TaskEither<IoError, number> =>
  size?.(path) ??
  pipe(
    readFile(path),
    TE.map((bytes) => bytes.length),
  );

/** Some bytes of a file, at most up to its end; of a file system that cannot read parts, cut from all of it. */
export const partOf = (
  { readRange, readFile }: FileSystem,
  path: string,
  offset: number,
  length: number,
): TE.TaskEither<IoError, Uint8Array> =>
  readRange?.(path, offset, length) ??
  pipe(
    readFile(path),
    TE.map((bytes) => bytes.subarray(offset, offset + length)),
  );

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** What an error of the source is wrapped in on its way through Node's streams. */
class Carried extends Error {
  constructor(readonly left: unknown) {
    super('the source failed');
  }
}

const gunzipped = <R, Err>(
  name: string,
  packed: S.Stream<R, Err, Uint8Array>,
): S.Stream<R, Err | DataError, Uint8Array> =>
  S.fromGenerator<R, Err | DataError, Uint8Array>(async function* (r) {
    const unpacking = createGunzip();
    // Errors come out of the loop below; whoever stops it destroys both ends.
    pipeline(toReadable(Readable)(r)(S.mapLeft((left: Err) => new Carried(left))(packed)), unpacking, () => undefined);
    try {
      for await (const chunk of unpacking) yield E.right(chunk as Uint8Array);
    } catch (e) {
      if (e instanceof Carried) return yield E.left(e.left as Err);
      const said = e instanceof Error ? e.message : String(e);
      yield E.left(invalidFile(name, `the gzip data are damaged or cut off (${said})`, 'fetch the file again'));
    }
  });

/** As they are, or unpacked: gzip is known by its first bytes. Memory does not grow with what is in it. */
export const unpacked =
  (name: string) =>
  <R, Err>(source: S.Stream<R, Err, Uint8Array>): S.Stream<R, Err | DataError, Uint8Array> =>
    S.fromGenerator<R, Err | DataError, Uint8Array>(async function* (r) {
      const blocks = source(r)[Symbol.asyncIterator]();
      let ended = false;
      const pull = async (): Promise<E.Either<Err, Uint8Array> | undefined> => {
        const next = await blocks.next();
        if (next.done === true || E.isLeft(next.value)) ended = true;
        return next.done === true ? undefined : next.value;
      };
      try {
        const first = await pull();
        if (first === undefined) return;
        const all: S.Stream<unknown, Err, Uint8Array> = S.fromGenerator(async function* () {
          for (let next: E.Either<Err, Uint8Array> | undefined = first; next !== undefined; next = await pull()) {
            yield next;
            if (E.isLeft(next)) return;
          }
        });
        yield* (E.isRight(first) && isGzip(first.right) ? gunzipped(name, all) : all)(undefined);
      } finally {
        if (!ended) await blocks.return?.();
      }
    });

/** The bytes of a file, unpacked where it is gzip. */
export const contents = (path: string): S.Stream<HasFileSystem, DataError | IoError, Uint8Array> =>
  unpacked(path)(fileBytes(path));
