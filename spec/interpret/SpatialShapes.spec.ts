/**
 * What resolve says of convolution, pooling, shape and merge layers, what the lowering infers and what onnxruntime gives is one
 * shape, sizes that are not known before run time included. (Windows.spec.ts adds the compiler's.)
 */
import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import type { Value } from '../../src/graph/Graph.ts';
import * as L from '../../src/layer/Layer.ts';
import type { Model } from '../../src/model/Model.ts';
import { resolve } from '../../src/model/Resolve.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { agree, type Dim, dims } from '../../src/shape/Shape.ts';
import { evaluate } from '../support/evaluate.ts';
import { inference, lowered, resolvedOf, trainingMode } from './support.ts';

type Rank = 1 | 2 | 3;
type AnyModel = Model<never, unknown>;
type Make = (...args: readonly unknown[]) => L.Layer<L.Id>;

const library = L as unknown as Readonly<Record<string, Make>>;
const layer = (name: string, ...args: readonly unknown[]): L.Layer<L.Id> => (library[name] as Make)(...args);

// -------------------------------------------------------------------------------------
// layers
// -------------------------------------------------------------------------------------

const size = fc.integer({ min: 1, max: 3 });
const each = (rank: Rank, n: fc.Arbitrary<number>) => fc.oneof(n, fc.array(n, { minLength: rank, maxLength: rank }));
const padding = (rank: Rank) =>
  fc.oneof(
    fc.constantFrom('same', 'valid'),
    each(rank, fc.nat(2)),
    rank === 1 ? fc.constant('causal') : fc.constant('same'),
  );

const sliding = (rank: Rank) =>
  fc.record({
    kernel: each(rank, size),
    strides: each(rank, size),
    padding: padding(rank),
    dilation: each(rank, size),
  });

const sides = (rank: Rank) => {
  const pair = fc.tuple(fc.nat(2), fc.nat(2));
  return rank === 1
    ? fc.oneof(fc.nat(2), pair)
    : fc.array(fc.oneof(fc.nat(2), pair), { minLength: rank, maxLength: rank });
};

const filters = fc.constantFrom(2, 4);
const groups = fc.constantFrom(1, 2);

const ofRank = (n: Rank): fc.Arbitrary<L.Layer<L.Id>> =>
  fc.oneof(
    fc.tuple(sliding(n), filters, groups).map(([o, f, g]) => layer(`conv${n}d`, { ...o, filters: f, groups: g })),
    fc.tuple(sliding(n), filters, groups, fc.option(fc.nat(2), { nil: undefined })).map(([o, f, g, p]) =>
      layer(`conv${n}dTranspose`, {
        ...o,
        padding: o.padding === 'causal' ? 'valid' : o.padding,
        filters: f,
        groups: g,
        ...(p === undefined ? {} : { outputPadding: p }),
      }),
    ),
    fc
      .tuple(sliding(n), size)
      .map(([o, m]) =>
        layer(n === 3 ? 'conv3d' : `depthwiseConv${n}d`, n === 3 ? { ...o, filters: m } : { ...o, depthMultiplier: m }),
      ),
    fc
      .tuple(fc.constantFrom('max', 'average'), sliding(n))
      .map(([op, { kernel, strides, padding: p }]) =>
        layer(`${op}Pool${n}d`, { kernel, strides, padding: p === 'causal' ? 'same' : p }),
      ),
    fc
      .tuple(fc.constantFrom('Max', 'Average'), fc.boolean())
      .map(([op, keepDims]) => layer(`global${op}Pool${n}d`, { keepDims })),
    fc.tuple(fc.constantFrom('Max', 'Average'), each(n, size)).map(([op, o]) => layer(`adaptive${op}Pool${n}d`, o)),
    each(n, size).map((s) => layer(`upSampling${n}d`, s)),
    fc
      .tuple(fc.constantFrom('zero', 'reflection', 'replication'), sides(n))
      .map(([by, s]) => layer(`${by}Padding${n}d`, s)),
    sides(n).map((s) => layer(`cropping${n}d`, s)),
    ...(n === 2
      ? [
          fc
            .tuple(each(2, size), fc.constantFrom('bilinear', 'bicubic'))
            .map(([s, interpolation]) => layer('upSampling2d', s, { interpolation })),
          fc.constantFrom(1, 2).map((r) => layer('pixelShuffle', r)),
        ]
      : []),
    ofAxes(n),
  );

const axis = (n: number) => fc.integer({ min: 1, max: n + 1 });
const ofAxes = (n: Rank) =>
  fc.oneof(
    fc
      .shuffledSubarray(
        Array.from({ length: n + 1 }, (_, i) => i + 1),
        { minLength: n + 1 },
      )
      .map((p) => layer('permute', p)),
    axis(n).map((a) => layer('squeeze', a)),
    axis(n).map((a) => layer('expandDims', a)),
    fc
      .tuple(
        axis(n),
        fc.integer({ min: -4, max: 4 }),
        fc.option(fc.integer({ min: -3, max: 9 }), { nil: undefined }),
        size,
      )
      .map(([a, from, to, step]) => layer('slice', a, from, to, step)),
    fc
      .constantFrom('add', 'multiply', 'average', 'maximum', 'minimum', 'subtract')
      .map((by) => L.merge(by as 'add')(L.relu(), L.tanh()) as unknown as L.Layer<L.Id>),
  );

// -------------------------------------------------------------------------------------
// cases
// -------------------------------------------------------------------------------------

/** Names of sizes, and what they are when the graph runs: large enough for all that is done to them. */
const bound: Readonly<Record<string, number>> = { batch: 2, d: 37, h: 43, w: 41 };

const bind = (shape: readonly Dim[]): readonly Dim[] => shape.map((d) => (typeof d === 'string' ? (bound[d] ?? d) : d));

const cells = (name: string) => fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 1, max: 7 }) }, fc.constant(name));

interface ShapeCase {
  readonly sample: readonly Dim[];
  readonly layers: readonly L.Layer<L.Id>[];
  readonly isTraining: boolean;
}

const cases: fc.Arbitrary<ShapeCase> = fc.constantFrom(1, 2, 3).chain((n) =>
  fc.record({
    sample: fc.tuple(fc.constantFrom(2, 4), ...['d', 'h', 'w'].slice(3 - n).map(cells)).map((s): readonly Dim[] => s),
    layers: fc.array(ofRank(n as Rank), { minLength: 1, maxLength: 2 }),
    isTraining: fc.boolean(),
  }),
);

const modelOf = ({ sample, layers }: ShapeCase): AnyModel =>
  L.model(L.input(sample as L.Shape), L.sequential(...layers) as L.Layer<L.Id>) as unknown as AnyModel;

const filled = (shape: readonly number[]): NdArray => {
  const n = shape.reduce((a, b) => a * b, 1);
  return { dtype: 'float32', shape, data: Float32Array.from({ length: n }, (_, i) => ((i * 7) % 11) / 11 + 0.1) };
};

/** Why a model that resolves does not lower. */
const defect = (model: AnyModel): string | undefined => {
  const result = E.tryCatch(
    () => lowered(resolvedOf(model), inference),
    (e) => (e instanceof Error ? e.message : String(e)),
  );
  return E.isLeft(result) ? result.left : undefined;
};

/** What resolves and does not lower says that sizes must be known. */
const needsSizes = (model: AnyModel): boolean =>
  /known when the graph is built|known number of channels/.test(defect(model) ?? '');

const isFit = (c: ShapeCase): boolean => {
  const model = modelOf(c);
  return E.isRight(resolve(model)) && !needsSizes(model);
};

const agreement = async (model: AnyModel, inputs: Readonly<Record<string, NdArray>>, isTraining: boolean) => {
  const resolved = resolvedOf(model);
  const output = lowered(resolved, isTraining ? trainingMode() : inference).outputs[0] as Value;
  const said = bind(dims(resolved.outputs[0]?.type ?? []));
  const inferred = bind(output.type.shape);
  const weights = Object.fromEntries(resolved.parameters.map((p) => [p.name, filled(p.shape)]));
  // A model that does nothing has its input as its output, which no graph may have.
  const { y } =
    output.node._tag === 'Input'
      ? { y: Object.values(inputs)[0] }
      : await evaluate({ y: output }, { ...inputs, ...weights });
  expect(agree(said, y?.shape ?? []), `resolve: ${said}, onnxruntime: ${y?.shape}`).toBe(true);
  expect(agree(inferred, y?.shape ?? []), `lowered: ${inferred}, onnxruntime: ${y?.shape}`).toBe(true);
  said.forEach((d, i) => {
    if (typeof d === 'number') expect(inferred[i], `lowered: ${inferred}`).toBe(d);
  });
};

/** Sizes that are not known before run time may turn out not to fit: onnxruntime says so, and nothing is there to agree with. */
const turnedOutUnfit = (thrown: unknown): boolean =>
  /must be 1 instead of|Only N can be zero|Invalid input shape/.test(
    thrown instanceof Error ? thrown.message : String(thrown),
  );

describe('resolve, the lowered value and onnxruntime agree', () => {
  it('on layers in a row', async () => {
    let unfit = 0;
    await fc.assert(
      fc.asyncProperty(cases.filter(isFit), async (c) => {
        const input = filled(bind(['batch', ...c.sample]) as readonly number[]);
        try {
          await agreement(modelOf(c), { input }, c.isTraining);
        } catch (thrown) {
          if (!c.sample.some((d) => typeof d === 'string') || !turnedOutUnfit(thrown)) throw thrown;
          unfit++;
        }
      }),
      { numRuns: 300 },
    );
    expect(unfit).toBeLessThan(30);
  });

  it('on merges and splits in a graph', async () => {
    const models: readonly [Readonly<Record<string, L.Shape>>, (t: Readonly<Record<string, unknown>>) => unknown][] = [
      [{ a: ['h', 3], b: ['h', 3] }, ({ a, b }) => L.matmul(a as never, b as never, { transposeB: true })],
      [{ a: ['h', 3], b: ['h', 5] }, ({ a, b }) => L.matmul(a as never, b as never, { transposeA: true })],
      [{ a: ['h', 3], b: ['w', 3] }, ({ a, b }) => L.dot(a as never, b as never, -1 as never)],
      [{ a: ['h', 3], b: [3] }, ({ a, b }) => L.dot(a as never, b as never, [2, 1] as never)],
      [{ a: ['h', 6] }, ({ a }) => (L.split(a as L.Tensor<['batch', 'h', 6]>, 3, -1) as readonly unknown[])[1]],
      [{ a: ['h', 6] }, ({ a }) => (L.split(a as L.Tensor<['batch', 'h', 6]>, [1, 5], 2) as readonly unknown[])[1]],
      [{ a: ['h', 6], b: [1, 6] }, ({ a, b }) => L.average(a as never, b as never, a as never)],
      [{ a: ['h', 3], b: ['h', 5] }, ({ a, b }) => L.concatenateOn(2)(a as never, b as never, a as never)],
      [{ a: [4], b: [1, 1] }, ({ a, b }) => L.maximum(L.repeatVector(3)(a as never) as never, b as never)],
    ];
    for (const [inputs, wire] of models)
      for (const isTraining of [true, false]) {
        const model = L.graph(inputs, (t) => wire(t) as L.Tensor<L.Shape>) as unknown as AnyModel;
        const feeds = Object.entries(inputs).map(([name, s]) => [
          name,
          filled(bind(['batch', ...s]) as readonly number[]),
        ]);
        await agreement(model, Object.fromEntries(feeds), isTraining);
      }
  });

  it('where sizes must be known, an error says so', () => {
    const message = (l: unknown) => defect(L.model(L.input([2, 'h', 5]), l as L.Layer<L.Id>) as unknown as AnyModel);
    expect(message(L.adaptiveMaxPool2d(2))).toBe('adaptiveMaxPool2d: sizes must be known when the graph is built');
    expect(message(L.averagePool2d({ padding: 'same' }))).toBe(
      "padding 'same' with strides needs a height and width known when the graph is built",
    );
    expect(message(L.adaptiveMaxPool2d(1))).toBeUndefined();
  });
});
