/** Streams to and from RxJS, `AsyncIterable`s, and Node's streams. */
import { createReadStream, createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as rx from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as N from '../../src/stream/Node.ts';
import * as S from '../../src/stream/Stream.ts';

const collect = <Err, A>(s: S.Stream<unknown, Err, A>) => S.runCollect(s)({})();
const macrotask = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const message = (e: unknown): string => E.toError(e).message;

/** Notes when it is opened and closed. */
const watched = (length = Number.POSITIVE_INFINITY) => {
  const seen = { pulls: 0, opened: 0, closed: 0 };
  const stream: S.Stream<unknown, string, number> = S.fromGenerator(async function* () {
    seen.opened += 1;
    try {
      for (let i = 0; i < length; i++) {
        seen.pulls += 1;
        yield E.right(i);
      }
    } finally {
      seen.closed += 1;
    }
  });
  return { seen, stream };
};

describe('from an observable', () => {
  const options = { onThrow: message, onFull: () => 'full' };

  it('gives its elements, undefined ones too, and its error', async () => {
    expect(await collect(pipe(() => rx.of(1, 2, 3), S.fromObservable(options)))).toEqual(E.right([1, 2, 3]));
    expect(await collect(pipe(() => rx.of(undefined, 1), S.fromObservable(options)))).toEqual(E.right([undefined, 1]));
    expect(await collect(pipe(() => rx.EMPTY, S.fromObservable(options)))).toEqual(E.right([]));
    const failing = rx.concat(
      rx.of(1),
      rx.throwError(() => new Error('lost')),
    );
    const elements: unknown[] = [];
    for await (const e of pipe(() => failing, S.fromObservable(options))({})) elements.push(e);
    expect(elements).toEqual([E.right(1), E.left('lost')]);
  });

  it('gives what comes later', async () => {
    const s = pipe(() => rx.interval(1).pipe(rx.take(3)), S.fromObservable(options));
    expect(await collect(s)).toEqual(E.right([0, 1, 2]));
    expect(await collect(s)).toEqual(E.right([0, 1, 2]));
  });

  it('subscribes at the first pull and unsubscribes when the consumer stops', async () => {
    let subscribers = 0;
    const endless = new rx.Observable<number>((o) => {
      subscribers += 1;
      const timer = setInterval(() => o.next(1), 1);
      return () => {
        subscribers -= 1;
        clearInterval(timer);
      };
    });
    const s = pipe(() => endless, S.fromObservable(options), S.take(2));
    expect(subscribers).toBe(0);
    expect(await collect(s)).toEqual(E.right([1, 1]));
    expect(subscribers).toBe(0);
  });

  it.each([
    ['merge', (s: S.Stream<unknown, string, number>) => pipe(S.of<unknown, string, number>(7), S.merge(s), S.take(1))],
    [
      'buffer',
      (s: S.Stream<unknown, string, number>) =>
        pipe(s, S.buffer(3), S.merge(S.of<unknown, string, number>(7)), S.take(1)),
    ],
    [
      'tee',
      (s: S.Stream<unknown, string, number>) =>
        pipe(
          s,
          S.tee(
            S.map((n: number) => n),
            S.drop(0),
          ),
          S.merge(S.of<unknown, string, number>(7)),
          S.take(1),
        ),
    ],
    ['buffer, after an element', (s: S.Stream<unknown, string, number>) => pipe(s, S.buffer(3), S.take(1))],
  ] as const)('gives up waiting when it is closed: %s', { timeout: 2000 }, async (name, through) => {
    let subscribers = 0;
    const silent = new rx.Observable<number>((o) => {
      subscribers += 1;
      if (name.includes('after')) o.next(7);
      return () => {
        subscribers -= 1;
      };
    });
    expect(await collect(through(S.fromObservable(options)(() => silent)))).toEqual(E.right([7]));
    expect(subscribers).toBe(0);
  });

  it('keeps as many as it has room for', async () => {
    const all = () => rx.of(1, 2, 3, 4, 5);
    const kept = (onFull: 'dropOldest' | 'dropNewest' | (() => string)) =>
      collect(pipe(all, S.fromObservable({ onThrow: message, capacity: 2, onFull })));
    expect(await kept('dropOldest')).toEqual(E.right([4, 5]));
    expect(await kept('dropNewest')).toEqual(E.right([1, 2]));
    expect(await kept(() => 'too many')).toEqual(E.left('too many'));
  });

  it('maps what making it or subscribing to it throws, and takes a function as subscription', async () => {
    const throws = (): rx.Observable<number> => {
      throw new Error('no source');
    };
    expect(await collect(pipe(throws, S.fromObservable(options)))).toEqual(E.left('no source'));
    const plain = (): S.Subscribable<number> => ({
      subscribe: ({ next, complete }) => {
        next(1);
        complete();
        return () => undefined;
      },
    });
    expect(await collect(pipe(plain, S.fromObservable(options)))).toEqual(E.right([1]));
  });
});

describe('to an observable', () => {
  const from = <A>(o: S.InteropObservable<A>): rx.Observable<A> => rx.from(o as unknown as rx.ObservableInput<A>);

  it('is one that RxJS takes, and runs anew for each subscriber', async () => {
    const { seen, stream } = watched(4);
    const doubled = from(S.toObservable({})(stream)).pipe(
      rx.map((n) => n * 2),
      rx.toArray(),
    );
    expect(await rx.firstValueFrom(doubled)).toEqual([0, 2, 4, 6]);
    expect(await rx.firstValueFrom(doubled)).toEqual([0, 2, 4, 6]);
    expect(seen).toMatchObject({ opened: 2, closed: 2 });
  });

  it('gives the error', async () => {
    const s = pipe(S.of<unknown, string, number>(1), S.concat(S.left<unknown, string, number>('no')));
    await expect(rx.lastValueFrom(from(S.toObservable({})(s)))).rejects.toBe('no');
  });

  it('closes its source when the subscription ends', async () => {
    const { seen, stream } = watched();
    expect(await rx.firstValueFrom(from(S.toObservable({})(stream)).pipe(rx.take(2), rx.toArray()))).toEqual([0, 1]);
    await macrotask();
    expect(seen).toEqual({ pulls: 2, opened: 1, closed: 1 });
  });

  it('closes its source when an observer throws', async () => {
    const { seen, stream } = watched();
    const error = await new Promise((resolve) => {
      S.toObservable({})(stream).subscribe({
        next: () => {
          throw new Error('observer');
        },
        error: resolve,
      });
    });
    expect(message(error)).toBe('observer');
    expect(seen).toMatchObject({ opened: 1, closed: 1 });
  });

  it('there and back is the stream', async () => {
    const { stream } = watched(5);
    const back = pipe(() => S.toObservable({})(stream), S.fromObservable({ onThrow: message, onFull: () => 'full' }));
    expect(await collect(back)).toEqual(E.right([0, 1, 2, 3, 4]));
  });
});

describe('to an AsyncIterable', () => {
  it('throws the error, and closes the source on a break', async () => {
    const { seen, stream } = watched();
    for await (const n of S.toAsyncIterable({})(stream)) if (n === 2) break;
    expect(seen).toEqual({ pulls: 3, opened: 1, closed: 1 });
    const failing = async () => {
      for await (const _ of S.toAsyncIterable({})(S.left('no'))) expect.unreachable();
    };
    await expect(failing()).rejects.toBe('no');
  });

  it('there and back is the stream', async () => {
    const { stream } = watched(3);
    expect(await collect(pipe(() => S.toAsyncIterable({})(stream), S.fromAsyncIterable(message)))).toEqual(
      E.right([0, 1, 2]),
    );
  });
});

describe("Node's streams", () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'grad-ts-streams-'));
    writeFileSync(join(folder, 'a.bin'), new Uint8Array(200_000).fill(1));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('a file is read, and closed when the consumer stops early', async () => {
    let file: ReturnType<typeof createReadStream> | undefined;
    const chunks = pipe(() => {
      file = createReadStream(join(folder, 'a.bin'), { highWaterMark: 1000 });
      return file;
    }, N.fromReadable(message));
    const size = pipe(
      chunks,
      S.runFold(0, (sum, chunk: Uint8Array) => sum + chunk.length),
    );
    expect(await size({})()).toEqual(E.right(200_000));
    expect(file?.destroyed).toBe(true);
    expect(E.isRight(await collect(pipe(chunks, S.take(1))))).toBe(true);
    expect(file?.destroyed).toBe(true);
    expect(file?.bytesRead).toBeLessThan(200_000);
  });

  it('a file that is not there is an error', async () => {
    const s = pipe(() => createReadStream(join(folder, 'none')), N.fromReadable(message));
    const result = await collect(s);
    expect(E.isLeft(result) && result.left).toContain('ENOENT');
  });

  it('toReadable pulls as it is read, and closes the source when it is destroyed', async () => {
    const { seen, stream } = watched();
    const readable = N.toReadable(Readable)({})(stream);
    expect(seen.opened).toBe(0);
    for await (const n of readable) if (n === 2) break;
    await macrotask();
    expect(seen.closed).toBe(1);
    // Node reads a little ahead.
    expect(seen.pulls).toBeLessThan(8);
  });

  it('toReadable emits a left as an error with the left as its cause', async () => {
    const all = async () => {
      for await (const _ of N.toReadable(Readable)({})(S.left({ _tag: 'Mine', message: 'no' }))) expect.unreachable();
    };
    await expect(all()).rejects.toMatchObject({ message: 'no', cause: { _tag: 'Mine' } });
  });

  it('writeTo writes all of it', async () => {
    const path = join(folder, 'out.txt');
    const lines = pipe(
      S.fromIterable(Array.from({ length: 5000 }, (_, i) => i)),
      S.map((i) => `${i}\n`),
      N.writeTo(message)(() => createWriteStream(path)),
    );
    expect(await lines({})()).toEqual(E.right(undefined));
    expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(5001);
  });

  it('writeTo waits for a slow target', async () => {
    const { seen, stream } = watched(50);
    let written = 0;
    let most = 0;
    const slow = new Writable({
      highWaterMark: 4,
      write: (_chunk, _encoding, done) =>
        void setImmediate(() => {
          written += 1;
          most = Math.max(most, seen.pulls - written);
          done();
        }),
    });
    const run = pipe(
      stream,
      S.map(() => 'x'),
      N.writeTo(message)(() => slow),
    );
    expect(await run({})()).toEqual(E.right(undefined));
    expect(written).toBe(50);
    expect(most).toBeLessThan(8);
    expect(slow.listenerCount('drain')).toBe(0);
  });

  it('writeTo gives the error of the target, and closes the source; an error of the source destroys the target', async () => {
    const { seen, stream } = watched();
    const bad = new Writable({ write: (_chunk, _encoding, done) => done(new Error('disk full')) });
    const run = pipe(
      stream,
      S.map(() => 'x'),
      N.writeTo(message)(() => bad),
    );
    expect(await run({})()).toEqual(E.left('disk full'));
    expect(seen).toMatchObject({ opened: 1, closed: 1 });
    const target = new Writable({ write: (_chunk, _encoding, done) => done() });
    expect(await N.writeTo(message)(() => target)(S.left('no'))({})()).toEqual(E.left('no'));
    expect(target.destroyed).toBe(true);
    expect(await N.writeTo(message)(() => createWriteStream(join(folder, 'no', 'way')))(S.of('x'))({})()).toEqual(
      E.left(expect.stringContaining('ENOENT')),
    );
  });

  it('a web stream is an AsyncIterable', async () => {
    const s = pipe(() => Readable.toWeb(Readable.from([1, 2])) as AsyncIterable<number>, S.fromAsyncIterable(message));
    expect(await collect(s)).toEqual(E.right([1, 2]));
    expect(
      await S.runDrain(
        pipe(
          s,
          S.chainReaderTaskEitherKW((n) => RTE.right(n)),
        ),
      )({})(),
    ).toEqual(E.right(undefined));
  });
});
