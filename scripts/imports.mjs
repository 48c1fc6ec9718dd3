/** What the files of `src` import. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../src', import.meta.url));
const importPattern =
  /^\s*(?:import|export)\b[^'";]*?\bfrom\s*'([^']+)'|^\s*import\s*'([^']+)'|\bimport\(\s*'([^']+)'/gm;

const slashes = (path) => path.split(sep).join('/');
const withoutComments = (text) => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');

/** `shape/Shape.ts` for our own files, otherwise the specifier as it stands. */
const target = (file, specifier) =>
  specifier.startsWith('.') ? slashes(relative(root, resolve(dirname(join(root, file)), specifier))) : specifier;

/** Every file of `src` by its path there, with what it imports. */
export const sourceImports = () =>
  readdirSync(root, { recursive: true })
    .map((file) => slashes(String(file)))
    .filter((file) => /\.[jt]s$/.test(file))
    .sort()
    .map((file) => ({
      file,
      imports: [...withoutComments(readFileSync(join(root, file), 'utf8')).matchAll(importPattern)].map(([, a, b, c]) =>
        target(file, a ?? b ?? c),
      ),
    }));

/** The names of the packages that `src` imports. */
export const importedPackages = () => {
  const files = sourceImports();
  const own = new Set(files.map(({ file }) => file));
  const packages = files
    .flatMap(({ imports }) => imports)
    .filter((to) => !own.has(to) && !to.startsWith('node:'))
    .map((to) => to.split('/', to.startsWith('@') ? 2 : 1).join('/'));
  return [...new Set(packages)];
};
