/** Serving and micro-batches, by a timer that the test turns. */
import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import { describe, expect, it } from 'vitest';
import { Pipeline as P, Stream as S } from '../../src/index.ts';
import { left, right } from '../training/support.ts';
import { settle, time, traced } from './support.ts';

const tens = traced(
  'p',
  (n: number) => 10 * n,
  (n) => n < 0,
);

const serving = async (options: P.ServeOptions, p = tens) => {
  const clock = time();
  const env = { log: [] as string[], ...clock.env };
  const server = right(
    await pipe(
      p,
      P.mapLeft((message): { readonly message: string } => ({ message })),
      P.serve(options),
    )(env)(),
  );
  const answers: unknown[] = [];
  const ask = (n: number) => {
    void server
      .submit(n)()
      .then((r) => answers.push(E.isLeft(r) ? ('_tag' in r.left ? r.left._tag : r.left.message) : r.right));
  };
  return { ...clock, server, ask, answers, log: env.log };
};

describe('serve', () => {
  it('waits for others until maxDelay after the first', async () => {
    const { ask, pass, answers, log, pending } = await serving({ maxSize: 8, maxDelay: 5 });
    ask(1);
    await pass(3);
    ask(2);
    await pass(1);
    expect(answers).toEqual([]);
    await pass(1);
    expect(answers).toEqual([10, 20]);
    expect(log).toEqual(['open p', 'p([1,2])']);
    expect(pending()).toBe(0);
  });

  it('runs a full batch at once, and the rest after its own delay', async () => {
    const { ask, pass, answers, log, pending } = await serving({ maxSize: 2, maxDelay: 5 });
    for (const n of [1, 2, 3]) ask(n);
    await settle();
    expect(answers).toEqual([10, 20]);
    expect(pending()).toBe(1);
    await pass(5);
    expect(log).toEqual(['open p', 'p([1,2])', 'p([3])']);
  });

  it('gives each its own result: one that is refused does not fail the others', async () => {
    const { ask, pass, answers, server } = await serving({ maxSize: 8, maxDelay: 1 });
    for (const n of [1, -2, 3]) ask(n);
    await pass(1);
    expect(answers).toEqual([10, 'p refuses -2', 30]);
    expect(server.stats()).toEqual({ taken: 3, refused: 0, answered: 3, batches: 1, largest: 3, waiting: 0 });
  });

  it('refuses at once when too many wait, and takes again when they are answered', async () => {
    const { ask, pass, answers, server } = await serving({ maxSize: 8, maxDelay: 5, maxQueue: 2 });
    for (const n of [1, 2, 3]) ask(n);
    await settle();
    expect(answers).toEqual(['Overloaded']);
    await pass(5);
    ask(4);
    await pass(5);
    expect(answers).toEqual(['Overloaded', 10, 20, 40]);
    expect(server.stats().refused).toBe(1);
  });

  it('gathers while a batch runs', async () => {
    const release: (() => void)[] = [];
    const log: (readonly number[])[] = [];
    const slow = pipe(
      P.fromBatch((ns: readonly number[]) => () => async () => {
        log.push(ns);
        await new Promise<void>((resolve) => release.push(resolve));
        return ns.map((n) => E.right<string, number>(n));
      }),
      P.mapLeft(String),
    );
    const { ask, answers, pass } = await serving({ maxSize: 3, maxDelay: 0 }, slow);
    ask(0);
    for (const n of [1, 2, 3, 4]) ask(n);
    await pass(1);
    expect(log).toEqual([[0]]);
    release.shift()?.();
    await settle();
    expect(log).toEqual([[0], [1, 2, 3]]);
    release.shift()?.();
    await settle();
    release.shift()?.();
    await settle();
    expect(answers).toEqual([0, 1, 2, 3, 4]);
  });

  it('closes once: takes no more, answers what was taken, lets go', async () => {
    const { ask, answers, server, log, pending } = await serving({ maxSize: 8, maxDelay: 1000 });
    ask(1);
    const closing = server.close();
    ask(2);
    await closing;
    await server.close();
    await settle();
    expect([...answers].map(String).sort()).toEqual(['10', 'Closed']);
    expect(log).toEqual(['open p', 'p([1])', 'close p']);
    expect(pending()).toBe(0);
  });

  it('answers when a function throws, and only that request fails', async () => {
    const throwing: typeof tens = pipe(
      tens,
      P.map((n) => {
        if (n === 20) throw new Error('two');
        return n;
      }),
    );
    const { ask, pass, answers } = await serving({ maxDelay: 1 }, throwing);
    for (const n of [1, 2, 3]) ask(n);
    await pass(1);
    expect(answers).toEqual([10, 'Defect', 30]);
  });

  it('refuses options that make no sense, and pipelines that do not fit, before anything is opened', async () => {
    const { env } = time();
    const log: string[] = [];
    const bad = left(await pipe(tens, P.serve({ maxSize: 0, maxDelay: Number.NaN }))({ log, ...env })());
    expect(bad).toMatchObject({
      _tag: 'InvalidPipeline',
      problems: [
        'serve: maxSize: expected an integer of 1 or more, got 0',
        'serve: maxDelay: expected 0 or more milliseconds, got NaN',
      ],
    });
    expect(log).toEqual([]);
  });

  it('property: every request has its own answer, whatever the sizes and delays', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ n: fc.integer({ min: -5, max: 50 }), wait: fc.integer({ min: 0, max: 4 }) }), {
          maxLength: 20,
        }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 0, max: 6 }),
        async (requests, maxSize, maxDelay) => {
          const { server, pass, log } = await serving({ maxSize, maxDelay });
          const answers: Promise<E.Either<unknown, number>>[] = [];
          for (const { n, wait } of requests) {
            answers.push(server.submit(n)());
            if (wait > 0) await pass(wait);
          }
          await server.close();
          const got = (await Promise.all(answers)).map((a) => (E.isLeft(a) ? 'refused' : a.right));
          expect(got).toEqual(requests.map(({ n }) => (n < 0 ? 'refused' : 10 * n)));
          const batches = log.filter((l) => l.startsWith('p(')).map((l) => JSON.parse(l.slice(2, -1)) as number[]);
          expect(batches.flat()).toEqual(requests.map(({ n }) => n));
          expect(batches.every((b) => b.length <= maxSize)).toBe(true);
        },
      ),
      { numRuns: 40 },
    ));

  it('serving closes on every exit', async () => {
    const { env } = time();
    const log: string[] = [];
    const result = await pipe(
      tens,
      P.serving({}, () => RTE.left('gone')),
    )({ log, ...env })();
    expect(result).toEqual(E.left('gone'));
    expect(log).toEqual(['open p', 'close p']);
  });
});

describe('microBatch', () => {
  /** Elements that a test lets come. */
  const source = () => {
    const waiting: ((r: IteratorResult<E.Either<string, number>>) => void)[] = [];
    let pulls = 0;
    let returned = 0;
    const stream: S.Stream<unknown, string, number> = S.fromGenerator(() => ({
      next: () => {
        pulls += 1;
        return new Promise((resolve) => waiting.push(resolve));
      },
      return: async () => {
        returned += 1;
        return { done: true, value: undefined };
      },
    }));
    const give = async (e: E.Either<string, number>) => {
      waiting.shift()?.({ done: false, value: e });
      await settle();
    };
    const end = async () => {
      waiting.shift()?.({ done: true, value: undefined });
      await settle();
    };
    return { stream, give, end, pulls: () => pulls, returned: () => returned };
  };

  const reading = async (maxSize: number, maxDelay: number) => {
    const { stream, ...rest } = source();
    const clock = time();
    const seen: unknown[] = [];
    const iterable = P.microBatch({ maxSize, maxDelay })(stream)(clock.env);
    const done = (async () => {
      for await (const e of iterable) seen.push(E.isLeft(e) ? e.left : e.right);
    })();
    await settle();
    return { ...rest, ...clock, seen, done };
  };

  it.each([0, Number.NaN, -2, 0.5])('a size of %s is taken as 1', async (size) => {
    const { give, end, seen, done } = await reading(size, 10);
    for (const n of [1, 2]) await give(E.right(n));
    await end();
    await done;
    expect(seen).toEqual([[1], [2]]);
  });

  it('groups by size', async () => {
    const { give, end, seen, done, pending } = await reading(2, 10);
    for (const n of [1, 2, 3]) await give(E.right(n));
    expect(seen).toEqual([[1, 2]]);
    await end();
    await done;
    expect(seen).toEqual([[1, 2], [3]]);
    expect(pending()).toBe(0);
  });

  it('groups by delay, and loses nothing of the pull under way', async () => {
    const { give, end, seen, done, pass } = await reading(5, 10);
    await give(E.right(1));
    await pass(9);
    expect(seen).toEqual([]);
    await pass(1);
    expect(seen).toEqual([[1]]);
    await give(E.right(2));
    await pass(10);
    await end();
    await done;
    expect(seen).toEqual([[1], [2]]);
  });

  it('gives what is there before an error', async () => {
    const { give, seen, done } = await reading(5, 10);
    await give(E.right(1));
    await give(E.left('torn'));
    await done;
    expect(seen).toEqual([[1], 'torn']);
  });

  it('closes its source when the reader stops', async () => {
    const { stream, give, returned, pulls } = source();
    const clock = time();
    const iterator = P.microBatch({ maxSize: 1, maxDelay: 10 })(stream)(clock.env)[Symbol.asyncIterator]();
    const next = iterator.next();
    await settle();
    await give(E.right(1));
    expect((await next).value).toEqual(E.right([1]));
    await iterator.return?.();
    expect([returned(), pulls(), clock.pending()]).toEqual([1, 1, 0]);
  });

  it('through: results in order, each its own, the pipeline opened and closed once', async () => {
    const log: string[] = [];
    const { env } = time();
    const all = await pipe(
      S.fromIterable<number, unknown, string>([1, -2, 3]),
      P.through(tens, { maxSize: 2, maxDelay: 1 }),
      S.runCollect,
    )({ log, ...env })();
    expect(all).toEqual(E.right([E.right(10), E.left('p refuses -2'), E.right(30)]));
    expect(log).toEqual(['open p', 'p([1,-2])', 'p([3])', 'close p']);
  });
});
