/**
 * The worker thread, as a channel of requests and answers: it starts when it is first needed or sooner, again where one has died, and at
 * the end of the process it is waited for.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { IO } from 'fp-ts/lib/IO.js';
import type { Task } from 'fp-ts/lib/Task.js';
import type * as TE from 'fp-ts/lib/TaskEither.js';
import type { Answer, Envelope, Reply, Request, Setup } from './Protocol.ts';
import { BUSY, STOP } from './Protocol.ts';
import { failure, type RuntimeError, withMend } from './RuntimeError.ts';

export interface Channel {
  readonly send: (
    stage: string,
    request: Request,
    moved?: readonly ArrayBuffer[],
  ) => TE.TaskEither<RuntimeError, Reply>;
  /** Starts the thread before there is anything to ask of it. */
  readonly begin: IO<void>;
  readonly close: Task<void>;
}

/** What Node.js ends while onnxruntime computes in it aborts the process; so the thread says when it does, and is waited for. */
type Flags = Int32Array<SharedArrayBuffer>;

/** It is busy until it has loaded onnxruntime. */
const newFlags = (): Flags => {
  const flags = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  flags[BUSY] = 1;
  return flags;
};

/** Of the threads that are there. */
const live = new Set<Flags>();

/** Milliseconds that the end of the process waits for a run that it comes in the middle of. */
const patience = 10_000;

const waitForAll = (): void => {
  for (const flags of live) {
    Atomics.store(flags, STOP, 1);
    Atomics.wait(flags, BUSY, 1, patience);
  }
};

const register = (flags: Flags): void => {
  if (live.size === 0) process.on('exit', waitForAll);
  live.add(flags);
};

const unregister = (flags: Flags): void => {
  live.delete(flags);
  if (live.size === 0) process.off('exit', waitForAll);
};

interface Thread {
  readonly worker: Worker;
  readonly flags: Flags;
}

const spawn = (generation: number): Thread => {
  const flags = newFlags();
  const workerData: Setup = { first: generation * 2 ** 32, flags };
  // The thread needs none of the parent's options: a loader of TypeScript would only slow its start.
  const worker = new Worker(new URL('./worker.js', import.meta.url), { execArgv: [], workerData });
  register(flags);
  worker.on('exit', () => unregister(flags));
  return { worker, flags };
};

const closed = 'the runtime was closed; make a new one with Runtime.node(...)()';

export const channel = (): Channel => {
  const pending = new Map<number, (answer: Answer) => void>();
  let thread: Thread | undefined;
  let isClosed = false;
  let last = 0;
  // A worker that takes a dead one's place numbers its tensors and sessions from elsewhere: old numbers mean nothing there.
  let generation = 0;
  const failAll = (message: string) => {
    thread = undefined;
    for (const [id, resolve] of pending) resolve({ id, ok: false, message });
    pending.clear();
  };
  const start = (): Thread => {
    const started = spawn(generation++);
    const { worker } = started;
    const failed = (message: string) => {
      if (thread === started) failAll(message);
    };
    worker.on('message', (answer: Answer) => {
      const resolve = pending.get(answer.id);
      pending.delete(answer.id);
      if (pending.size === 0 && !isClosed) worker.unref();
      resolve?.(answer);
    });
    worker.on('messageerror', (error) => failed(`the worker's answer could not be read: ${error.message}`));
    worker.on('error', (error) => failed(`the worker thread failed: ${error.message}`));
    worker.on('exit', (code) => failed(`the worker thread ended with code ${code}`));
    return started;
  };
  const begin = (): void => {
    try {
      thread = start();
      thread.worker.unref();
    } catch {
      // The first request tries again, and says what is wrong.
    }
  };
  const post = (request: Request, moved: readonly ArrayBuffer[]): Promise<Answer> =>
    new Promise((resolve) => {
      const id = ++last;
      const refuse = (message: string) => {
        pending.delete(id);
        if (pending.size === 0) thread?.worker.unref();
        resolve({ id, ok: false, message });
      };
      if (isClosed) return refuse(closed);
      pending.set(id, resolve);
      try {
        thread = thread ?? start();
        thread.worker.ref();
        thread.worker.postMessage({ id, request } satisfies Envelope, moved);
      } catch (thrown) {
        // What cannot be sent: an array whose memory was moved elsewhere, a function among the data.
        refuse(thrown instanceof Error ? thrown.message : String(thrown));
      }
    });
  /** Where there is no worker (any more), there is nothing in it to let go of. */
  const isNothing = (request: Request): boolean =>
    thread === undefined && (request._tag === 'Free' || request._tag === 'Release');
  return {
    begin,
    send:
      (stage, request, moved = []) =>
      async () => {
        if (isNothing(request)) return { _tag: 'Right', right: {} };
        const answer = await post(request, moved);
        return answer.ok
          ? { _tag: 'Right', right: answer.reply }
          : { _tag: 'Left', left: withMend(failure(stage, answer.message)) };
      },
    close: async () => {
      isClosed = true;
      const last = thread;
      failAll(closed);
      if (last === undefined) return;
      const ended = once(last.worker, 'exit');
      last.worker.ref();
      Atomics.store(last.flags, STOP, 1);
      last.worker.postMessage(undefined);
      await ended;
    },
  };
};
