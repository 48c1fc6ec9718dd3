/** Weight normalisation with `dataInit`: gain and bias are set from the first batch, as Keras's golden case has them. */
import { readFileSync } from 'node:fs';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { afterAll, describe, expect, it } from 'vitest';
import * as D from '../../src/data/Data.ts';
import * as L from '../../src/layer/Layer.ts';
import { initialValues } from '../../src/model/Initial.ts';
import { resolve } from '../../src/model/Resolve.ts';
import * as Loss from '../../src/objective/Loss.ts';
import * as Optimizer from '../../src/optimizer/Optimizer.ts';
import * as Environment from '../../src/runtime/Environment.ts';
import * as T from '../../src/training/Training.ts';

const environment = Environment.node()();
afterAll(() => environment.runtime.close());

const must = <A>(either: E.Either<unknown, A>): A => {
  if (E.isLeft(either)) throw new Error(JSON.stringify(either.left));
  return either.right;
};

/** Too small a rate to change a float32. */
const optimizer = Optimizer.sgd({ learningRate: 1e-30 });

/** Mean and standard deviation of each column. */
const moments = (rows: readonly (readonly number[])[], unit: number) => {
  const column = rows.map((row) => row[unit] ?? 0);
  const mean = column.reduce((a, b) => a + b, 0) / column.length;
  const variance = column.reduce((a, b) => a + (b - mean) ** 2, 0) / column.length;
  return { mean, deviation: Math.sqrt(variance + 1e-10) };
};

describe('weightNormalization with dataInit', () => {
  it('sets gain and bias of each layer in turn from the first batch', async () => {
    const model = L.model(
      L.input([3]),
      L.weightNormalization(L.dense(4, { activation: 'tanh' }), { dataInit: true }),
      L.weightNormalization(L.dense(2), { dataInit: true }),
    );
    const rows = Array.from({ length: 32 }, (_, i) => [Math.sin(i), Math.cos(3 * i), Math.sin(5 * i + 1)]);
    const data = must(
      D.dataset({
        x: D.floats([3], rows),
        y: D.floats(
          [2],
          rows.map(([a = 0, b = 0]) => [a, b]),
        ),
      }),
    );
    const objective = T.compile(model, { loss: Loss.meanSquaredError(), optimizer });
    const fit = T.fit(objective, { data, batchSize: 32, shuffle: false, verbose: 0 });
    const { weights } = must(await pipe(fit, T.run)(environment)());
    const before = initialValues(must(resolve(model)), 0);
    const read = (name: string, from = weights) => Array.from(from[name]?.data ?? [], Number);

    let inputs: readonly (readonly number[])[] = rows;
    for (const [layer, units, activation] of [
      ['weight_normalization', 4, Math.tanh],
      ['weight_normalization_1', 2, (x: number) => x],
    ] as const) {
      const v = read(`${layer}.v`);
      expect(v).toEqual(read(`${layer}.v`, before));
      const column = (u: number) => v.filter((_, i) => i % units === u);
      const product = (row: readonly number[], u: number) =>
        row.reduce((sum, x, i) => sum + x * (column(u)[i] ?? 0), 0);
      const raw = inputs.map((row) => Array.from({ length: units }, (_, u) => product(row, u)));
      const [g, bias] = [read(`${layer}.g`), read(`${layer}.bias`)];
      for (let u = 0; u < units; u++) {
        const { mean, deviation } = moments(raw, u);
        expect(g[u]).toBeCloseTo(1 / deviation, 4);
        expect(bias[u]).toBeCloseTo(-mean / deviation, 4);
      }
      const scale = Array.from({ length: units }, (_, u) => (g[u] ?? 0) / Math.hypot(...column(u)));
      inputs = raw.map((row) => row.map((t, u) => activation(t * (scale[u] ?? 0) + (bias[u] ?? 0))));
    }
  });

  it('is Keras’s golden case', async () => {
    const cases = JSON.parse(readFileSync(new URL('../golden/keras-goldens.json', import.meta.url), 'utf8')).cases;
    const found = cases.filter(
      (c: { kind: string; hyperparameters: { data_init?: boolean } }) =>
        c.kind === 'weight_normalization' && c.hyperparameters.data_init === true,
    );
    expect(found.length).toBe(1);
    const [{ inputs, expected }] = found;
    const [samples, features] = inputs.x.shape;
    const units = inputs.v.shape[1];
    const data = must(
      D.dataset({
        x: D.floats([features as number], inputs.x.data),
        y: D.floats([units as number], new Float32Array(samples * units)),
      }),
    );
    // The initial kernel of the model is the case's.
    const kernelInitializer = L.Initializer.constant(
      Array.from({ length: features }, (_, i) => inputs.v.data.slice(i * units, (i + 1) * units)),
    );
    const biasInitializer = L.Initializer.constant(inputs.bias.data);
    const given = L.model(
      L.input([features]),
      L.weightNormalization(L.dense(units, { kernelInitializer, biasInitializer }), { dataInit: true }),
    );
    const objective = T.compile(given, { loss: Loss.meanSquaredError(), optimizer });
    const fit = T.fit(objective, { data: data as never, batchSize: samples, shuffle: false, verbose: 0 });
    const { weights } = must(await pipe(fit, T.run)(environment)());
    const close = (name: string, want: { readonly data: readonly number[] }) =>
      want.data.forEach((x, i) => expect(Number(weights[name]?.data[i])).toBeCloseTo(x, 4));
    close('weight_normalization.g', expected.g);
    close('weight_normalization.bias', expected.bias_after);
  });
});
