/**
 * Types and values agree for convolution, pooling, shape and merge layers: what the compiler computes for random inputs and
 * options is what the function on values gives, shapes and messages alike. One run of tsc checks them all. `SEED=n` draws others.
 */
import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { expect, it } from 'vitest';
import * as L from '../../src/layer/Layer.ts';
import type { Leaf } from '../../src/layer/Spec.ts';
import { outputOf } from '../../src/model/Parameter.ts';
import { resolve } from '../../src/model/Resolve.ts';
import { type AnyShape, dims, isInt } from '../../src/shape/Shape.ts';
import { compile, disagreements, leftToRunTime } from './Compiler.ts';

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

const literal = (value: unknown): string => JSON.stringify(value) ?? 'undefined';

// ----- inputs

type Rank = 1 | 2 | 3;

const dim = (max: number) =>
  fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 1, max }) }, fc.constantFrom('h', 'w'), fc.constant('?'));
const float = (min: number, max: number) =>
  fc.array(dim(12), { minLength: min, maxLength: max }).map((s): AnyShape => ['batch', ...s]);
const ints = float(0, 3).map((s): AnyShape => ({ int: dims(s) }));
const anyShape = fc.oneof({ weight: 12, arbitrary: float(0, 4) }, ints);
const spatial = (rank: Rank) =>
  fc.oneof(
    {
      weight: 14,
      arbitrary: fc
        .tuple(
          fc.oneof({ weight: 9, arbitrary: fc.constantFrom(1, 4, 6, 9, 12) }, fc.constantFrom('c', '?')),
          fc.array(dim(20), { minLength: rank, maxLength: rank }),
        )
        .map(([c, s]): AnyShape => ['batch', c, ...s]),
    },
    anyShape,
  );

// ----- options

const positive = (max: number) =>
  fc.oneof({ weight: 25, arbitrary: fc.integer({ min: 1, max }) }, fc.constantFrom(0, -1, 2.5, 1e-7));
const natural = (max: number) =>
  fc.oneof({ weight: 25, arbitrary: fc.integer({ min: 0, max }) }, fc.constantFrom(-1, 0.5));
const each = (rank: Rank, n: fc.Arbitrary<number>) => fc.oneof(n, fc.array(n, { minLength: rank, maxLength: rank }));
const padding = (rank: Rank) =>
  fc.oneof(fc.constantFrom('same', 'valid', ...(rank === 1 ? ['causal'] : [])), each(rank, natural(4)));
const sliding = (rank: Rank) => ({
  kernel: each(rank, positive(5)),
  strides: each(rank, fc.oneof(fc.constant(1), positive(3))),
  padding: padding(rank),
  dilation: each(rank, fc.oneof(fc.constant(1), positive(3))),
});
const conv = (rank: Rank) =>
  fc.record(
    {
      filters: positive(12),
      ...sliding(rank),
      groups: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, positive(4)),
    },
    { requiredKeys: ['filters', 'kernel'] },
  );
const transposed = (rank: Rank) =>
  fc.record(
    {
      filters: positive(12),
      ...sliding(rank),
      padding: padding(rank).filter((p) => p !== 'causal'),
      outputPadding: each(rank, fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, natural(2))),
      groups: fc.constantFrom(1, 1, 2, 3),
    },
    { requiredKeys: ['filters', 'kernel'] },
  );
const depthwise = (rank: Rank) =>
  fc.record({ ...sliding(rank), depthMultiplier: positive(3) }, { requiredKeys: ['kernel'] });
const separable = (rank: Rank) =>
  fc.record(
    { filters: positive(9), ...sliding(rank), depthMultiplier: positive(3) },
    { requiredKeys: ['filters', 'kernel'] },
  );
const pool = (rank: Rank) =>
  fc.record(
    {
      kernel: each(rank, positive(5)),
      strides: each(rank, positive(3)),
      padding: padding(rank).filter((p) => p !== 'causal'),
    },
    { requiredKeys: [] },
  );
const side = fc.tuple(natural(4), natural(4));
const sides = (rank: Rank): fc.Arbitrary<unknown> =>
  rank === 1
    ? fc.oneof(natural(4), side)
    : fc.oneof(natural(4), fc.array(fc.oneof(natural(4), side), { minLength: rank, maxLength: rank }));
const axis = fc.constantFrom(-3, -2, -1, 0, 1, 2, 3, 4);
const position = fc.oneof({ weight: 9, arbitrary: fc.integer({ min: -14, max: 14 }) }, fc.constant(1.5));

// ----- cases

type Make = (o: never) => { readonly spec: L.Layer<L.Fn>['spec'] };
const every = L as unknown as Readonly<Record<string, Make>>;

const leaf = (type: string, spec: L.Layer<L.Fn>['spec'], input: AnyShape): Case => ({
  type,
  expected: resultType(outputOf(spec as Leaf, [input])),
});

/** Of a layer whose constructor is called `name` and takes one argument. */
const layers = <O>(
  name: string,
  inputs: fc.Arbitrary<AnyShape>,
  options: fc.Arbitrary<O>,
  type: (s: string, o: string) => string,
) =>
  fc
    .tuple(inputs, options)
    .map(([s, o]) => leaf(type(shapeType(s), literal(o)), (every[name] as Make)(o as never).spec, s));

const ranked = ([1, 2, 3] as const).flatMap((n) => [
  layers(`conv${n}d`, spatial(n), conv(n), (s, o) => `ConvOut<${n}, ${s}, ${o}>`),
  layers(`conv${n}dTranspose`, spatial(n), transposed(n), (s, o) => `ConvTransposeOut<${n}, ${s}, ${o}>`),
  layers(`maxPool${n}d`, spatial(n), pool(n), (s, o) => `PoolOut<'maxPool${n}d', ${n}, ${s}, ${o}>`),
  layers(
    `globalMaxPool${n}d`,
    spatial(n),
    fc.record({ keepDims: fc.boolean() }, { requiredKeys: [] }),
    (s, o) => `GlobalPoolOut<'globalMaxPool${n}d', ${n}, ${s}, ${o}>`,
  ),
  layers(
    `adaptiveMaxPool${n}d`,
    spatial(n),
    each(n, positive(7)),
    (s, o) => `AdaptivePoolOut<'adaptiveMaxPool${n}d', ${n}, ${s}, ${o}>`,
  ),
  layers(
    `upSampling${n}d`,
    spatial(n),
    each(n, positive(4)),
    (s, o) => `UpSamplingOut<'upSampling${n}d', ${n}, ${s}, ${o}>`,
  ),
  layers(`zeroPadding${n}d`, spatial(n), sides(n), (s, o) => `PaddingOut<'zeroPadding${n}d', ${n}, ${s}, ${o}>`),
  layers(
    `reflectionPadding${n}d`,
    spatial(n),
    sides(n),
    (s, o) => `ReflectionPaddingOut<'reflectionPadding${n}d', ${n}, ${s}, ${o}>`,
  ),
  layers(`cropping${n}d`, spatial(n), sides(n), (s, o) => `CroppingOut<'cropping${n}d', ${n}, ${s}, ${o}>`),
]);

const mixed = ([1, 2] as const).flatMap((n) => [
  layers(`depthwiseConv${n}d`, spatial(n), depthwise(n), (s, o) => `DepthwiseOut<${n}, ${s}, ${o}>`),
  layers(`separableConv${n}d`, spatial(n), separable(n), (s, o) => `SeparableOut<${n}, ${s}, ${o}>`),
]);

const permutation = fc.oneof(
  fc.integer({ min: 1, max: 4 }).chain((n) =>
    fc.shuffledSubarray(
      Array.from({ length: n }, (_, i) => i + 1),
      { minLength: n },
    ),
  ),
  fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
);
const axes = [
  fc
    .tuple(anyShape, permutation)
    .chain(([s, p]) =>
      fc
        .constantFrom(
          p,
          p.filter((a) => a < dims(s).length),
        )
        .map((o) => [s, o] as const),
    )
    .map(([s, o]) => leaf(`PermuteOut<${shapeType(s)}, ${literal(o)}>`, L.permute(o).spec, s)),
  layers('repeatVector', fc.oneof(float(1, 1), anyShape), positive(5), (s, o) => `RepeatVectorOut<${s}, ${o}>`),
  layers(
    'squeeze',
    fc.oneof(
      anyShape,
      float(1, 4).map((s): AnyShape => dims(s).map((d, i) => (i > 0 && i % 2 === 0 ? 1 : d))),
    ),
    axis,
    (s, o) => `SqueezeOut<${s}, ${o}>`,
  ),
  layers('expandDims', anyShape, fc.constantFrom(-5, -4, -2, -1, 0, 1, 2, 5), (s, o) => `ExpandDimsOut<${s}, ${o}>`),
  layers('pixelShuffle', spatial(2), positive(3), (s, o) => `PixelShuffleOut<${s}, ${o}>`),
  fc
    .tuple(anyShape, axis, position, fc.option(position, { nil: undefined }), fc.oneof(fc.constant(1), positive(3)))
    .map(([s, a, from, to, step]) =>
      leaf(`SliceOut<${shapeType(s)}, ${a}, ${from}, ${to}, ${step}>`, L.slice(a, from, to, step).spec, s),
    ),
];

/** Parts of a split, as a tuple; the first error of any. */
const splits = fc
  .tuple(
    fc.oneof(float(1, 3), float(1, 3), ints),
    axis,
    fc.oneof(positive(4), fc.array(positive(6), { minLength: 1, maxLength: 3 })),
    fc.boolean(),
  )
  .map(([s, a, any, fits]): Case => {
    const size = dims(s).at(a);
    const parts = fits && typeof size === 'number' && size > 1 ? [1, size - 1] : any;
    const count = typeof parts === 'number' ? (Number.isInteger(parts) && parts > 0 ? parts : 1) : parts.length;
    const outs = Array.from({ length: count }, (_, index) => outputOf({ op: 'split', axis: a, parts, index }, [s]));
    const wrong = outs.find(E.isLeft);
    return {
      type: `SplitOut<${shapeType(s)}, ${literal(parts)}, ${a}>`,
      expected: wrong === undefined ? `[${outs.map(resultType).join(', ')}]` : resultType(wrong),
    };
  });

// ----- merges

/** Pairs that are alike more often than chance has it. */
const pairs = fc.oneof(
  fc.tuple(anyShape, anyShape),
  fc
    .tuple(float(1, 3), fc.array(fc.constantFrom(0, 0, 1, 2), { minLength: 4, maxLength: 4 }))
    .map(([s, change]): [AnyShape, AnyShape] => [
      s,
      dims(s).map((d, i) => (i > 0 && change[i] === 1 ? 1 : change[i] === 2 ? '?' : d)),
    ]),
);
const two = (spec: Leaf, a: AnyShape, b: AnyShape) => resultType(outputOf(spec, [a, b]));
const flag = fc.boolean();
const merges = [
  fc.tuple(pairs, flag).map(([[a, b], third]): Case => {
    const list = third ? [a, b, a] : [a, b];
    return {
      type: `BroadcastAll<'average', [${list.map(shapeType).join(', ')}]>`,
      expected: resultType(outputOf({ op: 'average' }, list)),
    };
  }),
  fc
    .tuple(
      fc.oneof(
        pairs,
        float(2, 3).map((s): [AnyShape, AnyShape] => [s, [...dims(s).slice(0, -2), dims(s).at(-1) ?? 1, 5]]),
      ),
      flag,
      flag,
    )
    .map(
      ([[a, b], transposeA, transposeB]): Case => ({
        type: `MatMulOut<${shapeType(a)}, ${shapeType(b)}, ${literal({ transposeA, transposeB })}>`,
        expected: two({ op: 'matmul', transposeA, transposeB }, a, b),
      }),
    ),
  fc.tuple(pairs, axis, axis).map(
    ([[a, b], i, j]): Case => ({
      type: `DotOut<${shapeType(a)}, ${shapeType(b)}, [${i}, ${j}]>`,
      expected: two({ op: 'dot', axes: [i, j], normalize: false }, a, b),
    }),
  ),
  fc.tuple(pairs, axis).map(
    ([[a, b], i]): Case => ({
      type: `DotOut<${shapeType(a)}, ${shapeType(b)}, ${i}>`,
      expected: two({ op: 'dot', axes: [i, i], normalize: false }, a, b),
    }),
  ),
];

const imports = `
import type { ExpandDimsOut, PermuteOut, RepeatVectorOut, SqueezeOut } from '#src/shape/rules/Axes.ts';
import type { SliceOut, SplitOut } from '#src/shape/rules/Slice.ts';
import type { ConvOut, DepthwiseOut, SeparableOut } from '#src/shape/rules/Convolution.ts';
import type { ConvTransposeOut } from '#src/shape/rules/Transposed.ts';
import type { BroadcastAll } from '#src/shape/rules/Merge.ts';
import type { AdaptivePoolOut, GlobalPoolOut, PoolOut } from '#src/shape/rules/Pooling.ts';
import type { DotOut, MatMulOut } from '#src/shape/rules/Product.ts';
import type { CroppingOut, PaddingOut, PixelShuffleOut, ReflectionPaddingOut, UpSamplingOut } from '#src/shape/rules/Spatial.ts';
import type { Int } from '#src/shape/Shape.ts';
`;

it('types give what values give', async () => {
  const seed = Number(process.env.SEED ?? 20170410);
  const all = [...ranked, ...mixed, ...axes, splits, ...merges];
  const drawn = all.flatMap((c, i) => fc.sample(c as fc.Arbitrary<Case>, { seed: seed + i, numRuns: 60 }));
  const checked = drawn.filter((c) => !leftToRunTime(c));
  expect(checked.length).toBeGreaterThan(0.85 * drawn.length);
  const right = checked.filter((c) => c.expected.startsWith('[')).length;
  expect(Math.min(right, checked.length - right)).toBeGreaterThan(0.2 * checked.length);
  const { wrong, printed } = await disagreements(imports, checked);
  expect({ seed, wrong }).toEqual({ seed, wrong: [] });
  expect(printed).toBe('');
});

// ----- what must compile and what must not, in a graph

const graphs = `
import * as L from '#src/layer/Layer.ts';
import { type Eq, same } from '../../spec/types/Eq.ts';
type Out<M> = M extends L.Model<never, infer O> ? O : never;
const wave = L.model(L.input([2, 100]), L.conv1d({ filters: 4, kernel: 3, padding: 'causal', dilation: 2 }), L.maxPool1d());
same<Eq<Out<typeof wave>, ['batch', 4, 50]>>();
const up = L.model(L.input([8, 4, 4]), L.conv2dTranspose({ filters: 3, kernel: 4, strides: 2, padding: 1 }), L.upSampling2d());
same<Eq<Out<typeof up>, ['batch', 3, 16, 16]>>();
const excited = L.model(
  L.input([6, 9, 9]),
  L.merge('multiply')(L.identity(), L.sequential(L.globalAveragePool2d({ keepDims: true }), L.conv2d({ filters: 6, kernel: 1 }))),
);
same<Eq<Out<typeof excited>, ['batch', 6, 9, 9]>>();
const attention = L.graph(['seq', 12], (x) => {
  const [q, k, v] = L.split(L.dense(24)(x), 3, -1);
  return L.average(L.matmul(L.matmul(q, k, { transposeB: true }), v), q, v);
});
same<Eq<Out<typeof attention>, ['batch', 'seq', 8]>>();
const cosine = L.graph({ a: [5], b: [5] }, ({ a, b }) => L.dot(a, b, -1, { normalize: true }));
same<Eq<Out<typeof cosine>, ['batch', 1]>>();
declare const keep: boolean;
const open = L.model(L.input([6, 9, 9]), L.globalMaxPool2d({ keepDims: keep }));
same<Eq<Out<typeof open>, L.Shape>>();
L.model(
  L.input([2, 3]),
  // error: "conv1d: kernel 5 is larger than input 3"
  L.conv1d({ filters: 1, kernel: 5 }),
);
L.model(
  L.input([2, 3]),
  // error: "conv3d: expects [batch,channels,depth,height,width], got [batch,2,3]"
  L.conv3d({ filters: 1, kernel: 5 }),
);
L.model(
  L.input([2, 8, 8]),
  // error: "conv2dTranspose: outputPadding 2x0 is not smaller than strides 2x1"
  L.conv2dTranspose({ filters: 1, kernel: 3, strides: [2, 1], outputPadding: [2, 0] }),
);
L.model(
  L.input([2, 1, 1]),
  // error: "conv2dTranspose: padding 2x2 leaves nothing of input 1x1"
  L.conv2dTranspose({ filters: 1, kernel: 3, padding: 2 }),
);
L.model(
  L.input([5, 8, 8]),
  // error: "pixelShuffle: 5 channels are not divisible by 4"
  L.pixelShuffle(2),
);
L.model(
  L.input([1, 4, 4]),
  // error: "cropping2d: cropping 5 cells leaves nothing of 4"
  L.cropping2d([[2, 3], 0]),
);
L.model(
  L.input([3, 4]),
  // error: "permute: [1,1] does not name each axis of [batch,3,4] behind the batch once"
  L.permute([1, 1]),
);
L.model(
  L.input([3, 4]),
  // error: "slice: from 4 to the end there is nothing on axis 2 of [batch,3,4]"
  L.slice(-1, 4),
);
// error: "depthwiseConv2d has no option 'filters'"
L.depthwiseConv2d({ kernel: 3, filters: 3 });
// error: "globalAveragePool2d has no option 'keepdims'"
L.globalAveragePool2d({ keepDims: true, keepdims: true });
L.model(
  L.input([4]),
  // error: "merge(subtract): expects 2 inputs, got 3"
  L.merge('subtract')(L.relu(), L.tanh(), L.identity()),
);
L.model(
  L.input([4]),
  // error: "merge(maximum)[1] > reshape: [4] has 4 elements, [3] has 3"
  L.merge('maximum')(L.relu(), L.reshape([3])),
);
// error: "matmul: inner sizes of [batch,2,3] and [batch,2,3] differ"
L.graph({ a: [2, 3], b: [2, 3] }, ({ a, b }) => L.matmul(a, b));
// error: "multiply: shapes [batch,2] and [batch,3] do not broadcast"
L.graph({ a: [2], b: [3] }, ({ a, b }) => L.multiply(a, b));
// error: "average: shapes [batch,2] and [batch,3] do not broadcast"
L.graph({ a: [2], b: [3] }, ({ a, b }) => L.average(a, a, b));
// error: "split: axis 1 of [batch,7] does not divide into 2 equal parts"
L.graph([7], (x) => ({ y: L.split(x, 2, 1)[0] }));
export {};
`;

it('layers on axes and merges: exact types, and what must not compile', async () => {
  const printed = await compile([{ text: graphs }]);
  const found = [...printed.matchAll(/fixture0\.ts\((\d+),\d+\): error ([^\n]*(?:\n .*)*)/g)].map(
    ([, line, message]) => ({
      line: Number(line),
      message: message ?? '',
    }),
  );
  const wanted = graphs.split('\n').flatMap((line, i) => {
    const [, message] = /^\s*\/\/ error: (.*)$/.exec(line) ?? [];
    return message === undefined ? [] : [{ line: i + 2, message }];
  });
  expect(wanted.length).toBeGreaterThan(10);
  expect(found.map((f) => f.line)).toEqual(wanted.map((w) => w.line));
  wanted.forEach((w, i) => expect(found[i]?.message).toContain(w.message));
});

it('a merge of branches that cannot be is refused by resolve with the same words', () => {
  const none = L.model(L.input([4]), L.merge('add')() as L.Layer<L.Id>);
  expect(resolve(none as never)).toEqual(
    E.left([{ _tag: 'ShapeError', path: 'add', message: 'merge(add): expects 2 inputs or more, got 0' }]),
  );
  const three = L.merge('subtract')(L.relu(), L.tanh(), L.identity()) as unknown as L.Layer<L.Id>;
  const left = resolve(L.model(L.input([4]), three) as never);
  expect(E.isLeft(left) && left.left[0].message).toBe('merge(subtract): expects 2 inputs, got 3');
});
