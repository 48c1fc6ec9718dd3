/**
 * Models with objectives and data, their graphs, and plain onnxruntime to run them on.
 */
import * as ort from 'onnxruntime-node';
import { Layer as L, Loss, Metric, Optimizer } from '../../src/index.ts';
import type { DataTypes } from '../../src/interpret/Batches.ts';
import * as Plan from '../../src/interpret/Plan.ts';
import { initialValues } from '../../src/model/Initial.ts';
import type { Model } from '../../src/model/Model.ts';
import type { Resolved } from '../../src/model/Resolved.ts';
import { goal } from '../../src/objective/Goal.ts';
import { sessionOptions } from '../../src/runtime/Runtime.ts';
import type { DType, NdArray } from '../../src/shape/NdArray.ts';
import type { AnyShape } from '../../src/shape/Shape.ts';
import { fromTensor, toTensor } from '../support/evaluate.ts';
import { resolvedOf, right } from './support.ts';

// -------------------------------------------------------------------------------------
// models
// -------------------------------------------------------------------------------------

export const samples = 20;

/** A model with an objective, and data for it. */
export interface Example {
  readonly model: Model<never, unknown>;
  readonly loss: Loss.AnyLoss;
  readonly metrics: readonly Metric.AnyMetric[];
  readonly optimizer: Optimizer.Optimizer;
  readonly data: Readonly<Record<string, NdArray>>;
  readonly target: NdArray;
}

/** Numbers without a pattern, the same on every run. */
export const noise = (n: number, seed: number): Float32Array => {
  let state = seed * 2654435761;
  return Float32Array.from({ length: n }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
};

export const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

export const floats = (sample: readonly number[], seed: number): NdArray => {
  const shape = [samples, ...sample];
  return { dtype: 'float32', shape, data: noise(product(shape), seed) };
};

export const yes = (sample: readonly number[]): NdArray => {
  const numbers = floats(sample, 3);
  return { ...numbers, data: Float32Array.from(numbers.data as Float32Array, (x) => (x > 0 ? 1 : 0)) };
};

export const labels = (classes: number): NdArray => ({
  dtype: 'int32',
  shape: [samples],
  data: Int32Array.from({ length: samples }, (_, i) => (i * i) % classes),
});

export const pixels = (sample: readonly number[]): NdArray => {
  const shape = [samples, ...sample];
  return { dtype: 'uint8', shape, data: Uint8Array.from(noise(product(shape), 5), (x) => 127.5 + 127.5 * x) };
};

export const asModel = (model: unknown) => model as Model<never, unknown>;

export const tables = asModel(
  L.model(
    L.input([6]),
    L.batchNormalization(),
    L.dropout(0.2),
    L.weightNormalization(L.dense(8, { activation: 'tanh' })),
    L.batchNormalization(),
    L.dropout(0.4),
    L.weightNormalization(L.dense(3, { activation: 'sigmoid' })),
  ),
);

export const images = asModel(
  L.model(
    L.input([2, 8, 8]),
    L.rescaling(1 / 255),
    L.conv2d({ filters: 4, kernel: 3, padding: 'same' }),
    L.batchNormalization(),
    L.activation('tanh'),
    L.maxPool2d(),
    L.conv2d({ filters: 4, kernel: 3, strides: 2, padding: 'same', groups: 2, activation: 'sigmoid' }),
    L.averagePool2d({ kernel: 2, strides: 1 }),
    L.dropout(0.25),
    L.flatten(),
    L.dense(3, { activation: 'softmax' }),
  ),
);

export const wired = asModel(
  L.graph({ a: [2, 6, 6], b: [5] }, ({ a, b }) => {
    const conv = () => L.conv2d({ filters: 2, kernel: 3, padding: 'same', activation: 'tanh' });
    const pictures = L.through(
      a,
      L.residual(L.sequential(conv(), conv())),
      L.concat(conv(), L.identity()),
      L.globalAveragePool2d(),
    );
    const numbers = L.through(b, L.dense(4, { activation: 'tanh' }));
    return L.through(L.concatenate(pictures, L.add(numbers, L.dense(4)(b))), L.dense(2));
  }),
);

/** Neither the length of a sequence nor the size of an image is known when the graph is built. */
export const sequences = asModel(
  L.model(L.input(['seq', 4]), L.dense(5, { activation: 'tanh' }), L.dropout(0.3), L.batchNormalization(), L.dense(2)),
);

export const anySize = asModel(
  L.model(
    L.input([1, 'h', 'w']),
    L.concat(L.rescaling(3, 1), L.sequential(L.rescaling(-2), L.sigmoid())),
    L.batchNormalization(),
    L.dropout(0.3),
    L.tanh(),
    L.globalAveragePool2d(),
    L.dense(2),
  ),
);

export const mse = Loss.meanSquaredError();

export const examples: Readonly<Record<string, Example>> = {
  'dense, dropout, batch and weight normalisation': {
    model: tables,
    loss: Loss.binaryCrossentropy(),
    metrics: [Metric.binaryAccuracy(), Metric.logLoss(), Metric.f1()],
    optimizer: Optimizer.adam({ learningRate: 0.01 }),
    data: { input: floats([6], 1) },
    target: yes([3]),
  },
  'convolutions of pixels': {
    model: images,
    loss: Loss.sparseCategoricalCrossentropy(),
    metrics: [Metric.sparseCategoricalAccuracy()],
    optimizer: Optimizer.sgd({ learningRate: 0.05, momentum: 0.9, nesterov: true, clipNorm: 1 }),
    data: { input: pixels([2, 8, 8]) },
    target: labels(3),
  },
  'two inputs, residual, concatenation': {
    model: wired,
    loss: mse,
    metrics: [Metric.meanAbsoluteError(), Metric.rootMeanSquaredError()],
    optimizer: Optimizer.adamW({ learningRate: 0.01, globalClipNorm: 0.5 }),
    data: { a: floats([2, 6, 6], 1), b: floats([5], 2) },
    target: floats([2], 4),
  },
  'sequences of any length': {
    model: sequences,
    loss: mse,
    metrics: [],
    optimizer: Optimizer.adam({ amsgrad: true, clipValue: 0.1 }),
    data: { input: floats([7, 4], 1) },
    target: floats([7, 2], 4),
  },
  'images of any size': {
    model: anySize,
    loss: Loss.huber(),
    metrics: [],
    optimizer: Optimizer.sgd({ weightDecay: 0.01 }),
    data: { input: floats([1, 9, 7], 1) },
    target: floats([2], 4),
  },
};

export const named = Object.entries(examples);

/** What a data set can be given for: a fit wants the model's own sizes. */
export const fitted = named.filter(([name]) => !name.includes('of any'));

export const problemOf = ({ model, loss, metrics, optimizer }: Example): Plan.Problem => ({
  resolved: resolvedOf(model),
  goals: [goal('', loss, metrics)],
  optimizer,
});

export const typesOf = (example: Example, resolved: Resolved): DataTypes => ({
  inputs: Object.fromEntries(Object.entries(example.data).map(([name, a]): [string, DType] => [name, a.dtype])),
  targets: {
    '': {
      dtype: example.target.dtype,
      shape: right(example.loss.targetShape(resolved.outputs[0]?.type as AnyShape)),
    },
  },
});

export const trainingOf = (
  example: Example,
  provider: 'cpu' | 'cuda',
  frozen?: ReadonlySet<string>,
): Plan.TrainingPlan => {
  const problem = problemOf(example);
  return right(Plan.trainingPlan(problem, typesOf(example, problem.resolved), provider, frozen));
};

export const evaluationOf = (example: Example): Plan.EvaluationPlan => {
  const problem = problemOf(example);
  return right(Plan.evaluationPlan(problem, typesOf(example, problem.resolved)));
};

// -------------------------------------------------------------------------------------
// running
// -------------------------------------------------------------------------------------

export const int64 = (n: number): NdArray => ({ dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(n)) });
export const uint32 = (n: number): NdArray => ({ dtype: 'uint32', shape: [], data: Uint32Array.of(n) });
export const float32 = (n: number): NdArray => ({ dtype: 'float32', shape: [], data: Float32Array.of(n) });
export const range = (from: number, to: number): NdArray => ({
  dtype: 'int32',
  shape: [to - from],
  data: Int32Array.from({ length: to - from }, (_, i) => from + i),
});

export type Arrays = Readonly<Record<string, NdArray>>;

export const dataOf = (example: Example): Arrays => ({
  ...Object.fromEntries(Object.entries(example.data).map(([name, a]) => [`data/${name}`, a])),
  target: example.target,
});

/** First values of what is carried: weights by name, `slot/NAME`. */
export const beginning = (plan: Plan.TrainingPlan, weights: Arrays): Arrays => ({
  ...weights,
  ...Object.fromEntries(
    Object.entries(plan.slots).map(([name, { shape, init, parameter }]): [string, NdArray] => [
      `slot/${name}`,
      init === 'parameter'
        ? (weights[parameter] as NdArray)
        : { dtype: 'float32', shape, data: new Float32Array(product(shape)).fill(init) },
    ]),
  ),
});

export const session = (model: Uint8Array) => ort.InferenceSession.create(model, sessionOptions({ threads: 1 }));

export const runOnce = async (on: ort.InferenceSession, feeds: Arrays): Promise<Arrays> => {
  const given = Object.entries(feeds).filter(([name]) => on.inputNames.includes(name));
  const results = await on.run(Object.fromEntries(given.map(([name, a]) => [name, toTensor(a)])));
  return Object.fromEntries(Object.entries(results).map(([name, t]) => [name, fromTensor(t)]));
};

/** A few training steps in the forms of an emission, the last on fewer samples: what comes out, and the graph. */
export const trainedBy = async (example: Example, emission: Plan.Emission, batchSize = 8) => {
  const problem = problemOf(example);
  const plan = right(Plan.trainingPlan(problem, typesOf(example, problem.resolved), 'cpu', new Set(), emission));
  const on = await session(plan.model);
  const results = await runOnce(on, {
    ...beginning(plan, initialValues(resolvedOf(example.model), 3)),
    ...dataOf(example),
    indices: range(0, samples),
    batch_size: int64(batchSize),
    learning_rate: float32(0.02),
    step: int64(0),
    seed: uint32(7),
  });
  await on.release();
  return { results, graph: plan.graph };
};
