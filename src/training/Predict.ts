/**
 * Trained models at work: `evaluate` on data with targets, `predict` without.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { Dataset } from '../data/Dataset.ts';
import { between, concat } from '../data/Rows.ts';
import { dataInput } from '../interpret/Batches.ts';
import * as Inference from '../interpret/Inference.ts';
import * as Plan from '../interpret/Plan.ts';
import { isBare } from '../model/Outputs.ts';
import type { Resolved } from '../model/Resolved.ts';
import type { HasRuntime, Session } from '../runtime/Runtime.ts';
import type { NdArray } from '../shape/NdArray.ts';
import {
  type Agree,
  type AnyShape,
  agree,
  type Bind,
  type Sample,
  type Show,
  type Sized,
  sample,
  show,
  sized,
} from '../shape/Shape.ts';
import { parts, samplesFor } from './Check.ts';
import type { CheckData } from './CheckData.ts';
import { emissionFor } from './Emission.ts';
import { type SampleWeight, withSampleWeight } from './SampleWeights.ts';
import { modelsOf, oneAhead, type Residents, withSession, withWeights } from './Sessions.ts';
import * as Totals from './Totals.ts';
import { anyObjective, resolvedOf, type Trained } from './Trained.ts';
import { evaluate as evaluateWith } from './Trainer.ts';
import { fitError, type TrainingError } from './TrainingError.ts';

export interface EvaluateOptions {
  /** Default 256; the result does not depend on it, but for rounding. */
  readonly batchSize?: number;
  /** How much each sample counts in the loss and in `weightedMetrics`, as for `fit`. */
  readonly sampleWeight?: SampleWeight;
}

/**
 * Loss and metrics over a data set, in inference mode. Keras `evaluate(return_dict=True)`.
 *
 * @example
 * pipe(trained, T.evaluate(test))   // RTE<HasRuntime, TrainingError, { loss: number; accuracy: number }>
 */
export const evaluate =
  <X, Y>(data: Dataset<X, Y>, options: EvaluateOptions = {}) =>
  <I, O, T, K extends string>(
    trained: [CheckData<I, T, X, Y, 'evaluate'>] extends [infer Err extends string] ? Err : Trained<I, O, T, K>,
  ): RTE.ReaderTaskEither<HasRuntime, TrainingError, Readonly<Record<K, number>>> => {
    const { objective: typed, weights } = trained as Trained<I, O, T, K>;
    const objective = anyObjective(typed);
    return (env) =>
      pipe(
        TE.Do,
        TE.bindW('batchSize', () => TE.fromEither(checkBatchSize('evaluate', options.batchSize ?? 256))),
        TE.bindW('resolved', () => TE.fromEither(resolvedOf(objective))),
        TE.bindW('data', ({ resolved }) =>
          pipe(
            samplesFor(objective, resolved, data as Dataset<unknown, unknown>, parts.evaluated),
            E.chainW(withSampleWeight('evaluate: sampleWeight', options.sampleWeight, 0, data.size)),
            TE.fromEither,
          ),
        ),
        TE.bindW('emission', ({ resolved }) => TE.fromTask(emissionFor(env.runtime, resolved))),
        TE.bindW('plan', ({ resolved, data: { types }, emission }) =>
          TE.fromEither(Plan.evaluationPlan({ ...objective, resolved }, types, emission)),
        ),
        TE.chainW(({ batchSize, plan, data: { samples } }) =>
          withSession(plan.model, (session) =>
            TE.bracket(
              env.runtime.upload({ ...weights, ...samples.arrays }),
              (residents) => {
                const feeds = Object.fromEntries(
                  Object.entries(residents).filter(([name]) => plan.inputs.includes(name)),
                );
                return evaluateWith(session, plan)(
                  {},
                  { feeds, size: samples.size },
                  Math.min(batchSize, samples.size),
                );
              },
              (residents) => env.runtime.free(Object.values(residents)),
            ),
          )(env),
        ),
        TE.map((totals) => Totals.logs(totals, objective.metrics) as Readonly<Record<K, number>>),
      );
  };

/** One array, or a record of them for a model of several inputs. */
type Given<S> = S extends AnyShape ? NdArray<S> : { readonly [N in keyof S]: NdArray<S[N]> };

type BatchOf<S> = S extends readonly [infer N, ...unknown[]]
  ? N
  : S extends { readonly int: readonly [infer N, ...unknown[]] }
    ? N
    : S extends AnyShape
      ? number
      : BatchOf<S[keyof S]>;

type CheckInput<I, S> =
  Agree<Sample<S>, Sized<Sample<I>>> extends true
    ? unknown
    : `predict: the model's input is ${Show<Sample<I>>}, got ${Show<Sample<S>>}`;

const isArray = (given: NdArray | Readonly<Record<string, NdArray>>): given is NdArray =>
  typeof given.dtype === 'string';

/** A size that must be a positive integer. */
const checkBatchSize = (what: string, batchSize: number): E.Either<TrainingError, number> =>
  Number.isInteger(batchSize) && batchSize > 0
    ? E.right(batchSize)
    : E.left(fitError(`${what}: batchSize must be a positive integer, got ${batchSize}`));

const checkInputs = (
  resolved: Resolved,
  given: NdArray | Readonly<Record<string, NdArray>>,
): E.Either<TrainingError, { readonly arrays: Readonly<Record<string, NdArray>>; readonly size: number }> => {
  const entries = resolved.inputs.map(({ name, type }) => ({
    name,
    type,
    array: isArray(given) ? given : given[name],
  }));
  const wrong = entries.flatMap(({ name, type, array }) => {
    if (array === undefined) return [`the model's input '${name}' is not given`];
    const got = array.dtype === 'int32' && 'int' in type ? { int: array.shape.slice(1) } : array.shape.slice(1);
    const which = entries.length === 1 ? '' : ` '${name}'`;
    return agree(got, sized(sample(type)))
      ? []
      : [`the model's input${which} is ${show(sample(type))}, got ${show(got)}`];
  });
  const sizes = new Set(entries.map(({ array }) => array?.shape[0]));
  if (wrong.length > 0) return E.left(fitError(`predict: ${wrong.join('; ')}`));
  if (sizes.size !== 1)
    return E.left(fitError(`predict: the inputs have different numbers of samples: ${[...sizes].join(', ')}`));
  const size = [...sizes][0] ?? 0;
  return size === 0
    ? E.left(fitError('predict: expects at least one sample, got none'))
    : E.right({ arrays: Object.fromEntries(entries.map((e) => [e.name, e.array as NdArray])), size });
};

export interface PredictOptions {
  /** Samples that go through the model at a time: bounds memory; results depend on it by rounding only. Default 256. */
  readonly batchSize?: number;
}

/**
 * The model's outputs for given inputs, samples on the first axis. Keras `predict`.
 *
 * @example
 * pipe(trained, T.predict(images))   // images: NdArray<[32, 1, 28, 28]>  ->  NdArray<[32, 10]>
 */
export const predict =
  <S>(given: Given<S>, options: PredictOptions = {}) =>
  <I, O, T, K extends string>(
    trained: [CheckInput<I, S>] extends [infer Err extends string] ? Err : Trained<I, O, T, K>,
  ): RTE.ReaderTaskEither<HasRuntime, TrainingError, Given<Bind<O, BatchOf<S>>>> => {
    const { objective, weights } = trained as Trained<I, O, T, K>;
    return (env) =>
      pipe(
        TE.Do,
        TE.bindW('batchSize', () => TE.fromEither(checkBatchSize('predict', options.batchSize ?? 256))),
        TE.bindW('resolved', () => TE.fromEither(resolvedOf(objective))),
        TE.bindW('inputs', ({ resolved }) =>
          TE.fromEither(checkInputs(resolved, given as NdArray | Readonly<Record<string, NdArray>>)),
        ),
        TE.bindW('graph', ({ resolved, inputs }) =>
          TE.fromEither(
            Inference.predictionGraph(
              resolved,
              Object.fromEntries(Object.entries(inputs.arrays).map(([n, a]) => [n, a.dtype])),
            ),
          ),
        ),
        TE.bindW('emission', ({ resolved }) => TE.fromTask(emissionFor(env.runtime, resolved))),
        TE.bindW('models', ({ batchSize, inputs, graph, emission }) => {
          const data = new Set(Object.keys(inputs.arrays).map(dataInput));
          return TE.fromEither(modelsOf(emission(graph), data, Math.ceil(inputs.size / batchSize)));
        }),
        TE.chainW(({ batchSize, resolved, inputs, models }) => {
          const starts = Array.from({ length: Math.ceil(inputs.size / batchSize) }, (_, i) => i * batchSize);
          const predictions = (session: Session, residents: Residents) =>
            pipe(
              starts.map((from) => {
                const to = Math.min(from + batchSize, inputs.size);
                const rows = Object.entries(inputs.arrays).map(([n, a]) => [dataInput(n), between(a, from, to)]);
                return session.run({ feeds: { ...residents, ...Object.fromEntries(rows) } });
              }),
              oneAhead,
              TE.map((results) => {
                const outputs = resolved.outputs.map(
                  ({ name }) => [name, concat(results.map((r) => r.fetched[name] as NdArray))] as const,
                );
                return (isBare(resolved) ? outputs[0]?.[1] : Object.fromEntries(outputs)) as Given<Bind<O, BatchOf<S>>>;
              }),
            );
          return withWeights(models, weights, predictions)(env);
        }),
      );
  };
