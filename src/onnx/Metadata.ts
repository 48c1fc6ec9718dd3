/**
 * What a model's file says about itself, as entries of `metadata_props`: the names of its classes, what its inputs go through first,
 * where it comes from, and its version.
 *
 * Law: `fromEntries(toEntries(m))` is `m`.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { stringify } from 'fp-ts/lib/Json.js';
import { decode } from './Decode.ts';
import type { OnnxError } from './OnnxError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** What JSON can say. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export interface Metadata {
  /** Names of the classes, in the order of the output's last axis. In the file: `labels`, a JSON array. */
  readonly labels?: readonly string[];
  /** What the inputs go through before they come in: `{ scale: 1 / 255, layout: 'CHW' }`. In the file: `preprocessing`, JSON. */
  readonly preprocessing?: Json;
  /** Where it comes from: data, run, licence. In the file: `provenance`, JSON. */
  readonly provenance?: Json;
  /** Of the model. In the file: `version`. */
  readonly version?: string;
  /** Further entries, as they are. An entry with one of the names above takes its place. */
  readonly entries?: Readonly<Record<string, string>>;
}

// -------------------------------------------------------------------------------------
// entries
// -------------------------------------------------------------------------------------

const written = (name: string, value: unknown): E.Either<string, Readonly<Record<string, string>>> =>
  value === undefined
    ? E.right({})
    : pipe(
        stringify(value),
        E.bimap(
          (why) =>
            `${name}: expected what JSON can say, numbers, text, lists and records of them: ` +
            `${why instanceof Error ? why.message.split('\n')[0] : why}`,
          (text): Readonly<Record<string, string>> => ({ [name]: text }),
        ),
      );

/** Left: what cannot be written as JSON, and why. */
export const toEntries = ({
  labels,
  preprocessing,
  provenance,
  version,
  entries,
}: Metadata): E.Either<string, Readonly<Record<string, string>>> =>
  pipe(
    E.Do,
    E.apS('labels', written('labels', labels)),
    E.apS('preprocessing', written('preprocessing', preprocessing)),
    E.apS('provenance', written('provenance', provenance)),
    E.map((said) => ({
      ...said.labels,
      ...said.preprocessing,
      ...said.provenance,
      ...(version === undefined ? {} : { version }),
      ...entries,
    })),
  );

const parsed = (text: string): Json | undefined => {
  const found = E.tryCatch(
    () => JSON.parse(text) as Json,
    () => undefined,
  );
  return E.isRight(found) ? found.right : undefined;
};

const names = (json: Json | undefined): readonly string[] | undefined =>
  Array.isArray(json) && json.every((x) => typeof x === 'string') ? json : undefined;

/** Entries that are not in our form (files of others may have any) stay entries. */
export const fromEntries = (all: Readonly<Record<string, string>>): Metadata => {
  const entries: Record<string, string> = {};
  const found: { -readonly [K in keyof Metadata]: Metadata[K] } = {};
  for (const [key, text] of Object.entries(all)) {
    const json = key === 'labels' || key === 'preprocessing' || key === 'provenance' ? parsed(text) : undefined;
    const labels = key === 'labels' ? names(json) : undefined;
    if (labels !== undefined) found.labels = labels;
    else if (key === 'preprocessing' && json !== undefined) found.preprocessing = json;
    else if (key === 'provenance' && json !== undefined) found.provenance = json;
    else if (key === 'version') found.version = text;
    else entries[key] = text;
  }
  return Object.keys(entries).length === 0 ? found : { ...found, entries };
};

/**
 * What an ONNX file says about itself. Errors: bytes that are not an ONNX model.
 *
 * @example
 * metadata(bytes)      // Either<OnnxError, { labels: ['cat', 'dog'], version: '1.2.0' }>
 */
export const metadata = (bytes: Uint8Array): E.Either<OnnxError, Metadata> =>
  E.map(({ metadataProps }: { metadataProps: readonly { key: string; value: string }[] }) =>
    fromEntries(Object.fromEntries(metadataProps.map(({ key, value }) => [key, value]))),
  )(decode(bytes));
