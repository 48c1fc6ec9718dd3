/**
 * A model with an objective, as the graphs that a run needs: one that trains (forward, backward, optimizer, and the loop
 * over steps), one that evaluates, one that predicts.
 *
 * The training graph's contract, for whoever runs it (`exportTraining`): inputs are the weights by their names, optimizer
 * slots `slot/NAME`, the data `data/INPUT`, `target` and, if the samples have weights, `sample_weight` (samples on the
 * first axis, all of them or as many as one likes; with several outputs `target/OUTPUT` and `sample_weight/OUTPUT`),
 * `indices` (int32: the samples to visit, in order), `batch_size`, `learning_rate`, `step` (updates done so far) and `seed`. The loop takes consecutive batches of `indices`; the last one may be smaller. Outputs are `next/NAME` for
 * every weight and slot that changes, to be fed back as NAME, and for each step `loss`, `samples` (its batch size) and
 * the metrics' sums `metric/METRIC/STATE` (with several outputs METRIC is `OUTPUT_METRIC`, and `OUTPUT_loss` has the sums of
 * that output's own loss).
 */
import * as E from 'fp-ts/lib/Either.js';
import { flow, pipe } from 'fp-ts/lib/function.js';
import * as RR from 'fp-ts/lib/ReadonlyRecord.js';
import { type AutodiffError, grad, hasGradient } from '../autodiff/Grad.ts';
import type { Graph, Output, Value } from '../graph/Graph.ts';
import * as G from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import { arrangement } from '../graph/rewrite/Arrangement.ts';
import { rewriteLocally } from '../graph/rewrite/Rewrite.ts';
import { shared } from '../graph/rewrite/Shared.ts';
import { simplify } from '../graph/rewrite/Simplify.ts';
import { flattened } from '../graph/updates/Flat.ts';
import { type Stored, withStored } from '../graph/updates/Stored.ts';
import type { ParameterSpec, Resolved } from '../model/Resolved.ts';
import type { Goal } from '../objective/Goal.ts';
import { encode } from '../onnx/Encode.ts';
import type { OnnxError } from '../onnx/OnnxError.ts';
import type { Optimizer, SlotSpec } from '../optimizer/Optimizer.ts';
import { type DataInputs, type DataTypes, dataInputs } from './Batches.ts';
import { judge, type MetricStates, metricStates } from './Judge.ts';
import { scaling, slotsOf, stepsTaken } from './LossScale.ts';
import { inference, lower, training } from './Lower.ts';
import { type LoweringError, lowering, weightInputs } from './Lowering.ts';
import { byKernels, inPrecision } from './Mixed.ts';
import { constrain } from './Penalty.ts';
import { float32, type Precision, type PrecisionError } from './Precision.ts';
import { type Probe, probeOutputs, probeStates } from './Probes.ts';
import type { Provider } from './Random.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Problem {
  readonly resolved: Resolved;
  readonly goals: readonly Goal[];
  readonly optimizer: Optimizer;
  /** Of training. Default float32. */
  readonly precision?: Precision;
  /** What training steps measure besides. */
  readonly probes?: readonly Probe[];
}

/** A graph that computes the same, in the forms that are fast where it runs. */
export type Emission = (graph: Graph) => Graph;

/** What helps whatever the operators are. */
export const inOrder: Emission = flow(shared, flattened, rewriteLocally(arrangement));

/** Fast with plain operators, on any provider. */
export const plainly: Emission = flow(simplify(), inOrder);

export interface EvaluationPlan {
  readonly graph: Graph;
  readonly model: Uint8Array;
  /** Names of the graph's inputs. */
  readonly inputs: readonly string[];
  readonly metrics: readonly MetricStates[];
}

interface Changed {
  /** Inputs that come back changed: weights and `slot/...`. */
  readonly carried: readonly string[];
  /** By the optimizer's own names. */
  readonly slots: Readonly<Record<string, SlotSpec>>;
}

export interface TrainingPlan extends EvaluationPlan, Changed {}

/** For who keeps the state in memory from run to run: of `carried` the graph's inputs and outputs have the stored forms. */
export interface ResidentPlan extends TrainingPlan {
  readonly stored: readonly Stored[];
}

/** A training graph that is not yet in the forms of a runtime. */
export interface TrainingDraft extends Changed, Pick<EvaluationPlan, 'graph' | 'metrics'> {}

export type PlanError = LoweringError | AutodiffError | OnnxError | PrecisionError;

// -------------------------------------------------------------------------------------
// names
// -------------------------------------------------------------------------------------

export const slotInput = (name: string): string => `slot/${name}`;
export const nextOutput = (name: string): string => `next/${name}`;

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

const opset = 18;

interface Looped {
  /** The carried values after the last iteration. */
  readonly next: readonly Value[];
  /** One entry for each iteration, along a new first axis. */
  readonly scanned: readonly Output[];
}

type Body = (iteration: Value, carried: readonly Value[]) => E.Either<PlanError, Looped>;

/** A loop over steps: `step` makes the body from the iteration's number and the carried values. */
const loopGraph = (name: string, trips: Value, carried: readonly Value[], step: Body): E.Either<PlanError, Looped> => {
  const iteration = G.input('iteration', 'int64', []);
  const condition = G.input('condition', 'bool', []);
  const formal = carried.map((v) => G.input(`carried/${(v.node as G.InputNode).name}`, v.type.dtype, v.type.shape));
  return pipe(
    step(iteration, formal),
    E.map(({ next, scanned }) => {
      const body = G.graph(
        name,
        [iteration, condition, ...formal],
        [
          { name: 'continue', value: Op.identity(condition) },
          ...next.map((value, i) => ({ name: `step/${i}`, value })),
          ...scanned.map((o) => ({ name: `step/${o.name}`, value: o.value })),
        ],
      );
      const results = Op.loop(trips, carried, body);
      return {
        next: results.slice(0, carried.length),
        scanned: scanned.map((o, i) => ({ name: o.name, value: results[carried.length + i] as Value })),
      };
    }),
  );
};

const drafted = (name: string, inputs: readonly Value[], outputs: readonly Output[]): Graph =>
  G.graph(name, G.readInputs(inputs, outputs), outputs);

/** A graph for the runtime, and the names of what it is fed. */
export type Written = Pick<EvaluationPlan, 'graph' | 'model' | 'inputs'>;

export const written = (graph: Graph): E.Either<OnnxError, Written> =>
  pipe(
    encode(graph, { opset }),
    E.map((model) => ({ graph, model, inputs: graph.inputs.map((v) => (v.node as G.InputNode).name) })),
  );

export const finish = (
  name: string,
  inputs: readonly Value[],
  outputs: readonly Output[],
  emission: Emission = plainly,
): E.Either<OnnxError, Written> => written(emission(drafted(name, inputs, outputs)));

// -------------------------------------------------------------------------------------
// training
// -------------------------------------------------------------------------------------

/** Everything that stands outside the loop. */
interface Outside {
  readonly data: DataInputs;
  readonly weights: Readonly<Record<string, Value>>;
  readonly slots: Readonly<Record<string, Value>>;
  readonly learningRate: Value;
  /** Updates done before this run, int64. */
  readonly done: Value;
  readonly seed: Value;
}

/** Which weights change: those trained by the optimizer, and statistics that layers keep. */
interface Changing {
  readonly trained: readonly ParameterSpec[];
  readonly statistics: readonly string[];
}

const namesOf = ({ trained, statistics }: Changing): readonly string[] => [
  ...trained.map((p) => p.name),
  ...statistics,
];

const zip = (names: readonly string[], values: readonly Value[]): Readonly<Record<string, Value>> =>
  Object.fromEntries(names.map((name, i) => [name, values[i] as Value]));

/** That each loss is one of the model: of what goes into it, its weights or its data, by way of gradients. */
const effective = (goals: readonly Goal[], losses: readonly Value[], sources: readonly Value[]): void => {
  const idle = goals.find((_, i) => !hasGradient(losses[i] as Value, sources));
  if (idle === undefined || sources.length === 0) return;
  const { loss, output } = idle;
  throw new Op.GraphDefect(
    `fit: the loss ${loss.name}${output === '' ? '' : ` of '${output}'`} trains nothing: it does not depend on the model's output, ` +
      'or by operators without a gradient only (ArgMax, Round, comparisons); make it of the output, or leave it out',
  );
};

/** Forward in training mode, backward, update. */
const trainingStep =
  (problem: Problem, outside: Outside, changing: Changing, provider: Provider, frozen: ReadonlySet<string>): Body =>
  (iteration, carried) => {
    const { trained } = changing;
    const names = namesOf(changing);
    const slotNames = Object.keys(outside.slots);
    const now = { ...outside.weights, ...zip(names, carried) };
    const slots = zip(slotNames, carried.slice(names.length));
    const parameters = Object.fromEntries(trained.map((p) => [p.name, now[p.name] as Value]));
    const { precision = float32 } = problem;
    const weak = [...Object.values(outside.weights), ...carried, iteration, outside.done, outside.seed];
    return pipe(
      lowering(() => {
        const done = Op.add(outside.done, iteration);
        const batch = outside.data.batch(iteration);
        const random = { seed: outside.seed, step: Op.cast('uint32')(done), provider };
        const lowered = lower(problem.resolved, batch.inputs, now, training(random, frozen));
        const { updates } = lowered;
        const model = [...lowered.outputs, ...Object.values(updates)];
        const { losses, ...judged } = judge(problem, lowered, batch, now);
        effective(problem.goals, losses, [...Object.values(now), ...batch.inputs]);
        return { ...judged, updates, model, batch, done };
      }),
      E.chainW(inPrecision(precision, provider, weak)),
      E.bindTo('forward'),
      E.bindW('scale', () => lowering(() => scaling(precision, slots))),
      E.bindW('gradients', ({ forward, scale }) => grad(scale.up(forward.loss), Object.values(parameters))),
      E.chainW(({ forward, scale, gradients }) =>
        lowering(() => {
          const scaled = scale.down(gradients);
          const number = Op.add(Op.cast('float32')(forward.done), 1);
          const step = { learningRate: outside.learningRate, step: stepsTaken(slots)(number) };
          const gradientOf = zip(Object.keys(parameters), scaled.gradients);
          const result = problem.optimizer.transformation.update(step)(gradientOf, parameters, slots);
          const specs = new Map(trained.map((p) => [p.name, p]));
          // A layer may replace a trained weight too (spectral normalisation); the update then comes on top of that.
          const next = (name: string): Value => {
            const spec = specs.get(name);
            const value = forward.updates[name] ?? (now[name] as Value);
            return spec === undefined
              ? value
              : G.label(`update/${name}`)(constrain(spec)(Op.add(value, result.updates[name] as Value)));
          };
          return {
            next: [
              ...names.map((name) => scaled.taken(next(name), now[name] as Value)),
              ...slotNames.map(
                (name) => scaled.slots[name] ?? scaled.taken(result.slots[name] as Value, slots[name] as Value),
              ),
            ],
            scanned: [
              { name: 'loss', value: forward.loss },
              { name: 'samples', value: forward.batch.samples },
              ...forward.metrics,
              ...probeOutputs(
                problem.probes ?? [],
                {
                  gradient_norm: scaled.gradients,
                  update_norm: Object.values(result.updates),
                  weight_norm: Object.values(parameters),
                },
                forward.batch.samples,
              ),
            ],
          };
        }),
      ),
      E.map(({ next, scanned }): Looped => {
        const values = byKernels(precision, provider)([...next, ...scanned.map((o) => o.value)]);
        return {
          next: values.slice(0, next.length),
          scanned: scanned.map((o, i) => ({ ...o, value: values[next.length + i] as Value })),
        };
      }),
    );
  };

/** The graph of K training steps. Parameters whose name is in `frozen` are read, not changed, and cost no backward pass. */
export const trainingDraft = (
  problem: Problem,
  types: DataTypes,
  provider: Provider,
  frozen: ReadonlySet<string> = new Set(),
): E.Either<PlanError, TrainingDraft> => {
  const free = problem.resolved.parameters.filter((p) => !frozen.has(p.name));
  const trained = free.filter((p) => p.trainable);
  const changing = { trained, statistics: free.filter((p) => !p.trainable).map((p) => p.name) };
  const slots = {
    ...problem.optimizer.transformation.slots(Object.fromEntries(trained.map((p) => [p.name, p.shape]))),
    ...slotsOf(problem.precision ?? float32),
  };
  return pipe(
    lowering(
      (): Outside => ({
        data: dataInputs(problem.resolved, types),
        weights: weightInputs(problem.resolved.parameters),
        slots: RR.mapWithIndex((name: string, { shape }: SlotSpec) => G.input(slotInput(name), 'float32', shape))(
          slots,
        ),
        learningRate: G.input('learning_rate', 'float32', []),
        done: G.input('step', 'int64', []),
        seed: G.input('seed', 'uint32', []),
      }),
    ),
    E.chainW((outside) => {
      const carried = [...namesOf(changing), ...Object.keys(slots).map(slotInput)];
      const values = [
        ...namesOf(changing).map((name) => outside.weights[name] as Value),
        ...Object.values(outside.slots),
      ];
      const { data, weights, learningRate, done, seed } = outside;
      const inputs = [
        ...Object.values(weights),
        ...Object.values(outside.slots),
        ...data.all,
        learningRate,
        done,
        seed,
      ];
      return pipe(
        loopGraph('steps', data.trips, values, trainingStep(problem, outside, changing, provider, frozen)),
        E.map(({ next, scanned }) => {
          const updated = carried.map((name, i) => ({ name: nextOutput(name), value: next[i] as Value }));
          return {
            graph: drafted('training', inputs, [...updated, ...scanned]),
            carried,
            slots,
            metrics: [...metricStates(problem), ...probeStates(problem.probes ?? [])],
          };
        }),
      );
    }),
  );
};

/** The draft in the forms of a runtime, what it keeps between runs included, and its file. */
export const trainingIn =
  (emission: Emission) =>
  (draft: TrainingDraft): E.Either<PlanError, ResidentPlan> => {
    const { graph, stored } = withStored(draft.carried, nextOutput)(emission(draft.graph));
    return pipe(
      written(graph),
      E.map((finished) => ({ ...draft, ...finished, stored })),
    );
  };

/** The draft and its file, with every weight and slot by its own name. */
export const trainingPlan = (
  problem: Problem,
  types: DataTypes,
  provider: Provider,
  frozen: ReadonlySet<string> = new Set(),
  emission: Emission = plainly,
): E.Either<PlanError, TrainingPlan> =>
  pipe(
    trainingDraft(problem, types, provider, frozen),
    E.chainW((draft) =>
      pipe(
        written(emission(draft.graph)),
        E.map((finished) => ({ ...draft, ...finished })),
      ),
    ),
  );

// -------------------------------------------------------------------------------------
// evaluation, prediction, export
// -------------------------------------------------------------------------------------

/** The graph of loss and metrics over batches, in inference mode. */
export const evaluationPlan = (
  problem: Problem,
  types: DataTypes,
  emission: Emission = plainly,
): E.Either<PlanError, EvaluationPlan> => {
  const weights = weightInputs(problem.resolved.parameters);
  const body =
    (data: DataInputs): Body =>
    (iteration) =>
      lowering(() => {
        const batch = data.batch(iteration);
        const lowered = lower(problem.resolved, batch.inputs, weights, inference);
        const { loss, metrics } = judge(problem, lowered, batch, weights);
        return {
          next: [],
          scanned: [{ name: 'loss', value: loss }, { name: 'samples', value: batch.samples }, ...metrics],
        };
      });
  return pipe(
    lowering(() => dataInputs(problem.resolved, types)),
    E.chainW((data) =>
      pipe(
        loopGraph('batches', data.trips, [], body(data)),
        E.chainW(({ scanned }) => finish('evaluation', [...Object.values(weights), ...data.all], scanned, emission)),
      ),
    ),
    E.map((finished) => ({ ...finished, metrics: metricStates(problem) })),
  );
};
