/** Ends the process in the middle of a run, in the way that its argument says: what `Process.spec.ts` starts. */
import * as Runtime from '../../../src/runtime/Runtime.ts';
import { matrix, right, slow, trips } from '../support.ts';

const runtime = Runtime.node({ threads: 1 })();
const session = right(await runtime.load(slow)());
session.run({ feeds: { trips: trips(1500), start: matrix } })();
setTimeout(() => {
  process.stdout.write('leaving\n');
  if (process.argv[2] === 'throw') throw new Error('on purpose');
  process.exit(3);
}, 100);
