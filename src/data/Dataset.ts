/**
 * Data sets in memory: samples with their targets.
 *
 * `Dataset<X, Y>` keeps the shapes of ONE SAMPLE in its type, without the batch: `Dataset<[1, 28, 28], Int<[]>>` is
 * images with one label each, and `fit` checks that against the model. A data set has at least one sample, the same
 * number of them in every array, and no NaN or infinity: `dataset` refuses anything else, once, at the border.
 *
 * Laws: `select` composes as indices do; `take(n)` is `slice(0, n)`; `shuffle` keeps every pair of sample and target;
 * `concat` of `slice(0, k)` and `slice(k, size)` is the data set itself. Nothing is written to: slices are views.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { NdArray } from '../shape/NdArray.ts';
import type { AnyShape, Batched, Bind, Int, Shape } from '../shape/Shape.ts';
import { show } from '../shape/Shape.ts';
import type { DataError } from './DataError.ts';
import { empty, invalidArgument, labelOutOfRange, sampleCount, shapeMismatch } from './DataError.ts';
import { permutation } from './Random.ts';
import * as Rows from './Rows.ts';
import type { Samples } from './Samples.ts';
import { check } from './Samples.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** The arrays for a sample shape, or for a record of them (several inputs or targets); samples on axis 0. */
export type Arrays<X> = X extends AnyShape
  ? NdArray<Bind<Batched<X>, number>>
  : { readonly [K in keyof X]: NdArray<Bind<Batched<X[K]>, number>> };

export interface Dataset<X, Y> {
  readonly _tag: 'Dataset';
  readonly x: Arrays<X>;
  readonly y: Arrays<Y>;
  /** How many samples. */
  readonly size: number;
  /** Phantoms: the sample shapes as the compiler knows them. Never present at run time. */
  readonly '~x'?: X;
  readonly '~y'?: Y;
}

/** What `dataset` takes for x or for y: one array, or a record of named ones. No name may be `int`: see `Int`. */
export type Parts = Samples<AnyShape> | { readonly [name: string]: Samples<AnyShape> };

/** The sample shapes that parts describe. */
export type ShapesOf<P> =
  P extends Samples<infer S> ? S : { -readonly [K in keyof P]: P[K] extends Samples<infer S> ? S : never };

/** One sample's numbers, flat. */
export type Row = ArrayLike<number> & Iterable<number>;

type Named = Readonly<Record<string, NdArray>>;

const isArray = (arrays: NdArray | Named): arrays is NdArray => typeof arrays.dtype === 'string';

/** One array as a record with the name `''`, so that one and several are handled alike. */
const toNamed = <X>(arrays: Arrays<X>): Named => {
  const some = arrays as NdArray | Named;
  return isArray(some) ? { '': some } : some;
};

/** The arrays by name: `''` for the one of a data set without names. */
export const namedArrays = toNamed;

const fromNamed = <X>(named: Named): Arrays<X> => (named[''] ?? named) as Arrays<X>;

const single = <X>(arrays: Arrays<X>): NdArray => fromNamed<Shape>(toNamed(arrays));

const mapArrays = <X>(arrays: Arrays<X>, f: (array: NdArray, name: string) => NdArray): Arrays<X> =>
  fromNamed<X>(Object.fromEntries(Object.entries(toNamed(arrays)).map(([name, array]) => [name, f(array, name)])));

const partName = (part: string, name: string): string => (name === '' ? part : `${part}.${name}`);

const make = <X, Y>(x: Arrays<X>, y: Arrays<Y>, size: number): Dataset<X, Y> => ({ _tag: 'Dataset', x, y, size });

const mapRows = <X, Y>(self: Dataset<X, Y>, size: number, f: (array: NdArray) => NdArray): Dataset<X, Y> =>
  make<X, Y>(mapArrays<X>(self.x, f), mapArrays<Y>(self.y, f), size);

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

const isSamples = (parts: Parts): parts is Samples<AnyShape> => parts._tag === 'Samples';

const checkAll = (part: string, parts: Parts): E.Either<DataError, Named> => {
  const named = isSamples(parts) ? { '': parts } : parts;
  if (Object.keys(named).length === 0) return E.left(empty(part, 'named array'));
  if (!isSamples(parts) && '' in parts) {
    return E.left(shapeMismatch(part, 'a name for each array', "''", 'arrays in a record are told apart by name'));
  }
  const checked: [string, NdArray][] = [];
  for (const [name, samples] of Object.entries(named)) {
    const array = check(partName(part, name), samples);
    if (E.isLeft(array)) return array;
    checked.push([name, array.right]);
  }
  return E.right(Object.fromEntries(checked));
};

const counts = (part: string, named: Named): readonly [string, number][] =>
  Object.entries(named).map(([name, array]) => [partName(part, name), Rows.rowCount(array)]);

/**
 * A data set from plain arrays; the shapes are those of one sample.
 *
 * Errors: no samples; element counts that do not fit the shape; x and y of different lengths; NaN, infinity, or a
 * label that is no integer (which sample, which feature, how many).
 *
 * @example
 * dataset({ x: floats([103], rows.map((r) => r.features)), y: floats([14], rows.map((r) => r.labels)) })
 * dataset({ x: bytes([1, 28, 28], images), y: ints([], labels) })            // Dataset<[1, 28, 28], Int<[]>>
 * dataset({ x: { words: ints([80], tokens), age: floats([1], ages) }, y: floats([1], prices) })   // two inputs
 */
export const dataset = <P extends Parts, Q extends Parts>(parts: {
  readonly x: P;
  readonly y: Q;
}): E.Either<DataError, Dataset<ShapesOf<P>, ShapesOf<Q>>> =>
  pipe(
    E.Do,
    E.bind('x', () => checkAll('x', parts.x)),
    E.bind('y', () => checkAll('y', parts.y)),
    E.chain(({ x, y }) => {
      const all = [...counts('x', x), ...counts('y', y)];
      const size = all[0]?.[1] ?? 0;
      return size > 0 && all.every(([, count]) => count === size)
        ? E.right(make<ShapesOf<P>, ShapesOf<Q>>(fromNamed(x), fromNamed(y), size))
        : E.left(sampleCount(Object.fromEntries(all)));
    }),
  );

/** For this room's own modules: a data set of one input with float32 numbers of the same shape in it, checked. */
export const withX = <S extends Shape, Y>(self: Dataset<S, Y>, x: NdArray): E.Either<DataError, Dataset<S, Y>> =>
  pipe(
    check('x', { _tag: 'Samples', dtype: 'float32', shape: x.shape.slice(1), data: x }),
    E.map((array) => make<S, Y>(fromNamed({ '': array }), self.y, self.size)),
  );

/** The array of a data set of one input. */
export const inputOf = <S extends AnyShape, Y>(self: Dataset<S, Y>): NdArray => single(self.x);

// -------------------------------------------------------------------------------------
// destructors
// -------------------------------------------------------------------------------------

/** How many samples. */
export const size = <X, Y>(self: Dataset<X, Y>): number => self.size;

/** The samples of an array, each as a view of its numbers. */
export const rows = (array: NdArray): readonly Row[] =>
  Array.from({ length: Rows.rowCount(array) }, (_, i) => {
    const { data } = Rows.between(array, i, i + 1);
    return data instanceof BigInt64Array ? Float64Array.from(data, Number) : data;
  });

// -------------------------------------------------------------------------------------
// combinators: which samples
// -------------------------------------------------------------------------------------

/** The samples from index `from` to `to`, exclusive. Error: not `0 <= from < to <= size`. */
export const slice =
  (from: number, to: number) =>
  <X, Y>(self: Dataset<X, Y>): E.Either<DataError, Dataset<X, Y>> => {
    const mend = `this data set has ${self.size} samples, and no data set is empty`;
    if (!Number.isInteger(from) || from < 0 || from >= self.size) {
      return E.left(invalidArgument('slice: from', from, `an integer from 0 to ${self.size - 1}`, mend));
    }
    return Number.isInteger(to) && to > from && to <= self.size
      ? E.right(mapRows(self, to - from, (array) => Rows.between(array, from, to)))
      : E.left(invalidArgument('slice: to', to, `an integer from ${from + 1} to ${self.size}`, mend));
  };

/** The first `n` samples. Error: `n` is not an integer from 1 to the size. */
export const take =
  (n: number) =>
  <X, Y>(self: Dataset<X, Y>): E.Either<DataError, Dataset<X, Y>> =>
    pipe(
      slice(0, n)(self),
      E.mapLeft(() =>
        invalidArgument('take', n, `an integer from 1 to ${self.size}`, `this data set has ${self.size} samples`),
      ),
    );

/** The samples with these indices, in this order; an index may come twice. Errors: none given, one out of range. */
export const select =
  (indices: ArrayLike<number>) =>
  <X, Y>(self: Dataset<X, Y>): E.Either<DataError, Dataset<X, Y>> => {
    const list = Array.from(indices);
    const wrong = list.findIndex((i) => !(Number.isInteger(i) && i >= 0 && i < self.size));
    if (list.length === 0) return E.left(invalidArgument('select', 0, 'at least one index', 'no data set is empty'));
    return wrong < 0
      ? E.right(pick(self, list))
      : E.left(
          invalidArgument(
            `select: indices[${wrong}]`,
            list[wrong] ?? Number.NaN,
            `an integer from 0 to ${self.size - 1}`,
            'indices count from 0',
          ),
        );
  };

/** As `select`, for this room's own modules: the indices are known to be in range, and there is one at least. */
export const pick = <X, Y>(self: Dataset<X, Y>, indices: ArrayLike<number>): Dataset<X, Y> =>
  mapRows(self, indices.length, (array) => Rows.gather(array, indices));

/** Every sample once, in an order that the seed alone decides, on every machine the same. */
export const shuffle =
  (options: { readonly seed: number }) =>
  <X, Y>(self: Dataset<X, Y>): Dataset<X, Y> =>
    pick(self, permutation(options.seed, self.size));

const describe = (named: Named): string =>
  Object.entries(named)
    .map(([name, { dtype, shape }]) => `${name}${name === '' ? '' : ': '}${dtype} ${show(shape.slice(1))}`)
    .sort()
    .join(', ');

/** The shapes and element types of samples, to compare: equal texts can be joined. */
export const describeSamples = <X, Y>({ x, y }: Dataset<X, Y>): string =>
  `x ${describe(toNamed(x))}; y ${describe(toNamed(y))}`;

/** For this room's own modules: the samples of all parts, one after the other. Error: different shapes or element types. */
export const joined = <X, Y>(
  parts: readonly { readonly block: Dataset<X, Y>; readonly from: number; readonly to: number }[],
): E.Either<DataError, Dataset<X, Y>> => {
  const [first] = parts;
  if (first === undefined) return E.left(empty('batch', 'sample'));
  const kind = describeSamples(first.block);
  const other = parts.find(({ block }) => describeSamples(block) !== kind);
  if (other !== undefined) {
    const mend = 'samples of one batch must have one shape and element type: pad or convert them before';
    return E.left(shapeMismatch('batch', kind, describeSamples(other.block), mend));
  }
  const of = <Z>(arrays: (block: Dataset<X, Y>) => Arrays<Z>): Arrays<Z> =>
    mapArrays<Z>(arrays(first.block), (array, name) =>
      Rows.concat(parts.map(({ block, from, to }) => Rows.between(toNamed(arrays(block))[name] ?? array, from, to))),
    );
  const size = parts.reduce((n, { from, to }) => n + to - from, 0);
  return E.right(
    make<X, Y>(
      of<X>(({ x }) => x),
      of<Y>(({ y }) => y),
      size,
    ),
  );
};

const appendAll = <X>(part: string, first: Arrays<X>, second: Arrays<X>): E.Either<DataError, Arrays<X>> => {
  const [a, b] = [describe(toNamed(first)), describe(toNamed(second))];
  return a === b
    ? E.right(mapArrays<X>(first, (array, name) => Rows.append(array, toNamed(second)[name] ?? array)))
    : E.left(shapeMismatch(`concat: ${part}`, a, b, 'both data sets must have samples of one shape and element type'));
};

/** The samples of the first, then those of `that`: `pipe(a, concat(b))`. Error: different shapes or element types. */
export const concat =
  <X, Y>(that: Dataset<X, Y>) =>
  (self: Dataset<X, Y>): E.Either<DataError, Dataset<X, Y>> =>
    pipe(
      E.Do,
      E.bind('x', () => appendAll<X>('x', self.x, that.x)),
      E.bind('y', () => appendAll<Y>('y', self.y, that.y)),
      E.map(({ x, y }) => make<X, Y>(x, y, self.size + that.size)),
    );

/**
 * The data set in pieces of `batchSize` samples, the last one smaller, to look at or to count over. Each is a data set
 * of its own and a view. Training does its own batching. Error: `batchSize` is not a positive integer.
 */
export const batches =
  (batchSize: number) =>
  <X, Y>(self: Dataset<X, Y>): E.Either<DataError, Iterable<Dataset<X, Y>>> =>
    Number.isInteger(batchSize) && batchSize > 0
      ? E.right({
          *[Symbol.iterator]() {
            for (let from = 0; from < self.size; from += batchSize) {
              const to = Math.min(from + batchSize, self.size);
              yield mapRows(self, to - from, (array) => Rows.between(array, from, to));
            }
          },
        })
      : E.left(invalidArgument('batches', batchSize, 'a positive integer', 'it is the number of samples in a batch'));

// -------------------------------------------------------------------------------------
// combinators: what is in them
// -------------------------------------------------------------------------------------

/**
 * New inputs from the old ones, for data sets of one input: `f` gets all samples' numbers and says what they become.
 *
 * @example
 * mapX((rows) => floats([2], rows.map((r) => [r[0] ?? 0, Math.log1p(r[1] ?? 0)])))
 */
export const mapX =
  <S extends AnyShape>(f: (rows: readonly Row[]) => Samples<S>) =>
  <X extends AnyShape, Y>(self: Dataset<X, Y>): E.Either<DataError, Dataset<S, Y>> =>
    pipe(
      replace('x', f, self.x, self.size),
      E.map((x) => make<S, Y>(x, self.y, self.size)),
    );

/** New targets from the old ones, for data sets of one target: `mapY((rows) => ints([], rows.map(([d = 0]) => d % 2)))`. */
export const mapY =
  <S extends AnyShape>(f: (rows: readonly Row[]) => Samples<S>) =>
  <X, Y extends AnyShape>(self: Dataset<X, Y>): E.Either<DataError, Dataset<X, S>> =>
    pipe(
      replace('y', f, self.y, self.size),
      E.map((y) => make<X, S>(self.x, y, self.size)),
    );

const replace = <S extends AnyShape, X extends AnyShape>(
  part: string,
  f: (rows: readonly Row[]) => Samples<S>,
  arrays: Arrays<X>,
  expected: number,
): E.Either<DataError, Arrays<S>> =>
  pipe(
    check(part, f(rows(single(arrays)))),
    E.filterOrElse(
      (array) => Rows.rowCount(array) === expected,
      (array) => sampleCount({ [`${part} before`]: expected, [`${part} after`]: Rows.rowCount(array) }),
    ),
    E.map((array) => fromNamed<S>({ '': array })),
  );

/**
 * Labels from 0 to `classes - 1` as float vectors with a single 1, for losses on probabilities (Keras's `to_categorical`).
 * The loss `sparseCategoricalCrossentropy` takes labels as they are. Error: a label out of range, naming the sample.
 */
export const oneHot =
  <C extends number>(classes: C) =>
  <X, S extends Shape>(self: Dataset<X, Int<S>>): E.Either<DataError, Dataset<X, [...S, C]>> => {
    if (!Number.isInteger(classes) || classes < 1) {
      return E.left(invalidArgument('oneHot', classes, 'a positive integer', 'it is the number of classes'));
    }
    const labels = single(self.y);
    const data = new Float32Array(labels.data.length * classes);
    for (let i = 0; i < labels.data.length; i++) {
      const label = Number(labels.data[i]);
      if (label < 0 || label >= classes) {
        return E.left(labelOutOfRange(Math.floor(i / Rows.rowWidth(labels)), label, classes));
      }
      data[i * classes + label] = 1;
    }
    const y: NdArray = { dtype: 'float32', shape: [...labels.shape, classes], data };
    return E.right(make<X, [...S, C]>(self.x, fromNamed({ '': y }), self.size));
  };
