/**
 * Large kernels of dense layers in blocks of columns: training takes the same steps but for rounding, and what cannot be in blocks
 * stays as it is.
 */
import * as fc from 'fast-check';
import { flow } from 'fp-ts/lib/function.js';
import { afterAll, describe, expect, it } from 'vitest';
import { type Graph, type OperatorNode, topological, type Value } from '../../../src/graph/Graph.ts';
import { simplify } from '../../../src/graph/rewrite/Simplify.ts';
import { sums } from '../../../src/graph/rewrite/Sums.ts';
import { turned } from '../../../src/graph/rewrite/Turned.ts';
import { withColumns } from '../../../src/graph/updates/Columns.ts';
import { inPieces } from '../../../src/graph/updates/Tiled.ts';
import { Environment, Layer as L, Optimizer } from '../../../src/index.ts';
import * as Plan from '../../../src/interpret/Plan.ts';
import type { NdArray } from '../../../src/shape/NdArray.ts';
import { blockSize } from '../../../src/training/Emission.ts';
import { asModel, type Example, floats, mse, trainedBy } from '../../interpret/problems.ts';
import { optimizers } from '../../optimizer/all.ts';

const env = Environment.node({ threads: 1 })();
afterAll(env.runtime.close);

/** Of this machine. */
const block = (await blockSize(env.runtime)()) ?? Number.NaN;

// -------------------------------------------------------------------------------------
// models that train
// -------------------------------------------------------------------------------------

const first = simplify(undefined, [sums]);
const plain: Plan.Emission = flow(first, Plan.inOrder, turned);
const inColumns: Plan.Emission = flow(first, withColumns(block, 16), Plan.inOrder, turned, inPieces);

const example = (
  model: unknown,
  sample: readonly number[],
  target: readonly number[],
  optimizer: Example['optimizer'],
): Example => ({
  model: asModel(model),
  loss: mse,
  metrics: [],
  optimizer,
  data: { input: floats(sample, 1) },
  target: floats(target, 4),
});

/** Kernels of 640 by 656, and 656 by 672, which are large enough: of these sizes all fill blocks. */
const dense = L.model(
  L.input([640]),
  L.dense(656, { activation: 'tanh' }),
  L.dense(672, { activation: 'relu', useBias: false }),
  L.dense(2),
);

const operators = (g: Graph): readonly OperatorNode[] =>
  topological(g.outputs.map((o) => o.value)).filter((n): n is OperatorNode => n._tag === 'Operator');

/** Without those in branches. */
const operatorsOf = (g: Graph): readonly OperatorNode[] => {
  const seen = new Set<OperatorNode>();
  const visit = ({ node }: Value): void => {
    if (node._tag !== 'Operator' || seen.has(node)) return;
    seen.add(node);
    for (const v of node.inputs) if (v !== undefined) visit(v);
  };
  for (const o of g.outputs) visit(o.value);
  return [...seen];
};

const isBlocked = (g: Graph): boolean => operators(g).some((n) => n.domain === 'com.microsoft.nchwc');

const difference = (a: NdArray, b: NdArray): number => {
  const [x, y] = [a.data as Float32Array, b.data as Float32Array];
  const scale = x.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-3);
  return x.reduce((m, v, i) => Math.max(m, Math.abs(v - (y[i] as number))), 0) / scale;
};

/** Steps of 16 samples and one of 4. */
const both = async (given: Example) => {
  const one = await trainedBy(given, plain, 16);
  const other = await trainedBy(given, inColumns, 16);
  expect(Object.keys(other.results)).toEqual(Object.keys(one.results));
  for (const [name, value] of Object.entries(one.results)) {
    expect(other.results[name]?.shape, name).toEqual(value.shape);
    expect(difference(value, other.results[name] as NdArray), name).toBeLessThan(2e-4);
  }
  return other.graph;
};

type AnyLayer = L.Layer<never>;
const any = (layer: unknown): AnyLayer => layer as AnyLayer;

/** Of some sizes columns fill no blocks: then the kernel before stays plain, and the one behind is filled up. */
const layers = fc
  .tuple(
    fc.constantFrom(624, 640, 656, 650),
    fc.constantFrom('relu', 'tanh', undefined),
    fc.boolean(),
    fc.boolean(),
    // Made anew each time: the same layer twice would share its weights.
    fc.constantFrom(
      undefined,
      () => any(L.batchNormalization()),
      () => any(L.dropout(0.3)),
      () => any(L.layerNormalization()),
    ),
  )
  .map(([units, activation, useBias, isNormalised, behind]): readonly AnyLayer[] => {
    const one = L.dense(units, { useBias, ...(activation === undefined ? {} : { activation }) });
    const first = any(isNormalised ? L.weightNormalization(one) : one);
    return behind === undefined ? [first] : [first, behind()];
  });

const modelOf = (inputs: number, hidden: readonly AnyLayer[]) =>
  (L.model as (...parts: readonly unknown[]) => unknown)(L.input([inputs]), ...hidden, L.dense(2));

const sgd = Optimizer.sgd({ learningRate: 0.02, momentum: 0.9, nesterov: true });

describe.skipIf(Number.isNaN(block))('in blocks', () => {
  it.each([
    'sgd',
    'sgd, momentum',
    'adam, amsgrad',
    'adam, scheduled',
    'adamW',
    'adamax',
    'nadam',
    'rmsprop',
    'adagrad',
    'adadelta',
    'ftrl, regularised',
    'lion',
  ] as const)('%s takes the same steps', async (name) => {
    const graph = await both(example(dense, [640], [2], optimizers[name] as Example['optimizer']));
    expect(isBlocked(graph)).toBe(true);
  });

  it('random models take the same steps', async () => {
    let changed = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 600, max: 660 }),
        fc.array(layers, { minLength: 1, maxLength: 3 }),
        async (inputs, hidden) => {
          // What divides by the size of gradients makes much of the rounding of small ones.
          const graph = await both(example(modelOf(inputs, hidden.flat()), [inputs], [2], sgd));
          changed += isBlocked(graph) ? 1 : 0;
        },
      ),
      { numRuns: 20, seed: 5 },
    );
    expect(changed).toBeGreaterThan(12);
  });

  it('samples of several axes', async () => {
    const model = L.model(L.input([3, 640]), L.dense(656, { activation: 'tanh' }), L.dense(672), L.dense(2));
    expect(isBlocked(await both(example(model, [3, 640], [3, 2], sgd)))).toBe(true);
  });

  it('rows that do not fill blocks', async () => {
    const model = L.model(L.input([635]), L.dense(656, { activation: 'tanh' }), L.dense(2));
    for (const optimizer of [sgd, optimizers.adam as Example['optimizer']])
      expect(isBlocked(await both(example(model, [635], [2], optimizer)))).toBe(true);
  });

  it('columns with a norm of their own, and penalties', async () => {
    const model = L.model(
      L.input([635]),
      L.weightNormalization(L.dense(656, { activation: 'tanh' })),
      L.dense(672, { kernelRegularizer: L.Regularizer.l2(0.01) }),
      L.dense(2),
    );
    expect(isBlocked(await both(example(model, [635], [2], sgd)))).toBe(true);
  });

  it('what is asked for otherwise leaves a kernel plain', async () => {
    const constrained = L.model(
      L.input([640]),
      L.dense(656, { kernelConstraint: L.Constraint.maxNorm({ maxValue: 0.9 }) }),
      L.dense(2),
    );
    expect(isBlocked(await both(example(constrained, [640], [2], sgd)))).toBe(false);
    expect(isBlocked(await both(example(dense, [640], [2], optimizers.lamb as Example['optimizer'])))).toBe(false);
  });

  it('updates that make something of zeros leave a kernel plain that does not fill blocks', async () => {
    const model = L.model(L.input([635]), L.dense(656, { activation: 'tanh' }), L.dense(2));
    // Nesterov's Adam divides by a product of factors that is not known.
    const nadam = optimizers.nadam as Example['optimizer'];
    expect(isBlocked(await both(example(model, [635], [2], nadam)))).toBe(false);
    expect(isBlocked(await both(example(dense, [640], [2], nadam)))).toBe(true);
  });

  it('batches that do not fill blocks leave kernels plain', async () => {
    const given = example(dense, [640], [2], sgd);
    expect(isBlocked((await trainedBy(given, flow(first, withColumns(block, 20)), 20)).graph)).toBe(false);
  });

  it('activations are those of the convolutions', async () => {
    const graph = await both(example(dense, [640], [2], sgd));
    const activations = operators(graph).flatMap(({ attributes: { activation } }) =>
      activation?._tag === 'String' ? [activation.value] : [],
    );
    expect(activations.toSorted()).toEqual(['Relu', 'Tanh']);
    expect(operators(graph).some((n) => n.operator === 'Tanh')).toBe(false);
  });

  it('what one layer has in blocks, the next one reads so', async () => {
    const reordered = async (between: readonly AnyLayer[]) => {
      const graph = await both(
        example(modelOf(640, [any(L.dense(656)), ...between, any(L.dense(672))]), [640], [2], sgd),
      );
      const loop = operators(graph).find((n) => n.operator === 'Loop') as OperatorNode;
      const body = loop.attributes.body as { readonly value: Graph };
      return operatorsOf(body.value).filter((n) => n.operator === 'ReorderInput').length;
    };
    expect(await reordered([any(L.dropout(0.5))])).toBe((await reordered([])) + 1);
  });

  describe('of 2^19 numbers and more', () => {
    /** Whether each piece's gradient is computed with its update: a convolution with a piece of the cotangent. */
    const inPiecesOf = (g: Graph): boolean =>
      operators(g).some(({ operator, attributes: { body } }) => {
        if (operator !== 'Scan' || body?._tag !== 'Graph') return false;
        const formals = body.value.inputs.map((v) => v.node);
        const readsPiece = ({ inputs }: OperatorNode) =>
          inputs.some((v) => v !== undefined && formals.includes(v.node));
        return operators(body.value).some((n) => n.operator === 'Conv' && readsPiece(n));
      });
    const large = (inputs: number, wrapped = false) => {
      const one = L.dense(640, { activation: 'tanh' });
      return modelOf(inputs, [any(wrapped ? L.weightNormalization(one) : one)]);
    };

    it.each(['sgd', 'adam, scheduled', 'adamW', 'rmsprop', 'lion'] as const)(
      '%s takes the same steps piece by piece',
      async (name) => {
        const graph = await both(example(large(832), [832], [2], optimizers[name] as Example['optimizer']));
        expect(inPiecesOf(graph)).toBe(true);
      },
    );

    it('rows that do not fill blocks, and columns with a norm of their own', async () => {
      for (const [inputs, wrapped] of [
        [830, false],
        [832, true],
        [830, true],
      ] as const)
        expect(inPiecesOf(await both(example(large(inputs, wrapped), [inputs], [2], sgd)))).toBe(true);
    });

    it('samples of several axes', async () => {
      const model = L.model(L.input([3, 832]), L.dense(640, { activation: 'tanh' }), L.dense(2));
      expect(inPiecesOf(await both(example(model, [3, 832], [3, 2], sgd)))).toBe(true);
    });

    it('a gradient that is asked for otherwise is computed before', async () => {
      for (const clipped of [{ clipNorm: 0.5 }, { globalClipNorm: 0.5 }]) {
        const optimizer = Optimizer.sgd({ learningRate: 0.02, momentum: 0.9, ...clipped });
        const graph = await both(example(large(832), [832], [2], optimizer));
        expect(isBlocked(graph)).toBe(true);
        expect(inPiecesOf(graph)).toBe(false);
      }
    });
  });

  it('in a step nothing moves a whole kernel', async () => {
    const graph = await both(example(dense, [640], [2], optimizers.adam as Example['optimizer']));
    const loop = operators(graph).find((n) => n.operator === 'Loop') as OperatorNode;
    const body = loop.attributes.body as { readonly value: Graph };
    // In branches for batches that do not fill blocks kernels are plain.
    const outsideBranches = operatorsOf(body.value);
    const elements = outsideBranches
      .filter((n) => ['ReorderInput', 'ReorderOutput', 'Transpose'].includes(n.operator))
      .map((n) => n.outputs[0]?.shape.reduce<number>((p, d) => p * (typeof d === 'number' ? d : 16), 1) ?? 0);
    expect(elements.length).toBeGreaterThan(0);
    expect(Math.max(...elements)).toBeLessThan(656 * 640);
  });
});
