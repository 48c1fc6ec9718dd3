/**
 * Types and values agree: for random inputs and options, what the compiler computes is what the function on values gives,
 * shapes and messages alike. One run of tsc checks them all. `SEED=n` draws others.
 */

import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { expect, it } from 'vitest';
import * as L from '../../src/layer/Layer.ts';
import type { Leaf } from '../../src/layer/Spec.ts';
import { outputOf } from '../../src/model/Parameter.ts';
import { broadcast, concat } from '../../src/shape/rules/Merge.ts';
import { type AnyShape, agree, batched, dims, isInt, product, sample, show } from '../../src/shape/Shape.ts';
import { disagreements, leftToRunTime } from './Compiler.ts';

// ----- values as types

const dimType = (d: string | number): string => (d === '?' ? 'number' : JSON.stringify(d));
const shapeType = (s: AnyShape): string => {
  const tuple = `[${dims(s).map(dimType).join(', ')}]`;
  return isInt(s) ? `Int<${tuple}>` : tuple;
};
const resultType = (r: E.Either<string, AnyShape>): string =>
  E.isLeft(r) ? JSON.stringify(r.left) : shapeType(r.right);

/** A type and what it has to be, both as text. */
interface Case {
  readonly type: string;
  readonly expected: string;
}

// ----- inputs

const name = fc.constantFrom('h', 'w', 'seq');
const dim = (max: number) =>
  fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 1, max }) }, { weight: 1, arbitrary: name }, fc.constant('?'));
const float = (min: number, max: number) =>
  fc.array(dim(12), { minLength: min, maxLength: max }).map((s): AnyShape => ['batch', ...s]);
const ints = float(0, 3).map((s): AnyShape => ({ int: dims(s) }));
const anyShape = fc.oneof({ weight: 9, arbitrary: float(0, 4) }, ints);
const image = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.tuple(fc.integer({ min: 1, max: 12 }), dim(40), dim(40)).map((s): AnyShape => ['batch', ...s]),
  },
  { weight: 1, arbitrary: anyShape },
);

// ----- options

const positive = (max: number) =>
  fc.oneof({ weight: 20, arbitrary: fc.integer({ min: 1, max }) }, fc.constantFrom(0, -1, 2.5, 1e-7));
const both = (n: fc.Arbitrary<number>) => fc.oneof(n, fc.tuple(n, n));
const padding = fc.oneof(
  fc.constantFrom('same', 'valid'),
  both(fc.oneof({ weight: 20, arbitrary: fc.integer({ min: 0, max: 4 }) }, fc.constantFrom(-1, 0.5))),
);
const rate = fc.constantFrom(0, 1, 0.5, 0.25, 1e-7, 1.5, -0.1, 2, -1);
const axis = fc.constantFrom(-4, -3, -2, -1, 0, 1, 2, 3, 4);
const conv = fc.record(
  {
    filters: positive(12),
    kernel: both(positive(7)),
    strides: both(positive(3)),
    padding,
    dilation: both(positive(3)),
    groups: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, positive(4)),
  },
  { requiredKeys: ['filters', 'kernel'] },
);
const pool = fc.record({ kernel: both(positive(5)), strides: both(positive(3)), padding }, { requiredKeys: [] });
const renorm = fc.record(
  {
    renorm: fc.boolean(),
    renormMomentum: rate,
    renormClipping: fc.record({ rmin: rate, dmax: rate }, { requiredKeys: [] }),
  },
  { requiredKeys: [] },
);
const normalization = fc
  .tuple(fc.record({ momentum: rate, epsilon: rate, axis }, { requiredKeys: [] }), fc.option(renorm, { freq: 1 }))
  .map(([o, more]) => ({ ...o, ...more }));
const target = fc.array(fc.oneof({ weight: 9, arbitrary: dim(12) }, fc.constantFrom(-1, 0)), { maxLength: 3 });

// ----- cases

const leaf = (type: string, spec: L.Layer<L.Fn>['spec'], input: AnyShape): Case => ({
  type,
  expected: resultType(outputOf(spec as Leaf, [input])),
});
const on = <O>(inputs: fc.Arbitrary<AnyShape>, options: fc.Arbitrary<O>, make: (s: AnyShape, o: O) => Case) =>
  fc.tuple(inputs, options).map(([s, o]) => make(s, o));

/** Reshapes that fit are rare at random: half of them take the input's own sizes, turned round. */
const reshapes = fc.oneof(
  on(anyShape, target, (s, t) => leaf(`ReshapeOut<${shapeType(s)}, ${shapeType(t)}>`, L.reshape(t).spec, s)),
  float(1, 4).map((s) => {
    const t = [...dims(s).slice(1)].reverse();
    return leaf(`ReshapeOut<${shapeType(s)}, ${shapeType(t)}>`, L.reshape(t).spec, s);
  }),
  on(float(1, 3), fc.integer({ min: 1, max: 3 }), (s, n) =>
    leaf(`ReshapeOut<${shapeType(s)}, [-1, ${n}]>`, L.reshape([-1, n]).spec, s),
  ),
);

/** Pairs that are alike more often than chance has it. */
const pairs = fc.oneof(
  fc.tuple(anyShape, anyShape),
  on(float(1, 3), fc.array(fc.constantFrom(0, 1, 2), { minLength: 4, maxLength: 4 }), (s, change) => ({
    type: '',
    expected: JSON.stringify([s, dims(s).map((d, i) => (change[i] === 1 ? 1 : change[i] === 2 ? '?' : d))]),
  })).map((c): [AnyShape, AnyShape] => JSON.parse(c.expected)),
);

const cases: readonly fc.Arbitrary<Case>[] = [
  on(image, conv, (s, c) =>
    leaf(`Conv2dOut<${shapeType(s)}, ${JSON.stringify(c)}>`, L.conv2d(c as L.Conv2dOptions).spec, s),
  ),
  on(image, pool, (s, c) =>
    leaf(`Pool2dOut<'maxPool2d', ${shapeType(s)}, ${JSON.stringify(c)}>`, L.maxPool2d(c as L.Pool2dOptions).spec, s),
  ),
  image.map((s) => leaf(`GlobalPool2dOut<'globalAveragePool2d', ${shapeType(s)}>`, L.globalAveragePool2d().spec, s)),
  on(anyShape, positive(5000), (s, n) => leaf(`DenseOut<${shapeType(s)}, ${n}>`, L.dense(n).spec, s)),
  on(anyShape, normalization, (s, c) =>
    leaf(
      `BatchNormalizationOut<${shapeType(s)}, ${JSON.stringify(c)}>`,
      L.batchNormalization(c as L.BatchNormalizationOptions).spec,
      s,
    ),
  ),
  on(anyShape, rate, (s, r) => leaf(`DropoutOut<${r}, ${shapeType(s)}>`, L.dropout(r).spec, s)),
  on(anyShape, fc.constantFrom('relu', 'softmax' as const), (s, a) =>
    leaf(`ActivationOut<'${a}', ${shapeType(s)}>`, L.activation(a).spec, s),
  ),
  anyShape.map((s) => leaf(`FlattenOut<${shapeType(s)}>`, L.flatten().spec, s)),
  reshapes,
  pairs.map(([a, b]) => ({
    type: `Broadcast<'add', ${shapeType(a)}, ${shapeType(b)}>`,
    expected: resultType(broadcast('add')(a, b)),
  })),
  fc.tuple(pairs, fc.option(axis, { nil: undefined }), fc.boolean()).map(([[a, b], ax, third]) => {
    const list = third ? [a, b, a] : [a, b];
    return {
      type: `ConcatOut<'concatenate', [${list.map(shapeType).join(', ')}], ${ax}>`,
      expected: resultType(concat('concatenate', ax)(list)),
    };
  }),
  pairs.map(([a, b]) => ({ type: `Agree<${shapeType(a)}, ${shapeType(b)}>`, expected: `${agree(a, b)}` })),
  anyShape.map((s) => ({ type: `Show<${shapeType(s)}>`, expected: JSON.stringify(show(s)) })),
  anyShape.map((s) => ({ type: `Sample<${shapeType(s)}>`, expected: shapeType(sample(s)) })),
  anyShape.map((s) => ({ type: `Batched<${shapeType(s)}>`, expected: shapeType(batched(s)) })),
  float(0, 4).map((s) => ({ type: `Product<${shapeType(sample(s))}>`, expected: dimType(product(dims(sample(s)))) })),
];

const imports = `
import type { DenseOut } from '#src/shape/rules/Dense.ts';
import type { ActivationOut, BatchNormalizationOut, DropoutOut } from '#src/shape/rules/Elementwise.ts';
import type { Broadcast, ConcatOut } from '#src/shape/rules/Merge.ts';
import type { FlattenOut, ReshapeOut } from '#src/shape/rules/Reshape.ts';
import type { Conv2dOut } from '#src/shape/rules/Convolution.ts';
import type { GlobalPool2dOut, Pool2dOut } from '#src/shape/rules/Pooling.ts';
import type { Agree, Batched, Int, Product, Sample, Show } from '#src/shape/Shape.ts';
`;

it('types give what values give', async () => {
  const seed = Number(process.env.SEED ?? 20161223);
  const drawn = cases.flatMap((c, i) => fc.sample(c, { seed: seed + i, numRuns: i < 2 ? 200 : 60 }));
  const checked = drawn.filter((c) => !leftToRunTime(c));
  expect(checked.length).toBeGreaterThan(0.9 * drawn.length);
  const { wrong, printed } = await disagreements(imports, checked);
  expect({ seed, wrong }).toEqual({ seed, wrong: [] });
  expect(printed).toBe('');
});
