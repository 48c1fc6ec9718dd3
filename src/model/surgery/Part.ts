/**
 * What surgery works on: a model as a list of layers, each with its name and where its inputs come from.
 */
import type { Spec } from '../../layer/Spec.ts';
import type { NdArray } from '../../shape/NdArray.ts';
import type { AnyShape } from '../../shape/Shape.ts';
import type { Source } from '../Resolved.ts';

/** A layer, or any composite of them, at its place. */
export interface Part {
  /** `undefined`: as it names itself. */
  readonly name: string | undefined;
  readonly spec: Spec;
  readonly from: readonly Source[];
}

export interface Wired {
  readonly inputs: readonly { readonly name: string; readonly type: AnyShape }[];
  readonly parts: readonly Part[];
  readonly outputs: readonly { readonly name: string; readonly from: Source }[];
  readonly carried: Readonly<Record<string, NdArray>>;
  readonly frozen: readonly string[];
}
