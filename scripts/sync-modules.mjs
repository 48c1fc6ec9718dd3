/** Writes package.json's `exports` and `src/index.ts` from `modules.mjs`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { indexSource, packageExports } from './modules.mjs';

const file = new URL('../package.json', import.meta.url);
const manifest = JSON.parse(readFileSync(file, 'utf8'));
writeFileSync(file, `${JSON.stringify({ ...manifest, exports: packageExports() }, null, 2)}\n`);
writeFileSync(new URL('../src/index.ts', import.meta.url), indexSource());
