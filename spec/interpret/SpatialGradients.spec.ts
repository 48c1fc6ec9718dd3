/**
 * Convolution, pooling, resizing, shape, merge and normalisation layers in random configurations (ranks, sizes, strides, paddings,
 * dilations, groups, options, activations): gradients beside finite differences, in the input and in every parameter.
 *
 * Spectral normalisation is not here: as in Keras its gradient leaves the division out (see spec/golden/core.py).
 */
import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import * as L from '../../src/layer/Layer.ts';
import type { Model } from '../../src/model/Model.ts';
import { resolve } from '../../src/model/Resolve.ts';
import { randomFrom } from '../autodiff/random.ts';
import { anywhere, apart, compare } from '../layer/directional.ts';
import { trainingMode } from './support.ts';

type Options = Readonly<Record<string, unknown>>;

/** A constructor's name, its arguments, and the shape of a sample (of each sample, for merges). */
interface Drawn {
  readonly make: string;
  readonly args: readonly unknown[];
  readonly samples: readonly (readonly number[])[];
}

const library = L as unknown as Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

type Rank = 1 | 2 | 3;

const rank: fc.Arbitrary<Rank> = fc.constantFrom(1, 2, 3);
const small = fc.integer({ min: 1, max: 3 });
/** Without kinks: finite differences see them. */
const activation = fc.constantFrom('linear', 'linear', 'tanh', 'sigmoid', 'gelu', 'softplus', 'softmax', 'silu');

const perAxis = (n: Rank, each: fc.Arbitrary<number>): fc.Arbitrary<unknown> =>
  fc.oneof(each, fc.array(each, { minLength: n, maxLength: n }));

const cells = (n: Rank): fc.Arbitrary<readonly number[]> =>
  fc.array(fc.integer({ min: 1, max: [9, 6, 4][n - 1] as number }), { minLength: n, maxLength: n });

const padding = (n: Rank, causal: boolean): fc.Arbitrary<unknown> =>
  fc.oneof(fc.constantFrom('same', 'valid', ...(causal && n === 1 ? ['causal'] : [])), perAxis(n, fc.nat(2)));

const sample = (n: Rank, channels: number): fc.Arbitrary<readonly number[]> =>
  cells(n).map((sizes) => [channels, ...sizes]);

const windows = (n: Rank, causal = true): fc.Arbitrary<Options> =>
  fc.record({
    kernel: perAxis(n, small),
    padding: padding(n, causal),
    strides: perAxis(n, small),
    dilation: perAxis(n, small),
    activation,
    useBias: fc.boolean(),
  });

const one = (make: string, args: readonly unknown[], shape: readonly number[]): Drawn => ({
  make,
  args,
  samples: [shape],
});

// -------------------------------------------------------------------------------------
// families
// -------------------------------------------------------------------------------------

const grouped = fc.record({ groups: small, per: fc.integer({ min: 1, max: 2 }), out: fc.integer({ min: 1, max: 2 }) });

const convolutions = fc
  .tuple(rank, grouped)
  .chain(([n, { groups, per, out }]) =>
    fc
      .tuple(windows(n), sample(n, groups * per))
      .map(([o, shape]) => one(`conv${n}d`, [{ ...o, groups, filters: groups * out }], shape)),
  );

const transposed = fc
  .tuple(rank, grouped)
  .chain(([n, { groups, per, out }]) =>
    fc
      .tuple(windows(n, false), sample(n, groups * per), fc.option(perAxis(n, fc.nat(2)), { nil: undefined }))
      .map(([o, shape, outputPadding]) =>
        one(
          `conv${n}dTranspose`,
          [{ ...o, groups, filters: groups * out, ...(outputPadding === undefined ? {} : { outputPadding }) }],
          shape,
        ),
      ),
  );

const depthwise = fc
  .tuple(fc.constantFrom(1 as const, 2 as const), small, fc.integer({ min: 1, max: 2 }), fc.boolean())
  .chain(([n, channels, depthMultiplier, separable]) =>
    fc
      .tuple(windows(n), sample(n, channels))
      .map(([o, shape]) =>
        separable
          ? one(`separableConv${n}d`, [{ ...o, depthMultiplier, filters: 2 }], shape)
          : one(`depthwiseConv${n}d`, [{ ...o, depthMultiplier }], shape),
      ),
  );

const normalisedKernels = fc
  .tuple(fc.oneof(convolutions, transposed, depthwise), fc.boolean())
  .filter(([{ make }]) => !make.startsWith('separable'))
  .map(([d]) => ({ ...d, make: `weightNormalization ${d.make}` }));

const pools = fc
  .tuple(rank, fc.constantFrom('max', 'average'))
  .chain(([n, by]) =>
    fc
      .tuple(
        fc.record({ kernel: perAxis(n, small), strides: perAxis(n, small), padding: padding(n, false) }),
        sample(n, 2),
      )
      .map(([o, shape]) => one(`${by}Pool${n}d`, [o], shape)),
  );

const wholePools = fc.tuple(rank, fc.constantFrom('Max', 'Average')).chain(([n, by]) =>
  fc.oneof(
    fc.tuple(fc.boolean(), sample(n, 2)).map(([keepDims, shape]) => one(`global${by}Pool${n}d`, [{ keepDims }], shape)),
    fc.tuple(perAxis(n, small), sample(n, 2)).map(([to, shape]) => one(`adaptive${by}Pool${n}d`, [to], shape)),
  ),
);

const sides = (n: Rank): fc.Arbitrary<unknown> =>
  n === 1
    ? fc.oneof(fc.nat(2), fc.tuple(fc.nat(2), fc.nat(2)))
    : fc.oneof(
        fc.nat(2),
        fc.array(fc.oneof(fc.nat(2), fc.tuple(fc.nat(2), fc.nat(2))), { minLength: n, maxLength: n }),
      );

const resized = rank.chain((n) =>
  fc.oneof(
    fc
      .tuple(perAxis(n, small), fc.constantFrom('nearest', 'bilinear', 'bicubic'), sample(n, 2))
      .map(([to, interpolation, shape]) => one(`upSampling${n}d`, n === 2 ? [to, { interpolation }] : [to], shape)),
    fc
      .tuple(fc.constantFrom('zero', 'reflection', 'replication'), sides(n), sample(n, 1))
      // A reflection is of fewer cells than there are.
      .map(([from, by, [channels = 1, ...sizes]]) =>
        one(`${from}Padding${n}d`, [by], [channels, ...sizes.map((d) => d + 2)]),
      ),
    fc.tuple(sides(n), sample(n, 1)).map(([by, shape]) => one(`cropping${n}d`, [by], shape)),
    fc.tuple(small, small, small, small).map(([r, c, h, w]) => one('pixelShuffle', [r], [c * r * r, h, w])),
  ),
);

const anyShape = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });
const axis = fc.integer({ min: -4, max: 4 });
const axes = fc.oneof(axis, fc.uniqueArray(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 2 }));
const affine = { center: fc.boolean(), scale: fc.boolean(), epsilon: fc.constantFrom(1e-3, 0.1, 1) };

const optional = (all: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<Options> =>
  fc.record(all, { requiredKeys: [] }) as fc.Arbitrary<Options>;

const normalisations = fc.oneof(
  ...(
    [
      ['batchNormalization', { ...affine, axis, momentum: fc.constant(0.5) }],
      ['layerNormalization', { ...affine, axis: axes }],
      ['groupNormalization', { ...affine, axis }],
      ['instanceNormalization', { ...affine, axis }],
      ['rmsNormalization', { epsilon: affine.epsilon, axis: axes }],
    ] as const
  ).map(([make, options]) =>
    fc
      .tuple(optional(options), fc.constantFrom(1, 2, -1), anyShape)
      .map(([o, groups, shape]) => one(make, [make === 'groupNormalization' ? { ...o, groups } : o], shape)),
  ),
  fc.tuple(axes, anyShape).map(([ax, shape]) => one('unitNormalization', [{ axis: ax }], shape)),
);

const rearranged = fc.oneof(
  fc
    .tuple(fc.constantFrom([1, 2, 3], [3, 1, 2], [2, 3, 1], [3, 2, 1]), fc.tuple(small, small, small))
    .map(([order, shape]) => one('permute', [order], shape)),
  fc.tuple(small, small).map(([n, features]) => one('repeatVector', [n], [features])),
  fc
    .tuple(axis, fc.integer({ min: -4, max: 3 }), fc.integer({ min: -3, max: 5 }), small, anyShape)
    .map(([ax, from, to, by, shape]) => one('slice', [ax, from, to, by], shape)),
  fc.tuple(axis, anyShape).map(([ax, shape]) => one('expandDims', [ax], shape)),
  fc.tuple(axis, anyShape).map(([ax, shape]) => one('squeeze', [ax], shape)),
  anyShape.map((shape) => one('flatten', [], shape)),
);

/** Axes of one of the two are 1 here and there. */
const twin = (shape: readonly number[]): fc.Arbitrary<readonly number[]> =>
  fc.tuple(...shape.map((d) => fc.constantFrom(d, d, 1))) as unknown as fc.Arbitrary<readonly number[]>;

const merges = fc.oneof(
  anyShape.chain((shape) =>
    fc
      .tuple(fc.constantFrom('add', 'subtract', 'multiply', 'average'), twin(shape))
      .map(([make, other]): Drawn => ({ make, args: [], samples: [shape, other] })),
  ),
  fc.tuple(anyShape, axis).map(([shape, ax]): Drawn => ({ make: 'concatenate', args: [ax], samples: [shape, shape] })),
  fc.tuple(small, small, small, small, fc.boolean(), fc.boolean()).map(
    ([b, n, k, m, transposeA, transposeB]): Drawn => ({
      make: 'matmul',
      args: [{ transposeA, transposeB }],
      samples: [
        [b, ...(transposeA ? [k, n] : [n, k])],
        [1, ...(transposeB ? [m, k] : [k, m])],
      ],
    }),
  ),
  fc
    .tuple(fc.uniqueArray(small, { minLength: 2, maxLength: 3 }), anyShape, axis, axis, fc.boolean())
    .map(([a, b, i, j, normalize]): Drawn => ({ make: 'dot', args: [[i, j], { normalize }], samples: [a, b] })),
);

// -------------------------------------------------------------------------------------
// cases
// -------------------------------------------------------------------------------------

const layerOf = ({ make, args }: Drawn): unknown => {
  const [outer, inner] = make.split(' ');
  const made = (name: string) => (library[name] as (...args: readonly unknown[]) => unknown)(...args);
  return inner === undefined ? made(make) : library[outer as string]?.(made(inner));
};

const modelOf = (drawn: Drawn): Model<never, unknown> =>
  L.graph(Object.fromEntries(drawn.samples.map((s, i) => [`x${i}`, s])) as Record<string, L.Shape>, (tensors) => {
    const given = Object.values(tensors);
    return given.length > 1
      ? (library[drawn.make]?.(...given, ...drawn.args) as L.Tensor<L.Shape>)
      : (layerOf(drawn) as (x: unknown) => L.Tensor<L.Shape>)(given[0]);
  }) as unknown as Model<never, unknown>;

/** Inputs whose elements must not come near each other, or near 0. */
const kinked = (make: string): boolean => /max|Max|Normalization$|dot/.test(make);

const families = {
  convolutions: [convolutions, 60],
  'transposed convolutions': [transposed, 50],
  'depthwise and separable convolutions': [depthwise, 30],
  'convolutions with normalised kernels': [normalisedKernels, 25],
  pools: [pools, 40],
  'global and adaptive pools': [wholePools, 25],
  'resized and padded': [resized, 30],
  normalisations: [normalisations, 60],
  rearranged: [rearranged, 25],
  merges: [merges, 30],
} as const;

describe.each(Object.entries(families))('%s', (_, [family, numRuns]) => {
  it('have the gradients of finite differences', async () => {
    const configurations = fc
      .tuple(family as fc.Arbitrary<Drawn>, fc.integer({ min: 1, max: 3 }))
      .filter(([drawn]) => E.isRight(resolve(modelOf(drawn))));
    const alive: number[] = [];
    await fc.assert(
      fc.asyncProperty(configurations, fc.noShrink(fc.integer()), async ([drawn, batch], seed) => {
        const random = randomFrom(seed);
        const inputs = Object.fromEntries(
          drawn.samples.map((s, i) => {
            const shape = [batch, ...s];
            return [`x${i}`, kinked(drawn.make) ? apart(random, shape, 0.3) : anywhere(random, shape)];
          }),
        );
        const title = `${drawn.make}(${JSON.stringify(drawn.args)}) of ${JSON.stringify(drawn.samples)}`;
        const found = await compare({ title, model: modelOf(drawn), inputs }, random, trainingMode());
        alive.push(found.alive);
        expect(found.error, found.worst).toBeLessThan(1e-3);
      }),
      { numRuns, seed: 20240703 },
    );
    // Most say something: not all gradients are 0.
    expect(alive.filter((n) => n > 0).length).toBeGreaterThan(numRuns * 0.7);
  });
});
