/** A process that is killed while it writes checkpoints leaves a whole one, from which training goes on. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pipe } from 'fp-ts/lib/function.js';
import { afterAll, expect, it } from 'vitest';
import { nodeFileSystem } from '../../src/format/FileSystem.ts';
import { Training as T } from '../../src/index.ts';
import { flowers, objective, right, runtime, stateOf, world } from './support.ts';

const shared = runtime();
const folder = await mkdtemp(join(tmpdir(), 'grad-ts-kill-'));
afterAll(async () => {
  await shared.close();
  await rm(folder, { recursive: true, force: true });
});

const here = dirname(fileURLToPath(import.meta.url));
const tsx = join(dirname(createRequire(import.meta.url).resolve('tsx/package.json')), 'dist/cli.mjs');
const env = { ...world(shared).environment, fileSystem: nodeFileSystem };

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
const wait = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** Starts the child, waits for the first checkpoint, and kills the process group some time later. */
const killed = async (path: string, later: number): Promise<string> => {
  const child = spawn(process.execPath, [tsx, join(here, 'children/saving.ts'), path], { detached: true });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    said += String(chunk);
  });
  const ended = new Promise<NodeJS.Signals | null>((done) => child.on('exit', (_, signal) => done(signal)));
  let running = true;
  ended.then(() => {
    running = false;
  });
  while (running && !(await exists(path))) await wait(10);
  await wait(later);
  // tsx runs the program in a process of its own: both are of the group that this child leads.
  if (running && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  await ended;
  return said;
};

it.each([7, 31, 83, 167])('killed %i ms after its first checkpoint', { timeout: 60_000 }, async (later) => {
  const path = join(folder, `${later}.safetensors`);
  expect(await killed(path, later)).toBe('');
  const state = right(await T.loadState(path)(env)());
  expect(state.step).toBeGreaterThan(0);
  const rest = T.fit(objective, { data: flowers(40), epochs: state.epoch + 1, batchSize: 8, verbose: 0, from: state });
  const done = right(await pipe(rest, T.run)(env)());
  expect(stateOf(done).epoch).toBe(state.epoch + 1);
});
