/**
 * Whole runs against Keras's: history keys in order, history, final weights.
 */
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import { afterAll, describe, expect, it } from 'vitest';
import * as History from '../../src/callback/History.ts';
import {
  Callback as C,
  Data as D,
  Environment,
  Layer as L,
  Loss,
  Metric,
  Optimizer,
  Schedule,
  Training as T,
} from '../../src/index.ts';
import { resolve } from '../../src/model/Resolve.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { right } from '../interpret/support.ts';
import { array, type Case, goldens, mismatch, namesOf, numbers, type Tensor } from '../objective/cases.ts';

const env = Environment.node({ threads: 1 })();

afterAll(env.runtime.close);

// -------------------------------------------------------------------------------------
// cases
// -------------------------------------------------------------------------------------

interface LayerOptions {
  readonly layer: string;
  readonly units?: number;
  readonly activation?: L.Activation;
  readonly shape?: readonly number[];
  readonly kernel_regularizer?: string;
  readonly bias_regularizer?: string;
  readonly activity_regularizer?: string;
  readonly kernel_constraint?: string;
}

interface Hyperparameters {
  readonly model: readonly LayerOptions[];
  readonly compile: {
    readonly optimizer: string;
    readonly loss: string;
    readonly metrics?: readonly string[];
    readonly weighted_metrics?: readonly string[];
  };
  readonly fit: {
    readonly batch_size?: number;
    readonly epochs: number;
    readonly initial_epoch?: number;
    readonly steps_per_epoch?: number;
    readonly validation_freq?: number | readonly number[];
    readonly validation_split?: number;
    readonly class_weight?: Readonly<Record<number, number>>;
    readonly sample_weight?: Tensor;
    readonly validation_data?: readonly [Tensor, Tensor];
    readonly callbacks: readonly string[];
  };
}

interface Inputs {
  readonly x: Tensor;
  readonly y: Tensor;
  readonly initial_weights: readonly Tensor[];
}

interface Expected {
  readonly history_keys: readonly string[];
  readonly history: Readonly<Record<string, readonly number[]>>;
  readonly epochs: readonly number[];
  readonly final_weights: readonly Tensor[];
}

type Fit = Case<Inputs, Expected>;

const leftOut: Readonly<Record<string, string>> = {
  embedding_mask_simple_rnn: 'Sequences.spec.ts runs it',
  multi_output_loss_weights: 'Outputs.spec.ts runs it',
};

// -------------------------------------------------------------------------------------
// Keras's words
// -------------------------------------------------------------------------------------

const optimizers: Readonly<Record<string, Optimizer.Optimizer>> = {
  'SGD(0.02)': Optimizer.sgd({ learningRate: 0.02 }),
  'SGD(0.1)': Optimizer.sgd({ learningRate: 0.1 }),
  'SGD(0.2)': Optimizer.sgd({ learningRate: 0.2 }),
  'SGD(0.5)': Optimizer.sgd({ learningRate: 0.5 }),
  'SGD(0.1, clipnorm=0.5)': Optimizer.sgd({ learningRate: 0.1, clipNorm: 0.5 }),
  'SGD(0.1, global_clipnorm=0.5)': Optimizer.sgd({ learningRate: 0.1, globalClipNorm: 0.5 }),
  'SGD(0.1, clipvalue=0.3)': Optimizer.sgd({ learningRate: 0.1, clipValue: 0.3 }),
  'SGD(0.1, use_ema=True, ema_momentum=0.5)': Optimizer.sgd({ learningRate: 0.1, useEma: true, emaMomentum: 0.5 }),
  'SGD(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2)': Optimizer.sgd({
    learningRate: 0.1,
    useEma: true,
    emaMomentum: 0.5,
    emaOverwriteFrequency: 2,
  }),
  'SGD(0.1, gradient_accumulation_steps=2)': Optimizer.sgd({ learningRate: 0.1, gradientAccumulationSteps: 2 }),
  'SGD(ExponentialDecay(0.1, decay_steps=2, decay_rate=0.5, staircase=True))': Optimizer.sgd({
    learningRate: Schedule.exponentialDecay({
      initialLearningRate: 0.1,
      decaySteps: 2,
      decayRate: 0.5,
      staircase: true,
    }),
  }),
  'Adam(0.05)': Optimizer.adam({ learningRate: 0.05 }),
  'AdamW(0.05, weight_decay=0.1)': Optimizer.adamW({ learningRate: 0.05, weightDecay: 0.1 }),
};

const losses: Readonly<Record<string, Loss.AnyLoss>> = {
  mse: Loss.meanSquaredError(),
  'MeanSquaredError(reduction=mean_with_sample_weight)': Loss.meanSquaredError({ reduction: 'meanWithSampleWeight' }),
  'MeanSquaredError(reduction=sum)': Loss.meanSquaredError({ reduction: 'sum' }),
  binary_crossentropy: Loss.binaryCrossentropy(),
  sparse_categorical_crossentropy: Loss.sparseCategoricalCrossentropy(),
  'CategoricalCrossentropy(label_smoothing=0.1)': Loss.categoricalCrossentropy({ labelSmoothing: 0.1 }),
  'Huber(delta=0.5)': Loss.huber({ delta: 0.5 }),
};

type AnyMetric = Metric.AnyMetric;

/** Keras's `accuracy` goes by the loss. */
const accuracy = (loss: string, name: string): AnyMetric =>
  loss.startsWith('sparse')
    ? Metric.sparseCategoricalAccuracy({ name })
    : loss.startsWith('binary')
      ? Metric.binaryAccuracy({ name })
      : Metric.categoricalAccuracy({ name });

const metricsOf = (loss: string, metrics: readonly string[] = []): readonly AnyMetric[] =>
  metrics.map((metric, i): AnyMetric => {
    const before = metrics.slice(0, i).filter((m) => m === metric).length;
    const name = before === 0 ? metric : `${metric}_${before}`;
    switch (metric) {
      case 'mae':
      case 'mean_absolute_error':
        return Metric.meanAbsoluteError({ name });
      case 'mse':
        return Metric.meanSquaredError({ name });
      case 'accuracy':
      case 'acc':
        return accuracy(loss, name);
      case 'RootMeanSquaredError()':
        return Metric.rootMeanSquaredError();
      case 'AUC(name=auc)':
        return Metric.auc();
      case 'TopKCategoricalAccuracy(k=2)':
        return Metric.topKCategoricalAccuracy({ k: 2 });
      case 'Precision(name=precision)':
        return Metric.precision();
      case 'Recall(name=recall)':
        return Metric.recall();
      default:
        throw new Error(`no metric for ${metric}`);
    }
  });

type Sizes = readonly number[];
type AnyObjective = T.Objective<Sizes, Sizes, Sizes, string>;

const regularizers: Readonly<Record<string, L.Regularizer.Regularizer>> = {
  'L2(0.1)': L.Regularizer.l2(0.1),
  'L1(0.05)': L.Regularizer.l1(0.05),
};

const constraints: Readonly<Record<string, L.Constraint.Constraint>> = {
  'MaxNorm(0.6, axis=0)': L.Constraint.maxNorm({ maxValue: 0.6, axis: 0 }),
};

const found = <A>(table: Readonly<Record<string, A>>, key: string): A => {
  const value = table[key];
  if (value === undefined) throw new Error(`nothing for ${key}`);
  return value;
};

/** What is asked of weights and outputs. */
const asked = (o: LayerOptions): L.DenseOptions => ({
  ...(o.kernel_regularizer === undefined ? {} : { kernelRegularizer: found(regularizers, o.kernel_regularizer) }),
  ...(o.bias_regularizer === undefined ? {} : { biasRegularizer: found(regularizers, o.bias_regularizer) }),
  ...(o.activity_regularizer === undefined ? {} : { activityRegularizer: found(regularizers, o.activity_regularizer) }),
  ...(o.kernel_constraint === undefined ? {} : { kernelConstraint: found(constraints, o.kernel_constraint) }),
});

const layerOf = ({ layer, units = 1, activation = 'linear', ...rest }: LayerOptions): L.Layer<L.Id> =>
  (layer === 'Dense'
    ? L.dense(units, { activation, ...asked({ layer, ...rest }) })
    : L.batchNormalization()) as unknown as L.Layer<L.Id>;

const objectiveOf = ({ model, compile }: Hyperparameters): AnyObjective => {
  const [input, ...layers] = model;
  expect(layers.every(({ layer }) => ['Dense', 'BatchNormalization'].includes(layer))).toBe(true);
  return T.compile(
    L.model(L.input([input?.shape?.[0] as number]), ...(layers.map(layerOf) as readonly L.Layer<L.Id>[])) as never,
    {
      loss: losses[compile.loss] as never,
      optimizer: optimizers[compile.optimizer] as Optimizer.Optimizer,
      metrics: metricsOf(compile.loss, compile.metrics) as never,
      weightedMetrics: metricsOf(compile.loss, compile.weighted_metrics) as never,
    },
  ) as unknown as AnyObjective;
};

/** Labels stand alone, other targets as they are. */
const datasetOf = (compile: Hyperparameters['compile'], x: Tensor, y: Tensor): D.Dataset<Sizes, Sizes> => {
  const xs = D.floats(x.shape.slice(1), Float32Array.from(numbers(x)));
  return compile.loss.startsWith('sparse')
    ? (right(D.dataset({ x: xs, y: D.ints([], Int32Array.from(numbers(y))) })) as never)
    : (right(D.dataset({ x: xs, y: D.floats(y.shape.slice(1), Float32Array.from(numbers(y))) })) as never);
};

const weightNames = (objective: AnyObjective): readonly string[] =>
  right(resolve(objective.model as never)).parameters.map((p) => p.name);

const weightsOf = (objective: AnyObjective, values: readonly Tensor[]): T.Weights =>
  Object.fromEntries(weightNames(objective).map((name, i) => [name, array(values[i] as Tensor)]));

const run = <A>(program: RTE.ReaderTaskEither<T.Environment, T.TrainingError, A>): Promise<A> =>
  program(env)().then((result) => {
    if (result._tag === 'Left') throw new Error(T.showError(result.left));
    return result.right;
  });

// -------------------------------------------------------------------------------------
// callbacks
// -------------------------------------------------------------------------------------

type AnyRun = ReturnType<typeof start>;

/** Each keeps the run's keys, and may add some. */
const callbacks: Readonly<Record<string, (run: AnyRun) => AnyRun>> = {
  'EarlyStopping(monitor=val_loss, patience=2, min_delta=0.5, restore_best_weights=True)': C.earlyStopping({
    monitor: 'val_loss',
    patience: 2,
    minDelta: 0.5,
    restoreBestWeights: true,
  }) as never,
  'ReduceLROnPlateau(monitor=val_loss, patience=1, factor=0.5, min_delta=10)': C.reduceLROnPlateau({
    monitor: 'val_loss',
    patience: 1,
    factor: 0.5,
    minDelta: 10,
  }) as never,
  'LearningRateScheduler(epoch,lr -> lr*0.5)': C.learningRateScheduler((_, rate) => rate * 0.5) as never,
  'custom: sets model.stop_training=true at the end of batch 0': C.on('StepEnded', ({ step }) =>
    RTE.right(step === 0 ? [{ _tag: 'HaltRun', reason: 'enough' }] : []),
  ) as never,
};

/** The one case of a frozen layer has it under its automatic name. */
const isFrozen = (layers: unknown): boolean =>
  Array.isArray(layers) && layers.some((l) => l.layer === 'BatchNormalization' && l.trainable === false);

const start = (objective: AnyObjective, { hyperparameters, inputs }: Fit, stepsPerRun: number | 'auto') => {
  const { compile, fit, model } = hyperparameters as unknown as Hyperparameters;
  const frozen = isFrozen(model) ? ['batch_normalization'] : [];
  const weights = weightsOf(objective, inputs.initial_weights);
  return T.fit(objective, {
    data: datasetOf(compile, inputs.x, inputs.y),
    epochs: fit.epochs,
    ...(fit.batch_size === undefined ? {} : { batchSize: fit.batch_size }),
    ...(fit.validation_data === undefined ? {} : { validation: datasetOf(compile, ...fit.validation_data) }),
    ...(fit.class_weight === undefined ? {} : { classWeight: fit.class_weight }),
    ...(fit.sample_weight === undefined ? {} : { sampleWeight: numbers(fit.sample_weight) }),
    ...(fit.validation_split === undefined ? {} : { validationSplit: fit.validation_split }),
    ...(frozen.length === 0 ? {} : { freeze: frozen }),
    weights,
    ...(fit.initial_epoch === undefined ? {} : { initialEpoch: fit.initial_epoch }),
    ...(fit.steps_per_epoch === undefined ? {} : { stepsPerEpoch: fit.steps_per_epoch }),
    ...(fit.validation_freq === undefined ? {} : { validationFreq: fit.validation_freq }),
    shuffle: false,
    verbose: 0,
    stepsPerRun,
  });
};

// -------------------------------------------------------------------------------------
// fit
// -------------------------------------------------------------------------------------

const all = goldens<Inputs, Expected>('fit', namesOf('fit'));
const ran = all.filter(({ name }) => leftOut[name] === undefined);

const checkWeights = (got: T.Weights, names: readonly string[], { expected, tolerance }: Fit): void => {
  names.forEach((name, i) => {
    const want = expected.final_weights[i] as Tensor;
    const value = got[name] as NdArray;
    expect(value.shape, name).toEqual(want.shape);
    expect(mismatch(value.data as Float32Array, numbers(want), tolerance), name).toBeUndefined();
  });
  expect(names.length).toBe(expected.final_weights.length);
};

const runFit = async (golden: Fit, stepsPerRun: number | 'auto'): Promise<void> => {
  const { expected, tolerance } = golden;
  const hyperparameters = golden.hyperparameters as unknown as Hyperparameters;
  const objective = objectiveOf(hyperparameters);
  const attached = hyperparameters.fit.callbacks.reduce(
    (fit, text) => (callbacks[text] as (r: AnyRun) => AnyRun)(fit),
    start(objective, golden, stepsPerRun),
  );
  const trained = await run(T.run(attached));
  const keys = expected.history_keys;
  expect(Object.keys(trained.history.logs)).toEqual(keys);
  expect(trained.history.epochs).toEqual(expected.epochs);
  const values = History.values(trained.history);
  for (const key of keys)
    expect(mismatch(values[key] ?? [], expected.history[key] as readonly number[], tolerance), key).toBeUndefined();
  checkWeights(trained.weights, weightNames(objective), golden);
};

describe('fit gives what Keras gives', () => {
  it.each(ran.map((golden) => [golden.id, golden] as const))('%s', async (_, golden) => {
    await runFit(golden, 1);
    // However many steps a run makes, unless a callback halts in the middle of one.
    if (golden.name !== 'stop_training_mid_epoch') await runFit(golden, 'auto');
  });

  it('names every case that is left out', () => {
    expect([all.length, ran.length]).toEqual([38, 36]);
    expect(
      all
        .filter((c) => !ran.includes(c))
        .map(({ name }) => name)
        .sort(),
    ).toEqual(Object.keys(leftOut).sort());
  });
});

// -------------------------------------------------------------------------------------
// evaluate, predict
// -------------------------------------------------------------------------------------

interface EvaluateExpected {
  readonly evaluate_dict: Readonly<Record<string, number>>;
  readonly evaluate_dict_key_order: readonly string[];
  readonly predict: Tensor;
  readonly train_on_batch_0_3: readonly number[];
  readonly train_on_batch_4_7: Readonly<Record<string, number>>;
  readonly test_on_batch_after: readonly number[];
}

describe('evaluate and predict give what Keras gives', () => {
  const cases = goldens<Inputs, EvaluateExpected>('evaluate_predict', namesOf('evaluate_predict'));
  const [golden] = cases as readonly [(typeof cases)[number]];
  const { hyperparameters, inputs, expected, tolerance } = golden;
  const options = hyperparameters as unknown as Hyperparameters & { readonly batch_size: number };
  const objective = objectiveOf(options);
  const weights = weightsOf(objective, inputs.initial_weights);
  const data = datasetOf(options.compile, inputs.x, inputs.y);
  const close = (got: readonly number[], want: readonly number[]) =>
    expect(mismatch(got, want, tolerance)).toBeUndefined();

  it('there is one case', () => {
    expect(cases.length).toBe(1);
  });

  it.each([options.batch_size, 256])('evaluate in batches of up to %i', async (batchSize) => {
    const trained = right(T.withWeights(weights)(objective));
    const logs = await run(T.evaluate(data, { batchSize })(trained));
    expect(Object.keys(logs)).toEqual(expected.evaluate_dict_key_order);
    close(
      expected.evaluate_dict_key_order.map((key) => logs[key] as number),
      expected.evaluate_dict_key_order.map((key) => expected.evaluate_dict[key] as number),
    );
  });

  it.each([options.batch_size, 256])('predict in batches of up to %i', async (batchSize) => {
    const trained = right(T.withWeights(weights)(objective));
    const x = array(inputs.x) as NdArray<Sizes>;
    const output = (await run(T.predict(x, { batchSize })(trained as never))) as unknown as NdArray;
    expect(output.shape).toEqual(expected.predict.shape);
    expect(mismatch(output.data as Float32Array, numbers(expected.predict), tolerance)).toBeUndefined();
  });

  it('two updates on the first and the second four samples, and the loss after them', async () => {
    const four = (from: number) => right(D.slice(from, from + 4)(data));
    const learn = (from: number, before: T.Weights) =>
      run(T.run(T.fit(objective, { data: four(from), batchSize: 4, weights: before, shuffle: false, verbose: 0 })));
    const first = await learn(0, weights);
    const logsOf = (trained: typeof first) => History.values(trained.history);
    const keys = ['loss', 'mae', 'mse'];
    close(
      keys.map((key) => logsOf(first)[key]?.[0] as number),
      expected.train_on_batch_0_3,
    );
    const second = await learn(4, first.weights);
    close(
      keys.map((key) => logsOf(second)[key]?.[0] as number),
      keys.map((key) => expected.train_on_batch_4_7[key] as number),
    );
    const logs = await run(pipe(second, T.evaluate(data) as never) as ReturnType<ReturnType<typeof T.evaluate>>);
    close(
      keys.map((key) => (logs as Record<string, number>)[key] as number),
      expected.test_on_batch_after,
    );
  });
});
