/**
 * Builds `dist/esm` with tsc (code and declarations) and from it, file by file, `dist/cjs` with esbuild. Nothing is
 * bundled, so both have the files of `src`; the worker thread's file is found beside the module that starts it.
 *
 * `dist/node` is `dist/esm` in one file, for Node.js itself: it takes 1 to 2 ms for each module that it imports. A public module
 * is a file there that hands on its part.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { beside } from './beside.mjs';
import { modules } from './modules.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const esm = join(root, 'dist/esm');
const cjs = join(root, 'dist/cjs');

rmSync(join(root, 'dist'), { recursive: true, force: true });

const tsc = join(root, 'node_modules/typescript/bin/tsc');
const { status } = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

const files = readdirSync(esm, { recursive: true }).map(String);
const scripts = files.filter((file) => file.endsWith('.js'));
const declarations = files.filter((file) => file.endsWith('.d.ts'));

const toCommonJs = (entries, options) =>
  build({
    entryPoints: entries.map((file) => join(esm, file)),
    outbase: esm,
    outdir: cjs,
    bundle: false,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    logLevel: 'warning',
    ...options,
  });
const usesItsUrl = (file) => readFileSync(join(esm, file), 'utf8').includes('import.meta.url');

await toCommonJs(scripts.filter((file) => !usesItsUrl(file)));
const withUrl = {
  define: { 'import.meta.url': 'importMetaUrl' },
  banner: { js: "'use strict';\nconst importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
};
await toCommonJs(scripts.filter(usesItsUrl), withUrl);

const node = join(root, 'dist/node');
const inOne = (contents, outfile, options) =>
  build({
    stdin: { contents, resolveDir: esm },
    outfile: join(node, outfile),
    bundle: true,
    packages: 'external',
    platform: 'node',
    target: 'node20',
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [beside(esm, node)],
    ...options,
  });

const all = Object.entries(modules);
const namesIn = async (path) => Object.keys(await import(pathToFileURL(join(esm, `${path}.js`)).href));
const values = new Map(await Promise.all(all.map(async ([name, path]) => [name, await namesIn(path)])));

// An ES module's names are static: the namespaces are there as they are, and what is in them under names of their own.
const flat = (name) => values.get(name).map((value) => [value, `${name}$${value}`]);
await inOne(
  all
    .map(([name, path]) => {
      const from = `from './${path}.js'`;
      return `export * as ${name} ${from};\nexport { ${flat(name).map(([value, as]) => `${value} as ${as}`)} } ${from};`;
    })
    .join('\n'),
  'all.js',
  { format: 'esm' },
);
await inOne(all.map(([name, path]) => `export * as ${name} from './${path}.js';`).join('\n'), 'all.cjs', {
  format: 'cjs',
  ...withUrl,
});
const put = (name, text) => writeFileSync(join(node, name), `${text}\n`);
put('index.js', `export { ${all.map(([name]) => name)} } from './all.js';`);
put('index.cjs', "module.exports = require('./all.cjs');");
for (const [name] of all) {
  put(`${name}.js`, `export { ${flat(name).map(([value, as]) => `${as} as ${value}`)} } from './all.js';`);
  put(`${name}.cjs`, `module.exports = require('./all.cjs').${name};`);
}

// tsc rewrites `.ts` in the imports of code, but leaves it in declarations.
const relativeImport = /(\bfrom |\bimport |\bimport\()(['"])(\.{1,2}\/[^'"]+)\.ts\2/g;
for (const file of declarations) {
  const text = readFileSync(join(esm, file), 'utf8');
  writeFileSync(join(esm, file), text.replace(relativeImport, '$1$2$3.js$2'));
  mkdirSync(dirname(join(cjs, file)), { recursive: true });
  copyFileSync(join(esm, file), join(cjs, file));
}
writeFileSync(join(cjs, 'package.json'), `${JSON.stringify({ type: 'commonjs' })}\n`);

console.log(`built ${scripts.length} modules, as ESM and as CommonJS, with ${declarations.length} declaration files`);
