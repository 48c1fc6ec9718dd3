/**
 * A state can be saved after any event of a run. From each of them, read from its file, the run gives the events that come
 * next, and ends with the same bits: weights, slots, callback states, history.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as t from 'io-ts';
import { afterAll, describe, expect, it } from 'vitest';
import { Callback as C, Loss, Metric, Optimizer, Schedule, Training as T } from '../../src/index.ts';
import type { Directive, Event } from '../../src/training/Event.ts';
import * as State from '../../src/training/State.ts';
import { bits, flowers, network, objective, right, runtime, stateBits, stateOf, world } from './support.ts';

const shared = runtime();
afterAll(shared.close);

const data = flowers(14);
const validation = flowers(9, 2);

type Ask = (event: Event, nth: number) => readonly Directive[];

/** Counts the events it has seen, in a state that is kept: an event that is told twice, or never, shows. */
const counting = (ask: Ask) =>
  C.custom({
    key: 'counting',
    codec: t.number,
    initial: 0,
    step: (n, event) => RTE.right(event._tag === 'RunStarted' ? [n, []] : [n + 1, ask(event, n)]),
  });

const seen = (into: Event[]) =>
  C.onEvent((event) => () => async () => {
    into.push({ ...event, time: 0 });
    return E.right([]);
  });

interface Kind {
  readonly settings: T.FitSettings;
  readonly objective?: typeof objective;
  readonly ask?: Ask;
}

const kinds: Readonly<Record<string, Kind>> = {
  'one step at a time': { settings: { stepsPerRun: 1 } },
  'several steps in one go': { settings: { stepsPerRun: 4 } },
  'as many steps as it likes': { settings: { stepsPerRun: 'auto' } },
  'steps that are no epochs': { settings: { stepsPerRun: 2, stepsPerEpoch: 4, batchSize: 5 } },
  'endless data': { settings: { stepsPerRun: 3, stepsPerEpoch: 8, repeatData: true } },
  'validation every few steps': { settings: { stepsPerRun: 'auto', validationFreq: { steps: 4 } } },
  'validation every second epoch': { settings: { stepsPerRun: 'auto', validationFreq: 2 } },
  'no shuffling, from a later epoch': { settings: { stepsPerRun: 2, shuffle: false, initialEpoch: 1 } },
  'halted epochs': {
    settings: { stepsPerRun: 1 },
    ask: (e) => (e._tag === 'StepEnded' && e.step === 2 && e.epoch < 2 ? [{ _tag: 'HaltEpoch' }] : []),
  },
  'halted in the middle of several steps': {
    settings: { stepsPerRun: 4 },
    ask: (e) => (e._tag === 'StepEnded' && e.step === 1 && e.epoch === 1 ? [{ _tag: 'HaltEpoch' }] : []),
  },
  'a halted run': {
    settings: { stepsPerRun: 1, epochs: 5 },
    ask: (e) => (e._tag === 'StepEnded' && e.globalStep === 8 ? [{ _tag: 'HaltRun', reason: 'enough' }] : []),
  },
  'a schedule, and a callback that changes the rate': {
    settings: { stepsPerRun: 1 },
    objective: T.compile(network, {
      loss: Loss.sparseCategoricalCrossentropy(),
      optimizer: Optimizer.adam({
        learningRate: Schedule.exponentialDecay({ initialLearningRate: 0.02, decaySteps: 5, decayRate: 0.7 }),
      }),
      metrics: [Metric.sparseCategoricalAccuracy({ name: 'accuracy' })],
    }),
    ask: (e) =>
      e._tag === 'StepEnded' && e.globalStep % 4 === 0 ? [{ _tag: 'SetLearningRate', value: 0.01 / e.globalStep }] : [],
  },
  'weights that are remembered and put back': {
    settings: { stepsPerRun: 1 },
    ask: (e) =>
      e._tag === 'EpochStarted'
        ? [{ _tag: 'Remember', slot: 'start' }]
        : e._tag === 'EpochEnded' && e.epoch === 1
          ? [{ _tag: 'Restore', slot: 'start' }]
          : [],
  },
  'metrics that are sums': {
    settings: { stepsPerRun: 2 },
    objective: T.compile(network, {
      loss: Loss.sparseCategoricalCrossentropy(),
      optimizer: Optimizer.sgd({ learningRate: 0.05, momentum: 0.9, useEma: true }),
      metrics: [
        Metric.sparseCategoricalAccuracy({ name: 'accuracy' }),
        Metric.sparseTopKCategoricalAccuracy({ k: 2, name: 'a/b%' }),
      ],
    }) as unknown as typeof objective,
  },
};

/** What differs in a resumed run: how many epochs ended in it. */
const comparable = (events: readonly Event[]) =>
  events.filter((e) => e._tag !== 'RunStarted').map((e) => (e._tag === 'RunEnded' ? { ...e, epochs: 0 } : e));

const start = (kind: Kind, ask: Ask, from: T.TrainState | undefined, into: Event[], resuming: string | undefined) => {
  const { initialEpoch, ...settings } = kind.settings;
  const fit = pipe(
    T.fit(kind.objective ?? objective, {
      data,
      validation,
      epochs: 3,
      batchSize: 4,
      verbose: 0,
      seed: 3,
      ...(from === undefined && initialEpoch !== undefined ? { initialEpoch } : {}),
      ...settings,
      ...(from === undefined ? {} : { from }),
    }),
    C.reduceLROnPlateau({ monitor: 'loss', factor: 0.5, patience: 1, minDelta: 0.2 }),
    counting((event, nth) => [...(kind.ask?.(event, nth) ?? []), ...ask(event, nth)]),
    seen(into),
  );
  return resuming === undefined ? fit : pipe(fit, T.resume(resuming));
};

describe.each(Object.entries(kinds))('%s', (_, kind) => {
  it('goes on from after every event', async () => {
    const here = world(shared);
    // What was saved between the steps of one run of onnxruntime was saved after the last of them.
    const path = (nth: number) => `${nth}.safetensors`;
    const events: Event[] = [];
    const saving: Ask = (event, nth) =>
      // How many steps are made in one go depends on the time they take, and so does when a save between them happens.
      event._tag === 'CheckpointSaved' ||
      event._tag === 'RunEnded' ||
      (kind.settings.stepsPerRun === 'auto' && event._tag === 'StepEnded')
        ? []
        : [{ _tag: 'Save', path: path(nth), what: 'state' }];
    const whole = right(await T.run(start(kind, saving, undefined, events, undefined))(here.environment)());
    const all = comparable(events);
    // The first kind from each of its events, the others from every second one.
    const files = [...here.files.entries()].filter((_, i) => kind === kinds['one step at a time'] || i % 2 === 0);
    expect(files.length).toBeGreaterThan(4);
    for (const [name, bytes] of files) {
      const decoded = right(State.decode(bytes));
      if (decoded._tag !== 'State') throw new Error('expected a state');
      const later: Event[] = [];
      const there = world(shared);
      there.files.set(name, bytes);
      const rest = right(await T.run(start(kind, saving, undefined, later, name))(there.environment)());
      const told = comparable(later);
      expect(told, name).toEqual(all.slice(all.length - told.length));
      expect(stateBits(stateOf(rest)), name).toEqual(stateBits(stateOf(whole)));
      expect(bits(rest.weights), name).toEqual(bits(whole.weights));
      expect(rest.history, name).toEqual(whole.history);
    }
  });
});

describe('a state within an epoch', () => {
  const within = async () => {
    const here = world(shared);
    const ask: Ask = (e) =>
      e._tag === 'StepEnded' && e.globalStep === 7 ? [{ _tag: 'Save', path: 's', what: 'state' }] : [];
    right(await T.run(start({ settings: { stepsPerRun: 1 } }, ask, undefined, [], undefined))(here.environment)());
    return right(await T.loadState('s')(here.environment)());
  };
  const go = (from: T.TrainState, settings: T.FitSettings & { readonly data?: typeof data } = {}) =>
    T.run(T.fit(objective, { data, epochs: 3, batchSize: 4, verbose: 0, from, ...settings }))(
      world(shared).environment,
    )();

  it('says where it is', async () => {
    const { position } = await within();
    expect(position).toMatchObject({
      cursor: { pass: 1, at: 12 },
      visited: { size: 14, batchSize: 4, shuffle: true },
      within: { totals: { steps: 3, samples: 12 }, halted: false },
      pending: [{ _tag: 'CheckpointSaved', path: 's' }],
    });
  });

  it('is refused for other data, other batches or another order, with what helps', async () => {
    const state = await within();
    for (const other of [{ batchSize: 5 }, { data: flowers(23) }, { shuffle: false }]) {
      const result = await go(state, other);
      expect(E.isLeft(result) && result.left.message).toMatch(
        /saved within epoch 2, in batches of 4 of 14 samples, shuffled; this run has .*T.fromEpochStart/,
      );
    }
    const again = right(await go(T.fromEpochStart(state), { data: flowers(23) }));
    expect(again.history.epochs).toEqual([0, 1, 2]);
    expect(stateOf(again).step).toBe(7 + 2 * 6);
  });
});

it('is refused for an epoch of another number', async () => {
  const done = right(await T.run(T.fit(objective, { data, verbose: 0 }))(world(shared).environment)());
  const other = T.fit(objective, { data, epochs: 3, verbose: 0, initialEpoch: 2, from: stateOf(done) });
  const result = await T.run(other)(world(shared).environment)();
  expect(E.isLeft(result) && result.left.message).toContain('has 1 epochs behind it, initialEpoch is 2');
});
