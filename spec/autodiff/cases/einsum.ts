import type { Dim } from '../../../src/shape/Shape.ts';
import { type Case, pick, raw } from './Case.ts';

type Sizes = readonly number[];

const contracted = (
  equation: string,
  shapes: readonly Sizes[],
  out: readonly Dim[],
  note = '',
  named = false,
): Case => ({
  rule: 'Einsum',
  name: `${equation} ${note}`,
  sample: (r) => {
    const names = shapes.map((_, i) => `x${i}`);
    const inputs = shapes.map(
      (s, i) => [`x${i}`, { array: r.array(s), dims: named && i === 0 ? ['batch', ...s.slice(1)] : s }] as const,
    );
    return {
      inputs: Object.fromEntries(inputs),
      y: (v) =>
        raw(
          'Einsum',
          names.map((n) => pick(v, n)),
          out,
          { equation: { _tag: 'String', value: equation } },
        ),
    };
  },
});

export const einsums: readonly Case[] = [
  contracted(
    'ij,jk->ik',
    [
      [2, 3],
      [3, 4],
    ],
    ['batch', 4],
    'a named axis',
    true,
  ),
  contracted(
    'bij,bjk->bik',
    [
      [2, 2, 3],
      [2, 3, 2],
    ],
    [2, 2, 2],
  ),
  contracted(
    'bhqd,bhkd->bhqk',
    [
      [2, 2, 3, 2],
      [2, 2, 2, 2],
    ],
    [2, 2, 3, 2],
    'attention',
  ),
  contracted('i,j->ij', [[2], [3]], [2, 3], 'outer product'),
  contracted('i,i->', [[3], [3]], [], 'inner product'),
  contracted('ij->', [[2, 3]], [], 'sum of all'),
  contracted('ij->j', [[2, 3]], [3], 'sum of an axis'),
  contracted('ij->ji', [[2, 3]], [3, 2], 'transpose'),
  contracted('ijk,k->i', [[2, 3, 2], [2]], [2], 'an axis summed alone'),
  contracted(
    'bi,oij,bj->bo',
    [
      [2, 2],
      [3, 2, 2],
      [2, 2],
    ],
    [2, 3],
    'bilinear',
  ),
  contracted(
    '...ij,...jk->...ik',
    [
      [2, 1, 2, 3],
      [1, 3, 3, 2],
    ],
    [2, 3, 2, 2],
    'ellipses are broadcast',
  ),
  contracted(
    '...d,od->...o',
    [
      [2, 3, 2],
      [4, 2],
    ],
    [2, 3, 4],
    'dense over any rank',
  ),
  contracted(
    'b i j , j k',
    [
      [2, 2, 3],
      [3, 2],
    ],
    [2, 2, 2],
    'the result left out',
  ),
  contracted(
    'ij,ij->ij',
    [
      [2, 3],
      [1, 3],
    ],
    [2, 3],
    'a size of 1 is broadcast',
  ),
  contracted(
    'ij,jk,kl->il',
    [
      [2, 2],
      [2, 3],
      [3, 2],
    ],
    [2, 2],
    'a chain',
  ),
  {
    rule: 'Einsum',
    name: 'a diagonal is a factor',
    sample: (r) => ({
      inputs: { a: { array: r.array([3, 3]) }, b: { array: r.array([3]) } },
      y: (v) => raw('Einsum', [pick(v, 'a'), pick(v, 'b')], [3], { equation: { _tag: 'String', value: 'ii,i->i' } }),
      wrt: ['b'],
    }),
  },
];
