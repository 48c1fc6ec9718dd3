/** Of equals in a window of max-pooling the first gets the cotangent, and nobody else: in plain operators and in blocks. */

import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { afterAll, expect, it } from 'vitest';
import { vjp } from '../../src/autodiff/Grad.ts';
import { blocked } from '../../src/graph/blocked/Blocked.ts';
import { input, topological, type Value } from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import { simplify } from '../../src/graph/rewrite/Simplify.ts';
import { Environment } from '../../src/index.ts';
import { blockSize } from '../../src/training/Emission.ts';
import { f32, graphOf, run } from '../support/evaluate.ts';

const env = Environment.node({ threads: 1 })();
afterAll(env.runtime.close);
const block = (await blockSize(env.runtime)()) ?? Number.NaN;

type Sizes = readonly [height: number, width: number];

/** By its definition: a loop over windows and their cells. */
const expected = (x: readonly number[], dy: readonly number[], [height, width]: Sizes, [rows, columns]: Sizes) => {
  const dx = x.map(() => 0);
  const [down, across] = [Math.floor(height / rows), Math.floor(width / columns)];
  dy.forEach((d, i) => {
    const [image, row, column] = [Math.floor(i / (down * across)), Math.floor(i / across) % down, i % across];
    const cells = Array.from({ length: rows * columns }, (_, k) => {
      const [r, c] = [row * rows + Math.floor(k / columns), column * columns + (k % columns)];
      return (image * height + r) * width + c;
    });
    const largest = Math.max(...cells.map((k) => x[k] as number));
    dx[cells.find((k) => x[k] === largest) as number] = d;
  });
  return dx;
};

const cases = fc
  .record({
    kernel: fc.constantFrom<Sizes>([2, 2], [3, 2], [2, 4], [1, 2]),
    size: fc.tuple(fc.integer({ min: 4, max: 7 }), fc.integer({ min: 4, max: 9 })),
    scale: fc.constantFrom(1, 2 ** -60, 2 ** 60),
    seed: fc.array(fc.constantFrom(-1, 0, 1, 1 + 2 ** -23), { minLength: 97, maxLength: 97 }),
  })
  .map(({ kernel, size, scale, seed }) => ({ kernel, size, values: seed.map((v) => v * scale) }));

it('goes to the first of equals', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async ({ kernel, size, values }) => {
      const [height, width] = size;
      const count = block * height * width;
      const x = Array.from({ length: count }, (_, i) => values[(i * 31) % values.length] as number);
      const given = input('x', 'float32', [1, block, height, width]);
      // As it is, by a convolution whose result is in blocks.
      const eye = Array.from({ length: block * block }, (_, i) => (i % (block + 1) === 0 ? 1 : 0));
      const same = Op.conv(given, Op.tensor(eye, [block, block, 1, 1], 'float32'), undefined, {
        kernel: [1, 1],
        strides: [1, 1],
        dilations: [1, 1],
        pads: [0, 0, 0, 0],
        group: 1,
      });
      const y = Op.maxPool(same, { kernel, strides: kernel, dilations: [1, 1], pads: [0, 0, 0, 0] }).output;
      const cotangent = input('dy', 'float32', y.type.shape);
      const dy = Array.from({ length: (y.type.shape as number[]).reduce((a, b) => a * b) }, (_, i) => i + 1);
      const gradients = vjp([y], [cotangent], [given]);
      if (E.isLeft(gradients)) throw new Error(gradients.left.message);
      const graph = graphOf({ dx: gradients.right[0] as Value });
      const feeds = { x: f32(x, [1, block, height, width]), dy: f32(dy, y.type.shape as number[]) };
      const inBlocks = blocked(block, 1)(graph);
      const onManyThreads = blocked(block, 1, [], 8)(graph);
      const nodes = topological(inBlocks.outputs.map((o) => o.value));
      expect(nodes.some((n) => n._tag === 'Operator' && n.operator === 'MaxPool' && n.domain !== '')).toBe(true);
      for (const form of [simplify()(graph), inBlocks, onManyThreads]) {
        const { dx } = await run(form, feeds);
        expect(Array.from(dx?.data ?? [], Number)).toEqual(expected(x, dy, size, kernel));
      }
    }),
    { numRuns: 30 },
  );
});
