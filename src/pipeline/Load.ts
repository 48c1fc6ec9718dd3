/**
 * Pipelines from folders: every stage is built anew from what was written, and all that it says is checked.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import * as t from 'io-ts';
import { duplicateKey } from '../format/Json.ts';
import type { HasRuntime } from '../runtime/Runtime.ts';
import type { HasFileSystem } from '../training/Environment.ts';
import type { AnyPipeline, Pipeline } from './Arrow.ts';
import * as Border from './Border.ts';
import { type Build, build, type Known } from './Build.ts';
import { invalidRequest } from './Codecs.ts';
import * as Manifest from './Manifest.ts';
import {
  type InvalidSaved,
  invalidPipeline,
  invalidSaved,
  type LoadError,
  type PipelineError,
  typeMismatch,
} from './PipelineError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface LoadOptions<A, B, S extends AnyPipeline> {
  /** What it must take, and give: compared with what was saved. */
  readonly from: Border.Border<A>;
  readonly to: Border.Border<B>;
  /** The codecs of its `decode` and `encode` stages, found by their names. */
  readonly codecs?: readonly t.Any[];
  /** Its `named` stages, found by name and version. */
  readonly stages?: readonly S[];
}

type NeedsOf<S> = [S] extends [never]
  ? unknown
  : S extends Pipeline<infer R, infer _E, infer _A, infer _B>
    ? R
    : unknown;
type ErrorsOf<S> = S extends Pipeline<infer _R, infer Err, infer _A, infer _B> ? Err : never;

// -------------------------------------------------------------------------------------
// the manifest
// -------------------------------------------------------------------------------------

const Sealed = t.type({ checksum: t.string, body: t.UnknownRecord });

const json = (bytes: Uint8Array): E.Either<string, unknown> =>
  pipe(
    E.tryCatch(
      () => new TextDecoder('utf-8', { fatal: true }).decode(bytes),
      () => 'it is no UTF-8 text',
    ),
    E.chain((text) =>
      pipe(
        E.tryCatch(
          (): unknown => JSON.parse(text),
          (e) => `it is no JSON: ${e instanceof Error ? e.message : String(e)}`,
        ),
        E.filterOrElse(
          () => duplicateKey(text) === undefined,
          () => `the key '${duplicateKey(text)}' is there twice`,
        ),
      ),
    ),
  );

const decodeWith =
  <A>(codec: t.Type<A, unknown, unknown>) =>
  (u: unknown): E.Either<string, A> =>
    pipe(
      codec.decode(u),
      E.mapLeft((errors) => invalidRequest(errors).message),
    );

const readManifest = (path: string, bytes: Uint8Array): E.Either<InvalidSaved, Manifest.Body> =>
  pipe(
    json(bytes),
    E.chain(decodeWith(Sealed)),
    E.chain(({ checksum, body }) =>
      body.format === 'grad-ts pipeline' && body.version !== Manifest.version
        ? E.left(`it is of version ${body.version}, this is version ${Manifest.version} of the format: save it again`)
        : checksum === Manifest.sha256(JSON.stringify(body))
          ? E.right<string, unknown>(body)
          : E.left('its checksum is wrong: it was changed or torn; save the pipeline again'),
    ),
    E.chain(decodeWith(Manifest.Body)),
    E.mapLeft((message) => invalidSaved(path, message)),
  );

const readFiles =
  (
    folder: string,
    files: Manifest.Body['files'],
  ): RTE.ReaderTaskEither<HasFileSystem, LoadError, ReadonlyMap<string, Uint8Array>> =>
  ({ fileSystem }) =>
    pipe(
      Object.entries(files),
      TE.traverseSeqArray(([name, { bytes, sha256 }]) => {
        const path = `${folder}/${name}`;
        return Manifest.isModelFile(name)
          ? pipe(
              fileSystem.readFile(path),
              TE.mapLeft((e): LoadError => e),
              TE.filterOrElse(
                (content) => content.length === bytes && Manifest.sha256(content) === sha256,
                (content): LoadError =>
                  invalidSaved(
                    path,
                    content.length === bytes
                      ? 'its content is not what was saved (SHA-256 differs); save the pipeline again'
                      : `expected ${bytes} bytes, got ${content.length}; it is torn or of another save`,
                  ),
              ),
              TE.map((content) => [name, content] as const),
            )
          : TE.left<LoadError>(
              invalidSaved(`${folder}/${Manifest.manifestName}`, `'${name}' is no name of a model's file`),
            );
      }),
      TE.map((all) => new Map(all)),
    );

// -------------------------------------------------------------------------------------
// load
// -------------------------------------------------------------------------------------

/**
 * Reads what `save` wrote. The result has the declared types: they are compared with what was saved, and a difference is an error that
 * names both (`TypeMismatch`). Files that are torn or changed, codecs and named stages that are not given, and stages that do not
 * fit each other are errors; nothing is opened before all of that is checked.
 *
 * @example
 * P.load('out/flowers', { from: P.anything, to: P.encoded(Answer), codecs: [Flower, Answer] })
 */
export const load =
  <A, B, S extends AnyPipeline = never>(
    folder: string,
    options: LoadOptions<A, B, S>,
  ): RTE.ReaderTaskEither<
    HasFileSystem,
    LoadError,
    Pipeline<HasRuntime & NeedsOf<S>, PipelineError | ErrorsOf<S>, A, B>
  > =>
  (env) => {
    const path = `${folder}/${Manifest.manifestName}`;
    const known: Known = { codecs: options.codecs ?? [], stages: options.stages ?? [] };
    type Loaded = Pipeline<HasRuntime & NeedsOf<S>, PipelineError | ErrorsOf<S>, A, B>;
    return pipe(
      env.fileSystem.readFile(path),
      TE.mapLeft((e): LoadError => e),
      TE.chainEitherKW((bytes) => readManifest(path, bytes)),
      TE.chainW((body) =>
        pipe(
          readFiles(folder, body.files)(env),
          TE.chainEitherKW(
            (files): Build =>
              pipe(
                build(known, files)(body.stage),
                E.mapLeft((m) => invalidSaved(path, m)),
              ),
          ),
          TE.filterOrElseW(
            (built) => built.problems.length === 0,
            (built) => invalidPipeline(built.problems),
          ),
          TE.chainEitherKW((built): E.Either<LoadError, Loaded> => {
            const [takes, gives] = [built.from, built.to].map((end, i) =>
              end._tag === 'Anything' ? (i === 0 ? body.from : body.to) : end,
            ) as [Border.AnyBorder, Border.AnyBorder];
            if (!Border.includes(takes)(options.from))
              return E.left(typeMismatch(path, 'take', Border.show(options.from), Border.show(takes)));
            if (!Border.includes(options.to)(gives))
              return E.left(typeMismatch(path, 'give', Border.show(options.to), Border.show(gives)));
            return E.right({ ...built, from: takes, to: gives } as unknown as Loaded);
          }),
        ),
      ),
    );
  };
