import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { input, topological, type Value } from '../../src/graph/Graph.ts';
import { matMul } from '../../src/graph/Operators.ts';
import * as Optimizer from '../../src/optimizer/Optimizer.ts';
import * as Schedule from '../../src/optimizer/Schedule.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { evaluate, f32 } from '../support/evaluate.ts';
import { type Arrays, runAll, runSteps } from './steps.ts';

const numbers = (a: NdArray | undefined): readonly number[] => Array.from((a?.data ?? []) as Float32Array);

const close = (got: readonly number[], expected: readonly number[], digits = 5) => {
  expect(got.length).toBe(expected.length);
  got.forEach((x, i) => {
    expect(x).toBeCloseTo(expected[i] as number, digits);
  });
};

const vector = fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 3, maxLength: 3 });
const vectors = (n: number) => fc.array(vector, { minLength: n, maxLength: n });
const along = (gradients: readonly (readonly number[])[], rate = 0.1) =>
  gradients.map((g) => ({ gradients: { w: f32(g) }, rate }));
const w = { w: f32([1, -1, 0.5]) };

describe('accumulation', () => {
  it('k steps are one with the mean of their gradients', async () => {
    await fc.assert(
      fc.asyncProperty(vectors(6), fc.constantFrom(2, 3), async (gradients, k) => {
        const mean = (from: number) =>
          [0, 1, 2].map((i) => gradients.slice(from, from + k).reduce((s, g) => s + (g[i] as number), 0) / k);
        const means = Array.from({ length: 6 / k }, (_, i) => mean(i * k));
        for (const inner of [
          Optimizer.adam({ epsilon: 0.1 }),
          Optimizer.sgd({ momentum: 0.9, weightDecay: 0.1, clipNorm: 1 }),
        ]) {
          const apart = await runSteps(inner.transformation, w, along(means));
          const together = await runSteps(Optimizer.accumulate(k)(inner.transformation), w, along(gradients));
          together.forEach((after, i) => {
            const done = Math.floor((i + 1) / k);
            close(numbers(after.w), numbers(done === 0 ? w.w : apart[done - 1]?.w));
          });
        }
      }),
      { numRuns: 5 },
    );
  });

  it('one step is no accumulation', async () => {
    const { transformation } = Optimizer.adam();
    const gradients = along([
      [1, 2, 3],
      [0, -1, 2],
    ]);
    const plain = await runSteps(transformation, w, gradients);
    expect(await runSteps(Optimizer.accumulate(1)(transformation), w, gradients)).toEqual(plain);
  });
});

describe('averages', () => {
  it('follow the weights, and take their place when asked', async () => {
    const optimizer = Optimizer.sgd({ learningRate: 1, useEma: true, emaMomentum: 0.5 });
    const history = await runAll(
      optimizer.transformation,
      { w: f32([0]) },
      [-1, -1, -1].map((g) => ({ gradients: { w: f32([g]) }, rate: 1 })),
    );
    expect(history.map(({ weights }) => numbers(weights.w))).toEqual([[1], [2], [3]]);
    const averages = history.map(({ weights, slots }) => numbers(Optimizer.averaged(optimizer)(weights, slots).w));
    expect(averages).toEqual([[1], [1.5], [2.25]]);
  });

  it('are found in groups and under accumulation as well, and other weights stay', async () => {
    const optimizer = Optimizer.groups({
      a: Optimizer.sgd({ learningRate: 1, useEma: true, gradientAccumulationSteps: 2 }),
    })(Optimizer.sgd({ learningRate: 1 }));
    const start = { 'a.w': f32([0]), 'b.w': f32([0]) };
    const gradients = { 'a.w': f32([-2]), 'b.w': f32([-2]) };
    const [, after] = await runAll(
      optimizer.transformation,
      start,
      [1, 1].map((rate) => ({ gradients, rate })),
    );
    const whole = Optimizer.averaged(optimizer)({ ...after?.weights, mean: f32([9]) }, after?.slots ?? {});
    expect(Object.fromEntries(Object.entries(whole).map(([n, a]) => [n, numbers(a)]))).toEqual({
      'a.w': [2],
      'b.w': [4],
      mean: [9],
    });
  });

  it('without any the weights are what they are', () => {
    expect(Optimizer.averaged(Optimizer.adam())(w, {})).toEqual(w);
  });
});

describe('lookahead', () => {
  it('goes alpha of the way every k steps, and on from there', async () => {
    const rule = Optimizer.chain(Optimizer.descend, Optimizer.lookahead(2, 0.25));
    const history = await runSteps(
      rule,
      { w: f32([0]) },
      [-1, -1, -1, -1, -1].map((g) => ({ gradients: { w: f32([g]) }, rate: 1 })),
    );
    expect(history.map((h) => numbers(h.w))).toEqual([[1], [0.5], [1.5], [1], [2]]);
  });

  it('with alpha 1 is the optimizer itself', async () => {
    await fc.assert(
      fc.asyncProperty(vectors(5), async (gradients) => {
        const { transformation } = Optimizer.sgd({ momentum: 0.9 });
        const plain = await runSteps(transformation, w, along(gradients));
        const looking = await runSteps(Optimizer.chain(transformation, Optimizer.lookahead(2, 1)), w, along(gradients));
        close(numbers(looking[4]?.w), numbers(plain[4]?.w));
      }),
      { numRuns: 5 },
    );
  });
});

describe('gradients', () => {
  const through = async (t: Optimizer.Transformation, gradient: NdArray) => {
    const zero = { w: f32(new Array(gradient.data.length).fill(0), gradient.shape) };
    const [after] = await runSteps(t, zero, [{ gradients: { w: gradient }, rate: 1 }]);
    return numbers(after?.w);
  };

  it('centralised, have no mean over what leads into an output', async () => {
    close(await through(Optimizer.centraliseGradients(), f32([1, 10, 3, 30], [2, 2])), [-1, -10, 1, 10]);
    close(
      await through(Optimizer.centraliseGradients(), f32([1, 2, 3, 4, 10, 10], [2, 1, 1, 3])),
      [-1, 0, 1, -4, 2, 2],
    );
    close(await through(Optimizer.centraliseGradients(), f32([1, 2, 3])), [1, 2, 3]);
    close(
      await through(
        Optimizer.centraliseGradients(() => [0]),
        f32([1, 2, 3]),
      ),
      [-1, 0, 1],
    );
  });

  it('scaled, are so', async () => {
    close(await through(Optimizer.scaleGradients(0.25), f32([1, 2, -4])), [0.25, 0.5, -1]);
  });
});

describe('Newton and Schulz', () => {
  it('bring all singular values near to 1, for wide, tall and square matrices', async () => {
    for (const [rows, columns] of [
      [3, 5],
      [5, 3],
      [4, 4],
    ] as const) {
      const x = input('x', 'float32', [rows, columns]);
      const o = Optimizer.orthogonalise()(x);
      const gram: Value = rows <= columns ? matMul(o, o, { transB: true }) : matMul(o, o, { transA: true });
      const n = Math.min(rows, columns);
      const data = Array.from(
        { length: rows * columns },
        (_, i) => Math.sin(3 * i + 1) + (i % (columns + 1) === 0 ? 2 : 0),
      );
      const results = await evaluate({ gram }, { x: f32(data, [rows, columns]) });
      const g = numbers(results.gram);
      // Muon's polynomial leaves singular values between about 0.7 and 1.2.
      for (let i = 0; i < n; i++)
        for (let j = 0; j < n; j++) {
          const value = g[i * n + j] as number;
          if (i === j) expect(value).toBeGreaterThan(0.4);
          expect(Math.abs(value)).toBeLessThan(i === j ? 1.6 : 0.45);
        }
    }
  });
});

it('Newton and Schulz multiply in the shorter side', () => {
  for (const shape of [
    [3, 50],
    [50, 3],
  ]) {
    const o = Optimizer.orthogonalise()(input('x', 'float32', shape));
    const squares = topological([o]).flatMap((n) =>
      n._tag === 'Operator' && n.operator === 'FusedMatMul' ? [n.outputs[0]?.shape] : [],
    );
    expect(squares.length).toBe(10);
    for (const square of squares) expect(square).toEqual([3, 3]);
  }
});

describe('groups', () => {
  const start: Arrays = {
    'backbone.conv.kernel': f32([0]),
    'backbone.stem.kernel': f32([0]),
    'backbone2.kernel': f32([0]),
    'head.kernel': f32([0]),
  };
  const gradients = Object.fromEntries(Object.keys(start).map((n) => [n, f32([-1])]));
  const moved = async (optimizer: Optimizer.Optimizer, rates: readonly number[]) => {
    const history = await runSteps(
      optimizer.transformation,
      start,
      rates.map((rate) => ({ gradients, rate })),
    );
    return Object.fromEntries(Object.entries(history[rates.length - 1] ?? {}).map(([n, a]) => [n, numbers(a)[0]]));
  };
  const near = (got: Readonly<Record<string, number | undefined>>, expected: Readonly<Record<string, number>>) => {
    expect(Object.keys(got).sort()).toEqual(Object.keys(expected).sort());
    for (const [n, x] of Object.entries(expected)) expect(got[n]).toBeCloseTo(x, 6);
  };

  it('the longest path decides, at whole names; the rest follows the rest', async () => {
    const optimizer = pipe(
      Optimizer.sgd({ learningRate: 1 }),
      Optimizer.groups({ backbone: 0.1, 'backbone.stem': 0, head: Optimizer.lion({ learningRate: 0.5 }) }),
    );
    expect(optimizer.problems).toEqual([]);
    near(await moved(optimizer, [1]), {
      'backbone.conv.kernel': 0.1,
      'backbone.stem.kernel': 0,
      'backbone2.kernel': 1,
      'head.kernel': 0.5,
    });
    // A callback that halves the rate halves all.
    near(await moved(optimizer, [0.5]), {
      'backbone.conv.kernel': 0.05,
      'backbone.stem.kernel': 0,
      'backbone2.kernel': 0.5,
      'head.kernel': 0.25,
    });
  });

  it('schedules of groups run side by side with a rate, and with another schedule', async () => {
    const halving = Schedule.exponentialDecay({ initialLearningRate: 1, decaySteps: 1, decayRate: 0.5 });
    const scheduledHead = Optimizer.groups({ head: Optimizer.sgd({ learningRate: halving }) })(
      Optimizer.sgd({ learningRate: 0.1 }),
    );
    near(await moved(scheduledHead, [0.1, 0.1]), {
      'backbone.conv.kernel': 0.2,
      'backbone.stem.kernel': 0.2,
      'backbone2.kernel': 0.2,
      'head.kernel': 1.5,
    });
    const scheduledRest = Optimizer.groups({ head: Optimizer.sgd({ learningRate: 0.1 }), backbone: 2 })(
      Optimizer.sgd({ learningRate: halving }),
    );
    expect(scheduledRest.learningRate).toBe(1);
    near(await moved(scheduledRest, [1, 1]), {
      'backbone.conv.kernel': 3,
      'backbone.stem.kernel': 3,
      'backbone2.kernel': 1.5,
      'head.kernel': 0.2,
    });
  });

  it('each keeps its slots under its path', () => {
    const { transformation } = Optimizer.groups({ head: Optimizer.sgd({ momentum: 0.9 }) })(Optimizer.adam());
    expect(Object.keys(transformation.slots({ 'head.kernel': [1], 'body.kernel': [1] }))).toEqual([
      'partition/head/sgd/momentum/head.kernel',
      'partition/*/adam/momentum/body.kernel',
      'partition/*/adam/velocity/body.kernel',
    ]);
  });

  it('paths are checked by the compiler where they are known', () => {
    const forModel = Optimizer.groups<'backbone' | 'head'>;
    expect(forModel({ backbone: 0.1 })(Optimizer.adam()).config['backbone.factor']).toBe(0.1);
    // @ts-expect-error: no such group
    forModel({ bakbone: 0.1 });
    const nested = pipe(Optimizer.adam(), Optimizer.groups({ backbone: 0.1 }), Optimizer.groups({ head: 1 }));
    expectTypeOf(nested).toEqualTypeOf<Optimizer.Optimizer<'backbone' | 'head'>>();
    expect(nested.paths).toEqual(['backbone', 'head']);
  });

  it('what makes no sense is told', () => {
    const { problems } = pipe(
      Optimizer.sgd({ learningRate: 0 }),
      Optimizer.groups({ '': 1, a: -1, b: Optimizer.adam({ beta1: 2 }) }),
    );
    expect(problems).toEqual([
      "groups: '' is no path of parameters",
      "groups: the factor of 'a' must be a finite number, 0 or more, got -1",
      "groups: 'b': adam: beta1 must be at least 0 and below 1, got 2",
      'groups: the learning rate of the rest must be above 0: the rates of other groups are in proportion to it',
    ]);
  });
});

describe('an optimizer with more before and behind it', () => {
  const initial = { 'w.kernel': f32([1, -2, 3, 0.5], [2, 2]) };
  const steps = Array.from({ length: 7 }, (_, i) => ({
    rate: 0.1,
    gradients: { 'w.kernel': f32([Math.sin(i), 2, Math.cos(i), -1], [2, 2]) },
  }));
  const trained = async (optimizer: Optimizer.Optimizer) =>
    (await runAll(optimizer.transformation, initial, steps)).at(-1);
  const [a, b] = [Optimizer.centraliseGradients(), Optimizer.lookahead(3, 0.4)];
  const { chain, precededBy, followedBy } = Optimizer;

  it('is the chain, with everything else as it was', async () => {
    const adam = Optimizer.groups({ w: 0.5 })(
      Optimizer.adam({ learningRate: Schedule.cosineDecay({ initialLearningRate: 1, decaySteps: 9 }) }),
    );
    const whole = pipe(adam, precededBy(a), followedBy(b));
    expect(await trained(whole)).toEqual(await trained({ ...adam, transformation: chain(a, adam.transformation, b) }));
    expect([whole.name, whole.paths, whole.schedule, whole.config]).toEqual([
      adam.name,
      adam.paths,
      adam.schedule,
      adam.config,
    ]);
    expectTypeOf(whole).toEqualTypeOf<Optimizer.Optimizer<'w'>>();
    expect(pipe(adam, precededBy(Optimizer.clipByNorm(0)), followedBy(Optimizer.lookahead(0))).problems).toEqual([
      'clipByNorm: the limit must be a finite number above 0, got 0',
      'lookahead: k must be a positive integer, got 0',
    ]);
  });

  it('of chains is one after the other; of nothing, the optimizer itself', async () => {
    const sgd = Optimizer.sgd({ momentum: 0.9 });
    expect(await trained(pipe(sgd, followedBy(chain(a, b))))).toEqual(
      await trained(pipe(sgd, followedBy(a), followedBy(b))),
    );
    expect(await trained(pipe(sgd, precededBy(chain(b, a))))).toEqual(
      await trained(pipe(sgd, precededBy(a), precededBy(b))),
    );
    expect(await trained(pipe(sgd, precededBy(Optimizer.empty), followedBy(Optimizer.empty)))).toEqual(
      await trained(sgd),
    );
  });
});

describe('schedules in optimizers', () => {
  it('give each step its rate, and the input is a factor on it', async () => {
    const learningRate = Schedule.piecewiseConstant([1], [1, 0.1]);
    const optimizer = Optimizer.sgd({ learningRate });
    expect([optimizer.learningRate, optimizer.schedule]).toEqual([1, learningRate]);
    const history = await runSteps(
      optimizer.transformation,
      { w: f32([0]) },
      [1, 1, 1, 0.5].map((rate) => ({ gradients: { w: f32([-1]) }, rate })),
    );
    close(
      history.flatMap((h) => numbers(h.w)),
      [1, 2, 2.1, 2.15],
    );
    expect([0, 1, 2].map((step) => Optimizer.rateAt(optimizer)(0.5, step))).toEqual([0.5, 0.5, Math.fround(0.05)]);
    expect(Optimizer.rateAt(Optimizer.sgd())(0.5, 7)).toBe(0.5);
  });

  it('what a callback sets is a factor that stays', () => {
    const optimizer = Optimizer.sgd({
      learningRate: Schedule.exponentialDecay({ initialLearningRate: 1, decaySteps: 1, decayRate: 0.5 }),
    });
    const input = Optimizer.inputFor(optimizer)(1, Optimizer.rateAt(optimizer)(1, 3), 0.0125);
    expect(input).toEqual(E.right(Math.fround(0.1)));
    expect(Optimizer.rateAt(optimizer)(0.1, 4)).toBeCloseTo(0.00625, 9);
    expect(Optimizer.inputFor(optimizer)(0.5, 0.25, 0.25)).toEqual(E.right(0.5));
    expect(Optimizer.inputFor(optimizer)(1, 0, 0.1)).toEqual(
      E.left("the schedule's rate is 0 here, and no factor makes it 0.1; set the rate at another step"),
    );
    expect(Optimizer.inputFor(Optimizer.sgd())(0.01, 0, 0.1)).toEqual(E.right(0.1));
  });

  it('with wrong options are told by the optimizer', () => {
    const learningRate = Schedule.exponentialDecay({ initialLearningRate: 1, decaySteps: -1, decayRate: 0.5 });
    expect(Optimizer.adam({ learningRate }).problems).toEqual([
      'adam: exponentialDecay: decaySteps must be a finite number above 0, got -1',
    ]);
    expect(Optimizer.custom('own', learningRate, Optimizer.descend).problems).toEqual([
      'own: exponentialDecay: decaySteps must be a finite number above 0, got -1',
    ]);
  });
});

describe('Muon', () => {
  it('takes matrices, but not embeddings nor what is excluded; the rest is Adam’s', () => {
    const { transformation } = Optimizer.muon({ excludeLayers: [/^head\./] });
    const slots = transformation.slots({
      'dense.kernel': [3, 2],
      'dense.bias': [2],
      'conv.kernel': [2, 2, 3, 3],
      'embedding.embeddings': [5, 2],
      'head.kernel': [2, 2],
    });
    expect(Object.keys(slots).filter((s) => s.includes('/momentum/'))).toEqual([
      'partition/muon/muon/momentum/dense.kernel',
      'partition/adam/adam/momentum/dense.bias',
      'partition/adam/adam/momentum/conv.kernel',
      'partition/adam/adam/momentum/embedding.embeddings',
      'partition/adam/adam/momentum/head.kernel',
    ]);
  });
});

describe('Adafactor', () => {
  it('keeps a row and a column for the two longest axes', () => {
    const { transformation } = Optimizer.adafactor();
    const slots = transformation.slots({ 'conv.kernel': [64, 32, 3, 3], 'dense.kernel': [4, 4], 'dense.bias': [4] });
    expect(Object.fromEntries(Object.entries(slots).map(([n, { shape }]) => [n, shape]))).toEqual({
      'factored/row/conv.kernel': [64, 1, 3, 3],
      'factored/column/conv.kernel': [1, 32, 3, 3],
      'factored/row/dense.kernel': [4, 1],
      'factored/column/dense.kernel': [1, 4],
      'factored/velocity/dense.bias': [4],
    });
  });
});
