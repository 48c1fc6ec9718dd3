/** A runtime does not keep a process alive that has nothing more to do, and does not take one down that ends. */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const here = dirname(fileURLToPath(import.meta.url));
const tsx = join(dirname(createRequire(import.meta.url).resolve('tsx/package.json')), 'dist/cli.mjs');

const file = (name: string): string => join(here, 'children', name);

const run = async (program: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) => {
  const child = spawn(process.execPath, [tsx, file(program), ...args], { env: { ...process.env, ...env } });
  let said = '';
  const hear = (chunk: unknown) => {
    said += String(chunk);
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const end = await new Promise((done) => child.on('close', (code, signal) => done(code ?? signal)));
  return { said, end };
};

describe('a process', { timeout: 60_000 }, () => {
  it('ends by itself after training', async () => {
    const { said, end } = await run('training.ts');
    expect(said).toMatch(/loss: \d\.\d+/);
    expect(said.trim().split('\n').at(-1)).toBe('Right');
    expect(end).toBe(0);
  });

  it('that exits in the middle of a run has the exit code that it chose', async () => {
    expect(await run('exiting.ts')).toEqual({ said: 'leaving\n', end: 3 });
  });

  it('that ends by an error in the middle of a run says that error, and no other', async () => {
    const { said, end } = await run('exiting.ts', ['throw']);
    expect(said).toContain('Error: on purpose');
    expect(said).not.toContain('terminate called');
    expect(end).toBe(1);
  });

  it('that ends while the thread still starts ends as it would without it', async () => {
    expect(await run('starting.ts')).toEqual({ said: '', end: 0 });
    expect(await run('starting.ts', ['exit'])).toEqual({ said: '', end: 3 });
  });

  it('does not wait for a thread that cannot load onnxruntime', async () => {
    const start = performance.now();
    const { end } = await run('starting.ts', ['exit'], { NODE_OPTIONS: `--require ${file('broken.cjs')}` });
    expect(end).toBe(3);
    // A thread that is busy is waited for for ten seconds.
    expect(performance.now() - start).toBeLessThan(9_000);
  });
});
