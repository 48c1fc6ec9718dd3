/** Weights beside the model: where they lie, and that onnxruntime and we find them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import * as ort from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import { nodeFileSystem } from '../../src/format/FileSystem.ts';
import { constant, graph, input } from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import { Layer as L, Loss, Onnx, Optimizer, Training as T } from '../../src/index.ts';
import { alignment, entriesOf, placing } from '../../src/onnx/ExternalData.ts';
import { toTensor } from '../support/evaluate.ts';
import { left, noise, objective, right } from '../training/support.ts';
import { f32 } from './import/support.ts';

const folder = mkdtempSync(join(tmpdir(), 'grad-ts-beside-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('placing', () => {
  const GiB = 2 ** 30;

  it('gives places that do not overlap, are aligned, and fit their files', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(3 * GiB), { maxLength: 30 }),
        fc.integer({ min: 1, max: 8 * GiB }),
        (lengths, shardBytes) => {
          const place = placing({ location: 'w', shardBytes });
          const places = lengths.map(place);
          for (const [i, p] of places.entries()) {
            expect(p.offset % alignment).toBe(0);
            expect(p.offset === 0 || p.offset + p.length <= shardBytes).toBe(true);
            const before = places[i - 1];
            if (before !== undefined && before.location === p.location)
              expect(p.offset).toBeGreaterThanOrEqual(before.offset + before.length);
          }
        },
      ),
    );
  });

  it('writes offsets beyond 2^31, and beyond 2^32, as they are', () => {
    const place = placing({ location: 'w', shardBytes: 2 ** 40 });
    place(3 * GiB);
    const second = place(3 * GiB);
    const third = place(5);
    expect(entriesOf(second)[1]).toEqual({ key: 'offset', value: '3221225472' });
    expect(entriesOf(third)[1]).toEqual({ key: 'offset', value: '6442450944' });
  });

  it('begins a further file where one is full', () => {
    const place = placing({ location: 'm.data' });
    expect([1.5 * GiB, GiB, GiB, 100].map((n) => place(n).location)).toEqual([
      'm.data',
      'm.data.1',
      'm.data.1',
      'm.data.2',
    ]);
  });
});

describe('encodeExternal', () => {
  const kernel = f32([20, 20], 2);
  const small = f32([20], 3);
  const x = input('x', 'float32', ['batch', 20]);
  const g = graph(
    'g',
    [x],
    [{ name: 'y', value: Op.add(Op.matMul(x, constant(kernel, 'kernel')), constant(small, 'bias')) }],
  );

  it('puts large tensors into files that onnxruntime finds', async () => {
    const { model, files } = right(Onnx.encodeExternal(g, { external: { location: 'g.data', threshold: 1000 } }));
    expect(files.map((f) => [f.location, f.bytes().length])).toEqual([['g.data', 1600]]);
    const { graph: proto } = right(Onnx.decode(model));
    expect(proto?.initializer.map((t) => [t.name, t.rawData.length, t.externalData.length])).toEqual([
      ['kernel', 0, 3],
      ['bias', 80, 0],
    ]);
    writeFileSync(join(folder, 'g.onnx'), model);
    for (const f of files) writeFileSync(join(folder, f.location), f.bytes());
    const session = await ort.InferenceSession.create(join(folder, 'g.onnx'), { intraOpNumThreads: 1 });
    const plain = await ort.InferenceSession.create(right(Onnx.encode(g)), { intraOpNumThreads: 1 });
    const feeds = { x: toTensor(f32([3, 20], 4)) };
    expect((await session.run(feeds)).y?.data).toEqual((await plain.run(feeds)).y?.data);
    await Promise.all([session.release(), plain.release()]);
  });

  it('several files, each made when it is asked for', () => {
    const { files } = right(
      Onnx.encodeExternal(g, { external: { location: 'g.data', threshold: 0, shardBytes: 1000 } }),
    );
    expect(files.map((f) => [f.location, f.bytes().length])).toEqual([
      ['g.data', 1600],
      ['g.data.1', 80],
    ]);
  });

  it('refuses sizes that are none', () => {
    for (const sizes of [{ threshold: Number.NaN }, { threshold: -1 }, { shardBytes: 0 }, { shardBytes: Number.NaN }])
      expect(left(Onnx.encodeExternal(g, { external: { location: 'g.data', ...sizes } })).message).toContain(
        'or more, got',
      );
  });

  it('refuses a path', () => {
    for (const location of ['../g', 'a/b', '', '..'])
      expect(left(Onnx.encodeExternal(g, { external: { location } }))._tag).toBe('IllFormed');
  });
});

describe('exportOnnx', () => {
  it('writes files beside the model, which import again', async () => {
    const trained = right(T.untrained(3)(objective));
    const env = { fileSystem: nodeFileSystem };
    const path = join(folder, 'flowers.onnx');
    right(await T.exportOnnx(path, { externalData: { threshold: 64 } })(trained)(env)());
    const layer = right(await Onnx.importOnnxFile(path, { expect: { input: [6], output: [3] } })(env)());
    const again = T.compile(L.model(L.input([6]), layer), {
      loss: Loss.sparseCategoricalCrossentropy(),
      optimizer: Optimizer.sgd(),
    });
    const copy = right(T.toOnnx()(right(T.untrained(0)(again))));
    const feeds = { input: toTensor({ dtype: 'float32', shape: [2, 6], data: Float32Array.from(noise(12)) }) };
    const [a, b] = await Promise.all([ort.InferenceSession.create(path), ort.InferenceSession.create(copy)]);
    const [p, q] = [(await a.run(feeds)).output?.data, (await b.run(feeds)).output?.data];
    Array.from(p as Float32Array).forEach((v, i) => {
      expect(Number(q?.[i])).toBeCloseTo(v, 6);
    });
    await Promise.all([a.release(), b.release()]);
  });
});
