/** Pipelines that write down what they do, a timer that a test turns, and a small trained model. */
import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as t from 'io-ts';
import { Layer as L, Loss, Optimizer, Pipeline as P, Preprocess, Training as T } from '../../src/index.ts';
import type { HasClock, HasTimer } from '../../src/training/Environment.ts';
import { noise, right } from '../training/support.ts';

// ----- effects that can be seen

export interface Env {
  readonly log: string[];
}

/** A stage with a resource; its batches are written down; it refuses what `refuses` says. */
export const traced = <A, B>(
  name: string,
  f: (a: A) => B,
  refuses: (a: A) => boolean = () => false,
): P.Pipeline<Env, string, A, B> =>
  pipe(
    P.bracket<Env, string | P.Defect, Env, A, B>(
      (env) => async () => {
        env.log.push(`open ${name}`);
        return E.right(env);
      },
      ({ log }) =>
        P.fromBatch((as: readonly A[]) => () => async () => {
          log.push(`${name}(${JSON.stringify(as)})`);
          return as.map(
            (a): E.Either<string, B> => (refuses(a) ? E.left(`${name} refuses ${JSON.stringify(a)}`) : E.right(f(a))),
          );
        }),
      ({ log }) =>
        async () => {
          log.push(`close ${name}`);
        },
    ),
    P.mapLeft((e) => (typeof e === 'string' ? e : e.message)),
  );

/** Integers to integers, with an effect, that refuses some. */
export const arrow = (name: string): fc.Arbitrary<P.Pipeline<Env, string, number, number>> =>
  fc
    .record({
      add: fc.integer({ min: -9, max: 9 }),
      times: fc.integer({ min: -3, max: 3 }),
      refuse: fc.integer({ min: 2, max: 7 }),
    })
    .map(({ add, times, refuse }) =>
      traced(
        name,
        (a: number) => (a * times + add) | 0,
        (a) => Math.abs(a) % refuse === 1,
      ),
    );

/** All that can be seen of a pipeline from outside. */
export const observe = async <A, B>(p: P.Pipeline<Env, string, A, B>, as: readonly A[]) => {
  const log: string[] = [];
  const results = await pipe(p, P.runAll(as))({ log })();
  return { results, log };
};

// ----- time

export interface Time {
  readonly env: HasClock & HasTimer;
  /** Lets so many milliseconds pass: what was to happen in them happens, in order. */
  readonly pass: (milliseconds: number) => Promise<void>;
  readonly pending: () => number;
}

/** Lets everything that does not wait for time go on. */
export const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

export const time = (): Time => {
  let now = 0;
  let all: { readonly at: number; readonly effect: () => void }[] = [];
  return {
    env: {
      clock: { now: () => now },
      timer: {
        after: (milliseconds, effect) => () => {
          const entry = { at: now + milliseconds, effect };
          all.push(entry);
          return () => {
            all = all.filter((e) => e !== entry);
          };
        },
      },
    },
    pending: () => all.length,
    pass: async (milliseconds) => {
      const end = now + milliseconds;
      for (;;) {
        const next = [...all].sort((a, b) => a.at - b.at)[0];
        if (next === undefined || next.at > end) break;
        now = next.at;
        all = all.filter((e) => e !== next);
        next.effect();
        await settle();
      }
      now = end;
      await settle();
    },
  };
};

// ----- a model

export const kinds = ['small', 'middle', 'large'] as const;
export const Flower = t.type({ length: t.number, width: t.number, soil: t.string }, 'Flower');
export type Flower = t.TypeOf<typeof Flower>;
export const Answer = t.type(
  { kind: t.keyof({ small: null, middle: null, large: null }), probabilities: t.record(t.string, t.number) },
  'Answer',
);

const soils = ['clay', 'sand'];
export const flowers: readonly Flower[] = Array.from({ length: 60 }, (_, i) => ({
  length: 3 + 2 * (noise(60, 1)[i] ?? 0),
  width: 1 + (noise(60, 2)[i] ?? 0),
  soil: soils[i % 2] ?? '',
}));

export const fitted = right(
  pipe(
    flowers,
    Preprocess.fit(
      Preprocess.columns(
        Preprocess.numeric(['length', 'width'], Preprocess.standardise()),
        Preprocess.categorical(['soil'], Preprocess.oneHot()),
      ),
    ),
  ),
);

/** Untrained weights serve as well as trained ones here. */
export const trained = right(
  pipe(
    T.compile(L.model(L.input([4]), L.dense(8, { activation: 'relu' }), L.dense(3)), {
      loss: Loss.sparseCategoricalCrossentropy({ fromLogits: true }),
      optimizer: Optimizer.adam(),
    }),
    T.untrained(3),
  ),
);

export const answering = pipe(
  P.decode(Flower),
  P.andThen(P.preprocess(fitted, [4])),
  P.andThen(P.model(trained)),
  P.andThen(P.softmax(3)),
  P.andThen(P.collect({ kind: P.argmax(kinds), probabilities: P.probabilities(kinds) })),
  P.andThen(P.encode(Answer)),
);
