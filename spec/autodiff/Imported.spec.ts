/** Operators of imported models: what is refused and how it says so, second derivatives, kernels of both providers. */
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, test } from 'vitest';
import { grad } from '../../src/autodiff/Grad.ts';
import { rules } from '../../src/autodiff/Vjp.ts';
import { type Attributes, graph, input, label, operator, type Value, valueType } from '../../src/graph/Graph.ts';
import { missingKernels, type Provider } from '../../src/graph/Kernels.ts';
import * as Op from '../../src/graph/Operators.ts';
import { importableOperators } from '../../src/onnx/import/operators/table.ts';
import type { Dim } from '../../src/shape/Shape.ts';
import { kernelTables } from '../support/kernelTables.ts';
import { arrangement } from './cases/arrangement.ts';
import type { Case } from './cases/Case.ts';
import { einsums } from './cases/einsum.ts';
import { normalizations } from './cases/normalizations.ts';
import { recurrence } from './cases/recurrence.ts';
import { resampling } from './cases/resampling.ts';
import { sampling } from './cases/sampling.ts';
import { windows } from './cases/windows.ts';
import { compare } from './finiteDifferences.ts';
import { randomFrom } from './random.ts';

const text = (value: string) => ({ _tag: 'String', value }) as const;
const int = (value: number) => ({ _tag: 'Int', value }) as const;

const made = (
  name: string,
  inputs: readonly (Value | undefined)[],
  shape: readonly Dim[],
  attributes: Attributes = {},
): Value =>
  label('encoder/layer3')(
    operator(name, inputs, [valueType(inputs[0]?.type.dtype ?? 'float32', shape)], attributes)[0] as Value,
  );

const sum = Op.reduceSum();

const gradients = (y: Value, wrt: readonly Value[]): readonly Value[] => {
  const found = grad(sum(y), wrt);
  if (E.isLeft(found)) throw new Error(found.left.message);
  return found.right;
};

// -------------------------------------------------------------------------------------
// refusals
// -------------------------------------------------------------------------------------

const image = input('image', 'float32', ['batch', 2, 4, 4]);
const open = input('open', 'float32', ['batch', 2, 'height', 4]);
const rows = input('rows', 'float32', ['batch', 3]);
const channels = input('channels', 'float32', [2]);
const sequence = input('sequence', 'float32', ['time', 'batch', 2]);
const [w, r] = [input('w', 'float32', [1, 3, 2]), input('r', 'float32', [1, 3, 3])];
const twice = [undefined, undefined, Op.int64s([1, 2, 8, 8])];
const lstm = (x: Value, attributes: Attributes): Value =>
  made('RNN', [x, w, r], ['?', 1, 'batch', 3], { hidden_size: int(3), ...attributes });

const refused: Readonly<Record<string, readonly [y: Value, wrt: Value, reason: RegExp]>> = {
  'Dropout of training': [
    made('Dropout', [rows, Op.scalar(0.5, 'float32'), Op.scalar(1, 'bool')], ['batch', 3]),
    rows,
    /training_mode/,
  ],
  'BatchNormalization of training': [
    made('BatchNormalization', [image, channels, channels, channels, channels], image.type.shape, {
      training_mode: int(1),
    }),
    image,
    /training_mode/,
  ],
  'Resize with antialias': [
    made('Resize', [image, ...twice], ['batch', 2, 8, 8], { antialias: int(1) }),
    image,
    /antialias/,
  ],
  'Resize of regions': [
    made('Resize', [image, ...twice], ['batch', 2, 8, 8], {
      coordinate_transformation_mode: text('tf_crop_and_resize'),
    }),
    image,
    /tf_crop_and_resize/,
  ],
  'Resize of an unknown size': [
    made('Resize', [open, undefined, Op.tensor([1, 1, 2, 2], [4], 'float32')], ['batch', 2, '?', 8]),
    open,
    /sizes of axis 2: \[batch,2,height,4\]/,
  ],
  'GridSample of an unknown size': [
    made('GridSample', [open, input('grid', 'float32', ['batch', 2, 2, 2])], ['batch', 2, 2, 2]),
    open,
    /known sizes from axis 2 on, got \[batch,2,height,4\]/,
  ],
  'Pad that reflects an unknown size': [
    made('Pad', [open, Op.int64s([0, 0, 1, 0, 0, 0, 1, 0])], ['batch', 2, '?', 4], { mode: text('reflect') }),
    open,
    /mode reflect needs the size of axis 2/,
  ],
  'Einsum of a diagonal': [
    made('Einsum', [input('square', 'float32', [3, 3])], [3], { equation: text('ii->i') }),
    input('square', 'float32', [3, 3]),
    /diagonal of operand 0 \(ii\)/,
  ],
  'a recurrence of unknown length': [lstm(sequence, {}), sequence, /known length \(axis 0\).*\[time,batch,2\]/],
  'a recurrence with clip': [
    lstm(input('short', 'float32', [3, 'batch', 2]), { clip: { _tag: 'Float', value: 3 } }),
    w,
    /RNN with clip/,
  ],
};

describe('refused by name, with the reason and the place', () => {
  test.each(Object.entries(refused))('%s', (_, [y, wrt, reason]) => {
    const at = y.node._tag === 'Operator' ? y.node.inputs.find((v) => v?.node === wrt.node || v === wrt) : undefined;
    const target = at ?? (y.node._tag === 'Operator' ? (y.node.inputs[0] as Value) : y);
    const found = grad(sum(y), [target]);
    if (E.isRight(found)) throw new Error('expected an error');
    expect(found.left.operators).toEqual([
      {
        operator: y.node._tag === 'Operator' ? y.node.operator : '',
        label: 'encoder/layer3',
        reason: expect.stringMatching(reason),
      },
    ]);
  });
});

/** What can be imported and has no rule of its own. */
const others: Readonly<Record<string, string>> = {
  CastLike: 'becomes Cast',
  If: 'becomes one of its branches, or Where',
  NonMaxSuppression: 'gives integers',
  RMSNormalization: 'is written out',
  Scatter: 'becomes ScatterElements',
  Swish: 'is written out',
  Upsample: 'becomes Resize',
};

test('every operator that can be imported has a rule', () => {
  expect(importableOperators.filter((name) => !Object.hasOwn(rules, name))).toEqual(Object.keys(others));
});

// -------------------------------------------------------------------------------------
// second derivatives
// -------------------------------------------------------------------------------------

const curved: Readonly<Record<string, (a: Value, b: Value) => Value>> = {
  layerNormalization: (a, b) => made('LayerNormalization', [a, b], [3, 3]),
  'an operator by composition': (a, b) =>
    made('Pad', [Op.mul(a, Op.tanh(b)), Op.int64s([1, 0, 0, 2])], [4, 5], { mode: text('reflect') }),
  einsum: (a, b) => made('Einsum', [Op.tanh(a), b], [3, 3], { equation: text('ij,jk->ki') }),
  'log of a sum of exponentials': (a, b) =>
    made('ReduceLogSumExp', [Op.mul(a, b), Op.int64s([0])], [3], { keepdims: int(0) }),
  'l2 norm': (a, b) => made('LpNormalization', [Op.add(a, b)], [3, 3]),
  product: (a, b) => made('ReduceProd', [Op.add(Op.mul(a, b), 3), Op.int64s([1])], [3], { keepdims: int(0) }),
};

test.each(Object.entries(curved))('the second derivative of %s is the difference of the first', async (_, f) => {
  const random = randomFrom(17);
  const { error, worst } = await compare(
    {
      inputs: { a: { array: random.distinct([3, 3], 0.2) }, b: { array: random.distinct([3, 3], 0.1) } },
      y: (v) => {
        const [a, b] = [v.a as Value, v.b as Value];
        const y = f(a, b);
        return Op.concat(0)(gradients(Op.mul(y, y), [a, b]));
      },
    },
    random,
  );
  expect(error, worst).toBeLessThan(1e-6);
});

test('by composition, an input that depends on another one does not pass its part on twice', async () => {
  const random = randomFrom(23);
  const { error, worst } = await compare(
    {
      inputs: { x: { array: random.array32([2, 2, 3]) }, b: { array: random.array32([2]) } },
      y: (v) => {
        const x = v.x as Value;
        const scale = Op.reduceSum({ axes: [0, 2] })(x);
        return made('GroupNormalization', [x, scale, v.b], [2, 2, 3], { num_groups: int(2) });
      },
      step: 1e-2,
      tolerance: 2e-3,
    },
    random,
  );
  expect(error, worst).toBeLessThan(2e-3);
});

// -------------------------------------------------------------------------------------
// kernels
// -------------------------------------------------------------------------------------

const cases: readonly Case[] = [
  ...arrangement,
  ...einsums,
  ...normalizations,
  ...resampling,
  ...sampling,
  ...recurrence,
  ...windows,
];

const operatorsMissing = (values: readonly Value[], provider: Provider, opset: number): readonly string[] =>
  missingKernels(
    graph(
      'kernels',
      [],
      values.map((value, i) => ({ name: `y${i}`, value })),
    ),
    kernelTables,
    provider,
    opset,
  ).map((m) => m.operator);

describe('a gradient needs no kernel that a provider lacks, unless the operator itself has none there', () => {
  test.each(['cpu', 'cuda'] as const)('%s', (provider) => {
    const lacking = cases.flatMap(({ rule, name, sample }) => {
      const { inputs, y, wrt, opset = 18 } = sample(randomFrom(1));
      const values = Object.fromEntries(
        Object.entries(inputs).map(([key, { array, dims }]) => [key, input(key, array.dtype, dims ?? array.shape)]),
      );
      const output = y(values);
      const known = new Set(operatorsMissing([output], provider, opset));
      const targets = Object.entries(values).filter(
        ([key, v]) => (wrt?.includes(key) ?? true) && v.type.dtype.startsWith('float'),
      );
      const found = gradients(
        output,
        targets.map(([, v]) => v),
      );
      return operatorsMissing(found, provider, Math.max(opset, 18)).flatMap((o) =>
        known.has(o) ? [] : [`${rule} (${name}): ${o}`],
      );
    });
    expect(lacking).toEqual([]);
  });
});
