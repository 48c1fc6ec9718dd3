/**
 * Pull-based effectful streams: `Stream<R, E, A>` is to many values what `ReaderTaskEither<R, E, A>` is to one.
 *
 * A stream is a description. `stream(r)` does nothing until it is iterated, and each iteration starts anew. Nothing is
 * computed before it is asked for, so a slow consumer holds its source back. A `Left` is the last element: whatever a
 * source gives after one is not there. Who stops early closes the source (its `return()` is called), and so runs the
 * releases of every `bracket` on the way. Functions passed in are taken to be total, as everywhere in fp-ts;
 * `fromAsyncIterable` is the one border where exceptions are caught.
 *
 * Laws (two streams are equal if they give the same elements and do the same effects in the same order):
 *
 * - `Functor`, `Applicative` and `Monad`: `chain` concatenates, `ap` is the one derived from it: each function in turn
 *   with all arguments.
 * - `fromReaderTaskEither` is a monad morphism: it keeps `of` and `chain`.
 * - `concat` and `empty` form a monoid; `left(e)` absorbs from the left: `concat(that)(left(e)) = left(e)`.
 * - `Filterable`: identity and distributivity; annihilation for streams that neither fail nor act, since effects and
 *   errors of the source stay.
 * - `alt` is associative, has `left` as its left zero, and `map` distributes over it.
 */
import type { Alt3 } from 'fp-ts/lib/Alt.js';
import type { Applicative3 } from 'fp-ts/lib/Applicative.js';
import type { Apply3 } from 'fp-ts/lib/Apply.js';
import type { Bifunctor3 } from 'fp-ts/lib/Bifunctor.js';
import type { Chain3 } from 'fp-ts/lib/Chain.js';
import type { Compactable3 } from 'fp-ts/lib/Compactable.js';
import type { Filterable3 } from 'fp-ts/lib/Filterable.js';
import type { FromEither3 } from 'fp-ts/lib/FromEither.js';
import type { FromIO3 } from 'fp-ts/lib/FromIO.js';
import type { FromReader3 } from 'fp-ts/lib/FromReader.js';
import type { FromTask3 } from 'fp-ts/lib/FromTask.js';
import type { Functor3 } from 'fp-ts/lib/Functor.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Monad3 } from 'fp-ts/lib/Monad.js';
import type { MonadIO3 } from 'fp-ts/lib/MonadIO.js';
import type { MonadTask3 } from 'fp-ts/lib/MonadTask.js';
import type { MonadThrow3 } from 'fp-ts/lib/MonadThrow.js';
import type { Monoid } from 'fp-ts/lib/Monoid.js';
import type { Pointed3 } from 'fp-ts/lib/Pointed.js';
import type { Predicate } from 'fp-ts/lib/Predicate.js';
import type { Semigroup } from 'fp-ts/lib/Semigroup.js';
import {
  alt,
  ap,
  bimap,
  chain,
  compact,
  concat,
  filter,
  filterMap,
  map,
  mapLeft,
  partition,
  partitionMap,
  separate,
} from './combinators.ts';
import { empty, fromEither, fromIO, fromReader, fromTask, left, of, type Stream } from './constructors.ts';

export * from './combinators.ts';
export * from './concurrent.ts';
export * from './constructors.ts';
export * from './interop.ts';
export * from './runners.ts';

// -------------------------------------------------------------------------------------
// instances
// -------------------------------------------------------------------------------------

export const URI = 'grad-ts/Stream';
export type URI = typeof URI;

declare module 'fp-ts/HKT.js' {
  interface URItoKind3<R, E, A> {
    readonly [URI]: Stream<R, E, A>;
  }
}

const _map: Functor3<URI>['map'] = (fa, f) => pipe(fa, map(f));
const _ap: Apply3<URI>['ap'] = (fab, fa) => pipe(fab, ap(fa));
const _chain: Chain3<URI>['chain'] = (fa, f) => pipe(fa, chain(f));
const _filter = (<R, E, A>(fa: Stream<R, E, A>, predicate: Predicate<A>) =>
  pipe(fa, filter(predicate))) as Filterable3<URI>['filter'];
const _partition = (<R, E, A>(fa: Stream<R, E, A>, predicate: Predicate<A>) =>
  pipe(fa, partition(predicate))) as Filterable3<URI>['partition'];

export const Functor: Functor3<URI> = { URI, map: _map };
export const Bifunctor: Bifunctor3<URI> = {
  URI,
  bimap: (fa, f, g) => pipe(fa, bimap(f, g)),
  mapLeft: (fa, f) => pipe(fa, mapLeft(f)),
};
export const Pointed: Pointed3<URI> = { URI, of };
export const Apply: Apply3<URI> = { URI, map: _map, ap: _ap };
export const Applicative: Applicative3<URI> = { URI, map: _map, ap: _ap, of };
export const Chain: Chain3<URI> = { URI, map: _map, ap: _ap, chain: _chain };
export const Monad: Monad3<URI> = { URI, map: _map, ap: _ap, of, chain: _chain };
export const FromIO: FromIO3<URI> = { URI, fromIO };
export const FromTask: FromTask3<URI> = { URI, fromIO, fromTask };
export const FromEither: FromEither3<URI> = { URI, fromEither };
export const FromReader: FromReader3<URI> = { URI, fromReader };
export const MonadIO: MonadIO3<URI> = { URI, map: _map, ap: _ap, of, chain: _chain, fromIO };
export const MonadTask: MonadTask3<URI> = { URI, map: _map, ap: _ap, of, chain: _chain, fromIO, fromTask };
export const MonadThrow: MonadThrow3<URI> = { URI, map: _map, ap: _ap, of, chain: _chain, throwError: left };
export const Alt: Alt3<URI> = { URI, map: _map, alt: (fa, that) => pipe(fa, alt(that)) };
export const Compactable: Compactable3<URI> = { URI, compact, separate };
export const Filterable: Filterable3<URI> = {
  URI,
  map: _map,
  compact,
  separate,
  filter: _filter,
  filterMap: (fa, f) => pipe(fa, filterMap(f)),
  partition: _partition,
  partitionMap: (fa, f) => pipe(fa, partitionMap(f)),
};

/** Concatenation. */
export const getSemigroup = <R, E, A>(): Semigroup<Stream<R, E, A>> => ({
  concat: (x, y) => pipe(x, concat(y)),
});

/** Every element of the first with every one of the second, joined by the monoid of elements: `ap` lifted. */
export const getApplicativeMonoid = <R, E, A>(M: Monoid<A>): Monoid<Stream<R, E, A>> => ({
  empty: of(M.empty),
  concat: (x, y) =>
    pipe(
      x,
      map((a) => (b: A) => M.concat(a, b)),
      ap(y),
    ),
});

/** Concatenation. */
export const getMonoid = <R, E, A>(): Monoid<Stream<R, E, A>> => ({
  empty,
  concat: (x, y) => pipe(x, concat(y)),
});
