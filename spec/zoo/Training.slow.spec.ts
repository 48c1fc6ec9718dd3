/**
 * Small variants of every architecture learn a few samples by heart; variational autoencoders have their divergence in
 * the loss.
 */
import { pipe } from 'fp-ts/lib/function.js';
import type * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import { afterAll, describe, expect, it, test } from 'vitest';
import { Data as D, Environment, Layer as L, Loss, Optimizer, Training as T, Zoo } from '../../src/index.ts';
import { right } from '../interpret/support.ts';
import { trainable } from './trainable.ts';

const env = Environment.node({ threads: 1 })();

afterAll(env.runtime.close);

const run = async <A>(program: RTE.ReaderTaskEither<T.Environment, T.TrainingError, A>): Promise<A> => {
  const result = await program(env)();
  if (result._tag === 'Left') throw new Error(T.showError(result.left));
  return result.right;
};

const numbers = (n: number, seed = 1): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => Math.sin(seed + i * i));

describe('images', () => {
  it.each(trainable)('$name', async ({ net, size, rate, epochs }) => {
    const [samples, classes] = [8, 2];
    const sample = [3, size, size] as const;
    const labels = Array.from({ length: samples }, (_, i) => i % classes);
    // The classes differ in how bright they are.
    const pixels = numbers(samples * 3 * size * size).map((x, i) => x + (Math.floor(i / (3 * size * size)) % 2) - 0.5);
    const data = right(D.dataset({ x: D.floats(sample, pixels), y: D.ints([], labels) }));
    const objective = T.compile(L.model(L.input(sample), net, L.softmax()), {
      loss: Loss.sparseCategoricalCrossentropy(),
      optimizer: Optimizer.adam({ learningRate: rate ?? 3e-3 }),
    });
    const fit = T.fit(objective, { data, epochs: epochs ?? 8, batchSize: 8, seed: 1, verbose: 0 });
    const { history } = await run(pipe(fit, T.run));
    const losses = history.logs.loss as readonly number[];
    if (process.env.ZOO_DISTANCES !== undefined) console.log(losses.map((x) => x.toFixed(3)).join(' '));
    // With dropout and eight samples a single epoch can be far off: the median of the last fifth.
    const last = losses.slice(-Math.ceil(losses.length / 5)).toSorted((a, b) => a - b);
    expect(last[(last.length - 1) >> 1]).toBeLessThan(0.7 * (losses[0] ?? 0));
  });
});

test('a segmentation', async () => {
  const pixels = numbers(4 * 16 * 16);
  const data = right(
    D.dataset({
      x: D.floats([1, 16, 16], pixels),
      y: D.floats(
        [1, 16, 16],
        pixels.map((x) => (x > 0 ? 1 : 0)),
      ),
    }),
  );
  const objective = T.compile(L.model(L.input([1, 16, 16]), Zoo.unet({ width: 4, batchNorm: true })), {
    loss: Loss.binaryCrossentropy({ fromLogits: true }),
    optimizer: Optimizer.adam({ learningRate: 0.01 }),
  });
  const { history } = await run(pipe(T.fit(objective, { data, epochs: 15, batchSize: 4, seed: 1, verbose: 0 }), T.run));
  const losses = history.logs.loss as readonly number[];
  expect(losses.at(-1)).toBeLessThan(0.7 * (losses[0] ?? 0));
});
