/**
 * The documentation compiles and runs: the `ts` blocks of a document, put together, are one program.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(root, 'spec', 'docs', 'generated');

const blocksOf = (document: string): readonly string[] =>
  [...readFileSync(join(root, document), 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((m) => m[1] ?? '');

const documents = ['README.md', ...readdirSync(join(root, 'docs')).map((file) => `docs/${file}`)]
  .filter((file) => file.endsWith('.md'))
  .map((file) => ({ file, program: blocksOf(file).join('\n'), name: file.replace(/\W+/g, '-') }))
  .filter(({ program }) => program !== '');

const node = (args: readonly string[]) =>
  spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, GRAD_TS_SMOKE: '1' },
  });

beforeAll(() => {
  mkdirSync(folder, { recursive: true });
  for (const { name, program } of documents) writeFileSync(join(folder, `${name}.ts`), `${program}\nexport {};\n`);
  const unused = { noUnusedLocals: false, noUnusedParameters: false };
  const config = { extends: '../../../tsconfig.json', compilerOptions: unused, include: ['.'], exclude: [] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('documentation', () => {
  it('has programs', () => {
    expect(documents.map(({ file }) => file)).toContain('README.md');
    expect(documents.length).toBeGreaterThan(1);
  });

  it('compiles', () => {
    const { stdout } = node([join('node_modules', 'typescript', 'bin', 'tsc'), '-p', folder, '--pretty', 'false']);
    expect(stdout.split('\n').filter((line) => line.startsWith('spec/docs/generated'))).toEqual([]);
  });

  it.each(documents)('$file runs', ({ name }) => {
    const { status, stderr } = node(['--import', 'tsx', join(folder, `${name}.ts`)]);
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});
