/**
 * Builds `dist/esm` with tsc (code and declarations) and from it, file by file, `dist/cjs` with esbuild. Nothing is
 * bundled, so both have the files of `src`; the worker thread's file is found beside the module that starts it.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

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
await toCommonJs(scripts.filter(usesItsUrl), {
  define: { 'import.meta.url': 'importMetaUrl' },
  banner: { js: "'use strict';\nconst importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
});

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
