import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import * as L from '../../src/layer/Layer.ts';
import type { Initializer } from '../../src/layer/Options.ts';
import { initialValue, initialValues } from '../../src/model/Initial.ts';
import { fans } from '../../src/model/Parameter.ts';
import { resolve } from '../../src/model/Resolve.ts';
import type { Resolved } from '../../src/model/Resolved.ts';

interface Golden {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly hyperparameters: Readonly<Record<string, number>>;
  readonly inputs: { readonly shape: readonly number[] };
  readonly expected: Readonly<Record<string, number>> & {
    readonly data: readonly number[];
    readonly distribution: string;
  };
}
const goldens: readonly Golden[] = JSON.parse(
  readFileSync(new URL('../golden/keras-goldens.json', import.meta.url), 'utf8'),
).cases;
/** What Orthogonal.spec.ts looks at. */
const absent = ['Orthogonal'];
const cases = (kind: string) => goldens.filter((c) => c.kind === kind && !absent.includes(c.name));

const I = L.Initializer;
const initializer = ({ name, hyperparameters: h }: Golden): Initializer => {
  const known: Readonly<Record<string, Initializer>> = {
    Zeros: I.zeros,
    Ones: I.ones,
    Constant: I.constant(h.value ?? 0),
    Identity: I.identity(h),
    GlorotUniform: I.glorotUniform,
    GlorotNormal: I.glorotNormal,
    HeUniform: I.heUniform,
    HeNormal: I.heNormal,
    LecunUniform: I.lecunUniform,
    LecunNormal: I.lecunNormal,
    RandomUniform: I.randomUniform(),
    RandomNormal: I.randomNormal(),
    TruncatedNormal: I.truncatedNormal(),
  };
  const found = known[name];
  if (found === undefined) throw new Error(`no initializer for ${name}`);
  return found;
};

const draw = (init: Initializer, shape: readonly number[], seed: number, name = 'dense.kernel'): readonly number[] => [
  ...(initialValue({ name, role: 'kernel', shape, initializer: init, fans: fans(shape), trainable: true }, seed)
    .data as Float32Array),
];

const moments = (xs: readonly number[]) => {
  const mean = xs.reduce((a, b) => a + b, 0) / xs.length;
  const centred = (k: number) => xs.reduce((a, b) => a + (b - mean) ** k, 0) / xs.length;
  return { mean, variance: centred(2), kurtosis: centred(4) / centred(2) ** 2 };
};

const resolved = (m: L.Model<never, unknown>): Resolved => {
  const r = resolve(m);
  if (E.isLeft(r)) throw new Error(JSON.stringify(r.left));
  return r.right;
};

describe('fans', () => {
  it.each(cases('compute_fans'))('$id', ({ inputs, expected }) => {
    expect(fans(inputs.shape)).toEqual([expected.fan_in, expected.fan_out]);
  });
});

describe('constants', () => {
  it.each(cases('initializer'))('$id', (c) => {
    expect(draw(initializer(c), c.inputs.shape, 1)).toEqual(c.expected.data.map(Math.fround));
  });
});

describe('distributions', () => {
  it.each(cases('initializer_distribution'))('$id', (c) => {
    const { distribution, limit, minval, maxval, mean = 0, stddev, underlying_stddev: underlying } = c.expected;
    // Many draws of that shape, so that moments are sharp: about 1e5 numbers.
    const size = c.inputs.shape.reduce((a, b) => a * b, 1);
    const xs = Array.from({ length: Math.ceil(1e5 / size) }, (_, seed) =>
      draw(initializer(c), c.inputs.shape, seed),
    ).flat();
    const got = moments(xs);
    const [least, most] =
      distribution === 'uniform'
        ? [minval ?? -(limit ?? Number.NaN), maxval ?? limit ?? Number.NaN]
        : distribution === 'truncated_normal'
          ? [mean - 2 * (underlying ?? Number.NaN), mean + 2 * (underlying ?? Number.NaN)]
          : [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    // Variance and kurtosis of the three families; a truncation at 2 leaves a variance of 0.7737 and a kurtosis of 2.3646.
    const [variance, kurtosis] =
      distribution === 'uniform'
        ? [(most - least) ** 2 / 12, 1.8]
        : distribution === 'truncated_normal'
          ? [0.7737413 * (underlying ?? Number.NaN) ** 2, 2.3646]
          : [(stddev ?? Number.NaN) ** 2, 3];
    if (c.expected.variance !== undefined) expect(c.expected.variance / variance).toBeCloseTo(1, 5);
    const slack = 1e-6 * Math.sqrt(variance);
    expect(Math.min(...xs.slice(0, 1e5))).toBeGreaterThanOrEqual(least - slack);
    expect(Math.max(...xs.slice(0, 1e5))).toBeLessThanOrEqual(most + slack);
    expect(Math.abs(got.mean - mean) / Math.sqrt(variance)).toBeLessThan(0.02);
    expect(Math.abs(got.variance / variance - 1)).toBeLessThan(0.03);
    expect(Math.abs(got.kurtosis - kurtosis)).toBeLessThan(0.1);
  });
});

describe('initialValues', () => {
  const small = L.model(L.input([3]), L.dense(4), L.dense(2));

  it('are fixed for all time by the seed and the name', () => {
    expect([...draw(I.glorotUniform, [2, 2], 0)].map((x) => x.toFixed(6))).toMatchInlineSnapshot(`
      [
        "1.209238",
        "-1.187650",
        "0.135617",
        "-0.343354",
      ]
    `);
    expect([...draw(I.heNormal, [2, 2], 1)].map((x) => x.toFixed(6))).toMatchInlineSnapshot(`
      [
        "0.038768",
        "-1.230960",
        "-1.603806",
        "-2.184771",
      ]
    `);
  });

  it('are a function of the seed', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.maxSafeInteger(), (a, b) => {
        const kernel = (seed: number) => [...(initialValues(resolved(small), seed)['dense.kernel']?.data ?? [])];
        expect(kernel(a)).toEqual(kernel(a));
        if (a !== b) expect(kernel(a)).not.toEqual(kernel(b));
      }),
    );
  });

  it('differ between parameters, and do not depend on the others', () => {
    const more = L.model(L.input([3]), L.batchNormalization(), L.dense(4), L.dropout(0.1), L.dense(2), L.dense(9));
    const before = initialValues(resolved(small), 5);
    const after = initialValues(resolved(more), 5);
    expect(Object.keys(before)).toEqual(['dense.kernel', 'dense.bias', 'dense_1.kernel', 'dense_1.bias']);
    for (const [name, value] of Object.entries(before)) expect(after[name]).toEqual(value);
    expect(before['dense.kernel']?.data.slice(0, 4)).not.toEqual(before['dense_1.kernel']?.data.slice(0, 4));
    expect(after['batch_normalization.gamma']?.data).toEqual(Float32Array.of(1, 1, 1));
    expect(after['batch_normalization.moving_mean']?.data).toEqual(Float32Array.of(0, 0, 0));
    expect(after['batch_normalization.moving_variance']?.data).toEqual(Float32Array.of(1, 1, 1));
  });

  it("weight normalisation's g is the norm of v for each output unit", () => {
    const dense = initialValues(resolved(L.model(L.input([3]), L.weightNormalization(L.dense(2)))), 1);
    const v = [...(dense['weight_normalization.v']?.data ?? [])].map(Number);
    const column = (u: number) => Math.hypot(...v.filter((_, i) => i % 2 === u));
    expect(dense['weight_normalization.g']?.data[0]).toBeCloseTo(column(0), 6);
    expect(dense['weight_normalization.g']?.data[1]).toBeCloseTo(column(1), 6);

    const conv = initialValues(
      resolved(L.model(L.input([2, 5, 5]), L.weightNormalization(L.conv2d({ filters: 3, kernel: 2 })))),
      1,
    );
    const w = [...(conv['weight_normalization.v']?.data ?? [])].map(Number);
    const filter = (f: number) => Math.hypot(...w.slice(f * 8, (f + 1) * 8));
    expect([...(conv['weight_normalization.g']?.data ?? [])].map(Number)).toEqual(
      [0, 1, 2].map((f) => expect.closeTo(filter(f), 6)),
    );
  });

  it('the same norms as the golden case', () => {
    const golden = goldens.find((c) => c.id === 'weight_normalization/WeightNormalization/01') as unknown as {
      readonly inputs: { readonly v: { readonly data: readonly number[] } };
      readonly expected: { readonly g: { readonly data: readonly number[] } };
    };
    const p = {
      name: 'l.g',
      role: 'g',
      shape: [2],
      initializer: { _tag: 'NormOf', role: 'v' },
      fans: [2, 2],
      trainable: true,
    } as const;
    const v = { dtype: 'float32', shape: [3, 2], data: Float32Array.from(golden.inputs.v.data) } as const;
    const g = [...(initialValue(p, 0, v).data as Float32Array)];
    expect(g).toEqual(golden.expected.g.data.map((x) => expect.closeTo(x, 6)));
  });

  it('deviations of batch renormalisation are the roots of the first variance', () => {
    const movingVarianceInitializer = L.Initializer.constant(4);
    const model = L.model(L.input([2]), L.batchNormalization({ renorm: true, movingVarianceInitializer }));
    const resolved = resolve(model as never);
    const values = E.isRight(resolved) ? initialValues(resolved.right, 1) : {};
    expect(
      Object.fromEntries(Object.entries(values).map(([name, v]) => [name.split('.').at(-1), [...v.data]])),
    ).toEqual({
      gamma: [1, 1],
      beta: [0, 0],
      moving_mean: [0, 0],
      moving_variance: [4, 4],
      moving_stddev: [2, 2],
      renorm_mean: [0, 0],
      renorm_stddev: [2, 2],
    });
  });
});
