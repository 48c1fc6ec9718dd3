import { describe, expect, it } from 'vitest';
import { input } from '../../src/graph/Graph.ts';
import { cast, equal } from '../../src/graph/Operators.ts';
import { fScores } from '../../src/objective/Confusion.ts';
import { adjusted, r2Scores } from '../../src/objective/Determination.ts';
import * as Metric from '../../src/objective/Metric.ts';
import { evaluate } from '../support/evaluate.ts';
import { array, type Case, goldens, mismatch, namesOf, numbers, type Tensor } from './cases.ts';

interface Event {
  readonly op: string;
  readonly y_true?: Tensor;
  readonly y_pred?: Tensor;
  /** Of Mean and Sum, which have no targets. */
  readonly values?: Tensor;
  readonly sample_weight?: Tensor | null;
}

type Golden = Case<{ readonly events: readonly Event[] }, Tensor>;
type Options = Readonly<Record<string, unknown>>;

/** A metric, or several that give one number each, or one that gives several. */
interface Subject {
  readonly metrics: readonly Metric.AnyMetric[];
  readonly read?: (states: Metric.States) => readonly number[];
  /** What stands for Keras's predictions: class numbers are given one-hot. */
  readonly output?: (predictions: Tensor) => Tensor;
}

const one = (metric: Metric.AnyMetric): Subject => ({ metrics: [metric] });

const threshold = (h: Options) => (typeof h.threshold === 'number' ? { threshold: h.threshold } : {});

const crossentropy = (h: Options) => ({
  fromLogits: h.from_logits === true,
  labelSmoothing: Number(h.label_smoothing ?? 0),
});

const columns = (h: Options) => ({
  ...(typeof h.class_id === 'number' ? { classId: h.class_id } : {}),
  ...(typeof h.top_k === 'number' ? { topK: h.top_k } : {}),
});

/** Keras gives a list of thresholds to one metric. */
const thresholds =
  (make: (options: { readonly threshold?: number; readonly classId?: number }) => Metric.AnyMetric) =>
  (h: Options): Subject => {
    const given = h.thresholds ?? undefined;
    return {
      metrics: [given].flat().map((t) => make({ ...(t === undefined ? {} : { threshold: Number(t) }), ...columns(h) })),
    };
  };

const points = (h: Options) => ({ ...columns(h), numThresholds: Number(h.num_thresholds) });

const summations: Readonly<Record<string, Metric.Summation>> = {
  interpolation: 'interpolation',
  minoring: 'minoring',
  majoring: 'majoring',
};

const auc = (h: Options): Subject =>
  one(
    Metric.auc({
      curve: h.curve === 'PRGAIN' ? 'PRGain' : (h.curve as Metric.CurveKind),
      summationMethod: summations[String(h.summation_method)] as Metric.Summation,
      fromLogits: h.from_logits === true,
      multiLabel: h.multi_label === true,
      ...(Array.isArray(h.thresholds)
        ? { thresholds: h.thresholds.map(Number) }
        : { numThresholds: Number(h.num_thresholds) }),
    }),
  );

const oneHot =
  (classes: number) =>
  ({ shape, data }: Tensor): Tensor => ({
    dtype: 'float32',
    shape: [...shape, classes],
    data: data.flatMap((id) => Array.from({ length: classes }, (_, i) => Number(i === Number(id)))),
  });

const ignore = (h: Options) => (typeof h.ignore_class === 'number' ? { ignoreClass: h.ignore_class } : {});

/** `classes` as one-hot predictions, if they are class numbers. */
const overlap = (h: Options, metric: Metric.AnyMetric): Subject => ({
  metrics: [metric],
  ...(h.sparse_y_pred === true ? { output: oneHot(Number(h.num_classes)) } : {}),
});

const iou = (h: Options): Subject => overlap(h, Metric.iou(h.target_class_ids as readonly number[], ignore(h)));
const meanIou = (h: Options): Subject => overlap(h, Metric.meanIou(ignore(h)));
const oneHotIou = (h: Options): Subject =>
  overlap(h, Metric.oneHotIou(h.target_class_ids as readonly number[], ignore(h)));

const r2 = (h: Options): Subject => {
  const regressors = Number(h.num_regressors);
  return h.class_aggregation === null
    ? {
        metrics: [Metric.r2()],
        read: (states) => r2Scores(states).scores.map((s) => adjusted(s, Number(states.samples?.[0]), regressors)),
      }
    : one(Metric.r2({ aggregation: h.class_aggregation === 'uniform_average' ? 'uniform' : 'variance', regressors }));
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
  MeanAbsolutePercentageError: () => one(Metric.meanAbsolutePercentageError()),
  MeanSquaredLogarithmicError: () => one(Metric.meanSquaredLogarithmicError()),
  LogCoshError: () => one(Metric.logCosh()),
  Hinge: () => one(Metric.hinge()),
  SquaredHinge: () => one(Metric.squaredHinge()),
  CategoricalHinge: () => one(Metric.categoricalHinge()),
  KLDivergence: () => one(Metric.klDivergence()),
  Poisson: () => one(Metric.poisson()),
  PearsonCorrelation: () => one(Metric.pearsonCorrelation()),
  ConcordanceCorrelation: () => one(Metric.concordanceCorrelation()),
  R2Score: r2,
  // Equality of elements: what Keras calls accuracy in compile is `accuracy` here.
  Accuracy: () => one(Metric.custom('equal', 'max', (output, target) => cast('float32')(equal(output, target)))),
  Mean: () => one(Metric.custom('mean', 'max', (output) => output)),
  Sum: () => one(Metric.sum('sum', 'max', (output) => output)),
  TopKCategoricalAccuracy: (h) => one(Metric.topKCategoricalAccuracy({ k: Number(h.k) })),
  SparseTopKCategoricalAccuracy: (h) => one(Metric.sparseTopKCategoricalAccuracy({ k: Number(h.k) })),
  TruePositives: thresholds(Metric.truePositives),
  FalsePositives: thresholds(Metric.falsePositives),
  TrueNegatives: thresholds(Metric.trueNegatives),
  FalseNegatives: thresholds(Metric.falseNegatives),
  AUC: auc,
  SpecificityAtSensitivity: (h) => one(Metric.specificityAtSensitivity(Number(h.sensitivity), points(h))),
  SensitivityAtSpecificity: (h) => one(Metric.sensitivityAtSpecificity(Number(h.specificity), points(h))),
  PrecisionAtRecall: (h) => one(Metric.precisionAtRecall(Number(h.recall), points(h))),
  RecallAtPrecision: (h) => one(Metric.recallAtPrecision(Number(h.precision), points(h))),
  IoU: iou,
  OneHotIoU: oneHotIou,
  MeanIoU: meanIou,
  OneHotMeanIoU: (h) => overlap(h, Metric.oneHotMeanIou(ignore(h))),
  BinaryIoU: (h) =>
    one(
      Metric.binaryIou({
        classIds: h.target_class_ids as readonly number[],
        ...(h.threshold === undefined ? {} : { threshold: Number(h.threshold) }),
      }),
    ),
  Precision: thresholds(Metric.precision),
  Recall: thresholds(Metric.recall),
  FBetaScore: fMeasure(Metric.fBeta),
  F1Score: fMeasure(Metric.f1),
};

const sparse = new Set([
  'SparseCategoricalAccuracy',
  'SparseCategoricalCrossentropy',
  'SparseTopKCategoricalAccuracy',
  'IoU',
  'MeanIoU',
]);

const outside = 'a predicted class that does not exist: here it is the largest of the outputs';

const leftOut: Readonly<Record<string, string>> = {
  'metric/IoU/03': outside,
  'metric/IoU/05': outside,
  'metric/SparseTopKCategoricalAccuracy/01': 'from_sorted_ids: predictions that are ranked class numbers',
  'metric/SparseTopKCategoricalAccuracy/02': 'from_sorted_ids: predictions that are ranked class numbers',
};

type Sums = Record<string, Float64Array>;

const zeros = (metric: Metric.AnyMetric): Sums => {
  const states = metric.states({ dtype: 'float32', shape: ['batch', 3] });
  return Object.fromEntries(
    Object.entries(states).map(([k, s]) => [k, new Float64Array(s.reduce((n, d) => n * d, 1))]),
  );
};

const sumUp = async (metric: Metric.AnyMetric, golden: Golden, as: (predictions: Tensor) => Tensor): Promise<Sums> => {
  let sums: Sums = {};
  for (const e of golden.inputs.events) {
    if (e.op === 'reset') {
      sums = {};
      continue;
    }
    const [prediction, truth] = [e.y_pred ?? e.values, e.y_true ?? e.values];
    if (prediction === undefined || truth === undefined) throw new Error('an update without data');
    const feeds = {
      output: array(as(prediction)),
      target: array(truth, sparse.has(golden.name) ? 'int32' : 'float32'),
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
  return Object.keys(sums).length === 0 ? zeros(metric) : sums;
};

const run = async (golden: Golden): Promise<string | undefined> => {
  const {
    metrics,
    read,
    output = (p) => p,
  } = (subjects[golden.name] as (h: Options) => Subject)(golden.hyperparameters);
  const results: number[] = [];
  for (const metric of metrics) {
    const sums = await sumUp(metric, golden, output);
    results.push(...(read === undefined ? [metric.result(sums)] : read(sums)));
  }
  return mismatch(results, numbers(golden.expected), golden.tolerance);
};

describe('metrics give the golden values', () => {
  const all = goldens<Golden['inputs'], Tensor>('metric', Object.keys(subjects));
  const cases = all.filter((c) => leftOut[c.id] === undefined);

  it('none is skipped silently', () => {
    expect(namesOf('metric').filter((name) => subjects[name] === undefined)).toEqual([]);
    expect(all.length - cases.length).toBe(Object.keys(leftOut).length);
    expect(cases.length).toBe(306);
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
