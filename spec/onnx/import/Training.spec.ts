/** An imported model is trained further: a new head on frozen weights, then all of it; and what comes of it runs everywhere. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as web from 'onnxruntime-web';
import { afterAll, describe, expect, expectTypeOf, it } from 'vitest';
import {
  Data as D,
  Layer as L,
  Loss,
  Model,
  NdArray,
  Onnx,
  Optimizer,
  Surgery,
  Training as T,
} from '../../../src/index.ts';
import { bits, left, noise, right, runtime, world } from '../../training/support.ts';
import { file, floats, ints, node } from './build.ts';
import { bytesOf, difference, f32, original } from './support.ts';

const shared = runtime();
const folder = mkdtempSync(join(tmpdir(), 'grad-ts-import-'));
afterAll(async () => {
  await shared.close();
  rmSync(folder, { recursive: true, force: true });
});
const env = world(shared).environment;

const python = '/usr/bin/python3';
const hasOnnx = spawnSync(python, ['-c', 'import onnx']).status === 0;
const check = 'import onnx, sys\nfor f in sys.argv[1:]: onnx.checker.check_model(onnx.load(f), full_check=True)';

const backbone = right(
  Onnx.importOnnx(bytesOf('direction'), {
    name: 'direction',
    output: 'relu_5.tmp_0',
    expect: { input: [3, 48, 64], output: [32, 6, 32] },
  }),
);

const model = L.model(
  L.input([3, 48, 64]),
  L.named('backbone', backbone),
  L.flatten(),
  L.named('head', L.dense(2, { activation: 'softmax' })),
);

/** Pictures that are brighter on the left or on the right. */
const pictures = (n: number) => {
  const values = noise(n * 3 * 48 * 64, 3).map((v, i) => {
    const [sample, column] = [Math.floor(i / 9216), i % 64];
    return 0.3 * v + (column < 32 === (sample % 2 === 0) ? 0.6 : -0.6);
  });
  return right(
    D.dataset({
      x: D.floats([3, 48, 64], values),
      y: D.ints(
        [],
        Array.from({ length: n }, (_, i) => i % 2),
      ),
    }),
  );
};

const objective = T.compile(model, {
  loss: Loss.sparseCategoricalCrossentropy(),
  optimizer: Optimizer.adam({ learningRate: 0.002 }),
});

const losses = (trained: { readonly history: T.Trained<unknown, unknown, unknown, string>['history'] }) =>
  trained.history.logs.loss?.map(Number) ?? [];

const under = <A>(record: Readonly<Record<string, A>>, path: string) =>
  Object.fromEntries(Object.entries(record).filter(([name]) => name.startsWith(`${path}.`)));

describe('a model with an imported backbone', () => {
  const data = pictures(8);
  const start = right(T.untrained(1)(objective)).weights;

  it('has its types, its names and its values', () => {
    expectTypeOf(model).toExtend<L.Model<['batch', 3, 48, 64], ['batch', 2]>>();
    const file = right(Onnx.describe(bytesOf('direction')));
    const theirs = file.weights.filter((w) => start[`backbone.${w.name}`] !== undefined);
    expect(theirs.length).toBe(28);
    for (const { name, shape } of theirs) expect(start[`backbone.${name}`]?.shape).toEqual(shape);
    // The same whatever the seed; the head's are drawn.
    const other = right(T.untrained(2)(objective)).weights;
    expect(bits(under(other, 'backbone'))).toEqual(bits(under(start, 'backbone')));
    expect(bits(under(other, 'head'))).not.toEqual(bits(under(start, 'head')));
  });

  it('trains its head frozen, then all of it, and is exported', { timeout: 120_000 }, async () => {
    const first = right(
      await T.run(T.fit(objective, { data, epochs: 14, batchSize: 8, verbose: 0, seed: 1, freeze: ['backbone'] }))(
        env,
      )(),
    );
    expect(losses(first).at(-1)).toBeLessThan(0.7 * Number(losses(first)[0]));
    expect(bits(under(first.weights, 'backbone'))).toEqual(bits(under(start, 'backbone')));

    const slower = T.compile(model, {
      loss: Loss.sparseCategoricalCrossentropy(),
      optimizer: Optimizer.adam({ learningRate: 1e-4 }),
    });
    const whole = right(
      await T.run(T.fit(slower, { data, epochs: 3, batchSize: 8, verbose: 0, seed: 1, weights: first.weights }))(env)(),
    );
    expect(losses(whole).at(-1)).toBeLessThan(Number(losses(first).at(-1)));
    const [before, after] = [bits(first.weights), bits(whole.weights)];
    const statistics = new Set(
      right(
        pipe(
          Model.resolve(model),
          E.mapLeft(() => ({ message: '' })),
        ),
      ).parameters.flatMap((p) => (p.trainable ? [] : [p.name])),
    );
    expect(statistics.size).toBe(16);
    for (const name of Object.keys(after)) {
      // Running statistics stay as the file has them.
      if (statistics.has(name)) expect(after[name]).toBe(before[name]);
    }
    const moved = Object.keys(after).filter((name) => after[name] !== before[name]);
    expect(moved.length).toBeGreaterThan(0.9 * (Object.keys(after).length - statistics.size));

    const x = f32([3, 3, 48, 64], 8);
    const own = right(
      await pipe(whole, T.predict(right(NdArray.float32([3, 3, 48, 64], x.data as Float32Array))))(env)(),
    );
    for (const opset of [17, 18]) {
      const bytes = right(T.toOnnx({ opset })(whole));
      const node = await original(bytes, { input: x });
      expect(difference(node.output as never, own)).toBeLessThan(1e-5);
    }
    const bytes = right(T.toOnnx()(whole));
    web.env.wasm.numThreads = 1;
    const session = await web.InferenceSession.create(bytes, { executionProviders: ['wasm'] });
    const { output } = await session.run({ input: new web.Tensor('float32', x.data as Float32Array, [3, 3, 48, 64]) });
    expect(difference({ dtype: 'float32', shape: [3, 2], data: output?.data as Float32Array }, own)).toBeLessThan(1e-4);
    await session.release();
    if (hasOnnx) {
      const path = join(folder, 'tuned.onnx');
      writeFileSync(path, bytes);
      expect(() => execFileSync(python, ['-c', check, path], { stdio: 'pipe' })).not.toThrow();
    }

    // As a part of another model the backbone is the one that was trained.
    const carried = right(
      pipe(model, Surgery.withWeights(whole.weights), E.chain(Surgery.upTo({ at: 'backbone', shape: [32, 6, 32] }))),
    );
    const next = L.model(L.input([3, 48, 64]), L.named('features', L.asLayer(carried)), L.flatten(), L.dense(4));
    const values = Model.initialValues(
      right(
        pipe(
          Model.resolve(next),
          E.mapLeft(() => ({ message: '' })),
        ),
      ),
      9,
    );
    for (const [name, array] of Object.entries(under(whole.weights, 'backbone')))
      expect(values[`features.${name}`]).toEqual(array);
  });

  it('moves running statistics when that is asked for', { timeout: 60_000 }, async () => {
    const moving = right(
      Onnx.importOnnx(bytesOf('direction'), {
        statistics: 'batch',
        output: 'relu_1.tmp_0',
        expect: { input: [3, 48, 64], output: [8, 12, 32] },
      }),
    );
    const m = L.model(
      L.input([3, 48, 64]),
      L.named('backbone', moving),
      L.globalAveragePool2d(),
      L.dense(2, { activation: 'softmax' }),
    );
    const o = T.compile(m, {
      loss: Loss.sparseCategoricalCrossentropy(),
      optimizer: Optimizer.sgd({ learningRate: 0.001 }),
    });
    const training = (freeze: readonly string[]) =>
      T.fit(o, { data, epochs: 1, batchSize: 8, verbose: 0, seed: 1, freeze });
    const begin = right(T.untrained(1)(o)).weights;
    const isStatistic = new Set(
      right(
        pipe(
          Model.resolve(m),
          E.mapLeft(() => ({ message: '' })),
        ),
      ).parameters.flatMap((p) => (p.trainable ? [] : [p.name])),
    );
    const of = (w: typeof begin) =>
      bits(Object.fromEntries(Object.entries(w).filter(([name]) => isStatistic.has(name))));
    const trained = right(await T.run(training([]))(env)());
    expect(of(trained.weights)).not.toEqual(of(begin));
    const frozen = right(await T.run(training(['backbone']))(env)());
    expect(of(frozen.weights)).toEqual(of(begin));
  });

  it('an operator without a gradient is an error only where its gradient is needed', { timeout: 60_000 }, async () => {
    const smaller = right(Onnx.importOnnx(resizedFile(), { expect: { input: [1, 4, 4], output: [1, 2, 2] } }));
    const m = L.model(L.input([1, 4, 4]), L.named('sampled', smaller), L.flatten(), L.dense(1));
    const o = T.compile(m, { loss: Loss.meanSquaredError(), optimizer: Optimizer.sgd() });
    const few = right(D.dataset({ x: D.floats([1, 4, 4], noise(64)), y: D.floats([1], [1, 2, 3, 4]) }));
    const all = left(await T.run(T.fit(o, { data: few, verbose: 0 }))(env)());
    expect(all).toMatchObject({ _tag: 'AutodiffError', operators: [{ operator: 'Resize', label: 'sampled' }] });
    right(await T.run(T.fit(o, { data: few, verbose: 0, freeze: ['sampled'] }))(env)());
  });
});

/** A convolution, then a reduction with `antialias`, for which there is no gradient. */
const resizedFile = (): Uint8Array =>
  file({
    opset: 18,
    inputs: [['x', 'float32', ['n', 1, 4, 4]]],
    outputs: [['sampled', 'float32', ['n', 1, 2, 2]]],
    tensors: { w: floats([1, 1, 1, 1], [2]), sizes: ints([2, 2]) },
    nodes: [
      node('Conv', ['x', 'w'], ['c']),
      node('Resize', ['c', '', '', 'sizes'], ['sampled'], { mode: 'linear', antialias: 1, axes: [2, 3] }),
    ],
  });
