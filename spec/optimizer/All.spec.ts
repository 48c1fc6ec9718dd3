/**
 * What holds for every optimizer and every stage.
 */
import { describe, expect, it } from 'vitest';
import { graph, topological } from '../../src/graph/Graph.ts';
import { missingKernels } from '../../src/graph/Kernels.ts';
import * as Optimizer from '../../src/optimizer/Optimizer.ts';
import * as Schedule from '../../src/optimizer/Schedule.ts';
import { f32 } from '../support/evaluate.ts';
import { kernelTables } from '../support/kernelTables.ts';
import { optimizers } from './all.ts';
import { type Arrays, runAll, stepValues } from './steps.ts';

const parameters: Arrays = {
  'a.kernel': f32([1, -2, 3, -4, 0.5, -0.5], [3, 2]),
  'b.kernel': f32([0.1, 0.2, -0.3, 0.4, 0.5, -0.6, 0.7, 0.8], [2, 2, 1, 2]),
  'b.bias': f32([0.5, -0.5]),
  'c.scale': f32([7], []),
};

const steps = (rate: number, from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => ({
    rate,
    gradients: Object.fromEntries(
      Object.entries(parameters).map(([name, { shape, data }]) => [
        name,
        f32(
          Array.from(data as Float32Array, (_, j) => Math.sin(1 + 7 * (from + i) + 3 * j + name.length)),
          shape,
        ),
      ]),
    ),
  }));

for (const [name, { transformation, learningRate, problems }] of Object.entries(optimizers))
  describe(name, () => {
    it('has no problems, and both providers have its kernels', () => {
      expect(problems).toEqual([]);
      const outputs = Object.entries(stepValues(transformation, parameters)).map(([n, value]) => ({ name: n, value }));
      const whole = graph('step', [], outputs);
      expect(missingKernels(whole, kernelTables, 'cpu', 18)).toEqual([]);
      expect(missingKernels(whole, kernelTables, 'cuda', 18)).toEqual([]);
    });

    it('goes on from its slots, bit for bit', async () => {
      const whole = await runAll(transformation, parameters, steps(learningRate, 0, 7));
      const begun = (await runAll(transformation, parameters, steps(learningRate, 0, 3)))[2];
      const { weights = {}, slots = {} } = begun ?? {};
      const rest = await runAll(transformation, weights, steps(learningRate, 3, 7), { slots, steps: 3 });
      expect(rest[3]).toEqual(whole[6]);
      for (const [parameter, { data }] of Object.entries(whole[6]?.weights ?? {})) {
        expect(Array.from(data as Float32Array).every(Number.isFinite)).toBe(true);
        expect(Array.from(data as Float32Array)).not.toEqual(Array.from(parameters[parameter]?.data as Float32Array));
      }
    });

    it('leaves a parameter without a gradient, and its slots, alone', async () => {
      const [first] = steps(learningRate, 0, 1);
      const { 'b.bias': _, ...gradients } = first?.gradients ?? {};
      const start = transformation.slots({ 'b.bias': [2] });
      const [after] = await runAll(transformation, parameters, [{ rate: learningRate, gradients }]);
      expect(after?.weights['b.bias']?.data).toEqual(parameters['b.bias']?.data);
      for (const [slot, { init, shape }] of Object.entries(start)) {
        const expected =
          init === 'parameter'
            ? Array.from(parameters['b.bias']?.data as Float32Array)
            : shape.length === 0
              ? [init]
              : [init, init];
        expect(Array.from(after?.slots[slot]?.data as Float32Array)).toEqual(expected.map(Math.fround));
      }
    });
  });

it('a rate that is scheduled is built once, whatever the number of stages and parameters', () => {
  const cosines = (optimizer: Optimizer.Optimizer) =>
    topological(Object.values(stepValues(optimizer.transformation, parameters))).filter(
      (n) => n._tag === 'Operator' && n.operator === 'Cos',
    ).length;
  const learningRate = Schedule.cosineDecay({ initialLearningRate: 0.1, decaySteps: 10 });
  expect(cosines(Optimizer.adam({ learningRate, weightDecay: 0.1, clipNorm: 1, useEma: true }))).toBe(1);
});
