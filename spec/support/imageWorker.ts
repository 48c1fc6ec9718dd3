/** The worker's module of the image room as the build makes it: one JavaScript file, in a folder from which packages are found. */
import { mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** The folder is the caller's to remove. */
export const builtWorker = async (): Promise<{ readonly folder: string; readonly file: string }> => {
  const folder = mkdtempSync(join(tmpdir(), 'grad-ts-worker-'));
  symlinkSync(path('../../node_modules'), join(folder, 'node_modules'));
  const file = join(folder, 'worker.mjs');
  await build({
    entryPoints: [path('../../src/data/image/Worker.ts')],
    outfile: file,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    logLevel: 'silent',
  });
  return { folder, file };
};
