/**
 * The examples in full, on their real data, must reach what they promise.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

const run = (example: string): string => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', join('examples', example)], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, GRAD_TS_SMOKE: '0' },
    maxBuffer: 1 << 28,
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout;
};

const number = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? Number.NaN);

describe('examples', () => {
  it('mnist: at least 98.8 % of the test images, and the exported file does the same', { timeout: 1_800_000 }, () => {
    const out = run('mnist.ts');
    const tested = number(out, /test, 10000 images: .*accuracy ([\d.]+) %/);
    expect(tested).toBeGreaterThanOrEqual(98.8);
    expect(number(out, /onnxruntime alone: accuracy ([\d.]+) %/)).toBe(tested);
  });

  it('moa: better out of fold than the label frequencies', { timeout: 1_800_000 }, () => {
    const out = run('moa.ts');
    const [loss, f1] = [/the model +log loss ([\d.]+)/, /the model .*micro-F1 ([\d.]+)/].map((p) => number(out, p));
    expect(loss).toBeLessThan(number(out, /label frequencies +log loss ([\d.]+)/));
    expect(f1).toBeGreaterThan(number(out, /label frequencies .*micro-F1 ([\d.]+)/));
  });
});
