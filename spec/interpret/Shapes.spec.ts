/**
 * Shapes agree, for random layers and inputs: what `resolve` says, what the lowered value says, and what onnxruntime
 * returns.
 */
import * as fc from 'fast-check';
import * as E from 'fp-ts/lib/Either.js';
import { expect, it } from 'vitest';
import type { Value } from '../../src/graph/Graph.ts';
import { predictionGraph } from '../../src/interpret/Inference.ts';
import * as L from '../../src/layer/Layer.ts';
import type { Model } from '../../src/model/Model.ts';
import { agree, dims } from '../../src/shape/Shape.ts';
import { evaluate } from '../support/evaluate.ts';
import { bind, chains, filled, modelOf } from './models.ts';
import { inference, lowered, resolvedOf, trainingMode } from './support.ts';

/** Padding 'same' with strides pads by the size, which is not there: the one thing that resolves and does not lower. */
const needsSizes = (model: Model<never, unknown>): boolean => {
  const graph = predictionGraph(resolvedOf(model), {});
  return E.isLeft(graph) && graph.left.message.startsWith("padding 'same' with strides");
};

/** How the graph is meant: `undefined` for inference. */
const modes = fc.constantFrom(undefined, 'cpu' as const, 'cuda' as const);

it('resolve, the lowered value and onnxruntime agree', async () => {
  await fc.assert(
    fc.asyncProperty(chains, modes, async (c, provider) => {
      const resolved = resolvedOf(modelOf(c));
      fc.pre(!needsSizes(modelOf(c)));
      const mode = provider === undefined ? inference : trainingMode(provider);
      const output = lowered(resolved, mode).outputs[0] as Value;
      const said = bind(dims(resolved.outputs[0]?.type ?? []));
      const inferred = bind(output.type.shape);
      const weights = Object.fromEntries(resolved.parameters.map((p) => [p.name, filled(p.shape)]));
      const input = filled(bind(['batch', ...c.sample]) as readonly number[]);
      const { y } = await evaluate({ y: output }, { input, ...weights });
      expect(agree(said, y?.shape ?? []), `resolve: ${said}, onnxruntime: ${y?.shape}`).toBe(true);
      expect(agree(inferred, y?.shape ?? []), `lowered: ${inferred}, onnxruntime: ${y?.shape}`).toBe(true);
      expect(output.type.dtype).toBe(y?.dtype);
      // What resolve knows, the lowering knows.
      said.forEach((d, i) => {
        if (typeof d === 'number') expect(inferred[i], `lowered: ${inferred}`).toBe(d);
      });
    }),
    { numRuns: 80 },
  );
});

it("padding 'same' with strides on a size that is not known is an error that says so", () => {
  const model = L.model(L.input([2, 'h', 5]), L.conv2d({ filters: 1, kernel: 3, strides: 2, padding: 'same' }));
  const graph = predictionGraph(resolvedOf(model as never), {});
  expect(graph).toEqual(
    E.left({
      _tag: 'LoweringError',
      message: "padding 'same' with strides needs a height and width known when the graph is built",
    }),
  );
});
