/** Recurrent networks and transformers trained end to end: toy tasks are learnt, and a masked network as Keras trains it. */
import { pipe } from 'fp-ts/lib/function.js';
import type * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import { afterAll, describe, expect, it } from 'vitest';
import { Data as D, Environment, Layer as L, Loss, Optimizer, Training as T } from '../../src/index.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { resolvedOf, right } from '../interpret/support.ts';
import { array, goldens, mismatch, numbers, type Tensor } from '../objective/cases.ts';

const env = Environment.node({ threads: 1 })();

afterAll(env.runtime.close);

const run = async <A>(program: RTE.ReaderTaskEither<T.Environment, T.TrainingError, A>): Promise<A> => {
  const result = await program(env)();
  if (result._tag === 'Left') throw new Error(T.showError(result.left));
  return result.right;
};

/** Reproducible integers below n. */
const dice = (seed: number) => {
  let state = seed;
  return (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
};

// -------------------------------------------------------------------------------------
// a classifier of sequences
// -------------------------------------------------------------------------------------

/** Noise, in which two markers stand somewhere: which of them comes first? Sequences end early, and are padded with 0. */
const markers = (samples: number) => {
  const roll = dice(5);
  const all = Array.from({ length: samples }, () => {
    const length = 6 + roll(5);
    const first = roll(length - 2);
    const second = first + 1 + roll(length - first - 1);
    const label = roll(2);
    const symbols = Array.from({ length: 10 }, (_, t) =>
      t >= length ? 0 : t === first ? 1 + label : t === second ? 2 - label : 3 + roll(2),
    );
    return { symbols, label };
  });
  return {
    x: all.flatMap((s) => s.symbols),
    y: all.map((s) => s.label),
  };
};

const oneHot = (symbols: readonly number[], n: number) =>
  symbols.flatMap((s) => Array.from({ length: n }, (_, i) => (s === i + 1 ? 1 : 0)));

describe('which marker comes first', () => {
  const { x, y } = markers(160);

  const settings = {
    loss: Loss.sparseCategoricalCrossentropy(),
    optimizer: Optimizer.adam({ learningRate: 0.02 }),
  } as const;
  const head = () => L.dense(2, { activation: 'softmax' });

  it.each([
    ['lstm', T.compile(L.model(L.input([10, 4]), L.masking(), L.lstm(12), head()), settings)],
    ['gru', T.compile(L.model(L.input([10, 4]), L.masking(), L.gru(12), head()), settings)],
  ] as const)('%s, masked numbers', async (_, objective) => {
    const data = right(D.dataset({ x: D.floats([10, 4], oneHot(x, 4)), y: D.ints([], y) }));
    const trained = await run(pipe(T.fit(objective, { data, epochs: 25, batchSize: 16, seed: 2, verbose: 0 }), T.run));
    const losses = trained.history.logs.loss as readonly number[];
    expect(losses[0]).toBeGreaterThan(0.6);
    expect(losses.at(-1)).toBeLessThan(0.15);
  });

  it('tokens, bidirectional', async () => {
    const data = right(D.dataset({ x: D.ints([10], x), y: D.ints([], y) }));
    const objective = T.compile(
      L.model(
        L.tokens([10]),
        L.embedding(5, 6, { maskZero: true }),
        L.bidirectional(L.gru(8, { returnSequences: true })),
        L.simpleRNN(8),
        L.dense(2, { activation: 'softmax' }),
      ),
      { loss: Loss.sparseCategoricalCrossentropy(), optimizer: Optimizer.adam({ learningRate: 0.02 }) },
    );
    const trained = await run(pipe(T.fit(objective, { data, epochs: 25, batchSize: 16, seed: 1, verbose: 0 }), T.run));
    const losses = trained.history.logs.loss as readonly number[];
    expect(losses[0]).toBeGreaterThan(0.6);
    expect(losses.at(-1)).toBeLessThan(0.15);
  });
});

// -------------------------------------------------------------------------------------
// a language model
// -------------------------------------------------------------------------------------

describe('a tiny GPT learns to count in steps', () => {
  const [vocabulary, length] = [11, 10];
  const roll = dice(9);
  const texts = Array.from({ length: 96 }, () => {
    const [start, step] = [roll(vocabulary), 1 + roll(3)];
    return Array.from({ length: length + 1 }, (_, t) => (start + t * step) % vocabulary);
  });
  const data = right(
    D.dataset({
      x: D.ints(
        [length],
        texts.flatMap((t) => t.slice(0, -1)),
      ),
      y: D.ints(
        [length],
        texts.flatMap((t) => t.slice(1)),
      ),
    }),
  );

  it.each([
    ['learned positions, pre-norm', false],
    ['rotary positions, pre-norm', true],
  ] as const)('%s', async (_, rotary) => {
    const options = { features: 16, heads: 2, intermediate: 32, normalizeFirst: true, causal: true } as const;
    const blocks = L.repeat(2, L.transformerEncoder({ ...options, rotary, dropout: 0 }));
    const model = L.model(
      L.tokens([length]),
      L.embedding(vocabulary, 16),
      L.learnedPositions(length),
      blocks,
      L.layerNormalization(),
      L.dense(vocabulary),
    );
    const objective = T.compile(model, {
      loss: Loss.sparseCategoricalCrossentropy({ fromLogits: true }),
      optimizer: Optimizer.adam({ learningRate: 0.01 }),
    });
    const trained = await run(pipe(T.fit(objective, { data, epochs: 20, batchSize: 16, seed: 1, verbose: 0 }), T.run));
    const losses = trained.history.logs.loss as readonly number[];
    expect(losses[0]).toBeGreaterThan(1.5);
    // The first step of a text cannot be known: log(3) / 10 is left at best.
    expect(losses.at(-1)).toBeLessThan(0.3);
  });
});

// -------------------------------------------------------------------------------------
// Keras
// -------------------------------------------------------------------------------------

interface Fit {
  readonly x: Tensor;
  readonly y: Tensor;
  readonly initial_weights: readonly Tensor[];
}
interface Fitted {
  readonly history: Readonly<Record<string, readonly number[]>>;
  readonly final_weights: readonly Tensor[];
}

describe("fit as Keras's", () => {
  it.each(goldens<Fit, Fitted>('fit', ['embedding_mask_simple_rnn']))(
    '$id',
    async ({ inputs, expected, tolerance }) => {
      const objective = T.compile(
        L.model(L.tokens([4]), L.embedding(5, 2, { maskZero: true }), L.simpleRNN(2), L.dense(1)),
        { loss: Loss.meanSquaredError(), optimizer: Optimizer.sgd({ learningRate: 0.2 }) },
      );
      const names = resolvedOf(objective.model).parameters.map((p) => p.name);
      const weights: T.Weights = Object.fromEntries(
        names.map((name, i) => [name, array(inputs.initial_weights[i] as Tensor) as NdArray]),
      );
      const data = right(D.dataset({ x: D.ints([4], numbers(inputs.x)), y: D.floats([1], numbers(inputs.y)) }));
      const trained = await run(
        pipe(T.fit(objective, { data, epochs: 2, batchSize: 2, shuffle: false, weights, verbose: 0 }), T.run),
      );
      expect(
        mismatch(trained.history.logs.loss as number[], expected.history.loss as number[], tolerance),
      ).toBeUndefined();
      names.forEach((name, i) => {
        const want = numbers(expected.final_weights[i] as Tensor);
        expect(mismatch(trained.weights[name]?.data as Float32Array, want, tolerance), name).toBeUndefined();
      });
    },
  );
});
