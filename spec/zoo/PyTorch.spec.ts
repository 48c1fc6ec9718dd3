/**
 * The zoo beside torchvision and PyTorch: with the same weights the same output and the same gradients, in inference
 * and in training (see spec/golden/zoo.py). The larger networks are in `PyTorch.slow.spec.ts`.
 */
import { describe, expect, test } from 'vitest';
import { agrees, cases, networkNames } from './golden.ts';
import { heavy } from './heavy.ts';

test('every case has a network, and every network a case', () => {
  expect(cases.map((c) => c.name)).toEqual(networkNames);
});

describe('equal to PyTorch', () => {
  test.each(cases.filter((c) => !heavy.has(c.name)))('$name', agrees);
});
