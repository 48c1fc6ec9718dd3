/** What an epoch is, and when there is a validation. */
import { pipe } from 'fp-ts/lib/function.js';
import { afterAll, describe, expect, it } from 'vitest';
import { Training as T } from '../../src/index.ts';
import type { Event } from '../../src/training/Event.ts';
import { bits, flowers, left, objective, right, runtime, watching, world } from './support.ts';

const shared = runtime();
afterAll(shared.close);
const data = flowers(22);

const train = async (settings: T.FitSettings) => {
  const events: Event[] = [];
  const here = world(shared);
  const run = pipe(
    T.fit(objective, { data, validation: flowers(9, 2), epochs: 4, batchSize: 4, verbose: 0, ...settings }),
    watching((e) => {
      events.push(e);
      return undefined;
    }),
  );
  const trained = right(await T.run(run)(here.environment)());
  const steps = events.flatMap((e) => (e._tag === 'StepEnded' ? [[e.epoch, e.samples]] : []));
  const perEpoch = trained.history.epochs.map((epoch) => steps.filter(([e]) => e === epoch).length);
  const validated = events.flatMap((e, i) =>
    e._tag === 'ValidationEnded' ? [events.slice(0, i).filter((b) => b._tag === 'StepEnded').length] : [],
  );
  return { trained, events, perEpoch, validated, said: here.written.join('') };
};

const failing = async (settings: T.FitSettings) =>
  left(await T.run(T.fit(objective, { data, verbose: 0, ...settings }))(world(shared).environment)()).message;

describe('stepsPerEpoch', () => {
  it('goes through the data over the borders of epochs; one that comes to their end is shorter, as in Keras', async () => {
    const short = await train({ stepsPerEpoch: 4, verbose: 2 });
    expect(short.perEpoch).toEqual([4, 2, 4, 2]);
    expect(short.said).toContain('which is no multiple of stepsPerEpoch: 4');
    const two = await train({ epochs: 2 });
    expect(bits(short.trained.weights)).toEqual(bits(two.trained.weights));
    expect((await train({ stepsPerEpoch: 3, verbose: 2 })).said).not.toContain('Warning');
  });

  it('more than there are: with repeatData they begin anew, in another order', async () => {
    expect((await train({ stepsPerEpoch: 8 })).perEpoch).toEqual([6, 6, 6, 6]);
    const endless = await train({ stepsPerEpoch: 9, epochs: 2, repeatData: true });
    expect(endless.perEpoch).toEqual([9, 9]);
    expect(bits(endless.trained.weights)).toEqual(bits((await train({ epochs: 3 })).trained.weights));
  });

  it('decides the size of batches, unless that is given', async () => {
    const { events } = await train({ stepsPerEpoch: 5, ...({ batchSize: undefined } as object) });
    expect(events[0]).toMatchObject({ batchSize: 5, stepsPerEpoch: 5 });
  });

  it('must make sense', async () => {
    expect(await failing({ stepsPerEpoch: 0 })).toContain('stepsPerEpoch must be a positive integer, got 0');
    expect(await failing({ repeatData: true })).toContain('needs stepsPerEpoch');
    expect(await failing({ initialEpoch: -1 })).toContain('initialEpoch must be a whole number, 0 or more');
  });
});

describe('validationFreq', () => {
  it('every n epochs, at listed ones, or every n steps', async () => {
    expect((await train({})).validated).toEqual([6, 12, 18, 24]);
    const second = await train({ validationFreq: 2 });
    expect(second.validated).toEqual([12, 24]);
    expect(second.trained.history.logs.val_loss?.map((v) => v === null)).toEqual([true, false, true, false]);
    expect((await train({ validationFreq: [1, 4] })).validated).toEqual([6, 24]);
    for (const stepsPerRun of [1, 4, 'auto'] as const) {
      const steps = await train({ validationFreq: { steps: 5 }, stepsPerRun });
      expect(steps.validated).toEqual([5, 10, 15, 20]);
    }
  });

  it('changes nothing but what is known', async () => {
    const [a, b] = [await train({}), await train({ validationFreq: { steps: 4 } })];
    expect(bits(a.trained.weights)).toEqual(bits(b.trained.weights));
  });

  it('must make sense', async () => {
    expect(await failing({ validationFreq: 0 })).toContain('validationFreq must be a positive integer, got 0');
    expect(await failing({ validationFreq: [0] })).toContain('each epoch, counted from 1, must be a positive integer');
    expect(await failing({ validationFreq: { steps: 1.5 } })).toContain(
      'validationFreq: steps must be a positive integer',
    );
  });
});

it('initialEpoch skips epochs, with their shuffles', async () => {
  const late = await train({ initialEpoch: 2 });
  expect(late.trained.history.epochs).toEqual([2, 3]);
  expect((await train({ initialEpoch: 9 })).trained.history.epochs).toEqual([]);
});
