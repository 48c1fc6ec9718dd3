/** Mixed precision in a fit: refused where it cannot run, learnt with where it is emulated, resumed exactly, exported. */
import { pipe } from 'fp-ts/lib/function.js';
import * as O from 'fp-ts/lib/Option.js';
import * as ort from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import { Callback as C, Layer as L, Loss, Metric, Onnx, Optimizer, Precision, Training as T } from '../../src/index.ts';
import { counted, flowers, left, network, right, runtime, stateBits, stateOf, world } from './support.ts';

const shared = runtime();
afterAll(shared.close);

const data = flowers(60);
const file = 'last.safetensors';
const inPrecision = (precision: Precision.Precision) =>
  T.compile(network, {
    loss: Loss.sparseCategoricalCrossentropy(),
    optimizer: Optimizer.adam({ learningRate: 0.02 }),
    metrics: [Metric.sparseCategoricalAccuracy({ name: 'accuracy' })],
    precision,
  });
const fitting = (precision: Precision.Precision, epochs: number, more: T.FitSettings = { seed: 3 }) =>
  T.fit(inPrecision(precision), { data, epochs, batchSize: 10, verbose: 0, ...more });

describe('on a runtime without kernels for it', () => {
  it('fails before anything is loaded', async () => {
    const { runtime: watched, live } = counted(shared, (what) => what === 'load' || what === 'upload');
    const error = left(await T.run(fitting(Precision.mixedFloat16(), 1))(world(watched).environment)());
    expect(error).toMatchObject({ _tag: 'PrecisionError', operators: ['Gemm'] });
    expect(error.message).toContain('cpu provider has no float16 kernels of Gemm');
    expect(error.message).toContain('Precision.emulated(Precision.mixedFloat16())');
    expect(live()).toEqual({ sessions: 0, residents: 0 });
  });

  it('options that are no numbers to train with are reported by fit', async () => {
    const wrong = Precision.mixedFloat16({ lossScale: Precision.dynamicScale({ growthSteps: 0 }) });
    const error = left(await T.run(fitting(wrong, 1))(world(shared).environment)());
    expect(error.message).toContain('growthSteps must be a whole number from 1 to 2^24, got 0');
  });
});

describe('emulated', () => {
  it.each([
    ['float16', Precision.mixedFloat16()],
    ['bfloat16', Precision.mixedBfloat16()],
  ])('%s learns as float32 does', async (_, precision) => {
    const run = async (p: Precision.Precision) =>
      right(await T.run(fitting(p, 25))(world(shared).environment)()).history.logs.accuracy?.at(-1);
    const exact = Number(await run(Precision.float32));
    const mixed = Number(await run(Precision.emulated(precision)));
    expect(exact).toBeGreaterThan(0.7);
    expect(mixed).toBeGreaterThan(exact - 0.1);
  });

  it('goes on from a checkpoint to the last bit, the loss scale included', async () => {
    // So high that steps are skipped at first, so eager that it grows again.
    const lossScale = Precision.dynamicScale({ initialScale: 2 ** 22, growthSteps: 4 });
    const precision = Precision.emulated(Precision.mixedFloat16({ lossScale }));
    const here = world(shared);
    const whole = right(await T.run(pipe(fitting(precision, 4), C.modelCheckpoint(file)))(here.environment)());
    const saving = pipe(fitting(precision, 2), C.modelCheckpoint(file));
    const half = right(await T.run(saving)(here.environment)());
    const from = right(await T.loadState(file)(here.environment)());
    const going = pipe(fitting(precision, 4, { from }), C.modelCheckpoint(file));
    const rest = right(await T.run(going)(here.environment)());
    expect(stateBits(stateOf(rest))).toEqual(stateBits(stateOf(whole)));
    const scale = Precision.lossScaleOf(stateOf(half).slots);
    expect(O.isSome(scale) && scale.value.skipped).toBeGreaterThan(0);
    expect(O.isSome(scale) && scale.value.scale).toBeLessThan(2 ** 22);
    expect(Precision.lossScaleOf({})).toEqual(O.none);
  });

  it('leaves a float32 model', async () => {
    const trained = right(
      await T.run(fitting(Precision.emulated(Precision.mixedFloat16()), 1))(world(shared).environment)(),
    );
    expect(Object.values(trained.weights).every((w) => w.dtype === 'float32')).toBe(true);
    const { graph } = right(Onnx.decode(right(T.toOnnx()(trained))));
    expect(graph?.node.filter((n) => n.opType === 'Cast')).toEqual([]);
    const evaluated = right(await T.evaluate(data)(trained)(world(shared).environment)());
    const plain = right(T.withWeights(trained.weights)(inPrecision(Precision.float32)));
    expect(right(await T.evaluate(data)(plain)(world(shared).environment)())).toEqual(evaluated);
  });
});

describe('exportTraining', () => {
  const pictures = L.model(
    L.input([6]),
    L.reshape([1, 2, 3]),
    L.conv2d({ filters: 4, kernel: 2, activation: 'relu' }),
    L.flatten(),
    L.dense(3, { activation: 'softmax' }),
  );

  it.each([
    ['float16', Precision.mixedFloat16()],
    ['bfloat16', Precision.mixedBfloat16()],
  ])('%s for CUDA: a graph of valid types, with the loss scale as a slot', async (half, precision) => {
    const here = world(shared);
    const objective = T.compile(pictures, {
      loss: Loss.sparseCategoricalCrossentropy(),
      optimizer: Optimizer.adam(),
      precision,
    });
    const exporting = pipe(T.fit(objective, { data }), T.exportTraining('training.onnx', { provider: 'cuda' }));
    right(await exporting(here.environment)());
    const bytes = here.files.get('training.onnx') ?? new Uint8Array();
    const { graph } = right(Onnx.decode(bytes));
    expect(graph?.input.map((i) => i.name).includes('slot/loss_scale')).toBe(half === 'float16');
    expect(graph?.output.map((o) => o.name).includes('next/slot/loss_scale')).toBe(half === 'float16');
    // onnxruntime infers the types of all results, and refuses what does not agree, before it looks for kernels. On a CPU it
    // puts casts to float32 around what it has none of in float16, silently; in bfloat16 there it stops.
    const load = ort.InferenceSession.create(bytes, { graphOptimizationLevel: 'disabled', logSeverityLevel: 4 });
    if (half === 'float16') await (await load).release();
    else await expect(load).rejects.toThrow(/Could not find an implementation/);
  });

  it('for the CPU it is refused', async () => {
    const exporting = pipe(fitting(Precision.mixedBfloat16(), 1), T.exportTraining('training.onnx'));
    expect(left(await exporting(world(shared).environment)())._tag).toBe('PrecisionError');
  });
});
