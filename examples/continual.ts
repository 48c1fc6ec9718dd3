/**
 * A network of our own goes through a file and goes on: a small ResNet learns the digits 0 to 4, is exported to ONNX,
 * imported again as anybody's file would be, gets a new head and learns the digits 5 to 9 from a few of each. Beside it
 * the same ResNet from nothing, on the same samples for as many steps.
 *
 *     npx tsx examples/continual.ts
 */
import { join } from 'node:path';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import {
  Data as D,
  Layer as L,
  Loss,
  Metric,
  type Model,
  Onnx,
  Optimizer,
  Program as P,
  Surgery,
  Training as T,
  Zoo,
} from 'grad-ts';
import { type Digits, digits, ofEach } from './support/digits.ts';
import { main, outputFolder, percent, say, smoke } from './support/program.ts';

const [many, few, tested] = smoke ? [4, 2, 4] : [300, 5, 60];
const [firstEpochs, headEpochs, wholeEpochs] = smoke ? [1, 1, 1] : [3, 30, 10];

// -------------------------------------------------------------------------------------
// models
// -------------------------------------------------------------------------------------

type Classifier = Model.Model<['batch', 1, 28, 28], ['batch', 5]>;

/** Twenty layers, half as wide as the paper's. */
const resnet: Classifier = L.model(
  L.input([1, 28, 28]),
  L.rescaling(1 / 255),
  Zoo.cifarResnet20({ classes: 5, width: 8 }),
  L.softmax(),
);

const exported = join(outputFolder, 'digits-0-to-4.onnx');

const imported = pipe(
  Onnx.importOnnxFile(exported, { expect: { input: [1, 28, 28], output: [5] }, statistics: 'batch' }),
  RTE.map((layer) => L.model(L.input([1, 28, 28]), L.named('backbone', layer))),
);

/** The file's graph up to what its head was given, and a new head. */
const headless = Surgery.replaceHead(
  { at: 'head.global_average_pooling2d', shape: [32] },
  L.named('head', L.dense(5, { activation: 'softmax' })),
);

// -------------------------------------------------------------------------------------
// programs
// -------------------------------------------------------------------------------------

const learn = P.epochs(firstEpochs);

const goOn = P.sequence(
  pipe(P.epochs(headEpochs), P.freeze('backbone'), P.withLearningRate(1e-2)),
  pipe(P.epochs(wholeEpochs), P.withLearningRate(3e-4)),
);

/** As many steps; the last ones are small, so that the running statistics catch up. */
const fromNothing = P.sequence(P.epochs(headEpochs), pipe(P.epochs(wholeEpochs), P.withLearningRate(1e-4)));

const objective = (model: Classifier) =>
  T.compile(model, {
    loss: Loss.sparseCategoricalCrossentropy(),
    optimizer: Optimizer.adam({ learningRate: 1e-3 }),
    metrics: [Metric.sparseCategoricalAccuracy({ name: 'accuracy' })],
  });

const train = (model: Classifier, program: P.Program, data: Digits, batchSize: number) =>
  pipe(program, P.run(objective(model), { data, batchSize, seed: 1, verbose: 0 }));

const lessFive = D.mapY((rows) =>
  D.ints(
    [],
    rows.map(([digit = 0]) => digit - 5),
  ),
);

const low = [0, 1, 2, 3, 4];
const high = [5, 6, 7, 8, 9];

main(
  pipe(
    RTE.Do,
    RTE.bindW('all', () => digits('train')),
    RTE.bindW('unseen', () => digits('t10k')),
    RTE.bindW('lowTrain', ({ all }) => RTE.fromEither(ofEach(many, low, 1)(all))),
    RTE.bindW('lowTest', ({ unseen }) => RTE.fromEither(ofEach(tested, low, 1)(unseen))),
    RTE.bindW('highTrain', ({ all }) => pipe(RTE.fromEither(ofEach(few, high, 1)(all)), RTE.chainEitherKW(lessFive))),
    RTE.bindW('highTest', ({ unseen }) =>
      pipe(RTE.fromEither(ofEach(tested, high, 1)(unseen)), RTE.chainEitherKW(lessFive)),
    ),
    RTE.bindW('before', ({ lowTrain }) => train(resnet, learn, lowTrain, 20)),
    RTE.chainFirstW(({ before }) => pipe(before, T.exportOnnx(exported, { name: 'digits', fold: false }))),
    RTE.bindW('known', ({ before, lowTest }) => pipe(before, T.evaluate(lowTest))),
    RTE.bindW('file', () => imported),
    RTE.bindW('again', ({ file, lowTest }) =>
      pipe(RTE.fromEither(T.untrained(1)(objective(file))), RTE.chainW(T.evaluate(lowTest))),
    ),
    RTE.bindW('model', ({ file }) => RTE.fromEither(headless(file))),
    RTE.bindW('after', ({ model, highTrain }) => train(model, goOn, highTrain, 5)),
    RTE.bindW('transferred', ({ after, highTest }) => pipe(after, T.evaluate(highTest))),
    RTE.bindW('empty', ({ highTrain }) => train(resnet, fromNothing, highTrain, 5)),
    RTE.bindW('scratch', ({ empty, highTest }) => pipe(empty, T.evaluate(highTest))),
    RTE.chainW(({ lowTrain, lowTest, highTrain, highTest, known, again, transferred, scratch }) =>
      say(
        [
          `digits 0 to 4 from ${lowTrain.size} samples, ${lowTest.size} others:`,
          `  as trained     ${percent(known.accuracy)}`,
          `  as imported    ${percent(again.accuracy)}`,
          `digits 5 to 9 from ${highTrain.size} samples, ${highTest.size} others:`,
          `  going on       ${percent(transferred.accuracy)}`,
          `  from nothing   ${percent(scratch.accuracy)}`,
        ].join('\n'),
      ),
    ),
  ),
);
