/**
 * A file that a callback adds to as training goes, and that stays right over a resume: the callback's state has the
 * length that it knows of, and what is behind it (written after the checkpoint) is cut off before the run goes on.
 */
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { FileSystem, IoError } from '../training/Environment.ts';

const contents = (fileSystem: FileSystem, path: string): TE.TaskEither<IoError, Uint8Array> =>
  pipe(
    fileSystem.exists(path),
    TE.chain((there) => (there ? fileSystem.readFile(path) : TE.right(new Uint8Array()))),
  );

/** The file as the state knows it: what will be written once more is cut off. Gives its length. */
export const rewind = (fileSystem: FileSystem, path: string, bytes: number): TE.TaskEither<IoError, number> =>
  pipe(
    contents(fileSystem, path),
    TE.chain((found) =>
      found.length > bytes
        ? pipe(
            fileSystem.writeFile(path, found.slice(0, bytes)),
            TE.map(() => bytes),
          )
        : TE.right(found.length),
    ),
  );

/** The file at the beginning of a new run: emptied, or as it is if it is to be added to. Gives its length. */
export const fresh = (fileSystem: FileSystem, path: string, append: boolean): TE.TaskEither<IoError, number> =>
  append
    ? pipe(
        contents(fileSystem, path),
        TE.map((found) => found.length),
      )
    : pipe(
        fileSystem.writeFile(path, new Uint8Array()),
        TE.map(() => 0),
      );

/** Adds to the file. Gives its length after that. */
export const append = (
  fileSystem: FileSystem,
  path: string,
  before: number,
  content: string | Uint8Array,
): TE.TaskEither<IoError, number> => {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  return pipe(
    fileSystem.appendFile(path, bytes),
    TE.map(() => before + bytes.length),
  );
};
