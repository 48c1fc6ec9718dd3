/**
 * How far two threads are from each other: microseconds of a message and its answer, through a number that both see. A virtual
 * machine's processors are not always neighbours; where they are not, all that is shared between threads takes longer.
 */
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

const [bursts, trips] = [10, 1000];

/** Answers each odd number by the next even one. */
const answering = `
  const { parentPort, workerData: cell } = require('node:worker_threads');
  parentPort.postMessage('here');
  for (let i = 1; i < 2 * ${bursts * trips}; i += 2) {
    while (Atomics.load(cell, 0) !== i);
    Atomics.store(cell, 0, i + 1);
  }`;

/** The least of some bursts; not a number where only one thread runs at once. */
export const apart = async (): Promise<number> => {
  if (availableParallelism() < 2) return Number.NaN;
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(answering, { eval: true, execArgv: [], workerData: cell });
  const ended = once(worker, 'exit');
  await once(worker, 'message');
  let [least, next] = [Number.POSITIVE_INFINITY, 1];
  for (let burst = 0; burst < bursts; burst++) {
    const start = performance.now();
    for (const end = next + 2 * trips; next < end; next += 2) {
      Atomics.store(cell, 0, next);
      while (Atomics.load(cell, 0) === next);
    }
    least = Math.min(least, (1000 * (performance.now() - start)) / trips);
  }
  await ended;
  return least;
};
