/** Laws of attention, positions and masks. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { vjp } from '../../src/autodiff/Grad.ts';
import { input, topological, type Value } from '../../src/graph/Graph.ts';
import { missingKernels } from '../../src/graph/Kernels.ts';
import { lower, type Mode } from '../../src/interpret/Lower.ts';
import * as L from '../../src/layer/Layer.ts';
import { initialValues } from '../../src/model/Initial.ts';
import type { Model } from '../../src/model/Model.ts';
import * as Loss from '../../src/objective/Loss.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { dims, dtypeOf } from '../../src/shape/Shape.ts';
import { inference, resolvedOf, right, trainingMode } from '../interpret/support.ts';
import { evaluate, f32, graphOf } from '../support/evaluate.ts';
import { kernelTables } from '../support/kernelTables.ts';

// biome-ignore lint/suspicious/noExplicitAny: layers of different types
type Any = any;
type Feeds = Readonly<Record<string, NdArray>>;

const run = async (model: Model<never, unknown>, feeds: Feeds, mode: Mode = inference, weights: Feeds = {}) => {
  const resolved = resolvedOf(model);
  const x = resolved.inputs.map(({ name, type }) => input(name, dtypeOf(type), dims(type)));
  const w = Object.fromEntries(resolved.parameters.map((p) => [p.name, input(p.name, 'float32', p.shape)]));
  const { outputs } = lower(resolved, x, w, mode);
  const got = await evaluate({ y: outputs[0] as Value }, { ...initialValues(resolved, 3), ...weights, ...feeds });
  return Array.from(got.y?.data as Float32Array);
};

const graph = (features: number, wire: (x: Any) => Any): Model<never, unknown> =>
  L.graph(['seq', features], (x) => wire(x)) as Any;

const close = (a: readonly number[], b: readonly number[]): void => {
  expect(a.length).toBe(b.length);
  expect(Math.max(0, ...a.map((v, i) => Math.abs(v - (b[i] as number))))).toBeLessThan(1e-5);
};

const waves = (steps: number, features: number) =>
  Array.from({ length: steps * features }, (_, i) => Math.sin(1.3 * i + 0.7));
const sequence = (data: readonly number[], features: number) => f32(data, [1, data.length / features, features]);

const layers: readonly (readonly [string, (o: object) => Any])[] = [
  ['attention', (o) => L.attention({ useScale: true, ...o })],
  ['attention by sums', (o) => L.attention({ scoreMode: 'concat', ...o })],
  ['additiveAttention', (o) => L.additiveAttention(o)],
  ['multiHeadAttention', (o) => L.multiHeadAttention({ heads: 2, keyDim: 2, ...o })],
  ['groupedQueryAttention', (o) => L.groupedQueryAttention({ heads: 4, keyValueHeads: 2, keyDim: 2, ...o })],
];

test.each(layers)('%s: padding behind a sequence changes nothing before it', (_, layer) =>
  fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 3 }), async (n, more) => {
      const x = waves(n, 4);
      const masked = graph(4, (t) => layer({})(L.masking({ maskValue: 9 })(t)));
      const padding = Array.from({ length: more * 4 }, () => 9);
      const padded = await run(masked, { input: sequence([...x, ...padding], 4) });
      const alone = await run(
        graph(4, (t) => layer({})(t)),
        { input: sequence(x, 4) },
      );
      close(padded.slice(0, n * 4), alone);
    }),
    { numRuns: 4 },
  ),
);

test.each(layers)('%s, causal: what comes later changes nothing before', (_, layer) =>
  fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 3 }), async (n, more) => {
      const model = graph(4, (t) => layer({ causal: true })(t));
      const long = await run(model, { input: sequence(waves(n + more, 4), 4) });
      const short = await run(model, { input: sequence(waves(n, 4), 4) });
      close(long.slice(0, n * 4), short);
    }),
    { numRuns: 4 },
  ),
);

test.each(layers)('%s: dropout only in training, equal for equal seeds', async (_, layer) => {
  const x = { input: sequence(waves(6, 4), 4) };
  const model = graph(4, (t) => layer({ dropout: 0.5 })(t));
  const plain = graph(4, (t) => layer({})(t));
  const drops = await run(model, x, trainingMode());
  expect(drops).toEqual(await run(model, x, trainingMode()));
  expect(drops).not.toEqual(await run(model, x, trainingMode('cpu', 1, 9)));
  close(await run(model, x), await run(plain, x, trainingMode()));
});

const heads: readonly (readonly [string, boolean, object])[] = [
  ['plain', false, {}],
  ['causal', false, { causal: true }],
  ['in groups', false, { keyValueHeads: 1 }],
  ['rotated', true, { rotary: true }],
];

test.each(heads)(
  '%s: a bias of the keys that adds the same to all scores is left out of training only',
  async (_, reads, o) => {
    const model = graph(4, (t) => L.groupedQueryAttention({ heads: 2, keyValueHeads: 2, keyDim: 2, ...o })(t));
    const x = { input: sequence(waves(5, 4), 4) };
    const resolved = resolvedOf(model);
    const bias = resolved.parameters.find((p) => p.name.endsWith('key_bias'));
    if (bias === undefined) throw new Error('no bias of keys');
    const size = bias.shape.reduce((n, d) => n * d, 1);
    const weights = {
      [bias.name]: f32(
        waves(size, 1).map((v) => 3 * v),
        bias.shape,
      ),
    };
    close(await run(model, x, trainingMode(), weights), await run(model, x, inference, weights));
    const isRead = (mode: Mode): boolean => {
      const w = Object.fromEntries(resolved.parameters.map((p) => [p.name, input(p.name, 'float32', p.shape)]));
      const inputs = resolved.inputs.map(({ name, type }) => input(name, dtypeOf(type), dims(type)));
      const { outputs } = lower(resolved, inputs, w, mode);
      return topological(outputs).some((n) => n._tag === 'Input' && n.name === bias.name);
    };
    expect([isRead(trainingMode()), isRead(inference)]).toEqual([reads, true]);
  },
);

test('as many heads of keys as of queries: grouped attention is multi-head attention', async () => {
  const x = { input: sequence(waves(5, 4), 4) };
  const grouped = graph(4, (t) => L.groupedQueryAttention({ heads: 2, keyValueHeads: 2, keyDim: 3 })(t));
  const plain = graph(4, (t) => L.multiHeadAttention({ heads: 2, keyDim: 3 })(t));
  const weights = initialValues(resolvedOf(plain), 3);
  const renamed = Object.fromEntries(
    Object.entries(weights).map(([name, v]) => [name.replace('multi_head', 'grouped_query'), v]),
  );
  close(await run(grouped, x, inference, renamed), await run(plain, x, inference, weights));
});

test('a mask that lets all meet is no mask; what it parts does not meet', async () => {
  const n = 4;
  const layer = L.multiHeadAttention({ heads: 2, keyDim: 2 });
  const masked: Model<never, unknown> = L.graph({ x: [n, 4], mask: L.int([n, n]) }, ({ x, mask }) =>
    L.attend(layer, { query: x, value: x, mask }),
  ) as Any;
  const mask = (f: (i: number, j: number) => boolean): NdArray => ({
    dtype: 'int32',
    shape: [1, n, n],
    data: Int32Array.from({ length: n * n }, (_, k) => (f(Math.floor(k / n), k % n) ? 1 : 0)),
  });
  const x = sequence(waves(n, 4), 4);
  const plain = graph(4, (t) => layer(t));
  const causal = graph(4, (t) => L.multiHeadAttention({ heads: 2, keyDim: 2, causal: true })(t));
  close(await run(masked, { x, mask: mask(() => true) }), await run(plain, { input: x }));
  close(await run(masked, { x, mask: mask((i, j) => j <= i) }), await run(causal, { input: x }));
});

test('rotary positions: products depend on the distance of the steps only', async () => {
  const [q, k] = [waves(1, 6), waves(2, 6).slice(6)];
  const steps = 9;
  const repeated = (v: readonly number[]) => sequence(Array.from({ length: steps }, () => v).flat(), 6);
  const model = graph(6, (t) => L.rotaryPositions()(t));
  const [a, b] = [await run(model, { input: repeated(q) }), await run(model, { input: repeated(k) })];
  const product = (i: number, j: number) =>
    Array.from({ length: 6 }, (_, f) => (a[i * 6 + f] as number) * (b[j * 6 + f] as number)).reduce((s, v) => s + v);
  for (const distance of [0, 1, 3])
    for (let i = distance; i < steps; i++) expect(product(i, i - distance)).toBeCloseTo(product(distance, 0), 5);
  expect(Math.abs(product(3, 0) - product(0, 0))).toBeGreaterThan(0.01);
});

test('a sequence longer than the table of learned positions is an error when it runs', async () => {
  const model = graph(2, (t) => L.learnedPositions(3)(t));
  await expect(run(model, { input: sequence(waves(4, 2), 2) })).rejects.toThrow();
  expect((await run(model, { input: sequence(waves(3, 2), 2) })).length).toBe(6);
});

test('the loss counts the steps that the mask keeps', async () => {
  const resolved = resolvedOf(
    L.model(L.input([3, 2]), L.masking(), L.simpleRNN(2, { returnSequences: true }), L.dense(1)) as Any,
  );
  const x = input('input', 'float32', ['batch', 3, 2]);
  const y = input('target', 'float32', ['batch', 3, 1]);
  const w = Object.fromEntries(resolved.parameters.map((p) => [p.name, input(p.name, 'float32', p.shape)]));
  const { outputs, masks } = lower(resolved, [x], w, inference);
  const output = outputs[0] as Value;
  const loss = Loss.scalar(Loss.meanSquaredError())(output, y, undefined, masks[0]);
  const target = [1, 2, 3, 4, 5, 6];
  const got = await evaluate(
    { loss, output, mask: masks[0] as Value },
    {
      ...initialValues(resolved, 1),
      input: f32([1, 2, 3, 4, 0, 0, 5, 6, 0, 0, 0, 0], [2, 3, 2]),
      target: f32(target, [2, 3, 1]),
    },
  );
  expect(Array.from(got.mask?.data as Uint8Array, Number)).toEqual([1, 1, 0, 1, 0, 0]);
  const kept = [0, 1, 3].map((i) => ((got.output?.data[i] as number) - (target[i] as number)) ** 2);
  expect(got.loss?.data[0]).toBeCloseTo(kept.reduce((a, b) => a + b) / 3, 4);
});

test.each(['cpu', 'cuda'] as const)('masks have kernels on %s, forwards and backwards', (provider) => {
  const resolved = resolvedOf(
    L.model(
      L.tokens(['seq']),
      L.embedding(7, 4, { maskZero: true }),
      L.multiHeadAttention({ heads: 2, keyDim: 2, dropout: 0.2 }),
      L.bidirectional(L.lstm(3, { returnSequences: true, dropout: 0.1, recurrentDropout: 0.1 })),
      L.masking(),
      L.gru(2),
    ),
  );
  const w = resolved.parameters.map((p) => input(p.name, 'float32', p.shape));
  const weights = Object.fromEntries(resolved.parameters.map((p, i) => [p.name, w[i] as Value]));
  const x = input('input', 'int32', ['batch', 'seq']);
  const y = lower(resolved, [x], weights, trainingMode(provider)).outputs[0] as Value;
  const gradients = right(vjp([y], [y], w));
  const all = graphOf({ y, ...Object.fromEntries(gradients.map((g, i) => [`d${i}`, g])) });
  expect(missingKernels(all, kernelTables, provider, 18)).toEqual([]);
});

test('a mask ends where time does', () => {
  const maskAfter = (wire: (x: Any) => Any) => {
    const resolved = resolvedOf(graph(4, (x) => wire(L.masking()(x))));
    const x = input('input', 'float32', ['batch', 'seq', 4]);
    const w = Object.fromEntries(resolved.parameters.map((p) => [p.name, input(p.name, 'float32', p.shape)]));
    return lower(resolved, [x], w, inference).masks[0]?.type;
  };
  const kept = { dtype: 'bool', shape: ['batch', 'seq'] };
  const dense: Any = L.dense(4);
  const rnn: Any = L.lstm(2, { returnSequences: true });
  expect(maskAfter((x) => L.relu()(dense(x)))).toEqual(kept);
  expect(maskAfter((x) => rnn(x))).toEqual(kept);
  expect(maskAfter((x) => (L.bidirectional(L.gru(3, { returnSequences: true })) as Any)(x))).toEqual(kept);
  expect(maskAfter((x) => (L.timeDistributed(dense) as Any)(x))).toEqual(kept);
  expect(maskAfter((x) => (L.multiHeadAttention({ heads: 1, keyDim: 2 }) as Any)(x))).toEqual(kept);
  expect(maskAfter((x) => (L.residual(dense) as Any)(x))).toEqual(kept);
  expect(maskAfter((x) => (L.concatOn(1) as Any)(dense, L.relu())(x))?.shape.length).toBe(2);
  expect(maskAfter((x) => (L.lstm(2) as Any)(x))).toBeUndefined();
});
