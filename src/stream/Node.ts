/**
 * Streams and Node's own: files, sockets, zips, standard input and output. Back-pressure goes both ways: a slow `Writable` holds
 * the source back, and a slow consumer a `Readable`.
 *
 * @example
 * import { NodeStream, Stream } from 'grad-ts';
 *
 * pipe(
 *   () => createReadStream('a.bin'),
 *   NodeStream.fromReadable(E.toError),
 *   Stream.map((chunk) => chunk.length),
 *   Stream.runFold(0, (sum, n) => sum + n),
 * )
 */
import * as E from 'fp-ts/lib/Either.js';
import type { LazyArg } from 'fp-ts/lib/function.js';
import type { ReaderTaskEither } from 'fp-ts/lib/ReaderTaskEither.js';
import { fromAsyncIterable, type Stream } from './constructors.ts';
import { toAsyncIterable } from './interop.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** What is needed of Node's class `Readable`: types of Node's own are not asked of those who import this library. */
export interface ReadableClass<N> {
  readonly from: (
    chunks: AsyncIterable<unknown>,
    options: { readonly objectMode: boolean; readonly highWaterMark: number },
  ) => N;
}

/** What is needed of a `Writable`. */
export interface WritableLike {
  readonly closed: boolean;
  readonly destroyed: boolean;
  readonly writableFinished: boolean;
  on(event: string, listener: (error: unknown) => void): unknown;
  once(event: string, listener: () => void): unknown;
  write(chunk: string | Uint8Array): boolean;
  end(): unknown;
  destroy(): unknown;
}

// -------------------------------------------------------------------------------------
// from
// -------------------------------------------------------------------------------------

/**
 * The chunks of a `Readable`, made anew for each run and destroyed at its end, however it ends: `Uint8Array`s, or what a stream
 * in object mode gives. What it emits as 'error' becomes the stream's error.
 */
export const fromReadable =
  <Err>(onThrow: (thrown: unknown) => Err) =>
  <A = Uint8Array, R = unknown>(make: LazyArg<AsyncIterable<unknown>>): Stream<R, Err, A> =>
    fromAsyncIterable(onThrow)<A, R>(make as LazyArg<AsyncIterable<A>>);

// -------------------------------------------------------------------------------------
// to
// -------------------------------------------------------------------------------------

/** An error as Node wants it; one that is none is the new one's cause. */
const asError = (e: unknown): Error =>
  e instanceof Error
    ? e
    : new Error(typeof e === 'object' && e !== null && 'message' in e ? String(e.message) : String(e), { cause: e });

/**
 * The stream in its environment as a `Readable` in object mode. It pulls as it is read; destroying it closes the source. A
 * `Left` is emitted as 'error', made an `Error` with the left as its cause if it is none.
 *
 * @example
 * import { Readable } from 'node:stream';
 *
 * NodeStream.toReadable(Readable)(environment)(lines).pipe(process.stdout)
 */
export const toReadable =
  <N>(readable: ReadableClass<N>) =>
  <R>(r: R) =>
  <Err, A>(fa: Stream<R, Err, A>): N => {
    const elements = toAsyncIterable(r)(fa);
    const source = async function* () {
      try {
        yield* elements;
      } catch (e) {
        throw asError(e);
      }
    };
    return readable.from(source(), { objectMode: true, highWaterMark: 1 });
  };

/**
 * Writes every element, waits where the `Writable` asks for it, and ends it. Whether the stream fails or the writing does, the
 * `Writable` is destroyed and the source is closed.
 *
 * @example
 * pipe(lines, Stream.map((line) => `${line}\n`), NodeStream.writeTo(E.toError)(() => createWriteStream('out.txt')))
 */
export const writeTo =
  <E2>(onThrow: (thrown: unknown) => E2) =>
  (make: LazyArg<WritableLike>) =>
  <R, E1, A extends string | Uint8Array>(fa: Stream<R, E1, A>): ReaderTaskEither<R, E1 | E2, void> =>
  (r) =>
  async () => {
    let writable: WritableLike | undefined;
    // Errors are told between writes too, and one that nobody listens to would end the process.
    let failed: { readonly error: unknown } | undefined;
    try {
      writable = make();
      const target = writable;
      target.on('error', (error) => {
        failed ??= { error };
      });
      const done = closed(target);
      // One listener for all waits: a race with `done` would leave one behind at each of them.
      let wake: () => void = () => undefined;
      done.then(() => wake());
      const drained = (): Promise<void> =>
        new Promise((resolve) => {
          wake = resolve;
          target.once('drain', resolve);
          if (target.closed || target.destroyed) resolve();
        });
      for await (const e of fa(r)) {
        if (E.isLeft(e)) {
          target.destroy();
          return e;
        }
        if (failed === undefined && !target.write(e.right)) await drained();
        if (failed !== undefined) return E.left(onThrow(failed.error));
      }
      target.end();
      await done;
      return failed === undefined ? E.right(undefined) : E.left(onThrow(failed.error));
    } catch (thrown) {
      writable?.destroy();
      return E.left(onThrow(failed?.error ?? thrown));
    }
  };

/** When nothing more comes of it: it has finished, failed, or been destroyed. */
const closed = (writable: WritableLike): Promise<void> =>
  new Promise((resolve) => {
    if (writable.closed || writable.destroyed || writable.writableFinished) return resolve();
    for (const event of ['finish', 'close', 'error']) writable.once(event, () => resolve());
  });
