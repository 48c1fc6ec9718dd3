/** What was fitted, before what was trained, as one file that takes raw numbers. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as ort from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import {
  Data as D,
  Layer as L,
  Loss,
  NdArray,
  Optimizer,
  Preprocess as P,
  Runtime,
  Training as T,
} from '../../src/index.ts';
import { numbers } from '../data/support.ts';
import { toTensor } from '../support/evaluate.ts';
import { noise, right, runtime, world } from './support.ts';

const shared = runtime();
afterAll(shared.close);
const here = world(shared);

interface House {
  readonly area: number | undefined;
  readonly rooms: number;
  readonly zone: number;
}

const houses: readonly House[] = Array.from({ length: 40 }, (_, i) => {
  const [a = 0, b = 0] = noise(2, i + 1);
  return { area: i % 7 === 3 ? undefined : 100 + 60 * a, rooms: 1 + Math.round(2 + 2 * b), zone: i % 3 };
});
const features = P.columns(
  P.numeric(['area', 'rooms'], pipe(P.impute('median', { indicator: true }), P.andThen(P.standardise()))),
  P.numeric(['rooms'], P.bins(2, { output: 'oneHot' })),
  P.categorical(['zone'], P.oneHot({ unknown: 'own' })),
);
const rawOf = (all: readonly House[]): readonly number[] =>
  all.flatMap(({ area, rooms, zone }) => [area ?? Number.NaN, rooms, rooms, zone]);

describe('a fitted preprocessor before a trained model', () => {
  it('is exported with it, and onnxruntime gives for raw numbers what transform and predict give', async () => {
    const fitted = right(P.fit(features)(houses));
    const width = 9;
    const network = L.model(L.input([width]), L.dense(6, { activation: 'relu' }), L.dense(1));
    const compiled = { loss: Loss.meanSquaredError(), optimizer: Optimizer.adam({ learningRate: 0.01 }) };
    const table = right(fitted.transform(houses));
    const y = houses.map(({ area = 100, rooms }) => [area / 100 + rooms]);
    const data = right(D.dataset({ x: D.floats([width], table.data), y: D.floats([1], y) }));
    const fit = T.fit(T.compile(network, compiled), { data, epochs: 2, batchSize: 8, seed: 1, verbose: 0 });
    const trained = right(await pipe(fit, T.run)(here.environment)());

    const before = right(P.asLayer(fitted, 4, width));
    const serving = L.model(L.input([4]), before, L.named('network', L.asLayer(network)));
    const weights = Object.fromEntries(Object.entries(trained.weights).map(([name, w]) => [`network.${name}`, w]));
    const whole = right(T.withWeights(weights)(T.compile(serving, compiled)));
    right(await T.exportOnnx('serving.onnx')(whole)(here.environment)());

    // Rows that were not fitted on: nothing known of the area, and a zone that was never seen.
    const fresh: readonly House[] = [
      ...houses.slice(0, 9),
      { area: undefined, rooms: 9, zone: 8 },
      { area: 1, rooms: 0, zone: 1 },
    ];
    const session = await ort.InferenceSession.create(
      here.files.get('serving.onnx') ?? new Uint8Array(),
      Runtime.sessionOptions({ threads: 1 }),
    );
    const raw = right(NdArray.float32([fresh.length, 4], rawOf(fresh)));
    const { output } = await session.run({ input: toTensor(raw) });
    const expected = right(
      await pipe(right(pipe(fitted.transform(fresh), E.chain(P.toArray(width)))), (x) =>
        T.predict(x)(trained)(here.environment),
      )(),
    );
    expect(output?.dims).toEqual([fresh.length, 1]);
    expected.data.forEach((v, i) => expect(Number(output?.data[i])).toBeCloseTo(Number(v), 4));
    expect(new Set(numbers(expected).map((v) => v.toFixed(3))).size).toBeGreaterThan(5);
  });
});
