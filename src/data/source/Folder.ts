/** Files with labels: a folder for each class, or a list. What is in the files is left to who reads them. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { ReaderTaskEither } from 'fp-ts/lib/ReaderTaskEither.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import * as t from 'io-ts';
import type { FileSystem, HasFileSystem, IoError } from '../../training/Environment.ts';
import { csv } from '../Csv.ts';
import { column, row } from '../CsvCodec.ts';
import { type DataError, empty, invalidFile } from '../DataError.ts';
import { type DataStream, fromArray } from '../streamed/Model.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface LabelledFile {
  readonly path: string;
  /** The position of its class in `classes`. */
  readonly label: number;
}

export interface LabelledFiles {
  /** Names, sorted by code unit, the same on every machine. */
  readonly classes: readonly string[];
  /** Sorted by class, then by path: shuffle it. */
  readonly files: readonly LabelledFile[];
  /** The same as streamed data. Any element can be had at once: shuffling holds nothing but numbers. */
  readonly data: DataStream<unknown, never, LabelledFile>;
}

type FromFolder = ReaderTaskEither<HasFileSystem, DataError | IoError, LabelledFiles>;

const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const labelled = (classes: readonly string[], files: readonly LabelledFile[]): LabelledFiles => ({
  classes,
  files,
  data: fromArray(files),
});

const join = (folder: string, name: string): string =>
  folder.endsWith('/') ? `${folder}${name}` : `${folder}/${name}`;

// -------------------------------------------------------------------------------------
// folders
// -------------------------------------------------------------------------------------

const hasExtension =
  (extensions: readonly string[] | undefined) =>
  (name: string): boolean =>
    !name.startsWith('.') &&
    (extensions === undefined || extensions.some((end) => name.toLowerCase().endsWith(end.toLowerCase())));

/** Files in a folder and below it. */
const walk =
  (fileSystem: FileSystem, wanted: (name: string) => boolean) =>
  (folder: string): TE.TaskEither<IoError, readonly string[]> =>
  async () => {
    const found: string[] = [];
    const open = [folder];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const here = next;
      const files = await fileSystem.list(here)();
      if (E.isLeft(files)) return files;
      found.push(...files.right.filter(wanted).map((name) => join(here, name)));
      const folders = (await fileSystem.folders?.(here)()) ?? E.right([]);
      if (E.isLeft(folders)) return folders;
      open.push(...folders.right.filter((name) => !name.startsWith('.')).map((name) => join(here, name)));
    }
    return E.right(found.sort(byCodeUnit));
  };

/**
 * The files of a folder with a folder for each class, and what is below those. Hidden files and links are left out. `classes` fixes
 * which folders are taken, and in which order: give those of the training data for the validation data. Keras:
 * `image_dataset_from_directory`; PyTorch: `ImageFolder`.
 *
 * Errors: those of listing; no folders, a class that has no folder, no files; a file system that cannot list folders.
 *
 * @example
 * pipe(
 *   D.labelledFolder('flowers/train', { extensions: ['.jpg', '.jpeg', '.png', '.webp'] }),
 *   RTE.map(({ classes, data }) => ({ classes, images: pipe(data, DS.shuffle({ seed: 1 }), DS.mapEffect(readImage)) })),
 * )
 */
export const labelledFolder =
  (
    folder: string,
    options: { readonly extensions?: readonly string[]; readonly classes?: readonly string[] } = {},
  ): FromFolder =>
  ({ fileSystem }) => {
    const { folders } = fileSystem;
    if (folders === undefined)
      return TE.left(
        invalidFile(folder, 'this file system cannot list folders', 'give it `folders`, or use labelledList'),
      );
    const walkClass = walk(fileSystem, hasExtension(options.extensions));
    return pipe(
      folders(folder),
      TE.map((names) => names.filter((name) => !name.startsWith('.')).sort(byCodeUnit)),
      TE.chainW((found): TE.TaskEither<DataError | IoError, readonly string[]> => {
        const missing = options.classes?.find((name) => !found.includes(name));
        if (missing !== undefined) {
          const there = found.join(', ') || 'none';
          return TE.left(
            invalidFile(
              folder,
              `expected a folder for the class ${JSON.stringify(missing)}, there are ${there}`,
              'check the names',
            ),
          );
        }
        return found.length === 0
          ? TE.left(empty(folder, 'folder, named for its class'))
          : TE.right(options.classes ?? found);
      }),
      TE.bindTo('classes'),
      TE.bindW('paths', ({ classes }) => TE.traverseSeqArray((name: string) => walkClass(join(folder, name)))(classes)),
      TE.chainW(({ classes, paths }) => {
        const files = paths.flatMap((own, label) => own.map((path) => ({ path, label })));
        const which = options.extensions === undefined ? 'file' : `file that ends in ${options.extensions.join(', ')}`;
        return files.length === 0 ? TE.left(empty(folder, which)) : TE.right(labelled(classes, files));
      }),
    );
  };

// -------------------------------------------------------------------------------------
// lists
// -------------------------------------------------------------------------------------

export interface ListOptions {
  /** Names of the two columns. Default `path` and `label`. */
  readonly columns?: { readonly path: string; readonly label: string };
  /** Names of the classes in the order of their numbers. Default: all labels there are, sorted. */
  readonly classes?: readonly string[];
  /** Default `,`. */
  readonly delimiter?: string;
}

const isAbsolute = (path: string): boolean => path.startsWith('/') || /^[A-Za-z]:[\\/]/.test(path);

/**
 * The files of a list: a CSV file with the columns `path` and `label` (or others of your choice), where a label is the name of a class.
 * Paths are relative to the list's folder. The files keep the list's order. `classes` as for `labelledFolder`.
 *
 * Errors: those of `csv`; a label that is not among `classes`.
 */
export const labelledList = (path: string, options: ListOptions = {}): FromFolder => {
  const { columns = { path: 'path', label: 'label' }, delimiter } = options;
  const Entry = row({ path: column(columns.path, t.string), label: column(columns.label, t.string) });
  const folder = path.slice(0, Math.max(0, path.lastIndexOf('/') + 1));
  return pipe(
    csv(path, Entry, delimiter === undefined ? {} : { delimiter }),
    RTE.chainEitherKW((entries): E.Either<DataError, LabelledFiles> => {
      const classes = options.classes ?? [...new Set(entries.map(({ label }) => label))].sort(byCodeUnit);
      const numbers = new Map(classes.map((name, i) => [name, i]));
      const strange = entries.findIndex(({ label }) => !numbers.has(label));
      if (strange >= 0) {
        const what = `entry ${strange + 1}: expected a label of ${classes.join(', ')}, got ${JSON.stringify(entries[strange]?.label)}`;
        return E.left(invalidFile(path, what, 'correct it, or add the class'));
      }
      return E.right(
        labelled(
          classes,
          entries.map((entry) => ({
            path: isAbsolute(entry.path) ? entry.path : `${folder}${entry.path}`,
            label: numbers.get(entry.label) ?? 0,
          })),
        ),
      );
    }),
  );
};
