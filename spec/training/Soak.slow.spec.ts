/** Ten thousand chunks of training: the process does not grow, and weights are not fetched per step. */
import { pipe } from 'fp-ts/lib/function.js';
import { expect, it } from 'vitest';
import { Callback as C, Layer as L, Loss, Optimizer, Training as T } from '../../src/index.ts';
import { counted, flowers, right, runtime, stateOf, world } from './support.ts';

/** Large enough that weights that stayed behind would show: half a megabyte, and as much for each moment. */
const objective = T.compile(
  L.model(
    L.input([6]),
    L.dense(400, { activation: 'relu' }),
    L.dense(300, { activation: 'relu' }),
    L.dense(3, { activation: 'softmax' }),
  ),
  { loss: Loss.sparseCategoricalCrossentropy(), optimizer: Optimizer.adam() },
);

it('10,000 chunks', async () => {
  const inner = runtime();
  const watched = counted(inner);
  let downloads = 0;
  const here = world({
    ...watched.runtime,
    download: (all) => {
      downloads++;
      return watched.runtime.download(all);
    },
  });
  const sizes: number[] = [];
  const collect = globalThis.gc;
  if (collect === undefined) throw new Error('run with --expose-gc, as vitest.slow.config.ts says');
  const run = pipe(
    T.fit(objective, {
      data: flowers(8),
      epochs: 20,
      stepsPerEpoch: 500,
      repeatData: true,
      batchSize: 8,
      verbose: 0,
      stepsPerRun: 1,
    }),
    C.on('EpochEnded', () => () => async () => {
      collect();
      sizes.push(process.memoryUsage.rss());
      return { _tag: 'Right', right: [] };
    }),
  );
  const trained = right(await T.run(run)(here.environment)());
  expect(stateOf(trained).step).toBe(10_000);
  // Twice, for the result alone: weights and slots.
  expect(downloads).toBe(2);
  expect(watched.live()).toEqual({ sessions: 0, residents: 0 });
  const mb = (bytes: number | undefined) => (bytes ?? 0) / 2 ** 20;
  console.log(`resident MB after each 500 chunks: ${sizes.map((s) => mb(s).toFixed(0)).join(' ')}`);
  // Weights and moments take 1.5 MB: kept once per chunk they would be 15 GB, kept once per epoch 1.5 MB after each. The worker's heap
  // is not collected on demand: once, at any time, it takes some 40 MB more and stays there; so the usual growth is what counts.
  const growth = sizes.slice(1).map((size, i) => mb(size) - mb(sizes[i]));
  const median = growth.sort((x, y) => x - y)[Math.floor(growth.length / 2)];
  console.log(`median growth over 500 chunks: ${median?.toFixed(2)} MB`);
  expect(median).toBeLessThan(0.75);
  expect(mb(sizes.at(-1)) - mb(sizes[0])).toBeLessThan(100);
  await inner.close();
});
