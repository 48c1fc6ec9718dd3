import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as t from 'io-ts';
import { describe, expect, it } from 'vitest';
import * as C from '../../src/callback/Callback.ts';
import { runCollect } from '../../src/stream/Stream.ts';
import type { HasTerminal } from '../../src/training/Environment.ts';
import { type Directive, type Event, event, type Signal, settled } from '../../src/training/Event.ts';
import { drive, epochEnded, epochStarted, memory, runEnded, runOf, started, stepEnded, type World } from './support.ts';

// ----- callbacks to play with

/** Counts events and asks for what it is told to. */
const counting = (key: string, directives: (event: Event, count: number) => ReadonlyArray<Directive> = () => []) =>
  C.custom({
    key,
    codec: t.number,
    initial: 0,
    step: (count, e) => RTE.right([count + 1, directives(e, count)]),
  });

const logging = (key: string, name: string, value: number) =>
  counting(key, (e) => (e._tag === 'EpochEnded' ? [{ _tag: 'Log', logs: { [name]: value } }] : []));

const collect = async <L extends string>(
  callback: C.Callback<unknown, never, L>,
  events: ReadonlyArray<Event>,
): Promise<ReadonlyArray<Signal>> => {
  const result = await C.simulate(callback)(events)({})();
  if (E.isLeft(result)) throw new Error(result.left.message);
  return result.right;
};

const errorOf = async <R, M extends string, L extends string>(
  callback: C.Callback<R, M, L>,
  events: ReadonlyArray<Event>,
  env: R,
): Promise<C.CallbackError> => {
  const result = await C.simulate(callback)(events)(env)();
  if (E.isRight(result)) throw new Error('an error was expected');
  return result.left;
};

const state = (key: string, encoded: unknown): Signal => ({ _tag: 'CallbackState', key, state: encoded });
const asked = (from: string, directive: Directive): Signal => ({ _tag: 'Directive', from, directive });

// ----- specs

describe('a callback on a stream', () => {
  it('puts its directives and its state behind the event, before Settled', async () => {
    const halt: Directive = { _tag: 'HaltEpoch' };
    const callback = counting('a', (e) => (e._tag === 'StepEnded' ? [halt, { _tag: 'Log', logs: { extra: 2 } }] : []));
    expect(await collect(callback, [started(), stepEnded(0, 0, { loss: 1 })])).toEqual([
      event(started()),
      state('a', 1),
      settled,
      event(stepEnded(0, 0, { loss: 1, extra: 2 })),
      asked('a', halt),
      state('a', 2),
      settled,
    ]);
  });

  it('gives no state when it did not change', async () => {
    const callback = C.onEvent(() => RTE.right([]));
    const signals = await collect(callback, [started(), epochStarted(0), runEnded()]);
    expect(signals.filter(({ _tag }) => _tag === 'CallbackState')).toEqual([state('onEvent', null)]);
  });

  it('lets go of what it holds even when the source forgets Settled', async () => {
    const callback = counting('a');
    const result = await pipe(
      { ...runOf([], { loss: 'min' }), signals: () => bare([event(started()), event(runEnded())]) },
      callback,
      ({ signals }) => runCollect(signals),
    )({})();
    expect(result).toEqual(E.right([event(started()), state('a', 1), event(runEnded()), state('a', 2)]));
  });

  it('leaves the signals of others as they are', async () => {
    const others = [asked('other', { _tag: 'HaltEpoch' }), state('other', { deep: [1] })];
    const result = await pipe(
      { ...runOf([], { loss: 'min' }), signals: () => bare([event(started()), ...others, settled]) },
      counting('a'),
      ({ signals }) => runCollect(signals),
    )({})();
    expect(result).toEqual(E.right([event(started()), ...others, state('a', 1), settled]));
  });

  it('starts anew for each run', async () => {
    const callback = counting('a');
    const first = await collect(callback, [started(), runEnded(), started(), runEnded()]);
    expect(first.filter(({ _tag }) => _tag === 'CallbackState')).toEqual([
      state('a', 1),
      state('a', 2),
      state('a', 1),
      state('a', 2),
    ]);
    expect(await collect(callback, [started()])).toEqual([event(started()), state('a', 1), settled]);
  });
});

async function* bare(signals: ReadonlyArray<Signal>): AsyncGenerator<E.Either<never, Signal>> {
  for (const signal of signals) yield E.right(signal);
}

describe('several callbacks', () => {
  it('see what those before them log, in the order of the pipe, and so does the history', async () => {
    const seen: string[] = [];
    const look = C.on('EpochEnded', ({ logs }) => {
      seen.push(Object.keys(logs).join(' '));
      return RTE.right([]);
    });
    const all = C.concat(C.concat(logging('a', 'x', 1), look), C.concat(logging('b', 'y', 2), C.history()));
    const signals = await collect(all, [started(), epochEnded(0, { loss: 1 })]);
    expect(seen).toEqual(['loss x']);
    expect(signals.find((s) => s._tag === 'Event' && s.event._tag === 'EpochEnded')).toEqual(
      event(epochEnded(0, { loss: 1, x: 1, y: 2 })),
    );
    expect(signals.findLast((s) => s._tag === 'CallbackState' && s.key === 'history')).toEqual(
      state('history', { epochs: [0], logs: { loss: [1], x: [1], y: [2] } }),
    );
  });

  it('have their directives in the order of the pipe: the last to set the learning rate wins', async () => {
    const set = (key: string, value: number) =>
      counting(key, (e) => (e._tag === 'EpochEnded' ? [{ _tag: 'SetLearningRate', value }] : []));
    const { world } = await drive(C.concat(set('a', 0.5), set('b', 0.25)), {}, () => [started(), epochEnded(0, {})]);
    expect(world.learningRate).toBe(0.25);
    expect(world.signals.flatMap((s) => (s._tag === 'Directive' ? [s.from] : []))).toEqual(['a', 'b']);
  });

  it('see a rate that was set at the start of the epoch', async () => {
    const m = memory();
    const half = (key: string) => C.learningRateScheduler((_, rate) => rate / 2, { key });
    const { world } = await drive(C.concat(half('a'), half('b')), m.env, () => [started(), epochStarted(0, 1)]);
    expect(world.learningRate).toBe(0.25);
  });

  it('know the keys that those before them declare', async () => {
    const monitor: string = 'learning_rate';
    const late = C.earlyStopping({ monitor });
    const { env } = memory();
    const alone = await errorOf(late, [started()], env);
    expect(alone.reason).toBe('UnknownMonitor');
    expect(alone.message).toBe(
      "earlyStopping(learning_rate): monitor 'learning_rate' is not logged by this run; there are loss, val_loss",
    );
    expect(E.isRight(await C.simulate(C.concat(C.reduceLROnPlateau(), late))([started()])(env)())).toBe(true);
  });

  it('cannot share a key', async () => {
    const twice = C.concat(C.concat(counting('same'), counting('other')), counting('same'));
    const error = await errorOf(twice, [started(), runEnded()], {});
    expect(error).toMatchObject({ _tag: 'CallbackError', key: 'same', reason: 'DuplicateKey' });
    const { env } = memory();
    expect((await errorOf(C.concat(C.progress(), C.progress()), [started()], env)).reason).toBe('DuplicateKey');
    const named = C.concat(C.progress(), C.progress({ key: 'second' }));
    expect(E.isRight(await C.simulate(named)([started()])(env)())).toBe(true);
  });
});

describe('errors', () => {
  it('end the stream where they come', async () => {
    const callback = C.on('StepEnded', () => RTE.left(C.callbackError('mine', 'Failed', 'enough')));
    const { world, error } = await drive(callback, {}, () => [started(), stepEnded(0, 0, {}), runEnded()]);
    expect(error).toEqual({ _tag: 'CallbackError', key: 'mine', reason: 'Failed', message: 'mine: enough' });
    expect(world.settled).toBe(1);
  });

  it('of a source pass through', async () => {
    async function* broken(): AsyncGenerator<E.Either<string, Signal>> {
      yield E.right(event(started()));
      yield E.left('no power');
    }
    const stream = counting('a').transform<unknown, string>(() => broken());
    expect(await runCollect(stream)({})()).toEqual(E.left('no power'));
  });

  it('are made of what a step throws', async () => {
    const throws = C.learningRateScheduler(() => {
      throw new Error('no such epoch');
    });
    const error = await errorOf(throws, [started(), epochStarted(0)], memory().env);
    expect(error).toMatchObject({ reason: 'Failed', message: 'learningRateScheduler: no such epoch' });
    const rejects = C.onEvent(() => () => () => Promise.reject(new Error('lost')));
    expect((await errorOf(rejects, [started()], {})).message).toBe('onEvent: lost');
  });

  it('tell of a log where there are no logs, and of events before RunStarted', async () => {
    const early = counting('a', () => [{ _tag: 'Log', logs: { x: 1 } }]);
    expect(await errorOf(early, [started()], {})).toMatchObject({
      reason: 'Protocol',
      message: 'a: Log (x) at RunStarted, which has no logs; log at StepEnded, ValidationEnded or EpochEnded',
    });
    expect((await errorOf(counting('a'), [epochStarted(0)], {})).reason).toBe('Protocol');
  });

  it('name a state that does not decode', async () => {
    const states = { 'earlyStopping(val_loss)': { direction: 'min', wait: 'often' } };
    const error = await errorOf(C.earlyStopping(), [started({ callbackStates: states })], memory().env);
    expect(error.reason).toBe('BadState');
    expect(error.message).toContain('at wait: expected number, got "often"');
  });
});

// ----- resuming

const values = fc.oneof(
  fc.double({ min: 0, max: 2 }),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0.5),
);

type States = Readonly<Record<string, unknown>>;

/** A training that stops when it is told to; cut after some epochs, it goes on from what a checkpoint keeps. */
const run = async (callback: C.Callback<HasTerminal, string, string>, losses: ReadonlyArray<number>, cut: number) => {
  const { env } = memory();
  const epochs = (from: number, to: number, callbackStates: States) =>
    function* (w: World) {
      const { learningRate } = w;
      yield started({ initialEpoch: from, epochs: losses.length, callbackStates, learningRate });
      for (let e = from; e < to && !w.halted; e++) {
        yield epochStarted(e, w.learningRate);
        yield stepEnded(e, 0, { loss: 1 });
        yield stepEnded(e, 1, { loss: 1 });
        yield epochEnded(e, { loss: 1, val_loss: losses[e] ?? 0 }, w.learningRate);
      }
      if (to === losses.length || w.halted) yield runEnded(losses.length);
    };
  const first = (await drive(callback, env, epochs(0, cut, {}))).world;
  if (cut === losses.length || first.halted) return { last: first, all: first.signals };
  const states: States = JSON.parse(JSON.stringify(first.states));
  const second = (await drive(callback, env, epochs(cut, losses.length, states), first.learningRate)).world;
  return { last: second, all: [...first.signals, ...second.signals] };
};

const directivesOf = (signals: ReadonlyArray<Signal>) =>
  signals.flatMap((s) => (s._tag === 'Directive' ? [[s.from, s.directive]] : []));

describe('resuming', () => {
  const all = C.concat(
    C.concat(
      C.reduceLROnPlateau({ patience: 2, cooldown: 2, factor: 0.5 }),
      C.earlyStopping({ patience: 3, baseline: 0.7, restoreBestWeights: true }),
    ),
    C.concat(
      C.modelCheckpoint('best.safetensors', { saveBestOnly: true }),
      C.concat(C.modelCheckpoint('{epoch}-{batch}.safetensors', { saveFreq: 3 }), C.history()),
    ),
  );

  it('n + m epochs in one go are n epochs, a checkpoint, and m epochs', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(values, { minLength: 2, maxLength: 14 }), fc.nat(), async (losses, at) => {
        const cut = 1 + (at % (losses.length - 1));
        const whole = await run(all, losses, losses.length);
        const parts = await run(all, losses, cut);
        expect(directivesOf(parts.all)).toEqual(directivesOf(whole.all));
        expect(JSON.stringify(parts.last.states)).toBe(JSON.stringify(whole.last.states));
        expect(parts.last.learningRate).toBe(whole.last.learningRate);
      }),
      { numRuns: 60 },
    );
  });
});

// ----- laws

const events: fc.Arbitrary<ReadonlyArray<Event>> = fc
  .array(
    fc.oneof(
      fc.nat(5).map((e) => epochStarted(e)),
      fc.tuple(fc.nat(5), fc.nat(5)).map(([e, s]) => stepEnded(e, s, { loss: s })),
      fc.nat(5).map((e) => epochEnded(e, { loss: e })),
    ),
    { maxLength: 8 },
  )
  .map((rest) => [started(), ...rest, runEnded()]);

/** A small callback for each number, which does something else at each kind of event. */
const small = (i: number, key: string): C.Callback<unknown> =>
  counting(key, (e, count) => {
    switch (e._tag) {
      case 'EpochStarted':
        return i % 2 === 0 ? [{ _tag: 'SetLearningRate', value: e.learningRate / (i + 2) }] : [];
      case 'StepEnded':
        return [{ _tag: 'Log', logs: { [`seen${i}`]: Object.keys(e.logs).length } }];
      case 'EpochEnded':
        return [
          { _tag: 'Log', logs: { loss: (e.logs.loss ?? 0) * 2 + i } },
          { _tag: 'HaltRun', reason: `${i} ${count}` },
        ];
      default:
        return [];
    }
  });

const M = C.getMonoid<unknown>();

describe('laws', () => {
  it('concat is associative', async () => {
    await fc.assert(
      fc.asyncProperty(fc.tuple(fc.nat(9), fc.nat(9), fc.nat(9)), events, async ([i, j, k], es) => {
        const [a, b, c] = [small(i, 'a'), small(j, 'b'), small(k, 'c')];
        const left = M.concat(M.concat(a, b), c);
        const right = M.concat(a, M.concat(b, c));
        expect(left.keys).toEqual(right.keys);
        expect(await collect(left, es)).toEqual(await collect(right, es));
      }),
      { numRuns: 50 },
    );
  });

  it('empty is the identity of concat', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(9), events, async (i, es) => {
        const a = small(i, 'a');
        const plain = await collect(a, es);
        expect(await collect(M.concat(a, M.empty), es)).toEqual(plain);
        expect(await collect(M.concat(M.empty, a), es)).toEqual(plain);
        expect(await collect(C.concat(C.empty, a), es)).toEqual(plain);
      }),
      { numRuns: 50 },
    );
  });

  it('attaching a concat is attaching one after the other', async () => {
    await fc.assert(
      fc.asyncProperty(fc.tuple(fc.nat(9), fc.nat(9)), events, async ([i, j], es) => {
        const [a, b] = [small(i, 'a'), small(j, 'b')];
        const run = runOf(es, { loss: 'min' });
        const one = await runCollect(pipe(run, C.concat(a, b)).signals)({})();
        const other = await runCollect(pipe(run, a, b).signals)({})();
        expect(one).toEqual(other);
      }),
      { numRuns: 50 },
    );
  });
});
