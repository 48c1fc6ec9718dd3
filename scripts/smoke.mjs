/**
 * Runs every example with GRAD_TS_SMOKE=1, which tells it to do little of everything, and fails if one fails.
 * `node scripts/smoke.mjs mnist moa` runs those two only.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const chosen = process.argv.slice(2);
const examples = readdirSync(join(root, 'examples'))
  .filter((file) => file.endsWith('.ts') && (chosen.length === 0 || chosen.includes(basename(file, '.ts'))))
  .sort();

const failures = [];
for (const example of examples) {
  console.log(`\n--- examples/${example}`);
  const start = performance.now();
  const { status, signal } = spawnSync(process.execPath, ['--import', 'tsx', join('examples', example)], {
    cwd: root,
    env: { ...process.env, GRAD_TS_SMOKE: '1' },
    stdio: 'inherit',
  });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  if (status !== 0) failures.push(example);
  console.log(`--- ${status === 0 ? 'passed' : `FAILED (${signal ?? `exit code ${status}`})`} in ${seconds} s`);
}

console.log(`\n${examples.length - failures.length} examples passed, ${failures.length} failed ${failures.join(' ')}`);
if (examples.length === 0) console.error('There are no examples to run: that counts as a failure.');
process.exit(examples.length > 0 && failures.length === 0 ? 0 : 1);
