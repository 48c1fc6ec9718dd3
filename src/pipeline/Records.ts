/**
 * Pipelines by name: `split` and `fanout` for records.
 */
import { pipe } from 'fp-ts/lib/function.js';
import * as RR from 'fp-ts/lib/ReadonlyRecord.js';
import { type AnyPipeline, compose, id, type Pipeline, promap, within } from './Arrow.ts';
import * as Border from './Border.ts';
import { common, disagreeing, known } from './Products.ts';
import type * as Stage from './Stage.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export type Pipelines = Readonly<Record<string, AnyPipeline>>;

type Intersection<F> = [F] extends [(a: infer All) => void] ? All : never;

/** What all of them need. */
export type NeedsOf<Ps> = Intersection<
  { [K in keyof Ps]: Ps[K] extends Pipeline<infer R, infer _E, infer _A, infer _B> ? (r: R) => void : never }[keyof Ps]
>;
/** What all of them take. */
export type TakesOf<Ps> = Intersection<
  { [K in keyof Ps]: Ps[K] extends Pipeline<infer _R, infer _E, infer A, infer _B> ? (a: A) => void : never }[keyof Ps]
>;
export type ErrorsOf<Ps> = {
  [K in keyof Ps]: Ps[K] extends Pipeline<infer _R, infer Err, infer _A, infer _B> ? Err : never;
}[keyof Ps];
export type EachTakes<Ps> = {
  readonly [K in keyof Ps]: Ps[K] extends Pipeline<infer _R, infer _E, infer A, infer _B> ? A : never;
};
export type EachGives<Ps> = {
  readonly [K in keyof Ps]: Ps[K] extends Pipeline<infer _R, infer _E, infer _A, infer B> ? B : never;
};

// -------------------------------------------------------------------------------------
// combinators
// -------------------------------------------------------------------------------------

type Fields = Readonly<Record<string, unknown>>;

interface Progress<A> {
  readonly given: A;
  readonly made: Fields;
}

type Loose = Pipeline<never, unknown, unknown, unknown>;

/** One field after the other, in the record's order; each from what `get` finds in the whole. */
const inTurn = <A>(
  pipelines: Pipelines,
  get: (given: A, name: string) => unknown,
): Pipeline<never, unknown, A, Fields> =>
  pipe(
    Object.entries(pipelines).reduce<Pipeline<never, unknown, Progress<A>, Progress<A>>>(
      (before, [name, p]) =>
        compose(before)(
          within(
            (of) => of,
            () => ({ from: Border.anything, to: Border.anything }),
            ({ given }: Progress<A>) => get(given, name),
            ({ given, made }, b: unknown): Progress<A> => ({ given, made: { ...made, [name]: b } }),
          )(p as Loose),
        ),
      id<Progress<A>>(),
    ),
    promap(
      (given: A): Progress<A> => ({ given, made: {} }),
      ({ made }: Progress<A>) => made,
    ),
  );

const stages = (pipelines: Pipelines): Readonly<Record<string, Stage.Stage>> =>
  pipe(
    pipelines,
    RR.map((p) => p.stage),
  );

const ends = (pipelines: Pipelines, end: 'from' | 'to'): Border.AnyBorder =>
  Border.record(
    pipe(
      pipelines,
      RR.map((p) => p[end]),
    ),
  );

/**
 * Each field of a record through a pipeline of its own, in the record's order: `split` with names.
 *
 * @example
 * P.struct({ box: P.numbers(4), kind: P.argmax(kinds) })   // { box, kind } -> { box, kind }
 */
export const struct = <Ps extends Pipelines>(
  pipelines: Ps,
): Pipeline<NeedsOf<Ps>, ErrorsOf<Ps>, EachTakes<Ps>, EachGives<Ps>> =>
  known(
    { _tag: 'Fields', name: 'Struct', of: stages(pipelines) },
    { from: ends(pipelines, 'from'), to: ends(pipelines, 'to') },
    inTurn<Fields>(pipelines, (given, name) => given[name]),
  ) as unknown as Pipeline<NeedsOf<Ps>, ErrorsOf<Ps>, EachTakes<Ps>, EachGives<Ps>>;

/**
 * All from the same element, to a record: `fanout` with names.
 *
 * @example
 * P.collect({ kind: P.argmax(kinds), probabilities: P.probabilities(kinds) })
 */
export const collect = <Ps extends Pipelines>(
  pipelines: Ps,
): Pipeline<NeedsOf<Ps>, ErrorsOf<Ps>, TakesOf<Ps>, EachGives<Ps>> => {
  const each = inTurn<unknown>(pipelines, (given) => given);
  const takes = Object.values(pipelines).map((p) => p.from);
  return known(
    { _tag: 'Fields', name: 'Collect', of: stages(pipelines) },
    { from: common(...takes), to: ends(pipelines, 'to') },
    { ...each, problems: [...each.problems, ...disagreeing('collect', takes)] },
  ) as unknown as Pipeline<NeedsOf<Ps>, ErrorsOf<Ps>, TakesOf<Ps>, EachGives<Ps>>;
};
