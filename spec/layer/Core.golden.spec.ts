/**
 * Activations, normalisation, embeddings, products, penalties and constraints as onnxruntime computes them, against Keras's
 * numbers.
 */
import { describe, expect, it } from 'vitest';
import { input } from '../../src/graph/Graph.ts';
import { activate } from '../../src/interpret/lower/activation.ts';
import { constrain, penalty } from '../../src/interpret/Penalty.ts';
import * as L from '../../src/layer/Layer.ts';
import type { Activation, Constraint, Regularizer } from '../../src/layer/Options.ts';
import type { Model } from '../../src/model/Model.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { channelsFirst, channelsLast, kerasKernel, kernel } from '../interpret/layouts.ts';
import { next, resolvedOf, runModel, trainingMode } from '../interpret/support.ts';
import { array, goldens, mismatch, namesOf, numbers, type Tensor } from '../objective/cases.ts';
import { evaluate } from '../support/evaluate.ts';

type Options = Readonly<Record<string, unknown>>;

const check = (
  got: NdArray | undefined,
  expected: Tensor,
  tolerance: { readonly rtol: number; readonly atol: number },
) => {
  expect(got?.shape).toEqual(expected.shape);
  expect(mismatch(got?.data as Float32Array, numbers(expected), tolerance)).toBeUndefined();
};

/** `max_value` to `maxValue`; what is null is left out. */
const camel = (h: Options): Options =>
  Object.fromEntries(
    Object.entries(h).flatMap(([key, value]) =>
      value === null ? [] : [[key.replace(/_(.)/g, (_, c: string) => c.toUpperCase()), value]],
    ),
  );

const idOf = (id: string): string => id.replace(/^[a-z_]+\//, '');

// -------------------------------------------------------------------------------------
// activations
// -------------------------------------------------------------------------------------

const activationNames: Readonly<Record<string, string>> = { hard_silu: 'hardSwish' };

const activationOf = (name: string, h: Options): Activation =>
  ({
    name: activationNames[name] ?? name.replace(/_(.)/g, (_, c: string) => c.toUpperCase()),
    ...camel(h),
  }) as Activation;

describe("activations compute Keras's numbers", () => {
  const cases = goldens<{ readonly x: Tensor }, Tensor & { readonly output?: Tensor }>(
    'activation',
    namesOf('activation'),
  );

  it.each(cases.map((c) => [c.id, c] as const))(
    '%s',
    async (_, { name, hyperparameters, inputs, expected, tolerance }) => {
      const x = input('x', 'float32', inputs.x.shape);
      const got = await evaluate({ y: activate(activationOf(name, hyperparameters))(x) }, { x: array(inputs.x) });
      check(got.y, expected.output ?? expected, tolerance);
    },
  );

  it('all of them', () => expect(cases.length).toBe(74));
});

// -------------------------------------------------------------------------------------
// layers
// -------------------------------------------------------------------------------------

/** The constructors, whatever they are given: options come from a file. */
const W = L as unknown as Readonly<Record<keyof typeof L, (...args: readonly unknown[]) => unknown>>;

const normalization = (h: Options): Options => {
  const { axis, epsilon, center, scale, groups } = h;
  return Object.fromEntries(
    Object.entries({ axis, epsilon, center, scale, groups }).filter(([, value]) => value !== undefined),
  );
};

const inner = (layer: { readonly class_name: string; readonly config: Options }): unknown =>
  layer.class_name === 'Conv2D'
    ? W.conv2d({ filters: layer.config.filters, kernel: layer.config.kernel_size })
    : W.dense(layer.config.units);

const layers: Readonly<Record<string, (h: Options) => unknown>> = {
  ReLU: (h) => W.relu(camel(h)),
  LeakyReLU: (h) => W.leakyRelu(camel(h)),
  ELU: (h) => W.elu(camel(h)),
  PReLU: (h) => W.prelu({ sharedAxes: h.shared_axes ?? [] }),
  Softmax: (h) => W.softmax({ axis: h.axis }),
  LayerNormalization: (h) => W.layerNormalization(normalization(h)),
  GroupNormalization: (h) => W.groupNormalization(normalization(h)),
  RMSNormalization: (h) => W.rmsNormalization({ axis: h.axis, epsilon: h.epsilon }),
  UnitNormalization: (h) => W.unitNormalization({ axis: h.axis }),
  SpectralNormalization: (h) =>
    W.spectralNormalization(inner(h.layer as Parameters<typeof inner>[0]), { powerIterations: h.power_iterations }),
  Embedding: (h) => W.embedding(h.input_dim, h.output_dim),
  EinsumDense: (h) =>
    W.einsumDense(h.equation, h.output_shape as readonly (number | null)[], { biasAxes: h.bias_axes ?? undefined }),
  GaussianNoise: (h) => W.gaussianNoise(h.stddev),
};

/** What is not offered, by the end of the case's id. */
const leftOut: Readonly<Record<string, string>> = {
  'Softmax/03': 'the batch among the axes, and a mask',
  'UnitNormalization/02': 'the batch among the axes',
  'LayerNormalization/02': 'rms_scaling, which Keras has withdrawn for RMSNormalization',
};

interface Weight {
  readonly name: string;
  readonly value: Tensor;
}

interface Inputs {
  readonly args: readonly Tensor[];
  readonly kwargs: { readonly training?: boolean; readonly mask?: Tensor };
  readonly weights: readonly Weight[];
}

interface Expected {
  readonly output: Tensor;
  readonly weights_after?: readonly Weight[];
}

describe("layers compute Keras's numbers", () => {
  const all = goldens<Inputs, Expected>('layer', Object.keys(layers));
  const run = all.filter(({ id }) => leftOut[idOf(id)] === undefined);

  it.each(run.map((c) => [c.id, c] as const))(
    '%s',
    async (_, { name, hyperparameters, inputs, expected, tolerance }) => {
      const isInt = name === 'Embedding';
      const isImage = name === 'SpectralNormalization';
      const given = array(inputs.args[0] as Tensor, isInt ? 'int32' : 'float32');
      const x = isImage ? channelsFirst(given) : given;
      const shape = x.shape.slice(1);
      const start = isInt ? L.tokens(shape) : L.input(shape);
      const model = L.model(start as L.Input<L.Shape>, layers[name]?.(hyperparameters) as L.Layer<L.Id>);
      const resolved = resolvedOf(model as unknown as Model<never, unknown>);
      const names = new Map(resolved.parameters.map((p) => [p.role, p.name]));
      expect([...names.keys()].sort()).toEqual(inputs.weights.map((w) => w.name).sort());
      const weights = Object.fromEntries(
        inputs.weights.map((w) => [names.get(w.name) ?? '', kernel(array(w.value))] as const),
      );
      const mode = inputs.kwargs.training === true ? trainingMode() : undefined;
      const { mask } = inputs.kwargs;
      const masks: readonly NdArray[] =
        mask === undefined ? [] : [{ dtype: 'bool', shape: mask.shape, data: Uint8Array.from(mask.data, Number) }];
      const got = await runModel(resolved, { input: x, ...weights }, mode, masks);
      const output = got.output as NdArray;
      check(isImage ? channelsLast(output) : output, expected.output, tolerance);
      for (const { name: role, value } of expected.weights_after ?? []) {
        const after = got[next(names.get(role) ?? '')] ?? weights[names.get(role) ?? ''];
        check(kerasKernel(after as NdArray), value, tolerance);
      }
    },
  );

  it('names every case that is left out', () => {
    expect([all.length, run.length]).toEqual([52, 49]);
    expect(
      all
        .filter((c) => !run.includes(c))
        .map(({ id }) => idOf(id))
        .sort(),
    ).toEqual(Object.keys(leftOut).sort());
  });
});

// -------------------------------------------------------------------------------------
// regularizers
// -------------------------------------------------------------------------------------

const regularizers: Readonly<Record<string, (h: Options) => Regularizer>> = {
  L1: (h) => L.Regularizer.l1(h.l1 as number),
  L2: (h) => L.Regularizer.l2(h.l2 as number),
  L1L2: (h) => L.Regularizer.l1l2(h),
  OrthogonalRegularizer: (h) => L.Regularizer.orthogonal(h),
};

describe("regularizers compute Keras's numbers", () => {
  const cases = goldens<{ readonly x: Tensor }, Tensor>('regularizer', Object.keys(regularizers));

  it.each(cases.map((c) => [c.id, c] as const))(
    '%s',
    async (_, { name, hyperparameters, inputs, expected, tolerance }) => {
      const r = regularizers[name]?.(hyperparameters) as Regularizer;
      const x = input('x', 'float32', inputs.x.shape);
      const got = await evaluate({ y: penalty(r)(x) }, { x: array(inputs.x) });
      check(got.y, expected, tolerance);
    },
  );

  it('all of them', () => expect([cases.length, namesOf('regularizer').length]).toEqual([28, 4]));
});

// -------------------------------------------------------------------------------------
// constraints
// -------------------------------------------------------------------------------------

const constraints: Readonly<Record<string, (h: Options) => Constraint>> = {
  NonNeg: () => L.Constraint.nonNeg(),
  MaxNorm: (h) => L.Constraint.maxNorm(camel(h)),
  UnitNorm: (h) => L.Constraint.unitNorm(camel(h)),
  MinMaxNorm: (h) => L.Constraint.minMaxNorm(camel(h)),
};

describe("constraints compute Keras's numbers", () => {
  const cases = goldens<{ readonly w: Tensor }, Tensor>('constraint', Object.keys(constraints));

  it.each(cases.map((c) => [c.id, c] as const))(
    '%s',
    async (_, { name, hyperparameters, inputs, expected, tolerance }) => {
      const constraint = constraints[name]?.(hyperparameters) as Constraint;
      // A weight of rank 4 is a convolution's.
      const isConv = inputs.w.shape.length === 4;
      const w = isConv ? kernel(array(inputs.w)) : array(inputs.w);
      const layer = isConv
        ? W.conv2d({ filters: w.shape[0], kernel: w.shape.slice(2), kernelConstraint: constraint })
        : W.dense(w.shape[1], { kernelConstraint: constraint });
      const sample = isConv ? [w.shape[1] as number, 9, 9] : [w.shape[0] as number];
      const resolved = resolvedOf(L.model(L.input(sample), layer as L.Layer<L.Id>) as unknown as Model<never, unknown>);
      const parameter = resolved.parameters.find((p) => p.role === 'kernel');
      if (parameter === undefined) throw new Error('no kernel');
      const got = await evaluate({ y: constrain(parameter)(input('w', 'float32', w.shape)) }, { w });
      check(isConv ? kerasKernel(got.y as NdArray) : got.y, expected, tolerance);
    },
  );

  it('all of them', () => expect([cases.length, namesOf('constraint').length]).toEqual([13, 4]));
});
