/**
 * Recurrent and attention layers, transformer blocks: output and all gradients beside PyTorch's in float64 (see
 * spec/golden/sequence.py and convlstm.py), with lengths known and under a name; and whether both providers have the kernels.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { vjp } from '../../src/autodiff/Grad.ts';
import { input, topological, type Value } from '../../src/graph/Graph.ts';
import { missingKernels } from '../../src/graph/Kernels.ts';
import { lower, type Mode } from '../../src/interpret/Lower.ts';
import * as L from '../../src/layer/Layer.ts';
import type { Model } from '../../src/model/Model.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import type { Dim } from '../../src/shape/Shape.ts';
import { dims } from '../../src/shape/Shape.ts';
import { inference, resolvedOf, right, trainingMode } from '../interpret/support.ts';
import { evaluate, graphOf } from '../support/evaluate.ts';
import { kernelTables } from '../support/kernelTables.ts';
import { convLstmModels } from './convLstmModels.ts';
import type { Any, Wire } from './coreModels.ts';
import { sequenceModels } from './sequenceModels.ts';

interface Flat {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface Golden {
  readonly name: string;
  readonly inputs: readonly Flat[];
  readonly mask: readonly (readonly number[])[] | null;
  readonly weights: readonly Flat[];
  readonly output: Flat;
  readonly cotangent: Flat;
  /** Of the inputs, then of the weights. */
  readonly gradients: readonly Flat[];
}

const read = (family: string): readonly Golden[] =>
  JSON.parse(readFileSync(new URL(`../golden/${family}.json`, import.meta.url), 'utf8'));

const cases = [...read('sequence'), ...read('convlstm')];

const models = { ...sequenceModels(L), ...convLstmModels(L) };

const array = ({ shape, data }: Flat): NdArray => ({ dtype: 'float32', shape, data: Float32Array.from(data) });

/** The second axis of sequences under a name: the same one for those that attend together. */
const named = ({ shape }: Flat, i: number, name: string): readonly Dim[] =>
  shape.length < 3 || (i > 0 && name === '2d with states')
    ? shape.slice(1)
    : [name.startsWith('heads cross') && i > 0 ? 'keys' : i > 0 ? 'keys' : 'seq', ...shape.slice(2)];

interface Built {
  readonly values: Readonly<Record<string, Value>>;
  readonly feeds: Readonly<Record<string, NdArray>>;
}

const built = (golden: Golden, lengths: 'known' | 'named', mode: Mode): Built => {
  const wire: Wire | undefined = models[golden.name];
  if (wire === undefined) throw new Error(`no model for ${golden.name}`);
  const shapes = golden.inputs.map((t, i) => (lengths === 'known' ? t.shape.slice(1) : named(t, i, golden.name)));
  const model: Model<never, unknown> = L.graph(
    Object.fromEntries(shapes.map((s, i) => [`x${i}`, s])) as Any,
    (x: Any) => wire(shapes.map((_, i) => x[`x${i}`])),
  ) as Any;
  const resolved = resolvedOf(model);
  expect(resolved.parameters.map((p) => p.shape)).toEqual(golden.weights.map((w) => w.shape));
  const x = resolved.inputs.map(({ name, type }) => input(name, 'float32', dims(type)));
  const w = resolved.parameters.map((p) => input(p.name, 'float32', p.shape));
  const mask =
    golden.mask === null
      ? undefined
      : input('mask', 'bool', ['batch', lengths === 'known' ? (golden.mask[0]?.length ?? 0) : 'seq']);
  const { outputs } = lower(
    resolved,
    x,
    Object.fromEntries(resolved.parameters.map((p, i) => [p.name, w[i] as Value])),
    mode,
    [mask],
  );
  const y = outputs[0] as Value;
  const type = dims(resolved.outputs[0]?.type ?? []);
  expect(y.type.shape, 'the value has the shape of the rule').toEqual(type);
  const cotangent = input('cotangent', 'float32', y.type.shape);
  const gradients = right(vjp([y], [cotangent], [...x, ...w]));
  return {
    values: { y, ...Object.fromEntries(gradients.map((g, i) => [`d${i}`, g])) },
    feeds: {
      ...Object.fromEntries(golden.inputs.map((t, i) => [`x${i}`, array(t)])),
      ...Object.fromEntries(resolved.parameters.map((p, i) => [p.name, array(golden.weights[i] as Flat)])),
      cotangent: array(golden.cotangent),
      ...(golden.mask === null
        ? {}
        : {
            mask: {
              dtype: 'bool',
              shape: [golden.mask.length, golden.mask[0]?.length ?? 0],
              data: Uint8Array.from(golden.mask.flat()),
            } as NdArray,
          }),
    },
  };
};

const close = (actual: NdArray | undefined, expected: Flat, what: string): void => {
  expect(actual?.shape, what).toEqual(expected.shape);
  const size = Math.max(1, ...expected.data.map(Math.abs));
  const worst = expected.data.reduce((w, e, i) => Math.max(w, Math.abs(Number(actual?.data[i]) - e) / size), 0);
  expect(worst, what).toBeLessThan(1e-5);
};

test('every model has a case', () => {
  expect(cases.map((c) => c.name).sort()).toEqual(Object.keys(models).sort());
});

describe.each(['known', 'named'] as const)('lengths %s', (lengths) => {
  test.each(cases)('$name', async (golden) => {
    const { values, feeds } = built(golden, lengths, trainingMode());
    const got = await evaluate(values, feeds);
    close(got.y, golden.output, 'output');
    golden.gradients.forEach((g, i) => close(got[`d${i}`], g, `gradient ${i}`));
    const plain = built(golden, lengths, inference).values.y as Value;
    close((await evaluate({ y: plain }, feeds, { opset: 17, optimization: 'all' })).y, golden.output, 'inference');
  });

  test.each(cases)('kernels of $name', (golden) => {
    for (const mode of [trainingMode('cuda'), inference]) {
      const graph = graphOf(built(golden, lengths, mode).values);
      expect(missingKernels(graph, kernelTables, 'cpu', 18)).toEqual([]);
      expect(missingKernels(graph, kernelTables, 'cuda', 18)).toEqual([]);
    }
    const shipped = graphOf({ y: built(golden, lengths, inference).values.y as Value });
    expect(missingKernels(shipped, kernelTables, 'cpu', 17)).toEqual([]);
  });
});

test('inference is pure ai.onnx', () => {
  for (const golden of cases) {
    const domains = topological([built(golden, 'named', inference).values.y as Value]).flatMap((n) =>
      n._tag === 'Operator' ? [n.domain] : [],
    );
    expect([...new Set(domains)], golden.name).toEqual(['']);
  }
});

test('the backward loop does not compute the recurrent product again', () => {
  const golden = cases.find((c) => c.name === 'lstm last') as Golden;
  const { values } = built(golden, 'known', trainingMode());
  const products = topological(Object.values(values)).filter(
    (n) => n._tag === 'Operator' && ['MatMul', 'FusedMatMul'].includes(n.operator),
  );
  const loops = topological(Object.values(values)).filter((n) => n._tag === 'Operator' && n.operator === 'Loop');
  expect(loops.length).toBe(2);
  // Forwards x K and h U; backwards two gradients of each.
  expect(products.length).toBe(6);
});
