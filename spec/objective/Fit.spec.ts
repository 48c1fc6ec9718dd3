/** Losses with targets of their own, from the compiler's check to a trained model. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import { afterAll, describe, expect, it } from 'vitest';
import * as History from '../../src/callback/History.ts';
import {
  Data as D,
  Environment,
  type Graph,
  Layer as L,
  Loss,
  Metric,
  Operators,
  Optimizer,
  Training as T,
} from '../../src/index.ts';
import { noise, right } from '../training/support.ts';

const env = Environment.node({ threads: 1 })();

afterAll(env.runtime.close);

const settings = { epochs: 20, batchSize: 8, verbose: 0, seed: 3 } as const;
const adam = Optimizer.adam({ learningRate: 0.02 });

/** The losses of the first and of the last epoch. */
const losses = async <I, O, Y, K extends string>(
  run: RTE.ReaderTaskEither<T.Environment, T.TrainingError, T.Trained<I, O, Y, K>>,
): Promise<readonly [number, number]> => {
  const trained = await run(env)();
  if (E.isLeft(trained)) throw new Error(T.showError(trained.left));
  const { loss = [] } = History.values(trained.right.history);
  return [loss[0] as number, loss[loss.length - 1] as number];
};

describe('losses with targets of their own train', () => {
  it('means and variances', async () => {
    const objective = T.compile(L.model(L.input([2]), L.dense(8, { activation: 'tanh' }), L.dense(2)), {
      loss: Loss.gaussianNegativeLogLikelihood({ logVariance: true }),
      optimizer: adam,
    });
    const data = right(D.dataset({ x: D.floats([2], noise(64)), y: D.floats([1], noise(32, 2)) }));
    const [first, last] = await losses(T.run(T.fit(objective, { data, ...settings })));
    expect(last).toBeLessThan(first);
  });

  it('triplets', async () => {
    const objective = T.compile(L.model(L.input([4]), L.dense(8, { activation: 'relu' }), L.dense(2)), {
      loss: Loss.triplet({ margin: 0.5 }),
      optimizer: adam,
    });
    const labels = Array.from({ length: 32 }, (_, i) => i % 4);
    const x = noise(128).map((v, i) => 0.3 * v + (labels[Math.floor(i / 4)] === i % 4 ? 1 : 0));
    const data = right(D.dataset({ x: D.floats([4], x), y: D.ints([], labels) }));
    const [first, last] = await losses(T.run(T.fit(objective, { data, ...settings })));
    expect(last).toBeLessThan(first / 2);
  });

  it('sequences without alignment', async () => {
    const objective = T.compile(L.model(L.input([6, 4]), L.dense(4)), {
      loss: Loss.ctc({ length: 3 }),
      optimizer: adam,
    });
    const data = right(
      D.dataset({
        x: D.floats([6, 4], noise(16 * 24)),
        y: D.ints(
          [3],
          Array.from({ length: 16 }, () => [1, 2, 0]),
        ),
      }),
    );
    const [first, last] = await losses(T.run(T.fit(objective, { data, ...settings, epochs: 60 })));
    expect(last).toBeLessThan(first / 2);
  });

  it('classes behind the padding of a target without alignment are an error', async () => {
    const [a, b] = [Loss.ctc({ length: 3 }), Loss.weighted([[0.5, Loss.ctc({ length: 3 })]])];
    for (const loss of [a, b, pipe(Loss.custom('own', a.perSample), Loss.withTargetsOf(a))]) {
      const objective = T.compile(L.model(L.input([6, 4]), L.dense(4)), { loss, optimizer: adam });
      const y = D.ints([3], [1, 2, 0, 0, 0, 0, 3, 1, 1, 1, 0, 2]);
      const data = right(D.dataset({ x: D.floats([6, 4], noise(4 * 24)), y }));
      const trained = await T.run(T.fit(objective, { data, ...settings, batchSize: 2 }))(env)();
      expect(E.isLeft(trained) ? T.showError(trained.left) : 'trained').toBe(
        `FitError: fit: ${loss.name} expects targets whose padding 0 is behind all classes; sample 3 of the data is [1,0,2]; move the zeros ` +
          'to the end, and count the classes from 1: 0 is the blank too',
      );
    }
  });

  it('weighted sums, with metrics of one’s own kinds', async () => {
    const objective = T.compile(L.model(L.input([3]), L.dense(2, { activation: 'sigmoid' })), {
      loss: Loss.weighted([
        [1, Loss.binaryFocalCrossentropy()],
        [0.5, Loss.dice()],
      ]),
      optimizer: adam,
      metrics: [Metric.auc({ multiLabel: true }), Metric.precisionAtRecall(0.5), Metric.recall({ average: 'macro' })],
    });
    const x = noise(96);
    const y = Array.from({ length: 64 }, (_, i) => Number((x[Math.floor(i / 2) * 3 + (i % 2)] as number) > 0));
    const data = right(D.dataset({ x: D.floats([3], x), y: D.floats([2], y) }));
    const trained = await T.run(T.fit(objective, { data, ...settings }))(env)();
    if (E.isLeft(trained)) throw new Error(T.showError(trained.left));
    const logs = History.values(trained.right.history);
    expect(Object.keys(logs)).toEqual(expect.arrayContaining(['auc', 'loss', 'precision_at_recall', 'recall']));
    expect(logs.auc?.at(-1)).toBeGreaterThan(0.9);
    expect(logs.loss?.at(-1)).toBeLessThan(logs.loss?.[0] as number);
  });

  it('a loss and a metric of one’s own, of classes', async () => {
    const doubt = (output: Graph.Value, target: Graph.Value) => {
      const classes = Operators.unsqueeze([1])(Operators.cast('int64')(target));
      return Operators.squeeze([1])(Operators.sub(1, Operators.gatherElements(output, classes, 1)));
    };
    const ofClasses = Loss.sparseCategoricalCrossentropy();
    const objective = T.compile(L.model(L.input([3]), L.dense(3, { activation: 'softmax' })), {
      loss: pipe(Loss.custom('doubt', doubt), Loss.withTargetsOf(ofClasses)),
      optimizer: adam,
      metrics: [
        pipe(
          Metric.custom('trust', 'max', (output, target) => Operators.sub(1, doubt(output, target))),
          Metric.withTargetsOf(ofClasses),
        ),
      ],
    });
    const x = noise(96);
    const y = Array.from({ length: 32 }, (_, i) => Number((x[3 * i] as number) > 0));
    const data = right(D.dataset({ x: D.floats([3], x), y: D.ints([], y) }));
    const trained = await T.run(T.fit(objective, { data, ...settings }))(env)();
    if (E.isLeft(trained)) throw new Error(T.showError(trained.left));
    const { loss = [], trust = [] } = History.values(trained.right.history);
    expect(loss.at(-1)).toBeLessThan((loss[0] as number) / 2);
    expect(trust.at(-1)).toBeCloseTo(1 - (loss.at(-1) as number), 5);
  });

  it.each<readonly [string, (output: Graph.Value, target: Graph.Value) => Graph.Value]>([
    ['of the target only', (_, target) => Operators.reduceMean({ axes: [-1] })(target)],
    ['a constant', (_, target) => Operators.mul(Operators.reduceMean({ axes: [-1] })(target), 0)],
    ['of the output rounded down', (output) => Operators.reduceMean({ axes: [-1] })(Operators.floor(output))],
    [
      'of a comparison',
      (output, target) =>
        Operators.reduceMean({ axes: [-1] })(Operators.cast('float32')(Operators.less(output, target))),
    ],
  ])('a loss %s trains nothing, which is an error', async (_, formula) => {
    const model = L.model(L.input([3]), L.dense(2, { kernelRegularizer: L.Regularizer.l2(0.1) }));
    const objective = T.compile(model, { loss: Loss.custom('idle', formula), optimizer: adam });
    const data = right(D.dataset({ x: D.floats([3], noise(24)), y: D.floats([2], noise(16)) }));
    const trained = await T.run(T.fit(objective, { data, ...settings }))(env)();
    expect(E.isLeft(trained) ? T.showError(trained.left) : 'trained').toMatch(
      /fit: the loss idle trains nothing: it does not depend on the model's output, or by operators without a gradient only/,
    );
  });

  it('targets that do not go with the loss are refused by the compiler', () => {
    const model = L.model(L.input([2]), L.dense(3));
    T.compile(model, {
      // @ts-expect-error three numbers are no pairs of mean and variance
      loss: Loss.gaussianNegativeLogLikelihood(),
      optimizer: adam,
    });
    T.compile(model, {
      loss: Loss.triplet(),
      optimizer: adam,
      // @ts-expect-error triplets have labels, this metric numbers in the output's shape
      metrics: [Metric.auc()],
    });
  });
});
