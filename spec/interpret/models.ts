/**
 * Random models: short chains of layers over inputs of which some sizes are names.
 */
import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import * as L from '../../src/layer/Layer.ts';
import type { Model } from '../../src/model/Model.ts';
import { resolve } from '../../src/model/Resolve.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import type { Dim } from '../../src/shape/Shape.ts';

// -------------------------------------------------------------------------------------
// layers
// -------------------------------------------------------------------------------------

type AnyLayer = L.Layer<L.Id>;

const asAny = (layer: unknown): AnyLayer => layer as AnyLayer;

const size = fc.integer({ min: 1, max: 3 });
const both = fc.oneof(size, fc.tuple(size, size));
const padding = fc.oneof(fc.constantFrom('same' as const, 'valid' as const), fc.tuple(fc.nat(2), fc.nat(2)));
const activation = fc.constantFrom('linear', 'relu', 'sigmoid', 'tanh', 'softmax');

const conv = fc
  .record({
    filters: fc.constantFrom(2, 4, 6),
    kernel: both,
    strides: both,
    padding,
    dilation: both,
    groups: fc.constantFrom(1, 1, 2),
    activation,
    useBias: fc.boolean(),
  })
  // One of the two at most is more than 1.
  .chain((o) => fc.boolean().map((isDilated) => ({ ...o, ...(isDilated ? { strides: 1 } : { dilation: 1 }) })));

const pool = fc.record({ kernel: both, strides: both, padding });

const dense = fc.tuple(size, activation, fc.boolean());

const denseOf = ([units, name, useBias]: readonly [number, L.Activation, boolean]) =>
  L.dense(units, { activation: name, useBias });

const anyRank = fc.oneof(
  dense.map((d) => asAny(denseOf(d))),
  fc
    .record({ scale: fc.boolean(), center: fc.boolean(), momentum: fc.constant(0.9) })
    .map((o) => asAny(L.batchNormalization(o))),
  fc.integer({ min: 1, max: 3 }).map((axis) => asAny(L.batchNormalization({ axis }))),
  fc.constantFrom(0, 0.3, 1).map((rate) => asAny(L.dropout(rate))),
  activation.map((name) => asAny(L.activation(name))),
  fc.constant(asAny(L.rescaling(2, 1))),
  fc.constant(asAny(L.identity())),
  fc.constant(asAny(L.flatten())),
  fc.constantFrom([-1], [2, -1], [-1, 2], [2, -1, 1]).map((s) => asAny(L.reshape(s))),
  dense.map((d) => asAny(L.weightNormalization(denseOf(d) as never))),
  fc.constant(asAny(L.residual(L.relu()))),
  fc.constantFrom(1, -1, 2).map((axis) => asAny(L.concatOn(axis)(L.relu(), L.identity()))),
);

const ofImages = fc.oneof(
  conv.map((o) => asAny(L.conv2d(o as never))),
  conv.map((o) => asAny(L.weightNormalization(L.conv2d(o as never) as never))),
  pool.map((o) => asAny(L.maxPool2d(o as never))),
  pool.map((o) => asAny(L.averagePool2d(o as never))),
  fc.constant(asAny(L.globalAveragePool2d())),
  conv.map((o) => asAny(L.concat(L.conv2d({ ...o, padding: 'same', strides: 1 } as never) as AnyLayer, L.identity()))),
);

// -------------------------------------------------------------------------------------
// cases
// -------------------------------------------------------------------------------------

/** Names of sizes, and what they are when the graph runs: images large enough for three windows with strides of 3. */
export const bound: Readonly<Record<string, number>> = { batch: 2, h: 103, w: 97, seq: 4 };

export const bind = (shape: readonly Dim[]): readonly Dim[] =>
  shape.map((d) => (typeof d === 'string' ? (bound[d] ?? d) : d));

const cells = fc.integer({ min: 1, max: 9 });

const image = fc.tuple(
  fc.constantFrom(2, 4),
  fc.oneof({ weight: 5, arbitrary: cells }, fc.constant('h')),
  fc.oneof({ weight: 5, arbitrary: cells }, fc.constant('w')),
);

const flat = fc.oneof(
  fc.tuple(cells),
  fc.tuple(fc.oneof(cells, fc.constant('seq')), cells),
  fc.tuple(cells, cells, cells, cells),
);

export interface Chain {
  /** The shape of one sample, names of `bound` in it. */
  readonly sample: readonly Dim[];
  readonly layers: readonly AnyLayer[];
}

export const modelOf = ({ sample, layers }: Chain): Model<never, unknown> =>
  L.model(L.input(sample as L.Shape), L.sequential(...layers) as AnyLayer) as unknown as Model<never, unknown>;

/** One to three layers whose shapes fit. */
export const chains: fc.Arbitrary<Chain> = fc
  .oneof(
    fc.record({ sample: flat, layers: fc.array(anyRank, { minLength: 1, maxLength: 3 }) }),
    fc.record({
      sample: image,
      layers: fc.array(fc.oneof({ weight: 3, arbitrary: ofImages }, anyRank), { minLength: 1, maxLength: 3 }),
    }),
  )
  .filter((c) => E.isRight(resolve(modelOf(c))));

/** Numbers from 0.1 to 1.1. */
export const filled = (shape: readonly number[]): NdArray => {
  const n = shape.reduce((a, b) => a * b, 1);
  return { dtype: 'float32', shape, data: Float32Array.from({ length: n }, (_, i) => ((i * 7) % 11) / 11 + 0.1) };
};
