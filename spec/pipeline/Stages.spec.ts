/** Decoding, preprocessing, models and answers: each with what it refuses. */
import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as t from 'io-ts';
import { afterAll, describe, expect, it } from 'vitest';
import * as G from '../../src/graph/Graph.ts';
import * as Op from '../../src/graph/Operators.ts';
import { Layer as L, Loss, NdArray, Optimizer, Pipeline as P, Preprocess, Training as T } from '../../src/index.ts';
import { encode } from '../../src/onnx/Encode.ts';
import { int } from '../../src/shape/Shape.ts';
import { throwing } from '../data/support.ts';
import { counted, left, runtime as make, right } from '../training/support.ts';
import { answering, type Flower, fitted, flowers, kinds, trained } from './support.ts';

const runtime = make();
afterAll(() => runtime.close());

const one = <R, Err, A, B>(p: P.Pipeline<R, Err, A, B>, a: A, env: R) => pipe(p, P.run(a))(env)();
const vector = <const X extends readonly number[]>(...xs: X) =>
  right(NdArray.float32([xs.length], xs)) as NdArray.NdArray<number extends X['length'] ? [number] : [X['length']]>;
const message = async (result: Promise<E.Either<{ readonly message: string }, unknown>>) => left(await result).message;

describe('decode', () => {
  const Request = t.type({
    flowers: t.array(t.intersection([t.type({ petal: t.number }), t.partial({ note: t.string })])),
  });
  it('says where, what was expected and what came', async () => {
    const error = left(await one(P.decode(Request), { flowers: [{ petal: 1 }, { petal: 'long', note: 3 }] }, {}));
    expect(error).toEqual({
      _tag: 'InvalidRequest',
      issues: [
        { path: 'flowers.1.petal', expected: 'number', actual: '"long"' },
        { path: 'flowers.1.note', expected: 'string', actual: '3' },
      ],
      message: 'flowers.1.petal: expected number, got "long"; flowers.1.note: expected string, got 3',
    });
    expect(await message(one(P.decode(Request), null, {}))).toContain('the request: expected');
    expect(await message(one(P.decode(Request), {}, {}))).toContain('flowers: expected Array<');
  });
  it('a codec that throws has refused', async () => {
    expect(await message(one(P.decode(throwing), 7, {}))).toBe(
      'the request: expected what Odd takes (it threw: Error: boom), got 7',
    );
  });
  it('property: never throws, whatever comes', () =>
    fc.assert(
      fc.asyncProperty(fc.anything({ withBigInt: true, withNullPrototype: true }), async (u) => {
        const result = await one(P.decode(Request), u, {});
        expect(E.isRight(result) ? Request.is(u) : result.left._tag === 'InvalidRequest').toBe(true);
      }),
    ));
});

describe('preprocess', () => {
  const stage = P.preprocess(fitted, [4]);
  it('gives what the fitted preprocessor gives, a batch at a time', async () => {
    const whole = right(pipe(fitted.transform(flowers), E.chain(Preprocess.toArray(4))));
    const results = right(await pipe(stage, P.runAll(flowers, { batchSize: 7 }))({})());
    expect(results.map((r) => [...right(r).data])).toEqual(
      flowers.map((_, i) => [...whole.data.subarray(4 * i, 4 * i + 4)]),
    );
    expect(right(results[0] as never as E.Either<never, NdArray.NdArray>).shape).toEqual([4]);
  });
  it('an unknown category fails alone', async () => {
    const odd = { length: 1, width: 1, soil: 'moon' };
    const results = right(await pipe(stage, P.runAll([flowers[0] as Flower, odd, flowers[1] as Flower]))({})());
    expect(results.map((r) => (E.isLeft(r) ? r.left._tag : 'fine'))).toEqual(['fine', 'UnknownCategory', 'fine']);
  });
  it('refuses a width that is not that of the fit', async () => {
    expect(await message(one(P.preprocess(fitted, [7]), flowers[0] as Flower, {}))).toBe(
      'preprocess: [7] was declared, but the fitted preprocessor gives 4 columns',
    );
  });
  it('goes back', async () => {
    const table = right(
      Preprocess.table([
        [1, 10],
        [2, 20],
        [3, 60],
      ]),
    );
    const scaled = right(Preprocess.fit(Preprocess.standardise())(table));
    const there = pipe(P.preprocess(scaled, [2]), P.andThen(P.inverse(scaled, [2])));
    const [a = 0, b = 0] = right(await one(there, [2.5, 33], {}));
    expect([a, b]).toEqual([expect.closeTo(2.5, 5), expect.closeTo(33, 4)]);
    expect(await message(one(P.inverse(fitted, [4]), vector(1, 2, 3, 4) as never, {}))).toContain('inverse: ');
  });
});

describe('model', () => {
  const samples = Array.from({ length: 9 }, (_, i) => vector(i, 1 - i, i / 3, 2));
  it('gives what predict gives', async () => {
    const whole = right(
      NdArray.float32(
        [9, 4],
        samples.flatMap((s) => [...(s.data as Float32Array)]),
      ),
    );
    const expected = right(await pipe(trained, T.predict(whole))({ runtime })());
    const results = right(await pipe(P.model(trained), P.runAll(samples))({ runtime })());
    expect(results.flatMap((r) => [...right(r).data].map((x) => Math.round(1e5 * Number(x))))).toEqual(
      [...expected.data].map((x) => Math.round(1e5 * Number(x))),
    );
  });
  it('loads once, runs once for a batch, lets go of everything', async () => {
    let [loads, runs] = [0, 0];
    const { runtime: seen, live } = counted({
      ...runtime,
      load: (bytes) => async () => {
        loads += 1;
        const session = await runtime.load(bytes)();
        return E.isLeft(session)
          ? session
          : E.right({
              ...session.right,
              run: (r) => {
                runs += 1;
                return session.right.run(r);
              },
            });
      },
    });
    const result = await pipe(P.model(trained), P.runAll(samples))({ runtime: seen })();
    expect([E.isRight(result), loads, runs, live().sessions]).toEqual([true, 1, 1, 0]);
  });
  it('a sample of another shape fails alone', async () => {
    const results = right(
      await pipe(P.model(trained), P.runAll([samples[0], vector(1), samples[1]] as typeof samples))({ runtime })(),
    );
    expect(results.map((r) => (E.isLeft(r) ? r.left.message : 'fine'))).toEqual([
      'fine',
      "the model's input: expected an array [4], got [1]",
      'fine',
    ]);
  });
  it('neighbours that run time alone can see', async () => {
    const five = P.named('five', 1, { from: P.type<number>('number'), to: P.array([5]) })(
      P.arr(() => vector(1) as never),
    );
    expect(
      await message(
        one(
          pipe(five as P.Pipeline<unknown, never, number, NdArray.NdArray<[number]>>, P.andThen(P.model(trained))),
          1,
          { runtime },
        ),
      ),
    ).toBe('andThen: the stage before gives NdArray[5], this one takes NdArray[4]');
  });
  it('sequences of several lengths, and a token beyond the vocabulary that fails alone', async () => {
    const words = right(
      pipe(
        T.compile(L.model(L.tokens(['seq']), L.embedding(10, 4), L.simpleRNN(3), L.dense(2)), {
          loss: Loss.sparseCategoricalCrossentropy({ fromLogits: true }),
          optimizer: Optimizer.adam(),
        }),
        T.untrained(1),
      ),
    );
    const tokens = (...xs: readonly number[]) => right(NdArray.int32([xs.length], xs));
    const all = [tokens(1, 2, 3), tokens(4), tokens(5, 99, 6), tokens(7, 8, 9), tokens(3)];
    const results = right(await pipe(P.model(words), P.runAll(all as never))({ runtime })());
    expect(results.map((r) => (E.isLeft(r) ? r.left._tag : right(r).shape))).toEqual([
      [2],
      [2],
      'RuntimeError',
      [2],
      [2],
    ]);
    const alone = right(await one(P.model(words), all[3] as never, { runtime }));
    expect([...right(results[3] as E.Either<never, NdArray.NdArray>).data]).toEqual([...alone.data]);
  });
});

describe('onnx', () => {
  const x = G.input('x', 'float32', ['batch', 2]);
  const n = G.input('n', 'int64', ['batch']);
  const file = right(
    encode(
      G.graph(
        'file',
        [x, n],
        [
          { name: 'double', value: Op.mul(x, 2) },
          { name: 'again', value: Op.cast('int64')(n) },
        ],
      ),
      { opset: 17 },
    ),
  );
  it('a file of anybody, integers as int64', async () => {
    const p = P.onnx(file, { inputs: { x: [2], n: int([]) }, outputs: { double: [2], again: int([]) } });
    const given = { x: vector(1, 2), n: right(NdArray.int32([], [7])) };
    const got = right(await one(p, given as never, { runtime }));
    expect([[...got.double.data], Number(got.again.data[0])]).toEqual([[2, 4], 7]);
  });
  it('says what the file has', async () => {
    const wrong = P.onnx(file, { inputs: { x: [3], y: [1] }, outputs: { double: [2] } });
    expect((await message(one(wrong, {} as never, { runtime }))).split('\n')).toEqual([
      "onnx: the input 'n' is not declared",
      "onnx: input 'x': [batch,3] was declared, the file has float32[batch,2]",
      "onnx: the file has no input 'y'; it has 'x', 'n'",
    ]);
    expect(await message(one(P.onnx(file, { inputs: [2], outputs: [2] }), vector(1) as never, { runtime }))).toContain(
      "the file has 2 inputs ('x', 'n'): name them",
    );
    expect(
      await message(
        one(P.onnx(new Uint8Array([1, 2]), { inputs: [2], outputs: [2] }), vector(1) as never, { runtime }),
      ),
    ).toContain('onnx: ');
  });
});

describe('answers', () => {
  const scores = vector(0.2, 0.5, 0.3);
  it('labels', async () => {
    expect(right(await one(P.argmax(kinds), scores, {}))).toBe('middle');
    expect(right(await one(P.argmax(kinds), vector(1, 1, 0), {}))).toBe('small');
    expect(right(await one(P.topK(2, kinds), scores, {})).map((r) => r.label)).toEqual(['middle', 'large']);
    expect(right(await one(P.threshold(kinds, 0.3), vector(0.2, 0.5, 0.25), {}))).toEqual(['middle']);
    expect(right(await one(P.threshold(kinds, { small: 0.1, middle: 0.9, large: 0.5 }), scores, {}))).toEqual([
      'small',
    ]);
    expect(right(await one(P.probabilities(kinds), scores, {}))).toEqual({
      small: expect.closeTo(0.2),
      middle: expect.closeTo(0.5),
      large: expect.closeTo(0.3),
    });
    expect(right(await one(P.scalar, vector(4), {}))).toBe(4);
    expect(right(await one(P.numbers(3), vector(1, 2, 4), {}))).toEqual([1, 2, 4]);
  });
  it('NaN and other sizes are errors of that element', async () => {
    expect(await message(one(P.argmax(kinds), vector(1, Number.NaN, 2), {}))).toBe(
      "argmax: score 1 (from 0) is NaN; check the input and the model's weights",
    );
    expect(await message(one(P.topK(1, kinds), vector(1, 2) as never, {}))).toBe(
      'topK: expected an array [3], got [2]',
    );
  });
  it('labels that make no sense', async () => {
    expect(await message(one(P.argmax(['a', 'a']), vector(1, 2), {}))).toBe("argmax: the label 'a' is there twice");
    expect(await message(one(P.topK(4, kinds), scores, {}))).toBe(
      'topK: expected an integer of 1 to 3 (as many labels), got 4',
    );
    expect(await message(one(P.threshold(kinds, Number.NaN), scores, {}))).toContain(
      "expected a number for 'small', got NaN",
    );
  });
  it('property: softmax sums to 1, keeps the order, and does not mind a shift', () =>
    fc.assert(
      fc.asyncProperty(
        fc.tuple(...[0, 1, 2].map(() => fc.float({ min: -50, max: 50, noNaN: true }))),
        fc.integer({ min: -20, max: 20 }),
        async (xs, shift) => {
          const [a, b] = await Promise.all(
            [xs, xs.map((x) => x + shift)].map(async (v) => [
              ...(right(await one(P.softmax(3), vector(...v) as never, {})).data as Float32Array),
            ]),
          );
          expect((a ?? []).reduce((x, y) => x + y, 0)).toBeCloseTo(1, 5);
          for (const [i, p] of (a ?? []).entries()) {
            expect(p).toBeCloseTo(b?.[i] ?? Number.NaN, 4);
            for (const [j, q] of (a ?? []).entries())
              if ((xs[i] ?? 0) > (xs[j] ?? 0)) expect(p).toBeGreaterThanOrEqual(q);
          }
        },
      ),
      { numRuns: 50 },
    ));
});

describe('the whole', () => {
  it('from JSON to JSON, each request on its own', async () => {
    const results = right(
      await pipe(
        answering,
        P.runAll<unknown>([flowers[0], { length: 1 }, { ...flowers[1], soil: 'moon' }]),
      )({ runtime })(),
    );
    const [good, bad, unknown] = results;
    const answer = right(
      good as E.Either<never, { readonly kind: string; readonly probabilities: Record<string, number> }>,
    );
    expect(kinds).toContain(answer.kind);
    expect(Object.keys(answer.probabilities)).toEqual([...kinds]);
    expect(Math.max(...Object.values(answer.probabilities))).toBe(answer.probabilities[answer.kind]);
    expect([bad, unknown].map((r) => (r !== undefined && E.isLeft(r) ? r.left._tag : 'fine'))).toEqual([
      'InvalidRequest',
      'UnknownCategory',
    ]);
  });
  it('batchSize is checked', async () => {
    expect(await message(pipe(answering, P.runAll<unknown>([1], { batchSize: 0 }))({ runtime })())).toContain(
      'batchSize',
    );
  });
});
