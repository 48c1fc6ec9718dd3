/** Samples that count more: laws, and what is refused. */
import type * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import { afterAll, describe, expect, it } from 'vitest';
import * as History from '../../src/callback/History.ts';
import { Data as D, Environment, Layer as L, Loss, Metric, Optimizer, Training as T } from '../../src/index.ts';
import { left, noise, right } from './support.ts';

const env = Environment.node({ threads: 1 })();

afterAll(env.runtime.close);

const labels = [0, 2, 1, 1, 0, 2, 2, 0];
const x = noise(16);

const objective = T.compile(L.model(L.input([2]), L.dense(3, { activation: 'softmax' })), {
  loss: Loss.sparseCategoricalCrossentropy({ reduction: 'sum' }),
  optimizer: Optimizer.sgd({ learningRate: 0.1 }),
  metrics: [Metric.sparseCategoricalAccuracy({ name: 'accuracy' })],
});

const dataset = (rows: readonly number[]) =>
  right(
    D.dataset({
      x: D.floats(
        [2],
        rows.flatMap((r) => x.slice(2 * r, 2 * r + 2)),
      ),
      y: D.ints(
        [],
        rows.map((r) => labels[r] as number),
      ),
    }),
  );

const all = dataset(labels.map((_, i) => i));
const settings = { batchSize: 8, epochs: 2, shuffle: false, verbose: 0, seed: 5 } as const;

type Program<A> = RTE.ReaderTaskEither<T.Environment, T.TrainingError, A>;

const run = async <A>(program: Program<A>): Promise<A> => right(await program(env)());

const weightsOf = async (program: Program<{ readonly weights: T.Weights }>): Promise<readonly number[]> =>
  Object.values((await run(program)).weights).flatMap((a) => Array.from(a.data, Number));

const refused = async (options: T.FitSettings): Promise<string> =>
  left(await T.run(T.fit(objective, { data: all, ...settings, ...options }))(env)()).message;

describe('sample weights', () => {
  it('count samples as often as they say: with a sum, weight 3 is three copies and weight 0 none', async () => {
    const counts = [1, 3, 0, 2, 1, 1, 0, 2];
    const copies = counts.flatMap((n, i) => Array<number>(n).fill(i));
    const weighted = await weightsOf(T.run(T.fit(objective, { data: all, ...settings, sampleWeight: counts })));
    const copied = await weightsOf(
      T.run(T.fit(objective, { data: dataset(copies), ...settings, batchSize: copies.length })),
    );
    weighted.forEach((w, i) => {
      expect(w).toBeCloseTo(copied[i] as number, 5);
    });
  });

  it('follow their samples when these are shuffled, and in batches of any size', async () => {
    const sampleWeight = labels.map((c) => c + 1);
    const classWeight = { 0: 1, 1: 2, 2: 3 };
    const shuffled = { ...settings, data: all, batchSize: 3, shuffle: true };
    expect(await weightsOf(T.run(T.fit(objective, { ...shuffled, sampleWeight })))).toEqual(
      await weightsOf(T.run(T.fit(objective, { ...shuffled, classWeight }))),
    );
    expect(await weightsOf(T.run(T.fit(objective, { ...shuffled, sampleWeight })))).not.toEqual(
      await weightsOf(T.run(T.fit(objective, shuffled))),
    );
  });

  it('of 1 change nothing; classes that are not listed have it', async () => {
    const plain = await weightsOf(T.run(T.fit(objective, { data: all, ...settings })));
    expect(
      await weightsOf(T.run(T.fit(objective, { data: all, ...settings, sampleWeight: Array(8).fill(1) }))),
    ).toEqual(plain);
    expect(await weightsOf(T.run(T.fit(objective, { data: all, ...settings, classWeight: {} })))).toEqual(plain);
  });

  it('do not weigh validation data of their own', async () => {
    const options = { data: all, validation: all, ...settings, epochs: 1 };
    const [weighted, plain] = [
      History.values((await run(T.run(T.fit(objective, { ...options, sampleWeight: Array(8).fill(0) })))).history),
      History.values((await run(T.run(T.fit(objective, options)))).history),
    ];
    expect(weighted.loss).toEqual([0]);
    expect(weighted.val_loss?.[0]).toBeGreaterThan(1);
    expect(plain.loss?.[0]).toBeGreaterThan(1);
  });
});

describe('what is refused', () => {
  it('both kinds at once, another number of weights, what is no weight', async () => {
    expect(await refused({ classWeight: {}, sampleWeight: [] })).toBe(
      'fit: give classWeight or sampleWeight, not both; multiply them into sampleWeight',
    );
    expect(await refused({ sampleWeight: [1, 2] })).toBe(
      'fit: sampleWeight: expects one weight for each of the 8 samples, got 2',
    );
    expect(await refused({ sampleWeight: [1, 1, -1, 1, 1, 1, 1, 1] })).toBe(
      'fit: sampleWeight: expects finite weights, 0 or more; sample 2 has -1',
    );
    expect(await refused({ classWeight: { 1: Number.NaN } })).toBe(
      'fit: classWeight: expects finite weights, 0 or more; class 1 has NaN',
    );
    expect(await refused({ classWeight: { cat: 2 } as never })).toBe(
      "fit: classWeight: expects class numbers from 0 as keys, got 'cat'",
    );
  });

  it('classes of targets that are none', async () => {
    const regression = T.compile(L.model(L.input([2]), L.dense(1)), {
      loss: Loss.meanSquaredError(),
      optimizer: Optimizer.sgd(),
    });
    const data = right(D.dataset({ x: D.floats([2], x), y: D.floats([1], noise(8)) }));
    const result = await T.run(T.fit(regression, { data, ...settings, classWeight: { 0: 2 } }))(env)();
    expect(left(result).message).toMatch(
      /^fit: classWeight: expects targets that are classes; sample 0 has .*; give sampleWeight$/,
    );
  });
});
