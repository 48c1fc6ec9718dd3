/**
 * Training steps in mixed precision, emulated on the CPU, against PyTorch with the same rounding points
 * (`spec/golden/precision.py`).
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Layer as L, Loss, Optimizer, Precision } from '../../src/index.ts';
import * as Plan from '../../src/interpret/Plan.ts';
import type { Half } from '../../src/shape/Half.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import {
  asModel,
  beginning,
  type Example,
  float32,
  int64,
  problemOf,
  range,
  runOnce,
  session,
  typesOf,
  uint32,
} from './problems.ts';
import { right } from './support.ts';

interface Numbers {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface Case {
  readonly name: string;
  readonly x: Numbers;
  readonly target: readonly number[];
  readonly weights: Readonly<Record<string, Numbers>>;
  readonly rate: number;
  readonly scale: number;
  readonly runs: Readonly<
    Record<
      string,
      { readonly losses: readonly number[]; readonly weights: Readonly<Record<string, readonly number[]>> }
    >
  >;
}

const cases: readonly Case[] = JSON.parse(
  readFileSync(new URL('../golden/precision.json', import.meta.url), 'utf8'),
).cases;

const relu = { activation: 'relu' } as const;
const models: Readonly<Record<string, Example['model']>> = {
  plain: asModel(L.model(L.input([6]), L.dense(16, relu), L.dense(8, relu), L.dense(3))),
  normalised: asModel(L.model(L.input([5]), L.dense(8, relu), L.layerNormalization(), L.dense(3))),
  convolved: asModel(
    L.model(L.input([2, 5, 5]), L.conv2d({ filters: 3, kernel: 3, ...relu }), L.flatten(), L.dense(3)),
  ),
};

const array = ({ shape, data }: Numbers): NdArray => ({ dtype: 'float32', shape, data: Float32Array.from(data) });

const precisionOf = (half: string, scale: number): Precision.Precision => {
  const lossScale = Precision.constantScale(scale);
  if (half === 'float32') return Precision.float32;
  return Precision.emulated(
    (half as Half) === 'float16' ? Precision.mixedFloat16({ lossScale }) : Precision.mixedBfloat16({ lossScale }),
  );
};

const train = async (c: Case, half: string) => {
  const n = c.target.length;
  const example: Example = {
    model: models[c.name] as Example['model'],
    loss: Loss.sparseCategoricalCrossentropy({ fromLogits: true }),
    metrics: [],
    optimizer: Optimizer.sgd({ learningRate: c.rate }),
    data: { input: array(c.x) },
    target: { dtype: 'int32', shape: [n], data: Int32Array.from(c.target) },
  };
  const problem = { ...problemOf(example), precision: precisionOf(half, c.scale) };
  const plan = right(Plan.trainingPlan(problem, typesOf(example, problem.resolved), 'cpu'));
  const weights = Object.fromEntries(Object.entries(c.weights).map(([name, v]) => [name, array(v)]));
  const results = await runOnce(await session(plan.model), {
    ...beginning(plan, weights),
    'data/input': array(c.x),
    target: example.target,
    indices: { ...range(0, 3 * n), data: Int32Array.from({ length: 3 * n }, (_, i) => i % n) },
    batch_size: int64(n),
    learning_rate: float32(c.rate),
    step: int64(0),
    seed: uint32(0),
  });
  return {
    losses: Array.from(results.loss?.data ?? [], Number),
    weights: Object.fromEntries(
      Object.keys(weights).map((name) => [name, Array.from(results[`next/${name}`]?.data ?? [], Number)]),
    ),
  };
};

const furthest = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((x, i) => Math.abs(x - (b[i] ?? Number.NaN))));

describe('three steps of gradient descent in mixed precision, as in PyTorch', () => {
  for (const c of cases)
    for (const [half, expected] of Object.entries(c.runs))
      test(`${c.name}, ${half}`, async () => {
        const got = await train(c, half);
        expect(got.losses).toHaveLength(3);
        // One gradient of a convolution's kernel is rounded tap by tap here, and once in PyTorch.
        const tolerance = c.name === 'convolved' && half === 'float16' ? 2e-4 : 2e-6;
        expect(furthest(got.losses, expected.losses)).toBeLessThan(tolerance);
        for (const [name, values] of Object.entries(expected.weights))
          expect(furthest(got.weights[name] ?? [], values), name).toBeLessThan(tolerance);
        // The rounding is there: float32 is far from it.
        const plain = c.runs.float32?.losses ?? [];
        if (half !== 'float32') expect(furthest(got.losses, plain)).toBeGreaterThan(1e-4);
      });
});
