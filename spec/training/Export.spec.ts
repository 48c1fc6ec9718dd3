/** Exported files: what others need to know of them is true. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipe } from 'fp-ts/lib/function.js';
import * as ort from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import { derive, permutation } from '../../src/data/Random.ts';
import { Layer as L, Loss, Metric, NdArray, Onnx, Optimizer, Runtime, Training as T } from '../../src/index.ts';
import { fromTensor, toTensor } from '../support/evaluate.ts';
import { bits, flowers, noise, objective, right, runtime, world } from './support.ts';

const shared = runtime();
const folder = mkdtempSync(join(tmpdir(), 'grad-ts-export-'));
afterAll(async () => {
  await shared.close();
  rmSync(folder, { recursive: true, force: true });
});

const here = world(shared);
const env = here.environment;

const pictures = L.model(
  L.input([2, 8, 8]),
  L.conv2d({ filters: 4, kernel: 3, padding: 'same', activation: 'relu' }),
  L.batchNormalization(),
  L.maxPool2d({ kernel: 2 }),
  L.dropout(0.2),
  L.named('head', L.sequential(L.flatten(), L.weightNormalization(L.dense(5, { activation: 'softmax' })))),
);
const images = T.compile(pictures, { loss: Loss.categoricalCrossentropy(), optimizer: Optimizer.adam() });

const python = '/usr/bin/python3';
const hasOnnx = spawnSync(python, ['-c', 'import onnx']).status === 0;
if (!hasOnnx) console.warn(`The reference checker is not run: ${python} has no package onnx (Debian: python3-onnx)`);
const check = 'import onnx, sys\nfor f in sys.argv[1:]: onnx.checker.check_model(onnx.load(f), full_check=True)';

const session = (bytes: Uint8Array) => ort.InferenceSession.create(bytes, Runtime.sessionOptions({ threads: 1 }));

describe('exportOnnx', () => {
  const trained = right(T.untrained(4)(images));

  it('writes a file and passes the model on', async () => {
    const same = right(
      await T.exportOnnx('model.onnx', { name: 'digits', metadata: { classes: '5' } })(trained)(env)(),
    );
    expect(same).toBe(trained);
    const model = right(Onnx.decode(here.files.get('model.onnx') ?? new Uint8Array()));
    expect(model.opsetImport.map(({ domain, version }) => [domain, version])).toEqual([['', 17n]]);
    expect(model.metadataProps.map(({ key, value }) => [key, value])).toEqual([['classes', '5']]);
    expect(model.graph?.name).toBe('digits');
  });

  it("has the model's inputs and outputs, a symbolic batch, and nodes named after the layers", () => {
    const { graph } = right(Onnx.decode(right(T.toOnnx({ fold: false })(trained))));
    const dims = (info: NonNullable<typeof graph>['input'][number] | undefined) =>
      info?.type?.value.case === 'tensorType' ? info.type.value.value.shape?.dim.map((d) => d.value.value) : undefined;
    expect(graph?.input.map((i) => [i.name, dims(i)])).toEqual([['input', ['batch', 2n, 8n, 8n]]]);
    expect(graph?.output.map((o) => [o.name, dims(o)])).toEqual([['output', ['batch', 5n]]]);
    const names = graph?.node.map((n) => n.name) ?? [];
    expect(new Set(names).size).toBe(names.length);
    expect(names.every((name) => name !== '')).toBe(true);
    for (const layer of ['conv2d', 'batch_normalization', 'max_pooling2d']) expect(names.join()).toContain(layer);
    expect(names.join()).toContain('head');
    expect(graph?.node.every((n) => n.domain === '')).toBe(true);
    // Inference: no randomness, and no statistics that change.
    expect(graph?.node.map((n) => n.opType).filter((op) => /Random|Dropout|Loop/.test(op))).toEqual([]);
    const initializers = graph?.initializer.map((t) => t.name) ?? [];
    expect(initializers).toEqual(expect.arrayContaining(['conv2d.kernel', 'batch_normalization.moving_mean']));
  });

  it('predicts what the model predicts, at any batch size and opset', async () => {
    for (const opset of [17, 18, 20]) {
      const file = await session(right(T.toOnnx({ opset })(trained)));
      for (const n of [1, 3]) {
        const x = right(NdArray.float32([n, 2, 8, 8], noise(n * 128, n)));
        const own = right(await pipe(trained, T.predict(x))(env)());
        const { output } = await file.run({ input: toTensor(x) });
        expect(output?.dims).toEqual([n, 5]);
        for (let i = 0; i < 5 * n; i++) expect(Number(output?.data[i])).toBeCloseTo(Number(own.data[i]), 5);
      }
      await file.release();
    }
  });

  it('of an opset that there is not is an error', async () => {
    const result = await T.exportOnnx('x.onnx', { opset: 5 })(trained)(env)();
    expect(result).toMatchObject({ _tag: 'Left', left: { _tag: 'UnsupportedOpset' } });
    expect(here.files.has('x.onnx')).toBe(false);
  });

  it.skipIf(!hasOnnx)("passes ONNX's own checker", { timeout: 60_000 }, async () => {
    const files = [
      ['images', trained],
      ['flowers', right(T.untrained(1)(objective))],
    ] as const;
    const paths = files.map(([name, model]) => {
      const path = join(folder, `${name}.onnx`);
      writeFileSync(path, right(T.toOnnx()(model as typeof trained)));
      return path;
    });
    expect(() => execFileSync(python, ['-c', check, ...paths], { stdio: 'pipe' })).not.toThrow();
  });
});

describe('exportTraining', () => {
  const data = flowers(10);
  const fit = T.fit(objective, { data, epochs: 2, batchSize: 4, verbose: 0, seed: 6 });

  /** Trains by the documented contract, with nothing but onnxruntime and the file. */
  const byHand = async (bytes: Uint8Array, epochs: number) => {
    const file = await session(bytes);
    const start = right(T.untrained(6)(objective)).weights;
    const carried: Record<string, ort.Tensor> = {};
    for (const [name, a] of Object.entries(start)) carried[name] = toTensor(a);
    // Slots of Adam are of the parameters' shapes, and start at 0.
    const slots = file.inputMetadata.filter(({ name }) => name.startsWith('slot/'));
    for (const slot of slots) {
      const shape = slot.isTensor ? slot.shape.map(Number) : [];
      const size = shape.reduce((a, b) => a * b, 1);
      carried[slot.name] = new ort.Tensor('float32', new Float32Array(size), shape);
    }
    const losses: number[] = [];
    const hits: number[] = [];
    for (let epoch = 0; epoch < epochs; epoch++) {
      const results = await file.run({
        ...carried,
        'data/input': new ort.Tensor('float32', data.x.data as Float32Array, [10, 6]),
        target: new ort.Tensor('int32', data.y.data as Int32Array, [10]),
        indices: new ort.Tensor('int32', permutation(derive(6, epoch), 10), [10]),
        batch_size: new ort.Tensor('int64', BigInt64Array.of(4n), []),
        learning_rate: new ort.Tensor('float32', Float32Array.of(0.01), []),
        step: new ort.Tensor('int64', BigInt64Array.of(BigInt(3 * epoch)), []),
        seed: new ort.Tensor('uint32', Uint32Array.of(6), []),
      });
      for (const [name, tensor] of Object.entries(results))
        if (name.startsWith('next/')) carried[name.slice('next/'.length)] = tensor;
      const samples = Array.from(results.samples?.data as Float32Array);
      expect(samples).toEqual([4, 4, 2]);
      const loss = Array.from(results.loss?.data as Float32Array);
      losses.push(loss.reduce((sum, l, i) => sum + l * Number(samples[i]), 0) / 10);
      hits.push(Array.from(results['metric/accuracy/total']?.data as Float32Array).reduce((a, b) => a + b, 0));
    }
    await file.release();
    return { carried, losses, hits };
  };

  it('writes a graph that any onnxruntime trains with: to the same bits', async () => {
    right(await T.exportTraining('training.onnx')(fit)(env)());
    const { carried, losses, hits } = await byHand(here.files.get('training.onnx') ?? new Uint8Array(), 2);
    const own = right(await T.run(fit)(env)());
    const theirs = Object.fromEntries(Object.keys(own.weights).map((n) => [n, fromTensor(carried[n] as ort.Tensor)]));
    expect(bits(theirs)).toEqual(bits(own.weights));
    losses.forEach((loss, epoch) => {
      expect(loss).toBeCloseTo(Number(own.history.logs.loss?.[epoch]), 6);
    });
    expect(hits.map((n) => n / 10)).toEqual(own.history.logs.accuracy);
  });

  it('has the inputs and outputs of the contract, and no weights', async () => {
    right(await T.exportTraining('training.onnx')(fit)(env)());
    const { graph } = right(Onnx.decode(here.files.get('training.onnx') ?? new Uint8Array()));
    const weights = Object.keys(right(T.untrained(0)(objective)).weights);
    const inputs = graph?.input.map((i) => i.name) ?? [];
    expect(inputs).toEqual(expect.arrayContaining(weights));
    const scalars = ['indices', 'batch_size', 'learning_rate', 'step', 'seed', 'data/input', 'target'];
    expect(inputs.filter((name) => !weights.includes(name) && !name.startsWith('slot/')).sort()).toEqual(
      scalars.sort(),
    );
    const outputs = graph?.output.map((o) => o.name) ?? [];
    expect(outputs).toEqual(expect.arrayContaining(weights.map((name) => `next/${name}`)));
    expect(outputs.filter((name) => !name.startsWith('next/')).sort()).toEqual([
      'loss',
      'metric/accuracy/count',
      'metric/accuracy/total',
      'samples',
    ]);
    expect(graph?.initializer.some(({ name }) => weights.includes(name))).toBe(false);
  });

  it('has a form for each provider', async () => {
    right(await T.exportTraining('cpu.onnx', { provider: 'cpu' })(fit)(env)());
    right(await T.exportTraining('cuda.onnx', { provider: 'cuda' })(fit)(env)());
    const operators = (path: string): string => {
      const { graph } = right(Onnx.decode(here.files.get(path) ?? new Uint8Array()));
      const body = graph?.node.find((n) => n.opType === 'Loop')?.attribute.find((a) => a.name === 'body')?.g;
      return body?.node.map((n) => n.opType).join() ?? '';
    };
    expect(operators('cpu.onnx')).toContain('BitwiseXor');
    expect(operators('cuda.onnx')).not.toMatch(/Bitwise|BitShift/);
    // The CPU can run either.
    const { losses } = await byHand(here.files.get('cuda.onnx') ?? new Uint8Array(), 1);
    expect(Number.isFinite(losses[0])).toBe(true);
  });

  it('of what cannot be trained is the error that `run` would give', async () => {
    const { model, optimizer } = objective;
    const parts = { loss: Loss.sparseCategoricalCrossentropy(), optimizer, metrics: [Metric.categoricalAccuracy()] };
    const wrong = T.fit(T.compile(model as never, parts as never), { data } as never);
    const result = await T.exportTraining('x.onnx')(wrong)(env)();
    expect(result).toMatchObject({ _tag: 'Left', left: { _tag: 'FitError' } });
  });
});
