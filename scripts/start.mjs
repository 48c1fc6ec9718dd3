/**
 * `npm start`: the first example, with the library's sources, as one file in `out/start`, run as it is. With 500 modules brought in file by
 * file, through a loader of TypeScript, its first epoch begins after 2.1 s, so after 1.5.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const outfile = join(root, 'out/start/mnist.mjs');

/** What lies beside a module of `src`, as the worker thread's file does, is looked for there. */
const beside = {
  name: 'beside',
  setup: ({ onLoad }) =>
    onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      const contents = text.replace(
        /new URL\('(\.[^']+)', import\.meta\.url\)/g,
        (_, name) => `new URL('${pathToFileURL(join(dirname(path), name)).href}')`,
      );
      return { contents, loader: 'ts' };
    }),
};

await build({
  entryPoints: [join(root, 'examples/mnist.ts')],
  outfile,
  bundle: true,
  packages: 'external',
  alias: { 'grad-ts': join(root, 'src/index.ts') },
  format: 'esm',
  platform: 'node',
  target: 'node20',
  logLevel: 'warning',
  plugins: [beside],
});
await import(pathToFileURL(outfile).href);
