/**
 * Networks for sequences, tables and codes learn small tasks, the divergence of a variational autoencoder is in the
 * loss, and the layers that draw random numbers draw as they say. Networks for images: `Training.slow.spec.ts`.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import { afterAll, describe, expect, it } from 'vitest';
import { Data as D, Environment, Layer as L, Loss, Optimizer, Training as T, Zoo } from '../../src/index.ts';
import { type Model, resolve } from '../../src/model/Model.ts';
import { resolvedOf, right, runModel, trainingMode } from '../interpret/support.ts';
import { f32 } from '../support/evaluate.ts';

const env = Environment.node({ threads: 1 })();

afterAll(env.runtime.close);

type AnyModel = Model<never, unknown>;

const run = async <A>(program: RTE.ReaderTaskEither<T.Environment, T.TrainingError, A>): Promise<A> => {
  const result = await program(env)();
  if (result._tag === 'Left') throw new Error(T.showError(result.left));
  return result.right;
};

const waves = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => 0.5 + 0.5 * Math.sin(i * i));

const falls = (logs: { readonly loss?: unknown }, share: number): void => {
  const losses = logs.loss as readonly number[];
  expect(losses.at(-1)).toBeLessThan(share * (losses[0] ?? 0));
};

describe('sequences', () => {
  // Does token 2 occur?
  const texts = Array.from({ length: 24 }, (_, i) =>
    Array.from({ length: 8 }, (_, t) => (t === (i * 5) % 8 && i % 2 === 1 ? 2 : 3 + ((i * 7 + t * t) % 5))),
  );
  const data = right(
    D.dataset({
      x: D.ints([8], texts.flat()),
      y: D.ints(
        [],
        texts.map((_, i) => i % 2),
      ),
    }),
  );
  const options = { vocabulary: 8, classes: 2, features: 8, dropout: 0 } as const;
  const settings = {
    loss: Loss.sparseCategoricalCrossentropy({ fromLogits: true }),
    optimizer: Optimizer.adam({ learningRate: 0.01 }),
  } as const;
  it.each([
    ['textCnn', T.compile(L.model(L.tokens([8]), Zoo.textCnn({ ...options, filters: 4 })), settings)],
    ['lstmClassifier', T.compile(L.model(L.tokens([8]), Zoo.lstmClassifier({ ...options, units: 6 })), settings)],
    ['transformerClassifier', T.compile(L.model(L.tokens([8]), Zoo.transformerClassifier(options)), settings)],
  ])('%s', async (_, objective) => {
    const fit = T.fit(objective, { data, epochs: 40, batchSize: 8, seed: 1, verbose: 0 });
    falls((await run(pipe(fit, T.run))).history.logs, 0.5);
  });

  it('gpt', async () => {
    const counted = Array.from({ length: 24 }, (_, i) => Array.from({ length: 9 }, (_, t) => (i + t) % 7));
    const steps = right(
      D.dataset({
        x: D.ints(
          [8],
          counted.flatMap((c) => c.slice(0, 8)),
        ),
        y: D.ints(
          [8],
          counted.flatMap((c) => c.slice(1)),
        ),
      }),
    );
    const sizes = { vocabulary: 7, context: 8, layers: 2, heads: 2, features: 16, dropout: 0 } as const;
    const objective = T.compile(L.model(L.tokens([8]), Zoo.gpt(sizes)), settings);
    falls(
      (await run(pipe(T.fit(objective, { data: steps, epochs: 25, batchSize: 8, verbose: 0 }), T.run))).history.logs,
      0.3,
    );
  });
});

describe('vectors', () => {
  it('resnetMlp', async () => {
    const x = waves(48 * 5);
    const y = Array.from({ length: 48 }, (_, i) => ((x[i * 5] ?? 0) > (x[i * 5 + 1] ?? 0) ? 1 : 0));
    const data = right(D.dataset({ x: D.floats([5], x), y: D.ints([], y) }));
    const objective = T.compile(L.model(L.input([5]), Zoo.resnetMlp({ units: 2, features: 16 })), {
      loss: Loss.sparseCategoricalCrossentropy({ fromLogits: true }),
      optimizer: Optimizer.adam({ learningRate: 0.01 }),
    });
    falls(
      (await run(pipe(T.fit(objective, { data, epochs: 25, batchSize: 16, verbose: 0 }), T.run))).history.logs,
      0.5,
    );
  });

  it('autoencoder', async () => {
    const x = waves(16 * 10);
    const data = right(D.dataset({ x: D.floats([10], x), y: D.floats([10], x) }));
    const net = Zoo.autoencoder({ features: 10, hidden: 24, code: 8 });
    const objective = T.compile(L.model(L.input([10]), net), {
      loss: Loss.meanSquaredError(),
      optimizer: Optimizer.adam({ learningRate: 0.02 }),
    });
    falls((await run(pipe(T.fit(objective, { data, epochs: 80, batchSize: 8, verbose: 0 }), T.run))).history.logs, 0.4);
  });
});

describe('variational autoencoder', () => {
  const features = 6;
  const x = waves(20 * features);
  const data = right(D.dataset({ x: D.floats([features], x), y: D.floats([features], x) }));
  const objectiveOf = (beta: number) =>
    T.compile(L.model(L.input([features]), Zoo.vae({ features, latent: 3, hidden: 16, beta })), {
      loss: Loss.binaryCrossentropy(),
      optimizer: Optimizer.adam({ learningRate: 0.02 }),
    });

  it('learns', async () => {
    const fit = T.fit(objectiveOf(0.01), { data, epochs: 150, batchSize: 20, seed: 3, verbose: 0 });
    const losses = (await run(pipe(fit, T.run))).history.logs.loss as readonly number[];
    expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) - 0.05);
  });

  it('the loss has the divergence, a mean over the batch, for each feature', async () => {
    const [without, with2] = [objectiveOf(0), objectiveOf(2)];
    const trained = right(T.untrained(1)(without));
    const same = right(T.withWeights(trained.weights)(with2));
    const [a, b] = [await run(pipe(trained, T.evaluate(data))), await run(pipe(same, T.evaluate(data)))];
    const encoder = L.model(
      L.input([features]),
      L.named('encoder', Zoo.vaeEncoder({ features, latent: 3, hidden: 16 })),
    ) as unknown as AnyModel;
    const { output } = await runModel(resolvedOf(encoder), { input: f32([...x], [20, features]), ...trained.weights });
    const code = output?.data as Float32Array;
    const divergence = Array.from({ length: 20 }, (_, i) =>
      [0, 1, 2].reduce((sum, j) => {
        const [mean, logVariance] = [Number(code[6 * i + j]), Number(code[6 * i + 3 + j])];
        return sum + (mean ** 2 + Math.exp(logVariance) - logVariance - 1) / 2;
      }, 0),
    );
    const mean = divergence.reduce((s, d) => s + d, 0) / 20;
    expect(mean).toBeGreaterThan(0.001);
    expect(b.loss - a.loss).toBeCloseTo((2 * mean) / features, 5);
  });

  it('sampling: the mean in inference, normal numbers of that mean and deviation in training', async () => {
    const resolved = resolvedOf(L.model(L.input([2]), Zoo.sampling(1)) as unknown as AnyModel);
    const rows = 4000;
    const feeds = { input: f32(Array.from({ length: rows }, () => [3, Math.log(4)]).flat(), [rows, 2]) };
    expect((await runModel(resolved, feeds)).output?.data.every((v) => v === 3)).toBe(true);
    const { output } = await runModel(resolved, feeds, trainingMode());
    const drawn = Array.from(output?.data ?? [], Number);
    const mean = drawn.reduce((s, v) => s + v, 0) / rows;
    const deviation = Math.sqrt(drawn.reduce((s, v) => s + (v - mean) ** 2, 0) / rows);
    expect(Math.abs(mean - 3)).toBeLessThan(0.1);
    expect(Math.abs(deviation - 2)).toBeLessThan(0.1);
  });
});

describe('stochastic depth', () => {
  it('drops whole samples in training, and keeps the mean', async () => {
    const resolved = resolvedOf(L.model(L.input([2, 2, 2]), Zoo.stochasticDepth(0.25)) as unknown as AnyModel);
    const rows = 4000;
    const feeds = { input: f32(Array(rows * 8).fill(3), [rows, 2, 2, 2]) };
    expect((await runModel(resolved, feeds)).output?.data.every((v) => v === 3)).toBe(true);
    const data = (await runModel(resolved, feeds, trainingMode())).output?.data as Float32Array;
    const kept = Array.from({ length: rows }, (_, i) => [...new Set(data.subarray(8 * i, 8 * i + 8))]);
    expect(kept.every((s) => s.length === 1 && (s[0] === 0 || s[0] === 4))).toBe(true);
    expect(Math.abs(kept.filter(([v]) => v === 4).length / rows - 0.75)).toBeLessThan(0.03);
  });
});

describe('what does not fit is said', () => {
  const message = (model: unknown) => {
    const result = resolve(model as AnyModel);
    return E.isLeft(result) ? result.left[0].message : '';
  };
  it.each([
    ['stochasticDepth: rate must be from 0 to below 1, got 1', L.model(L.input([2]), Zoo.stochasticDepth(1))],
    [
      'sampling: expects [batch,6]: means, then logarithms of variances, got [batch,5]',
      L.model(L.input([5]), Zoo.sampling(3)),
    ],
    // @ts-expect-error classToken: expects [batch,seq,features]
    ['classToken: expects [batch,seq,features]', L.model(L.input([5]), Zoo.classToken())],
    [
      'tiedEmbedding: expects tokens, or vectors of 4 features, got [batch,5]',
      L.model(L.input([5]), Zoo.tiedEmbedding(9, 4)),
    ],
    ['layerScale: the channels of [batch,8,seq] have no fixed size', L.model(L.input([8, 'seq']), Zoo.layerScale())],
  ])('%s', (expected, model) => {
    expect(message(model)).toBe(expected);
  });
});
