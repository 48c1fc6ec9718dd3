/**
 * Ten steps of each optimizer by Keras's formula in float64, with every option that changes it (spec/golden/rules.py).
 * Those that PyTorch has too are in PyTorch.spec.ts, but without what the two do otherwise.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as Optimizer from '../../src/optimizer/Optimizer.ts';
import { f32 } from '../support/evaluate.ts';
import { type Arrays, runSteps } from './steps.ts';

interface Tensor {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

type Tensors = Readonly<Record<string, Tensor>>;

interface Goldens {
  readonly initial: Tensors;
  readonly gradients: readonly Tensors[];
  readonly optimizers: readonly {
    readonly optimizer: string;
    readonly options: { readonly excludeFromWeightDecay?: readonly string[] };
    readonly values: readonly Tensors[];
  }[];
}

const goldens: Goldens = JSON.parse(readFileSync(new URL('../golden/rules.json', import.meta.url), 'utf8'));

const arrays = (tensors: Tensors): Arrays =>
  Object.fromEntries(Object.entries(tensors).map(([name, { data, shape }]) => [name, f32(data, shape)]));

const { sgd, adam, adamW, adamax, nadam, rmsprop, adagrad, adadelta } = Optimizer;
const { ftrl, lion, lamb, adafactor, muon, scheduleFreeAdamW } = Optimizer;
const optimizers: Readonly<Record<string, (options: object) => Optimizer.Optimizer>> = {
  sgd,
  adam,
  adamW,
  adamax,
  nadam,
  rmsprop,
  adagrad,
  adadelta,
  ftrl,
  lion,
  lamb,
  adafactor,
  muon,
  scheduleFreeAdamW,
};

describe('formulas, ten steps', () => {
  it('all of them are there', () => {
    expect([...new Set(goldens.optimizers.map((c) => c.optimizer))]).toEqual(Object.keys(optimizers));
    expect(goldens.optimizers.length).toBe(28);
    expect(goldens.optimizers.every((c) => c.values.length === 10)).toBe(true);
  });

  for (const { optimizer: name, options, values } of goldens.optimizers)
    it(`${name} ${JSON.stringify(options)}`, async () => {
      const { excludeFromWeightDecay: names = [], ...rest } = options;
      const excludeFromWeightDecay = names.map((pattern) => new RegExp(pattern));
      const optimizer = (optimizers[name] as (o: object) => Optimizer.Optimizer)({ ...rest, excludeFromWeightDecay });
      expect(optimizer.problems).toEqual([]);
      const history = await runSteps(
        optimizer.transformation,
        arrays(goldens.initial),
        goldens.gradients.map((g) => ({ gradients: arrays(g), rate: optimizer.learningRate })),
      );
      values.forEach((expected, step) => {
        for (const [parameter, { data }] of Object.entries(expected))
          data.forEach((x, i) => {
            const got = history[step]?.[parameter]?.data[i] as number;
            expect(Math.abs(got - x), `step ${step} ${parameter}[${i}]: ${got}, not ${x}`).toBeLessThan(
              1e-5 * Math.abs(x) + 2e-6,
            );
          });
      });
    });
});
