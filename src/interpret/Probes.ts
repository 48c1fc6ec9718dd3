/**
 * Norms that a training step computes of itself, for the logs: Euclidean, over all trained parameters together. They are
 * summed over steps as metrics are, so what is logged is their mean over the epoch so far.
 */
import type { Output, Value } from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import type { Logged } from '../objective/Goal.ts';
import { sumOfSquares } from '../optimizer/scalars.ts';
import { type MetricStates, metricOutput } from './Judge.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** Of the gradients before any clipping, of what is added to the parameters, of the parameters before that. */
export type Probe = 'gradient_norm' | 'update_norm' | 'weight_norm';

/** What a step has of them. */
export type Probed = Readonly<Record<Probe, readonly Value[]>>;

// -------------------------------------------------------------------------------------
// in the graph
// -------------------------------------------------------------------------------------

const norm = (values: readonly Value[]): Value =>
  Op.sqrt(values.map(sumOfSquares).reduce<Value>((sum, square) => Op.add(sum, square), Op.scalar(0, 'float32')));

/** One step's part of the sums; `samples` is any number of the step, of which there is one in each. */
export const probeOutputs = (probes: readonly Probe[], of: Probed, samples: Value): readonly Output[] =>
  probes.flatMap((probe) => [
    { name: metricOutput(probe, 'total'), value: norm(of[probe]) },
    { name: metricOutput(probe, 'steps'), value: Op.min(Op.cast('float32')(samples), 1) },
  ]);

// -------------------------------------------------------------------------------------
// in the logs
// -------------------------------------------------------------------------------------

export const probeStates = (probes: readonly Probe[]): readonly MetricStates[] =>
  probes.map((name) => ({ name, states: ['total', 'steps'] }));

export const probesLogged = (probes: readonly Probe[]): readonly Logged[] =>
  probes.map((name) => ({
    name,
    direction: 'min',
    result: ({ total, steps }) => Number(total?.[0]) / Number(steps?.[0]),
  }));
