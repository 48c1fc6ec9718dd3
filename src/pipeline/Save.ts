/**
 * Pipelines to folders.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { HasFileSystem } from '../training/Environment.ts';
import type { TrainingError } from '../training/TrainingError.ts';
import type { Pipeline } from './Arrow.ts';
import { isModelFile, manifestName, modelFile, sha256, version, type Written, withChecksum } from './Manifest.ts';
import { invalidPipeline, type NotSaveable, notSaveable, type SavedError } from './PipelineError.ts';
import type { Stage } from './Stage.ts';

type Files = ReadonlyMap<string, Uint8Array>;

interface Whole {
  readonly written: Written;
  readonly files: Files;
}

const together = (all: readonly Whole[]): Files => new Map(all.flatMap(({ files }) => [...files]));

const none: Files = new Map();

type Result = E.Either<NotSaveable | TrainingError, Whole>;

const write = (stage: Stage, path: string): Result => {
  switch (stage._tag) {
    case 'Function':
      return E.left(
        notSaveable(
          `${path} is a function (${stage.what}), which no file can hold: give it a name with P.named('...', 1, ends), and give it to load`,
        ),
      );
    case 'Data':
      return E.right({ written: stage, files: none });
    case 'Model':
      return pipe(
        stage.bytes(),
        E.map((bytes) => {
          const file = modelFile(bytes);
          return { written: { _tag: 'Model', file, settings: stage.settings }, files: new Map([[file, bytes]]) };
        }),
      );
    case 'Composite':
      return pipe(
        stage.of,
        E.traverseArrayWithIndex((i, s) => write(s, `${path}, ${stage.name} ${i + 1}`)),
        E.map((of) => ({
          written: { _tag: 'Composite', name: stage.name, of: of.map((w) => w.written) },
          files: together(of),
        })),
      );
    case 'Fields':
      return pipe(
        Object.entries(stage.of),
        E.traverseArray(([field, s]) =>
          pipe(
            write(s, `${path}, ${stage.name} '${field}'`),
            E.map((whole) => ({ field, whole })),
          ),
        ),
        E.map((of) => ({
          written: {
            _tag: 'Fields',
            name: stage.name,
            of: of.map(({ field, whole }) => ({ field, stage: whole.written })),
          },
          files: together(of.map(({ whole }) => whole)),
        })),
      );
  }
};

/**
 * Writes a pipeline to a folder: `pipeline.json`, and an ONNX file for each model. Codecs and `named` stages are written as their
 * names; fitted preprocessors, labels and shapes as they are. A pipeline that was there is replaced in one step: when this is killed
 * halfway the folder holds the old one. Errors: `NotSaveable` for functions without a name, with their place.
 *
 * @example
 * pipe(flowers, P.save('out/flowers'))
 */
export const save =
  (folder: string) =>
  <R, Err, A, B>(self: Pipeline<R, Err, A, B>): RTE.ReaderTaskEither<HasFileSystem, SavedError, void> =>
  ({ fileSystem }) =>
    pipe(
      TE.fromEither<SavedError, Whole>(
        self.problems.length > 0 ? E.left(invalidPipeline(self.problems)) : write(self.stage, 'the pipeline'),
      ),
      TE.chainW(({ written, files }) => {
        const body = {
          format: 'grad-ts pipeline',
          version,
          from: self.from,
          to: self.to,
          stage: written,
          files: Object.fromEntries(
            [...files].map(([name, bytes]) => [name, { bytes: bytes.length, sha256: sha256(bytes) }]),
          ),
        };
        return pipe(
          [...files],
          TE.traverseSeqArray(([name, bytes]) => fileSystem.writeFile(`${folder}/${name}`, bytes)),
          // The manifest last: it never names a file that is not there.
          TE.chain(() =>
            fileSystem.writeFile(`${folder}/${manifestName}`, new TextEncoder().encode(withChecksum(body))),
          ),
          TE.chain(() => fileSystem.list(folder)),
          TE.chain((there) =>
            pipe(
              there.filter((name) => isModelFile(name) && !files.has(name)),
              TE.traverseSeqArray((name) => fileSystem.remove(`${folder}/${name}`)),
            ),
          ),
          TE.map(() => undefined),
        );
      }),
    );
