import type { Value } from '../../../src/graph/Graph.ts';
import * as Op from '../../../src/graph/Operators.ts';
import type { Dim } from '../../../src/shape/Shape.ts';
import { f64, i64, type Random } from '../random.ts';
import { batched, type Case, pick, raw } from './Case.ts';

/** Multiplied by numbers that differ, so that a wrong place cannot pass for a right one. */
const one = (
  rule: string,
  name: string,
  shape: readonly number[],
  f: (x: Value) => Value,
  dims: readonly Dim[] = shape,
): Case => ({
  rule,
  name,
  sample: (r) => ({ inputs: { x: { array: r.array(shape), dims } }, y: (v) => f(Op.exp(pick(v, 'x'))) }),
});

// -------------------------------------------------------------------------------------
// reductions
// -------------------------------------------------------------------------------------

const reductionAxes: readonly (readonly number[])[] = [[0], [1], [-1], [0, 2], [1, 2], [0, 1, 2]];

const reduction = (rule: string, f: (o: Op.ReduceOptions) => (x: Value) => Value): readonly Case[] => [
  ...[false, true].flatMap((keepDims) =>
    reductionAxes.map(
      (axes): Case => ({
        rule,
        name: `axes ${axes} ${keepDims ? 'stay' : 'go'}`,
        sample: (r) => ({
          inputs: { x: batched(r, r.distinct([r.int(1, 3), r.int(1, 3), 2])) },
          y: (v) => f({ axes, keepDims })(pick(v, 'x')),
        }),
      }),
    ),
  ),
  {
    rule,
    name: 'axes and keepdims left out',
    sample: (r) => ({
      inputs: { x: batched(r, r.distinct([2, 3])) },
      y: (v) => raw(rule, [pick(v, 'x')], [1, 1]),
    }),
  },
];

// -------------------------------------------------------------------------------------
// slices
// -------------------------------------------------------------------------------------

const sliced = (
  name: string,
  options: Op.SliceOptions,
  shape: readonly number[] = [3, 7],
  dims: readonly Dim[] = shape,
): Case => one('Slice', name, shape, Op.slice(options), dims);

const named = [
  [3, 7],
  ['batch', 'time'],
] as const;

const slices: readonly Case[] = [
  sliced('a run', { axes: [1], starts: [2], ends: [5] }),
  sliced('two axes', { axes: [0, 1], starts: [1, 0], ends: [100, -2] }),
  sliced('negative bounds', { axes: [-1], starts: [-3], ends: [-1] }),
  sliced('step 3', { axes: [1], starts: [1], ends: [7], steps: [3] }),
  sliced('step 2 beside a run', { axes: [0, 1], starts: [1, 0], ends: [3, 7], steps: [1, 2] }),
  sliced('reversed', { axes: [1], starts: [-1], ends: [-100], steps: [-1] }),
  sliced('a run reversed', { axes: [1], starts: [5], ends: [1], steps: [-1] }),
  sliced('step -2', { axes: [1], starts: [-1], ends: [-100], steps: [-2] }),
  sliced('beyond the end', { axes: [1], starts: [4], ends: [2 ** 31 - 1] }),
  sliced('run of a named axis', { axes: [1], starts: [1], ends: [-1] }, ...named),
  sliced('steps on named axes', { axes: [0, 1], starts: [0, -1], ends: [3, -100], steps: [2, -3] }, ...named),
  one(
    'Slice',
    'bounds computed at run time',
    [5, 2],
    (x) => {
      const n = Op.gather(Op.shapeOf(x), Op.int64s([0]));
      return Op.sliceRows(x, Op.sub(n, 3), Op.sub(n, 1));
    },
    ['batch', 2],
  ),
  one(
    'Slice',
    'axes and steps left out',
    [4, 3],
    (x) => raw('Slice', [x, Op.int64s([1, 0]), Op.int64s([3, 2])], [2, 2]),
    [4, 3],
  ),
];

// -------------------------------------------------------------------------------------
// gathers and scatters; indices repeat where the operator allows it
// -------------------------------------------------------------------------------------

const gathered = (name: string, axis: number, indices: readonly number[], low = 0): Case => ({
  rule: 'Gather',
  name,
  sample: (r) => ({
    inputs: { x: batched(r, r.array([3, 4, 3])), i: { array: r.integers(indices, low, 2) } },
    y: (v) => Op.gather(Op.exp(pick(v, 'x')), pick(v, 'i'), axis),
  }),
});

const scattered = (
  rule: 'ScatterElements' | 'ScatterND',
  reduce: Op.ScatterReduction,
  indices: (r: Random) => readonly number[],
): Case => ({
  rule,
  name: `reduction ${reduce}`,
  sample: (r) => {
    const nd = rule === 'ScatterND';
    return {
      inputs: {
        x: batched(r, r.array([4, 3])),
        i: { array: i64(indices(r), nd ? [2, 1] : [2, 3]) },
        u: { array: r.array([2, 3]) },
      },
      y: (v) => {
        const [x, u] = [Op.exp(pick(v, 'x')), Op.exp(pick(v, 'u'))];
        return nd ? Op.scatterND(x, pick(v, 'i'), u, reduce) : Op.scatterElements(x, pick(v, 'i'), u, 0, reduce);
      },
    };
  },
});

const columns = (r: Random): readonly number[] => {
  const each = [0, 1, 2].map(() => r.shuffle([0, 1, 2, 3]).slice(0, 2));
  return [0, 1].flatMap((row) => each.map((c) => c[row] ?? 0));
};

const indexed: readonly Case[] = [
  gathered('rows', 0, [5]),
  gathered('rows of a table by tokens', 0, [2, 3]),
  gathered('middle axis', 1, [2, 3]),
  gathered('last axis', -1, [4]),
  gathered('one entry', 1, []),
  gathered('negative indices', 0, [6], -3),
  {
    rule: 'GatherElements',
    name: 'repeated',
    sample: (r) => ({
      inputs: { x: batched(r, r.array([3, 4])), i: { array: r.integers([3, 5], 0, 3) } },
      y: (v) => Op.gatherElements(Op.exp(pick(v, 'x')), pick(v, 'i'), -1),
    }),
  },
  {
    rule: 'GatherND',
    name: 'rows and cells',
    sample: (r) => {
      const depth = r.int(1, 2);
      return {
        inputs: { x: batched(r, r.array([3, 3, 2])), i: { array: r.integers([2, 3, depth], 0, 2) } },
        y: (v) => Op.gatherND(Op.exp(pick(v, 'x')), pick(v, 'i')),
      };
    },
  },
  scattered('ScatterElements', 'add', (r) => Array.from({ length: 6 }, () => r.int(0, 3))),
  scattered('ScatterElements', 'none', columns),
  scattered('ScatterND', 'add', (r) => [r.int(0, 3), r.int(0, 3)]),
  scattered('ScatterND', 'none', (r) => r.shuffle([0, 1, 2, 3]).slice(0, 2)),
];

// -------------------------------------------------------------------------------------
// the rest
// -------------------------------------------------------------------------------------

const concatenated = (axis: number, dims: readonly Dim[]): Case => ({
  rule: 'Concat',
  name: `axis ${axis} of [${dims}]`,
  sample: (r) => {
    const sizes = (n: number) => [2, 3, 2].map((d, i) => (i === (axis + 3) % 3 ? n : d));
    return {
      inputs: Object.fromEntries(['a', 'b', 'c'].map((name) => [name, { array: r.array(sizes(r.int(1, 3))), dims }])),
      y: (v) => Op.concat(axis)(['a', 'b', 'a', 'c'].map((name) => Op.exp(pick(v, name)))),
    };
  },
});

export const shapes: readonly Case[] = [
  ...reduction('ReduceSum', Op.reduceSum),
  ...reduction('ReduceMean', Op.reduceMean),
  ...reduction('ReduceMax', Op.reduceMax),
  ...reduction('ReduceMin', Op.reduceMin),
  one('Reshape', 'known sizes', [2, 6], Op.reshape([3, 4])),
  one('Reshape', 'the batch stays', [2, 2, 3], Op.reshape(['batch', 6]), ['batch', 2, 3]),
  one('Reshape', 'the batch moves', [2, 2, 3], Op.reshape(['?', 3]), ['batch', 2, 3]),
  one('Reshape', 'two names become one size', [2, 3, 4], Op.reshape(['?', 4]), ['batch', 'time', 4]),
  one('Expand', 'repeats and adds axes', [2, 1], Op.expandLike(Op.tensor(Array(24).fill(0), [3, 2, 4], 'float64'))),
  {
    rule: 'Expand',
    name: 'to a named size',
    sample: (r) => ({
      inputs: { x: { array: r.array([1, 3]) }, like: { array: r.array([2, 3]), dims: ['batch', 3] } },
      wrt: ['x'],
      y: (v) => Op.expandLike(pick(v, 'like'))(Op.exp(pick(v, 'x'))),
    }),
  },
  one('Transpose', 'three axes', [2, 3, 4], Op.transpose([2, 0, 1]), ['batch', 3, 4]),
  one('Transpose', 'perm left out', [2, 3], (x) => raw('Transpose', [x], [3, 2])),
  one('Unsqueeze', 'two axes', [2, 3], Op.unsqueeze([0, -1]), ['batch', 3]),
  one('Squeeze', 'two axes', [2, 1, 3, 1], Op.squeeze([1, -1]), ['batch', 1, 'time', 1]),
  ...[0, 1, -1].map((axis): Case => {
    const dims = (['?', '?', '?'] as const).map((d, i) => (i === (axis + 3) % 3 ? d : [2, 3, 2][i])) as readonly Dim[];
    return concatenated(axis, dims);
  }),
  {
    rule: 'Concat',
    name: 'known sizes, batch named',
    sample: (r) => ({
      inputs: {
        a: { array: r.array([2, 3]), dims: ['batch', 3] },
        b: { array: r.array([2, 1]), dims: ['batch', 1] },
      },
      y: (v) => Op.concat(-1)([Op.exp(pick(v, 'a')), Op.exp(pick(v, 'b')), pick(v, 'a')]),
    }),
  },
  ...slices,
  one('Pad', 'both sides', [2, 3], Op.pad([0, 1, 0, 2], 1.5), ['batch', 3]),
  one('Pad', 'every axis', [2, 3], Op.pad([1, 0, 0, 1])),
  one('Pad', 'the named axis', [2, 3], Op.pad([1, 0, 2, 0]), ['batch', 3]),
  one('Pad', 'negative pads cut', [4, 3], Op.pad([-1, 1, 1, -2])),
  {
    rule: 'Pad',
    name: 'the padding is a value too; axes given',
    sample: (r) => ({
      inputs: { x: { array: r.array([2, 3]) }, p: { array: f64([r.next()], []) } },
      y: (v) => raw('Pad', [pick(v, 'x'), Op.int64s([1, 2]), Op.exp(pick(v, 'p')), Op.int64s([1])], [2, 6]),
    }),
  },
  ...indexed,
];
