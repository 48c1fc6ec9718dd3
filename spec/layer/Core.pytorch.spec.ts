/**
 * Activations, products, embeddings, normalisation: output and all gradients beside PyTorch's in float64 (see
 * spec/golden/core.py), shapes as rule, value and onnxruntime say them, and whether both providers have the kernels.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { vjp } from '../../src/autodiff/Grad.ts';
import { input, type Value } from '../../src/graph/Graph.ts';
import { missingKernels } from '../../src/graph/Kernels.ts';
import { lower, type Mode } from '../../src/interpret/Lower.ts';
import * as L from '../../src/layer/Layer.ts';
import type { Model } from '../../src/model/Model.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { agree, dims } from '../../src/shape/Shape.ts';
import { inference, resolvedOf, right, trainingMode } from '../interpret/support.ts';
import { evaluate, graphOf } from '../support/evaluate.ts';
import { kernelTables } from '../support/kernelTables.ts';

interface Flat {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface Golden {
  readonly name: string;
  /** Whether the input is tokens. */
  readonly integer: boolean;
  readonly inputs: readonly Flat[];
  readonly weights: readonly Flat[];
  readonly output: Flat;
  readonly cotangent: Flat;
  /** Of the inputs unless they are integers, then of the weights. */
  readonly gradients: readonly Flat[];
}

const cases: readonly Golden[] = JSON.parse(readFileSync(new URL('../golden/core.json', import.meta.url), 'utf8'));

// -------------------------------------------------------------------------------------
// layers by the names of the cases
// -------------------------------------------------------------------------------------

const bare = { center: false, scale: false } as const;
const pytorch = { epsilon: 1e-5 } as const;
const volume = { groups: 4, scale: false } as const;

const named: Readonly<Record<string, unknown>> = {
  'relu all 0': L.relu({ maxValue: 2 }),
  'relu all 1': L.relu({ maxValue: 1.5, negativeSlope: 0.25 }),
  'relu all 2': L.relu({ maxValue: 2.5, negativeSlope: 0.1, threshold: 0.5 }),
  'relu all 3': L.relu({ negativeSlope: 0.3, threshold: -0.5 }),
  'leakyRelu 0.1': L.leakyRelu({ negativeSlope: 0.1 }),
  'elu 0.5': L.elu({ alpha: 0.5 }),
  'celu alpha 2': L.celu({ alpha: 2 }),
  'celu 0.3 far': L.celu({ alpha: 0.3 }),
  'gelu tanh': L.gelu({ approximate: true }),
  'squareplus 0.5': L.squareplus({ b: 0.5 }),
  'softShrink wide': L.softShrink({ threshold: 1 }),
  'hardShrink wide': L.hardShrink({ threshold: 1 }),
  threshold: L.threshold({ threshold: 0.4, defaultValue: -2 }),
  'mish far': L.mish(),
  'softmax last': L.softmax(),
  'softmax channels': L.softmax(),
  'softmax axis 2': L.softmax({ axis: 2 }),
  'softmax two axes': L.softmax({ axis: [1, 2] }),
  'logSoftmax last': L.logSoftmax(),
  'logSoftmax channels': L.logSoftmax(),
  'logSoftmax axis 2': L.logSoftmax({ axis: 2 }),
  'logSoftmax two axes': L.logSoftmax({ axis: [1, 3] }),
  'sparsemax last': L.sparsemax(),
  'sparsemax channels': L.sparsemax(),
  'sparsemax axis 2': L.sparsemax({ axis: 2 }),
  prelu: L.prelu(),
  'prelu image': L.prelu({ sharedAxes: [2, 3] }),
  'prelu shared 1': L.prelu({ sharedAxes: [1] }),
  glu: L.glu(),
  'glu 1': L.glu({ axis: 1 }),
  'glu image': L.glu({ axis: 1 }),
  'dense gelu': L.dense(5, { activation: 'gelu' }),
  'dense leakyRelu 0.1': L.dense(2, { activation: { name: 'leakyRelu', negativeSlope: 0.1 } }),
  'conv mish': L.conv2d({ filters: 3, kernel: [2, 3], activation: 'mish' }),
  'einsum dense': L.einsumDense('abc,cd->abd', [null, 5], { biasAxes: 'd' }),
  'einsum heads': L.einsumDense('abc, cde -> abde', [null, 2, 3], { biasAxes: 'de' }),
  'einsum merge': L.einsumDense('abcd,cde->abe', [3, 5]),
  'einsum each': L.einsumDense('abc,bcd->abd', [null, 5], { biasAxes: 'b' }),
  'einsum ellipsis': L.einsumDense('...x,xy->...y', [3], { biasAxes: 'y', activation: 'tanh' }),
  embedding: L.embedding(5, 3),
  'embedding rank 1': L.embedding(5, 3),
  'embedding rank 3': L.embedding(5, 3),
  layer: L.layerNormalization(),
  'layer no beta': L.layerNormalization({ ...pytorch, center: false }),
  'layer bare': L.layerNormalization(bare),
  'layer image': L.layerNormalization(),
  'layer two axes': L.layerNormalization({ axis: [1, 2] }),
  'layer axis 1': L.layerNormalization({ axis: 1 }),
  group: L.groupNormalization({ groups: 2 }),
  'group last': L.groupNormalization({ groups: 3 }),
  'group one, bare': L.groupNormalization({ groups: 1, ...bare, ...pytorch }),
  'group volume': L.groupNormalization(volume),
  instance: L.instanceNormalization(),
  'instance 1d': L.instanceNormalization({ axis: 1, ...bare, ...pytorch }),
  'instance last': L.instanceNormalization(),
  rms: L.rmsNormalization(),
  'rms image': L.rmsNormalization({ epsilon: 1e-3 }),
  'rms two axes': L.rmsNormalization({ axis: [1, 2] }),
  unit: L.unitNormalization(),
  'unit 1': L.unitNormalization({ axis: 1 }),
  'unit two axes': L.unitNormalization({ axis: [1, 2] }),
  'weight einsum': L.weightNormalization(L.einsumDense('abc,cde->abde', [null, 2, 3])),
  'weight conv1d': L.weightNormalization(L.conv1d({ filters: 2, kernel: 2 })),
  'weight transposed': L.weightNormalization(L.conv2dTranspose({ filters: 2, kernel: 2 })),
  'weight depthwise': L.weightNormalization(L.depthwiseConv2d({ kernel: 2, depthMultiplier: 2 })),
  'spectral dense': L.spectralNormalization(L.dense(3), { powerIterations: 2 }),
  'spectral conv': L.spectralNormalization(L.conv2d({ filters: 2, kernel: 2 })),
  'spectral transposed': L.spectralNormalization(L.conv2dTranspose({ filters: 2, kernel: 2 }), { powerIterations: 3 }),
};

const activations = [
  ...['linear', 'relu', 'relu6', 'leakyRelu', 'elu', 'selu', 'celu', 'gelu', 'silu', 'mish', 'sigmoid', 'logSigmoid'],
  ...['hardSigmoid', 'sparseSigmoid', 'hardSwish', 'tanh', 'hardTanh', 'softplus', 'softsign', 'squareplus'],
  ...['sparsePlus', 'exponential', 'softShrink', 'hardShrink', 'tanhShrink'],
] as const;

/** The constructors by name. */
const make: Readonly<Record<string, unknown>> = L;

const elementwise = Object.fromEntries(
  activations.flatMap((name) => [0, 1, 2].map((i) => [`${name} ${i}`, (make[name] as typeof L.elu)()] as const)),
);

const layers: Readonly<Record<string, unknown>> = { ...elementwise, ...named };

type Pair = Readonly<Record<'x0' | 'x1', L.Tensor<L.Shape>>>;

const bilinears: Readonly<Record<string, (x: Pair) => unknown>> = {
  bilinear: ({ x0, x1 }) => L.bilinear(5)(x0, x1 as never),
  'bilinear no bias': ({ x0, x1 }) => L.bilinear(2, { useBias: false })(x0, x1 as never),
  'bilinear rank 4': ({ x0, x1 }) => L.bilinear(1, { activation: 'tanh' })(x0, x1 as never),
};

// -------------------------------------------------------------------------------------
// cases
// -------------------------------------------------------------------------------------

const modelOf = ({ name, inputs, integer }: Golden): Model<never, unknown> => {
  const wire = bilinears[name];
  const shapes = inputs.map((t) => (integer ? L.int(t.shape.slice(1)) : t.shape.slice(1)));
  const apply = layers[name] as (x: unknown) => unknown;
  return L.graph(
    Object.fromEntries(shapes.map((s, i) => [`x${i}`, s])) as never,
    (x: Pair) => (wire === undefined ? apply(x.x0) : wire(x)) as never,
  ) as unknown as Model<never, unknown>;
};

const array = ({ shape, data }: Flat, isInt = false): NdArray =>
  isInt
    ? { dtype: 'int32', shape, data: Int32Array.from(data) }
    : { dtype: 'float32', shape, data: Float32Array.from(data) };

interface Built {
  readonly values: Readonly<Record<string, Value>>;
  readonly feeds: Readonly<Record<string, NdArray>>;
}

const built = (golden: Golden, mode: Mode): Built => {
  const resolved = resolvedOf(modelOf(golden));
  expect(resolved.parameters.map((p) => p.shape)).toEqual(golden.weights.map((w) => w.shape));
  const x = resolved.inputs.map(({ name, type }) => input(name, golden.integer ? 'int32' : 'float32', dims(type)));
  const w = resolved.parameters.map((p) => input(p.name, 'float32', p.shape));
  const parameters = Object.fromEntries(resolved.parameters.map((p, i) => [p.name, w[i] as Value]));
  const y = lower(resolved, x, parameters, mode).outputs[0] as Value;
  const said = dims(resolved.outputs[0]?.type ?? []);
  expect(agree(y.type.shape, said), `value ${y.type.shape}, rule ${said}`).toBe(true);
  expect(agree(['batch', ...golden.output.shape.slice(1)], said), `rule ${said}`).toBe(true);
  const cotangent = input('cotangent', 'float32', y.type.shape);
  const gradients = right(vjp([y], [cotangent], [...(golden.integer ? [] : x), ...w]));
  return {
    values: { y, ...Object.fromEntries(gradients.map((g, i) => [`d${i}`, g])) },
    feeds: {
      ...Object.fromEntries(golden.inputs.map((t, i) => [`x${i}`, array(t, golden.integer)])),
      ...Object.fromEntries(resolved.parameters.map((p, i) => [p.name, array(golden.weights[i] as Flat)])),
      cotangent: array(golden.cotangent),
    },
  };
};

const close = (actual: NdArray | undefined, expected: Flat, what: string): void => {
  expect(actual?.shape, what).toEqual(expected.shape);
  const size = Math.max(1, ...expected.data.map(Math.abs));
  const worst = expected.data.reduce((w, e, i) => {
    const d = Math.abs(Number(actual?.data[i]) - e) / size;
    return d > w || Number.isNaN(d) ? d : w;
  }, 0);
  expect(worst, what).toBeLessThan(1e-5);
};

test('every case has a layer, and every layer a case', () => {
  expect(cases.map((c) => c.name).sort()).toEqual([...Object.keys(layers), ...Object.keys(bilinears)].sort());
});

/** Divides by the largest singular value in training, and not in inference: as Keras. */
const differs = (name: string): boolean => name.startsWith('spectral');

describe('numbers', () => {
  test.each(cases)('$name', async (golden) => {
    const { values, feeds } = built(golden, trainingMode());
    const got = await evaluate(values, feeds);
    close(got.y, golden.output, 'output');
    golden.gradients.forEach((g, i) => close(got[`d${i}`], g, `gradient ${i}`));
    const plain = built(golden, inference).values.y as Value;
    const { y } = await evaluate({ y: plain }, feeds, { optimization: 'all' });
    if (!differs(golden.name)) close(y, golden.output, 'inference');
  });
});

describe('kernels', () => {
  test.each(cases)('$name', (golden) => {
    for (const mode of [trainingMode('cuda'), inference]) {
      const graph = graphOf(built(golden, mode).values);
      expect(missingKernels(graph, kernelTables, 'cpu', 18)).toEqual([]);
      expect(missingKernels(graph, kernelTables, 'cuda', 18)).toEqual([]);
    }
    const shipped = graphOf({ y: built(golden, inference).values.y as Value });
    expect(missingKernels(shipped, kernelTables, 'cpu', 17)).toEqual([]);
  });
});
