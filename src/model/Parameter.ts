/**
 * What each kind of layer makes of the shapes of its inputs: its output's shape and its parameters.
 */
import * as E from 'fp-ts/lib/Either.js';
import { isCore, type KernelSpec } from '../layer/CoreSpec.ts';
import { ones } from '../layer/Initializer.ts';
import type { Activation, Initializer } from '../layer/Options.ts';
import { activationName } from '../layer/Options.ts';
import { isConvLstm, isSequence } from '../layer/SequenceSpec.ts';
import { isDepthwise, isSpatial } from '../layer/SpatialSpec.ts';
import type { Leaf } from '../layer/Spec.ts';
import { dense, denseOptions } from '../shape/rules/Dense.ts';
import * as Elementwise from '../shape/rules/Elementwise.ts';
import { concat } from '../shape/rules/Merge.ts';
import { noiseShapeError } from '../shape/rules/NoiseShape.ts';
import { flatten, reshape, reshapeOptions } from '../shape/rules/Reshape.ts';
import type { AnyShape } from '../shape/Shape.ts';
import { dims } from '../shape/Shape.ts';
import { type CoreParameter, coreOptionsError, coreOutput, coreParameters, singularVector } from './Core.ts';
import { governed } from './Governed.ts';
import { importedOutput, importedParameters } from './Imported.ts';
import { convLayout, depthwiseLayout, kerasShape, unitAxis } from './Layout.ts';
import type { Layout, ParameterSpec } from './Resolved.ts';
import { sequenceOptionsError, sequenceOutput, sequenceParameters } from './Sequence.ts';
import { type Kernel, spatialOptionsError, spatialOutput, spatialParameters } from './Spatial.ts';

// -------------------------------------------------------------------------------------
// shapes
// -------------------------------------------------------------------------------------

/** What is wrong with a layer's options, whatever its input is. */
export const optionsError = (spec: Leaf): string | undefined => {
  if (isSpatial(spec)) return spatialOptionsError(spec);
  if (isSequence(spec)) return sequenceOptionsError(spec);
  if (isCore(spec)) return coreOptionsError(spec, optionsError);
  switch (spec.op) {
    case 'dense':
      return denseOptions(spec.units);
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

/** An activation along axes must find them in the output. */
const activationError = (activation: Activation, output: AnyShape): string | undefined => {
  if (typeof activation === 'string' || !('axis' in activation)) return undefined;
  const checked = Elementwise.activation(activation.name, activation.axis)(output);
  return E.isLeft(checked) ? checked.left : undefined;
};

/** The output's shape, or the message that the compiler prints for the same mistake. */
export const outputOf = (spec: Leaf, inputs: readonly AnyShape[]): E.Either<string, AnyShape> => {
  const output = shapeOf(spec, inputs);
  if (E.isLeft(output) || spec.op === 'activation' || !('activation' in spec)) return output;
  const bad = activationError(spec.activation, output.right);
  return bad === undefined ? output : E.left(`${spec.op}: ${bad}`);
};

const shapeOf = (spec: Leaf, inputs: readonly AnyShape[]): E.Either<string, AnyShape> => {
  if (isSpatial(spec)) return spatialOutput(spec, inputs);
  if (isSequence(spec)) return sequenceOutput(spec, inputs);
  if (isCore(spec)) return coreOutput(spec, inputs, outputOf);
  const [first] = inputs;
  if (spec.op === 'imported' || spec.op === 'importedOutput') return importedOutput(spec, inputs);
  const arity = spec.op === 'concatenate' ? inputs.length : 1;
  if (first === undefined || inputs.length !== arity)
    return E.left(`${spec.op}: expects ${arity} input${arity === 1 ? '' : 's'}, got ${inputs.length}`);
  switch (spec.op) {
    case 'dense':
      return dense(spec.units)(first);
    case 'batchNormalization':
      return Elementwise.batchNormalization(spec)(first);
    case 'flatten':
      return flatten(first);
    case 'reshape':
      return reshape(spec.shape)(first);
    case 'dropout': {
      const bad = optionsError(spec) ?? noiseShapeError('dropout', spec.noiseShape, first);
      return bad === undefined ? Elementwise.elementwise('dropout')(first) : E.left(bad);
    }
    case 'activation':
      return Elementwise.activation(
        activationName(spec.activation),
        typeof spec.activation === 'object' && 'axis' in spec.activation ? spec.activation.axis : undefined,
      )(first);
    case 'rescaling':
      return Elementwise.elementwise('rescaling')(first);
    case 'identity':
      return E.right(first);
    case 'weightNormalization':
      return outputOf(spec.layer, inputs);
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

const laidOut = (p: Parameter, keras: Layout | undefined): Parameter => (keras === undefined ? p : { ...p, keras });

const ofKernel = ({ role, shape, initializer, keras }: Kernel): Parameter =>
  parameter(role, shape, initializer, true, keras);

/** Kernels of convolutions are the parameters with three axes or more. */
const ofConvolution =
  (spec: Leaf) =>
  (kernel: Kernel): Parameter => {
    const { role, shape } = kernel;
    if (shape.length < 3) return ofKernel(kernel);
    const isDepth = (isSpatial(spec) && isDepthwise(spec)) || role === 'depthwise_kernel';
    const multiplier = 'depthMultiplier' in spec ? spec.depthMultiplier : 1;
    return laidOut(ofKernel(kernel), isDepth ? depthwiseLayout(shape, multiplier) : convLayout(shape));
  };

const ofCore = ({ role, shape, initializer, trainable, keras, regularizer, constraint }: CoreParameter): Parameter => ({
  ...parameter(role, shape, initializer, trainable, keras),
  ...(regularizer === undefined ? {} : { regularizer }),
  ...(constraint === undefined ? {} : { constraint }),
});

const isKernel = ({ role }: Parameter): boolean => role === 'kernel';

/** The layer's own, with direction and length in the kernel's place. */
const weightNormalized = (spec: KernelSpec, dataInit: boolean, own: readonly Parameter[]): readonly Parameter[] =>
  own.flatMap((p) => {
    if (!isKernel(p)) return [p];
    const axis = unitAxis(spec, p.shape.length);
    const length = parameter('g', [p.shape[axis] ?? 1], dataInit ? ones : { _tag: 'NormOf', role: 'v', axis });
    return [{ ...p, role: 'v' }, length];
  });

/**
 * In Keras's order: trainable in creation order, then statistics. The inputs' shapes must have passed the layer's rule.
 * `inputs`: all of them, for layers with several.
 */
export const parametersOf = (
  spec: Leaf,
  input: AnyShape,
  inputs: readonly AnyShape[] = [input],
): readonly Parameter[] => governed(spec, ownParameters(spec, input, inputs));

const ownParameters = (spec: Leaf, input: AnyShape, inputs: readonly AnyShape[]): readonly Parameter[] => {
  if (isSpatial(spec)) return spatialParameters(spec, input).map(ofConvolution(spec));
  if (isSequence(spec)) return sequenceParameters(spec, inputs).map(isConvLstm(spec) ? ofConvolution(spec) : ofKernel);
  if (spec.op === 'spectralNormalization') {
    const own = parametersOf(spec.layer, input, inputs);
    const units = own.filter(isKernel).map((p) => kerasShape(p).at(-1) ?? 1);
    return [...own, ...units.map(singularVector).map(ofCore)];
  }
  if (isCore(spec)) return coreParameters(spec, inputs).map(ofCore);
  switch (spec.op) {
    case 'dense':
      return [
        parameter('kernel', [size(input, -1), spec.units], spec.kernelInitializer),
        ...(spec.useBias ? [parameter('bias', [spec.units], spec.biasInitializer)] : []),
      ];
    case 'weightNormalization':
      return weightNormalized(spec.layer, spec.dataInit, parametersOf(spec.layer, input, inputs));
    case 'batchNormalization': {
      const features = [size(input, Elementwise.axisOf(spec.axis, dims(input)) ?? -1)];
      return [
        ...(spec.scale ? [parameter('gamma', features, spec.gammaInitializer)] : []),
        ...(spec.center ? [parameter('beta', features, spec.betaInitializer)] : []),
        parameter('moving_mean', features, spec.movingMeanInitializer, false),
        parameter('moving_variance', features, spec.movingVarianceInitializer, false),
        ...(spec.renorm === undefined
          ? []
          : [
              parameter('moving_stddev', features, { _tag: 'RootOf', role: 'moving_variance' }, false),
              parameter('renorm_mean', features, spec.movingMeanInitializer, false),
              parameter('renorm_stddev', features, { _tag: 'RootOf', role: 'moving_variance' }, false),
            ]),
      ];
    }
    case 'imported':
      return importedParameters(spec).map((p) => parameter(p.role, p.shape, p.initializer, p.trainable));
    default:
      return [];
  }
};
