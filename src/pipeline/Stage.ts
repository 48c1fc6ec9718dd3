/**
 * What a pipeline is made of, as data: what `save` writes and `load` builds anew. Functions are opaque, and cannot be saved.
 */
import type * as E from 'fp-ts/lib/Either.js';
import type { LazyArg } from 'fp-ts/lib/function.js';
import type { TrainingError } from '../training/TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Pipelines put together of others. */
export const composites = [
  ...(['Chain', 'First', 'Second', 'Split', 'Fanout', 'Left', 'Right', 'Choice', 'Fanin'] as const),
] as const;

export type Composite = (typeof composites)[number];

export type Stage =
  | { readonly _tag: 'Composite'; readonly name: Composite; readonly of: readonly Stage[] }
  | { readonly _tag: 'Fields'; readonly name: 'Struct' | 'Collect'; readonly of: Readonly<Record<string, Stage>> }
  /** A stage that is known by its name and settings. */
  | { readonly _tag: 'Data'; readonly name: string; readonly settings: Readonly<Record<string, unknown>> }
  /** The same, with the bytes of an ONNX file. */
  | {
      readonly _tag: 'Model';
      readonly settings: Readonly<Record<string, unknown>>;
      readonly bytes: LazyArg<E.Either<TrainingError, Uint8Array>>;
    }
  | { readonly _tag: 'Function'; readonly what: string };

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

export const identity: Stage = { _tag: 'Composite', name: 'Chain', of: [] };

export const composite = (name: Composite, ...of: readonly Stage[]): Stage => ({ _tag: 'Composite', name, of });

export const data = (name: string, settings: Readonly<Record<string, unknown>> = {}): Stage => ({
  _tag: 'Data',
  name,
  settings,
});

export const opaque = (what: string): Stage => ({ _tag: 'Function', what });

const links = (stage: Stage): readonly Stage[] =>
  stage._tag === 'Composite' && stage.name === 'Chain' ? stage.of : [stage];

/** One after the other; chains are taken apart, so that it does not matter how they were put together. */
export const chain = (first: Stage, next: Stage): Stage => {
  const all = [...links(first), ...links(next)];
  return all.length === 1 && all[0] !== undefined ? all[0] : composite('Chain', ...all);
};
