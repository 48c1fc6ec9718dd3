/**
 * How large and how deep a file may be. A file that says nothing of value can still be made to need any time or memory,
 * for example by functions that call each other; these limits end that early.
 */
import { limitExceeded, refuse } from './ImportError.ts';

export interface Limits {
  /** Of the file itself. Default 2 GiB, the most that a protobuf message can have. */
  readonly bytes?: number;
  /** Nodes, those of branches and inlined functions counted. Default 200 000. */
  readonly nodes?: number;
  /** Branches within branches, and functions that call functions. Default 32. */
  readonly depth?: number;
  /** Axes of one tensor. Default 32. */
  readonly rank?: number;
  /** Bytes of all tensors together, those of other files too. Default 16 GiB. */
  readonly tensorBytes?: number;
}

export const defaultLimits: Required<Limits> = {
  bytes: 2 ** 31,
  nodes: 200_000,
  depth: 32,
  rank: 32,
  tensorBytes: 2 ** 34,
};

/** Refuses what is above the limit. */
export const within = (what: string, allowed: number, got: number): void => {
  if (got > allowed) refuse(limitExceeded(what, allowed, got));
};
