/** Streams that write down what they do, and what it takes to compare them. */
import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import * as O from 'fp-ts/lib/Option.js';
import * as S from '../../src/stream/Stream.ts';

export interface Env {
  readonly log: string[];
}

/** Gives `elements` one by one, then fails if there is an `error`; each pull is written to the log. */
export const traced = <A>(name: string, elements: readonly A[], error?: string): S.Stream<Env, string, A> =>
  S.unfoldRTE<Env, string, number, A>(0, (i) => ({ log }) => async () => {
    log.push(`${name}${i}`);
    if (i < elements.length) return E.right(O.some([elements[i] as A, i + 1]));
    return error === undefined ? E.right(O.none) : E.left(error);
  });

export interface Observed<A> {
  readonly elements: readonly E.Either<string, A>[];
  readonly log: readonly string[];
}

/** All that can be seen of a stream from outside, asked on even after an error: elements, and effects in order. */
export const observe = async <A>(stream: S.Stream<Env, string, A>): Promise<Observed<A>> => {
  const log: string[] = [];
  const elements: E.Either<string, A>[] = [];
  for await (const e of stream({ log })) elements.push(e);
  return { elements, log };
};

const recipe = fc.record({
  elements: fc.array(fc.integer({ min: -9, max: 9 }), { maxLength: 4 }),
  error: fc.option(fc.constantFrom('e1', 'e2'), { nil: undefined, freq: 3 }),
});

export const streamOf = (name: string): fc.Arbitrary<S.Stream<Env, string, number>> =>
  recipe.map(({ elements, error }) => traced(name, elements, error));

/** A stream without effects or error. */
export const quietStream: fc.Arbitrary<S.Stream<Env, string, number>> = recipe.map((r) =>
  S.fromIterable<number, Env, string>(r.elements),
);

export const functionOf = fc.func(fc.integer({ min: -9, max: 9 }));
export const predicate = fc.func(fc.boolean());

/** A function to streams: its argument chooses one of a few. */
export const kleisli = (name: string): fc.Arbitrary<(a: number) => S.Stream<Env, string, number>> =>
  fc
    .array(streamOf(name), { minLength: 1, maxLength: 3 })
    .map((streams) => (a) => streams[Math.abs(a) % streams.length] as S.Stream<Env, string, number>);
