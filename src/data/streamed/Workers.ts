/** Streamed data from streamed data: elements computed in worker threads. Part of `DataStream.ts`. */
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import * as E from 'fp-ts/lib/Either.js';
import * as S from '../../stream/Stream.ts';
import { type DataError, invalidArgument, workerFailed } from '../DataError.ts';
import { derive } from '../Random.ts';
import { type DataStream, isPositive, make, seedOf } from './Model.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** What the function of the module gets besides the element. */
export interface WorkerContext {
  readonly pass: number;
  /** The element's number in the pass. */
  readonly index: number;
  /** Of this element alone, from the stage's seed, the pass and the number. */
  readonly seed: number;
}

export interface InWorkers<Err, B> {
  /** A module whose default export is `(element, context: WorkerContext) => result`, or a promise of it: a URL or a path. */
  readonly module: URL | string;
  /** How many threads. */
  readonly workers: number;
  /** Elements that are under way or wait for the consumer, at most. Default: two for each worker. */
  readonly capacity?: number;
  /** Default 0. */
  readonly seed?: number;
  /** What comes from another thread is `unknown`: makes it a `B`, or refuses it. */
  readonly decode: (result: unknown) => E.Either<Err, B>;
}

// -------------------------------------------------------------------------------------
// threads
// -------------------------------------------------------------------------------------

/**
 * A view that is a part of a larger buffer takes all of that buffer with it when it is sent: a block of an array would take the array.
 * So such views are copied before. What has none is given back as it is.
 */
const trimmed = (value: unknown, depth = 0): unknown => {
  if (typeof value !== 'object' || value === null || depth > 8) return value;
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value;
    if (!(buffer instanceof ArrayBuffer) || byteLength === buffer.byteLength) return value;
    const View = (Buffer.isBuffer(value) ? Uint8Array : value.constructor) as new (b: ArrayBuffer) => ArrayBufferView;
    return new View(buffer.slice(byteOffset, byteOffset + byteLength));
  }
  if (Array.isArray(value)) {
    if (typeof value[0] !== 'object') return value;
    const parts = value.map((part) => trimmed(part, depth + 1));
    return parts.some((part, i) => part !== value[i]) ? parts : value;
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  const entries = Object.entries(value).map(([name, part]) => [name, part, trimmed(part, depth + 1)] as const);
  return entries.some(([, part, own]) => part !== own)
    ? Object.fromEntries(entries.map(([name, , own]) => [name, own]))
    : value;
};

/**
 * As text, so that it needs no file of its own wherever this library is bundled. Results are trimmed there likewise, and their buffers
 * handed over, not copied.
 */
const program = `
const { parentPort, workerData } = require('node:worker_threads');
const trimmed = (value, found, depth) => {
  if (typeof value !== 'object' || value === null || depth > 8) return value;
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value;
    if (!(buffer instanceof ArrayBuffer)) return value;
    const own = byteLength === buffer.byteLength ? buffer : buffer.slice(byteOffset, byteOffset + byteLength);
    found.add(own);
    return own === buffer ? value : new (Buffer.isBuffer(value) ? Uint8Array : value.constructor)(own);
  }
  if (Array.isArray(value)) return typeof value[0] === 'object' ? value.map((part) => trimmed(part, found, depth + 1)) : value;
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, trimmed(part, found, depth + 1)]));
};
const loading = import(workerData);
parentPort.on('message', async ({ id, element, context }) => {
  const fail = (e) => parentPort.postMessage({ id, error: e instanceof Error ? e.message : String(e) });
  try {
    const { default: exported } = await loading;
    const f = typeof exported === 'function' ? exported : exported?.default;
    if (typeof f !== 'function') return fail('its default export is no function');
    const found = new Set();
    const result = trimmed(await f(element, context), found, 0);
    try {
      parentPort.postMessage({ id, result }, [...found]);
    } catch {
      parentPort.postMessage({ id, result });
    }
  } catch (e) {
    fail(e);
  }
});
loading.catch(() => undefined);
`;

type Answer = E.Either<string, unknown>;

interface Pool {
  readonly ask: (element: unknown, context: WorkerContext) => Promise<Answer>;
  readonly close: () => Promise<unknown>;
}

const hrefOf = (module: URL | string): string =>
  module instanceof URL ? module.href : /^[a-z]{2,}:/.test(module) ? module : pathToFileURL(module).href;

const openPool = (module: URL | string, size: number): Pool => {
  const waiting = new Map<number, { readonly worker: number; readonly resolve: (answer: Answer) => void }>();
  const loads = Array.from({ length: size }, () => 0);
  const dead = new Map<number, string>();
  let nextId = 0;
  const settle = (id: number, answer: Answer): void => {
    const task = waiting.get(id);
    if (task === undefined) return;
    waiting.delete(id);
    loads[task.worker] = (loads[task.worker] ?? 1) - 1;
    task.resolve(answer);
  };
  const die = (worker: number, reason: string): void => {
    if (!dead.has(worker)) dead.set(worker, reason);
    for (const [id, task] of waiting) if (task.worker === worker) settle(id, E.left(dead.get(worker) ?? reason));
  };
  const threads = loads.map((_, i) => {
    const thread = new Worker(program, { eval: true, workerData: hrefOf(module) });
    thread.on('message', (message: { readonly id: number; readonly result?: unknown; readonly error?: string }) =>
      settle(message.id, message.error === undefined ? E.right(message.result) : E.left(message.error)),
    );
    thread.on('error', (error) => die(i, error instanceof Error ? error.message : String(error)));
    thread.on('exit', (code) => die(i, `the worker ended with code ${code}`));
    return thread;
  });
  return {
    ask: (element, context) =>
      new Promise((resolve) => {
        const worker = loads.indexOf(Math.min(...loads));
        const reason = dead.get(worker);
        if (reason !== undefined) return resolve(E.left(reason));
        const id = nextId++;
        waiting.set(id, { worker, resolve });
        loads[worker] = (loads[worker] ?? 0) + 1;
        try {
          threads[worker]?.postMessage({ id, element: trimmed(element), context });
        } catch (e) {
          settle(id, E.left(`the element cannot be sent to a worker: ${e instanceof Error ? e.message : String(e)}`));
        }
      }),
    close: () => Promise.all(threads.map((thread) => thread.terminate())),
  };
};

// -------------------------------------------------------------------------------------
// combinator
// -------------------------------------------------------------------------------------

/** Of numbers from 0 on, or those of a list. */
const run = <R, Err, A, Err2, B>(
  fa: S.Stream<R, Err, A>,
  options: InWorkers<Err2, B>,
  pass: number,
  indexOf: (i: number) => number,
): S.Stream<R, Err | Err2 | DataError, B> =>
  S.fromGenerator<R, Err | Err2 | DataError, B>(async function* (r) {
    const { module, workers, capacity = 2 * workers, seed = 0, decode } = options;
    const own = seedOf(seed, pass);
    const name = String(module);
    const pool = openPool(module, workers);
    const source = fa(r)[Symbol.asyncIterator]();
    let ended = false;
    const queue: Promise<E.Either<Err | Err2 | DataError, B>>[] = [];
    const compute = async (a: A, index: number): Promise<E.Either<Err | Err2 | DataError, B>> => {
      const answer = await pool.ask(a, { pass, index, seed: derive(own, index) });
      return E.isLeft(answer) ? E.left(workerFailed(name, index, answer.left)) : decode(answer.right);
    };
    try {
      for (let i = 0; ; ) {
        // The source is asked as long as there is room: it is held back by whoever is slower, workers or consumer.
        while (!ended && queue.length < capacity) {
          const next = await source.next();
          if (next.done === true) ended = true;
          else if (E.isLeft(next.value)) {
            ended = true;
            queue.push(Promise.resolve(next.value));
          } else queue.push(compute(next.value.right, indexOf(i++)));
        }
        const first = await queue.shift();
        if (first === undefined) return;
        yield first;
        if (E.isLeft(first)) return;
      }
    } finally {
      await pool.close();
      if (!ended) await source.return?.();
    }
  });

/**
 * A function of each element, in worker threads: decoding and augmenting images while the model trains. Elements leave in their
 * order, and no more than `capacity` are under way. The function lives in a module of its own, since functions cannot be sent;
 * elements and results are sent as `structuredClone` would copy them (of a view its own part alone), and results' buffers are handed over. Threads are
 * started when a pass is read, and ended with it.
 *
 * Errors, of the stream: the module cannot be loaded, the function throws, a thread ends (which element, and what was said);
 * `workers` or `capacity` is not a positive integer; those of `decode`.
 *
 * @example
 * // double.js: export default (n, { seed }) => n * 2;
 * pipe(numbers, DS.mapInWorkers({ module: new URL('./double.js', import.meta.url), workers: 2, decode: t.number.decode }))
 */
export const mapInWorkers =
  <Err2, B>(options: InWorkers<Err2, B>) =>
  <R, Err, A>(self: DataStream<R, Err, A>): DataStream<R, Err | Err2 | DataError, B> => {
    const { pick } = self;
    const odd = (
      [
        ['workers', options.workers],
        ['capacity', options.capacity ?? 1],
      ] as const
    ).find(([, n]) => !isPositive(n));
    if (odd !== undefined) {
      const [name, value] = odd;
      return make<R, Err | Err2 | DataError, B>(
        () =>
          S.left(
            invalidArgument(
              `mapInWorkers: ${name}`,
              value,
              'a positive integer',
              'as many as the machine has cores, or fewer',
            ),
          ),
        undefined,
      );
    }
    return make<R, Err | Err2 | DataError, B>(
      ({ pass, at }) => run(self.open({ pass, at }), options, pass, (i) => at + i),
      self.size,
      pick === undefined
        ? undefined
        : (pass, indices) => {
            const list = [...indices];
            return run(pick(pass, list), options, pass, (i) => list[i] ?? i);
          },
    );
  };
