/**
 * Layers to operators: one table, from each leaf to the values it computes. Read by every graph interpreter; the
 * gradients follow from the operators, so a layer is only ever written forward.
 */
import type { Value } from '../graph/Graph.ts';
import { label } from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import type { DenseSpec } from '../layer/CoreSpec.ts';
import { isCore } from '../layer/CoreSpec.ts';
import { type Activation, activationName } from '../layer/Options.ts';
import { isSequence } from '../layer/SequenceSpec.ts';
import { isSpatial } from '../layer/SpatialSpec.ts';
import type { Leaf } from '../layer/Spec.ts';
import { activityOf } from '../model/Governed.ts';
import type { PlacedLayer, Resolved, Source } from '../model/Resolved.ts';
import { dims } from '../shape/Shape.ts';
import { activate } from './lower/activation.ts';
import { batchNormalization } from './lower/batchNormalization.ts';
import { lowerCore } from './lower/core.ts';
import { lowerImported } from './lower/imported.ts';
import { maskOf, masksFor, sequenceMask } from './lower/masks.ts';
import { weightNormalization } from './lower/normalization.ts';
import type { Inputs, Mode, Result, Site } from './lower/Site.ts';
import { lowerSequence } from './lower/sequence.ts';
import { lowerSpatial } from './lower/spatial.ts';
import { activityPenalty } from './Penalty.ts';
import { keepMask, type Randomness, shapedAs } from './Random.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export type { Mode } from './lower/Site.ts';

export const inference: Mode = { _tag: 'Inference' };
export const training = (random: Randomness, frozen: ReadonlySet<string> = new Set()): Mode => ({
  _tag: 'Training',
  random,
  frozen,
});
export const beginning = (random: Randomness): Mode => ({ _tag: 'Training', random, beginning: true });

export interface Lowered {
  readonly outputs: readonly Value[];
  /** New values of running statistics, by parameter name. Empty in inference. */
  readonly updates: Readonly<Record<string, Value>>;
  /** Penalties on outputs of layers, scalars: part of the loss in training and in evaluation. */
  readonly penalties: readonly Value[];
  /** Of each output: which steps count, bool [batch, seq]; undefined: all of them. */
  readonly masks: readonly (Value | undefined)[];
}

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

const dense = (spec: DenseSpec, x: Value, at: Site): Value => {
  const kernel = at.parameter('kernel');
  const bias = spec.useBias ? at.parameter('bias') : undefined;
  const y =
    bias === undefined
      ? Op.matMul(x, kernel)
      : Op.rank(x) === 2
        ? Op.gemm(x, kernel, bias)
        : Op.add(Op.matMul(x, kernel), bias);
  return activate(spec.activation, -1, at.mode)(y);
};

const dropout = (spec: Extract<Leaf, { readonly op: 'dropout' }>, x: Value, at: Site): Value => {
  const { rate, noiseShape } = spec;
  if (at.mode._tag === 'Inference' || rate === 0) return x;
  return rate === 1 ? Op.mul(x, 0) : Op.mul(x, keepMask(at.mode.random, at.site, rate)(shapedAs(noiseShape)(x)));
};

/** Over the steps of `[batch, seq]`, as weights of attention: masked ones get 0, all of them where none counts. */
const maskedSoftmax = (activation: Activation, x: Value, mask: Value | undefined): Value | undefined => {
  if (mask === undefined || Op.rank(x) !== 2 || activationName(activation) !== 'softmax') return undefined;
  return Op.mul(activate(activation)(Op.where(mask, x, Op.sub(x, 1e9))), Op.cast(x.type.dtype)(mask));
};

// -------------------------------------------------------------------------------------
// the table
// -------------------------------------------------------------------------------------

const lowerLeaf = (spec: Leaf, inputs: Inputs, at: Site): Result => {
  const [x] = inputs;
  if (isSpatial(spec)) {
    const y = lowerSpatial(spec, inputs, at);
    // Of convolutions, whose channels are axis 1.
    return { output: 'activation' in spec ? activate(spec.activation, 1, at.mode)(y) : y };
  }
  if (isCore(spec)) return lowerCore(spec, inputs, at, lowerLeaf);
  if (isSequence(spec)) return lowerSequence(spec, inputs, at);
  switch (spec.op) {
    case 'dense':
      return { output: dense(spec, x, at) };
    case 'weightNormalization':
      return weightNormalization(spec, inputs, at, lowerLeaf);
    case 'batchNormalization':
      return batchNormalization(spec, x, at);
    case 'flatten':
    case 'reshape':
      return { output: Op.reshape(at.output)(x) };
    case 'dropout':
      return { output: dropout(spec, x, at) };
    case 'activation':
      return {
        output: maskedSoftmax(spec.activation, x, at.masks[0]) ?? activate(spec.activation, undefined, at.mode)(x),
      };
    case 'rescaling':
      return { output: spec.offset === 0 ? Op.mul(x, spec.scale) : Op.add(Op.mul(x, spec.scale), spec.offset) };
    case 'identity':
      return { output: x };
    case 'concatenate':
      return { output: Op.concat(spec.axis)(inputs) };
    case 'imported':
    case 'importedOutput':
      return lowerImported(spec, inputs, at);
  }
};

// -------------------------------------------------------------------------------------
// models
// -------------------------------------------------------------------------------------

/** A frozen batch normalisation is in inference mode (an imported graph has some inside); all else is in the model's. */
const modeOf = ({ spec, parameters }: PlacedLayer, mode: Mode): Mode =>
  mode._tag === 'Training' &&
  (spec.op === 'batchNormalization' || spec.op === 'imported') &&
  parameters.some((p) => mode.frozen?.has(p.name))
    ? inference
    : mode;

const lowerLayer = (
  layer: PlacedLayer,
  site: number,
  inputs: Inputs,
  parameters: (name: string) => Value | undefined,
  mode: Mode,
  masks: readonly (Value | undefined)[],
  states: readonly Value[],
): Result & { readonly updates: Readonly<Record<string, Value>> } => {
  const names = new Map(layer.parameters.map((p) => [p.role, p.name]));
  const parameter = (role: string): Value => {
    const value = parameters(names.get(role) ?? '');
    if (value === undefined) throw new Op.GraphDefect(`${layer.name}: no value for its parameter ${role}`);
    return value;
  };
  const seen = masksFor(layer.spec, inputs, masks);
  const here = { mode: modeOf(layer, mode), site, output: dims(layer.output), parameter, masks: seen, states };
  const result = lowerLeaf(layer.spec, inputs, here);
  const { output, updates = {} } = result;
  const mask = 'mask' in result ? result.mask : maskOf(layer.spec, inputs, seen);
  const named = Object.entries(updates).map(([role, value]) => [names.get(role) ?? role, value] as const);
  // An imported graph's values have names of their own.
  const isNew = layer.spec.op !== 'imported' && inputs.every((x) => x.node !== output.node) && !states.includes(output);
  return {
    output: isNew ? label(layer.name)(output) : output,
    updates: Object.fromEntries(named),
    mask,
    states: result.states ?? [],
  };
};

/** A model's outputs for the given input and parameter values. `inputMasks`: which steps of an input count, if not all. */
export const lower = (
  resolved: Resolved,
  inputs: readonly Value[],
  parameters: Readonly<Record<string, Value>>,
  mode: Mode,
  inputMasks: readonly (Value | undefined)[] = [],
): Lowered => {
  const values: Value[] = [];
  const results: Result[] = [];
  const updates: Record<string, Value> = {};
  const penalties: Value[] = [];
  const read = (from: Source): Value => (from._tag === 'Input' ? inputs : values)[from.index] as Value;
  const resultOf = (from: Source): Result | undefined => (from._tag === 'Input' ? undefined : results[from.index]);
  const maskAt = (from: Source): Value | undefined =>
    from._tag === 'Input' ? inputMasks[from.index] : resultOf(from)?.mask;
  resolved.layers.forEach((layer, site) => {
    const [head, ...tail] = layer.from.map(read);
    const given = [head as Value, ...tail] as const;
    const parameter = (name: string): Value | undefined => updates[name] ?? parameters[name];
    const states = layer.from[0] === undefined ? [] : (resultOf(layer.from[0])?.states ?? []);
    const result = lowerLayer(layer, site, given, parameter, mode, layer.from.map(maskAt), states);
    results.push(result);
    values.push(result.output);
    Object.assign(updates, result.updates);
    const activity = activityOf(layer.spec);
    if (activity !== undefined) penalties.push(activityPenalty(activity)(result.output));
  });
  return {
    outputs: resolved.outputs.map((o) => read(o.from)),
    updates,
    penalties,
    masks: resolved.outputs.map((o) => sequenceMask(maskAt(o.from), read(o.from))),
  };
};
