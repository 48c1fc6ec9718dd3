/**
 * The type of streamed data, and how to make them. Part of `DataStream.ts`, which says what they are.
 */
import * as E from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';
import * as S from '../../stream/Stream.ts';
import type { DataError } from '../DataError.ts';
import { invalidArgument } from '../DataError.ts';
import { type Dataset, pick as pickSamples } from '../Dataset.ts';
import { derive, permutation } from '../Random.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/**
 * Where a reader stands: in which pass through the data, and how many elements of that pass are behind, both from 0. All that
 * has to be kept to go on from there.
 */
export interface Position {
  readonly pass: number;
  readonly at: number;
}

export interface DataStream<R, Err, A> {
  readonly _tag: 'DataStream';
  /** Elements of a pass, where that is known without reading. */
  readonly size: number | undefined;
  /** The elements of a pass from a position on. */
  readonly open: (position: Position) => S.Stream<R, Err, A>;
  /** Elements of a pass by number, in any order; there where the source can be read so (arrays can, files of text cannot). */
  readonly pick?: (pass: number, indices: Iterable<number>) => S.Stream<R, Err, A>;
}

/** The beginning. */
export const start: Position = { pass: 0, at: 0 };

const natural = new t.Type<number, number, unknown>(
  'a whole number, 0 or more',
  (u): u is number => Number.isSafeInteger(u) && Number(u) >= 0,
  (u, c) => (Number.isSafeInteger(u) && Number(u) >= 0 ? t.success(Number(u)) : t.failure(u, c)),
  (n) => n,
);

/** Positions in files: `Position.decode(JSON.parse(text))`. */
export const Position: t.Type<Position, Position, unknown> = t.readonly(t.type({ pass: natural, at: natural }));

// -------------------------------------------------------------------------------------
// helpers of this room
// -------------------------------------------------------------------------------------

export const make = <R, Err, A>(
  open: (position: Position) => S.Stream<R, Err, A>,
  size: number | undefined,
  pick?: DataStream<R, Err, A>['pick'],
): DataStream<R, Err, A> => ({ _tag: 'DataStream', size, open, ...(pick === undefined ? {} : { pick }) });

/** From the beginning of the pass, and what is behind is dropped: right for every stage, and as slow as reading is. */
export const replayed =
  <R, Err, A>(pass: (pass: number) => S.Stream<R, Err, A>): ((position: Position) => S.Stream<R, Err, A>) =>
  ({ pass: n, at }) =>
    at === 0 ? pass(n) : S.drop(at)(pass(n));

/** The seed of a pass: another order each time, the same one whenever it is read again. */
export const seedOf = (seed: number, pass: number): number => derive(seed, pass);

/** A wrong argument is an error of the stream, told when it is read. */
export const refused = <A>(
  argument: string,
  actual: number,
  expected: string,
  mend: string,
): S.Stream<unknown, DataError, A> => S.left(invalidArgument(argument, actual, expected, mend));

export const isPositive = (n: number): boolean => Number.isSafeInteger(n) && n > 0;
export const isNatural = (n: number): boolean => Number.isSafeInteger(n) && n >= 0;

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** The elements of an array, in its order. */
export const fromArray = <A>(elements: readonly A[]): DataStream<unknown, never, A> =>
  make(
    ({ at }) =>
      S.fromGenerator(async function* () {
        for (let i = at; i < elements.length; i++) yield E.right(elements[i] as A);
      }),
    elements.length,
    (_, indices) =>
      S.fromGenerator(async function* () {
        for (const i of indices) yield E.right(elements[i] as A);
      }),
  );

/**
 * A stream as data: every pass runs it anew, so it must give the same elements each time. To go on from a position it is run
 * from its beginning, and what is behind is dropped. `size`: how many elements it gives, if you know.
 *
 * @example
 * DS.fromStream(pipe(() => createReadStream('a.bin'), NodeStream.fromReadable(E.toError)))
 */
export const fromStream = <R, Err, A>(
  stream: S.Stream<R, Err, A>,
  options: { readonly size?: number } = {},
): DataStream<R, Err, A> =>
  make(
    replayed(() => stream),
    options.size,
  );

/** A stream that depends on the pass: a database query with an order of its own, a generator of synthetic samples. */
export const fromPasses = <R, Err, A>(
  passes: (pass: number) => S.Stream<R, Err, A>,
  options: { readonly size?: number } = {},
): DataStream<R, Err, A> => make(replayed(passes), options.size);

/** An error and nothing else. */
export const left = <Err>(error: Err): DataStream<unknown, Err, never> => make(() => S.left(error), undefined);

/** What can only be opened with an effect that may fail: its error is that of every pass. */
export const fromEither = <R, Err, A, Err2>(
  either: E.Either<Err2, DataStream<R, Err, A>>,
): DataStream<R, Err | Err2, A> => (E.isLeft(either) ? left(either.left) : either.right);

/**
 * A data set in memory in batches, each a data set of its own. With a seed, every pass is in another order: the order in which
 * `fit` with this seed visits a data set in memory. The last batch may be smaller. Any position is reached at once.
 *
 * Error, of the stream: `batchSize` is not a positive integer.
 */
export const fromDataset =
  (options: { readonly batchSize: number; readonly seed?: number }) =>
  <X, Y>(self: Dataset<X, Y>): DataStream<unknown, DataError, Dataset<X, Y>> => {
    const { batchSize, seed } = options;
    if (!isPositive(batchSize))
      return make(
        () =>
          refused('fromDataset: batchSize', batchSize, 'a positive integer', 'it is the number of samples in a batch'),
        undefined,
      );
    return make(
      ({ pass, at }) =>
        S.fromGenerator(async function* () {
          const order =
            seed === undefined
              ? Int32Array.from({ length: self.size }, (_, i) => i)
              : permutation(seedOf(seed, pass), self.size);
          for (let from = at * batchSize; from < self.size; from += batchSize)
            yield E.right(pickSamples(self, order.subarray(from, from + batchSize)));
        }),
      Math.ceil(self.size / batchSize),
    );
  };
