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

  it('transfer: better than the same network from nothing, and than a LeNet', { timeout: 1_800_000 }, () => {
    const out = run('transfer.ts');
    const pretrained = number(out, / pretrained +([\d.]+) %/);
    expect(pretrained).toBeGreaterThan(75);
    expect(pretrained).toBeGreaterThan(number(out, /the same from nothing +([\d.]+) %\n/) + 20);
    expect(pretrained).toBeGreaterThan(number(out, /LeNet from nothing +([\d.]+) %/));
  });

  it('wakeword: better than from nothing, and the exported file does the same', { timeout: 1_800_000 }, () => {
    const out = run('wakeword.ts');
    const cached = number(out, /cached embedding +([\d.]+) %/);
    expect(cached).toBeGreaterThan(90);
    expect(cached).toBeGreaterThan(number(out, /from nothing +([\d.]+) %/) + 5);
    expect(number(out, /onnxruntime alone: ([\d.]+) %/)).toBe(cached);
  });

  it('continual: the file is what was trained, and going on is better than from nothing', {
    timeout: 1_800_000,
  }, () => {
    const out = run('continual.ts');
    expect(number(out, /as imported +([\d.]+) %/)).toBe(number(out, /as trained +([\d.]+) %/));
    expect(number(out, /going on +([\d.]+) %/)).toBeGreaterThan(number(out, /from nothing +([\d.]+) %/) + 15);
  });
});
