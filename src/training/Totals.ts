/**
 * Sums over the steps of an epoch or an evaluation, and the logs they amount to. Sums are kept in float64; a metric is
 * computed from its sums over all samples, never as a mean of batch values.
 *
 * Totals are a monoid under adding steps: the logs do not depend on how steps are grouped into runs.
 */
import { type MetricStates, metricOutput } from '../interpret/Judge.ts';
import type { Logged } from '../objective/Goal.ts';
import type { NdArray } from '../shape/NdArray.ts';
import type { Logs } from './Event.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

type States = Readonly<Record<string, Float64Array>>;

export interface Totals {
  readonly steps: number;
  readonly samples: number;
  /** Sum of batch loss times batch size. */
  readonly loss: number;
  /** By metric name, then by the metric's state. */
  readonly metrics: Readonly<Record<string, States>>;
}

/** What a run of K steps gives: each array has the steps on its first axis. */
export interface StepResults {
  readonly loss: NdArray;
  readonly samples: NdArray;
  readonly metrics: Readonly<Record<string, Readonly<Record<string, NdArray>>>>;
}

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

export const empty: Totals = { steps: 0, samples: 0, loss: 0, metrics: {} };

/** Picks the step results out of a run's outputs. */
export const stepResults = (
  outputs: Readonly<Record<string, NdArray>>,
  metrics: readonly MetricStates[],
): StepResults => {
  const read = (name: string): NdArray => outputs[name] as NdArray;
  return {
    loss: read('loss'),
    samples: read('samples'),
    metrics: Object.fromEntries(
      metrics.map(({ name, states }) => [
        name,
        Object.fromEntries(states.map((state) => [state, read(metricOutput(name, state))])),
      ]),
    ),
  };
};

// -------------------------------------------------------------------------------------
// combinators
// -------------------------------------------------------------------------------------

export const steps = (results: StepResults): number => results.loss.data.length;

const addRow = (sum: Float64Array | undefined, rows: NdArray, step: number): Float64Array => {
  const width = rows.shape.slice(1).reduce((n, d) => n * d, 1);
  const total = sum === undefined ? new Float64Array(width) : Float64Array.from(sum);
  for (let i = 0; i < width; i++) total[i] = (total[i] as number) + Number(rows.data[step * width + i]);
  return total;
};

/** The totals with one more step. */
export const add = (totals: Totals, results: StepResults, step: number): Totals => {
  const samples = Number(results.samples.data[step]);
  return {
    steps: totals.steps + 1,
    samples: totals.samples + samples,
    loss: totals.loss + Number(results.loss.data[step]) * samples,
    metrics: Object.fromEntries(
      Object.entries(results.metrics).map(([name, states]) => [
        name,
        Object.fromEntries(
          Object.entries(states).map(([state, rows]) => [state, addRow(totals.metrics[name]?.[state], rows, step)]),
        ),
      ]),
    ),
  };
};

export const addAll = (totals: Totals, results: StepResults): Totals =>
  Array.from({ length: steps(results) }, (_, step) => step).reduce((sum, step) => add(sum, results, step), totals);

/** Keys sorted, as Keras gives them. */
export const logs = (totals: Totals, metrics: readonly Logged[], prefix = ''): Logs => {
  const values: Record<string, number> = { [`${prefix}loss`]: totals.loss / totals.samples };
  for (const metric of metrics) values[prefix + metric.name] = metric.result(totals.metrics[metric.name] ?? {});
  return Object.fromEntries(
    Object.keys(values)
      .sort()
      .map((key) => [key, values[key] as number]),
  );
};
