/**
 * Layers to operators: one table, from each leaf to the values it computes. Read by every graph interpreter; the
 * gradients follow from the operators, so a layer is only ever written forward.
 */
import type { Value } from '../graph/Graph.ts';
import { label } from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import type { Activation, BatchNormalizationSpec, Conv2dSpec, DenseSpec, Leaf, Padding, Pair } from '../layer/Spec.ts';
import type { PlacedLayer, Resolved, Source } from '../model/Resolved.ts';
import type { Dim } from '../shape/Shape.ts';
import { dims } from '../shape/Shape.ts';
import { keepMask, type Randomness } from './Random.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** Training needs random numbers; inference uses running statistics and drops nothing. */
export type Mode = { readonly _tag: 'Training'; readonly random: Randomness } | { readonly _tag: 'Inference' };

export const inference: Mode = { _tag: 'Inference' };
export const training = (random: Randomness): Mode => ({ _tag: 'Training', random });

export interface Lowered {
  readonly outputs: readonly Value[];
  /** New values of running statistics, by parameter name. Empty in inference. */
  readonly updates: Readonly<Record<string, Value>>;
}

interface Site {
  readonly mode: Mode;
  /** Number of the layer in the model: tells the dropouts apart. */
  readonly site: number;
  readonly output: readonly Dim[];
  /** The layer's parameters by role. */
  readonly parameter: (role: string) => Value;
}

interface Result {
  readonly output: Value;
  /** By role. */
  readonly updates?: Readonly<Record<string, Value>>;
}

type Inputs = readonly [Value, ...Value[]];

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

/** The class axis of a softmax: channels for images and volumes, otherwise the last axis. */
const classAxis = (x: Value): number => (Op.rank(x) >= 4 ? 1 : -1);

const activate: Readonly<Record<Activation, (x: Value) => Value>> = {
  linear: (x) => x,
  relu: Op.relu,
  sigmoid: Op.sigmoid,
  tanh: Op.tanh,
  softmax: (x) => Op.softmax(classAxis(x))(x),
};

const dense = (spec: DenseSpec, x: Value, kernel: Value, bias: Value | undefined): Value => {
  const y =
    bias === undefined
      ? Op.matMul(x, kernel)
      : Op.rank(x) === 2
        ? Op.gemm(x, kernel, bias)
        : Op.add(Op.matMul(x, kernel), bias);
  return activate[spec.activation](y);
};

/** Cells before and after each spatial axis, as ONNX orders them: [top, left, bottom, right]. */
export const pads = (
  padding: Padding,
  size: readonly Dim[],
  kernel: Pair,
  strides: Pair,
  dilation: Pair,
): readonly number[] => {
  if (padding === 'valid') return [0, 0, 0, 0];
  if (padding !== 'same') return [...padding, ...padding];
  const total = [0, 1].map((i) => {
    const [n, k, s, d] = [size[i], kernel[i] as number, strides[i] as number, dilation[i] as number];
    if (s === 1) return d * (k - 1);
    if (typeof n !== 'number')
      throw new Op.GraphDefect("padding 'same' with strides needs a height and width known when the graph is built");
    return Math.max((Math.ceil(n / s) - 1) * s + d * (k - 1) + 1 - n, 0);
  });
  const before = total.map((t) => Math.floor(t / 2));
  return [...before, ...total.map((t, i) => t - (before[i] as number))];
};

const conv2d = (spec: Conv2dSpec, x: Value, kernel: Value, bias: Value | undefined): Value => {
  const { strides, dilation, groups } = spec;
  const window = { kernel: spec.kernel, strides, dilations: dilation, group: groups };
  const y = Op.conv(x, kernel, bias, {
    ...window,
    pads: pads(spec.padding, x.type.shape.slice(2), spec.kernel, strides, dilation),
  });
  return activate[spec.activation](y);
};

const kernelLayer = (spec: DenseSpec | Conv2dSpec, x: Value, kernel: Value, bias: Value | undefined): Value =>
  spec.op === 'dense' ? dense(spec, x, kernel, bias) : conv2d(spec, x, kernel, bias);

/** gain * v / |v|, one norm for each output unit. */
const normalised = (spec: DenseSpec | Conv2dSpec, v: Value, g: Value): Value => {
  const axes = spec.op === 'dense' ? [0] : [1, 2, 3];
  const square = Op.reduceSum({ axes, keepDims: true })(Op.mul(v, v));
  const norm = Op.sqrt(Op.max(square, 1e-12));
  const gain = spec.op === 'dense' ? g : Op.reshape([spec.filters, 1, 1, 1])(g);
  return Op.mul(v, Op.div(gain, norm));
};

const batchNormalization = (spec: BatchNormalizationSpec, x: Value, at: Site): Result => {
  const rank = Op.rank(x);
  const axis = Op.axisOf(x, spec.axis ?? (rank >= 4 ? 1 : -1));
  const perChannel = x.type.shape.map((d, i) => (i === axis ? d : 1));
  const spread = axis === rank - 1 ? (v: Value) => v : Op.reshape(perChannel);
  const mean = at.parameter('moving_mean');
  const variance = at.parameter('moving_variance');
  const scaled = (inverse: Value): Value => (spec.scale ? Op.mul(inverse, spread(at.parameter('gamma'))) : inverse);
  const shifted = (y: Value): Value => (spec.center ? Op.add(y, spread(at.parameter('beta'))) : y);
  const inverse = (v: Value): Value => Op.reciprocal(Op.sqrt(Op.add(v, spec.epsilon)));
  if (at.mode._tag === 'Inference') {
    if (axis !== 1) return { output: shifted(Op.mul(Op.sub(x, spread(mean)), scaled(spread(inverse(variance))))) };
    const gamma = spec.scale ? at.parameter('gamma') : Op.fillLike(mean, 1);
    const beta = spec.center ? at.parameter('beta') : Op.fillLike(mean, 0);
    return { output: Op.batchNormalization(x, gamma, beta, mean, variance, spec.epsilon) };
  }
  const axes = perChannel.flatMap((_, i) => (i === axis ? [] : [i]));
  const average = Op.reduceMean({ axes, keepDims: true });
  const batchMean = average(x);
  const centred = Op.sub(x, batchMean);
  const batchVariance = average(Op.mul(centred, centred));
  const moved = (old: Value, batch: Value): Value =>
    Op.add(Op.mul(old, spec.momentum), Op.mul(Op.reshapeLike(old)(batch), 1 - spec.momentum));
  return {
    output: shifted(Op.mul(centred, scaled(inverse(batchVariance)))),
    updates: { moving_mean: moved(mean, batchMean), moving_variance: moved(variance, batchVariance) },
  };
};

const dropout = (rate: number, x: Value, at: Site): Value => {
  if (at.mode._tag === 'Inference' || rate === 0) return x;
  return rate === 1 ? Op.mul(x, 0) : Op.mul(x, keepMask(at.mode.random, at.site, rate)(x));
};

// -------------------------------------------------------------------------------------
// the table
// -------------------------------------------------------------------------------------

const lowerLeaf = (spec: Leaf, inputs: Inputs, at: Site): Result => {
  const [x] = inputs;
  switch (spec.op) {
    case 'dense':
    case 'conv2d':
      return { output: kernelLayer(spec, x, at.parameter('kernel'), spec.useBias ? at.parameter('bias') : undefined) };
    case 'weightNormalization': {
      const kernel = normalised(spec.layer, at.parameter('v'), at.parameter('g'));
      return { output: kernelLayer(spec.layer, x, kernel, spec.layer.useBias ? at.parameter('bias') : undefined) };
    }
    case 'maxPool2d':
    case 'averagePool2d': {
      const options = {
        kernel: spec.kernel,
        strides: spec.strides,
        dilations: [1, 1],
        pads: pads(spec.padding, x.type.shape.slice(2), spec.kernel, spec.strides, [1, 1]),
      };
      return { output: spec.op === 'maxPool2d' ? Op.maxPool(x, options).output : Op.averagePool(x, options) };
    }
    case 'globalAveragePool2d':
      return { output: Op.reshape(at.output)(Op.globalAveragePool(x)) };
    case 'batchNormalization':
      return batchNormalization(spec, x, at);
    case 'flatten':
    case 'reshape':
      return { output: Op.reshape(at.output)(x) };
    case 'dropout':
      return { output: dropout(spec.rate, x, at) };
    case 'activation':
      return { output: activate[spec.activation](x) };
    case 'rescaling':
      return { output: spec.offset === 0 ? Op.mul(x, spec.scale) : Op.add(Op.mul(x, spec.scale), spec.offset) };
    case 'identity':
      return { output: x };
    case 'add':
      return { output: inputs.slice(1).reduce((sum, y) => Op.add(sum, y), x) };
    case 'concatenate':
      return { output: Op.concat(spec.axis)(inputs) };
  }
};

// -------------------------------------------------------------------------------------
// models
// -------------------------------------------------------------------------------------

const lowerLayer = (
  layer: PlacedLayer,
  site: number,
  inputs: Inputs,
  parameters: (name: string) => Value | undefined,
  mode: Mode,
): Result & { readonly updates: Readonly<Record<string, Value>> } => {
  const names = new Map(layer.parameters.map((p) => [p.role, p.name]));
  const parameter = (role: string): Value => {
    const value = parameters(names.get(role) ?? '');
    if (value === undefined) throw new Op.GraphDefect(`${layer.name}: no value for its parameter ${role}`);
    return value;
  };
  const { output, updates = {} } = lowerLeaf(layer.spec, inputs, { mode, site, output: dims(layer.output), parameter });
  const named = Object.entries(updates).map(([role, value]) => [names.get(role) ?? role, value] as const);
  const isNew = inputs.every((x) => x.node !== output.node);
  return { output: isNew ? label(layer.name)(output) : output, updates: Object.fromEntries(named) };
};

/** A model's outputs for the given input and parameter values. */
export const lower = (
  resolved: Resolved,
  inputs: readonly Value[],
  parameters: Readonly<Record<string, Value>>,
  mode: Mode,
): Lowered => {
  const values: Value[] = [];
  const updates: Record<string, Value> = {};
  const read = (from: Source): Value => (from._tag === 'Input' ? inputs : values)[from.index] as Value;
  resolved.layers.forEach((layer, site) => {
    const [head, ...tail] = layer.from.map(read);
    const result = lowerLayer(layer, site, [head as Value, ...tail], (name) => updates[name] ?? parameters[name], mode);
    values.push(result.output);
    Object.assign(updates, result.updates);
  });
  return { outputs: resolved.outputs.map((o) => read(o.from)), updates };
};
