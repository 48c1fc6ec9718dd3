/**
 * Our side as users run it: JavaScript that imports the built package, without a loader of TypeScript, which would take some 50 MiB
 * in the process that is measured. `npm run bench` builds the package first.
 */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** The file to run. It lies within the package, whose own name is looked up there. */
export const built = async (): Promise<string> => {
  const outfile = file('../../out/bench/ours.mjs');
  await build({
    entryPoints: [file('./ours.ts')],
    outfile,
    bundle: true,
    packages: 'external',
    // Without the paths by which the package's name means its sources.
    tsconfigRaw: {},
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'warning',
  });
  return outfile;
};
