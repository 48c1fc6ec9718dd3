/** Ends while the thread of a runtime that nothing was asked of still starts: what `Process.spec.ts` starts. */
import * as Runtime from '../../../src/runtime/Runtime.ts';

Runtime.node({ threads: 1 })();
if (process.argv[2] === 'exit') process.exit(3);
