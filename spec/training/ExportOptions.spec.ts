/** What an export can be asked for: each option does what it says, and the file still computes the same. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as ort from 'onnxruntime-node';
import * as web from 'onnxruntime-web';
import { afterAll, describe, expect, it } from 'vitest';
import { Layer as L, Loss, NdArray, Onnx, Optimizer, Runtime, Training as T } from '../../src/index.ts';
import { toTensor } from '../support/evaluate.ts';
import { left, noise, right, runtime, world } from './support.ts';

const shared = runtime();
const folder = mkdtempSync(join(tmpdir(), 'grad-ts-export-'));
afterAll(async () => {
  await shared.close();
  rmSync(folder, { recursive: true, force: true });
});
const env = world(shared).environment;

/** Weights and statistics that are not the ones a model begins with. */
const shaken = <I, O, T_, K extends string>(trained: T.Trained<I, O, T_, K>): T.Trained<I, O, T_, K> => {
  const changed = Object.entries(trained.weights).map(([name, a], n) => {
    const values = noise(a.data.length, n + 3);
    const isScale = /gamma|variance/.test(name);
    return [
      name,
      { ...a, data: Float32Array.from(a.data as Float32Array, (x, i) => x + (isScale ? 0.2 : 0.1) * (values[i] ?? 0)) },
    ];
  });
  return { ...trained, weights: Object.fromEntries(changed) };
};

const parts = { loss: Loss.meanSquaredError(), optimizer: Optimizer.sgd() };
const pictures = shaken(
  right(
    T.untrained(4)(
      T.compile(
        L.model(
          L.input([2, 8, 8]),
          L.conv2d({ filters: 8, kernel: 3, padding: 'same' }),
          L.batchNormalization(),
          L.activation('relu'),
          L.maxPool2d({ kernel: 2 }),
          L.dropout(0.2),
          L.flatten(),
          L.weightNormalization(L.dense(16, { activation: 'relu' })),
          L.batchNormalization(),
          L.dense(5, { activation: 'softmax' }),
        ),
        parts,
      ),
    ),
  ),
);
const words = shaken(
  right(
    T.untrained(5)(
      T.compile(
        L.model(
          L.input(['seq', 8]),
          L.transformerEncoder({ features: 8, heads: 2, intermediate: 16, activation: 'gelu' }),
          L.bidirectional(L.lstm(6, { returnSequences: true })),
          L.gru(5),
          L.dense(3, { activation: 'relu6' }),
        ),
        parts,
      ),
    ),
  ),
);

const x = right(NdArray.float32([3, 2, 8, 8], noise(3 * 128, 3)));
const text = right(NdArray.float32([2, 4, 8], noise(64, 5)));

const graphOf = (bytes: Uint8Array) => right(Onnx.decode(bytes)).graph;
const operators = (bytes: Uint8Array): readonly string[] => graphOf(bytes)?.node.map((n) => n.opType) ?? [];
const weightsOf = (bytes: Uint8Array): number =>
  graphOf(bytes)?.initializer.reduce((n, t) => n + t.rawData.length, 0) ?? 0;

const outputOf = async (bytes: Uint8Array, input: NdArray.NdArray) => {
  const session = await ort.InferenceSession.create(bytes, {
    ...Runtime.sessionOptions({ threads: 1 }),
    logSeverityLevel: 3,
  });
  const { output } = await session.run({ input: toTensor(input) });
  await session.release();
  return { dims: output?.dims, data: Array.from(output?.data as Float32Array) };
};

const farthest = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from(a, (v, i) => Math.abs(v - (b[i] ?? Number.NaN))));

const own = async (trained: typeof pictures | typeof words, input: NdArray.NdArray): Promise<readonly number[]> => {
  const predicted = right(await pipe(trained as never, T.predict(input as never))(env)()) as NdArray.NdArray;
  return Array.from(predicted.data as Float32Array);
};

describe('fold', () => {
  it('leaves one operator for a convolution or dense layer with all that stands next to it', async () => {
    const bytes = right(T.toOnnx()(pictures));
    expect(operators(bytes)).toEqual(['Conv', 'Relu', 'MaxPool', 'Reshape', 'Gemm', 'Relu', 'Gemm', 'Softmax']);
    expect(farthest((await outputOf(bytes, x)).data, await own(pictures, x))).toBeLessThan(1e-5);
    const names =
      graphOf(bytes)
        ?.node.map((n) => n.name)
        .join() ?? '';
    for (const layer of ['conv2d', 'dense']) expect(names).toContain(layer);
  });

  it('false keeps the layers', async () => {
    const bytes = right(T.toOnnx({ fold: false })(pictures));
    expect(operators(bytes)).toEqual(expect.arrayContaining(['BatchNormalization', 'ReduceSum', 'Div']));
    expect(farthest((await outputOf(bytes, x)).data, await own(pictures, x))).toBeLessThan(1e-5);
  });
});

const python = '/usr/bin/python3';
const hasOnnx = spawnSync(python, ['-c', 'import onnx']).status === 0;
const check = 'import onnx, sys\nfor f in sys.argv[1:]: onnx.checker.check_model(onnx.load(f), full_check=True)';

describe('opset', () => {
  const opsets = [13, 14, 15, 16, 17, 18, 19, 20, 21];
  const formats = ['float32', 'float16', 'int8', 'dynamicInt8'] as const;

  it.each(opsets)('%i runs in onnxruntime, and computes the same', async (opset) => {
    for (const [trained, input] of [
      [pictures, x],
      [words, text],
    ] as const) {
      const bytes = right(T.toOnnx({ opset })(trained as typeof pictures));
      expect(right(Onnx.decode(bytes)).opsetImport.map(({ version }) => version)).toEqual([BigInt(opset)]);
      expect(farthest((await outputOf(bytes, input)).data, await own(trained, input))).toBeLessThan(1e-5);
      for (const weights of formats) {
        const small = right(T.toOnnx({ opset, weights })(trained as typeof pictures));
        expect(farthest((await outputOf(small, input)).data, await own(trained, input))).toBeLessThan(0.05);
      }
    }
  });

  it.skipIf(!hasOnnx)("passes ONNX's own checker, up to the opset that it knows", { timeout: 60_000 }, () => {
    const paths = [13, 14, 15, 16, 17].flatMap((opset) =>
      formats.flatMap((weights) =>
        [pictures, words].map((trained, i) => {
          const path = join(folder, `${opset}-${weights}-${i}.onnx`);
          writeFileSync(path, right(T.toOnnx({ opset, weights })(trained as typeof pictures)));
          return path;
        }),
      ),
    );
    expect(() => execFileSync(python, ['-c', check, ...paths], { stdio: 'pipe' })).not.toThrow();
  });

  it.each([12, 22, 17.5])('%d is refused', (opset) => {
    expect(left(T.toOnnx({ opset })(pictures))).toMatchObject({
      _tag: 'UnsupportedOpset',
      message: expect.stringContaining('from 13 to 21'),
    });
  });
});

describe('weights', () => {
  it('are smaller, and say nearly the same', async () => {
    const whole = right(T.toOnnx()(pictures));
    const given = await own(pictures, x);
    const at = async (weights: 'float16' | 'int8' | 'dynamicInt8') => {
      const bytes = right(T.toOnnx({ weights })(pictures));
      return [weightsOf(bytes) / weightsOf(whole), farthest((await outputOf(bytes, x)).data, given)] as const;
    };
    const [[half, halfError], [bytes, bytesError], [integer, integerError]] = [
      await at('float16'),
      await at('int8'),
      await at('dynamicInt8'),
    ];
    expect([half < 0.6, bytes < 0.4, integer < 0.4]).toEqual([true, true, true]);
    expect(halfError).toBeLessThan(1e-3);
    expect(bytesError).toBeLessThan(0.01);
    expect(integerError).toBeLessThan(0.03);
    expect(Math.min(halfError, bytesError, integerError)).toBeGreaterThan(0);
    expect(operators(right(T.toOnnx({ weights: 'dynamicInt8' })(pictures)))).toContain('MatMulInteger');
  });

  it('of units that are all 0 give 0, whatever onnxruntime makes of the product', async () => {
    const zeros = L.model(L.input([192]), L.dense(16, { kernelInitializer: L.Initializer.zeros }));
    const wide = right(NdArray.float32([2, 192], noise(2 * 192, 3)));
    for (const weights of ['int8', 'dynamicInt8'] as const) {
      const bytes = right(T.toOnnx({ weights })(right(T.untrained(1)(T.compile(zeros, parts)))));
      const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 });
      const { output } = await session.run({ input: toTensor(wide) });
      await session.release();
      expect(farthest(output?.data as Float32Array, new Float32Array(32))).toBeLessThan(1e-9);
    }
  });
});

describe('metadata', () => {
  it('says labels, preprocessing, provenance and version, and is read back', () => {
    const said = {
      labels: ['a', 'b', 'c', 'd', 'ü'],
      preprocessing: { scale: 1 / 255, layout: 'CHW' },
      provenance: { data: 'flowers', epochs: 3 },
      version: '1.2.0',
    };
    const bytes = right(T.toOnnx({ ...said, metadata: { author: 'A' } })(pictures));
    expect(right(Onnx.metadata(bytes))).toEqual({ ...said, entries: { author: 'A' } });
    expect(right(Onnx.metadata(right(T.toOnnx({ metadata: { labels: 'not JSON' } })(pictures))))).toEqual({
      entries: { labels: 'not JSON' },
    });
    expect(E.isLeft(Onnx.metadata(Uint8Array.of(1, 2, 3)))).toBe(true);
  });

  it('that JSON cannot say is refused, and so is a format that there is not', () => {
    const circle: Record<string, unknown> = {};
    circle.again = circle;
    for (const said of [{ provenance: circle }, { preprocessing: { seed: 1n } }])
      expect(left(T.toOnnx(said as T.ExportOptions)(pictures))).toMatchObject({
        _tag: 'FitError',
        message: expect.stringMatching(/^(provenance|preprocessing): expected what JSON can say/),
      });
    expect(left(T.toOnnx({ weights: 'int4' as 'int8' })(pictures)).message).toBe(
      "weights: expected 'float32', 'float16', 'int8', 'dynamicInt8', got \"int4\"",
    );
  });

  it('with labels that are not as many as the features is refused', () => {
    expect(left(T.toOnnx({ labels: ['a', 'b'] })(pictures))).toMatchObject({
      _tag: 'FitError',
      message: "labels: 2 names, but the output 'output' has 5 features: give a name for each",
    });
  });
});

describe('dimensions', () => {
  const dims = (bytes: Uint8Array) =>
    [...(graphOf(bytes)?.input ?? []), ...(graphOf(bytes)?.output ?? [])].map((i) =>
      i.type?.value.case === 'tensorType' ? i.type.value.value.shape?.dim.map((d) => d.value.value) : undefined,
    );

  it('get other names, or sizes', async () => {
    expect(dims(right(T.toOnnx({ dimensions: { batch: 'n', seq: 'tokens' } })(words)))).toEqual([
      ['n', 'tokens', 8n],
      ['n', 3n],
    ]);
    const fixed = right(T.toOnnx({ dimensions: { batch: 2, seq: 4 } })(words));
    expect(dims(fixed)).toEqual([
      [2n, 4n, 8n],
      [2n, 3n],
    ]);
    expect(farthest((await outputOf(fixed, text)).data, await own(words, text))).toBeLessThan(1e-5);
  });

  it('that there are not, or that are no sizes, are refused, all at once', () => {
    const { message } = left(T.toOnnx({ dimensions: { sequence: 'n', batch: 0 } })(pictures));
    expect(message).toContain("no dimension 'sequence', only 'batch'");
    expect(message).toContain("'batch' becomes 0");
  });
});

describe('onnxruntime-web', () => {
  it('runs the file, in WebAssembly', async () => {
    web.env.wasm.numThreads = 1;
    for (const weights of ['float32', 'dynamicInt8'] as const) {
      const session = await web.InferenceSession.create(right(T.toOnnx({ weights })(pictures)));
      const { output } = await session.run({ input: new web.Tensor('float32', x.data as Float32Array, [3, 2, 8, 8]) });
      expect(output?.dims).toEqual([3, 5]);
      const error = farthest(output?.data as Float32Array, await own(pictures, x));
      expect(error).toBeLessThan(weights === 'float32' ? 1e-5 : 0.03);
      await session.release();
    }
  });
});
