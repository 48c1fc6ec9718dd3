/**
 * Layers that work on axes, as plain data: convolutions, pooling, up-sampling, padding, axes exchanged and cut, merges. Part
 * of `Spec.ts`.
 *
 * The number of spatial axes stands in the name (`conv2d`), and is the length of every list of sizes.
 */
import type { Activation, Governed, Initializer } from './Options.ts';

// -------------------------------------------------------------------------------------
// convolutions
// -------------------------------------------------------------------------------------

/** One number for each spatial axis. */
export type PerAxis = readonly number[];

/** `same` and `valid` are Keras's, `causal` too (one axis only); numbers are cells of zeros on both sides of each axis. */
export type Padding = 'same' | 'valid' | 'causal' | PerAxis;

/** What every convolution has. */
interface Convolving extends Governed {
  readonly kernel: PerAxis;
  readonly strides: PerAxis;
  readonly dilation: PerAxis;
  readonly activation: Activation;
  readonly useBias: boolean;
  readonly biasInitializer: Initializer;
}

export interface ConvSpec extends Convolving {
  readonly op: 'conv1d' | 'conv2d' | 'conv3d';
  readonly filters: number;
  readonly padding: Padding;
  readonly groups: number;
  readonly kernelInitializer: Initializer;
}

export interface ConvTransposeSpec extends Convolving {
  readonly op: 'conv1dTranspose' | 'conv2dTranspose' | 'conv3dTranspose';
  readonly filters: number;
  readonly padding: Exclude<Padding, 'causal'>;
  /** Undefined: Keras's rule for its absence. */
  readonly outputPadding: PerAxis | undefined;
  readonly groups: number;
  readonly kernelInitializer: Initializer;
}

export interface DepthwiseConvSpec extends Convolving {
  readonly op: 'depthwiseConv1d' | 'depthwiseConv2d';
  readonly padding: Padding;
  readonly depthMultiplier: number;
  readonly depthwiseInitializer: Initializer;
}

export interface SeparableConvSpec extends Convolving {
  readonly op: 'separableConv1d' | 'separableConv2d';
  readonly filters: number;
  readonly padding: Padding;
  readonly depthMultiplier: number;
  readonly depthwiseInitializer: Initializer;
  readonly pointwiseInitializer: Initializer;
}

// -------------------------------------------------------------------------------------
// pooling
// -------------------------------------------------------------------------------------

export interface PoolSpec {
  readonly op: `${'max' | 'average'}Pool${1 | 2 | 3}d`;
  readonly kernel: PerAxis;
  readonly strides: PerAxis;
  readonly padding: Exclude<Padding, 'causal'>;
}

export interface GlobalPoolSpec {
  readonly op: `global${'Max' | 'Average'}Pool${1 | 2 | 3}d`;
  readonly keepDims: boolean;
}

export interface AdaptivePoolSpec {
  readonly op: `adaptive${'Max' | 'Average'}Pool${1 | 2 | 3}d`;
  readonly size: PerAxis;
}

// -------------------------------------------------------------------------------------
// sizes and axes
// -------------------------------------------------------------------------------------

export interface UpSamplingSpec {
  readonly op: `upSampling${1 | 2 | 3}d`;
  readonly size: PerAxis;
  readonly interpolation: 'nearest' | 'bilinear' | 'bicubic';
}

/** Cells before and after each spatial axis. */
type Sides = readonly (readonly [number, number])[];

export interface PaddingSpec {
  readonly op: `${'zero' | 'reflection' | 'replication'}Padding${1 | 2 | 3}d`;
  readonly padding: Sides;
}

export interface CroppingSpec {
  readonly op: `cropping${1 | 2 | 3}d`;
  readonly cropping: Sides;
}

export interface SliceSpec {
  readonly op: 'slice';
  readonly axis: number;
  readonly start: number;
  /** Exclusive; undefined is the axis' end. */
  readonly end: number | undefined;
  readonly step: number;
}

/** One part of a split. */
export interface SplitSpec {
  readonly op: 'split';
  readonly axis: number;
  /** How many equal parts, or the size of each. */
  readonly parts: number | readonly number[];
  readonly index: number;
}

// -------------------------------------------------------------------------------------
// merges
// -------------------------------------------------------------------------------------

/** Elementwise, of two or more inputs. */
export interface ElementwiseMergeSpec {
  readonly op: 'add' | 'subtract' | 'multiply' | 'average' | 'maximum' | 'minimum';
}

export interface DotSpec {
  readonly op: 'dot';
  readonly axes: readonly [number, number];
  /** Unit vectors first. */
  readonly normalize: boolean;
}

export interface MatMulSpec {
  readonly op: 'matmul';
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

// -------------------------------------------------------------------------------------
// all
// -------------------------------------------------------------------------------------

export type SpatialLeaf =
  | ConvSpec
  | ConvTransposeSpec
  | DepthwiseConvSpec
  | SeparableConvSpec
  | PoolSpec
  | GlobalPoolSpec
  | AdaptivePoolSpec
  | UpSamplingSpec
  | { readonly op: 'pixelShuffle'; readonly factor: number }
  | PaddingSpec
  | CroppingSpec
  /** Axes behind the batch, counted from 1. */
  | { readonly op: 'permute'; readonly axes: readonly number[] }
  | { readonly op: 'repeatVector'; readonly times: number }
  | { readonly op: 'squeeze'; readonly axis: number }
  | { readonly op: 'expandDims'; readonly axis: number }
  | SliceSpec
  | SplitSpec
  | ElementwiseMergeSpec
  | DotSpec
  | MatMulSpec;

interface Named {
  readonly op: string;
}

/** Narrows to the layers of those names. */
const among = <K extends SpatialLeaf['op']>(...ops: readonly K[]) => {
  const names: ReadonlySet<string> = new Set(ops);
  return <S extends Named>(spec: S): spec is Extract<S, { readonly op: K }> => names.has(spec.op);
};

export const isConv = among('conv1d', 'conv2d', 'conv3d');
export const isConvTranspose = among('conv1dTranspose', 'conv2dTranspose', 'conv3dTranspose');
export const isDepthwise = among('depthwiseConv1d', 'depthwiseConv2d');
export const isSeparable = among('separableConv1d', 'separableConv2d');
const maxPools = ['maxPool1d', 'maxPool2d', 'maxPool3d'] as const;
const averagePools = ['averagePool1d', 'averagePool2d', 'averagePool3d'] as const;
export const isPool = among(...maxPools, ...averagePools);
const globalMaxPools = ['globalMaxPool1d', 'globalMaxPool2d', 'globalMaxPool3d'] as const;
const globalAveragePools = ['globalAveragePool1d', 'globalAveragePool2d', 'globalAveragePool3d'] as const;
export const isGlobalPool = among(...globalMaxPools, ...globalAveragePools);
const adaptiveMaxPools = ['adaptiveMaxPool1d', 'adaptiveMaxPool2d', 'adaptiveMaxPool3d'] as const;
const adaptiveAveragePools = ['adaptiveAveragePool1d', 'adaptiveAveragePool2d', 'adaptiveAveragePool3d'] as const;
export const isAdaptivePool = among(...adaptiveMaxPools, ...adaptiveAveragePools);
export const isUpSampling = among('upSampling1d', 'upSampling2d', 'upSampling3d');
const zeroPaddings = ['zeroPadding1d', 'zeroPadding2d', 'zeroPadding3d'] as const;
const reflections = ['reflectionPadding1d', 'reflectionPadding2d', 'reflectionPadding3d'] as const;
const replications = ['replicationPadding1d', 'replicationPadding2d', 'replicationPadding3d'] as const;
export const isReflection = ({ op }: Named): boolean => reflections.some((name) => name === op);
export const isPadding = among(...zeroPaddings, ...reflections, ...replications);
export const isCropping = among('cropping1d', 'cropping2d', 'cropping3d');
export const isElementwiseMerge = among('add', 'subtract', 'multiply', 'average', 'maximum', 'minimum');

const isOther = among(
  'pixelShuffle',
  'permute',
  'repeatVector',
  'squeeze',
  'expandDims',
  'slice',
  'split',
  'dot',
  'matmul',
);

/** Whether a layer is of this family. */
export const isSpatial = <S extends Named>(spec: S): spec is Extract<S, SpatialLeaf> =>
  [
    isConv,
    isConvTranspose,
    isDepthwise,
    isSeparable,
    isPool,
    isGlobalPool,
    isAdaptivePool,
    isUpSampling,
    isPadding,
    isCropping,
    isElementwiseMerge,
    isOther,
  ].some((is) => is(spec));

/** Whether the windows take the largest number, not the mean. */
export const isMaximum = ({ op }: PoolSpec | GlobalPoolSpec | AdaptivePoolSpec): boolean =>
  op.toLowerCase().includes('max');

/** How many spatial axes a layer's name says. */
export const rankOf = ({ op }: Named): number => Number(/(\d)d/.exec(op)?.[1] ?? 0);
