import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import { grad } from '../../src/autodiff/Grad.ts';
import { graph, input, type Value } from '../../src/graph/Graph.ts';
import { missingKernels } from '../../src/graph/Kernels.ts';
import { identity, sigmoid, softmax } from '../../src/graph/Operators.ts';
import * as Loss from '../../src/objective/Loss.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { evaluate, f32 } from '../support/evaluate.ts';
import { kernelTables } from '../support/kernelTables.ts';

const i32 = (values: readonly number[], shape: readonly number[] = [values.length]): NdArray => ({
  dtype: 'int32',
  shape,
  data: Int32Array.from(values),
});

/** A function of an output and a target (and weights), computed. */
const compute = async (
  f: (output: Value, target: Value, weights: Value) => Value,
  output: NdArray,
  target: NdArray,
  weights: NdArray = f32([1], []),
): Promise<readonly number[]> => {
  const feeds = { output, target, weights };
  const [o, t, w] = [output, target, weights].map((a, i) => input(Object.keys(feeds)[i] as string, a.dtype, a.shape));
  const { y } = await evaluate({ y: f(o as Value, t as Value, w as Value) }, feeds);
  return Array.from(y?.data as Float32Array);
};

const softplus = (z: number) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
const logSumExp = (zs: readonly number[]) => {
  const top = Math.max(...zs);
  return top + Math.log(zs.reduce((s, z) => s + Math.exp(z - top), 0));
};

describe('probabilities that come out of an activation are read as logits', () => {
  const extremes = [-1000, -100, -20, 0, 20, 100, 1000];

  it('binary: the loss is exact and finite, however large the logits', async () => {
    const loss = Loss.binaryCrossentropy();
    for (const y of [0, 1, 0.25]) {
      const labels = f32(
        extremes.map(() => y),
        [7, 1],
      );
      const got = await compute((z, t) => loss.perSample(sigmoid(z), t), f32(extremes, [7, 1]), labels);
      extremes.forEach((z, i) => {
        expect(got[i]).toBeCloseTo(softplus(z) - z * y, 5);
      });
    }
  });

  it('categorical and sparse: the loss is exact and finite, however large the logits', async () => {
    const rows = [
      [1000, -1000, 0],
      [-1000, 1000, 1000],
      [0, 0, 0],
      [-1000, -999, -998],
    ];
    for (const target of [0, 1, 2]) {
      const exact = rows.map((row) => logSumExp(row) - (row[target] as number));
      const logits = f32(rows.flat(), [4, 3]);
      const oneHot = f32(
        rows.flatMap(() => [0, 1, 2].map((c) => (c === target ? 1 : 0))),
        [4, 3],
      );
      const losses = [
        await compute((z, t) => Loss.categoricalCrossentropy().perSample(softmax()(z), t), logits, oneHot),
        await compute(
          (z, t) => Loss.sparseCategoricalCrossentropy().perSample(softmax(1)(z), t),
          logits,
          i32(rows.map(() => target)),
        ),
      ];
      for (const got of losses)
        exact.forEach((e, i) => {
          expect(got[i]).toBeCloseTo(e, 3);
        });
    }
  });

  it('is the same as saying fromLogits', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.float({ min: -50, max: 50, noNaN: true }), { minLength: 6, maxLength: 6 }),
        fc.array(fc.constantFrom(0, 1), { minLength: 6, maxLength: 6 }),
        async (logits, labels) => {
          const [z, y] = [f32(logits, [2, 3]), f32(labels, [2, 3])];
          const pairs = [
            [Loss.binaryCrossentropy(), Loss.binaryCrossentropy({ fromLogits: true }), sigmoid],
            [Loss.categoricalCrossentropy(), Loss.categoricalCrossentropy({ fromLogits: true }), softmax()],
          ] as const;
          for (const [ofProbabilities, ofLogits, activation] of pairs)
            expect(await compute((x, t) => ofProbabilities.perSample(activation(x), t), z, y)).toEqual(
              await compute(ofLogits.perSample, z, y),
            );
        },
      ),
      { numRuns: 20 },
    );
  });

  it('of every loss of probabilities, gradients too, at logits of 100 and -100', async () => {
    const logits = f32([100, -100, 0, -100, 100, 100, -100, -100, -100, 0, 50, -100], [4, 3]);
    const [oneHot, classes] = [f32([0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 1], [4, 3]), i32([1, 0, 2, 2])];
    type Of = (options: { readonly fromLogits: boolean }) => Loss.AnyLoss;
    const cases: readonly (readonly [Of, typeof sigmoid, NdArray])[] = [
      [Loss.binaryCrossentropy, sigmoid, oneHot],
      [(o) => Loss.binaryFocalCrossentropy({ ...o, gamma: 0.5, applyClassBalancing: true }), sigmoid, oneHot],
      [Loss.dice, sigmoid, oneHot],
      [Loss.tversky, sigmoid, oneHot],
      [(o) => Loss.categoricalCrossentropy({ ...o, labelSmoothing: 0.1 }), softmax(), oneHot],
      [(o) => Loss.categoricalFocalCrossentropy({ ...o, gamma: 0.5 }), softmax(), oneHot],
      [Loss.sparseCategoricalCrossentropy, softmax(), classes],
      [Loss.categoricalGeneralizedCrossentropy, softmax(), classes],
    ];
    for (const [of, activation, target] of cases) {
      const z = input('output', 'float32', [4, 3]);
      const y = input('target', target.dtype, target.shape);
      const values = [
        Loss.scalar(of({ fromLogits: false }))(activation(z), y),
        Loss.scalar(of({ fromLogits: true }))(z, y),
      ] as const;
      const [fused, plain] = values.map((value) => {
        const gradient = grad(value, [z]);
        if (E.isLeft(gradient)) throw new Error(gradient.left.message);
        return { value, gradient: gradient.right[0] as Value };
      });
      const got = await evaluate(
        {
          a: fused?.value as Value,
          b: fused?.gradient as Value,
          c: plain?.value as Value,
          d: plain?.gradient as Value,
        },
        { output: logits, target },
      );
      const { name } = of({ fromLogits: true });
      expect([name, got.a, got.b]).toEqual([name, got.c, got.d]);
      for (const { data } of Object.values(got))
        expect([name, Array.from(data as Float32Array).every(Number.isFinite)]).toEqual([name, true]);
    }
  });

  it('does not happen behind another operator, nor for a softmax over another axis: there, Keras clips', async () => {
    const wrong = await compute(
      (z, t) => Loss.binaryCrossentropy().perSample(identity(sigmoid(z)), t),
      f32([-1000, 1000], [2, 1]),
      f32([1, 0], [2, 1]),
    );
    expect(wrong[0]).toBeCloseTo(16.118, 3);
    expect(wrong[1]).toBeCloseTo(15.942, 3);
    const overBatch = await compute(
      (z, t) => Loss.sparseCategoricalCrossentropy().perSample(softmax(0)(z), t),
      f32([1, 1, 1, 1, 1, 1], [2, 3]),
      i32([0, 2]),
    );
    expect(overBatch[0]).toBeCloseTo(Math.log(3), 5);
  });
});

describe('shapes', () => {
  it('a target (n,) and an output (n,1) are compared pairwise', async () => {
    const loss = Loss.scalar(Loss.meanSquaredError());
    expect(await compute(loss, f32([1, 2, 3], [3, 1]), f32([1, 2, 4], [3]))).toEqual([Math.fround(1 / 3)]);
    expect(await compute(loss, f32([1, 2, 3], [3]), f32([1, 2, 4], [3, 1]))).toEqual([Math.fround(1 / 3)]);
  });

  it('the class axis of images is 1', async () => {
    // Two classes, three pixels: class 1 has logits 0, ln 3, -ln 3.
    const z = f32([0, 0, 0, 0, Math.log(3), -Math.log(3)], [1, 2, 1, 3]);
    const values = await compute(
      (x, t) => Loss.sparseCategoricalCrossentropy().perSample(softmax(1)(x), t),
      z,
      i32([1, 1, 1], [1, 1, 3]),
    );
    [1 / 2, 3 / 4, 1 / 4].forEach((p, i) => {
      expect(values[i]).toBeCloseTo(-Math.log(p), 6);
    });
    const whole = await compute(
      (x, t) => Loss.categoricalCrossentropy().perSample(softmax(1)(x), t),
      z,
      f32([0, 0, 0, 1, 1, 1], [1, 2, 1, 3]),
    );
    expect(whole).toEqual(values);
  });

  it('one weight for each sample weighs all that the sample holds', async () => {
    const loss = Loss.sparseCategoricalCrossentropy({ fromLogits: true, reduction: 'sum' });
    const [z, y] = [f32(new Array(12).fill(0), [2, 3, 2]), i32([0, 1, 0, 1, 0, 1], [2, 3])];
    const [total] = await compute(Loss.scalar(loss), z, y, f32([2, 5], [2]));
    expect(total).toBeCloseTo((2 + 5) * 3 * Math.LN2, 5);
  });
});

describe('reductions', () => {
  const values = f32([1, 2, 3, 4], [2, 2]);
  const reduce = (options: Loss.ReduceOptions, weights?: NdArray) =>
    compute(
      (v, _, w) => Loss.reduce(weights === undefined ? options : { ...options, weights: w })(v),
      values,
      values,
      weights,
    );

  it('divide by the number of values, by the weights, or by nothing', async () => {
    const weights = f32([1, 3], [2]);
    expect(await reduce({}, weights)).toEqual([(3 + 21) / 4]);
    expect(await reduce({ reduction: 'meanWithSampleWeight' }, weights)).toEqual([24 / 8]);
    expect(await reduce({ reduction: 'sum' }, weights)).toEqual([24]);
    expect(await reduce({ reduction: 'none' }, weights)).toEqual([1, 2, 9, 12]);
    expect(await reduce({})).toEqual([2.5]);
  });

  it('are 0 where nothing has a weight', async () => {
    expect(await reduce({ reduction: 'meanWithSampleWeight' }, f32([0, 0]))).toEqual([0]);
    expect(await reduce({}, f32([0, 0]))).toEqual([0]);
  });

  it('take a mean of what the mask keeps; 0 if it keeps nothing', async () => {
    const masked = (mask: readonly number[], weights?: readonly number[]) =>
      compute(
        (v, m, w) => Loss.reduce({ mask: m, weights: weights === undefined ? undefined : w })(v),
        values,
        f32(mask, [2, 2]),
        f32(weights ?? [1, 1, 1, 1], [2, 2]),
      );
    expect(await masked([1, 0, 1, 0])).toEqual([2]);
    expect(await masked([1, 0, 1, 0], [2, 9, 4, 9])).toEqual([(1 * 2 + 3 * 4) / 2]);
    expect(await masked([0, 0, 0, 0])).toEqual([0]);
  });

  it('an ignored class does not count in the mean', async () => {
    const loss = Loss.sparseCategoricalCrossentropy({ fromLogits: true, ignoreClass: 255 });
    const [value] = await compute(Loss.scalar(loss), f32([0, 0, 0, Math.log(3), 9, 9], [3, 2]), i32([0, 1, 255]));
    expect(value).toBeCloseTo((Math.LN2 - Math.log(3 / 4)) / 2, 6);
  });
});

describe('weighted sums are linear', () => {
  const parts = [
    Loss.meanSquaredError(),
    Loss.binaryCrossentropy({ fromLogits: true, reduction: 'sum' }),
    Loss.dice({ fromLogits: true }),
    Loss.quantile(0.9),
  ] as const;
  const factor = fc.float({ min: -4, max: 4, noNaN: true });
  const term = fc.tuple(factor, fc.constantFrom(...parts));
  const terms = fc.array(term, { minLength: 1, maxLength: 4 });
  type Terms = readonly [Loss.WeightedTerm, ...Loss.WeightedTerm[]];
  const numbersOf = (min: number, max: number) =>
    fc.array(fc.float({ min, max, noNaN: true }), { minLength: 6, maxLength: 6 });

  /** Loss, then its gradient. */
  const valueAndGradient = async (loss: Loss.AnyLoss, z: NdArray, y: NdArray): Promise<readonly number[]> => {
    const output = input('output', 'float32', z.shape);
    const value = Loss.scalar(loss)(output, input('target', 'float32', y.shape));
    const gradient = grad(value, [output]);
    if (E.isLeft(gradient)) throw new Error(gradient.left.message);
    const { l, g } = await evaluate({ l: value, g: gradient.right[0] as Value }, { output: z, target: y });
    return [...Array.from(l?.data as Float32Array), ...Array.from(g?.data as Float32Array)];
  };

  const near = (expected: readonly number[]) => expected.map((e) => expect.closeTo(e, 3));

  it('in their terms and weights, and so are their gradients', async () => {
    await fc.assert(
      fc.asyncProperty(terms, terms, factor, numbersOf(-3, 3), numbersOf(0, 1), async (xs, ys, a, zs, labels) => {
        const [z, y] = [f32(zs, [3, 2]), f32(labels, [3, 2])];
        const of = (list: readonly Loss.WeightedTerm[]) => valueAndGradient(Loss.weighted(list as Terms), z, y);
        const [x, other, all] = [await of(xs), await of(ys), await of([...xs, ...ys])];
        expect(all).toEqual(near(x.map((v, i) => v + (other[i] as number))));
        expect(await of([[a, Loss.weighted(xs as unknown as Terms)]])).toEqual(near(x.map((v) => a * v)));
        expect(await of([...xs].reverse())).toEqual(near(x));
      }),
      { numRuns: 15 },
    );
  });

  it('of one loss is that loss scaled; scales multiply', async () => {
    const part = fc.constantFrom<Loss.AnyLoss>(...parts);
    await fc.assert(
      fc.asyncProperty(part, factor, factor, numbersOf(-3, 3), numbersOf(0, 1), async (loss, a, b, zs, labels) => {
        const [z, y] = [f32(zs, [3, 2]), f32(labels, [3, 2])];
        const scaled = await valueAndGradient(Loss.scale(a)(loss), z, y);
        expect(scaled).toEqual(near(await valueAndGradient(Loss.weighted([[a, loss]]), z, y)));
        expect(await valueAndGradient(Loss.scale(b)(Loss.scale(a)(loss)), z, y)).toEqual(
          near(scaled.map((v) => b * v)),
        );
        expect(await valueAndGradient(Loss.scale(1)(loss), z, y)).toEqual(near(await valueAndGradient(loss, z, y)));
      }),
      { numRuns: 10 },
    );
  });

  it('of one loss with weight 1 is that loss, with its mask and the samples’ weights', async () => {
    const loss = Loss.sparseCategoricalCrossentropy({ fromLogits: true, ignoreClass: 1 });
    const [z, y, w] = [f32([1, 2, 3, 0, 0, 9, 1, 1], [4, 2]), i32([0, 1, 1, 0]), f32([1, 2, 3, 4])];
    const plain = await compute(Loss.scalar(loss), z, y, w);
    expect(await compute(Loss.scalar(Loss.weighted([[1, loss]])), z, y, w)).toEqual(plain);
  });

  it('as a metric, is the weighted sum of each sample’s losses', async () => {
    const loss = Loss.weighted([
      [2, Loss.meanSquaredError()],
      [3, Loss.meanAbsoluteError()],
    ]);
    expect(loss.name).toBe('mean_squared_error+mean_absolute_error');
    expect(await compute(loss.perSample, f32([1, 3, 0, 0], [2, 2]), f32([0, 0, 0, 2], [2, 2]))).toEqual([
      2 * 5 + 3 * 2,
      2 * 2 + 3 * 1,
    ]);
  });
});

describe('corners', () => {
  const gradientOf = async (loss: Loss.AnyLoss, z: NdArray, y: NdArray): Promise<readonly number[]> => {
    const output = input('output', 'float32', z.shape);
    const value = Loss.scalar(loss)(output, input('target', y.dtype, y.shape));
    const gradient = grad(value, [output]);
    if (E.isLeft(gradient)) throw new Error(gradient.left.message);
    const { l, g } = await evaluate({ l: value, g: gradient.right[0] as Value }, { output: z, target: y });
    return [...Array.from(l?.data as Float32Array), ...Array.from(g?.data as Float32Array)];
  };

  it('nothing is infinite where probabilities are exactly 0 or 1', async () => {
    const z = f32([0, 1, 1, 0, 0.5, 0.5], [3, 2]);
    const y = f32([1, 0, 1, 0, 0, 1], [3, 2]);
    const dense = [
      Loss.binaryCrossentropy(),
      Loss.categoricalCrossentropy(),
      Loss.binaryFocalCrossentropy({ gamma: 0.5 }),
      Loss.categoricalFocalCrossentropy({ gamma: 0.5 }),
      Loss.dice(),
      Loss.tversky(),
      Loss.klDivergence(),
    ];
    for (const loss of dense)
      expect([loss.name, (await gradientOf(loss, z, y)).every(Number.isFinite)]).toEqual([loss.name, true]);
    for (const loss of [Loss.sparseCategoricalCrossentropy(), Loss.categoricalGeneralizedCrossentropy()])
      expect([loss.name, (await gradientOf(loss, z, i32([0, 1, 1]))).every(Number.isFinite)]).toEqual([
        loss.name,
        true,
      ]);
  });

  it('triplets without a negative, or without a positive, have finite losses and gradients', async () => {
    const z = f32([1, 0, 1, 0, 0, 1], [3, 2]);
    for (const mining of ['semiHard', 'hard'] as const) {
      expect((await gradientOf(Loss.triplet({ mining }), z, i32([5, 5, 5]))).every((v) => v === 0)).toBe(true);
      expect((await gradientOf(Loss.triplet({ mining }), z, i32([1, 2, 3]))).every(Number.isFinite)).toBe(true);
    }
    expect((await gradientOf(Loss.circle(), z, i32([1, 2, 3]))).every((v) => v === 0)).toBe(true);
  });

  it('variances below epsilon count as epsilon, and still learn', async () => {
    const [value, ...gradient] = await gradientOf(
      Loss.gaussianNegativeLogLikelihood({ epsilon: 0.5 }),
      f32([0, -3], [1, 2]),
      f32([1], [1, 1]),
    );
    expect(value).toBeCloseTo(0.5 * (Math.log(0.5) + 2), 5);
    expect(gradient[1]).toBeCloseTo(0.5 * (2 - 4), 5);
  });

  it('a CTC target without room has no loss', async () => {
    const all = await gradientOf(Loss.ctc({ length: 2 }), f32([1, 2, 3, 4], [1, 2, 2]), i32([1, 1], [1, 2]));
    expect(all.every((v) => v === 0)).toBe(true);
  });

  it('smoothed classes are smoothed one-hot targets', async () => {
    const z = f32([1, 2, 3, -1, 0, 1], [2, 3]);
    const smoothed = { fromLogits: true, labelSmoothing: 0.2 };
    const [sparse] = await compute(
      Loss.scalar(Loss.sparseCategoricalCrossentropy({ ...smoothed, ignoreClass: -1 })),
      z,
      i32([2, 0]),
    );
    const [dense] = await compute(
      Loss.scalar(Loss.categoricalCrossentropy(smoothed)),
      z,
      f32([0, 0, 1, 1, 0, 0], [2, 3]),
    );
    expect(sparse).toBeCloseTo(dense as number, 5);
  });
});

describe('graphs', () => {
  const losses: readonly Loss.Loss[] = [
    Loss.binaryCrossentropy({ labelSmoothing: 0.1 }),
    Loss.categoricalCrossentropy({ labelSmoothing: 0.1 }),
    Loss.sparseCategoricalCrossentropy({ ignoreClass: 0 }),
    Loss.sparseCategoricalCrossentropy({ fromLogits: true }),
    Loss.meanSquaredError({ reduction: 'meanWithSampleWeight' }),
    Loss.meanAbsoluteError(),
    Loss.meanAbsolutePercentageError(),
    Loss.meanSquaredLogarithmicError(),
    Loss.huber(),
    Loss.logCosh(),
    Loss.hinge(),
    Loss.squaredHinge(),
    Loss.categoricalHinge(),
    Loss.klDivergence(),
    Loss.poisson(),
    Loss.cosineSimilarity(),
  ];

  it('are built for a batch of unknown size, and both providers have the kernels', () => {
    const output = input('output', 'float32', ['batch', 3]);
    const outputs = losses.map((loss, i) => {
      const target = input('target', loss.target, loss.target === 'int32' ? ['batch'] : ['batch', 3]);
      return { name: `y${i}`, value: Loss.scalar(loss)(output, target, input('weights', 'float32', ['batch'])) };
    });
    for (const { value } of outputs) expect(value.type).toEqual({ dtype: 'float32', shape: [] });
    const whole = graph('losses', [], outputs);
    expect(missingKernels(whole, kernelTables, 'cpu', 18)).toEqual([]);
    expect(missingKernels(whole, kernelTables, 'cuda', 18)).toEqual([]);
  });
});
