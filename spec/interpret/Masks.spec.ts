/**
 * Masks of steps through layers that join, turn and sum up sequences: where they go on, where they end, and what they do to
 * values. Keras's numbers for the same are in SpatialGoldens, Lower, and in spec/layer (Core, Sequence).
 */
import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { vjp } from '../../src/autodiff/Grad.ts';
import { input, type Value } from '../../src/graph/Graph.ts';
import { missingKernels } from '../../src/graph/Kernels.ts';
import { lower } from '../../src/interpret/Lower.ts';
import * as L from '../../src/layer/Layer.ts';
import { initialValues } from '../../src/model/Initial.ts';
import type { Model } from '../../src/model/Model.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { dims, dtypeOf } from '../../src/shape/Shape.ts';
import { evaluate, f32, graphOf } from '../support/evaluate.ts';
import { kernelTables } from '../support/kernelTables.ts';
import { inference, resolvedOf, right, runModel, trainingMode } from './support.ts';

// biome-ignore lint/suspicious/noExplicitAny: layers of all kinds
type Any = any;

/** Two sequences `[batch, seq, 4]`; where the name says so, with a mask. */
const maskOf = async (
  wire: (a: Any, b: Any) => Any,
  masked: readonly ('a' | 'b')[] = ['a', 'b'],
): Promise<readonly number[] | undefined> => {
  const model: Model<never, unknown> = L.graph({ a: ['seq', 4], b: ['seq', 4] }, ({ a, b }) => wire(a, b)) as Any;
  const resolved = resolvedOf(model);
  const x = resolved.inputs.map(({ name, type }) => input(name, 'float32', dims(type)));
  const w = Object.fromEntries(resolved.parameters.map((p) => [p.name, input(p.name, 'float32', p.shape)]));
  const given = resolved.inputs.map(({ name }) =>
    masked.includes(name as 'a') ? input(`mask/${name}`, 'bool', ['batch', 'seq']) : undefined,
  );
  const [mask] = lower(resolved, x, w, inference, given).masks;
  if (mask === undefined) return undefined;
  const bools = (...data: readonly number[]): NdArray => ({
    dtype: 'bool',
    shape: [1, 3],
    data: Uint8Array.from(data),
  });
  const sequence = f32(
    Array.from({ length: 12 }, (_, i) => i),
    [1, 3, 4],
  );
  const feeds = { a: sequence, b: sequence, 'mask/a': bools(1, 0, 0), 'mask/b': bools(1, 1, 0) };
  const got = await evaluate({ mask }, { ...feeds, ...initialValues(resolved, 0) });
  return Array.from(got.mask?.data as Uint8Array, Number);
};

describe('joining', () => {
  const joins: Readonly<Record<string, (a: Any, b: Any) => Any>> = {
    add: L.add,
    subtract: L.subtract,
    multiply: L.multiply,
    average: L.average,
    maximum: L.maximum,
    minimum: L.minimum,
  };
  it.each(Object.entries(joins))('%s counts a step that counts in any, and needs all the masks', async (_, join) => {
    expect(await maskOf((a, b) => join(a, b))).toEqual([1, 1, 0]);
    expect(await maskOf((a, b) => join(a, b), ['a'])).toBeUndefined();
    expect(await maskOf((a, b) => join(a, b), [])).toBeUndefined();
  });

  it('side by side a step counts that counts in any: all of them, if one has no mask', async () => {
    expect(await maskOf((a, b) => L.concatenate(a, b, -1))).toEqual([1, 1, 0]);
    expect(await maskOf((a, b) => L.concatenate(a, b, 2), ['b'])).toBeUndefined();
  });

  it('behind one another the masks are too; without one all steps count', async () => {
    expect(await maskOf((a, b) => L.concatenate(a, b, 1))).toEqual([1, 0, 0, 1, 1, 0]);
    expect(await maskOf((a, b) => L.concatenate(a, b, 1), ['a'])).toEqual([1, 0, 0, 1, 1, 1]);
    expect(await maskOf((a, b) => L.concatenate(a, b, 1), ['b'])).toEqual([1, 1, 1, 1, 1, 0]);
  });

  it('dot and matmul have none', async () => {
    expect(await maskOf((a, b) => (L.dot as Any)(a, b, 2))).toBeUndefined();
    expect(await maskOf((a, b) => (L.matmul as Any)(a, b, { transposeB: true }))).toBeUndefined();
  });
});

describe('one layer behind another', () => {
  const through = (...layers: readonly Any[]) => maskOf((a) => layers.reduce((t, l) => l(t), a));
  const turned = L.permute([2, 1]);

  it('goes on', async () => {
    const kept = [
      [L.dense(3)],
      [L.weightNormalization(L.dense(3))],
      [L.spectralNormalization(L.dense(3))],
      [L.dropout(0.5), L.relu(), L.batchNormalization(), L.layerNormalization(), L.identity()],
      [L.residual(L.dense(4))],
      [L.glu()],
      [L.dense(1), L.squeeze(2)],
      [L.expandDims(3), L.permute([1, 3, 2])],
      [turned, L.relu(), L.batchNormalization({ axis: 1 }), turned],
      [L.timeDistributed(L.dense(2))],
      [L.bidirectional(L.gru(2, { returnSequences: true }))],
    ];
    for (const layers of kept) expect(await through(...layers)).toEqual([1, 0, 0]);
  });

  it('ends where time is no longer on its axis', async () => {
    const ended = [
      [turned],
      [turned, L.conv1d({ filters: 2, kernel: 1 }), turned],
      [turned, L.weightNormalization(L.conv1d({ filters: 4, kernel: 1 })), turned],
      [turned, L.globalAveragePool1d()],
      [turned, L.globalMaxPool1d()],
      [turned, L.maxPool1d({ kernel: 1 }), turned],
      [L.slice(1, 0, 2)],
      [L.lstm(2)],
      [L.residual(L.sequential(turned, L.conv1d({ filters: 4, kernel: 1 }), turned))],
    ];
    for (const layers of ended) expect(await through(...layers)).toBeUndefined();
  });
});

describe('the mean over the steps that count', () => {
  const model: Model<never, unknown> = L.model(
    L.tokens(['seq']),
    L.embedding(5, 2, { maskZero: true }),
    L.permute([2, 1]),
    L.globalAveragePool1d(),
  ) as Any;
  const resolved = resolvedOf(model);
  const table = initialValues(resolved, 4)['embedding.embeddings'] as NdArray;

  test('of embedded tokens, padding aside: 0 where there is nothing else', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 5, maxLength: 5 }), {
          minLength: 1,
          maxLength: 3,
        }),
        async (rows) => {
          const tokens: NdArray = { dtype: 'int32', shape: [rows.length, 5], data: Int32Array.from(rows.flat()) };
          const { output } = await runModel(resolved, { input: tokens, 'embedding.embeddings': table });
          rows.forEach((row, i) => {
            const kept = row.filter((t) => t !== 0);
            for (const f of [0, 1]) {
              const sum = kept.reduce((s, t) => s + (table.data[2 * t + f] as number), 0);
              expect(output?.data[2 * i + f]).toBeCloseTo(kept.length === 0 ? 0 : sum / kept.length, 6);
            }
          });
        },
      ),
      { numRuns: 20 },
    ));

  test('padding gets no gradient', async () => {
    const x = input('input', 'int32', ['batch', 'seq']);
    const e = input('embedding.embeddings', 'float32', [5, 2]);
    const y = lower(resolved, [x], { 'embedding.embeddings': e }, trainingMode()).outputs[0] as Value;
    const [gradient] = right(vjp([y], [y], [e]));
    const got = await evaluate(
      { gradient: gradient as Value },
      {
        input: { dtype: 'int32', shape: [1, 4], data: Int32Array.of(3, 0, 1, 0) },
        'embedding.embeddings': f32([9, 9, 1, 2, 9, 9, 3, 4, 9, 9], [5, 2]),
      },
    );
    // The mean is (2, 3), and each of the two tokens has half of it.
    expect(Array.from(got.gradient?.data as Float32Array)).toEqual([0, 0, 1, 1.5, 0, 0, 1, 1.5, 0, 0]);
  });
});

test('weights over the steps that count: a softmax of scores [batch, seq]', async () => {
  const model: Model<never, unknown> = L.model(L.input([4, 1]), L.masking(), L.squeeze(2), L.softmax()) as Any;
  const { output } = await runModel(resolvedOf(model), { input: f32([1, 2, 0, 3, 0, 0, 0, 0], [2, 4, 1]) });
  const sum = Math.exp(1) + Math.exp(2) + Math.exp(3);
  [1, 2, 3].forEach((v, i) => {
    expect(output?.data[[0, 1, 3][i] as number]).toBeCloseTo(Math.exp(v) / sum, 5);
  });
  expect([2, 4, 5, 6, 7].map((i) => output?.data[i])).toEqual([0, 0, 0, 0, 0]);
});

test('batch normalisation of sequences turned round has the statistics of the sequences', async () => {
  const x = f32(
    Array.from({ length: 24 }, (_, i) => Math.sin(i) * 3),
    [2, 3, 4],
  );
  const mask: NdArray = { dtype: 'bool', shape: [2, 3], data: Uint8Array.of(1, 1, 0, 1, 0, 0) };
  const run = (...layers: readonly Any[]) => {
    const resolved = resolvedOf((L.model as Any)(L.input([3, 4]), ...layers));
    return runModel(resolved, { input: x, ...initialValues(resolved, 0) }, trainingMode(), [mask]);
  };
  const turned = L.permute([2, 1]);
  const [a, b] = [await run(L.batchNormalization()), await run(turned, L.batchNormalization({ axis: 1 }), turned)];
  const other = await run(L.batchNormalization({ momentum: 0 }));
  expect(Array.from(a.output?.data as Float32Array)).toEqual(Array.from(b.output?.data as Float32Array));
  // Of the first feature: the mean over the three steps that count.
  const [first, second, third] = [0, 4, 12].map((i) => x.data[i] as number) as [number, number, number];
  expect(other['next/batch_normalization.moving_mean']?.data[0]).toBeCloseTo((first + second + third) / 3, 5);
});

test.each(['cpu', 'cuda'] as const)('kernels on %s, forwards and backwards', (provider) => {
  const layers: Any = L.graph({ a: { int: ['seq'] }, b: ['seq', 4] }, ({ a, b }: Any) => {
    const masked: Any = (L.masking() as Any)(b);
    const embedded: Any = (L.embedding(7, 4, { maskZero: true }) as Any)(a);
    const joined: Any = L.maximum(L.multiply(embedded, masked) as Any, embedded);
    const behind: Any = L.concatenate(joined, b, 1);
    return L.through(behind, L.batchNormalization(), L.permute([2, 1]) as Any, L.globalAveragePool1d() as Any);
  });
  const resolved = resolvedOf(layers);
  const x = resolved.inputs.map(({ name, type }) => input(name, dtypeOf(type), dims(type)));
  const w = resolved.parameters.map((p) => input(p.name, 'float32', p.shape));
  const weights = Object.fromEntries(resolved.parameters.map((p, i) => [p.name, w[i] as Value]));
  const y = lower(resolved, x, weights, trainingMode(provider)).outputs[0] as Value;
  const gradients = right(
    vjp(
      [y],
      [y],
      w.filter((_, i) => resolved.parameters[i]?.trainable),
    ),
  );
  const graph = graphOf({ y, ...Object.fromEntries(gradients.map((g, i) => [`d${i}`, g])) });
  expect(missingKernels(graph, kernelTables, provider, 18)).toEqual([]);
});
