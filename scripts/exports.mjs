/** What the public modules export as values, read from their sources: names, and what their comments say first. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { modules } from './modules.mjs';

const root = fileURLToPath(new URL('../src', import.meta.url));

/** The first sentence of the comment that ends right before `at`. */
const commentBefore = (text, at) => {
  const found = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*$/.exec(text.slice(0, at));
  if (found === null) return '';
  const words = found[1]
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trim())
    .join(' ')
    .split(/\s@example\b|```/)[0]
    .trim();
  // Up to a full stop or a colon, but not one inside of code.
  return (/^(?:`[^`]*`|[^`])*?(?=[.:](?:\s|$))/.exec(words)?.[0] ?? words).trim();
};

const declared = (text) =>
  [...text.matchAll(/^export (?:declare )?(?:const|function|class) (\w+)/gm)].map((m) => [
    m[1],
    { says: commentBefore(text, m.index) },
  ]);

const imported = (text, name, from) => {
  const alias = new RegExp(`^import \\* as ${name} from '(\\./|\\.\\./)([^']+)'`, 'm').exec(text);
  return alias === null ? undefined : join(dirname(from), alias[1] + alias[2]);
};

/** `{ a, b as c, type D }` without the types. */
const listed = (list) =>
  list
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '' && !part.startsWith('type '))
    .map((part) => part.split(/\s+as\s+/))
    .map(([name, alias = name]) => [alias, name]);

/** Values that a file exports, by name; a namespace has its own exports as `inside`. */
export const valuesOf = (file) => {
  if (!existsSync(file)) return {};
  const text = readFileSync(file, 'utf8');
  const all = Object.fromEntries(declared(text));
  for (const m of text.matchAll(/^export \* as (\w+) from '(\.[^']+)'/gm))
    all[m[1]] = { says: commentBefore(text, m.index), inside: valuesOf(join(dirname(file), m[2])) };
  for (const m of text.matchAll(/^export \* from '(\.[^']+)'/gm)) {
    for (const [name, value] of Object.entries(valuesOf(join(dirname(file), m[1])))) all[name] ??= value;
  }
  for (const m of text.matchAll(/^export \{([^}]*)\}(?: from '(\.[^']+)')?/gm)) {
    const source = m[2] === undefined ? undefined : valuesOf(join(dirname(file), m[2]));
    for (const [alias, name] of listed(m[1])) {
      const space = source === undefined ? imported(text, name, file) : undefined;
      all[alias] = source?.[name] ?? (space === undefined ? { says: '' } : { says: '', inside: valuesOf(space) });
    }
  }
  return all;
};

/** Every public module. */
export const publicValues = () =>
  Object.fromEntries(
    Object.entries(modules).map(([name, path]) => [name, { says: '', inside: valuesOf(join(root, `${path}.ts`)) }]),
  );
