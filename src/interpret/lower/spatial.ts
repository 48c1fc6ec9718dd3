/**
 * Convolutions, pooling, layers on axes and merges to operators: the table of this family. Part of `Lower.ts`, which puts the
 * activations on.
 */
import type { Value } from '../../graph/Graph.ts';
import * as Op from '../../graph/Operators.ts';
import type { SliceSpec, SpatialLeaf, SplitSpec } from '../../layer/SpatialSpec.ts';
import * as Is from '../../layer/SpatialSpec.ts';
import { partOf } from '../../shape/rules/Slice.ts';
import { convolution, depthwise, pooled, separable, transposed } from './convolution.ts';
import { contracted, merged, multiplied } from './merging.ts';
import { padded } from './padding.ts';
import { adaptivelyPooled, globalPooled, shuffled, upSampled } from './resampling.ts';
import type { Inputs, Site } from './Site.ts';

const everything = 2 ** 31 - 1;

const cropped = (sides: readonly (readonly [number, number])[], x: Value): Value => {
  const cut = sides.flatMap(([before, after], i) => (before + after === 0 ? [] : [{ axis: i + 2, before, after }]));
  return cut.length === 0
    ? x
    : Op.slice({
        axes: cut.map((c) => c.axis),
        starts: cut.map((c) => c.before),
        ends: cut.map((c) => (c.after === 0 ? everything : -c.after)),
      })(x);
};

const sliced = ({ axis, start, end, step }: SliceSpec, x: Value): Value =>
  Op.slice({ axes: [axis], starts: [start], ends: [end ?? everything], steps: [step] })(x);

const part = ({ axis, parts, index }: SplitSpec, x: Value): Value => {
  const size = x.type.shape[Op.axisOf(x, axis)];
  if (typeof size !== 'number' && typeof parts === 'number')
    throw new Op.GraphDefect(`split: the size of axis ${axis} must be known when the graph is built`);
  const [start, length] = partOf(typeof size === 'number' ? size : 0, parts, index);
  return Op.slice({ axes: [axis], starts: [start], ends: [start + length] })(x);
};

/** What the layer computes, before its activation. */
export const lowerSpatial = (spec: SpatialLeaf, inputs: Inputs, at: Site): Value => {
  const [x, y] = inputs;
  const bias = 'useBias' in spec && spec.useBias ? at.parameter('bias') : undefined;
  if (Is.isConv(spec)) return convolution(spec, x, at.parameter('kernel'), bias);
  if (Is.isConvTranspose(spec)) return transposed(spec, x, at.parameter('kernel'), bias);
  if (Is.isDepthwise(spec)) return depthwise(spec, x, at.parameter('kernel'), bias);
  if (Is.isSeparable(spec)) {
    const kernels = { depthwise: at.parameter('depthwise_kernel'), pointwise: at.parameter('pointwise_kernel') };
    return separable(spec, x, kernels, bias);
  }
  if (Is.isPool(spec)) return pooled(spec, x, at.mode);
  if (Is.isGlobalPool(spec)) return globalPooled(spec, x, at.masks[0]);
  if (Is.isAdaptivePool(spec)) return adaptivelyPooled(spec, x);
  if (Is.isUpSampling(spec)) return upSampled(spec, x);
  if (Is.isPadding(spec)) return padded(spec, x);
  if (Is.isCropping(spec)) return cropped(spec.cropping, x);
  if (Is.isElementwiseMerge(spec)) return merged(spec, inputs, at.masks);
  switch (spec.op) {
    case 'pixelShuffle':
      return shuffled(spec.factor, spec.factor)(x);
    case 'permute':
      return Op.transpose([0, ...spec.axes])(x);
    case 'repeatVector':
      return Op.expand([1, spec.times, 1])(Op.unsqueeze([1])(x));
    case 'squeeze':
      return Op.squeeze([spec.axis])(x);
    case 'expandDims':
      return Op.unsqueeze([spec.axis])(x);
    case 'slice':
      return sliced(spec, x);
    case 'split':
      return part(spec, x);
    case 'dot':
      return contracted(spec, x, y ?? x, at.output);
    case 'matmul':
      return multiplied(spec, x, y ?? x, at.mode);
  }
};
