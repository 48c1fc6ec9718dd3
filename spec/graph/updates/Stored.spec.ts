/**
 * State as the loop carries it: the same bits, seen as parts of what is stored, and nothing put together or taken apart outside
 * the loop.
 */
import { flow } from 'fp-ts/lib/function.js';
import { afterAll, describe, expect, it } from 'vitest';
import * as G from '../../../src/graph/Graph.ts';
import { type Graph, input, type OperatorNode, topological, type Value } from '../../../src/graph/Graph.ts';
import * as Op from '../../../src/graph/Operators.ts';
import { simplify } from '../../../src/graph/rewrite/Simplify.ts';
import { withColumns } from '../../../src/graph/updates/Columns.ts';
import { readingStored, withStored } from '../../../src/graph/updates/Stored.ts';
import { inPieces } from '../../../src/graph/updates/Tiled.ts';
import { Environment, Layer as L } from '../../../src/index.ts';
import * as Plan from '../../../src/interpret/Plan.ts';
import { initialValues } from '../../../src/model/Initial.ts';
import type { NdArray } from '../../../src/shape/NdArray.ts';
import { blockSize } from '../../../src/training/Emission.ts';
import * as Storage from '../../../src/training/Storage.ts';
import {
  asModel,
  beginning,
  dataOf,
  type Example,
  float32,
  floats,
  int64,
  mse,
  problemOf,
  range,
  runOnce,
  samples,
  session,
  trainedBy,
  typesOf,
  uint32,
} from '../../interpret/problems.ts';
import { resolvedOf, right } from '../../interpret/support.ts';
import { optimizers } from '../../optimizer/all.ts';
import { f32, run } from '../../support/evaluate.ts';

const env = Environment.node({ threads: 1 })();
afterAll(env.runtime.close);

/** Of this machine. */
const block = await blockSize(env.runtime)();

const emission: Plan.Emission = flow(Plan.plainly, inPieces);

const example = (model: unknown, optimizer: Example['optimizer']): Example => ({
  model: asModel(model),
  loss: mse,
  metrics: [],
  optimizer,
  data: { input: floats([3], 1) },
  target: floats([2], 4),
});

/** Small weights, statistics, and a kernel of 2^20 elements. */
const model = L.model(
  L.input([3]),
  L.dense(1024, { activation: 'tanh' }),
  L.batchNormalization(),
  L.dense(1024),
  L.dense(2),
);

const bits = ({ data }: NdArray): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength);

const expectSame = (a: NdArray | undefined, b: NdArray | undefined, name: string): void => {
  expect(a?.shape, name).toEqual(b?.shape);
  expect(bits(a as NdArray).equals(bits(b as NdArray)), name).toBe(true);
};

const elements = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

/** Each part of what came out, by its name. */
const apart = (
  plan: Plan.ResidentPlan,
  results: Readonly<Record<string, NdArray>>,
): Readonly<Record<string, NdArray>> =>
  Object.fromEntries(
    plan.stored.flatMap(({ name, shape, parts }) => {
      const whole = results[Plan.nextOutput(name)] as NdArray;
      expect(whole.shape).toEqual(shape);
      let at = 0;
      return parts.map((part): [string, NdArray] => {
        const data = (whole.data as Float32Array).slice(at, at + elements(part.shape));
        at += data.length;
        return [Plan.nextOutput(part.name), { dtype: 'float32', shape: part.shape, data }];
      });
    }),
  );

const planOf = (given: Example, by: Plan.Emission = emission): Plan.ResidentPlan => {
  const problem = problemOf(given);
  const draft = right(Plan.trainingDraft(problem, typesOf(given, problem.resolved), 'cpu'));
  return right(Plan.trainingIn(by)(draft));
};

const resident = async (given: Example, by: Plan.Emission = emission, batchSize = 8) => {
  const plan = planOf(given, by);
  const on = await session(plan.model);
  const results = await runOnce(on, {
    ...Storage.packed(plan.stored, beginning(plan, initialValues(resolvedOf(given.model), 3))),
    ...dataOf(given),
    indices: range(0, samples),
    batch_size: int64(batchSize),
    learning_rate: float32(0.02),
    step: int64(0),
    seed: uint32(7),
  });
  await on.release();
  return { plan, results };
};

const loopOf = (g: Graph): OperatorNode =>
  topological(g.outputs.map((o) => o.value)).find(
    (n): n is OperatorNode => n._tag === 'Operator' && n.operator === 'Loop',
  ) as OperatorNode;

it.each(['adam', 'sgd, momentum', 'lamb', 'adafactor'] as const)(
  '%s: parts of what is stored, to the same bits',
  async (name) => {
    const given = example(model, optimizers[name] as Example['optimizer']);
    const named = await trainedBy(given, emission);
    const { plan, results } = await resident(given);
    expect(plan.stored.flatMap((s) => s.parts.map((p) => p.name)).toSorted()).toEqual([...plan.carried].toSorted());
    for (const [output, part] of Object.entries(apart(plan, results))) {
      const expected = named.results[output] as NdArray;
      expect(part.shape).toEqual(expected.shape);
      expect(bits(part).equals(bits(expected)), output).toBe(true);
    }
    expect(results.loss?.data).toEqual(named.results.loss?.data);
  },
);

it('nothing stands between the state and the loop', () => {
  const plan = planOf(example(model, optimizers.adam as Example['optimizer']));
  const loop = loopOf(plan.graph);
  // Small weights lie in one array for each role, the large kernel in pieces.
  expect(plan.stored.some((s) => s.parts.length > 1)).toBe(true);
  expect(plan.stored.some((s) => s.parts.length === 1 && s.shape.join() !== s.parts[0].shape.join())).toBe(true);
  for (const { name } of plan.stored) {
    const { node } = plan.graph.outputs.find((o) => o.name === Plan.nextOutput(name))?.value ?? {};
    expect(node, name).toBe(loop);
    expect(
      loop.inputs.some((v) => v?.node._tag === 'Input' && v.node.name === name),
      name,
    ).toBe(true);
  }
});

it('what nothing is put together of has its own name', () => {
  const plan = planOf(example(L.model(L.input([3]), L.dense(2)), optimizers.adafactor as Example['optimizer']));
  const single = plan.stored.filter((s) => s.parts.length === 1);
  expect(single.length).toBeGreaterThan(0);
  for (const { name, shape, parts } of single) expect({ name, shape }).toEqual(parts[0]);
});

/** Two weights that a loop carries as one; what it begins with is perhaps read by another as well. */
const carriedTogether = (isReadBesides: boolean): Graph => {
  const names = ['a', 'b'];
  const [a, b] = names.map((name) => input(name, 'float32', [2])) as [Value, Value];
  const whole = Op.concat(0)([a, b]);
  const [iteration, condition] = [input('iteration', 'int64', []), input('condition', 'bool', [])];
  const before = input('whole', 'float32', [4]);
  const body = G.graph(
    'steps',
    [iteration, condition, before],
    [condition, Op.mul(before, 2)].map((value, i) => ({
      name: `step/${i}`,
      value: i === 0 ? Op.identity(value) : value,
    })),
  );
  const parts = Op.split(0, [2, 2])(Op.loop(Op.scalar(3, 'int64'), [whole], body)[0] as Value);
  const next = names.map((name, i) => ({ name: Plan.nextOutput(name), value: parts[i] as Value }));
  const sum = isReadBesides ? [{ name: 'sum', value: Op.reduceSum()(whole) }] : [];
  return G.graph('example', [a, b], [...next, ...sum]);
};

it('what others read besides the loop is carried as it is', async () => {
  const stored = withStored(['a', 'b'], Plan.nextOutput);
  expect(stored(carriedTogether(false)).stored.map((s) => s.parts.length)).toEqual([2]);
  const { graph, stored: apart } = stored(carriedTogether(true));
  expect(apart.map((s) => s.name)).toEqual(['a', 'b']);
  const results = await run(graph, { a: f32([1, 2]), b: f32([3, 4]) });
  expect(results['next/b']).toEqual(f32([24, 32]));
  expect(results.sum?.data).toEqual(Float32Array.of(10));
});

// -------------------------------------------------------------------------------------
// in blocks
// -------------------------------------------------------------------------------------

/** Rows that do not fill blocks. The larger kernel is updated, and carried, in pieces. */
const kernels = [
  { rows: 635, columns: 656 },
  { rows: 830, columns: 640 },
] as const;

const inColumns: Plan.Emission = flow(simplify(), withColumns(block ?? 16, 16), Plan.inOrder, inPieces);

const withKernel = ({ rows, columns }: (typeof kernels)[number]): Example => ({
  ...example(
    L.model(L.input([rows]), L.dense(columns, { activation: 'tanh' }), L.dense(2)),
    optimizers.adam as Example['optimizer'],
  ),
  data: { input: floats([rows], 1) },
});

const lying = (plan: Plan.ResidentPlan): readonly string[] =>
  plan.stored.flatMap((s) => (s.columns === undefined ? [] : [s.name]));

describe.each(kernels)('a kernel of $rows by $columns in blocks', (kernel) => {
  const given = withKernel(kernel);
  const { rows, columns } = kernel;

  it('lies so with its slots, and nothing stands between them and the loop', () => {
    const plan = planOf(given, inColumns);
    const loop = loopOf(plan.graph);
    const names = lying(plan);
    expect(names.toSorted()).toEqual([
      'dense.kernel',
      'slot/adam/momentum/dense.kernel',
      'slot/adam/velocity/dense.kernel',
    ]);
    for (const name of names) {
      const s = plan.stored.find((s) => s.name === name);
      expect(s?.parts).toEqual([{ name, shape: [rows, columns] }]);
      expect(elements(s?.shape ?? [])).toBe(Math.ceil(rows / 16) * 16 * columns);
      expect(plan.graph.outputs.find((o) => o.name === Plan.nextOutput(name))?.value.node).toBe(loop);
    }
  });

  it('what goes into blocks comes out of them', () => {
    const plan = planOf(given, inColumns);
    const weights = beginning(plan, initialValues(resolvedOf(given.model), 3));
    const stored = Storage.packed(plan.stored, weights);
    const [name = ''] = lying(plan);
    expect(bits(stored[name] as NdArray).equals(bits(weights[name] as NdArray))).toBe(false);
    const back = Storage.plain(plan.stored)(stored);
    for (const key of lying(plan)) expectSame(back[key], weights[key], key);
  });

  describe.skipIf(block === undefined)('on a processor that has them', () => {
    it('training with what is stored in blocks comes to the same bits', async () => {
      const named = await trainedBy(given, inColumns, 16);
      const { plan, results } = await resident(given, inColumns, 16);
      const byName = Object.fromEntries(
        plan.stored.map(({ name }) => [name, results[Plan.nextOutput(name)] as NdArray]),
      );
      const back = Storage.plain(plan.stored)(byName);
      for (const name of lying(plan)) expectSame(back[name], named.results[Plan.nextOutput(name)], name);
      expect(results.loss?.data).toEqual(named.results.loss?.data);
    });

    it('evaluation reads what is stored in blocks', async () => {
      const plan = planOf(given, inColumns);
      const problem = problemOf(given);
      const types = typesOf(given, problem.resolved);
      const weights = beginning(plan, initialValues(resolvedOf(given.model), 3));
      const feeds = { ...dataOf(given), indices: range(0, samples), batch_size: int64(8) };
      const evaluated = async (by: Plan.Emission, values: Readonly<Record<string, NdArray>>) => {
        const on = await session(right(Plan.evaluationPlan(problem, types, by)).model);
        const { loss } = await runOnce(on, { ...values, ...feeds });
        await on.release();
        return loss;
      };
      const plain = await evaluated(Plan.plainly, weights);
      const stored = { ...weights, ...Storage.packed(plan.stored, weights) };
      expect(await evaluated(flow(readingStored(plan.stored), Plan.plainly), stored)).toEqual(plain);
    });
  });
});
