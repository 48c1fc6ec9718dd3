/** All that is done to a training graph for onnxruntime's CPU provider changes no result but for rounding. */
import * as fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { type Graph, type OperatorNode, topological } from '../../src/graph/Graph.ts';
import { Environment, Layer as L, Optimizer } from '../../src/index.ts';
import { emissionFor } from '../../src/training/Emission.ts';
import { asModel, type Example, floats, mse, trainedBy } from '../interpret/problems.ts';
import { resolvedOf } from '../interpret/support.ts';

const env = Environment.node({ threads: 2 })();
afterAll(env.runtime.close);

type AnyLayer = L.Layer<never>;
const any = (layer: unknown): AnyLayer => layer as AnyLayer;

const [steps, features] = [6, 32];

const dense = fc
  .record({
    units: fc.constantFrom(5, 64, 384, 512),
    activation: fc.constantFrom('gelu', 'gelu', 'silu', 'relu', 'tanh', undefined),
    useBias: fc.boolean(),
  })
  .map(({ units, activation, useBias }) =>
    any(L.dense(units, { useBias, ...(activation === undefined ? {} : { activation }) } as never)),
  );

const attention = fc
  .record({ heads: fc.constantFrom(2, 4), keyDim: fc.constantFrom(16, 64), causal: fc.boolean(), rotary: fc.boolean() })
  .map((o) => any(L.multiHeadAttention(o)));

const between = fc.constantFrom(
  any(L.layerNormalization()),
  any(L.dropout(0.2)),
  any(L.activation('gelu')),
  any(
    L.sequential(
      L.dense(features),
      L.residual(L.sequential(L.layerNormalization(), L.dense(features, { activation: 'gelu' }))),
    ),
  ),
);

const layer = fc.oneof(dense, dense, attention, between);

const exampleOf = (layers: readonly AnyLayer[], optimizer: Example['optimizer']): Example => ({
  model: asModel(
    (L.model as (...parts: readonly unknown[]) => unknown)(
      L.input([steps, features]),
      ...layers,
      L.dense(features),
      L.globalAveragePool1d(),
      L.dense(2),
    ),
  ),
  loss: mse,
  metrics: [],
  optimizer,
  data: { input: floats([steps, features], 1) },
  target: floats([2], 4),
});

const operators = (g: Graph): readonly OperatorNode[] =>
  topological(g.outputs.map((o) => o.value)).filter((n): n is OperatorNode => n._tag === 'Operator');

const isTurning = ({ operator, attributes: { perm } }: OperatorNode): boolean =>
  operator === 'Transpose' && perm?._tag === 'Ints' && perm.value.join() === '1,0';

/** By the root of 2, as gelu's products have it. */
const isOfGelu = ({ operator, attributes: { alpha } }: OperatorNode): boolean =>
  operator === 'FusedMatMul' && alpha?._tag === 'Float' && Math.abs(alpha.value - Math.SQRT2) < 1e-6;

it('random models of sequences take the same steps', async () => {
  const counts = { turned: 0, gelu: 0 };
  const optimizers = fc.constantFrom(Optimizer.sgd({ learningRate: 0.02 }), Optimizer.adamW({ learningRate: 0.002 }));
  await fc.assert(
    fc.asyncProperty(fc.array(layer, { minLength: 1, maxLength: 4 }), optimizers, async (layers, optimizer) => {
      const example = exampleOf(layers, optimizer);
      const bare = await trainedBy(example, (g) => g, 4);
      const fast = await trainedBy(example, await emissionFor(env.runtime, resolvedOf(example.model), 4)(), 4);
      const [a, b] = [bare, fast].map(({ results }) => Array.from(results.loss?.data ?? [], Number));
      expect(a?.length).toBeGreaterThan(1);
      expect(b?.length).toBe(a?.length);
      a?.forEach((v, i) => expect(Math.abs((b?.[i] as number) - v)).toBeLessThan(1e-3 * Math.max(1, Math.abs(v))));
      counts.turned += operators(fast.graph).some(isTurning) ? 1 : 0;
      counts.gelu += operators(fast.graph).some(isOfGelu) ? 1 : 0;
    }),
    { numRuns: 40, seed: 5 },
  );
  expect(counts.turned).toBeGreaterThan(5);
  expect(counts.gelu).toBeGreaterThan(5);
});
