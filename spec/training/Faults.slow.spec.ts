/** The same as `Faults.spec.ts`, fifty times and more: kills at random moments of steps, validations and writes. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundled, endingOf, killedUntilDone, renamed, uninterrupted } from './processes.ts';

const folder = await mkdtemp(join(tmpdir(), 'grad-ts-faults-'));
let script = '';
beforeAll(async () => {
  script = await bundled('resuming', folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it.each([
  ['run', 30],
  ['program', 30],
  ['backup', 10],
] as const)('a %s that is killed at %i random moments', async (kind, times) => {
  let kills = 0;
  for (let trial = 0; kills < times; trial++) {
    expect(trial, 'runs end before they are killed').toBeLessThan(300);
    // A program has three parts of this length.
    const setup = { kind, epochs: kind === 'run' ? 150 : 40, saveFreq: 1 + (trial % 4) };
    const expected = await uninterrupted({ ...setup, path: join(folder, `whole-${kind}-${trial}.safetensors`) });
    const own = { ...setup, path: join(folder, `${kind}-${trial}.safetensors`) };
    const done = await killedUntilDone(script, own, Math.random, 1200);
    kills += done.kills;
    expect(renamed(await endingOf(own)), `${kind}, trial ${trial}, ${done.kills} kills`).toEqual(renamed(expected));
  }
  console.log(`${kind}: ${kills} kills`);
  // What a killed process was writing is cleared away by the next that writes there.
  const torn = (await readdir(folder)).filter((f) => f.endsWith('.tmp'));
  expect(torn).toEqual([]);
});
