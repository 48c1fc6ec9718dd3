/** Streamed data train as the same data in memory do, bit for bit, and a saved run goes on in the middle of them. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { afterAll, describe, expect, it } from 'vitest';
import {
  Data as D,
  DataStream as DS,
  Layer as L,
  Loss,
  Optimizer,
  Stream as S,
  Training as T,
} from '../../src/index.ts';
import type { Event } from '../../src/training/Event.ts';
import {
  bits,
  counted,
  flowers,
  left,
  objective,
  right,
  runtime,
  stateBits,
  stateOf,
  watching,
  world,
} from './support.ts';

const shared = runtime();
afterAll(shared.close);

const data = flowers(14);
const validation = flowers(9, 2);
const SEED = 3;
const inMemory = pipe(data, DS.fromDataset({ batchSize: 4, seed: SEED }));
/** Of unknown size, and read from its beginning to reach a position: as a file is. */
const asFile = DS.fromPasses((pass) => inMemory.open({ pass, at: 0 }));

const settings = { epochs: 3, seed: SEED, verbose: 0, validation } as const;

const seen = (into: Event[]) =>
  watching((event) => {
    into.push({ ...event, time: 0 });
    return undefined;
  }, 'seen');

/** What differs is what a run is told beforehand. */
const comparable = (events: readonly Event[]) => events.filter((e) => e._tag !== 'RunStarted');

const kinds: Readonly<Record<string, T.FitStreamSettings>> = {
  'a pass is an epoch': {},
  'several steps in one go': { stepsPerRun: 3 },
  'steps that are no epochs': { stepsPerEpoch: 3, stepsPerRun: 2 },
  'steps that end where the data end': { stepsPerEpoch: 2 },
  'endless data': { stepsPerEpoch: 7, repeatData: true, stepsPerRun: 5 },
  'weights of classes': { classWeight: { 0: 2, 1: 1, 2: 0.5 } },
};

describe('fitStream', () => {
  it.each(Object.entries(kinds))('gives the events and the bits of fit: %s', async (_, kind) => {
    const events: readonly [Event[], Event[]] = [[], []];
    const whole = pipe(T.fit(objective, { ...settings, ...kind, data, batchSize: 4 }), seen(events[0]), T.run);
    const streams = kind.stepsPerEpoch === undefined ? [inMemory] : [inMemory, asFile];
    const expected = right(await whole(world(shared).environment)());
    for (const batches of streams) {
      events[1].length = 0;
      const run = pipe(T.fitStream(objective, { ...settings, ...kind, data: batches }), seen(events[1]), T.run);
      const streamed = right(await run(world(shared).environment)());
      expect(bits(streamed.weights)).toEqual(bits(expected.weights));
      expect(comparable(events[1])).toEqual(comparable(events[0]));
    }
  });

  it('weighs samples as fit does, by a function of them', async () => {
    const weights = (samples: typeof data) =>
      Array.from(
        { length: samples.size },
        (_, i) => 0.5 * Number(samples.y.data[i]) + Number(samples.x.data[6 * i]) ** 2,
      );
    const whole = T.run(T.fit(objective, { ...settings, data, batchSize: 4, sampleWeight: weights(data) }));
    const expected = right(await whole(world(shared).environment)());
    for (const stepsPerRun of [1, 3]) {
      const fit = T.fitStream(objective, { ...settings, stepsPerRun, data: inMemory, sampleWeight: weights });
      expect(bits(right(await T.run(fit)(world(shared).environment)()).weights)).toEqual(bits(expected.weights));
    }
    const refused = async (options: object) =>
      left(
        await T.run(T.fitStream(objective, { ...settings, data: inMemory, ...options }))(world(shared).environment)(),
      );
    expect((await refused({ sampleWeight: () => [1] })).message).toBe(
      'fitStream: sampleWeight: expects one weight for each of the 4 samples, got 1',
    );
    expect((await refused({ sampleWeight: () => [1, -1, 1, 1] })).message).toBe(
      'fitStream: sampleWeight: expects finite weights, 0 or more; sample 1 has -1',
    );
    const throwing = () => {
      throw new Error('no such column');
    };
    expect((await refused({ sampleWeight: throwing })).message).toBe(
      'fitStream: sampleWeight: the function threw: Error: no such column',
    );
    expect((await refused({ sampleWeight: weights, classWeight: { 0: 2 } })).message).toBe(
      'fitStream: give classWeight or sampleWeight, not both; multiply them into sampleWeight',
    );
  });

  it('goes on from any step, in the middle of a pass', async () => {
    const options = { ...settings, stepsPerEpoch: 5, repeatData: true, stepsPerRun: 1, data: asFile } as const;
    const disk = world(shared);
    const saving = watching((e) =>
      e._tag === 'StepEnded' ? [{ _tag: 'Save', path: `step${e.globalStep}`, what: 'state' }] : undefined,
    );
    const straight = right(await pipe(T.fitStream(objective, options), saving, T.run)(disk.environment)());
    for (const step of [1, 3, 4, 6, 10, 13]) {
      const state = right(await T.loadState(`step${step}`)(disk.environment)());
      expect(state.step).toBe(step);
      const { seed: _, ...rest } = options;
      const resumed = right(
        await pipe(T.fitStream(objective, { ...rest, from: state }), saving, T.run)(world(shared).environment)(),
      );
      expect([step, stateBits(stateOf(resumed))]).toEqual([step, stateBits(stateOf(straight))]);
    }
  });

  it('takes batches of other lengths, one after the other', async () => {
    const model = L.model(
      L.tokens(['seq']),
      L.embedding(10, 4),
      L.permute([2, 1]),
      L.globalAveragePool1d(),
      L.dense(2),
    );
    const words = T.compile(model, {
      loss: Loss.sparseCategoricalCrossentropy({ fromLogits: true }),
      optimizer: Optimizer.sgd({ learningRate: 0.1 }),
    });
    const texts = DS.fromArray([[1, 2], [3], [4, 5, 6, 7], [8, 9, 1], [2]]);
    const batches = pipe(
      texts,
      DS.batch(2),
      DS.mapEither((rows) =>
        D.dataset({
          x: D.ints(['seq'], DS.padded(rows)),
          y: D.ints(
            [],
            rows.map((r) => r.length % 2),
          ),
        }),
      ),
    );
    const trained = await pipe(
      T.fitStream(words, { data: batches, epochs: 2, verbose: 0 }),
      T.run,
    )(world(shared).environment)();
    expect(right(trained).state?.step).toBe(6);
  });

  it('tells what is wrong with the data, and lets go of everything', async () => {
    const { runtime: watched, live } = counted(shared);
    const run = (
      batches: DS.DataStream<unknown, D.DataError, D.Dataset<[6], { readonly int: [] }>>,
      more: T.FitStreamSettings = {},
    ) => pipe(T.fitStream(objective, { ...settings, ...more, data: batches }), T.run)(world(watched).environment)();
    const errorOf = async (...given: Parameters<typeof run>) => left(await run(...given)).message;
    expect(await errorOf(DS.fromArray([]))).toContain('give no batches');
    expect(await errorOf(asFile)).toContain('give stepsPerEpoch');
    const broken = D.take(0)(data);
    expect(await errorOf(DS.fromEither(E.isLeft(broken) ? broken : E.right(inMemory)), { stepsPerEpoch: 1 })).toContain(
      'take',
    );
    const empty = pipe(
      asFile,
      DS.filter(() => false),
    );
    expect(await errorOf(empty, { stepsPerEpoch: 1 })).toContain('give no batches');
    const late = pipe(
      inMemory,
      DS.mapEither((b) => (b.size < 4 ? D.take(9)(b) : E.right(b))),
    );
    expect(await errorOf(late, { stepsPerRun: 1 })).toContain('take: expected an integer from 1 to 2');
    const wild = right(D.dataset({ x: D.floats([6], [0, 0, 0, 0, 0, 0]), y: D.ints([], [7]) }));
    expect(await errorOf(pipe(inMemory, DS.concat(DS.fromArray([wild]))))).toContain('has 7');
    const bytes = right(D.dataset({ x: D.bytes([6], [0, 0, 0, 0, 0, 0]), y: D.ints([], [1]) }));
    expect(await errorOf(pipe(inMemory, DS.concat(DS.fromArray([bytes]))))).toContain('make all batches alike');
    expect(live()).toEqual({ sessions: 0, residents: 0 });
  });

  it('closes the source at the end of a run that stops early', async () => {
    let open = 0;
    const watchedStream = DS.fromPasses((pass) =>
      S.fromGenerator<unknown, D.DataError, D.Dataset<[6], { readonly int: [] }>>(async function* () {
        open++;
        try {
          yield* inMemory.open({ pass, at: 0 })(undefined);
        } finally {
          open--;
        }
      }),
    );
    const options = { ...settings, epochs: 1, stepsPerEpoch: 2, data: watchedStream } as const;
    right(await pipe(T.fitStream(objective, options), T.run)(world(shared).environment)());
    expect(open).toBe(0);
    const other = T.compile(L.model(L.input([5]), L.dense(3)), {
      loss: Loss.sparseCategoricalCrossentropy({ fromLogits: true }),
      optimizer: Optimizer.sgd({ learningRate: 0.1 }),
    });
    // @ts-expect-error: the compiler checks batches against the model
    const wrong = T.fitStream(other, { data: inMemory });
    expect(left(await T.run(wrong)(world(shared).environment)()).message).toContain("the model's input is [5]");
  });
});
