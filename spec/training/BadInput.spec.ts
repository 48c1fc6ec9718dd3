/** What cannot be trained is refused before the first step, with what was expected, what came, and where. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import { afterAll, describe, expect, it } from 'vitest';
import {
  Callback as C,
  Data as D,
  Layer as L,
  Loss,
  Metric,
  Model,
  NdArray,
  Optimizer,
  Training as T,
} from '../../src/index.ts';
import { counted, flowers, left, network, noise, objective, right, runtime, watching, world } from './support.ts';

const shared = runtime();
afterAll(shared.close);

const data = flowers(10);
const watched = counted(shared);
const { environment } = world(watched.runtime);

type AnyRun = Parameters<typeof T.run>[0];

/** The error of a run, which must not have taken a step. */
const refusal = async (run: unknown): Promise<T.TrainingError> => {
  const steps: number[] = [];
  const looking = watching((e) => {
    if (e._tag === 'StepEnded') steps.push(e.step);
  }, 'looking');
  const result = await T.run(looking(run as AnyRun) as AnyRun)(environment as never)();
  expect(steps).toEqual([]);
  expect(watched.live()).toEqual({ sessions: 0, residents: 0 });
  return left(result);
};

/** `fit` with what its type would not let through. */
const fitting = (options: object, o: unknown = objective) =>
  T.fit(o as typeof objective, { data, verbose: 0, ...options } as never);

/** The objective with parts that its type would not let through. */
const compiled = (parts: object): unknown =>
  T.compile(
    network as never,
    {
      loss: Loss.sparseCategoricalCrossentropy(),
      optimizer: Optimizer.sgd(),
      ...parts,
    } as never,
  );

const only = (x: D.Samples<never> | unknown, y: unknown) => right(D.dataset({ x, y } as never));

describe('data', () => {
  it('of another shape', async () => {
    const wide = only(D.floats([7], noise(70)), D.ints([], Array(10).fill(0)));
    expect(await refusal(fitting({ data: wide }))).toEqual({
      _tag: 'FitError',
      message: "fit: the model's input is [6], the dataset's [7]",
    });
    const square = only(D.floats([2, 3], noise(60)), D.ints([], Array(10).fill(0)));
    expect((await refusal(fitting({ data: square }))).message).toBe(
      "fit: the model's input is [6], the dataset's [2,3]",
    );
  });

  it('of another element type', async () => {
    const tokens = only(D.ints([6], Array(60).fill(1)), D.ints([], Array(10).fill(0)));
    expect((await refusal(fitting({ data: tokens }))).message).toBe(
      "fit: the model's input is [6], the dataset's int32[6]; make them with floats",
    );
    const scores = only(D.floats([6], noise(60)), D.floats([], noise(10)));
    expect((await refusal(fitting({ data: scores }))).message).toBe(
      "fit: the model's target is int32[], the dataset's []; make them with ints",
    );
  });

  it('with targets of another shape', async () => {
    const hot = right(D.oneHot(3)(data));
    expect((await refusal(fitting({ data: hot }))).message).toBe(
      "fit: the model's target is int32[], the dataset's [3]",
    );
  });

  it('with a label that is no class: the sample is named', async () => {
    const labels = [0, 1, 2, 0, 1, 2, 3, 0, 1, 9];
    const wrong = only(D.floats([6], noise(60)), D.ints([], labels));
    const { message } = await refusal(fitting({ data: wrong }));
    expect(message).toContain('sparse_categorical_crossentropy expects targets that are whole numbers from 0 to 2');
    expect(message).toContain('sample 6 of the data has 3');
    const negative = only(
      D.floats([6], noise(60)),
      D.ints(
        [],
        labels.map((l) => (l > 2 ? -1 : l)),
      ),
    );
    expect((await refusal(fitting({ data: negative }))).message).toContain('sample 6 of the data has -1');
  });

  it('for validation that does not fit', async () => {
    const wrong = only(D.floats([6], noise(12)), D.ints([], [0, 5]));
    expect((await refusal(fitting({ validation: wrong }))).message).toContain('sample 1 of the validation data has 5');
    const wide = only(D.floats([7], noise(14)), D.ints([], [0, 1]));
    expect((await refusal(fitting({ validation: wide }))).message).toContain("input is [6], the validation data's [7]");
  });

  it('with a probability that is none', async () => {
    const binary = T.compile(L.model(L.input([6]), L.dense(2, { activation: 'sigmoid' })), {
      loss: Loss.binaryCrossentropy(),
      optimizer: Optimizer.sgd(),
    });
    const wrong = right(D.dataset({ x: D.floats([6], noise(12)), y: D.floats([2], [0, 1, 0.5, 1.5]) }));
    const { message } = await refusal(fitting({ data: wrong }, binary));
    expect(message).toContain(
      'binary_crossentropy expects targets that are numbers from 0 to 1; sample 1 of the data has 1.5',
    );
  });

  it('that are not finite, or not there, never become a data set', () => {
    const nan = D.dataset({ x: D.floats([2], [1, 2, 3, Number.NaN]), y: D.ints([], [0, 1]) });
    expect(left(nan)).toMatchObject({ _tag: 'InvalidNumber' });
    expect(left(nan).message).toMatch(/sample 1/);
    expect(left(D.dataset({ x: D.floats([2], []), y: D.ints([], []) }))).toMatchObject({ _tag: 'Empty' });
  });

  it('that name inputs which the model has not, or lack some', async () => {
    const sums = T.compile(
      Model.graph({ a: [2], b: [3] }, ({ a, b }) => pipe(L.concatenate(a, b), L.dense(1))),
      { loss: Loss.meanSquaredError(), optimizer: Optimizer.sgd() },
    );
    const part = (n: number) => D.floats([n], noise(10 * n));
    const y = D.floats([1], noise(10));
    expect((await refusal(fitting({ data: only({ a: part(2) }, y) }, sums))).message).toContain(
      "input 'b' is not in the data",
    );
    const spare = await refusal(fitting({ data: only({ a: part(2), b: part(3), c: part(4) }, y) }, sums));
    expect(spare.message).toContain("the data have 'c', which is no input of the model; its inputs are 'a', 'b'");
    const two = await refusal(fitting({ data: only({ a: part(2), b: part(3) }, { p: y, q: y }) }, sums));
    expect(two.message).toContain('expects one target, the data have 2');
    expect((await refusal(fitting({ data: only({ a: part(6), b: part(6) }, y) }))).message).toContain(
      "input 'input' is not in the data",
    );
  });

  it('of several element types train alike: bytes, and floats to validate on', async () => {
    const pixels = right(
      D.dataset({
        x: D.bytes(
          [6],
          Array.from({ length: 60 }, (_, i) => i),
        ),
        y: D.ints([], Array(10).fill(1)),
      }),
    );
    const run = T.fit(objective, { data: pixels, validation: data, verbose: 0 });
    expect(E.isRight(await T.run(run)(environment)())).toBe(true);
    expect(E.isRight(await T.run(T.fit(objective, { data, validation: pixels, verbose: 0 }))(environment)())).toBe(
      true,
    );
  });
});

describe('settings', () => {
  it.each([
    ['epochs', 0],
    ['epochs', -1],
    ['epochs', 1.5],
    ['epochs', Number.NaN],
    ['batchSize', 0],
    ['batchSize', 2.5],
    ['validationBatchSize', -3],
    ['stepsPerRun', 0],
    ['stepsPerRun', Number.POSITIVE_INFINITY],
  ])('%s: %d', async (name, value) => {
    expect(await refusal(fitting({ [name]: value }))).toEqual({
      _tag: 'FitError',
      message: `fit: ${name} must be a positive integer, got ${value}`,
    });
  });

  it.each([-1, 0.5, Number.NaN])('seed: %d', async (seed) => {
    expect((await refusal(fitting({ seed }))).message).toContain(`seed must be a whole number, 0 or more, got ${seed}`);
  });

  it('a batch larger than the data', async () => {
    expect((await refusal(fitting({ batchSize: 11 }))).message).toBe(
      'fit: batchSize 11 is larger than the 10 samples; give at most 10, or more data',
    );
    const { message } = await refusal(fitting({ validation: flowers(3), validationBatchSize: 4 }));
    expect(message).toContain('validationBatchSize 4 is larger than the 3 samples');
  });

  it('a share for validation that leaves nothing', async () => {
    for (const validationSplit of [0, 1, 0.999]) {
      const error = await refusal(fitting({ validationSplit }));
      expect(error).toMatchObject({ _tag: 'InvalidArgument' });
      expect(error.message).toContain(String(validationSplit));
    }
  });
});

describe('objectives', () => {
  it('with a model whose shapes do not fit, which the compiler could not see', async () => {
    const units: number = 5;
    const wrong = T.compile(L.model(L.input([6]), L.dense(units), L.reshape([4])) as unknown as typeof network, {
      loss: Loss.sparseCategoricalCrossentropy(),
      optimizer: Optimizer.sgd(),
    });
    const error = await refusal(fitting({}, wrong));
    expect(error._tag).toBe('ModelError');
    expect(error.message).toContain('reshape');
  });

  it('with options of the optimizer that make no sense: all are listed', async () => {
    const wrong = { ...objective, optimizer: Optimizer.adam({ learningRate: -1, beta1: 1, clipNorm: 0 }) };
    const error = await refusal(fitting({}, wrong));
    expect(error._tag).toBe('FitError');
    for (const part of ['learningRate must be', 'got -1', 'beta1 must be', 'clipNorm must be'])
      expect(error.message).toContain(part);
  });

  it('with a loss that does not go with the output', async () => {
    const one = L.model(L.input([6]), L.dense(1));
    const wrong = T.compile(
      one as never,
      { loss: Loss.sparseCategoricalCrossentropy(), optimizer: Optimizer.sgd() } as never,
    );
    expect((await refusal(fitting({}, wrong))).message).toContain('has one class; use binaryCrossentropy');
  });

  it('with a metric that does not go with the target', async () => {
    const wrong = compiled({ metrics: [Metric.categoricalAccuracy()] });
    const { message } = await refusal(fitting({}, wrong));
    expect(message).toContain('expects targets [batch,3] with outputs [batch,3], got int32[batch]');
  });

  it('with metrics whose names mean something else', async () => {
    const named = (...names: string[]) =>
      compiled({ metrics: names.map((name) => Metric.sparseCategoricalAccuracy({ name })) });
    expect((await refusal(fitting({}, named('same', 'same')))).message).toContain("two metrics have the name 'same'");
    expect((await refusal(fitting({}, named('loss')))).message).toContain("a metric has the name 'loss'");
    expect((await refusal(fitting({}, named('val_loss')))).message).toContain("a metric has the name 'val_loss'");
  });

  it('with a formula that throws', async () => {
    const wrong = compiled({
      metrics: [
        Metric.custom('broken', 'min', () => {
          throw new Error('no such formula');
        }),
      ],
      loss: Loss.custom('quiet', (output) => output),
    });
    const floats = right(D.dataset({ x: D.floats([6], noise(60)), y: D.floats([3], noise(30)) }));
    expect((await refusal(fitting({ data: floats }, wrong))).message).toContain('no such formula');
  });
});

describe('callbacks', () => {
  it('that monitor what is not logged', async () => {
    const monitor: string = 'val_acuracy';
    const error = await refusal(pipe(T.fit(objective, { data, verbose: 0 }), C.earlyStopping({ monitor })));
    expect(error).toMatchObject({ _tag: 'CallbackError', reason: 'UnknownMonitor', key: 'earlyStopping(val_acuracy)' });
    expect(error.message).toContain("monitor 'val_acuracy' is not logged by this run; there are loss, accuracy");
    expect(error.message).toContain('val_ keys are there when the run has validation data');
  });

  it('two of one key', async () => {
    const twice = pipe(
      T.fit(objective, { data, validation: flowers(4), verbose: 0 }),
      C.earlyStopping({ patience: 1 }),
      C.earlyStopping({ patience: 2 }),
    );
    const error = await refusal(twice);
    expect(error).toMatchObject({ _tag: 'CallbackError', reason: 'DuplicateKey', key: 'earlyStopping(val_loss)' });
    const apart = pipe(
      T.fit(objective, { data, validation: flowers(4), verbose: 0 }),
      C.earlyStopping({ patience: 1 }),
      C.earlyStopping({ patience: 2, key: 'second' }),
    );
    expect(E.isRight(await T.run(apart)(environment)())).toBe(true);
  });

  it('with options that make no sense', async () => {
    const error = await refusal(
      pipe(T.fit(objective, { data, verbose: 0 }), C.reduceLROnPlateau({ monitor: 'loss', factor: 2 })),
    );
    expect(error).toMatchObject({ _tag: 'CallbackError', reason: 'InvalidOption' });
  });
});

describe('predict and evaluate', () => {
  const start = right(T.untrained(0)(objective));
  const predicting = async (given: unknown, options: T.PredictOptions = {}) =>
    left(
      await pipe(
        start,
        T.predict(given as NdArray.NdArray<['batch', 6]>, options) as never as (s: unknown) => ReturnType<typeof T.run>,
      )(environment as never)(),
    );

  it('say what was expected and what came', async () => {
    expect((await predicting(right(NdArray.float32([2, 7], noise(14))))).message).toBe(
      "predict: the model's input is [6], got [7]",
    );
    expect((await predicting(right(NdArray.float32([6], noise(6))))).message).toContain('input is [6], got []');
    expect((await predicting(right(NdArray.float32([0, 6], [])))).message).toContain('at least one sample, got none');
  });

  it('refuse batch sizes that make no sense', async () => {
    const two = right(NdArray.float32([2, 6], noise(12)));
    for (const batchSize of [0, -1, 1.5, Number.NaN]) {
      expect((await predicting(two, { batchSize })).message).toBe(
        `predict: batchSize must be a positive integer, got ${batchSize}`,
      );
      const scores = left(await pipe(start, T.evaluate(data, { batchSize }))(environment)());
      expect(scores.message).toBe(`evaluate: batchSize must be a positive integer, got ${batchSize}`);
    }
  });

  it('refuse arrays whose data are not as many as their shape says', async () => {
    const torn = { dtype: 'float32', shape: [2, 6], data: new Float32Array(7) };
    expect((await predicting(torn))._tag).toBe('RuntimeError');
  });

  it('refuse data that do not fit', async () => {
    const wide = right(D.dataset({ x: D.floats([7], noise(14)), y: D.ints([], [0, 1]) }));
    const error = left(await pipe(start, T.evaluate(wide as never))(environment)());
    expect(error.message).toContain("input is [6], the dataset's [7]");
  });

  it('refuse weights of another shape', () => {
    const wrong = { ...start.weights, 'dense.bias': right(NdArray.float32([2], [0, 0])) };
    expect(left(T.withWeights(wrong)(objective)).message).toContain(
      "dense.bias is float32[2], the model's is float32[8]",
    );
  });
});

describe('an environment that throws', () => {
  it('ends the run as an error', async () => {
    const run = pipe(T.fit(objective, { data, verbose: 0 }), C.modelCheckpoint('x.safetensors'));
    const broken = {
      ...environment,
      fileSystem: {
        ...environment.fileSystem,
        writeFile: () => {
          throw new Error('no disk');
        },
      },
    };
    expect(left(await T.run(run)(broken)()).message).toContain('no disk');
    expect(watched.live()).toEqual({ sessions: 0, residents: 0 });
    expect(await RTE.of(1)({})()).toEqual(E.right(1));
  });
});
