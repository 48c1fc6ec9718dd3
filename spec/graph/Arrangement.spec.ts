/** Axes and shapes changed twice are changed once: the same numbers. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { stopGradient } from '../../src/autodiff/Grad.ts';
import { type Graph, input, label, topological, type Value } from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import { arrangement } from '../../src/graph/rewrite/Arrangement.ts';
import { between as betweenRule } from '../../src/graph/rewrite/Between.ts';
import { rewrite } from '../../src/graph/rewrite/Rewrite.ts';
import { f32, graphOf, run } from '../support/evaluate.ts';
import { noise } from '../training/support.ts';

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

it('a size that is copied from the shape between stays, unless it was the same before', async () => {
  const copied = Op.reshapeTo(Op.int64s([0, 2, 2]), [6, 2, 2])(Op.reshape([6, 4])(x));
  expect(names(arranged(graphOf({ y: copied })))).toEqual(['Reshape', 'Reshape']);
  const named = input('n', 'float32', ['batch', 3, 4]);
  const g = graphOf({ y: Op.reshape(['batch', 2, 6])(Op.reshape(['batch', 12])(named)) });
  expect(names(arranged(g))).toEqual(['Reshape']);
  const given = { n: f32(noise(24, 1), [2, 3, 4]) };
  expect(await run(arranged(g), given)).toEqual(await run(g, given));
  const open = input('o', 'float32', ['?', 3, 4]);
  const unknown = Op.reshapeTo(Op.int64s([0, 2, 6]), ['?', 2, 6])(Op.reshape(['?', 12])(open));
  expect(names(arranged(graphOf({ y: unknown })))).toEqual(['Reshape', 'Reshape']);
});

const between = rewrite(betweenRule);

it('what is padded or cut between two transpositions that undo each other is so without them', async () => {
  const pads = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 6, maxLength: 6 });
  const cut = fc.record({
    axis: fc.integer({ min: -3, max: 2 }),
    start: fc.integer({ min: -2, max: 1 }),
    step: fc.constantFrom(1, 2),
  });
  await fc.assert(
    fc.asyncProperty(order, pads, cut, fc.boolean(), async (perm, p, { axis, start, step }, isPad) => {
      const back = perm.map((_, i) => perm.indexOf(i));
      const inner = isPad ? Op.pad(p, 7) : Op.slice({ axes: [axis], starts: [start], ends: [9], steps: [step] });
      const before = graphOf({ y: Op.add(Op.transpose(back)(inner(Op.transpose(perm)(x))), 1) });
      const after = between(before);
      expect(names(after)).not.toContain('Transpose');
      expect(await run(after, feeds)).toEqual(await run(before, feeds));
    }),
    { numRuns: 60 },
  );
});

it('other transpositions, and one that others read too, stay', () => {
  const turned = Op.transpose([1, 0, 2])(x);
  const padded = Op.pad([0, 1, 0, 0, 0, 0])(turned);
  const [other, read] = [Op.transpose([0, 2, 1])(padded), Op.transpose([1, 0, 2])(padded)];
  for (const g of [graphOf({ other }), graphOf({ read, padded })]) expect(names(between(g))).toEqual(names(g));
});

const [a, b] = [input('a', 'float32', [6]), input('b', 'float32', [6])];
const vectors = { a: f32([1, 2, 3, 4, 5, 6], [6]), b: f32([6, 5, 4, 3, 2, 1], [6]) };
const channels = Op.reshape([1, 6, 1, 1]);

it('what gradients stopped at goes, if it has no name; other identities stay', () => {
  const at = (y: Value): readonly string[] => names(arranged(graphOf({ y: Op.neg(y) })));
  expect(at(stopGradient(x))).toEqual(['Neg']);
  expect(at(label('mine')(stopGradient(x)))).toEqual(['Identity', 'Neg']);
  expect(at(Op.identity(x))).toEqual(['Identity', 'Neg']);
});

it('numbers are computed before they are given another shape, so that shapes meet', async () => {
  const scale = Op.div(channels(a), Op.sqrt(Op.add(channels(b), 0.5)));
  const before = graphOf({
    y: Op.reshape([6])(Op.neg(Op.mul(scale, channels(a)))),
    z: Op.reshape([6, 1, 1, 1])(Op.sub(channels(b), Op.reciprocal(scale))),
  });
  const after = arranged(before);
  expect(names(after).filter((n) => n === 'Reshape')).toEqual(['Reshape']);
  expect(await run(after, vectors)).toEqual(await run(before, vectors));
});

const large = Op.reshape([2, 2 ** 14])(input('l', 'float32', [2 ** 15]));

it.each([
  ['operands that were of other sizes', Op.add(channels(a), channels(input('c', 'float32', [2, 3])))],
  ['an operand that was always so', Op.add(channels(a), input('d', 'float32', [1, 6, 1, 1]))],
  ['operands that broadcast', Op.mul(channels(a), Op.reshape([1, 1, 6, 1])(b))],
  ['what is large', Op.neg(large)],
  ['a single number of more axes', Op.add(Op.reshape([2, 3])(a), Op.tensor([1], [1, 1], 'float32'))],
] as const)('%s: stays as it is', (_, y) => {
  expect(names(arranged(graphOf({ y }))).at(-1)).not.toBe('Reshape');
});
