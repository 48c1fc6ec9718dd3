/**
 * The blocked layout changes no result but for rounding: training steps of random convolutional models in both forms.
 */
import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { afterAll, expect, it } from 'vitest';
import { blocked } from '../../src/graph/blocked/Blocked.ts';
import {
  type Graph,
  input,
  type Node,
  type OperatorNode,
  operator,
  topological,
  type Value,
} from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import { Environment, Layer as L, Optimizer } from '../../src/index.ts';
import * as Plan from '../../src/interpret/Plan.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { blockSize } from '../../src/training/Emission.ts';
import { asModel, type Example, floats, mse, trainedBy } from '../interpret/problems.ts';
import { resolvedOf } from '../interpret/support.ts';
import { graphOf, run } from '../support/evaluate.ts';

const env = Environment.node({ threads: 1 })();
afterAll(env.runtime.close);

/** Of this machine. The kernels of another block are not there to compare with. */
const block = (await blockSize(env.runtime)()) ?? Number.NaN;

// -------------------------------------------------------------------------------------
// random models
// -------------------------------------------------------------------------------------

const filters = fc.constantFrom(8, 16, 32, 5);
const act = fc.constantFrom('relu', 'sigmoid', 'tanh', undefined);

type AnyLayer = L.Layer<never>;
const any = (layer: unknown): AnyLayer => layer as AnyLayer;

const convolution = fc
  .record({
    filters,
    kernel: fc.constantFrom(1, 2, 3),
    padding: fc.constantFrom('same', 'valid'),
    strides: fc.constantFrom(1, 1, 2),
    useBias: fc.boolean(),
    activation: act,
  })
  .map(({ activation, ...o }) => any(L.conv2d({ ...o, ...(activation === undefined ? {} : { activation }) } as never)));

const transposed = fc
  .record({
    filters: fc.constantFrom(16, 32),
    kernel: fc.constantFrom(2, 3),
    strides: fc.constantFrom(1, 2, 3),
    padding: fc.constantFrom('same', 'valid'),
    useBias: fc.boolean(),
  })
  .map((o) => any(L.conv2dTranspose(o as never)));

const depthwise = fc
  .record({
    kernel: fc.constantFrom(1, 3),
    padding: fc.constant('same' as const),
    depthMultiplier: fc.constantFrom(1, 2),
  })
  .map((o) => any(L.depthwiseConv2d(o as never)));

const between = fc.constantFrom(
  any(L.batchNormalization()),
  any(L.batchNormalization({ center: false })),
  any(L.relu()),
  any(L.activation('elu')),
  any(L.activation('leakyRelu')),
  any(L.activation('gelu')),
  any(L.activation('softmax')),
  any(L.spatialDropout2d(0.3)),
  any(L.gaussianNoise(0.2)),
  any(L.groupNormalization({ groups: 1 })),
  any(L.dropout(0.3)),
  any(L.maxPool2d({ kernel: 2, padding: 'same' })),
  any(L.maxPool2d({ kernel: 2 })),
  any(L.averagePool2d({ kernel: 2, strides: 1 })),
  any(L.upSampling2d({ size: 2 } as never)),
  any(L.residual(L.sequential(L.batchNormalization(), L.activation('tanh')))),
  any(L.concat(L.identity(), L.activation('sigmoid'))),
  // Channels of zeros before and behind.
  any(L.sequential(L.permute([2, 1, 3]), L.zeroPadding2d([[4, 4], 0]), L.permute([2, 1, 3]))),
);

const layer = fc.oneof(convolution, convolution, convolution, transposed, depthwise, between, between, between);

const headOf = (layers: readonly AnyLayer[]) =>
  (L.model as (...parts: readonly unknown[]) => unknown)(
    L.input([3, 12, 12]),
    ...layers,
    L.globalAveragePool2d(),
    L.dense(2),
  );

const exampleOf = (layers: readonly AnyLayer[]): Example | undefined => {
  const model = asModel(headOf(layers));
  try {
    resolvedOf(model);
  } catch {
    // A window that is larger than what is left of the image.
    return undefined;
  }
  return {
    model,
    loss: mse,
    metrics: [],
    optimizer: Optimizer.sgd({ learningRate: 0.02 }),
    data: { input: floats([3, 12, 12], 1) },
    target: floats([2], 4),
  };
};

// -------------------------------------------------------------------------------------
// both forms
// -------------------------------------------------------------------------------------

const blockedNodes = (graph: Graph): readonly OperatorNode[] =>
  topological(graph.outputs.map((o) => o.value)).filter(
    (n): n is OperatorNode => n._tag === 'Operator' && n.domain === 'com.microsoft.nchwc',
  );

const difference = (a: NdArray, b: NdArray): number => {
  const [x, y] = [a.data as Float32Array, b.data as Float32Array];
  const scale = x.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-3);
  return x.reduce((m, v, i) => Math.max(m, Math.abs(v - (y[i] as number))), 0) / scale;
};

/** A convolution whose windows are as large as images: the gradient of a kernel. */
const sumsOverBatch = ({ operator, attributes: { kernel_shape, dilations } }: OperatorNode): boolean =>
  operator === 'Conv' &&
  kernel_shape?._tag === 'Ints' &&
  dilations?._tag === 'Ints' &&
  (dilations.value[1] as number) % block === 0;

const hasBranches = (graph: Graph): boolean =>
  topological(graph.outputs.map((o) => o.value)).some((n) => n._tag === 'Operator' && n.operator === 'If');

it('this processor has a blocked layout', () => {
  expect([8, 16]).toContain(block);
});

it('random models take the same steps', async () => {
  const counts = { changed: 0, overBatch: 0, ofWhole: 0 };
  const batches = fc.constantFrom(8, 16);
  await fc.assert(
    fc.asyncProperty(fc.array(layer, { minLength: 1, maxLength: 6 }), batches, async (layers, batch) => {
      const example = exampleOf(layers);
      fc.pre(example !== undefined);
      // As gradients are written, in the forms for any provider, and in blocks (which the batches fill, half fill or less).
      const bare = await trainedBy(example as Example, (g) => g, batch);
      const plain = await trainedBy(example as Example, Plan.plainly, batch);
      const fast = await trainedBy(example as Example, blocked(block, 16), batch);
      counts.changed += blockedNodes(fast.graph).length > 0 ? 1 : 0;
      counts.overBatch += blockedNodes(fast.graph).some(sumsOverBatch) ? 1 : 0;
      counts.ofWhole += batch === 16 && hasBranches(fast.graph) ? 1 : 0;
      for (const { results } of [plain, fast]) {
        expect(Object.keys(results)).toEqual(Object.keys(bare.results));
        for (const [name, value] of Object.entries(bare.results))
          expect(difference(value, results[name] as NdArray), name).toBeLessThan(2e-4);
      }
    }),
    { numRuns: 60, seed: 11 },
  );
  expect(counts.changed).toBeGreaterThan(25);
  expect(counts.overBatch).toBeGreaterThan(10);
  expect(counts.ofWhole).toBeGreaterThan(5);
});

it('batch normalisation of large images: the estimate of its mean is of a few cells, cut out in blocks', async () => {
  const layers = [
    any(L.conv2d({ filters: 64, kernel: 3, padding: 'same', useBias: false })),
    any(L.batchNormalization()),
    any(L.relu()),
    any(L.conv2d({ filters: 64, kernel: 3, padding: 'same' })),
    any(L.batchNormalization()),
    any(L.conv2d({ filters: 64, kernel: 1 })),
    any(L.batchNormalization({ center: false })),
  ];
  const example = exampleOf(layers) as Example;
  const bare = await trainedBy(example, (g) => g, 16);
  const fast = await trainedBy(example, blocked(block, 16), 16);
  for (const [name, value] of Object.entries(bare.results))
    expect(difference(value, fast.results[name] as NdArray), name).toBeLessThan(2e-4);
  const nodes = topological(fast.graph.outputs.map((o) => o.value));
  const cells = nodes.flatMap((n) => (n._tag === 'Operator' && n.operator === 'Slice' ? [n.outputs[0]?.shape] : []));
  for (const size of [3, 1]) expect(cells).toContainEqual(['batch', 64 / block, size, size, block]);
});

// -------------------------------------------------------------------------------------
// what is rewritten
// -------------------------------------------------------------------------------------

const weights = (name: string, filters: number, x: Value): Value =>
  input(name, 'float32', [filters, x.type.shape[1] as number, 3, 3]);

const conv = (x: Value, name: string, filters: number, w = weights(name, filters, x)): Value =>
  Op.conv(x, w, undefined, {
    kernel: [3, 3],
    strides: [1, 1],
    dilations: [1, 1],
    pads: [1, 1, 1, 1],
    group: 1,
  });

const sized = (shape: readonly number[], f: (i: number) => number): NdArray => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from({ length: shape.reduce((m, n) => m * n, 1) }, (_, i) => f(i)),
});

const names = (graph: Graph) => blockedNodes(graph).map((n) => n.operator);

it('what stands between convolutions stays in blocks: one reorder in, one out, and one for each kernel', () => {
  const x = input('x', 'float32', ['batch', 32, 6, 6]);
  const y = conv(Op.tanh(Op.mul(conv(x, 'v', 32), 0.5)), 'w', 32);
  const nodes = blockedNodes(blocked(16, 16)(graphOf({ y })));
  const isOfImages = (n: OperatorNode): boolean => n.outputs[0]?.shape[0] === 'batch';
  expect(
    nodes
      .filter(isOfImages)
      .map((n) => n.operator)
      .toSorted(),
  ).toEqual(['Conv', 'Conv', 'ReorderInput', 'ReorderOutput']);
  expect(nodes.filter((n) => !isOfImages(n)).map((n) => n.operator)).toEqual(['ReorderInput', 'ReorderInput']);
});

it('an activation that alone reads a convolution is a part of it', () => {
  const x = input('x', 'float32', ['batch', 16, 6, 6]);
  const graph = blocked(16, 16)(graphOf({ y: Op.relu(conv(x, 'w', 16)) }));
  const [node] = blockedNodes(graph).filter((n) => n.operator === 'Conv');
  expect(node?.attributes.activation).toEqual({ _tag: 'String', value: 'Relu' });
  expect(
    topological(graph.outputs.map((o) => o.value)).some((n) => n._tag === 'Operator' && n.operator === 'Relu'),
  ).toBe(false);
});

it.each([
  { kernel: 3, strides: 2, pads: 1, more: 1 },
  { kernel: 2, strides: 2, pads: 0, more: 0 },
  { kernel: 3, strides: 3, pads: 0, more: 2 },
  { kernel: 5, strides: 3, pads: 2, more: 0 },
])('a transposed convolution with strides is a convolution of all phases: $kernel / $strides', async (c) => {
  const x = input('x', 'float32', ['batch', 2 * block, 5, 4]);
  const w = input('w', 'float32', [2 * block, block, c.kernel, c.kernel]);
  const b = input('b', 'float32', [block]);
  const both = (n: number) => [n, n];
  const options = {
    kernel: both(c.kernel),
    strides: both(c.strides),
    dilations: both(1),
    pads: [c.pads, c.pads, c.pads, c.pads],
    outputPadding: both(c.more),
    group: 1,
  };
  const plain = graphOf({ y: Op.convTranspose(x, w, options, b) });
  const fast = blocked(block, block)(plain);
  expect(names(fast)).toContain('Conv');
  expect(
    topological(fast.outputs.map((o) => o.value)).some((n) => n._tag === 'Operator' && n.operator === 'ConvTranspose'),
  ).toBe(false);
  const feeds = {
    x: sized([3, 2 * block, 5, 4], Math.cos),
    w: sized([2 * block, block, c.kernel, c.kernel], Math.sin),
    b: sized([block], Math.sqrt),
  };
  const [one, other] = [await run(plain, feeds), await run(fast, feeds)];
  expect(other.y?.shape).toEqual(one.y?.shape);
  expect(difference(one.y as NdArray, other.y as NdArray)).toBeLessThan(1e-5);
});

it('a convolution adds its result to an image in place, if nobody needs that afterwards', () => {
  const x = input('x', 'float32', ['batch', 16, 6, 6]);
  const sums = (graph: Graph) => blockedNodes(graph).filter((n) => n.inputs[3] !== undefined).length;
  const z = Op.tanh(conv(x, 'v', 16));
  expect(sums(blocked(16, 16)(graphOf({ y: Op.add(conv(Op.tanh(z), 'w', 16), z) })))).toBe(1);
  const read = Op.add(conv(Op.tanh(z), 'w', 16), z);
  expect(sums(blocked(16, 16)(graphOf({ y: Op.mul(Op.exp(read), z) })))).toBe(0);
  expect(sums(blocked(16, 16)(graphOf({ y: Op.add(conv(z, 'w', 16), z) })))).toBe(0);
});

it('a convolution adds in place also where a sum of that image is asked for twice', () => {
  const x = input('x', 'float32', ['batch', 16, 6, 6]);
  const z = Op.tanh(conv(x, 'v', 16));
  const total = () => Op.reduceSum({ axes: [0, 2, 3], keepDims: true })(z);
  const inner = conv(Op.tanh(Op.mul(z, total())), 'w', 16);
  const fast = blocked(16, 16)(graphOf({ y: Op.add(inner, z), sum: total() }));
  expect(blockedNodes(fast).filter((n) => n.inputs[3] !== undefined).length).toBe(1);
});

/** Cells of an enlarged image, if the node makes one; with many threads it is gathered. */
const enlargedCells = (node: Node, threads: number): readonly number[] => {
  if (node._tag !== 'Operator' || node.operator !== (threads > 1 ? 'Gather' : 'Upsample')) return [];
  const [, , rows, columns] = (node.outputs[0] as Value['type']).shape as readonly number[];
  return [threads > 1 ? (rows as number) : (rows as number) * (columns as number)];
};

it.each([
  [2, 2, 1],
  [3, 1, 1],
  [1, 2, 1],
  [2, 2, 8],
  [3, 1, 8],
  [1, 2, 8],
] as const)(
  'an image of %i times the rows and %i times the columns is combined with another one, for %i threads',
  async (rows, columns, threads) => {
    const x = input('x', 'float32', ['batch', block, 6, 4]);
    const y = input('y', 'float32', ['batch', block, 6 / rows, 4 / columns]);
    const large = Op.nearest([1, 1, rows, columns])(Op.tanh(conv(y, 'w', block)));
    const image = Op.tanh(conv(x, 'v', block));
    const plain = graphOf({ difference: Op.sub(image, large), half: Op.mul(Op.mul(large, 0.5), image) });
    const fast = blocked(block, block, [], threads)(plain);
    const cells = topological(fast.outputs.map((o) => o.value)).flatMap((n) => enlargedCells(n, threads));
    // One of them is scaled first, in all its cells.
    expect(cells.toSorted()).toEqual(rows === 1 ? [24] : [24, 24 / rows].toSorted());
    const kernels = { v: sized([block, block, 3, 3], Math.sin), w: sized([block, block, 3, 3], Math.cos) };
    const feeds = {
      x: sized([3, block, 6, 4], Math.cos),
      y: sized([3, block, 6 / rows, 4 / columns], Math.sin),
      ...kernels,
    };
    const [one, other] = [await run(plain, feeds), await run(fast, feeds)];
    for (const name of ['difference', 'half'])
      expect(difference(one[name] as NdArray, other[name] as NdArray), name).toBeLessThan(1e-5);
  },
);

it.each([16, 5])('sums of products of large images, of %i samples where 16 are a whole batch', async (samples) => {
  const x = input('x', 'float32', ['batch', block, 64, 64]);
  const image = conv(x, 'w', block);
  const mean = Op.reduceMean({ axes: [0, 2, 3], keepDims: true })(image);
  const deviation = Op.sub(image, mean);
  const plain = graphOf({
    variance: Op.reduceMean({ axes: [0, 2, 3] })(Op.mul(deviation, deviation)),
    products: Op.reduceSum({ axes: [2, 3] })(Op.mul(image, Op.tanh(image))),
  });
  const fast = blocked(block, 16)(plain);
  expect(hasBranches(fast)).toBe(true);
  const windows = blockedNodes(fast).flatMap(({ attributes: { group } }) =>
    group?._tag === 'Int' ? [group.value] : [],
  );
  expect(windows.filter((g) => g === 16 * block).length).toBe(2);
  const feeds = { x: sized([samples, block, 64, 64], Math.cos), w: sized([block, block, 3, 3], Math.sin) };
  const [one, other] = [await run(plain, feeds), await run(fast, feeds)];
  for (const name of ['variance', 'products']) {
    expect(other[name]?.shape).toEqual(one[name]?.shape);
    expect(difference(one[name] as NdArray, other[name] as NdArray), name).toBeLessThan(1e-4);
  }
});

it('sums over a batch of images of a single cell', async () => {
  const cell = conv(input('x', 'float32', ['batch', block, 5, 4]), 'w', block);
  const point = Op.slice({ axes: [2, 3], starts: [1, 2], ends: [2, 3] })(cell);
  const axes = [0, 2, 3];
  const plain = graphOf({
    sum: Op.reduceSum({ axes })(point),
    mean: Op.reduceMean({ axes, keepDims: true })(point),
    places: Op.reduceSum({ axes: [2, 3] })(point),
  });
  const fast = blocked(block, 16)(plain);
  const feeds = { x: sized([3, block, 5, 4], Math.cos), w: sized([block, block, 3, 3], Math.sin) };
  const [one, other] = [await run(plain, feeds), await run(fast, feeds)];
  for (const name of ['sum', 'mean', 'places']) {
    expect(other[name]?.shape).toEqual(one[name]?.shape);
    expect(difference(one[name] as NdArray, other[name] as NdArray), name).toBeLessThan(1e-4);
  }
});

it('channels of zeros around an image, and a part of its channels, stay in blocks', async () => {
  const x = input('x', 'float32', ['batch', block, 5, 4]);
  const image = Op.tanh(conv(x, 'w', block));
  const swap = Op.transpose([0, 2, 1, 3]);
  const half = block / 2;
  const more = Op.pad([0, half, 0, 0, 0, half, 0, 0])(image);
  // As by layers that know of rows and columns only.
  const turned = swap(Op.pad([0, 1, block, 0, 0, 0, 2 * block, 1])(swap(image)));
  const part = Op.slice({ axes: [1], starts: [half], ends: [half + block] })(Op.exp(more));
  const plain = graphOf({ more: Op.mul(more, 2), turned: Op.mul(turned, 2), part: Op.mul(part, 2) });
  const fast = blocked(block, block)(plain);
  const operators = topological(fast.outputs.map((o) => o.value)).flatMap((n) =>
    n._tag === 'Operator' ? [n.operator] : [],
  );
  expect(operators.filter((o) => ['Pad', 'Slice'].includes(o))).toEqual([]);
  expect(names(fast).filter((n) => n === 'ReorderOutput').length).toBe(3);
  const feeds = { x: sized([3, block, 5, 4], Math.cos), w: sized([block, block, 3, 3], Math.sin) };
  const [one, other] = [await run(plain, feeds), await run(fast, feeds)];
  for (const name of ['more', 'turned', 'part']) {
    expect(other[name]?.shape).toEqual(one[name]?.shape);
    expect(difference(one[name] as NdArray, other[name] as NdArray), name).toBeLessThan(1e-5);
  }
});

it('a graph without convolutions, or whose channels fill no block, is the very same', () => {
  const x = input('x', 'float32', ['batch', 5, 6, 6]);
  const plain = graphOf({ y: Op.relu(conv(x, 'w', 5)), z: Op.tanh(x) });
  const same = blocked(16, 16)(plain);
  expect(same.outputs.map((o, i) => o.value.node === plain.outputs[i]?.value.node)).toEqual([true, true]);
});

it('values that are read in a loop, and loops that hold convolutions, are rewritten too', async () => {
  const x = input('x', 'float32', [2, block, 4, 4]);
  const w: NdArray = {
    dtype: 'float32',
    shape: [block, block, 3, 3],
    data: Float32Array.from({ length: block * block * 9 }, (_, i) => Math.sin(i)),
  };
  const kernel = weights('w', block, x);
  const around = Op.relu(conv(x, 'w', block, kernel));
  const iteration = input('i', 'int64', []);
  const condition = input('c', 'bool', []);
  const carried = input('carried', 'float32', [2, block, 4, 4]);
  const body = {
    name: 'body',
    inputs: [iteration, condition, carried],
    outputs: [
      { name: 'go', value: Op.identity(condition) },
      { name: 'next', value: Op.mul(Op.add(conv(carried, 'w', block, kernel), around), 0.01) },
    ],
  };
  const [last] = Op.loop(Op.scalar(3, 'int64'), [x], body);
  const plain = graphOf({ y: last as never });
  const feeds = {
    x: {
      dtype: 'float32',
      shape: [2, block, 4, 4],
      data: Float32Array.from({ length: 2 * block * 16 }, (_, i) => Math.cos(i)),
    },
    w,
  } as const;
  const fast = blocked(block, block)(plain);
  expect(names(fast).filter((n) => n === 'Conv').length).toBe(2);
  const [a, b] = [await run(plain, feeds), await run(fast, feeds)];
  expect(difference(a.y as NdArray, b.y as NdArray)).toBeLessThan(1e-5);
});

it('what is no float32 is computed again where somebody needs it plain', async () => {
  const x = input('x', 'float32', [2, block, 4, 4]);
  const w = weights('w', block, x);
  const y = conv(x, 'w', block, w);
  const higher = Op.greater(y, 0.1);
  const flat = Op.reshape([2, block * 16]);
  const plain = graphOf({
    bool: higher,
    both: Op.mul(Op.where(higher, y, 0), 2),
    flat: Op.cast('float32')(flat(Op.not(higher))),
    halved: flat(Op.cast('float32')(Op.cast('float16')(y))),
    half: Op.cast('float32')(flat(Op.cast('float16')(y))),
  });
  const values = (n: number, f: (i: number) => number) => Float32Array.from({ length: n }, (_, i) => f(i));
  const feeds: Record<string, NdArray> = {
    x: { dtype: 'float32', shape: [2, block, 4, 4], data: values(2 * block * 16, Math.cos) },
    w: { dtype: 'float32', shape: [block, block, 3, 3], data: values(block * block * 9, Math.sin) },
  };
  const fast = blocked(block, block)(plain);
  expect(names(fast)).toContain('Conv');
  const [a, b] = [await run(plain, feeds), await run(fast, feeds)];
  for (const name of ['both', 'flat', 'halved', 'half'])
    expect(difference(a[name] as NdArray, b[name] as NdArray), name).toBeLessThan(1e-3);
  expect(b.bool).toEqual(a.bool);
});

it.each([1, 8])(
  'only what repeats cells is enlarged in blocks: Resize in other modes stays, for %i threads',
  async (threads) => {
    const text = (value: string) => ({ _tag: 'String', value }) as const;
    const x = input('x', 'float32', [1, block, 3, 3]);
    const y = conv(x, 'w', block);
    const scales = Op.tensor([1, 1, 2, 2], [4], 'float32');
    const resized = (coordinates: string) =>
      operator('Resize', [y, undefined, scales], [{ dtype: 'float32', shape: [1, block, 6, 6] }], {
        mode: text('nearest'),
        nearest_mode: text('floor'),
        coordinate_transformation_mode: text(coordinates),
      })[0] as Value;
    const feeds: Record<string, NdArray> = {
      x: { dtype: 'float32', shape: [1, block, 3, 3], data: Float32Array.from({ length: block * 9 }, (_, i) => i % 7) },
      w: {
        dtype: 'float32',
        shape: [block, block, 3, 3],
        data: Float32Array.from({ length: block * block * 9 }, (_, i) => Math.sin(i)),
      },
    };
    for (const coordinates of ['asymmetric', 'half_pixel']) {
      const plain = graphOf({ y: resized(coordinates) });
      const [a, b] = [await run(plain, feeds), await run(blocked(block, block, [], threads)(plain), feeds)];
      expect(difference(a.y as NdArray, b.y as NdArray), coordinates).toBeLessThan(1e-5);
    }
  },
);

it('a runtime that cannot load has no blocked layout, which is no error', async () => {
  const broken = {
    ...env.runtime,
    load: () => async () => E.left({ _tag: 'RuntimeError', stage: 'load', message: 'no' } as const),
  };
  expect(await blockSize(broken)()).toBeUndefined();
  expect(await blockSize({ ...env.runtime, provider: 'cuda' })()).toBeUndefined();
});
