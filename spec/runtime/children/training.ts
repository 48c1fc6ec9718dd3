/** A program that trains and then has nothing more to do: what `Process.spec.ts` starts. */
import { Environment, Training as T } from '../../../src/index.ts';
import { flowers, objective } from '../../training/support.ts';

const environment = Environment.node({ threads: 1 })();
const result = await T.run(T.fit(objective, { data: flowers(10), verbose: 2 }))(environment)();
process.stdout.write(`${result._tag}\n`);
