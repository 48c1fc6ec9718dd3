import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { graph, input, type Value } from '../../src/graph/Graph.ts';
import { missingKernels } from '../../src/graph/Kernels.ts';
import { abs, reduceMax, sigmoid, sub } from '../../src/graph/Operators.ts';
import * as Metric from '../../src/objective/Metric.ts';
import type { DType, NdArray } from '../../src/shape/NdArray.ts';
import { evaluate, f32 } from '../support/evaluate.ts';
import { kernelTables } from '../support/kernelTables.ts';

type Sums = Readonly<Record<string, Float64Array>>;

const typed = (values: readonly number[], shape: readonly number[], dtype: DType): NdArray =>
  dtype === 'int32' ? { dtype, shape, data: Int32Array.from(values) } : f32(values, shape);

/** What a batch adds to the sums of each metric; one graph for all of them. */
const incrementsOf = async (
  metrics: readonly Metric.AnyMetric[],
  output: NdArray,
  target: NdArray,
): Promise<readonly Sums[]> => {
  const [o, t] = [output, target].map((a, i) =>
    input(i === 0 ? 'output' : 'target', a.dtype, ['batch', ...a.shape.slice(1)]),
  ) as [Value, Value];
  const updates = metrics.map((metric) => Object.entries(metric.update(o, t)));
  const named = updates.flatMap((own, i) => own.map(([state, v]): [string, Value] => [`${i}/${state}`, v]));
  const values = await evaluate(Object.fromEntries(named), { output, target });
  return updates.map((own, i) =>
    Object.fromEntries(own.map(([state]) => [state, Float64Array.from(values[`${i}/${state}`]?.data as Float32Array)])),
  );
};

const plus = (a: Sums, b: Sums): Sums =>
  Object.fromEntries(Object.entries(a).map(([k, x]) => [k, x.map((v, i) => v + (b[k]?.[i] as number))]));

const value = async (metric: Metric.AnyMetric, output: NdArray, target: NdArray): Promise<number> =>
  metric.result((await incrementsOf([metric], output, target))[0] ?? {});

const all: readonly Metric.AnyMetric[] = [
  Metric.accuracy(),
  Metric.binaryAccuracy(),
  Metric.categoricalAccuracy(),
  Metric.binaryCrossentropy(),
  Metric.categoricalCrossentropy(),
  Metric.logLoss(),
  Metric.meanSquaredError(),
  Metric.meanAbsoluteError(),
  Metric.rootMeanSquaredError(),
  Metric.cosineSimilarity(),
  Metric.precision(),
  Metric.recall({ classId: 1 }),
  Metric.f1(),
  Metric.f1({ average: 'micro', threshold: 0.4 }),
  Metric.fBeta({ average: 'weighted', beta: 2 }),
  Metric.topKCategoricalAccuracy({ k: 2 }),
  Metric.meanAbsolutePercentageError(),
  Metric.meanSquaredLogarithmicError(),
  Metric.logCosh(),
  Metric.squaredHinge(),
  Metric.categoricalHinge(),
  Metric.klDivergence(),
  Metric.poisson(),
  Metric.r2(),
  Metric.pearsonCorrelation(),
  Metric.concordanceCorrelation(),
  Metric.truePositives(),
  Metric.falseNegatives({ classId: 2 }),
  Metric.precision({ topK: 2, average: 'weighted' }),
  Metric.recall({ average: 'macro' }),
  Metric.auc(),
  Metric.auc({ curve: 'PR', multiLabel: true, numThresholds: 11 }),
  Metric.recallAtPrecision(0.5),
  Metric.iou([0, 2]),
  Metric.meanIou(),
  Metric.binaryIou({ threshold: 0.3 }),
  Metric.oneHotIou([0, 2]),
  Metric.oneHotMeanIou(),
  Metric.matthewsCorrelation(),
  Metric.cohenKappa({ weights: 'linear' }),
  Metric.balancedAccuracy(),
  Metric.sum('distance', 'min', (p, y) => abs(sub(p, y))),
  Metric.custom('worst', 'min', (p, y) => reduceMax({ axes: [-1] })(abs(sub(p, y)))),
];

const integers: readonly Metric.AnyMetric[] = [
  Metric.sparseTopKCategoricalAccuracy({ k: 2 }),
  Metric.meanIou({ ignoreClass: 1 }),
  Metric.accuracy(),
  Metric.sparseCategoricalAccuracy(),
  Metric.sparseCategoricalCrossentropy(),
  Metric.logLoss(),
];

describe('laws', () => {
  const row = fc.tuple(
    fc.array(fc.float({ min: Math.fround(0.01), max: 1, noNaN: true }), { minLength: 3, maxLength: 3 }),
    fc.nat({ max: 2 }),
  );
  const rows = fc.array(row, { minLength: 1, maxLength: 5 });

  it('a metric does not depend on how samples are batched', async () => {
    await fc.assert(
      fc.asyncProperty(rows, rows, async (a, b) => {
        const outputs = (r: typeof a) =>
          f32(
            r.flatMap(([p]) => p),
            [r.length, 3],
          );
        const oneHot = (r: typeof a) =>
          f32(
            r.flatMap(([, c]) => [0, 1, 2].map((i) => Number(i === c))),
            [r.length, 3],
          );
        const classes = (r: typeof a) =>
          typed(
            r.map(([, c]) => c),
            [r.length],
            'int32',
          );
        for (const [metrics, target] of [
          [all, oneHot],
          [integers, classes],
        ] as const) {
          const [x, y, together] = [
            await incrementsOf(metrics, outputs(a), target(a)),
            await incrementsOf(metrics, outputs(b), target(b)),
            await incrementsOf(metrics, outputs([...a, ...b]), target([...a, ...b])),
          ];
          metrics.forEach((metric, i) => {
            const expected = metric.result(together[i] as Sums);
            const got = metric.result(plus(x[i] as Sums, y[i] as Sums));
            const off = Math.abs(got - expected) / Math.max(1, Math.abs(expected));
            expect([metric.name, off < 1e-5, got, expected]).toEqual([metric.name, true, got, expected]);
          });
        }
      }),
      { numRuns: 20 },
    );
  });

  it('before the first sample it is a number', () => {
    for (const metric of [...all, ...integers]) {
      const states = metric.states({ dtype: 'float32', shape: ['batch', 3] });
      const zeros = Object.entries(states).map(([k, s]) => [k, new Float64Array(s.reduce((n, d) => n * d, 1))]);
      expect([metric.name, metric.result(Object.fromEntries(zeros))]).toEqual([metric.name, 0]);
    }
  });
});

describe('accuracy follows the shapes', () => {
  it('one output: above 0.5 is a yes, 0.5 is not', async () => {
    const outputs = f32([0.5, 0.51, 0.4, 0.9], [4, 1]);
    expect(await value(Metric.accuracy(), outputs, f32([0, 1, 1, 1], [4, 1]))).toBe(0.75);
    expect(await value(Metric.accuracy(), outputs, typed([0, 1, 1, 1], [4], 'int32'))).toBe(0.75);
  });

  it('a class: the first of equal outputs is the prediction', async () => {
    const outputs = f32([1, 1, 0, 0, 1, 1], [2, 3]);
    expect(await value(Metric.accuracy(), outputs, typed([0, 2], [2], 'int32'))).toBe(0.5);
    expect(await value(Metric.accuracy(), outputs, typed([0, 2], [2, 1], 'int32'))).toBe(0.5);
  });

  it('one-hot', async () => {
    expect(await value(Metric.accuracy(), f32([3, 1, 2, 0, 1, 9], [2, 3]), f32([1, 0, 0, 0, 1, 0], [2, 3]))).toBe(0.5);
  });

  it('a class for each pixel, the channels being the classes', async () => {
    const outputs = f32([0, 5, 0, 1, 1, 1], [1, 2, 1, 3]);
    expect(await value(Metric.accuracy(), outputs, typed([1, 1, 1], [1, 1, 3], 'int32'))).toBeCloseTo(2 / 3, 6);
  });
});

describe('log loss is scikit-learn’s', () => {
  const log = (p: number) => Math.log(p);

  it('of one column', async () => {
    const e = 2 ** -23;
    const expected = -(log(0.9) + log(0.8) + log(e)) / 3;
    expect(await value(Metric.logLoss(), f32([0.9, 0.2, 0], [3, 1]), f32([1, 0, 1], [3, 1]))).toBeCloseTo(expected, 5);
    expect(await value(Metric.logLoss(), f32([0.9, 0.2, 0], [3, 1]), f32([1, 0, 1], [3]))).toBeCloseTo(expected, 5);
  });

  it('of rows, scaled to sum 1', async () => {
    const outputs = f32([0.2, 0.2, 0.4, 0.1, 0.1, 0.8], [2, 3]);
    const expected = -(log(0.25) + log(0.8)) / 2;
    expect(await value(Metric.logLoss(), outputs, typed([0, 2], [2], 'int32'))).toBeCloseTo(expected, 5);
    expect(await value(Metric.logLoss(), outputs, f32([1, 0, 0, 0, 0, 1], [2, 3]))).toBeCloseTo(expected, 5);
  });

  it('looks at the probabilities, which are clipped, not at what they come from', async () => {
    const metric = Metric.logLoss();
    const logits = input('z', 'float32', [1, 1]);
    const { total } = await evaluate(metric.update(sigmoid(logits), input('y', 'float32', [1, 1])), {
      z: f32([-1000], [1, 1]),
      y: f32([1], [1, 1]),
    });
    expect(Number(total?.data[0])).toBeCloseTo(23 * Math.LN2, 5);
  });
});

describe('counts', () => {
  it('f1 of one column takes 0.5, of several the largest of the row', async () => {
    expect(await value(Metric.f1(), f32([0.9, 0.6, 0.5], [3, 1]), f32([1, 0, 1], [3, 1]))).toBeCloseTo(0.5, 5);
    expect(
      await value(Metric.f1({ average: 'micro' }), f32([0.3, 0.2, 0.1, 0.2], [2, 2]), f32([1, 0, 1, 0], [2, 2])),
    ).toBeCloseTo(0.5, 5);
  });

  it('precision and recall are 0 where there is nothing to count', async () => {
    const [none, outputs] = [f32([0, 0], [2, 1]), f32([0.1, 0.2], [2, 1])];
    expect(await value(Metric.precision(), outputs, none)).toBe(0);
    expect(await value(Metric.recall(), outputs, none)).toBe(0);
  });
});

describe('columns and rows', () => {
  const outputs = f32([0.9, 0.8, 0.1, 0.6, 0.6, 0.6], [2, 3]);
  const targets = f32([0, 1, 1, 1, 0, 0], [2, 3]);

  it('topK calls exactly k of each row, the first of equals', async () => {
    expect(await value(Metric.truePositives({ name: 'all' }), outputs, targets)).toBe(2);
    expect(await value(Metric.precision({ topK: 1 }), outputs, targets)).toBe(1 / 2);
    expect(await value(Metric.recall({ topK: 2 }), outputs, targets)).toBe(2 / 3);
    expect(await value(Metric.recall({ topK: 2, threshold: 0.85 }), outputs, targets)).toBe(0);
    expect(await value(Metric.recall({ topK: 1, classId: 0 }), outputs, targets)).toBe(1);
  });

  it('averages of columns', async () => {
    expect(await value(Metric.recall({ average: 'macro' }), outputs, targets)).toBeCloseTo(2 / 3, 6);
    expect(await value(Metric.precision({ average: 'macro' }), outputs, targets)).toBeCloseTo((1 / 2 + 1 / 2) / 3, 6);
    expect(await value(Metric.precision({ average: 'weighted' }), outputs, targets)).toBeCloseTo(1 / 3, 6);
  });

  it('an output that is no number is never among the best', async () => {
    const broken = f32([Number.NaN, Number.NaN, Number.NaN], [1, 3]);
    expect(await value(Metric.topKCategoricalAccuracy({ k: 2 }), broken, f32([0, 1, 0], [1, 3]))).toBe(0);
  });
});

describe('the confusion matrix', () => {
  const outputs = f32([0.1, 0.8, 0.1, 0.7, 0.2, 0.1, 0.2, 0.3, 0.5, 0.1, 0.8, 0.1], [4, 3]);
  const classes = typed([1, 0, 1, 2], [4], 'int32');

  it('has true classes as rows', async () => {
    const metric = Metric.fromConfusion('rows', 'max', (matrix) => matrix.length);
    const [states] = await incrementsOf([metric], outputs, classes);
    expect(Metric.confusionMatrix(states ?? {})).toEqual([
      [1, 0, 0],
      [0, 1, 1],
      [0, 1, 0],
    ]);
  });

  it('is what metrics of one’s own are made of; labels that do not count are left out', async () => {
    const all = (matrix: Metric.ConfusionMatrix) => matrix.flat().reduce((a, b) => a + b, 0);
    expect(await value(Metric.fromConfusion('all', 'max', all), outputs, classes)).toBe(4);
    expect(await value(Metric.fromConfusion('all', 'max', all, { ignoreClass: 1 }), outputs, classes)).toBe(2);
    expect(await value(Metric.meanIou(), outputs, typed([1, 0, -1, 255], [4], 'int32'))).toBeCloseTo(1, 5);
  });

  it('of images has the class axis 1', async () => {
    const image = f32([0.9, 0.2, 0.1, 0.8], [1, 2, 1, 2]);
    expect(await value(Metric.meanIou(), image, typed([0, 1], [1, 1, 2], 'int32'))).toBeCloseTo(1, 5);
  });
});

describe('areas', () => {
  it('are the share of pairs in the right order, for outputs that the thresholds tell apart', async () => {
    const scores = fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.boolean()), { minLength: 2, maxLength: 20 });
    const metric = Metric.auc({ numThresholds: 21 });
    await fc.assert(
      fc.asyncProperty(scores, async (rows) => {
        const [yes, no] = [true, false].map((y) => rows.filter(([, label]) => label === y).map(([s]) => s));
        const pairs = (yes ?? []).flatMap((a) => (no ?? []).map((b) => (a > b ? 1 : a === b ? 0.5 : 0)));
        const expected = pairs.length === 0 ? 0 : pairs.reduce((a: number, b) => a + b, 0) / pairs.length;
        const got = await value(
          metric,
          f32(
            rows.map(([s]) => s / 10 + 0.02),
            [rows.length, 1],
          ),
          f32(
            rows.map(([, y]) => Number(y)),
            [rows.length, 1],
          ),
        );
        expect(got).toBeCloseTo(expected, 6);
      }),
      { numRuns: 25 },
    );
  });

  it('count what is strictly above each threshold, whatever the outputs and however many thresholds', async () => {
    for (const numThresholds of [2, 3, 4, 7, 8, 9, 200]) {
      const metric = Metric.auc({ numThresholds });
      const inner = Array.from({ length: numThresholds - 2 }, (_, i) => Math.fround((i + 1) / (numThresholds - 1)));
      const thresholds = [Math.fround(-1e-7), ...inner, Math.fround(1 + 1e-7)];
      const outputs = [...inner, ...inner.map((t) => t + 1e-4), 0, 1, -1, 2, 0.3, Number.NaN, Number.POSITIVE_INFINITY];
      const labels = outputs.map((_, i) => i % 2);
      const [sums] = await incrementsOf([metric], f32(outputs, [outputs.length, 1]), f32(labels, [outputs.length, 1]));
      const above = (label: number) =>
        thresholds.map((t) => outputs.filter((p, i) => labels[i] === label && Math.fround(p) > t).length);
      expect([numThresholds, Array.from(sums?.truePositives ?? [])]).toEqual([numThresholds, above(1)]);
      expect([numThresholds, Array.from(sums?.falsePositives ?? [])]).toEqual([numThresholds, above(0)]);
    }
  });

  it('with many thresholds are those of the outputs themselves', async () => {
    const size = 400;
    const outputs = Array.from({ length: size }, (_, i) => Math.fround((1 + Math.sin(13 * i * i)) / 2));
    const labels = outputs.map((p, i) => Number(p + 0.8 * Math.sin(7 * i) > 0.5));
    const [yes, no] = [1, 0].map((y) => outputs.filter((_, i) => labels[i] === y)) as [number[], number[]];
    const right = yes.reduce((sum, a) => sum + no.filter((b) => a > b).length, 0) / (yes.length * no.length);
    const area = (numThresholds: number) =>
      value(Metric.auc({ numThresholds }), f32(outputs, [size, 1]), f32(labels, [size, 1]));
    expect(Math.abs((await area(100_000)) - right)).toBeLessThan(1e-5);
    expect(Math.abs((await area(200)) - right)).toBeLessThan(5e-3);
  });

  it('weigh labels as they are told', async () => {
    const [outputs, targets] = [f32([0.9, 0.1, 0.1, 0.9], [2, 2]), f32([1, 1, 0, 0], [2, 2])];
    expect(await value(Metric.auc({ multiLabel: true }), outputs, targets)).toBeCloseTo(0.5, 6);
    expect(await value(Metric.auc({ multiLabel: true, labelWeights: [3, 1] }), outputs, targets)).toBeCloseTo(0.75, 6);
  });
});

describe('r2 keeps its digits', () => {
  it('for targets far from 0', async () => {
    const y = [100000, 100001, 100002, 100003].map(Math.fround);
    const p = [100000.5, 100001, 100002, 100002.5];
    expect(await value(Metric.r2(), f32(p, [4, 1]), f32(y, [4, 1]))).toBeCloseTo(1 - 0.5 / 5, 9);
  });
});

describe('perplexity', () => {
  const metric = Metric.perplexity({ ignoreClass: 0 });
  it('leaves out padding, and counts every other position alike', async () => {
    const p = [0.1, 0.4, 0.5, 0.1, 0.4, 0.5, 0.9, 0.05, 0.05, 0.5, 0.25, 0.25];
    const got = await value(metric, f32(p, [2, 2, 3]), typed([1, 2, 0, 1], [2, 2], 'int32'));
    expect(got).toBeCloseTo(Math.exp(-(Math.log(0.4) + Math.log(0.5) + Math.log(0.25)) / 3), 4);
  });
});

describe('graphs', () => {
  it('have the states’ shapes for a batch of unknown size, and both providers have the kernels', () => {
    const output = input('output', 'float32', ['batch', 3]);
    const weights = input('weights', 'float32', ['batch']);
    const built = (metrics: readonly Metric.AnyMetric[], target: Value) =>
      metrics.flatMap((metric) => {
        const values = metric.update(output, target, weights);
        const shapes = Object.fromEntries(Object.entries(values).map(([k, v]) => [k, v.type.shape]));
        expect([metric.name, shapes]).toEqual([metric.name, metric.states(output.type)]);
        return Object.entries(values);
      });
    const outputs = [
      ...built(all, input('target', 'float32', ['batch', 3])),
      ...built(integers, input('classes', 'int32', ['batch'])),
    ].map(([, v], i) => ({ name: `y${i}`, value: v }));
    const whole = graph('metrics', [], outputs);
    expect(missingKernels(whole, kernelTables, 'cpu', 18)).toEqual([]);
    expect(missingKernels(whole, kernelTables, 'cuda', 18)).toEqual([]);
  });
});
