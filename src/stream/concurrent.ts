/**
 * Streams that run at the same time as their consumer, or as each other.
 *
 * Each of them holds a bounded number of elements and no more: a source is asked for the next element only when there
 * is room for it. Who stops early closes every source; an effect that is under way cannot be broken off, so closing
 * waits for it, and then its resources are released: a source that never gives its next element never closes, unless it is one
 * that can give up waiting (`fromObservable`). Nothing is left running after the end.
 */
import * as E from 'fp-ts/lib/Either.js';
import { fromGenerator, type Stream } from './constructors.ts';

// -------------------------------------------------------------------------------------
// sources that are being pulled
// -------------------------------------------------------------------------------------

type Pulled<Err, A> = IteratorResult<E.Either<Err, A>>;

/** An iterator of which at most one pull is under way. */
interface Source<Err, A> {
  readonly iterator: AsyncIterator<E.Either<Err, A>>;
  pending: Promise<Pulled<Err, A>> | undefined;
  ended: boolean;
}

const open = <R, Err, A>(stream: Stream<R, Err, A>, r: R): Source<Err, A> => ({
  iterator: stream(r)[Symbol.asyncIterator](),
  pending: undefined,
  ended: false,
});

/**
 * Closes what has not ended, and waits for the pull under way. A generator is closed when that has come, an iterator that can give
 * it up at once. A source that fails in its last pull has nobody to tell.
 */
const close = async <Err, A>(source: Source<Err, A>): Promise<void> => {
  if (source.ended) return;
  source.ended = true;
  const closing = source.iterator.return?.();
  await source.pending?.catch(() => undefined);
  await closing;
};

/** Says when something has changed. */
const signal = () => {
  let waiting: (() => void)[] = [];
  return {
    wait: (): Promise<void> => new Promise((resolve) => waiting.push(resolve)),
    notify: (): void => {
      const all = waiting;
      waiting = [];
      for (const resolve of all) resolve();
    },
  };
};

/** A generator that can be closed while it waits: `stop` has it wake up and end. */
const stoppable = <A>(generator: AsyncGenerator<A, void>, stop: () => void): AsyncIterator<A> => ({
  next: () => generator.next(),
  return: () => {
    stop();
    return generator.return();
  },
});

// -------------------------------------------------------------------------------------
// combinators
// -------------------------------------------------------------------------------------

/**
 * The elements of both, each as soon as it is there; those of one source stay in their order. Both are pulled at the same
 * time, one element ahead at most. Ends when both have ended; the first error ends it and closes the other source.
 *
 * No instance is made of it: what comes first is up to time, so it is associative and commutative only in what is given, not
 * in the order.
 */
export const mergeW =
  <R2, E2, B>(that: Stream<R2, E2, B>) =>
  <R1, E1, A>(fa: Stream<R1, E1, A>): Stream<R1 & R2, E1 | E2, A | B> =>
    fromGenerator<R1 & R2, E1 | E2, A | B>((r) => {
      const changed = signal();
      let stopped = false;
      const elements = async function* () {
        const all: readonly Source<E1 | E2, A | B>[] = [open<R1, E1 | E2, A | B>(fa, r), open(that, r)];
        // In the order in which they came, one of each source at most: so a fast source does not starve the other.
        const ready: (readonly [Source<E1 | E2, A | B>, Pulled<E1 | E2, A | B>])[] = [];
        let thrown: { readonly reason: unknown } | undefined;
        // Each pull is listened to once: a source that gives nothing for long gathers no listeners.
        const pull = (source: Source<E1 | E2, A | B>): void => {
          source.pending = source.iterator.next();
          source.pending.then(
            (result) => {
              ready.push([source, result]);
              changed.notify();
            },
            (reason: unknown) => {
              source.ended = true;
              thrown ??= { reason };
              changed.notify();
            },
          );
        };
        try {
          while (!stopped) {
            for (const source of all) if (!source.ended && source.pending === undefined) pull(source);
            const next = ready.shift();
            if (next !== undefined) {
              const [source, result] = next;
              source.pending = undefined;
              if (result.done === true) source.ended = true;
              else {
                yield result.value;
                if (E.isLeft(result.value)) return;
              }
            } else if (thrown !== undefined) throw thrown.reason;
            else if (all.every((source) => source.ended)) return;
            else await changed.wait();
          }
        } finally {
          await Promise.all(all.map(close));
        }
      };
      return stoppable(elements(), () => {
        stopped = true;
        changed.notify();
      });
    });

/** As `mergeW`, with one environment and one type of errors. */
export const merge: <R, E, A>(that: Stream<R, E, A>) => (fa: Stream<R, E, A>) => Stream<R, E, A> = mergeW;

/**
 * The same elements, with up to `capacity` of them pulled ahead of the consumer: the source goes on while the consumer is at
 * work. Taken as 1 if it is less. It begins with the first pull, and holds `capacity` elements at most.
 */
export const buffer =
  (capacity: number) =>
  <R, Err, A>(fa: Stream<R, Err, A>): Stream<R, Err, A> =>
    fromGenerator((r) => {
      const room = Math.max(1, Math.floor(capacity));
      const changed = signal();
      let stopped = false;
      const elements = async function* () {
        const source = open(fa, r);
        const queue: E.Either<Err, A>[] = [];
        let failed = false;
        let thrown: { readonly reason: unknown } | undefined;
        const fill = async (): Promise<void> => {
          while (!stopped && !failed && !source.ended) {
            if (queue.length >= room) {
              await changed.wait();
              continue;
            }
            source.pending = source.iterator.next();
            const next = await source.pending;
            source.pending = undefined;
            if (next.done === true) source.ended = true;
            else {
              queue.push(next.value);
              failed = E.isLeft(next.value);
            }
            changed.notify();
          }
        };
        const filling = fill().catch((reason: unknown) => {
          thrown = { reason };
          source.ended = true;
          changed.notify();
        });
        try {
          while (!stopped) {
            const next = queue.shift();
            if (next !== undefined) {
              changed.notify();
              yield next;
              if (E.isLeft(next)) return;
            } else if (thrown !== undefined) throw thrown.reason;
            else if (source.ended) return;
            else await changed.wait();
          }
        } finally {
          stopped = true;
          changed.notify();
          await Promise.all([close(source), filling]);
        }
      };
      return stoppable(elements(), () => {
        stopped = true;
        changed.notify();
      });
    });

/** One run of a source, seen by several readers; the slowest of them sets the pace. */
const broadcast = <R, Err, A>(fa: Stream<R, Err, A>, r: R, readers: number, room: number) => {
  const source = open(fa, r);
  const changed = signal();
  // `undefined` for a reader that has gone.
  const queues: (E.Either<Err, A>[] | undefined)[] = Array.from({ length: readers }, () => []);
  let pulling = false;
  let stopped = false;
  let thrown: { readonly reason: unknown } | undefined;
  const full = (): boolean => queues.some((queue) => queue !== undefined && queue.length >= room);
  const pull = async (): Promise<void> => {
    pulling = true;
    try {
      source.pending = source.iterator.next();
      const next = await source.pending;
      if (next.done === true) source.ended = true;
      else for (const queue of queues) queue?.push(next.value);
    } catch (reason) {
      thrown = { reason };
      source.ended = true;
    } finally {
      source.pending = undefined;
      pulling = false;
      changed.notify();
    }
  };
  const reader = (i: number): Stream<unknown, Err, A> =>
    fromGenerator(async function* () {
      try {
        while (!stopped) {
          const queue = queues[i];
          if (queue === undefined) return;
          const next = queue.shift();
          if (next !== undefined) {
            changed.notify();
            yield next;
            if (E.isLeft(next)) return;
          } else if (thrown !== undefined) throw thrown.reason;
          else if (source.ended) return;
          else if (pulling || full()) await changed.wait();
          else await pull();
        }
      } finally {
        queues[i] = undefined;
        changed.notify();
      }
    });
  /** What is made of a branch; when that has ended, the branch is no longer waited for, whether it was read or not. */
  const through = <R3, Err3, B>(
    i: number,
    transformer: (branch: Stream<unknown, Err, A>) => Stream<R3, Err3, B>,
  ): Stream<R3, Err3, B> =>
    fromGenerator(async function* (environment) {
      try {
        yield* transformer(reader(i))(environment);
      } finally {
        queues[i] = undefined;
        changed.notify();
      }
    });
  let ending: Promise<void> | undefined;
  const end = (): Promise<void> => {
    stopped = true;
    changed.notify();
    ending ??= close(source);
    return ending;
  };
  return { through, end };
};

/**
 * One run of the source through two transformers at the same time, and the elements of both results as they come (`merge`).
 * Both see every element; a reader that is `capacity` elements (default 1) ahead waits for the other. A transformer that ends
 * early no longer holds the other back.
 *
 * @example
 * // every event to a log, every tenth to a screen, from one run
 * pipe(events, S.tee(S.tap(log), flow(every(10), S.tap(show))))
 */
export const tee =
  <R1, E1, A, R2, E2, B, R3, E3, C>(
    f: (branch: Stream<R1, E1, A>) => Stream<R2, E2, B>,
    g: (branch: Stream<R1, E1, A>) => Stream<R3, E3, C>,
    capacity = 1,
  ) =>
  (fa: Stream<R1, E1, A>): Stream<R1 & R2 & R3, E2 | E3, B | C> =>
    fromGenerator<R1 & R2 & R3, E2 | E3, B | C>((r) => {
      const { through, end } = broadcast(fa, r, 2, Math.max(1, Math.floor(capacity)));
      const elements = async function* () {
        try {
          yield* mergeW(through(1, g))(through(0, f))(r);
        } finally {
          await end();
        }
      };
      return stoppable(elements(), () => {
        // What it has to wait for, the generator waits for.
        end().catch(() => undefined);
      });
    });
