/**
 * Layers as plain data: what every interpreter (shapes, parameters, lowering, summary) reads.
 *
 * A `Leaf` computes something; a `Composite` only arranges leaves. Names are Keras's, in camel case; every option is
 * present with its default filled in by the constructor, so that interpreters decide nothing.
 */
import type { Foreign } from '../graph/Foreign.ts';
import type { NdArray } from '../shape/NdArray.ts';
import type { NoiseShape } from '../shape/rules/NoiseShape.ts';
import type { AnyShape, Shape } from '../shape/Shape.ts';
import type { BatchNormalizationSpec, CoreLeaf, DenseSpec, KernelSpec } from './CoreSpec.ts';
import type { Activation } from './Options.ts';
import type { MergeMode, RecurrentSpec, SequenceLeaf } from './SequenceSpec.ts';
import type { ElementwiseMergeSpec, SpatialLeaf } from './SpatialSpec.ts';

// -------------------------------------------------------------------------------------
// leaves
// -------------------------------------------------------------------------------------

export type Leaf =
  | DenseSpec
  | BatchNormalizationSpec
  | CoreLeaf
  | SpatialLeaf
  | SequenceLeaf
  | { readonly op: 'flatten' }
  | { readonly op: 'reshape'; readonly shape: Shape }
  | { readonly op: 'dropout'; readonly rate: number; readonly noiseShape: NoiseShape | undefined }
  | { readonly op: 'activation'; readonly activation: Activation }
  | { readonly op: 'rescaling'; readonly scale: number; readonly offset: number }
  | { readonly op: 'identity' }
  /** Kernel = gain * v / |v|, one norm for each output unit (Salimans and Kingma 2016). */
  | { readonly op: 'weightNormalization'; readonly layer: KernelSpec; readonly dataInit: boolean }
  /** More than one input. */
  | { readonly op: 'concatenate'; readonly axis: number }
  | ImportedSpec
  /** Another output of the imported graph: its first input is the graph's layer, the others are the graph's own inputs. */
  | { readonly op: 'importedOutput'; readonly graph: Foreign; readonly output: number };

/** A graph that somebody else made, with the values that its weights begin with. It gives its first output. */
export interface ImportedSpec {
  readonly op: 'imported';
  readonly graph: Foreign;
}

// -------------------------------------------------------------------------------------
// composites
// -------------------------------------------------------------------------------------

export type Composite =
  | { readonly op: 'sequential'; readonly layers: readonly Spec[] }
  | { readonly op: 'residual'; readonly body: Spec; readonly shortcut: Spec }
  /**
   * The branches' outputs for one input; without branches, the inputs themselves. Axis `undefined`: channels (1) for
   * images `[batch, channels, height, width]`, the last one otherwise.
   */
  | { readonly op: 'concat'; readonly branches: readonly Spec[]; readonly axis: number | undefined }
  /** The layer forwards in time, and another one backwards: one like it, unless it is given. */
  | {
      readonly op: 'bidirectional';
      readonly layer: RecurrentSpec;
      readonly backward?: RecurrentSpec;
      readonly mode: MergeMode;
    }
  /** The layer on each step of a sequence by itself. */
  | { readonly op: 'timeDistributed'; readonly layer: Spec }
  /** The branches' outputs for one input, elementwise. */
  | { readonly op: 'merge'; readonly by: ElementwiseMergeSpec['op']; readonly branches: readonly Spec[] }
  | { readonly op: 'named'; readonly name: string; readonly layer: Spec }
  | { readonly op: 'repeat'; readonly times: number; readonly layer: Spec }
  /** A whole model used as a layer; its parameters are shared wherever it stands under the same name. */
  | { readonly op: 'model'; readonly model: ModelSpec };

export type Spec = Leaf | Composite;

/** A model's wiring as plain data: named inputs, and expressions over them. */
export interface ModelSpec {
  readonly inputs: readonly { readonly name: string; readonly type: AnyShape }[];
  readonly outputs: readonly { readonly name: string; readonly from: Expression }[];
  /** Values that parameters begin with in place of their initializers', by full name: trained weights that a model carries. */
  readonly carried?: Readonly<Record<string, NdArray>>;
  /** Names that layers without one do not take, because a later layer has it. */
  readonly reserved?: readonly string[];
  /** Paths of layers and groups that are not trained. */
  readonly frozen?: readonly string[];
}

export type Expression =
  | { readonly _tag: 'Input'; readonly name: string; readonly type: AnyShape }
  | { readonly _tag: 'Apply'; readonly spec: Spec; readonly to: readonly Expression[] };
