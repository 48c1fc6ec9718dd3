import { type Attributes, operator, type Value, valueType } from '../../../src/graph/Graph.ts';
import type { Dim } from '../../../src/shape/Shape.ts';
import { f64 } from '../random.ts';
import { batched, type Case, pick, raw } from './Case.ts';

const int = (value: number) => ({ _tag: 'Int', value }) as const;
const ints = (value: readonly number[]) => ({ _tag: 'Ints', value }) as const;
const float = (value: number) => ({ _tag: 'Float', value }) as const;

const single = { step: 1e-2, tolerance: 2e-3 } as const;

// -------------------------------------------------------------------------------------
// with a scale, and perhaps a bias
// -------------------------------------------------------------------------------------

interface Scaled {
  readonly rule: string;
  readonly name: string;
  readonly shape: readonly number[];
  readonly parameters: readonly number[];
  readonly bias: boolean;
  readonly attributes?: Attributes;
  /** The CPU provider has a kernel for float64 too. */
  readonly double: boolean;
  readonly outputs?: number;
}

const scaled = ({ rule, name, shape, parameters, bias, attributes = {}, double, outputs = 1 }: Scaled): Case => ({
  rule,
  name,
  sample: (r) => {
    const make = double ? r.array : r.array32;
    return {
      inputs: {
        x: batched(r, make(shape)),
        scale: { array: make(parameters) },
        ...(bias ? { bias: { array: make(parameters) } } : {}),
      },
      y: (v) => {
        const x = pick(v, 'x');
        const axis = attributes.axis?._tag === 'Int' ? attributes.axis.value : -1;
        const at = axis < 0 ? axis + shape.length : axis;
        const statistics = valueType(
          'float32',
          x.type.shape.map((d, i): Dim => (i < at ? d : 1)),
        );
        const types = [x.type, ...Array.from({ length: outputs - 1 }, () => statistics)];
        const given = [x, pick(v, 'scale'), ...(bias ? [pick(v, 'bias')] : [])];
        return operator(rule, given, types, attributes)[0] as Value;
      },
      ...(double ? {} : single),
    };
  },
});

const layers: readonly Case[] = [
  { name: 'last axis', shape: [2, 3, 4], parameters: [4], bias: true, double: true },
  {
    name: 'two axes, no bias',
    shape: [2, 3, 2],
    parameters: [3, 2],
    bias: false,
    attributes: { axis: int(1) },
    double: true,
  },
  {
    name: 'another epsilon',
    shape: [2, 3],
    parameters: [3],
    bias: true,
    attributes: { epsilon: float(0.5) },
    double: true,
  },
  {
    name: 'mean and deviation at hand',
    shape: [2, 3, 4],
    parameters: [4],
    bias: true,
    attributes: { epsilon: float(0.2) },
    double: false,
    outputs: 3,
  },
].map((c) => scaled({ rule: 'LayerNormalization', ...c }));

const rootMeanSquares: readonly Case[] = [
  { name: 'last axis', shape: [2, 3, 4], parameters: [4] },
  { name: 'two axes', shape: [2, 3, 2], parameters: [3, 2], attributes: { axis: int(1), epsilon: float(0.1) } },
].map((c) => scaled({ rule: 'SimplifiedLayerNormalization', bias: false, double: true, ...c }));

const channels: readonly Case[] = [
  ...[
    [2, 3, 4],
    [2, 2, 2, 3],
    [1, 2, 2, 2, 2],
  ].map((shape) =>
    scaled({
      rule: 'InstanceNormalization',
      name: `${shape.length - 2}-D`,
      shape,
      parameters: [shape[1] ?? 0],
      bias: true,
      attributes: { epsilon: float(0.1) },
      double: false,
    }),
  ),
  ...[
    { groups: 2, shape: [2, 4, 3] },
    { groups: 1, shape: [2, 3, 2, 2] },
  ].map(({ groups, shape }) =>
    scaled({
      rule: 'GroupNormalization',
      name: `${groups} groups`,
      shape,
      parameters: [groups],
      bias: true,
      attributes: { num_groups: int(groups), epsilon: float(0.1) },
      double: false,
    }),
  ),
];

// -------------------------------------------------------------------------------------
// the others
// -------------------------------------------------------------------------------------

const batch = (shape: readonly number[], attributes: Attributes = {}): Case => ({
  rule: 'BatchNormalization',
  name: `inference, ${shape.length - 2}-D`,
  sample: (r) => {
    const c = shape[1] ?? 0;
    return {
      inputs: {
        x: batched(r, r.array(shape)),
        scale: { array: r.array([c]) },
        bias: { array: r.array([c]) },
        mean: { array: r.array([c]) },
        variance: { array: r.array([c], 0.4, 2) },
      },
      y: (v) => {
        const x = pick(v, 'x');
        const given = ['scale', 'bias', 'mean', 'variance'].map((name) => pick(v, name));
        return raw('BatchNormalization', [x, ...given], x.type.shape, attributes);
      },
    };
  },
});

const plain = (rule: string, name: string, shape: readonly number[], attributes: Attributes, double = false): Case => ({
  rule,
  name,
  sample: (r) => ({
    inputs: { x: batched(r, double ? r.distinct(shape) : r.distinct32(shape)) },
    y: (v) => raw(rule, [pick(v, 'x')], pick(v, 'x').type.shape, attributes),
    // Short rows may lie close together, which makes the function steep.
    ...(double ? {} : { step: 3e-3, tolerance: 2e-3 }),
  }),
});

export const normalizations: readonly Case[] = [
  ...layers,
  ...rootMeanSquares,
  ...channels,
  batch([3, 2]),
  batch([2, 3, 2, 2], { epsilon: float(0.1) }),
  plain('MeanVarianceNormalization', 'defaults', [2, 2, 2, 3], {}),
  plain('MeanVarianceNormalization', 'other axes', [2, 3, 2], { axes: ints([1]) }),
  plain('LpNormalization', 'l2, last axis', [2, 3], {}, true),
  plain('LpNormalization', 'l1', [2, 3], { p: int(1), axis: int(0) }, true),
  plain('LpNormalization', 'l2, another axis', [2, 3, 2], { p: int(2), axis: int(1) }, true),
  {
    rule: 'LpNormalization',
    name: 'a row of zeros',
    sample: () => ({
      inputs: { x: { array: f64([3, 4], [1, 2]) }, z: { array: f64([0, 0], [1, 2]) } },
      y: (v) => raw('LpNormalization', [raw('Concat', [pick(v, 'x'), pick(v, 'z')], [2, 2], { axis: int(0) })], [2, 2]),
      wrt: ['x'],
    }),
  },
  ...[3, 1, 5].map((size) =>
    plain('LRN', `${size} channels`, [2, 4, 2, 1], {
      size: int(size),
      alpha: float(0.6),
      beta: float(0.7),
      bias: float(1.5),
    }),
  ),
];
