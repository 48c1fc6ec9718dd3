/**
 * Convolution, pooling, shape and merge layers against PyTorch's float64 numbers (`spec/golden/spatial.py`): output and the
 * gradients of all inputs and weights, in training and in inference, and with kernels on both providers.
 */
import { readFileSync } from 'node:fs';
import * as E from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import { vjp } from '../../src/autodiff/Grad.ts';
import { input, type Value } from '../../src/graph/Graph.ts';
import { missingKernels } from '../../src/graph/Kernels.ts';
import { lower, type Mode } from '../../src/interpret/Lower.ts';
import * as L from '../../src/layer/Layer.ts';
import { isSpatial, type SpatialLeaf } from '../../src/layer/SpatialSpec.ts';
import type { Leaf } from '../../src/layer/Spec.ts';
import type { Model } from '../../src/model/Model.ts';
import { dims } from '../../src/shape/Shape.ts';
import { evaluate, f32, graphOf } from '../support/evaluate.ts';
import { kernelTables } from '../support/kernelTables.ts';
import { inference, resolvedOf, right, trainingMode } from './support.ts';

interface Flat {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface Golden {
  readonly layer: string;
  readonly args: readonly unknown[];
  readonly inputs: Readonly<Record<string, Flat>>;
  readonly weights: Readonly<Record<string, Flat>>;
  readonly output: Flat;
  readonly cotangent: Flat;
  readonly gradients: Readonly<Record<string, Flat>>;
}

const goldens: readonly Golden[] = JSON.parse(readFileSync(new URL('../golden/spatial.json', import.meta.url), 'utf8'));

type Constructor = (...args: readonly unknown[]) => unknown;

const constructors = L as unknown as Readonly<Record<string, Constructor>>;

/** A layer on its one input, or a merge of all of them. */
const modelOf = ({ layer, args, inputs }: Golden): Model<never, unknown> => {
  const make = constructors[layer] as Constructor;
  const shapes = Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, shape.slice(1)]));
  return L.graph(shapes as Record<string, L.Shape>, (tensors) => {
    const given = Object.values(tensors);
    return given.length === 1 || layer === 'concatenateOn'
      ? (make(...args) as (...x: readonly unknown[]) => L.Tensor<L.Shape>)(...given)
      : (make(...given, ...args) as L.Tensor<L.Shape>);
  }) as unknown as Model<never, unknown>;
};

const array = ({ shape, data }: Flat) => f32(data, shape);

/** The output and the gradients of everything, by name. The batch is not known when the graph is built. */
const valuesOf = (golden: Golden, mode: Mode): Readonly<Record<string, Value>> => {
  const resolved = resolvedOf(modelOf(golden));
  const inputs = resolved.inputs.map(({ name, type }) => input(name, 'float32', dims(type)));
  const weights = Object.fromEntries(resolved.parameters.map((p) => [p.role, input(p.role, 'float32', p.shape)]));
  const byName = Object.fromEntries(resolved.parameters.map((p) => [p.name, weights[p.role] as Value]));
  const output = lower(resolved, inputs, byName, mode).outputs[0] as Value;
  const names = [...resolved.inputs.map((i) => i.name), ...Object.keys(weights)];
  expect(names.sort()).toEqual(Object.keys(golden.gradients).sort());
  const all = [...inputs, ...Object.values(weights)];
  const gradients = right(vjp([output], [input('cotangent', 'float32', output.type.shape)], all));
  const keys = [...resolved.inputs.map((i) => i.name), ...Object.keys(weights)];
  expect(golden.output.shape.slice(1), 'resolved').toEqual(dims(resolved.outputs[0]?.type ?? []).slice(1));
  expect(golden.output.shape.slice(1), 'lowered').toEqual(output.type.shape.slice(1));
  return { y: output, ...Object.fromEntries(gradients.map((g, i) => [`d_${keys[i]}`, g])) };
};

const feedsOf = ({ inputs, weights, cotangent }: Golden) =>
  Object.fromEntries(Object.entries({ ...inputs, ...weights, cotangent }).map(([name, a]) => [name, array(a)]));

const close = (
  actual: { readonly shape: readonly unknown[]; readonly data: ArrayLike<unknown> } | undefined,
  expected: Flat,
  what: string,
) => {
  expect(actual?.shape, what).toEqual(expected.shape);
  const worst = expected.data.reduce(
    (w, e, i) => Math.max(w, Math.abs(Number(actual?.data[i]) - e) / (1 + Math.abs(e))),
    0,
  );
  expect(worst, what).toBeLessThan(1e-5);
};

const runs = goldens.map((golden, i) => ({ name: `${golden.layer} ${JSON.stringify(golden.args)} ${i}`, golden }));

describe("output and all gradients are PyTorch's", () => {
  it.each(runs)('$name', async ({ golden }) => {
    const feeds = feedsOf(golden);
    for (const [mode, optimization] of [
      [trainingMode(), 'disabled'],
      [trainingMode(), 'all'],
      [inference, 'all'],
    ] as const) {
      const results = await evaluate(valuesOf(golden, mode), feeds, { optimization });
      close(results.y, golden.output, 'output');
      for (const [name, gradient] of Object.entries(golden.gradients))
        close(results[`d_${name}`], gradient, `d_${name}`);
    }
  });
});

describe('kernels', () => {
  it('are there on both providers, for the layers and their gradients', () => {
    for (const golden of goldens)
      for (const provider of ['cpu', 'cuda'] as const)
        for (const mode of [trainingMode(provider), inference]) {
          const graph = graphOf(valuesOf(golden, mode));
          expect([golden.layer, missingKernels(graph, kernelTables, provider, 18)]).toEqual([golden.layer, []]);
        }
  });

  it('inference is of standard operators', () => {
    for (const golden of goldens) {
      const resolved = resolvedOf(modelOf(golden));
      const inputs = resolved.inputs.map(({ name, type }) => input(name, 'float32', dims(type)));
      const weights = Object.fromEntries(resolved.parameters.map((p) => [p.name, input(p.role, 'float32', p.shape)]));
      const { outputs } = lower(resolved, inputs, weights, inference);
      const domains = outputs.map((o) => (o.node._tag === 'Operator' ? o.node.domain : ''));
      expect([golden.layer, domains]).toEqual([golden.layer, ['']]);
    }
  });
});

describe('cases', () => {
  it('are three or more of every layer', () => {
    const counts = new Map<string, number>();
    for (const { layer } of goldens) counts.set(layer, (counts.get(layer) ?? 0) + 1);
    expect([...counts].filter(([, n]) => n < 3)).toEqual([]);
    const specs = Object.entries(constructors).flatMap(([name, make]) => {
      if (typeof make !== 'function') return [];
      const made = E.tryCatch(
        () => (make as Constructor)({ filters: 1, kernel: 1 }) as { readonly spec?: Leaf },
        String,
      );
      return E.isRight(made) && made.right.spec !== undefined && isSpatial(made.right.spec) ? [name] : [];
    });
    expect(specs.length).toBeGreaterThan(35);
    expect(specs.filter((name) => !counts.has(name as SpatialLeaf['op']))).toEqual([]);
  });
});
