/**
 * Regularizers and constraints in whole runs, on layers whose layout is not Keras's as well; and what does not fit.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import { afterAll, describe, expect, it } from 'vitest';
import { Data as D, Environment, Layer as L, Loss, Optimizer, Training as T } from '../../src/index.ts';
import type { Model } from '../../src/model/Model.ts';
import { resolve } from '../../src/model/Resolve.ts';
import { right } from '../interpret/support.ts';

const env = Environment.node({ threads: 1 })();

afterAll(env.runtime.close);

const run = <A>(program: RTE.ReaderTaskEither<T.Environment, T.TrainingError, A>): Promise<A> =>
  program(env)().then((result) => {
    if (E.isLeft(result)) throw new Error(T.showError(result.left));
    return result.right;
  });

const { l1, l2, l1l2, orthogonal } = L.Regularizer;
const { maxNorm, minMaxNorm, nonNeg, unitNorm } = L.Constraint;

const noise = (n: number, seed = 1): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => Math.sin(seed + i * 12.9898) * 0.9);

/** Trained with a high rate on noise: weights grow far. */
const trained = async (model: unknown, sample: readonly number[], target: readonly number[], epochs = 3) => {
  const [n, m] = [sample, target].map((s) => s.reduce((a, b) => a * b, 1)) as [number, number];
  const data = right(
    D.dataset({
      x: D.floats(sample, noise(24 * n)),
      y: D.floats(
        target,
        noise(24 * m, 5).map((y) => y * 4),
      ),
    }),
  );
  const objective = T.compile(model as Model<readonly number[], readonly number[]>, {
    loss: Loss.meanSquaredError() as never,
    optimizer: Optimizer.sgd({ learningRate: 0.5 }),
  });
  const program = pipe(T.fit(objective as never, { data: data as never, epochs, batchSize: 8, verbose: 0 }), T.run);
  const result = await run(
    program as never as RTE.ReaderTaskEither<T.Environment, T.TrainingError, { state: T.TrainState }>,
  );
  return result.state;
};

describe('constraints hold after training', () => {
  it('one norm for each filter of a convolution, in the axes of Keras', async () => {
    const model = L.model(
      L.input([2, 5, 5]),
      L.conv2d({ filters: 3, kernel: 2, kernelConstraint: maxNorm({ maxValue: 0.25, axis: [0, 1, 2] }) }),
    );
    const { weights } = await trained(model, [2, 5, 5], [3, 4, 4]);
    const kernel = weights['conv2d.kernel']?.data as Float32Array;
    const norms = [0, 1, 2].map((f) => Math.hypot(...kernel.slice(f * 8, (f + 1) * 8)));
    for (const n of norms) expect(n).toBeLessThanOrEqual(0.25 + 1e-6);
    expect(Math.max(...norms)).toBeGreaterThan(0.249);
  });

  it('one norm for each channel of a depthwise and of a transposed convolution', async () => {
    const deep = L.model(
      L.input([2, 4, 4]),
      L.depthwiseConv2d({ kernel: 2, depthMultiplier: 2, depthwiseConstraint: unitNorm({ axis: [0, 1] }) }),
    );
    const kernel = (await trained(deep, [2, 4, 4], [4, 3, 3])).weights['depthwise_conv2d.kernel']?.data as Float32Array;
    for (const i of [0, 1, 2, 3]) expect(Math.hypot(...kernel.slice(i * 4, i * 4 + 4))).toBeCloseTo(1, 5);

    const up = L.model(
      L.input([2, 3, 3]),
      L.conv2dTranspose({ filters: 3, kernel: 2, kernelConstraint: unitNorm({ axis: [0, 1, 2] }) }),
    );
    const w = (await trained(up, [2, 3, 3], [3, 4, 4])).weights['conv2d_transpose.kernel']?.data as Float32Array;
    for (const i of [0, 1]) expect(Math.hypot(...w.slice(i * 12, (i + 1) * 12))).toBeCloseTo(1, 5);
  });

  it('of dense kernels and biases, embeddings, factors, slopes', async () => {
    const model = L.model(
      L.input([4]),
      L.dense(5, { kernelConstraint: minMaxNorm({ minValue: 0.2, maxValue: 0.4 }), biasConstraint: nonNeg() }),
      L.batchNormalization({ gammaConstraint: nonNeg(), betaConstraint: maxNorm({ maxValue: 0.1 }) }),
      L.prelu({ alphaConstraint: nonNeg() }),
      L.rmsNormalization({ scaleConstraint: unitNorm() }),
      L.dense(2),
    );
    const { weights } = await trained(model, [4], [2]);
    const of = (name: string) => [...(weights[name]?.data ?? [])].map(Number);
    const columns = [0, 1, 2, 3, 4].map((u) => Math.hypot(...of('dense.kernel').filter((_, i) => i % 5 === u)));
    for (const n of columns) expect([n >= 0.2 - 1e-6, n <= 0.4 + 1e-6]).toEqual([true, true]);
    for (const name of ['dense.bias', 'batch_normalization.gamma', 'prelu.alpha'])
      expect(Math.min(...of(name)), name).toBeGreaterThanOrEqual(0);
    expect(Math.hypot(...of('batch_normalization.beta'))).toBeLessThanOrEqual(0.1 + 1e-6);
    expect(Math.hypot(...of('rms_normalization.scale'))).toBeCloseTo(1, 5);
  });

  it('of the v of weight normalisation', async () => {
    const layer = L.weightNormalization(L.dense(2, { kernelConstraint: unitNorm() }));
    const v = (await trained(L.model(L.input([3]), layer), [3], [2])).weights['weight_normalization.v']?.data;
    for (const u of [0, 1])
      expect(Math.hypot(...[...(v as Float32Array)].filter((_, i) => i % 2 === u))).toBeCloseTo(1, 5);
  });
});

describe('regularizers draw weights in', () => {
  it('l1 to 0, each in its own measure', async () => {
    const size = async (kernelRegularizer: L.Regularizer.Regularizer | undefined) => {
      const layer = L.dense(3, kernelRegularizer === undefined ? {} : { kernelRegularizer });
      const { weights } = await trained(L.model(L.input([4]), layer), [4], [3], 6);
      return Math.hypot(...[...(weights['dense.kernel']?.data ?? [])].map(Number));
    };
    const free = await size(undefined);
    expect(await size(l2(0.2))).toBeLessThan(free);
    expect(await size(l1l2({ l1: 0.05, l2: 0.2 }))).toBeLessThan(await size(l2(0.2)));
  });

  it('columns to right angles', async () => {
    const cosine = async (factor: number) => {
      const kernelRegularizer = orthogonal({ factor, mode: 'columns' });
      const layer = L.dense(2, {
        kernelRegularizer,
        kernelInitializer: L.Initializer.constant([
          [1, 0.9],
          [0.2, 0.3],
        ]),
      });
      const { weights } = await trained(L.model(L.input([2]), layer), [2], [2], 4);
      const [a = 0, b = 0, c = 0, d = 0] = [...(weights['dense.kernel']?.data ?? [])].map(Number);
      return Math.abs((a * b + c * d) / (Math.hypot(a, c) * Math.hypot(b, d)));
    };
    expect(await cosine(5)).toBeLessThan(await cosine(0));
  });

  it('of activities: the loss that is reported has them', async () => {
    const loss = async (...layers: readonly unknown[]) => {
      const model = L.model(L.input([3]), ...(layers as readonly L.Layer<L.Id>[]));
      return (await trained(model, [3], [3], 1)).history.logs.loss?.[0] as number;
    };
    const plain = await loss(L.rescaling(1));
    const x = noise(24 * 3);
    const absolutes = x.reduce((sum, v) => sum + Math.abs(v), 0) / 24;
    const squares = x.reduce((sum, v) => sum + v * v, 0) / 24;
    expect((await loss(L.activityRegularization({ l1: 0.1, l2: 0.5 }))) - plain).toBeCloseTo(
      0.1 * absolutes + 0.5 * squares,
      4,
    );
  });
});

describe('spectral normalisation', () => {
  it('keeps the largest singular value at 1, but for the last update', async () => {
    const layer = L.spectralNormalization(L.dense(1, { useBias: false }), { powerIterations: 2 });
    const model = L.model(L.input([3]), layer, L.dense(2));
    const small = await trained(model, [3], [2], 20);
    // With one unit the largest singular value is the norm.
    const kernel = small.weights['spectral_normalization.kernel']?.data as Float32Array;
    expect(Math.abs(Math.hypot(...kernel) - 1)).toBeLessThan(0.5);
    // A vector of one number is 1 or -1.
    expect(Math.abs(Number(small.weights['spectral_normalization.vector_u']?.data[0]))).toBeCloseTo(1, 5);
  });
});

describe('what does not fit is an error', () => {
  const errors = (layer: unknown, shape: readonly number[] = [3]) =>
    resolve(L.model(L.input(shape), layer as L.Layer<L.Id>) as unknown as Model<never, unknown>);
  const message = (result: ReturnType<typeof errors>): string => (E.isLeft(result) ? result.left[0].message : 'fits');

  it.each([
    [
      L.dense(2, { kernelConstraint: maxNorm({ axis: 2 }) }),
      [3],
      'dense: constraint: 2 is not an axis of kernel, which is [3,2] in the layout that axes are meant in',
    ],
    [
      L.conv2d({ filters: 4, kernel: 2, kernelConstraint: maxNorm({ axis: 4 }) }),
      [3, 5, 5],
      'conv2d: constraint: 4 is not an axis of kernel, which is [2,2,3,4] in the layout that axes are meant in',
    ],
    [
      L.dense(2, { kernelConstraint: maxNorm({ maxValue: -1 }) }),
      [3],
      'dense: constraint: -1 is not a number of 0 or more',
    ],
    [
      L.dense(2, { kernelRegularizer: l2(-0.1) }),
      [3],
      'dense: regularizer: its factor -0.1 is not a number of 0 or more',
    ],
    [L.dense(2, { biasRegularizer: orthogonal() }), [3], 'dense: regularizer orthogonal: bias [2] is not a matrix'],
    [
      L.dense(2, { activityRegularizer: l1(Number.NaN) }),
      [3],
      'dense: regularizer: its factor NaN is not a number of 0 or more',
    ],
    [
      L.dense(2, { activityRegularizer: orthogonal() }),
      [3],
      'dense: regularizer orthogonal: for weights only, not for activities',
    ],
    [
      L.activityRegularization({ l1: -1 }),
      [3],
      'activityRegularization: regularizer: its factor -1 is not a number of 0 or more',
    ],
  ])('%#', (layer, shape, expected) => expect(message(errors(layer, shape))).toBe(expected));
});
