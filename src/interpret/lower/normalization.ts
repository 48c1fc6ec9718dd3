/**
 * Normalisation of activations and of kernels to operators.
 */
import { stopGradient } from '../../autodiff/Grad.ts';
import type { Value } from '../../graph/Graph.ts';
import { operator } from '../../graph/Graph.ts';
import * as Op from '../../graph/Operators.ts';
import type {
  GroupNormalizationSpec,
  LayerNormalizationSpec,
  RmsNormalizationSpec,
  SpectralNormalizationSpec,
} from '../../layer/CoreSpec.ts';
import type { Axes } from '../../layer/Options.ts';
import type { Leaf } from '../../layer/Spec.ts';
import { kernelLayout, unitAxis } from '../../model/Layout.ts';
import type { Dim } from '../../shape/Shape.ts';
import { activate } from './activation.ts';
import type { Inputs, Result, Site } from './Site.ts';

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

const featureAxis = (x: Value): number => (Op.rank(x) >= 4 ? 1 : Op.rank(x) - 1);

const axesOf = (x: Value, axis: Axes | undefined): readonly number[] =>
  (typeof axis === 'object' ? axis : [axis ?? featureAxis(x)]).map((a) => Op.axisOf(x, a));

const mean = (axes: readonly number[]) => Op.reduceMean({ axes, keepDims: true });

const inverseRoot = (v: Value, epsilon: number): Value => Op.reciprocal(Op.sqrt(Op.add(v, epsilon)));

/** A parameter that has these axes of `x`, laid out to broadcast with it; axes out of order are laid out in order, as by Keras. */
const along =
  (x: Value, axes: readonly number[]) =>
  (p: Value): Value => {
    const trailing = axes.every((a, i) => a === Op.rank(x) - axes.length + i);
    return trailing ? p : Op.reshape(x.type.shape.map((d, i) => (axes.includes(i) ? d : 1)))(p);
  };

interface Affine {
  readonly center: boolean;
  readonly scale: boolean;
}

const affine = ({ center, scale }: Affine, at: Site, spread: (p: Value) => Value, y: Value): Value => {
  const scaled = scale ? Op.mul(y, spread(at.parameter('gamma'))) : y;
  return center ? Op.add(scaled, spread(at.parameter('beta'))) : scaled;
};

const standardised = (x: Value, axes: readonly number[], epsilon: number): Value => {
  const centred = Op.sub(x, mean(axes)(x));
  return Op.mul(centred, inverseRoot(mean(axes)(Op.mul(centred, centred)), epsilon));
};

// -------------------------------------------------------------------------------------
// activations
// -------------------------------------------------------------------------------------

/** The last axis with a factor is ONNX's own operator; anything else is written out. */
export const layerNormalization = (spec: LayerNormalizationSpec, x: Value, at: Site): Value => {
  const axes = axesOf(x, spec.axis);
  const isLast = axes.length === 1 && axes[0] === Op.rank(x) - 1;
  if (!isLast || !spec.scale) return affine(spec, at, along(x, axes), standardised(x, axes, spec.epsilon));
  const inputs = [x, at.parameter('gamma'), ...(spec.center ? [at.parameter('beta')] : [])];
  // In training mean and inverse deviation come along, for the gradient.
  const statistic = { ...x.type, shape: x.type.shape.map((d, i) => (i === axes[0] ? 1 : d)) };
  const outputs = at.mode._tag === 'Training' ? [x.type, statistic, statistic] : [x.type];
  const [y] = operator('LayerNormalization', inputs, outputs, {
    axis: { _tag: 'Int', value: -1 },
    epsilon: { _tag: 'Float', value: spec.epsilon },
  });
  return y as Value;
};

export const rmsNormalization = (spec: RmsNormalizationSpec, x: Value, at: Site): Value => {
  const axes = axesOf(x, spec.axis);
  const scaled = Op.mul(x, inverseRoot(mean(axes)(Op.mul(x, x)), spec.epsilon));
  return Op.mul(scaled, along(x, axes)(at.parameter('scale')));
};

/** Channels, moved to axis 1, as [groups, all the rest]; statistics over the latter. */
export const groupNormalization = (spec: GroupNormalizationSpec, x: Value, at: Site): Value => {
  const axis = axesOf(x, spec.axis)[0] as number;
  const channels = x.type.shape[axis] as number;
  const groups = spec.groups === -1 ? channels : spec.groups;
  const order = [0, axis, ...x.type.shape.flatMap((_, i) => (i === 0 || i === axis ? [] : [i]))];
  const moved = axis === 1 ? x : Op.transpose(order)(x);
  const rest: readonly Dim[] = moved.type.shape.slice(2);
  const size = rest.every((d) => typeof d === 'number') ? rest.reduce((n, d) => n * d, channels / groups) : '?';
  const grouped = Op.reshape([moved.type.shape[0] as Dim, groups, size])(moved);
  const y = Op.reshapeLike(moved)(standardised(grouped, [2], spec.epsilon));
  const back = axis === 1 ? y : Op.transpose(order.map((_, i) => order.indexOf(i)))(y);
  return affine(spec, at, along(x, [axis]), back);
};

export const unitNormalization = (axis: Axes, x: Value): Value => {
  const square = Op.reduceSum({ axes: axesOf(x, axis), keepDims: true })(Op.mul(x, x));
  return Op.div(x, Op.sqrt(Op.max(square, 1e-12)));
};

// -------------------------------------------------------------------------------------
// kernels
// -------------------------------------------------------------------------------------

/** The layer inside, computed with another kernel than its own. */
export type Inner = (spec: Leaf, inputs: Inputs, at: Site) => Result;

const withKernel = (kernel: Value, at: Site): Site => ({
  ...at,
  parameter: (role) => (role === 'kernel' ? kernel : at.parameter(role)),
});

type WeightNormalizationSpec = Extract<Leaf, { readonly op: 'weightNormalization' }>;

/**
 * gain * v / |v|, one norm for each output unit.
 *
 * Training multiplies the outputs of a dense layer with the factor of their unit, not the kernel: a batch of outputs is small beside
 * the kernel, of which several passes forward and backward are saved.
 */
export const weightNormalization = (spec: WeightNormalizationSpec, inputs: Inputs, at: Site, inner: Inner): Result => {
  const { layer } = spec;
  const set = at.mode._tag === 'Training' && at.mode.beginning === true && spec.dataInit;
  const updates = set ? fromBatch(spec, inputs, at, inner) : {};
  const placed: Site = { ...at, parameter: (role) => updates[role] ?? at.parameter(role) };
  const v = at.parameter('v');
  const factor = factorOf(spec, v, placed.parameter('g'));
  const isMatrix = layer.op === 'dense' && Op.rank(inputs[0]) === 2;
  if (at.mode._tag === 'Training' && isMatrix) {
    const plain = { ...layer, activation: 'linear', useBias: false } as const;
    const scaled = Op.mul(inner(plain, inputs, withKernel(v, placed)).output, factor);
    const y = layer.useBias ? Op.add(scaled, placed.parameter('bias')) : scaled;
    return { output: activate(layer.activation, -1, at.mode)(y), updates };
  }
  return { ...inner(layer, inputs, withKernel(Op.mul(v, factor), placed)), updates };
};

/** What makes the norm of each unit's kernel its gain. */
const factorOf = (spec: WeightNormalizationSpec, v: Value, g: Value): Value => {
  const axis = unitAxis(spec.layer, Op.rank(v));
  const axes = v.type.shape.flatMap((_, i) => (i === axis ? [] : [i]));
  const square = Op.reduceSum({ axes, keepDims: true })(Op.mul(v, v));
  return Op.div(along(v, [axis])(g), Op.sqrt(Op.max(square, 1e-12)));
};

/**
 * `g` and bias from a batch, as TensorFlow Addons computes them: with the output t of the layer with `v` itself as its kernel,
 * without the activation, g becomes g / deviation(t) and the bias -mean(t) / deviation(t), for each unit.
 */
const fromBatch = (spec: WeightNormalizationSpec, inputs: Inputs, at: Site, inner: Inner): Record<string, Value> => {
  const { layer } = spec;
  if (layer.op !== 'dense' && layer.op !== 'conv1d' && layer.op !== 'conv2d' && layer.op !== 'conv3d')
    throw new Op.GraphDefect(`weightNormalization: dataInit is for dense and convolution layers, this is ${layer.op}`);
  const t = inner({ ...layer, activation: 'linear' }, inputs, withKernel(at.parameter('v'), at)).output;
  const units = layer.op === 'dense' ? Op.rank(t) - 1 : 1;
  const mean = Op.reduceMean({ axes: t.type.shape.flatMap((_, i) => (i === units ? [] : [i])), keepDims: true });
  const average = mean(t);
  const centred = Op.sub(t, average);
  const scale = Op.reciprocal(Op.sqrt(Op.add(mean(Op.mul(centred, centred)), 1e-10)));
  const g = at.parameter('g');
  const flat = Op.reshapeLike(g);
  return {
    g: Op.mul(g, flat(scale)),
    ...(layer.useBias ? { bias: flat(Op.neg(Op.mul(average, scale))) } : {}),
  };
};

/**
 * The kernel over its largest singular value, which a few steps of power iteration follow from step to step. As in Keras the
 * kernel itself is replaced in training, and its gradient is that of the layer in the new kernel.
 */
export const spectralNormalization = (
  spec: SpectralNormalizationSpec,
  inputs: Inputs,
  at: Site,
  inner: Inner,
): Result => {
  if (at.mode._tag === 'Inference') return inner(spec.layer, inputs, at);
  const kernel = at.parameter('kernel');
  const keras = kernelLayout(spec.layer, kernel.type.shape as readonly number[]);
  const laid = keras === undefined ? kernel : Op.transpose(keras.axes)(Op.reshape(keras.view)(kernel));
  const units = laid.type.shape.at(-1) as number;
  const rows = (laid.type.shape as readonly number[]).reduce((n, d) => n * d, 1) / units;
  const matrix = Op.reshape([rows, units])(laid);
  const unit = (v: Value): Value => Op.div(v, Op.sqrt(Op.max(Op.reduceSum({ keepDims: true })(Op.mul(v, v)), 1e-12)));
  const old = at.parameter('vector_u');
  const iterated = Array.from({ length: spec.powerIterations }).reduce<{
    readonly u: Value;
    readonly v: Value | undefined;
  }>(
    ({ u }) => {
      const v = unit(Op.matMul(u, matrix, { transB: true }));
      return { u: unit(Op.matMul(v, matrix)), v };
    },
    { u: old, v: undefined },
  );
  const left = iterated.v ?? unit(Op.matMul(old, matrix, { transB: true }));
  const sigma = Op.reshape([])(Op.matMul(Op.matMul(left, matrix), iterated.u, { transB: true }));
  // A kernel of zeros has no direction and stays.
  const zero = Op.equal(Op.reduceMax()(Op.abs(kernel)), 0);
  const normalised = Op.where(zero, kernel, Op.div(kernel, Op.where(zero, 1, sigma)));
  const through = Op.add(kernel, stopGradient(Op.sub(normalised, kernel)));
  const { updates = {}, ...result } = inner(spec.layer, inputs, withKernel(through, at));
  return { ...result, updates: { ...updates, kernel: normalised, vector_u: Op.where(zero, old, iterated.u) } };
};
