/** Training graphs in mixed precision: what runs in 16 bits, on which kernels, and the rule of the loss scale. */
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, test } from 'vitest';
import type { OperatorNode } from '../../src/graph/Graph.ts';
import { topological } from '../../src/graph/Graph.ts';
import { missingKernels } from '../../src/graph/Kernels.ts';
import { Layer as L, Loss, Optimizer, Precision } from '../../src/index.ts';
import * as Plan from '../../src/interpret/Plan.ts';
import { initialValues } from '../../src/model/Initial.ts';
import { kernelTables } from '../support/kernelTables.ts';
import {
  type Arrays,
  asModel,
  beginning,
  dataOf,
  type Example,
  examples,
  float32,
  floats,
  int64,
  labels,
  problemOf,
  range,
  runOnce,
  samples,
  session,
  typesOf,
  uint32,
} from './problems.ts';
import { right } from './support.ts';

// -------------------------------------------------------------------------------------
// models
// -------------------------------------------------------------------------------------

const adam = Optimizer.adam({ learningRate: 0.01 });
const crossentropy = Loss.sparseCategoricalCrossentropy({ fromLogits: true });
const classifying = (model: unknown, data: Example['data'][string]): Example => ({
  model: asModel(model),
  loss: crossentropy,
  metrics: [],
  optimizer: adam,
  data: { input: data },
  target: labels(3),
});

const block = { features: 8, heads: 2, intermediate: 16, dropout: 0.1, causal: true, normalizeFirst: true } as const;
const tokens = {
  dtype: 'int32',
  shape: [samples, 6],
  data: Int32Array.from({ length: samples * 6 }, (_, i) => (i * 7) % 11),
} as const;

const models: Readonly<Record<string, Example>> = {
  ...examples,
  'recurrent layers': classifying(
    L.model(L.input([6, 4]), L.gru(5, { returnSequences: true }), L.lstm(4), L.dense(3)),
    floats([6, 4], 1),
  ),
  'attention of tokens': classifying(
    L.model(
      L.tokens([6]),
      L.embedding(11, 8),
      L.learnedPositions(6),
      L.transformerEncoder({ ...block, activation: 'gelu' }),
      L.layerNormalization(),
      L.globalAveragePool1d(),
      L.dense(3),
    ),
    tokens,
  ),
};

const planOf = (example: Example, precision: Precision.Precision, provider: 'cpu' | 'cuda') => {
  const problem = { ...problemOf(example), precision };
  return Plan.trainingPlan(problem, typesOf(example, problem.resolved), provider);
};

const operators = ({ graph }: Plan.TrainingPlan): readonly OperatorNode[] =>
  topological(graph.outputs.map((o) => o.value)).filter((n): n is OperatorNode => n._tag === 'Operator');

const products = /^(MatMul|Gemm|FusedMatMul|Conv|ConvTranspose)$/;
const isHalf = (n: OperatorNode): boolean => n.outputs.some((t) => t.dtype.endsWith('float16'));

// -------------------------------------------------------------------------------------
// kernels
// -------------------------------------------------------------------------------------

describe('on CUDA every operator has a kernel', () => {
  const policies = { float16: Precision.mixedFloat16(), bfloat16: Precision.mixedBfloat16() };
  for (const [name, example] of Object.entries(models))
    for (const [half, precision] of Object.entries(policies))
      test(`${name}, ${half}`, () => {
        const plan = right(planOf(example, precision, 'cuda'));
        expect(missingKernels(plan.graph, kernelTables, 'cuda', 18)).toEqual([]);
        const all = operators(plan);
        const wide = all.filter((n) => products.test(n.operator) && !isHalf(n)).map((n) => n.operator);
        // All products run in 16 bits, forward and backward; for bfloat16 there is no kernel of a convolution.
        if (half === 'float16' || !all.some((n) => n.operator === 'Conv')) expect(wide).toEqual([]);
        expect(all.some((n) => products.test(n.operator) && isHalf(n))).toBe(true);
        // Weights, slots and what is reported stay float32.
        const outside = [...plan.graph.inputs.map((v) => v.type), ...plan.graph.outputs.map((o) => o.value.type)];
        expect(outside.filter((t) => t.dtype.endsWith('float16'))).toEqual([]);
        const exact = ['Softmax', 'LogSoftmax', 'LayerNormalization', 'Log', 'Sqrt', 'Pow', 'ReduceMean'];
        expect(all.filter((n) => exact.includes(n.operator) && isHalf(n))).toEqual([]);
      });
});

describe('on a CPU', () => {
  test.each(['float16', 'bfloat16'] as const)('%s is refused, with the operators and what to do', (half) => {
    const precision = half === 'float16' ? Precision.mixedFloat16() : Precision.mixedBfloat16();
    const refused = planOf(models['convolutions of pixels'] as Example, precision, 'cpu');
    expect(E.isLeft(refused) && refused.left).toMatchObject({ _tag: 'PrecisionError', operators: ['Conv', 'Gemm'] });
    expect(E.isLeft(refused) && refused.left.message).toMatch(
      new RegExp(`cpu provider has no ${half} kernels of Conv, Gemm.*cuda provider.*Precision\\.emulated`),
    );
  });

  test.each(Object.entries(models))('emulated, it learns: %s', async (_, example) => {
    for (const precision of [Precision.mixedFloat16(), Precision.mixedBfloat16()]) {
      const plan = right(planOf(example, Precision.emulated(precision), 'cpu'));
      expect(missingKernels(plan.graph, kernelTables, 'cpu', 18)).toEqual([]);
      const { losses, states } = await run(plan, example, 20);
      expect(losses.every(Number.isFinite)).toBe(true);
      // With the dropout of the first step again: of other masks a loss is a matter of chance.
      const after = await run(plan, example, 1, states.at(-1));
      expect(after.losses[0]).toBeLessThan(losses[0] as number);
    }
  });
});

// -------------------------------------------------------------------------------------
// the loss scale
// -------------------------------------------------------------------------------------

const dataset = (example: Example) => ({ ...dataOf(example), indices: range(0, samples), batch_size: int64(samples) });

/** Single steps: what is carried, after each. */
const run = async (plan: Plan.TrainingPlan, example: Example, steps: number, start?: Arrays) => {
  const on = await session(plan.model);
  const states: Arrays[] = [start ?? beginning(plan, initialValues(problemOf(example).resolved, 1))];
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    const state = states[i] as Arrays;
    const rate = float32(0.01);
    const out = await runOnce(on, {
      ...state,
      ...dataset(example),
      learning_rate: rate,
      step: int64(i),
      seed: uint32(1),
    });
    const next = plan.carried.map((name) => [name, out[Plan.nextOutput(name)]] as const);
    states.push({ ...state, ...(Object.fromEntries(next) as Arrays) });
    losses.push(Number(out.loss?.data[0]));
  }
  return { states, losses };
};

const number = (state: Arrays, name: string): number => Number(state[`slot/${name}`]?.data[0]);
const withoutScale = (state: Arrays) =>
  Object.entries(state).flatMap(([name, a]) =>
    name.includes('loss_scale') ? [] : [[name, Array.from(a.data, Number)]],
  );

const small: Example = {
  ...classifying(
    L.model(L.input([5]), L.dense(6, { activation: 'tanh' }), L.batchNormalization(), L.dense(3)),
    floats([5], 1),
  ),
};

const emulated = (lossScale: Precision.LossScale) => Precision.emulated(Precision.mixedFloat16({ lossScale }));

describe('a dynamic loss scale', () => {
  test("is Keras's: halved with a skipped step, doubled after so many good ones in a row", async () => {
    const growthSteps = 3;
    const plan = right(planOf(small, emulated(Precision.dynamicScale({ initialScale: 2 ** 21, growthSteps })), 'cpu'));
    const { states } = await run(plan, small, 30);
    // LossScaleOptimizer of Keras 3, in numbers; whether gradients were finite is seen from the weights.
    const keras = { scale: 2 ** 21, counter: 0, skipped: 0 };
    let [grown, fallen] = [0, 0];
    states.slice(1).forEach((state, i) => {
      const before = states[i] as Arrays;
      const finite = JSON.stringify(withoutScale(state)) !== JSON.stringify(withoutScale(before));
      if (!finite) {
        keras.scale /= 2;
        keras.counter = 0;
        keras.skipped++;
        fallen++;
      } else if (keras.counter === growthSteps - 1) {
        keras.scale *= 2;
        keras.counter = 0;
        grown++;
      } else keras.counter++;
      expect(number(state, 'loss_scale')).toBe(keras.scale);
      expect(number(state, 'loss_scale_steps')).toBe(keras.counter);
      expect(number(state, 'loss_scale_skipped')).toBe(keras.skipped);
    });
    expect(fallen).toBeGreaterThan(3);
    expect(grown).toBeGreaterThan(3);
    expect(number(states[1] as Arrays, 'loss_scale')).toBe(2 ** 20);
  });

  test('a skipped step leaves nothing behind: neither weights nor statistics nor the number of the step', async () => {
    const from = (initialScale: number) =>
      right(planOf(small, emulated(Precision.dynamicScale({ initialScale, growthSteps: 1000 })), 'cpu'));
    const high = await run(from(2 ** 21), small, 12);
    const skipped = number(high.states.at(-1) as Arrays, 'loss_scale_skipped');
    expect(skipped).toBeGreaterThan(2);
    const low = await run(from(2 ** (21 - skipped)), small, 12 - skipped);
    expect(number(low.states.at(-1) as Arrays, 'loss_scale_skipped')).toBe(0);
    expect(withoutScale(high.states.at(-1) as Arrays)).toEqual(withoutScale(low.states.at(-1) as Arrays));
  });

  test('does not grow beyond float32', async () => {
    const scale = Precision.dynamicScale({ initialScale: 2 ** 126, growthSteps: 1, growthFactor: 4 });
    const precision = Precision.emulated(Precision.mixedBfloat16({ lossScale: scale }));
    const tiny: Example = { ...small, loss: Loss.scale(2 ** -120)(crossentropy) };
    const { states } = await run(right(planOf(tiny, precision, 'cpu')), tiny, 2);
    expect(states.slice(1).map((s) => number(s, 'loss_scale'))).toEqual([2 ** 127, 2 ** 127]);
  });

  test('saves gradients that float16 cannot hold', async () => {
    const faint: Example = { ...small, loss: Loss.scale(2 ** -24)(crossentropy), optimizer: Optimizer.sgd() };
    const moved = async (precision: Precision.Precision) => {
      const plan = right(planOf({ ...faint }, precision, 'cpu'));
      const start = beginning(plan, initialValues(problemOf(faint).resolved, 1));
      const on = await session(plan.model);
      // The rate makes up for the smallness of the loss.
      const rate = float32(2 ** 24);
      const out = await runOnce(on, {
        ...start,
        ...dataset(faint),
        learning_rate: rate,
        step: int64(0),
        seed: uint32(1),
      });
      return Array.from(
        out['next/dense.kernel']?.data as Float32Array,
        (x, i) => x - Number(start['dense.kernel']?.data[i]),
      );
    };
    const exact = await moved(Precision.float32);
    const norm = (xs: readonly number[]) => Math.hypot(...xs);
    const off = (xs: readonly number[]) => norm(xs.map((x, i) => x - (exact[i] ?? 0))) / norm(exact);
    expect(off(await moved(emulated(Precision.noScale)))).toBeGreaterThan(0.5);
    expect(off(await moved(emulated(Precision.constantScale(2 ** 15))))).toBeLessThan(0.01);
    expect(off(await moved(emulated(Precision.dynamicScale())))).toBeLessThan(0.01);
  });
});

describe('options', () => {
  test('numbers that nothing can be trained with', () => {
    const wrong = Precision.mixedFloat16({
      lossScale: Precision.dynamicScale({ initialScale: -1, growthSteps: 0.5, growthFactor: 0, backoffFactor: 1 }),
    });
    expect(Precision.check(wrong)).toEqual([
      'precision: initialScale must be a positive number of float32, got -1',
      'precision: growthSteps must be a whole number from 1 to 2^24, got 0.5',
      'precision: growthFactor must be 1 or more, got 0',
      'precision: backoffFactor must be between 0 and 1, got 1',
    ]);
    expect(Precision.check(Precision.mixedBfloat16({ lossScale: Precision.constantScale(1e40) }))).toHaveLength(1);
    expect(Precision.check(Precision.mixedFloat16())).toEqual([]);
    expect(planOf(small, wrong, 'cuda')).toMatchObject({ _tag: 'Left', left: { _tag: 'PrecisionError' } });
  });

  test('float32 is the graph without a precision', () => {
    const plain = right(Plan.trainingPlan(problemOf(small), typesOf(small, problemOf(small).resolved), 'cpu'));
    const same = right(planOf(small, Precision.float32, 'cpu'));
    expect(Buffer.compare(plain.model, same.model)).toBe(0);
    expect(plain.carried.filter((name) => name.includes('loss_scale'))).toEqual([]);
  });
});
