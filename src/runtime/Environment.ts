/**
 * The environment of a program on Node.js: onnxruntime in a worker thread, the file system, the clock, the terminal.
 *
 * @example
 * pipe(program, RTE.match(...))(Environment.node({ provider: 'cpu' })())()
 */
import type { IO } from 'fp-ts/lib/IO.js';
import { nodeFileSystem } from '../format/FileSystem.ts';
import type { HasClock, HasFileSystem, HasTerminal } from '../training/Environment.ts';
import type { HasRuntime, RuntimeOptions } from './Runtime.ts';
import * as Runtime from './Runtime.ts';

export type NodeEnvironment = HasRuntime & HasFileSystem & HasClock & HasTerminal;

/** A new worker at each call; it starts at the first use and does not keep the process alive. */
export const node =
  (options: RuntimeOptions = {}): IO<NodeEnvironment> =>
  () => ({
    runtime: Runtime.node(options)(),
    fileSystem: nodeFileSystem,
    clock: { now: Date.now },
    terminal: {
      write: (text) => () => {
        process.stdout.write(text);
      },
      isInteractive: process.stdout.isTTY === true,
      columns: process.stdout.columns ?? 80,
    },
  });
