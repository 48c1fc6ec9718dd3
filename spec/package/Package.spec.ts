import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { importedPackages } from '../../scripts/imports.mjs';
import { indexSource, modules, packageExports } from '../../scripts/modules.mjs';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const manifest = JSON.parse(read('package.json'));

describe('the public modules', () => {
  it.each(Object.entries(modules))('%s is src/%s.ts', (_, path) => {
    expect(existsSync(new URL(`../../src/${path}.ts`, import.meta.url))).toBe(true);
  });

  it('are package.json’s exports (else: npm run sync:modules)', () => {
    expect(manifest.exports).toEqual(packageExports());
  });

  it('put types before code in every condition: TypeScript takes the first that matches', () => {
    const conditions = Object.values(packageExports()).flatMap((e) => (typeof e === 'string' ? [] : Object.values(e)));
    expect(conditions.length).toBe(2 * (Object.keys(modules).length + 1));
    for (const condition of conditions) expect(Object.keys(condition)).toEqual(['types', 'module', 'node', 'default']);
  });

  it('are what src/index.ts exports (else: npm run sync:modules)', () => {
    expect(read('src/index.ts')).toBe(indexSource());
  });
});

describe('package.json', () => {
  const optional = Object.keys(manifest.peerDependencies);

  it('lists the packages that src imports, and no other', () => {
    const needed = importedPackages().filter((name) => !optional.includes(name));
    expect(needed.sort()).toEqual(Object.keys(manifest.dependencies).sort());
  });

  it('has every optional package as an optional peer, and for its own specs', () => {
    expect(Object.keys(manifest.peerDependenciesMeta).sort()).toEqual([...optional].sort());
    for (const name of optional) {
      expect(manifest.peerDependenciesMeta[name]).toEqual({ optional: true });
      expect(manifest.devDependencies).toHaveProperty(name);
    }
  });
});
