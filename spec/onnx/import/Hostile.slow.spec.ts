/** Real files with changed bytes, many of them. */
import * as fc from 'fast-check';
import { describe, it } from 'vitest';
import { bytesOf, mutated, survives } from './support.ts';

describe('fuzzed real files', () => {
  const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
  it.each(['rhasspy', 'jarvis', 'direction', 'silero'] as const)('%s', { timeout: 300_000 }, (name) => {
    const bytes = bytesOf(name);
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), (changes) => survives(mutated(bytes, changes))),
      { seed: 5, numRuns: 150 },
    );
    // Most bytes are weights: the ends of the file have the structure.
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(3000), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 }),
        (changes) => survives(mutated(bytes, changes)),
      ),
      { seed: 6, numRuns: 150 },
    );
  });
});
