/**
 * Training graphs: what they need of a provider, and their contract with whoever runs them.
 */
import * as E from 'fp-ts/lib/Either.js';
import { afterAll, describe, expect, it } from 'vitest';
import { type InputNode, type Node, predecessors, topological } from '../../src/graph/Graph.ts';
import { missingKernels } from '../../src/graph/Kernels.ts';
import { type Data as D, Environment, Training as T } from '../../src/index.ts';
import type * as Plan from '../../src/interpret/Plan.ts';
import { initialValues } from '../../src/model/Initial.ts';
import { decode } from '../../src/onnx/Decode.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { kernelTables } from '../support/kernelTables.ts';
import {
  type Arrays,
  beginning,
  dataOf,
  type Example,
  evaluationOf,
  fitted,
  float32,
  int64,
  named,
  problemOf,
  range,
  runOnce,
  samples,
  session,
  trainingOf,
  uint32,
} from './problems.ts';
import { resolvedOf, right } from './support.ts';

// -------------------------------------------------------------------------------------
// kernels
// -------------------------------------------------------------------------------------

describe.each(named)('%s', (_, example) => {
  it.each(['cpu', 'cuda'] as const)('every operator has a kernel of the %s provider', (provider) => {
    const { graph } = trainingOf(example, provider);
    expect(missingKernels(graph, kernelTables, provider, 18)).toEqual([]);
    expect(missingKernels(evaluationOf(example).graph, kernelTables, provider, 18)).toEqual([]);
  });

  it('has opset 18', () => {
    const opsets = (model: Uint8Array) => right(decode(model)).opsetImport.filter((o) => o.domain === '');
    for (const plan of [trainingOf(example, 'cpu'), evaluationOf(example)])
      expect(opsets(plan.model).map((o) => Number(o.version))).toEqual([18]);
  });
});

it('the CPU has operators for dropout that CUDA lacks, and they are used', () => {
  const [, example] = named[0] as [string, Example];
  const lacking = missingKernels(trainingOf(example, 'cpu').graph, kernelTables, 'cuda', 18);
  expect(lacking.map((m) => m.operator).sort()).toEqual(['BitShift', 'BitwiseXor']);
});

// -------------------------------------------------------------------------------------
// the contract
// -------------------------------------------------------------------------------------

/** A node and all that it is computed from. */
const within = (node: Node, seen: Set<Node> = new Set()): ReadonlySet<Node> => {
  if (!seen.has(node)) {
    seen.add(node);
    for (const n of predecessors(node)) within(n, seen);
  }
  return seen;
};

interface ByHand {
  readonly carried: Arrays;
  readonly losses: readonly number[];
}

/** As somebody in another language would: run, feed `next/NAME` back as NAME, count the steps. */
const trainByHand = async (
  example: Example,
  { epochs, batchSize, stepsPerRun, seed }: { epochs: number; batchSize: number; stepsPerRun: number; seed: number },
): Promise<ByHand> => {
  const plan = trainingOf(example, 'cpu');
  const on = await session(plan.model);
  let carried = beginning(plan, initialValues(resolvedOf(example.model), seed));
  const losses: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++)
    for (let from = 0; from < samples; from += stepsPerRun * batchSize) {
      const results = await runOnce(on, {
        ...carried,
        ...dataOf(example),
        indices: range(from, Math.min(samples, from + stepsPerRun * batchSize)),
        batch_size: int64(batchSize),
        learning_rate: float32(example.optimizer.learningRate),
        step: int64(losses.length),
        seed: uint32(seed),
      });
      carried = Object.fromEntries(
        Object.entries(carried).map(([name, old]) => [name, results[`next/${name}`] ?? old]),
      );
      losses.push(...((results.loss as NdArray).data as Float32Array));
    }
  await on.release();
  return { carried, losses };
};

const env = Environment.node({ threads: 1 })();

afterAll(env.runtime.close);

const trainWithRun = async (example: Example, settings: T.FitSettings): Promise<T.TrainState> => {
  const objective = T.compile(example.model as never, {
    loss: example.loss as never,
    optimizer: example.optimizer,
    metrics: example.metrics as never,
  }) as T.Objective<unknown, unknown, unknown, string>;
  const x = Object.values(example.data).length === 1 ? example.data.input : example.data;
  const data = { _tag: 'Dataset', x, y: example.target, size: samples } as unknown as D.Dataset<unknown, unknown>;
  const fit = T.fit(objective as never, { data: data as never, shuffle: false, verbose: 0, ...settings });
  const trained = await T.run(fit)(env)();
  if (E.isLeft(trained)) throw new Error(T.showError(trained.left));
  return trained.right.state as T.TrainState;
};

describe.each(fitted)('%s', (_, example) => {
  it("by hand, by the graph's contract, gives what run gives, bit for bit", async () => {
    const settings = { epochs: 3, batchSize: 6, seed: 5 };
    const state = await trainWithRun(example, { ...settings, stepsPerRun: 3 });
    for (const stepsPerRun of [1, 4]) {
      const { carried, losses } = await trainByHand(example, { ...settings, stepsPerRun });
      expect(losses.length).toBe(12);
      expect(losses.every(Number.isFinite)).toBe(true);
      for (const [name, array] of Object.entries(state.weights)) expect(carried[name], name).toEqual(array);
      for (const [name, array] of Object.entries(state.slots)) expect(carried[`slot/${name}`], name).toEqual(array);
    }
  });
});

describe.each(named)('%s', (_, example) => {
  const { resolved } = problemOf(example);

  it('has the inputs and outputs that its contract names', () => {
    const plan = trainingOf(example, 'cpu');
    const inputs = plan.graph.inputs.map((v) => (v.node as InputNode).name);
    const weights = resolved.parameters.map((p) => p.name);
    const slots = Object.keys(plan.slots).map((name) => `slot/${name}`);
    const draws = resolved.layers.some((l) => l.spec.op === 'dropout');
    const always = ['target', 'indices', 'batch_size', 'learning_rate'];
    const expected = [...weights, ...slots, ...Object.keys(dataOf(example)), ...always];
    expect(inputs.filter((name) => !['seed', 'step'].includes(name)).sort()).toEqual([...new Set(expected)].sort());
    expect(inputs.includes('seed')).toBe(draws);
    const states = plan.metrics.flatMap((m) => m.states.map((s) => `metric/${m.name}/${s}`));
    expect(plan.graph.outputs.map((o) => o.name).sort()).toEqual(
      [...weights, ...slots]
        .map((name) => `next/${name}`)
        .concat('loss', 'samples', states)
        .sort(),
    );
    expect(plan.metrics.map((m) => m.name)).toEqual(example.metrics.map((m) => m.name));
  });

  // So what is next may be written where that was which it comes from.
  it('reads nothing that it carries when the loop is done, and what is next comes from the loop', () => {
    const { graph, carried } = trainingOf(example, 'cpu');
    const [loop, ...others] = topological(graph.outputs.map((o) => o.value)).filter(
      (n) => n._tag === 'Operator' && n.operator === 'Loop',
    );
    expect(others).toEqual([]);
    const before = within(loop as Node);
    const after = topological(graph.outputs.map((o) => o.value)).filter((n) => !before.has(n));
    const read = new Set(after.flatMap(predecessors));
    for (const { node } of graph.inputs)
      if (carried.includes((node as InputNode).name)) expect(read).not.toContain(node);
    for (const { name, value } of graph.outputs)
      if (name.startsWith('next/')) expect(within(value.node).has(loop as Node)).toBe(true);
  });
});

// -------------------------------------------------------------------------------------
// frozen
// -------------------------------------------------------------------------------------

describe('frozen parameters', () => {
  const [, example] = named[0] as [string, Example];
  const inLoop = (plan: Plan.TrainingPlan): readonly Node[] => {
    const loop = topological(plan.graph.outputs.map((o) => o.value)).flatMap((n) =>
      n._tag === 'Operator' && n.attributes.body?._tag === 'Graph' ? [n.attributes.body.value] : [],
    );
    return topological(loop.flatMap((g) => g.outputs.map((o) => o.value)));
  };
  const operators = (plan: Plan.TrainingPlan): number => inLoop(plan).length;
  const products = (plan: Plan.TrainingPlan): number =>
    inLoop(plan).filter((n) => n._tag === 'Operator' && /MatMul$/.test(n.operator)).length;
  const below = resolvedOf(example.model)
    .parameters.map((p) => p.name)
    .filter((name) => /^(batch|weight)_normalization\./.test(name));
  const frozen = new Set(below);

  it('are read but not carried, have no slots and cost no backward pass', () => {
    const whole = trainingOf(example, 'cpu');
    const part = trainingOf(example, 'cpu', frozen);
    expect(below.length).toBe(7);
    expect(whole.carried).toEqual(expect.arrayContaining(below));
    expect(part.carried).toEqual(whole.carried.filter((name) => !below.some((b) => name.includes(b))));
    expect(part.inputs).toEqual(expect.arrayContaining(below.filter((name) => !name.includes('.moving_'))));
    expect(Object.values(part.slots).some(({ parameter }) => frozen.has(parameter))).toBe(false);
    // The products for the kernel and for the image that is behind it; what is elementwise is put together with the rest.
    expect(products(part)).toBe(products(whole) - 2);
    expect(operators(part)).toBeLessThan(operators(whole) * 0.9);
  });

  it('stay as they are, while the others learn', async () => {
    const plan = trainingOf(example, 'cpu', frozen);
    const on = await session(plan.model);
    const start = beginning(plan, initialValues(resolvedOf(example.model), 1));
    const results = await runOnce(on, {
      ...start,
      ...dataOf(example),
      indices: range(0, samples),
      batch_size: int64(samples),
      learning_rate: float32(0.1),
      step: int64(0),
      seed: uint32(0),
    });
    await on.release();
    expect(Object.keys(results).filter((name) => frozen.has(name.replace('next/', '')))).toEqual([]);
    const name = 'weight_normalization_1.v';
    expect(results[`next/${name}`]?.data).not.toEqual(start[name]?.data);
  });
});
