/** A loss that is no number: training goes on with it unless a callback ends it; what was saved before can be gone on with. */
import { pipe } from 'fp-ts/lib/function.js';
import { afterAll, describe, expect, it } from 'vitest';
import { Callback as C, Data as D, Layer as L, Loss, Optimizer, Training as T } from '../../src/index.ts';
import { bits, left, noise, right, runtime, stateOf, watching, world } from './support.ts';

const shared = runtime();
afterAll(shared.close);
const data = right(D.dataset({ x: D.floats([6], noise(72)), y: D.floats([1], noise(12, 2)) }));

const objective = T.compile(L.model(L.input([6]), L.dense(1)), {
  loss: Loss.meanSquaredError(),
  optimizer: Optimizer.sgd({ learningRate: 0.05 }),
});

const fitting = (settings: T.FitSettings = {}) =>
  T.fit(objective, { data, batchSize: 4, verbose: 0, stepsPerRun: 1, epochs: 4, ...settings });

/** The third epoch begins with a rate at which the loss is past all numbers after its first step. */
const exploding = watching((e) =>
  e._tag === 'EpochStarted' && e.epoch === 2 ? [{ _tag: 'SetLearningRate', value: 1e25 }] : undefined,
);

const areNumbers = (weights: T.Weights): boolean =>
  Object.values(weights).every(({ data }) => Array.from(data, Number).every((x) => Number.isFinite(x)));

describe('a loss that is NaN or infinite', () => {
  it('by default is logged, and training goes on, as in Keras', async () => {
    const trained = right(await T.run(exploding(fitting()))(world(shared).environment)());
    expect(trained.halted).toBeUndefined();
    expect(trained.history.epochs).toEqual([0, 1, 2, 3]);
    expect(trained.history.logs.loss?.map((one) => Number.isFinite(one))).toEqual([true, true, false, false]);
    expect(areNumbers(trained.weights)).toBe(false);
  });

  it('ends the run with terminateOnNaN; the files of the epochs before are those of a run that ended there', async () => {
    const here = world(shared);
    const trained = right(
      await pipe(
        fitting(),
        exploding,
        C.modelCheckpoint('{epoch}.safetensors', { keepLast: 3 }),
        C.terminateOnNaN(),
        T.run,
      )(here.environment)(),
    );
    expect(trained.halted).toMatchObject({ by: 'terminateOnNaN' });
    expect(trained.history.epochs).toEqual([0, 1, 2]);
    const good = right(await T.loadState('2.safetensors')(here.environment)());
    const short = right(await T.run(fitting({ epochs: 2 }))(world(shared).environment)());
    expect(bits(good.weights)).toEqual(bits(stateOf(short).weights));
    // The mend: from the last good file at a rate that holds.
    const mended = right(await T.run(fitting({ from: good }))(here.environment)());
    expect(mended.history.epochs).toEqual([0, 1, 2, 3]);
    expect(areNumbers(mended.weights)).toBe(true);
  });

  it('does not replace the best model, nor with raiseError the last one', async () => {
    const files = async (fails: boolean) => {
      const here = world(shared);
      const result = await pipe(
        fitting(),
        exploding,
        C.modelCheckpoint('best.safetensors', { monitor: 'loss', saveBestOnly: true }),
        C.modelCheckpoint('last.safetensors'),
        C.terminateOnNaN({ raiseError: fails }),
        T.run,
      )(here.environment)();
      const read = async (path: string) => right(await T.loadState(path)(here.environment)());
      return { result, best: await read('best.safetensors'), last: await read('last.safetensors') };
    };
    const ended = await files(false);
    expect(right(ended.result).halted?.by).toBe('terminateOnNaN');
    expect(ended.best.step).toBe(6);
    expect(areNumbers(ended.best.weights)).toBe(true);
    // As in Keras the epoch that is broken off has an end, at which one file for all epochs is overwritten.
    expect(areNumbers(ended.last.weights)).toBe(false);
    const failed = await files(true);
    expect(left(failed.result)).toMatchObject({ _tag: 'CallbackError', key: 'terminateOnNaN' });
    for (const { step, weights } of [failed.best, failed.last]) {
      expect(step).toBe(6);
      expect(areNumbers(weights)).toBe(true);
    }
  });
});
