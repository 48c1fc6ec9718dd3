/**
 * Ten steps of each optimizer by Keras's formula in float64, with every option that changes it (spec/golden/rules.py).
 * Those that PyTorch has too are in PyTorch.spec.ts, but without what the two do otherwise.
 */
import { describe, expect, it } from 'vitest';
import * as Optimizer from '../../src/optimizer/Optimizer.ts';
import { expectSteps, read, type TenSteps } from './tenSteps.ts';

const goldens = read<TenSteps<{ readonly excludeFromWeightDecay?: readonly string[] }>>('rules.json');

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
      const make = optimizers[name] as (o: object) => Optimizer.Optimizer;
      await expectSteps(goldens, make({ ...rest, excludeFromWeightDecay }), values, 2e-6);
    });
});
