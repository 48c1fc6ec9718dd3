import { describe, expect, it } from 'vitest';
import { input } from '../../src/graph/Graph.ts';
import { fScores } from '../../src/objective/Confusion.ts';
import * as Loss from '../../src/objective/Loss.ts';
import * as Metric from '../../src/objective/Metric.ts';
import { evaluate } from '../support/evaluate.ts';
import { array, type Case, goldens, mismatch, namesOf, numbers, type Tensor } from './cases.ts';

interface Event {
  readonly op: string;
  readonly y_true: Tensor;
  readonly y_pred: Tensor;
  readonly sample_weight?: Tensor | null;
}

type Golden = Case<{ readonly events: readonly Event[] }, Tensor>;
type Options = Readonly<Record<string, unknown>>;

/** A metric, or several that give one number each, or one that gives several. */
interface Subject {
  readonly metrics: readonly Metric.AnyMetric[];
  readonly read?: (states: Metric.States) => readonly number[];
}

const one = (metric: Metric.AnyMetric): Subject => ({ metrics: [metric] });

const threshold = (h: Options) => (typeof h.threshold === 'number' ? { threshold: h.threshold } : {});

const crossentropy = (h: Options) => ({
  fromLogits: h.from_logits === true,
  labelSmoothing: Number(h.label_smoothing ?? 0),
});

/** Keras gives a list of thresholds to one metric. */
const thresholds =
  (make: (options: { readonly threshold: number; readonly classId?: number }) => Metric.AnyMetric) =>
  (h: Options): Subject => {
    const given = h.thresholds ?? 0.5;
    const classId = typeof h.class_id === 'number' ? { classId: h.class_id } : {};
    return { metrics: [given].flat().map((t) => make({ threshold: Number(t), ...classId })) };
  };

const fMeasure =
  (make: (options: Metric.FScoreOptions & { readonly beta?: number }) => Metric.AnyMetric) =>
  (h: Options): Subject => {
    const beta = Number(h.beta ?? 1);
    const average = h.average;
    return typeof average === 'string'
      ? one(make({ ...threshold(h), beta, average: average as Metric.Average }))
      : { metrics: [make({ ...threshold(h), beta })], read: (states) => fScores(states, beta) };
  };

const subjects: Readonly<Record<string, (h: Options) => Subject>> = {
  BinaryAccuracy: (h) => one(Metric.binaryAccuracy(threshold(h))),
  CategoricalAccuracy: () => one(Metric.categoricalAccuracy()),
  SparseCategoricalAccuracy: () => one(Metric.sparseCategoricalAccuracy()),
  BinaryCrossentropy: (h) => one(Metric.binaryCrossentropy(crossentropy(h))),
  CategoricalCrossentropy: (h) => one(Metric.categoricalCrossentropy(crossentropy(h))),
  SparseCategoricalCrossentropy: (h) =>
    one(
      Metric.sparseCategoricalCrossentropy({
        fromLogits: h.from_logits === true,
        ...(typeof h.ignore_class === 'number' ? { ignoreClass: h.ignore_class } : {}),
      }),
    ),
  MeanSquaredError: () => one(Metric.meanSquaredError()),
  MeanAbsoluteError: () => one(Metric.meanAbsoluteError()),
  RootMeanSquaredError: () => one(Metric.rootMeanSquaredError()),
  CosineSimilarity: () => one(Metric.cosineSimilarity()),
  MeanAbsolutePercentageError: () => one(Metric.fromLoss(Loss.meanAbsolutePercentageError())),
  MeanSquaredLogarithmicError: () => one(Metric.fromLoss(Loss.meanSquaredLogarithmicError())),
  LogCoshError: () => one(Metric.fromLoss(Loss.logCosh())),
  Hinge: () => one(Metric.fromLoss(Loss.hinge())),
  SquaredHinge: () => one(Metric.fromLoss(Loss.squaredHinge())),
  CategoricalHinge: () => one(Metric.fromLoss(Loss.categoricalHinge())),
  KLDivergence: () => one(Metric.fromLoss(Loss.klDivergence())),
  Poisson: () => one(Metric.fromLoss(Loss.poisson())),
  Precision: thresholds(Metric.precision),
  Recall: thresholds(Metric.recall),
  FBetaScore: fMeasure(Metric.fBeta),
  F1Score: fMeasure(Metric.f1),
};

const sparse = new Set(['SparseCategoricalAccuracy', 'SparseCategoricalCrossentropy']);

/** Classes that are not offered. `Accuracy` compares elements for equality: `accuracy` here is what that name means in compile. */
const notOffered = [
  'AUC',
  'Accuracy',
  'BinaryIoU',
  'ConcordanceCorrelation',
  'FalseNegatives',
  'FalsePositives',
  'IoU',
  'Mean',
  'MeanIoU',
  'OneHotIoU',
  'OneHotMeanIoU',
  'PearsonCorrelation',
  'PrecisionAtRecall',
  'R2Score',
  'RecallAtPrecision',
  'SensitivityAtSpecificity',
  'SparseTopKCategoricalAccuracy',
  'SpecificityAtSensitivity',
  'Sum',
  'TopKCategoricalAccuracy',
  'TrueNegatives',
  'TruePositives',
];

const leftOut = ({ hyperparameters }: Golden): string | undefined =>
  typeof hyperparameters.top_k === 'number' ? 'top_k is not offered' : undefined;

type Sums = Record<string, Float64Array>;

const sumUp = async (metric: Metric.AnyMetric, golden: Golden): Promise<Sums> => {
  let sums: Sums = {};
  for (const e of golden.inputs.events) {
    if (e.op === 'reset') {
      sums = {};
      continue;
    }
    const feeds = {
      output: array(e.y_pred),
      target: array(e.y_true, sparse.has(golden.name) ? 'int32' : 'float32'),
      ...(e.sample_weight ? { weights: array(e.sample_weight) } : {}),
    };
    const [output, target, weights] = Object.entries(feeds).map(([k, a]) => input(k, a.dtype, a.shape));
    if (output === undefined || target === undefined) throw new Error('no output or target');
    const increments = await evaluate(metric.update(output, target, weights), feeds);
    const shapes = metric.states(output.type);
    for (const [name, a] of Object.entries(increments)) {
      expect([name, a.shape]).toEqual([name, shapes[name]]);
      const before = sums[name] ?? new Float64Array(a.data.length);
      sums[name] = before.map((x, i) => x + Number(a.data[i]));
    }
  }
  return sums;
};

const run = async (golden: Golden): Promise<string | undefined> => {
  const { metrics, read } = (subjects[golden.name] as (h: Options) => Subject)(golden.hyperparameters);
  const results: number[] = [];
  for (const metric of metrics) {
    const sums = await sumUp(metric, golden);
    results.push(...(read === undefined ? [metric.result(sums)] : read(sums)));
  }
  return mismatch(results, numbers(golden.expected), golden.tolerance);
};

describe('metrics give the golden values', () => {
  const all = goldens<Golden['inputs'], Tensor>('metric', Object.keys(subjects));
  const cases = all.filter((c) => leftOut(c) === undefined);

  it('none is skipped silently', () => {
    expect(namesOf('metric').filter((name) => subjects[name] === undefined)).toEqual(notOffered);
    expect(all.length).toBe(133);
    expect(all.filter((c) => leftOut(c) !== undefined).map((c) => c.id)).toEqual([
      'metric/Precision/06',
      'metric/Precision/07',
      'metric/Precision/10',
      'metric/Recall/06',
      'metric/Recall/07',
      'metric/Recall/10',
      'metric/Precision/15',
      'metric/Recall/15',
    ]);
  });

  for (const name of Object.keys(subjects))
    it(name, async () => {
      const own = cases.filter((c) => c.name === name);
      expect(own.length).toBeGreaterThan(0);
      const wrong: string[] = [];
      for (const c of own) {
        const message = await run(c);
        if (message !== undefined) wrong.push(`${c.id}: ${message}`);
      }
      expect(wrong).toEqual([]);
    });
});
