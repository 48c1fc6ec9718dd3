/**
 * Schedules, groups and averages in runs: the training graph computes every step's rate.
 */
import { pipe } from 'fp-ts/lib/function.js';
import { afterAll, describe, expect, it } from 'vitest';
import { Callback as C, Data as D, Layer as L, Loss, Optimizer, Schedule, Training as T } from '../../src/index.ts';
import type { Event } from '../../src/training/Event.ts';
import { bits, noise, right, runtime, stateOf, watching, world } from '../training/support.ts';

const shared = runtime();
afterAll(shared.close);

const model = L.model(L.input([2]), L.dense(3, { activation: 'tanh' }), L.named('head', L.dense(1)));
const data = right(D.dataset({ x: D.floats([2], noise(40)), y: D.floats([1], noise(20, 2)) }));
const objective = (optimizer: Optimizer.Optimizer) => T.compile(model, { loss: Loss.meanSquaredError(), optimizer });

const learningRate = Schedule.warmUp({ steps: 3, from: 0.01 })(
  Schedule.cosineDecay({ initialLearningRate: 0.2, decaySteps: 9 }),
);

const rate = Schedule.at(learningRate);
const settings = { data, epochs: 3, batchSize: 4, verbose: 0, shuffle: false } as const;

describe('a schedule', () => {
  it('gives each step of a chunk its own rate', async () => {
    const train = (stepsPerRun: number, optimizer: Optimizer.Optimizer) =>
      T.run(T.fit(objective(optimizer), { ...settings, stepsPerRun }))(world(shared).environment)();
    const scheduled = Optimizer.sgd({ learningRate });
    const [single, chunked] = [right(await train(1, scheduled)), right(await train(5, scheduled))];
    expect(bits(chunked.weights)).toEqual(bits(single.weights));
    // The same rates, each set by hand before its step.
    const byHand = pipe(
      T.fit(objective(Optimizer.sgd({ learningRate: rate(0) })), { ...settings, stepsPerRun: 1 }),
      watching((e) => (e._tag === 'StepEnded' ? [{ _tag: 'SetLearningRate', value: rate(e.globalStep) }] : undefined)),
    );
    const manual = right(await T.run(byHand)(world(shared).environment)());
    for (const [name, { data }] of Object.entries(manual.weights))
      Array.from(data as Float32Array).forEach((x, i) => {
        expect(single.weights[name]?.data[i]).toBeCloseTo(x, 5);
      });
  });

  it('goes on where it was after a resume', async () => {
    const of = objective(Optimizer.adam({ learningRate, useEma: true }));
    const whole = right(await T.run(T.fit(of, settings))(world(shared).environment)());
    const first = right(await T.run(T.fit(of, { ...settings, epochs: 1 }))(world(shared).environment)());
    const rest = right(await T.run(T.fit(of, { ...settings, from: stateOf(first) }))(world(shared).environment)());
    expect(bits(stateOf(rest).weights)).toEqual(bits(stateOf(whole).weights));
    expect(bits(stateOf(rest).slots)).toEqual(bits(stateOf(whole).slots));
  });

  it('is what events tell, and what a callback does to the rate is a factor that stays', async () => {
    const seen: Event[] = [];
    const halving = pipe(
      T.fit(objective(Optimizer.sgd({ learningRate })), settings),
      watching((e) => {
        seen.push(e);
        return e._tag === 'EpochEnded' && e.epoch === 0
          ? [{ _tag: 'SetLearningRate', value: e.learningRate / 2 }]
          : undefined;
      }),
      C.learningRateScheduler((_, now) => now),
    );
    const trained = right(await T.run(halving)(world(shared).environment)());
    const told = seen.flatMap((e) => (e._tag === 'EpochStarted' || e._tag === 'EpochEnded' ? [e.learningRate] : []));
    const expected = [rate(0), rate(4), rate(5) / 2, rate(9) / 2, rate(10) / 2, rate(14) / 2];
    told.forEach((r, i) => {
      expect(r).toBeCloseTo(expected[i] as number, 7);
    });
    expect(seen.filter((e) => e._tag === 'LearningRateChanged').length).toBe(1);
    expect(stateOf(trained).learningRate).toBe(0.5);
    expect(trained.history.logs.learning_rate?.[0]).toBeCloseTo(rate(4), 7);
  });
});

it('groups follow their own optimizers', async () => {
  const optimizer = Optimizer.groups({ head: 0 })(Optimizer.sgd({ learningRate: 0.1 }));
  const before = right(T.untrained(0)(objective(optimizer)));
  const after = right(await T.run(T.fit(objective(optimizer), settings))(world(shared).environment)());
  const [old, now] = [bits(before.weights), bits(after.weights)];
  expect(Object.keys(now).filter((name) => now[name] === old[name])).toEqual(['head.kernel', 'head.bias']);
});

it('averages are in the train state', async () => {
  const optimizer = Optimizer.sgd({ learningRate: 0.1, useEma: true, emaMomentum: 0 });
  const trained = right(await T.run(T.fit(objective(optimizer), settings))(world(shared).environment)());
  const { weights, slots } = stateOf(trained);
  const averages = Optimizer.averaged(optimizer)(weights, slots);
  expect(Object.values(slots).length).toBe(4);
  // With momentum 0 the average is the last weights; it is another array.
  for (const [name, { data }] of Object.entries(averages)) {
    expect(data).toEqual(weights[name]?.data);
    expect(data).not.toBe(weights[name]?.data);
  }
});
