/** Metrics that see weights, and steps that count nowhere: what is logged, against sums by hand. */
import { pipe } from 'fp-ts/lib/function.js';
import type * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import { afterAll, describe, expect, it } from 'vitest';
import * as History from '../../src/callback/History.ts';
import { Data as D, Layer as L, Loss, Metric, Model, Optimizer, Training as T } from '../../src/index.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { noise, right, runtime, world } from './support.ts';

const shared = runtime();
afterAll(shared.close);
const { environment: env } = world(shared);

const run = async <A>(program: RTE.ReaderTaskEither<T.Environment, T.TrainingError, A>): Promise<A> =>
  right(await program(env)());

const optimizer = Optimizer.sgd({ learningRate: 0.1 });

// -------------------------------------------------------------------------------------
// weights
// -------------------------------------------------------------------------------------

describe('weighted metrics', () => {
  const n = 12;
  const x = right(
    D.dataset({
      x: D.floats([2], noise(2 * n)),
      y: D.ints(
        [],
        Array.from({ length: n }, (_, i) => i % 3),
      ),
    }),
  );
  const weights = Array.from({ length: n }, (_, i) => (i * 7) % 4);
  const objective = T.compile(L.model(L.input([2]), L.dense(3, { activation: 'softmax' })), {
    loss: Loss.sparseCategoricalCrossentropy(),
    metrics: [Metric.accuracy()],
    weightedMetrics: [Metric.accuracy(), Metric.sparseCategoricalCrossentropy({ name: 'nats' })],
    optimizer,
  });
  const trained = right(T.untrained(3)(objective));

  /** Whether each sample is right, and minus the logarithm of its class's probability. */
  const byHand = async () => {
    const { data } = (await run(pipe(trained, T.predict(x.x as NdArray<[12, 2]>)))) as NdArray;
    return Array.from({ length: n }, (_, i) => {
      const row = Array.from(data.slice(3 * i, 3 * i + 3), Number);
      return { hit: Number(row.indexOf(Math.max(...row)) === i % 3), nats: -Math.log(row[i % 3] as number) };
    });
  };
  const mean = (values: readonly number[], by: readonly number[]) =>
    values.reduce((sum, v, i) => sum + v * (by[i] as number), 0) / by.reduce((a, b) => a + b, 0);

  it('are divided by the sum of weights, the loss by the number of samples, other metrics do not see them', async () => {
    const samples = await byHand();
    const [hits, nats] = [samples.map((s) => s.hit), samples.map((s) => s.nats)];
    const ones = weights.map(() => 1);
    const logs = await run(pipe(trained, T.evaluate(x, { sampleWeight: weights, batchSize: 5 })));
    expect(logs.accuracy).toBeCloseTo(mean(hits, ones), 6);
    expect(logs.weighted_accuracy).toBeCloseTo(mean(hits, weights), 6);
    expect(logs.nats).toBeCloseTo(mean(nats, weights), 5);
    expect(logs.loss).toBeCloseTo(
      mean(
        nats.map((v, i) => v * (weights[i] as number)),
        ones,
      ),
      5,
    );
    const plain = await run(pipe(trained, T.evaluate(x)));
    expect(plain.weighted_accuracy).toBeCloseTo(plain.accuracy, 6);
    expect(plain.nats).toBeCloseTo(plain.loss, 5);
  });

  it('see the weights of classes too, in training; validation data have their own', async () => {
    const samples = await byHand();
    const options = {
      data: x,
      validation: x,
      batchSize: n,
      shuffle: false,
      verbose: 0,
      weights: trained.weights,
    } as const;
    const classWeight = { 0: 3, 2: 0.5 };
    const rate0 = T.compile(objective.model, {
      loss: Loss.sparseCategoricalCrossentropy(),
      weightedMetrics: [Metric.accuracy()],
      optimizer: Optimizer.sgd({ learningRate: 1e-12 }),
    });
    const fitted = await run(T.run(T.fit(rate0, { ...options, classWeight, validationSampleWeight: weights })));
    const logs = History.values(fitted.history);
    const hits = samples.map((s) => s.hit);
    expect(logs.accuracy?.[0]).toBeCloseTo(
      mean(
        hits,
        weights.map((_, i) => [3, 1, 0.5][i % 3] as number),
      ),
      6,
    );
    expect(logs.val_accuracy?.[0]).toBeCloseTo(mean(hits, weights), 6);
  });
});

// -------------------------------------------------------------------------------------
// masks
// -------------------------------------------------------------------------------------

describe('steps that are masked count neither in losses nor in metrics', () => {
  const steps = 4;
  const lengths = [4, 2, 1, 3, 4, 2];
  const tokens = lengths.flatMap((length, i) =>
    Array.from({ length: steps }, (_, t) => (t < length ? 1 + ((i + t) % 4) : 0)),
  );
  const labels = tokens.map((t, i) => (t === 0 ? 0 : (t + i) % 2));
  const shifted = tokens.map((t, i) => (t === 0 ? 1 - (labels[i] as number) : (labels[i] as number)));
  const network = (maskZero: boolean) =>
    Model.graph({ int: [steps] } as { int: [4] }, (ids) => {
      const h = L.embedding(5, 3, { maskZero })(ids);
      return { kind: L.dense(2, { activation: 'softmax' })(h), yes: L.dense(1, { activation: 'sigmoid' })(h) };
    });
  const parts = {
    loss: { kind: Loss.sparseCategoricalCrossentropy(), yes: Loss.binaryCrossentropy() },
    metrics: {
      kind: [Metric.accuracy(), Metric.perplexity()],
      yes: [Metric.binaryAccuracy(), Metric.precision(), Metric.recall(), Metric.auc(), Metric.meanIou()],
    },
    weightedMetrics: { kind: [Metric.accuracy()], yes: [Metric.truePositives()] },
    optimizer,
  } as const;
  const masked = T.compile(network(true), parts);
  const open = T.compile(network(false), parts);
  const dataset = (y: readonly number[], length = steps, x = tokens) =>
    right(
      D.dataset({ x: D.ints([length], x), y: { kind: D.ints([length], y), yes: D.floats([length, 1], y) } }),
    ) as unknown as D.Dataset<{ readonly int: [4] }, { kind: { readonly int: [4] }; yes: [4, 1] }>;
  const { weights } = right(T.untrained(2)(masked));

  const logsOf = (objective: typeof masked | typeof open, y: readonly number[], sampleWeight?: readonly number[]) =>
    run(
      pipe(
        right(T.withWeights(weights)(objective as typeof masked)),
        T.evaluate(dataset(y), sampleWeight === undefined ? {} : { sampleWeight }),
      ),
    );

  it('whatever their targets are', async () => {
    const logs = await logsOf(masked, labels);
    expect(Object.keys(logs).length).toBe(12);
    expect(await logsOf(masked, shifted)).toEqual(logs);
    const seen = await logsOf(open, labels);
    expect(await logsOf(open, shifted)).not.toEqual(seen);
    for (const key of ['kind_accuracy', 'yes_binary_accuracy', 'yes_auc'] as const)
      expect(seen[key]).not.toBe(logs[key]);
  });

  it('and all others count alike: as the mean over the steps that are there', async () => {
    const trained = right(T.withWeights(weights)(masked));
    const x = dataset(labels).x as NdArray<{ readonly int: [6, 4] }>;
    const { kind, yes } = (await run(pipe(trained, T.predict(x as never)))) as unknown as {
      kind: NdArray;
      yes: NdArray;
    };
    const there = tokens.flatMap((t, i) => (t === 0 ? [] : [i]));
    const hit = (i: number) => Number(Number(kind.data[2 * i + 1]) > Number(kind.data[2 * i]) === (labels[i] === 1));
    const called = (i: number) => Number(yes.data[i]) > 0.5;
    const logs = await logsOf(masked, labels);
    const mean = (f: (i: number) => number, w: (i: number) => number = () => 1) =>
      there.reduce((sum, i) => sum + f(i) * w(i), 0) / there.reduce((sum, i) => sum + w(i), 0);
    expect(logs.kind_accuracy).toBeCloseTo(mean(hit), 6);
    expect(logs.yes_binary_accuracy).toBeCloseTo(
      mean((i) => Number(called(i) === (labels[i] === 1))),
      6,
    );
    const [right_, calls] = [there.filter((i) => called(i) && labels[i] === 1).length, there.filter(called).length];
    expect(logs.yes_precision).toBeCloseTo(calls === 0 ? 0 : right_ / calls, 6);
    // With weights of samples too: a step weighs as its sample.
    const sampleWeight = lengths.map((_, i) => (i % 3) + 0.5);
    const weighed = await logsOf(masked, labels, sampleWeight);
    const ofSample = (i: number) => sampleWeight[Math.floor(i / steps)] as number;
    expect(weighed.kind_weighted_accuracy).toBeCloseTo(mean(hit, ofSample), 6);
    expect(weighed.kind_accuracy).toBeCloseTo(mean(hit), 6);
    expect(weighed.yes_true_positives).toBeCloseTo(
      there.reduce((sum, i) => sum + (called(i) && labels[i] === 1 ? ofSample(i) : 0), 0),
      5,
    );
  });
});
