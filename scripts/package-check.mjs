/**
 * Checks the package as a user gets it: packs it, installs the tarball in an empty project, and there
 *
 * 1. imports every subpath as ESM and as CommonJS, and compares their exports,
 * 2. runs a small graph on onnxruntime in the worker thread, from both,
 * 3. type-checks a consumer as ESM, as CommonJS and for a bundler, with the library's declarations checked too,
 * 4. bundles a consumer for Node.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { modules } from './modules.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'grad-ts-package-'));
const project = join(folder, 'project');
mkdirSync(project);

const run = (command, args, cwd = project) => {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')}\n${error?.message ?? ''}${stdout ?? ''}${stderr ?? ''}`);
  return stdout.trim();
};
const write = (name, text) => writeFileSync(join(project, name), text);
const passed = (what) => console.log(`ok  ${what}`);

const names = Object.keys(modules);
const specifiers = ['grad-ts', ...names.map((name) => `grad-ts/${name}`)];

// A graph made, encoded and run with nothing but the public API: 3 x + 3 x at x = 1, 2.
const useRuntime = `
const x = Graph.input('x', 'float32', [2]);
const three = Graph.constant({ dtype: 'float32', shape: [], data: new Float32Array([3]) });
const tripled = Operators.mul(x, three);
const model = Onnx.encode(Graph.graph('sum', [x], [{ name: 'y', value: Operators.add(tripled, tripled) }]));
`;

const steps = {
  'packs and installs': () => {
    run('npm', ['pack', '--silent', '--pack-destination', folder], root);
    const tarball = join(
      folder,
      readdirSync(folder).find((file) => file.endsWith('.tgz')),
    );
    write('package.json', JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
    write('.npmrc', 'onnxruntime-node-install=skip\n');
    run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', tarball]);
    const packed = readdirSync(join(project, 'node_modules/grad-ts'), { recursive: true }).map(String);
    for (const file of ['dist/esm/runtime/worker.js', 'dist/cjs/runtime/worker.js', 'LICENSE', 'README.md']) {
      if (!packed.includes(file)) throw new Error(`${file} is not in the tarball`);
    }
    // Threads are started from files beside the modules that start them.
    for (const file of ['dist/node/all.js', 'dist/node/all.cjs']) {
      const text = readFileSync(join(project, 'node_modules/grad-ts', file), 'utf8');
      const threads = [...text.matchAll(/new URL\("(\.[^"]+)", import(?:\.meta\.u|MetaU)rl\)/g)].map(
        ([, path]) => path,
      );
      const missing = threads.filter((path) => !packed.includes(join('dist/node', path)));
      if (threads.length < 3 || missing.length > 0) throw new Error(`${file} starts ${threads}, without ${missing}`);
    }
    return `${(statSync(tarball).size / 1024).toFixed(0)} KiB, ${packed.length} entries`;
  },

  'imports and requires every subpath, with the same exports': () => {
    write(
      'load.mjs',
      `import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
for (const specifier of ${JSON.stringify(specifiers)}) {
  const esm = Object.keys(await import(specifier)).sort();
  const cjs = Object.keys(require(specifier)).sort();
  if (String(esm) !== String(cjs)) throw new Error(specifier + ': ESM has ' + esm + ', CommonJS ' + cjs);
}
const index = Object.keys(await import('grad-ts')).sort();
if (String(index) !== String(${JSON.stringify([...names].sort())})) throw new Error('grad-ts exports ' + index);`,
    );
    run(process.execPath, ['load.mjs']);
    return specifiers.join(', ');
  },

  'runs a graph in the worker thread': () => {
    const body = `${useRuntime}
const main = async () => {
  if (model._tag !== 'Right') throw new Error(JSON.stringify(model.left));
  const runtime = Runtime.node({ threads: 1 })();
  const session = await runtime.load(model.right)();
  if (session._tag !== 'Right') throw new Error(session.left.message);
  const feed = { dtype: 'float32', shape: [2], data: new Float32Array([1, 2]) };
  const result = await session.right.run({ feeds: { x: feed } })();
  if (result._tag !== 'Right') throw new Error(result.left.message);
  const y = Array.from(result.right.fetched.y.data);
  if (String(y) !== '6,12') throw new Error('expected 6,12, got ' + y);
  await runtime.close();
};
main().catch((error) => { console.error(error); process.exit(1); });`;
    write('worker.mjs', `import { Graph, Onnx, Operators, Runtime } from 'grad-ts';${body}`);
    write('worker.cjs', `const { Graph, Onnx, Operators, Runtime } = require('grad-ts');${body}`);
    run(process.execPath, ['worker.mjs']);
    run(process.execPath, ['worker.cjs']);
    return 'from ESM and from CommonJS';
  },

  'type-checks consumers': () => {
    const source = (importNames) => `${importNames}
import { pipe } from 'fp-ts/${'FUNCTION'}';
${useRuntime}
export const encoded: Uint8Array | undefined = model._tag === 'Right' ? model.right : undefined;
export const numbers: Stream.Stream<unknown, never, string> = pipe(
  Stream.fromIterable([1, 2, 3]),
  Stream.filter((n) => n > 1),
  Stream.map((n) => n.toFixed(1)),
);
// @ts-expect-error: the elements are strings
export const wrong: Stream.Stream<unknown, never, number> = numbers;
export const alsoFromSubpath: typeof Stream.of = of;
`;
    const text = (suffix) =>
      source(`import { Graph, Onnx, Operators, Stream } from 'grad-ts';\nimport { of } from 'grad-ts/Stream';
${names.map((name) => `import type * as ${name}Module from 'grad-ts/${name}';`).join('\n')}
export type All = [${names.map((name) => `typeof ${name}Module`).join(', ')}];`).replace('FUNCTION', suffix);
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const check = (file, suffix, module, moduleResolution) => {
      write(file, text(suffix));
      const compilerOptions = {
        target: 'es2022',
        // onnxruntime's declarations name types of the browser; without `dom` they fail, and ours would not be checked.
        lib: ['es2023', 'dom'],
        types: [],
        strict: true,
        exactOptionalPropertyTypes: true,
        noEmit: true,
        skipLibCheck: false,
        module,
        moduleResolution,
      };
      write('tsconfig.json', JSON.stringify({ compilerOptions, files: [file] }));
      run(process.execPath, [tsc, '-p', 'tsconfig.json']);
    };
    check('esm.mts', 'lib/function.js', 'nodenext', 'nodenext');
    check('cjs.cts', 'function', 'nodenext', 'nodenext');
    check('bundler.ts', 'function', 'esnext', 'bundler');
    return 'nodenext ESM, nodenext CommonJS, bundler';
  },

  'bundles a consumer for Node': async () => {
    write(
      'entry.mjs',
      `import { Stream } from 'grad-ts';
import { of } from 'grad-ts/Stream';
import { isRight } from 'fp-ts/Either';
const all = await Stream.runCollect(Stream.map((n) => n + 1)(of(1)))({})();
if (!isRight(all) || String(all.right) !== '2') throw new Error('the bundle is wrong');`,
    );
    const outfile = join(project, 'bundle.mjs');
    await build({
      entryPoints: [join(project, 'entry.mjs')],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      external: ['onnxruntime-node'],
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
      logLevel: 'warning',
    });
    run(process.execPath, ['bundle.mjs']);
    return `${(statSync(outfile).size / 1024).toFixed(0)} KiB`;
  },
};

try {
  for (const [name, step] of Object.entries(steps)) passed(`${name}: ${await step()}`);
} catch (error) {
  console.error(`FAILED  ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
