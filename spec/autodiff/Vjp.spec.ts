import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ruleName, rules } from '../../src/autodiff/Vjp.ts';
import { topological } from '../../src/graph/Graph.ts';
import { activations } from './cases/activations.ts';
import { arrangement } from './cases/arrangement.ts';
import type { Case } from './cases/Case.ts';
import { einsums } from './cases/einsum.ts';
import { elementwise } from './cases/elementwise.ts';
import { loops } from './cases/loops.ts';
import { normalizations } from './cases/normalizations.ts';
import { products } from './cases/products.ts';
import { recurrence } from './cases/recurrence.ts';
import { resampling } from './cases/resampling.ts';
import { sampling } from './cases/sampling.ts';
import { shapes } from './cases/shapes.ts';
import { windows } from './cases/windows.ts';
import { compare } from './finiteDifferences.ts';
import { randomFrom } from './random.ts';

const cases: readonly Case[] = [
  ...elementwise,
  ...activations,
  ...products,
  ...einsums,
  ...shapes,
  ...arrangement,
  ...resampling,
  ...sampling,
  ...normalizations,
  ...windows,
  ...recurrence,
  ...loops,
];

test('every rule of the table is tested, and nothing else', () => {
  expect([...new Set(cases.map((c) => c.rule))].sort()).toEqual(Object.keys(rules).sort());
});

describe.each([...new Set(cases.map((c) => c.rule))])('%s: gradients are central differences', (rule) => {
  test.each(cases.filter((c) => c.rule === rule))('$name', ({ sample }) =>
    fc.assert(
      fc.asyncProperty(fc.noShrink(fc.integer()), async (seed) => {
        const random = randomFrom(seed);
        const drawn = sample(random);
        const { y, error, worst } = await compare(drawn, random);
        const used = topological([y]).flatMap((n) => (n._tag === 'Operator' ? [ruleName(n)] : []));
        expect(used).toContain(rule);
        expect(error, worst).toBeLessThan(drawn.tolerance ?? 1e-6);
      }),
      { numRuns: 3 },
    ),
  );
});
