/** Rewrites of graphs for inference: they compute the same, and what they are for has happened. */
import { describe, expect, it } from 'vitest';
import {
  constant,
  type Graph,
  graph,
  input,
  operator,
  topological,
  type Value,
  valueType,
} from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import { absorb } from '../../src/graph/rewrite/Absorb.ts';
import { evaluated } from '../../src/graph/rewrite/Evaluate.ts';
import { fold } from '../../src/graph/rewrite/Fold.ts';
import { halfWeights } from '../../src/graph/rewrite/HalfWeights.ts';
import { forOpset } from '../../src/graph/rewrite/Older.ts';
import { quantise } from '../../src/graph/rewrite/Quantise.ts';
import type { DType } from '../../src/shape/NdArray.ts';
import type { Dim } from '../../src/shape/Shape.ts';
import { evaluate, f32, graphOf, run } from '../support/evaluate.ts';
import { noise } from '../training/support.ts';

const operators = (g: Graph): readonly string[] =>
  topological(g.outputs.map((o) => o.value)).flatMap((n) => (n._tag === 'Operator' ? [n.operator] : []));

const random = (shape: readonly number[], seed = 1): Value =>
  constant(
    f32(
      noise(
        shape.reduce((a, b) => a * b, 1),
        seed,
      ),
      shape,
    ),
    `layer.w${seed}`,
  );

const node = (
  name: string,
  inputs: readonly (Value | undefined)[],
  shape: readonly Dim[],
  attributes = {},
  dtype: DType = 'float32',
) => operator(name, inputs, [valueType(dtype, shape)], attributes)[0] as Value;

const ints = (value: readonly number[]) => ({ _tag: 'Ints', value }) as const;
const int = (value: number) => ({ _tag: 'Int', value }) as const;

/** Largest difference of the outputs of two graphs. */
const difference = async (
  a: Graph,
  b: Graph,
  feeds: Record<string, ReturnType<typeof f32>>,
  opset = 18,
): Promise<number> => {
  const [x, y] = [await run(a, feeds, { opset }), await run(b, feeds, { opset })];
  return Math.max(
    ...Object.entries(x).map(([name, { shape, data }]) => {
      expect(y[name]?.shape).toEqual(shape);
      return Math.max(
        ...Array.from(data as ArrayLike<number>, (v, i) => Math.abs(Number(v) - Number(y[name]?.data[i]))),
      );
    }),
  );
};

describe('fold', () => {
  const a = random([2, 3, 4]);
  const b = random([3, 1], 2);
  const m = random([3, 5], 3);
  const whole = Op.int64s([5, -7, 3]);
  const unary = ['Identity', 'Neg', 'Abs', 'Exp', 'Sin', 'Cos', 'Tanh', 'Sigmoid', 'Relu', 'Floor', 'Ceil', 'Sign'];
  const binary = ['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Sum'];
  const compare = ['Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual'];
  const reductions = [
    'ReduceSum',
    'ReduceMean',
    'ReduceProd',
    'ReduceMax',
    'ReduceMin',
    'ReduceL1',
    'ReduceL2',
    'ReduceSumSquare',
  ];
  const positive = Op.abs(a);
  const less = Op.cast('bool')(Op.floor(a));
  const cases: Record<string, Value> = {
    ...Object.fromEntries(unary.map((name) => [name, node(name, [a], [2, 3, 4])])),
    Sqrt: Op.sqrt(positive),
    Log: Op.log(positive),
    Reciprocal: Op.reciprocal(positive),
    Round: node('Round', [constant(f32([0.5, 1.5, 2.5, -0.5, -1.5, 0.3]))], [6]),
    Not: Op.not(less),
    And: Op.and(less, Op.not(less)),
    Or: Op.or(less, Op.not(less)),
    Where: Op.where(less, a, b),
    Pow: Op.pow(positive, b),
    ...Object.fromEntries(binary.map((name) => [name, node(name, [a, b], [2, 3, 4])])),
    ...Object.fromEntries(compare.map((name) => [name, node(name, [a, b], [2, 3, 4], {}, 'bool')])),
    'Div of integers': Op.div(whole, 2),
    Cast: Op.cast('int32')(Op.mul(a, 10)),
    ...Object.fromEntries(reductions.map((name) => [name, node(name, [a, Op.int64s([-1, 0])], [1, 3, 1])])),
    'ReduceSum of all': node('ReduceSum', [a], [], { keepdims: int(0) }),
    Reshape: node('Reshape', [a, Op.int64s([0, -1])], [2, 12]),
    Transpose: Op.transpose([2, 0, 1])(a),
    'Transpose without order': node('Transpose', [a], [4, 3, 2]),
    Slice: node(
      'Slice',
      [a, Op.int64s([-1, 0]), Op.int64s([-100, 2]), Op.int64s([2, 1]), Op.int64s([-2, 1])],
      [2, 2, 2],
    ),
    Split: operator(
      'Split',
      [a, Op.int64s([1, 3])],
      [valueType('float32', [2, 3, 1]), valueType('float32', [2, 3, 3])],
      { axis: int(-1) },
    )[1] as Value,
    Gather: node('Gather', [a, Op.int64s([2, -3])], [2, 2, 4], { axis: int(1) }),
    Concat: Op.concat(1)([a, positive]),
    Expand: node('Expand', [b, Op.int64s([2, 1, 4])], [2, 3, 4]),
    Unsqueeze: node('Unsqueeze', [b, Op.int64s([0, -1])], [1, 3, 1, 1]),
    Squeeze: node('Squeeze', [b, Op.int64s([-1])], [3]),
    ConstantOfShape: Op.fillLike(a, 7),
    Range: node('Range', [Op.scalar(1, 'int64'), Op.scalar(8, 'int64'), Op.scalar(3, 'int64')], [3], {}, 'int64'),
    Shape: node('Shape', [a], [2], { start: int(1) }, 'int64'),
    Size: node('Size', [a], [], {}, 'int64'),
    MatMul: Op.matMul(constant(f32(noise(6, 9), [2, 3])), m),
  };

  it('has a case for each operator that it computes, and computes what onnxruntime does', async () => {
    expect(evaluated.filter((name) => !Object.hasOwn(cases, name))).toEqual([]);
    const g = graphOf(cases);
    const theirs = await evaluate(cases, {});
    for (const { name, value } of fold(g).outputs) {
      if (value.node._tag !== 'Constant') throw new Error(`${name} is not folded`);
      const { dtype, shape, data } = value.node.data;
      expect([name, dtype, shape]).toEqual([name, theirs[name]?.dtype, theirs[name]?.shape]);
      data.forEach((x: number | bigint, i: number) => {
        expect(Number(x), `${name} ${i}`).toBeCloseTo(Number(theirs[name]?.data[i]), 5);
      });
    }
  });

  it('leaves what depends on an input, what is not known, and what would grow', () => {
    const x = input('x', 'float32', ['batch', 3]);
    const big = node('Expand', [b, Op.int64s([3, 10_000])], [3, 10_000]);
    const g = graphOf({ x: Op.add(x, Op.mul(b, b)), erf: Op.erf(b), big });
    expect([...operators(fold(g))].sort()).toEqual(['Add', 'Erf', 'Expand']);
    const plain = graphOf({ y: Op.erf(x) });
    expect(fold(plain)).toBe(plain);
  });
});

describe('absorb', () => {
  const c = 4;
  const normalised = (x: Value, seed = 20): Value =>
    Op.batchNormalization(
      x,
      random([c], seed),
      random([c], seed + 1),
      random([c], seed + 2),
      Op.abs(random([c], seed + 3)),
      1e-3,
    );
  const image = input('x', 'float32', ['batch', 3, 6, 5]);
  const window = { kernel: [3, 3], strides: [1, 1], dilations: [1, 1], pads: [1, 1, 1, 1], group: 1 };
  const conv = (bias: Value | undefined, x = image, w = random([c, 3, 3, 3], 2), pads = window.pads) =>
    Op.conv(x, w, bias, { ...window, pads });
  const feeds = { x: f32(noise(2 * 90, 5), [2, 3, 6, 5]) };
  const table = input('x', 'float32', ['batch', 6]);
  const rows = { x: f32(noise(18, 6), [3, 6]) };
  const steps = input('x', 'float32', ['batch', 'seq', c]);
  const words = { x: f32(noise(2 * 5 * c, 7), [2, 5, c]) };
  const perChannel = (x: Value) => Op.add(Op.mul(Op.sub(x, random([c], 3)), random([c], 4)), random([c], 5));

  const cases: readonly (readonly [string, Value, Record<string, ReturnType<typeof f32>>, readonly string[]])[] = [
    ['a convolution with a bias', normalised(conv(random([c], 9))), feeds, ['Conv']],
    ['a convolution without', normalised(conv(undefined)), feeds, ['Conv']],
    ['one behind the other', Op.mul(normalised(normalised(conv(undefined)), 30), 0.5), feeds, ['Conv']],
    [
      'a transposed convolution',
      normalised(
        node('ConvTranspose', [image, random([3, c, 2, 2], 8)], ['batch', c, 7, 6], { strides: ints([1, 1]) }),
      ),
      feeds,
      ['ConvTranspose'],
    ],
    ['a dense layer', normalised(Op.gemm(table, random([6, c], 3), random([c], 4))), rows, ['Gemm']],
    ['a dense layer without a bias', normalised(Op.matMul(table, random([6, c], 3))), rows, ['Gemm']],
    [
      'a dense layer with turned weights',
      normalised(node('Gemm', [table, random([c, 6], 3), random([1, c], 4)], ['batch', c], { transB: int(1) })),
      rows,
      ['Gemm'],
    ],
    [
      'a dense layer on sequences, before and behind',
      perChannel(Op.add(Op.matMul(perChannel(steps), random([c, c], 40)), random([c], 41))),
      words,
      ['MatMul', 'Add'],
    ],
    [
      'the dense layer behind it',
      Op.relu(
        Op.gemm(
          normalised(Op.relu(Op.gemm(table, random([6, c], 3), random([c], 4)))),
          random([c, 2], 50),
          random([2], 51),
        ),
      ),
      rows,
      ['Gemm', 'Relu', 'Gemm', 'Relu'],
    ],
    [
      'the convolution behind it, without padding',
      conv(random([c], 9), normalised(Op.relu(conv(undefined))), random([c, c, 3, 3], 60), [0, 0, 0, 0]),
      feeds,
      ['Conv', 'Relu', 'Conv'],
    ],
  ];

  it.each(cases)('by %s', async (_, value, given, left) => {
    const g = graphOf({ y: value });
    const after = absorb(fold(g));
    expect(operators(after)).toEqual(left);
    expect(await difference(g, after, given)).toBeLessThan(2e-5);
  });

  it('not where others read the product, where padding stands between, or across a change of axis', async () => {
    const shared = conv(undefined);
    const read = graphOf({ a: normalised(shared), b: Op.relu(shared) });
    const padded = graphOf({ y: conv(undefined, normalised(Op.relu(conv(undefined))), random([c, c, 3, 3], 60)) });
    // Along the width, not the channels.
    const across = graphOf({ y: Op.mul(conv(undefined), random([5], 70)) });
    for (const [g, expected] of [
      [read, ['Conv', 'BatchNormalization', 'Relu']],
      [padded, ['Conv', 'Relu', 'BatchNormalization', 'Conv']],
      [across, ['Conv', 'Mul']],
    ] as const) {
      const after = absorb(fold(g));
      expect(operators(after)).toEqual(expected);
      expect(await difference(g, after, feeds)).toBe(0);
    }
  });
});

describe('weights', () => {
  const x = input('x', 'float32', ['batch', 32]);
  const scaled = constant(
    f32(
      noise(32 * 16, 2).map((v, i) => v * 10 ** ((i % 16) - 8)),
      [32, 16],
    ),
    'dense.kernel',
  );
  const dense = Op.gemm(x, scaled, random([16], 3));
  const turned = node('Gemm', [x, random([16, 32], 4), random([16], 5)], ['batch', 16], { transB: int(1) });
  const given = { x: f32(noise(96, 6), [3, 32]) };

  it('as float16 stay within its rounding; numbers that it cannot hold stay float32', async () => {
    const small = graphOf({ y: turned });
    expect(operators(halfWeights(small))).toEqual(['Cast', 'Gemm']);
    expect(await difference(small, halfWeights(small), given)).toBeLessThan(32 * 2 ** -11);
    const large = graphOf({
      y: Op.mul(
        Op.gemm(
          x,
          constant(
            f32(
              noise(512).map((v) => v * 1e6),
              [32, 16],
            ),
          ),
          random([16]),
        ),
        1,
      ),
    });
    expect(halfWeights(large)).toBe(large);
  });

  it('of 8 bits are off by half a step of their own column', async () => {
    const g = graphOf({ a: dense, b: turned });
    const after = quantise('weights')(g);
    expect(operators(after).filter((op) => op === 'DequantizeLinear')).toHaveLength(2);
    const eye = {
      x: f32(
        Array.from({ length: 32 * 32 }, (_, i) => (i % 33 === 0 ? 1 : 0)),
        [32, 32],
      ),
    };
    const [before, now] = [await run(g, eye), await run(after, eye)];
    for (const name of ['a', 'b'])
      for (let unit = 0; unit < 16; unit++) {
        const column = (r: typeof before) => Array.from({ length: 32 }, (_, i) => Number(r[name]?.data[i * 16 + unit]));
        const bias = name === 'a' ? noise(16, 3) : noise(16, 5);
        const step = Math.max(...column(before).map((v) => Math.abs(v - (bias[unit] ?? 0)))) / 127;
        column(before).forEach((v, i) => {
          expect(Math.abs(v - (column(now)[i] ?? 0))).toBeLessThan(step * 0.5001 + 2e-7);
        });
      }
  });

  it('in integers: one rounding of the input for all products of it', async () => {
    const g = graphOf({ a: dense, b: turned });
    const after = quantise('dynamic')(g);
    expect(operators(after).filter((op) => op === 'DynamicQuantizeLinear')).toHaveLength(1);
    expect(operators(after).filter((op) => op === 'MatMulInteger')).toHaveLength(2);
    const [before, now] = [await run(g, given), await run(after, given)];
    before.b?.data.forEach((v: number | bigint, i: number) => {
      // 32 products of numbers below 1, each off by half a step of 1/127 (weights) and of 2/255 (inputs).
      expect(Math.abs(Number(v) - Number(now.b?.data[i]))).toBeLessThan((32 * (1 / 127 + 2 / 255)) / 2);
    });
  });

  it('of embeddings have a scale for each row', async () => {
    const ids = input('ids', 'int32', ['batch']);
    const g = graph('e', [ids], [{ name: 'y', value: Op.gather(random([40, 8], 3), ids) }]);
    const after = quantise('dynamic')(g);
    expect(operators(after)).toEqual(['DequantizeLinear', 'Gather']);
    const feeds = { ids: { dtype: 'int32', shape: [3], data: Int32Array.of(0, 39, 7) } as never };
    expect(await difference(g, after, feeds)).toBeLessThan(0.5 / 127 + 1e-6);
  });
});

describe('forOpset', () => {
  const x = input('x', 'float32', [2, 8]);
  const made = (name: string, attributes = {}, ...more: readonly Value[]) =>
    graphOf({ y: node(name, [x, ...more], [2, 8], attributes) });
  const feeds = {
    x: f32(
      noise(16, 3).map((v) => 5 * v),
      [2, 8],
    ),
  };
  it.each([
    ['LayerNormalization', 13, made('LayerNormalization', { axis: int(-1) }, random([8], 2), random([8], 3))],
    ['LayerNormalization', 16, made('LayerNormalization', { axis: int(0) }, random([2, 8], 2))],
    ['HardSwish', 13, made('HardSwish')],
    ['Mish', 17, made('Mish')],
    ['Gelu', 19, made('Gelu')],
    ['Gelu', 13, made('Gelu', { approximate: { _tag: 'String', value: 'tanh' } })],
  ])('says %s in opset %i', async (name, opset, g) => {
    const older = forOpset(opset)(g);
    expect(operators(older)).not.toContain(name);
    const [theirs, ours] = [await run(g, feeds, { opset: 20 }), await run(older, feeds, { opset })];
    theirs.y?.data.forEach((v: number | bigint, i: number) => {
      expect(Number(ours.y?.data[i])).toBeCloseTo(Number(v), 5);
    });
    expect(forOpset(20)(g)).toBe(g);
  });
});
