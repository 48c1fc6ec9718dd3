/**
 * Milliseconds a training step through the public API, beside PyTorch's where `/usr/bin/python3` has it: rounds of both in
 * turn, so that a busy machine is busy for both; medians of the rounds and their ratio.
 *
 *     npm run bench            # all workloads
 *     npm run bench W1 W3
 *
 * PyTorch is at its best with an OpenMP build of OpenBLAS and without OPENBLAS_CORETYPE set.
 */
import { spawn, spawnSync } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as E from 'fp-ts/lib/Either.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import { Callback as C, Environment, Training as T } from 'grad-ts';
import { type Workload, workloads } from './workloads.ts';

const rounds = 7;
const python = '/usr/bin/python3';
const script = fileURLToPath(new URL('./peer.py', import.meta.url));
const environment = Environment.node()();

const median = (xs: readonly number[]): number => [...xs].sort((a, b) => a - b)[xs.length >> 1] ?? Number.NaN;

interface Timed {
  /** Median ms a step of one round. */
  readonly round: () => Promise<number>;
  readonly close: () => void;
}

/** A round is two epochs from the state that the last round left; the second is timed, events and callbacks included. */
const ours = (workload: Workload): Timed => {
  let state: T.TrainState | undefined;
  let epochs = 0;
  return {
    round: async () => {
      epochs += 2;
      let [first, last, seen] = [0, 0, 0];
      const clock = C.onEvent((event) =>
        RTE.fromIO(() => {
          if (event._tag === 'EpochStarted') [first, seen] = [performance.now(), 0];
          if (event._tag === 'StepEnded') seen += 1;
          if (event._tag === 'EpochEnded') last = performance.now();
          return [];
        }),
      );
      const result = await T.run(clock(workload.fit(state, epochs)))(environment)();
      if (E.isLeft(result)) throw new Error(result.left.message);
      state = result.right.state;
      return (last - first) / seen;
    },
    close: () => undefined,
  };
};

const theirs = (workload: Workload): Timed | undefined => {
  if (spawnSync(python, ['-c', 'import torch']).status !== 0) return undefined;
  const { OPENBLAS_CORETYPE: _, OPENBLAS_L2_SIZE: __, ...env } = process.env;
  const child = spawn(python, [script, workload.name, String(availableParallelism())], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...env, OMP_NUM_THREADS: String(availableParallelism()) },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    round: async () => {
      child.stdin.write('\n');
      return Number((await lines.next()).value);
    },
    close: () => child.stdin.end(),
  };
};

const wanted = process.argv.slice(2);
console.log(`${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} threads, ${rounds} rounds each\n`);
console.log('| | workload | grad-ts, ms a step | PyTorch | ratio |');
console.log('|---|---|---|---|---|');
for (const make of workloads) {
  const workload = make();
  if (wanted.length > 0 && !wanted.includes(workload.name)) continue;
  const [a, b] = [ours(workload), theirs(workload)];
  await a.round();
  await b?.round();
  const times: { ours: number; theirs: number }[] = [];
  for (let i = 0; i < rounds; i++) {
    const mine = await a.round();
    times.push({ ours: mine, theirs: (await b?.round()) ?? Number.NaN });
  }
  const [x, y] = [median(times.map((t) => t.ours)), median(times.map((t) => t.theirs))];
  const peer = b === undefined ? 'not installed | ' : `${y.toFixed(2)} | ${(x / y).toFixed(2)}`;
  console.log(`| ${workload.name} | ${workload.what} | ${x.toFixed(2)} | ${peer} |`);
  a.close();
  b?.close();
}
await environment.runtime.close();
