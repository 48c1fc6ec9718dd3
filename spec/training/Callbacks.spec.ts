/** Callbacks on real runs: backups, averages of weights, norms, the learning rate's range, and the order of hooks. */
import { readFileSync } from 'node:fs';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import { afterAll, describe, expect, it } from 'vitest';
import { Callback as C, Layer as L, Loss, Metric, Optimizer, type Runtime, Training as T } from '../../src/index.ts';
import type { Directive, Event } from '../../src/training/Event.ts';
import type { Weights } from '../../src/training/State.ts';
import * as State from '../../src/training/State.ts';
import { readEvents } from '../callback/eventFile.ts';
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
  watching,
  world,
} from './support.ts';

const shared: Runtime.Runtime = runtime();
afterAll(shared.close);

const data = flowers(12);
const validation = flowers(6, 9);
const plain = { data, batchSize: 4, verbose: 0 } as const;

const numbers = (weights: Weights, name: string): readonly number[] => Array.from(weights[name]?.data ?? [], Number);
const filesOf = (files: ReadonlyMap<string, Uint8Array>, name: string): State.Checkpoint =>
  right(State.decode(files.get(name) ?? new Uint8Array()));

describe('backupAndRestore', () => {
  const backup = (options: C.BackupOptions = {}) => C.backupAndRestore('run/b.safetensors', options);
  /** A run that dies at an event, as far as anybody can tell from its files. */
  const dying = (at: (e: Event) => boolean) =>
    C.onEvent((e) => (at(e) ? RTE.left(C.callbackError('dying', 'Failed', 'killed')) : RTE.right([])), {
      key: 'dying',
    });

  it.each([
    ['between epochs', {}, (e: Event) => e._tag === 'EpochStarted' && e.epoch === 2],
    ['within an epoch', { saveFreq: 2 }, (e: Event) => e._tag === 'StepEnded' && e.globalStep === 6],
  ] as const)('the same program again goes on where it was killed: %s', async (_, options, at) => {
    const begun = () => T.fit(objective, { ...plain, epochs: 3 });
    const whole = right(
      await T.run(
        pipe(
          begun(),
          backup(options),
          dying(() => false),
        ),
      )(world(shared).environment)(),
    );
    const here = world(shared);
    const killed = left(await T.run(pipe(begun(), backup(options), dying(at)))(here.environment)());
    expect(killed.message).toBe('dying: killed');
    expect(here.files.has('run/b.safetensors')).toBe(true);
    const seen: Event[] = [];
    const again = pipe(
      begun(),
      backup(options),
      dying((e) => {
        seen.push(e);
        return false;
      }),
    );
    const rest = right(await T.run(again)(here.environment)());
    expect(stateBits(stateOf(rest))).toEqual(stateBits(stateOf(whole)));
    expect(seen.filter((e) => e._tag === 'StepEnded').length).toBeLessThan(9);
    // At the end it is gone, so the next run begins anew.
    expect(here.files.size).toBe(0);
  });

  it('takes the backup before when the last one is damaged, and says so', async () => {
    const here = world(shared);
    const settings = { deleteCheckpoint: false, doubleCheckpoint: true };
    right(await T.run(pipe(T.fit(objective, { ...plain, epochs: 2 }), backup(settings)))(here.environment)());
    const last = here.files.get('run/b.safetensors') ?? new Uint8Array();
    here.files.set('run/b.safetensors', last.slice(0, last.length - 9));
    const fit = T.fit(objective, { ...plain, epochs: 3, verbose: 2 });
    const rest = right(await T.run(pipe(fit, backup(settings)))(here.environment)());
    expect(rest.history.epochs).toEqual([0, 1, 2]);
    expect(here.written.join('')).toContain('run/b.safetensors.bkp');
    const alone = backup({ deleteCheckpoint: false });
    here.files.set('run/b.safetensors', last.slice(0, 99));
    expect(left(await T.run(pipe(fit, alone))(here.environment)()).message).toContain('run/b.safetensors');
  });
});

describe('stochasticWeightAveraging', () => {
  const model = L.model(
    L.input([6]),
    L.dense(4),
    L.batchNormalization({ momentum: 0.5 }),
    L.dense(3, { activation: 'softmax' }),
  );
  const normalised = T.compile(model, {
    loss: Loss.sparseCategoricalCrossentropy(),
    optimizer: Optimizer.sgd({ learningRate: 0.1 }),
    metrics: [],
  });

  it('results in the mean of the weights at the ends of epochs, also after a resume', async () => {
    const here = world(shared);
    const averaging = () => C.stochasticWeightAveraging({ startEpoch: 1 });
    const saving = () => C.modelCheckpoint('{epoch}.safetensors');
    const trained = right(
      await T.run(pipe(T.fit(normalised, { ...plain, epochs: 4 }), averaging(), saving()))(here.environment)(),
    );
    const snapshots = [2, 3, 4].map((n) => State.weightsOf(filesOf(here.files, `${n}.safetensors`)));
    for (const name of Object.keys(trained.weights)) {
      const mean = numbers(trained.weights, name).map((_, i) =>
        snapshots.reduce((sum, w) => sum + (numbers(w, name)[i] ?? 0) / 3, 0),
      );
      numbers(trained.weights, name).forEach((x, i) => {
        expect(x).toBeCloseTo(mean[i] ?? 0, 5);
      });
    }
    const saved = filesOf(here.files, '3.safetensors');
    const from = saved._tag === 'State' ? saved.state : undefined;
    const rest = T.fit(normalised, { ...plain, epochs: 4, ...(from === undefined ? {} : { from }) });
    const resumed = right(await T.run(pipe(rest, averaging(), saving()))(here.environment)());
    expect(bits(resumed.weights)).toEqual(bits(trained.weights));
  });

  it('one more epoch at a rate of 0 gives the mean running statistics of its own and nothing else', async () => {
    const { environment } = world(shared);
    const trained = right(
      await T.run(pipe(T.fit(normalised, { ...plain, epochs: 3 }), C.stochasticWeightAveraging()))(environment)(),
    );
    const again = T.fit(normalised, { ...plain, batchSize: 12, epochs: 12, weights: trained.weights });
    const refreshed = right(
      await T.run(
        pipe(
          again,
          C.learningRateScheduler(() => 0),
        ),
      )(environment)(),
    );
    for (const [name, digest] of Object.entries(bits(trained.weights)))
      if (name.includes('moving')) expect(bits(refreshed.weights)[name]).not.toBe(digest);
      else expect(bits(refreshed.weights)[name]).toBe(digest);
    // The mean of the first layer's outputs over the data is what the statistics come to.
    const [kernel, bias] = [numbers(trained.weights, 'dense.kernel'), numbers(trained.weights, 'dense.bias')];
    const x = Array.from((data.x as { readonly data: Float32Array }).data);
    numbers(refreshed.weights, 'batch_normalization.moving_mean').forEach((mean, unit) => {
      let sum = 0;
      for (let n = 0; n < 12; n++)
        for (let i = 0; i < 6; i++) sum += ((x[6 * n + i] ?? 0) * (kernel[4 * i + unit] ?? 0)) / 12;
      expect(mean).toBeCloseTo(sum + (bias[unit] ?? 0), 3);
    });
  });
});

describe('swapEmaWeights', () => {
  const averaging = T.compile(network, {
    loss: Loss.sparseCategoricalCrossentropy(),
    optimizer: Optimizer.adam({ learningRate: 0.05, useEma: true, emaMomentum: 0.9 }),
    metrics: [],
  });

  it('validates with the averages, saves them, and trains as if it were not there', async () => {
    const settings = { ...plain, validation, epochs: 2 };
    const without = right(await T.run(T.fit(averaging, settings))(world(shared).environment)());
    const here = world(shared);
    const fit = pipe(
      T.fit(averaging, settings),
      C.modelCheckpoint('w{epoch}.safetensors', { saveWeightsOnly: true }),
      C.modelCheckpoint('s{epoch}.safetensors'),
      C.swapEmaWeights({ swapOnEpoch: true }),
    );
    const trained = right(await T.run(fit)(here.environment)());
    const { callbacks: _with, ...state } = stateBits(stateOf(trained));
    const { callbacks: _without, ...expected } = stateBits(stateOf(without));
    expect(state.weights).toEqual(expected.weights);
    expect(state.slots).toEqual(expected.slots);
    expect(bits(trained.weights)).toEqual(bits(without.weights));
    // The file of weights has the averages, the train state the weights themselves.
    const averages = State.weightsOf(filesOf(here.files, 'w2.safetensors'));
    expect(bits(averages)).toEqual(bits(trained.weights));
    expect(bits(State.weightsOf(filesOf(here.files, 's2.safetensors')))).toEqual(bits(stateOf(trained).weights));
    const scores = right(await pipe(trained, T.evaluate(validation))(here.environment)());
    expect(trained.history.logs.val_loss?.at(-1)).toBeCloseTo(scores.loss, 6);
    expect(without.history.logs.val_loss?.at(-1)).not.toBeCloseTo(scores.loss, 4);
  });

  it('says that the optimizer keeps no averages', async () => {
    const fit = pipe(T.fit(objective, { ...plain, validation }), C.swapEmaWeights());
    const error = left(await T.run(fit)(world(shared).environment)());
    expect(error).toMatchObject({ _tag: 'CallbackError', key: 'swapEmaWeights' });
    expect(error.message).toContain('useEma');
  });
});

describe('norms', () => {
  it('are those of the gradients, the updates and the weights', async () => {
    const here = world(shared);
    const weights: Weights[] = [];
    const simple = T.compile(L.model(L.input([6]), L.dense(3, { activation: 'softmax' })), {
      loss: Loss.sparseCategoricalCrossentropy(),
      optimizer: Optimizer.sgd({ learningRate: 0.5, clipNorm: 1e-3 }),
      metrics: [],
    });
    const unclipped = T.compile(L.model(L.input([6]), L.dense(3, { activation: 'softmax' })), {
      loss: Loss.sparseCategoricalCrossentropy(),
      optimizer: Optimizer.sgd({ learningRate: 0.5 }),
      metrics: [],
    });
    const reading = watching((e) => {
      if (e._tag === 'WeightsRead') weights.push(e.weights);
      return e._tag === 'RunStarted' || e._tag === 'EpochEnded' ? [{ _tag: 'ReadWeights' }] : undefined;
    });
    const fit = T.fit(unclipped, { ...plain, batchSize: 12, epochs: 2 });
    const trained = right(await T.run(pipe(fit, C.norms(), reading))(here.environment)());
    const norm = (a: Weights | undefined, b?: Weights) =>
      Math.hypot(
        ...Object.keys(a ?? {}).flatMap((name) =>
          numbers(a ?? {}, name).map((x, i) => x - (b === undefined ? 0 : (numbers(b, name)[i] ?? 0))),
        ),
      );
    const logs = trained.history.logs;
    for (const epoch of [0, 1]) {
      const update = norm(weights[epoch + 1], weights[epoch]);
      expect(logs.update_norm?.[epoch]).toBeCloseTo(update, 5);
      expect(logs.gradient_norm?.[epoch]).toBeCloseTo(update / 0.5, 5);
      expect(logs.weight_norm?.[epoch]).toBeCloseTo(norm(weights[epoch]), 5);
    }
    const clipped = right(
      await T.run(pipe(T.fit(simple, { ...plain, batchSize: 12 }), C.norms({ of: ['gradient_norm'] })))(
        here.environment,
      )(),
    );
    expect(clipped.history.logs.gradient_norm?.[0]).toBeCloseTo(logs.gradient_norm?.[0] ?? 0, 5);
    expect(Object.keys(clipped.history.logs)).toEqual(['gradient_norm', 'loss']);
  });

  it('do not depend on how steps are grouped, nor change the training', async () => {
    const run = async (stepsPerRun: number, measured: boolean) => {
      const fit = T.fit(objective, { ...plain, validation, epochs: 2, stepsPerRun });
      const { environment } = world(shared);
      return right(await (measured ? T.run(pipe(fit, C.norms())) : T.run(fit))(environment)());
    };
    const [one, three, without] = [await run(1, true), await run(3, true), await run(3, false)];
    expect(one.history).toEqual(three.history);
    expect(bits(three.weights)).toEqual(bits(without.weights));
    expect(Object.keys(three.history.logs)).not.toContain('val_gradient_norm');
  });
});

describe('learningRateFinder', () => {
  it('tests a range, finds where the loss falls, and leaves the weights as they were', async () => {
    const sgd = T.compile(network, {
      loss: Loss.sparseCategoricalCrossentropy(),
      optimizer: Optimizer.sgd({ learningRate: 0.01 }),
      metrics: [],
    });
    const { environment } = world(shared);
    const fit = pipe(
      T.fit(sgd, { data: flowers(200), batchSize: 20, epochs: 10, verbose: 0 }),
      C.learningRateFinder({ from: 1e-4, to: 100, steps: 60 }),
    );
    const trained = right(await T.run(fit)(environment)());
    expect(bits(trained.weights)).toEqual(bits(right(T.untrained(0)(sgd)).weights));
    expect(stateOf(trained).learningRate).toBe(Math.fround(0.01));
    const { rates, losses, suggestions } = right(C.foundLearningRate()(trained));
    expect(rates.length).toBe(losses.length);
    expect(rates.length).toBeGreaterThan(20);
    expect(Math.min(...losses.slice(20))).toBeLessThan(losses[0] ?? 0);
    expect(suggestions.valley).toBeGreaterThan(1e-3);
    expect(suggestions.valley).toBeLessThan(100);
  });
});

describe('tensorBoard', () => {
  it('has scalars and histograms of a real run', async () => {
    const here = world(shared);
    const fit = pipe(
      T.fit(objective, { ...plain, validation, epochs: 2 }),
      C.norms(),
      C.tensorBoard('tb', { histogramFreq: 1 }),
    );
    const trained = right(await T.run(fit)(here.environment)());
    const name = [...here.files.keys()].find((path) => path.startsWith('tb/train/')) ?? '';
    const told = readEvents(here.files.get(name)).flatMap(({ step, what }) =>
      typeof what === 'string' ? [] : [{ step, what }],
    );
    const epochs = told.filter(({ what }) => 'epoch_loss' in what);
    expect(epochs.map(({ step }) => step)).toEqual([0, 1]);
    expect(epochs[1]?.what.epoch_loss).toBeCloseTo(trained.history.logs.loss?.[1] ?? 0, 6);
    expect(Object.keys(epochs[0]?.what ?? {})).toContain('epoch_gradient_norm');
    const histograms = told.filter(({ what }) => Object.keys(what).every((tag) => tag.endsWith('/histogram')));
    expect(Object.keys(histograms[0]?.what ?? {}).sort()).toEqual(
      Object.keys(trained.weights)
        .map((n) => `${n.replaceAll('.', '/')}/histogram`)
        .sort(),
    );
    expect(histograms[0]?.what['dense/kernel/histogram']).toBe(48);
  });
});

describe('the order of callbacks', () => {
  it('never changes what a checkpoint has: saving is carried out last', async () => {
    const asking = (key: string, directive: Directive) =>
      watching((e) => (e._tag === 'EpochEnded' ? [directive] : undefined), key);
    const all = [
      asking('a', { _tag: 'Save', path: 's', what: 'state' }),
      asking('b', { _tag: 'SetLearningRate', value: 0.25 }),
      asking('c', { _tag: 'Remember', slot: 'kept' }),
    ] as const;
    const orders = [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ] as const;
    const states: unknown[] = [];
    for (const [i, j, k] of orders) {
      const here = world(shared);
      right(await T.run(pipe(T.fit(objective, plain), all[i], all[j], all[k]))(here.environment)());
      const saved = filesOf(here.files, 's');
      states.push(
        saved._tag === 'State'
          ? { ...stateBits(saved.state), position: { ...saved.state.position, pending: [] } }
          : saved,
      );
    }
    for (const state of states) expect(state).toEqual(states[0]);
    expect(states[0]).toMatchObject({ learningRate: 0.25, remembered: { kept: expect.anything() } });
  });
});

describe('the times of steps', () => {
  it('of one call of onnxruntime share out what it took', async () => {
    const times: number[] = [];
    const noting = watching((e) => {
      if (e._tag === 'StepEnded') times.push(e.time);
      return undefined;
    });
    let now = 0;
    const clock = { now: () => (now += 100) };
    const fit = T.fit(objective, { ...plain, batchSize: 2, stepsPerRun: 4, shuffle: false });
    right(await T.run(pipe(fit, noting))({ ...world(shared).environment, clock })());
    // Six steps, four of them in the first call: 100 ms by this clock, as is the second.
    const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    expect(gaps).toEqual([25, 25, 25, expect.any(Number), 50]);
    expect(gaps[3]).toBeLessThan(200);
  });
});

describe("Keras's order of hooks", () => {
  type Hook = readonly [hook: string, ...rest: readonly unknown[]];
  const golden = (
    JSON.parse(readFileSync(new URL('../golden/keras-goldens.json', import.meta.url), 'utf8')) as {
      readonly cases: readonly { readonly kind: string; readonly expected: { readonly fit: readonly Hook[] } }[];
    }
  ).cases.filter(({ kind }) => kind === 'callback_events');

  /** Hooks before a batch and around validation batches have no event here; logs of a run's start and end are the epochs'. */
  const hookOf = (e: Event): Hook | undefined => {
    switch (e._tag) {
      case 'RunStarted':
        return ['train_begin'];
      case 'EpochStarted':
        return ['epoch_begin', e.epoch];
      case 'StepEnded':
        return ['train_batch_end', e.step, Object.keys(e.logs)];
      case 'ValidationStarted':
        return ['test_begin'];
      case 'ValidationEnded':
        return ['test_end', Object.keys(e.logs).map((key) => key.replace('val_', ''))];
      case 'EpochEnded':
        return ['epoch_end', e.epoch, Object.keys(e.logs)];
      case 'RunEnded':
        return ['train_end'];
      default:
        return undefined;
    }
  };

  it('is that of events, and their logs have the same keys', async () => {
    const regression = T.compile(L.model(L.input([6]), L.dense(3, { activation: 'softmax' })), {
      loss: Loss.sparseCategoricalCrossentropy(),
      optimizer: Optimizer.sgd(),
      metrics: [Metric.sparseCategoricalAccuracy({ name: 'mae' })],
    });
    const hooks: Hook[] = [];
    const recording = watching((e) => {
      const hook = hookOf(e);
      if (hook !== undefined) hooks.push(hook);
      return undefined;
    });
    const fit = T.fit(regression, { data: flowers(8), validation: flowers(4, 2), batchSize: 4, epochs: 2, verbose: 0 });
    right(await T.run(pipe(fit, recording))(world(shared).environment)());
    expect(golden).toHaveLength(1);
    const without = ['train_batch_begin', 'test_batch_begin', 'test_batch_end'];
    const expected = (golden[0]?.expected.fit ?? [])
      .filter(([hook]) => !without.includes(hook))
      .map((hook) => {
        const logless = ['train_begin', 'epoch_begin', 'test_begin', 'train_end'].includes(hook[0]);
        return logless ? hook.slice(0, -1) : hook;
      });
    expect(hooks).toEqual(expected);
  });
});

describe('remote', () => {
  it('asks the environment for HTTP, and the run waits for what is under way', async () => {
    const bodies: string[] = [];
    const http = {
      post: ({ body }: { readonly body: string }) =>
        TE.fromTask(async () => {
          await new Promise((resolve) => setTimeout(resolve, 5));
          bodies.push(body);
        }),
    };
    const fit = pipe(T.fit(objective, { ...plain, epochs: 2 }), C.remote('u', { events: ['EpochEnded', 'RunEnded'] }));
    const { environment } = world(shared);
    // @ts-expect-error the environment has no http
    T.run(fit)(environment);
    right(await T.run(fit)({ ...environment, http })());
    expect(bodies.map((body) => JSON.parse(body).event)).toEqual(['EpochEnded', 'EpochEnded', 'RunEnded']);
  });
});

describe('a monitor', () => {
  it('with a key known at run time only is a typed error that lists what there is', async () => {
    const monitor: string = 'val_los';
    const fit = pipe(T.fit(objective, { ...plain, validation }), C.earlyStopping({ monitor }));
    const error = left(await T.run(fit)(world(shared).environment)());
    expect(error).toMatchObject({ _tag: 'CallbackError', reason: 'UnknownMonitor' });
    expect(error.message).toContain('there are loss, accuracy, val_loss, val_accuracy');
  });
});
