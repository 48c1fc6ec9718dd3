/** Streamed data from streamed data: in which order, and of which class how many. Part of `DataStream.ts`. */
import * as E from 'fp-ts/lib/Either.js';
import * as S from '../../stream/Stream.ts';
import { type DataError, invalidArgument } from '../DataError.ts';
import { below, next, permutation, stateFrom } from '../Random.ts';
import { type DataStream, isPositive, make, refused, replayed, seedOf } from './Model.ts';

// -------------------------------------------------------------------------------------
// shuffling
// -------------------------------------------------------------------------------------

/** All of a pass in memory, then in a random order. */
const whole = <R, Err, A>(fa: S.Stream<R, Err, A>, seed: number): S.Stream<R, Err, A> =>
  S.fromGenerator(async function* (r) {
    const all: A[] = [];
    for await (const e of fa(r)) {
      if (E.isLeft(e)) return yield e;
      all.push(e.right);
    }
    for (const i of permutation(seed, all.length)) yield E.right(all[i] as A);
  });

/** Each next element is a random one of those held, and the source's next takes its place. */
const buffered = <R, Err, A>(fa: S.Stream<R, Err, A>, seed: number, room: number): S.Stream<R, Err, A> =>
  S.fromGenerator(async function* (r) {
    const state = stateFrom(seed);
    const held: A[] = [];
    for await (const e of fa(r)) {
      if (E.isLeft(e)) return yield e;
      if (held.length < room) {
        held.push(e.right);
        continue;
      }
      const i = below(state, room);
      const out = held[i] as A;
      held[i] = e.right;
      yield E.right(out);
    }
    while (held.length > 0) {
      const i = below(state, held.length);
      const out = held[i] as A;
      held[i] = held[held.length - 1] as A;
      held.pop();
      yield E.right(out);
    }
  });

/** Numbers of elements in an order that is held whole: 512 MiB. */
const MOST_INDICES = 2 ** 27;

/**
 * A random order that seed and pass alone decide. Where the source can be read in any order nothing is held but the order, and a position
 * is reached at once; otherwise all of a pass is held in memory, or with `buffer: n` only n elements, from which each next one is drawn
 * (tf.data's `shuffle(buffer_size)`: an element comes at most n places early).
 *
 * Errors, of the stream: `buffer` is not a positive integer; more than 2^27 elements to be had in any order, without `buffer`.
 */
export const shuffle =
  (options: { readonly seed: number; readonly buffer?: number }) =>
  <R, Err, A>(self: DataStream<R, Err, A>): DataStream<R, Err | DataError, A> => {
    const { seed, buffer } = options;
    const { size, pick } = self;
    if (buffer !== undefined && !isPositive(buffer))
      return make<R, Err | DataError, A>(
        () =>
          refused(
            'shuffle: buffer',
            buffer,
            'a positive integer',
            'it is how many elements are held; leave it out to hold all',
          ),
        undefined,
      );
    if (buffer !== undefined)
      return make(
        replayed((pass) => buffered(self.open({ pass, at: 0 }), seedOf(seed, pass), buffer)),
        size,
      );
    if (size === undefined || pick === undefined)
      return make(
        replayed((pass) => whole(self.open({ pass, at: 0 }), seedOf(seed, pass))),
        size,
      );
    if (size > MOST_INDICES)
      return make<R, Err | DataError, A>(
        () =>
          refused('shuffle: size', size, `at most ${MOST_INDICES} elements`, 'give a buffer, or read larger blocks'),
        undefined,
      );
    return make(
      ({ pass, at }) => pick(pass, permutation(seedOf(seed, pass), size).subarray(at)),
      size,
      (pass, indices) => {
        const order = permutation(seedOf(seed, pass), size);
        return pick(
          pass,
          Array.from(indices, (i) => order[i] ?? 0),
        );
      },
    );
  };

// -------------------------------------------------------------------------------------
// classes
// -------------------------------------------------------------------------------------

const unit = (state: ReturnType<typeof stateFrom>): number => next(state) / 0x1_0000_0000;

/**
 * Each next element from a source drawn by its weight: sources by class, for balance; corpora, for a mixture. Weights need not sum
 * to 1. Ends when the drawn source has ended (`stop: 'first'`, the default: shares hold to the end), or when all have (`'last'`).
 * tf.data: `sample_from_datasets`. To have small classes come again and again, `repeat` them.
 *
 * Errors, of the stream: a weight is negative or no number, none is positive.
 */
export const mix = <R, Err, A>(
  sources: readonly { readonly data: DataStream<R, Err, A>; readonly weight: number }[],
  options: { readonly seed: number; readonly stop?: 'first' | 'last' },
): DataStream<R, Err | DataError, A> => {
  const { seed, stop = 'first' } = options;
  const wrong = sources.find(({ weight }) => !(weight >= 0 && weight < Number.POSITIVE_INFINITY));
  const total = sources.reduce((sum, { weight }) => sum + weight, 0);
  if (wrong !== undefined || !(total > 0)) {
    const mend = 'one of them at least is positive; they are shares, and need not sum to 1';
    return make<R, Err | DataError, A>(
      () => S.left(invalidArgument('mix: weight', wrong?.weight ?? total, 'weights of 0 or more', mend)),
      undefined,
    );
  }
  return make(
    replayed((pass) =>
      S.fromGenerator(async function* (r) {
        const state = stateFrom(seedOf(seed, pass));
        const open = sources.map(({ data }) => data.open({ pass, at: 0 })(r)[Symbol.asyncIterator]());
        const weights = sources.map(({ weight }) => weight);
        const ended = new Set<number>();
        try {
          for (;;) {
            const sum = weights.reduce((a, b) => a + b, 0);
            if (!(sum > 0)) return;
            let rest = unit(state) * sum;
            let drawn = weights.findIndex((weight) => {
              rest -= weight;
              return rest < 0;
            });
            // What rounding leaves over belongs to the last that has a weight.
            if (drawn < 0) drawn = weights.findLastIndex((weight) => weight > 0);
            const element = await open[drawn]?.next();
            if (element === undefined || element.done === true) {
              ended.add(drawn);
              weights[drawn] = 0;
              if (stop === 'first') return;
              continue;
            }
            yield element.value;
            if (E.isLeft(element.value)) return;
          }
        } finally {
          for (const [i, iterator] of open.entries()) if (!ended.has(i)) await iterator.return?.();
        }
      }),
    ),
    undefined,
  );
};

/**
 * Fewer of the frequent classes, so that what is left has the shares of `target`: each element is kept with a chance that follows from
 * `observed`, the counts or shares of the classes as they come. tf.data: `rejection_resample`. Nothing comes twice; to see a rare
 * class more often, `mix` with `repeat`. Classes that are not in `target` do not come.
 *
 * Error, of the stream: a class of `target` that was not observed.
 */
export const resample =
  <A>(options: {
    readonly classOf: (a: A) => string | number;
    readonly observed: Readonly<Record<string | number, number>>;
    readonly target: Readonly<Record<string | number, number>>;
    readonly seed: number;
  }) =>
  <R, Err>(self: DataStream<R, Err, A>): DataStream<R, Err | DataError, A> => {
    const { classOf, observed, target, seed } = options;
    const ratios = new Map(
      Object.entries(target).map(([name, share]) => [name, share === 0 ? 0 : share / (observed[name] ?? 0)]),
    );
    const [odd] = [...ratios].filter(([, ratio]) => !(ratio >= 0 && ratio < Number.POSITIVE_INFINITY));
    const most = Math.max(0, ...ratios.values());
    if (odd !== undefined || !(most > 0)) {
      const name = odd === undefined ? 'target' : `target: class '${odd[0]}'`;
      return make<R, Err | DataError, A>(
        () =>
          S.left(
            invalidArgument(
              `resample: ${name}`,
              odd === undefined ? 0 : (target[odd[0]] ?? 0),
              'a share above 0 of a class that was observed',
              `observed were ${Object.keys(observed).join(', ')}`,
            ),
          ),
        undefined,
      );
    }
    return make(
      replayed((pass) =>
        S.fromGenerator(async function* (r) {
          const state = stateFrom(seedOf(seed, pass));
          for await (const e of self.open({ pass, at: 0 })(r)) {
            if (E.isLeft(e)) return yield e;
            // Drawn for every element, so that one class's chances do not shift another's luck.
            if (unit(state) * most < (ratios.get(String(classOf(e.right))) ?? 0)) yield e;
          }
        }),
      ),
      undefined,
    );
  };
