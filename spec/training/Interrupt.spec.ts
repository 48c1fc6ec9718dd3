/** Ctrl-C: the run stops between two chunks, is saved, says how to go on, and goes on bit for bit; twice ends the process. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Callback as C, Program as P, Training as T } from '../../src/index.ts';
import type { Event } from '../../src/training/Event.ts';
import { bundled, type Child, endingOf, exists, renamed, start, uninterrupted, wait } from './processes.ts';
import {
  bits,
  flowers,
  left,
  objective,
  right,
  runtime,
  stateBits,
  stateOf,
  type World,
  watching,
  world,
} from './support.ts';

const shared = runtime();
const folder = await mkdtemp(join(tmpdir(), 'grad-ts-interrupt-'));
let script = '';
beforeAll(async () => {
  script = await bundled('resuming', folder);
});
afterAll(async () => {
  await shared.close();
  await rm(folder, { recursive: true, force: true });
});

const data = flowers(22);
const validation = flowers(9, 2);

/** Signals that tests send. */
const signals = () => {
  const listeners = new Set<(signal: string) => void>();
  return {
    send: (signal: string) => {
      for (const listener of listeners) listener(signal);
    },
    listening: () => listeners.size,
    interrupts: {
      listen: (handler: (signal: string) => void) => () => {
        listeners.add(handler);
        return () => {
          listeners.delete(handler);
        };
      },
    } satisfies T.Interrupts,
  };
};

const build = (settings: T.FitSettings, look: (e: Event) => void) =>
  pipe(
    T.fit(objective, { data, validation, epochs: 3, batchSize: 4, verbose: 0, stepsPerRun: 1, ...settings }),
    C.earlyStopping({ patience: 99, restoreBestWeights: true }),
    watching((e) => {
      look(e);
      return undefined;
    }),
  );

/** Sends a signal at the nth event. */
const interruptedAt = async (nth: number, here: World, options: T.Interruption, settings: T.FitSettings = {}) => {
  const sent = signals();
  const tags: string[] = [];
  let seen = 0;
  const run = build(settings, (e) => {
    tags.push(e._tag);
    if (++seen === nth) sent.send('SIGINT');
  });
  const result = await T.run(T.interruptible(options)(run))({ ...here.environment, interrupts: sent.interrupts })();
  expect(sent.listening()).toBe(0);
  return { result, tags };
};

describe('a signal', () => {
  it('at any event leaves a state from which the run goes on as if there had been none', async () => {
    const whole = right(await T.run(build({}, () => undefined))(world(shared).environment)());
    for (const nth of [1, 2, 3, 5, 9, 10, 11, 12, 14, 25]) {
      const here = world(shared);
      const { result, tags } = await interruptedAt(nth, here, { save: 'run.safetensors' });
      const stopped = right(result);
      expect(stopped.interrupted).toEqual({ signal: 'SIGINT', saved: 'run.safetensors' });
      expect(tags.at(-1)).toBe('RunEnded');
      expect(tags).toHaveLength(nth + 1);
      expect(here.written.join('')).toContain("T.resume('run.safetensors')");
      const rest = right(await T.run(T.resume('run.safetensors')(build({}, () => undefined)))(here.environment)());
      expect(stateBits(stateOf(rest))).toEqual(stateBits(stateOf(whole)));
      expect(rest.history).toEqual(whole.history);
      const again = right(await T.run(build({ from: stateOf(stopped) }, () => undefined))(here.environment)());
      expect(bits(again.weights)).toEqual(bits(whole.weights));
    }
  });

  it('waits for the steps that are made in one go', async () => {
    const { result, tags } = await interruptedAt(3, world(shared), {}, { stepsPerRun: 4 });
    expect(tags.filter((tag) => tag === 'StepEnded')).toHaveLength(4);
    expect(right(result).interrupted).toEqual({ signal: 'SIGINT', saved: undefined });
    expect(stateOf(right(result)).step).toBe(4);
  });

  it('after the end changes nothing', async () => {
    const all = build({}, () => undefined);
    const whole = right(await T.run(all)(world(shared).environment)());
    const { result, tags } = await interruptedAt(1 + 3 * 10 + 1, world(shared), { save: 'run.safetensors' });
    expect(tags.at(-1)).toBe('RunEnded');
    expect(right(result).interrupted).toBeUndefined();
    expect(bits(right(result).weights)).toEqual(bits(whole.weights));
  });

  it('does not have a backup removed', async () => {
    const here = world(shared);
    const sent = signals();
    const run = pipe(
      build({}, (e) => {
        if (e._tag === 'EpochStarted' && e.epoch === 1) sent.send('SIGTERM');
      }),
      C.backupAndRestore('run.safetensors'),
      T.interruptible({ save: 'run.safetensors' }),
    );
    const stopped = right(await T.run(run)({ ...here.environment, interrupts: sent.interrupts })());
    expect(stopped.interrupted?.signal).toBe('SIGTERM');
    expect([...here.files.keys()]).toEqual(['run.safetensors']);
    const { interrupts } = signals();
    const rest = right(await T.run(run)({ ...here.environment, interrupts })());
    const whole = right(await T.run(build({}, () => undefined))(world(shared).environment)());
    expect(bits(rest.weights)).toEqual(bits(whole.weights));
    expect(here.files.size).toBe(0);
  });

  it('whose file cannot be written is an error', async () => {
    const here = world(shared);
    const full = {
      ...here,
      environment: {
        ...here.environment,
        fileSystem: {
          ...here.environment.fileSystem,
          writeFile: (path: string) => async () =>
            ({ _tag: 'Left', left: { _tag: 'IoError', message: 'the disk is full', path, code: 'ENOSPC' } }) as const,
        },
      },
    };
    const { result } = await interruptedAt(4, full, { save: 'run.safetensors' });
    expect(left(result)).toMatchObject({ _tag: 'IoError', code: 'ENOSPC' });
  });

  it('stops a program in its part', async () => {
    const program = P.sequence(P.epochs(1), P.steps(5), P.epochs(1));
    const options = { data, batchSize: 4, verbose: 0, stepsPerRun: 1 } as const;
    const whole = right(await pipe(program, P.run(objective, options))(world(shared).environment)());
    const here = world(shared);
    const sent = signals();
    let steps = 0;
    const callbacks = C.onEvent((e) => () => async () => {
      if (e._tag === 'StepEnded' && ++steps === 8) sent.send('SIGTERM');
      return E.right([]);
    });
    const stopped = right(
      await pipe(
        program,
        P.run(objective, { ...options, callbacks, interruptible: { save: 's.safetensors' } }),
      )({
        ...here.environment,
        interrupts: sent.interrupts,
      })(),
    );
    expect(stopped.interrupted?.signal).toBe('SIGTERM');
    expect(stateOf(stopped)).toMatchObject({ step: 8, program: { part: 1 } });
    const rest = right(
      await pipe(program, P.run(objective, { ...options, resume: 's.safetensors' }))(here.environment)(),
    );
    expect(bits(rest.weights)).toEqual(bits(whole.weights));
    expect(rest.history).toEqual(whole.history);
  });

  it('between two parts of a program, or before the first, is not lost', async () => {
    const program = P.sequence(P.epochs(1), pipe(P.steps(5), P.withLearningRate(1e-3)), P.epochs(1));
    const options = { data, batchSize: 4, verbose: 0, stepsPerRun: 1 } as const;
    const whole = right(await pipe(program, P.run(objective, options))(world(shared).environment)());
    for (const before of [0, 1, 2]) {
      const here = world(shared);
      const sent = signals();
      // Each part uploads its weights before it listens: the signal comes while that is done.
      let parts = 0;
      let isNew = true;
      const upload: typeof shared.upload = (tensors) => async () => {
        if (isNew && parts++ === before) sent.send('SIGINT');
        isNew = false;
        return shared.upload(tensors)();
      };
      const events: string[] = [];
      const callbacks = watching((e) => {
        isNew = isNew || e._tag === 'RunEnded';
        events.push(e._tag);
        return undefined;
      });
      const interruptible = { save: 's.safetensors' };
      const stopped = right(
        await pipe(
          program,
          P.run(objective, { ...options, callbacks, interruptible }),
        )({
          ...here.environment,
          runtime: { ...shared, upload },
          interrupts: sent.interrupts,
        })(),
      );
      expect(sent.listening()).toBe(0);
      expect(stopped.interrupted).toEqual({ signal: 'SIGINT', saved: 's.safetensors' });
      expect(stateOf(stopped)).toMatchObject({ step: [0, 6, 11][before], program: { part: before } });
      expect(events.filter((tag) => tag === 'StepEnded')).toHaveLength([0, 6, 11][before] ?? 0);
      expect(here.written.join('')).toContain("{ resume: 's.safetensors' }");
      const rest = right(
        await pipe(program, P.run(objective, { ...options, resume: 's.safetensors' }))(here.environment)(),
      );
      expect(bits(rest.weights)).toEqual(bits(whole.weights));
      expect(rest.history).toEqual(whole.history);
    }
  });
});

describe('in a process', () => {
  const begun = async (child: Child, path: string) => {
    await child.ready;
    for (let i = 0; i < 1000 && !(await exists(path)); i++) await wait(10);
  };

  it.each(['SIGINT', 'SIGTERM'] as const)(
    '%s saves, says how to go on, and the rest is bit for bit',
    { timeout: 60_000 },
    async (signal) => {
      const setup = { kind: 'run', epochs: 40, saveFreq: 7 } as const;
      const expected = await uninterrupted({ ...setup, path: join(folder, `whole-${signal}.safetensors`) });
      const own = { ...setup, path: join(folder, `${signal}.safetensors`) };
      const child = start(script, own);
      await begun(child, own.path);
      child.process.kill(signal);
      const { code, said } = await child.ended;
      expect(code).toBe(75);
      expect(said).toContain(`Interrupted (${signal}) after`);
      expect((await start(script, own).ended).code).toBe(0);
      expect(renamed(await endingOf(own))).toEqual(renamed(expected));
    },
  );

  it('twice ends it at once', { timeout: 60_000 }, async () => {
    const own = { kind: 'run', epochs: 100_000, saveFreq: 7, path: join(folder, 'twice.safetensors') } as const;
    const child = start(script, own);
    await begun(child, own.path);
    child.process.kill('SIGINT');
    child.process.kill('SIGTERM');
    const { code, signal } = await child.ended;
    // The first may have been through by the time the second came.
    expect(code === 75 || signal === 'SIGTERM' || signal === 'SIGINT').toBe(true);
  });
});
