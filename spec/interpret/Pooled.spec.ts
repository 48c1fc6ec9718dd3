/** Relu before and behind max-pooling: the same values and the same gradients, to the bit. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { vjp } from '../../src/autodiff/Grad.ts';
import { input, type Value } from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import { inference, training } from '../../src/interpret/Lower.ts';
import { pooled } from '../../src/interpret/lower/convolution.ts';
import type { Mode } from '../../src/interpret/lower/Site.ts';
import type { PoolSpec } from '../../src/layer/SpatialSpec.ts';
import { f32, graphOf, run } from '../support/evaluate.ts';
import { right } from './support.ts';

const trained = training({ seed: input('seed', 'uint32', []), step: input('step', 'uint32', []), provider: 'cpu' });

const windows = [
  { kernel: [2, 2], strides: [2, 2], padding: 'valid' },
  { kernel: [3, 3], strides: [2, 2], padding: 'same' },
  { kernel: [3, 3], strides: [1, 1], padding: [1, 1] },
] as const;

it('in training relu comes behind', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...windows),
      // Few different numbers: equals, above zero, at zero and below it, in most windows.
      fc.array(fc.integer({ min: -3, max: 2 }), { minLength: 2 * 2 * 36, maxLength: 2 * 2 * 36 }),
      async (window, values) => {
        const spec = { op: 'maxPool2d', ...window } as unknown as PoolSpec;
        const x = input('x', 'float32', [2, 2, 6, 6]);
        const of = (mode: Mode): readonly [Value, Value] => {
          const y = pooled(spec, Op.relu(x), mode);
          const size = y.type.shape.reduce<number>((n, d) => n * Number(d), 1);
          const places = Array.from({ length: size }, (_, i) => i + 1);
          return [
            y,
            right(vjp([y], [Op.tensor(places, y.type.shape as readonly number[], 'float32')], [x]))[0] as Value,
          ];
        };
        const [[y, dx], [before, through]] = [of(trained), of(inference)];
        expect(y.node).toMatchObject({ operator: 'Relu' });
        expect(before.node).toMatchObject({ operator: 'MaxPool' });
        const found = await run(graphOf({ y, dx, before, through }), { x: f32(values, [2, 2, 6, 6]) });
        expect(found.y?.data).toEqual(found.before?.data);
        expect(Array.from(found.dx?.data ?? [], Number).map((v) => v + 0)).toEqual(
          Array.from(found.through?.data ?? [], Number).map((v) => v + 0),
        );
      },
    ),
    { numRuns: 30 },
  );
});

it('of single cells, which others read too, it stays before', () => {
  const spec = { op: 'maxPool2d', kernel: [1, 1], strides: [2, 2], padding: 'valid' } as unknown as PoolSpec;
  const y = pooled(spec, Op.relu(input('x', 'float32', [2, 2, 6, 6])), trained);
  expect(y.node).toMatchObject({ operator: 'MaxPool' });
});
