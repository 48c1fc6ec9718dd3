import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { describe, expect, expectTypeOf, it } from 'vitest';
import * as Loss from '../../src/objective/Loss.ts';
import * as Metric from '../../src/objective/Metric.ts';
import type { Apply, Fn } from '../../src/shape/Fn.ts';
import type { AnyShape, Int, Shape } from '../../src/shape/Shape.ts';

/** The rule as a type; the tests hold it equal to the rule at run time. */
type TargetOf<L, O> = L extends { readonly '~fn'?: infer F } ? (F extends Fn ? Apply<F, O> : never) : never;

const target = <const O extends Shape>(loss: Loss.Loss, output: O): AnyShape | string =>
  E.getOrElseW((message: string) => message)(loss.targetShape(output));

describe('the target of a loss, to the compiler and at run time', () => {
  const sparse = Loss.sparseCategoricalCrossentropy();
  const categorical = Loss.categoricalCrossentropy();
  const binary = Loss.binaryCrossentropy();
  type S = typeof sparse;
  type C = typeof categorical;

  it('is a class for each position', () => {
    expectTypeOf<TargetOf<S, ['batch', 10]>>().toEqualTypeOf<Int<['batch']>>();
    expect(target(sparse, ['batch', 10])).toEqual({ int: ['batch'] });
    expectTypeOf<TargetOf<S, ['batch', 'seq', 100]>>().toEqualTypeOf<Int<['batch', 'seq']>>();
    expect(target(sparse, ['batch', 'seq', 100])).toEqual({ int: ['batch', 'seq'] });
  });

  it('has the class axis at 1 for images and volumes', () => {
    expectTypeOf<TargetOf<S, ['batch', 21, 64, 48]>>().toEqualTypeOf<Int<['batch', 64, 48]>>();
    expect(target(sparse, ['batch', 21, 64, 48])).toEqual({ int: ['batch', 64, 48] });
    expectTypeOf<
      TargetOf<S, ['batch', 1, 64, 48]>
    >().toEqualTypeOf<'sparseCategoricalCrossentropy: the output [batch,1,64,48] has one class; use binaryCrossentropy'>();
    expectTypeOf<TargetOf<C, ['batch', 21, 64, 1]>>().toEqualTypeOf<['batch', 21, 64, 1]>();
    expect(target(categorical, ['batch', 21, 64, 1])).toEqual(['batch', 21, 64, 1]);
  });

  it('has the shape of the output otherwise', () => {
    expectTypeOf<TargetOf<C, ['batch', 10]>>().toEqualTypeOf<['batch', 10]>();
    expect(target(categorical, ['batch', 10])).toEqual(['batch', 10]);
    expectTypeOf<TargetOf<typeof binary, ['batch', 1]>>().toEqualTypeOf<['batch', 1]>();
    expect(target(binary, ['batch', 1])).toEqual(['batch', 1]);
  });

  it('is an error for one class', () => {
    const message = 'sparseCategoricalCrossentropy: the output [batch,1] has one class; use binaryCrossentropy';
    expectTypeOf<TargetOf<S, ['batch', 1]>>().toEqualTypeOf<typeof message>();
    expect(target(sparse, ['batch', 1])).toBe(message);
    const other = 'categoricalCrossentropy: the output [batch,1] has one class; use binaryCrossentropy';
    expectTypeOf<TargetOf<C, ['batch', 1]>>().toEqualTypeOf<typeof other>();
    expect(target(categorical, ['batch', 1])).toBe(other);
  });

  it('is an error without a class axis', () => {
    const message = 'sparseCategoricalCrossentropy: expects [batch,...,classes], got [batch]';
    expectTypeOf<TargetOf<S, ['batch']>>().toEqualTypeOf<typeof message>();
    expect(target(sparse, ['batch'])).toBe(message);
    const integers = 'categoricalCrossentropy: expects [batch,...,classes], got int32[batch,3]';
    expectTypeOf<TargetOf<C, Int<['batch', 3]>>>().toEqualTypeOf<typeof integers>();
    expect(E.swap(categorical.targetShape({ int: ['batch', 3] }))).toEqual(E.right(integers));
  });

  it('is left to run time where the output is unknown', () => {
    expectTypeOf<TargetOf<S, Shape>>().toEqualTypeOf<Shape>();
    expectTypeOf<TargetOf<S, ['batch', number]>>().toEqualTypeOf<Int<['batch']>>();
    expect(target(sparse, ['batch', '?'])).toEqual({ int: ['batch'] });
  });
});

describe('the target of losses with targets of their own', () => {
  it('has half the numbers of means and variances', () => {
    const loss = Loss.gaussianNegativeLogLikelihood();
    type G = typeof loss;
    expectTypeOf<TargetOf<G, ['batch', 6]>>().toEqualTypeOf<['batch', 3]>();
    expect(target(loss, ['batch', 6])).toEqual(['batch', 3]);
    expectTypeOf<TargetOf<G, ['batch', 5, 2]>>().toEqualTypeOf<['batch', 5, 1]>();
    expect(target(loss, ['batch', 5, 2])).toEqual(['batch', 5, 1]);
    const odd = 'gaussianNegativeLogLikelihood: expects an even last size, got [batch,5]';
    expectTypeOf<TargetOf<G, ['batch', 5]>>().toEqualTypeOf<typeof odd>();
    expect(target(loss, ['batch', 5])).toBe(odd);
    expectTypeOf<TargetOf<G, ['batch', number]>>().toEqualTypeOf<['batch', number]>();
    expect(target(loss, ['batch', '?'])).toEqual(['batch', '?']);
  });

  it('is the class of each point', () => {
    const loss = Loss.triplet();
    expectTypeOf<TargetOf<typeof loss, ['batch', 64]>>().toEqualTypeOf<Int<['batch']>>();
    expect(target(loss, ['batch', 64])).toEqual({ int: ['batch'] });
    const message = 'triplet: expects [batch,features], got [batch,4,64]';
    expectTypeOf<TargetOf<typeof loss, ['batch', 4, 64]>>().toEqualTypeOf<typeof message>();
    expect(target(loss, ['batch', 4, 64])).toBe(message);
    expect(target(Loss.circle(), ['batch', 64])).toEqual({ int: ['batch'] });
  });

  it('is a padded line of classes', () => {
    const loss = Loss.ctc({ length: 20 });
    type L = typeof loss;
    expectTypeOf<TargetOf<L, ['batch', 100, 27]>>().toEqualTypeOf<Int<['batch', 20]>>();
    expect(target(loss, ['batch', 100, 27])).toEqual({ int: ['batch', 20] });
    const open = 'ctc: the number of steps must be known, got [batch,seq,27]';
    expectTypeOf<TargetOf<L, ['batch', 'seq', 27]>>().toEqualTypeOf<typeof open>();
    expect(target(loss, ['batch', 'seq', 27])).toBe(open);
    const flat = 'ctc: expects [batch,steps,classes], got [batch,27]';
    expectTypeOf<TargetOf<L, ['batch', 27]>>().toEqualTypeOf<typeof flat>();
    expect(target(loss, ['batch', 27])).toBe(flat);
  });

  it('is that of all losses of a weighted sum', () => {
    const loss = Loss.weighted([
      [1, Loss.categoricalCrossentropy()],
      [0.5, Loss.dice()],
    ]);
    type W = typeof loss;
    expectTypeOf<TargetOf<W, ['batch', 10]>>().toEqualTypeOf<['batch', 10]>();
    expect(target(loss, ['batch', 10])).toEqual(['batch', 10]);
    const one = 'categoricalCrossentropy: the output [batch,1] has one class; use binaryCrossentropy';
    expectTypeOf<TargetOf<W, ['batch', 1]>>().toEqualTypeOf<typeof one>();
    expect(target(loss, ['batch', 1])).toBe(one);
    const unlike = Loss.weighted([
      [1, Loss.meanSquaredError()],
      [1, Loss.sparseCategoricalCrossentropy()],
    ]);
    const message = 'weighted: one loss has targets [batch,10], another int32[batch]';
    expectTypeOf<TargetOf<typeof unlike, ['batch', 10]>>().toEqualTypeOf<typeof message>();
    expect(target(unlike, ['batch', 10])).toBe(message);
    expect(loss.range(['batch', 10])).toMatchObject({ min: 0, max: 1, integer: false });
  });
});

describe('options that make no sense', () => {
  it('are the message', () => {
    expect(target(Loss.quantile(1.5), ['batch', 2])).toBe(
      'quantile: the quantile must be between 0 and 1, both exclusive, got 1.5',
    );
    expect(target(Loss.categoricalGeneralizedCrossentropy({ q: 1 }), ['batch', 2])).toBe(
      'categoricalGeneralizedCrossentropy: q must be between 0 and 1, both exclusive, got 1',
    );
    expect(target(Loss.ctc({ length: 0 }), ['batch', 5, 2])).toBe('ctc: length must be a positive integer, got 0');
    const accepted = (metric: Metric.AnyMetric) => metric.accepts(['batch', 3], ['batch', 3]);
    expect(accepted(Metric.precision({ topK: 4 }))).toEqual(
      E.left('precision: topK must be an integer from 1 to 3 with outputs [batch,3], got 4'),
    );
    expect(accepted(Metric.recallAtPrecision(0.5, { classId: 3 }))).toEqual(
      E.left('recallAtPrecision: classId must be an integer from 0 to 2 with outputs [batch,3], got 3'),
    );
    expect(accepted(Metric.auc({ thresholds: [0.5, 2] }))).toEqual(
      E.left('auc: expects thresholds from 0 to 1; with outputs that are logits, say fromLogits'),
    );
    expect(accepted(Metric.f1({ topK: 2 }))).toEqual(E.right(['batch', 3]));
  });

  it('of every loss', () => {
    const two = ['batch', 2] as const;
    const wrong: readonly (readonly [Loss.AnyLoss, string])[] = [
      [Loss.binaryCrossentropy({ labelSmoothing: 2 }), 'binaryCrossentropy: labelSmoothing must be from 0 to 1, got 2'],
      [
        Loss.categoricalCrossentropy({ labelSmoothing: -1 }),
        'categoricalCrossentropy: labelSmoothing must be from 0 to 1, got -1',
      ],
      [
        Loss.sparseCategoricalCrossentropy({ ignoreClass: 0.5, labelSmoothing: Number.NaN }),
        'sparseCategoricalCrossentropy: labelSmoothing must be from 0 to 1, got NaN; ' +
          'sparseCategoricalCrossentropy: ignoreClass must be an integer, got 0.5',
      ],
      [
        Loss.binaryFocalCrossentropy({ gamma: -1, alpha: 2 }),
        'binaryFocalCrossentropy: gamma must be a finite number, 0 or more, got -1; ' +
          'binaryFocalCrossentropy: alpha must be from 0 to 1, got 2',
      ],
      [
        Loss.categoricalFocalCrossentropy({ alpha: [1, -1] }),
        'categoricalFocalCrossentropy: alpha must be a finite number, 0 or more, got -1',
      ],
      [
        Loss.categoricalFocalCrossentropy({ alpha: [1, 1, 1] }),
        'categoricalFocalCrossentropy: alpha must have one number for each of the 2 classes, got 3',
      ],
      [Loss.huber({ delta: 0 }), 'huber: delta must be a finite number above 0, got 0'],
      [
        Loss.gaussianNegativeLogLikelihood({ epsilon: 0 }),
        'gaussianNegativeLogLikelihood: epsilon must be a finite number above 0, got 0',
      ],
      [Loss.triplet({ margin: Number.NaN }), 'triplet: margin must be a finite number, got NaN'],
      [Loss.circle({ gamma: 0 }), 'circle: gamma must be a finite number above 0, got 0'],
      [Loss.dice({ axes: [2] }), 'dice: axes must be integers from -2 to 1 with outputs [batch,2], got 2'],
      [Loss.dice({ axes: [] }), 'dice: expects one axis at least in axes; leave them out to take all'],
      [Loss.tversky({ alpha: -1 }), 'tversky: alpha must be a finite number, 0 or more, got -1'],
      [Loss.scale(Number.NaN)(Loss.huber()), 'scale: the weight must be a finite number, got NaN'],
      [
        Loss.weighted([[Number.POSITIVE_INFINITY, Loss.huber()]]),
        'weighted: the weight of huber_loss must be a finite number, got Infinity',
      ],
      [Loss.weighted([] as never), 'weighted: the number of losses must be a positive integer, got 0'],
      [Loss.triplet({ mining: 'all' as never }), 'triplet: mining must be one of semiHard, hard, got all'],
      [
        Loss.triplet({ distance: 'manhattan' as never }),
        'triplet: distance must be one of euclidean, squaredEuclidean, cosine, got manhattan',
      ],
      [Loss.weighted([[1, Loss.huber({ delta: -1 })]]), 'huber: delta must be a finite number above 0, got -1'],
    ];
    for (const [loss, message] of wrong) expect(loss.targetShape(two)).toEqual(E.left(message));
  });

  it('of every metric', () => {
    const wrong: readonly (readonly [Metric.AnyMetric, string])[] = [
      [Metric.binaryAccuracy({ threshold: Number.NaN }), 'binaryAccuracy: threshold must be a finite number, got NaN'],
      [Metric.topKCategoricalAccuracy({ k: 0 }), 'topKCategoricalAccuracy: k must be a positive integer, got 0'],
      [
        Metric.sparseTopKCategoricalAccuracy({ k: 1.5 }),
        'sparseTopKCategoricalAccuracy: k must be a positive integer, got 1.5',
      ],
      [Metric.truePositives({ threshold: Number.NaN }), 'truePositives: threshold must be a finite number, got NaN'],
      [Metric.recall({ threshold: Number.NaN }), 'recall: threshold must be a finite number, got NaN'],
      [Metric.fBeta({ beta: 0 }), 'fBeta: beta must be a finite number above 0, got 0'],
      [Metric.r2({ regressors: -1 }), 'r2: regressors must be a whole number, 0 or more, got -1'],
      [Metric.perplexity({ ignoreClass: 0.5 }), 'perplexity: ignoreClass must be an integer, got 0.5'],
      [Metric.meanIou({ ignoreClass: 0.5 }), 'mean_io_u: ignoreClass must be an integer, got 0.5'],
      [Metric.auc({ numThresholds: 1 }), 'auc: numThresholds must be an integer from 2 to 1048576, got 1'],
      [
        Metric.auc({ numThresholds: Number.POSITIVE_INFINITY }),
        'auc: numThresholds must be an integer from 2 to 1048576, got Infinity',
      ],
      [Metric.f1({ average: 'samples' as never }), 'f1: average must be one of micro, macro, weighted, got samples'],
      [Metric.recall({ average: 'none' as never }), 'recall: average must be one of micro, macro, weighted, got none'],
      [Metric.r2({ aggregation: 'mean' as never }), 'r2: aggregation must be one of uniform, variance, got mean'],
      [
        Metric.cohenKappa({ weights: 'cubic' as never }),
        'cohenKappa: weights must be one of none, linear, quadratic, got cubic',
      ],
      [Metric.auc({ curve: 'roc' as never }), 'auc: curve must be one of ROC, PR, PRGain, got roc'],
      [
        Metric.auc({ summationMethod: 'trapezoid' as never }),
        'auc: summationMethod must be one of interpolation, minoring, majoring, step, got trapezoid',
      ],
      [Metric.auc({ average: 'weighted' }), 'auc: average and labelWeights are of columns; say multiLabel'],
      [
        Metric.auc({ multiLabel: true, average: 'macro', labelWeights: [1, 1, 1] }),
        'auc: average and labelWeights exclude each other; keep one',
      ],
      [
        Metric.auc({ multiLabel: true, labelWeights: [1, 1] }),
        'auc: labelWeights must be 3 with outputs [batch,3], got 2',
      ],
      [
        Metric.auc({ multiLabel: true, labelWeights: [1, 1, -1] }),
        'auc: a weight of labelWeights must be a finite number, 0 or more, got -1',
      ],
      [Metric.specificityAtSensitivity(1.5), 'specificityAtSensitivity: the bound must be from 0 to 1, got 1.5'],
      [
        Metric.precisionAtRecall(0.5, { numThresholds: 0 }),
        'precisionAtRecall: numThresholds must be an integer from 2 to 1048576, got 0',
      ],
    ];
    for (const [metric, message] of wrong) expect(metric.accepts(['batch', 3], ['batch', 3])).toEqual(E.left(message));
  });
});

describe('targets of another loss', () => {
  const own = pipe(
    Loss.custom('doubt', (output) => output),
    Loss.withTargetsOf(Loss.sparseCategoricalCrossentropy({ ignoreClass: -1 })),
  );

  it('are those of a loss of one’s own: shape, type, range, and what does not count', () => {
    expectTypeOf<TargetOf<typeof own, ['batch', 10]>>().toEqualTypeOf<Int<['batch']>>();
    expect(own.targetShape(['batch', 10])).toEqual(E.right({ int: ['batch'] }));
    expect([own.name, own.target]).toEqual(['doubt', 'int32']);
    expect(own.range(['batch', 10])).toEqual({ min: 0, max: 9, integer: true, except: -1 });
    expect(own.mask).toBeDefined();
  });

  it('and of a metric of one’s own', () => {
    const metric = pipe(
      Metric.custom('sure', 'max', (output) => output),
      Metric.withTargetsOf(own),
    );
    expectTypeOf<TargetOf<typeof metric, ['batch', 10]>>().toEqualTypeOf<Int<['batch']>>();
    expectTypeOf(metric.name).toEqualTypeOf<'sure'>();
    expectTypeOf(metric.direction).toEqualTypeOf<'max'>();
    expect(metric.accepts(['batch', 10], { int: ['batch'] })).toEqual(E.right({ int: ['batch'] }));
    expect(metric.accepts(['batch', 10], ['batch', 10])).toEqual(
      E.left('sure: expects targets int32[batch] with outputs [batch,10], got [batch,10]'),
    );
  });
});

describe('which numbers a target may hold', () => {
  it('classes from 0, probabilities, or anything', () => {
    expect(Loss.sparseCategoricalCrossentropy().range(['batch', 10])).toEqual({
      min: 0,
      max: 9,
      integer: true,
      except: undefined,
    });
    expect(Loss.sparseCategoricalCrossentropy({ ignoreClass: -1 }).range(['batch', 21, 8, 8])).toEqual({
      min: 0,
      max: 20,
      integer: true,
      except: -1,
    });
    expect(Loss.sparseCategoricalCrossentropy().range(['batch', 'words'])).toBeUndefined();
    expect(Loss.binaryCrossentropy().range(['batch', 2])).toMatchObject({ min: 0, max: 1, integer: false });
    expect(Loss.meanSquaredError().range(['batch', 2])).toBeUndefined();
  });
});

describe('the target of a metric', () => {
  it('is that of the loss it goes with', () => {
    const metric = Metric.sparseCategoricalAccuracy();
    expectTypeOf<TargetOf<typeof metric, ['batch', 10]>>().toEqualTypeOf<Int<['batch']>>();
    expect(metric.accepts(['batch', 10], { int: ['batch'] })).toEqual(E.right({ int: ['batch'] }));
    expect(metric.accepts(['batch', 10], ['batch', 10])).toEqual(
      E.left('sparseCategoricalAccuracy: expects targets int32[batch] with outputs [batch,10], got [batch,10]'),
    );
    expect(Metric.fromLoss(Loss.huber()).accepts(['batch', 2], ['batch', 3])).toEqual(
      E.left('huber_loss: expects targets [batch,2] with outputs [batch,2], got [batch,3]'),
    );
    const f1 = Metric.f1();
    const message = 'f1: expects [batch,classes], got [batch,4,5]';
    expectTypeOf<TargetOf<typeof f1, ['batch', 4, 5]>>().toEqualTypeOf<typeof message>();
    expect(f1.accepts(['batch', 4, 5], ['batch', 4, 5])).toEqual(E.left(message));
  });

  it('is any for accuracy and log loss, which look at its shape', () => {
    const metric = Metric.accuracy();
    expectTypeOf<TargetOf<typeof metric, ['batch', 10]>>().toEqualTypeOf<Shape>();
    expect(metric.accepts(['batch', 10], { int: ['batch'] })).toEqual(E.right({ int: ['batch'] }));
    expect(metric.accepts(['batch', 10], ['batch', 10])).toEqual(E.right(['batch', 10]));
  });

  it('names and directions are literals', () => {
    expectTypeOf(Metric.accuracy().name).toEqualTypeOf<'accuracy'>();
    expectTypeOf(Metric.binaryAccuracy({ name: 'lenient' }).name).toEqualTypeOf<'lenient'>();
    expectTypeOf(Metric.f1().direction).toEqualTypeOf<'max'>();
    expectTypeOf(Metric.rootMeanSquaredError().direction).toEqualTypeOf<'min'>();
    expect(Metric.accuracy().name).toBe('accuracy');
    expect(Metric.binaryAccuracy({ name: 'lenient' }).name).toBe('lenient');
    expect(Metric.sparseCategoricalCrossentropy().name).toBe('sparse_categorical_crossentropy');
    expect([Metric.f1().direction, Metric.rootMeanSquaredError().direction]).toEqual(['max', 'min']);
  });
});
