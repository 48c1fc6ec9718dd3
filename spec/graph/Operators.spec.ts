/**
 * The types that operators infer are those of what onnxruntime returns, with every size known and with a symbolic batch.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { graph, input, nodesOf, topological, type Value } from '../../src/graph/Graph.ts';
import { missingKernels } from '../../src/graph/Kernels.ts';
import * as O from '../../src/graph/Operators.ts';
import type { DType, NdArray } from '../../src/shape/NdArray.ts';
import type { Dim } from '../../src/shape/Shape.ts';
import { evaluate } from '../support/evaluate.ts';
import { kernelTables } from '../support/kernelTables.ts';

// -------------------------------------------------------------------------------------
// cases
// -------------------------------------------------------------------------------------

const size = (shape: readonly number[]) => shape.reduce((p, d) => p * d, 1);

const storage = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
} as const;

/** Small positive numbers; integers are 0 or 1, so that they are bools and indices too. */
const array = (dtype: DType, shape: readonly number[]): NdArray => {
  const values = Array.from({ length: size(shape) }, (_, i) =>
    dtype.startsWith('float') ? ((i * 7) % 11) / 10 + 0.1 : (i * 5 + 1) % 2,
  );
  return { dtype, shape, data: dtype === 'int64' ? BigInt64Array.from(values, BigInt) : storage[dtype].from(values) };
};

/** Declares inputs as they are wanted: the first axis 'batch' or its size. */
interface Inputs {
  readonly batch: (name: string, shape: readonly number[], dtype?: DType) => Value;
  readonly fixed: (name: string, shape: readonly number[], dtype?: DType) => Value;
}

type Build = (inputs: Inputs) => Readonly<Record<string, Value>>;

const resolved = (dims: readonly Dim[], shape: readonly number[], batch: number) =>
  dims.map((d, i) => (d === 'batch' ? batch : d === '?' ? shape[i] : d));

/** `open`: '?' is expected even where all sizes are known. */
const holds = async (build: Build, open: boolean) => {
  for (const symbolic of [false, true]) {
    const feeds: Record<string, NdArray> = {};
    let batch = 0;
    const declare =
      (named: boolean) =>
      (name: string, shape: readonly number[], dtype: DType = 'float32') => {
        feeds[name] = array(dtype, shape);
        if (named) batch = shape[0] ?? 0;
        return input(name, dtype, named && symbolic ? ['batch', ...shape.slice(1)] : shape);
      };
    const values = build({ batch: declare(true), fixed: declare(false) });
    const results = await evaluate(values, feeds);
    for (const [name, { type }] of Object.entries(values)) {
      const result = results[name] as NdArray;
      expect({ name, dtype: type.dtype, shape: resolved(type.shape, result.shape, batch) }).toEqual({
        name,
        dtype: result.dtype,
        shape: result.shape,
      });
      if (!symbolic && !open) expect({ name, shape: type.shape }).toEqual({ name, shape: result.shape });
    }
  }
};

const builds: fc.Arbitrary<Build>[] = [];

const property = (name: string, arbitrary: fc.Arbitrary<Build>, { open = false, runs = 20 } = {}) => {
  builds.push(arbitrary);
  const law = fc.asyncProperty(arbitrary, (build) => holds(build, open));
  test(name, () => fc.assert(law, { numRuns: runs }), 60_000);
};

const dim = fc.integer({ min: 1, max: 4 });
const shape = (min: number, max: number) => fc.array(dim, { minLength: min, maxLength: max });
const subset = (n: number) => fc.subarray(Array.from({ length: n }, (_, i) => i));
const sign = (n: number, axes: readonly number[]) => axes.map((a, i) => (i % 2 === 0 ? a : a - n));

const all = <K extends string>(make: Readonly<Record<K, () => Value>>): Readonly<Record<string, Value>> =>
  Object.fromEntries(Object.entries<() => Value>(make).map(([name, f]) => [name, f()]));

// -------------------------------------------------------------------------------------
// elementwise
// -------------------------------------------------------------------------------------

/** Two shapes that broadcast: some axes of either are 1, and some at the front of the second are left out. */
const broadcastable = shape(1, 4).chain((s) =>
  fc.record({
    s: fc.constant(s),
    a: fc.tuple(...s.map((d) => fc.constantFrom(d, d, 1))),
    b: fc
      .tuple(fc.tuple(...s.map((d) => fc.constantFrom(d, d, 1))), fc.nat(s.length))
      .map(([dims, drop]) => dims.slice(drop)),
  }),
);

describe('elementwise', () => {
  property(
    'binary operators broadcast',
    broadcastable.map(({ s, a, b }) => ({ batch, fixed }) => {
      const x = batch('x', [s[0] as number, ...a.slice(1)]);
      const y = b.length === s.length ? fixed('y', [1, ...b.slice(1)]) : fixed('y', b);
      const [p, q] = [O.greater(x, 0.5), O.less(y, 0.5)];
      return {
        ...all({ add: () => O.add(x, y), sub: () => O.sub(y, x), mul: () => O.mul(x, 2), div: () => O.div(1, x) }),
        ...all({ pow: () => O.pow(x, y), max: () => O.max(x, y), min: () => O.min(y, x), and: () => O.and(p, q) }),
        ...all({ or: () => O.or(p, q), ge: () => O.greaterOrEqual(x, y), le: () => O.lessOrEqual(x, y) }),
        ...all({ eq: () => O.equal(x, y), where: () => O.where(p, y, 0), where2: () => O.where(q, x, y) }),
      };
    }),
  );
  property(
    'unary operators keep the type',
    shape(1, 4).map((s) => ({ batch }) => {
      const x = batch('x', s);
      return {
        ...all({ neg: () => O.neg(x), abs: () => O.abs(x), sign: () => O.sign(x), exp: () => O.exp(x) }),
        ...all({ log: () => O.log(x), sqrt: () => O.sqrt(x), reciprocal: () => O.reciprocal(x), erf: () => O.erf(x) }),
        ...all({ floor: () => O.floor(x), relu: () => O.relu(x), sigmoid: () => O.sigmoid(x), tanh: () => O.tanh(x) }),
        ...all({ softplus: () => O.softplus(x), identity: () => O.identity(x), not: () => O.not(O.greater(x, 0.5)) }),
        ...all({ softmax: () => O.softmax()(x), logSoftmax: () => O.logSoftmax(0)(x) }),
      };
    }),
  );
  property(
    'integers',
    shape(1, 3).map((s) => ({ batch }) => {
      const x = batch('x', s, 'uint32');
      return all({
        mod: () => O.mod(x, 3),
        xor: () => O.bitwiseXor(x, 5),
        shift: () => O.shiftRight(x, 1),
      });
    }),
  );
  const dtypes = fc.constantFrom<DType>('float32', 'float64', 'int32', 'int64', 'uint8', 'uint32', 'bool');
  property(
    'cast',
    fc.tuple(dtypes, dtypes, shape(1, 3)).map(([from, to, s]) => ({ batch }) => ({
      y: O.cast(to)(batch('x', s, from)),
    })),
    { runs: 40 },
  );
});

// -------------------------------------------------------------------------------------
// products and reductions
// -------------------------------------------------------------------------------------

describe('products', () => {
  property(
    'matMul, transposed and scaled or not, over broadcast axes',
    fc
      .record({
        outer: shape(0, 2),
        m: dim,
        k: dim,
        n: dim,
        transA: fc.boolean(),
        transB: fc.boolean(),
        one: fc.boolean(),
      })
      .map(({ outer, m, k, n, transA, transB, one }) => ({ batch, fixed }) => {
        const a = [...outer, ...(transA ? [k, m] : [m, k])];
        const b = [...(one ? outer.map(() => 1) : []), ...(transB ? [n, k] : [k, n])];
        const x = outer.length === 0 && transA ? fixed('a', a) : batch('a', a);
        const y = fixed('b', b);
        return { plain: O.matMul(x, y, { transA, transB }), scaled: O.matMul(x, y, { transA, transB, alpha: 2 }) };
      }),
    { runs: 40 },
  );
  property(
    'gemm',
    fc.tuple(dim, dim, dim).map(([m, k, n]) => ({ batch, fixed }) => ({
      y: O.gemm(batch('a', [m, k]), fixed('b', [k, n]), fixed('c', [n])),
    })),
  );
});

describe('reductions', () => {
  property(
    'over any axes, kept or not',
    shape(1, 4)
      .chain((s) => fc.tuple(fc.constant(s), subset(s.length), fc.boolean()))
      .map(([s, some, keepDims]) => ({ batch }) => {
        const x = batch('x', s);
        const options = { axes: sign(s.length, some), keepDims };
        return {
          ...all({ sum: () => O.reduceSum(options)(x), mean: () => O.reduceMean(options)(x) }),
          ...all({
            max: () => O.reduceMax(options)(x),
            min: () => O.reduceMin(options)(x),
            prod: () => O.reduceProd(options)(x),
          }),
          ...all({ everything: () => O.reduceSum({ keepDims })(x) }),
          ...all({ argMax: () => O.argMax(some[0] ?? -1, keepDims)(x), count: () => O.count('float32', some)(x) }),
          ...all({ elements: () => O.count('int64')(x) }),
        };
      }),
    { runs: 40 },
  );
});

// -------------------------------------------------------------------------------------
// shapes
// -------------------------------------------------------------------------------------

describe('shapes', () => {
  property(
    'reshape, transpose, unsqueeze, squeeze',
    shape(2, 4)
      .chain((s) =>
        fc.record({
          s: fc.constant(s),
          perm: fc.shuffledSubarray(
            s.map((_, i) => i),
            { minLength: s.length },
          ),
          at: subset(s.length + 2),
        }),
      )
      .map(({ s, perm, at }) => ({ batch }) => {
        const x = batch('x', s);
        const b = x.type.shape[0] as Dim;
        const wide = O.unsqueeze(
          sign(
            s.length + at.length,
            at.filter((a) => a < s.length + at.length),
          ),
        )(x);
        const ones = wide.type.shape.flatMap((d, i) => (d === 1 && i > 0 ? [i] : []));
        return {
          ...all({
            flat: () => O.reshape([b, size(s.slice(1))])(x),
            line: () => O.reshape([typeof b === 'number' ? size(s) : '?'])(x),
          }),
          ...all({
            pull: () => O.reshape([...s.slice(1), b])(x),
            like: () => O.reshapeLike(x)(O.reshape([1, ...x.type.shape])(x)),
            to: () => O.reshapeTo(O.shapeOf(x), x.type.shape)(O.neg(x)),
          }),
          ...all({ shape: () => O.shapeOf(x), transpose: () => O.transpose(perm)(x), wide: () => wide }),
          ...all({ squeeze: () => O.squeeze(sign(wide.type.shape.length, ones))(wide) }),
          ...all({
            expand: () => O.expandLike(x)(O.reduceMean({ keepDims: true })(x)),
            fill: () => O.fillLike(x, 3, 'int32'),
          }),
        };
      }),
    { runs: 40 },
  );
  property(
    'concat',
    shape(1, 4)
      .chain((s) => fc.tuple(fc.constant(s), fc.nat(s.length - 1), fc.array(dim, { minLength: 1, maxLength: 3 })))
      .map(([s, axis, sizes]) => ({ batch, fixed }) => {
        const part = (n: number, i: number) => {
          const dims = s.map((d, k) => (k === axis ? n : d));
          return axis === 0 ? fixed(`x${i}`, dims) : batch(`x${i}`, dims);
        };
        const z = batch('z', s);
        return {
          y: O.concat(axis - s.length)([...sizes, 2].map(part)),
          twice: O.concat(axis)([z, z]),
        };
      }),
  );
  const bound = fc.integer({ min: -7, max: 7 });
  property(
    'slice, forwards and backwards, beyond the ends',
    shape(1, 3)
      .chain((s) => fc.tuple(fc.constant(s), subset(s.length)))
      .chain(([s, axes]) => {
        const each = <A>(a: fc.Arbitrary<A>) => fc.tuple(...axes.map(() => a));
        const steps = each(fc.constantFrom(1, 1, 2, -1, -2));
        return fc.record({ s: fc.constant(s), axes: fc.constant(axes), starts: each(bound), ends: each(bound), steps });
      })
      .map(({ s, axes, starts, ends, steps }) => ({ batch }) => {
        const x = batch('x', s);
        const at = sign(s.length, axes);
        const y = O.slice({ axes: at, starts, ends, steps })(x);
        return { y, forwards: O.slice({ axes: at, starts, ends })(x) };
      }),
    { runs: 80 },
  );
  property(
    'pad',
    shape(1, 3)
      .chain((s) => fc.tuple(fc.constant(s), fc.array(fc.nat(2), { minLength: 2 * s.length, maxLength: 2 * s.length })))
      .map(([s, pads]) => ({ batch }) => ({ y: O.pad(pads, 1)(batch('x', s)) })),
  );
  property(
    'gather and scatter',
    fc
      .record({ s: shape(1, 3), indices: shape(0, 2) })
      .chain(({ s, indices }) =>
        fc.record({ s: fc.constant(s), indices: fc.constant(indices), axis: fc.nat(s.length - 1) }),
      )
      .map(({ s, indices, axis }) => ({ batch, fixed }) => {
        // Indices are 0 or 1.
        const dims = s.map((d, i) => (i === axis || i === 0 ? d + 1 : d));
        const x = batch('x', dims);
        const i = fixed('i', indices, 'int64');
        const same = batch('same', dims, 'int64');
        const rows = fixed('rows', [3, 1], 'int64');
        return {
          ...all({
            gather: () => O.gather(x, i, axis - s.length),
            elements: () => O.gatherElements(x, same, axis),
            nd: () => O.gatherND(x, rows),
          }),
          ...all({ scatter: () => O.scatterElements(x, same, batch('u', dims), axis, 'add') }),
          ...all({ scatterRows: () => O.scatterND(x, rows, fixed('v', [3, ...dims.slice(1)]), 'add') }),
          ...all({ oneHot: () => O.oneHot(3, 'float32')(i) }),
        };
      }),
  );
  property(
    'rows by position, and range',
    fc.tuple(dim, shape(0, 2), fc.nat(3)).map(([n, rest, extra]) => ({ fixed }) => {
      const x = fixed('x', [n + extra, ...rest]);
      const rows = O.sliceRows(x, O.scalar(0, 'int64'), O.int64s([n]));
      return {
        range: O.range(O.count('int64')(x)),
        rows: O.cast('float32')(O.shapeOf(O.reduceSum({ axes: [0] })(rows))),
      };
    }),
    { open: true },
  );
});

// -------------------------------------------------------------------------------------
// convolution and pooling
// -------------------------------------------------------------------------------------

interface Window extends O.WindowOptions {
  readonly spatial: readonly number[];
}

/** Windows that fit; padding is smaller than the kernel, as pooling needs it. */
const windowOf = (dilated: boolean): fc.Arbitrary<Window> =>
  fc
    .array(
      fc
        .record({
          k: fc.integer({ min: 1, max: 3 }),
          s: fc.integer({ min: 1, max: 3 }),
          d: dilated ? fc.integer({ min: 1, max: 2 }) : fc.constant(1),
          more: fc.nat(4),
        })
        .chain((o) => fc.record({ o: fc.constant(o), before: fc.nat(o.k - 1), after: fc.nat(o.k - 1) })),
      { minLength: 1, maxLength: 3 },
    )
    .map((axes) => ({
      spatial: axes.map(({ o }) => o.d * (o.k - 1) + 1 + o.more),
      kernel: axes.map(({ o }) => o.k),
      strides: axes.map(({ o }) => o.s),
      dilations: axes.map(({ o }) => o.d),
      pads: [...axes.map((a) => a.before), ...axes.map((a) => a.after)],
    }));

const channels = fc.record({
  n: dim,
  group: fc.integer({ min: 1, max: 2 }),
  cin: fc.integer({ min: 1, max: 2 }),
  cout: fc.integer({ min: 1, max: 2 }),
});

const without = ({ spatial: _, ...options }: Window): O.WindowOptions => options;

describe('convolution and pooling', () => {
  property(
    'conv',
    fc.tuple(windowOf(true), channels).map(([w, { n, group, cin, cout }]) => ({ batch, fixed }) => {
      const x = batch('x', [n, group * cin, ...w.spatial]);
      const weights = fixed('w', [group * cout, cin, ...w.kernel]);
      const options = { ...without(w), group };
      return {
        y: O.conv(x, weights, undefined, options),
        biased: O.conv(x, weights, fixed('b', [group * cout]), options),
      };
    }),
    { runs: 60 },
  );
  property(
    'convTranspose',
    fc.tuple(windowOf(true), channels, fc.nat(2)).map(([w, { n, group, cin, cout }, extra]) => ({ batch, fixed }) => {
      const x = batch('x', [n, group * cin, ...w.spatial]);
      const weights = fixed('w', [group * cin, cout, ...w.kernel]);
      const outputPadding = w.strides.map((s) => Math.min(extra, s - 1));
      return { y: O.convTranspose(x, weights, { ...without(w), group, outputPadding }) };
    }),
    { runs: 60 },
  );
  property(
    'batchNormalization',
    shape(2, 4).map((s) => ({ batch, fixed }) => {
      const [scale, bias, mean, variance] = ['s', 'b', 'm', 'v'].map((name) => fixed(name, [s[1] as number]));
      const x = batch('x', s);
      return { y: O.batchNormalization(x, scale as Value, bias as Value, mean as Value, variance as Value, 1e-3) };
    }),
  );
  property(
    'pooling',
    fc.tuple(windowOf(true), windowOf(false), channels).map(([dilated, plain, { n, cin }]) => ({ batch }) => {
      const x = batch('x', [n, cin, ...dilated.spatial]);
      const y = batch('y', [n, cin, ...plain.spatial]);
      const { output, indices } = O.maxPool(x, without(dilated));
      const average = O.averagePool(y, without(plain));
      return { output, indices, average, everywhere: O.globalAveragePool(x) };
    }),
    { runs: 60 },
  );
});

// -------------------------------------------------------------------------------------
// loops
// -------------------------------------------------------------------------------------

describe('loops', () => {
  property(
    'carried and scanned values',
    fc.tuple(shape(1, 3), fc.integer({ min: 1, max: 3 })).map(([s, trips]) => ({ batch }) => {
      const x = batch('x', s);
      const [i, go, carried] = [input('i', 'int64', []), input('go', 'bool', []), input('c', 'float32', x.type.shape)];
      const body = graph(
        'body',
        [i, go, carried],
        [
          { name: 'go', value: go },
          { name: 'next', value: O.add(carried, O.cast('float32')(i)) },
          { name: 'mean', value: O.reduceMean({ axes: [0] })(carried) },
        ],
      );
      const [last, means] = O.loop(O.scalar(trips, 'int64'), [x], body) as readonly [Value, Value];
      return { last, means };
    }),
    { open: true },
  );
});

// -------------------------------------------------------------------------------------
// kernels
// -------------------------------------------------------------------------------------

/** One value of each operator, from some builds of each kind. */
const ofEachOperator = (): readonly Value[] => {
  const declare = (name: string, dims: readonly number[], dtype: DType = 'float32') => input(name, dtype, dims);
  const values = builds
    .flatMap((arbitrary) => fc.sample(arbitrary, { numRuns: 20, seed: 1 }))
    .flatMap((build) => Object.values(build({ batch: declare, fixed: declare })));
  const found = new Map(values.map((v) => [v.node._tag === 'Operator' ? v.node.operator : '', v]));
  found.delete('');
  return [...found.values()];
};

test('the CPU provider has a kernel for each operator, CUDA for all but those on the bits of integers', () => {
  const values = ofEachOperator();
  const whole = graph(
    'all',
    [],
    values.map((value, i) => ({ name: `y${i}`, value })),
  );
  const lacks = (provider: 'cpu' | 'cuda') =>
    missingKernels(whole, kernelTables, provider, 18).map((m) => `${m.operator} ${m.dtype}`);
  expect(lacks('cpu')).toEqual([]);
  expect(new Set(lacks('cuda'))).toEqual(new Set(['BitShift uint32', 'BitwiseXor uint32']));
  expect(values.length).toBeGreaterThan(50);
});

// -------------------------------------------------------------------------------------
// constants
// -------------------------------------------------------------------------------------

describe('vectors of int64', () => {
  const some = fc.array(fc.integer({ min: -(2 ** 40), max: 2 ** 40 }), { maxLength: 4 });

  test('have the numbers that they are made of, and equal ones are one node', () => {
    fc.assert(
      fc.property(some, some, (a, b) => {
        const [v, w] = [O.int64s(a), O.int64s(b)];
        expect(v.type).toEqual({ dtype: 'int64', shape: [a.length] });
        expect(v.node._tag === 'Constant' && Array.from(v.node.data.data, Number)).toEqual(a);
        expect(v.node === w.node).toBe(a.join() === b.join());
      }),
    );
  });

  test('of more than are remembered are right too', () => {
    for (let i = 0; i < 10_000; i++) O.int64s([i, 1]);
    for (const i of [0, 4095, 4096, 9999]) {
      const { node } = O.int64s([i, 1]);
      expect(node._tag === 'Constant' && node.data.data).toEqual(BigInt64Array.of(BigInt(i), 1n));
    }
  });

  test('are no vectors of another type, nor single numbers', () => {
    const nodes = [O.int64s([7]), O.tensor([7], [1], 'int32'), O.scalar(7, 'int64')].map((v) => v.node);
    expect(new Set(nodes).size).toBe(3);
  });
});

test('the nodes of a graph are in order, and asked for once', () => {
  const x = input('x', 'float32', [2]);
  const y = O.add(O.mul(x, 2), x);
  const g = graph('g', [x], [{ name: 'y', value: y }]);
  expect(nodesOf(g)).toEqual(topological([y]));
  expect(nodesOf(g)).toBe(nodesOf(g));
  expect(nodesOf({ ...g, outputs: [{ name: 'y', value: x }] })).toEqual([x.node]);
});
