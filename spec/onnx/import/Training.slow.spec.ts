/** Whole real networks are trained further: every operator of them has its gradient. */
import { pipe } from 'fp-ts/lib/function.js';
import { afterAll, describe, expect, it } from 'vitest';
import { Data as D, Layer as L, Loss, NdArray, Onnx, Optimizer, Training as T } from '../../../src/index.ts';
import { bits, noise, right, runtime, world } from '../../training/support.ts';
import { bytesOf, type File, f32, original } from './support.ts';

const shared = runtime();
afterAll(() => shared.close());
const env = world(shared).environment;

interface Case {
  readonly file: File;
  readonly sample: readonly number[];
  readonly output: string;
  readonly options?: Onnx.ImportOptions;
}

const cases: readonly Case[] = [
  { file: 'direction', sample: [3, 48, 64], output: 'reshape2_0.tmp_0' },
  { file: 'recogniser', sample: [3, 48, 48], output: 'softmax_11.tmp_0' },
  { file: 'detector', sample: [3, 32, 32], output: 'p2o.Add.281' },
  { file: 'embedding', sample: [76, 32, 1], output: 'conv2d_19' },
  { file: 'jarvis', sample: [16, 96], output: '53', options: { freeBatch: true } },
];

describe('whole networks', () => {
  it.each(cases)('$file', { timeout: 300_000 }, async ({ file, sample, output, options = {} }) => {
    const layer = right(Onnx.importOnnx(bytesOf(file), { ...options, output }));
    const model = L.model(L.input([...sample]), L.named('net', layer), L.flatten(), L.named('head', L.dense(2)));
    const n = sample.reduce((a, b) => a * b, 1);
    const data = right(D.dataset({ x: D.floats([...sample], noise(4 * n)), y: D.ints([], [0, 1, 0, 1]) }));
    const objective = T.compile(model, {
      loss: Loss.sparseCategoricalCrossentropy({ fromLogits: true }),
      optimizer: Optimizer.sgd({ learningRate: 1e-4 }),
    });
    const start = right(T.untrained(1)(objective));
    const trained = right(
      await T.run(T.fit(objective, { data: data as never, epochs: 4, batchSize: 4, verbose: 0, seed: 1 }))(env)(),
    );
    const losses = trained.history.logs.loss?.map(Number) ?? [];
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(losses.at(-1)).toBeLessThan(Number(losses[0]));
    const [before, after] = [bits(start.weights), bits(trained.weights)];
    expect(
      Object.keys(after).filter((name) => name.startsWith('net.') && after[name] !== before[name]).length,
    ).toBeGreaterThan(0);
    const x = f32([2, ...sample], 4);
    const own = right(
      await pipe(trained, T.predict(right(NdArray.float32([2, ...sample], x.data as Float32Array)) as never))(env)(),
    );
    const theirs = await original(right(T.toOnnx()(trained)), { input: x });
    own.data.forEach((v, i) => {
      expect(Number(theirs.output?.data[i])).toBeCloseTo(Number(v), 4);
    });
  });
});
