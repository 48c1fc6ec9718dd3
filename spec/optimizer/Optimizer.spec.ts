import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import { sign } from '../../src/graph/Operators.ts';
import * as Optimizer from '../../src/optimizer/Optimizer.ts';
import * as Schedule from '../../src/optimizer/Schedule.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { f32 } from '../support/evaluate.ts';
import { runSteps } from './steps.ts';

const run = async (
  optimizer: Optimizer.Optimizer,
  weights: readonly number[],
  gradients: readonly (readonly number[])[],
  rates: readonly number[] = [],
) => {
  const history = await runSteps(
    optimizer.transformation,
    { w: f32(weights) },
    gradients.map((g, i) => ({ gradients: { w: f32(g) }, rate: rates[i] ?? optimizer.learningRate })),
  );
  return history.map(({ w }) => Array.from(w?.data as Float32Array));
};

const last = <A>(values: readonly A[]): A => values[values.length - 1] as A;

const vector = fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 3, maxLength: 3 });
const vectors = fc.array(vector, { minLength: 1, maxLength: 12 });

describe('the scaled moments of Adam are Adam', () => {
  const plain = (
    options: { readonly beta1: number; readonly beta2: number; readonly epsilon: number; readonly amsgrad: boolean },
    gradients: readonly (readonly number[])[],
  ) => {
    const { beta1, beta2, epsilon, amsgrad } = options;
    return [0, 1, 2].map((i) => {
      let [w, m, v, top] = [1, 0, 0, 0];
      gradients.forEach((gs, k) => {
        const g = gs[i] as number;
        m += (1 - beta1) * (g - m);
        v += (1 - beta2) * (g * g - v);
        top = Math.max(top, v);
        const alpha = (0.01 * Math.sqrt(1 - beta2 ** (k + 1))) / (1 - beta1 ** (k + 1));
        w -= (alpha * m) / (Math.sqrt(amsgrad ? top : v) + epsilon);
      });
      return w;
    });
  };

  it('for any gradients and constants', async () => {
    await fc.assert(
      fc.asyncProperty(
        vectors,
        fc.record({
          beta1: fc.constantFrom(0, 0.5, 0.9, 0.99),
          beta2: fc.constantFrom(0.5, 0.9, 0.999),
          epsilon: fc.constantFrom(1e-3, 0.1, 1),
          amsgrad: fc.boolean(),
        }),
        async (gradients, options) => {
          const got = last(await run(Optimizer.adam({ learningRate: 0.01, ...options }), [1, 1, 1], gradients));
          plain(options, gradients).forEach((expected, i) => {
            expect(got[i]).toBeCloseTo(expected, 5);
          });
        },
      ),
      { numRuns: 30 },
    );
  });

  it('the first step is the learning rate, whatever the size of the gradient', async () => {
    const [w] = await run(Optimizer.adam({ epsilon: 0 }), [0, 0, 0], [[1e-6, -1, 1e6]]);
    [-0.001, 0.001, -0.001].forEach((expected, i) => {
      expect(w?.[i]).toBeCloseTo(expected, 7);
    });
  });

  it('a parameter without slope stays', async () => {
    expect(
      last(
        await run(
          Optimizer.adam(),
          [2, 2],
          [
            [0, 0],
            [0, 0],
          ],
        ),
      ),
    ).toEqual([2, 2]);
  });
});

describe('gradient descent', () => {
  it('the momentum keeps the learning rate of its time', async () => {
    const history = await run(Optimizer.sgd({ momentum: 0.5 }), [0], [[1], [0], [0]], [0.1, 0, 0]);
    [-0.1, -0.15, -0.175].forEach((expected, i) => {
      expect(history[i]?.[0]).toBeCloseTo(expected, 6);
    });
  });

  it('weights decay by their share of the rate, except those excluded', async () => {
    const optimizer = Optimizer.sgd({ learningRate: 0.5, weightDecay: 0.1, excludeFromWeightDecay: [/bias$/] });
    const [after] = await runSteps(optimizer.transformation, { 'd.kernel': f32([2]), 'd.bias': f32([2]) }, [
      { gradients: { 'd.kernel': f32([0]), 'd.bias': f32([0]) }, rate: 0.5 },
    ]);
    expect(after?.['d.kernel']?.data[0]).toBeCloseTo(2 * (1 - 0.05), 6);
    expect(after?.['d.bias']?.data[0]).toBe(2);
  });
});

describe('clipping', () => {
  it('keeps short gradients, zero included, as they are', async () => {
    await fc.assert(
      fc.asyncProperty(vector, async (g) => {
        const free = await run(Optimizer.sgd({ learningRate: 1 }), [0, 0, 0], [g]);
        for (const clip of [{ clipNorm: 10 }, { clipValue: 10 }, { globalClipNorm: 10 }] as const) {
          const clipped = last(await run(Optimizer.sgd({ learningRate: 1, ...clip }), [0, 0, 0], [g]));
          clipped.forEach((x, i) => {
            expect(x).toBeCloseTo(last(free)[i] as number, 5);
          });
        }
      }),
      { numRuns: 10 },
    );
    expect(last(await run(Optimizer.sgd({ learningRate: 1, clipNorm: 1 }), [1, 1], [[0, 0]]))).toEqual([1, 1]);
    expect(last(await run(Optimizer.sgd({ learningRate: 1, globalClipNorm: 1 }), [1, 1], [[0, 0]]))).toEqual([1, 1]);
  });

  it('shortens long ones to the limit: each, or all together', async () => {
    const gradients = { a: f32([3, 4]), b: f32([0, 12]) };
    const zeros = { a: f32([0, 0]), b: f32([0, 0]) };
    const stepped = async (o: Optimizer.Optimizer) => {
      const [w] = await runSteps(o.transformation, zeros, [{ gradients, rate: 1 }]);
      return [w?.a, w?.b].flatMap((array) => Array.from((array as NdArray).data as Float32Array));
    };
    const each = await stepped(Optimizer.sgd({ clipNorm: 1 }));
    [-0.6, -0.8, 0, -1].forEach((expected, i) => {
      expect(each[i]).toBeCloseTo(expected, 6);
    });
    const all = await stepped(Optimizer.sgd({ globalClipNorm: 1.3 }));
    [-0.3, -0.4, 0, -1.2].forEach((expected, i) => {
      expect(all[i]).toBeCloseTo(expected, 6);
    });
    expect(await stepped(Optimizer.sgd({ clipValue: 4 }))).toEqual([-3, -4, 0, -4]);
  });

  it('a gradient that is not finite spoils all in a global norm', async () => {
    const got = last(await run(Optimizer.sgd({ globalClipNorm: 1 }), [1, 1], [[Number.POSITIVE_INFINITY, 1]]));
    expect(got).toEqual([Number.NaN, Number.NaN]);
  });
});

describe('options', () => {
  it('that make no sense are told, all of them', () => {
    expect(Optimizer.check(Optimizer.adam({ learningRate: -1, beta1: 1, clipNorm: 0 }))).toEqual(
      E.left([
        'adam: learningRate must be a finite number, 0 or more, got -1',
        'adam: clipNorm must be a finite number above 0, got 0',
        'adam: beta1 must be at least 0 and below 1, got 1',
      ]),
    );
    expect(Optimizer.check(Optimizer.sgd({ momentum: 1.5, weightDecay: Number.NaN }))).toEqual(
      E.left([
        'sgd: weightDecay must be a finite number, 0 or more, got NaN',
        'sgd: momentum must be from 0 to 1, got 1.5',
      ]),
    );
    // @ts-expect-error: the compiler allows one kind of clipping
    expect(Optimizer.check(Optimizer.sgd({ clipNorm: 1, clipValue: 1 }))).toEqual(
      E.left(['sgd: clipNorm and clipValue exclude each other; keep one']),
    );
    const good = Optimizer.adamW();
    expect(Optimizer.check(good)).toEqual(E.right(good));
  });

  it('of stages are told by an optimizer of one’s own, wherever they stand in it', () => {
    const o = Optimizer;
    const wrong = o.chain(
      o.accumulate(1.5)(o.chain(o.clipByNorm(-1), o.clipByValue(0), o.clipByGlobalNorm(Number.NaN))),
      o.scaleGradients(Number.POSITIVE_INFINITY),
      o.partition((): 'a' | 'b' => 'a', { a: o.scaleByMoments({ beta1: 1 }), b: o.rootMeanSquares({ rho: -1 }) }),
      o.decayBefore(-0.1)(o.chain(o.momentum(2), o.adaptiveMoments({ epsilon: -1 }), o.largestMoments({ beta2: 1 }))),
      o.scaleRate(-1)(o.chain(o.nesterovMoments({ beta1: 2 }), o.summedSquares(-1), o.ratioOfSquares(1))),
      o.chain(o.followLeader({ learningRatePower: 1 }), o.signedMomentum(0), o.orthogonalMomentum({ nsSteps: 0 })),
      o.chain(o.scaleByFactoredSquares(1), o.clipByRootMeanSquare(0), o.descendRelatively(-1)),
      o.chain(o.scheduleFreeMoments({ beta1: 0 }), o.ema({ momentum: 2, overwriteFrequency: 0 }), o.lookahead(0, 2)),
      o.scheduled(Schedule.linear({ from: 0, to: 1, steps: 0 }))(o.descend),
    );
    expect(o.custom('own', 0.1, wrong).problems).toEqual([
      'accumulate: the number of steps must be a positive integer, got 1.5',
      'clipByNorm: the limit must be a finite number above 0, got -1',
      'clipByValue: the limit must be a finite number above 0, got 0',
      'clipByGlobalNorm: the limit must be a finite number above 0, got NaN',
      'scaleGradients: the factor must be a finite number, got Infinity',
      'scaleByMoments: beta1 must be at least 0 and below 1, got 1',
      'rootMeanSquares: rho must be at least 0 and below 1, got -1',
      'momentum: the momentum must be from 0 to 1, got 2',
      'adaptiveMoments: epsilon must be a finite number, 0 or more, got -1',
      'largestMoments: beta2 must be at least 0 and below 1, got 1',
      'decayWeights: the rate must be a finite number, 0 or more, got -0.1',
      'scaleRate: the factor must be a finite number, 0 or more, got -1',
      'nesterovMoments: beta1 must be at least 0 and below 1, got 2',
      'summedSquares: initialAccumulatorValue must be a finite number, 0 or more, got -1',
      'ratioOfSquares: rho must be at least 0 and below 1, got 1',
      'followLeader: learningRatePower must be 0 or less, got 1',
      'signedMomentum: beta1 must be above 0 and at most 1, got 0',
      'orthogonalMomentum: nsSteps must be a positive integer, got 0',
      'scaleByFactoredSquares: the decay must be 0 or less, got 1',
      'clipByRootMeanSquare: the threshold must be a finite number above 0, got 0',
      'descendRelatively: the smallest size must be a finite number, 0 or more, got -1',
      'scheduleFreeMoments: beta1 must be above 0 and at most 1, got 0',
      'ema: momentum must be from 0 to 1, got 2',
      'ema: overwriteFrequency must be a positive integer, got 0',
      'lookahead: k must be a positive integer, got 0',
      'lookahead: alpha must be from 0 to 1, got 2',
      'linear: steps must be a finite number above 0, got 0',
    ]);
  });

  it('of every optimizer are checked', () => {
    const { check, ...o } = Optimizer;
    const problems = [
      o.adamax({ epsilon: -1 }),
      o.nadam({ beta2: 1 }),
      o.lamb({ weightDecay: -1 }),
      o.scheduleFreeAdamW({ beta1: 0 }),
      o.rmsprop({ rho: 1 }),
      o.adagrad({ initialAccumulatorValue: -1 }),
      o.adadelta({ rho: 1 }),
      o.ftrl({ learningRate: 0, learningRatePower: 1 }),
      o.lion({ beta1: 0 }),
      o.adafactor({ clipThreshold: 0 }),
      o.muon({ nsSteps: 0, adamWeightDecay: -1 }),
      o.sgd({ gradientAccumulationSteps: 0, emaMomentum: 2, emaOverwriteFrequency: 1.5 }),
    ].map(check);
    expect(problems).toEqual(
      [
        ['adamax: epsilon must be a finite number, 0 or more, got -1'],
        ['nadam: beta2 must be at least 0 and below 1, got 1'],
        ['lamb: weightDecay must be a finite number, 0 or more, got -1'],
        ['schedulefreeadamw: beta1 must be above 0 and at most 1, got 0'],
        ['rmsprop: rho must be at least 0 and below 1, got 1'],
        ['adagrad: initialAccumulatorValue must be a finite number, 0 or more, got -1'],
        ['adadelta: rho must be at least 0 and below 1, got 1'],
        ['ftrl: learningRate must be above 0, got 0', 'ftrl: learningRatePower must be 0 or less, got 1'],
        ['lion: beta1 must be above 0 and at most 1, got 0'],
        ['adafactor: clipThreshold must be a finite number above 0, got 0'],
        [
          'muon: nsSteps must be a positive integer, got 0',
          'muon: adamWeightDecay must be a finite number, 0 or more, got -1',
        ],
        [
          'sgd: gradientAccumulationSteps must be a positive integer, got 0',
          'sgd: emaMomentum must be from 0 to 1, got 2',
          'sgd: emaOverwriteFrequency must be a positive integer, got 1.5',
        ],
      ].map(E.left),
    );
  });

  it('defaults are Keras’s', () => {
    expect(Optimizer.sgd().config).toEqual({ learningRate: 0.01, momentum: 0, nesterov: false });
    const adam = { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, amsgrad: false };
    expect(Optimizer.adam().config).toEqual(adam);
    expect(Optimizer.adamW().config).toEqual({ ...adam, weightDecay: 0.004 });
    const moments = { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };
    for (const family of [Optimizer.adamax(), Optimizer.nadam(), Optimizer.lamb()])
      expect(family.config).toEqual(moments);
    expect(Optimizer.rmsprop().config).toEqual({
      learningRate: 0.001,
      rho: 0.9,
      momentum: 0,
      epsilon: 1e-7,
      centered: false,
    });
    expect(Optimizer.adagrad().config).toEqual({ learningRate: 0.001, initialAccumulatorValue: 0.1, epsilon: 1e-7 });
    expect(Optimizer.adadelta().config).toEqual({ learningRate: 0.001, rho: 0.95, epsilon: 1e-7 });
    expect(Optimizer.ftrl().config).toEqual({
      learningRate: 0.001,
      learningRatePower: -0.5,
      initialAccumulatorValue: 0.1,
      l1RegularizationStrength: 0,
      l2RegularizationStrength: 0,
      l2ShrinkageRegularizationStrength: 0,
      beta: 0,
    });
    expect(Optimizer.lion().config).toEqual({ learningRate: 0.001, beta1: 0.9, beta2: 0.99 });
    expect(Optimizer.adafactor().config).toEqual({
      learningRate: 0.001,
      beta2Decay: -0.8,
      epsilon1: 1e-30,
      epsilon2: 1e-3,
      clipThreshold: 1,
    });
    expect(Optimizer.muon().config).toEqual({
      learningRate: 0.001,
      momentum: 0.95,
      nesterov: true,
      nsSteps: 5,
      adamBeta1: 0.9,
      adamBeta2: 0.999,
      epsilon: 1e-7,
      adamLrRatio: 1,
      excludeEmbeddings: true,
      weightDecay: 0.004,
      adamWeightDecay: 0.004,
      muonA: 3.4445,
      muonB: -4.775,
      muonC: 2.0315,
      rmsRate: 0.2,
    });
    expect(Optimizer.scheduleFreeAdamW().config).toEqual({
      ...moments,
      learningRate: 0.0025,
      epsilon: 1e-8,
      warmupSteps: 0,
    });
    expect([Optimizer.sgd(), Optimizer.adam(), Optimizer.adamW()].map((o) => o.learningRate)).toEqual([
      0.01, 0.001, 0.001,
    ]);
  });

  it('an optimizer of one’s own is a chain', async () => {
    const signs = Optimizer.custom(
      'signs',
      0.5,
      Optimizer.chain(
        Optimizer.map(
          'sign',
          () =>
            ({ gradient }) =>
              sign(gradient),
        ),
        Optimizer.descend,
      ),
    );
    expect(last(await run(signs, [1, 1, 1], [[9, -0.1, 0]]))).toEqual([0.5, 1.5, 1]);
  });
});
