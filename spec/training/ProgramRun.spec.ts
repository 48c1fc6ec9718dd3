/** Programs, run: what passes from part to part, and a state saved anywhere in one goes on there, bit for bit. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as t from 'io-ts';
import { afterAll, describe, expect, it } from 'vitest';
import { Callback as C, Loss, Optimizer, Program as P, Schedule, Training as T } from '../../src/index.ts';
import type { Directive, Event } from '../../src/training/Event.ts';
import {
  bits,
  counted,
  flowers,
  left,
  network,
  objective,
  right,
  runtime,
  stateOf,
  type World,
  world,
} from './support.ts';

const shared = runtime();
afterAll(shared.close);
const data = flowers(14);
const validation = flowers(9, 2);
const other = flowers(11, 3);

const sgd = T.compile(network, {
  loss: Loss.sparseCategoricalCrossentropy(),
  optimizer: Optimizer.sgd({ learningRate: 0.05, momentum: 0.9 }),
});

type Options = Omit<P.RunOptions<unknown, never, never>, 'verbose'>;
const base = { data, validation, batchSize: 4, verbose: 0, seed: 3 } as const;
const go = async (program: P.Program, options: Options = {}, here: World = world(shared)) =>
  right(await pipe(program, P.run(objective, { ...base, ...options }))(here.environment)());

/** Everything that training makes, without where in which program it was made. */
const made = ({ weights, state }: { readonly weights: T.Weights; readonly state: T.TrainState | undefined }) => {
  const { slots, step, learningRate, callbacks, optimizerStart = 0 } = state ?? stateOf({ state });
  return { weights: bits(weights), slots: bits(slots), step, learningRate, callbacks, optimizerStart };
};

const watched = (ask: (e: Event) => readonly Directive[]) => {
  const events: Event[] = [];
  const callbacks = C.onEvent(
    (e) => () => async () => {
      events.push(e);
      return E.right(ask(e));
    },
    { key: 'watched' },
  );
  return { events, callbacks };
};

describe('laws of what comes out', () => {
  it('epochs(n), epochs(m) is epochs(n + m), and what fit gives', async () => {
    const whole = await go(P.epochs(4));
    const parts = await go(P.sequence(P.epochs(1), P.repeat(3)(P.epochs(1))));
    expect(made(parts)).toEqual(made(whole));
    expect(parts.history).toEqual(whole.history);
    const fitted = right(await T.run(T.fit(objective, { ...base, epochs: 4 }))(world(shared).environment)());
    expect(made(fitted)).toEqual(made(whole));
  });

  it('steps(n), steps(m) has the weights of steps(n + m), over the borders of passes', async () => {
    const whole = await go(P.steps(11));
    expect(made(await go(P.sequence(P.steps(3), P.steps(6), P.steps(2))))).toEqual(made(whole));
    expect(stateOf(whole).step).toBe(11);
    expect(whole.history.epochs).toEqual([0]);
  });

  it('steps of a pass are an epoch', async () => {
    expect(made(await go(P.steps(4)))).toEqual(made(await go(P.epochs(1))));
  });

  it('a schedule runs on over the parts that have it, and begins anew after others', async () => {
    const schedule = Schedule.linear({ from: 0.1, to: 0, steps: 8 });
    const rates = async (program: P.Program) => {
      const { events, callbacks } = watched(() => []);
      await go(program, { callbacks });
      return events.flatMap((e) => (e._tag === 'EpochStarted' ? [Number(e.learningRate.toFixed(4))] : []));
    };
    const scheduled = P.withLearningRate(schedule)(P.sequence(P.steps(2), P.steps(2)) as P.Program);
    expect(await rates(P.sequence(P.steps(3), scheduled, P.steps(1), scheduled) as P.Program)).toEqual([
      0.01, 0.1, 0.075, 0.01, 0.1, 0.075,
    ]);
  });
});

describe('from part to part', () => {
  it('frozen parameters stay, with their statistics, and thawed ones move', async () => {
    const first = await go(P.freeze('dense', 'batch_normalization')(P.epochs(1)));
    const initial = right(T.untrained(3)(objective)).weights;
    const [a, b] = [bits(first.weights), bits(initial)];
    for (const name of ['dense.kernel', 'dense.bias', 'batch_normalization.moving_mean']) expect(a[name]).toBe(b[name]);
    expect(a['dense_1.kernel']).not.toBe(b['dense_1.kernel']);
    const both = await go(
      P.sequence(P.freeze('dense', 'batch_normalization')(P.epochs(1)), P.freeze('dense_1')(P.epochs(1))) as P.Program,
    );
    const c = bits(both.weights);
    expect(c['dense_1.kernel']).toBe(a['dense_1.kernel']);
    expect(c['dense.kernel']).not.toBe(a['dense.kernel']);
    expect(both.history.epochs).toEqual([0, 1]);
  });

  it('slots stay where all of them are there; else the optimizer counts anew', async () => {
    const start = async (second: P.Program) => stateOf(await go(P.sequence(P.steps(4), second) as P.Program));
    expect((await start(P.freeze('dense')(P.steps(2)))).optimizerStart ?? 0).toBe(0);
    expect((await start(P.steps(2))).optimizerStart ?? 0).toBe(0);
    expect((await start(P.withObjective(sgd)(P.steps(2)) as unknown as P.Program)).optimizerStart).toBe(4);
    const thawed = P.sequence(P.freeze('dense')(P.steps(4)), P.steps(2)) as P.Program;
    expect(stateOf(await go(thawed)).optimizerStart).toBe(4);
  });

  it('a new optimizer goes on from the weights as a run that begins with them', async () => {
    const first = await go(P.steps(4));
    const both = await go(P.sequence(P.steps(4), P.withObjective(sgd)(P.steps(3))) as unknown as P.Program);
    // Without dropout's random numbers, which follow from the count of all updates, there is no difference.
    expect(both.history.epochs).toEqual([0, 1]);
    expect(stateOf(both).step).toBe(7);
    expect(stateOf(both).learningRate).toBe(Math.fround(0.05));
    expect(bits(both.weights)).not.toEqual(bits(first.weights));
  });

  it('each part has its own data and rate', async () => {
    const { events, callbacks } = watched(() => []);
    await go(
      P.sequence(P.epochs(1), pipe(P.epochs(1), P.withData(other), P.withLearningRate(0.5))) as unknown as P.Program,
      { callbacks },
    );
    const samples = events.flatMap((e) => (e._tag === 'StepEnded' ? [e.samples] : []));
    expect([samples[3], samples.at(-1)]).toEqual([14, 11]);
    const rates = events.flatMap((e) => (e._tag === 'EpochStarted' ? [e.learningRate] : []));
    expect(rates).toEqual([Math.fround(0.01), 0.5]);
  });

  it('a callback of a part ends the part, one of the program the program', async () => {
    const halting = C.on('StepEnded', () => RTE.right([{ _tag: 'HaltRun' as const, reason: 'enough' }]), {
      key: 'part',
    });
    const part = await go(P.sequence(P.withCallbacks(halting)(P.epochs(2)), P.epochs(1)) as P.Program, {});
    expect(part.history.epochs).toEqual([0, 1]);
    expect(part.halted).toBeUndefined();
    const whole = await go(P.sequence(P.epochs(2), P.epochs(1)) as P.Program, { callbacks: halting });
    expect(whole.history.epochs).toEqual([0]);
    expect(whole.halted).toEqual({ by: 'part', reason: 'enough' });
  });

  it('leaves nothing in the runtime, whether it ends well or not', async () => {
    const watching = counted(shared, (what, nth) => what === 'run' && nth === 9);
    const failed = await pipe(
      P.sequence(P.epochs(1), P.epochs(3)),
      P.run(objective, { ...base, stepsPerRun: 1 }),
    )(world(watching.runtime).environment)();
    expect(left(failed)._tag).toBe('RuntimeError');
    expect(watching.live()).toEqual({ sessions: 0, residents: 0 });
  });

  it('an optimizer with a schedule of its own takes no other rate', async () => {
    const own = T.compile(network, {
      loss: Loss.sparseCategoricalCrossentropy(),
      optimizer: Optimizer.sgd({ learningRate: Schedule.constant(0.1) }),
    });
    const result = await pipe(P.epochs(1), P.withLearningRate(0.1), P.run(own, base))(world(shared).environment)();
    expect(left(result).message).toContain('has a schedule of its own');
  });

  it('an empty program is an error', async () => {
    const result = await pipe(P.repeat(0)(P.epochs(1)), P.run(objective, base))(world(shared).environment)();
    expect(left(result).message).toContain('the program is empty');
  });
});

const long = P.sequence(
  pipe(P.epochs(1), P.freeze('dense')),
  pipe(P.sequence(P.steps(3), P.epochs(1)), P.withLearningRate(Schedule.linear({ from: 0.05, to: 0.01, steps: 9 }))),
  pipe(P.steps(3), P.withObjective(sgd), P.withCallbacks(C.reduceLROnPlateau({ monitor: 'loss', patience: 1 }))),
  pipe(P.epochs(1), P.withData(other)),
) as unknown as P.Program;

describe('a state of a program', () => {
  it('goes on in its part, wherever it was saved', async () => {
    const here = world(shared);
    const saving = (from: number) =>
      C.custom({
        key: 'saving',
        codec: t.number,
        initial: 0,
        step: (n, e) =>
          e._tag === 'RunStarted' || e._tag === 'CheckpointSaved' || e._tag === 'RunEnded'
            ? RTE.right([n, []])
            : RTE.right([n + 1, n < from ? [] : [{ _tag: 'Save', path: `${n}`, what: 'state' }]]),
      });
    const options = { callbacks: saving(0), stepsPerRun: 1 } as const;
    const whole = await go(long, options, here);
    expect(stateOf(whole).program).toMatchObject({ part: 4, epoch: 4, step: 14 });
    expect(here.files.size).toBeGreaterThan(25);
    for (const [name, bytes] of [...here.files.entries()].filter((_, i) => i % 2 === 0)) {
      const there = world(shared);
      there.files.set(name, bytes);
      const rest = await go(long, { ...options, callbacks: saving(1000), resume: name }, there);
      expect(made(rest), name).toEqual({ ...made(whole) });
      expect(rest.history, name).toEqual(whole.history);
    }
  });

  it('of another program is refused; without its place it is one to begin with', async () => {
    const state = stateOf(await go(P.sequence(P.epochs(1), P.steps(2)) as P.Program));
    const run = (program: P.Program, from: T.TrainState) => {
      const { seed: _, ...rest } = base;
      return pipe(program, P.run(objective, { ...rest, from }))(world(shared).environment)();
    };
    const message = left(await run(P.sequence(P.epochs(2), P.steps(2)) as P.Program, state)).message;
    expect(message).toContain('of another program: it was saved in part 2 after (1 epoch)');
    const { program: _, ...plain } = state;
    expect(stateOf(right(await run(P.steps(5), plain))).step).toBe(4 + 2 + 5);
  });

  it('says so when it is not good', async () => {
    const here = world(shared);
    here.files.set('bad.safetensors', new Uint8Array([1, 2, 3]));
    const result = await pipe(long, P.run(objective, { ...base, resume: 'bad.safetensors' }))(here.environment)();
    expect(left(result).message).toContain('bad.safetensors');
  });
});

describe('a backup', () => {
  const program = P.sequence(P.freeze('dense')(P.epochs(2)), P.withLearningRate(1e-3)(P.epochs(2))) as P.Program;
  const backup = (options: C.BackupOptions = {}) => C.backupAndRestore('b.safetensors', options);
  /** As far as files can tell, it is killed at the start of an epoch. */
  const dying = (at: number) =>
    C.on('EpochStarted', ({ epoch }) =>
      epoch === at ? RTE.left(C.callbackError('dying', 'Failed', 'killed')) : RTE.right([]),
    );
  const tried = (callbacks: C.Callback<never>, here: World, own: P.Program = program, options: Options = {}) =>
    pipe(own, P.run(objective, { ...base, ...options, callbacks: callbacks as never }))(here.environment)();

  it.each([1, 2, 3])('of a program that was killed in epoch %i goes on there, in its part', async (epoch) => {
    const whole = right(await tried(C.concat(backup(), dying(99)), world(shared)));
    const here = world(shared);
    expect(left(await tried(C.concat(backup(), dying(epoch)), here)).message).toBe('dying: killed');
    expect([...here.files.keys()]).toEqual(['b.safetensors']);
    const rest = right(await tried(C.concat(backup(), dying(99)), here));
    expect(made(rest)).toEqual(made(whole));
    expect(rest.history).toEqual(whole.history);
    expect(here.files.size).toBe(0);
  });

  it('that stays is a program that is done; with another seed it is refused', async () => {
    const here = world(shared);
    const keeping = backup({ deleteCheckpoint: false });
    const whole = right(await tried(keeping, here));
    expect(made(right(await tried(keeping, here)))).toEqual(made(whole));
    expect(made(whole)).toEqual({ ...made(await go(program)), callbacks: made(whole).callbacks });
    expect(left(await tried(keeping, here, program, { seed: 4 })).message).toContain('has the seed 3, got 4');
  });

  it('of a part is that of the program as long as the part goes on', async () => {
    const within = (at: number) =>
      P.sequence(P.epochs(1), P.withCallbacks(C.concat(backup(), dying(at)))(P.epochs(2)), P.epochs(1)) as P.Program;
    const whole = await go(within(99));
    const here = world(shared);
    expect(left(await tried(C.empty, here, within(2))).message).toBe('dying: killed');
    const { events, callbacks } = watched(() => []);
    const rest = right(await tried(callbacks, here, within(99)));
    expect({ ...made(rest), callbacks: {} }).toEqual({ ...made(whole), callbacks: {} });
    expect(events.filter((e) => e._tag === 'StepEnded')).toHaveLength(8);
    expect(events.flatMap((e) => (e._tag === 'RunEnded' ? [e.unfinished] : []))).toEqual(['part', undefined]);
    expect(here.files.size).toBe(0);
  });
});

describe('dryRun and measure', () => {
  it('try each part for a few steps', async () => {
    const rows = right(await pipe(long, P.dryRun(objective, { ...base, steps: 2 }))(world(shared).environment)());
    expect(rows.map(({ words, steps }) => [words, steps])).toEqual([
      ['1 epoch; dense frozen', 2],
      ['3 steps; learning rate by a schedule', 2],
      ['1 epoch; learning rate by a schedule', 2],
      ['3 steps; another objective (sgd); callbacks reduceLROnPlateau(loss)', 2],
      ['1 epoch; other data (11 samples)', 2],
    ]);
    for (const { logs } of rows) expect(Object.keys(logs)).toContain('val_loss');
  });

  it('give the time of the program', async () => {
    const estimate = right(await pipe(long, P.measure(objective, { ...base, steps: 4 }))(world(shared).environment)());
    expect(estimate.steps).toBe(4 + 3 + 4 + 3 + 3);
    // The clock of the tests counts up by one at each look.
    expect(estimate.milliseconds).toBeGreaterThan(0);
  });
});
