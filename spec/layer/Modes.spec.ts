/**
 * Training beside inference. Every case of the PyTorch families is one function in both modes (their specs compare both with the
 * same numbers), but for the layers here: each differs in the way it should and agrees where it should. And both graphs, with their
 * gradients, have kernels on both providers.
 */
import { describe, expect, it } from 'vitest';
import { vjp } from '../../src/autodiff/Grad.ts';
import { input, type Value } from '../../src/graph/Graph.ts';
import { missingKernels } from '../../src/graph/Kernels.ts';
import { inference, lower } from '../../src/interpret/Lower.ts';
import * as L from '../../src/layer/Layer.ts';
import type { Model } from '../../src/model/Model.ts';
import type { Resolved } from '../../src/model/Resolved.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { dims } from '../../src/shape/Shape.ts';
import { randomFrom } from '../autodiff/random.ts';
import { next, resolvedOf, right, runModel, trainingMode } from '../interpret/support.ts';
import { graphOf } from '../support/evaluate.ts';
import { kernelTables } from '../support/kernelTables.ts';
import { anywhere } from './directional.ts';

const built = (sample: readonly number[], layer: unknown): Resolved =>
  resolvedOf(L.model(L.input(sample), layer as L.Layer<L.Id>) as unknown as Model<never, unknown>);

type Arrays = Readonly<Record<string, NdArray>>;

const drawn = (resolved: Resolved, batch: number, seed = 7): Arrays => {
  const random = randomFrom(seed);
  const shape = dims(resolved.inputs[0]?.type ?? []) as readonly number[];
  return {
    input: anywhere(random, [batch, ...shape.slice(1)]),
    ...Object.fromEntries(
      resolved.parameters.map(({ name, role, shape: s }) => [
        name,
        role === 'moving_variance' ? random.array32(s, 0.5, 2) : random.array32(s, -0.9, 0.9),
      ]),
    ),
  };
};

const numbers = (a: NdArray | undefined): readonly number[] => Array.from(a?.data as Float32Array);

const distance = (a: NdArray | undefined, b: NdArray | undefined): number => {
  expect(a?.shape).toEqual(b?.shape);
  return numbers(a).reduce((most, x, i) => Math.max(most, Math.abs(x - (numbers(b)[i] as number))), 0);
};

// -------------------------------------------------------------------------------------
// layers that are random in training
// -------------------------------------------------------------------------------------

const sequence = [4, 6];
const units = { heads: 2, keyDim: 3 } as const;

/** With a rate, and without what makes it random. */
const randomLayers: Readonly<
  Record<string, readonly [sample: readonly number[], at: (rate: number) => unknown, plain: unknown]>
> = {
  dropout: [sequence, (r) => L.dropout(r), L.identity()],
  alphaDropout: [sequence, (r) => L.alphaDropout(r), L.identity()],
  gaussianDropout: [sequence, (r) => L.gaussianDropout(r), L.identity()],
  gaussianNoise: [sequence, (r) => L.gaussianNoise(r), L.identity()],
  spatialDropout1d: [sequence, (r) => L.spatialDropout1d(r), L.identity()],
  spatialDropout2d: [[4, 2, 3], (r) => L.spatialDropout2d(r), L.identity()],
  spatialDropout3d: [[4, 2, 1, 3], (r) => L.spatialDropout3d(r), L.identity()],
  'simpleRNN, inputs': [sequence, (dropout) => L.simpleRNN(3, { dropout }), L.simpleRNN(3)],
  'lstm, states': [sequence, (recurrentDropout) => L.lstm(3, { recurrentDropout }), L.lstm(3)],
  'gru, both': [sequence, (dropout) => L.gru(3, { dropout, recurrentDropout: dropout }), L.gru(3)],
  'bidirectional gru': [
    sequence,
    (dropout) => L.bidirectional(L.gru(3, { dropout }) as never),
    L.bidirectional(L.gru(3) as never),
  ],
  attention: [sequence, (dropout) => L.attention({ dropout }), L.attention()],
  additiveAttention: [sequence, (dropout) => L.additiveAttention({ dropout }), L.additiveAttention()],
  multiHeadAttention: [
    sequence,
    (dropout) => L.multiHeadAttention({ ...units, dropout }),
    L.multiHeadAttention({ ...units }),
  ],
  groupedQueryAttention: [
    sequence,
    (dropout) => L.groupedQueryAttention({ ...units, keyValueHeads: 1, dropout }),
    L.groupedQueryAttention({ ...units, keyValueHeads: 1 }),
  ],
  transformerEncoder: [
    sequence,
    (dropout) => L.transformerEncoder({ features: 6, heads: 2, intermediate: 5, dropout }),
    L.transformerEncoder({ features: 6, heads: 2, intermediate: 5 }),
  ],
};

describe.each(Object.entries(randomLayers))('%s', (_, [sample, at, plain]) => {
  const random = built(sample, at(0.5));
  const feeds = drawn(random, 8);
  const without = built(sample, plain);
  const plainFeeds: Arrays = {
    input: feeds.input as NdArray,
    ...Object.fromEntries(
      without.parameters.map((p, i) => [p.name, feeds[random.parameters[i]?.name as string] as NdArray]),
    ),
  };

  it('is not random in inference, nor at a rate of 0', async () => {
    const { output } = await runModel(without, plainFeeds);
    expect(distance((await runModel(random, feeds)).output, output)).toBeLessThan(1e-6);
    const still = await runModel(built(sample, at(0)), feeds, trainingMode());
    expect(distance(still.output, output)).toBeLessThan(1e-6);
  });

  it('is random in training, the same for the same seed and step', async () => {
    const { output } = await runModel(random, feeds);
    const one = await runModel(random, feeds, trainingMode('cpu', 1, 2));
    expect(distance(one.output, output)).toBeGreaterThan(1e-3);
    expect(distance((await runModel(random, feeds, trainingMode('cpu', 1, 2))).output, one.output)).toBe(0);
    expect(distance((await runModel(random, feeds, trainingMode('cpu', 1, 3))).output, one.output)).toBeGreaterThan(
      1e-3,
    );
    expect(distance((await runModel(random, feeds, trainingMode('cpu', 2, 2))).output, one.output)).toBeGreaterThan(
      1e-3,
    );
  });
});

// -------------------------------------------------------------------------------------
// layers with running values
// -------------------------------------------------------------------------------------

describe('batch normalisation', () => {
  it.each([
    [[5], {}],
    [[3, 2, 4], {}],
    [[2, 4], { axis: 1, center: false }],
    [[2, 1, 3], { axis: -1, scale: false, epsilon: 0.5 }],
  ] as const)(
    'of %j, %j: in inference with the statistics of a batch, what training makes of that batch',
    async (sample, options) => {
      // With a momentum of 0 the running statistics become the batch's.
      const resolved = built(sample, L.batchNormalization({ ...options, momentum: 0 } as never));
      const feeds = drawn(resolved, 6);
      const trained = await runModel(resolved, feeds, trainingMode());
      const moved = Object.fromEntries(
        resolved.parameters.flatMap(({ name }) => {
          const value = trained[next(name)];
          return value === undefined ? [] : [[name, value] as const];
        }),
      );
      expect(Object.keys(moved).length).toBe(2);
      expect(distance((await runModel(resolved, { ...feeds, ...moved })).output, trained.output)).toBeLessThan(1e-5);
      expect(distance((await runModel(resolved, feeds)).output, trained.output)).toBeGreaterThan(0.01);
    },
  );

  it('keeps its statistics at a momentum of 1, and changes none in inference', async () => {
    const resolved = built([4], L.batchNormalization({ momentum: 1 }));
    const feeds = drawn(resolved, 6);
    const trained = await runModel(resolved, feeds, trainingMode());
    for (const { name } of resolved.parameters.filter((p) => !p.trainable))
      expect(distance(trained[next(name)], feeds[name]), name).toBe(0);
    expect(Object.keys(await runModel(resolved, feeds))).toEqual(['output']);
  });
});

describe('spectral normalisation', () => {
  it.each([
    ['dense', [4], L.spectralNormalization(L.dense(3))],
    ['conv2d', [2, 4, 4], L.spectralNormalization(L.conv2d({ filters: 3, kernel: 2 }), { powerIterations: 2 })],
  ] as const)(
    '%s: in inference with the kernel that training left, what training computed',
    async (_, sample, layer) => {
      const resolved = built(sample, layer);
      const feeds = drawn(resolved, 3);
      const trained = await runModel(resolved, feeds, trainingMode());
      const moved = Object.fromEntries(
        resolved.parameters.flatMap(({ name }) => {
          const value = trained[next(name)];
          return value === undefined ? [] : [[name, value] as const];
        }),
      );
      expect(Object.keys(moved).length).toBe(2);
      expect(distance((await runModel(resolved, { ...feeds, ...moved })).output, trained.output)).toBeLessThan(1e-5);
    },
  );
});

// -------------------------------------------------------------------------------------
// kernels
// -------------------------------------------------------------------------------------

describe.each(['cpu', 'cuda'] as const)('on %s', (provider) => {
  it.each(Object.entries(randomLayers))(
    '%s has kernels in training, with its gradients, and in inference',
    (_, [sample, at]) => {
      const resolved = built(sample, at(0.5));
      const x = resolved.inputs.map(({ name, type }) => input(name, 'float32', dims(type)));
      const w = resolved.parameters.map((p) => input(p.name, 'float32', p.shape));
      const byName = Object.fromEntries(resolved.parameters.map((p, i) => [p.name, w[i] as Value]));
      const y = lower(resolved, x, byName, trainingMode(provider)).outputs[0] as Value;
      const gradients = right(vjp([y], [input('cotangent', 'float32', y.type.shape)], [...x, ...w]));
      const graph = graphOf({ y, ...Object.fromEntries(gradients.map((g, i) => [`d${i}`, g])) });
      expect(missingKernels(graph, kernelTables, provider, 18)).toEqual([]);
      const shipped = graphOf({ y: lower(resolved, x, byName, inference).outputs[0] as Value });
      expect(missingKernels(shipped, kernelTables, provider, 18)).toEqual([]);
    },
  );
});
