/**
 * Dense layers, embeddings, normalisation, noise and users' own layers as plain data. Part of `Spec.ts`.
 */
import type { Either } from 'fp-ts/lib/Either.js';
import type { Value } from '../graph/Graph.ts';
import type { NoiseShape } from '../shape/rules/NoiseShape.ts';
import type { AnyShape, Dim } from '../shape/Shape.ts';
import type { Activation, Axes, Constraint, Governed, Initializer, Regularizer } from './Options.ts';
import type { ConvSpec, ConvTransposeSpec, DepthwiseConvSpec } from './SpatialSpec.ts';

// -------------------------------------------------------------------------------------
// layers
// -------------------------------------------------------------------------------------

export interface DenseSpec extends Governed {
  readonly op: 'dense';
  readonly units: number;
  readonly activation: Activation;
  readonly useBias: boolean;
  readonly kernelInitializer: Initializer;
  readonly biasInitializer: Initializer;
}

/** How `gamma` and `beta` begin. */
export interface ScaleInitializers {
  readonly gammaInitializer: Initializer;
  readonly betaInitializer: Initializer;
}

/** Batch renormalisation: the momentum of its statistics, and the bounds of its corrections. */
export interface Renorm {
  readonly momentum: number;
  readonly rmin: number | undefined;
  readonly rmax: number | undefined;
  readonly dmax: number | undefined;
}

export interface BatchNormalizationSpec extends Governed, ScaleInitializers {
  readonly op: 'batchNormalization';
  /** Axis of the features, counted with the batch at 0: 1 (channels first) for images, the last one otherwise. */
  readonly axis: number | undefined;
  readonly momentum: number;
  readonly epsilon: number;
  readonly center: boolean;
  readonly scale: boolean;
  readonly movingMeanInitializer: Initializer;
  readonly movingVarianceInitializer: Initializer;
  readonly renorm?: Renorm;
}

export interface PReluSpec extends Governed {
  readonly op: 'prelu';
  readonly alphaInitializer: Initializer;
  /** Axes (the batch is 0) along which one number serves all. */
  readonly sharedAxes: readonly number[];
}

export interface EinsumDenseSpec extends Governed {
  readonly op: 'einsumDense';
  readonly equation: string;
  /** All axes behind the batch; `null`: the size that the input has. */
  readonly outputShape: readonly (number | null)[];
  readonly biasAxes: string | undefined;
  readonly activation: Activation;
  readonly kernelInitializer: Initializer;
  readonly biasInitializer: Initializer;
}

/** Two inputs. */
export interface BilinearSpec extends Governed {
  readonly op: 'bilinear';
  readonly units: number;
  readonly activation: Activation;
  readonly useBias: boolean;
  readonly kernelInitializer: Initializer;
  readonly biasInitializer: Initializer;
}

export interface EmbeddingSpec extends Governed {
  readonly op: 'embedding';
  readonly inputDim: number;
  readonly outputDim: number;
  readonly embeddingsInitializer: Initializer;
  /** Whether token 0 is padding: sequence layers behind leave its steps out. */
  readonly maskZero: boolean;
}

/** Axes `undefined`: the features', 1 for images and volumes, the last one otherwise. */
export interface LayerNormalizationSpec extends Governed, ScaleInitializers {
  readonly op: 'layerNormalization';
  readonly axis: Axes | undefined;
  readonly epsilon: number;
  readonly center: boolean;
  readonly scale: boolean;
}

export interface GroupNormalizationSpec extends Governed, ScaleInitializers {
  readonly op: 'groupNormalization' | 'instanceNormalization';
  /** -1: as many as there are channels. */
  readonly groups: number;
  readonly axis: number | undefined;
  readonly epsilon: number;
  readonly center: boolean;
  readonly scale: boolean;
}

export interface RmsNormalizationSpec extends Governed {
  readonly op: 'rmsNormalization';
  readonly axis: Axes | undefined;
  readonly epsilon: number;
}

/** A layer with one parameter `kernel`, that a wrapper may put another in place of. */
export type KernelSpec = DenseSpec | EinsumDenseSpec | ConvSpec | ConvTransposeSpec | DepthwiseConvSpec;

export interface SpectralNormalizationSpec {
  readonly op: 'spectralNormalization';
  readonly layer: KernelSpec;
  readonly powerIterations: number;
}

/** Act in training only. */
export type NoiseSpec =
  | { readonly op: 'spatialDropout1d' | 'spatialDropout2d' | 'spatialDropout3d'; readonly rate: number }
  | { readonly op: 'alphaDropout'; readonly rate: number; readonly noiseShape: NoiseShape | undefined }
  | { readonly op: 'gaussianDropout'; readonly rate: number }
  | { readonly op: 'gaussianNoise'; readonly stddev: number };

// -------------------------------------------------------------------------------------
// users' own layers
// -------------------------------------------------------------------------------------

export interface CustomParameter {
  /** The last part of its name, and how `lower` asks for it. */
  readonly role: string;
  readonly shape: readonly number[];
  readonly initializer: Initializer;
  /** `false`: the optimizer leaves it alone; the layer may return new values. `true` by default. */
  readonly trainable?: boolean;
  readonly regularizer?: Regularizer;
  readonly constraint?: Constraint;
}

export interface CustomSite {
  readonly mode: 'training' | 'inference';
  /** The layer's parameters by role. */
  readonly parameter: (role: string) => Value;
  /** Shape of the output, as `output` says. */
  readonly output: readonly Dim[];
  /** In training only: numbers in (0, 1] in the shape of `like`, other ones at each step and for each `stream` (0, 1, ...). */
  readonly uniform: (like: Value, stream?: number) => Value;
  /** In training only: mean 0, variance 1. */
  readonly normal: (like: Value, stream?: number) => Value;
}

export interface CustomResult {
  readonly output: Value;
  /** New values of parameters that are not trained, by role. They take effect in training. */
  readonly updates?: Readonly<Record<string, Value>>;
}

export interface CustomLayer {
  /** In camel case; the layer's automatic name is this in snake case. */
  readonly name: string;
  /** The output's shape (batch included), or what is wrong with the input. The input's shape by default. */
  readonly output?: (input: AnyShape) => Either<string, AnyShape>;
  /** None by default. */
  readonly parameters?: (input: AnyShape) => readonly CustomParameter[];
  readonly lower: (x: Value, at: CustomSite) => Value | CustomResult;
  /** Plain data that tells one use of the layer from another: named layers share parameters only if it is equal. */
  readonly options?: unknown;
}

/** Two or more. */
export type Several<A> = readonly [A, A, ...A[]];

/** As `CustomLayer`, of several inputs. */
export interface CustomMerge extends Pick<CustomLayer, 'name' | 'options'> {
  /** The output's shape (batch included), or what is wrong with the inputs. */
  readonly output: (inputs: Several<AnyShape>) => Either<string, AnyShape>;
  /** None by default. */
  readonly parameters?: (inputs: Several<AnyShape>) => readonly CustomParameter[];
  readonly lower: (inputs: Several<Value>, at: CustomSite) => Value | CustomResult;
}

export interface CustomSpec {
  readonly op: 'custom';
  /** Of a layer with one input, the functions see the list with it. */
  readonly layer: CustomMerge;
  readonly inputs: 'one' | 'several';
}

// -------------------------------------------------------------------------------------
// all of them
// -------------------------------------------------------------------------------------

export type CoreLeaf =
  | PReluSpec
  | { readonly op: 'glu'; readonly axis: number }
  | EinsumDenseSpec
  | BilinearSpec
  | EmbeddingSpec
  | CustomSpec
  | LayerNormalizationSpec
  | GroupNormalizationSpec
  | RmsNormalizationSpec
  | { readonly op: 'unitNormalization'; readonly axis: Axes }
  | SpectralNormalizationSpec
  | NoiseSpec
  | ({ readonly op: 'activityRegularization' } & Governed);

const names: ReadonlySet<string> = new Set<CoreLeaf['op']>([
  'prelu',
  'glu',
  'einsumDense',
  'bilinear',
  'embedding',
  'custom',
  'layerNormalization',
  'groupNormalization',
  'instanceNormalization',
  'rmsNormalization',
  'unitNormalization',
  'spectralNormalization',
  'spatialDropout1d',
  'spatialDropout2d',
  'spatialDropout3d',
  'alphaDropout',
  'gaussianDropout',
  'gaussianNoise',
  'activityRegularization',
]);

/** Whether a layer is of this family. */
export const isCore = <S extends { readonly op: string }>(spec: S): spec is Extract<S, CoreLeaf> => names.has(spec.op);
