/**
 * The workloads that are timed, as a user would write them: random data in memory, `fit`, a batch size. `peer.py` has the
 * same in PyTorch.
 */
import * as E from 'fp-ts/lib/Either.js';
import type * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import {
  Data as D,
  Layer as L,
  Loss,
  Model,
  type NdArray,
  Operators as Op,
  Optimizer,
  type Runtime,
  Training as T,
  Zoo,
} from 'grad-ts';
import type { Run } from '../../src/callback/Run.ts';
import { integers, noise } from './Noise.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

type Fit = Run<T.HasRun & T.HasClock, 'loss', T.Fit<never, unknown, unknown, 'loss'>, T.TrainingError>;

type Inference = RTE.ReaderTaskEither<Runtime.HasRuntime, T.TrainingError, unknown>;

/** A workload with its data, so many steps of an epoch of them. */
export interface Opened {
  /** Trained numbers. */
  readonly parameters: number;
  readonly fit: (epochs: number) => Fit;
  /** Over all the data. */
  readonly evaluate: () => Inference;
  readonly predict: () => Inference;
}

export interface Workload {
  readonly name: string;
  readonly what: string;
  readonly batchSize: number;
  /** Steps of an epoch. */
  readonly steps: number;
  /** Operations of matrix products and convolutions in one training step of one sample. */
  readonly flops: number;
  readonly open: (batchSize: number, steps: number) => Opened;
}

// -------------------------------------------------------------------------------------
// data
// -------------------------------------------------------------------------------------

const must = <A>(either: E.Either<{ readonly message: string }, A>): A => {
  if (E.isLeft(either)) throw new Error(either.left.message);
  return either.right;
};

/** Made when it is first asked for: who only trains holds no second set of weights. */
const later = <A>(make: () => A): (() => A) => {
  let made: A | undefined;
  return () => {
    made ??= make();
    return made;
  };
};

const array = <S extends readonly number[]>(shape: S, data: Float32Array): NdArray.NdArray<S> =>
  ({ dtype: 'float32', shape, data }) as unknown as NdArray.NdArray<S>;

const trainedNumbers = (model: Parameters<typeof Model.resolve>[0]): number =>
  must(
    E.mapLeft(([first]: readonly { readonly message: string }[]) => first ?? { message: 'no model' })(
      Model.resolve(model),
    ),
  )
    .parameters.filter((p) => p.trainable)
    .reduce((n, { shape }) => n + shape.reduce((a, b) => a * b, 1), 0);

// -------------------------------------------------------------------------------------
// operations
// -------------------------------------------------------------------------------------

/** Multiplications and additions of one product, and how often it is made: forward, to the data, to the weights. */
type Product = readonly [count: number, passes: 2 | 3];

const total = (...products: readonly Product[]): number =>
  products.reduce((n, [count, passes]) => n + count * passes, 0);

const dense = (inputs: number, outputs: number, passes: 2 | 3 = 3): Product => [2 * inputs * outputs, passes];

/** A square image of `size` cells a side comes out. */
const conv = (channels: number, filters: number, kernel: number, size: number, passes: 2 | 3 = 3): Product => [
  2 * channels * filters * (kernel * size) ** 2,
  passes,
];

const times = (n: number, [count, passes]: Product): Product => [n * count, passes];

// -------------------------------------------------------------------------------------
// workloads
// -------------------------------------------------------------------------------------

const mlp: Workload = {
  name: 'W1',
  what: 'MLP 784-512-256-10, Adam, batch 128',
  batchSize: 128,
  steps: 100,
  flops: total(dense(784, 512, 2), dense(512, 256), dense(256, 10)),
  open: (batchSize, steps) => {
    const size = batchSize * steps;
    const objective = T.compile(
      L.model(
        L.input([784]),
        L.dense(512, { activation: 'relu' }),
        L.dense(256, { activation: 'relu' }),
        L.dense(10, { activation: 'softmax' }),
      ),
      { loss: Loss.sparseCategoricalCrossentropy(), optimizer: Optimizer.adam() },
    );
    const x = noise(784 * size);
    const data = must(D.dataset({ x: D.floats([784], x), y: D.ints([], integers(size, 10)) }));
    const trained = later(() => must(T.untrained(0)(objective)));
    return {
      parameters: trainedNumbers(objective.model),
      fit: (epochs) => T.fit(objective, { data, epochs, batchSize, verbose: 0 }),
      evaluate: () => T.evaluate(data, { batchSize })(trained()),
      predict: () => T.predict(array([size, 784] as [number, 784], x), { batchSize })(trained()),
    };
  },
};

const table: Workload = {
  name: 'W2',
  what: 'table 875-2048-1024-512-206, batch and weight normalisation, dropout, Adam, batch 128',
  batchSize: 128,
  steps: 40,
  // The first layer's input needs a gradient: batch normalisation before it is trained.
  flops: total(dense(875, 2048), dense(2048, 1024), dense(1024, 512), dense(512, 206)),
  open: (batchSize, steps) => {
    const size = batchSize * steps;
    const objective = T.compile(
      L.model(
        L.input([875]),
        L.batchNormalization(),
        L.dropout(0.2),
        L.weightNormalization(L.dense(2048, { activation: 'relu' })),
        L.batchNormalization(),
        L.dropout(0.2),
        L.weightNormalization(L.dense(1024, { activation: 'relu' })),
        L.batchNormalization(),
        L.dropout(0.2),
        L.weightNormalization(L.dense(512, { activation: 'relu' })),
        L.batchNormalization(),
        L.dropout(0.2),
        L.weightNormalization(L.dense(206, { activation: 'sigmoid' })),
      ),
      { loss: Loss.binaryCrossentropy(), optimizer: Optimizer.adam() },
    );
    const x = noise(875 * size);
    const rare = noise(206 * size).map((p) => (p < 0.0035 ? 1 : 0));
    const data = must(D.dataset({ x: D.floats([875], x), y: D.floats([206], rare) }));
    const trained = later(() => must(T.untrained(0)(objective)));
    return {
      parameters: trainedNumbers(objective.model),
      fit: (epochs) => T.fit(objective, { data, epochs, batchSize, verbose: 0 }),
      evaluate: () => T.evaluate(data, { batchSize })(trained()),
      predict: () => T.predict(array([size, 875] as [number, 875], x), { batchSize })(trained()),
    };
  },
};

const cnn: Workload = {
  name: 'W3',
  what: 'CNN 3x3x32, 3x3x64, pool, dense 128, dense 10, Adam, batch 64',
  batchSize: 64,
  steps: 40,
  flops: total(conv(1, 32, 3, 26, 2), conv(32, 64, 3, 24), dense(9216, 128), dense(128, 10)),
  open: (batchSize, steps) => {
    const size = batchSize * steps;
    const objective = T.compile(
      L.model(
        L.input([1, 28, 28]),
        L.conv2d({ filters: 32, kernel: 3, activation: 'relu' }),
        L.conv2d({ filters: 64, kernel: 3, activation: 'relu' }),
        L.maxPool2d({ kernel: 2 }),
        L.dropout(0.25),
        L.flatten(),
        L.dense(128, { activation: 'relu' }),
        L.dense(10, { activation: 'softmax' }),
      ),
      { loss: Loss.sparseCategoricalCrossentropy(), optimizer: Optimizer.adam() },
    );
    const x = noise(784 * size);
    const data = must(D.dataset({ x: D.floats([1, 28, 28], x), y: D.ints([], integers(size, 10)) }));
    const trained = later(() => must(T.untrained(0)(objective)));
    return {
      parameters: trainedNumbers(objective.model),
      fit: (epochs) => T.fit(objective, { data, epochs, batchSize, verbose: 0 }),
      evaluate: () => T.evaluate(data, { batchSize })(trained()),
      predict: () => T.predict(array([size, 1, 28, 28] as [number, 1, 28, 28], x), { batchSize })(trained()),
    };
  },
};

/** PyTorch's weight decay of `SGD`: a share of the weights is added to the gradients, and so to the momentum. */
const coupledDecay = (rate: number) =>
  Optimizer.map(
    'coupled_decay',
    () =>
      ({ gradient, parameter }) =>
        Op.add(gradient, Op.mul(parameter, rate)),
  );

const resnet: Workload = {
  name: 'W4',
  what: 'ResNet-20 for 3x32x32, shortcuts without parameters, SGD momentum 0.9, weight decay 1e-4, batch 64',
  batchSize: 64,
  steps: 10,
  flops: total(
    conv(3, 16, 3, 32, 2),
    times(6, conv(16, 16, 3, 32)),
    conv(16, 32, 3, 16),
    times(5, conv(32, 32, 3, 16)),
    conv(32, 64, 3, 8),
    times(5, conv(64, 64, 3, 8)),
    dense(64, 10),
  ),
  open: (batchSize, steps) => {
    const size = batchSize * steps;
    const objective = T.compile(L.model(L.input([3, 32, 32]), Zoo.cifarResnet20()), {
      loss: Loss.sparseCategoricalCrossentropy({ fromLogits: true }),
      optimizer: Optimizer.custom('sgd', 0.1, Optimizer.chain(coupledDecay(1e-4), Optimizer.momentum(0.9))),
    });
    const x = noise(3072 * size);
    const data = must(D.dataset({ x: D.floats([3, 32, 32], x), y: D.ints([], integers(size, 10)) }));
    const trained = later(() => must(T.untrained(0)(objective)));
    return {
      parameters: trainedNumbers(objective.model),
      fit: (epochs) => T.fit(objective, { data, epochs, batchSize, verbose: 0 }),
      evaluate: () => T.evaluate(data, { batchSize })(trained()),
      predict: () => T.predict(array([size, 3, 32, 32] as [number, 3, 32, 32], x), { batchSize })(trained()),
    };
  },
};

/** Only its opening is timed: it takes seconds for a step. */
const resnet50: Workload = {
  name: 'R50',
  what: 'ResNet-50 for 3x224x224, SGD momentum 0.9, batch 8',
  batchSize: 8,
  steps: 1,
  flops: Number.NaN,
  open: (batchSize, steps) => {
    const size = batchSize * steps;
    const objective = T.compile(L.model(L.input([3, 224, 224]), Zoo.resnet50()), {
      loss: Loss.sparseCategoricalCrossentropy({ fromLogits: true }),
      optimizer: Optimizer.sgd({ learningRate: 0.1, momentum: 0.9 }),
    });
    const x = noise(3 * 224 * 224 * size);
    const data = must(D.dataset({ x: D.floats([3, 224, 224], x), y: D.ints([], integers(size, 1000)) }));
    const trained = later(() => must(T.untrained(0)(objective)));
    return {
      parameters: trainedNumbers(objective.model),
      fit: (epochs) => T.fit(objective, { data, epochs, batchSize, verbose: 0 }),
      evaluate: () => T.evaluate(data, { batchSize })(trained()),
      predict: () => T.predict(array([size, 3, 224, 224] as [number, 3, 224, 224], x), { batchSize })(trained()),
    };
  },
};

const gptBlock = () =>
  L.sequential(
    L.residual(
      L.sequential(
        L.layerNormalization({ epsilon: 1e-5 }),
        L.multiHeadAttention({ heads: 4, keyDim: 32, causal: true }),
      ),
    ),
    L.residual(
      L.sequential(L.layerNormalization({ epsilon: 1e-5 }), L.dense(512, { activation: 'gelu' }), L.dense(128)),
    ),
  );

const small = L.Initializer.randomNormal({ stddev: 0.02 });

const gpt: Workload = {
  name: 'W5',
  what: 'GPT of 4 blocks, width 128, 4 heads, 64 tokens, vocabulary 256, AdamW, batch 16',
  batchSize: 16,
  steps: 40,
  flops: total(
    times(64 * 4, dense(128, 12 * 128)),
    // Scores and their products with the values; all pairs are computed, masked ones too.
    times(4 * 2, dense(64 * 64, 128)),
    times(64, dense(128, 256)),
  ),
  open: (batchSize, steps) => {
    const size = batchSize * steps;
    const objective = T.compile(
      L.model(
        L.tokens([64]),
        L.embedding(256, 128, { embeddingsInitializer: small }),
        L.learnedPositions(64, { initializer: small }),
        L.repeat(4, gptBlock()),
        L.layerNormalization({ epsilon: 1e-5 }),
        L.dense(256, { useBias: false, kernelInitializer: small }),
      ),
      {
        loss: Loss.sparseCategoricalCrossentropy({ fromLogits: true }),
        optimizer: Optimizer.adamW({ learningRate: 3e-4, weightDecay: 0.01 }),
      },
    );
    const [x, y] = [integers(64 * size, 256), integers(64 * size + 1, 256).slice(1)];
    const data = must(D.dataset({ x: D.ints([64], x), y: D.ints([64], y) }));
    const trained = later(() => must(T.untrained(0)(objective)));
    const tokens = { dtype: 'int32', shape: [size, 64], data: x } as unknown as NdArray.NdArray<L.Int<[number, 64]>>;
    return {
      parameters: trainedNumbers(objective.model),
      fit: (epochs) => T.fit(objective, { data, epochs, batchSize, verbose: 0 }),
      evaluate: () => T.evaluate(data, { batchSize })(trained()),
      predict: () => T.predict<L.Int<[number, 64]>>(tokens, { batchSize })(trained()),
    };
  },
};

export const workloads: readonly Workload[] = [mlp, table, cnn, resnet, gpt];

/** Those whose opening is timed by itself. */
export const openings: readonly Workload[] = [resnet, resnet50];
