/** `kill -9` at any moment and the same again: the ending is that of a training that nobody killed, to the last bit. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundled, endingOf, killedUntilDone, renamed, uninterrupted } from './processes.ts';
import { noise } from './support.ts';

const folder = await mkdtemp(join(tmpdir(), 'grad-ts-faults-'));
let script = '';
beforeAll(async () => {
  script = await bundled('resuming', folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it.each(['run', 'program'] as const)('a %s that is killed twice', { timeout: 120_000 }, async (kind) => {
  const setup = { kind, epochs: 12, saveFreq: 3 };
  const expected = await uninterrupted({ ...setup, path: join(folder, `whole-${kind}.safetensors`) });
  const own = { ...setup, path: join(folder, `${kind}.safetensors`) };
  const numbers = noise(10, kind.length).map((x) => (x + 1) / 2);
  const { kills } = await killedUntilDone(script, own, () => numbers.pop() ?? 0.5, 60, 2);
  expect(kills).toBeGreaterThan(0);
  expect(renamed(await endingOf(own))).toEqual(renamed(expected));
});
