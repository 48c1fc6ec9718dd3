/**
 * Initial values that are matrices: orthogonal, identity, given numbers; in Keras's layout where the parameter has another.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as L from '../../src/layer/Layer.ts';
import { initialValues } from '../../src/model/Initial.ts';
import { convLayout, depthwiseLayout, kerasOrder, kerasShape } from '../../src/model/Layout.ts';
import type { Model } from '../../src/model/Model.ts';
import { normals } from '../../src/model/Normal.ts';
import { orthogonalMatrix } from '../../src/model/Orthogonal.ts';
import { keyed } from '../../src/model/Random.ts';
import { resolve } from '../../src/model/Resolve.ts';
import { resolvedOf } from '../interpret/support.ts';
import { goldens } from '../objective/cases.ts';

type AnyModel = Model<never, unknown>;

const I = L.Initializer;

const valuesOf = (model: unknown, seed = 1) => {
  const resolved = resolvedOf(model as AnyModel);
  const values = initialValues(resolved, seed);
  return resolved.parameters.map((p) => ({ ...p, data: values[p.name]?.data as Float32Array }));
};

/** How far Q'Q, of the shorter side, is from gain^2 times the identity. */
const skew = (q: ArrayLike<number>, rows: number, columns: number, gain = 1): number => {
  const [short, long] = [Math.min(rows, columns), Math.max(rows, columns)];
  const at = (s: number, l: number) => q[rows >= columns ? l * columns + s : s * columns + l] as number;
  let worst = 0;
  for (let a = 0; a < short; a++)
    for (let b = 0; b <= a; b++) {
      let sum = 0;
      for (let l = 0; l < long; l++) sum += at(a, l) * at(b, l);
      worst = Math.max(worst, Math.abs(sum - (a === b ? gain * gain : 0)));
    }
  return worst;
};

describe('orthogonal', () => {
  it('rows or columns at right angles and of length 1, for any shape', () => {
    const side = fc.integer({ min: 1, max: 30 });
    fc.assert(
      fc.property(side, side, fc.integer(), (rows, columns, seed) => {
        const drawn = normals(keyed(seed, 'q'), rows * columns, 0, 1);
        expect(skew(orthogonalMatrix(rows, columns, drawn), rows, columns)).toBeLessThan(1e-12);
      }),
    );
  });

  it('to the last bits where the columns drawn are almost the same', () => {
    const drawn = Array.from({ length: 36 }, (_, n) => 1 + 1e-9 * Math.sin((n + 1) ** 2));
    expect(skew(orthogonalMatrix(9, 4, drawn), 9, 4)).toBeLessThan(1e-7);
  });

  it('the diagonal of R is positive: Q has the direction of what was drawn', () => {
    const q = orthogonalMatrix(2, 2, [3, 1, 4, 2]);
    // Columns (3, 4) and (1, 2): R = [[5, 2.2], [0, 0.4]].
    expect([...q]).toEqual([0.6, -0.8, 0.8, 0.6].map((x) => expect.closeTo(x, 12)));
  });

  it("has the golden case's property, gain included", () => {
    const [golden] = goldens<{ readonly shape: readonly [number, number] }, { readonly gain: number }>(
      'initializer_distribution',
      ['Orthogonal'],
    );
    const [rows = 0, columns = 0] = golden?.inputs.shape ?? [];
    for (const gain of [golden?.expected.gain ?? 0, 2.5]) {
      const layer = L.dense(columns, { kernelInitializer: I.orthogonal({ gain }), useBias: false });
      const [kernel] = valuesOf(L.model(L.input([rows]), layer as unknown as L.Layer<L.Id>));
      expect(kernel?.data.length).toBe(rows * columns);
      expect(skew(kernel?.data ?? [], rows, columns, gain)).toBeLessThan(1e-5);
    }
  });

  it("is meant in Keras's layout: the filters of a convolution are at right angles", () => {
    const [kernel] = valuesOf(
      L.model(L.input([2, 9, 9]), L.conv2d({ filters: 5, kernel: 3, kernelInitializer: I.orthogonal() })),
    );
    // Each filter is a row of 2 * 3 * 3 numbers here.
    expect(skew(kernel?.data ?? [], 5, 18)).toBeLessThan(1e-6);
  });

  it('is the same numbers on every machine', () => {
    const [kernel] = valuesOf(L.model(L.input([3]), L.dense(2, { kernelInitializer: I.orthogonal() })));
    expect([...(kernel?.data ?? [])]).toMatchInlineSnapshot(`
      [
        0.022430242970585823,
        -0.5752085447311401,
        -0.9279258251190186,
        -0.3163886070251465,
        -0.3720894455909729,
        0.7543429732322693,
      ]
    `);
  });
});

describe('layouts', () => {
  it('an order is a permutation, and turns shapes as Keras has them', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 3, maxLength: 5 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 3 }), (shape, multiplier) => {
        const [first = 1, second = 1, ...field] = shape;
        const conv = { shape, keras: convLayout(shape) };
        expect(kerasShape(conv)).toEqual([...field, second, first]);
        const deep = [first * multiplier, 1, ...field];
        const depthwise = { shape: deep, keras: depthwiseLayout(deep, multiplier) };
        expect(kerasShape(depthwise)).toEqual([...field, first, multiplier]);
        for (const p of [conv, depthwise]) {
          const order = kerasOrder(p);
          expect([...order].sort((a, b) => a - b)).toEqual(order.map((_, i) => i));
        }
      }),
    );
  });

  it('of a kernel [2,1,1,3]: [1,3,1,2] in Keras', () => {
    const shape = [2, 1, 1, 3];
    expect(kerasOrder({ shape, keras: convLayout(shape) })).toEqual([0, 3, 1, 4, 2, 5]);
  });
});

describe('given numbers', () => {
  it('a constant may be nested lists of the shape', () => {
    const layer = L.dense(2, {
      kernelInitializer: I.constant([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
      biasInitializer: I.constant([7, 8]),
    });
    const [kernel, bias] = valuesOf(L.model(L.input([3]), layer));
    expect([kernel?.data, bias?.data]).toEqual([Float32Array.of(1, 2, 3, 4, 5, 6), Float32Array.of(7, 8)]);
  });

  it.each([
    ['constant', I.constant([1, 2, 3]), 'dense: initializer constant: its numbers are [3], kernel is [3,2]'],
    [
      'ragged lists',
      I.constant([[1, 2], [3], [4, 5]]),
      'dense: initializer constant: its numbers are [3,2], kernel is [3,2]',
    ],
  ])('%s of another shape is an error', (_, kernelInitializer, message) => {
    const model = L.model(L.input([3]), L.dense(2, { kernelInitializer }));
    expect(resolve(model)).toMatchObject({ _tag: 'Left', left: [{ path: 'dense', message }] });
  });

  it.each([
    ['identity', I.identity(), 'dense: initializer identity: bias [2] is not a matrix'],
    ['orthogonal', I.orthogonal(), 'dense: initializer orthogonal: bias [2] is not a matrix'],
  ])('%s of a vector is an error', (_, biasInitializer, message) => {
    const model = L.model(L.input([3]), L.dense(2, { biasInitializer }));
    expect(resolve(model)).toMatchObject({ _tag: 'Left', left: [{ path: 'dense', message }] });
  });
});
