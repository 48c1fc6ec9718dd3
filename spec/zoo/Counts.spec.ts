/**
 * Parameters of the zoo beside the published numbers; and what the compiler says of the models
 * (spec/types/fixtures/zoo.ts) is what `resolve` gives, of which here are the sizes.
 */
import { readFileSync } from 'node:fs';
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import * as L from '../../src/layer/Layer.ts';
import { groups, initialValues, type Model, resolve } from '../../src/model/Model.ts';
import type { ParameterSpec } from '../../src/model/Resolved.ts';
import * as Zoo from '../../src/zoo/Zoo.ts';
import { resolvedOf } from '../interpret/support.ts';
import { table, tableRows } from './table.ts';

type AnyModel = Model<never, unknown>;

const count = (parameters: readonly ParameterSpec[]): number =>
  parameters.reduce((sum, p) => sum + p.shape.reduce((a, b) => a * b, 1), 0);

const outputOf = (model: unknown) => resolvedOf(model as AnyModel).outputs[0]?.type;

describe('parameters', () => {
  it.each(table)('$name { $options }', ({ model, trained, statistics }) => {
    const { parameters } = resolvedOf(model);
    expect(count(parameters.filter((p) => p.trainable))).toBe(trained);
    expect(count(parameters.filter((p) => !p.trainable))).toBe(statistics);
  });

  it('formulas of the documentation', () => {
    const gpt = (v: number, c: number, n: number, d: number) => (v + c) * d + n * (12 * d * d + 13 * d) + 2 * d;
    const small = Zoo.gpt({ vocabulary: 65, context: 64, layers: 2, heads: 2, features: 32 });
    expect(count(resolvedOf(L.model(L.tokens(['seq']), small)).parameters)).toBe(gpt(65, 64, 2, 32));
    expect(gpt(50257, 1024, 12, 768)).toBe(124_439_808);
    expect(gpt(50257, 1024, 3, 48)).toBe(2_546_400);
    const transformer = (v: number, d: number, i: number, n: number) =>
      v * d + n * (4 * (d * d + d) + 2 * d * i + i + d + 4 * d) + 2 * d + 2;
    expect(transformer(20000, 64, 256, 2)).toBe(1_380_098);
    const lstm = (v: number, d: number, u: number) => v * d + 8 * u * (d + u + 1) + 2 * (2 * u) + 2;
    expect(lstm(20000, 128, 64)).toBe(2_659_074);
    const cnn = (v: number, d: number, f: number) => v * d + f * (12 * d + 3) + 3 * f * 2 + 2;
    expect(cnn(20000, 300, 100)).toBe(6_360_902);
    const coder = (a: number, b: number, c: number) => 2 * a * b + 2 * b * c + 2 * b + c + a;
    expect(coder(784, 128, 32)).toBe(209_968);
    const tabular = (c: number, d: number, h: number, n: number, u: number) =>
      c * d + d + n * (2 * d + 2 * d * h + h + d) + 2 * d + d * u + u;
    expect(tabular(54, 192, 384, 2, 7)).toBe(309_127);
  });

  it('docs/zoo.md has this table', () => {
    const page = readFileSync(new URL('../../docs/zoo.md', import.meta.url), 'utf8');
    expect(page.split('\n').filter((line) => line.startsWith('| `'))).toEqual(tableRows());
  });

  it('every constructor stands in the table, or is a part of one that does', () => {
    const named = new Set<string>(table.map((e) => e.name));
    const others = Object.keys(Zoo).filter((name) => !named.has(name) && !name.endsWith('Features'));
    expect(others.sort()).toEqual(
      [
        ...['classToken', 'denseBlock', 'divergence', 'gpt', 'gptMicro', 'gptMini', 'layerScale', 'sampling'],
        ...['squeezeExcite', 'stochasticDepth', 'tiedEmbedding', 'vaeDecoder', 'vaeEncoder', 'variational'],
      ].sort(),
    );
  });
});

describe('shapes', () => {
  it.each([
    [[256, 6, 6], L.model(L.input([3, 224, 224]), Zoo.alexnetFeatures())],
    [[512, 7, 7], L.model(L.input([3, 224, 224]), Zoo.vgg16Features())],
    [[512, 7, 7], L.model(L.input([3, 224, 224]), Zoo.resnet18Features())],
    [[2048, 7, 7], L.model(L.input([3, 224, 224]), Zoo.resnet50Features())],
    [[2048, 7, 7], L.model(L.input([3, 224, 224]), Zoo.resnet50V2Features())],
    [[1024, 7, 7], L.model(L.input([3, 224, 224]), Zoo.mobilenetFeatures())],
    [[1280, 7, 7], L.model(L.input([3, 224, 224]), Zoo.mobilenetV2Features())],
    [[576, 7, 7], L.model(L.input([3, 224, 224]), Zoo.mobilenetV3SmallFeatures())],
    [[960, 7, 7], L.model(L.input([3, 224, 224]), Zoo.mobilenetV3LargeFeatures())],
    [[1280, 7, 7], L.model(L.input([3, 224, 224]), Zoo.efficientnetB0Features())],
    [[1024, 7, 7], L.model(L.input([3, 224, 224]), Zoo.densenet121Features())],
    [[1664, 7, 7], L.model(L.input([3, 224, 224]), Zoo.densenet169Features())],
    [[1920, 7, 7], L.model(L.input([3, 224, 224]), Zoo.densenet201Features())],
    [[512, 13, 13], L.model(L.input([3, 224, 224]), Zoo.squeezenetFeatures())],
    [[512, 13, 13], L.model(L.input([3, 224, 224]), Zoo.squeezenet11Features())],
    [[1024, 7, 7], L.model(L.input([3, 224, 224]), Zoo.googlenetFeatures())],
    [[2048, 8, 8], L.model(L.input([3, 299, 299]), Zoo.inceptionV3Features())],
    [[768, 7, 7], L.model(L.input([3, 224, 224]), Zoo.convnextTinyFeatures())],
    [[768], L.model(L.input([3, 224, 224]), Zoo.vitB16Features())],
    [[512], L.model(L.input([3, 224, 224]), Zoo.mixerS16Features())],
    [[2, 388, 388], L.model(L.input([1, 572, 572]), Zoo.unetValid({ classes: 2 }))],
  ])('features %j', (shape, model) => {
    expect(outputOf(model)).toEqual(['batch', ...shape]);
  });

  // The smallest sizes that the documentation names, and one less.
  const faults = (size: number, net: unknown): number => {
    const resolved = resolve(L.model(L.input([3, size, size]), net as L.Layer<L.Id>));
    return E.isLeft(resolved) ? resolved.left.length : 0;
  };
  it.each([
    ['lenet', 16, Zoo.lenetFeatures()],
    ['googlenet', 15, Zoo.googlenet()],
    ['squeezenet', 21, Zoo.squeezenet()],
    ['squeezenet11', 17, Zoo.squeezenet11()],
    ['alexnet', 63, Zoo.alexnet()],
    ['vgg11', 32, Zoo.vgg11()],
    ['densenet121', 29, Zoo.densenet121()],
    ['inceptionV3', 75, Zoo.inceptionV3()],
    ['convnextTiny', 32, Zoo.convnextTiny()],
    ['unetValid', 188, Zoo.unetValid()],
  ])('%s wants %i cells', (_, size, net) => {
    expect(faults(size, net)).toBe(0);
    expect(faults(size - 1, net)).toBeGreaterThan(0);
  });
  it.each([
    ['resnet18', Zoo.resnet18()],
    ['resnet50', Zoo.resnet50()],
    ['resnet50V2', Zoo.resnet50V2()],
    ['mobilenet', Zoo.mobilenet()],
    ['mobilenetV2', Zoo.mobilenetV2()],
    ['efficientnetB0', Zoo.efficientnetB0()],
    ['cifarResnet20', Zoo.cifarResnet20()],
  ])('%s takes any size', (_, net) => {
    for (const size of [1, 2, 7, 33]) expect(faults(size, net)).toBe(0);
  });
});

describe('options', () => {
  it.each([
    ['imageSize must be a multiple of 16', L.model(L.input([3, 50, 50]), Zoo.vitTi16({ imageSize: 50 }))],
    ['depth must be 6n + 4', L.model(L.input([3, 32, 32]), Zoo.wideResnet({ depth: 15 as 16 }))],
    [
      'features must be a multiple of heads',
      L.model(L.tokens(['seq']), Zoo.gpt({ layers: 1, heads: 3, features: 4, vocabulary: 9, context: 4 })),
    ],
  ])('that cannot be are said: %s', (says, model) => {
    const resolved = resolve(model as unknown as AnyModel);
    expect(E.isLeft(resolved) && resolved.left.map((e) => e.message).join()).toContain(says);
  });
});

describe('groups', () => {
  it('backbone and head, and stages inside', () => {
    expect(groups(L.model(L.input([3, 64, 64]), Zoo.resnet18()))).toEqual([
      'backbone',
      'backbone.stage1',
      'backbone.stage2',
      'backbone.stage3',
      'backbone.stage4',
      'head',
    ]);
  });

  it('a head of one’s own has the backbone’s parameters under the same names', () => {
    const names = (m: unknown) => resolvedOf(m as AnyModel).parameters.map((p) => p.name);
    const backbone = names(L.model(L.input([3, 64, 64]), Zoo.resnet18())).filter((n) => n.startsWith('backbone.'));
    const own = L.model(L.input([3, 64, 64]), L.named('backbone', Zoo.resnet18Features()), L.flatten(), L.dense(2));
    expect(names(own).filter((n) => n.startsWith('backbone.'))).toEqual(backbone);
  });

  it('one matrix is for tokens in and out, and two GPTs do not share theirs', () => {
    const sizes = { vocabulary: 9, context: 4, layers: 1, heads: 1, features: 4 } as const;
    const names = resolvedOf(L.model(L.tokens(['seq']), Zoo.gpt(sizes))).parameters.map((p) => p.name);
    expect(names.filter((n) => n.includes('tied_embedding'))).toEqual(['tied_embedding.embeddings']);
    const two = L.graph(L.int(['seq']), (x) => L.add(Zoo.gpt(sizes)(x), Zoo.gpt(sizes)(x)));
    const tied = resolvedOf(two as unknown as AnyModel).parameters.filter((p) => p.name.includes('tied_embedding'));
    expect(tied.length).toBe(2);
  });
});

describe('first values', () => {
  it('as torchvision’s: He by fan-out, PyTorch’s uniform dense layer', () => {
    const resolved = resolvedOf(L.model(L.input([3, 32, 32]), Zoo.resnet18({ classes: 10, width: 16 })) as AnyModel);
    const values = initialValues(resolved, 1);
    const spread = (name: string): number => {
      const data = values[name]?.data as Float32Array;
      return Math.sqrt(data.reduce((s, v) => s + v * v, 0) / data.length);
    };
    expect(spread('backbone.conv2d.kernel')).toBeCloseTo(Math.sqrt(2 / (16 * 49)), 3);
    expect(spread('head.dense.kernel')).toBeCloseTo(1 / Math.sqrt(3 * 128), 3);
  });
});
