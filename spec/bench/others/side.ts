/**
 * What the programs of this folder have in common: arguments, and requests and answers of `../Protocol.ts`, of which they
 * know `train`. What a library throws is the answer.
 */
import { createInterface } from 'node:readline';
import type { Answer, Failure, Ready, Request } from '../Protocol.ts';

/** Threads are named too, but none of these libraries has more than one in Node. */
const [name = '', batchSize, steps, , backend = ''] = process.argv.slice(2);

export const asked = { name, batchSize: Number(batchSize), steps: Number(steps), backend };

export interface Opened extends Ready {
  /** A step on the batch of that number, the numbers have no end; the loss. */
  readonly step: (index: number) => Promise<number>;
}

const say = (message: Ready | Answer | Failure): void => {
  process.stdout.write(`${JSON.stringify(message)}\n`);
};

/** A model that has learned nothing has a loss of 0.69 or more here: less, or none, comes of a step that is not computed right. */
const check = (loss: number): void => {
  if (!(loss > 0.5)) throw new Error(`the loss is ${loss}`);
};

/**
 * The first step is not counted, however long it takes: code is compiled in it, and WebAssembly is not yet optimised (a third of
 * the speed in jax-js's convolutions).
 */
const train = async (step: Opened['step'], seconds: number, isUntrained: boolean): Promise<Answer> => {
  const loss = await step(0);
  if (isUntrained) check(loss);
  const [samples, end] = [[] as number[], performance.now() + 1000 * seconds];
  do {
    const start = performance.now();
    await step(samples.length + 1);
    samples.push(performance.now() - start);
  } while (performance.now() < end);
  return { samples, resident: process.memoryUsage.rss() / 2 ** 20 };
};

export const serve = async (open: () => Promise<Opened>): Promise<void> => {
  try {
    const { step, ...ready } = await open();
    say(ready);
    let isUntrained = true;
    for await (const line of createInterface({ input: process.stdin })) {
      const request = JSON.parse(line) as Request;
      if (request.do !== 'train') throw new Error(`no ${request.do} here`);
      say(await train(step, request.seconds, isUntrained));
      isUntrained = false;
    }
  } catch (error) {
    say({ error: error instanceof Error ? error.message : String(error) });
  }
};
