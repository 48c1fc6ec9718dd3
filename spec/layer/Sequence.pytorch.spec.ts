/**
 * Recurrent and attention layers, transformer blocks: output and all gradients beside PyTorch's in float64 (see
 * spec/golden/sequence.py), with lengths known and under a name; and whether both providers have the kernels.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { vjp } from '../../src/autodiff/Grad.ts';
import { input, topological, type Value } from '../../src/graph/Graph.ts';
import { missingKernels } from '../../src/graph/Kernels.ts';
import { lower, type Mode } from '../../src/interpret/Lower.ts';
import * as L from '../../src/layer/Layer.ts';
import type { Model } from '../../src/model/Model.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import type { Dim } from '../../src/shape/Shape.ts';
import { dims } from '../../src/shape/Shape.ts';
import { inference, resolvedOf, right, trainingMode } from '../interpret/support.ts';
import { evaluate, graphOf } from '../support/evaluate.ts';
import { kernelTables } from '../support/kernelTables.ts';

// biome-ignore lint/suspicious/noExplicitAny: the table has layers of all kinds
type Any = any;

interface Flat {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface Golden {
  readonly name: string;
  readonly inputs: readonly Flat[];
  readonly mask: readonly (readonly number[])[] | null;
  readonly weights: readonly Flat[];
  readonly output: Flat;
  readonly cotangent: Flat;
  /** Of the inputs, then of the weights. */
  readonly gradients: readonly Flat[];
}

const cases: readonly Golden[] = JSON.parse(readFileSync(new URL('../golden/sequence.json', import.meta.url), 'utf8'));

const layer =
  (l: Any) =>
  ([x]: Any): Any =>
    l(x);
const sequences = { returnSequences: true } as const;
const heads = (keyDim: number, more = {}) => L.multiHeadAttention({ heads: 2, keyDim, ...more });
const sources =
  (l: Any) =>
  ([query, value, key]: Any): Any =>
    L.attend(l, { query, value, ...(key === undefined ? {} : { key }) });

const models: Readonly<Record<string, (x: Any) => Any>> = {
  'simpleRNN sequences': layer(L.simpleRNN(3, sequences)),
  'simpleRNN relu, no bias, masked': layer(L.simpleRNN(4, { activation: 'relu', useBias: false })),
  'simpleRNN truncate 2': layer(L.simpleRNN(2, { returnSequences: true, truncate: 2 })),
  'lstm last': layer(L.lstm(3)),
  'lstm one step': layer(L.lstm(1, sequences)),
  'lstm sequences backwards masked': layer(L.lstm(3, { returnSequences: true, goBackwards: true })),
  'lstm with states': ([x, h, c]) => {
    const { output, state } = L.withState(L.lstm(3) as Any, x, [h, c] as Any) as Any;
    return L.concatenate(L.concatenate(output, state[0]) as Any, state[1]);
  },
  'lstm truncate 3': layer(L.lstm(2, { truncate: 3 })),
  'gru sequences': layer(L.gru(3, sequences)),
  'gru reset before': layer(L.gru(2, { resetAfter: false })),
  'gru masked': layer(L.gru(3)),
  'bidirectional lstm concat sequences masked': layer(L.bidirectional(L.lstm(3, sequences))),
  'bidirectional gru mul': layer(L.bidirectional(L.gru(2), { mergeMode: 'mul' })),
  'stacked lstm and gru': layer(L.sequential(L.lstm(4, sequences), L.gru(2))),
  'timeDistributed dense': layer(L.timeDistributed(L.dense(4, { activation: 'tanh' }))),
  attention: sources(L.attention()),
  'attention scale causal': layer(L.attention({ useScale: true, causal: true })),
  'attention concat': sources(L.attention({ useScale: true, scoreMode: 'concat' })),
  additive: sources(L.additiveAttention()),
  'additive masked, no scale': layer(L.additiveAttention({ useScale: false })),
  'heads self': layer(heads(2)),
  'heads cross': sources(L.multiHeadAttention({ heads: 3, keyDim: 2, valueDim: 4, outputSize: 6 })),
  'heads causal, no bias': layer(heads(3, { causal: true, useBias: false })),
  'heads masked': layer(heads(3)),
  'heads rotary causal': layer(heads(4, { causal: true, rotary: true })),
  grouped: layer(L.groupedQueryAttention({ heads: 4, keyValueHeads: 2, keyDim: 2 })),
  'grouped, one key head, causal rotary': layer(
    L.groupedQueryAttention({ heads: 3, keyValueHeads: 1, keyDim: 2, causal: true, rotary: true }),
  ),
  'sinusoidal even': layer(L.sinusoidalPositions()),
  'sinusoidal odd': layer(L.sinusoidalPositions()),
  learned: layer(L.learnedPositions(6)),
  rotary: layer(L.rotaryPositions()),
  'rotary rank 3': layer(L.rotaryPositions()),
  'encoder post': layer(L.transformerEncoder({ features: 4, heads: 2, intermediate: 6 })),
  'encoder pre causal': layer(
    L.transformerEncoder({ features: 4, heads: 2, intermediate: 6, normalizeFirst: true, causal: true }),
  ),
  'decoder post': ([x, memory]) => L.transformerDecoder({ features: 4, heads: 2, intermediate: 6 })(x, memory),
};

const array = ({ shape, data }: Flat): NdArray => ({ dtype: 'float32', shape, data: Float32Array.from(data) });

/** The second axis of sequences under a name: the same one for those that attend together. */
const named = ({ shape }: Flat, i: number, name: string): readonly Dim[] =>
  shape.length < 3
    ? shape.slice(1)
    : [name.startsWith('heads cross') && i > 0 ? 'keys' : i > 0 ? 'keys' : 'seq', ...shape.slice(2)];

interface Built {
  readonly values: Readonly<Record<string, Value>>;
  readonly feeds: Readonly<Record<string, NdArray>>;
}

const built = (golden: Golden, lengths: 'known' | 'named', mode: Mode): Built => {
  const wire = models[golden.name];
  if (wire === undefined) throw new Error(`no model for ${golden.name}`);
  const shapes = golden.inputs.map((t, i) => (lengths === 'known' ? t.shape.slice(1) : named(t, i, golden.name)));
  const model: Model<never, unknown> = L.graph(
    Object.fromEntries(shapes.map((s, i) => [`x${i}`, s])) as Any,
    (x: Any) => wire(shapes.map((_, i) => x[`x${i}`])),
  ) as Any;
  const resolved = resolvedOf(model);
  expect(resolved.parameters.map((p) => p.shape)).toEqual(golden.weights.map((w) => w.shape));
  const x = resolved.inputs.map(({ name, type }) => input(name, 'float32', dims(type)));
  const w = resolved.parameters.map((p) => input(p.name, 'float32', p.shape));
  const mask =
    golden.mask === null
      ? undefined
      : input('mask', 'bool', ['batch', lengths === 'known' ? (golden.mask[0]?.length ?? 0) : 'seq']);
  const { outputs } = lower(
    resolved,
    x,
    Object.fromEntries(resolved.parameters.map((p, i) => [p.name, w[i] as Value])),
    mode,
    [mask],
  );
  const y = outputs[0] as Value;
  const type = dims(resolved.outputs[0]?.type ?? []);
  expect(y.type.shape, 'the value has the shape of the rule').toEqual(type);
  const cotangent = input('cotangent', 'float32', y.type.shape);
  const gradients = right(vjp([y], [cotangent], [...x, ...w]));
  return {
    values: { y, ...Object.fromEntries(gradients.map((g, i) => [`d${i}`, g])) },
    feeds: {
      ...Object.fromEntries(golden.inputs.map((t, i) => [`x${i}`, array(t)])),
      ...Object.fromEntries(resolved.parameters.map((p, i) => [p.name, array(golden.weights[i] as Flat)])),
      cotangent: array(golden.cotangent),
      ...(golden.mask === null
        ? {}
        : {
            mask: {
              dtype: 'bool',
              shape: [golden.mask.length, golden.mask[0]?.length ?? 0],
              data: Uint8Array.from(golden.mask.flat()),
            } as NdArray,
          }),
    },
  };
};

const close = (actual: NdArray | undefined, expected: Flat, what: string): void => {
  expect(actual?.shape, what).toEqual(expected.shape);
  const size = Math.max(1, ...expected.data.map(Math.abs));
  const worst = expected.data.reduce((w, e, i) => Math.max(w, Math.abs(Number(actual?.data[i]) - e) / size), 0);
  expect(worst, what).toBeLessThan(1e-5);
};

test('every model has a case', () => {
  expect(cases.map((c) => c.name).sort()).toEqual(Object.keys(models).sort());
});

describe.each(['known', 'named'] as const)('lengths %s', (lengths) => {
  test.each(cases)('$name', async (golden) => {
    const { values, feeds } = built(golden, lengths, trainingMode());
    const got = await evaluate(values, feeds);
    close(got.y, golden.output, 'output');
    golden.gradients.forEach((g, i) => close(got[`d${i}`], g, `gradient ${i}`));
    const plain = built(golden, lengths, inference).values.y as Value;
    close((await evaluate({ y: plain }, feeds, { opset: 17, optimization: 'all' })).y, golden.output, 'inference');
  });

  test.each(cases)('kernels of $name', (golden) => {
    const graph = graphOf(built(golden, lengths, trainingMode('cuda')).values);
    expect(missingKernels(graph, kernelTables, 'cpu', 18)).toEqual([]);
    expect(missingKernels(graph, kernelTables, 'cuda', 18)).toEqual([]);
  });
});

test('inference is pure ai.onnx', () => {
  for (const golden of cases) {
    const domains = topological([built(golden, 'named', inference).values.y as Value]).flatMap((n) =>
      n._tag === 'Operator' ? [n.domain] : [],
    );
    expect([...new Set(domains)], golden.name).toEqual(['']);
  }
});

test('the backward loop does not compute the recurrent product again', () => {
  const golden = cases.find((c) => c.name === 'lstm last') as Golden;
  const { values } = built(golden, 'known', trainingMode());
  const products = topological(Object.values(values)).filter(
    (n) => n._tag === 'Operator' && ['MatMul', 'FusedMatMul'].includes(n.operator),
  );
  const loops = topological(Object.values(values)).filter((n) => n._tag === 'Operator' && n.operator === 'Loop');
  expect(loops.length).toBe(2);
  // Forwards x K and h U; backwards two gradients of each.
  expect(products.length).toBe(6);
});
