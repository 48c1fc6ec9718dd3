/** Helpers for the specs of the data room. */
import * as E from 'fp-ts/lib/Either.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import * as t from 'io-ts';
import { expect } from 'vitest';
import type { FileSystem, HasFileSystem } from '../../src/training/Environment.ts';

export const right = <L, A>(either: E.Either<L, A>): A => {
  if (E.isLeft(either)) throw new Error(`expected right, got left ${JSON.stringify(either.left)}`);
  return either.right;
};

export const left = <L, A>(either: E.Either<L, A>): L => {
  if (E.isRight(either)) throw new Error('expected left, got right');
  return either.left;
};

/** Two types are the same, `readonly` and optionality included. */
export type Eq<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
export const isType = <_ extends true>(): void => {};

/** Asserts an error by its tag and by what its message must tell. */
export const expectError = <L extends { readonly _tag: string; readonly message: string }, A>(
  either: E.Either<L, A>,
  tag: L['_tag'],
  ...parts: readonly string[]
): void => {
  const error = left(either);
  expect(error._tag).toBe(tag);
  for (const part of parts) expect(error.message).toContain(part);
};

/** An array's numbers as a plain list. */
export const numbers = (array: { readonly data: ArrayLike<number | bigint> }): number[] =>
  Array.from(array.data, Number);

/** A codec of a user's that does what it must not. */
export const throwing = new t.Type<number, number, unknown>(
  'Odd',
  t.number.is,
  () => {
    throw new Error('boom');
  },
  t.identity,
);

/** Files in memory. */
export const memory = (files: Readonly<Record<string, Uint8Array>>): HasFileSystem => {
  const refuse = (path: string) => () =>
    TE.left({ _tag: 'IoError', message: `no ${path}`, path, code: 'ENOENT' } as const);
  const fileSystem: FileSystem = {
    readFile: (path) =>
      TE.fromEither(
        E.fromNullable({ _tag: 'IoError', message: `no ${path}`, path, code: 'ENOENT' } as const)(files[path]),
      ),
    writeFile: (path) => refuse(path)(),
    appendFile: (path) => refuse(path)(),
    exists: (path) => TE.right(path in files),
    remove: (path) => refuse(path)(),
    list: (folder) => refuse(folder)(),
  };
  return { fileSystem };
};
