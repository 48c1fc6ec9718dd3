/**
 * The workloads that are timed, as a user would write them: random data in memory, `fit`, a batch size.
 */
import * as E from 'fp-ts/lib/Either.js';
import { Data as D, Layer as L, Loss, Optimizer, Training as T } from 'grad-ts';
import type { Run } from '../../src/callback/Run.ts';

type Fit = Run<T.HasRun & T.HasClock, 'loss', T.Fit<never, unknown, unknown, 'loss'>, T.TrainingError>;

export interface Workload {
  readonly name: string;
  readonly what: string;
  readonly batchSize: number;
  /** Steps of one timed round. */
  readonly steps: number;
  /** A run of that many steps after the given train state. */
  readonly fit: (from: T.TrainState | undefined, epochs: number) => Fit;
}

const must = <A>(either: E.Either<{ readonly message: string }, A>): A => {
  if (E.isLeft(either)) throw new Error(either.left.message);
  return either.right;
};

/** Uniform in [0, 1); the values do not matter, only that they are neither constant nor denormal. */
const noise = (n: number): Float32Array => {
  let state = 1;
  return Float32Array.from({ length: n }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  });
};

const classes = (n: number): Int32Array => Int32Array.from(noise(n), (x) => Math.floor(10 * x));

const mlp = (): Workload => {
  const [batchSize, steps] = [128, 100];
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
  const data = must(D.dataset({ x: D.floats([784], noise(784 * size)), y: D.ints([], classes(size)) }));
  return {
    name: 'W1',
    what: 'MLP 784-512-256-10, Adam, batch 128',
    batchSize,
    steps,
    fit: (from, epochs) =>
      T.fit(objective, { data, epochs, batchSize, verbose: 0, ...(from === undefined ? {} : { from }) }),
  };
};

const table = (): Workload => {
  const [batchSize, steps] = [128, 10];
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
  const rare = noise(206 * size).map((x) => (x < 0.0035 ? 1 : 0));
  const data = must(D.dataset({ x: D.floats([875], noise(875 * size)), y: D.floats([206], rare) }));
  return {
    name: 'W2',
    what: 'table 875-2048-1024-512-206, batch and weight normalisation, dropout, Adam, batch 128',
    batchSize,
    steps,
    fit: (from, epochs) =>
      T.fit(objective, { data, epochs, batchSize, verbose: 0, ...(from === undefined ? {} : { from }) }),
  };
};

const cnn = (): Workload => {
  const [batchSize, steps] = [64, 10];
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
  const data = must(D.dataset({ x: D.floats([1, 28, 28], noise(784 * size)), y: D.ints([], classes(size)) }));
  return {
    name: 'W3',
    what: 'CNN 3x3x32, 3x3x64, pool, dense 128, dense 10, Adam, batch 64',
    batchSize,
    steps,
    fit: (from, epochs) =>
      T.fit(objective, { data, epochs, batchSize, verbose: 0, ...(from === undefined ? {} : { from }) }),
  };
};

export const workloads: readonly (() => Workload)[] = [mlp, table, cnn];
