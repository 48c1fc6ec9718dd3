import { describe, expect, it } from 'vitest';
import { input, type Value } from '../../src/graph/Graph.ts';
import * as Loss from '../../src/objective/Loss.ts';
import { evaluate } from '../support/evaluate.ts';
import { array, type Case, goldens, mismatch, namesOf, numbers, type Tensor } from './cases.ts';

interface Inputs {
  readonly y_true: Tensor;
  readonly y_pred: Tensor;
  readonly sample_weight: Tensor | null;
  readonly mask: Tensor | null;
}

type Golden = Case<Inputs, Tensor>;
type Options = Readonly<Record<string, unknown>>;

const crossentropy = (h: Options) => ({
  fromLogits: h.from_logits === true,
  labelSmoothing: Number(h.label_smoothing ?? 0),
});

const axes = ({ axis }: Options) => (axis === null || axis === undefined ? {} : { axes: [axis].flat().map(Number) });

const losses: Readonly<Record<string, (h: Options) => Loss.Loss>> = {
  BinaryCrossentropy: (h) => Loss.binaryCrossentropy(crossentropy(h)),
  CategoricalCrossentropy: (h) => Loss.categoricalCrossentropy(crossentropy(h)),
  SparseCategoricalCrossentropy: (h) =>
    Loss.sparseCategoricalCrossentropy({
      fromLogits: h.from_logits === true,
      ...(typeof h.ignore_class === 'number' ? { ignoreClass: h.ignore_class } : {}),
    }),
  MeanSquaredError: () => Loss.meanSquaredError(),
  MeanAbsoluteError: () => Loss.meanAbsoluteError(),
  MeanAbsolutePercentageError: () => Loss.meanAbsolutePercentageError(),
  MeanSquaredLogarithmicError: () => Loss.meanSquaredLogarithmicError(),
  Huber: (h) => Loss.huber({ delta: Number(h.delta) }),
  LogCosh: () => Loss.logCosh(),
  Hinge: () => Loss.hinge(),
  SquaredHinge: () => Loss.squaredHinge(),
  CategoricalHinge: () => Loss.categoricalHinge(),
  KLDivergence: () => Loss.klDivergence(),
  Poisson: () => Loss.poisson(),
  CosineSimilarity: () => Loss.cosineSimilarity(),
  BinaryFocalCrossentropy: (h) =>
    Loss.binaryFocalCrossentropy({
      ...crossentropy(h),
      gamma: Number(h.gamma),
      alpha: Number(h.alpha),
      applyClassBalancing: h.apply_class_balancing === true,
    }),
  CategoricalFocalCrossentropy: (h) =>
    Loss.categoricalFocalCrossentropy({ ...crossentropy(h), gamma: Number(h.gamma), alpha: Number(h.alpha) }),
  CategoricalGeneralizedCrossEntropy: (h) => Loss.categoricalGeneralizedCrossentropy({ q: Number(h.q) }),
  Dice: (h) => Loss.dice(axes(h)),
  Tversky: (h) => Loss.tversky({ ...axes(h), alpha: Number(h.alpha), beta: Number(h.beta) }),
  Circle: (h) => Loss.circle({ gamma: Number(h.gamma), margin: Number(h.margin) }),
};

/** Losses that must know a size of the target. */
const sized: Readonly<Record<string, (target: Tensor) => Loss.Loss>> = {
  CTC: (target) => Loss.ctc({ length: target.shape[1] as number }),
};

const named = [...Object.keys(losses), ...Object.keys(sized)];

const leftOut: Readonly<Record<string, string>> = {
  'loss/CategoricalCrossentropy/04': 'class axis 1 of a rank-3 output: the class axis of sequences is the last',
  'loss/CategoricalCrossentropy/16': 'class axis 1 of a rank-3 output: the class axis of sequences is the last',
  'loss/CategoricalFocalCrossentropy/04': 'class axis 1 of a rank-3 output: the class axis of sequences is the last',
  'loss/CosineSimilarity/08': 'axis 0, across the samples of a batch',
};

const reductions: Readonly<Record<string, Loss.Reduction | 'none'>> = {
  sum_over_batch_size: 'sumOverBatchSize',
  mean: 'sumOverBatchSize',
  mean_with_sample_weight: 'meanWithSampleWeight',
  sum: 'sum',
  none: 'none',
  null: 'none',
};

const run = async ({ name, hyperparameters, inputs, expected, tolerance }: Golden): Promise<string | undefined> => {
  const loss = losses[name]?.(hyperparameters) ?? sized[name]?.(inputs.y_true);
  if (loss === undefined) return `no loss ${name}`;
  const feeds = {
    output: array(inputs.y_pred),
    target: array(inputs.y_true, loss.target),
    ...(inputs.sample_weight === null ? {} : { weights: array(inputs.sample_weight) }),
    ...(inputs.mask === null ? {} : { mask: array(inputs.mask) }),
  };
  const values = Object.fromEntries(Object.entries(feeds).map(([k, a]) => [k, input(k, a.dtype, a.shape)]));
  const [output, target] = [values.output as Value, values.target as Value];
  const reduction = reductions[String(hyperparameters.reduction)];
  if (reduction === undefined) return `unknown reduction ${hyperparameters.reduction}`;
  const reduced = Loss.reduce({
    reduction,
    weights: values.weights,
    mask: values.mask ?? loss.mask?.(output, target),
  })(loss.perSample(output, target));
  const { result } = await evaluate({ result: reduced }, feeds);
  if (`${result?.shape}` !== `${expected.shape}`) return `shape [${result?.shape}] instead of [${expected.shape}]`;
  return mismatch(result?.data as Float32Array, numbers(expected), tolerance);
};

describe('losses give the golden values', () => {
  const all = goldens<Inputs, Tensor>('loss', named);
  const cases = all.filter((c) => leftOut[c.id] === undefined);

  it('none is skipped silently', () => {
    expect(namesOf('loss').filter((name) => !named.includes(name))).toEqual([]);
    expect(all.length - cases.length).toBe(Object.keys(leftOut).length);
    expect(cases.length).toBe(210);
  });

  for (const name of named)
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
