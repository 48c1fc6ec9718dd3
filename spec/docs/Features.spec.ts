/** docs/FEATURES.md says what is there: each name is an export, and each export has a name there. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Exported, publicValues } from '../../scripts/exports.mjs';
import { features, featuresPage } from '../../scripts/features.mjs';
import * as library from '../../src/index.ts';

const page = readFileSync(new URL('../../docs/FEATURES.md', import.meta.url), 'utf8');

test('it is up to date (else: node scripts/features.mjs)', () => {
  expect(page).toBe(featuresPage());
});

test('every row that is not here says why', () => {
  const rows = page.split('\n').filter((line) => / \| - \| /.test(line));
  expect(rows.length).toBeGreaterThan(0);
  expect(rows.filter((line) => / \| - \| +\|$/.test(line))).toEqual([]);
});

const modules: Readonly<Record<string, unknown>> = library;

/** What the sections speak of. */
const spokenOf = ['Layer', 'Loss', 'Metric', 'Optimizer', 'Callback', 'Schedule'].filter((name) => name in modules);

const exportsOf = (name: string): Readonly<Record<string, unknown>> => {
  const found = modules[name];
  if (!isNamespace(found)) throw new Error(`${name} is no module`);
  return found;
};

const isNamespace = (value: unknown): value is Readonly<Record<string, unknown>> =>
  Object.prototype.toString.call(value) === '[object Module]';

describe.each(spokenOf)('%s', (name) => {
  test('every export is in the table', () => {
    const exported = exportsOf(name);
    const paths = Object.entries(exported).flatMap(([key, value]) =>
      isNamespace(value) ? Object.keys(value).map((inner) => `${name}.${key}.${inner}`) : [`${name}.${key}`],
    );
    expect(paths.filter((path) => !page.includes(`\`${path}\``))).toEqual([]);
  });

  test('every name in the table is an export', () => {
    const exported = exportsOf(name);
    const at = (path: string): unknown =>
      path
        .split('.')
        .slice(1)
        .reduce<unknown>((value, key) => (value as Readonly<Record<string, unknown>> | undefined)?.[key], exported);
    const paths = [...page.matchAll(/\| `([\w.]+)` \|/g)].flatMap((m) =>
      m[1]?.startsWith(`${name}.`) === true ? [m[1]] : [],
    );
    expect(paths.length).toBeGreaterThan(0);
    expect(paths.filter((path) => at(path) === undefined)).toEqual([]);
  });
});

test('Keras names are given once a section', () => {
  for (const { title, groups } of features()) {
    const names = groups.flatMap((g) => g.rows.map((r) => r.keras));
    expect(names.length, title).toBe(new Set(names).size);
  }
});

test('every public function says what it does, for editors', () => {
  const silent = (path: string, { says, inside }: Exported, value: unknown): readonly string[] => {
    if (isNamespace(value))
      return Object.entries(inside ?? {}).flatMap(([key, of]) => silent(`${path}.${key}`, of, value[key]));
    return typeof value === 'function' && says === '' ? [path] : [];
  };
  const all = publicValues();
  expect(Object.entries(all).flatMap(([name, of]) => silent(name, of, modules[name]))).toEqual([]);
});

describe('the table follows the exports', () => {
  const tree = publicValues();
  const without = (module: string, name: string) => {
    const { [name]: _, ...rest } = tree[module]?.inside ?? {};
    const changed: Exported = { says: '', inside: rest };
    return { ...tree, [module]: changed };
  };

  test('what is taken away is not here any more', () => {
    expect(page).toContain('| Dense | `Layer.dense` |');
    expect(featuresPage(without('Layer', 'dense'))).toContain('| Dense | - | not here yet |');
  });

  test('what is new and no counterpart of Keras’s is listed with what its comment says', () => {
    const inside = { ...tree.Layer?.inside, shuffled: { says: 'Rows in another order' } };
    expect(featuresPage({ ...tree, Layer: { says: '', inside } })).toContain(
      '| `Layer.shuffled` | Rows in another order |',
    );
  });
});
