import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { describe, expect, it } from 'vitest';
import { graph, input, type Value } from '../../src/graph/Graph.ts';
import { missingKernels } from '../../src/graph/Kernels.ts';
import * as S from '../../src/optimizer/Schedule.ts';
import { goldens, mismatch, namesOf } from '../objective/cases.ts';
import { evaluate, f32 } from '../support/evaluate.ts';
import { kernelTables } from '../support/kernelTables.ts';

/** What onnxruntime computes for some steps, and for several schedules in one go. */
const lowered = async (
  schedules: readonly S.Schedule[],
  steps: readonly number[],
): Promise<readonly (readonly number[])[]> => {
  const inputs = steps.map((_, i) => input(`step/${i}`, 'float32', []));
  const values = Object.fromEntries(
    schedules.flatMap((schedule, k) =>
      inputs.map((step, i): readonly [string, Value] => [`rate/${k}/${i}`, S.lower(schedule)(step)]),
    ),
  );
  const results = await evaluate(values, Object.fromEntries(steps.map((s, i) => [`step/${i}`, f32([s], [])])));
  return schedules.map((_, k) => steps.map((_, i) => results[`rate/${k}/${i}`]?.data[0] as number));
};

// -------------------------------------------------------------------------------------
// goldens
// -------------------------------------------------------------------------------------

interface Inputs {
  readonly steps: readonly number[];
}

interface Expected {
  readonly learning_rates: readonly number[];
}

type Options = Readonly<Record<string, unknown>>;

const camel = (h: Options) =>
  Object.fromEntries(
    Object.entries(h).flatMap(([name, value]) =>
      value === null ? [] : [[name.replace(/_(.)/g, (_, c: string) => c.toUpperCase()), value]],
    ),
  );

const made: Readonly<Record<string, (h: Options) => S.Schedule>> = {
  CosineDecay: (h) => S.cosineDecay(camel(h) as unknown as S.CosineDecayOptions),
  CosineDecayRestarts: (h) => S.cosineDecayRestarts(camel(h) as unknown as S.CosineDecayRestartsOptions),
  ExponentialDecay: (h) => S.exponentialDecay(camel(h) as unknown as S.DecayOptions),
  InverseTimeDecay: (h) => S.inverseTimeDecay(camel(h) as unknown as S.DecayOptions),
  PiecewiseConstantDecay: (h) => S.piecewiseConstant(h.boundaries as readonly number[], h.values as readonly number[]),
  PolynomialDecay: (h) => S.polynomialDecay(camel(h) as unknown as S.PolynomialDecayOptions),
};

describe('schedules give the golden rates', () => {
  const cases = goldens<Inputs, Expected>('lr_schedule', Object.keys(made));

  it('every class and every case is run', () => {
    expect(namesOf('lr_schedule')).toEqual(Object.keys(made));
    expect(cases.length).toBe(37);
  });

  for (const name of Object.keys(made))
    it(name, async () => {
      const wrong: string[] = [];
      for (const { id, hyperparameters, inputs, expected, tolerance } of cases.filter((c) => c.name === name)) {
        const schedule = made[name]?.(hyperparameters) as S.Schedule;
        expect(schedule.problems).toEqual([]);
        const numbers = mismatch(inputs.steps.map(S.at(schedule)), expected.learning_rates, tolerance);
        const [rates = []] = await lowered([schedule], inputs.steps);
        const inGraph = mismatch(rates, expected.learning_rates, tolerance);
        for (const w of [numbers, inGraph]) if (w !== undefined) wrong.push(`${id} ${w}`);
      }
      expect(wrong).toEqual([]);
    });
});

// -------------------------------------------------------------------------------------
// laws
// -------------------------------------------------------------------------------------

const rate = fc.double({ min: 1e-4, max: 1, noNaN: true });
const count = fc.integer({ min: 1, max: 400 });
const share = fc.double({ min: 0, max: 1, noNaN: true });

const named: fc.Arbitrary<S.Schedule> = fc.oneof(
  rate.map(S.constant),
  fc
    .record({ initialLearningRate: rate, decaySteps: count, decayRate: rate, staircase: fc.boolean() })
    .chain((o) => fc.constantFrom(S.exponentialDecay(o), S.inverseTimeDecay(o))),
  fc
    .record({
      initialLearningRate: rate,
      decaySteps: count,
      endLearningRate: rate,
      power: fc.constantFrom(0.5, 1, 2),
      cycle: fc.boolean(),
    })
    .map(S.polynomialDecay),
  fc.uniqueArray(fc.integer({ min: 0, max: 900 }), { maxLength: 5 }).chain((bs) =>
    fc.array(rate, { minLength: bs.length + 1, maxLength: bs.length + 1 }).map((values) =>
      S.piecewiseConstant(
        [...bs].sort((a, b) => a - b),
        values,
      ),
    ),
  ),
  fc.record({ from: rate, to: rate, steps: count }).map(S.linear),
  fc
    .record({ initialLearningRate: rate, decaySteps: count, alpha: share, warmupTarget: rate, warmupSteps: count })
    .map(S.cosineDecay),
  fc
    .record({
      initialLearningRate: rate,
      firstDecaySteps: count,
      tMul: fc.constantFrom(1, 1.5, 2, 3),
      mMul: fc.constantFrom(0.5, 0.9, 1),
      alpha: share,
    })
    .map(S.cosineDecayRestarts),
  fc
    .record({
      maxLearningRate: rate,
      totalSteps: fc.integer({ min: 20, max: 900 }),
      annealStrategy: fc.constantFrom('cos' as const, 'linear' as const),
      threePhase: fc.boolean(),
    })
    .map(S.oneCycle),
  fc.record({ modelSize: count, warmupSteps: count }).map(S.noam),
);

const schedule: fc.Arbitrary<S.Schedule> = fc.oneof(
  { weight: 3, arbitrary: named },
  fc.tuple(named, named, count).map(([a, b, n]) => S.join([a, b], [n])),
  fc.tuple(named, count).map(([a, n]) => S.delay(n)(a)),
  fc.tuple(named, count).map(([a, steps]) => S.warmUp({ steps })(a)),
  fc.tuple(named, named).map(([a, b]) => S.multiply(b)(a)),
  fc.tuple(named, rate).map(([a, f]) => S.scale(f)(a)),
);

const step = fc.integer({ min: 0, max: 1000 });

describe('two interpreters', () => {
  it('give the same rate for every schedule and step', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(schedule, { minLength: 1, maxLength: 4 }),
        fc.array(step, { minLength: 1, maxLength: 12 }),
        async (schedules, steps) => {
          const inGraph = await lowered(schedules, steps);
          schedules.forEach((s, k) => {
            expect(s.problems).toEqual([]);
            steps.forEach((n, i) => {
              const [here, there] = [S.at(s)(n), inGraph[k]?.[i] as number];
              expect(Number.isFinite(here)).toBe(true);
              expect(Math.abs(here - there)).toBeLessThanOrEqual(2e-6 * Math.abs(here) + 2e-7);
            });
          });
        },
      ),
      { numRuns: 40 },
    );
  });

  it('restart at the same step, however many restarts there were', async () => {
    const restarts = S.cosineDecayRestarts({ initialLearningRate: 1, firstDecaySteps: 7, tMul: 1.5 });
    const starts: number[] = [];
    for (let start = 0, length = 7; start < 1e6; start += length, length *= 1.5) starts.push(Math.ceil(start));
    const steps = starts.flatMap((s) => [s, s + 1]).concat(starts.slice(1).map((s) => s - 1));
    const [rates = []] = await lowered([restarts], steps);
    const numbers = steps.map(S.at(restarts));
    rates.forEach((r, i) => {
      expect(r).toBeCloseTo(numbers[i] as number, 5);
    });
    // Each start is near the top, and the step before it near the bottom.
    starts.slice(4).forEach((s) => {
      expect(S.at(restarts)(s)).toBeGreaterThan(0.9);
      expect(S.at(restarts)(s - 1)).toBeLessThan(0.1);
    });
  });

  it('both providers have the kernels', () => {
    const everything = [
      S.join([S.noam({ modelSize: 8, warmupSteps: 4 }), S.piecewiseConstant([2, 5], [1, 2, 3])], [10]),
      S.cosineDecayRestarts({ initialLearningRate: 1, firstDecaySteps: 3 }),
      S.cosineDecayRestarts({ initialLearningRate: 1, firstDecaySteps: 3, tMul: 1 }),
      S.polynomialDecay({ initialLearningRate: 1, decaySteps: 10, cycle: true }),
      S.inverseTimeDecay({ initialLearningRate: 1, decaySteps: 3, decayRate: 0.5, staircase: true }),
      S.delay(3)(S.oneCycle({ maxLearningRate: 1, totalSteps: 30 })),
    ].map((s, i) => ({ name: `rate${i}`, value: S.lower(s)(input('step', 'float32', [])) }));
    const whole = graph('rates', [], everything);
    expect(missingKernels(whole, kernelTables, 'cpu', 18)).toEqual([]);
    expect(missingKernels(whole, kernelTables, 'cuda', 18)).toEqual([]);
  });
});

it('noam is the formula of the paper', () => {
  for (const [modelSize, warmupSteps, factor] of [
    [512, 4000, 1],
    [8, 3, 2.5],
  ] as const)
    for (const step of [0, 1, warmupSteps - 1, warmupSteps, 10 * warmupSteps]) {
      const t = step + 1;
      const rate = factor * modelSize ** -0.5 * Math.min(t ** -0.5, t * warmupSteps ** -1.5);
      expect(S.at(S.noam({ modelSize, warmupSteps, factor }))(step) / rate).toBeCloseTo(1, 5);
    }
});

describe('laws', () => {
  const equalUpTo = (digits: number) => (a: S.Schedule, b: S.Schedule, n: number) => {
    const [x, y] = [S.at(a)(n), S.at(b)(n)];
    expect(Math.abs(x - y)).toBeLessThanOrEqual(10 ** -digits * Math.max(Math.abs(x), Math.abs(y)));
  };

  it('at is a homomorphism of operators and of composition', () => {
    fc.assert(
      fc.property(schedule, schedule, step, (a, b, n) => {
        const [x, y] = [S.at(a)(n), S.at(b)(n)];
        expect(S.at(S.add(a, b))(n)).toBe(Math.fround(x + y));
        expect(S.at(S.mul(a, b))(n)).toBe(Math.fround(x * y));
        expect(S.at(S.max(a, b))(n)).toBe(Math.max(x, y));
        expect(S.at(S.compose(a, b))(n)).toBe(S.at(a)(y));
        expect(S.at(S.compose(a, S.step))(n)).toBe(x);
        expect(S.at(S.compose(S.step, a))(n)).toBe(x);
      }),
    );
  });

  it('a factor distributes over sums, and factors multiply', () => {
    fc.assert(
      fc.property(schedule, schedule, rate, rate, step, (a, b, f, g, n) => {
        const near = equalUpTo(6);
        near(S.scale(f)(S.add(a, b)), S.add(S.scale(f)(a), S.scale(f)(b)), n);
        near(pipe(a, S.scale(f), S.scale(g)), S.scale(f * g)(a), n);
        near(S.scale(f)(S.join([a, b], [100])), S.join([S.scale(f)(a), S.scale(f)(b)], [100]), n);
      }),
    );
  });

  it('multiplication is a monoid', () => {
    fc.assert(
      fc.property(schedule, schedule, schedule, step, (a, b, c, n) => {
        const { concat, empty } = S.monoidProduct;
        equalUpTo(6)(concat(concat(a, b), c), concat(a, concat(b, c)), n);
        expect(S.at(concat(empty, a))(n)).toBe(S.at(a)(n));
        expect(S.at(concat(a, empty))(n)).toBe(S.at(a)(n));
      }),
    );
  });

  it('join hands over at the boundary, and each part counts from 0', () => {
    fc.assert(
      fc.property(schedule, schedule, count, step, (a, b, at, n) => {
        const joined = S.join([a, b], [at]);
        expect(S.at(joined)(n)).toBe(n < at ? S.at(a)(n) : S.at(b)(n - at));
      }),
    );
  });

  it('delay waits at the beginning; a warm-up ends where the schedule begins', () => {
    fc.assert(
      fc.property(schedule, count, step, (a, steps, n) => {
        expect(S.at(S.delay(steps)(a))(n)).toBe(S.at(a)(Math.max(n - steps, 0)));
        const warm = S.warmUp({ steps })(a);
        expect(S.at(warm)(0)).toBe(0);
        expect(S.at(warm)(n + steps)).toBe(S.at(a)(n));
        expect(S.at(warm)(Math.min(n, steps))).toBeLessThanOrEqual(S.at(a)(0) * (1 + 1e-6));
      }),
    );
  });
});

describe('options that make no sense', () => {
  it('are told, all of them, through every combinator', () => {
    const bad = S.exponentialDecay({ initialLearningRate: Number.NaN, decaySteps: 0, decayRate: 0.5 });
    const messages = [
      'exponentialDecay: initialLearningRate must be a finite number, got NaN',
      'exponentialDecay: decaySteps must be a finite number above 0, got 0',
    ];
    expect(S.check(bad)).toEqual(E.left(messages));
    expect(S.check(pipe(bad, S.scale(2), S.delay(3), S.multiply(bad)))).toEqual(E.left(messages));
    expect(S.check(S.constant(1))).toEqual(E.right(S.constant(1)));
  });

  it('for each schedule', () => {
    expect(S.piecewiseConstant([3, 2], [1, 2]).problems).toEqual([
      'piecewiseConstant: values must be one more than boundaries, got 2 values and 2 boundaries',
      'piecewiseConstant: boundaries must be ascending whole numbers, got 3, 2',
    ]);
    expect(S.cosineDecayRestarts({ initialLearningRate: 1, firstDecaySteps: 1, tMul: 1.001 }).problems).toEqual([
      'cosineDecayRestarts: tMul must be 1, or a finite number of 1.01 or more, got 1.001',
    ]);
    expect(S.oneCycle({ maxLearningRate: 1, totalSteps: 30, annealStrategy: 'sine' as never }).problems).toEqual([
      'oneCycle: annealStrategy must be one of cos, linear, got sine',
    ]);
    expect(S.oneCycle({ maxLearningRate: 1, totalSteps: 3 }).problems).toEqual([
      'oneCycle: every phase must have a step or more, got totalSteps 3 and pctStart 0.3',
    ]);
    expect(S.join([S.constant(1), S.constant(2)], []).problems).toEqual([
      'join: boundaries must be one fewer than schedules, got 2 schedules and 0 boundaries',
    ]);
  });
});
