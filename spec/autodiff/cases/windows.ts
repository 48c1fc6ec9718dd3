import type { Value } from '../../../src/graph/Graph.ts';
import * as Op from '../../../src/graph/Operators.ts';
import type { NdArray } from '../../../src/shape/NdArray.ts';
import type { Random } from '../random.ts';
import { batched, type Case, linear32, pick, raw } from './Case.ts';

interface Layout extends Partial<Op.ConvTransposeOptions> {
  readonly name: string;
  readonly kernel: readonly number[];
  readonly sizes: readonly number[];
  /** Channels and filters of a group; default: a few. */
  readonly channels?: readonly [number, number];
}

const filled = (l: Layout): Op.ConvTransposeOptions => ({
  kernel: l.kernel,
  strides: l.strides ?? l.kernel.map(() => 1),
  dilations: l.dilations ?? l.kernel.map(() => 1),
  pads: l.pads ?? [...l.kernel, ...l.kernel].map(() => 0),
  group: l.group ?? 1,
  outputPadding: l.outputPadding ?? l.kernel.map(() => 0),
});

// -------------------------------------------------------------------------------------
// convolutions
// -------------------------------------------------------------------------------------

const layouts: readonly Layout[] = [
  { name: '1-D', sizes: [5], kernel: [3], pads: [1, 1] },
  { name: '1-D stride 2, dilation 2', sizes: [8], kernel: [2], strides: [2], dilations: [2], pads: [0, 1] },
  { name: '1x1', sizes: [2, 3], kernel: [1, 1] },
  { name: '1x1 stride 2', sizes: [4, 3], kernel: [1, 1], strides: [2, 2] },
  { name: '3x3 same', sizes: [3, 4], kernel: [3, 3], pads: [1, 1, 1, 1] },
  { name: '3x2 valid', sizes: [4, 3], kernel: [3, 2] },
  { name: 'asymmetric pads', sizes: [3, 4], kernel: [2, 3], pads: [0, 2, 1, 0] },
  { name: 'pads beyond the kernel', sizes: [3, 3], kernel: [1, 2], pads: [1, 0, 2, 3] },
  { name: 'dilation', sizes: [5, 4], kernel: [2, 2], dilations: [3, 2], pads: [1, 1, 0, 1] },
  { name: 'stride 2', sizes: [5, 4], kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
  { name: 'stride 2 with a remainder', sizes: [6, 7], kernel: [3, 2], strides: [2, 3] },
  { name: 'stride (1, 2)', sizes: [4, 5], kernel: [2, 3], strides: [1, 2], pads: [1, 0, 0, 1] },
  { name: 'stride (2, 1), dilation (1, 2)', sizes: [5, 5], kernel: [2, 2], strides: [2, 1], dilations: [1, 2] },
  { name: '2 groups', sizes: [3, 3], kernel: [3, 2], pads: [1, 0, 1, 1], group: 2 },
  { name: '2 groups, stride 2', sizes: [4, 4], kernel: [2, 2], strides: [2, 2], group: 2 },
  { name: 'depthwise', sizes: [4, 3], kernel: [3, 3], pads: [1, 1, 1, 1], group: 3, channels: [1, 1] },
  { name: 'depthwise, stride 2', sizes: [4, 5], kernel: [2, 3], strides: [2, 2], group: 2, channels: [1, 1] },
  { name: 'many channels', sizes: [2, 2], kernel: [3, 3], pads: [1, 1, 1, 1], channels: [4, 4] },
  { name: 'many channels, stride 2', sizes: [3, 4], kernel: [3, 2], strides: [2, 1], channels: [6, 5] },
  { name: 'many channels, 1x1', sizes: [1, 2], kernel: [1, 1], channels: [6, 7] },
  { name: '3-D', sizes: [3, 2, 3], kernel: [2, 2, 2], pads: [0, 1, 0, 1, 0, 1] },
  { name: '3-D stride 2', sizes: [4, 3, 3], kernel: [2, 2, 1], strides: [2, 1, 2] },
];

const conv = (l: Layout): Case => ({
  rule: 'Conv',
  name: l.name,
  sample: (r) => {
    const o = filled(l);
    const [inner, outer] = l.channels ?? [r.int(1, 2), r.int(1, 2)];
    return {
      inputs: {
        x: batched(r, r.array32([2, inner * o.group, ...l.sizes])),
        w: { array: r.array32([outer * o.group, inner, ...l.kernel]) },
        b: { array: r.array32([outer * o.group]) },
      },
      y: (v) => Op.conv(pick(v, 'x'), pick(v, 'w'), pick(v, 'b'), o),
      ...linear32,
    };
  },
});

const transposed: readonly Layout[] = [
  { name: '1-D', sizes: [3], kernel: [3], strides: [2], outputPadding: [1], pads: [1, 0] },
  { name: '3x3 stride 1', sizes: [3, 2], kernel: [3, 3], pads: [1, 1, 1, 1] },
  { name: '2x2 stride 2', sizes: [2, 3], kernel: [2, 2], strides: [2, 2] },
  {
    name: '3x3 stride 2, output padding',
    sizes: [2, 2],
    kernel: [3, 3],
    strides: [2, 2],
    pads: [1, 1, 1, 1],
    outputPadding: [1, 1],
  },
  { name: 'dilation', sizes: [3, 2], kernel: [2, 2], dilations: [2, 1], pads: [0, 1, 1, 0] },
  { name: '2 groups', sizes: [2, 2], kernel: [2, 3], strides: [2, 1], group: 2 },
  { name: '3-D', sizes: [2, 2, 1], kernel: [2, 1, 2], strides: [2, 1, 1] },
];

const convTranspose = (l: Layout): Case => ({
  rule: 'ConvTranspose',
  name: l.name,
  sample: (r) => {
    const o = filled(l);
    const [inner, outer] = [r.int(1, 2), r.int(1, 2)];
    return {
      inputs: {
        x: batched(r, r.array32([2, inner * o.group, ...l.sizes])),
        w: { array: r.array32([inner * o.group, outer, ...l.kernel]) },
      },
      y: (v) => Op.convTranspose(pick(v, 'x'), pick(v, 'w'), o),
      ...linear32,
    };
  },
});

// -------------------------------------------------------------------------------------
// pooling
// -------------------------------------------------------------------------------------

const pools: readonly Layout[] = [
  { name: '1-D', sizes: [6], kernel: [2], strides: [2] },
  { name: '2x2 stride 2', sizes: [4, 5], kernel: [2, 2], strides: [2, 2] },
  { name: 'overlapping', sizes: [5, 4], kernel: [3, 3], strides: [2, 1], pads: [1, 1, 1, 1] },
  { name: 'asymmetric pads', sizes: [4, 4], kernel: [3, 2], strides: [2, 2], pads: [0, 0, 1, 1] },
  { name: 'stride beyond the kernel', sizes: [7, 5], kernel: [2, 1], strides: [3, 2] },
  { name: '3-D', sizes: [2, 3, 2], kernel: [2, 2, 1], strides: [1, 1, 1] },
];

const pool = (
  rule: string,
  name: string,
  make: (r: Random, shape: readonly number[]) => NdArray,
  f: (x: Value, o: Op.WindowOptions) => Value,
  l: Layout,
): Case => ({
  rule,
  name,
  sample: (r) => ({
    inputs: { x: batched(r, make(r, [2, r.int(1, 2), ...l.sizes])) },
    y: (v) => f(pick(v, 'x'), filled(l)),
    ...(rule === 'MaxPool' ? {} : linear32),
  }),
});

const distinct = (r: Random, shape: readonly number[]) => r.distinct(shape);
const single = (r: Random, shape: readonly number[]) => r.array32(shape);
const ints = (value: readonly number[]) => ({ _tag: 'Ints', value }) as const;
const int = (value: number) => ({ _tag: 'Int', value }) as const;

const ceiling = { name: 'ceil_mode', sizes: [5, 4], kernel: [2, 3], strides: [2, 2] } as const;

/** Sizes [5, 4] under windows [3, 2] in steps [2, 2]. */
const automatic = (rule: string, auto_pad: string): Case => ({
  rule,
  name: `auto_pad ${auto_pad}`,
  sample: (r) => ({
    inputs: { x: batched(r, (rule === 'MaxPool' ? distinct : single)(r, [2, 1, 5, 4])) },
    y: (v) =>
      raw(rule, [pick(v, 'x')], [...pick(v, 'x').type.shape.slice(0, 2), auto_pad === 'VALID' ? 2 : 3, 2], {
        kernel_shape: ints([3, 2]),
        strides: ints([2, 2]),
        auto_pad: { _tag: 'String', value: auto_pad },
      }),
    ...(rule === 'MaxPool' ? {} : linear32),
  }),
});

const normed = (l: Layout, p: number): Case => ({
  rule: 'LpPool',
  name: `p ${p}, ${l.name}`,
  sample: (r) => {
    const o = filled(l);
    return {
      inputs: { x: batched(r, r.distinct32([2, 1, ...l.sizes])) },
      y: (v) =>
        raw('LpPool', [pick(v, 'x')], Op.averagePool(pick(v, 'x'), o).type.shape, {
          kernel_shape: ints(o.kernel),
          strides: ints(o.strides),
          pads: ints(o.pads),
          p: int(p),
        }),
      step: 3e-3,
      tolerance: 2e-3,
    };
  },
});

export const windows: readonly Case[] = [
  ...layouts.map(conv),
  {
    rule: 'Conv',
    name: 'attributes and bias left out',
    sample: (r) => ({
      inputs: { x: { array: r.array32([1, 2, 4, 3]) }, w: { array: r.array32([2, 2, 2, 2]) } },
      y: (v) => raw('Conv', [pick(v, 'x'), pick(v, 'w')], [1, 2, 3, 2]),
      ...linear32,
    }),
  },
  ...transposed.map(convTranspose),
  ...pools.map((l) => pool('MaxPool', l.name, distinct, (x, o) => Op.maxPool(x, o).output, l)),
  pool('MaxPool', 'dilation', distinct, (x, o) => Op.maxPool(x, o).output, {
    name: '',
    sizes: [5, 5],
    kernel: [2, 2],
    strides: [2, 2],
    dilations: [2, 3],
  }),
  pool(
    'MaxPool',
    'built without indices, ceil_mode',
    distinct,
    (x, o) =>
      raw('MaxPool', [x], [...x.type.shape.slice(0, 2), 3, 2], {
        kernel_shape: ints(o.kernel),
        strides: ints(o.strides),
        ceil_mode: int(1),
      }),
    ceiling,
  ),
  ...pools.map((l) => pool('AveragePool', l.name, single, Op.averagePool, l)),
  ...[0, 1].map((included) =>
    pool(
      'AveragePool',
      `ceil_mode, count_include_pad ${included}`,
      single,
      (x, o) =>
        raw('AveragePool', [x], [...x.type.shape.slice(0, 2), 3, 3], {
          kernel_shape: ints(o.kernel),
          strides: ints(o.strides),
          pads: ints([1, 1, 0, 1]),
          ceil_mode: int(1),
          count_include_pad: int(included),
        }),
      ceiling,
    ),
  ),
  ...['SAME_UPPER', 'SAME_LOWER', 'VALID'].flatMap((auto_pad) => [
    automatic('MaxPool', auto_pad),
    automatic('AveragePool', auto_pad),
  ]),
  ...['SAME_UPPER', 'SAME_LOWER'].map(
    (auto_pad): Case => ({
      rule: 'Conv',
      name: `auto_pad ${auto_pad}`,
      sample: (r) => ({
        inputs: { x: batched(r, r.array32([2, 1, 5, 4])), w: { array: r.array32([2, 1, 3, 2]) } },
        y: (v) =>
          raw('Conv', [pick(v, 'x'), pick(v, 'w')], [pick(v, 'x').type.shape[0] ?? 2, 2, 3, 4], {
            strides: ints([2, 1]),
            auto_pad: { _tag: 'String', value: auto_pad },
          }),
        ...linear32,
      }),
    }),
  ),
  ...pools.flatMap((l) => [1, 2, 3].map((p) => normed(l, p))),
  ...[[3], [2, 3], [2, 1, 2]].flatMap((sizes) =>
    ['GlobalMaxPool', 'GlobalLpPool'].map(
      (rule): Case => ({
        rule,
        name: `${sizes.length}-D`,
        sample: (r) => ({
          inputs: { x: batched(r, r.distinct32([2, 2, ...sizes])) },
          y: (v) => raw(rule, [pick(v, 'x')], [...pick(v, 'x').type.shape.slice(0, 2), ...sizes.map(() => 1)]),
          step: 3e-3,
          tolerance: 2e-3,
        }),
      }),
    ),
  ),
  ...[[3], [2, 3], [2, 1, 2]].map((sizes) =>
    pool('GlobalAveragePool', `${sizes.length}-D`, single, Op.globalAveragePool, { name: '', sizes, kernel: sizes }),
  ),
];
