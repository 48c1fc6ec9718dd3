/**
 * Streams and what other libraries have for many values: `AsyncIterable`s that throw, and observables (RxJS, zen-observable,
 * whatever has `subscribe`). Observables push, so what they give while nobody pulls is kept in a queue of a stated size.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { LazyArg } from 'fp-ts/lib/function.js';
import { fromGenerator, type Stream } from './constructors.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Observer<A> {
  readonly next: (a: A) => void;
  readonly error: (error: unknown) => void;
  readonly complete: () => void;
}

/** What `subscribe` gives: an object that ends the subscription, or a function that does. */
export type Subscription = { readonly unsubscribe: () => void } | (() => void);

/** Whatever can be subscribed to: an RxJS `Observable` among others. */
export interface Subscribable<A> {
  readonly subscribe: (observer: Observer<A>) => Subscription;
}

/** A stream as others subscribe to it. `from` of RxJS takes it as it is. */
export interface InteropObservable<A> {
  readonly subscribe: (observer: Partial<Observer<A>>) => { readonly unsubscribe: () => void };
  readonly '@@observable': () => InteropObservable<A>;
}

export interface ObservableOptions<Err> {
  /** What an error of the observable, and what making it or subscribing to it throws, becomes. */
  readonly onThrow: (thrown: unknown) => Err;
  /** Elements that wait at most. Default 1024. */
  readonly capacity?: number;
  /** What to do with one more: let go of the oldest that waits, or of this one, or end with this error. */
  readonly onFull: 'dropOldest' | 'dropNewest' | LazyArg<Err>;
}

// -------------------------------------------------------------------------------------
// from observables
// -------------------------------------------------------------------------------------

const unsubscribe = (subscription: Subscription | undefined): void => {
  if (typeof subscription === 'function') subscription();
  else subscription?.unsubscribe();
};

/** One subscription, as an iterator: not a generator, so that it can be closed while it waits for an element. */
const subscribed = <Err, A>(
  make: LazyArg<Subscribable<A>>,
  { onThrow, capacity = 1024, onFull }: ObservableOptions<Err>,
): AsyncIterator<E.Either<Err, A>, undefined> => {
  const room = Math.max(1, Math.floor(capacity));
  const queue: A[] = [];
  let subscription: Subscription | undefined;
  let state: 'new' | 'open' | 'closed' = 'new';
  let end: E.Either<Err, undefined> | undefined;
  let wake: () => void = () => undefined;
  const done = { done: true, value: undefined } as const;
  const finish = (how: E.Either<Err, undefined>): void => {
    end ??= how;
    wake();
  };
  const close = (): typeof done => {
    state = 'closed';
    const last = subscription;
    subscription = undefined;
    unsubscribe(last);
    wake();
    return done;
  };
  const take = (a: A): void => {
    if (end !== undefined) return;
    if (queue.length < room) queue.push(a);
    else if (onFull === 'dropOldest') {
      queue.shift();
      queue.push(a);
    } else if (onFull !== 'dropNewest') finish(E.left(onFull()));
    wake();
  };
  const open = (): void => {
    state = 'open';
    try {
      subscription = make().subscribe({
        next: take,
        error: (error) => finish(E.left(onThrow(error))),
        complete: () => finish(E.right(undefined)),
      });
    } catch (thrown) {
      finish(E.left(onThrow(thrown)));
    }
  };
  return {
    next: async () => {
      if (state === 'new') open();
      for (;;) {
        if (state === 'closed') return done;
        // An element may be `undefined`, so the length says whether there is one.
        if (queue.length > 0) return { done: false, value: E.right(queue.shift() as A) };
        if (end !== undefined) {
          close();
          return E.isLeft(end) ? { done: false, value: end } : done;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    return: async () => close(),
  };
};

/**
 * An observable, made anew and subscribed to for each run, at the first pull. An observable cannot be held back: `capacity` and
 * `onFull` say what happens when it is faster than the consumer. Ends the subscription however the stream ends; also while it waits
 * for an element, if nothing stands between it and the `merge`, `buffer` or `tee` that closes it.
 *
 * @example
 * pipe(() => interval(100), S.fromObservable({ onThrow: E.toError, capacity: 16, onFull: 'dropOldest' }))
 */
export const fromObservable =
  <Err>(options: ObservableOptions<Err>) =>
  <A, R = unknown>(make: LazyArg<Subscribable<A>>): Stream<R, Err, A> =>
    fromGenerator(() => subscribed(make, options));

// -------------------------------------------------------------------------------------
// to others
// -------------------------------------------------------------------------------------

/**
 * The stream in its environment as an `AsyncIterable` of elements, for `for await` and for other libraries: an error is thrown,
 * as it is. The border where the types of errors end.
 */
export const toAsyncIterable =
  <R>(r: R) =>
  <Err, A>(fa: Stream<R, Err, A>): AsyncIterable<A> => ({
    async *[Symbol.asyncIterator]() {
      for await (const e of fa(r)) {
        if (E.isLeft(e)) throw e.left;
        yield e.right;
      }
    },
  });

const runInto = async <Err, A>(
  elements: AsyncIterable<E.Either<Err, A>>,
  { next, error, complete }: Partial<Observer<A>>,
  isClosed: () => boolean,
): Promise<void> => {
  for await (const e of elements) {
    if (isClosed()) return;
    if (E.isLeft(e)) return error?.(e.left);
    next?.(e.right);
    if (isClosed()) return;
  }
  complete?.();
};

/**
 * The stream in its environment as an observable: every subscription runs it anew. Observers cannot hold it back. Ending the
 * subscription closes the source when the element at hand has come. What an observer throws closes the source and is
 * given to `error`.
 */
export const toObservable =
  <R>(r: R) =>
  <Err, A>(fa: Stream<R, Err, A>): InteropObservable<A> => {
    const observable: InteropObservable<A> = {
      subscribe: (observer) => {
        let closed = false;
        runInto(fa(r), bound(observer), () => closed).catch((thrown: unknown) => {
          if (!closed) observer.error?.(thrown);
        });
        return {
          unsubscribe: () => {
            closed = true;
          },
        };
      },
      '@@observable': () => observable,
    };
    // The well-known symbol is there only where some library has made it.
    const symbol: unknown = Reflect.get(Symbol, 'observable');
    return typeof symbol === 'symbol' ? Object.assign(observable, { [symbol]: () => observable }) : observable;
  };

/** Observers may be objects with methods that use `this`, as RxJS's subscribers are. */
const bound = <A>(observer: Partial<Observer<A>>): Partial<Observer<A>> => ({
  next: (a) => observer.next?.(a),
  error: (e) => observer.error?.(e),
  complete: () => observer.complete?.(),
});
