/** Trains without end and saves after every step, until it is killed: what `Kill.spec.ts` starts. */
import { pipe } from 'fp-ts/lib/function.js';
import { Callback as C, Environment, Training as T } from '../../../src/index.ts';
import { flowers, objective } from '../support.ts';

const path = process.argv[2] ?? '';
const run = pipe(
  T.fit(objective, { data: flowers(40), epochs: 1_000_000, batchSize: 8, stepsPerRun: 1, verbose: 0 }),
  C.modelCheckpoint(path as 'x.safetensors', { saveFreq: 1 }),
  T.run,
);
const result = await run(Environment.node({ threads: 1 })())();
process.stdout.write(`${JSON.stringify(result).slice(0, 500)}\n`);
