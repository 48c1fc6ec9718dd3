/** What callbacks ask for happens, in its order, before the next step; and nothing is left behind, whatever happens. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as t from 'io-ts';
import { afterAll, describe, expect, it } from 'vitest';
import { Callback as C, Training as T } from '../../src/index.ts';
import type { Directive, Event } from '../../src/training/Event.ts';
import * as State from '../../src/training/State.ts';
import { bits, counted, flowers, left, objective, right, runtime, stateOf, watching, world } from './support.ts';

const shared = runtime();
afterAll(shared.close);

const data = flowers(10);
const validation = flowers(5, 2);

/** Runs with one callback; every event that comes, without its time. */
const steer = async (ask: (e: Event) => readonly Directive[] | undefined, settings: T.FitSettings = {}) => {
  const seen: Event[] = [];
  const here = world(shared);
  const fit = pipe(
    T.fit(objective, { data, validation, epochs: 2, batchSize: 4, verbose: 0, stepsPerRun: 1, ...settings }),
    watching((e) => {
      seen.push(e);
      return ask(e);
    }),
  );
  const result = await T.run(fit)(here.environment)();
  return { seen, result, files: here.files, tags: seen.map((e) => e._tag) };
};

const at =
  (epoch: number, step: number, ...directives: Directive[]) =>
  (e: Event) =>
    e._tag === 'StepEnded' && e.epoch === epoch && e.step === step ? directives : undefined;

const just = <Tag extends Event['_tag']>(events: readonly Event[], tag: Tag) =>
  events.filter((e): e is Extract<Event, { readonly _tag: Tag }> => e._tag === tag);

describe('without directives', () => {
  it('events come in their order', async () => {
    const { tags } = await steer(() => undefined);
    const epoch = [
      'EpochStarted',
      'StepEnded',
      'StepEnded',
      'StepEnded',
      'ValidationStarted',
      'ValidationEnded',
      'EpochEnded',
    ];
    expect(tags).toEqual(['RunStarted', ...epoch, ...epoch, 'RunEnded']);
  });
});

describe('SetLearningRate', () => {
  it('is told of, and the next step uses it', async () => {
    const still = await steer(at(0, 0, { _tag: 'SetLearningRate', value: 0 }));
    const [changed] = just(still.seen, 'LearningRateChanged');
    expect(changed).toMatchObject({ from: Math.fround(0.01), to: 0 });
    expect(still.tags.slice(0, 5)).toEqual([
      'RunStarted',
      'EpochStarted',
      'StepEnded',
      'LearningRateChanged',
      'StepEnded',
    ]);
    // From then on no step changes a trained weight: the run ends with what it had after that one step.
    const one = await steer(at(0, 0, { _tag: 'HaltRun', reason: 'enough' }));
    const [a, b] = [bits(right(still.result).weights), bits(right(one.result).weights)];
    for (const name of ['dense.kernel', 'dense_1.bias', 'batch_normalization.gamma']) expect(a[name]).toBe(b[name]);
    expect(stateOf(right(still.result)).learningRate).toBe(0);
  });

  it('to the same rate is no event', async () => {
    const { seen } = await steer(at(0, 0, { _tag: 'SetLearningRate', value: Math.fround(0.01) }));
    expect(just(seen, 'LearningRateChanged')).toEqual([]);
  });

  it("at an epoch's last step is not the rate of that epoch", async () => {
    const { seen } = await steer(at(0, 2, { _tag: 'SetLearningRate', value: 0.5 }));
    expect(just(seen, 'EpochEnded').map((e) => e.learningRate)).toEqual([Math.fround(0.01), 0.5]);
    expect(just(seen, 'EpochStarted').map((e) => e.learningRate)).toEqual([Math.fround(0.01), 0.5]);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -1])('to %d is an error of the callback', async (value) => {
    const { result } = await steer(at(0, 0, { _tag: 'SetLearningRate', value }));
    expect(left(result)).toMatchObject({ _tag: 'CallbackError', key: 'watching' });
    expect(left(result).message).toContain(`set the learning rate to ${value}`);
  });
});

describe('Save', () => {
  it('of weights and of the state makes files, and tells of each', async () => {
    const { seen, tags, files, result } = await steer((e) =>
      e._tag === 'EpochEnded' && e.epoch === 0
        ? [
            { _tag: 'Save', path: 'w.safetensors', what: 'weights' },
            { _tag: 'Save', path: 's.safetensors', what: 'state' },
          ]
        : undefined,
    );
    expect(just(seen, 'CheckpointSaved').map((e) => e.path)).toEqual(['w.safetensors', 's.safetensors']);
    expect(tags.slice(7, 11)).toEqual(['EpochEnded', 'CheckpointSaved', 'CheckpointSaved', 'EpochStarted']);
    const read = (path: string) => right(State.decode(files.get(path) ?? new Uint8Array()));
    const [weights, state] = [read('w.safetensors'), read('s.safetensors')];
    expect([weights._tag, state._tag]).toEqual(['Weights', 'State']);
    expect(bits(State.weightsOf(weights))).toEqual(bits(State.weightsOf(state)));
    expect(bits(State.weightsOf(weights))).not.toEqual(bits(right(result).weights));
    expect(state).toMatchObject({ state: { epoch: 1, step: 3, seed: 0, threads: 1, history: { epochs: [0] } } });
  });

  it('comes last: what was asked for after it is in the file', async () => {
    const { files } = await steer((e) =>
      e._tag === 'EpochEnded' && e.epoch === 0
        ? [
            { _tag: 'Save', path: 's', what: 'state' },
            { _tag: 'SetLearningRate', value: 0.25 },
            { _tag: 'Remember', slot: 'kept' },
          ]
        : undefined,
    );
    const read = right(State.decode(files.get('s') ?? new Uint8Array()));
    expect(read).toMatchObject({ _tag: 'State', state: { learningRate: 0.25 } });
    expect(read._tag === 'State' && bits(read.state.remembered.kept ?? {})).toEqual(bits(State.weightsOf(read)));
  });
});

describe('halting', () => {
  it('an epoch leaves its other steps out; it is validated and ends', async () => {
    const { tags, seen, result } = await steer(at(0, 0, { _tag: 'HaltEpoch' }));
    expect(tags).toEqual([
      ...['RunStarted', 'EpochStarted', 'StepEnded', 'ValidationStarted', 'ValidationEnded', 'EpochEnded'],
      ...[
        'EpochStarted',
        'StepEnded',
        'StepEnded',
        'StepEnded',
        'ValidationStarted',
        'ValidationEnded',
        'EpochEnded',
        'RunEnded',
      ],
    ]);
    expect(just(seen, 'RunEnded')[0]).toMatchObject({ epochs: 2, halted: undefined });
    expect(stateOf(right(result)).step).toBe(4);
  });

  it('the run in the middle of an epoch ends it there, with the reason', async () => {
    const { tags, seen, result } = await steer(at(0, 1, { _tag: 'HaltRun', reason: 'enough' }));
    expect(tags).toEqual([
      ...[
        'RunStarted',
        'EpochStarted',
        'StepEnded',
        'StepEnded',
        'ValidationStarted',
        'ValidationEnded',
        'EpochEnded',
        'RunEnded',
      ],
    ]);
    expect(just(seen, 'RunEnded')[0]).toMatchObject({ epochs: 1, halted: 'enough' });
    expect(right(result).history.epochs).toEqual([0]);
    expect(stateOf(right(result))).toMatchObject({ step: 2, epoch: 1 });
  });

  it('the first reason counts', async () => {
    const { seen } = await steer(at(0, 1, { _tag: 'HaltRun', reason: 'first' }, { _tag: 'HaltRun', reason: 'second' }));
    expect(just(seen, 'RunEnded')[0]?.halted).toBe('first');
  });

  it('before the first step of an epoch leaves its means out', async () => {
    const { seen } = await steer((e) =>
      e._tag === 'EpochStarted' && e.epoch === 1 ? [{ _tag: 'HaltEpoch' }] : undefined,
    );
    expect(just(seen, 'EpochEnded').map((e) => Object.keys(e.logs))).toEqual([
      ['accuracy', 'loss', 'val_accuracy', 'val_loss'],
      ['val_accuracy', 'val_loss'],
    ]);
  });

  it('at the start trains nothing', async () => {
    const { tags, result } = await steer((e) =>
      e._tag === 'RunStarted' ? [{ _tag: 'HaltRun', reason: 'no' }] : undefined,
    );
    expect(tags).toEqual(['RunStarted', 'RunEnded']);
    expect(bits(right(result).weights)).toEqual(bits(right(T.untrained(0)(objective)).weights));
  });

  it('takes effect after the steps of one run', async () => {
    const { seen, result } = await steer(at(0, 0, { _tag: 'HaltRun', reason: 'enough' }), { stepsPerRun: 3 });
    expect(just(seen, 'StepEnded')).toHaveLength(1);
    expect(stateOf(right(result)).step).toBe(3);
  });
});

describe('Restore', () => {
  it('at the end of the run brings remembered weights back', async () => {
    const seen: Readonly<Record<string, string>>[] = [];
    const here = world(shared);
    const fit = pipe(
      T.fit(objective, { data, epochs: 3, batchSize: 4, verbose: 0 }),
      watching((e) =>
        e._tag === 'EpochEnded' && e.epoch === 0
          ? [
              { _tag: 'Remember', slot: 'first' },
              { _tag: 'Save', path: 'first', what: 'weights' },
            ]
          : e._tag === 'RunEnded'
            ? [{ _tag: 'Restore', slot: 'first' }]
            : undefined,
      ),
    );
    const trained = right(await T.run(fit)(here.environment)());
    seen.push(bits(State.weightsOf(right(State.decode(here.files.get('first') ?? new Uint8Array())))));
    expect(bits(trained.weights)).toEqual(seen[0]);
    expect(bits(stateOf(trained).weights)).toEqual(seen[0]);
    expect(trained.history.epochs).toEqual([0, 1, 2]);
  });

  it('in the middle of a run goes on from there', async () => {
    const { result } = await steer((e) =>
      e._tag === 'EpochStarted' && e.epoch === 0
        ? [{ _tag: 'Remember', slot: 'start' }]
        : e._tag === 'EpochEnded'
          ? [{ _tag: 'Restore', slot: 'start' }]
          : undefined,
    );
    expect(bits(right(result).weights)).toEqual(bits(right(T.untrained(0)(objective)).weights));
  });

  it('of what was never remembered is an error of the callback', async () => {
    const { result } = await steer((e) => (e._tag === 'RunEnded' ? [{ _tag: 'Restore', slot: 'ghost' }] : undefined));
    expect(left(result)).toMatchObject({ _tag: 'CallbackError', key: 'watching' });
    expect(left(result).message).toContain("'ghost', which was not remembered; there are none");
  });
});

describe('after any end', () => {
  const ends = async (
    fails: (what: string, nth: number) => boolean,
    ask: (e: Event) => readonly Directive[] | undefined = () => undefined,
  ) => {
    const watched = counted(shared, fails);
    const fit = pipe(T.fit(objective, { data, validation, batchSize: 4, verbose: 0, stepsPerRun: 1 }), watching(ask));
    const result = await T.run(fit)(world(watched.runtime).environment)();
    return { result, live: watched.live() };
  };
  const nothing = { sessions: 0, residents: 0 };

  it('nothing stays in the runtime: success', async () => {
    const { result, live } = await ends(() => false);
    expect(E.isRight(result)).toBe(true);
    expect(live).toEqual(nothing);
  });

  it.each([
    ['load', 1],
    ['load', 2],
    ['upload', 1],
    ['upload', 2],
    ['run', 1],
    ['run', 3],
    ['run', 4],
    ['download', 1],
  ] as const)('nothing stays in the runtime: %s %i fails', async (what, nth) => {
    const { result, live } = await ends((w, n) => w === what && n === nth);
    expect(left(result)).toMatchObject({ _tag: 'RuntimeError', stage: what });
    expect(live).toEqual(nothing);
  });

  it('nothing stays in the runtime: a callback fails or throws', async () => {
    for (const tag of ['RunStarted', 'StepEnded', 'EpochEnded', 'RunEnded']) {
      const { result, live } = await ends(
        () => false,
        (e) => {
          if (e._tag === tag) throw new Error(`no ${tag}`);
          return undefined;
        },
      );
      expect(left(result)).toMatchObject({ _tag: 'CallbackError', reason: 'Failed', message: `watching: no ${tag}` });
      expect(live).toEqual(nothing);
    }
  });

  it('a state that cannot be encoded is an error, not a throw', async () => {
    const watched = counted(shared);
    const codec = new t.Type<number, number, unknown>('Broken', t.number.is, t.number.validate, () => {
      throw new Error('no JSON for this');
    });
    const broken = C.custom({ key: 'broken', codec, initial: 0, step: (n) => RTE.right([n + 1, []]) });
    const fit = pipe(T.fit(objective, { data, verbose: 0 }), broken);
    const error = left(await T.run(fit)(world(watched.runtime).environment)());
    expect(error.message).toContain('no JSON for this');
    expect(watched.live()).toEqual(nothing);
  });
});
