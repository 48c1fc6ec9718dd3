/** What the compiler knows about data sets. The checks are types: `tsc` runs them; the tests hold the values to them. */
import * as t from 'io-ts';
import { describe, expect, it } from 'vitest';
import * as D from '../../src/data/Data.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import type { Int, Shape } from '../../src/shape/Shape.ts';
import type { Eq } from './support.ts';
import { isType, right } from './support.ts';

const images = right(D.dataset({ x: D.bytes([1, 28, 28], new Uint8Array(2 * 784)), y: D.ints([], [3, 1]) }));
const table = right(
  D.dataset({ x: D.floats([875], new Float32Array(1750)), y: D.floats([206], new Float32Array(412)) }),
);
const two = right(
  D.dataset({ x: { words: D.ints([3], [[1, 2, 3]]), age: D.floats([1], [[40]]) }, y: D.ints([], [1]) }),
);
const shape: number[] = [2];
const loose = right(D.dataset({ x: D.floats(shape, [1, 2]), y: D.ints(['seq'], [[1, 2]]) }));
const half: number = 14;
const partly = right(D.dataset({ x: D.floats([1, half], new Float32Array(14)), y: D.ints([], [0]) }));

isType<Eq<typeof images, D.Dataset<[1, 28, 28], Int<[]>>>>();
isType<Eq<typeof table, D.Dataset<[875], [206]>>>();
isType<Eq<typeof two, D.Dataset<{ words: Int<[3]>; age: [1] }, Int<[]>>>>();
isType<Eq<typeof loose, D.Dataset<Shape, Int<['seq']>>>>();
isType<Eq<typeof partly, D.Dataset<[1, number], Int<[]>>>>();

isType<Eq<typeof images.x, NdArray<[number, 1, 28, 28]>>>();
isType<Eq<typeof images.y, NdArray<Int<[number]>>>>();
isType<Eq<typeof two.x.words, NdArray<Int<[number, 3]>>>>();

const hot = right(D.oneHot(10)(images));
isType<Eq<typeof hot, D.Dataset<[1, 28, 28], [10]>>>();
const parts = right(D.split({ validation: 0.5 })(images));
isType<Eq<typeof parts, D.Split<[1, 28, 28], Int<[]>>>>();
const folds = right(D.kFold(2, { seed: 1 })(images));
isType<Eq<typeof folds, readonly D.Fold<[1, 28, 28], Int<[]>>[]>>();
const flat = right(
  D.mapX((rows) =>
    D.floats(
      [1],
      rows.map(([a = 0]) => a),
    ),
  )(images),
);
isType<Eq<typeof flat, D.Dataset<[1], Int<[]>>>>();
const scaled = right(D.standardise.apply(D.standardise.fit(images))(images));
isType<Eq<typeof scaled, D.Dataset<[1, 28, 28], Int<[]>>>>();

const Row = D.row({ labels: D.columns(['a', 'b'], D.integerFromCsv), name: D.column('c', t.string) });
isType<Eq<t.TypeOf<typeof Row>, { readonly labels: readonly number[]; readonly name: string }>>();

// What must not compile. Each line has one error; tsc says so when it has none.
const onImages = (data: D.Dataset<[1, 28, 28], Int<[]>>): number => data.size;
onImages(images);
// @ts-expect-error: other input shape
onImages(table);
// @ts-expect-error: float targets where labels are asked for
onImages(hot);
// @ts-expect-error: a batch dimension is no part of a data set
const withBatch: D.Dataset<['batch', 1, 28, 28], Int<[]>> = images;
// @ts-expect-error: labels are needed, these are floats
D.oneHot(3)(table);
// @ts-expect-error: a fold is shuffled with a seed, or not at all
D.kFold(3, {});
// @ts-expect-error: tokens are not standardised
const refused = () => D.standardise.fit(two);

describe('types', () => {
  it('say what the values are', () => {
    expect(images.x.shape).toEqual([2, 1, 28, 28]);
    expect(table.x.shape).toEqual([2, 875]);
    expect(loose.x.shape).toEqual([1, 2]);
    expect(loose.y.shape).toEqual([1, 2]);
    expect(partly.x.shape).toEqual([1, 1, 14]);
    expect(withBatch).toBe(images);
    expect(typeof refused).toBe('function');
    expect(Object.keys(images)).toEqual(['_tag', 'x', 'y', 'size']);
  });
});
