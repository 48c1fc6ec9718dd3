/** Weights of other libraries: a file of theirs in our model computes what it computes there, and back. */
import { readFileSync } from 'node:fs';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { afterAll, describe, expect, it } from 'vitest';
import {
  Layer as L,
  Loss,
  type Model,
  type NdArray,
  Optimizer,
  Safetensors,
  Training as T,
  Weights,
} from '../../src/index.ts';
import { left, right, runtime, world } from '../training/support.ts';

const shared = runtime();
afterAll(() => shared.close());
const env = world(shared).environment;

interface Flat {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}
interface Golden {
  readonly name: string;
  readonly file: string;
  readonly input: Flat;
  readonly output: Flat;
}
const goldens = JSON.parse(readFileSync(new URL('../golden/weights.json', import.meta.url), 'utf8'))
  .cases as readonly Golden[];
const golden = (name: string): Golden => {
  const found = goldens.find((g) => g.name === name);
  if (found === undefined) throw new Error(`no golden ${name}`);
  return found;
};
const tensorsOf = (name: string): Weights.Tensors =>
  right(Safetensors.decode(new Uint8Array(Buffer.from(golden(name).file, 'base64')))).tensors;

type AnyModel = Model.Model<never, unknown>;

const predicted = async (model: AnyModel, weights: Weights.Tensors, input: Flat, isInt: boolean) => {
  const objective = T.compile(model as never, { loss: Loss.meanSquaredError(), optimizer: Optimizer.sgd() } as never);
  const trained = right(T.withWeights(weights)(objective as never)) as never;
  const x = {
    dtype: isInt ? 'int32' : 'float32',
    shape: input.shape,
    data: (isInt ? Int32Array : Float32Array).from(input.data),
  } as never;
  return right(
    await pipe(
      trained,
      T.predict(x) as never as (t: never) => (e: typeof env) => () => Promise<E.Either<never, NdArray.NdArray>>,
    )(env)(),
  );
};

const recurrent = (layers: readonly L.Layer<never>[]) =>
  L.model(L.tokens(['seq']), L.embedding(11, 5), ...(layers as []), L.dense(3)) as unknown as AnyModel;
const both = () => L.bidirectional(L.lstm(4, { returnSequences: true })) as never;
const mlp = L.model(
  L.input([5]),
  L.dense(7, { activation: 'relu' }),
  L.layerNormalization({ epsilon: 1e-5 }),
  L.named('head', L.sequential(L.dense(3), L.prelu({ sharedAxes: [1] }))),
) as AnyModel;

const cnn = L.model(
  L.input([2, 6, 5]),
  L.conv2d({ filters: 6, kernel: 3, padding: 'same', useBias: false }),
  L.batchNormalization({ epsilon: 1e-5 }),
  L.activation('relu'),
  L.depthwiseConv2d({ kernel: 3, activation: 'relu' }),
  L.conv2dTranspose({ filters: 4, kernel: 2, strides: 2 }),
  L.flatten(),
  L.dense(3),
) as AnyModel;

const models: Readonly<Record<string, AnyModel>> = {
  mlp,
  'mlp float64': mlp,
  cnn,
  lstm: recurrent([both(), both()]),
  'lstm sorted': recurrent([both(), both()]),
  gru: recurrent([L.gru(4, { returnSequences: true }) as never]),
  rnn: recurrent([L.simpleRNN(4, { returnSequences: true }) as never]),
  transformer: L.model(
    L.input(['seq', 8]),
    L.repeat(2, L.transformerEncoder({ features: 8, heads: 2, intermediate: 16, activation: 'relu', epsilon: 1e-5 })),
  ) as AnyModel,
  'deep sorted': L.model(L.input([4]), L.repeat(12, L.dense(4, { activation: 'tanh' }))) as AnyModel,
  'weight norm': L.model(
    L.input([3, 6]),
    L.weightNormalization(L.conv1d({ filters: 4, kernel: 3, activation: 'relu' })),
    L.flatten(),
    L.weightNormalization(L.dense(2)),
  ) as AnyModel,
};

const plain = (tensors: Weights.Tensors) =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, data }]) => [
      name,
      { shape: [...shape], data: Array.from(data, Number) },
    ]),
  );

describe('a state dict of PyTorch', () => {
  it('of every golden is tried', () => {
    expect(Object.keys(models)).toEqual(goldens.map(({ name }) => name).filter((name) => !name.startsWith('keras')));
  });

  it.each(Object.entries(models))('%s computes the same, and goes back as it came', async (name, model) => {
    const { input, output } = golden(name);
    const tensors = tensorsOf(name);
    const weights = right(Weights.fromPyTorch()(model)(tensors));
    const y = await predicted(model, weights, input, /lstm|gru|rnn/.test(name));
    expect(y.shape).toEqual(output.shape);
    output.data.forEach((v, i) => {
      expect(Number(y.data[i])).toBeCloseTo(v, 4);
    });
    // With the names that were found, the tensors are those of the file.
    const names = Weights.namesOf(right(Weights.pairsPyTorch()(model)(tensors)));
    const back = plain(right(Weights.toPyTorch({ names })(model)(weights)));
    const given = plain(tensors);
    expect(Object.keys(back).sort()).toEqual(Object.keys(given).sort());
    for (const [tensor, { shape, data }] of Object.entries(given)) {
      expect([tensor, back[tensor]?.shape]).toEqual([tensor, shape]);
      if (tensor.includes('num_batches')) continue;
      // Two biases are one of ours: their sum comes back as the first.
      const isSum = /bias_(ih|hh)/.test(tensor) && !name.includes('gru');
      const other = isSum ? given[tensor.replace(/ih|hh/, (h) => (h === 'ih' ? 'hh' : 'ih'))]?.data : undefined;
      data.forEach((v, i) => {
        const expected = other === undefined ? v : tensor.includes('hh') ? 0 : v + (other[i] ?? 0);
        expect(back[tensor]?.data[i], tensor).toBeCloseTo(expected, 6);
      });
    }
    // And read again they are the same weights.
    expect(
      plain(right(Weights.fromPyTorch({ names })(model)(right(Weights.toPyTorch({ names })(model)(weights))))),
    ).toEqual(plain(weights));
  });

  it('is the model itself under its own names', () => {
    const weights = right(
      T.untrained(1)(T.compile(cnn as never, { loss: Loss.meanSquaredError(), optimizer: Optimizer.sgd() } as never)),
    ).weights;
    const written = right(Weights.toPyTorch()(cnn)(weights));
    expect(Object.keys(written)).toContain('batch_normalization.running_mean');
    expect(plain(right(Weights.fromPyTorch()(cnn)(written)))).toEqual(plain(weights));
  });

  it('is shown as a table', () => {
    expect(Weights.table(right(Weights.pairsPyTorch()(mlp)(tensorsOf('mlp'))))).toBe(
      [
        'layer                module  tensors',
        'dense                0       0.weight [7,5], 0.bias [7]',
        'layer_normalization  2       2.weight [7], 2.bias [7]',
        'head.dense           3       3.weight [3,7], 3.bias [3]',
        'head.prelu           4       4.weight [1]',
      ].join('\n'),
    );
  });

  it('takes names, as a record or a function', () => {
    const tensors = tensorsOf('mlp');
    const names = { dense: '0', layer_normalization: '2', 'head.dense': '3', 'head.prelu': '4' } as const;
    const expected = plain(right(Weights.fromPyTorch()(mlp)(tensors)));
    expect(plain(right(Weights.fromPyTorch({ names })(mlp)(tensors)))).toEqual(expected);
    const called = (layer: string) => names[layer as keyof typeof names];
    expect(plain(right(Weights.fromPyTorch({ names: called })(mlp)(tensors)))).toEqual(expected);
  });

  it('says everything that does not fit at once', () => {
    const { '3.bias': _, ...tensors } = tensorsOf('mlp');
    const odd = {
      ...tensors,
      '0.weight': { ...tensors['0.weight'], shape: [5, 7] },
      extra: tensors['0.bias'],
    } as Weights.Tensors;
    const names = { dense: '0', layer_normalization: '2', 'head.dense': '3', 'head.prelu': '4' };
    const error = left(Weights.fromPyTorch({ names })(mlp)(odd));
    expect(error.faults.map(({ message }) => message)).toEqual([
      "dense: '0.weight' is [5,7], the model's needs [7,5]",
      "head.dense: '3.bias' [3] is missing",
      "'extra' [7] is of no layer of the model",
    ]);
    for (const { message } of error.faults) expect(error.message).toContain(message);
    const ignored = left(Weights.fromPyTorch({ names, ignore: (name) => name === 'extra' })(mlp)(odd));
    expect(ignored.faults.map(({ _tag }) => _tag)).toEqual(['Shape', 'Missing']);
  });

  it('of another architecture says which layers are left, and which tensors', () => {
    const error = left(Weights.fromPyTorch()(cnn)(tensorsOf('mlp')));
    expect(error.faults.map(({ _tag }) => _tag)).toEqual(expect.arrayContaining(['NoModule', 'Shape', 'Unexpected']));
  });

  it('has no form for a reset gate before the product', () => {
    const model = recurrent([L.gru(4, { resetAfter: false, returnSequences: true }) as never]);
    expect(left(Weights.fromPyTorch()(model)(tensorsOf('gru'))).faults[0]).toMatchObject({
      _tag: 'NoForm',
      layer: 'gru',
    });
  });

  it('of a model that does not fit together is its errors', () => {
    const broken = L.model(L.input([1, 2, 2]), L.conv2d({ filters: 1, kernel: 5 }) as never) as AnyModel;
    expect(left(Weights.fromPyTorch()(broken)({})).faults[0]).toMatchObject({ _tag: 'Model', layer: 'conv2d' });
  });
});

describe("Keras's variables", () => {
  const model = L.model(
    L.input([2, 6, 5]),
    L.conv2d({ filters: 4, kernel: 3, padding: 'same', activation: 'relu' }),
    L.depthwiseConv2d({ kernel: 2, depthMultiplier: 2 }),
    L.flatten(),
    L.batchNormalization(),
    L.dropout(0.5),
    L.dense(3),
  ) as AnyModel;

  it('compute the same, from images that are flattened with their channels last', async () => {
    const { input, output } = golden('keras cnn');
    const weights = right(Weights.fromKeras()(model)(tensorsOf('keras cnn')));
    const y = await predicted(model, weights, input, false);
    output.data.forEach((v, i) => {
      expect(Number(y.data[i])).toBeCloseTo(v, 4);
    });
    // A model that is channels first there as well has its rows in our order.
    const first = right(Weights.fromKeras({ dataFormat: 'channelsFirst' })(model)(tensorsOf('keras cnn')));
    expect(plain(first)['dense.kernel']).not.toEqual(plain(weights)['dense.kernel']);
    expect(plain(first)['dense.kernel']?.data).toEqual(
      plain(tensorsOf('keras cnn'))['sequential_2/dense_9/kernel']?.data,
    );
  });

  it('go back as they came', () => {
    const tensors = tensorsOf('keras cnn');
    const weights = right(Weights.fromKeras()(model)(tensors));
    const names = Weights.namesOf(right(Weights.pairsKeras()(model)(tensors)));
    expect(names).toEqual({
      conv2d: 'conv2d_3',
      depthwise_conv2d: 'depthwise_conv2d',
      batch_normalization: 'batch_normalization_7',
      dense: 'dense_9',
    });
    const back = right(Weights.toKeras({ names })(model)(weights));
    const given = Object.fromEntries(
      Object.entries(tensors).map(([name, a]) => [name.replace('sequential_2/', ''), a]),
    );
    expect(plain(back)).toEqual(plain(given));
  });

  it('have paths of cells and projections', () => {
    const words = L.model(
      L.input(['seq', 8]),
      L.multiHeadAttention({ heads: 2, keyDim: 4 }),
      L.groupedQueryAttention({ heads: 2, keyValueHeads: 1, keyDim: 4, useGate: true }),
      L.bidirectional(L.lstm(3, { returnSequences: true })),
      L.gru(4),
    ) as AnyModel;
    const objective = T.compile(words as never, { loss: Loss.meanSquaredError(), optimizer: Optimizer.sgd() } as never);
    const { weights } = right(T.untrained(3)(objective));
    const written = right(Weights.toKeras()(words)(weights));
    expect(Object.keys(written)).toEqual(
      expect.arrayContaining([
        'multi_head_attention/query/kernel',
        'multi_head_attention/attention_output/bias',
        'grouped_query_attention/gate/kernel',
        'bidirectional/forward_lstm/lstm_cell/recurrent_kernel',
        'gru/gru_cell/bias',
      ]),
    );
    expect(plain(right(Weights.fromKeras()(words)(written)))).toEqual(plain(weights));
    const under = Object.fromEntries(Object.entries(written).map(([name, a]) => [`functional_1/${name}:0`, a]));
    expect(plain(right(Weights.fromKeras()(words)(under)))).toEqual(plain(weights));
    expect(E.isRight(Safetensors.encode(written, {}))).toBe(true);
  });
});
