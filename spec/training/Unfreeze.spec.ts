/** Layers that are trained from an epoch on: the same bits as a program of two parts, from wherever the run goes on. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as t from 'io-ts';
import { afterAll, describe, expect, it } from 'vitest';
import { Callback as C, Optimizer, Program as P, Precision, Training as T } from '../../src/index.ts';
import type { Directive, Event } from '../../src/training/Event.ts';
import { drive, epochStarted, memory, started } from '../callback/support.ts';
import { bits, counted, flowers, left, objective, right, runtime, stateOf, type World, world } from './support.ts';

const shared = runtime();
afterAll(shared.close);
const data = flowers(14);
const validation = flowers(9, 2);
const base = { data, validation, batchSize: 4, verbose: 0, seed: 3 } as const;

const made = ({ weights, state, history }: T.Trained<unknown, unknown, unknown, string>) => {
  const { slots, step, epoch, learningRate, optimizerStart = 0 } = state ?? stateOf({ state });
  return { weights: bits(weights), slots: bits(slots), step, epoch, learningRate, optimizerStart, history };
};

const frozen = (settings: T.FitSettings = {}) =>
  T.fit(objective, { ...base, epochs: 4, ...settings, freeze: ['dense', 'batch_normalization'] as string[] });

const go = async (run: Parameters<typeof T.run>[0], here: World = world(shared)) =>
  right(await T.run(run as never)(here.environment)()) as T.Trained<unknown, unknown, unknown, string>;

describe('unfreeze', () => {
  it('gives what a program of frozen epochs and then free ones gives', async () => {
    const unfrozen = await go(pipe(frozen(), C.unfreeze([{ epoch: 1, paths: ['dense'] }, { epoch: 3 }])) as never);
    const program = P.sequence(
      P.freeze('dense', 'batch_normalization')(P.epochs(1)),
      P.freeze('batch_normalization')(P.epochs(2)),
      P.epochs(1),
    );
    const parts = right(await pipe(program, P.run(objective, base))(world(shared).environment)());
    expect(made(unfrozen)).toEqual(made(parts as never));
    expect(made(unfrozen).optimizerStart).toBe(12);
    expect(made(unfrozen).weights).not.toEqual(made(await go(frozen() as never)).weights);
  });

  it('of a whole program outlives its parts, but not one that freezes otherwise', async () => {
    const thawing = () => C.unfreeze([{ epoch: 1, paths: ['dense'] }]);
    const run = async (program: unknown) =>
      right(
        await pipe(
          program as P.Program,
          P.run(objective, { ...base, freeze: ['dense', 'batch_normalization'], callbacks: thawing() }),
        )(world(shared).environment)(),
      );
    const whole = await go(pipe(frozen(), thawing()) as never);
    expect(made((await run(P.sequence(P.epochs(2), P.epochs(1), P.epochs(1)))) as never)).toEqual(made(whole));
    const otherwise = await run(P.sequence(P.epochs(2), P.freeze('dense_1')(P.thaw()(P.epochs(1)))));
    expect(Object.keys(stateOf(otherwise).slots)).toContain('adam/momentum/batch_normalization.gamma');
  });

  it('sets a rate, says so, and makes up for stages before the run', async () => {
    const m = memory();
    const callback = C.unfreeze(
      [
        { epoch: 4, paths: ['c'] },
        { epoch: 2, paths: ['b'], learningRate: 0.5 },
        { epoch: 1, paths: ['a'] },
        { epoch: 9 },
      ],
      { verbose: 1 },
    );
    const asked: Directive[][] = [];
    const { world: w } = await drive(callback, m.env, function* () {
      yield started({ initialEpoch: 2, epochs: 12 });
      for (const epoch of [2, 3, 4, 9]) yield epochStarted(epoch);
    });
    for (const signal of w.signals) {
      if (signal._tag === 'Event') asked.push([]);
      if (signal._tag === 'Directive') asked.at(-1)?.push(signal.directive);
    }
    expect(asked).toEqual([
      [],
      [
        { _tag: 'Thaw', paths: ['a', 'b'] },
        { _tag: 'SetLearningRate', value: 0.5 },
      ],
      [],
      [{ _tag: 'Thaw', paths: ['c'] }],
      [{ _tag: 'Thaw', paths: [] }],
    ]);
    expect(m.written.join('')).toContain('Epoch 3: unfreeze: training a, b from now on.');
    expect(m.written.join('')).toContain('Epoch 10: unfreeze: training everything from now on.');
  });

  it.each([
    [[], 'there are no stages'],
    [[{ epoch: -1 }], 'an integer from 0 on, but is -1'],
    [[{ epoch: 1.5 }], 'but is 1.5'],
    [[{ epoch: 1, learningRate: Number.NaN }], 'but is NaN'],
    [[{ epoch: 1, paths: [] }], 'an empty list'],
  ])('refuses %j', async (stages, message) => {
    const { error } = await drive(C.unfreeze(stages), memory().env, () => [started()]);
    expect(error).toMatchObject({ reason: 'InvalidOption' });
    expect(error?.message).toContain(message);
  });

  it('refuses a path that the model does not have before the first step', async () => {
    const events: Event[] = [];
    const run = pipe(
      frozen(),
      C.unfreeze([{ epoch: 3, paths: ['bakbone'] }]),
      C.onEvent((e) =>
        RTE.fromIO(() => {
          events.push(e);
          return [];
        }),
      ),
    );
    expect(left(await T.run(run)(world(shared).environment)())).toEqual({
      _tag: 'FitError',
      message: "callbacks: no layer or group 'bakbone' has parameters; there are batch_normalization, dense, dense_1",
    });
    expect(events).toEqual([]);
  });

  it('goes on from wherever it was saved, to the last bit', async () => {
    const here = world(shared);
    const saving = (from: number) =>
      C.custom({
        key: 'saving',
        codec: t.number,
        initial: 0,
        step: (n, e) =>
          e._tag === 'StepEnded' || e._tag === 'EpochStarted' || e._tag === 'EpochEnded'
            ? RTE.right([n + 1, n < from ? [] : [{ _tag: 'Save' as const, path: `${n}`, what: 'state' as const }]])
            : RTE.right([n, []]),
      });
    const begun = (from: number) =>
      pipe(
        frozen({ stepsPerRun: 2, epochs: 3 }),
        C.unfreeze([{ epoch: 1, paths: ['dense'], learningRate: 0.003 }, { epoch: 2 }]),
        saving(from),
      );
    const whole = await go(begun(0) as never, here);
    expect(here.files.size).toBeGreaterThan(10);
    for (const [name, bytes] of here.files) {
      const there = world(shared);
      there.files.set(name, bytes);
      expect(made(await go(pipe(begun(1000), T.resume(name)) as never, there)), name).toEqual(made(whole));
    }
    // What was thawed stays so, whoever goes on from the state.
    const more = await go(frozen({ epochs: 4, from: stateOf(whole) }) as never);
    expect(Object.keys(stateOf(more).slots)).toContain('adam/momentum/dense.kernel');
  });
});

describe('Freeze and Thaw', () => {
  const asking = (at: (e: Event) => readonly Directive[]) => C.onEvent((e) => RTE.right(at(e)), { key: 'asking' });
  const atEpoch = (epoch: number, directive: Directive) => (e: Event) =>
    e._tag === 'EpochStarted' && e.epoch === epoch ? [directive] : [];

  it('freezing keeps the slots of what is still trained', async () => {
    const run = pipe(
      T.fit(objective, { ...base, epochs: 2 }),
      asking(atEpoch(1, { _tag: 'Freeze', paths: ['dense', 'batch_normalization'] })),
    );
    const program = P.sequence(P.epochs(1), P.freeze('dense', 'batch_normalization')(P.epochs(1)));
    const parts = right(await pipe(program, P.run(objective, base))(world(shared).environment)());
    expect(made(await go(run as never))).toEqual(made(parts as never));
    expect(stateOf(parts).optimizerStart ?? 0).toBe(0);
  });

  it('that change nothing load nothing; that leave nothing to train are refused', async () => {
    const loads: string[] = [];
    const watched = world({
      ...shared,
      load: (...given) => {
        loads.push('load');
        return shared.load(...given);
      },
    });
    const idle = pipe(T.fit(objective, { ...base, epochs: 2 }), asking(atEpoch(1, { _tag: 'Thaw', paths: ['dense'] })));
    await go(idle as never, watched);
    expect(loads).toHaveLength(2);
    const all = pipe(T.fit(objective, { ...base, epochs: 2 }), asking(atEpoch(1, { _tag: 'Freeze', paths: [] })));
    expect(left(await T.run(all)(world(shared).environment)())).toMatchObject({
      _tag: 'CallbackError',
      key: 'asking',
      message: expect.stringContaining('nothing is left to train'),
    });
  });

  it.each([3, 4])('leave nothing in the runtime, also if the %ith graph cannot be loaded', async (nth) => {
    const watching = counted(shared, (what, n) => what === 'load' && n === nth);
    const failed = await T.run(pipe(frozen(), C.unfreeze([{ epoch: 1 }])))(world(watching.runtime).environment)();
    expect(left(failed)).toMatchObject({ _tag: 'RuntimeError', stage: 'load' });
    expect(watching.live()).toEqual({ sessions: 0, residents: 0 });
    const fine = counted(shared);
    right(await T.run(pipe(frozen(), C.unfreeze([{ epoch: 1 }])))(world(fine.runtime).environment)());
    expect(fine.live()).toEqual({ sessions: 0, residents: 0 });
  });
});

it('a dynamic loss scale goes on from part to part, also where the optimizer begins anew', async () => {
  const precision = Precision.emulated(
    Precision.mixedFloat16({ lossScale: Precision.dynamicScale({ initialScale: 2 ** 12, growthSteps: 3 }) }),
  );
  const mixed = { ...objective, precision, optimizer: Optimizer.adam({ learningRate: 0.01 }) };
  const run = async (program: P.Program) => right(await pipe(program, P.run(mixed, base))(world(shared).environment)());
  expect(made((await run(P.sequence(P.epochs(1), P.epochs(1)) as P.Program)) as never).weights).toEqual(
    made((await run(P.epochs(2))) as never).weights,
  );
  const anew = await run(P.sequence(P.freeze('dense')(P.epochs(1)), P.epochs(1)) as P.Program);
  expect(stateOf(anew).optimizerStart).toBe(4);
  // Twice in 8 steps, as if it had been one part.
  const scale = Precision.lossScaleOf(stateOf(anew).slots);
  expect(scale).toMatchObject({ value: { scale: 2 ** 14, steps: 2, skipped: 0 } });
  expect(E.isRight(T.untrained(1)(mixed))).toBe(true);
});
