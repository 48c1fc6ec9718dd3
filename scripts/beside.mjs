/**
 * For esbuild, where modules become one file: what lies beside a module, as the worker thread's file does, is looked for where it is.
 * `from` is the folder of the modules, `to` that of the file.
 */
import { readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

export const beside = (from, to) => ({
  name: 'beside',
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.[jt]s$/, namespace: 'file' }, ({ path }) => {
      const text = path.startsWith(from + sep) ? readFileSync(path, 'utf8') : '';
      if (!text.includes('import.meta.url')) return undefined;
      const contents = text.replace(
        /new URL\('(\.[^']+)', import\.meta\.url\)/g,
        (_, name) => `new URL('${relative(to, join(dirname(path), name)).replaceAll('\\', '/')}', import.meta.url)`,
      );
      return { contents, loader: path.endsWith('.ts') ? 'ts' : 'js' };
    }),
});
