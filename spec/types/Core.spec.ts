/**
 * Activations, embeddings, products, normalisation and noise: types and values agree, for random inputs and options, shapes and
 * messages alike. One run of tsc checks them all. `SEED=n` draws others.
 */
import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { expect, it } from 'vitest';
import * as L from '../../src/layer/Layer.ts';
import type { Axes } from '../../src/layer/Options.ts';
import type { Leaf } from '../../src/layer/Spec.ts';
import { outputOf } from '../../src/model/Parameter.ts';
import { bilinear } from '../../src/shape/rules/Core.ts';
import { type AnyShape, dims, isInt } from '../../src/shape/Shape.ts';
import { disagreements, leftToRunTime } from './Compiler.ts';

const dimType = (d: string | number): string => (d === '?' ? 'number' : JSON.stringify(d));
const shapeType = (s: AnyShape): string => {
  const tuple = `[${dims(s).map(dimType).join(', ')}]`;
  return isInt(s) ? `Int<${tuple}>` : tuple;
};
const resultType = (r: E.Either<string, AnyShape>): string =>
  E.isLeft(r) ? JSON.stringify(r.left) : shapeType(r.right);

interface Case {
  readonly type: string;
  readonly expected: string;
}

const dim = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 12 }) },
  { weight: 1, arbitrary: fc.constantFrom('seq', 'h') },
  { weight: 1, arbitrary: fc.constant('?') },
);
const float = (min: number, max: number) =>
  fc.array(dim, { minLength: min, maxLength: max }).map((s): AnyShape => ['batch', ...s]);
const anyShape = fc.oneof(
  { weight: 9, arbitrary: float(0, 4) },
  { weight: 1, arbitrary: float(0, 3).map((s): AnyShape => ({ int: dims(s) })) },
);
const axis = fc.integer({ min: -5, max: 5 });
const axes: fc.Arbitrary<Axes> = fc.oneof(axis, fc.array(axis, { maxLength: 3 }));
const epsilon = fc.constantFrom(0.001, 1e-7, 0, -1);
const rate = fc.constantFrom(0, 1, 0.5, 1e-7, 1.5, -0.1);
const noiseShapes = fc.array(fc.constantFrom(null, null, 1, 1, 2, 3), { minLength: 1, maxLength: 4 });
const positive = fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 8 }) }, fc.constantFrom(0, -1, 2.5));

const json = JSON.stringify;
const leaf = (type: (shape: string) => string, layer: { readonly spec: unknown }, s: AnyShape): Case => ({
  type: type(shapeType(s)),
  expected: resultType(outputOf(layer.spec as Leaf, [s])),
});
const on = <O>(
  options: fc.Arbitrary<O>,
  make: (s: AnyShape, o: O) => Case,
  shapes: fc.Arbitrary<AnyShape> = anyShape,
): fc.Arbitrary<Case> => fc.tuple(shapes, options).map(([s, o]) => make(s, o));

const option = <O extends object>(o: O) => o as never;

const equations = fc.tuple(
  fc.constantFrom(
    'abc,cd->abd',
    'abc,cde->abde',
    'ab,bc->ac',
    'abc,bcd->ad',
    'ab, bc->acx',
    'ab,bc->xc',
    'ab,b->ac',
    'ab,bz->a',
    'ab->a',
    'ab,bc->ca',
  ),
  fc.array(fc.oneof({ weight: 2, arbitrary: fc.constant(null) }, fc.integer({ min: 1, max: 4 })), { maxLength: 3 }),
);

const cases: readonly fc.Arbitrary<Case>[] = [
  on(axes, (s, ax) => leaf((t) => `ActivationOut<'softmax', ${t}, ${json(ax)}>`, L.softmax({ axis: ax }), s)),
  on(axis, (s, ax) => leaf((t) => `ActivationOut<'sparsemax', ${t}, ${ax}>`, L.sparsemax({ axis: ax }), s)),
  on(fc.constantFrom('gelu', 'logSoftmax' as const), (s, a) =>
    leaf((t) => `ActivationOut<'${a}', ${t}>`, L.activation(a), s),
  ),
  on(fc.array(axis, { maxLength: 3 }), (s, sharedAxes) =>
    leaf((t) => `PReluOut<${t}, ${json(sharedAxes)}>`, L.prelu(option({ sharedAxes })), s),
  ),
  on(axis, (s, ax) => leaf((t) => `GluOut<${t}, ${ax}>`, L.glu({ axis: ax }), s)),
  on(fc.tuple(positive, positive), (s, [n, d]) => leaf((t) => `EmbeddingOut<${t}, ${n}, ${d}>`, L.embedding(n, d), s)),
  on(fc.record({ axis: axes, epsilon }, { requiredKeys: [] }), (s, c) =>
    leaf((t) => `NormalizationOut<'layerNormalization', ${t}, ${json(c)}>`, L.layerNormalization(option(c)), s),
  ),
  on(fc.record({ axis: axes, epsilon }, { requiredKeys: [] }), (s, c) =>
    leaf((t) => `NormalizationOut<'rmsNormalization', ${t}, ${json(c)}>`, L.rmsNormalization(option(c)), s),
  ),
  on(axes, (s, ax) => leaf((t) => `UnitNormalizationOut<${t}, ${json(ax)}>`, L.unitNormalization({ axis: ax }), s)),
  on(
    fc.tuple(fc.oneof(positive, fc.constant(-1)), fc.record({ axis, epsilon }, { requiredKeys: [] })),
    (s, [groups, c]) =>
      leaf(
        (t) => `GroupNormalizationOut<'groupNormalization', ${t}, ${json(c)}, ${groups}>`,
        L.groupNormalization(option({ ...c, groups })),
        s,
      ),
  ),
  on(rate, (s, r) => leaf((t) => `NoiseOut<'gaussianNoise', ${r}, ${t}>`, L.gaussianNoise(r), s)),
  on(rate, (s, r) => leaf((t) => `NoiseOut<'alphaDropout', ${r}, ${t}>`, L.alphaDropout(r), s)),
  on(noiseShapes, (s, n) =>
    leaf((t) => `NoiseOut<'alphaDropout', 0.5, ${t}, ${json(n)}>`, L.alphaDropout(0.5, { noiseShape: n }), s),
  ),
  on(noiseShapes, (s, n) => leaf((t) => `DropoutOut<0.5, ${t}, ${json(n)}>`, L.dropout(0.5, { noiseShape: n }), s)),
  on(
    rate,
    (s, r) => leaf((t) => `SpatialDropoutOut<'spatialDropout1d', ${r}, ${t}>`, L.spatialDropout1d(r), s),
    float(1, 3),
  ),
  on(
    rate,
    (s, r) => leaf((t) => `SpatialDropoutOut<'spatialDropout3d', ${r}, ${t}>`, L.spatialDropout3d(r), s),
    float(3, 4),
  ),
  on(
    equations,
    (s, [equation, p]) => leaf((t) => `EinsumOut<${t}, '${equation}', ${json(p)}>`, L.einsumDense(equation, p), s),
    float(1, 3),
  ),
  fc.tuple(float(1, 3), float(1, 3), positive, fc.boolean()).map(([a, b, n, alike]) => {
    const other = alike ? [...dims(a).slice(0, -1), 3] : b;
    return {
      type: `BilinearOut<${shapeType(a)}, ${shapeType(other)}, ${n}>`,
      expected: resultType(bilinear(n)(a, other)),
    };
  }),
];

const imports = `
import type { BilinearOut, EmbeddingOut, GluOut, NoiseOut, PReluOut, SpatialDropoutOut } from '#src/shape/rules/Core.ts';
import type { EinsumOut } from '#src/shape/rules/Einsum.ts';
import type { ActivationOut, DropoutOut } from '#src/shape/rules/Elementwise.ts';
import type { GroupNormalizationOut, NormalizationOut, UnitNormalizationOut } from '#src/shape/rules/Normalization.ts';
import type { Int } from '#src/shape/Shape.ts';
`;

it('types give what values give', async () => {
  const seed = Number(process.env.SEED ?? 20240611);
  const drawn = cases.flatMap((c, i) => fc.sample(c, { seed: seed + i, numRuns: 60 }));
  const checked = drawn.filter((c) => !leftToRunTime(c));
  expect(checked.length).toBeGreaterThan(0.9 * drawn.length);
  const { wrong, printed } = await disagreements(imports, checked);
  expect({ seed, wrong }).toEqual({ seed, wrong: [] });
  expect(printed).toBe('');
}, 60_000);
