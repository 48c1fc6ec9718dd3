/** Operators in the forms of their time: each computes here what onnxruntime computes of the file itself. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { describe, expect, it } from 'vitest';
import { Layer as L, Model, Onnx } from '../../../src/index.ts';
import { inferenceGraph } from '../../../src/interpret/Inference.ts';
import type { NdArray } from '../../../src/shape/NdArray.ts';
import { noise, right } from '../../training/support.ts';
import { file, floats, graph, ints, type ModelSpec, node } from './build.ts';
import { difference, f32, original } from './support.ts';

type Made = Pick<ModelSpec, 'opset' | 'nodes'> & Partial<ModelSpec> & { readonly shape?: readonly number[] };

const scalar = (v: number): NdArray => ({ dtype: 'float32', shape: [], data: Float32Array.of(v) });
const some = (shape: readonly number[], seed = 2): NdArray =>
  floats(
    shape,
    noise(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
  );

/** One input `x` [n, 3, 4, 6] unless it says otherwise, one output `y`. */
const cases: Readonly<Record<string, Made>> = {
  'Squeeze and Unsqueeze with attributes (11)': {
    opset: 11,
    nodes: [node('Unsqueeze', ['x'], ['a'], { axes: [1, 4] }), node('Squeeze', ['a'], ['y'], { axes: [1] })],
  },
  'Squeeze and Unsqueeze with inputs (13)': {
    opset: 13,
    tensors: { at: ints([1, -1]), one: ints([1]) },
    nodes: [node('Unsqueeze', ['x', 'at'], ['a']), node('Squeeze', ['a', 'one'], ['y'])],
  },
  'reductions with attributes (11)': {
    opset: 11,
    nodes: [
      node('ReduceSum', ['x'], ['a'], { axes: [2], keepdims: 0 }),
      node('ReduceMean', ['a'], ['b'], { axes: [-1] }),
      node('ReduceMax', ['a'], ['c'], { axes: [-1] }),
      node('ReduceL2', ['a'], ['d'], { axes: [-1] }),
      node('Sum', ['b', 'c', 'd'], ['y']),
    ],
  },
  'reductions with inputs (18)': {
    opset: 18,
    tensors: { at: ints([2, 3]) },
    nodes: [
      node('ReduceMax', ['x', 'at'], ['a']),
      node('ReduceSumSquare', ['x', 'at'], ['b']),
      node('Add', ['a', 'b'], ['y']),
    ],
  },
  'Slice with attributes (9)': {
    opset: 9,
    nodes: [node('Slice', ['x'], ['y'], { starts: [1, -3], ends: [9007199254740991, -1], axes: [2, 3] })],
  },
  'Slice with inputs and steps (13)': {
    opset: 13,
    tensors: { s: ints([3, 5]), e: ints([-9, 0]), a: ints([2, 3]), d: ints([-1, -2]) },
    nodes: [node('Slice', ['x', 's', 'e', 'a', 'd'], ['y'])],
  },
  'Clip with attributes (10)': {
    opset: 10,
    nodes: [node('Clip', ['x'], ['y'], { min: { float: -0.2 }, max: { float: 0.4 } })],
  },
  'Clip with inputs, one left out (13)': {
    opset: 13,
    tensors: { hi: scalar(0.3) },
    nodes: [node('Clip', ['x', '', 'hi'], ['y'])],
  },
  'Pad with attributes (10)': {
    opset: 10,
    nodes: [node('Pad', ['x'], ['y'], { mode: 'constant', value: { float: 0.5 }, pads: [0, 0, 1, 2, 0, 0, 0, 1] })],
  },
  'Pad of some axes (18)': {
    opset: 18,
    tensors: { p: ints([1, 2]), a: ints([3]) },
    nodes: [node('Pad', ['x', 'p', '', 'a'], ['y'], { mode: 'reflect' })],
  },
  'Upsample with attributes (7)': {
    opset: 7,
    nodes: [node('Upsample', ['x'], ['y'], { mode: 'nearest', scales: { floats: [1, 1, 2, 2] } })],
  },
  'Upsample with an input (9)': {
    opset: 9,
    tensors: { s: floats([4], [1, 1, 2, 3]) },
    nodes: [node('Upsample', ['x', 's'], ['y'], { mode: 'linear' })],
  },
  'Resize of opset 10': {
    opset: 10,
    tensors: { s: floats([4], [1, 1, 0.5, 2]) },
    nodes: [node('Resize', ['x', 's'], ['y'], { mode: 'nearest' })],
  },
  'Resize to computed sizes (13)': {
    opset: 13,
    tensors: { hw: ints([7, 9]), two: ints([2]), zero: ints([0]) },
    nodes: [
      node('Shape', ['x'], ['s']),
      node('Slice', ['s', 'zero', 'two'], ['nc']),
      node('Concat', ['nc', 'hw'], ['sizes'], { axis: 0 }),
      node('Resize', ['x', '', '', 'sizes'], ['y'], { mode: 'linear', coordinate_transformation_mode: 'half_pixel' }),
    ],
  },
  'BatchNormalization (7)': {
    opset: 7,
    tensors: { g: some([3], 3), b: some([3], 4), m: some([3], 5), v: floats([3], [0.5, 1, 2]) },
    nodes: [node('BatchNormalization', ['x', 'g', 'b', 'm', 'v'], ['y'], { epsilon: { float: 0.01 } })],
  },
  'BatchNormalization (15)': {
    opset: 15,
    tensors: { g: some([3], 3), b: some([3], 4), m: some([3], 5), v: floats([3], [0.5, 1, 2]) },
    nodes: [node('BatchNormalization', ['x', 'g', 'b', 'm', 'v'], ['y'])],
  },
  'Dropout with a ratio, in inference (12)': {
    opset: 12,
    tensors: { r: scalar(0.5) },
    nodes: [node('Dropout', ['x', 'r'], ['y'])],
  },
  'Softmax that flattens (11)': { opset: 11, nodes: [node('Softmax', ['x'], ['y'], { axis: 1 })] },
  'LogSoftmax of one axis (13)': { opset: 13, nodes: [node('LogSoftmax', ['x'], ['y'], { axis: 2 })] },
  'Cast there and back': {
    opset: 13,
    nodes: [
      node('Mul', ['x', 'ten'], ['t']),
      node('Cast', ['t'], ['i'], { to: 7 }),
      node('Cast', ['i'], ['y'], { to: 1 }),
    ],
    tensors: { ten: scalar(10) },
  },
  'TopK with an attribute (9)': { opset: 9, nodes: [node('TopK', ['x'], ['y', 'i'], { k: 2 })] },
  'TopK, smallest (11)': {
    opset: 11,
    tensors: { k: ints([2]) },
    nodes: [node('TopK', ['x', 'k'], ['y', 'i'], { largest: 0, axis: 2 })],
  },
  'Split with attributes (11)': {
    opset: 11,
    nodes: [
      node('Split', ['x'], ['a', 'b'], { axis: 3, split: [2, 4] }),
      node('Concat', ['b', 'a'], ['y'], { axis: 3 }),
    ],
  },
  'Split in unequal parts (18)': {
    opset: 18,
    nodes: [
      node('Split', ['x'], ['a', 'b', 'c', 'd'], { axis: 3, num_outputs: 4 }),
      node('Concat', ['d', 'a'], ['y'], { axis: 3 }),
    ],
    shape: [3, 4, 7],
  },
  'Reshape that copies and infers': {
    opset: 13,
    tensors: { s: ints([0, -1, 6]) },
    nodes: [node('Reshape', ['x', 's'], ['y'])],
  },
  'Flatten, Gemm without a bias': {
    opset: 13,
    tensors: { w: some([5, 72]) },
    nodes: [node('Flatten', ['x'], ['a']), node('Gemm', ['a', 'w'], ['y'], { transB: 1, alpha: { float: 0.5 } })],
  },
  'Conv with automatic padding and groups': {
    opset: 11,
    tensors: { w: some([6, 1, 3, 2]), b: some([6]) },
    nodes: [node('Conv', ['x', 'w', 'b'], ['y'], { auto_pad: 'SAME_UPPER', strides: [2, 2], group: 3 })],
  },
  'Conv with SAME_LOWER': {
    opset: 11,
    tensors: { w: some([2, 3, 2, 2]) },
    nodes: [node('Conv', ['x', 'w'], ['y'], { auto_pad: 'SAME_LOWER', kernel_shape: [2, 2] })],
  },
  'ConvTranspose to a size': {
    opset: 11,
    tensors: { w: some([3, 2, 3, 3]) },
    nodes: [node('ConvTranspose', ['x', 'w'], ['y'], { strides: [2, 2], output_shape: [8, 12] })],
  },
  'pools that round up': {
    opset: 12,
    nodes: [
      node('MaxPool', ['x'], ['a'], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1, pads: [1, 1, 0, 0] }),
      node('AveragePool', ['x'], ['b'], {
        kernel_shape: [3, 3],
        strides: [2, 2],
        ceil_mode: 1,
        pads: [1, 1, 0, 0],
        count_include_pad: 1,
      }),
      node('Add', ['a', 'b'], ['y']),
    ],
  },
  'Gather, Transpose, Einsum': {
    opset: 13,
    tensors: { i: ints([2, 0]), w: some([6, 5]) },
    nodes: [
      node('Gather', ['x', 'i'], ['a'], { axis: 1 }),
      node('Transpose', ['a'], ['b'], { perm: [0, 2, 1, 3] }),
      node('Einsum', ['b', 'w'], ['y'], { equation: 'n...c, cd -> n...d' }),
    ],
  },
  'a mask of ones, Where, Expand': {
    opset: 13,
    tensors: { zero: scalar(0), v: floats([1, 3, 1, 1], [1, 2, 3]) },
    nodes: [
      node('Greater', ['x', 'zero'], ['c']),
      node('Shape', ['x'], ['s']),
      node('Expand', ['v', 's'], ['e']),
      node('Where', ['c', 'x', 'e'], ['y']),
    ],
  },
  'ConstantOfShape, Range, OneHot': {
    opset: 13,
    tensors: { n: ints([6], []), zero: ints([0], []), one: ints([1], []), values: floats([2], [0, 1]) },
    nodes: [
      node('Range', ['zero', 'n', 'one'], ['r']),
      node('OneHot', ['r', 'n', 'values'], ['h']),
      node('MatMul', ['x', 'h'], ['m']),
      node('Shape', ['x'], ['s']),
      node('ConstantOfShape', ['s'], ['k'], { value: floats([1], [0.5]) }),
      node('Add', ['m', 'k'], ['y']),
    ],
  },
  'LayerNormalization (17)': {
    opset: 17,
    tensors: { g: some([6], 3), b: some([6], 4) },
    nodes: [node('LayerNormalization', ['x', 'g', 'b'], ['y'], { axis: -1 })],
  },
  'GroupNormalization (21)': {
    opset: 21,
    tensors: { g: some([4], 3), b: some([4], 4) },
    shape: [4, 5, 2],
    nodes: [node('GroupNormalization', ['x', 'g', 'b'], ['y'], { num_groups: 2 })],
  },
  'RMSNormalization (23)': {
    opset: 23,
    tensors: { g: some([6], 3) },
    nodes: [node('RMSNormalization', ['x', 'g'], ['y'])],
  },
  'Gelu (20)': {
    opset: 20,
    nodes: [node('Gelu', ['x'], ['a']), node('Gelu', ['a'], ['y'], { approximate: 'tanh' })],
  },
  'LSTM in both directions': {
    opset: 14,
    shape: [5, 4],
    tensors: { w: some([2, 12, 4]), r: some([2, 12, 3], 5), b: some([2, 24], 6), h: some([2, 1, 3], 7) },
    nodes: [
      node('Transpose', ['x'], ['t'], { perm: [1, 0, 2] }),
      node('LSTM', ['t', 'w', 'r', 'b'], ['all', 'last'], { direction: 'bidirectional', hidden_size: 3 }),
      node('Transpose', ['last'], ['y'], { perm: [1, 0, 2] }),
    ],
  },
  'an If whose condition follows from a shape': {
    opset: 13,
    tensors: { three: ints([3], []), one: ints([1], []) },
    nodes: [
      node('Shape', ['x'], ['s']),
      node('Gather', ['s', 'one'], ['c']),
      node('Equal', ['c', 'three'], ['is']),
      node('If', ['is'], ['y'], {
        then_branch: graph({ nodes: [node('Relu', ['x'], ['r'])], outputs: [['r', 'float32', ['?', '?', '?', '?']]] }),
        else_branch: graph({ nodes: [node('Neg', ['x'], ['r'])], outputs: [['r', 'float32', ['?', '?', '?', '?']]] }),
      }),
    ],
  },
  'nodes out of order would be refused by others': {
    opset: 13,
    nodes: [node('Relu', ['x'], ['a']), node('Neg', ['a'], ['y'])],
  },
  'opset 25': { opset: 25, nodes: [node('Relu', ['x'], ['y'])] },
};

const imported = async (bytes: Uint8Array, shape: readonly number[], x: NdArray): Promise<NdArray> => {
  const layer = right(Onnx.importOnnx(bytes, { output: 'y' }));
  const model = L.model(L.input([...shape]), layer);
  const resolved = right(
    pipe(
      Model.resolve(model),
      E.mapLeft((errors) => ({ message: errors.map((e) => e.message).join('\n') })),
    ),
  );
  const own = right(
    Onnx.encode(right(inferenceGraph(resolved, Model.initialValues(resolved, 0), 'own')), { opset: 18 }),
  );
  const out = (await original(own, { input: x })).output as NdArray;
  // What the rule for shapes says is what comes out.
  const said = resolved.outputs[0]?.type as readonly (number | string)[];
  expect(out.shape.map((d, i) => (typeof said[i] === 'number' ? said[i] : d))).toEqual(out.shape);
  expect(out.shape.slice(1)).toEqual(said.slice(1));
  return out;
};

describe('operators of each time', () => {
  it.each(Object.keys(cases))('%s', async (name) => {
    const { shape = [3, 4, 6], ...made } = cases[name] as Made;
    const bytes = file({
      inputs: [['x', 'float32', ['n', ...shape]]],
      outputs: [['y', 'float32', []]],
      ...made,
    });
    const x = f32([2, ...shape]);
    // The declared output is left open: the spec is what onnxruntime infers.
    const theirs = (
      await original(
        file({
          inputs: [['x', 'float32', ['n', ...shape]]],
          outputs: [['y', 'float32', openShape(made, shape)]],
          ...made,
        }),
        { x },
      )
    ).y as NdArray;
    expect(difference(await imported(bytes, shape, x), theirs)).toBeLessThan(1e-5);
  });
});

/** A declared rank that onnxruntime accepts: that of what we infer, with no sizes. */
const openShape = (made: Made, shape: readonly number[]): readonly string[] => {
  const layer = right(
    Onnx.importOnnx(file({ inputs: [['x', 'float32', ['n', ...shape]]], outputs: [['y', 'float32', []]], ...made }), {
      output: 'y',
    }),
  );
  const resolved = right(
    pipe(
      Model.resolve(L.model(L.input([...shape]), layer)),
      E.mapLeft((errors) => ({ message: errors.map((e) => e.message).join('\n') })),
    ),
  );
  return (resolved.outputs.map((o) => o.type as readonly unknown[])[0] ?? []).map(() => '?');
};

describe('an export for older tools', () => {
  it('says resizing of some axes in the form of opset 17', async () => {
    const made = cases['Resize to computed sizes (13)'] as Made;
    const bytes = file({
      inputs: [['x', 'float32', ['n', 3, 4, 6]]],
      outputs: [['y', 'float32', ['?', '?', '?', '?']]],
      ...made,
    });
    const model = L.model(L.input([3, 4, 6]), right(Onnx.importOnnx(bytes)));
    const resolved = right(
      pipe(
        Model.resolve(model),
        E.mapLeft(() => ({ message: '' })),
      ),
    );
    const own = right(inferenceGraph(resolved, {}, 'own'));
    const x = f32([2, 3, 4, 6]);
    const theirs = (await original(bytes, { x })).y as NdArray;
    for (const opset of [13, 17, 18])
      expect(
        difference((await original(right(Onnx.encode(own, { opset })), { input: x })).output as NdArray, theirs),
      ).toBeLessThan(1e-5);
  });
});
