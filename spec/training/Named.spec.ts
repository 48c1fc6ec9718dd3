/** Models with named sizes take data of any size there, in training and after it. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import { afterAll, describe, expect, it } from 'vitest';
import * as D from '../../src/data/Data.ts';
import * as L from '../../src/layer/Layer.ts';
import * as Loss from '../../src/objective/Loss.ts';
import * as Optimizer from '../../src/optimizer/Optimizer.ts';
import * as Environment from '../../src/runtime/Environment.ts';
import * as NdArray from '../../src/shape/NdArray.ts';
import * as T from '../../src/training/Training.ts';

const environment = Environment.node()();
afterAll(() => environment.runtime.close());

const must = <A>(either: E.Either<{ readonly message: string }, A>): A => {
  if (E.isLeft(either)) throw new Error(either.left.message);
  return either.right;
};

const model = L.model(L.input(['seq', 3]), L.dense(5, { activation: 'tanh' }), L.dropout(0.1), L.dense(2));
const objective = T.compile(model, {
  loss: Loss.meanSquaredError(),
  optimizer: Optimizer.adam({ learningRate: 0.02 }),
});
const steps = (length: number) => Array.from({ length: 12 * length * 3 }, (_, i) => Math.sin(i));
const targets = (length: number) => Array.from({ length: 12 * length * 2 }, (_, i) => Math.cos(i) / 2);
const data = must(D.dataset({ x: D.floats([7, 3], steps(7)), y: D.floats([7, 2], targets(7)) }));
const longer = must(D.dataset({ x: D.floats([9, 3], steps(9)), y: D.floats([9, 2], targets(9)) }));

describe('a named size', () => {
  it('is what the data have, in each run anew', async () => {
    const result = await pipe(
      T.fit(objective, { data, validation: longer as never, epochs: 30, batchSize: 5, verbose: 0 }),
      T.run,
      RTE.bindTo('trained'),
      RTE.bindW('scores', ({ trained }) => pipe(trained, T.evaluate(longer))),
      RTE.bindW('outputs', ({ trained }) =>
        pipe(trained, T.predict(must(NdArray.float32([4, 11, 3], steps(11).slice(0, 132))))),
      ),
    )(environment)();
    const { trained, scores, outputs } = must(result);
    const losses = trained.history.logs.loss ?? [];
    expect(losses.at(-1)).toBeLessThan(0.9 * (losses[0] ?? 0));
    expect(scores.loss).toBeCloseTo(trained.history.logs.val_loss?.at(-1) ?? Number.NaN, 6);
    expect(outputs.shape).toEqual([4, 11, 2]);
  });

  it('is still a number of features where it is one', () => {
    const wrong = must(
      D.dataset({ x: D.floats([7, 4], new Float32Array(28)), y: D.floats([7, 2], new Float32Array(14)) }),
    );
    // @ts-expect-error the model's input is [seq,3], the dataset's [7,4]
    const run = T.fit(objective, { data: wrong });
    expect(E.isLeft(run.result.prepared)).toBe(true);
  });
});
