/**
 * `npm start`: the first example, with the library's sources, as one file in `out/start`. Brought in one by one, through a loader of
 * TypeScript, the 500 modules take longer than to make one file of them: the first epoch began after 2.1 s, and begins after 1.5.
 */
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { beside } from './beside.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'out/start');
const outfile = join(folder, 'mnist.mjs');

await build({
  entryPoints: [join(root, 'examples/mnist.ts')],
  outfile,
  bundle: true,
  packages: 'external',
  format: 'esm',
  platform: 'node',
  target: 'node20',
  logLevel: 'warning',
  plugins: [beside(join(root, 'src'), folder)],
});
await import(pathToFileURL(outfile).href);
