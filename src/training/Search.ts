/**
 * Searching for what trains best: candidates as data, each tried one after the other, results as a table. What is tried is up to the
 * caller: a candidate may decide the program, the objective, the model. Part of `Program.ts`.
 */
import * as E from 'fp-ts/lib/Either.js';
import type * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import { derive, next, stateFrom } from '../data/Random.ts';
import type { Direction } from './Event.ts';
import { guarded } from './Run.ts';
import { fitError, type TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** For each name the values to try. */
export type Grid<C> = { readonly [K in keyof C]: readonly C[K][] };

/** For each name the value that a number from 0 to 1 (exclusive) stands for. */
export type Space<C> = { readonly [K in keyof C]: (u: number) => C[K] };

/** What is tried: its number, and a seed of its own, that follows from the search's. */
export interface Candidate<C> {
  readonly index: number;
  readonly seed: number;
  readonly values: C;
}

export interface Row<C, K extends string> extends Candidate<C> {
  /** Why there are no scores, or the scores. */
  readonly result: E.Either<TrainingError, Readonly<Record<K, number>>>;
}

export interface Found<C, K extends string> {
  /** In the order in which they were tried. */
  readonly rows: readonly Row<C, K>[];
  readonly best: Candidate<C> & { readonly scores: Readonly<Record<K, number>> };
}

// -------------------------------------------------------------------------------------
// candidates
// -------------------------------------------------------------------------------------

/**
 * All combinations; the last name changes fastest. scikit-learn: ParameterGrid.
 *
 * @example
 * grid({ rate: [1e-2, 1e-3], units: [16, 32] }) // 4 candidates
 */
export const grid = <C extends object>(values: Grid<C>): readonly C[] =>
  Object.entries<readonly unknown[]>(values as Readonly<Record<string, readonly unknown[]>>).reduce<readonly object[]>(
    (rows, [name, all]) => rows.flatMap((row) => all.map((value) => ({ ...row, [name]: value }))),
    [{}],
  ) as readonly C[];

/** So many random candidates, the same for the same seed. scikit-learn: ParameterSampler. */
export const sample = <C extends object>(space: Space<C>, count: number, seed: number): readonly C[] =>
  Array.from({ length: Math.max(0, Math.floor(count)) }, (_, i) => {
    const state = stateFrom(derive(seed, i));
    return Object.fromEntries(
      Object.entries<(u: number) => unknown>(space as Readonly<Record<string, (u: number) => unknown>>).map(
        ([name, value]) => [name, value(next(state) / 2 ** 32)],
      ),
    ) as C;
  });

/** Evenly from `from` to `to`. */
export const uniform =
  (from: number, to: number) =>
  (u: number): number =>
    from + u * (to - from);

/** Evenly in the exponent: for learning rates and other scales. */
export const logUniform =
  (from: number, to: number) =>
  (u: number): number =>
    from * (to / from) ** u;

/** Whole numbers from `from` to `to`, both inclusive. */
export const integer =
  (from: number, to: number) =>
  (u: number): number =>
    from + Math.floor(u * (to - from + 1));

/** One of these. */
export const choice =
  <A>(...all: readonly [A, ...A[]]) =>
  (u: number): A =>
    all[Math.floor(u * all.length)] ?? all[0];

// -------------------------------------------------------------------------------------
// search
// -------------------------------------------------------------------------------------

/** A score that is no number is worse than any other. */
const isBetter = (direction: Direction, a: number, b: number): boolean =>
  Number.isNaN(b) ? !Number.isNaN(a) : direction === 'min' ? a < b : a > b;

export interface SearchOptions<K extends string> {
  /** The score that decides, and whether it should be low or high. Of equal ones the first is best. */
  readonly by: K;
  readonly direction: Direction;
  /** Of the search: each candidate gets one of its own. Default 0. */
  readonly seed?: number;
}

/**
 * Tries candidates one after the other (a run uses all threads by itself) and says which is best. One that fails, or throws, is a row
 * with its error, and the search goes on; if all fail, that is the error.
 *
 * @example
 * pipe(
 *   P.grid({ rate: [1e-2, 1e-3], epochs: [5, 10] }),
 *   P.search({ by: 'accuracy', direction: 'max' }, ({ values: { rate, epochs }, seed }) =>
 *     pipe(
 *       P.epochs(epochs),
 *       P.withLearningRate(rate),
 *       P.crossValidate(objective, { data, seed, folds: D.kFold(5, { seed: 1 }), verbose: 0 }),
 *       RTE.map(({ mean }) => mean),
 *     ),
 *   ),
 * )
 */
export const search =
  <C, K extends string, R, Scores extends string>(
    { by, direction, seed = 0 }: SearchOptions<K>,
    attempt: (
      candidate: Candidate<C>,
    ) => RTE.ReaderTaskEither<R, TrainingError, Readonly<Record<Scores, number>> & Readonly<Record<K, number>>>,
  ) =>
  (candidates: readonly C[]): RTE.ReaderTaskEither<R, TrainingError, Found<C, K | Scores>> =>
  (env) =>
  async () => {
    const rows: Row<C, K | Scores>[] = [];
    let best: Found<C, K | Scores>['best'] | undefined;
    for (const [index, values] of candidates.entries()) {
      const candidate: Candidate<C> = { index, seed: derive(seed, index) % 2 ** 32, values };
      const result = await guarded(() => attempt(candidate)(env)())();
      rows.push({ ...candidate, result });
      if (E.isRight(result) && (best === undefined || isBetter(direction, result.right[by], best.scores[by])))
        best = { ...candidate, scores: result.right };
    }
    if (best !== undefined) return E.right({ rows, best });
    const reasons = rows.flatMap(({ index, result }) => (E.isLeft(result) ? [`${index}: ${result.left.message}`] : []));
    return E.left(
      fitError(
        reasons.length === 0
          ? 'search: expects at least one candidate, got none'
          : `search: all ${rows.length} candidates failed: ${reasons.join('; ')}`,
      ),
    );
  };
