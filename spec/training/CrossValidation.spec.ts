/** Folds, scores and out-of-fold predictions; tables of candidates. */

import fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import { afterAll, describe, expect, it } from 'vitest';
import { Callback as C, Data as D, Program as P, Training as T } from '../../src/index.ts';
import { bits, flowers, left, objective, right, runtime, world } from './support.ts';

const shared = runtime();
afterAll(shared.close);
const env = world(shared).environment;
const data = flowers(24);
const common = { data, batchSize: 4, verbose: 0 } as const;

describe('folds', () => {
  const isPartition = (folds: readonly D.Fold<unknown, unknown>[], size: number) => {
    expect(folds.flatMap((f) => [...f.validationIndices]).sort((a, b) => a - b)).toEqual(
      Array.from({ length: size }, (_, i) => i),
    );
    for (const { trainIndices, validationIndices } of folds) {
      expect(trainIndices.length + validationIndices.length).toBe(size);
      expect([...trainIndices].some((i) => validationIndices.includes(i))).toBe(false);
    }
  };

  it('stratified: every sample once, and each class evenly', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 4, maxLength: 60 }),
        fc.integer(),
        (labels, seed) => {
          const folds = right(D.stratifiedKFold(4, { seed, labels })(flowers(labels.length)));
          isPartition(folds, labels.length);
          for (const c of new Set(labels)) {
            const counts = folds.map((f) => [...f.validationIndices].filter((i) => labels[i] === c).length);
            expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
          }
          const sizes = folds.map((f) => f.validationIndices.length);
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        },
      ),
    );
    const own = right(D.stratifiedKFold(3, { seed: 1 })(data));
    const labels = Array.from(data.y.data as ArrayLike<number>, Number);
    expect(own.map((f) => f.index)).toEqual([0, 1, 2]);
    expect(own).toEqual(right(D.stratifiedKFold(3, { seed: 1, labels })(data)));
  });

  it('grouped: no group is on both sides', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 12, maxLength: 60 }),
        fc.integer(),
        (groups, seed) => {
          const distinct = new Set(groups).size;
          fc.pre(distinct >= 3);
          const folds = right(D.groupKFold(3, groups, { seed })(flowers(groups.length)));
          isPartition(folds, groups.length);
          for (const { trainIndices, validationIndices } of folds) {
            const seen = new Set([...trainIndices].map((i) => groups[i]));
            expect([...validationIndices].some((i) => seen.has(groups[i]))).toBe(false);
            expect(validationIndices.length).toBeGreaterThan(0);
          }
        },
      ),
    );
  });

  it('repeated: rounds with seeds of their own, counted through', () => {
    const folds = right(D.repeatedFolds(3, 7, (seed) => D.kFold(4, { seed }))(data));
    expect(folds.map((f) => f.index)).toEqual(Array.from({ length: 12 }, (_, i) => i));
    for (const round of [0, 1, 2]) isPartition(folds.slice(4 * round, 4 * round + 4), 24);
    expect(folds[0]?.validationIndices).not.toEqual(folds[4]?.validationIndices);
    expect(folds[5]?.train.size).toBe(18);
  });

  it('that cannot be are errors', () => {
    const message = (e: E.Either<{ readonly message: string }, unknown>) => left(e).message;
    expect(message(D.stratifiedKFold(1, { seed: 0 })(data))).toContain('an integer from 2 to 24');
    expect(message(D.stratifiedKFold(3, { seed: 0, labels: [1] })(data))).toContain('24 labels');
    expect(message(D.groupKFold(3, ['a'], { seed: 0 })(data))).toContain('24 names of groups');
    expect(message(D.groupKFold(3, Array(24).fill('a'), { seed: 0 })(data))).toContain('there are 1 groups');
    expect(message(D.repeatedFolds(0, 0, (seed) => D.kFold(2, { seed }))(data))).toContain('a positive integer');
  });
});

describe('crossValidate', () => {
  const program = P.sequence(P.epochs(2), P.withLearningRate(0.001)(P.steps(3)));

  it('scores each fold by the model that was trained on the others', async () => {
    const folds = D.kFold(3, { seed: 5 });
    const crossed = right(await pipe(program, P.crossValidate(objective, { ...common, folds, seed: 9 }))(env)());
    expect(crossed.folds).toHaveLength(3);
    expect(new Set(crossed.folds.map((f) => f.seed)).size).toBe(3);
    const [fold] = right(folds(data));
    const [first] = crossed.folds;
    if (fold === undefined || first === undefined) throw new Error('expected folds');
    // By hand: the same program on the fold's parts.
    const trained = right(
      await pipe(
        program,
        P.run(objective, { ...common, data: fold.train, validation: fold.validation, seed: first.seed }),
      )(env)(),
    );
    expect(bits(first.weights)).toEqual(bits(trained.weights));
    expect(first.scores).toEqual(right(await pipe(trained, T.evaluate(fold.validation))(env)()));
    expect(first.history.epochs).toEqual([0, 1, 2]);
    const accuracies = crossed.folds.map((f) => f.scores.accuracy);
    const mean = accuracies.reduce((a, b) => a + b) / 3;
    expect(crossed.mean.accuracy).toBeCloseTo(mean, 12);
    expect(crossed.deviation.accuracy).toBeCloseTo(
      Math.sqrt(accuracies.reduce((s, a) => s + (a - mean) ** 2, 0) / 2),
      12,
    );
    // Predictions stand where the samples do.
    const [output] = Object.values(crossed.predictions);
    const all = output?.data as Float32Array;
    const own = right(await pipe(trained, T.predict(fold.validation.x))(env)());
    expect(output?.shape).toEqual([24, 3]);
    [...fold.validationIndices].forEach((sample, at) => {
      expect([...all.slice(3 * sample, 3 * sample + 3)]).toEqual([
        ...(own.data as Float32Array).slice(3 * at, 3 * at + 3),
      ]);
    });
    expect([...crossed.times]).toEqual(Array(24).fill(1));
  });

  it('prepares each fold by its training part, and takes the mean of several rounds', async () => {
    const prepared: number[] = [];
    const folds = D.repeatedFolds(2, 1, (seed) => D.stratifiedKFold(2, { seed }));
    const crossed = right(
      await pipe(
        P.epochs(1),
        P.crossValidate(objective, {
          ...common,
          folds,
          prepare: (fold) => {
            prepared.push(fold.train.size);
            return D.standardiseFold(fold);
          },
        }),
      )(env)(),
    );
    expect(prepared).toHaveLength(4);
    expect([...crossed.times]).toEqual(Array(24).fill(2));
    expect(crossed.folds).toHaveLength(4);
  });

  it('ends with the first error', async () => {
    const result = await pipe(
      P.epochs(1),
      P.crossValidate(objective, { ...common, folds: D.kFold(40, { seed: 1 }) }),
    )(env)();
    expect(left(result).message).toContain('kFold: k');
  });

  it('refuses what would mix folds up, and what throws', async () => {
    const message = async (options: object, program: P.Program = P.epochs(1)) =>
      left(
        await pipe(
          program,
          P.crossValidate(objective, { ...common, folds: D.kFold(3, { seed: 1 }), ...options }),
        )(env)(),
      ).message;
    const backup = C.backupAndRestore('b.safetensors');
    expect(await message({ callbacks: backup })).toContain('goes on from b.safetensors, which all folds would share');
    expect(await message({}, P.withCallbacks(backup)(P.epochs(1)) as P.Program)).toContain('all folds would share');
    const halved = (fold: D.Fold<[6], { readonly int: [] }>) =>
      pipe(
        fold.validation,
        D.split({ validation: 0.5, seed: 1 }),
        E.map(({ train }) => ({ ...fold, validation: train })),
      );
    expect(await message({ prepare: halved })).toContain('fold 0 has 8 validation indices and, once prepared, 4');
    const stray = (all: typeof data) =>
      pipe(
        D.kFold(3, { seed: 1 })(all),
        E.map(([f]) => (f === undefined ? [] : [{ ...f, validationIndices: Int32Array.of(24) }])),
      );
    expect(await message({ folds: stray })).toContain('validates sample 24, the data have 24');
    const throwing = () => {
      throw new Error('no folds today');
    };
    expect(await message({ folds: throwing })).toContain('no folds today');
  });
});

describe('search', () => {
  it('makes grids and samples', () => {
    expect(P.grid({ a: [1, 2], b: ['x', 'y'] })).toEqual([
      { a: 1, b: 'x' },
      { a: 1, b: 'y' },
      { a: 2, b: 'x' },
      { a: 2, b: 'y' },
    ]);
    const space = {
      rate: P.logUniform(1e-4, 1e-1),
      units: P.integer(2, 4),
      kind: P.choice('a', 'b'),
      u: P.uniform(-1, 1),
    };
    const rows = P.sample(space, 200, 3);
    expect(rows).toEqual(P.sample(space, 200, 3));
    expect(rows).not.toEqual(P.sample(space, 200, 4));
    expect(new Set(rows.map((r) => r.units))).toEqual(new Set([2, 3, 4]));
    expect(new Set(rows.map((r) => r.kind))).toEqual(new Set(['a', 'b']));
    for (const { rate, u } of rows) {
      expect(rate >= 1e-4 && rate < 1e-1).toBe(true);
      expect(u >= -1 && u < 1).toBe(true);
    }
    expect(rows.filter((r) => r.rate < 1e-3).length).toBeGreaterThan(30);
  });

  it('tries all, keeps what fails as a row, and says which is best', async () => {
    const found = right(
      await pipe(
        P.grid({ rate: [0, 0.05, -1], epochs: [1, 6] }),
        P.search({ by: 'loss', direction: 'min', seed: 1 }, ({ values: { rate, epochs }, seed }) =>
          pipe(
            P.epochs(epochs),
            P.withLearningRate(rate),
            P.crossValidate(objective, { ...common, seed, folds: D.kFold(2, { seed: 1 }) }),
            RTE.map(({ mean }) => mean),
          ),
        ),
      )(env)(),
    );
    expect(found.rows.map((r) => [r.values.rate, r.values.epochs, r.result._tag])).toEqual([
      [0, 1, 'Right'],
      [0, 6, 'Right'],
      [0.05, 1, 'Right'],
      [0.05, 6, 'Right'],
      [-1, 1, 'Left'],
      [-1, 6, 'Left'],
    ]);
    expect(found.best).toMatchObject({ values: { rate: 0.05 } });
    const losses = found.rows.flatMap((r) => (E.isRight(r.result) ? [r.result.right.loss] : []));
    expect(found.best.scores.loss).toBe(Math.min(...losses));
  });

  it('is an error when nothing is left', async () => {
    const none = P.search({ by: 'loss', direction: 'min' }, () => RTE.right({ loss: 1 }));
    expect(left(await none([])({})()).message).toContain('at least one candidate');
    const failing = pipe(
      [1, 2],
      P.search({ by: 'loss', direction: 'max' }, () =>
        RTE.left<unknown, T.TrainingError, { readonly loss: number }>({ _tag: 'FitError', message: 'no' }),
      ),
    );
    expect(left(await failing({})()).message).toContain('all 2 candidates failed: 0: no; 1: no');
    const throwing = P.search({ by: 'loss', direction: 'max' }, ({ index }) => {
      if (index === 0) throw new Error('oh');
      return RTE.right({ loss: 1 });
    });
    const { rows, best } = right(await pipe([1, 2], throwing)({})());
    expect(rows.map(({ result }) => result._tag)).toEqual(['Left', 'Right']);
    expect(best.index).toBe(1);
  });
});
