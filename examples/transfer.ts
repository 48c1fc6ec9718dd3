/**
 * Transfer learning from somebody else's file: the text recogniser of PP-OCR, which reads printed Chinese and English,
 * learns handwritten digits from five of each.
 *
 * The file's graph is cut where its features are, a new head is put on and trained while the rest is frozen, then all
 * of it is trained at a lower rate: one program, of two parts. Beside it the same network with weights that know
 * nothing, for as many steps, and, as such a network is large for so few samples, a LeNet for more than twice as many.
 *
 *     npx tsx examples/transfer.ts
 */
import { join } from 'node:path';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import {
  type Data as D,
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
import { shuffled } from './support/fresh.ts';
import { main, outputFolder, percent, say, smoke } from './support/program.ts';

const perClass = smoke ? 1 : 5;
const tested = smoke ? 2 : 40;
const seeds = smoke ? [1] : [1, 2];
const [headEpochs, wholeEpochs, smallEpochs] = smoke ? [1, 1, 1] : [20, 5, 60];
const labels = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

// -------------------------------------------------------------------------------------
// models
// -------------------------------------------------------------------------------------

const file = join('node_modules', '@gutenye', 'ocr-models', 'assets', 'ch_PP-OCRv4_rec_infer.onnx');

/** Digits as the recogniser knows letters: dark on light, from -1 to 1, 48 cells high, three equal channels. */
const asPrint = L.sequential(
  L.rescaling(-2 / 255, 1),
  L.cropping2d(2),
  L.upSampling2d(2, { interpolation: 'bilinear' }),
  L.concat(L.identity(), L.identity(), L.identity()),
);

const head = L.sequential(
  L.globalAveragePool1d(),
  L.batchNormalization({ momentum: 0.9 }),
  L.dense(10, { activation: 'softmax' }),
);

/** Up to the last features: 120 channels at each of 6 places along the line of text, then a head of our own. */
const pretrained = pipe(
  Onnx.importOnnxFile(file, {
    expect: { input: [3, 48, 48], output: [6, 6625] },
    freeBatch: true,
    // Its few batch normalisations move their statistics where they are trained.
    statistics: 'batch',
  }),
  RTE.map((recogniser) => L.model(L.input([1, 28, 28]), asPrint, L.named('backbone', recogniser))),
  RTE.chainEitherKW(Surgery.replaceHead({ at: 'squeeze_0.tmp_0', shape: [120, 6] }, L.named('head', head))),
);

const lenet = L.model(L.input([1, 28, 28]), L.rescaling(1 / 255), L.zeroPadding2d(2), Zoo.lenet(), L.softmax());

// -------------------------------------------------------------------------------------
// programs
// -------------------------------------------------------------------------------------

const transfer = P.sequence(
  pipe(P.epochs(headEpochs), P.freeze('backbone')),
  pipe(P.epochs(wholeEpochs), P.withLearningRate(1e-4)),
);

/** As many steps, all of them on all weights; the last ones are small, so that the running statistics catch up. */
const fromNothing = P.sequence(
  pipe(P.epochs(headEpochs), P.withLearningRate(1e-3)),
  pipe(P.epochs(wholeEpochs), P.withLearningRate(1e-4)),
);

type Classifier = Model.Model<['batch', 1, 28, 28], ['batch', 10]>;

const train = (model: Classifier, program: P.Program, few: Digits, test: Digits, seed: number) => {
  const objective = T.compile(model, {
    loss: Loss.sparseCategoricalCrossentropy(),
    optimizer: Optimizer.adam({ learningRate: 1e-2 }),
    metrics: [Metric.sparseCategoricalAccuracy({ name: 'accuracy' })],
  });
  return pipe(
    program,
    P.run(objective, { data: few, batchSize: 10, seed, verbose: 0 }),
    RTE.bindTo('trained'),
    RTE.bindW('scores', ({ trained }) => pipe(trained, T.evaluate(test, { batchSize: 50 }))),
    RTE.map(({ trained, scores }) => ({ trained, accuracy: scores.accuracy })),
  );
};

const compare = (all: D.Dataset<[1, 28, 28], L.Int<[]>>, test: Digits) => (seed: number) =>
  pipe(
    RTE.Do,
    RTE.bindW('few', () => RTE.fromEither(ofEach(perClass, labels, seed)(all))),
    RTE.bindW('model', () => pretrained),
    RTE.bindW('empty', ({ model }) => RTE.fromEither(pipe(model, shuffled('backbone', seed)))),
    RTE.bindW('transferred', ({ few, model }) => train(model, transfer, few, test, seed)),
    RTE.bindW('scratch', ({ few, empty }) => train(empty, fromNothing, few, test, seed)),
    RTE.bindW('small', ({ few }) =>
      train(lenet, pipe(P.epochs(smallEpochs), P.withLearningRate(1e-3)), few, test, seed),
    ),
    RTE.chainFirstW(({ transferred, scratch, small }) =>
      say(
        `samples by seed ${seed}: pretrained ${percent(transferred.accuracy)}, ` +
          `the same from nothing ${percent(scratch.accuracy)}, LeNet ${percent(small.accuracy)}`,
      ),
    ),
  );

// -------------------------------------------------------------------------------------
// run
// -------------------------------------------------------------------------------------

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const exported = join(outputFolder, 'transfer.onnx');

main(
  pipe(
    say(`${10 * perClass} handwritten digits to learn from.\n${P.describe(transfer)}`),
    RTE.bindW('all', () => digits('train')),
    RTE.bindW('unseen', () => digits('t10k')),
    RTE.bindW('test', ({ unseen }) => RTE.fromEither(ofEach(tested, labels, 0)(unseen))),
    RTE.bindW('runs', ({ all, test }) => pipe(seeds, RTE.traverseSeqArray(compare(all, test)))),
    RTE.chainFirstW(({ runs }) =>
      pipe(
        runs.slice(0, 1).map(({ transferred }) => transferred.trained),
        RTE.traverseSeqArray(T.exportOnnx(exported, { name: 'digits' })),
      ),
    ),
    RTE.chainW(({ runs, test }) =>
      say(
        [
          `mean of ${runs.length}, ${test.size} other digits:`,
          `  pretrained             ${percent(mean(runs.map((r) => r.transferred.accuracy)))}`,
          `  the same from nothing  ${percent(mean(runs.map((r) => r.scratch.accuracy)))}`,
          `  LeNet from nothing     ${percent(mean(runs.map((r) => r.small.accuracy)))}`,
          `exported as ${exported}`,
        ].join('\n'),
      ),
    ),
  ),
);
