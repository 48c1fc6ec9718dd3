import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as E from 'fp-ts/lib/Either.js';
import { afterAll, describe, expect, test } from 'vitest';
import { constant, type Graph, graph, input, label, operator, type Value, valueType } from '../../src/graph/Graph.ts';
import * as O from '../../src/graph/Operators.ts';
import { decode, type EncodeOptions, encode, type GraphProto, type ModelProto } from '../../src/onnx/Onnx.ts';
import { evaluate, f32, graphOf, run } from '../support/evaluate.ts';

// -------------------------------------------------------------------------------------
// graphs
// -------------------------------------------------------------------------------------

const right = <A>(e: E.Either<{ readonly message: string }, A>): A => {
  if (E.isLeft(e)) throw new Error(e.left.message);
  return e.right;
};

const written = (g: Graph, options: EncodeOptions = {}): ModelProto => right(decode(right(encode(g, options))));
const graphIn = (model: ModelProto): GraphProto => model.graph as GraphProto;
const protoOf = (values: Readonly<Record<string, Value>>, options: EncodeOptions = {}) =>
  graphIn(written(graphOf(values), options));
const operators = (g: GraphProto) => g.node.map((n) => n.opType);
const bodyOf = (g: GraphProto): GraphProto => {
  const loop = g.node.find((n) => n.opType === 'Loop');
  return loop?.attribute.find((a) => a.name === 'body')?.g as GraphProto;
};

const x = input('x', 'float32', ['batch', 3]);
const w = O.tensor([1, 0, 0, 1, 1, 1], [3, 2], 'float32');
const dense = label('dense_1')(O.add(O.matMul(x, w), O.tensor([0.5, -0.5], [2], 'float32')));

const loopOver = (trips: number, carried: readonly Value[], step: (...s: readonly Value[]) => readonly Value[]) => {
  const [i, go] = [input('i', 'int64', []), input('go', 'bool', [])];
  const formals = carried.map((v, k) => input(`s${k}`, v.type.dtype, v.type.shape));
  const outputs = [go, ...step(...formals)].map((value, k) => ({ name: `next${k}`, value }));
  return O.loop(O.scalar(trips, 'int64'), carried, graph('body', [i, go, ...formals], outputs));
};
const first = (values: readonly Value[]): Value => values[0] as Value;

const ones = { x: f32([1, 1, 1, 1, 1, 1], [2, 3]) };

// -------------------------------------------------------------------------------------
// models
// -------------------------------------------------------------------------------------

describe('models', () => {
  test('say their opset, the domains in use, their producer and metadata', () => {
    const product = O.matMul(x, x, { transB: true });
    const model = written(graphOf({ y: product }), { metadata: { layer: 'dense' }, doc: 'a product' });
    expect(model.opsetImport.map((o) => [o.domain, o.version])).toEqual([
      ['', 18n],
      ['com.microsoft', 1n],
    ]);
    expect([model.irVersion, model.producerName, model.docString]).toEqual([8n, 'grad-ts', 'a product']);
    expect(model.metadataProps.map((p) => [p.key, p.value])).toEqual([['layer', 'dense']]);
    expect(written(graphOf({ y: dense }), { opset: 20 }).irVersion).toBe(9n);
  });

  test('inputs and outputs have their types: sizes, names, and nothing for what is open', () => {
    const g = protoOf({ y: dense, n: O.range(O.count('int64')(x)) });
    const dims = (info: GraphProto['input'][number] | undefined) => {
      const tensor = info?.type?.value;
      return tensor?.case === 'tensorType' ? tensor.value.shape?.dim.map((d) => d.value.value) : undefined;
    };
    expect(dims(g.input[0])).toEqual(['batch', 3n]);
    expect(dims(g.output[0])).toEqual(['batch', 2n]);
    expect(dims(g.output[1])).toEqual([undefined]);
  });

  test('are the same bytes each time', () => {
    const bytes = () => right(encode(graphOf({ y: O.relu(dense), n: O.count('int64')(x) })));
    expect(bytes()).toEqual(bytes());
  });

  test.each([12, 22, 17.5])('refuse opset %d', (opset) => {
    expect(encode(graphOf({ y: dense }), { opset })).toMatchObject({ left: { _tag: 'UnsupportedOpset', opset } });
  });

  test('refuse a name given twice', () => {
    expect(encode(graphOf({ x: dense }))).toMatchObject({ left: { _tag: 'DuplicateName', name: 'x' } });
  });

  test('refuse an input that is not declared', () => {
    const g = graph('spec', [], [{ name: 'y', value: dense }]);
    expect(encode(g)).toMatchObject({ left: { _tag: 'UnboundInput', name: 'x' } });
  });

  test('refuse a loop variable outside its loop', () => {
    const [y, scanned] = loopOver(2, [x], (s) => [s as Value, O.add(s as Value, 1)]) as readonly [Value, Value];
    const body = y.node._tag === 'Operator' ? y.node.attributes.body : undefined;
    const inside = body?._tag === 'Graph' ? body.value.outputs[2]?.value : undefined;
    const outputs = [y, scanned, inside as Value].map((value, i) => ({ name: `y${i}`, value }));
    const g = graph('spec', [x], outputs);
    expect(encode(g)).toMatchObject({ left: { _tag: 'UnboundInput', name: 's0' } });
  });

  test('refuse a constant that does not fill its shape', () => {
    const broken = constant({ dtype: 'float32', shape: [2, 2], data: Float32Array.of(1, 2, 3) }, 'kernel');
    expect(encode(graphOf({ y: O.neg(broken) }))).toMatchObject({ left: { _tag: 'IllFormed' } });
  });

  test('refuse sizes and attributes that their fields cannot hold', () => {
    const huge = first(operator('LeakyRelu', [x], [x.type], { alpha: { _tag: 'Float', value: 1e300 } }));
    const half = first(operator('Softmax', [x], [x.type], { axis: { _tag: 'Int', value: 0.5 } }));
    const odd = input('odd', 'float32', [1.5]);
    for (const y of [huge, half, O.neg(odd)])
      expect(encode(graphOf({ y }))).toMatchObject({ left: { _tag: 'IllFormed' } });
  });
});

// -------------------------------------------------------------------------------------
// names
// -------------------------------------------------------------------------------------

describe('names', () => {
  test('labels name nodes and values; nodes before them are named after them', () => {
    const g = protoOf({ y: O.relu(dense) });
    expect(g.node.map((n) => [n.name, ...n.output])).toEqual([
      ['dense_1/MatMul_0', 'dense_1/MatMul_0'],
      ['dense_1', 'dense_1'],
      ['y/Relu_0', 'y'],
    ]);
  });

  test('the nearest label counts, and each prefix has its own numbers', () => {
    const second = label('dense_2')(O.neg(O.exp(O.exp(dense))));
    expect(protoOf({ y: O.abs(second) }).node.map((n) => n.name)).toEqual([
      'dense_1/MatMul_0',
      'dense_1',
      'dense_2/Exp_0',
      'dense_2/Exp_1',
      'dense_2',
      'y/Abs_0',
    ]);
  });

  test('equal labels stay apart, and none takes the name of an input or output', () => {
    const again = label('y')(O.add(label('x')(O.exp(x)), label('x')(O.neg(x))));
    const g = protoOf({ y: O.relu(again) });
    const names = [...g.node.flatMap((n) => n.output), ...g.input.map((i) => i.name)];
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(['x_2', 'x_3', 'y_2', 'y', 'x']);
  });

  test('outputs of one node are numbered, and those not in use left out', () => {
    const image = input('image', 'float32', ['batch', 1, 4, 4]);
    const pool = O.maxPool(image, { kernel: [2, 2], strides: [2, 2], dilations: [1, 1], pads: [0, 0, 0, 0] });
    const both = protoOf({ y: O.relu(pool.output), at: O.neg(pool.indices) });
    expect(both.node[0]?.output).toEqual(['y/MaxPool_0', 'y/MaxPool_0:1']);
    expect(protoOf({ y: O.relu(pool.output) }).node[0]?.output).toEqual(['y/MaxPool_0']);
  });

  test('are unique over all scopes', () => {
    const inner = (s: Value) => first(loopOver(2, [s], (t) => [O.add(t as Value, s)]));
    const g = protoOf({ y: first(loopOver(3, [x], (s) => [inner(s as Value)])), s0: O.neg(x) });
    const names: string[] = [];
    for (let at: GraphProto | undefined = g; at !== undefined; at = bodyOf(at))
      names.push(...at.input.map((v) => v.name), ...at.node.flatMap((n) => n.output));
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(10);
  });
});

// -------------------------------------------------------------------------------------
// sharing
// -------------------------------------------------------------------------------------

describe('sharing', () => {
  test('a value used twice is computed once', () => {
    const e = O.exp(x);
    expect(operators(protoOf({ y: O.mul(e, e), z: O.neg(e) }))).toEqual(['Exp', 'Mul', 'Neg']);
  });

  test('a long chain of shared values stays a chain', () => {
    const y = Array.from({ length: 20000 }).reduce<Value>((v) => O.add(v, v), x);
    expect(protoOf({ y }).node).toHaveLength(20000);
  });

  test('equal unlabelled constants are written once; others are not', () => {
    const y = O.add(O.mul(O.add(x, 2), 2), O.tensor([2], [1], 'float32'));
    const g = protoOf({ y, n: O.add(O.shapeOf(x), 2), k: O.mul(x, constant(f32([2], []), 'two')) });
    expect(g.initializer.map((t) => `${t.name} ${t.dataType} [${t.dims}]`).sort()).toEqual([
      'const_0 1 []',
      'const_1 1 [1]',
      'const_2 7 []',
      'two 1 []',
    ]);
  });

  test('large equal constants are not compared', () => {
    const large = () =>
      O.tensor(
        Array.from({ length: 300 }, () => 1),
        [300],
        'float32',
      );
    expect(protoOf({ y: O.add(large(), large()) }).initializer).toHaveLength(2);
  });
});

describe('outputs', () => {
  test('may be inputs, constants, or one value twice', async () => {
    const y = O.neg(x);
    const values = { a: x, b: O.tensor([1, 2], [2], 'int64'), c: y, d: y };
    expect(operators(protoOf(values)).filter((o) => o === 'Identity')).toHaveLength(3);
    const r = await evaluate(values, ones);
    expect(r.a?.data).toEqual(ones.x.data);
    expect(r.b?.data).toEqual(BigInt64Array.of(1n, 2n));
    expect(r.c?.data).toEqual(r.d?.data);
  });

  test('feeds and results of every element type come through', async () => {
    const feeds = {
      float64: { dtype: 'float64', shape: [1], data: Float64Array.of(0.1) },
      int32: { dtype: 'int32', shape: [1], data: Int32Array.of(-7) },
      int64: { dtype: 'int64', shape: [1], data: BigInt64Array.of(-(2n ** 60n)) },
      uint8: { dtype: 'uint8', shape: [1], data: Uint8Array.of(255) },
      uint32: { dtype: 'uint32', shape: [1], data: Uint32Array.of(2 ** 32 - 1) },
      bool: { dtype: 'bool', shape: [1], data: Uint8Array.of(1) },
    } as const;
    const passed = Object.entries(feeds).map(([name, a]) => [`in_${name}`, input(name, a.dtype, a.shape)] as const);
    const held = Object.entries(feeds).map(([name, a]) => [`const_${name}`, constant(a)] as const);
    const r = await evaluate(Object.fromEntries([...passed, ...held]), feeds);
    for (const [name, a] of Object.entries(feeds)) {
      expect(r[`in_${name}`]).toEqual(a);
      expect(r[`const_${name}`]).toEqual(a);
    }
  });
});

// -------------------------------------------------------------------------------------
// loops
// -------------------------------------------------------------------------------------

describe('loops', () => {
  const data = [0, 1, 2, 3, 4, 5];
  const feeds = { x: f32(data, [2, 3]) };

  test('what does not depend on the loop stands outside, constants too', async () => {
    const y = first(loopOver(3, [x], (s) => [O.add(s as Value, O.add(O.mul(x, x), 1))]));
    const g = protoOf({ y });
    expect(operators(g)).toEqual(['Mul', 'Add', 'Loop']);
    expect(operators(bodyOf(g))).toEqual(['Add', 'Identity']);
    expect(bodyOf(g).initializer).toEqual([]);
    expect((await evaluate({ y }, feeds)).y?.data).toEqual(Float32Array.from(data, (v) => v + 3 * (v * v + 1)));
  });

  test('out of a nested loop a node moves as far as it can', async () => {
    const y = first(
      loopOver(2, [x], (s) => {
        const outer = s as Value;
        return [
          first(loopOver(3, [outer], (t) => [O.add(O.add(t as Value, O.exp(O.sub(outer, outer))), O.mul(x, 2))])),
        ];
      }),
    );
    const g = protoOf({ y });
    const middle = bodyOf(g);
    expect(operators(g)).toEqual(['Mul', 'Loop']);
    expect(operators(middle)).toEqual(['Sub', 'Exp', 'Loop', 'Identity']);
    expect(operators(bodyOf(middle))).toEqual(['Add', 'Add', 'Identity']);
    expect((await evaluate({ y }, feeds)).y?.data).toEqual(Float32Array.from(data, (v) => v + 6 * (1 + 2 * v)));
  });

  test('a body may give back what it was given, an invariant, or a constant', async () => {
    const kept = loopOver(2, [x, x, x], (a) => [a as Value, O.neg(x), O.tensor(data, [2, 3], 'float32'), O.neg(x)]);
    const [a, b, c, stacked] = kept as readonly [Value, Value, Value, Value];
    const r = await evaluate({ a, b, c, stacked }, feeds);
    const minus = data.map((v) => -v);
    expect([...(r.a?.data ?? [])]).toEqual(data);
    expect([...(r.b?.data ?? [])].map(Number)).toEqual(minus);
    expect([...(r.c?.data ?? [])]).toEqual(data);
    expect(r.stacked?.shape).toEqual([2, 2, 3]);
  });

  test('one body may serve two loops', async () => {
    const [i, go, s] = [input('i', 'int64', []), input('go', 'bool', []), input('s', 'float32', ['batch', 3])];
    const body = graph(
      'body',
      [i, go, s],
      [
        { name: 'go', value: go },
        { name: 's', value: O.mul(s, O.add(x, 1)) },
      ],
    );
    const twice = first(O.loop(O.scalar(1, 'int64'), [first(O.loop(O.scalar(1, 'int64'), [x], body))], body));
    expect(operators(protoOf({ y: twice }))).toEqual(['Add', 'Loop', 'Loop']);
    const r = await evaluate({ y: twice }, feeds);
    expect(r.y?.data).toEqual(Float32Array.from(data, (v) => v * (v + 1) ** 2));
  });

  test('a value of the loop around is at hand in the loop inside, and used there once', async () => {
    const y = first(
      loopOver(2, [x], (s) => {
        const e = O.neg(s as Value);
        return [O.add(first(loopOver(2, [x], (t) => [O.add(t as Value, e)])), e)];
      }),
    );
    const g = protoOf({ y });
    expect(operators(bodyOf(g)).filter((o) => o === 'Neg')).toHaveLength(1);
    // s1 = x + 3 e, with e = -s
    expect((await evaluate({ y }, feeds)).y?.data).toEqual(Float32Array.from(data, (v) => v - 3 * (v - 3 * v)));
  });
});

// -------------------------------------------------------------------------------------
// branches
// -------------------------------------------------------------------------------------

/** The sum of x, doubled or with another sign; what both need of the outside stands there. */
const chosen = (given: Value, condition: Value): Value => {
  const shared = O.exp(x);
  const branch = (name: string, f: (v: Value) => Value) => {
    const s = input(`${name}/s`, 'float32', ['batch', 3]);
    return graph(name, [s], [{ name: `${name}/result`, value: O.add(f(s), shared) }]);
  };
  return first(
    O.either(
      condition,
      [given],
      branch('yes', (v) => O.mul(v, 2)),
      branch('no', O.neg),
    ),
  );
};

const isLong = O.greater(O.gather(O.shapeOf(x), O.scalar(0, 'int64')), O.scalar(1, 'int64'));

const branchOf = (g: GraphProto, name: string): GraphProto =>
  g.node.find((n) => n.opType === 'If')?.attribute.find((a) => a.name === name)?.g as GraphProto;

describe('branches', () => {
  test('hold what depends on their inputs, and read the operands by name', () => {
    const g = protoOf({ y: label('chosen')(chosen(label('given')(O.abs(x)), isLong)) });
    expect(operators(g).toSorted()).toEqual(['Abs', 'Exp', 'Gather', 'Greater', 'If', 'Shape']);
    expect(g.node.find((n) => n.opType === 'If')?.input).toHaveLength(1);
    const [yes, no] = [branchOf(g, 'then_branch'), branchOf(g, 'else_branch')];
    expect([operators(yes), operators(no)]).toEqual([
      ['Mul', 'Add'],
      ['Neg', 'Add'],
    ]);
    expect([yes.input, no.input]).toEqual([[], []]);
    expect([yes.node[0]?.input[0], no.node[0]?.input[0]]).toEqual(['given', 'given']);
  });

  test('one is computed, as the condition says', async () => {
    const y = chosen(O.abs(x), isLong);
    const expected = (rows: number, f: (v: number) => number) =>
      Float32Array.from({ length: 3 * rows }, (_, i) => f(Math.abs(i - 2)) + Math.fround(Math.exp(i - 2)));
    for (const [rows, f] of [
      [1, (v: number) => -v],
      [2, (v: number) => 2 * v],
    ] as const) {
      const data = Array.from({ length: 3 * rows }, (_, i) => i - 2);
      const r = await evaluate({ y }, { x: f32(data, [rows, 3]) });
      expect([...(r.y?.data ?? [])].map(Number)).toEqual([...expected(rows, f)].map((v) => expect.closeTo(v, 5)));
    }
  });

  test('stand in loops, and in one another', async () => {
    const y = first(
      loopOver(2, [x], (s) => {
        const inner = input('inner', 'float32', ['batch', 3]);
        const same = input('same', 'float32', ['batch', 3]);
        const nested = graph('nested', [inner], [{ name: 'nested/result', value: chosen(inner, isLong) }]);
        const kept = graph('kept', [same], [{ name: 'kept/result', value: same }]);
        return [first(O.either(isLong, [s as Value], nested, kept))];
      }),
    );
    const long = await evaluate({ y }, { x: f32([0, 1, 2, 0, 1, 2], [2, 3]) });
    // Twice doubled, and 1 + 2 times e^x.
    const step = (v: number) => 4 * v + 3 * Math.exp(v);
    expect([...(long.y?.data ?? [])].map(Number)).toEqual([0, 1, 2, 0, 1, 2].map((v) => expect.closeTo(step(v), 4)));
    expect((await evaluate({ y }, { x: f32([0, 1, 2], [1, 3]) })).y?.data).toEqual(Float32Array.of(0, 1, 2));
  });
});

// -------------------------------------------------------------------------------------
// opsets
// -------------------------------------------------------------------------------------

describe('opsets below 18', () => {
  const reductions = O.add(
    O.reduceMean({ axes: [1] })(x),
    O.add(O.reduceMax({ axes: [1] })(x), O.reduceSum({ axes: [1] })(x)),
  );

  test('reductions have their axes where the opset has them', async () => {
    const axes = (opset: number) =>
      protoOf({ y: reductions }, { opset })
        .node.filter((n) => n.opType.startsWith('Reduce'))
        .map((n) => [n.opType, n.input.length, n.attribute.some((a) => a.name === 'axes')]);
    expect(axes(17)).toEqual([
      ['ReduceMean', 1, true],
      ['ReduceMax', 1, true],
      ['ReduceSum', 2, false],
    ]);
    expect(axes(18).every(([, inputs, attribute]) => inputs === 2 && attribute === false)).toBe(true);
    const feeds = { x: f32([1, 2, 3, 4, 5, 6], [2, 3]) };
    for (const opset of [13, 17, 18, 20])
      expect((await evaluate({ y: reductions }, feeds, { opset })).y?.data).toEqual(Float32Array.of(11, 26));
  });

  test('constants that became attributes are not written', () => {
    const constants = (opset: number) => protoOf({ y: O.reduceMax({ axes: [1] })(x) }, { opset }).initializer.length;
    expect([17, 18].map(constants)).toEqual([0, 1]);
  });

  test('axes that are not constant are refused', () => {
    const axes = input('axes', 'int64', [1]);
    const y = first(operator('ReduceMean', [x, axes], [valueType('float32', ['batch', 1])]));
    expect(encode(graphOf({ y }), { opset: 17 })).toMatchObject({
      left: { _tag: 'NotExpressible', operator: 'ReduceMean' },
    });
    expect(E.isRight(encode(graphOf({ y })))).toBe(true);
  });

  test('operators and attributes that came later are refused', () => {
    const u = input('u', 'uint32', [2]);
    const at = input('at', 'int64', ['batch', 3]);
    const refused = (y: Value, opset: number) => {
      const result = encode(graphOf({ y }), { opset });
      return E.isLeft(result) ? result.left.message : undefined;
    };
    expect(refused(O.bitwiseXor(u, u), 17)).toContain('BitwiseXor: the operator came with opset 18');
    expect(refused(O.scatterElements(x, at, x, 1, 'add'), 15)).toContain("reduction 'add' came with opset 16");
    expect(refused(O.scatterElements(x, at, x, 1, 'add'), 16)).toBeUndefined();
    expect(refused(O.scatterND(x, at, x), 13)).toBeUndefined();
    const inLoop = first(loopOver(1, [u], (s) => [O.bitwiseXor(s as Value, u)]));
    expect(refused(inLoop, 17)).toContain('BitwiseXor');
  });

  test('a scatter that only replaces can be written for opset 13', async () => {
    const at = O.tensor([0, 1, 2, 2, 1, 0], [2, 3], 'int64');
    const y = O.scatterElements(x, at, O.neg(x), 1);
    const r = await evaluate({ y }, { x: f32([1, 2, 3, 4, 5, 6], [2, 3]) }, { opset: 13 });
    expect(r.y?.data).toEqual(Float32Array.of(-1, -2, -3, -6, -5, -4));
  });
});

// -------------------------------------------------------------------------------------
// the reference checker
// -------------------------------------------------------------------------------------

const python = '/usr/bin/python3';
const hasOnnx = spawnSync(python, ['-c', 'import onnx']).status === 0;
const check = 'import onnx, sys\nfor f in sys.argv[1:]: onnx.checker.check_model(onnx.load(f), full_check=True)';
if (!hasOnnx) console.warn(`The reference checker is not run: ${python} has no package onnx (Debian: python3-onnx)`);

describe.skipIf(!hasOnnx)("ONNX's own checker accepts", { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'grad-ts-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  const image = input('image', 'float32', ['batch', 4, 8, 8]);
  const window = { kernel: [3, 3], strides: [1, 1], dilations: [1, 1], pads: [1, 1, 1, 1] };
  const kernel = constant(
    f32(
      Array.from({ length: 72 }, () => 0.1),
      [4, 2, 3, 3],
    ),
    'conv.weight',
  );
  const conv = label('conv')(O.conv(image, kernel, undefined, { ...window, group: 2 }));
  const pool = O.maxPool(O.relu(conv), { ...window, strides: [2, 2] });
  const flat = O.reshape(['batch', 64])(pool.output);
  const turned = O.convTranspose(conv, kernel, { ...window, group: 2, outputPadding: [0, 0] });
  const training = loopOver(3, [x, dense], (s, t) => {
    const step = O.sub(s as Value, O.reduceMean({ axes: [1], keepDims: true })(O.add(t as Value, O.exp(dense))));
    return [label('update')(step), t as Value, O.reduceSum()(step)];
  });

  const graphs: Readonly<Record<string, Graph>> = {
    dense: graphOf({ y: dense, same: dense, x2: x }),
    images: graphOf({ flat, indices: pool.indices, turned, means: O.globalAveragePool(conv) }),
    shapes: graphOf({
      rows: O.sliceRows(x, O.scalar(0, 'int64'), O.scalar(1, 'int64')),
      padded: O.pad([0, 1, 0, 2])(x),
      sliced: O.slice({ axes: [1], starts: [2], ends: [-9], steps: [-1] })(x),
      picked: O.gather(x, O.int64s([2, 0]), 1),
      filled: O.fillLike(x, 1, 'int32'),
      hot: O.oneHot(3, 'float32')(O.argMax(1)(x)),
      mean: O.reduceMean()(x),
    }),
    loop: graphOf(Object.fromEntries(training.map((v, i) => [`y${i}`, v]))),
    branches: graphOf({ y: chosen(O.abs(x), isLong) }),
  };

  test.each(Object.keys(graphs))('%s, at opset 17', (name) => {
    const file = join(folder, `${name}.onnx`);
    writeFileSync(file, right(encode(graphs[name] as Graph, { opset: 17, metadata: { name } })));
    expect(() => execFileSync(python, ['-c', check, file], { stdio: 'pipe' })).not.toThrow();
  });

  test('but not a model that is broken', () => {
    const y = first(operator('Relu', [x, x], [x.type]));
    const file = join(folder, 'broken.onnx');
    writeFileSync(file, right(encode(graphOf({ y }), { opset: 17 })));
    expect(() => execFileSync(python, ['-c', check, file], { stdio: 'pipe' })).toThrow();
  });

  test('and onnxruntime runs them with all of its optimizations', async () => {
    const r = await run(graphs.loop as Graph, ones, { optimization: 'all' });
    const plain = await run(graphs.loop as Graph, ones);
    expect(r.y2?.shape).toEqual([3]);
    expect([...(r.y2?.data ?? [])].map(Number)).toEqual(
      [...(plain.y2?.data ?? [])].map((v) => expect.closeTo(Number(v), 4)),
    );
  });
});
