/**
 * What type-checking costs, in type instantiations (which do not depend on the machine). Each budget is what was measured when
 * it was last set; it may grow by the tolerance, and must be lowered when it has fallen far below.
 *
 * To set them: `UPDATE_BUDGETS=1 npx vitest run spec/types/Budget`.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { compile } from './Compiler.ts';

const file = fileURLToPath(new URL('./budgets.json', import.meta.url));
const budgets: Record<string, number> = JSON.parse(await readFile(file, 'utf8'));
const tolerance = 0.03;

const measure = async (name: string): Promise<number> => {
  const printed = await compile([`spec/types/fixtures/${name}.ts`], ['--extendedDiagnostics']);
  expect(printed).not.toContain('error TS');
  return Number(/^Instantiations:\s+(\d+)/m.exec(printed)?.[1]);
};

describe('instantiations', () => {
  it.each(Object.keys(budgets))('%s', async (name) => {
    const count = await measure(name);
    if (process.env.UPDATE_BUDGETS !== undefined) {
      const now: Record<string, number> = JSON.parse(await readFile(file, 'utf8'));
      await writeFile(file, `${JSON.stringify({ ...now, [name]: count }, null, 2)}\n`);
      return;
    }
    const budget = budgets[name] ?? 0;
    expect(count).toBeLessThanOrEqual(Math.round(budget * (1 + tolerance)));
    expect(count).toBeGreaterThan(budget / 2);
  });
});
