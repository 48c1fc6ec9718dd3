/** A process that is timed: started, asked, and ended at the latest when its time is over. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { built } from './Built.ts';
import { environment, fastest, type Kernels } from './OpenBlas.ts';
import type { Answer, Failure, OurAnswer, Ready, Request } from './Protocol.ts';

export interface Side<A extends Answer> {
  readonly ready: Ready;
  readonly ask: (request: Request) => Promise<A>;
  /** No more requests: done when the process has ended by itself. */
  readonly end: () => Promise<void>;
  readonly close: () => void;
}

export interface Sizes {
  readonly name: string;
  readonly batchSize: number;
  readonly steps: number;
}

export interface Limits {
  readonly threads: number;
  /** Seconds that a process may take in all. */
  readonly limit: number;
  /** Tell glibc, for our process too, to keep memory that is freed. */
  readonly keepMemory: boolean;
}

const python = '/usr/bin/python3';
const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const open = async <A extends Answer>(
  label: string,
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  limit: number,
): Promise<Side<A>> => {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const kill = (): void => void child.kill('SIGKILL');
  let isOver = false;
  const clock = setTimeout(() => {
    isOver = true;
    kill();
  }, 1000 * limit);
  process.once('exit', kill);
  child.once('exit', () => {
    clearTimeout(clock);
    process.off('exit', kill);
  });
  // A process that has ended takes no requests; that it has is seen when its answer is read.
  child.stdin.on('error', () => undefined);
  child.once('error', () => child.stdout.destroy());
  const read = async <B extends object>(): Promise<B> => {
    const { done, value } = await lines.next();
    if (done === true) throw new Error(`${label}: ${isOver ? `not done in ${limit} s` : 'the process ended early'}`);
    const message = JSON.parse(value) as B | Failure;
    if ('error' in message) throw new Error(`${label}: ${message.error}`);
    return message;
  };
  const ready = await read<Ready>();
  return {
    ready,
    ask: async (request) => {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      return read<A>();
    },
    end: async () => {
      const ended = once(child, 'exit');
      child.stdin.end();
      await ended;
    },
    close: kill,
  };
};

/** Without it glibc gives large blocks back at each step, and takes them again. */
const kept = {
  MALLOC_MMAP_THRESHOLD_: '4000000000',
  MALLOC_TRIM_THRESHOLD_: '4000000000',
  MALLOC_TOP_PAD_: '268435456',
};

const sized = ({ name, batchSize, steps }: Sizes, { threads }: Limits): readonly string[] => [
  name,
  String(batchSize),
  String(steps),
  String(threads),
];

export const ours = async (sizes: Sizes, limits: Limits, profile?: string): Promise<Side<OurAnswer>> =>
  open(
    'grad-ts',
    process.execPath,
    [await built(), ...sized(sizes, limits), ...(profile === undefined ? [] : [profile])],
    { ...process.env, ...(limits.keepMemory ? kept : {}) },
    limits.limit,
  );

export const hasPeer = (): boolean => spawnSync(python, ['-c', 'import torch'], { timeout: 60_000 }).status === 0;

/** What OpenBLAS's kernels were chosen to be, by the number of threads. */
const chosen = new Map<number, Kernels>();

/** OpenBLAS's kernels that PyTorch is fastest with here. */
export const kernels = (threads: number): Kernels => {
  if (!chosen.has(threads)) chosen.set(threads, fastest(python, threads));
  return chosen.get(threads);
};

/** PyTorch at its best: the fastest of OpenBLAS's kernels, one pool of threads, memory kept. */
export const theirs = (sizes: Sizes, limits: Limits): Promise<Side<Answer>> =>
  open(
    'PyTorch',
    python,
    [file('./peer.py'), ...sized(sizes, limits)],
    { ...environment(kernels(limits.threads)), ...kept, OMP_NUM_THREADS: String(limits.threads) },
    limits.limit,
  );

/** A library of `others`, which has a `package.json` of its own. */
export interface Other {
  readonly label: string;
  readonly program: string;
  readonly backend: string;
}

export const others: readonly Other[] = [
  { label: 'jax-js wasm', program: 'jax.ts', backend: 'wasm' },
  { label: 'TF.js wasm', program: 'tf.ts', backend: 'wasm' },
  { label: 'TF.js cpu', program: 'tf.ts', backend: 'cpu' },
];

export const hasOthers = (): boolean => existsSync(file('./others/node_modules'));

export const other = ({ label, program, backend }: Other, sizes: Sizes, limits: Limits): Promise<Side<Answer>> =>
  open(
    label,
    process.execPath,
    ['--import', 'tsx', file(`./others/${program}`), ...sized(sizes, limits), backend],
    { ...process.env, ...kept },
    limits.limit,
  );
