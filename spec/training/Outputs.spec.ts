/** Models with several outputs: the numbers of Keras and PyTorch, laws, files, and what is refused. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as ort from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import * as History from '../../src/callback/History.ts';
import {
  Callback as C,
  Data as D,
  Layer as L,
  Loss,
  Metric,
  Model,
  Optimizer,
  Training as T,
} from '../../src/index.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { resolvedOf } from '../interpret/support.ts';
import { array, goldens, mismatch, numbers, type Tensor } from '../objective/cases.ts';
import { fromTensor, toTensor } from '../support/evaluate.ts';
import { bits, left, noise, right, runtime, stateBits, stateOf, world } from './support.ts';

const shared = runtime();
afterAll(shared.close);
const { environment: env, files } = world(shared);

const run = async <A>(program: RTE.ReaderTaskEither<T.Environment, T.TrainingError, A>): Promise<A> =>
  right(await program(env)());

const logsOf = (trained: { readonly history: History.History }) => History.values(trained.history);

// -------------------------------------------------------------------------------------
// Keras
// -------------------------------------------------------------------------------------

interface Fit {
  readonly x: Tensor;
  readonly y: readonly [Tensor, Tensor];
  readonly initial_weights: readonly Tensor[];
}
interface Fitted {
  readonly history_keys: readonly string[];
  readonly history: Readonly<Record<string, readonly number[]>>;
  readonly final_weights: readonly Tensor[];
}

describe("fit as Keras's", () => {
  it.each(goldens<Fit, Fitted>('fit', ['multi_output_loss_weights']))(
    '$id',
    async ({ hyperparameters, inputs, expected, tolerance }) => {
      const objective = T.compile(
        Model.graph([2], (x) => ({ a: L.dense(1)(x), b: L.dense(1, { activation: 'sigmoid' })(x) })),
        {
          loss: { a: Loss.meanSquaredError(), b: Loss.binaryCrossentropy() },
          lossWeights: { a: 1, b: 0.5 },
          metrics: { a: [Metric.meanAbsoluteError({ name: 'mae' })], b: [Metric.accuracy()] },
          optimizer: Optimizer.sgd({ learningRate: 0.1 }),
        },
      );
      const dataset = (x: Tensor, [a, b]: readonly [Tensor, Tensor]) =>
        right(
          D.dataset({
            x: D.floats([2], numbers(x)),
            y: { a: D.floats([1], numbers(a)), b: D.floats([1], numbers(b)) },
          }),
        );
      const names = resolvedOf(objective.model).parameters.map((p) => p.name);
      const weights = Object.fromEntries(names.map((name, i) => [name, array(inputs.initial_weights[i] as Tensor)]));
      const { fit } = hyperparameters as unknown as {
        fit: { validation_data: [Tensor, [Tensor, Tensor]]; batch_size: number; epochs: number };
      };
      const trained = await run(
        pipe(
          T.fit(objective, {
            data: dataset(inputs.x, inputs.y),
            validation: dataset(...fit.validation_data),
            batchSize: fit.batch_size,
            epochs: fit.epochs,
            shuffle: false,
            verbose: 0,
            weights,
          }),
          T.run,
        ),
      );
      const logs = logsOf(trained);
      expect(Object.keys(logs)).toEqual(expected.history_keys);
      for (const key of expected.history_keys)
        expect(mismatch(logs[key] ?? [], expected.history[key] ?? [], tolerance), key).toBeUndefined();
      names.forEach((name, i) => {
        const want = numbers(expected.final_weights[i] as Tensor);
        expect(mismatch(trained.weights[name]?.data as Float32Array, want, tolerance), name).toBeUndefined();
      });
    },
  );
});

// -------------------------------------------------------------------------------------
// PyTorch
// -------------------------------------------------------------------------------------

type Logs = Readonly<Record<string, readonly number[]>>;

interface Numbers {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface Curve {
  readonly batch_size: number;
  readonly l2: number;
  readonly loss_weights: { readonly place: number; readonly kind: number };
  readonly words: Numbers;
  readonly age: Numbers;
  readonly place: Numbers;
  readonly kind: readonly number[];
  readonly sample_weight: readonly number[];
  readonly initial_weights: Readonly<Record<string, Numbers>>;
  readonly first: Readonly<Record<string, number>>;
  readonly gradients: Readonly<Record<string, Numbers>>;
  readonly logs: Logs;
  readonly final_weights: Readonly<Record<string, Numbers>>;
}

const curve: Curve = JSON.parse(readFileSync(new URL('../golden/outputs.json', import.meta.url), 'utf8'));

const float32 = ({ shape, data }: Numbers): NdArray => ({ dtype: 'float32', shape, data: Float32Array.from(data) });

const mapped = <A, B>(record: Readonly<Record<string, A>>, f: (a: A, name: string) => B) =>
  Object.fromEntries(Object.entries(record).map(([name, a]) => [name, f(a, name)]));

describe("losses and gradients are PyTorch's", () => {
  const model = Model.graph({ words: [5], age: [1] }, ({ words, age }) => {
    const trunk = L.dense(7, { activation: 'tanh', kernelRegularizer: L.Regularizer.l2(curve.l2) });
    const h = pipe(L.concatenate(words, age), trunk);
    return { place: L.dense(2)(h), kind: L.dense(3, { activation: 'softmax' })(h) };
  });
  const objectiveWith = (optimizer: Optimizer.Optimizer) =>
    T.compile(model, {
      loss: { place: Loss.huber(), kind: Loss.sparseCategoricalCrossentropy() },
      lossWeights: curve.loss_weights,
      optimizer,
    });
  const data = right(
    D.dataset({
      x: { words: D.floats([5], curve.words.data), age: D.floats([1], curve.age.data) },
      y: { place: D.floats([2], curve.place.data), kind: D.ints([], curve.kind) },
    }),
  );
  const settings = {
    data,
    sampleWeight: { kind: curve.sample_weight },
    shuffle: false,
    verbose: 0,
    weights: mapped(curve.initial_weights, float32),
  } as const;

  it('at the initial weights: what one step of plain descent takes off', async () => {
    const objective = objectiveWith(Optimizer.sgd({ learningRate: 1 }));
    const trained = await run(T.run(T.fit(objective, { ...settings, batchSize: curve.kind.length })));
    const logs = logsOf(trained);
    for (const [key, value] of Object.entries(curve.first)) expect(logs[key]?.[0], key).toBeCloseTo(value, 6);
    for (const [name, gradient] of Object.entries(curve.gradients)) {
      const before = curve.initial_weights[name]?.data ?? [];
      const after = trained.weights[name]?.data as Float32Array;
      const taken = before.map((w, i) => w - (after[i] as number));
      expect(mismatch(taken, gradient.data, { rtol: 1e-5, atol: 1e-6 }), name).toBeUndefined();
    }
  });

  it.each([7, 'auto'] as const)('forty steps of Adam, %s steps a run', async (stepsPerRun) => {
    const objective = objectiveWith(Optimizer.adam({ learningRate: 0.02 }));
    const seen: Record<string, number[]> = { loss: [], place_loss: [], kind_loss: [] };
    let before: Record<string, number> = {};
    const record = C.on('StepEnded', ({ step, logs, samples }) => {
      const last = step === 0 ? 0 : (before.samples as number);
      for (const [key, list] of Object.entries(seen)) {
        const sum = (logs[key] as number) * samples;
        list.push((sum - (step === 0 ? 0 : (before[key] as number))) / (samples - last));
        before = { ...before, [key]: sum };
      }
      before = { ...before, samples };
      return RTE.right([]);
    });
    const fit = T.fit(objective, { ...settings, batchSize: curve.batch_size, epochs: 10, stepsPerRun });
    const trained = await run(pipe(fit, record, T.run));
    for (const [key, want] of Object.entries(curve.logs))
      expect(mismatch(seen[key] ?? [], want, { rtol: 1e-4, atol: 1e-5 }), key).toBeUndefined();
    for (const [name, want] of Object.entries(curve.final_weights))
      expect(
        mismatch(trained.weights[name]?.data as Float32Array, want.data, { rtol: 1e-3, atol: 1e-4 }),
        name,
      ).toBeUndefined();
  });
});

// -------------------------------------------------------------------------------------
// a small problem
// -------------------------------------------------------------------------------------

const twin = Model.graph([4], (x) => {
  const h = pipe(x, L.dense(5, { activation: 'tanh' }), L.dropout(0.2));
  return {
    size: L.named('size', L.dense(1))(h),
    kind: L.named('kind', L.dense(3, { activation: 'softmax' }))(h),
  };
});

const size = noise(18, 2);
const kind = noise(18, 3).map((v) => Math.abs(Math.floor(v * 3)) % 3);
const xs = D.floats([4], noise(72));
const scenes = right(D.dataset({ x: xs, y: { size: D.floats([1], size), kind: D.ints([], kind) } }));

const losses = { size: Loss.meanSquaredError(), kind: Loss.sparseCategoricalCrossentropy() };
const optimizer = Optimizer.adam({ learningRate: 0.02 });
const both = T.compile(twin, {
  loss: losses,
  lossWeights: { size: 0.5 },
  metrics: { kind: [Metric.accuracy()] },
  optimizer,
});
const settings = { data: scenes, batchSize: 5, epochs: 2, seed: 4, verbose: 0 } as const;

type Weighing = Pick<T.FitSettings, 'sampleWeight' | 'classWeight' | 'validationSampleWeight'>;

const weightsWith = async (options: Weighing) =>
  bits((await run(T.run(T.fit(both, { ...settings, ...options })))).weights);

// -------------------------------------------------------------------------------------
// laws
// -------------------------------------------------------------------------------------

describe('the sum of losses', () => {
  const plain = Model.graph([4], (x) => {
    const h = L.dense(3, { activation: 'tanh' })(x);
    return { size: L.dense(1)(h), kind: L.dense(3, { activation: 'softmax' })(h) };
  });
  const weights = (p: number, q: number) =>
    T.compile(plain, {
      loss: losses,
      lossWeights: { size: p, kind: q },
      optimizer: Optimizer.sgd({ learningRate: 0.1 }),
    });
  const scaled = (p: number, q: number) =>
    T.compile(plain, {
      loss: { size: pipe(losses.size, Loss.scale(p)), kind: pipe(losses.kind, Loss.scale(q)) },
      optimizer: Optimizer.sgd({ learningRate: 0.1 }),
    });

  /** The loss of all samples, and what one step of descent changes. */
  const stepOf = async (objective: ReturnType<typeof weights>): Promise<readonly number[]> => {
    const untrained = right(T.untrained(9)(objective));
    const options = { data: scenes, batchSize: 18, shuffle: false, verbose: 0, weights: untrained.weights } as const;
    const trained = await run(T.run(T.fit(objective, options)));
    const changes = Object.entries(trained.weights).flatMap(([name, { data }]) =>
      Array.from(data as Float32Array, (v, i) => v - Number(untrained.weights[name]?.data[i])),
    );
    return [logsOf(trained).loss?.[0] as number, ...changes];
  };

  it('and its gradient are linear in the weights; weights of losses are the same as losses that are scaled', async () => {
    const [a, b] = [await stepOf(weights(1, 0)), await stepOf(weights(0, 1))];
    const factor = fc.float({ min: -3, max: 3, noNaN: true });
    await fc.assert(
      fc.asyncProperty(factor, factor, async (p, q) => {
        const want = a.map((v, i) => expect.closeTo(p * v + q * (b[i] as number), 5));
        expect(await stepOf(weights(p, q))).toEqual(want);
        expect(await stepOf(scaled(p, q))).toEqual(want);
      }),
      { numRuns: 4 },
    );
  });

  it('does not have its weights in the logs of the single losses', async () => {
    const logs = logsOf(await run(T.run(T.fit(both, { ...settings, epochs: 1 }))));
    expect(Object.keys(logs)).toEqual(['kind_accuracy', 'kind_loss', 'loss', 'size_loss']);
    expect(logs.loss?.[0]).toBeCloseTo(0.5 * (logs.size_loss?.[0] as number) + (logs.kind_loss?.[0] as number), 5);
  });

  it('of one loss for all outputs is that of the loss for each', async () => {
    const model = Model.graph([4], (x) => ({ a: L.dense(1)(x), b: L.dense(2)(x) }));
    const data = right(D.dataset({ x: xs, y: { a: D.floats([1], size), b: D.floats([2], noise(36, 5)) } }));
    const mse = Loss.meanSquaredError();
    const one = T.compile(model, { loss: mse, optimizer });
    const each = T.compile(model, { loss: { a: mse, b: mse }, optimizer });
    const [x, y] = [
      await run(T.run(T.fit(one, { ...settings, data }))),
      await run(T.run(T.fit(each, { ...settings, data }))),
    ];
    expect(bits(x.weights)).toEqual(bits(y.weights));
    expect(x.history).toEqual(y.history);
  });
});

describe('an output without a loss', () => {
  const half = T.compile(twin, { loss: { size: Loss.meanSquaredError(), kind: undefined }, optimizer });
  const data = right(D.dataset({ x: xs, y: { size: D.floats([1], size) } }));

  it('is not trained on, needs no target, and is predicted', async () => {
    const trained = await run(T.run(T.fit(half, { ...settings, data })));
    const before = right(T.untrained(4)(half)).weights;
    const changed = Object.keys(before).filter((name) => bits(before)[name] !== bits(trained.weights)[name]);
    expect(changed).toEqual(['dense.kernel', 'dense.bias', 'size.kernel', 'size.bias']);
    expect(Object.keys(logsOf(trained))).toEqual(['loss', 'size_loss']);
    const x: NdArray<[18, 4]> = scenes.x as never;
    expect(Object.keys(await run(pipe(trained, T.predict(x))))).toEqual(['size', 'kind']);
  });
});

// -------------------------------------------------------------------------------------
// weights
// -------------------------------------------------------------------------------------

describe('weights of samples', () => {
  const some = noise(18, 7).map((v) => v + 1);
  const ones = Array<number>(18).fill(1);

  it('are for all outputs, or by output; one that is not listed weighs all alike', async () => {
    const all = await weightsWith({ sampleWeight: some });
    expect(await weightsWith({ sampleWeight: { size: some, kind: some } })).toEqual(all);
    const one = await weightsWith({ sampleWeight: { kind: some } });
    expect(await weightsWith({ sampleWeight: { kind: some, size: ones } })).toEqual(one);
    expect(one).not.toEqual(all);
    expect(one).not.toEqual(await weightsWith({}));
  });

  it('follow from classes, by output', async () => {
    const classWeight = { kind: { 1: 3, 2: 0.5 } };
    const own = kind.map((k) => [1, 3, 0.5][k] as number);
    expect(await weightsWith({ classWeight })).toEqual(await weightsWith({ sampleWeight: { kind: own } }));
  });

  it('weigh validation data too, and what evaluate says', async () => {
    const options = { ...settings, epochs: 1, validation: scenes };
    const trained = await run(T.run(T.fit(both, { ...options, validationSampleWeight: { size: some } })));
    const plain = await run(T.run(T.fit(both, options)));
    expect(bits(trained.weights)).toEqual(bits(plain.weights));
    const [weighed, unweighed] = [logsOf(trained), logsOf(plain)];
    expect(weighed.val_kind_loss).toEqual(unweighed.val_kind_loss);
    expect(weighed.val_size_loss?.[0]).not.toBeCloseTo(unweighed.val_size_loss?.[0] as number, 3);
    const logs = await run(pipe(trained, T.evaluate(scenes, { sampleWeight: { size: some } })));
    expect(logs.size_loss).toBeCloseTo(weighed.val_size_loss?.[0] as number, 6);
    expect(logs.loss).toBeCloseTo(weighed.val_loss?.[0] as number, 6);
    expect(logs.kind_accuracy).toBeCloseTo(weighed.val_kind_accuracy?.[0] as number, 6);
  });
});

// -------------------------------------------------------------------------------------
// runs and files
// -------------------------------------------------------------------------------------

describe('a run', () => {
  it('goes on exactly: two epochs and two more are four, bit for bit', async () => {
    const options = { ...settings, validation: scenes, sampleWeight: { kind: noise(18, 8).map((v) => v + 1) } };
    const whole = await run(T.run(T.fit(both, { ...options, epochs: 4 })));
    const half = await run(T.run(T.fit(both, { ...options, epochs: 2 })));
    const { seed: _, ...rest } = options;
    const rejoined = await run(T.run(T.fit(both, { ...rest, epochs: 4, from: stateOf(half) })));
    expect(stateBits(stateOf(rejoined))).toEqual(stateBits(stateOf(whole)));
  });

  it('is watched by the keys of single outputs', async () => {
    const fit = T.fit(both, { ...settings, validation: scenes, epochs: 30 });
    const stopped = await run(
      pipe(fit, C.earlyStopping({ monitor: 'val_kind_loss', minDelta: 10, patience: 1 }), T.run),
    );
    expect(stopped.history.epochs).toEqual([0, 1]);
    expect(fit.directions).toMatchObject({ size_loss: 'min', kind_accuracy: 'max', val_kind_accuracy: 'max' });
  });

  it('does not depend on batches when it evaluates', async () => {
    const trained = await run(T.run(T.fit(both, settings)));
    const [a, b] = [
      await run(pipe(trained, T.evaluate(scenes))),
      await run(pipe(trained, T.evaluate(scenes, { batchSize: 5 }))),
    ];
    expect(Object.keys(a)).toEqual(['kind_accuracy', 'kind_loss', 'loss', 'size_loss']);
    for (const [key, value] of Object.entries(a)) expect((b as Record<string, number>)[key]).toBeCloseTo(value, 5);
  });
});

describe('predictions', () => {
  const x: NdArray<[18, 4]> = scenes.x as never;

  it('are a record, as the file that is exported gives them', async () => {
    const trained = await run(T.run(T.fit(both, settings)));
    const predicted = await run(pipe(trained, T.predict(x, { batchSize: 7 })));
    expect([predicted.size.shape, predicted.kind.shape]).toEqual([
      [18, 1],
      [18, 3],
    ]);
    await run(pipe(trained, T.exportOnnx('two.onnx')));
    const session = await ort.InferenceSession.create(files.get('two.onnx') ?? new Uint8Array());
    expect([session.inputNames, session.outputNames]).toEqual([['input'], ['size', 'kind']]);
    const given = await session.run({ input: toTensor(x) });
    for (const name of ['size', 'kind'] as const)
      expect(
        mismatch(
          predicted[name].data as Float32Array,
          Array.from(fromTensor(given[name] as ort.Tensor).data as Float32Array),
          { rtol: 1e-5, atol: 1e-6 },
        ),
      ).toBeUndefined();
  });

  it('of a record with one name are a record; the same tensor, or the input, may be an output', async () => {
    const odd = Model.graph([4], (t) => {
      const y = L.dense(2)(t);
      return { y, again: y, given: t };
    });
    const objective = T.compile(odd, {
      loss: { y: Loss.meanSquaredError(), again: undefined, given: undefined },
      optimizer,
    });
    const out = await run(pipe(right(T.untrained(1)(objective)), T.predict(x)));
    expect(out.again.data).toEqual(out.y.data);
    expect(Array.from(out.given.data as Float32Array)).toEqual(Array.from(x.data as Float32Array));
    const one = T.compile(
      Model.graph([4], (t) => ({ only: L.dense(2)(t) })),
      {
        loss: Loss.meanSquaredError(),
        optimizer,
      },
    );
    const alone = await run(pipe(right(T.untrained(1)(one)), T.predict(x)));
    expect(Object.keys(alone)).toEqual(['only']);
    expect(alone.only.shape).toEqual([18, 2]);
  });
});

describe('the training graph', () => {
  it('has a target and weights for each output, and trains by hand as the run does', async () => {
    const weights = right(T.untrained(4)(both)).weights;
    const sampleWeight = { kind: noise(18, 8).map((v) => v + 1) };
    const fit = T.fit(both, { ...settings, epochs: 1, shuffle: false, weights, sampleWeight, stepsPerRun: 4 });
    const trained = await run(T.run(fit));
    await run(T.exportTraining('two-training.onnx')(fit));
    const session = await ort.InferenceSession.create(files.get('two-training.onnx') ?? new Uint8Array());
    const slots = session.inputNames.filter((name) => name.startsWith('slot/'));
    const floats = (data: readonly number[], shape: readonly number[]) =>
      new ort.Tensor('float32', Float32Array.from(data), shape);
    const given: Record<string, ort.Tensor> = {
      ...mapped(weights, toTensor),
      ...Object.fromEntries(
        slots.map((name) => {
          const { shape, data } = weights[name.split('/').slice(3).join('/')] as NdArray;
          return [name, floats(Array<number>(data.length).fill(0), shape)];
        }),
      ),
      'data/input': toTensor(scenes.x as NdArray),
      'target/size': floats(size, [18, 1]),
      'target/kind': new ort.Tensor('int32', Int32Array.from(kind), [18]),
      'sample_weight/kind': floats(sampleWeight.kind, [18]),
      indices: new ort.Tensor(
        'int32',
        Int32Array.from({ length: 18 }, (_, i) => i),
        [18],
      ),
      batch_size: new ort.Tensor('int64', BigInt64Array.of(5n), []),
      learning_rate: floats([0.02], []),
      step: new ort.Tensor('int64', BigInt64Array.of(0n), []),
      seed: new ort.Tensor('uint32', Uint32Array.of(4), []),
    };
    expect(session.inputNames.filter((name) => !(name in given))).toEqual([]);
    const results = await session.run(
      Object.fromEntries(session.inputNames.map((name) => [name, given[name] as ort.Tensor])),
    );
    for (const [name, { data }] of Object.entries(trained.weights))
      expect(
        mismatch(
          fromTensor(results[`next/${name}`] as ort.Tensor).data as Float32Array,
          Array.from(data as Float32Array),
          { rtol: 1e-5, atol: 1e-6 },
        ),
        name,
      ).toBeUndefined();
    const sum = (name: string) =>
      Array.from((results[name] as ort.Tensor).data as Float32Array).reduce((a, b) => a + b);
    for (const key of ['size_loss', 'kind_loss', 'kind_accuracy'])
      expect(sum(`metric/${key}/total`) / sum(`metric/${key}/count`)).toBeCloseTo(
        logsOf(trained)[key]?.[0] as number,
        5,
      );
  });
});

it('the summary lists the layers of all outputs', () => {
  const text = right(Model.summary(twin) as never) as string;
  for (const name of ['size (Dense)', 'kind (Dense)']) expect(text).toContain(name);
  expect(text).toContain('Total params: 49');
});

// -------------------------------------------------------------------------------------
// what is refused
// -------------------------------------------------------------------------------------

describe('what does not fit is refused, with the words of the compiler', () => {
  const refused = async (options: object, objective: unknown = both): Promise<string> => {
    const result = await T.run(T.fit(objective as typeof both, { ...settings, ...options } as never))(env)();
    return left(result).message;
  };
  const data = (y: unknown) => ({ data: right(D.dataset({ x: xs, y } as never)) });
  const parts = (more: object): unknown => T.compile(twin as never, { loss: losses, optimizer, ...more } as never);
  const [s, k] = [D.floats([1], size), D.ints([], kind)];

  it('targets that are missing, too many, without names, or of another shape', async () => {
    expect(await refused(data({ size: s }))).toBe(
      "fit: the model's target 'kind' is not in the data, which has 'size'",
    );
    expect(await refused(data({ size: s, kind: k, mood: k }))).toBe(
      "fit: the data have 'mood', which is no target of the model; its targets are 'size', 'kind'",
    );
    expect(await refused(data(s))).toBe(
      "fit: expects a target for each of 'size', 'kind', the data have one without a name; name it",
    );
    expect(await refused(data({ size: s, kind: D.floats([3], noise(54)) }))).toBe(
      "fit: the model's target 'kind' is int32[], the dataset's [3]",
    );
    expect(
      await refused(
        data({
          size: s,
          kind: D.ints(
            [],
            kind.map((c) => c + 1),
          ),
        }),
      ),
    ).toMatch(
      /sparse_categorical_crossentropy expects targets 'kind' that are whole numbers from 0 to 2; sample \d+ of the data has 3/,
    );
    expect(await refused({ validation: right(D.dataset({ x: xs, y: { size: s } })) })).toBe(
      "fit: the model's target 'kind' is not in the data, which has 'size'",
    );
  });

  it('losses and metrics of outputs that are not there, and outputs without a loss', async () => {
    expect(await refused({}, parts({ loss: { size: losses.size } }))).toBe(
      "compile: the output 'kind' has no loss; give one, or undefined if it is not trained on",
    );
    expect(await refused({}, parts({ loss: { ...losses, mood: losses.size } }))).toBe(
      "compile: loss: the model has no output 'mood'; its outputs are 'size', 'kind'",
    );
    expect(await refused({}, parts({ loss: { size: undefined, kind: undefined } }))).toBe(
      'compile: no output has a loss; give one at least',
    );
    expect(await refused({}, parts({ loss: losses.kind }))).toBe(
      "output 'size': sparseCategoricalCrossentropy: the output [batch,1] has one class; use binaryCrossentropy",
    );
    expect(await refused({}, parts({ lossWeights: 2 }))).toMatch(
      /^compile: the model has the outputs 'size', 'kind'; give lossWeights by/,
    );
    expect(await refused({}, parts({ lossWeights: { mood: 2 } }))).toMatch(
      /^compile: lossWeights: the model has no output 'mood'/,
    );
    expect(await refused({}, parts({ lossWeights: { size: Number.NaN } }))).toBe(
      "compile: the weight of the loss of 'size' must be a finite number, got NaN",
    );
    const meant = { loss: { ...losses, size: Loss.scale(2)(Loss.huber({ reduction: 'mean' as never })) } };
    expect(await refused({}, parts(meant))).toBe(
      'compile: the loss huber_loss: reduction must be one of sumOverBatchSize, sum, meanWithSampleWeight, got mean',
    );
    expect(await refused({}, parts({ metrics: [Metric.accuracy()] }))).toMatch(
      /give the metrics by their names: \{ size: \[...\] \}$/,
    );
    expect(await refused({}, parts({ metrics: { mood: [Metric.accuracy()] } }))).toMatch(
      /^compile: metrics: the model has no output 'mood'/,
    );
    expect(
      await refused(
        {},
        parts({ loss: { ...losses, size: undefined }, metrics: { size: [Metric.meanAbsoluteError()] } }),
      ),
    ).toBe("compile: metrics: the output 'size' has no loss, and so no target");
    expect(await refused({}, parts({ metrics: { size: [Metric.sparseCategoricalAccuracy()] } }))).toMatch(
      /^output 'size': /,
    );
    expect(await refused({}, parts({ metrics: { size: [Metric.meanAbsoluteError({ name: 'loss' })] } }))).toContain(
      "two metrics have the name 'size_loss'",
    );
  });

  it('records for a model with one output', async () => {
    const one = (more: object): unknown =>
      T.compile(L.model(L.input([4]), L.dense(1)) as never, { loss: losses.size, optimizer, ...more } as never);
    const single = data(s);
    expect(await refused(single, one({ loss: losses }))).toBe(
      "compile: the model has one output, got losses for 'size', 'kind'; give one loss",
    );
    expect(await refused(single, one({ metrics: { size: [] } }))).toMatch(
      /^compile: the model has one output; give one/,
    );
    expect(await refused({ ...single, sampleWeight: { size } }, one({}))).toBe(
      "fit: sampleWeight: the model has one output; give its weights without the name 'size'",
    );
    const error = left(await T.evaluate(scenes)(right(T.untrained(1)(one({ loss: losses }) as never)) as never)(env)());
    expect(error.message).toMatch(/^compile: the model has one output/);
  });

  it('weights of other outputs or of another number, of classes without an output, of validation data that are not there', async () => {
    expect(await refused({ sampleWeight: { mood: size } })).toBe(
      "fit: sampleWeight: there is no target 'mood'; there are 'size', 'kind'",
    );
    expect(await refused({ sampleWeight: { kind: [1, 2] } })).toBe(
      "fit: sampleWeight of 'kind': expects one weight for each of the 18 samples, got 2",
    );
    expect(await refused({ classWeight: { 0: 1, 1: 5 } })).toBe(
      "fit: classWeight: the model has targets for 'size', 'kind'; give the weights by their names: { size: { 0: 1, 1: 5 } }",
    );
    expect(await refused({ classWeight: { size: { 0: 1 } } })).toMatch(
      /^fit: classWeight of 'size': expects targets that are classes; sample 0 has /,
    );
    expect(await refused({ validationSampleWeight: size })).toMatch(
      /^fit: validationSampleWeight is for the data given as validation/,
    );
    expect(await refused({ validation: scenes, validationSampleWeight: [1] })).toBe(
      'fit: validationSampleWeight: expects one weight for each of the 18 samples, got 1',
    );
    const trained = right(T.untrained(1)(both));
    expect(left(await T.evaluate(scenes, { sampleWeight: { kind: [-1] } })(trained)(env)()).message).toBe(
      "evaluate: sampleWeight of 'kind': expects one weight for each of the 18 samples, got 1",
    );
  });
});
