/** A checkpoint of step n holds the weights after step n, however many steps the runtime makes in one go. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { afterAll, describe, expect, it } from 'vitest';
import * as C from '../../src/callback/Callback.ts';
import * as D from '../../src/data/Data.ts';
import * as L from '../../src/layer/Layer.ts';
import * as Loss from '../../src/objective/Loss.ts';
import * as Optimizer from '../../src/optimizer/Optimizer.ts';
import * as Environment from '../../src/runtime/Environment.ts';
import * as State from '../../src/training/State.ts';
import * as T from '../../src/training/Training.ts';

const environment = Environment.node()();
const folder = mkdtempSync(join(tmpdir(), 'grain-'));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await environment.runtime.close();
});

const objective = T.compile(L.model(L.input([3]), L.dense(4, { activation: 'tanh' }), L.dense(1)), {
  loss: Loss.meanSquaredError(),
  optimizer: Optimizer.sgd({ learningRate: 0.05, momentum: 0.5 }),
});
const rows = Array.from({ length: 40 }, (_, i) => [Math.sin(i), Math.cos(2 * i), Math.sin(3 * i)]);
const data = pipe(
  D.dataset({
    x: D.floats([3], rows),
    y: D.floats(
      [1],
      rows.map(([a = 0, b = 0]) => [a * b]),
    ),
  }),
  E.getOrElseW((error) => {
    throw new Error(error.message);
  }),
);

/** The kernel in each checkpoint, by file name. */
const saved = async (name: string, stepsPerRun: number | 'auto') => {
  const path = join(folder, name, '{epoch}-{batch}.safetensors');
  const result = await pipe(
    T.fit(objective, { data, epochs: 3, batchSize: 4, verbose: 0, stepsPerRun }),
    C.modelCheckpoint(path as string, { saveFreq: 3, saveWeightsOnly: true }),
    T.run,
  )(environment)();
  if (E.isLeft(result)) throw new Error(result.left.message);
  return Object.fromEntries(
    readdirSync(join(folder, name)).map((file) => {
      const bytes = readFileSync(join(folder, name, file));
      const weights = pipe(
        State.decode(bytes),
        E.map(State.weightsOf),
        E.getOrElseW((error) => {
          throw new Error(error.message);
        }),
      );
      return [file, Array.from(weights['dense.kernel']?.data ?? [], Number)];
    }),
  );
};

describe('modelCheckpoint with saveFreq in steps', () => {
  it('saves the weights of that very step', async () => {
    const single = await saved('single', 1);
    expect(Object.keys(single)).toHaveLength(10);
    expect(await saved('auto', 'auto')).toEqual(single);
    expect(await saved('seven', 7)).toEqual(single);
  });
});
