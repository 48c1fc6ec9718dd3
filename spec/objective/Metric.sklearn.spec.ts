/**
 * Metrics against scikit-learn's (spec/golden/metrics.py): all samples at once, and in many unequal batches.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { graph, input, type Value } from '../../src/graph/Graph.ts';
import { missingKernels } from '../../src/graph/Kernels.ts';
import * as Metric from '../../src/objective/Metric.ts';
import type { NdArray } from '../../src/shape/NdArray.ts';
import { graphOf, run } from '../support/evaluate.ts';
import { kernelTables } from '../support/kernelTables.ts';

type Rows = readonly (readonly number[])[] | readonly number[];

interface Golden {
  readonly metric: string;
  readonly args: readonly unknown[];
  readonly data: string;
  readonly value?: number;
  readonly unweighted: number;
}

interface Goldens {
  readonly weights: readonly number[];
  readonly data: Readonly<Record<string, { readonly output: Rows; readonly target: Rows }>>;
  readonly cases: readonly Golden[];
}

const { weights, data, cases }: Goldens = JSON.parse(
  readFileSync(new URL('../golden/metrics.json', import.meta.url), 'utf8'),
);

const make = ({ metric, args }: Golden): Metric.AnyMetric =>
  (Metric as unknown as Readonly<Record<string, (...args: readonly unknown[]) => Metric.AnyMetric>>)[metric]?.(
    ...args,
  ) as Metric.AnyMetric;

const widthOf = (rows: Rows): readonly number[] => (typeof rows[0] === 'number' ? [] : [rows[0]?.length ?? 0]);

const array = (rows: Rows, from: number, to: number, dtype: 'float32' | 'int32'): NdArray => {
  const values = rows.slice(from, to).flat();
  return {
    dtype,
    shape: [to - from, ...widthOf(rows)],
    data: dtype === 'int32' ? Int32Array.from(values) : Float32Array.from(values),
  };
};

const targetType = (name: string) => (name === 'sparse' ? 'int32' : 'float32');

/** Inputs of one graph for all cases: a batch of every data set. */
const inputs = Object.fromEntries(
  Object.entries(data).map(([name, { output, target }]) => [
    name,
    {
      output: input(`${name}/output`, 'float32', ['batch', ...widthOf(output)]),
      target: input(`${name}/target`, targetType(name), ['batch', ...widthOf(target)]),
    },
  ]),
);
const weight = input('weights', 'float32', ['batch']);

const metrics = cases.map(make);

const updates = cases.flatMap((c, i) => {
  const { output, target } = inputs[c.data] as { output: Value; target: Value };
  const metric = metrics[i] as Metric.AnyMetric;
  return [
    ...Object.entries(metric.update(output, target)).map(([state, v]) => [`${i}/plain/${state}`, v] as const),
    ...Object.entries(metric.update(output, target, weight)).map(
      ([state, v]) => [`${i}/weighted/${state}`, v] as const,
    ),
  ];
});

const whole = graphOf(Object.fromEntries(updates));

type Sums = Readonly<Record<string, Float64Array>>;

const incrementsOf = async (from: number, to: number): Promise<Sums> => {
  const feeds = Object.entries(data).flatMap(([name, { output, target }]) => [
    [`${name}/output`, array(output, from, to, 'float32')] as const,
    [`${name}/target`, array(target, from, to, targetType(name))] as const,
  ]);
  const results = await run(whole, { ...Object.fromEntries(feeds), weights: array(weights, from, to, 'float32') });
  return Object.fromEntries(Object.entries(results).map(([k, a]) => [k, Float64Array.from(a.data as Float32Array)]));
};

const plus = (a: Sums, b: Sums): Sums =>
  Object.fromEntries(Object.entries(b).map(([k, x]) => [k, x.map((v, i) => v + (a[k]?.[i] ?? 0))]));

const statesOf = (sums: Sums, i: number, kind: string): Metric.States => {
  const prefix = `${i}/${kind}/`;
  return Object.fromEntries(
    Object.entries(sums).flatMap(([k, v]) => (k.startsWith(prefix) ? [[k.slice(prefix.length), v]] : [])),
  );
};

const cuts = [0, 1, 8, 9, 30, 31, 50, 61];

describe('metrics are scikit-learn’s', () => {
  let together: Sums = {};
  let streamed: Sums = {};

  beforeAll(async () => {
    together = await incrementsOf(0, 61);
    for (let i = 1; i < cuts.length; i++)
      streamed = plus(streamed, await incrementsOf(cuts[i - 1] as number, cuts[i] as number));
  }, 60_000);

  for (const name of new Set(cases.map((c) => c.metric)))
    it(name, () => {
      const wrong = cases.flatMap((c, i) => {
        if (c.metric !== name) return [];
        const metric = metrics[i] as Metric.AnyMetric;
        const label = `${c.metric}(${JSON.stringify(c.args).slice(0, 80)}) on ${c.data}`;
        return (
          [
            ['plain', c.unweighted],
            ['weighted', c.value],
          ] as const
        ).flatMap(([kind, expected]) => {
          if (expected === undefined) return [];
          const [a, b] = [together, streamed].map((sums) => metric.result(statesOf(sums, i, kind))) as [number, number];
          const tolerance = 2e-6 * Math.max(1, Math.abs(expected));
          return [
            ...(Math.abs(a - expected) <= tolerance ? [] : [`${label}, ${kind}: ${a} instead of ${expected}`]),
            ...(Math.abs(a - b) <= tolerance ? [] : [`${label}, ${kind}: ${b} in batches, ${a} at once`]),
          ];
        });
      });
      expect(wrong).toEqual([]);
    });

  it('counts are whole numbers, exactly', () => {
    cases.forEach((c, i) => {
      for (const state of ['truePositives', 'falsePositives', 'trueNegatives', 'falseNegatives', 'confusion']) {
        const sums = statesOf(streamed, i, 'plain')[state];
        if (sums !== undefined) expect([c.metric, sums]).toEqual([c.metric, sums.map(Math.round)]);
        expect([c.metric, sums]).toEqual([c.metric, statesOf(together, i, 'plain')[state]]);
      }
    });
  });

  it('sums have the shapes that are announced, and both providers have the kernels', () => {
    cases.forEach((c, i) => {
      const { output } = inputs[c.data] as { output: Value };
      const states = (metrics[i] as Metric.AnyMetric).states(output.type);
      const got = statesOf(together, i, 'plain');
      expect([c.metric, Object.keys(got).sort()]).toEqual([c.metric, Object.keys(states).sort()]);
      for (const [state, shape] of Object.entries(states))
        expect([c.metric, state, got[state]?.length]).toEqual([c.metric, state, shape.reduce((n, d) => n * d, 1)]);
    });
    const outputs = updates.map(([name, value]) => ({ name, value }));
    expect(missingKernels(graph('metrics', [], outputs), kernelTables, 'cpu', 18)).toEqual([]);
    expect(missingKernels(graph('metrics', [], outputs), kernelTables, 'cuda', 18)).toEqual([]);
  });
});
