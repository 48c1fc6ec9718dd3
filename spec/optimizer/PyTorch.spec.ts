/**
 * Ten steps of each optimizer that PyTorch has as well, and its schedules (spec/golden/optimizers.py).
 */
import { describe, expect, it } from 'vitest';
import * as Optimizer from '../../src/optimizer/Optimizer.ts';
import * as Schedule from '../../src/optimizer/Schedule.ts';
import { expectSteps, read, type TenSteps } from './tenSteps.ts';

interface Goldens extends TenSteps<object> {
  readonly schedules: readonly {
    readonly schedule: string;
    readonly options: Readonly<Record<string, unknown>>;
    readonly rates: readonly number[];
  }[];
}

const goldens = read<Goldens>('optimizers.json');

const { sgd, adam, adamW, adamax, nadam, rmsprop, adagrad, adadelta } = Optimizer;
const optimizers: Readonly<Record<string, (options: object) => Optimizer.Optimizer>> = {
  sgd,
  adam,
  adamW,
  adamax,
  nadam,
  rmsprop,
  adagrad,
  adadelta,
};

const schedules: Readonly<Record<string, (options: never) => Schedule.Schedule>> = {
  oneCycle: Schedule.oneCycle,
  cosineDecay: Schedule.cosineDecay,
  cosineDecayRestarts: Schedule.cosineDecayRestarts,
  exponentialDecay: Schedule.exponentialDecay,
  polynomialDecay: Schedule.polynomialDecay,
  linear: Schedule.linear,
};

describe('PyTorch’s optimizers, ten steps', () => {
  it('all of them are there', () => {
    expect([...new Set(goldens.optimizers.map((c) => c.optimizer))].sort()).toEqual(Object.keys(optimizers).sort());
    expect(goldens.optimizers.every((c) => c.values.length === 10)).toBe(true);
  });

  for (const { optimizer: name, options, values } of goldens.optimizers)
    it(`${name} ${JSON.stringify(options)}`, async () => {
      const make = optimizers[name] as (o: object) => Optimizer.Optimizer;
      await expectSteps(goldens, make(options), values, 1e-6);
    });
});

describe('PyTorch’s schedules', () => {
  it('all of them are there', () => {
    expect([...new Set(goldens.schedules.map((c) => c.schedule))].sort()).toEqual(Object.keys(schedules).sort());
  });

  for (const { schedule: name, options, rates } of goldens.schedules)
    it(`${name} ${JSON.stringify(options)}`, () => {
      const schedule = (schedules[name] as (o: never) => Schedule.Schedule)(options as never);
      expect(schedule.problems).toEqual([]);
      rates.forEach((rate, step) => {
        const got = Schedule.at(schedule)(step);
        expect(Math.abs(got - rate), `step ${step}: ${got}, not ${rate}`).toBeLessThan(1e-5 * rate + 1e-8);
      });
    });
});
