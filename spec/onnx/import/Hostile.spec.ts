/** Broken and hostile files: always a typed error, never a crash, a hang, or a file outside the model's folder. */

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import { afterAll, describe, expect, it } from 'vitest';
import { nodeFileSystem } from '../../../src/format/FileSystem.ts';
import { Layer as L, Model, Onnx } from '../../../src/index.ts';
import { ModelProtoSchema } from '../../../src/onnx/proto/onnx_pb.ts';
import { left, right } from '../../training/support.ts';
import { file, floats, func, graph, ints, message, node, referred, tensorProto } from './build.ts';
import { bytesOf, mutated, survives, tags } from './support.ts';

const x = ['x', 'float32', ['n', 4]] as const;
const y = ['y', 'float32', ['n', 4]] as const;

const attempt = (bytes: Uint8Array, options: Onnx.ImportOptions = {}) =>
  Onnx.importOnnx(bytes, { ...options, expect: { input: [4], output: [4] } });

describe('files that contradict themselves', () => {
  const faults: Readonly<Record<string, readonly [Uint8Array, string]>> = {
    'nothing at all': [new Uint8Array(), 'not an ONNX model'],
    text: [new TextEncoder().encode('hello, world'), 'not an ONNX model'],
    'a cycle': [
      file({
        opset: 13,
        inputs: [x],
        outputs: [y],
        nodes: [node('Add', ['x', 'b'], ['a']), node('Relu', ['a'], ['b']), node('Neg', ['b'], ['y'])],
      }),
      'which depends on it',
    ],
    'a name twice': [
      file({ opset: 13, inputs: [x], outputs: [y], nodes: [node('Relu', ['x'], ['y']), node('Neg', ['x'], ['y'])] }),
      "defines 'y' twice",
    ],
    'an input that nothing gives': [
      file({ opset: 13, inputs: [x], outputs: [y], nodes: [node('Add', ['x', 'ghost'], ['y'])] }),
      "reads 'ghost', which nothing defines",
    ],
    'an output that nothing gives': [
      file({ opset: 13, inputs: [x], outputs: [y], nodes: [node('Relu', ['x'], ['z'])] }),
      "the output 'y', which nothing defines",
    ],
    'more numbers than the shape': [
      file({
        opset: 13,
        inputs: [x],
        outputs: [y],
        tensors: { w: { ...floats([2], [1, 2, 3]), shape: [2] } },
        nodes: [node('Add', ['x', 'w'], ['y'])],
      }),
      '[2] of float takes 8 bytes, got 12',
    ],
    'a shape that overflows': [
      file({
        opset: 13,
        inputs: [x],
        outputs: [y],
        tensors: { w: { ...floats([1], [1]), shape: [2 ** 40, 2 ** 40] } },
        nodes: [node('Add', ['x', 'w'], ['y'])],
      }),
      'more than the limit',
    ],
    'a negative size': [
      file({
        opset: 13,
        inputs: [x],
        outputs: [y],
        tensors: { w: { ...floats([1], [1]), shape: [-1] } },
        nodes: [node('Add', ['x', 'w'], ['y'])],
      }),
      'size -1 is not a whole number',
    ],
    'shapes that do not fit': [
      file({
        opset: 13,
        inputs: [x],
        outputs: [y],
        tensors: { w: floats([3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]) },
        nodes: [node('MatMul', ['x', 'w'], ['y'])],
      }),
      'multiplies along axes of sizes 4 and 3',
    ],
    'an opset before its time': [
      file({ opset: 6, inputs: [x], outputs: [y], nodes: [node('Relu', ['x'], ['y'])] }),
      'opset 6, expected 7 to 25',
    ],
    'an opset of the future': [
      file({ opset: 26, inputs: [x], outputs: [y], nodes: [node('Relu', ['x'], ['y'])] }),
      'opset 26, expected 7 to 25',
    ],
    'a huge tensor by computation': [
      file({
        opset: 13,
        inputs: [x],
        outputs: [y],
        tensors: { s: ints([2 ** 40, 2 ** 40]), one: floats([1], [1]) },
        nodes: [
          node('Expand', ['one', 's'], ['big']),
          node('ReduceSum', ['big'], ['t']),
          node('Add', ['x', 't'], ['y']),
        ],
      }),
      'a size of',
    ],
  };

  it.each(Object.keys(faults))('%s', (name) => {
    const [bytes, says] = faults[name] as readonly [Uint8Array, string];
    const error = left(attempt(bytes));
    expect(tags).toContain(error._tag);
    expect(error.message).toContain(says);
  });

  it('nodes out of order are put in order', () => {
    right(
      attempt(
        file({ opset: 13, inputs: [x], outputs: [y], nodes: [node('Neg', ['a'], ['y']), node('Relu', ['x'], ['a'])] }),
      ),
    );
  });
});

describe('what is not supported', () => {
  it('lists every unknown operator with its node', () => {
    const nodes = [
      node('Warp', ['x'], ['a'], {}, { domain: 'my.ops', name: 'first' }),
      node('SequenceConstruct', ['a'], ['b'], {}, { name: 'second' }),
      node('Relu', ['a'], ['y']),
      node('Loop', ['', '', 'x'], ['c'], { body: graph({ nodes: [], outputs: [] }) }, { name: 'third' }),
    ];
    const error = left(attempt(file({ opset: 13, domains: { 'my.ops': 1 }, inputs: [x], outputs: [y], nodes })));
    // What no output needs is not looked at.
    expect(error).toMatchObject({ _tag: 'UnsupportedNodes', nodes: [{ operator: 'my.ops:Warp', node: 'first' }] });
    const all = left(
      Onnx.importModel(file({ opset: 13, domains: { 'my.ops': 1 }, inputs: [x], outputs: [y], nodes }), {
        expect: { inputs: { x: [4] }, outputs: { y: [4], b: [4], c: [4] } },
      }),
    );
    expect(all).toMatchObject({
      nodes: [
        { operator: 'my.ops:Warp', node: 'first' },
        { operator: 'SequenceConstruct', node: 'second' },
        { operator: 'Loop', node: 'third' },
      ],
    });
    expect(all.message).toContain('my.ops:Warp (first)');
  });

  it('forms of operators, too', () => {
    const nodes = [
      node('Resize', ['x', '', 's'], ['a'], { coordinate_transformation_mode: 'tf_crop_and_resize' }),
      node('Pad', ['x', 'p'], ['b'], { mode: 'wrap' }),
      node('Add', ['a', 'b'], ['y']),
    ];
    const error = left(
      attempt(
        file({
          opset: 19,
          inputs: [x],
          outputs: [y],
          nodes,
          tensors: { s: floats([2], [1, 1]), p: ints([0, 0, 0, 0]) },
        }),
      ),
    );
    expect(error).toMatchObject({ _tag: 'UnsupportedNodes', nodes: [{ operator: 'Resize' }, { operator: 'Pad' }] });
  });

  it('types of tensors', () => {
    const m = message({
      opset: 13,
      inputs: [x],
      outputs: [y],
      tensors: { w: floats([4], [1, 2, 3, 4]) },
      nodes: [node('Add', ['x', 'w'], ['y'])],
    });
    const [w] = m.graph?.initializer ?? [];
    if (w === undefined) throw new Error('no tensor');
    w.dataType = 8;
    expect(left(attempt(toBinary(ModelProtoSchema, m)))).toMatchObject({ _tag: 'UnsupportedType', value: 'w' });
  });

  it('a mismatch with what was declared names both', () => {
    const bytes = file({ opset: 13, inputs: [x], outputs: [y], nodes: [node('Relu', ['x'], ['y'])] });
    expect(left(Onnx.importOnnx(bytes, { expect: { input: [5], output: [5] } })).message).toContain(
      "input 'x' [n,4] cannot be [batch,5]: axis 1 is fixed to 4 in the file",
    );
    expect(left(Onnx.importOnnx(bytes, { expect: { input: [4], output: [3] } })).message).toContain(
      "output 'y' is [batch,4] for the input [batch,4], expected [batch,3]",
    );
    expect(left(Onnx.importOnnx(bytes, { output: 'yy' })).message).toContain("there is no value 'yy'; near it: 'y'");
    expect(left(Onnx.importOnnx(bytes, { constants: { w: floats([1], [1]) } })).message).toContain(
      "there is no input 'w'; near it: 'x'",
    );
  });
});

describe('a batch that is fixed to 1', () => {
  const one = (nodes: Parameters<typeof file>[0]['nodes'], out: readonly number[] = [1, 4]) =>
    file({
      opset: 13,
      inputs: [['x', 'float32', [1, 4]]],
      outputs: [['y', 'float32', out]],
      tensors: { flat: ints([4]), row: ints([1, 2, 2]), rest: ints([1, -1]), first: ints([0]) },
      nodes,
    });

  it('is freed through reshapes, also flat ones', () => {
    const bytes = one([node('Reshape', ['x', 'row'], ['a']), node('Reshape', ['a', 'rest'], ['y'])]);
    expect(left(attempt(bytes)).message).toContain('{ freeBatch: true }');
    right(attempt(bytes, { freeBatch: true }));
    right(
      attempt(one([node('Reshape', ['x', 'flat'], ['a']), node('Reshape', ['a', 'rest'], ['y'])]), { freeBatch: true }),
    );
  });

  it.each([
    ['ReduceSum', [node('ReduceSum', ['x'], ['a']), node('Add', ['x', 'a'], ['y'])]],
    ['Softmax', [node('Softmax', ['x'], ['y'], { axis: 0 })]],
    ['MatMul', [node('Transpose', ['x'], ['a']), node('MatMul', ['a', 'x'], ['b']), node('MatMul', ['x', 'b'], ['y'])]],
    ['Squeeze', [node('Squeeze', ['x', 'first'], ['a']), node('Add', ['a', 'x'], ['y'])]],
    ['Gather', [node('Gather', ['x', 'first'], ['y'])]],
    ['Concat', [node('Concat', ['x', 'x'], ['a'], { axis: 0 }), node('ReduceSum', ['a', 'first'], ['y'])]],
  ] as const)('is refused where %s would mix samples', (operator, nodes) => {
    const error = left(attempt(one(nodes), { freeBatch: true }));
    expect(error).toMatchObject({ _tag: 'UnsupportedNodes', nodes: [{ operator }] });
    expect(error.message).toContain('would mix the samples of a batch: it cannot be freed');
  });
});

describe('functions', () => {
  const scaled = func(
    'local',
    'Scaled',
    ['a'],
    ['b'],
    [
      node('Constant', [], ['k'], { value: floats([1], [2]) }),
      node('Mul', ['a', 'k'], ['m']),
      node('Softmax', ['m'], ['b'], {}, { referred: [referred('axis', 'along')] }),
    ],
    ['along'],
  );

  it('are inlined, with their attributes', () => {
    const nodes = [
      node('Scaled', ['x'], ['h'], { along: 1 }, { domain: 'local' }),
      node('Scaled', ['h'], ['y'], { along: 1 }, { domain: 'local' }),
    ];
    const bytes = file({ opset: 18, domains: { local: 1 }, functions: [scaled], inputs: [x], outputs: [y], nodes });
    right(attempt(bytes));
    const { operators } = right(Onnx.describe(bytes));
    expect(operators).toEqual({ Mul: 2, Softmax: 2 });
  });

  it('that call themselves are refused', () => {
    const loop = func('local', 'F', ['a'], ['b'], [node('G', ['a'], ['b'], {}, { domain: 'local' })]);
    const back = func('local', 'G', ['a'], ['b'], [node('F', ['a'], ['b'], {}, { domain: 'local' })]);
    const nodes = [node('F', ['x'], ['y'], {}, { domain: 'local' })];
    const error = left(
      attempt(file({ opset: 18, domains: { local: 1 }, functions: [loop, back], inputs: [x], outputs: [y], nodes })),
    );
    expect(error.message).toContain('calls itself: local:F > local:G > local:F');
  });

  it('that double themselves end at the limit', () => {
    const doubling = Array.from({ length: 30 }, (_, i) =>
      func(
        'local',
        `F${i}`,
        ['a'],
        ['b'],
        i === 0
          ? [node('Relu', ['a'], ['b'])]
          : [
              node(`F${i - 1}`, ['a'], ['c'], {}, { domain: 'local' }),
              node(`F${i - 1}`, ['c'], ['b'], {}, { domain: 'local' }),
            ],
      ),
    );
    const nodes = [node('F29', ['x'], ['y'], {}, { domain: 'local' })];
    const error = left(
      attempt(file({ opset: 18, domains: { local: 1 }, functions: doubling, inputs: [x], outputs: [y], nodes }), {
        limits: { nodes: 20_000 },
      }),
    );
    expect(error).toMatchObject({ _tag: 'LimitExceeded', allowed: 20_000 });
  });
});

describe('depth and size', () => {
  it('a function’s tensor is there once, however often it is called', () => {
    const big = floats([250_000], Array(250_000).fill(1));
    const body = [
      node('Constant', [], ['k'], { value: big }),
      node('ReduceMax', ['k'], ['m'], { keepdims: 0 }),
      node('Mul', ['a', 'm'], ['b']),
    ];
    const calls = 3000;
    const nodes = Array.from({ length: calls }, (_, i) =>
      node('F', [i === 0 ? 'x' : `v${i}`], [i === calls - 1 ? 'y' : `v${i + 1}`], {}, { domain: 'local' }),
    );
    const bytes = file({
      opset: 13,
      domains: { local: 1 },
      functions: [func('local', 'F', ['a'], ['b'], body)],
      inputs: [x],
      outputs: [y],
      nodes,
    });
    // 3 GB, if each call had its own.
    right(attempt(bytes, { limits: { tensorBytes: 1_100_000 } }));
  });

  it('very many inputs and outputs take no more time than their number', () => {
    const many = Array.from({ length: 60_000 }, (_, i) => i);
    const bytes = file({
      opset: 13,
      inputs: [x],
      outputs: many.map((i) => [`y${i}`, 'float32', ['n', 4]] as const),
      nodes: many.map((i) => node('Relu', ['x'], [`y${i}`])),
    });
    const started = performance.now();
    right(attempt(bytes, { output: 'y59999' }));
    expect(performance.now() - started).toBeLessThan(8000);
  });

  it('names of sizes are of some length', () => {
    const bytes = file({
      opset: 13,
      inputs: [['x', 'float32', ['n', 'm'.repeat(1000)]]],
      outputs: [y],
      nodes: [node('Relu', ['x'], ['y'])],
    });
    expect(left(attempt(bytes)).message).toContain('a name of 1000 characters, expected 256 at most');
  });

  it('operators may have any name', () => {
    const nodes = [node('constructor', ['x'], ['a']), node('__proto__', ['a'], ['y'])];
    const bytes = file({ opset: 13, inputs: [x], outputs: [y], nodes });
    expect(Object.entries(right(Onnx.describe(bytes)).operators)).toEqual([
      ['constructor', 1],
      ['__proto__', 1],
    ]);
    expect(left(attempt(bytes))).toMatchObject({ nodes: [{ operator: 'constructor' }, { operator: '__proto__' }] });
  });

  it('graphs within graphs end at the limit', () => {
    let inner = graph({ nodes: [node('Identity', ['x'], ['r0'])], outputs: [['r0', 'float32', ['?']]] });
    for (let i = 1; i < 20; i++)
      inner = graph({
        nodes: [
          node('If', ['c'], [`r${i}`], {
            then_branch: inner,
            else_branch:
              inner.node.length > 0
                ? graph({ nodes: [node('Relu', ['x'], [`e${i}`])], outputs: [[`e${i}`, 'float32', ['?']]] })
                : inner,
          }),
        ],
        outputs: [[`r${i}`, 'float32', ['?']]],
      });
    const nodes = [...inner.node.map((n) => ({ ...n, output: ['y'] }))];
    const bytes = file({ opset: 13, inputs: [x, ['c', 'bool', []]], outputs: [y], nodes });
    const error = left(
      Onnx.importOnnx(bytes, {
        constants: { c: { dtype: 'bool', shape: [], data: Uint8Array.of(1) } },
        limits: { depth: 8 },
      }),
    );
    expect(error).toMatchObject({ _tag: 'LimitExceeded', allowed: 8 });
    right(Onnx.importOnnx(bytes, { constants: { c: { dtype: 'bool', shape: [], data: Uint8Array.of(1) } } }));
  });

  it('a file above the limit is not decoded', () => {
    expect(left(attempt(bytesOf('alexa'), { limits: { bytes: 1000 } }))).toMatchObject({
      _tag: 'LimitExceeded',
      allowed: 1000,
    });
    expect(left(attempt(bytesOf('alexa'), { limits: { tensorBytes: 1000 } }))).toMatchObject({ _tag: 'LimitExceeded' });
  });

  it('a long chain costs no stack', () => {
    const n = 3000;
    const nodes = Array.from({ length: n }, (_, i) =>
      node('Relu', [i === 0 ? 'x' : `v${i}`], [i === n - 1 ? 'y' : `v${i + 1}`]),
    );
    right(attempt(file({ opset: 13, inputs: [x], outputs: [y], nodes })));
  });
});

describe('external data', () => {
  const folder = mkdtempSync(join(tmpdir(), 'grad-ts-external-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const w = floats([4], [1, 2, 3, 4]);
  const outside = (location: string, offset = 0, length = 16) =>
    file({
      opset: 13,
      inputs: [x],
      outputs: [y],
      nodes: [node('Add', ['x', 'w'], ['y'])],
      initializer: [tensorProto('w', w, { location, offset, length })],
    });
  const fromFile = async (bytes: Uint8Array) => {
    mkdirSync(join(folder, 'model'), { recursive: true });
    writeFileSync(join(folder, 'model', 'weights.bin'), new Uint8Array(w.data.buffer));
    writeFileSync(join(folder, 'secret.bin'), new Uint8Array(w.data.buffer));
    writeFileSync(join(folder, 'model', 'm.onnx'), bytes);
    return Onnx.importOnnxFile(join(folder, 'model', 'm.onnx'), { expect: { input: [4], output: [4] } })({
      fileSystem: nodeFileSystem,
    })();
  };

  it('is read from the folder', async () => {
    const layer = right(await fromFile(outside('weights.bin')));
    const values = Model.initialValues(
      right(
        pipe(
          Model.resolve(L.model(L.input([4]), layer)),
          E.mapLeft(() => ({ message: '' })),
        ),
      ),
      0,
    );
    expect(values['imported.w']).toEqual(w);
    right(attempt(outside('weights.bin'), { external: { 'weights.bin': new Uint8Array(w.data.buffer) } }));
    expect(left(attempt(outside('weights.bin'))).message).toContain("{ external: { 'weights.bin': bytes } }");
  });

  it.each([
    '../secret.bin',
    '/etc/passwd',
    'a/../../secret.bin',
    '..\\secret.bin',
    'C:\\secret.bin',
    'file:///etc/passwd',
    '',
  ])('never leaves it: %s', async (location) => {
    const error = left(await fromFile(outside(location)));
    expect(error).toMatchObject({ _tag: 'ExternalData', location });
  });

  it('nor through a link', async () => {
    mkdirSync(join(folder, 'model'), { recursive: true });
    symlinkSync(join(folder, 'secret.bin'), join(folder, 'model', 'link.bin'));
    symlinkSync(folder, join(folder, 'model', 'up'));
    for (const location of ['link.bin', 'up/secret.bin'])
      expect(left(await fromFile(outside(location)))).toMatchObject({ _tag: 'ExternalData', location });
  });

  it('that is missing or cut off is an error', async () => {
    expect(left(await fromFile(outside('none.bin')))).toMatchObject({ _tag: 'IoError', code: 'ENOENT' });
    expect(left(await fromFile(outside('weights.bin', 8)))).toMatchObject({ _tag: 'ExternalData' });
    expect(left(await fromFile(outside('weights.bin', 2 ** 45, 16)))).toMatchObject({ _tag: 'ExternalData' });
    expect(left(await fromFile(outside('weights.bin', 0, 2 ** 45)))).toMatchObject({ _tag: 'LimitExceeded' });
    expect(left(await fromFile(outside('weights.bin', 0, 12))).message).toContain('takes 16 bytes, got 12');
  });

  it('without a length is as long as the tensor', async () => {
    const whole = outside('weights.bin');
    const tensor = tensorProto('w', w, { location: 'both.bin', offset: 16, length: 16 });
    tensor.externalData = tensor.externalData.filter(({ key }) => key !== 'length');
    const bytes = file({
      opset: 13,
      inputs: [x],
      outputs: [y],
      nodes: [node('Add', ['x', 'w'], ['y'])],
      initializer: [tensor],
    });
    // More than the tensor lies behind it.
    const both = new Uint8Array(Float32Array.of(9, 9, 9, 9, 1, 2, 3, 4, 9).buffer);
    await fromFile(whole);
    writeFileSync(join(folder, 'model', 'both.bin'), both);
    const layers = [
      right(await fromFile(bytes)),
      right(attempt(bytes, { external: { 'both.bin': both } })),
      right(
        attempt(
          file({ opset: 13, inputs: [x], outputs: [y], nodes: [node('Add', ['x', 'w'], ['y'])], tensors: { w } }),
        ),
      ),
    ];
    const values = layers.map((layer) => {
      const resolved = Model.resolve(L.model(L.input([4]), layer));
      return E.isRight(resolved) ? Model.initialValues(resolved.right, 0)['imported.w'] : undefined;
    });
    expect(values).toEqual([w, w, w]);
    expect(left(attempt(bytes, { external: { 'both.bin': both.subarray(0, 24) } })).message).toContain(
      'takes bytes 16 to 32',
    );
  });

  it('is found through a file system without links or ranges', async () => {
    const files: Readonly<Record<string, Uint8Array>> = {
      'm.onnx': outside('sub/w.bin'),
      './sub/w.bin': new Uint8Array(w.data.buffer),
    };
    const readFile = (path: string) => {
      const bytes = files[path];
      return bytes === undefined
        ? TE.left({ _tag: 'IoError', message: path, path, code: 'ENOENT' } as const)
        : TE.right(bytes);
    };
    const { readRange, realPath, ...rest } = nodeFileSystem;
    expect([readRange, realPath].every((f) => f !== undefined)).toBe(true);
    right(
      await Onnx.importOnnxFile('m.onnx', { expect: { input: [4], output: [4] } })({
        fileSystem: { ...rest, readFile },
      })(),
    );
  });
});

describe('fuzz', () => {
  const small = file({
    opset: 13,
    inputs: [x],
    outputs: [y],
    tensors: { s: ints([0, 2, 2]), w: floats([2, 2], [1, 2, 3, 4]), back: ints([0, -1]) },
    nodes: [
      node('Reshape', ['x', 's'], ['a']),
      node('MatMul', ['a', 'w'], ['b']),
      node('Reshape', ['b', 'back'], ['y']),
    ],
  });
  const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));

  it('survives random bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), survives), { seed: 1, numRuns: 300 });
  });

  it('survives changed bytes', () => {
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => survives(mutated(small, changes))),
      { seed: 2, numRuns: 500 },
    );
  });

  it('survives files that end early', () => {
    for (let n = 0; n < small.length; n += 3) survives(small.subarray(0, n));
    const real = bytesOf('rhasspy');
    for (const n of [10, 500, 5000, real.length - 1]) survives(real.subarray(0, n));
  });
});
