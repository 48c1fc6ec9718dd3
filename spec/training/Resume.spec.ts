/** n + m epochs in one go are n epochs, a checkpoint file, and m epochs from it: bit for bit. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { afterAll, describe, expect, it } from 'vitest';
import { Callback as C, Layer as L, Loss, Optimizer, Training as T } from '../../src/index.ts';
import * as State from '../../src/training/State.ts';
import {
  bits,
  flowers,
  left,
  network,
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
afterAll(shared.close);

const data = flowers(22);
const validation = flowers(9, 2);
const file = 'checkpoints/last.safetensors';

/** With callbacks whose states matter: rates fall, and the best weights are kept to come back to. */
const callbacksFor = (epochs: number, from?: T.TrainState) =>
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
    C.modelCheckpoint(file),
  );

const go = async (here: World, epochs: number, from?: T.TrainState) =>
  right(await T.run(callbacksFor(epochs, from))(here.environment)());
const load = async (here: World, path = file) => right(await T.loadState(path)(here.environment)());

describe('a resumed run', () => {
  it.each([1, 3, 6])('of %i and the rest of 8 epochs is one of 8, to the last bit', async (n) => {
    const whole = world(shared);
    const all = await go(whole, 8);
    const parts = world(shared);
    await go(parts, n);
    const state = await load(parts);
    expect(state.epoch).toBe(n);
    expect(state.history.epochs).toHaveLength(n);
    const rest = await go(parts, 8, state);
    expect(stateBits(stateOf(rest))).toEqual(stateBits(stateOf(all)));
    expect(bits(rest.weights)).toEqual(bits(all.weights));
    expect(rest.history).toEqual(all.history);
    // The files are the same bytes, too.
    expect(parts.files.get(file)).toEqual(whole.files.get(file));
    // What makes it worth saying: the rate has fallen, and an earlier epoch was the best.
    const rates = all.history.logs.learning_rate ?? [];
    expect(rates[7]).toBeLessThan(Number(rates[0]));
  });

  it('brings back the weights that an earlier part remembered', async () => {
    const here = world(shared);
    const stopping = (epochs: number, from?: T.TrainState) =>
      pipe(
        // The rate becomes so high that the first epoch stays the best.
        T.fit(
          T.compile(network, {
            loss: Loss.sparseCategoricalCrossentropy(),
            optimizer: Optimizer.sgd({ learningRate: 0.01 }),
          }),
          { data, validation, epochs, batchSize: 4, verbose: 0, ...(from === undefined ? {} : { from }) },
        ),
        watching((e) => (e._tag === 'EpochEnded' ? [{ _tag: 'SetLearningRate', value: 3 }] : undefined)),
        C.modelCheckpoint(`${file.replace('last', 'first')}`),
        C.earlyStopping({ monitor: 'val_loss', patience: 50, restoreBestWeights: true }),
        C.modelCheckpoint(file),
      );
    const first = right(await T.run(stopping(1))(here.environment)());
    const state = await load(here);
    expect(Object.keys(state.remembered)).toEqual(['earlyStopping(val_loss)']);
    expect(bits(state.remembered['earlyStopping(val_loss)'] ?? {})).toEqual(bits(first.weights));
    const rest = right(await T.run(stopping(4, state))(here.environment)());
    const losses = (rest.history.logs.val_loss ?? []).map(Number);
    expect(losses.slice(1).some((loss) => loss < Number(losses[0]))).toBe(false);
    expect(losses).toHaveLength(4);
    expect(bits(rest.weights)).toEqual(bits(first.weights));
    expect(stateOf(rest).epoch).toBe(4);
  });

  it('goes on from the state in memory as from the file', async () => {
    const here = world(shared);
    const plain = (epochs: number, from?: T.TrainState) =>
      T.fit(objective, { data, epochs, batchSize: 4, verbose: 0, ...(from === undefined ? {} : { from }) });
    const all = right(await T.run(plain(4))(here.environment)());
    const half = right(await T.run(plain(2))(here.environment)());
    const rest = right(await T.run(plain(4, stateOf(half)))(here.environment)());
    expect(stateBits(stateOf(rest))).toEqual(stateBits(stateOf(all)));
  });

  it('with no epochs left is what it was', async () => {
    const here = world(shared);
    const done = await go(here, 2);
    const state = await load(here);
    const again = await go(here, 2, state);
    expect(bits(again.weights)).toEqual(bits(done.weights));
    expect(again.history).toEqual(done.history);
  });

  it('starts with the epochs, steps and rate that were reached', async () => {
    const here = world(shared);
    await go(here, 3);
    const state = await load(here);
    const seen: unknown[] = [];
    const run = pipe(
      T.fit(objective, { data, epochs: 4, batchSize: 4, verbose: 0, from: { ...state, learningRate: 0.125 } }),
      watching((e) => {
        if (e._tag === 'RunStarted')
          seen.push([e.initialEpoch, e.epochs, e.learningRate, Object.keys(e.callbackStates)]);
        if (e._tag === 'StepEnded') seen.push(e.globalStep);
      }),
    );
    right(await T.run(run)(here.environment)());
    const keys = Object.keys(state.callbacks);
    expect(keys).toContain('earlyStopping(val_loss)');
    expect(seen).toEqual([[3, 4, 0.125, keys], 19, 20, 21, 22, 23, 24]);
  });

  it('from within an epoch goes on in it', async () => {
    const here = world(shared);
    const saving = pipe(
      T.fit(objective, { data, epochs: 2, batchSize: 4, verbose: 0, stepsPerRun: 1 }),
      watching((e) =>
        e._tag === 'StepEnded' && e.globalStep === 8 ? [{ _tag: 'Save', path: file, what: 'state' }] : undefined,
      ),
    );
    const whole = right(await T.run(saving)(here.environment)());
    const state = await load(here);
    expect(state).toMatchObject({ epoch: 1, step: 8, history: { epochs: [0] } });
    const steps: unknown[] = [];
    const rest = (from: T.TrainState) =>
      pipe(
        T.fit(objective, { data, epochs: 2, batchSize: 4, verbose: 0, from }),
        watching((e) => {
          if (e._tag === 'StepEnded') steps.push([e.epoch, e.step, e.globalStep]);
          if (e._tag === 'RunStarted') steps.push([e.initialEpoch, e.initialStep]);
        }),
      );
    const gone = right(await T.run(rest(state))(here.environment)());
    expect(gone.history).toEqual(whole.history);
    expect(bits(gone.weights)).toEqual(bits(whole.weights));
    expect(steps).toEqual([
      [1, 2],
      [1, 2, 9],
      [1, 3, 10],
      [1, 4, 11],
      [1, 5, 12],
    ]);
    // Or it begins that epoch again, with the weights it had by then.
    steps.splice(0);
    expect(right(await T.run(rest(T.fromEpochStart(state)))(here.environment)()).history.epochs).toEqual([0, 1]);
    expect(steps[1]).toEqual([1, 0, 9]);
    expect(steps).toHaveLength(7);
  });

  it('says that bits may differ when the threads are not those of the state', async () => {
    const here = world(shared);
    await go(here, 1);
    const state = await load(here);
    const loud = T.fit(objective, { data, epochs: 1, verbose: 2, from: { ...state, threads: 64 } });
    right(await T.run(loud)(here.environment)());
    expect(here.written.join('')).toMatch(/Warning: .* 64 threads, this runtime has 1/);
  });
});

describe('a state', () => {
  it('is read as it was written, remembered weights and all', async () => {
    const here = world(shared);
    const state = stateOf(await go(here, 2));
    const odd = { ...state, remembered: { 'a/b%2Fc': state.weights, '': state.weights } };
    const read = right(State.decode(right(State.encodeState(odd))));
    expect(read._tag === 'State' && stateBits(read.state)).toEqual(stateBits(odd));
  });

  it('of another model is refused with every difference', async () => {
    const here = world(shared);
    await go(here, 1);
    const other = T.compile(L.model(L.input([6]), L.dense(4), L.dense(3, { activation: 'softmax' })), {
      loss: Loss.sparseCategoricalCrossentropy(),
      optimizer: Optimizer.adam(),
    });
    const error = left(await T.run(T.fit(other, { data, epochs: 2, from: await load(here) }))(here.environment)());
    expect(error._tag).toBe('CheckpointError');
    expect(error.message).toContain("dense.kernel is float32[6,8], the model's is float32[6,4]");
    expect(error.message).toContain('batch_normalization.gamma is not in the model');
  });

  it('of another optimizer is refused', async () => {
    const here = world(shared);
    const sgd = T.compile(network, { loss: Loss.sparseCategoricalCrossentropy(), optimizer: Optimizer.sgd() });
    const done = right(await T.run(T.fit(sgd, { data, verbose: 0 }))(here.environment)());
    const error = left(await T.run(T.fit(objective, { data, epochs: 2, from: stateOf(done) }))(here.environment)());
    expect(error).toMatchObject({ _tag: 'FitError', message: expect.stringContaining('of another optimizer') });
  });

  it('whose callback state does not decode is refused by that callback', async () => {
    const here = world(shared);
    await go(here, 1);
    const state = await load(here);
    const broken = { ...state, callbacks: { ...state.callbacks, 'earlyStopping(val_loss)': { wait: 'long' } } };
    const error = left(await T.run(callbacksFor(2, broken))(here.environment)());
    expect(error).toMatchObject({ _tag: 'CallbackError', reason: 'BadState', key: 'earlyStopping(val_loss)' });
  });

  it('has the seed: another one is refused, and so are weights beside it', async () => {
    const here = world(shared);
    const state = stateOf(await go(here, 1));
    const start = (more: T.FitSettings) =>
      T.run(T.fit(objective, { data, epochs: 2, verbose: 0, from: state, ...more }))(here.environment)();
    expect(left(await start({ seed: 6 })).message).toContain('has the seed 5, got 6');
    expect(left(await start({ weights: state.weights })).message).toContain('not both');
    expect(E.isRight(await start({ seed: 5 }))).toBe(true);
  });
});
