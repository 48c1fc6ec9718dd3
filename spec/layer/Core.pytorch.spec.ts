/**
 * Activations, products, embeddings, normalisation: output and all gradients beside PyTorch's in float64 (see
 * spec/golden/core.py), shapes as rule, value and onnxruntime say them, and whether both providers have the kernels.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { vjp } from '../../src/autodiff/Grad.ts';
import { input, type Value } from '../../src/graph/Graph.ts';
import { missingKernels } from '../../src/graph/Kernels.ts';
import { lower, type Mode } from '../../src/interpret/Lower.ts';
import * as L from '../../src/layer/Layer.ts';
import type { Model } from '../../src/model/Model.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { agree, dims } from '../../src/shape/Shape.ts';
import { inference, resolvedOf, right, trainingMode } from '../interpret/support.ts';
import { evaluate, graphOf } from '../support/evaluate.ts';
import { kernelTables } from '../support/kernelTables.ts';
import { coreModels, type Wire } from './coreModels.ts';

interface Flat {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface Golden {
  readonly name: string;
  /** Whether the input is tokens. */
  readonly integer: boolean;
  readonly inputs: readonly Flat[];
  readonly weights: readonly Flat[];
  readonly output: Flat;
  readonly cotangent: Flat;
  /** Of the inputs unless they are integers, then of the weights. */
  readonly gradients: readonly Flat[];
  /** The only mode in which these are the numbers; else they are of both. */
  readonly mode?: 'training' | 'inference';
  /** New values of running statistics, by role. */
  readonly updates?: Readonly<Record<string, Flat>>;
}

const cases: readonly Golden[] = JSON.parse(readFileSync(new URL('../golden/core.json', import.meta.url), 'utf8'));

// -------------------------------------------------------------------------------------
// cases
// -------------------------------------------------------------------------------------

const models = coreModels(L);

const modelOf = ({ name, inputs, integer }: Golden): Model<never, unknown> => {
  const wire = models[name] as Wire;
  const shapes = inputs.map((t) => (integer ? L.int(t.shape.slice(1)) : t.shape.slice(1)));
  return L.graph(
    Object.fromEntries(shapes.map((s, i) => [`x${i}`, s])) as never,
    (x: Readonly<Record<string, unknown>>) => wire(shapes.map((_, i) => x[`x${i}`])) as never,
  ) as unknown as Model<never, unknown>;
};

const array = ({ shape, data }: Flat, isInt = false): NdArray =>
  isInt
    ? { dtype: 'int32', shape, data: Int32Array.from(data) }
    : { dtype: 'float32', shape, data: Float32Array.from(data) };

interface Built {
  readonly values: Readonly<Record<string, Value>>;
  readonly feeds: Readonly<Record<string, NdArray>>;
}

const built = (golden: Golden, mode: Mode): Built => {
  const resolved = resolvedOf(modelOf(golden));
  expect(resolved.parameters.map((p) => p.shape)).toEqual(golden.weights.map((w) => w.shape));
  const x = resolved.inputs.map(({ name, type }) => input(name, golden.integer ? 'int32' : 'float32', dims(type)));
  const w = resolved.parameters.map((p) => input(p.name, 'float32', p.shape));
  const parameters = Object.fromEntries(resolved.parameters.map((p, i) => [p.name, w[i] as Value]));
  const { outputs, updates } = lower(resolved, x, parameters, mode);
  const y = outputs[0] as Value;
  const roles = new Map(resolved.parameters.map((p) => [p.name, p.role]));
  const said = dims(resolved.outputs[0]?.type ?? []);
  expect(agree(y.type.shape, said), `value ${y.type.shape}, rule ${said}`).toBe(true);
  expect(agree(['batch', ...golden.output.shape.slice(1)], said), `rule ${said}`).toBe(true);
  const cotangent = input('cotangent', 'float32', y.type.shape);
  const gradients = right(vjp([y], [cotangent], [...(golden.integer ? [] : x), ...w]));
  return {
    values: {
      y,
      ...Object.fromEntries(gradients.map((g, i) => [`d${i}`, g])),
      ...Object.fromEntries(Object.entries(updates).map(([name, v]) => [`next/${roles.get(name)}`, v])),
    },
    feeds: {
      ...Object.fromEntries(golden.inputs.map((t, i) => [`x${i}`, array(t, golden.integer)])),
      ...Object.fromEntries(resolved.parameters.map((p, i) => [p.name, array(golden.weights[i] as Flat)])),
      cotangent: array(golden.cotangent),
    },
  };
};

const close = (actual: NdArray | undefined, expected: Flat, what: string): void => {
  expect(actual?.shape, what).toEqual(expected.shape);
  const size = Math.max(1, ...expected.data.map(Math.abs));
  const worst = expected.data.reduce((w, e, i) => {
    const d = Math.abs(Number(actual?.data[i]) - e) / size;
    return d > w || Number.isNaN(d) ? d : w;
  }, 0);
  expect(worst, what).toBeLessThan(1e-5);
};

test('every case has a layer, and every layer a case', () => {
  expect(cases.map((c) => c.name).sort()).toEqual(Object.keys(models).sort());
});

/** Divides by the largest singular value in training, and not in inference: as Keras. */
const differs = (name: string): boolean => name.startsWith('spectral');

describe('numbers', () => {
  test.each(cases)('$name', async (golden) => {
    const { values, feeds } = built(golden, golden.mode === 'inference' ? inference : trainingMode());
    const got = await evaluate(values, feeds);
    close(got.y, golden.output, 'output');
    golden.gradients.forEach((g, i) => close(got[`d${i}`], g, `gradient ${i}`));
    const updates = Object.entries(golden.updates ?? {});
    for (const [role, value] of updates) close(got[`next/${role}`], value, role);
    if (golden.mode !== undefined) {
      expect(Object.keys(values).filter((name) => name.startsWith('next/')).length).toBe(updates.length);
      return;
    }
    const plain = built(golden, inference).values.y as Value;
    const { y } = await evaluate({ y: plain }, feeds, { optimization: 'all' });
    if (!differs(golden.name)) close(y, golden.output, 'inference');
  });
});

describe('kernels', () => {
  test.each(cases)('$name', (golden) => {
    for (const mode of [trainingMode('cuda'), inference]) {
      const graph = graphOf(built(golden, mode).values);
      expect(missingKernels(graph, kernelTables, 'cpu', 18)).toEqual([]);
      expect(missingKernels(graph, kernelTables, 'cuda', 18)).toEqual([]);
    }
    const shipped = graphOf({ y: built(golden, inference).values.y as Value });
    expect(missingKernels(shipped, kernelTables, 'cpu', 17)).toEqual([]);
  });
});
