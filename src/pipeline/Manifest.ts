/**
 * The file that describes a saved pipeline, `pipeline.json`: a tree of stages as JSON, what it takes and gives, and which ONNX files
 * belong to it, each with its size and SHA-256. The manifest has a checksum of its own.
 */
import { createHash } from 'node:crypto';
import * as t from 'io-ts';
import type { AnyBorder } from './Border.ts';
import type { Composite } from './Stage.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export const manifestName = 'pipeline.json';

/** Files of another version are refused. */
export const version = 1;

/** A stage as it is written: models are in files of their own. */
export type Written =
  | { readonly _tag: 'Composite'; readonly name: Composite; readonly of: readonly Written[] }
  | {
      readonly _tag: 'Fields';
      readonly name: 'Struct' | 'Collect';
      readonly of: readonly { readonly field: string; readonly stage: Written }[];
    }
  | { readonly _tag: 'Data'; readonly name: string; readonly settings: Readonly<Record<string, unknown>> }
  | { readonly _tag: 'Model'; readonly file: string; readonly settings: Readonly<Record<string, unknown>> };

// -------------------------------------------------------------------------------------
// codecs
// -------------------------------------------------------------------------------------

const shape = t.union([
  t.readonlyArray(t.union([t.number, t.string])),
  t.type({ int: t.readonlyArray(t.union([t.number, t.string])) }),
]);

export const Shape = shape;

export const Border: t.Type<AnyBorder, unknown, unknown> = t.recursion(
  'Border',
  (): t.Type<AnyBorder, unknown, unknown> =>
    t.union([
      t.type({ _tag: t.literal('Anything') }),
      t.type({ _tag: t.literal('Named'), name: t.string }),
      t.type({ _tag: t.literal('Array'), shape }),
      t.type({ _tag: t.union([t.literal('Pair'), t.literal('Either')]), of: t.tuple([Border, Border]) }),
      t.type({ _tag: t.literal('Record'), fields: t.record(t.string, Border) }),
    ]) as unknown as t.Type<AnyBorder, unknown, unknown>,
);

export const File = t.type({ bytes: t.number, sha256: t.string });

export const Body = t.type({
  format: t.literal('grad-ts pipeline'),
  version: t.number,
  from: Border,
  to: Border,
  stage: t.unknown,
  files: t.record(t.string, File),
});

export type Body = t.TypeOf<typeof Body>;

// -------------------------------------------------------------------------------------
// checksums
// -------------------------------------------------------------------------------------

export const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** Named after its content: another model never takes the place of one that a manifest names. */
export const modelFile = (bytes: Uint8Array): string => `model-${sha256(bytes).slice(0, 16)}.onnx`;

export const isModelFile = (name: string): boolean => /^model-[0-9a-f]{16}\.onnx$/.test(name);

export const withChecksum = (body: object): string => {
  const text = JSON.stringify(body);
  return JSON.stringify({ checksum: sha256(text), body: JSON.parse(text) }, undefined, 1);
};
