/**
 * The messages between a runtime and its worker thread. Tensors that stay in the worker are known by number.
 */
import type { InferenceSession } from 'onnxruntime-node';
import type { NdArray } from '../shape/NdArray.ts';

/** A part of a tensor that is in the worker: so many elements from `offset` on, in this shape. */
export interface View {
  readonly of: number;
  readonly offset: number;
  readonly shape: readonly number[];
}

/** A tensor that is there already, or a part of one. */
export type Held = number | View;

/** A value to feed: data sent along, or what is there already. */
export type Feed = NdArray | Held;

export type Request =
  | { readonly _tag: 'Load'; readonly model: Uint8Array; readonly options: InferenceSession.SessionOptions }
  /** Keeps copies in the worker. */
  | { readonly _tag: 'Upload'; readonly tensors: Readonly<Record<string, NdArray>> }
  | {
      readonly _tag: 'Run';
      readonly session: number;
      readonly feeds: Readonly<Record<string, Feed>>;
      /** Outputs that stay in the worker; all others come back. */
      readonly keep: readonly string[];
      /** Outputs of `keep` by name, with a resident of `free` whose memory they may take. */
      readonly into: Readonly<Record<string, number>>;
      /** Residents to let go of once the run has succeeded. */
      readonly free: readonly number[];
    }
  | { readonly _tag: 'Download'; readonly residents: Readonly<Record<string, Held>> }
  | { readonly _tag: 'Free'; readonly residents: readonly number[] }
  | { readonly _tag: 'Release'; readonly session: number };

export interface Reply {
  /** A session's number. */
  readonly session?: number;
  readonly residents?: Readonly<Record<string, number>>;
  readonly tensors?: Readonly<Record<string, NdArray>>;
  /** Milliseconds that onnxruntime computed. */
  readonly milliseconds?: number;
}

/** What a thread is started with. */
export interface Setup {
  /** Numbers of its tensors and sessions come after this one. */
  readonly first: number;
  /** Two flags in shared memory, by the indices below. */
  readonly flags: Int32Array<SharedArrayBuffer>;
}

/** Flag, set by the thread: 1 while it starts or answers a request. */
export const BUSY = 0;
/** Flag, set from outside: 1 when it must not begin with another one. */
export const STOP = 1;

/** `undefined` in place of an envelope: end when what is at hand is done. */
export interface Envelope {
  readonly id: number;
  readonly request: Request;
}

export type Answer =
  | { readonly id: number; readonly ok: true; readonly reply: Reply }
  | { readonly id: number; readonly ok: false; readonly message: string };
