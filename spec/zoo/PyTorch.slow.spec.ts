/** As `PyTorch.spec.ts`, the networks that take longer. */
import { describe, test } from 'vitest';
import { agrees, cases } from './golden.ts';
import { heavy } from './heavy.ts';

describe('equal to PyTorch', () => {
  test.each(cases.filter((c) => heavy.has(c.name)))('$name', agrees);
});
