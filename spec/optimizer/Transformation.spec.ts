import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { graph, input, topological, type Value } from '../../src/graph/Graph.ts';
import { missingKernels } from '../../src/graph/Kernels.ts';
import { mul } from '../../src/graph/Operators.ts';
import * as Optimizer from '../../src/optimizer/Optimizer.ts';
import * as T from '../../src/optimizer/Transformation.ts';
import { evaluate, f32 } from '../support/evaluate.ts';
import { kernelTables } from '../support/kernelTables.ts';
import { type Arrays, runSteps, stepValues } from './steps.ts';

const parameters: Arrays = { a: f32([1, -2, 3, -4], [2, 2]), b: f32([0.5, -0.5]), c: f32([7], []) };

const steps = [0.1, 0.05, 0.2].map((rate, i) => ({
  rate,
  gradients: { a: f32([1, 2, -3, 4 + i], [2, 2]), b: f32([-1, i]), c: f32([0.5 * i], []) },
}));

const results = async (t: T.Transformation) =>
  (await runSteps(t, parameters, steps)).map((arrays) =>
    Object.fromEntries(Object.entries(arrays).map(([n, a]) => [n, Array.from(a.data as Float32Array)])),
  );

const transformation = fc.oneof(
  fc.constant(T.empty),
  fc.double({ min: 0.1, max: 2, noNaN: true }).map(Optimizer.clipByValue),
  fc.double({ min: 0.1, max: 2, noNaN: true }).map(Optimizer.clipByNorm),
  fc.double({ min: 0.1, max: 2, noNaN: true }).map(Optimizer.clipByGlobalNorm),
  fc.double({ min: 0, max: 1, noNaN: true }).map((rate) => Optimizer.decayWeights(rate)),
  fc.boolean().map((nesterov) => Optimizer.momentum(0.9, nesterov)),
  fc.boolean().map((amsgrad) => Optimizer.adaptiveMoments({ amsgrad })),
  fc.constantFrom(
    Optimizer.descend,
    Optimizer.centraliseGradients(),
    Optimizer.scaleByMoments(),
    Optimizer.scaleByTrustRatio,
    Optimizer.scaleByFactoredSquares(),
    Optimizer.clipByRootMeanSquare(0.5),
    Optimizer.signedMomentum(),
    Optimizer.rootMeanSquares({ centered: true }),
    Optimizer.lookahead(2),
    Optimizer.ema({ overwriteFrequency: 2 }),
    Optimizer.accumulate(2)(Optimizer.chain(Optimizer.momentum(0.5), Optimizer.decayWeights(0.1))),
    Optimizer.decayBefore(0.1)(Optimizer.followLeader()),
    Optimizer.scaleRate(0.5)(Optimizer.momentum(0.9)),
    Optimizer.partition(({ shape }) => (shape.length === 2 ? 'matrix' : 'rest'), {
      matrix: Optimizer.orthogonalMomentum(),
      rest: Optimizer.nesterovMoments(),
    }),
  ),
);

describe('chains of transformations are a monoid', () => {
  it('associativity', async () => {
    await fc.assert(
      fc.asyncProperty(transformation, transformation, transformation, async (a, b, c) => {
        const { concat } = T.monoid;
        expect(await results(concat(concat(a, b), c))).toEqual(await results(concat(a, concat(b, c))));
        expect(Object.keys(concat(concat(a, b), c).slots({ w: [3] }))).toEqual(
          Object.keys(concat(a, concat(b, c)).slots({ w: [3] })),
        );
      }),
      { numRuns: 25 },
    );
  });

  it('identity', async () => {
    await fc.assert(
      fc.asyncProperty(transformation, async (a) => {
        const alone = await results(a);
        expect(await results(T.chain(T.empty, a))).toEqual(alone);
        expect(await results(T.chain(a, T.empty))).toEqual(alone);
      }),
      { numRuns: 15 },
    );
  });

  it('is not commutative: order is kept', async () => {
    const [clip, twice] = [
      Optimizer.clipByValue(1),
      T.map(
        'twice',
        () =>
          ({ gradient }) =>
            mul(gradient, 2),
      ),
    ];
    const g = input('gradient', 'float32', []);
    const apply = (t: T.Transformation) =>
      t.update({ learningRate: input('rate', 'float32', []), step: input('step', 'float32', []) })(
        { w: g },
        { w: input('w', 'float32', []) },
        {},
      ).updates.w as Value;
    const { x, y } = await evaluate(
      { x: apply(T.chain(clip, twice)), y: apply(T.chain(twice, clip)) },
      { gradient: f32([0.75], []) },
    );
    expect([x?.data[0], y?.data[0]]).toEqual([1.5, 1]);
  });
});

describe('slots', () => {
  it('are named after stage, slot and parameter; stages of the same key do not share them', () => {
    const twice = T.chain(Optimizer.momentum(0.9), Optimizer.adaptiveMoments(), Optimizer.momentum(0.5));
    expect(twice.slots({ 'dense.kernel': [3, 4] })).toEqual({
      'sgd/momentum/dense.kernel': { shape: [3, 4], init: 0, parameter: 'dense.kernel' },
      'adam/momentum/dense.kernel': { shape: [3, 4], init: 0, parameter: 'dense.kernel' },
      'adam/velocity/dense.kernel': { shape: [3, 4], init: 0, parameter: 'dense.kernel' },
      'sgd#1/momentum/dense.kernel': { shape: [3, 4], init: 0, parameter: 'dense.kernel' },
    });
  });

  it('may start as a copy of the parameter', async () => {
    // Lookahead's slow weights, taken every step: the update goes back to where training began.
    const home = T.perParameter(
      'home',
      ({ shape }) => ({ start: { shape, init: 'parameter' } }),
      () =>
        ({ slot }) => ({ update: slot('start'), slots: { start: slot('start') } }),
    );
    const [first, second] = await results(home);
    expect(first?.b).toEqual([1, -1]);
    expect(second?.b).toEqual([1.5, -1.5]);
  });
});

describe('cost', () => {
  const elementwise = (t: T.Transformation, count: number) => {
    const arrays = Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`w${i}`, f32(new Array(4).fill(1), [4])]),
    );
    const values = stepValues(t, arrays);
    return topological(Object.values(values)).filter((n) => n._tag === 'Operator');
  };
  const isFull = (n: { readonly outputs: readonly { readonly shape: readonly unknown[] }[] }) =>
    n.outputs[0]?.shape.length === 1;

  it('Adam takes ten full-size operators for each parameter, and its scalars once', () => {
    for (const count of [1, 5]) {
      const nodes = elementwise(Optimizer.adam().transformation, count);
      expect(nodes.filter(isFull).length).toBe(10 * count);
      expect(nodes.filter((n) => !isFull(n)).length).toBe(12);
    }
  });

  it('SGD takes two, with momentum four', () => {
    expect(elementwise(Optimizer.sgd().transformation, 3).filter(isFull).length).toBe(6);
    expect(elementwise(Optimizer.sgd({ momentum: 0.9 }).transformation, 3).filter(isFull).length).toBe(12);
  });

  it('both providers have the kernels', () => {
    const everything = T.chain(
      Optimizer.clipByNorm(1),
      Optimizer.clipByValue(1),
      Optimizer.clipByGlobalNorm(1),
      Optimizer.momentum(0.9, true),
      Optimizer.adaptiveMoments({ amsgrad: true }),
      Optimizer.descend,
      Optimizer.decayWeights(0.1),
    );
    const outputs = Object.entries(stepValues(everything, parameters)).map(([name, value]) => ({ name, value }));
    const whole = graph('step', [], outputs);
    expect(missingKernels(whole, kernelTables, 'cpu', 18)).toEqual([]);
    expect(missingKernels(whole, kernelTables, 'cuda', 18)).toEqual([]);
  });
});
