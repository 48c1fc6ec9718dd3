/**
 * A checked model: its layers flattened to leaves in topological order, each with its name, shapes and parameters.
 * Every interpreter (lowering, initial values, summary, export) reads this and nothing else.
 */
import type { Constraint, Initializer, Regularizer } from '../layer/Options.ts';
import type { Leaf } from '../layer/Spec.ts';
import type { NdArray } from '../shape/NdArray.ts';
import type { AnyShape } from '../shape/Shape.ts';

export interface ParameterSpec {
  /** Full name, unique in the model: `backbone.conv2d_1.kernel`. */
  readonly name: string;
  /** The last part of the name: `kernel`, `bias`, `gamma`, `beta`, `moving_mean`, `moving_variance`, `v`, `g`. */
  readonly role: string;
  /** ONNX layouts: dense [in, units], convolution [filters, in / groups, height, width], per-channel [channels]. */
  readonly shape: readonly number[];
  readonly initializer: Initializer;
  /** Fan-in and fan-out by Keras's rules, for the initializer. */
  readonly fans: readonly [number, number];
  /** Trained by the optimizer; otherwise a running statistic, updated by the layer itself. */
  readonly trainable: boolean;
  /** Where Keras lays the parameter out otherwise: see `Layout.ts`. */
  readonly keras?: Layout;
  /** Its penalty on the loss. */
  readonly regularizer?: Regularizer;
  /** What holds of it after each update. */
  readonly constraint?: Constraint;
}

/** From here to Keras's layout: first the shape `view` with the same numbers in the same order, then `axes` of it, in that order. */
export interface Layout {
  readonly view: readonly number[];
  readonly axes: readonly number[];
}

/** Where a layer's input comes from: an input of the model, or the output of an earlier layer. */
export type Source =
  | { readonly _tag: 'Input'; readonly index: number }
  | { readonly _tag: 'Layer'; readonly index: number };

export interface PlacedLayer {
  /** Unique among layers with parameters that are not shared: `backbone.conv2d_1`. */
  readonly name: string;
  readonly spec: Leaf;
  readonly from: readonly Source[];
  readonly input: readonly AnyShape[];
  readonly output: AnyShape;
  /** In Keras's order: trainable in creation order, then statistics. A shared layer repeats the same names. */
  readonly parameters: readonly ParameterSpec[];
  /** True on the second and later uses of the same named parameters: count them once. */
  readonly shared: boolean;
}

export interface Resolved {
  readonly inputs: readonly { readonly name: string; readonly type: AnyShape }[];
  readonly outputs: readonly { readonly name: string; readonly type: AnyShape; readonly from: Source }[];
  /** In topological order. */
  readonly layers: readonly PlacedLayer[];
  /** Each parameter once, in order of first use. */
  readonly parameters: readonly ParameterSpec[];
  /** Values that the model carries, by the parameter's full name. */
  readonly carried?: Readonly<Record<string, NdArray>>;
  /** Paths of layers and groups that the model says are not trained. */
  readonly frozen?: readonly string[];
}
