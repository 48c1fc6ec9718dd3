/**
 * Graphs that somebody else made: an ONNX file's nodes as plain data, before anything is known of the input's size.
 *
 * Values are named, as in the file. Every tensor that the file holds (initializers and `Constant` nodes, those inside
 * branches too) is in `constants`; local functions are inlined, and nodes are in an order in which each comes after
 * what it reads. What a graph computes is known once the types of its inputs are: see `onnx/import/Elaborate`.
 */
import type { DType, NdArray } from '../shape/NdArray.ts';
import type { Dim } from '../shape/Shape.ts';
import type { Attribute } from './Graph.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export type ForeignAttribute =
  | Exclude<Attribute, { readonly _tag: 'Graph' }>
  | { readonly _tag: 'Strings'; readonly value: readonly string[] }
  /** A branch. */
  | { readonly _tag: 'Body'; readonly value: ForeignBody };

export interface ForeignNode {
  /** Of the file, or made from its operator and first output. */
  readonly name: string;
  readonly operator: string;
  /** `''` is ai.onnx. */
  readonly domain: string;
  /** Version of the domain's operator set. */
  readonly version: number;
  /** `''`: an optional input left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, ForeignAttribute>>;
}

/** A branch of an `If`: it reads values of the graph around it by name. */
export interface ForeignBody {
  readonly nodes: readonly ForeignNode[];
  readonly outputs: readonly string[];
}

/** What the file says of a value; the shape is undefined where it says nothing. */
export interface ForeignType {
  readonly dtype: DType;
  readonly shape: readonly Dim[] | undefined;
}

export interface ForeignPort {
  readonly name: string;
  readonly type: ForeignType;
}

/** How a tensor of the file takes part in training: not at all, trained by the optimizer, or as a running statistic. */
export type ForeignRole = 'constant' | 'weight' | 'statistic';

export interface Foreign {
  /** Names the layer, and its parameters: `imported.conv1.weight`. */
  readonly name: string;
  readonly inputs: readonly ForeignPort[];
  readonly outputs: readonly ForeignPort[];
  readonly nodes: readonly ForeignNode[];
  readonly constants: ReadonlyMap<string, NdArray>;
  /** Of the tensors that are not constants. */
  readonly roles: ReadonlyMap<string, Exclude<ForeignRole, 'constant'>>;
  /** Types that the file declares for values inside. */
  readonly types: ReadonlyMap<string, ForeignType>;
  /** Whether a first dimension that the file fixes to 1 stands for any number of samples. */
  readonly freeBatch: boolean;
  /** Whether batch normalisation uses the batch's own statistics in training, and keeps the running ones up to date. */
  readonly trainStatistics: boolean;
}
