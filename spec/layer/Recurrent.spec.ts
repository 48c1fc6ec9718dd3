/** Laws of recurrent layers: states, directions, masks, dropout, names, first values. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { input, type Value } from '../../src/graph/Graph.ts';
import { lower, type Mode } from '../../src/interpret/Lower.ts';
import * as L from '../../src/layer/Layer.ts';
import { initialValues } from '../../src/model/Initial.ts';
import type { Model } from '../../src/model/Model.ts';
import { summary } from '../../src/model/Model.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { dims } from '../../src/shape/Shape.ts';
import { inference, resolvedOf, right, trainingMode } from '../interpret/support.ts';
import { evaluate, f32 } from '../support/evaluate.ts';

// biome-ignore lint/suspicious/noExplicitAny: the cells are of different types
type Any = any;

type Feeds = Readonly<Record<string, NdArray>>;

interface Run {
  readonly mode?: Mode;
  /** bool [batch, seq] of the first input. */
  readonly mask?: NdArray;
  readonly weights?: Feeds;
}

/** The model's outputs, with first values of seed 3 for the weights that are not given. */
const run = async (model: Model<never, unknown>, feeds: Feeds, { mode = inference, mask, weights = {} }: Run = {}) => {
  const resolved = resolvedOf(model);
  const x = resolved.inputs.map(({ name, type }) => input(name, 'float32', dims(type)));
  const w = Object.fromEntries(resolved.parameters.map((p) => [p.name, input(p.name, 'float32', p.shape)]));
  const m = mask === undefined ? undefined : input('mask', 'bool', ['batch', 'seq']);
  const { outputs } = lower(resolved, x, w, mode, [m]);
  return evaluate(Object.fromEntries(resolved.outputs.map((o, i) => [o.name, outputs[i] as Value])), {
    ...initialValues(resolved, 3),
    ...weights,
    ...feeds,
    ...(mask === undefined ? {} : { mask }),
  });
};

const numbers = (a: NdArray | undefined): readonly number[] => Array.from(a?.data as Float32Array);

const close = (a: readonly number[], b: readonly number[]): void => {
  expect(a.length).toBe(b.length);
  expect(Math.max(0, ...a.map((v, i) => Math.abs(v - (b[i] as number))))).toBeLessThan(1e-6);
};

const cells: readonly (readonly [string, (n: number, o?: Any) => Any])[] = [
  ['simpleRNN', L.simpleRNN as Any],
  ['lstm', L.lstm as Any],
  ['gru', L.gru as Any],
];

const waves = (batch: number, steps: number, features: number, phase = 0.3): NdArray =>
  f32(
    Array.from({ length: batch * steps * features }, (_, i) => Math.sin(1.7 * i + phase)),
    [batch, steps, features],
  );

const steps = (x: NdArray, from: number, to: number): NdArray => {
  const [batch = 0, n = 0, features = 0] = x.shape;
  const rows = Array.from({ length: batch }, (_, b) =>
    Array.from(x.data as Float32Array).slice((b * n + from) * features, (b * n + to) * features),
  );
  return f32(rows.flat(), [batch, to - from, features]);
};

describe.each(cells)('%s', (name, cell) => {
  const graph = (wire: (x: Any) => Any): Model<never, unknown> => L.graph(['seq', 3], (x) => wire(x)) as Any;

  test('a sequence in two parts, the state handed on, is the sequence', () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }), async (n, m) => {
        const x = waves(2, n + m, 3);
        const layer = cell(2, { returnSequences: true });
        const whole = await run(
          graph((t) => L.withState(layer, t, undefined, 'cell').output),
          { input: x },
        );
        const parts: Model<never, unknown> = L.graph({ a: ['seq', 3], b: ['rest', 3] }, ({ a, b }) => {
          const first = L.withState(layer, a as Any, undefined, 'cell') as Any;
          const second = L.withState(layer, b as Any, first.state, 'cell') as Any;
          return { first: first.output, second: second.output };
        }) as Any;
        expect(resolvedOf(parts).parameters.length).toBe(3);
        const got = await run(parts, { a: steps(x, 0, n), b: steps(x, n, n + m) });
        const output = whole.output as NdArray;
        close(numbers(got.first), numbers(steps(output, 0, n)));
        close(numbers(got.second), numbers(steps(output, n, n + m)));
      }),
      { numRuns: 5 },
    ));

  test('masked steps are as if they were not there', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 6 }), async (kept) => {
        const x = waves(1, kept.length, 3);
        const mask: NdArray = { dtype: 'bool', shape: [1, kept.length], data: Uint8Array.from(kept, Number) };
        const model = graph((t) => L.withState(cell(2), t, undefined, 'cell').output);
        const got = await run(model, { input: x }, { mask });
        const short = kept.flatMap((k, i) => (k ? numbers(steps(x, i, i + 1)) : []));
        const alone = await run(model, { input: f32(short, [1, short.length / 3, 3]) });
        close(numbers(got.output), numbers(alone.output));
      }),
      { numRuns: 6 },
    ));

  test('a sequence may have zeros at masked steps', async () => {
    const x = waves(2, 4, 3);
    const kept = [0, 1, 0, 1, 1, 0, 1, 0];
    const mask: NdArray = { dtype: 'bool', shape: [2, 4], data: Uint8Array.from(kept) };
    const [zeroed, plain] = await Promise.all(
      [true, false].map((zeroOutputForMask) =>
        run(
          graph((t) => cell(2, { returnSequences: true, zeroOutputForMask })(t)),
          { input: x },
          { mask },
        ),
      ),
    );
    const expected = numbers(plain?.output).map((v, i) => v * (kept[Math.floor(i / 2)] as number));
    expect(numbers(plain?.output)).not.toEqual(expected);
    close(numbers(zeroed?.output), expected);
  });

  test('masking masks what is padded', async () => {
    const x = waves(2, 5, 3);
    const data = numbers(x).map((v, i) => (i % 15 >= 9 ? 7 : v));
    const model = graph((t) => cell(2)(L.masking({ maskValue: 7 })(t)));
    const padded = await run(model, { input: f32(data, [2, 5, 3]) });
    const short = await run(
      graph((t) => cell(2)(t)),
      { input: steps(x, 0, 3) },
    );
    close(numbers(padded.output), numbers(short.output));
  });

  test('both directions: the second half of the features is the layer on the reversed sequence, reversed', async () => {
    const x = waves(1, 4, 3);
    const model = graph((t) => L.bidirectional(cell(2, { returnSequences: true }))(t));
    const names = resolvedOf(model).parameters.map((p) => p.name);
    const base = name === 'simpleRNN' ? 'simple_rnn' : name;
    expect(names.slice(0, 2)).toEqual([
      `bidirectional.forward_${base}.kernel`,
      `bidirectional.forward_${base}.recurrent_kernel`,
    ]);
    const weights = initialValues(resolvedOf(model), 3);
    const got = numbers((await run(model, { input: x })).output);
    const reversed = f32(
      [3, 2, 1, 0].flatMap((i) => numbers(steps(x, i, i + 1))),
      [1, 4, 3],
    );
    const plain = graph((t) => cell(2, { returnSequences: true })(t));
    const backward = Object.fromEntries(
      resolvedOf(plain).parameters.map((p) => [p.name, weights[`bidirectional.backward_${p.name}`] as NdArray]),
    );
    const other = numbers((await run(plain, { input: reversed }, { weights: backward })).output);
    close(
      [0, 1, 2, 3].flatMap((t) => got.slice(4 * t + 2, 4 * t + 4)),
      [3, 2, 1, 0].flatMap((t) => other.slice(2 * t, 2 * t + 2)),
    );
  });

  test('dropout drops the same features at every step, and nothing in inference', async () => {
    const dropped = graph((t) => cell(4, { dropout: 0.5, recurrentDropout: 0.3, returnSequences: true })(t));
    const plain = graph((t) => cell(4, { returnSequences: true })(t));
    const x = waves(3, 4, 3);
    const [a, b, c] = [
      await run(dropped, { input: x }, { mode: trainingMode() }),
      await run(dropped, { input: x }, { mode: trainingMode() }),
      await run(dropped, { input: x }, { mode: trainingMode('cpu', 1, 3) }),
    ];
    expect(numbers(a.output)).toEqual(numbers(b.output));
    expect(numbers(a.output)).not.toEqual(numbers(c.output));
    close(numbers((await run(dropped, { input: x })).output), numbers((await run(plain, { input: x })).output));
  });
});

describe('simpleRNN dropout, seen', () => {
  const identity = (n: number, value: number) =>
    Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? value : 0));
  const layer = (options: object) =>
    L.graph(
      ['seq', 4],
      (x) => L.simpleRNN(4, { activation: 'linear', returnSequences: true, ...options } as Any)(x as Any) as Any,
    );
  const name = (role: string) => `simple_rnn.${role}`;

  test('of inputs: each feature is dropped at all steps of a sample or doubled at all', async () => {
    const weights = {
      [name('kernel')]: f32(identity(4, 1), [4, 4]),
      [name('recurrent_kernel')]: f32(identity(4, 0), [4, 4]),
    };
    const x = f32(
      Array.from({ length: 8 * 3 * 4 }, () => 1),
      [8, 3, 4],
    );
    const got = numbers(
      (await run(layer({ dropout: 0.5 }) as Any, { input: x }, { mode: trainingMode(), weights })).output,
    );
    const features = Array.from({ length: 32 }, (_, i) =>
      [0, 1, 2].map((t) => got[(Math.floor(i / 4) * 3 + t) * 4 + (i % 4)]),
    );
    expect(features.every((f) => f.every((v) => v === f[0] && (v === 0 || v === 2)))).toBe(true);
    expect(new Set(features.map((f) => f[0])).size).toBe(2);
  });

  test('of states: each feature is dropped at all steps of a sample or doubled at all', async () => {
    const weights = {
      [name('kernel')]: f32(identity(4, 1), [4, 4]),
      [name('recurrent_kernel')]: f32(identity(4, 1), [4, 4]),
    };
    const x = f32(
      Array.from({ length: 8 * 3 * 4 }, (_, i) => (i % 12 < 4 ? 1 : 0)),
      [8, 3, 4],
    );
    const got = numbers(
      (await run(layer({ recurrentDropout: 0.5 }) as Any, { input: x }, { mode: trainingMode(), weights })).output,
    );
    const features = Array.from({ length: 32 }, (_, i) =>
      [0, 1, 2].map((t) => got[(Math.floor(i / 4) * 3 + t) * 4 + (i % 4)]),
    );
    const seen = [...new Set(features.map((f) => f.join()))].sort();
    expect(seen).toEqual(['1,0,0', '1,2,4']);
  });
});

test('two directions that differ: each has its parameters, and runs against the other one', () => {
  const names = (backwardLayer: Any) =>
    resolvedOf(L.model(L.input([3, 4]), L.bidirectional(L.lstm(2, { goBackwards: true }), { backwardLayer })) as Any);
  const resolved = names(L.gru(5, { goBackwards: true }));
  expect(resolved.layers.map(({ name, spec }) => [name, 'goBackwards' in spec && spec.goBackwards])).toEqual([
    ['bidirectional.forward_lstm', true],
    ['bidirectional.backward_gru', false],
    ['bidirectional', false],
  ]);
  expect(resolved.outputs[0]?.type).toEqual(['batch', 7]);
});

test('regularizers and constraints reach their parameters', () => {
  const l2 = L.Regularizer.l2(0.1);
  const asked = (model: Model<never, unknown>) =>
    resolvedOf(model).parameters.flatMap((p) => (p.regularizer === undefined ? [] : [p.role]));
  const x = L.input([3, 4]);
  expect(asked(L.model(x, L.gru(2, { recurrentRegularizer: l2, biasRegularizer: l2 })) as Any)).toEqual([
    'recurrent_kernel',
    'bias',
  ]);
  expect(asked(L.model(x, L.multiHeadAttention({ heads: 2, keyDim: 2, kernelRegularizer: l2 })) as Any)).toEqual([
    'query_kernel',
    'key_kernel',
    'value_kernel',
    'output_kernel',
  ]);
  const options = { heads: 2, keyDim: 2, useGate: true, biasRegularizer: l2 };
  expect(asked(L.model(x, L.multiHeadAttention(options)) as Any)).toContain('gate_bias');
});

test('first values: an orthogonal recurrent kernel, forget gates that are open', () => {
  const values = initialValues(resolvedOf(L.model(L.input(['seq', 3]), L.lstm(4))), 1);
  expect(numbers(values['lstm.bias'])).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  const u = numbers(values['lstm.recurrent_kernel']);
  for (let i = 0; i < 4; i++)
    for (let j = 0; j < 4; j++) {
      const product = Array.from({ length: 16 }, (_, k) => (u[i * 16 + k] as number) * (u[j * 16 + k] as number));
      expect(product.reduce((a, b) => a + b)).toBeCloseTo(i === j ? 1 : 0, 5);
    }
});

test("names and classes in the summary are Keras's", () => {
  const text = right(
    summary(
      L.model(
        L.input(['seq', 3]),
        L.lstm(4, { returnSequences: true }),
        L.bidirectional(L.gru(2, { returnSequences: true })),
        L.timeDistributed(L.dense(3)),
        L.multiHeadAttention({ heads: 2, keyDim: 2 }),
        L.simpleRNN(1),
      ),
      { lineLength: 200 },
    ),
  );
  for (const part of [
    'lstm (LSTM)',
    'bidirectional.forward_gru (GRU)',
    'bidirectional (Bidirectional)',
    'time_distributed (TimeDistributed)',
    'multi_head_attention (MultiHeadAttention)',
    'simple_rnn (SimpleRNN)',
  ])
    expect(text).toContain(part);
});
