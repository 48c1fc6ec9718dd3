/** Programs on streamed and on endless data: the bits of the same data in memory, from wherever they go on. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import { afterAll, describe, expect, expectTypeOf, it } from 'vitest';
import {
  Callback as C,
  Data as D,
  DataStream as DS,
  Program as P,
  Stream as S,
  type Training as T,
} from '../../src/index.ts';
import {
  bits,
  flowers,
  left,
  noise,
  objective,
  right,
  runtime,
  stateBits,
  stateOf,
  type World,
  world,
} from './support.ts';

const shared = runtime();
afterAll(shared.close);
const SEED = 3;
const data = flowers(14);
const other = flowers(11, 5);
const validation = flowers(9, 2);
const batches = (of: typeof data) => pipe(of, DS.fromDataset({ batchSize: 4, seed: SEED }));
/** Of unknown size. */
const endless = DS.fromPasses((pass) => batches(data).open({ pass, at: 0 }));
const base = { validation, verbose: 0, seed: SEED } as const;

const made = ({ weights, state, history }: T.Trained<never, never, never, 'loss' | 'accuracy'>) => {
  const { slots, step } = stateOf({ state });
  return { weights: bits(weights), slots: bits(slots), step, history };
};

type Options = P.RunOptions<unknown, never, never>;
const inMemory = async (program: P.Program, options: Options = {}) =>
  right(
    await pipe(program, P.run(objective, { ...base, batchSize: 4, ...options, data }))(world(shared).environment)(),
  );
const streamed = async (
  program: P.Program,
  options: Options & { readonly data?: typeof endless } = {},
  here: World = world(shared),
) => right(await pipe(program, P.run(objective, { ...base, data: batches(data), ...options }))(here.environment)());

describe('a program on a stream of batches', () => {
  it('gives the bits of the same data in memory', async () => {
    const program = P.sequence(P.freeze('dense')(P.epochs(1)), P.steps(6), P.withLearningRate(0.003)(P.epochs(1)));
    expect(made((await streamed(program as P.Program)) as never)).toEqual(
      made((await inMemory(program as P.Program)) as never),
    );
    const of = (supply: P.Supply<[6], { readonly int: [] }>) =>
      P.sequence(P.epochs(1), P.withData(supply)(P.epochs(2))) as unknown as P.Program;
    expect(made((await streamed(of(batches(other)))) as never)).toEqual(made((await inMemory(of(other))) as never));
  });

  it('has epochs of so many steps where the data are endless', async () => {
    const program = P.sequence(P.epochs(2), P.withSettings({ stepsPerEpoch: 3 })(P.epochs(1)), P.steps(2));
    const settings = { stepsPerEpoch: 7, repeatData: true } as const;
    const whole = await streamed(program as P.Program, { ...settings, data: endless });
    expect(stateOf(whole).step).toBe(7 + 7 + 3 + 2);
    expect(made(whole as never)).toEqual(made((await inMemory(program as P.Program, settings)) as never));
    const untold = await pipe(P.epochs(1), P.run(objective, { ...base, data: endless }))(world(shared).environment)();
    expect(left(untold).message).toContain('give stepsPerEpoch');
  });

  it('goes on in the middle of a part and of a pass', async () => {
    const program = P.sequence(P.freeze('dense')(P.steps(5)), P.epochs(2)) as P.Program;
    const saving = C.on('StepEnded', ({ globalStep }) =>
      RTE.right([{ _tag: 'Save' as const, path: `${globalStep}`, what: 'state' as const }]),
    );
    const options = { data: endless, stepsPerEpoch: 3, repeatData: true, stepsPerRun: 1, callbacks: saving } as const;
    const here = world(shared);
    const whole = await streamed(program, options, here);
    for (const name of ['2', '5', '7', '10']) {
      const there = world(shared);
      there.files.set(name, here.files.get(name) ?? new Uint8Array());
      expect(stateBits(stateOf(await streamed(program, { ...options, resume: name }, there)))).toEqual(
        stateBits(stateOf(whole)),
      );
    }
  });

  it('closes what it reads, also where it fails', async () => {
    let open = 0;
    const watched = DS.fromPasses((pass) =>
      S.bracket(
        RTE.fromIO(() => {
          open += 1;
        }),
        () => batches(data).open({ pass, at: 0 }),
        () =>
          RTE.fromIO(() => {
            open -= 1;
          }),
      ),
    );
    const settings = { ...base, data: watched, stepsPerEpoch: 3, repeatData: true } as const;
    const failing = C.on('EpochEnded', ({ epoch }) =>
      epoch === 1 ? RTE.left(C.callbackError('failing', 'Failed', 'no')) : RTE.right([]),
    );
    const program = P.sequence(P.epochs(1), P.epochs(1));
    right(await pipe(program, P.run(objective, settings))(world(shared).environment)());
    expect(open).toBe(0);
    left(await pipe(program, P.run(objective, { ...settings, callbacks: failing }))(world(shared).environment)());
    right(await pipe(program, P.measure(objective, settings))(world(shared).environment)());
    right(await pipe(program, P.dryRun(objective, settings))(world(shared).environment)());
    expect(open).toBe(0);
  });

  it('is described and measured; what has not been read is not estimated', async () => {
    const program = P.sequence(P.epochs(5), P.withData(endless)(P.steps(6)));
    const settings = { ...base, data: batches(data), stepsPerEpoch: 3 } as const;
    expect(P.describe(program)).toBe('1. 5 epochs\n2. 6 steps; other data (streamed)');
    expect(left(pipe(program, P.estimate(objective, settings))).message).toContain('take `measure`');
    const measured = right(await pipe(program, P.measure(objective, settings))(world(shared).environment)());
    // Four batches in a pass: epochs of 3 and of 1, twice, and one of 3.
    expect(measured.parts.map(({ steps }) => steps)).toEqual([4 + 4 + 3, 6]);
    const real = right(await pipe(program, P.run(objective, settings))(world(shared).environment)());
    expect(stateOf(real).step).toBe(measured.steps);
    const memory = right(pipe(P.epochs(5), P.estimate(objective, { data, batchSize: 4, stepsPerEpoch: 3 })));
    expect(memory.steps).toBe(11);
    const split = await pipe(
      P.epochs(1),
      P.run(objective, { data: batches(data), validationSplit: 0.5, verbose: 0 }),
    )(world(shared).environment)();
    expect(left(split).message).toContain('validationSplit takes its share of data in memory');
  });

  it('is checked by the compiler, which knows what reading needs', () => {
    interface HasDatabase {
      readonly database: string;
    }
    const read = DS.fromPasses((pass) => (r: HasDatabase) => {
      expect(r.database).toBe('never opened');
      return batches(data).open({ pass, at: 0 })({});
    });
    const run = pipe(P.epochs(1), P.withData(read), P.run(objective, { data }));
    expectTypeOf<Parameters<typeof run>[0]>().toExtend<HasDatabase>();
    const whole = pipe(P.epochs(1), P.run(objective, { data: read }));
    expectTypeOf<Parameters<typeof whole>[0]>().toExtend<HasDatabase>();
    const wide = right(
      pipe(
        D.dataset({ x: D.floats([7], noise(70)), y: D.ints([], Array<number>(10).fill(1)) }),
        E.map(DS.fromDataset({ batchSize: 2, seed: 1 })),
      ),
    );
    // @ts-expect-error -- the model's input is [6], the stream's [7]
    pipe(P.epochs(1), P.run(objective, { data: wide }));
    // @ts-expect-error -- the same of a part's data
    pipe(P.epochs(1), P.withData(wide), P.run(objective, { data }));
  });
});
