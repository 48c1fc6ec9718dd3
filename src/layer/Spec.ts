/**
 * Layers as plain data: what every interpreter (shapes, parameters, lowering, summary) reads.
 *
 * A `Leaf` computes something; a `Composite` only arranges leaves. Names are Keras's, in camel case; every option is
 * present with its default filled in by the constructor, so that interpreters decide nothing.
 */
import type { AnyShape, Shape } from '../shape/Shape.ts';

// -------------------------------------------------------------------------------------
// options shared by layers
// -------------------------------------------------------------------------------------

export type Activation = 'linear' | 'relu' | 'sigmoid' | 'tanh' | 'softmax';

/** Keras's initializers; fans by Keras's rules on the Keras layout of the kernel. */
export type Initializer =
  | { readonly _tag: 'Zeros' }
  | { readonly _tag: 'Ones' }
  | { readonly _tag: 'Constant'; readonly value: number }
  | { readonly _tag: 'RandomNormal'; readonly mean: number; readonly stddev: number }
  | { readonly _tag: 'TruncatedNormal'; readonly mean: number; readonly stddev: number }
  | { readonly _tag: 'RandomUniform'; readonly minval: number; readonly maxval: number }
  | {
      readonly _tag: 'VarianceScaling';
      readonly scale: number;
      readonly mode: 'fanIn' | 'fanOut' | 'fanAvg';
      readonly distribution: 'truncatedNormal' | 'untruncatedNormal' | 'uniform';
    }
  /** The Euclidean norm of the layer's other parameter of that role, one for each output unit. */
  | { readonly _tag: 'NormOf'; readonly role: string };

/** `same` and `valid` are Keras's; a number or a pair (height, width) pads that many cells on both sides with zeros. */
export type Padding = 'same' | 'valid' | readonly [number, number];
export type Pair = readonly [number, number];

// -------------------------------------------------------------------------------------
// leaves
// -------------------------------------------------------------------------------------

export interface DenseSpec {
  readonly op: 'dense';
  readonly units: number;
  readonly activation: Activation;
  readonly useBias: boolean;
  readonly kernelInitializer: Initializer;
  readonly biasInitializer: Initializer;
}

export interface Conv2dSpec {
  readonly op: 'conv2d';
  readonly filters: number;
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly padding: Padding;
  readonly dilation: Pair;
  readonly groups: number;
  readonly activation: Activation;
  readonly useBias: boolean;
  readonly kernelInitializer: Initializer;
  readonly biasInitializer: Initializer;
}

export interface Pool2dSpec {
  readonly op: 'maxPool2d' | 'averagePool2d';
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly padding: Padding;
}

export interface BatchNormalizationSpec {
  readonly op: 'batchNormalization';
  /** Axis of the features, counted with the batch at 0: 1 (channels first) for images, the last one otherwise. */
  readonly axis: number | undefined;
  readonly momentum: number;
  readonly epsilon: number;
  readonly center: boolean;
  readonly scale: boolean;
}

export type Leaf =
  | DenseSpec
  | Conv2dSpec
  | Pool2dSpec
  | BatchNormalizationSpec
  | { readonly op: 'globalAveragePool2d' }
  | { readonly op: 'flatten' }
  | { readonly op: 'reshape'; readonly shape: Shape }
  | { readonly op: 'dropout'; readonly rate: number }
  | { readonly op: 'activation'; readonly activation: Activation }
  | { readonly op: 'rescaling'; readonly scale: number; readonly offset: number }
  | { readonly op: 'identity' }
  /** Kernel = gain * v / |v|, one norm for each output unit (Salimans and Kingma 2016). */
  | { readonly op: 'weightNormalization'; readonly layer: DenseSpec | Conv2dSpec; readonly dataInit: boolean }
  /** Merges: more than one input. */
  | { readonly op: 'add' }
  | { readonly op: 'concatenate'; readonly axis: number };

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
  | { readonly op: 'named'; readonly name: string; readonly layer: Spec }
  | { readonly op: 'repeat'; readonly times: number; readonly layer: Spec }
  /** A whole model used as a layer; its parameters are shared wherever it stands under the same name. */
  | { readonly op: 'model'; readonly model: ModelSpec };

export type Spec = Leaf | Composite;

/** A model's wiring as plain data: named inputs, and expressions over them. */
export interface ModelSpec {
  readonly inputs: readonly { readonly name: string; readonly type: AnyShape }[];
  readonly outputs: readonly { readonly name: string; readonly from: Expression }[];
}

export type Expression =
  | { readonly _tag: 'Input'; readonly name: string; readonly type: AnyShape }
  | { readonly _tag: 'Apply'; readonly spec: Spec; readonly to: readonly Expression[] };
