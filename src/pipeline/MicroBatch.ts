/**
 * Streams through pipelines, a few elements at a time.
 */
import * as E from 'fp-ts/lib/Either.js';
import * as S from '../stream/Stream.ts';
import type { HasTimer } from '../training/Environment.ts';
import type { Pipeline } from './Arrow.ts';
import type { InvalidPipeline } from './PipelineError.ts';
import { open } from './Run.ts';

export interface MicroBatchOptions {
  /** Elements in a group at most; taken as 1 if it is less, or no number. */
  readonly maxSize: number;
  /** Milliseconds after the first element of a group, by the environment's timer. Then what is there goes on. */
  readonly maxDelay: number;
}

/**
 * Groups of up to `maxSize` elements; a group that is not full goes on `maxDelay` after its first element came. At the end, and
 * before an error, what is there is given. The source is pulled one element ahead at most: a slow consumer holds it back. Closing
 * early waits for the pull that is under way. RxJS: `bufferTime(maxDelay, null, maxSize)`, but for groups of none.
 *
 * Law: the elements of all groups are those of the source, in their order.
 */
export const microBatch =
  ({ maxSize, maxDelay }: MicroBatchOptions) =>
  <R, Err, A>(fa: S.Stream<R, Err, A>): S.Stream<R & HasTimer, Err, readonly A[]> =>
    S.fromGenerator(async function* (r) {
      const most = maxSize >= 1 ? maxSize : 1;
      const iterator = fa(r)[Symbol.asyncIterator]();
      let pending: Promise<IteratorResult<E.Either<Err, A>>> | undefined;
      let ended = false;
      let callOff: (() => void) | undefined;
      try {
        while (!ended) {
          const group: A[] = [];
          let failure: E.Either<Err, never> | undefined;
          let time: Promise<'time'> | undefined;
          while (group.length < most) {
            pending ??= iterator.next();
            const next: IteratorResult<E.Either<Err, A>> | 'time' = await (time === undefined
              ? pending
              : Promise.race([pending, time]));
            if (next === 'time') break;
            pending = undefined;
            if (next.done === true) ended = true;
            else if (E.isLeft(next.value)) failure = next.value;
            if (next.done === true || E.isLeft(next.value)) break;
            group.push(next.value.right);
            time ??= new Promise((resolve) => {
              callOff = r.timer.after(maxDelay, () => resolve('time'))();
            });
          }
          callOff?.();
          callOff = undefined;
          if (group.length > 0) yield E.right(group);
          if (failure !== undefined) return yield failure;
        }
      } finally {
        callOff?.();
        const last = await pending?.catch(() => undefined);
        if (!ended && last?.done !== true) await iterator.return?.();
      }
    });

/**
 * Each element through a pipeline that is opened for as long as the stream is read, in groups as of `microBatch`; each element has
 * its own result, in their order, so that one that is refused does not end the stream.
 *
 * @example
 * pipe(requests, P.through(flowers, { maxSize: 64, maxDelay: 5 }))   // Stream<..., Either<..., Answer>>
 */
export const through =
  <R2, E2, A, B>(pipeline: Pipeline<R2, E2, A, B>, options: MicroBatchOptions) =>
  <R, Err>(fa: S.Stream<R, Err, A>): S.Stream<R & R2 & HasTimer, Err | E2 | InvalidPipeline, E.Either<E2, B>> =>
    S.fromGenerator<R & R2 & HasTimer, Err | E2 | InvalidPipeline, E.Either<E2, B>>(async function* (r) {
      const opened = await open(pipeline)(r)();
      if (E.isLeft(opened)) return yield opened;
      try {
        for await (const group of microBatch(options)(fa)(r)) {
          if (E.isLeft(group)) return yield group;
          for (const result of await opened.right.run(group.right)()) yield E.right(result);
        }
      } finally {
        await opened.right.close();
      }
    });
