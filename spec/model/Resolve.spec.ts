import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import * as L from '../../src/layer/Layer.ts';
import { initialValues } from '../../src/model/Initial.ts';
import { resolve } from '../../src/model/Resolve.ts';
import type { Resolved } from '../../src/model/Resolved.ts';
import { m as resnet50 } from '../types/fixtures/resnet50.ts';
import { m as vgg16 } from '../types/fixtures/vgg16.ts';

type AnyModel = L.Model<never, unknown>;

const right = (m: AnyModel): Resolved => {
  const r = resolve(m);
  if (E.isLeft(r)) throw new Error(JSON.stringify(r.left));
  return r.right;
};
const errors = (m: AnyModel): readonly string[] => {
  const r = resolve(m);
  return E.isLeft(r) ? r.left.map((e) => `${e.path} | ${e.message}`) : [];
};
const names = (m: AnyModel) => right(m).layers.map((l) => l.name);
const parameters = (m: AnyModel) => right(m).parameters.map((p) => `${p.name} [${p.shape.join(',')}]`);
/** A layer whose shape rule the compiler does not see: what is left to run time. */
const unchecked = <F extends L.Fn>(layer: L.Layer<F>): L.Layer<L.Id> => layer as unknown as L.Layer<L.Id>;

describe('names', () => {
  it("are Keras's, counted in order of application", () => {
    const m = L.model(
      L.input([3, 16, 16]),
      L.rescaling(1 / 255),
      L.conv2d({ filters: 4, kernel: 3, activation: 'relu' }),
      L.conv2d({ filters: 4, kernel: 3 }),
      L.batchNormalization(),
      L.relu(),
      L.activation('relu'),
      L.maxPool2d(),
      L.averagePool2d(),
      L.residual(L.identity()),
      L.concat(L.identity(), L.tanh()),
      L.globalAveragePool2d(),
      L.reshape([2, 4]),
      L.flatten(),
      L.dropout(0.1),
      L.weightNormalization(L.dense(4)),
      L.identity(),
      L.dense(2),
      L.softmax(),
    );
    expect(names(m)).toEqual([
      'rescaling',
      'conv2d',
      'conv2d_1',
      'batch_normalization',
      'relu',
      'relu_1',
      'max_pooling2d',
      'average_pooling2d',
      'add',
      'tanh',
      'concatenate',
      'global_average_pooling2d',
      'reshape',
      'flatten',
      'dropout',
      'weight_normalization',
      'identity',
      'dense',
      'softmax',
    ]);
  });

  it('name a single layer, and open a scope around several', () => {
    const m = L.model(
      L.input([1, 8, 8]),
      L.conv2d({ filters: 2, kernel: 3 }),
      L.named(
        'backbone',
        L.sequential(
          L.conv2d({ filters: 2, kernel: 3 }),
          L.named('stem', L.residual(L.conv2d({ filters: 2, kernel: 1 }))),
          L.flatten(),
        ),
      ),
      L.named('head', L.dense(2)),
      L.named('outer', L.named('inner', L.relu())),
    );
    expect(names(m)).toEqual([
      'conv2d',
      'backbone.conv2d',
      'backbone.stem.conv2d',
      'backbone.stem.add',
      'backbone.flatten',
      'head',
      'outer.inner',
    ]);
    expect(parameters(m).slice(-2)).toEqual(['head.kernel [32,2]', 'head.bias [2]']);
    expect(L.groups(m)).toEqual(['backbone', 'backbone.stem', 'head', 'outer', 'outer.inner']);
  });

  it('are the same for equal models, and resolve gives one value for one model', () => {
    const make = () => L.model(L.input([4]), L.repeat(2, L.residual(L.dense(4))));
    expect(right(make())).toEqual(right(make()));
    const m = make();
    expect(resolve(m)).toBe(resolve(m));
    expect(names(m)).toEqual(['dense', 'add', 'dense_1', 'add_1']);
  });

  it('given automatically make way for names given before, and cannot be taken afterwards', () => {
    expect(names(L.model(L.input([2]), L.named('dense', L.dense(3)), L.dense(4)))).toEqual(['dense', 'dense_1']);
    expect(errors(L.model(L.input([2]), L.dense(3), L.named('dense', L.dense(4))))).toEqual([
      "dense | named: 'dense' is already the automatic name of an earlier layer; choose another name",
    ]);
  });

  it('are not empty and have no dots', () => {
    expect(errors(L.model(L.input([2]), unchecked(L.named('a.b', L.dense(3)))))).toEqual([
      "a.b | named: 'a.b' is not a name: it must not be empty and has no dots",
    ]);
  });
});

describe('shared parameters', () => {
  const siamese = (encode: L.Layer<L.Dense<4>>) =>
    L.graph({ a: [8], b: [8] }, ({ a, b }) => L.concatenate(encode(a), encode(b)));

  it('belong to layers that were named', () => {
    const m = L.graph({ a: [8], b: [8] }, ({ a, b }) => {
      const encode = L.named('encoder', L.sequential(L.dense(4), L.dense(4)));
      return L.concatenate(encode(a), encode(b));
    });
    expect(names(m)).toEqual(['encoder.dense', 'encoder.dense_1', 'encoder.dense', 'encoder.dense_1', 'concatenate']);
    expect(right(m).layers.map((l) => l.shared)).toEqual([false, false, true, true, false]);
    expect(parameters(m)).toEqual([
      'encoder.dense.kernel [8,4]',
      'encoder.dense.bias [4]',
      'encoder.dense_1.kernel [4,4]',
      'encoder.dense_1.bias [4]',
    ]);
  });

  it('belong to one layer value used twice', () => {
    expect(names(siamese(L.dense(4)))).toEqual(['dense', 'dense', 'concatenate']);
    expect(parameters(siamese(L.dense(4)))).toHaveLength(2);
    const block = L.sequential(L.dense(8), L.batchNormalization());
    expect(parameters(L.model(L.input([8]), block, block))).toHaveLength(6);
    const inner = L.asLayer(L.model(L.input([8]), L.dense(8)));
    expect(parameters(L.model(L.input([8]), inner, inner))).toEqual([
      'model.dense.kernel [8,8]',
      'model.dense.bias [8]',
    ]);
    const both = L.bidirectional(L.gru(4, { returnSequences: true }));
    const pair = L.bilinear(3);
    expect(parameters(L.graph({ a: [3], b: [3] }, ({ a, b }) => L.add(pair(a, b), pair(b, a))))).toEqual([
      'bilinear.kernel [3,3,3]',
      'bilinear.bias [3]',
    ]);
    for (const normalizeFirst of [false, true]) {
      const block = L.transformerDecoder({ features: 4, heads: 2, intermediate: 6, normalizeFirst });
      const decoders = (times: number) =>
        L.graph({ x: ['seq', 4], memory: ['keys', 4] }, ({ x, memory }) =>
          times === 1 ? block(x, memory) : block(block(x, memory), memory),
        );
      expect(parameters(decoders(2))).toEqual(parameters(decoders(1)));
    }
    expect(parameters(L.model(L.input([5, 8]), both, both))).toHaveLength(6);
  });

  it('do not belong to two equal values', () => {
    const m = L.graph({ a: [8], b: [8] }, ({ a, b }) => L.concatenate(L.dense(4)(a), L.dense(4)(b)));
    expect(names(m)).toEqual(['dense', 'dense_1', 'concatenate']);
    expect(parameters(m)).toHaveLength(4);
  });

  it('are not made by repeat, by two names, or of layers that have none', () => {
    expect(parameters(L.model(L.input([8]), L.repeat(3, L.dense(8))))).toHaveLength(6);
    const one = L.dense(8);
    const named = L.model(L.input([8]), L.named('left', one), L.named('right', one));
    expect(parameters(named)).toHaveLength(4);
    const blocks = L.model(L.input([8]), L.named('left', L.sequential(one)), L.named('right', L.sequential(one)));
    expect(parameters(blocks)).toHaveLength(4);
    const relu = L.relu();
    expect(names(L.model(L.input([8]), relu, relu))).toEqual(['relu', 'relu_1']);
  });

  it('need inputs of one size', () => {
    const one = L.dense(4);
    expect(errors(L.model(L.input([3]), one, one))).toEqual([
      "dense | shared: 'dense' shares parameters, but has kernel [3,4], bias [4] before and kernel [4,4], bias [4] here",
    ]);
  });

  it('need equal layers', () => {
    const m = L.model(L.input([4]), L.named('x', L.dense(4)), L.named('x', L.dense(4, { activation: 'relu' })));
    expect(errors(m)).toEqual([
      "x | shared: 'x' stands for two different layers; equal layers share parameters, others need another name",
    ]);
  });

  it('need equal shapes', () => {
    const m = L.model(L.input([3]), L.named('x', L.dense(4)), L.named('x', L.dense(4)));
    expect(errors(m)).toEqual([
      "x | shared: 'x' shares parameters, but has kernel [3,4], bias [4] before and kernel [4,4], bias [4] here",
    ]);
  });
});

describe('shapes', () => {
  it('flow along graphs, each tensor computed once', () => {
    const m = L.graph({ a: [8], b: [8] }, ({ a, b }) => {
      const h = L.dense(4)(L.add(a, b));
      return { sum: L.add(h, h), wide: L.concatenate(h, a) };
    });
    const r = right(m);
    expect(r.layers.map((l) => [l.name, l.from, l.output])).toEqual([
      [
        'add',
        [
          { _tag: 'Input', index: 0 },
          { _tag: 'Input', index: 1 },
        ],
        ['batch', 8],
      ],
      ['dense', [{ _tag: 'Layer', index: 0 }], ['batch', 4]],
      [
        'add_1',
        [
          { _tag: 'Layer', index: 1 },
          { _tag: 'Layer', index: 1 },
        ],
        ['batch', 4],
      ],
      [
        'concatenate',
        [
          { _tag: 'Layer', index: 1 },
          { _tag: 'Input', index: 0 },
        ],
        ['batch', 12],
      ],
    ]);
    expect(r.inputs.map((i) => i.name)).toEqual(['a', 'b']);
    expect(r.outputs).toEqual([
      { name: 'sum', type: ['batch', 4], from: { _tag: 'Layer', index: 2 } },
      { name: 'wide', type: ['batch', 12], from: { _tag: 'Layer', index: 3 } },
    ]);
  });

  it('an input may be an output', () => {
    const m = L.graph({ a: [8] }, ({ a }) => ({ same: a }));
    expect(right(m).outputs).toEqual([{ name: 'same', type: ['batch', 8], from: { _tag: 'Input', index: 0 } }]);
  });

  it('fill in axes that depend on the rank', () => {
    const m = L.model(
      L.input([3, 4, 5]),
      L.batchNormalization(),
      L.concat(L.relu(), L.tanh()),
      L.reshape([2, 60]),
      L.batchNormalization(),
      L.concatOn(-2)(L.relu(), L.tanh()),
    );
    const axes = right(m).layers.flatMap((l) => ('axis' in l.spec ? [l.spec.axis] : []));
    expect(axes).toEqual([1, 1, 2, 1]);
    expect(right(m).outputs[0]?.type).toEqual(['batch', 4, 60]);
  });

  it('leave symbolic sizes to the run', () => {
    const m = L.model(
      L.input([3, 'h', 'w']),
      L.conv2d({ filters: 4, kernel: 3, padding: 'same' }),
      L.conv2d({ filters: 4, kernel: 3 }),
      L.globalAveragePool2d(),
    );
    expect(right(m).layers.map((l) => l.output)).toEqual([
      ['batch', 4, 'h', 'w'],
      ['batch', 4, '?', '?'],
      ['batch', 4],
    ]);
  });

  it('are those of very deep models too', () => {
    const deep = Array.from({ length: 20_000 }, () => L.relu());
    const m = L.graph([2], (x) => deep.reduce((t, l) => l(t), x as L.Tensor<['batch', 2]>));
    expect(right(m).layers).toHaveLength(20_000);
  });
});

describe('errors', () => {
  it('accumulate, and what follows an error is silent', () => {
    const m = L.graph({ a: [3, 4, 4], b: [8], c: [2, 3] }, ({ a, b, c }) => ({
      x: L.through(a, unchecked(L.conv2d({ filters: 2, kernel: 5 })), unchecked(L.flatten()), L.relu()),
      y: L.through(b, unchecked(L.dense(0)), L.relu()),
      z: L.through(c, unchecked(L.reshape([7])), unchecked(L.named('last', L.dropout(2)))),
    }));
    expect(errors(m)).toEqual([
      'conv2d | conv2d: kernel 5x5 is larger than input 4x4',
      'dense | dense: units 0 is not a positive integer',
      'reshape | reshape: [2,3] has 6 elements, [7] has 7',
      'last | dropout: rate 2 is not between 0 and 1',
    ]);
  });

  it('know bounds that cross', () => {
    const layer = L.batchNormalization({ renorm: true, renormClipping: { rmin: 2, rmax: 0.5 } });
    expect(errors(L.model(L.input([3]), layer))).toEqual([
      'batch_normalization | batchNormalization: rmax 0.5 is below rmin 2',
    ]);
  });

  it('say in which scope they are', () => {
    const m = L.model(
      L.input([1, 4, 4]),
      unchecked(
        L.named('stem', L.sequential(L.conv2d({ filters: 2, kernel: 3 }), L.conv2d({ filters: 2, kernel: 3 }))),
      ),
    );
    expect(errors(m)).toEqual(['stem.conv2d_1 | conv2d: kernel 3x3 is larger than input 2x2']);
  });

  it('of composites are named after them', () => {
    expect(errors(L.model(L.input([4]), unchecked(L.residual(L.dense(3)))))).toEqual([
      'add | residual: shapes [batch,3] and [batch,4] do not broadcast',
    ]);
    expect(errors(L.model(L.input([5, 4]), unchecked(L.concatOn(2)(L.reshape([4, 5]), L.identity()))))).toEqual([
      'concatenate | concat: shapes [batch,4,5] and [batch,5,4] differ outside axis 2',
    ]);
    expect(errors(L.model(L.input([4]), unchecked(L.repeat(2, L.dense(3)))))).toEqual([
      'repeat | repeat: the block turns [batch,4] into [batch,3]',
    ]);
    expect(errors(L.model(L.input([4]), unchecked(L.repeat(0, L.relu()))))).toEqual([
      'repeat | repeat: times 0 is not a positive integer',
    ]);
    expect(errors(L.model(L.input([4]), unchecked(L.concat())))).toEqual([
      'concat | concat: expects at least one branch',
    ]);
  });

  it('tell of sizes that are none', () => {
    const size: number = -3;
    expect(errors(L.model(L.input([size]), L.relu()))).toEqual(['input | input: size -3 is not a positive integer']);
  });

  it("tell of another model's input", () => {
    const stray = L.input([9]);
    expect(errors(L.graph({ a: [8] }, () => L.relu()(stray)))).toEqual([
      "input | graph: [batch,9] 'input' is an input of another model",
    ]);
  });
});

describe('models as layers', () => {
  const encoder = L.model(L.input([8]), L.dense(4), L.dense(4));

  it('are scopes', () => {
    expect(names(L.model(L.input([8]), L.asLayer(encoder), L.dense(2)))).toEqual([
      'model.dense',
      'model.dense_1',
      'dense',
    ]);
    expect(names(L.model(L.input([8]), L.named('body', L.asLayer(encoder)), L.dense(2)))).toEqual([
      'body.dense',
      'body.dense_1',
      'dense',
    ]);
  });

  it('share their parameters under one name only', () => {
    const named = L.named('encoder', L.asLayer(encoder));
    const two = (l: typeof named) => L.graph({ a: [8], b: [8] }, ({ a, b }) => L.add(l(a), l(b)));
    expect(parameters(two(named))).toHaveLength(4);
    expect(
      parameters(L.graph({ a: [8], b: [8] }, ({ a, b }) => L.add(L.asLayer(encoder)(a), L.asLayer(encoder)(b)))),
    ).toHaveLength(8);
  });

  it('refuse an input that does not fit', () => {
    expect(errors(L.model(L.input([9]), unchecked(L.asLayer(encoder))))).toEqual([
      'model | model: expects [batch,8], got [batch,9]',
    ]);
  });
});

describe('parameters', () => {
  const only = (m: AnyModel) =>
    right(m).parameters.map(({ role, shape, fans, trainable }) => ({ role, shape, fans, trainable }));

  it("have ONNX's layouts and Keras's fans", () => {
    expect(only(L.model(L.input([4]), L.dense(3)))).toEqual([
      { role: 'kernel', shape: [4, 3], fans: [4, 3], trainable: true },
      { role: 'bias', shape: [3], fans: [3, 3], trainable: true },
    ]);
    expect(
      only(L.model(L.input([6, 9, 9]), L.conv2d({ filters: 4, kernel: [3, 5], groups: 2, useBias: false }))),
    ).toEqual([{ role: 'kernel', shape: [4, 3, 3, 5], fans: [45, 60], trainable: true }]);
  });

  it('of batch normalisation are trained and running ones', () => {
    const roles = (m: AnyModel) =>
      right(m).parameters.map((p) => `${p.role}${p.shape}${p.trainable ? '' : ' running'}`);
    expect(roles(L.model(L.input([3, 4, 5]), L.batchNormalization()))).toEqual([
      'gamma3',
      'beta3',
      'moving_mean3 running',
      'moving_variance3 running',
    ]);
    expect(roles(L.model(L.input([3, 4, 5]), L.batchNormalization({ axis: -1, scale: false, center: false })))).toEqual(
      ['moving_mean5 running', 'moving_variance5 running'],
    );
  });

  it('of normalisations begin as they are told', () => {
    const { constant, zeros } = L.Initializer;
    const begin = { gammaInitializer: zeros, betaInitializer: constant(2) };
    const values = (layer: unknown) => {
      const resolved = right(L.model(L.input([2, 4, 4]), layer as L.Layer<L.Id>));
      return Object.fromEntries(Object.entries(initialValues(resolved, 1)).map(([k, v]) => [k, [...v.data]]));
    };
    expect(
      values(
        L.batchNormalization({
          ...begin,
          movingMeanInitializer: constant(3),
          movingVarianceInitializer: constant(4),
        }),
      ),
    ).toEqual({
      'batch_normalization.gamma': [0, 0],
      'batch_normalization.beta': [2, 2],
      'batch_normalization.moving_mean': [3, 3],
      'batch_normalization.moving_variance': [4, 4],
    });
    for (const layer of [
      L.layerNormalization(begin),
      L.groupNormalization({ ...begin, groups: 1 }),
      L.instanceNormalization(begin),
    ])
      expect(Object.values(values(layer))).toEqual([
        [0, 0],
        [2, 2],
      ]);
  });

  it('of weight normalisation are v, g and the bias', () => {
    const m = (dataInit: boolean) =>
      right(L.model(L.input([3, 8, 8]), L.weightNormalization(L.conv2d({ filters: 4, kernel: 3 }), { dataInit })));
    expect(m(false).parameters.map((p) => [p.name, p.shape, p.initializer._tag])).toEqual([
      ['weight_normalization.v', [4, 3, 3, 3], 'VarianceScaling'],
      ['weight_normalization.g', [4], 'NormOf'],
      ['weight_normalization.bias', [4], 'Zeros'],
    ]);
    expect(m(true).parameters[1]?.initializer).toEqual({ _tag: 'Ones' });
  });

  it.each([
    { name: 'VGG-16', m: vgg16, total: 138_357_544, trainable: 138_357_544 },
    { name: 'ResNet-50', m: resnet50, total: 25_636_712, trainable: 25_583_592 },
  ])('of $name are as many as in Keras', ({ m, total, trainable }) => {
    const count = (ps: Resolved['parameters']) => ps.reduce((n, p) => n + p.shape.reduce((a, b) => a * b, 1), 0);
    expect(count(right(m).parameters)).toBe(total);
    expect(count(right(m).parameters.filter((p) => p.trainable))).toBe(trainable);
  });
});
