/** Axes and shapes changed twice are changed once: the same numbers. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Graph, input, topological, type Value } from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import { arrangement } from '../../src/graph/rewrite/Arrangement.ts';
import { rewrite } from '../../src/graph/rewrite/Rewrite.ts';
import { f32, graphOf, run } from '../support/evaluate.ts';

const arranged = rewrite(arrangement);

const x = input('x', 'float32', [2, 3, 4]);
const feeds = {
  x: f32(
    Array.from({ length: 24 }, (_, i) => i),
    [2, 3, 4],
  ),
};

const names = (g: Graph): readonly string[] =>
  topological(g.outputs.map((o) => o.value)).flatMap((n) => (n._tag === 'Operator' ? [n.operator] : []));

const order = fc.shuffledSubarray([0, 1, 2], { minLength: 3 });
const shape = fc.constantFrom([6, 4], [24], [2, 12], [2, 3, 4], [4, 3, 2], [1, 24, 1], [0, 12], [0, -1], [-1]);

type Change = (v: Value) => Value;
const change: fc.Arbitrary<Change> = fc.oneof(
  order.map(
    (perm): Change =>
      (v) =>
        v.type.shape.length === 3 ? Op.transpose(perm)(v) : v,
  ),
  shape.map(
    (to): Change =>
      (v) => {
        const first = v.type.shape[0] as number;
        const known = to.map((d) => (d === 0 ? first : d));
        const rest = known.reduce((n, d) => (d < 0 ? n : n * d), 1);
        if (24 % rest !== 0 || (rest !== 24 && !known.includes(-1))) return v;
        return Op.reshapeTo(
          Op.int64s(to),
          known.map((d) => (d < 0 ? 24 / rest : d)),
        )(v);
      },
  ),
);

it('any number of changes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async (changes) => {
      const y = changes.reduce((v, f) => f(v), x);
      const before = graphOf({ y: Op.add(y, 1) });
      const after = arranged(before);
      expect(await run(after, feeds)).toEqual(await run(before, feeds));
      expect(names(after).length).toBeLessThanOrEqual(names(before).length);
    }),
    { numRuns: 60 },
  );
});

it('two are one, and there and back is nothing', () => {
  const there = Op.transpose([1, 2, 0])(x);
  expect(names(arranged(graphOf({ y: Op.transpose([0, 2, 1])(there) })))).toEqual(['Transpose']);
  const back = Op.reshape([2, 3, 4])(Op.reshape([6, 4])(x));
  expect(names(arranged(graphOf({ y: Op.add(Op.transpose([2, 0, 1])(there), back) })))).toEqual(['Add']);
});

it('a size that is copied from the shape between stays', () => {
  const copied = Op.reshapeTo(Op.int64s([0, 2, 2]), [6, 2, 2])(Op.reshape([6, 4])(x));
  expect(names(arranged(graphOf({ y: copied })))).toEqual(['Reshape', 'Reshape']);
});
