/** The signals of this process that ask it to end, as a run's environment wants them. */
import type { Interrupts } from '../training/Environment.ts';

const names = ['SIGINT', 'SIGTERM'] as const;

/**
 * `Interrupts` on Node.js. The first signal is told to whoever listens; then nobody listens any more, so the second one does
 * what it always does: it ends the process.
 */
export const nodeInterrupts: Interrupts = {
  listen: (handler) => () => {
    const off = () => {
      for (const name of names) process.off(name, told);
    };
    const told = (signal: NodeJS.Signals) => {
      off();
      handler(signal);
    };
    for (const name of names) process.on(name, told);
    return off;
  },
};
