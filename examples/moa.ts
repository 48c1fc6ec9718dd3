/**
 * Many yes-or-no answers from a table: a deep network with weight normalisation, in a 5-fold cross-validation, with the
 * best weights of each fold put back before its held-out part is predicted.
 *
 * The data are yeast genes: 103 numbers each, and 14 classes of function that a gene may or may not have.
 *
 *     npx tsx examples/moa.ts
 */
import { join } from 'node:path';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import { Callback as C, Data as D, Layer as L, Loss, Metric, Optimizer, Training as T } from 'grad-ts';
import { main, outputFolder, say, smoke } from './support/program.ts';

const features = 103;
const labels = 14;

const model = L.model(
  L.input([features]),
  L.batchNormalization(),
  L.dropout(0.2),
  L.weightNormalization(L.dense(2048, { activation: 'relu' })),
  L.batchNormalization(),
  L.dropout(0.2),
  L.weightNormalization(L.dense(1024, { activation: 'relu' })),
  L.batchNormalization(),
  L.dropout(0.2),
  L.weightNormalization(L.dense(512, { activation: 'relu' })),
  L.batchNormalization(),
  L.dropout(0.2),
  L.weightNormalization(L.dense(labels, { activation: 'sigmoid' })),
);

const objective = T.compile(model, {
  loss: Loss.binaryCrossentropy(),
  optimizer: Optimizer.adam(),
  metrics: [Metric.binaryAccuracy(), Metric.f1({ average: 'micro', threshold: 0.5, name: 'f1' })],
});

const rows = D.csv(
  'examples/data/yeast.csv',
  D.row({
    labels: D.columns(D.numbered('label', labels), D.numberFromCsv),
    features: D.columns(D.numbered('x', features), D.numberFromCsv),
  }),
);

/** Probabilities for some samples, and where those stand in the table. */
interface Predicted {
  readonly indices: Int32Array;
  readonly probabilities: Float32Array;
}

/** What a fold's model says about the samples that it has not seen. */
const trainFold = ({ index, train, validation, validationIndices }: D.Fold<[typeof features], [typeof labels]>) => {
  const best = join(outputFolder, `moa-fold-${index}.safetensors`);
  return pipe(
    T.fit(objective, { data: train, validation, epochs: smoke ? 1 : 35, batchSize: 128, verbose: 2, seed: index }),
    C.reduceLROnPlateau({
      monitor: 'val_loss',
      factor: 0.1,
      patience: 3,
      minDelta: 1e-4,
      mode: 'min',
      verbose: 1,
    }),
    C.modelCheckpoint(best, { monitor: 'val_loss', saveBestOnly: true, saveWeightsOnly: true, mode: 'min' }),
    T.run,
    RTE.chainW(T.loadWeights(best)),
    RTE.chainW(T.predict(validation.x)),
    RTE.map((y): Predicted => ({ indices: validationIndices, probabilities: Float32Array.from(y.data, Number) })),
  );
};

/** The same without a model: how often each label is set in the part that the model would be trained on. */
const frequencies = ({ train, validationIndices }: D.Fold<[typeof features], [typeof labels]>): Predicted => {
  const y = Float32Array.from(train.y.data, Number);
  const share = Array.from({ length: labels }, (_, label) => {
    const column = y.filter((_value, i) => i % labels === label);
    return column.reduce((sum, v) => sum + v, 0) / column.length;
  });
  return {
    indices: validationIndices,
    probabilities: Float32Array.from({ length: validationIndices.length * labels }, (_, i) => share[i % labels] ?? 0),
  };
};

interface Scores {
  readonly logLoss: number;
  readonly microF1: number;
}

/** Scores of out-of-fold predictions over the whole table. */
const score = (truth: Float32Array, folds: readonly Predicted[]): Scores => {
  const pairs = folds.flatMap(({ indices, probabilities }) =>
    Array.from(probabilities, (p, i) => {
      const sample = indices[Math.floor(i / labels)] ?? 0;
      return [truth[sample * labels + (i % labels)] ?? 0, Math.min(Math.max(p, 1e-7), 1 - 1e-7)] as const;
    }),
  );
  const total = (f: (y: number, p: number) => number) => pairs.reduce((sum, [y, p]) => sum + f(y, p), 0);
  const hits = total((y, p) => (y === 1 && p > 0.5 ? 1 : 0));
  return {
    logLoss: total((y, p) => -(y === 1 ? Math.log(p) : Math.log(1 - p))) / pairs.length,
    microF1: (2 * hits) / (total((y) => y) + total((_, p) => (p > 0.5 ? 1 : 0))),
  };
};

const show = (what: string, { logLoss, microF1 }: Scores): string =>
  `${what.padEnd(20)} log loss ${logLoss.toFixed(4)}   micro-F1 ${microF1.toFixed(4)}`;

main(
  pipe(
    RTE.Do,
    RTE.bindW('table', () => rows),
    RTE.bindW('data', ({ table }) =>
      RTE.fromEither(
        D.dataset({
          x: D.floats(
            [features],
            table.map((r) => r.features),
          ),
          y: D.floats(
            [labels],
            table.map((r) => r.labels),
          ),
        }),
      ),
    ),
    RTE.bindW('folds', ({ data }) => RTE.fromEither(D.kFold(5, { seed: 42 })(data))),
    RTE.bindW('predicted', ({ folds }) => pipe(folds, RTE.traverseSeqArray(trainFold))),
    RTE.chainW(({ data, folds, predicted }) => {
      const truth = Float32Array.from(data.y.data, Number);
      return say(
        [
          `out of fold, ${data.size} genes:`,
          show('the model', score(truth, predicted)),
          show('label frequencies', score(truth, folds.map(frequencies))),
        ].join('\n'),
      );
    }),
  ),
);
