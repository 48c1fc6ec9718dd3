/**
 * Layers as onnxruntime computes them, against Keras's numbers.
 */
import { describe, expect, it } from 'vitest';
import * as L from '../../src/layer/Layer.ts';
import type { Model } from '../../src/model/Model.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { array, type Case, goldens, mismatch, numbers, type Tensor } from '../objective/cases.ts';
import { f32 } from '../support/evaluate.ts';
import { channelsFirst, channelsLast, kerasKernel, kernel } from './layouts.ts';
import { next, resolvedOf, runModel, trainingMode } from './support.ts';

// -------------------------------------------------------------------------------------
// layers by Keras class
// -------------------------------------------------------------------------------------

type Options = Readonly<Record<string, unknown>>;
type AnyLayer = L.Layer<L.Id>;
type AnyModel = Model<never, unknown>;

const pair = (value: unknown) => value as readonly [number, number];
const same = (value: unknown) => value as 'same' | 'valid';
const named = (value: unknown) => value as L.Activation;

const pool = (h: Options) => ({ kernel: pair(h.pool_size), strides: pair(h.strides), padding: same(h.padding) });

const layers: Readonly<Record<string, (h: Options) => unknown>> = {
  Dense: (h) => L.dense(h.units as number, { activation: named(h.activation), useBias: h.use_bias as boolean }),
  Conv2D: (h) =>
    L.conv2d({
      filters: h.filters as number,
      kernel: pair(h.kernel_size),
      strides: pair(h.strides),
      padding: same(h.padding),
      dilation: pair(h.dilation_rate),
      groups: h.groups as number,
      activation: named(h.activation),
      useBias: h.use_bias as boolean,
    }),
  MaxPooling2D: (h) => L.maxPool2d(pool(h)),
  AveragePooling2D: (h) => L.averagePool2d(pool(h)),
  GlobalAveragePooling2D: (h) => L.globalAveragePool2d({ keepDims: h.keepdims as boolean }),
  Flatten: () => L.flatten(),
  Reshape: (h) => L.reshape(h.target_shape as readonly number[]),
  Dropout: (h) => L.dropout(h.rate as number),
  BatchNormalization: (h) =>
    L.batchNormalization({
      axis: h.axis as number,
      momentum: h.momentum as number,
      epsilon: h.epsilon as number,
      center: h.center as boolean,
      scale: h.scale as boolean,
      renorm: h.renorm as boolean,
      ...(h.renorm === true
        ? {
            renormClipping: h.renorm_clipping as L.BatchNormalizationOptions['renormClipping'],
            renormMomentum: h.renorm_momentum as number,
          }
        : {}),
    } as L.BatchNormalizationOptions),
  Rescaling: (h) => L.rescaling(h.scale as number, h.offset as number),
};

/** Layers of images, whose data come as channels last unless the options say otherwise. */
const images = ['Conv2D', 'MaxPooling2D', 'AveragePooling2D', 'GlobalAveragePooling2D'];

const single = (x: NdArray, layer: unknown): AnyModel =>
  L.model(L.input(x.shape.slice(1)), layer as AnyLayer) as unknown as AnyModel;

const inputName = (i: number): string => `input_${i}`;

/** Several inputs, merged from the left two at a time. */
const merged = (xs: readonly NdArray[], merge: (a: L.Tensor<L.Shape>, b: L.Tensor<L.Shape>) => unknown): AnyModel =>
  L.graph(Object.fromEntries(xs.map((x, i) => [inputName(i), x.shape.slice(1) as L.Shape])), (inputs) =>
    Object.values(inputs).reduce((a, b) => merge(a, b) as L.Tensor<L.Shape>),
  ) as unknown as AnyModel;

const merges: Readonly<Record<string, (h: Options) => (a: L.Tensor<L.Shape>, b: L.Tensor<L.Shape>) => unknown>> = {
  Add: () => (a, b) => L.add(a, b as never),
  Concatenate: (h) => (a, b) => L.concatenate(a, b as never, h.axis as number),
};

// -------------------------------------------------------------------------------------
// cases
// -------------------------------------------------------------------------------------

interface Weight {
  readonly name: string;
  readonly value: Tensor;
}

interface Inputs {
  readonly args: readonly (Tensor | readonly Tensor[])[];
  readonly kwargs: { readonly training?: boolean; readonly mask?: Tensor };
  readonly weights: readonly Weight[];
  readonly input_masks?: readonly (Tensor | null)[] | null;
}

interface Expected {
  readonly output?: Tensor;
  /** Of several calls, one after the other. */
  readonly outputs?: readonly Tensor[];
  readonly weights_after?: readonly Weight[];
}

type Golden = Case<Inputs, Expected>;

/** Cases about what the layer does not offer, by the end of their id. (Cases of integers run with float32 numbers.) */
const leftOut: Readonly<Record<string, string>> = {
  'Flatten/04': 'channels_first: Keras moves the channels to the end before it flattens',
};

const idOf = (id: string): string => id.replace(/^[a-z_]+\//, '');

const all = goldens<Inputs, Expected>('layer', [...Object.keys(layers), ...Object.keys(merges)]);
const run = all.filter(({ id }) => leftOut[idOf(id)] === undefined);

const check = (got: NdArray | undefined, expected: Tensor, golden: Pick<Golden, 'tolerance'>, what: string): void => {
  expect(got?.shape, what).toEqual(expected.shape);
  expect(mismatch(got?.data as Float32Array, numbers(expected), golden.tolerance), what).toBeUndefined();
};

/** Of the inputs: an argument, or what came with the input. */
const masksOf = ({ inputs }: Golden): readonly (NdArray | undefined)[] =>
  (inputs.kwargs.mask === undefined ? (inputs.input_masks ?? []) : [inputs.kwargs.mask]).map((m) =>
    m === null ? undefined : { dtype: 'bool', shape: m.shape, data: Uint8Array.from(m.data, Number) },
  );

const runCase = async (golden: Golden): Promise<void> => {
  const { name, hyperparameters, inputs, expected } = golden;
  const isLast = images.includes(name) && hyperparameters.data_format !== 'channels_first';
  const [first] = inputs.args;
  const given = (Array.isArray(first) ? (first as readonly Tensor[]) : [first as Tensor]).map((t) => array(t));
  const xs = isLast ? given.map(channelsFirst) : given;
  const merge = merges[name]?.(hyperparameters);
  const model = merge === undefined ? single(xs[0] as NdArray, layers[name]?.(hyperparameters)) : merged(xs, merge);
  const resolved = resolvedOf(model);
  const byRole = new Map(resolved.parameters.map((p) => [p.role, p.name]));
  const nameOf = (role: string): string => byRole.get(role) ?? `no parameter ${role}`;
  expect([...byRole.keys()].sort()).toEqual(inputs.weights.map((w) => w.name).sort());
  let weights = Object.fromEntries(inputs.weights.map((w) => [nameOf(w.name), kernel(array(w.value))]));
  const feeds = Object.fromEntries(resolved.inputs.map((i, at) => [i.name, xs[at] as NdArray]));
  const mode = inputs.kwargs.training === true ? trainingMode() : undefined;
  const calls = expected.outputs ?? [expected.output as Tensor];
  for (const [i, output] of calls.entries()) {
    const got = await runModel(resolved, { ...feeds, ...weights }, mode, [...masksOf(golden)]);
    const value = got.output as NdArray;
    check(isLast ? channelsLast(value) : value, output, golden, `call ${i}`);
    weights = Object.fromEntries(Object.entries(weights).map(([key, old]) => [key, got[next(key)] ?? old]));
  }
  for (const { name: role, value } of expected.weights_after ?? []) check(weights[nameOf(role)], value, golden, role);
};

describe("layers compute Keras's numbers", () => {
  it.each(run.map((golden) => [golden.id, golden] as const))('%s', async (_, golden) => {
    await runCase(golden);
  });

  it('names every case that is left out', () => {
    expect(all.length).toBe(68);
    expect(run.length).toBe(67);
    expect(
      all
        .filter(({ id }) => leftOut[idOf(id)] !== undefined)
        .map(({ id }) => idOf(id))
        .sort(),
    ).toEqual(Object.keys(leftOut).sort());
  });
});

// -------------------------------------------------------------------------------------
// activations
// -------------------------------------------------------------------------------------

const activations = ['relu', 'sigmoid', 'tanh', 'softmax', 'linear', 'gelu', 'hardSwish'];

describe('activations as options', () => {
  it('a layer with an activation is the layer followed by it', async () => {
    const x = f32([0.5, -1, 2, 0.25, 3, -0.5], [2, 3]);
    for (const name of activations) {
      const inside = resolvedOf(single(x, L.dense(4, { activation: named(name) })));
      const behind = resolvedOf(single(x, L.sequential(L.dense(4), L.activation(named(name))) as unknown));
      const feeds = {
        input: x,
        'dense.kernel': f32([0.1, -0.2, 0.3, 0.4, -0.5, 0.6, 0.7, -0.8, 0.9, 1, -1.1, 1.2], [3, 4]),
        'dense.bias': f32([0.1, 0.2, -0.3, 0]),
      };
      expect((await runModel(inside, feeds)).output).toEqual((await runModel(behind, feeds)).output);
    }
  });
});

// -------------------------------------------------------------------------------------
// weight normalisation
// -------------------------------------------------------------------------------------

interface WeightNormInputs {
  readonly x?: Tensor;
  readonly v: Tensor;
  readonly g?: Tensor;
  readonly bias?: Tensor;
}

interface WeightNormExpected {
  readonly g?: Tensor;
  readonly kernel: Tensor;
  readonly output?: Tensor;
}

/** Rows that a linear layer turns into the rows of its kernel. */
const unitRows = (n: number): Float32Array =>
  Float32Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

const weightNormLeftOut: Readonly<Record<string, string>> = {
  'WeightNormalization/03': 'data_init, which is part of a fit: spec/training/Beginning.spec.ts runs it',
};

describe('weight normalisation computes the formula of TensorFlow Addons', () => {
  const cases = goldens<WeightNormInputs, WeightNormExpected>('weight_normalization', ['WeightNormalization']);
  const ran = cases.filter(({ id }) => weightNormLeftOut[idOf(id)] === undefined);

  it.each(ran.map((golden) => [golden.id, golden] as const))('%s', async (_, golden) => {
    const { inputs, expected } = golden;
    const v = kernel(array(inputs.v));
    const isDense = v.shape.length === 2;
    const sample = isDense ? v.shape.slice(0, 1) : v.shape.slice(1);
    const units = isDense ? (v.shape[1] as number) : (v.shape[0] as number);
    const g = array((inputs.g ?? expected.g) as Tensor);
    const of = (useBias: boolean) =>
      L.weightNormalization(
        isDense ? L.dense(units, { useBias }) : (L.conv2d({ filters: units, kernel: [2, 2], useBias }) as never),
      );
    // The kernel, made visible: one sample for each of its inputs, all zeros but for a one.
    const n = product(sample);
    const probe = { dtype: 'float32', shape: [n, ...sample], data: unitRows(n) } as const;
    const bare = resolvedOf(single(probe, of(false)));
    const [vName, gName] = bare.parameters.map((p) => p.name) as [string, string];
    const rows = (await runModel(bare, { input: probe, [vName]: v, [gName]: g })).output as NdArray;
    const columns = { ...rows, shape: [n, units] };
    const got = isDense
      ? columns
      : kerasKernel({ ...columns, shape: [units, ...sample], data: transposed(columns.data as Float32Array, units) });
    check(got, expected.kernel, golden, 'kernel');
    if (inputs.x === undefined || expected.output === undefined) return;
    const x = array(inputs.x);
    const whole = resolvedOf(single(x, of(true)));
    const names = whole.parameters.map((p) => p.name);
    const values = [v, g, array(inputs.bias as Tensor)];
    const feeds = Object.fromEntries(names.map((name, i) => [name, values[i] as NdArray]));
    check((await runModel(whole, { input: x, ...feeds })).output, expected.output, golden, 'output');
    check((await runModel(whole, { input: x, ...feeds }, trainingMode())).output, expected.output, golden, 'training');
  });

  it('names every case that is left out', () => {
    expect([cases.length, ran.length]).toEqual([4, 3]);
    expect(cases.filter((c) => !ran.includes(c)).map(({ id }) => idOf(id))).toEqual(Object.keys(weightNormLeftOut));
  });
});

it('weight normalisation is exact for short vectors, and finite for none', async () => {
  const resolved = resolvedOf(single(f32([1, 0, 0, 1], [2, 2]), L.weightNormalization(L.dense(2, { useBias: false }))));
  const { output } = await runModel(resolved, {
    input: f32([1, 0, 0, 1], [2, 2]),
    'weight_normalization.v': f32([3e-5, 0, -4e-5, 0], [2, 2]),
    'weight_normalization.g': f32([2, 5]),
  });
  expect(mismatch(output?.data as Float32Array, [1.2, 0, -1.6, 0], { rtol: 1e-6, atol: 0 })).toBeUndefined();
});

/** [n, units] to [units, n]. */
const transposed = (data: Float32Array, units: number): Float32Array => {
  const n = data.length / units;
  return data.map((_, i) => data[(i % n) * units + Math.floor(i / n)] as number);
};

// -------------------------------------------------------------------------------------
// modes
// -------------------------------------------------------------------------------------

describe('modes', () => {
  const x = f32([1, 2, 3, 4, 5, 6], [3, 2]);

  it('dropout is the identity in inference, and at rate 0', async () => {
    expect(
      (await runModel(resolvedOf(single(x, L.sequential(L.dropout(0.5), L.rescaling(1)))), { input: x })).output,
    ).toEqual(x);
    const none = resolvedOf(single(x, L.sequential(L.dropout(0), L.rescaling(1))));
    expect((await runModel(none, { input: x }, trainingMode())).output).toEqual(x);
  });

  it('dropout at rate 1 gives zeros', async () => {
    const got = await runModel(resolvedOf(single(x, L.dropout(1))), { input: x }, trainingMode());
    expect(got.output).toEqual(f32([0, 0, 0, 0, 0, 0], [3, 2]));
  });

  it('statistics change in training only', async () => {
    const resolved = resolvedOf(single(x, L.batchNormalization({ momentum: 0 })));
    const feeds = {
      input: x,
      'batch_normalization.gamma': f32([1, 1]),
      'batch_normalization.beta': f32([0, 0]),
      'batch_normalization.moving_mean': f32([3, 4]),
      'batch_normalization.moving_variance': f32([1, 1]),
    };
    expect(Object.keys(await runModel(resolved, feeds))).toEqual(['output']);
    const after = await runModel(resolved, feeds, trainingMode());
    expect(after['next/batch_normalization.moving_mean']).toEqual(f32([3, 4]));
    expect(after['next/batch_normalization.moving_variance']?.data[0]).toBeCloseTo(8 / 3, 6);
  });

  it('a batch normalisation with shared parameters carries its statistics on from use to use', async () => {
    const shared = L.named('bn', L.batchNormalization({ momentum: 0.5 }));
    const resolved = resolvedOf(single(x, L.sequential(shared, L.rescaling(2), shared)));
    const after = await runModel(
      resolved,
      {
        input: x,
        'bn.gamma': f32([1, 1]),
        'bn.beta': f32([0, 0]),
        'bn.moving_mean': f32([0, 0]),
        'bn.moving_variance': f32([1, 1]),
      },
      trainingMode(),
    );
    // First use: 0.5 * 0 + 0.5 * [3, 4]; second, of numbers with mean 0: half of that.
    expect(after['next/bn.moving_mean']?.data[0]).toBeCloseTo(0.75, 5);
    expect(after['next/bn.moving_mean']?.data[1]).toBeCloseTo(1, 5);
  });
});
