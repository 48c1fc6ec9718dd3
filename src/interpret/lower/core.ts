/**
 * Products, embeddings, learned activations, noise and users' own layers to operators: the table of this family. Part of
 * `Lower.ts`.
 */
import type { Value } from '../../graph/Graph.ts';
import { operator, valueType } from '../../graph/Graph.ts';
import * as Op from '../../graph/Operators.ts';
import type {
  BilinearSpec,
  CoreLeaf,
  CustomMerge,
  CustomSite,
  EinsumDenseSpec,
  NoiseSpec,
  Several,
} from '../../layer/CoreSpec.ts';
import { concrete } from '../../shape/rules/Einsum.ts';
import { agree, show } from '../../shape/Shape.ts';
import { keepMask, kept, normal, shapedAs, uniform } from '../Random.ts';
import { activate } from './activation.ts';
import {
  groupNormalization,
  type Inner,
  layerNormalization,
  rmsNormalization,
  spectralNormalization,
  unitNormalization,
} from './normalization.ts';
import type { Inputs, Result, Site } from './Site.ts';

// -------------------------------------------------------------------------------------
// products
// -------------------------------------------------------------------------------------

const einsumDense = (spec: EinsumDenseSpec, x: Value, at: Site): Value => {
  const [y] = operator('Einsum', [x, at.parameter('kernel')], [valueType(x.type.dtype, at.output)], {
    equation: { _tag: 'String', value: concrete(spec.equation, Op.rank(x)) },
  });
  const sum = spec.biasAxes === undefined ? (y as Value) : Op.add(y as Value, at.parameter('bias'));
  return activate(spec.activation, -1, at.mode)(sum);
};

/** x (W y) for each unit: the first input with every unit's matrix, then with the second input. */
const bilinear = (spec: BilinearSpec, x: Value, y: Value, at: Site): Value => {
  const kernel = at.parameter('kernel');
  const [units, a, b] = kernel.type.shape as readonly [number, number, number];
  const side = Op.reshape([a, units * b])(Op.transpose([1, 0, 2])(kernel));
  const half = Op.matMul(Op.reshape(['?', a])(x), side);
  const split = Op.reshape(['?', units, b])(half);
  const other = Op.reshape(['?', b, 1])(y);
  const product = Op.reshapeTo(rows(x, units), at.output)(Op.matMul(split, other));
  const sum = spec.useBias ? Op.add(product, at.parameter('bias')) : product;
  return activate(spec.activation, -1, at.mode)(sum);
};

/** The shape of `x` with another last axis, at run time. */
const rows = (x: Value, last: number): Value =>
  Op.concat(0)([Op.slice({ axes: [0], starts: [0], ends: [-1] })(Op.shapeOf(x)), Op.int64s([last])]);

const glu = (axis: number, x: Value): Value => {
  const at = Op.axisOf(x, axis);
  const half = (x.type.shape[at] as number) / 2;
  const part = (start: number) => Op.slice({ axes: [at], starts: [start], ends: [start + half] })(x);
  return Op.mul(part(0), Op.sigmoid(part(half)));
};

// -------------------------------------------------------------------------------------
// noise
// -------------------------------------------------------------------------------------

/** What a unit of SELU is at minus infinity. */
const dropped = -1.6732632423543772 * 1.0507009873554805;

const noise = (spec: NoiseSpec, x: Value, at: Site): Value => {
  if (at.mode._tag === 'Inference') return x;
  const { random } = at.mode;
  switch (spec.op) {
    case 'spatialDropout1d':
    case 'spatialDropout2d':
    case 'spatialDropout3d': {
      if (spec.rate === 0) return x;
      return Op.mul(
        x,
        spec.rate === 1
          ? 0
          : keepMask(random, at.site, spec.rate)(shapedAs(x.type.shape.map((_, i) => (i < 2 ? null : 1)))(x)),
      );
    }
    case 'alphaDropout': {
      if (spec.rate === 0) return x;
      const scale = 1 / Math.sqrt((1 - spec.rate) * (1 + spec.rate * dropped * dropped));
      const y = Op.where(kept(random, at.site, spec.rate)(shapedAs(spec.noiseShape)(x)), x, dropped);
      return Op.add(Op.mul(y, scale), -scale * dropped * spec.rate);
    }
    case 'gaussianDropout': {
      if (spec.rate === 0) return x;
      const deviation = Math.sqrt(spec.rate / (1 - spec.rate));
      return Op.mul(x, Op.add(Op.mul(normal(random, at.site)(x), deviation), 1));
    }
    case 'gaussianNoise':
      return spec.stddev === 0 ? x : Op.add(x, Op.mul(normal(random, at.site)(x), spec.stddev));
  }
};

// -------------------------------------------------------------------------------------
// users' own layers
// -------------------------------------------------------------------------------------

/** Whatever goes wrong inside a user's function is told as a defect of that layer. */
const guarded = <A>(what: string, run: () => A): A => {
  try {
    return run();
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Op.GraphDefect(message.startsWith(`${what}: `) ? message : `${what}: ${message}`);
  }
};

const custom = (layer: CustomMerge, inputs: readonly Value[], at: Site): Result => {
  const random = () => {
    if (at.mode._tag === 'Training') return at.mode.random;
    throw new Op.GraphDefect("random numbers are for training only; look at the site's mode first");
  };
  const site: CustomSite = {
    mode: at.mode._tag === 'Training' ? 'training' : 'inference',
    parameter: at.parameter,
    output: at.output,
    uniform: (like, stream = 0) => uniform(random(), at.site, stream)(like),
    // Uniform streams and normal ones are kept apart.
    normal: (like, stream = 0) => normal(random(), at.site + 2 ** 20, stream)(like),
  };
  const result = guarded(layer.name, () => layer.lower(inputs as unknown as Several<Value>, site));
  const { output, updates } = 'node' in result ? { output: result, updates: undefined } : result;
  const [is, should] = [output.type.shape, at.output];
  if (output.type.dtype !== 'float32' || !agree(is, should))
    throw new Op.GraphDefect(
      `${layer.name}: lower gives ${output.type.dtype}${show(is)}, where output says float32${show(should)}; ` +
        'correct one of the two',
    );
  return { output, ...(updates === undefined || at.mode._tag === 'Inference' ? {} : { updates }) };
};

// -------------------------------------------------------------------------------------
// the table
// -------------------------------------------------------------------------------------

/** `inner` lowers the layer inside a wrapper. */
export const lowerCore = (spec: CoreLeaf, inputs: Inputs, at: Site, inner: Inner): Result => {
  const [x, y] = inputs;
  switch (spec.op) {
    case 'prelu':
      return { output: operator('PRelu', [x, at.parameter('alpha')], [x.type])[0] as Value };
    case 'glu':
      return { output: glu(spec.axis, x) };
    case 'einsumDense':
      return { output: einsumDense(spec, x, at) };
    case 'bilinear':
      return { output: bilinear(spec, x, y ?? x, at) };
    case 'embedding':
      return { output: Op.gather(at.parameter('embeddings'), x) };
    case 'custom':
      return custom(spec.layer, inputs, at);
    case 'layerNormalization':
      return { output: layerNormalization(spec, x, at) };
    case 'groupNormalization':
    case 'instanceNormalization':
      return { output: groupNormalization(spec, x, at) };
    case 'rmsNormalization':
      return { output: rmsNormalization(spec, x, at) };
    case 'unitNormalization':
      return { output: unitNormalization(spec.axis, x) };
    case 'spectralNormalization':
      return spectralNormalization(spec, inputs, at, inner);
    case 'activityRegularization':
      return { output: x };
    default:
      return { output: noise(spec, x, at) };
  }
};
