/** Trainings in processes of their own, which can be killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import * as E from 'fp-ts/lib/Either.js';
import { Environment } from '../../src/index.ts';
import { type Setup, work } from './children/resuming.ts';

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);

/** The child as one file of JavaScript beside the sources, so that each of many starts is quick. */
export const bundled = async (name: string, into: string): Promise<string> => {
  const outfile = join(into, `${name}.mjs`);
  await build({
    entryPoints: [join(here, 'children', `${name}.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'silent',
    external: ['sharp', 'hyparquet'],
    // Native code is not bundled; the worker is a file of its own.
    plugins: [
      {
        name: 'native',
        setup: ({ onResolve, onLoad }) => {
          onResolve({ filter: /^onnxruntime-node$/ }, () => ({
            path: require.resolve('onnxruntime-node'),
            external: true,
          }));
          onLoad({ filter: /runtime\/Channel\.ts$/ }, async ({ path }) => ({
            contents: (await readFile(path, 'utf8')).replaceAll(
              /new URL\('\.\/worker\.js', import\.meta\.url\)/g,
              () => `new URL(${JSON.stringify(new URL('./worker.js', `file://${path}`).href)})`,
            ),
            loader: 'ts',
          }));
        },
      },
    ],
  });
  return outfile;
};

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly said: string;
}

export interface Child {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** The first line was said, or it has ended. */
  readonly ready: Promise<void>;
}

export const start = (script: string, setup: Setup): Child => {
  const child = spawn(process.execPath, [script, JSON.stringify(setup)]);
  let said = '';
  const hear = (chunk: unknown) => {
    said += String(chunk);
  };
  child.stderr.on('data', hear);
  const ended = new Promise<Ended>((done) => child.on('close', (code, signal) => done({ code, signal, said })));
  const ready = new Promise<void>((done) => {
    child.stdout.on('data', (chunk) => {
      hear(chunk);
      done();
    });
    child.on('close', () => done());
  });
  return { process: child, ended, ready };
};

export const wait = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

export const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** What the training ends with if nobody kills it, computed in this process. */
export const uninterrupted = async (setup: Setup): Promise<unknown> => {
  const env = Environment.node({ threads: 1 })();
  const result = await work(setup)(env)();
  await env.runtime.close();
  if (E.isLeft(result)) throw new Error(result.left.message);
  return JSON.parse(JSON.stringify(result.right));
};

export const endingOf = async (setup: Setup): Promise<unknown> =>
  JSON.parse(await readFile(`${setup.path}.json`, 'utf8'));

/** Without the paths that are in the keys of callbacks: two trainings save to two files. */
export const renamed = (ending: unknown): unknown =>
  JSON.parse(JSON.stringify(ending).replaceAll(/modelCheckpoint\([^)]*\)/g, 'modelCheckpoint'));

export interface Killed {
  readonly kills: number;
  readonly starts: number;
}

/** When a file was last written. */
const written = (path: string): Promise<number> =>
  stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );

/** Starts it again and again and kills it after random times, until it has come to its end by itself. */
export const killedUntilDone = async (
  script: string,
  setup: Setup,
  random: () => number,
  longest: number,
  most = Number.POSITIVE_INFINITY,
): Promise<Killed> => {
  let kills = 0;
  let patience = longest;
  let saved = await written(setup.path);
  for (let starts = 1; ; starts++) {
    const child = start(script, setup);
    await child.ready;
    const later = random() * patience;
    const killing = kills < most ? wait(later).then(() => child.process.kill('SIGKILL')) : undefined;
    const { code, signal, said } = await child.ended;
    await killing;
    // On a busy machine a life may be over before anything was saved: then the next ones are longer.
    const now = await written(setup.path);
    patience = now === saved ? patience * 1.5 : longest;
    saved = now;
    if (signal === 'SIGKILL') kills++;
    else if (code === 0) return { kills, starts };
    else throw new Error(`ended with ${code ?? signal}: ${said}`);
  }
};
