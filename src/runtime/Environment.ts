/**
 * The environment of a program on Node.js: onnxruntime in a worker thread, the file system, the clock and timers, the terminal,
 * HTTP.
 *
 * @example
 * pipe(program, RTE.match(...))(Environment.node({ provider: 'cpu' })())()
 */
import type { IO } from 'fp-ts/lib/IO.js';
import { nodeFileSystem } from '../format/FileSystem.ts';
import type {
  HasClock,
  HasFileSystem,
  HasHttp,
  HasInterrupts,
  HasTerminal,
  HasTimer,
  Timer,
} from '../training/Environment.ts';
import { nodeHttp } from './Http.ts';
import { nodeInterrupts } from './Interrupts.ts';
import type { HasRuntime, RuntimeOptions } from './Runtime.ts';
import * as Runtime from './Runtime.ts';

export type NodeEnvironment = HasRuntime & HasFileSystem & HasClock & HasTimer & HasTerminal & HasInterrupts & HasHttp;

const nodeTimer: Timer = {
  after: (milliseconds, effect) => () => {
    const handle = setTimeout(effect, milliseconds);
    return () => clearTimeout(handle);
  },
};

/** A new worker at each call; it starts at once and does not keep the process alive. */
export const node =
  (options: RuntimeOptions = {}): IO<NodeEnvironment> =>
  () => ({
    runtime: Runtime.node(options)(),
    fileSystem: nodeFileSystem,
    clock: { now: Date.now },
    timer: nodeTimer,
    interrupts: nodeInterrupts,
    http: nodeHttp,
    terminal: {
      write: (text) => () => {
        process.stdout.write(text);
      },
      isInteractive: process.stdout.isTTY === true,
      // Windows are resized; some pseudo-terminals say 0.
      get columns() {
        return process.stdout.columns || 80;
      },
    },
  });
