/**
 * A model's outputs for a batch, judged: the number that is minimised, and what the batch adds to the sums of what is
 * logged.
 *
 * Steps that a layer has masked count neither in losses nor in metrics. (Keras 3 leaves them out of metrics that are means,
 * and lets others, precision say, count them; here they count nowhere.)
 */
import type { Output, Value } from '../graph/Graph.ts';
import * as G from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import { outputIndex } from '../model/Outputs.ts';
import type { Resolved } from '../model/Resolved.ts';
import { alignWeights } from '../objective/Alignment.ts';
import { type Goal, lossStates } from '../objective/Goal.ts';
import * as Loss from '../objective/Loss.ts';
import { type AnyShape, dims, dtypeOf } from '../shape/Shape.ts';
import type { Batch } from './Batches.ts';
import type { Lowered } from './Lower.ts';
import { weightPenalties } from './Penalty.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Judged {
  readonly loss: Value;
  /** What the batch adds to the metrics' sums. */
  readonly metrics: readonly Output[];
}

export interface MetricStates {
  readonly name: string;
  readonly states: readonly string[];
}

interface Judges {
  readonly resolved: Resolved;
  readonly goals: readonly Goal[];
}

export const metricOutput = (metric: string, state: string): string => `metric/${metric}/${state}`;

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

/** What a metric gives weight to: steps that count, and samples, if it sees their weights. */
const metricWeights = (output: Value, mask: Value | undefined, weights: Value | undefined): Value | undefined => {
  if (mask === undefined || Op.rank(mask) >= Op.rank(output)) return weights;
  const counted = Op.cast('float32')(mask);
  return weights === undefined ? counted : Op.mul(...alignWeights(counted, weights));
};

const sums = (key: string, states: Readonly<Record<string, Value>>): readonly Output[] =>
  Object.entries(states).map(([state, value]) => ({ name: metricOutput(key, state), value }));

/** One output's loss, without its weight in the sum, and what it adds to what is logged. */
const judgeOutput = (
  { loss, lossKey, watched, output: name }: Goal,
  output: Value,
  mask: Value | undefined,
  { targets, sampleWeights, samples }: Batch,
): Judged => {
  const target = targets[name];
  if (target === undefined) throw new Op.GraphDefect(`the output '${name}' has a loss and no target`);
  const weights = sampleWeights[name];
  const value = Loss.scalar(loss)(output, target, weights, mask);
  const [total, count] = lossStates;
  return {
    loss: value,
    metrics: [
      ...(lossKey === undefined ? [] : sums(lossKey, { [total]: Op.mul(value, samples), [count]: samples })),
      ...watched.flatMap(({ key, metric, weighted }) =>
        sums(key, metric.update(output, target, metricWeights(output, mask, weighted ? weights : undefined))),
      ),
    ],
  };
};

// -------------------------------------------------------------------------------------
// interpreters
// -------------------------------------------------------------------------------------

/** The weighted sum of the outputs' losses with all penalties, and the losses alone; the metrics know nothing of penalties. */
export const judge = (
  { resolved, goals }: Judges,
  { outputs, masks, penalties }: Pick<Lowered, 'outputs' | 'masks' | 'penalties'>,
  batch: Batch,
  weights: Readonly<Record<string, Value>>,
): Judged & { readonly losses: readonly Value[] } => {
  const judged = goals.map((goal) => {
    const at = outputIndex(resolved, goal.output);
    return judgeOutput(goal, outputs[at] as Value, masks[at], batch);
  });
  const losses = judged.map(({ loss }, i) => {
    const weight = goals[i]?.weight ?? 1;
    return weight === 1 ? loss : Op.mul(loss, weight);
  });
  const terms = [...losses, ...weightPenalties(resolved.parameters, weights), ...penalties];
  return {
    loss: terms.reduce((a, b) => Op.add(a, b)),
    losses: judged.map(({ loss }) => loss),
    metrics: judged.flatMap(({ metrics }) => metrics),
  };
};

/** Which sums each key of the logs keeps. */
export const metricStates = ({ resolved, goals }: Judges): readonly MetricStates[] =>
  goals.flatMap(({ output, lossKey, watched }) => {
    const shape: AnyShape = resolved.outputs[outputIndex(resolved, output)]?.type ?? [];
    const type = G.valueType(dtypeOf(shape), dims(shape));
    return [
      ...(lossKey === undefined ? [] : [{ name: lossKey, states: lossStates }]),
      ...watched.map(({ key, metric }) => ({ name: key, states: Object.keys(metric.states(type)) })),
    ];
  });
