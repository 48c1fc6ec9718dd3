/** Kernels so large that they lie in blocks between runs: whoever asks for weights and slots, or sets them, sees them as ever. */
import { pipe } from 'fp-ts/lib/function.js';
import { afterAll, expect, it } from 'vitest';
import { Callback as C, Layer as L, Loss, Optimizer, Training as T } from '../../src/index.ts';
import { bits, flowers, right, runtime, stateBits, stateOf, type World, world } from './support.ts';

const shared = runtime();
afterAll(shared.close);

const network = L.model(
  L.input([6]),
  L.dense(635, { activation: 'tanh' }),
  L.dense(656, { activation: 'relu' }),
  L.dense(3, { activation: 'softmax' }),
);

const objective = T.compile(network, {
  loss: Loss.sparseCategoricalCrossentropy(),
  optimizer: Optimizer.adam({ learningRate: 0.001 }),
});

const [data, validation] = [flowers(40), flowers(20, 2)];
const batchSize = 16;
const file = 'checkpoints/last.safetensors';

const go = async (here: World, epochs: number, from?: T.TrainState) =>
  right(
    await T.run(
      pipe(
        T.fit(objective, {
          data,
          validation,
          epochs,
          batchSize,
          verbose: 0,
          ...(from === undefined ? { seed: 5 } : { from }),
        }),
        C.earlyStopping({ monitor: 'val_loss', patience: 50, restoreBestWeights: true }),
        C.modelCheckpoint(file),
      ),
    )(here.environment)(),
  );

it('a run is resumed to the last bit', async () => {
  const whole = world(shared);
  const all = await go(whole, 4);
  const parts = world(shared);
  await go(parts, 2);
  const state = right(await T.loadState(file)(parts.environment)());
  const rest = await go(parts, 4, state);
  expect(stateBits(stateOf(rest))).toEqual(stateBits(stateOf(all)));
  expect(bits(rest.weights)).toEqual(bits(all.weights));
  expect(rest.weights['dense_1.kernel']?.shape).toEqual([635, 656]);
});

it('validation, and the best weights that are brought back, are those that evaluation sees', async () => {
  const trained = await go(world(shared), 4);
  const losses = trained.history.logs.val_loss ?? [];
  const { loss } = right(await T.evaluate(validation)(trained)(world(shared).environment)());
  expect(loss).toBeCloseTo(Math.min(...losses.map(Number)), 5);
  expect(losses).toHaveLength(4);
});
