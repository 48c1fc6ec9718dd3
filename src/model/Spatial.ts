/**
 * What convolutions, pooling, layers on axes and merges make of the shapes of their inputs: output and parameters. Part of
 * `Parameter.ts`.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { Initializer } from '../layer/Options.ts';
import type {
  ConvSpec,
  ConvTransposeSpec,
  DepthwiseConvSpec,
  SeparableConvSpec,
  SpatialLeaf,
} from '../layer/SpatialSpec.ts';
import * as Is from '../layer/SpatialSpec.ts';
import * as Axes from '../shape/rules/Axes.ts';
import * as Convolution from '../shape/rules/Convolution.ts';
import { broadcastAll } from '../shape/rules/Merge.ts';
import * as Pooling from '../shape/rules/Pooling.ts';
import { dot, matmul } from '../shape/rules/Product.ts';
import * as Slice from '../shape/rules/Slice.ts';
import * as Spatial from '../shape/rules/Spatial.ts';
import * as Transposed from '../shape/rules/Transposed.ts';
import type { AnyShape } from '../shape/Shape.ts';
import { dims } from '../shape/Shape.ts';

// -------------------------------------------------------------------------------------
// shapes
// -------------------------------------------------------------------------------------

/** What is wrong with a layer's options, whatever its input is. */
export const spatialOptionsError = (spec: SpatialLeaf): string | undefined => {
  if (Is.isConv(spec)) return Convolution.convOptions(spec);
  if (Is.isConvTranspose(spec)) return Transposed.convTransposeOptions(spec);
  if (Is.isDepthwise(spec)) return Convolution.depthwiseOptions(spec);
  if (Is.isSeparable(spec)) return Convolution.separableOptions(spec);
  if (Is.isPool(spec)) return Pooling.poolOptions(spec);
  if (Is.isAdaptivePool(spec)) return Pooling.adaptivePoolOptions(spec.op, spec.size);
  if (Is.isUpSampling(spec)) return Spatial.upSamplingOptions(spec.op, spec.size);
  if (Is.isPadding(spec)) return Spatial.sidesOptions(spec.op, 'padding', spec.padding);
  if (Is.isCropping(spec)) return Spatial.sidesOptions(spec.op, 'cropping', spec.cropping);
  if (Is.isGlobalPool(spec) || Is.isElementwiseMerge(spec)) return undefined;
  switch (spec.op) {
    case 'pixelShuffle':
      return Spatial.pixelShuffleOptions(spec.factor);
    case 'repeatVector':
      return Axes.repeatVectorOptions(spec.times);
    case 'slice':
      return Slice.sliceOptions(spec);
    case 'split':
      return Slice.splitOptions(spec);
    case 'permute':
    case 'squeeze':
    case 'expandDims':
    case 'dot':
    case 'matmul':
      return undefined;
  }
};

type Output = E.Either<string, AnyShape>;

/** Of layers with one input. */
const ofOne = (
  spec: Exclude<SpatialLeaf, Is.ElementwiseMergeSpec | Is.DotSpec | Is.MatMulSpec>,
  x: AnyShape,
): Output => {
  if (Is.isConv(spec)) return Convolution.conv(spec)(x);
  if (Is.isConvTranspose(spec)) return Transposed.convTranspose(spec)(x);
  if (Is.isDepthwise(spec)) return Convolution.depthwise(spec)(x);
  if (Is.isSeparable(spec)) return Convolution.separable(spec)(x);
  if (Is.isPool(spec)) return Pooling.pool(spec)(x);
  if (Is.isGlobalPool(spec)) return Pooling.globalPool(spec.op, Is.rankOf(spec), spec.keepDims)(x);
  if (Is.isAdaptivePool(spec)) return Pooling.adaptivePool(spec.op, spec.size)(x);
  if (Is.isUpSampling(spec)) return Spatial.upSampling(spec.op, spec.size)(x);
  if (Is.isPadding(spec)) {
    const rule = Is.isReflection(spec) ? Spatial.reflectionPadding : Spatial.padding;
    return rule(spec.op, spec.padding)(x);
  }
  if (Is.isCropping(spec)) return Spatial.cropping(spec.op, spec.cropping)(x);
  switch (spec.op) {
    case 'pixelShuffle':
      return Spatial.pixelShuffle(spec.factor)(x);
    case 'permute':
      return Axes.permute(spec.axes)(x);
    case 'repeatVector':
      return Axes.repeatVector(spec.times)(x);
    case 'squeeze':
      return Axes.squeeze(spec.axis)(x);
    case 'expandDims':
      return Axes.expandDims(spec.axis)(x);
    case 'slice':
      return Slice.slice(spec)(x);
    case 'split':
      return Slice.split(spec)(x);
  }
};

const counted = (op: string, expected: string, got: number): Output => E.left(`${op}: expects ${expected}, got ${got}`);

/** The output's shape, or the message that the compiler prints for the same mistake. */
export const spatialOutput = (spec: SpatialLeaf, inputs: readonly AnyShape[]): Output => {
  const [a, b] = inputs;
  if (Is.isElementwiseMerge(spec)) {
    const most = spec.op === 'subtract' ? 2 : inputs.length;
    return inputs.length >= 2 && inputs.length <= most
      ? broadcastAll(spec.op)(inputs)
      : counted(spec.op, spec.op === 'subtract' ? '2 inputs' : '2 inputs or more', inputs.length);
  }
  if (spec.op === 'dot' || spec.op === 'matmul') {
    if (a === undefined || b === undefined || inputs.length > 2) return counted(spec.op, '2 inputs', inputs.length);
    return spec.op === 'dot' ? dot(spec.axes)(a, b) : matmul(spec)(a, b);
  }
  return a === undefined || inputs.length > 1 ? counted(spec.op, '1 input', inputs.length) : ofOne(spec, a);
};

// -------------------------------------------------------------------------------------
// parameters
// -------------------------------------------------------------------------------------

/** `keras`: the shape in Keras's layout, `[..., in, out]`, which says the fans. */
export interface Kernel {
  readonly role: string;
  readonly shape: readonly number[];
  readonly keras: readonly number[];
  readonly initializer: Initializer;
}

const channelsOf = (input: AnyShape): number => {
  const c = dims(input)[1];
  return typeof c === 'number' ? c : 0;
};

/** `[filters, channels / groups, ...kernel]`, in Keras `[...kernel, channels / groups, filters]`. */
export const convKernel = (role: string, spec: ConvSpec, input: AnyShape): Kernel => {
  const { filters, kernel, kernelInitializer: initializer } = spec;
  const channels = channelsOf(input) / spec.groups;
  return { role, shape: [filters, channels, ...kernel], keras: [...kernel, channels, filters], initializer };
};

/** `[channels, filters / groups, ...kernel]`, in Keras `[...kernel, filters, channels]`. */
const transposedKernel = (
  { filters, groups, kernel, kernelInitializer }: ConvTransposeSpec,
  input: AnyShape,
): Kernel => {
  const [channels, each] = [channelsOf(input), filters / groups];
  return {
    role: 'kernel',
    shape: [channels, each, ...kernel],
    keras: [...kernel, each, channels],
    initializer: kernelInitializer,
  };
};

/** `[channels * multiplier, 1, ...kernel]`, in Keras `[...kernel, channels, multiplier]`. */
const depthwiseKernel = (
  role: string,
  { kernel, depthMultiplier, depthwiseInitializer: initializer }: DepthwiseConvSpec | SeparableConvSpec,
  input: AnyShape,
): Kernel => {
  const channels = channelsOf(input);
  return {
    role,
    shape: [channels * depthMultiplier, 1, ...kernel],
    keras: [...kernel, channels, depthMultiplier],
    initializer,
  };
};

const pointwiseKernel = (spec: SeparableConvSpec, input: AnyShape): Kernel => {
  const channels = channelsOf(input) * spec.depthMultiplier;
  const ones = spec.kernel.map(() => 1);
  return {
    role: 'pointwise_kernel',
    shape: [spec.filters, channels, ...ones],
    keras: [...ones, channels, spec.filters],
    initializer: spec.pointwiseInitializer,
  };
};

/** In Keras's order: kernels, then the bias. */
export const spatialParameters = (spec: SpatialLeaf, input: AnyShape): readonly Kernel[] => {
  const bias = (size: number): readonly Kernel[] =>
    'useBias' in spec && spec.useBias
      ? [{ role: 'bias', shape: [size], keras: [size], initializer: spec.biasInitializer }]
      : [];
  if (Is.isConv(spec)) return [convKernel('kernel', spec, input), ...bias(spec.filters)];
  if (Is.isConvTranspose(spec)) return [transposedKernel(spec, input), ...bias(spec.filters)];
  if (Is.isDepthwise(spec))
    return [depthwiseKernel('kernel', spec, input), ...bias(channelsOf(input) * spec.depthMultiplier)];
  if (Is.isSeparable(spec))
    return [depthwiseKernel('depthwise_kernel', spec, input), pointwiseKernel(spec, input), ...bias(spec.filters)];
  return [];
};
