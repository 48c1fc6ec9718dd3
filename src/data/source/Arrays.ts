/** Arrays from files, whole: npy, npz, safetensors. Files larger than memory are read in blocks of rows: `ArrayBlocks.ts`. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { ReaderTaskEither } from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { FormatError } from '../../format/FormatError.ts';
import * as Npy from '../../format/Npy.ts';
import * as Npz from '../../format/Npz.ts';
import * as Safetensors from '../../format/Safetensors.ts';
import type { NdArray } from '../../shape/NdArray.ts';
import type { HasFileSystem, IoError } from '../../training/Environment.ts';
import type { DataError } from '../DataError.ts';

// -------------------------------------------------------------------------------------
// whole files
// -------------------------------------------------------------------------------------

type FromFile<A> = ReaderTaskEither<HasFileSystem, DataError | IoError, A>;

/** The message is whole already. */
const asDataError = ({ name, message }: Npz.NpzError): DataError => ({ _tag: 'InvalidFile', message, file: name });

const read =
  <Err, A>(
    path: string,
    decode: (bytes: Uint8Array) => E.Either<Err, A>,
  ): ReaderTaskEither<HasFileSystem, Err | IoError, A> =>
  ({ fileSystem }) =>
    pipe(fileSystem.readFile(path), TE.chainEitherKW(decode));

/** The array in an npy file; errors are those of `Npy.decode`, and those of reading. */
export const npy = (path: string): FromFile<NdArray> =>
  read(path, (bytes) => pipe(Npy.decode(bytes, { name: path }), E.mapLeft(asDataError)));

/** The arrays of an npz file by name; `limit` is how many bytes they may have unpacked, by default 2 GiB. */
export const npz = (
  path: string,
  options: { readonly limit?: number } = {},
): FromFile<Readonly<Record<string, NdArray>>> =>
  read(path, (bytes) => pipe(Npz.decode(bytes, { ...options, name: path }), E.mapLeft(asDataError)));

/** The tensors of a safetensors file by name: `Dataset`s that were saved as such. Errors: those of `Safetensors.decode`. */
export const safetensors = (
  path: string,
): ReaderTaskEither<HasFileSystem, FormatError | IoError, Readonly<Record<string, NdArray>>> =>
  read(path, (bytes) =>
    pipe(
      Safetensors.decode(bytes),
      E.bimap(
        (e): FormatError => ({ ...e, message: `${path}: ${e.message}` }),
        ({ tensors }) => tensors,
      ),
    ),
  );
