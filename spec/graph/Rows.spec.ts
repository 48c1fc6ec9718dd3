/** Transpositions that leave rows whole, as a choice of rows: the very same numbers, and only where it pays. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Graph, input, type Node, topological, type Value } from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import { byRows } from '../../src/graph/rewrite/Rows.ts';
import type { Dim } from '../../src/shape/Shape.ts';
import { f32, graphOf, run } from '../support/evaluate.ts';
import { noise } from '../training/support.ts';

const operators = (g: Graph): readonly string[] =>
  topological(g.outputs.map((o) => o.value)).flatMap((n: Node) => (n._tag === 'Operator' ? [n.operator] : []));

const names = (y: Value): readonly string[] => operators(byRows(graphOf({ y })));

const moved = (shape: readonly Dim[], perm: readonly number[]): Value =>
  Op.transpose(perm)(input('x', 'float32', shape));

const product = (sizes: readonly number[]): number => sizes.reduce((n, d) => n * d, 1);

/** Sizes of up to five axes, an order of all but the last of them, and whether the first one's size is known. */
const cases = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 4 }).chain((sizes) =>
  fc.record({
    sizes: fc.constant([...sizes, 4 * Math.ceil(1024 / product(sizes))]),
    perm: fc.shuffledSubarray(
      sizes.map((_, i) => i),
      { minLength: sizes.length },
    ),
    named: fc.boolean(),
  }),
);

describe('transpositions of whole rows', () => {
  it('are choices of rows, whatever axes come before', () => {
    const choice = ['Reshape', 'Gather', 'Reshape'];
    expect(names(moved(['batch', 64, 4, 32], [0, 2, 1, 3]))).toEqual(choice);
    expect(names(moved(['batch', '?', 32, 9, 16], [0, 1, 3, 2, 4]))).toEqual(choice);
    expect(names(moved([64, 4, 4, 8], [1, 0, 2, 3]))).toEqual(choice);
    // All before the rows may move.
    expect(names(moved([8, 16, 4, 16], [2, 1, 0, 3]))).toEqual(choice);
  });

  it('have the numbers of the given graph, in its shape', async () => {
    let chosen = 0;
    await fc.assert(
      fc.asyncProperty(cases, async ({ sizes, perm, named }) => {
        const shape: readonly Dim[] = named ? ['batch', ...sizes.slice(1)] : sizes;
        const g = graphOf({ y: moved(shape, [...perm, sizes.length - 1]) });
        const feeds = { x: f32(noise(product(sizes), 1), sizes) };
        const [fast, plain] = [await run(byRows(g), feeds), await run(g, feeds)];
        chosen += operators(byRows(g)).includes('Gather') ? 1 : 0;
        expect(fast).toEqual(plain);
      }),
      { numRuns: 60 },
    );
    expect(chosen).toBeGreaterThan(5);
  });

  it('of equal orders share them, and shapes behind each other are one', () => {
    const x = input('x', 'float32', ['batch', 64, 128]);
    const heads = (v: Value): Value => Op.transpose([0, 2, 1, 3])(Op.reshape(['batch', 64, 4, 32])(v));
    const g = byRows(graphOf({ a: heads(x), b: heads(Op.exp(x)) }));
    expect(operators(g).toSorted()).toEqual(['Exp', 'Gather', 'Gather', 'Reshape', 'Reshape', 'Reshape', 'Reshape']);
    const orders = topological(g.outputs.map((o) => o.value)).flatMap((n) =>
      n._tag === 'Operator' && n.operator === 'Gather' ? [n.inputs[1]?.node] : [],
    );
    expect(orders[0]).toBe(orders[1]);
  });

  it('stay where rows are short, long or moved themselves, where there are few, and where sizes are not known', () => {
    const stay: readonly Value[] = [
      moved(['batch', 64, 64, 2], [0, 2, 1, 3]),
      moved(['batch', 64, 4, 128], [0, 2, 1, 3]),
      moved(['batch', 64, 64], [0, 2, 1]),
      moved(['batch', 4, 16, 32], [0, 2, 1, 3]),
      moved(['batch', 'steps', 4, 32], [0, 2, 1, 3]),
      moved(['?', '?', 64, 4, 32], [0, 1, 3, 2, 4]),
      moved([256, 256, 4], [1, 0, 2]),
      Op.transpose([0, 2, 1, 3])(input('x', 'int32', [2, 64, 4, 32])),
    ];
    for (const y of stay) expect(names(y)).toEqual(['Transpose']);
  });
});
