/** What of pipelines must not compile does not, at the right line, with the right words; what must, has the exact type. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compile, root } from '../types/Compiler.ts';

const fixture = 'spec/types/fixtures/pipeline.ts';
const text = await readFile(join(root, fixture), 'utf8');

const printed = await compile([fixture]);

/** Line -> messages, each with its indented continuation. */
const found = new Map<number, readonly string[]>();
for (const [, line, message] of printed.matchAll(/^\S*pipeline\.ts\((\d+),\d+\): error (TS\d+: .*(?:\n .*)*)/gm))
  found.set(Number(line), [...(found.get(Number(line)) ?? []), message ?? '']);

const wanted = text.split('\n').flatMap((line, i) => {
  const [, message] = /^\s*\/\/ error: (.*)$/.exec(line) ?? [];
  return message === undefined ? [] : [{ line: i + 2, message }];
});

describe('compile-time errors of pipelines', () => {
  it('are found at all', () => {
    expect(wanted.length).toBeGreaterThan(8);
    // The exact types are lines that would be errors.
    expect(text.split('same<Eq<').length).toBeGreaterThan(7);
  });

  it.each(wanted)('line $line: $message', ({ line, message }) => {
    const messages = found.get(line) ?? [];
    expect(messages).toHaveLength(1);
    expect(messages[0]).toContain(message);
  });

  it('are nowhere else, and every exact type holds', () => {
    const lines = new Set(wanted.map((w) => w.line));
    expect([...found].filter(([line]) => !lines.has(line))).toEqual([]);
    expect(printed.split('\n').filter((l) => l.includes('error TS') && !l.includes('pipeline.ts('))).toEqual([]);
  });
});
