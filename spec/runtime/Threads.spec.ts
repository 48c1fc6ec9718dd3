/** Threads that are started are ended: counted by the ends that Node.js tells of. And memory that there is not. */
import { pipe } from 'fp-ts/lib/function.js';
import { describe, expect, it, vi } from 'vitest';
import {
  Callback as C,
  Data as D,
  Layer as L,
  Loss,
  Optimizer,
  Program as P,
  Runtime,
  Training as T,
} from '../../src/index.ts';
import { flowers, left, objective, right, watching, world } from '../training/support.ts';

const threads = vi.hoisted(() => ({ started: 0, ended: 0 }));

vi.mock('node:worker_threads', async (original) => {
  const real = await original<typeof import('node:worker_threads')>();
  return {
    ...real,
    Worker: class extends real.Worker {
      constructor(...all: ConstructorParameters<typeof real.Worker>) {
        super(...all);
        threads.started++;
        this.on('exit', () => {
          threads.ended++;
        });
      }
    },
  };
});

const alive = () => threads.started - threads.ended;

/** What is done with a runtime of its own: how many threads it has while that is done, and how many are left. */
const counting = async <A>(use: (runtime: Runtime.Runtime) => Promise<A>): Promise<A> => {
  expect(alive()).toBe(0);
  const before = threads.started;
  const runtime = Runtime.node({ threads: 1 })();
  const result = await use(runtime);
  expect(threads.started - before).toBe(1);
  expect(alive()).toBe(1);
  await runtime.close();
  expect(alive()).toBe(0);
  return result;
};

const data = flowers(12);
const settings = { data, batchSize: 4, verbose: 0, stepsPerRun: 1 } as const;

describe('of threads none is left', { timeout: 30_000 }, () => {
  it('after runs that succeed, one thread for all of them', async () => {
    await counting(async (runtime) => {
      const { environment } = world(runtime);
      right(await T.run(T.fit(objective, { ...settings, epochs: 2 }))(environment)());
      right(await pipe(P.repeat(2)(P.epochs(1)), P.run(objective, settings))(environment)());
    });
  });

  it('after a run that fails', async () => {
    const broken = C.onEvent((e) => () => async () => {
      if (e._tag === 'StepEnded') throw new Error('on purpose');
      return { _tag: 'Right', right: [] };
    });
    await counting(async (runtime) => {
      expect(left(await T.run(broken(T.fit(objective, settings)))(world(runtime).environment)())).toHaveProperty(
        'message',
        expect.stringContaining('on purpose'),
      );
    });
  });

  it('after a run that is interrupted', async () => {
    let tell: (signal: string) => void = () => undefined;
    const interrupts: T.Interrupts = {
      listen: (handler) => () => {
        tell = handler;
        return () => undefined;
      },
    };
    const interrupting = watching((e) => {
      if (e._tag === 'StepEnded') tell('SIGINT');
      return undefined;
    });
    await counting(async (runtime) => {
      const { environment } = world(runtime);
      const run = T.interruptible()(interrupting(T.fit(objective, { ...settings, epochs: 50 })));
      expect(right(await T.run(run)({ ...environment, interrupts })()).interrupted?.signal).toBe('SIGINT');
    });
  });

  it('after a runtime is closed in the middle of a run', async () => {
    const runtime = Runtime.node({ threads: 1 })();
    let closing: Promise<void> | undefined;
    const closes = watching((e) => {
      if (e._tag === 'StepEnded') closing = closing ?? runtime.close();
      return undefined;
    });
    const result = await T.run(closes(T.fit(objective, { ...settings, epochs: 50 })))(world(runtime).environment)();
    expect(left(result)).toMatchObject({ _tag: 'RuntimeError' });
    await closing;
    expect(alive()).toBe(0);
  });

  it('after a runtime that was never used is closed', async () => {
    const before = threads.started;
    await Runtime.node({ threads: 1 })().close();
    expect(threads.started - before).toBe(1);
    expect(alive()).toBe(0);
  });

  it('and none is started for settings that no runtime can have', async () => {
    const before = threads.started;
    await Runtime.node({ threads: 0 })().close();
    expect(threads.started).toBe(before);
  });
});

describe('memory that there is not', { timeout: 30_000 }, () => {
  it('is an error with a mend, and the runtime goes on', async () => {
    // The outputs of the first layer are 2 ** 47 bytes, more than a process can address: the system cannot promise them and kill
    // the process for it later.
    const [units, samples] = [2 ** 22, 2 ** 23];
    const boundless = T.compile(
      L.model(
        L.input([1]),
        L.dense(units, { kernelInitializer: L.Initializer.zeros }),
        L.dense(1, { kernelInitializer: L.Initializer.zeros }),
      ),
      {
        loss: Loss.meanSquaredError(),
        optimizer: Optimizer.sgd(),
      },
    );
    const column = D.floats([1], new Float32Array(samples));
    const many = right(D.dataset({ x: column, y: column }));
    await counting(async (runtime) => {
      const { environment } = world(runtime);
      const error = left(
        await T.run(T.fit(boundless, { ...settings, data: many, batchSize: samples, shuffle: false }))(environment)(),
      );
      expect(error).toMatchObject({ _tag: 'RuntimeError', stage: 'run' });
      expect(T.showError(error)).toContain('a smaller batchSize');
      right(await T.run(T.fit(objective, settings))(environment)());
    });
  });
});
