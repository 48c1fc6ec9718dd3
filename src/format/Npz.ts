/**
 * npz: named arrays in one file, a ZIP archive of npy files (numpy.savez, numpy.savez_compressed).
 *
 * Laws: `decode` after `encode` gives the arrays back; `decode` of any bytes whatever returns, never throws, and unpacks no
 * more than `limit` bytes.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { NdArray } from '../shape/NdArray.ts';
import * as Npy from './Npy.ts';
import { type UnzipOptions, unzip, type ZipError, zip } from './Zip.ts';

export type NpzError = Npy.NpyError | ZipError;

const SUFFIX = '.npy';

/**
 * The arrays by name. Errors: those of archives and of npy files, each with the member's name; a member that is no npy file.
 *
 * @example
 * pipe(Npz.decode(bytes), E.map(({ x, y }) => ...)) // numpy: np.savez('data.npz', x=x, y=y)
 */
export const decode = (
  bytes: Uint8Array,
  options: UnzipOptions = {},
): E.Either<NpzError, Readonly<Record<string, NdArray>>> => {
  const { name = 'npz' } = options;
  return pipe(
    unzip(bytes, { ...options, name }),
    E.chainW((files) =>
      pipe(
        Object.entries(files),
        E.traverseArray(([file, content]) =>
          pipe(
            Npy.decode(content, { name: `${name}: ${file}` }),
            E.map((array) => [file.endsWith(SUFFIX) ? file.slice(0, -SUFFIX.length) : file, array] as const),
          ),
        ),
      ),
    ),
    E.map((arrays) => Object.fromEntries(arrays)),
  );
};

/** The bytes of a file with these arrays; `compress` as `numpy.savez_compressed`. Errors: those of `Npy.encode`; 4 GiB or more. */
export const encode = (
  arrays: Readonly<Record<string, NdArray<unknown>>>,
  options: { readonly compress?: boolean; readonly name?: string } = {},
): E.Either<NpzError, Uint8Array> =>
  pipe(
    Object.entries(arrays),
    E.traverseArray(([name, array]) =>
      pipe(
        Npy.encode(array, { name }),
        E.map((bytes) => [`${name}${SUFFIX}`, bytes] as const),
      ),
    ),
    E.chainW((files) => zip(Object.fromEntries(files), options)),
  );
