/** The documented Python program trains with the exported graph: `pip install onnxruntime numpy`, or GRAD_TS_PYTHON names a python that has them. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const python = process.env.GRAD_TS_PYTHON ?? '/usr/bin/python3';
const hasRuntime = spawnSync(python, ['-c', 'import onnxruntime, numpy']).status === 0;
if (!hasRuntime) console.warn(`The Python program is not run: ${python} has no package onnxruntime`);

const folder = mkdtempSync(join(tmpdir(), 'grad-ts-python-'));
const program = join(root, 'spec', 'docs', `python-${process.pid}.ts`);
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  rmSync(program, { force: true });
});

const blocks = (language: string): string =>
  [...readFileSync(join(root, 'docs', 'training-graph.md'), 'utf8').matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter(([, name]) => name === language)
    .map(([, , text]) => text)
    .join('\n');

it.skipIf(!hasRuntime)('trains from Python as it does from Node', { timeout: 120_000 }, () => {
  writeFileSync(program, `${blocks('ts')}\nexport {};\n`);
  const tsx = import.meta.resolve('tsx');
  const node = spawnSync(process.execPath, ['--import', tsx, program], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, TSX_TSCONFIG_PATH: join(root, 'tsconfig.json') },
  });
  expect(node.stderr).toBe('');
  const run = spawnSync(python, ['-'], { cwd: folder, encoding: 'utf8', input: blocks('python') });
  expect(run.stderr).toBe('');
  // The same weights, data and file: the same losses.
  expect(run.stdout).toBe(node.stdout);
  expect(Number(run.stdout.trim().split(' ').at(-1))).toBeLessThan(0.05);
});
