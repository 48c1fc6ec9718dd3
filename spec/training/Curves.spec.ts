/**
 * Fifty steps of training beside PyTorch's, from the same weights on the same batches: the loss of every step, and the
 * weights at the end (spec/golden/curves.py).
 */
import { readFileSync } from 'node:fs';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import { afterAll, describe, expect, it } from 'vitest';
import { Callback as C, Data as D, Environment, Layer as L, Loss, Optimizer, Training as T } from '../../src/index.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { right } from '../interpret/support.ts';
import { mismatch } from '../objective/cases.ts';

const env = Environment.node({ threads: 1 })();

afterAll(env.runtime.close);

// -------------------------------------------------------------------------------------
// curves
// -------------------------------------------------------------------------------------

interface Numbers {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface Curve {
  readonly batch_size: number;
  readonly x: Numbers;
  readonly y: readonly number[];
  readonly initial_weights: Readonly<Record<string, Numbers>>;
  readonly losses: readonly number[];
  readonly final_weights: Readonly<Record<string, Numbers>>;
}

const curves: { readonly mlp: Curve; readonly cnn: Curve } = JSON.parse(
  readFileSync(new URL('../golden/curves.json', import.meta.url), 'utf8'),
);

const float32 = ({ shape, data }: Numbers): NdArray => ({ dtype: 'float32', shape, data: Float32Array.from(data) });

const weightsOf = (weights: Curve['initial_weights']): T.Weights =>
  Object.fromEntries(Object.entries(weights).map(([name, w]) => [name, float32(w)]));

const settings = (curve: Curve, stepsPerRun: number | 'auto') =>
  ({
    batchSize: curve.batch_size,
    // The steps fill them.
    epochs: Math.ceil(curve.losses.length / Math.ceil(curve.y.length / curve.batch_size)),
    weights: weightsOf(curve.initial_weights),
    shuffle: false,
    verbose: 0,
    stepsPerRun,
  }) as const;

// -------------------------------------------------------------------------------------
// losses of steps
// -------------------------------------------------------------------------------------

/** The sum over the samples of an epoch so far, at a step. */
interface Sum {
  readonly loss: number;
  readonly samples: number;
}

const none: Sum = { loss: 0, samples: 0 };

/** Mean losses of the batches, from the running means of the epochs. */
const recorder = () => {
  const losses: number[] = [];
  let before = none;
  return {
    losses,
    record: C.on('StepEnded', ({ step, logs, samples }) => {
      const last = step === 0 ? none : before;
      before = { loss: (logs.loss as number) * samples, samples };
      losses.push((before.loss - last.loss) / (samples - last.samples));
      return RTE.right([]);
    }),
  };
};

const follows = (losses: readonly number[], trained: { readonly weights: T.Weights }, curve: Curve): void => {
  expect(losses.length).toBe(curve.losses.length);
  const worst = losses.reduce((w, loss, i) => Math.max(w, Math.abs(loss / (curve.losses[i] as number) - 1)), 0);
  expect(worst).toBeLessThan(1e-4);
  for (const [name, expected] of Object.entries(curve.final_weights)) {
    const got = trained.weights[name];
    expect(got?.shape, name).toEqual(expected.shape);
    const tolerance = { rtol: 1e-3, atol: 1e-3 };
    expect(mismatch(got?.data as Float32Array, expected.data, tolerance), name).toBeUndefined();
  }
};

const run = async <A>(program: RTE.ReaderTaskEither<T.Environment, T.TrainingError, A>): Promise<A> => {
  const result = await program(env)();
  if (result._tag === 'Left') throw new Error(T.showError(result.left));
  return result.right;
};

// -------------------------------------------------------------------------------------
// models
// -------------------------------------------------------------------------------------

const mlp = T.compile(
  L.model(
    L.input([6]),
    L.dense(16, { activation: 'tanh' }),
    L.dense(8, { activation: 'relu' }),
    L.dense(3, { activation: 'softmax' }),
  ),
  { loss: Loss.sparseCategoricalCrossentropy(), optimizer: Optimizer.adam({ learningRate: 0.01 }) },
);

const cnn = T.compile(
  L.model(
    L.input([2, 8, 8]),
    L.conv2d({ filters: 4, kernel: 3, padding: 'same', useBias: false }),
    L.batchNormalization(),
    L.relu(),
    L.maxPool2d(),
    L.conv2d({ filters: 6, kernel: 3, strides: 2, activation: 'relu' }),
    L.flatten(),
    L.dense(3, { activation: 'softmax' }),
  ),
  { loss: Loss.sparseCategoricalCrossentropy(), optimizer: Optimizer.sgd({ learningRate: 0.05, momentum: 0.9 }) },
);

describe.each([1, 7, 'auto'] as const)("losses follow PyTorch's, %s steps a run", (stepsPerRun) => {
  it('a dense network, Adam', async () => {
    const { losses, record } = recorder();
    const { x, y } = curves.mlp;
    const data = right(D.dataset({ x: D.floats([6], x.data), y: D.ints([], y) }));
    const fit = T.fit(mlp, { data, ...settings(curves.mlp, stepsPerRun) });
    follows(losses, await run(pipe(fit, record, T.run)), curves.mlp);
  });

  it('a convolutional network with batch normalisation, SGD with momentum', async () => {
    const { losses, record } = recorder();
    const { x, y } = curves.cnn;
    const data = right(D.dataset({ x: D.floats([2, 8, 8], x.data), y: D.ints([], y) }));
    const fit = T.fit(cnn, { data, ...settings(curves.cnn, stepsPerRun) });
    follows(losses, await run(pipe(fit, record, T.run)), curves.cnn);
  });
});
