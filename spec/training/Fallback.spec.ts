/** Files to go on from: of the version before, not there, not good, and those that are taken in their place. */
import { readFileSync } from 'node:fs';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { afterAll, describe, expect, it } from 'vitest';
import { Callback as C, Layer as L, Loss, Optimizer, Training as T } from '../../src/index.ts';
import * as State from '../../src/training/State.ts';
import { bits, flowers, left, objective, right, runtime, stateBits, stateOf, type World, world } from './support.ts';

const shared = runtime();
afterAll(shared.close);
const data = flowers(22);
const validation = flowers(9, 2);

describe('a file of version 1', () => {
  // Two epochs of the run below, written before states had a position.
  const bytes = new Uint8Array(readFileSync(new URL('./fixtures/version1.safetensors', import.meta.url)));
  const run = (epochs: number, from?: T.TrainState) =>
    pipe(
      T.fit(objective, {
        data,
        validation,
        epochs,
        batchSize: 4,
        verbose: 0,
        ...(from === undefined ? { seed: 5 } : { from }),
      }),
      C.reduceLROnPlateau({ monitor: 'val_loss', factor: 0.5, patience: 2, minDelta: 0.05 }),
      C.earlyStopping({ monitor: 'val_loss', patience: 50, minDelta: 0.02, restoreBestWeights: true }),
      C.modelCheckpoint('checkpoints/last.safetensors'),
    );

  it('is read, and the run goes on from the end of its epoch', async () => {
    const here = world(shared);
    here.files.set('old.safetensors', bytes);
    const state = right(await T.loadState('old.safetensors')(here.environment)());
    expect(state).toMatchObject({ epoch: 2, step: 12, seed: 5 });
    expect(state.position).toBeUndefined();
    const rest = right(await T.run(run(4, state))(here.environment)());
    expect(rest.history.epochs).toEqual([0, 1, 2, 3]);
    // Bit for bit where the machine is one that gives the bits of the file.
    const whole = right(await T.run(run(4))(world(shared).environment)());
    const half = right(await T.run(run(2))(world(shared).environment)());
    if (JSON.stringify(bits(stateOf(half).slots)) === JSON.stringify(bits(state.slots)))
      expect(bits(stateOf(rest).slots)).toEqual(bits(stateOf(whole).slots));
  });
});

const base = { data, epochs: 3, batchSize: 4, verbose: 0 } as const;
const resuming = (path: string, options: T.FallbackOptions = {}, more: T.FitSettings = {}) =>
  pipe(
    T.fit(objective, { ...base, ...more }),
    C.modelCheckpoint('ck/{epoch}.safetensors'),
    T.resume(path, options),
    T.run,
  );

/** Three good states, after one, two and three epochs. */
const trained = async (): Promise<World> => {
  const here = world(shared);
  right(await resuming('none.safetensors')(here.environment)());
  return here;
};
const torn = (here: World, path: string) =>
  here.files.set(path, (here.files.get(path) ?? new Uint8Array()).slice(0, -20));

describe('resume', () => {
  it('begins where no file is, goes on where one is', async () => {
    const here = await trained();
    expect([...here.files.keys()]).toEqual(['ck/1.safetensors', 'ck/2.safetensors', 'ck/3.safetensors']);
    const whole = right(await resuming('none.safetensors')(world(shared).environment)());
    for (const n of [1, 2, 3]) {
      const rest = right(await resuming(`ck/${n}.safetensors`)(here.environment)());
      expect(stateBits(stateOf(rest))).toEqual(stateBits(stateOf(whole)));
    }
  });

  it('refuses a file that is not good, rather than begin anew', async () => {
    const here = await trained();
    torn(here, 'ck/2.safetensors');
    expect(left(await resuming('ck/2.safetensors')(here.environment)()).message).toContain('ck/2.safetensors');
  });

  it('takes the previous good one if asked, and says so', async () => {
    const here = await trained();
    torn(here, 'ck/3.safetensors');
    torn(here, 'ck/2.safetensors');
    const fallback = ['missing.safetensors', 'ck/2.safetensors', 'ck/1.safetensors'];
    const rest = right(await resuming('ck/3.safetensors', { fallback }, { verbose: 2 })(here.environment)());
    expect(rest.history.epochs).toEqual([0, 1, 2]);
    const said = here.written.join('');
    expect(said).toMatch(/Warning: ck\/3.safetensors: .*; going on from ck\/1.safetensors/);
    expect(said).toMatch(/Warning: ck\/2.safetensors: .*; going on from ck\/1.safetensors/);
    const state = right(await T.loadState('ck/3.safetensors', { fallback: ['ck/2.safetensors'] })(here.environment)());
    // The resumed run has written them again.
    expect(state.epoch).toBe(3);
  });

  it('takes the latest good one of a folder if asked', async () => {
    const here = await trained();
    torn(here, 'ck/3.safetensors');
    here.files.set('ck/notes.txt', new Uint8Array([1]));
    here.files.set('ck/weights.safetensors', right(State.encodeWeights(right(T.untrained(0)(objective)).weights)));
    const state = right(await T.loadState('ck/last.safetensors', { latestIn: 'ck' })(here.environment)());
    expect(state.epoch).toBe(2);
    expect(right(await T.loadState('ck/last.safetensors', { latestIn: 'ck/' })(here.environment)()).epoch).toBe(2);
    const none = await T.loadState('no/last.safetensors', { latestIn: 'no' })(here.environment)();
    expect(left(none)).toMatchObject({ _tag: 'IoError', code: 'ENOENT' });
  });

  it('passes a state of another model over; if none is good, each is named with its reason', async () => {
    const here = await trained();
    const other = T.compile(L.model(L.input([6]), L.dense(3, { activation: 'softmax' })), {
      loss: Loss.sparseCategoricalCrossentropy(),
      optimizer: Optimizer.sgd(),
    });
    const save = pipe(T.fit(other, { data, verbose: 0 }), C.modelCheckpoint('other.safetensors'), T.run);
    right(await save(here.environment)());
    const rest = await resuming('other.safetensors', { fallback: 'ck/2.safetensors' })(here.environment)();
    expect(right(rest).history.epochs).toEqual([0, 1, 2]);
    torn(here, 'ck/2.safetensors');
    const { message } = left(await resuming('other.safetensors', { fallback: 'ck/2.safetensors' })(here.environment)());
    expect(message).toMatch(/none is good: other.safetensors: .*not of this model.*; ck\/2.safetensors: /);
  });

  it('another seed is refused; a file that may not be read is an error, whatever the fallback', async () => {
    const here = await trained();
    expect(left(await resuming('ck/1.safetensors', {}, { seed: 8 })(here.environment)()).message).toMatch(
      /^ck\/1.safetensors: .*seed/,
    );
    const locked = {
      ...here.environment,
      fileSystem: {
        ...here.environment.fileSystem,
        readFile: (path: string) => async () =>
          E.left({ _tag: 'IoError', message: `may not read ${path}`, path, code: 'EACCES' } as const),
      },
    };
    expect(left(await resuming('ck/1.safetensors', { latestIn: 'ck' })(locked)())).toMatchObject({ code: 'EACCES' });
  });

  it('a halted run stays halted; `from` goes on', async () => {
    const here = world(shared);
    const halting = C.on(
      'EpochEnded',
      ({ epoch }) =>
        () =>
        async () =>
          E.right(epoch === 1 ? [{ _tag: 'HaltRun' as const, reason: 'enough' }] : []),
    );
    const run = (fit: ReturnType<typeof start>) => pipe(fit, halting, C.modelCheckpoint('last.safetensors'));
    const start = (from?: T.TrainState) =>
      T.fit(objective, { ...base, epochs: 4, ...(from === undefined ? {} : { from }) });
    const whole = right(await T.run(run(start()))(here.environment)());
    expect(whole.halted).toEqual({ by: 'on(EpochEnded)', reason: 'enough' });
    const again = right(await T.run(T.resume('last.safetensors')(run(start())))(here.environment)());
    expect(again.history).toEqual(whole.history);
    const state = right(await T.loadState('last.safetensors')(here.environment)());
    expect(right(await T.run(run(start(state)))(here.environment)()).history.epochs).toEqual([0, 1, 2, 3]);
  });
});
