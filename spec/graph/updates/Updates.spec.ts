/**
 * Updates of weights, put together or in pieces: every number stays the same, for every optimizer.
 */
import { flow } from 'fp-ts/lib/function.js';
import { expect, it } from 'vitest';
import { type Graph, type OperatorNode, topological } from '../../../src/graph/Graph.ts';
import { shared } from '../../../src/graph/rewrite/Shared.ts';
import { simplify } from '../../../src/graph/rewrite/Simplify.ts';
import { flattened } from '../../../src/graph/updates/Flat.ts';
import { inPieces } from '../../../src/graph/updates/Tiled.ts';
import { Layer as L } from '../../../src/index.ts';
import type * as Plan from '../../../src/interpret/Plan.ts';
import type { NdArray } from '../../../src/shape/NdArray.ts';
import { asModel, type Example, floats, mse, trainedBy } from '../../interpret/problems.ts';
import { optimizers } from '../../optimizer/all.ts';

const operators = (g: Graph): readonly OperatorNode[] =>
  topological(g.outputs.map((o) => o.value)).filter((n): n is OperatorNode => n._tag === 'Operator');

const loopsOf = (g: Graph): readonly OperatorNode[] => operators(g).filter((n) => n.operator === 'Loop');

const count = (g: Graph, operator: string): number => operators(g).filter((n) => n.operator === operator).length;

// -------------------------------------------------------------------------------------
// models that train
// -------------------------------------------------------------------------------------

const bare: Plan.Emission = flow(simplify(), shared);

const example = (model: unknown, width: number, optimizer: Example['optimizer']): Example => ({
  model: asModel(model),
  loss: mse,
  metrics: [],
  optimizer,
  data: { input: floats([width], 1) },
  target: floats([2], 4),
});

const small = L.model(
  L.input([6]),
  L.dense(5, { activation: 'tanh' }),
  L.batchNormalization(),
  L.dense(5, { kernelConstraint: L.Constraint.maxNorm({ maxValue: 0.9 }) }),
  L.layerNormalization(),
  L.dense(2),
);

/** The second kernel has 2^20 elements. */
const large = L.model(L.input([3]), L.dense(1024, { activation: 'tanh' }), L.dense(1024), L.dense(2));

const bitsOf = ({ data }: NdArray): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength);

const expectSameBits = (a: Readonly<Record<string, NdArray>>, b: Readonly<Record<string, NdArray>>): void => {
  expect(Object.keys(b)).toEqual(Object.keys(a));
  for (const [name, value] of Object.entries(a)) {
    expect(b[name]?.shape).toEqual(value.shape);
    expect(bitsOf(value).equals(bitsOf(b[name] as NdArray)), name).toBe(true);
  }
};

it.each(Object.entries(optimizers))('%s updates small weights together, to the same bits', async (_, optimizer) => {
  const apart = await trainedBy(example(small, 6, optimizer), bare);
  const together = await trainedBy(example(small, 6, optimizer), flow(bare, flattened));
  expect(operators(together.graph).length).not.toBe(operators(apart.graph).length);
  expectSameBits(apart.results, together.results);
});

it.each([
  ['sgd', 0],
  ['adam', 3],
] as const)(
  '%s: a kernel is put together with others only if its operators would take longer than copies',
  async (name, slots) => {
    // Two kernels of 14,400: more than two operators are worth, less than ten are.
    const wide = L.model(L.input([3]), L.dense(120, { activation: 'tanh' }), L.dense(120), L.dense(120), L.dense(2));
    const { graph, results } = await trainedBy(
      example(wide, 3, optimizers[name] as Example['optimizer']),
      flow(bare, flattened),
    );
    const lines = loopsOf(graph).flatMap((loop) => loop.inputs.map((v) => v?.type.shape ?? []));
    expect(lines.filter((shape) => shape.length === 1 && (shape[0] as number) > 2 * 120 * 120)).toHaveLength(slots);
    const apart = await trainedBy(example(wide, 3, optimizers[name] as Example['optimizer']), bare);
    expectSameBits(apart.results, results);
  },
);

it.each(['sgd, momentum', 'adam, amsgrad', 'lamb', 'rmsprop, centered', 'adafactor'] as const)(
  '%s updates large weights in pieces, to the same bits',
  async (name) => {
    const optimizer = optimizers[name] as Example['optimizer'];
    const whole = await trainedBy(example(large, 3, optimizer), bare);
    const pieces = await trainedBy(example(large, 3, optimizer), flow(bare, inPieces));
    expect(count(pieces.graph, 'Scan')).toBe(1);
    expectSameBits(whole.results, pieces.results);
  },
);
