/**
 * What is asked of each output of a model: a loss, its weight in the sum, and metrics, with their keys in the logs.
 *
 * A model whose output is a record logs `NAME_loss` for each output that has a loss, and its metrics as `NAME_METRIC`.
 */
import { oneOf, unmet } from '../shape/Requirement.ts';
import type { Direction } from '../training/Event.ts';
import type { AnyLoss } from './losses/Definition.ts';
import { meanResult } from './Mean.ts';
import type { AnyMetric, States } from './metrics/Definition.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** A metric of an output. */
export interface Watched {
  /** In the logs. */
  readonly key: string;
  readonly metric: AnyMetric;
  /** It sees the weights of the samples. */
  readonly weighted: boolean;
}

export interface Goal {
  /** The output's name; `''` for the one of a model whose output is no record. */
  readonly output: string;
  readonly loss: AnyLoss;
  /** Of the loss in the sum that is minimised. */
  readonly weight: number;
  /** The loss's key in the logs; undefined for the one output, whose loss is `loss`. */
  readonly lossKey: string | undefined;
  readonly watched: readonly Watched[];
}

/** What a key of the logs is computed from. */
export interface Logged {
  readonly name: string;
  readonly direction: Direction;
  readonly result: (states: States) => number;
}

type Lists = Readonly<Record<string, readonly AnyMetric[]>>;

/** As `compile` takes them: one for the only output, or by the outputs' names. */
export interface GoalParts {
  readonly loss: AnyLoss | Readonly<Record<string, AnyLoss | undefined>>;
  readonly lossWeights?: number | Readonly<Record<string, number | undefined>> | undefined;
  readonly metrics?: readonly AnyMetric[] | Lists | undefined;
  readonly weightedMetrics?: readonly AnyMetric[] | Lists | undefined;
}

export interface Goals {
  /** In the order of the outputs; none for outputs without a loss. */
  readonly goals: readonly Goal[];
  /** What is wrong with the parts. */
  readonly problems: readonly string[];
}

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

const isLoss = (loss: GoalParts['loss']): loss is AnyLoss => typeof loss.perSample === 'function';

const isList = (metrics: readonly AnyMetric[] | Lists): metrics is readonly AnyMetric[] => Array.isArray(metrics);

const quoted = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(', ');

/** Keras's rule: a weighted metric whose key is taken says that it is weighted. */
const watchedOf = (
  prefix: string,
  metrics: readonly AnyMetric[],
  weightedMetrics: readonly AnyMetric[],
): readonly Watched[] => {
  const plain = metrics.map((metric) => ({ key: `${prefix}${metric.name}`, metric, weighted: false }));
  const weighted = weightedMetrics.map((metric) => {
    const taken = metrics.some(({ name }) => name === metric.name);
    return { key: `${prefix}${taken ? 'weighted_' : ''}${metric.name}`, metric, weighted: true };
  });
  return [...plain, ...weighted];
};

/** Of a weighted sum, those of its parts. */
const checkReduction = (loss: AnyLoss): readonly string[] =>
  loss.terms === undefined
    ? unmet(`compile: the loss ${loss.name}`, [
        oneOf('sumOverBatchSize', 'sum', 'meanWithSampleWeight')('reduction', loss.reduction),
      ])
    : loss.terms.flatMap((term) => checkReduction(term.loss));

const checkWeight = (what: string, weight: number): readonly string[] =>
  Number.isFinite(weight) ? [] : [`compile: ${what} must be a finite number, got ${weight}`];

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** What is asked of one output, whose targets and logs bear its name unless that is `''`. */
export const goal = (
  output: string,
  loss: AnyLoss,
  metrics: readonly AnyMetric[] = [],
  weightedMetrics: readonly AnyMetric[] = [],
  weight = 1,
): Goal => ({
  output,
  loss,
  weight,
  lossKey: output === '' ? undefined : `${output}_loss`,
  watched: watchedOf(output === '' ? '' : `${output}_`, metrics, weightedMetrics),
});

const ofOne = (parts: GoalParts): Goals => {
  const { loss, lossWeights = 1, metrics = [], weightedMetrics = [] } = parts;
  if (!isLoss(loss))
    return {
      goals: [],
      problems: [`compile: the model has one output, got losses for ${quoted(Object.keys(loss))}; give one loss`],
    };
  if (typeof lossWeights !== 'number' || !isList(metrics) || !isList(weightedMetrics))
    return {
      goals: [],
      problems: ['compile: the model has one output; give one weight and one list of metrics, not records of them'],
    };
  return {
    goals: [goal('', loss, metrics, weightedMetrics, lossWeights)],
    problems: [...checkWeight('lossWeights', lossWeights), ...checkReduction(loss)],
  };
};

/** Names in a record that are no outputs. */
const strangers = (what: string, record: object, outputs: readonly string[]): readonly string[] =>
  Object.keys(record)
    .filter((name) => !outputs.includes(name))
    .map((name) => `compile: ${what}: the model has no output '${name}'; its outputs are ${quoted(outputs)}`);

const ofSeveral = (outputs: readonly string[], parts: GoalParts): Goals => {
  const { loss, lossWeights = {}, metrics = {}, weightedMetrics = {} } = parts;
  const several = `the model has the outputs ${quoted(outputs)}`;
  if (typeof lossWeights === 'number')
    return { goals: [], problems: [`compile: ${several}; give lossWeights by their names, got ${lossWeights}`] };
  if (isList(metrics) || isList(weightedMetrics))
    return { goals: [], problems: [`compile: ${several}; give the metrics by their names: { ${outputs[0]}: [...] }`] };
  const losses: Readonly<Record<string, AnyLoss | undefined>> = isLoss(loss)
    ? Object.fromEntries(outputs.map((name) => [name, loss]))
    : loss;
  const goals = outputs.flatMap((output): readonly Goal[] => {
    const own = losses[output];
    return own === undefined
      ? []
      : [goal(output, own, metrics[output], weightedMetrics[output], lossWeights[output] ?? 1)];
  });
  const without = Object.entries({ lossWeights, metrics, weightedMetrics }).flatMap(([what, record]) =>
    Object.keys(record)
      .filter((name) => outputs.includes(name) && losses[name] === undefined)
      .map((name) => `compile: ${what}: the output '${name}' has no loss, and so no target`),
  );
  return {
    goals,
    problems: [
      ...(outputs.includes('') ? ["compile: an output has the name ''; its targets and logs need a name"] : []),
      ...strangers('loss', losses, outputs),
      ...outputs
        .filter((name) => !(name in losses))
        .map((name) => `compile: the output '${name}' has no loss; give one, or undefined if it is not trained on`),
      ...(goals.length === 0 ? ['compile: no output has a loss; give one at least'] : []),
      ...strangers('lossWeights', lossWeights, outputs),
      ...strangers('metrics', metrics, outputs),
      ...strangers('weightedMetrics', weightedMetrics, outputs),
      ...without,
      ...Object.entries(lossWeights).flatMap(([name, w]) =>
        w === undefined ? [] : checkWeight(`the weight of the loss of '${name}'`, w),
      ),
      ...goals.flatMap((g) => checkReduction(g.loss)),
    ],
  };
};

/** The goals of a model's outputs: their names, or `undefined` for one without a name of its own. */
export const goalsOf = (outputs: readonly string[] | undefined, parts: GoalParts): Goals =>
  outputs === undefined ? ofOne(parts) : ofSeveral(outputs, parts);

// -------------------------------------------------------------------------------------
// destructors
// -------------------------------------------------------------------------------------

/** The sums of an output's own loss: of batch loss times batch size, and of batch sizes. */
export const lossStates = ['total', 'count'] as const;

/** What is logged besides the sum of losses. */
export const logged = (goals: readonly Goal[]): readonly Logged[] =>
  goals.flatMap(({ lossKey, watched }) => [
    ...(lossKey === undefined ? [] : [{ name: lossKey, direction: 'min' as const, result: meanResult }]),
    ...watched.map(({ key, metric: { direction, result } }) => ({ name: key, direction, result })),
  ]);
