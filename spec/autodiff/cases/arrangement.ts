import { type Attributes, operator, type Value, valueType } from '../../../src/graph/Graph.ts';
import * as Op from '../../../src/graph/Operators.ts';
import type { DType, NdArray } from '../../../src/shape/NdArray.ts';
import type { Dim } from '../../../src/shape/Shape.ts';
import { f64, i64, type Random } from '../random.ts';
import { batched, type Case, pick, raw } from './Case.ts';

const int = (value: number) => ({ _tag: 'Int', value }) as const;
const text = (value: string) => ({ _tag: 'String', value }) as const;

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

const reduced = (shape: readonly Dim[], axes: readonly number[], keep: boolean): readonly Dim[] =>
  shape.flatMap((d, i): readonly Dim[] =>
    axes.some((a) => (a + shape.length) % shape.length === i) ? (keep ? [1] : []) : [d],
  );

const reduction = (rule: string, numbers: (r: Random, shape: readonly number[]) => NdArray): readonly Case[] => [
  ...[false, true].flatMap((keep) =>
    [[0], [-1], [0, 2]].map(
      (axes): Case => ({
        rule,
        name: `axes ${axes} ${keep ? 'stay' : 'go'}`,
        sample: (r) => ({
          inputs: { x: batched(r, numbers(r, [r.int(1, 3), r.int(1, 3), 2])) },
          y: (v) => {
            const x = pick(v, 'x');
            return raw(rule, [x, Op.int64s(axes)], reduced(x.type.shape, axes, keep), { keepdims: int(keep ? 1 : 0) });
          },
        }),
      }),
    ),
  ),
  {
    rule,
    name: 'all',
    sample: (r) => ({ inputs: { x: batched(r, numbers(r, [2, 3])) }, y: (v) => raw(rule, [pick(v, 'x')], [1, 1]) }),
  },
];

const positive = (r: Random, shape: readonly number[]): NdArray => r.array(shape, 0.3, 2);
const anywhere = (r: Random, shape: readonly number[]): NdArray => r.distinct(shape);

// -------------------------------------------------------------------------------------
// several arguments, sums, steps
// -------------------------------------------------------------------------------------

const together = (rule: string, dtype: 'float32' | 'float64'): readonly Case[] => {
  const single = dtype === 'float32' ? { step: 0.5, tolerance: 1e-4 } : {};
  return [
    {
      rule,
      name: 'three arguments that are broadcast',
      sample: (r) => {
        const make = dtype === 'float32' ? r.array32 : r.array;
        return {
          inputs: { a: batched(r, make([2, 3])), b: { array: make([3]) }, c: { array: make([2, 1]) } },
          y: (v) => raw(rule, [pick(v, 'a'), pick(v, 'b'), pick(v, 'c')], [2, 3]),
          ...single,
        };
      },
    },
    {
      rule,
      name: 'the same twice, and alone',
      sample: (r) => {
        const make = dtype === 'float32' ? r.array32 : r.array;
        return {
          inputs: { a: { array: make([2, 3]) } },
          y: (v) => raw(rule, [raw(rule, [pick(v, 'a'), pick(v, 'a')], [2, 3])], [2, 3]),
          ...single,
        };
      },
    },
  ];
};

const modulo: Case = {
  rule: 'Mod',
  name: 'of floats',
  sample: (r) => ({
    inputs: { a: batched(r, f64([1.3, -1.3, 2.6, 0.4, -3.1, 5.2], [2, 3])), b: { array: f64([0.7, 1.1, -0.8], [3]) } },
    y: (v) => raw('Mod', [pick(v, 'a'), pick(v, 'b')], pick(v, 'a').type.shape, { fmod: int(1) }),
  }),
};

const ranged: Case = {
  rule: 'Range',
  name: 'between floats',
  sample: () => ({
    inputs: {
      start: { array: f64([0.3], []) },
      limit: { array: f64([2.05], []) },
      delta: { array: f64([0.5], []) },
    },
    y: (v) => raw('Range', [pick(v, 'start'), pick(v, 'limit'), pick(v, 'delta')], ['?']),
  }),
};

// -------------------------------------------------------------------------------------
// splitting, repeating, padding
// -------------------------------------------------------------------------------------

const parts = (x: Value, sizes: readonly number[], axis: number, given: boolean): readonly Value[] =>
  operator(
    'Split',
    given ? [x, Op.int64s(sizes)] : [x],
    sizes.map((size) =>
      valueType(
        x.type.dtype,
        x.type.shape.map((d, i) => (i === axis ? size : d)),
      ),
    ),
    { axis: int(axis), ...(given ? {} : { num_outputs: int(sizes.length) }) },
  );

const tiled = (
  name: string,
  shape: readonly number[],
  repeats: readonly number[],
  dims: readonly Dim[] = shape,
): Case =>
  one(
    'Tile',
    name,
    shape,
    (x) =>
      raw(
        'Tile',
        [x, Op.int64s(repeats)],
        dims.map((d, i) => (typeof d === 'number' ? d * (repeats[i] ?? 1) : '?')),
      ),
    dims,
  );

const padded = (
  mode: string,
  shape: readonly number[],
  pads: readonly number[],
  dims: readonly Dim[] = shape,
  axes?: readonly number[],
): Case => {
  const on = axes?.map((a) => (a + shape.length) % shape.length) ?? shape.map((_, i) => i);
  const out = dims.map((d, i) => {
    const k = on.indexOf(i);
    return typeof d === 'number' && k >= 0 ? d + (pads[k] ?? 0) + (pads[k + on.length] ?? 0) : d;
  });
  return one(
    'Pad',
    `mode ${mode}, pads ${pads}${axes === undefined ? '' : `, axes ${axes}`}`,
    shape,
    (x) =>
      raw('Pad', axes === undefined ? [x, Op.int64s(pads)] : [x, Op.int64s(pads), undefined, Op.int64s(axes)], out, {
        mode: text(mode),
      }),
    dims,
  );
};

// -------------------------------------------------------------------------------------
// choosing and rearranging
// -------------------------------------------------------------------------------------

const cumulated = (exclusive: number, reverse: number): Case =>
  one(
    'CumSum',
    `exclusive ${exclusive}, reverse ${reverse}`,
    [2, 4],
    (x) =>
      raw('CumSum', [x, Op.scalar(1, 'int64')], ['batch', 4], { exclusive: int(exclusive), reverse: int(reverse) }),
    ['batch', 4],
  );

const largest = (name: string, axis: number, k: number, attributes: Attributes = {}): Case => ({
  rule: 'TopK',
  name,
  sample: (r) => ({
    inputs: { x: batched(r, r.distinct([3, 4])) },
    y: (v) => {
      const x = pick(v, 'x');
      const shape = x.type.shape.map((d, i) => (i === (axis + 2) % 2 ? k : d));
      const types = [valueType('float64', shape), valueType('int64', shape)];
      const [values] = operator('TopK', [x, Op.int64s([k])], types, { axis: int(axis), ...attributes });
      return Op.exp(values as Value);
    },
  }),
});

const bools = (values: readonly number[]): Value => Op.tensor(values, [values.length], 'bool');

const blocks = (rule: string, shape: readonly number[], out: readonly Dim[], mode?: string): Case =>
  one(
    rule,
    mode ?? 'blocks of 2',
    shape,
    (x) => raw(rule, [x], out, { blocksize: int(2), ...(mode === undefined ? {} : { mode: text(mode) }) }),
    ['batch', ...shape.slice(1)],
  );

const hot = (axis: number): Case => ({
  rule: 'OneHot',
  name: `the values, axis ${axis}`,
  sample: (r) => ({
    inputs: {
      i: { array: r.integers([4], 0, 2) },
      values: { array: r.array32([2]) },
    },
    y: (v) =>
      raw32('OneHot', [pick(v, 'i'), Op.int64s([3]), pick(v, 'values')], axis === 0 ? [3, 4] : [4, 3], {
        axis: int(axis),
      }),
    step: 0.5,
    tolerance: 1e-4,
  }),
});

const raw32 = (name: string, inputs: readonly Value[], shape: readonly Dim[], attributes: Attributes): Value =>
  operator(name, inputs, [valueType('float32', shape)], attributes)[0] as Value;

// -------------------------------------------------------------------------------------
// what is flat, and what is no number
// -------------------------------------------------------------------------------------

interface Flat {
  readonly rule: string;
  readonly of?: (x: Value) => readonly Value[];
  readonly dtype?: DType;
  readonly shape?: readonly Dim[];
  readonly attributes?: Attributes;
}

const positiveOf = (x: Value): Value => Op.greater(x, 0);
/** Read at run time although they are known. */
const sizesOf = (x: Value): Value => operator('Shape', [x], [valueType('int64', [Op.rank(x)])])[0] as Value;
const withZero = (x: Value): readonly Value[] => [x, Op.scalar(0.02, 'float64')];

/** Each as a factor: through the other factor the gradient flows, through this one it does not. */
const flats: readonly Flat[] = [
  { rule: 'Ceil' },
  { rule: 'Round' },
  { rule: 'Hardmax', of: (x) => [Op.cast('float32')(x)], dtype: 'float32' },
  { rule: 'EyeLike' },
  { rule: 'RandomNormalLike' },
  { rule: 'RandomUniformLike' },
  { rule: 'Shape', dtype: 'int64', shape: [2] },
  { rule: 'Size', dtype: 'int64', shape: [] },
  { rule: 'ArgMax', dtype: 'int64', shape: [1, 3] },
  { rule: 'ArgMin', dtype: 'int64', shape: [1, 3] },
  { rule: 'NonZero', of: (x) => [positiveOf(x)], dtype: 'int64', shape: [2, '?'] },
  { rule: 'ConstantOfShape', of: (x) => [sizesOf(x)], dtype: 'float32', shape: [2, 3] },
  { rule: 'Equal', of: withZero, dtype: 'bool' },
  { rule: 'Greater', of: withZero, dtype: 'bool' },
  { rule: 'GreaterOrEqual', of: withZero, dtype: 'bool' },
  { rule: 'Less', of: withZero, dtype: 'bool' },
  { rule: 'LessOrEqual', of: withZero, dtype: 'bool' },
  { rule: 'Not', of: (x) => [positiveOf(x)], dtype: 'bool' },
  { rule: 'And', of: (x) => [positiveOf(x), Op.less(x, 1)], dtype: 'bool' },
  { rule: 'Or', of: (x) => [positiveOf(x), Op.less(x, 1)], dtype: 'bool' },
  { rule: 'Xor', of: (x) => [positiveOf(x), Op.less(x, 1)], dtype: 'bool' },
  { rule: 'IsNaN', dtype: 'bool' },
  { rule: 'IsInf', dtype: 'bool' },
];

const random = new Set(['RandomNormalLike', 'RandomUniformLike']);

const flatCase = ({ rule, of = (x) => [x], dtype = 'float64', shape, attributes = {} }: Flat): Case => ({
  rule,
  name: 'nothing flows through it',
  sample: (r) => ({
    inputs: { x: { array: r.distinct([2, 3], 0.02), dims: random.has(rule) ? [2, 3] : ['batch', 3] } },
    y: (v) => {
      const x = pick(v, 'x');
      const type = valueType(dtype, shape ?? x.type.shape);
      const made = Op.cast('float64')(operator(rule, of(x), [type], attributes)[0] as Value);
      // What is drawn anew at each run is there, times zero.
      const factor = Op.reduceSum()(Op.mul(made, random.has(rule) ? 0 : 1));
      return Op.mul(Op.exp(x), Op.add(factor, 1));
    },
  }),
});

export const arrangement: readonly Case[] = [
  ...together('Sum', 'float64'),
  ...together('Mean', 'float32'),
  modulo,
  ranged,
  ...reduction('ReduceProd', anywhere),
  ...reduction('ReduceL1', anywhere),
  ...reduction('ReduceL2', anywhere),
  ...reduction('ReduceSumSquare', anywhere),
  ...reduction('ReduceLogSum', positive),
  ...reduction('ReduceLogSumExp', anywhere),
  ...[
    [0, 2, 3, 1],
    [0, 2, 0, 1],
    [0, 0, 0, 1],
  ].map(
    (values): Case => ({
      rule: 'ReduceProd',
      name: `of ${values}`,
      sample: () => ({
        inputs: { x: { array: f64(values, [4]) } },
        y: (v) => raw('ReduceProd', [pick(v, 'x')], [1]),
      }),
    }),
  ),
  ...[true, false].map((given) =>
    one(
      'Split',
      `${given ? 'sizes given' : 'a number of parts'}, all used`,
      [2, 6],
      (x) => {
        const [a, b, c] = parts(x, given ? [1, 3, 2] : [2, 2, 2], 1, given) as [Value, Value, Value];
        return Op.concat(1)([Op.mul(c, c), a, Op.exp(b)]);
      },
      ['batch', 6],
    ),
  ),
  one('Split', 'one part is not used', [5, 2], (x) => {
    const [a, , c] = parts(x, [1, 2, 2], 0, true) as [Value, Value, Value];
    return Op.mul(a, c);
  }),
  tiled('two axes', [2, 3], [2, 3]),
  tiled('a named axis', [2, 3], [3, 2], ['batch', 3]),
  tiled('two named axes', [2, 2, 3], [1, 2, 2], ['batch', 'time', 3]),
  {
    rule: 'Tile',
    name: 'repeats known at run time only',
    sample: (r) => ({
      inputs: { x: { array: r.array([2, 3]) }, n: { array: i64([2, 2], [2]) } },
      y: (v) => raw('Tile', [Op.exp(pick(v, 'x')), pick(v, 'n')], ['?', '?']),
    }),
  },
  one('Flatten', 'at axis 2', [2, 3, 2, 2], (x) => raw('Flatten', [x], [6, 4], { axis: int(2) })),
  one('Flatten', 'a named batch', [2, 3, 2], (x) => raw('Flatten', [x], ['batch', 6]), ['batch', 3, 2]),
  padded('reflect', [2, 4], [0, 2, 0, 3], ['batch', 4]),
  padded('reflect', [3, 3], [1, 2, 2, 0]),
  padded('reflect', [4, 3], [-1, 1, 1, 0]),
  padded('reflect', [2, 3], [1, 1], ['batch', 3], [-1]),
  padded('edge', [2, 3], [0, 2, 0, 4], ['batch', 3]),
  padded('edge', [2, 3], [1, 0, 2, 1]),
  padded('edge', [4, 3], [-1, 2, 1, -1]),
  cumulated(0, 0),
  cumulated(1, 0),
  cumulated(0, 1),
  cumulated(1, 1),
  largest('of rows', -1, 2),
  largest('of columns', 0, 3),
  largest('the smallest, not sorted', 1, 3, { largest: int(0), sorted: int(0) }),
  one('Trilu', 'upper', [3, 4], (x) => raw('Trilu', [x], [3, 4])),
  one(
    'Trilu',
    'lower, of a batch, shifted',
    [2, 3, 3],
    (x) => raw('Trilu', [x, Op.scalar(-1, 'int64')], ['batch', 3, 3], { upper: int(0) }),
    ['batch', 3, 3],
  ),
  one('Compress', 'rows', [3, 2], (x) => raw('Compress', [x, bools([1, 0, 1])], ['?', 2], { axis: int(0) })),
  one('Compress', 'columns, a short condition', [2, 4], (x) =>
    raw('Compress', [x, bools([0, 1, 1])], [2, '?'], { axis: int(-1) }),
  ),
  one('Compress', 'of all', [2, 2], (x) => raw('Compress', [x, bools([0, 1, 1, 1])], ['?'])),
  one('ReverseSequence', 'time first', [4, 3], (x) => raw('ReverseSequence', [x, Op.int64s([1, 4, 3])], [4, 3])),
  one('ReverseSequence', 'batch first', [2, 4], (x) =>
    raw('ReverseSequence', [x, Op.int64s([2, 3])], [2, 4], { batch_axis: int(0), time_axis: int(1) }),
  ),
  hot(-1),
  hot(0),
  blocks('DepthToSpace', [2, 8, 1, 3], ['batch', 2, 2, 6], 'DCR'),
  blocks('DepthToSpace', [2, 8, 2, 1], ['batch', 2, 4, 2], 'CRD'),
  blocks('SpaceToDepth', [2, 2, 4, 2], ['batch', 8, 2, 1]),
  ...flats.map(flatCase),
];
