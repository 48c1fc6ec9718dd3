/** Training is a function of its arguments: the same bits each time, however the steps are grouped into runs. */
import { pipe } from 'fp-ts/lib/function.js';
import { afterAll, describe, expect, it } from 'vitest';
import * as History from '../../src/callback/History.ts';
import { Layer as L, Loss, Optimizer, Training as T } from '../../src/index.ts';
import type { Event } from '../../src/training/Event.ts';
import { bits, flowers, objective, right, runtime, stateBits, stateOf, watching, world } from './support.ts';

const shared = runtime();
afterAll(shared.close);
const data = flowers(22);
const validation = flowers(9, 2);

const train = async (settings: T.FitSettings) => {
  const here = world(shared);
  const fit = T.fit(objective, { data, validation, epochs: 3, batchSize: 4, verbose: 0, ...settings });
  return { ...right(await T.run(fit)(here.environment)()), written: here.written };
};

/** The events of a run, with everything but the time. */
const watch = async (settings: T.FitSettings): Promise<readonly Event[]> => {
  const seen: Event[] = [];
  const fit = pipe(
    T.fit(objective, { data: flowers(10), epochs: 2, batchSize: 4, verbose: 0, ...settings }),
    watching((e) => {
      seen.push({ ...e, time: 0 });
    }),
  );
  right(await T.run(fit)(world(shared).environment)());
  return seen;
};

describe('a seed', () => {
  it('gives the same weights, slots, history and counters each time', async () => {
    const [first, second] = [await train({ seed: 7 }), await train({ seed: 7 })];
    expect(stateBits(stateOf(second))).toEqual(stateBits(stateOf(first)));
    expect(second.history).toEqual(first.history);
    expect(first.history.epochs).toEqual([0, 1, 2]);
  });

  it('decides initial weights, shuffles and dropout: another one gives others', async () => {
    const [first, second] = [await train({ seed: 7 }), await train({ seed: 8 })];
    const [a, b] = [bits(first.weights), bits(second.weights)];
    expect(Object.keys(a)).toEqual(Object.keys(b));
    for (const name of Object.keys(a)) expect(a[name]).not.toBe(b[name]);
  });

  it('is 0 unless given', async () => {
    expect(bits((await train({})).weights)).toEqual(bits((await train({ seed: 0 })).weights));
  });
});

describe('results do not depend', () => {
  it('on how many steps one run makes', async () => {
    const each = await train({ stepsPerRun: 1 });
    for (const stepsPerRun of [3, 6, 100, 'auto'] as const) {
      const other = await train({ stepsPerRun });
      expect(stateBits(stateOf(other))).toEqual(stateBits(stateOf(each)));
      expect(other.history).toEqual(each.history);
    }
  });

  it('on how much is said', async () => {
    const silent = await train({ verbose: 0 });
    expect(silent.written).toEqual([]);
    for (const verbose of [1, 2] as const) {
      const loud = await train({ verbose });
      expect(loud.written.join('')).toContain('val_loss');
      expect(bits(loud.weights)).toEqual(bits(silent.weights));
      expect(loud.history).toEqual(silent.history);
    }
  });

  it('on whether there is validation', async () => {
    const here = world(shared);
    const fit = T.fit(objective, { data, epochs: 3, batchSize: 4, verbose: 0 });
    const without = right(await T.run(fit)(here.environment)());
    const with_ = await train({});
    expect(bits(without.weights)).toEqual(bits(with_.weights));
    expect(Object.keys(without.history.logs)).toEqual(['accuracy', 'loss']);
    expect(Object.keys(with_.history.logs)).toEqual(['accuracy', 'loss', 'val_accuracy', 'val_loss']);
    for (const key of ['accuracy', 'loss'])
      expect(History.points(key)(without.history)).toEqual(History.points(key)(with_.history));
  });
});

describe('batches', () => {
  it('cover every sample: the last one of an epoch is smaller', async () => {
    for (const stepsPerRun of [1, 2, 'auto'] as const) {
      const steps = (await watch({ stepsPerRun })).filter((e) => e._tag === 'StepEnded');
      expect(steps.map(({ epoch, step, globalStep, samples }) => [epoch, step, globalStep, samples])).toEqual([
        [0, 0, 1, 4],
        [0, 1, 2, 8],
        [0, 2, 3, 10],
        [1, 0, 4, 4],
        [1, 1, 5, 8],
        [1, 2, 6, 10],
      ]);
    }
  });

  it('make the same events, whatever the runs', async () => {
    const each = await watch({ stepsPerRun: 1 });
    expect(await watch({ stepsPerRun: 2 })).toEqual(each);
    expect(await watch({ stepsPerRun: 'auto' })).toEqual(each);
    expect(each[0]).toMatchObject({ _tag: 'RunStarted', stepsPerEpoch: 3, batchSize: 4, epochs: 2 });
  });

  it('of other sizes train other weights', async () => {
    expect(bits((await train({ batchSize: 5 })).weights)).not.toEqual(bits((await train({})).weights));
  });

  it('are 32 unless said, or all samples if there are fewer', async () => {
    const here = world(shared);
    const started = async (n: number) => {
      let batchSize = 0;
      const fit = pipe(
        T.fit(objective, { data: flowers(n), verbose: 0 }),
        watching((e) => {
          if (e._tag === 'RunStarted') batchSize = e.batchSize;
        }),
      );
      right(await T.run(fit)(here.environment)());
      return batchSize;
    };
    expect(await started(40)).toBe(32);
    expect(await started(20)).toBe(20);
  });
});

describe('the order of samples', () => {
  // Without randomness in the model, only the order is left to make a difference.
  const plain = T.compile(L.model(L.input([6]), L.dense(3, { activation: 'softmax' })), {
    loss: Loss.sparseCategoricalCrossentropy(),
    optimizer: Optimizer.sgd({ learningRate: 0.5 }),
  });
  const weights = right(T.untrained(3)(plain)).weights;
  const fitted = async (settings: T.FitSettings) => {
    const fit = T.fit(plain, { data: flowers(10), epochs: 2, batchSize: 3, verbose: 0, weights, ...settings });
    return bits(right(await T.run(fit)(world(shared).environment)()).weights);
  };

  it('is that of the data without shuffling, whatever the seed', async () => {
    const kept = await fitted({ shuffle: false, seed: 1 });
    expect(await fitted({ shuffle: false, seed: 2 })).toEqual(kept);
    expect(await fitted({ shuffle: true, seed: 1 })).not.toEqual(kept);
    expect(await fitted({ seed: 1 })).toEqual(await fitted({ shuffle: true, seed: 1 }));
  });

  it('is another one in each epoch and for each seed', async () => {
    expect(await fitted({ seed: 1 })).not.toEqual(await fitted({ seed: 2 }));
    expect(await fitted({ seed: 1, epochs: 1 })).not.toEqual(await fitted({ seed: 2, epochs: 1 }));
  });
});
