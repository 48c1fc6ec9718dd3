/**
 * Activations, normalisation, products and noise in random chains, some sizes under a name: shapes as the rule, the value and
 * onnxruntime say them; gradients beside finite differences.
 */
import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import { grad } from '../../src/autodiff/Grad.ts';
import { input, type Value } from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import { lower, type Mode } from '../../src/interpret/Lower.ts';
import * as L from '../../src/layer/Layer.ts';
import type { Model } from '../../src/model/Model.ts';
import { resolve } from '../../src/model/Resolve.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { agree, type Dim, dims } from '../../src/shape/Shape.ts';
import { evaluate } from '../support/evaluate.ts';
import { inference, resolvedOf, right, trainingMode } from './support.ts';

type AnyLayer = L.Layer<L.Id>;
const asAny = (layer: unknown): AnyLayer => layer as AnyLayer;
const make = L as unknown as Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;

// -------------------------------------------------------------------------------------
// layers
// -------------------------------------------------------------------------------------

const axis = fc.integer({ min: -4, max: 4 });
const axes = fc.oneof(axis, fc.uniqueArray(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 2 }));
const affine = { center: fc.boolean(), scale: fc.boolean() };

/** Without kinks: finite differences see them. */
const smooth = ['gelu', 'silu', 'mish', 'softplus', 'logSigmoid', 'squareplus', 'tanhShrink', 'softsign'];

const smoothLayers: fc.Arbitrary<AnyLayer> = fc.oneof(
  fc.constantFrom(...smooth).map((name) => asAny(make[name]?.())),
  axes.map((ax) => asAny(L.softmax({ axis: ax }))),
  axes.map((ax) => asAny(L.logSoftmax({ axis: ax }))),
  fc
    .record({ axis: axes, ...affine }, { requiredKeys: ['center', 'scale'] })
    .map((o) => asAny(L.layerNormalization(o as never))),
  fc
    .record({ axis, groups: fc.constantFrom(-1, 1, 2), ...affine }, { requiredKeys: ['groups', 'center', 'scale'] })
    .map((o) => asAny(L.groupNormalization(o as never))),
  axes.map((ax) => asAny(L.rmsNormalization({ axis: ax } as never))),
  axes.map((ax) => asAny(L.unitNormalization({ axis: ax }))),
  axis.map((ax) => asAny(L.glu({ axis: ax }))),
  fc.constantFrom('...x,xy->...y', 'abc,cd->abd', 'abc,cde->abde', 'abcd,cde->abe').map((equation) => {
    const sizes = {
      '...x,xy->...y': [3],
      'abc,cd->abd': [null, 2],
      'abc,cde->abde': [null, 2, 3],
      'abcd,cde->abe': [null, 4],
    };
    return asAny(L.einsumDense(equation, sizes[equation] as readonly (number | null)[]));
  }),
  fc.constant(asAny(L.weightNormalization(L.dense(3) as never))),
);

const otherLayers: fc.Arbitrary<AnyLayer> = fc.oneof(
  fc.constantFrom('relu6', 'hardSwish', 'sparsePlus', 'softShrink', 'selu').map((name) => asAny(make[name]?.())),
  axis.map((ax) => asAny(L.sparsemax({ axis: ax }))),
  fc.subarray([1, 2, 3]).map((sharedAxes) => asAny(L.prelu({ sharedAxes } as never))),
  fc.constantFrom('gaussianNoise', 'gaussianDropout', 'alphaDropout').map((name) => asAny(make[name]?.(0.3))),
  fc.constantFrom(asAny(L.spatialDropout1d(0.3)), asAny(L.spatialDropout2d(0.3)), asAny(L.spatialDropout3d(0.3))),
  fc.constant(asAny(L.spectralNormalization(L.dense(3) as never))),
  fc.constant(asAny(L.activityRegularization({ l2: 1 }))),
);

const bound: Readonly<Record<string, number>> = { batch: 2, seq: 3, width: 5 };
const bind = (shape: readonly Dim[]): readonly number[] =>
  shape.map((d) => (typeof d === 'number' ? d : (bound[d] ?? 0)));

const size = fc.integer({ min: 1, max: 5 });
const sample: fc.Arbitrary<readonly Dim[]> = fc.oneof(
  fc.tuple(size),
  fc.tuple(fc.oneof(size, fc.constant('seq')), size),
  fc.tuple(fc.constantFrom(2, 4), fc.oneof(size, fc.constant('seq')), fc.oneof(size, fc.constant('width'))),
  fc.tuple(fc.constantFrom(2, 4), size, size, fc.oneof(size, fc.constant('width'))),
);

interface Chain {
  readonly sample: readonly Dim[];
  readonly layers: readonly AnyLayer[];
}

const modelOf = (c: Chain): Model<never, unknown> =>
  L.model(L.input(c.sample as L.Shape), L.sequential(...c.layers) as AnyLayer) as unknown as Model<never, unknown>;

const chains = (layer: fc.Arbitrary<AnyLayer>, maxLength: number): fc.Arbitrary<Chain> =>
  fc
    .record({ sample, layers: fc.array(layer, { minLength: 1, maxLength }) })
    .filter((c) => E.isRight(resolve(modelOf(c))));

/** Irregular numbers from -0.9 to 0.9. */
const filled = (shape: readonly number[], phase = 0): NdArray => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * 7.31 + 1 + phase) * 0.9),
});

// -------------------------------------------------------------------------------------
// shapes
// -------------------------------------------------------------------------------------

const built = (c: Chain, mode: Mode) => {
  const resolved = resolvedOf(modelOf(c));
  const x = input('input', 'float32', ['batch', ...c.sample]);
  const w = Object.fromEntries(resolved.parameters.map((p) => [p.name, input(p.name, 'float32', p.shape)]));
  const y = lower(resolved, [x], w, mode).outputs[0] as Value;
  const feeds = {
    input: filled(bind(['batch', ...c.sample])),
    ...Object.fromEntries(resolved.parameters.map((p, i) => [p.name, filled(p.shape, i + 1)])),
  };
  return { resolved, x, w, y, feeds };
};

it('resolve, the lowered value and onnxruntime agree', async () => {
  const modes = fc.constantFrom(inference, trainingMode('cpu'), trainingMode('cuda'));
  await fc.assert(
    fc.asyncProperty(chains(fc.oneof(smoothLayers, otherLayers), 3), modes, async (c, mode) => {
      const { resolved, y, feeds } = built(c, mode);
      const said = bind(dims(resolved.outputs[0]?.type ?? []));
      const got = await evaluate({ y }, feeds);
      expect(got.y?.shape).toEqual(said);
      expect(
        agree(
          bind(y.type.shape.map((d) => (d === '?' ? 0 : d))).map((d) => (d === 0 ? '?' : d)),
          said,
        ),
      ).toBe(true);
    }),
    { numRuns: 120 },
  );
});

// -------------------------------------------------------------------------------------
// gradients
// -------------------------------------------------------------------------------------

describe('gradients', () => {
  it('are those of finite differences, in the input and in every parameter', async () => {
    await fc.assert(
      fc.asyncProperty(chains(smoothLayers, 2), async (c) => {
        const { x, w, y, feeds } = built(c, trainingMode());
        const weight = Op.add(Op.sin(Op.mul(y, 3)), y);
        const loss = Op.reduceSum()(Op.mul(weight, weight));
        const wanted = { input: x, ...w };
        const gradients = right(grad(loss, Object.values(wanted)));
        const at = async (f: Readonly<Record<string, NdArray>>): Promise<number> =>
          Number((await evaluate({ loss }, f)).loss?.data[0]);
        const got = await evaluate(Object.fromEntries(gradients.map((g, i) => [`d${i}`, g])), feeds);
        const [step, value] = [2e-3, await at(feeds)];
        for (const [i, name] of Object.keys(wanted).entries()) {
          const here = (feeds as Readonly<Record<string, NdArray>>)[name] as NdArray;
          const direction = filled(here.shape, 9).data as Float32Array;
          const moved = (h: number): Readonly<Record<string, NdArray>> => ({
            ...feeds,
            [name]: {
              ...here,
              data: Float32Array.from(here.data as Float32Array, (v, k) => v + h * (direction[k] as number)),
            },
          });
          const numeric = ((await at(moved(step))) - (await at(moved(-step)))) / (2 * step);
          const d = got[`d${i}`]?.data as Float32Array;
          const exact = d.reduce((sum, v, k) => sum + v * (direction[k] as number), 0);
          const scale = Math.max(1, Math.hypot(...d) * Math.hypot(...direction));
          // Rounding of the loss over the step, and the third derivative.
          expect(Math.abs(exact - numeric) / scale, `${name}: ${exact} and ${numeric}`).toBeLessThan(
            0.02 + (3e-7 * Math.abs(value)) / step,
          );
        }
      }),
      { numRuns: 60, seed: 20240611 },
    );
  });
});
