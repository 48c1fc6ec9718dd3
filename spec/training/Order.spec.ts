import fc from 'fast-check';
import { expect, it } from 'vitest';
import { orders, visits } from '../../src/training/Order.ts';

const ordered = fc.record({ shuffle: fc.boolean(), samples: fc.integer({ min: 1, max: 50 }) });

it('gives each pass its order, whatever was asked for before', () => {
  fc.assert(
    fc.property(ordered, fc.nat(1000), fc.array(fc.nat(5), { maxLength: 12 }), (of, seed, passes) => {
      const order = orders(of, seed);
      for (const pass of passes) expect(order(pass)).toEqual(visits(of, seed, pass));
    }),
  );
});

it('works out the order of a pass and of the next once', () => {
  const order = orders({ shuffle: true, samples: 20 }, 1);
  const [now, next] = [order(3), order(4)];
  expect(order(4)).toBe(next);
  expect(order(3)).not.toBe(next);
  expect(orders({ shuffle: true, samples: 20 }, 1)(3)).toEqual(now);
});
