/**
 * What each kind of layer makes of the shapes of its inputs: its output's shape and its parameters.
 */
import * as E from 'fp-ts/lib/Either.js';
import { ones, zeros } from '../layer/Initializer.ts';
import type { Conv2dSpec, DenseSpec, Initializer, Leaf } from '../layer/Spec.ts';
import { dense, denseOptions } from '../shape/rules/Dense.ts';
import * as Elementwise from '../shape/rules/Elementwise.ts';
import { broadcast, concat } from '../shape/rules/Merge.ts';
import { flatten, reshape, reshapeOptions } from '../shape/rules/Reshape.ts';
import * as Window from '../shape/rules/Window.ts';
import type { AnyShape } from '../shape/Shape.ts';
import { dims } from '../shape/Shape.ts';
import type { ParameterSpec } from './Resolved.ts';

// -------------------------------------------------------------------------------------
// shapes
// -------------------------------------------------------------------------------------

/** What is wrong with a layer's options, whatever its input is. */
export const optionsError = (spec: Leaf): string | undefined => {
  switch (spec.op) {
    case 'dense':
      return denseOptions(spec.units);
    case 'conv2d':
      return Window.conv2dOptions(spec);
    case 'maxPool2d':
    case 'averagePool2d':
      return Window.pool2dOptions(spec.op, spec);
    case 'batchNormalization':
      return Elementwise.batchNormalizationOptions(spec);
    case 'reshape':
      return reshapeOptions(spec.shape);
    case 'dropout':
      return Elementwise.dropoutOptions(spec.rate);
    case 'weightNormalization':
      return optionsError(spec.layer);
    default:
      return undefined;
  }
};

/** The output's shape, or the message that the compiler prints for the same mistake. */
export const outputOf = (spec: Leaf, inputs: readonly AnyShape[]): E.Either<string, AnyShape> => {
  const [first, second] = inputs;
  const arity = spec.op === 'add' ? 2 : spec.op === 'concatenate' ? inputs.length : 1;
  if (first === undefined || inputs.length !== arity)
    return E.left(`${spec.op}: expects ${arity} input${arity === 1 ? '' : 's'}, got ${inputs.length}`);
  switch (spec.op) {
    case 'dense':
      return dense(spec.units)(first);
    case 'conv2d':
      return Window.conv2d(spec)(first);
    case 'maxPool2d':
    case 'averagePool2d':
      return Window.pool2d(spec.op, spec)(first);
    case 'globalAveragePool2d':
      return Window.globalPool2d(spec.op)(first);
    case 'batchNormalization':
      return Elementwise.batchNormalization(spec)(first);
    case 'flatten':
      return flatten(first);
    case 'reshape':
      return reshape(spec.shape)(first);
    case 'dropout': {
      const bad = optionsError(spec);
      return bad === undefined ? Elementwise.elementwise('dropout')(first) : E.left(bad);
    }
    case 'activation':
      return Elementwise.activation(spec.activation)(first);
    case 'rescaling':
      return Elementwise.elementwise('rescaling')(first);
    case 'identity':
      return E.right(first);
    case 'weightNormalization':
      return outputOf(spec.layer, inputs);
    case 'add':
      return broadcast('add')(first, second ?? first);
    case 'concatenate':
      return concat('concatenate', spec.axis)(inputs);
  }
};

/** The layer with every default that depends on the input's rank filled in. */
export const settled = (spec: Leaf, input: AnyShape): Leaf =>
  spec.op === 'batchNormalization' ? { ...spec, axis: Elementwise.axisOf(spec.axis, dims(input)) } : spec;

// -------------------------------------------------------------------------------------
// parameters
// -------------------------------------------------------------------------------------

/**
 * Fan-in and fan-out by Keras's rules, of a kernel in Keras's layout: `[..., in, out]`, where all axes but the last two are
 * the receptive field.
 */
export const fans = (shape: readonly number[]): readonly [number, number] => {
  if (shape.length < 2) return [shape[0] ?? 1, shape[0] ?? 1];
  const field = shape.slice(0, -2).reduce((a, b) => a * b, 1);
  return [(shape.at(-2) ?? 1) * field, (shape.at(-1) ?? 1) * field];
};

type Parameter = Omit<ParameterSpec, 'name'>;

const parameter = (
  role: string,
  shape: readonly number[],
  initializer: Initializer,
  trainable = true,
  kerasShape: readonly number[] = shape,
): Parameter => ({ role, shape, initializer, fans: fans(kerasShape), trainable });

const size = (input: AnyShape, axis: number): number => {
  const d = dims(input).at(axis);
  return typeof d === 'number' ? d : 0;
};

const kernelOf = (role: string, spec: DenseSpec | Conv2dSpec, input: AnyShape): Parameter => {
  if (spec.op === 'dense') return parameter(role, [size(input, -1), spec.units], spec.kernelInitializer);
  const channels = size(input, 1) / spec.groups;
  const [h, w] = spec.kernel;
  return parameter(role, [spec.filters, channels, h, w], spec.kernelInitializer, true, [h, w, channels, spec.filters]);
};

const units = (spec: DenseSpec | Conv2dSpec): number => (spec.op === 'dense' ? spec.units : spec.filters);

const biasOf = (spec: DenseSpec | Conv2dSpec): readonly Parameter[] =>
  spec.useBias ? [parameter('bias', [units(spec)], spec.biasInitializer)] : [];

/** In Keras's order: trainable in creation order, then statistics. The input's shape must have passed the layer's rule. */
export const parametersOf = (spec: Leaf, input: AnyShape): readonly Parameter[] => {
  switch (spec.op) {
    case 'dense':
    case 'conv2d':
      return [kernelOf('kernel', spec, input), ...biasOf(spec)];
    case 'weightNormalization':
      return [
        kernelOf('v', spec.layer, input),
        parameter('g', [units(spec.layer)], spec.dataInit ? ones : { _tag: 'NormOf', role: 'v' }),
        ...biasOf(spec.layer),
      ];
    case 'batchNormalization': {
      const features = [size(input, Elementwise.axisOf(spec.axis, dims(input)) ?? -1)];
      return [
        ...(spec.scale ? [parameter('gamma', features, ones)] : []),
        ...(spec.center ? [parameter('beta', features, zeros)] : []),
        parameter('moving_mean', features, zeros, false),
        parameter('moving_variance', features, ones, false),
      ];
    }
    default:
      return [];
  }
};
