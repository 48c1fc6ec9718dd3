/** Many batches: weights are put in order once, a batch waits while another is computed, and nothing is left whatever fails. */
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import { afterAll, describe, expect, it } from 'vitest';
import { Layer as L, Loss, NdArray, Optimizer, type Runtime, Training as T } from '../../src/index.ts';
import { counted, left, noise, right, runtime, world } from './support.ts';

const shared = runtime();
afterAll(shared.close);

const { environment: env } = world(shared);

/** Kernels that a normalisation is folded into, and that are put in blocks. */
const network = L.model(
  L.input([3, 8, 8]),
  L.conv2d({ filters: 16, kernel: 3, padding: 'same' }),
  L.batchNormalization(),
  L.relu(),
  L.conv2d({ filters: 16, kernel: 3 }),
  L.flatten(),
  L.dense(3),
);
const trained = right(
  T.untrained(3)(T.compile(network, { loss: Loss.meanSquaredError(), optimizer: Optimizer.sgd() })),
);
const images = right(NdArray.float32([19, 3, 8, 8], noise(19 * 192, 5)));

/** Which requests came, how many runs waited for their answer at most, and how many when their session was let go of. */
const watched = (inner: Runtime.Runtime, atRun: () => void = () => undefined) => {
  const asked: string[] = [];
  const most = { waiting: 0, atRelease: 0 };
  let waiting = 0;
  const session = (of: Runtime.Session): Runtime.Session => ({
    release: () => {
      most.atRelease = Math.max(most.atRelease, waiting);
      return of.release();
    },
    run: (run) => async () => {
      atRun();
      asked.push('run');
      waiting += 1;
      most.waiting = Math.max(most.waiting, waiting);
      const result = await of.run(run)();
      waiting -= 1;
      return result;
    },
  });
  const load: Runtime.Runtime['load'] = (model, optimisation) => {
    asked.push('load');
    return TE.Functor.map(inner.load(model, optimisation), session);
  };
  const { environment } = world({ ...inner, load });
  return {
    most,
    environment,
    /** What is asked for by that, once the runtime knows its processor. */
    askedBy: async (batchSize: number) => {
      right(await pipe(trained, T.predict(images))(environment)());
      asked.length = 0;
      const found = right(await pipe(trained, T.predict(images, { batchSize }))(environment)());
      const count = (what: string): number => asked.filter((a) => a === what).length;
      return { found, sessions: count('load'), runs: count('run') };
    },
  };
};

describe('predictions of many batches', () => {
  it('compute what depends on weights alone once, if there are enough of them', async () => {
    const whole = right(await pipe(trained, T.predict(images))(env)());
    for (const [batchSize, sessions, runs] of [
      [19, 1, 1],
      [2, 1, 10],
      [1, 2, 20],
    ] as const) {
      const { found, ...asked } = await watched(shared).askedBy(batchSize);
      expect(asked).toEqual({ sessions, runs });
      expect(found.shape).toEqual([19, 3]);
      Array.from(whole.data, Number).forEach((v, i) => expect(Number(found.data[i])).toBeCloseTo(v, 5));
    }
  });

  it('ask for the next batch before the last one is there, and for no more', async () => {
    const { most, environment } = watched(shared);
    right(await pipe(trained, T.predict(images, { batchSize: 2 }))(environment)());
    expect(most.waiting).toBe(2);
  });

  it('can be asked for again, and leave the samples as they are', async () => {
    const before = Array.from(images.data, Number);
    const task = pipe(trained, T.predict(images, { batchSize: 1 }))(env);
    const [first, second] = [right(await task()), right(await task())];
    expect(second).toEqual(first);
    expect(Array.from(images.data, Number)).toEqual(before);
  });

  it('leave nothing in the runtime, whichever request fails', async () => {
    const all = [
      ['upload', 1],
      ['load', 1],
      ['load', 2],
      ['run', 1],
      ['run', 2],
      ['run', 3],
      ['run', 11],
    ] as const;
    for (const [what, nth] of all) {
      let until = Number.POSITIVE_INFINITY;
      const { live, runtime } = counted(shared, (asked) => asked === what && --until === 0);
      const { most, environment } = watched(runtime);
      right(await pipe(trained, T.predict(images))(environment)());
      until = nth;
      const error = left(await pipe(trained, T.predict(images, { batchSize: 1 }))(environment)());
      expect(error.message).toMatch(new RegExp(`^${what} .* was made to fail`));
      expect(live()).toEqual({ sessions: 0, residents: 0 });
      expect(most.atRelease).toBe(0);
    }
  });

  it('keep only what batches read', async () => {
    const { live, runtime } = counted(shared);
    const residents: number[] = [];
    const { askedBy } = watched(runtime, () => residents.push(live().residents));
    await askedBy(1);
    // Before the first batch all weights are there; then what was computed of them, and of themselves only what batches read.
    const [before, last] = [residents.at(-20), residents.at(-1)];
    expect(before).toBe(Object.keys(trained.weights).length);
    expect(last).toBeLessThan(before as number);
  });
});
