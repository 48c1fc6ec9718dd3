/** The state of every optimizer goes through a file: two epochs, a file, and two more are four, bit for bit. */
import { afterAll, describe, expect, it } from 'vitest';
import { Layer as L, Loss, Optimizer, Schedule, Training as T } from '../../src/index.ts';
import * as State from '../../src/training/State.ts';
import { flowers, right, runtime, stateBits, stateOf, world } from './support.ts';

const shared = runtime();
afterAll(shared.close);
const { environment } = world(shared);

const data = flowers(14);
const model = L.model(
  L.input([6]),
  L.named('body', L.dense(5, { activation: 'tanh' })),
  L.dropout(0.2),
  L.dense(3, { activation: 'softmax' }),
);

const falling = Schedule.cosineDecay({ initialLearningRate: 0.05, decaySteps: 9, warmupSteps: 3, warmupTarget: 0.1 });

const optimizers: Readonly<Record<string, Optimizer.Optimizer>> = {
  'sgd with momentum': Optimizer.sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true }),
  'adam, amsgrad': Optimizer.adam({ amsgrad: true, globalClipNorm: 1 }),
  'adam, scheduled, accumulated, averaged': Optimizer.adam({
    learningRate: falling,
    gradientAccumulationSteps: 3,
    useEma: true,
    emaOverwriteFrequency: 2,
  }),
  adamW: Optimizer.adamW(),
  adamax: Optimizer.adamax(),
  nadam: Optimizer.nadam(),
  lamb: Optimizer.lamb(),
  scheduleFreeAdamW: Optimizer.scheduleFreeAdamW({ warmupSteps: 6 }),
  'rmsprop, centered': Optimizer.rmsprop({ centered: true, momentum: 0.9 }),
  adagrad: Optimizer.adagrad(),
  adadelta: Optimizer.adadelta({ learningRate: 1 }),
  ftrl: Optimizer.ftrl({ learningRate: 0.1, l1RegularizationStrength: 0.01 }),
  lion: Optimizer.lion(),
  adafactor: Optimizer.adafactor({ learningRate: 0.1 }),
  muon: Optimizer.muon(),
  'a chain of one’s own': Optimizer.custom(
    'own',
    0.05,
    Optimizer.chain(
      Optimizer.centraliseGradients(),
      Optimizer.scaleByMoments(),
      Optimizer.descend,
      Optimizer.lookahead(2, 0.4),
    ),
  ),
  'groups by name': Optimizer.groups({ body: Optimizer.sgd({ learningRate: 0.05, momentum: 0.9 }) })(Optimizer.adam()),
};

describe('a resume from a file', () => {
  it.each(Object.entries(optimizers))('%s', async (_, optimizer) => {
    const objective = T.compile(model, { loss: Loss.sparseCategoricalCrossentropy(), optimizer });
    const train = async (epochs: number, from?: T.TrainState): Promise<T.TrainState> => {
      const begin = from === undefined ? { seed: 5 } : { from };
      const fit = T.fit(objective, { data, epochs, batchSize: 4, verbose: 0, ...begin });
      return stateOf(right(await T.run(fit)(environment)()));
    };
    const [whole, half] = [await train(4), await train(2)];
    expect(Object.keys(half.slots).length).toBeGreaterThan(0);
    const file = right(State.encodeState(half));
    const read = right(State.decode(file));
    if (read._tag !== 'State') throw new Error('expected a state');
    expect(stateBits(await train(4, read.state))).toEqual(stateBits(whole));
  });
});
