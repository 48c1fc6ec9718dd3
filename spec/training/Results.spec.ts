/** What comes of a run: history, scores, predictions; and that they agree with each other and with onnxruntime alone. */
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import * as ort from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import { Data as D, Layer as L, Loss, Metric, Model, NdArray, Optimizer, Training as T } from '../../src/index.ts';
import { bits, counted, flowers, left, noise, objective, right, runtime, stateOf, watching, world } from './support.ts';

const shared = runtime();
afterAll(shared.close);

const data = flowers(22);
const validation = flowers(9, 2);
const here = world(shared);
const env = here.environment;

const fit = T.fit(objective, { data, validation, epochs: 3, batchSize: 4, verbose: 0 });
const trained = right(await T.run(fit)(env)());

const images = right(NdArray.float32([11, 6], noise(66, 5)));
const rows = (array: NdArray.NdArray, from: number, to: number): NdArray.NdArray => {
  const width = array.data.length / (array.shape[0] ?? 1);
  return { ...array, shape: [to - from, ...array.shape.slice(1)], data: array.data.slice(from * width, to * width) };
};

describe('evaluate', () => {
  it('gives what validation logged in the last epoch', async () => {
    const scores = right(await pipe(trained, T.evaluate(validation, { batchSize: 4 }))(env)());
    const { logs } = trained.history;
    expect(scores).toEqual({ accuracy: logs.val_accuracy?.[2], loss: logs.val_loss?.[2] });
  });

  it('depends on the batch size by rounding only, on none of the samples counted twice', async () => {
    const one = right(await pipe(trained, T.evaluate(validation))(env)());
    for (const batchSize of [1, 2, 5, 9, 1000]) {
      const other = right(await pipe(trained, T.evaluate(validation, { batchSize }))(env)());
      expect(other.loss).toBeCloseTo(one.loss, 6);
      expect(other.accuracy).toBe(one.accuracy);
    }
  });

  it('is the mean over predictions, by the definition of the loss', async () => {
    const x = right(NdArray.float32([9, 6], validation.x.data as Float32Array));
    const probabilities = right(await pipe(trained, T.predict(x))(env)());
    const losses = Array.from({ length: 9 }, (_, i) => {
      const label = Number(validation.y.data[i]);
      return -Math.log(Number(probabilities.data[3 * i + label]));
    });
    const { loss } = right(await pipe(trained, T.evaluate(validation))(env)());
    expect(loss).toBeCloseTo(losses.reduce((a, b) => a + b, 0) / 9, 5);
  });
});

describe('predict', () => {
  it('gives the same rows, however they are batched', async () => {
    const all = right(await pipe(trained, T.predict(images))(env)());
    expect(all.shape).toEqual([11, 3]);
    expect(all.dtype).toBe('float32');
    for (const batchSize of [1, 3, 4, 11, 12]) {
      const parts = right(await pipe(trained, T.predict(images, { batchSize }))(env)());
      expect(parts.shape).toEqual([11, 3]);
      // A product of one row is summed in another order than one of many.
      for (let i = 0; i < 33; i++) expect(Number(parts.data[i])).toBeCloseTo(Number(all.data[i]), 6);
    }
  });

  it('is in inference mode: no dropout, and nothing changes', async () => {
    const before = bits(trained.weights);
    const [first, second] = [
      right(await pipe(trained, T.predict(images))(env)()),
      right(await pipe(trained, T.predict(images))(env)()),
    ];
    expect(second).toEqual(first);
    expect(bits(trained.weights)).toEqual(before);
  });

  it('is what onnxruntime alone makes of the exported model', async () => {
    const bytes = right(T.toOnnx()(trained));
    const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });
    const feeds = { input: new ort.Tensor('float32', images.data as Float32Array, [11, 6]) };
    const { output } = await session.run(feeds);
    const own = right(await pipe(trained, T.predict(images))(env)());
    expect(output?.dims).toEqual([11, 3]);
    Array.from(output?.data as Float32Array).forEach((p, i) => {
      expect(Math.abs(p - Number(own.data[i]))).toBeLessThan(1e-6);
    });
    await session.release();
  });

  it('takes bytes and integers for numbers', async () => {
    const pixels = right(NdArray.uint8([2, 6], [0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255]));
    const floats = right(NdArray.float32([2, 6], Array.from(pixels.data as Uint8Array)));
    const [a, b] = [
      right(await pipe(trained, T.predict(pixels))(env)()),
      right(await pipe(trained, T.predict(floats))(env)()),
    ];
    expect(a).toEqual(b);
  });

  it('leaves nothing in the runtime', async () => {
    const watched = counted(shared, (what, nth) => what === 'run' && nth > 2);
    const { environment } = world(watched.runtime);
    right(await pipe(trained, T.predict(images))(environment)());
    expect(watched.live()).toEqual({ sessions: 0, residents: 0 });
    const error = left(await pipe(trained, T.predict(images, { batchSize: 1 }))(environment)());
    expect(error._tag).toBe('RuntimeError');
    expect(left(await pipe(trained, T.evaluate(validation))(environment)())._tag).toBe('RuntimeError');
    expect(watched.live()).toEqual({ sessions: 0, residents: 0 });
  });
});

describe('several inputs', () => {
  const two = Model.graph({ left: [2], right: [3] }, ({ left: a, right: b }) =>
    pipe(L.concatenate(a, b), L.dense(4, { activation: 'relu' }), L.dense(1)),
  );
  const pairs = right(
    D.dataset({
      x: { left: D.floats([2], noise(20, 3)), right: D.floats([3], noise(30, 4)) },
      y: D.floats([1], noise(10, 5)),
    }),
  );
  const sums = T.compile(two, {
    loss: Loss.meanSquaredError(),
    optimizer: Optimizer.sgd(),
    metrics: [Metric.meanAbsoluteError({ name: 'error' })],
  });

  it('are trained on, predicted from and evaluated by name', async () => {
    const done = right(await T.run(T.fit(sums, { data: pairs, epochs: 2, batchSize: 4, verbose: 0 }))(env)());
    const given = {
      left: right(NdArray.float32([5, 2], noise(10, 6))),
      right: right(NdArray.float32([5, 3], noise(15, 7))),
    };
    const both = right(await pipe(done, T.predict(given, { batchSize: 2 }))(env)());
    expect(both.shape).toEqual([5, 1]);
    const alone = right(
      await pipe(
        done,
        T.predict({ left: rows(given.left, 3, 4), right: rows(given.right, 3, 4) } as typeof given),
      )(env)(),
    );
    expect(alone.data[0]).toBeCloseTo(Number(both.data[3]), 6);
    const scores = right(await pipe(done, T.evaluate(pairs))(env)());
    expect(Object.keys(scores)).toEqual(['error', 'loss']);
  });

  it('of different lengths, or missing, are refused', async () => {
    const start = right(T.untrained(0)(sums));
    const [a, b] = [right(NdArray.float32([5, 2], noise(10))), right(NdArray.float32([4, 3], noise(12)))];
    const lengths = left(await pipe(start, T.predict({ left: a, right: b } as never))(env)());
    expect(lengths).toMatchObject({
      _tag: 'FitError',
      message: expect.stringContaining('different numbers of samples: 5, 4'),
    });
    const missing = left(await pipe(start, T.predict({ left: a } as never))(env)());
    expect(missing.message).toContain("input 'right' is not given");
  });
});

describe('weights', () => {
  it('go to a file and come back', async () => {
    const restored = pipe(
      TE.fromEither(T.untrained(9)(objective)),
      TE.chainFirstW(() => T.saveWeights('w.safetensors')(trained)(env)),
      TE.chainW((other) => T.loadWeights('w.safetensors')(other)(env)),
    );
    const other = right(await restored());
    expect(bits(other.weights)).toEqual(bits(trained.weights));
  });

  it('from elsewhere have no state to go on from', async () => {
    right(await T.saveWeights('w.safetensors')(right(T.untrained(9)(objective)))(env)());
    const loaded = right(await T.loadWeights('w.safetensors')(trained)(env)());
    expect(loaded.state).toBeUndefined();
    expect(loaded.history).toBe(trained.history);
    expect(stateOf(trained).epoch).toBe(3);
  });

  it('that were given are what training begins with', async () => {
    const { weights } = right(T.untrained(9)(objective));
    const none = watching((e) =>
      e._tag === 'RunStarted' ? [{ _tag: 'HaltRun', reason: 'before the first step' }] : [],
    );
    const start = T.fit(objective, { data, verbose: 0, weights, seed: 3 });
    expect(bits(right(await T.run(none(start))(env)()).weights)).toEqual(bits(weights));
    expect(bits(right(await T.run(start)(env)()).weights)).not.toEqual(bits(weights));
  });

  it('and the history are those of the run, whatever is run after it', async () => {
    const [weights, history] = [bits(trained.weights), JSON.stringify(trained.history)];
    right(await T.run(T.fit(objective, { data, epochs: 5, verbose: 0, from: stateOf(trained) }))(env)());
    expect(bits(trained.weights)).toEqual(weights);
    expect(JSON.stringify(trained.history)).toBe(history);
  });
});
