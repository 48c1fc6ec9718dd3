/**
 * A model with weights: what a run results in, and what evaluates, predicts and ships.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import * as History from '../callback/History.ts';
import type { Run } from '../callback/Run.ts';
import type { Dataset } from '../data/Dataset.ts';
import { between, concat } from '../data/Rows.ts';
import { dataInput } from '../interpret/Batches.ts';
import * as Inference from '../interpret/Inference.ts';
import * as Plan from '../interpret/Plan.ts';
import { initialValues } from '../model/Initial.ts';
import { resolve } from '../model/Resolve.ts';
import type { Resolved } from '../model/Resolved.ts';
import { encode } from '../onnx/Encode.ts';
import type { HasRuntime, Provider, RuntimeError, Session } from '../runtime/Runtime.ts';
import type { NdArray } from '../shape/NdArray.ts';
import { type Agree, type AnyShape, agree, type Bind, type Sample, type Show, sample, show } from '../shape/Shape.ts';
import type { HasFileSystem } from './Environment.ts';
import type { CheckData, Fit } from './Fit.ts';
import { parts, samplesFor } from './Fit.ts';
import type { Objective } from './Objective.ts';
import type { TrainState, Weights } from './State.ts';
import * as State from './State.ts';
import * as Totals from './Totals.ts';
import { evaluate as evaluateWith } from './Trainer.ts';
import { checkpointError, fitError, modelError, type TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Trained<I, O, T, K extends string> {
  readonly _tag: 'Trained';
  readonly objective: Objective<I, O, T, K>;
  readonly weights: Weights;
  /** Logs of every epoch. */
  readonly history: History.History;
  /** To go on from: `fit(objective, { data, from: trained.state })`. `undefined` for weights from elsewhere. */
  readonly state: TrainState | undefined;
}

type AnyObjective = Objective<unknown, unknown, unknown, string>;

const anyObjective = <I, O, T, K extends string>(objective: Objective<I, O, T, K>): AnyObjective =>
  objective as unknown as AnyObjective;

/** The model, checked. */
export const resolvedOf = <I, O, T, K extends string>(
  objective: Objective<I, O, T, K>,
): E.Either<TrainingError, Resolved> => pipe(resolve(objective.model), E.mapLeft(modelError));

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** With given weights; every difference from the model's own is listed in the error. */
export const withWeights =
  (weights: Weights) =>
  <I, O, T, K extends string>(objective: Objective<I, O, T, K>): E.Either<TrainingError, Trained<I, O, T, K>> =>
    pipe(
      resolvedOf(objective),
      E.chainW(({ parameters }) => State.checkWeights(parameters)(weights)),
      E.map((checked) => ({ _tag: 'Trained', objective, weights: checked, history: History.empty, state: undefined })),
    );

/** With initial weights, drawn by the layers' initializers from a seed. */
export const untrained =
  (seed: number) =>
  <I, O, T, K extends string>(objective: Objective<I, O, T, K>): E.Either<TrainingError, Trained<I, O, T, K>> =>
    pipe(
      resolvedOf(objective),
      E.chain((resolved) => withWeights(initialValues(resolved, seed))(objective)),
    );

// -------------------------------------------------------------------------------------
// files
// -------------------------------------------------------------------------------------

/** The error, with the file it is about in front of its message. */
const inFile =
  (path: string) =>
  <Err extends TrainingError>(error: Err): Err =>
    error._tag === 'IoError' || error.message.startsWith(path)
      ? error
      : { ...error, message: `${path}: ${error.message}` };

const readCheckpoint =
  (path: string): RTE.ReaderTaskEither<HasFileSystem, TrainingError, State.Checkpoint> =>
  ({ fileSystem }) =>
    pipe(
      fileSystem.readFile(path),
      TE.chainEitherKW((bytes) => pipe(State.decode(bytes), E.mapLeft(inFile(path)))),
    );

/**
 * Puts the weights of a file (a checkpoint, or any safetensors file of the same names and shapes) in place. The history
 * stays; the state to go on from, which had other weights, does not. Keras `load_weights`.
 */
export const loadWeights =
  (path: string) =>
  <I, O, T, K extends string>(
    trained: Trained<I, O, T, K>,
  ): RTE.ReaderTaskEither<HasFileSystem, TrainingError, Trained<I, O, T, K>> =>
    pipe(
      readCheckpoint(path),
      RTE.chainEitherKW((checkpoint) =>
        pipe(
          resolvedOf(trained.objective),
          E.chainW(({ parameters }) => State.checkWeights(parameters)(State.weightsOf(checkpoint))),
          E.mapLeft(inFile(path)),
        ),
      ),
      RTE.map((weights) => ({ ...trained, weights, state: undefined })),
    );

/** Writes the weights as one safetensors file. Keras `save_weights`. */
export const saveWeights =
  (path: string) =>
  <I, O, T, K extends string>(
    trained: Trained<I, O, T, K>,
  ): RTE.ReaderTaskEither<HasFileSystem, TrainingError, Trained<I, O, T, K>> =>
  ({ fileSystem }) =>
    pipe(
      TE.fromEither(State.encodeWeights(trained.weights)),
      TE.chainW((bytes) => fileSystem.writeFile(path, bytes)),
      TE.map(() => trained),
    );

/** The train state that `modelCheckpoint` without `saveWeightsOnly` wrote: give it to `fit` as `from`. */
export const loadState = (path: string): RTE.ReaderTaskEither<HasFileSystem, TrainingError, TrainState> =>
  pipe(
    readCheckpoint(path),
    RTE.chainEitherKW((checkpoint) =>
      checkpoint._tag === 'State'
        ? E.right(checkpoint.state)
        : E.left(
            checkpointError(
              'holds weights only, not a train state: save it with saveWeightsOnly: false, or use loadWeights',
              path,
            ),
          ),
    ),
  );

// -------------------------------------------------------------------------------------
// running
// -------------------------------------------------------------------------------------

/** A session for the duration of `use`, released on every exit. */
const withSession =
  <A>(model: Uint8Array, use: (session: Session) => TE.TaskEither<RuntimeError, A>) =>
  ({ runtime }: HasRuntime): TE.TaskEither<RuntimeError, A> =>
    TE.bracket(runtime.load(model), use, (session) => TE.fromTask(session.release));

export interface EvaluateOptions {
  /** Default 256; the result does not depend on it, but for rounding. */
  readonly batchSize?: number;
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
          TE.fromEither(samplesFor(objective, resolved, data as Dataset<unknown, unknown>, parts.evaluated)),
        ),
        TE.bindW('plan', ({ resolved, data: { types } }) =>
          TE.fromEither(Plan.evaluationPlan({ ...objective, resolved }, types)),
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
  Agree<Sample<S>, Sample<I>> extends true
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
    return agree(got, sample(type)) ? [] : [`the model's input${which} is ${show(sample(type))}, got ${show(got)}`];
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
        TE.bindW('model', ({ graph }) => TE.fromEither(encode(graph, { opset: 18 }))),
        TE.chainW(({ batchSize, resolved, inputs, graph, model }) => {
          const used = new Set(graph.inputs.map((v) => (v.node._tag === 'Input' ? v.node.name : '')));
          const starts = Array.from({ length: Math.ceil(inputs.size / batchSize) }, (_, i) => i * batchSize);
          return withSession(model, (session) =>
            TE.bracket(
              env.runtime.upload(Object.fromEntries(Object.entries(weights).filter(([name]) => used.has(name)))),
              (residents) =>
                pipe(
                  starts,
                  TE.traverseSeqArray((from) => {
                    const to = Math.min(from + batchSize, inputs.size);
                    const rows = Object.entries(inputs.arrays).map(([n, a]) => [dataInput(n), between(a, from, to)]);
                    return session.run({ feeds: { ...residents, ...Object.fromEntries(rows) } });
                  }),
                  TE.map((results) => {
                    const outputs = resolved.outputs.map(
                      ({ name }) => [name, concat(results.map((r) => r.fetched[name] as NdArray))] as const,
                    );
                    const single = outputs[0];
                    return (
                      outputs.length === 1 && single !== undefined ? single[1] : Object.fromEntries(outputs)
                    ) as Given<Bind<O, BatchOf<S>>>;
                  }),
                ),
              (residents) => env.runtime.free(Object.values(residents)),
            ),
          )(env);
        }),
      );
  };

// -------------------------------------------------------------------------------------
// export
// -------------------------------------------------------------------------------------

export interface ExportOptions {
  /** Default 17, which every tool reads. */
  readonly opset?: number;
  /** Name of the graph in the file. Default 'model'. */
  readonly name?: string;
  /** Goes into the file's metadata. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The model with its weights as an ONNX file's bytes: inference mode, plain ai.onnx operators, a symbolic batch. */
export const toOnnx =
  (options: ExportOptions = {}) =>
  <I, O, T, K extends string>({ objective, weights }: Trained<I, O, T, K>): E.Either<TrainingError, Uint8Array> =>
    pipe(
      resolvedOf(objective),
      E.chainW((resolved) => Inference.inferenceGraph(resolved, weights, options.name ?? 'model')),
      E.chainW((graph) => encode(graph, { opset: options.opset ?? 17, metadata: options.metadata ?? {} })),
    );

/** Writes `toOnnx` to a file. */
export const exportOnnx =
  (path: string, options: ExportOptions = {}) =>
  <I, O, T, K extends string>(
    trained: Trained<I, O, T, K>,
  ): RTE.ReaderTaskEither<HasFileSystem, TrainingError, Trained<I, O, T, K>> =>
  ({ fileSystem }) =>
    pipe(
      TE.fromEither(toOnnx(options)(trained)),
      TE.chainW((bytes) => fileSystem.writeFile(path, bytes)),
      TE.map(() => trained),
    );

export interface ExportTrainingOptions {
  /** Which provider will run it: dropout's random numbers are made of operators that it has. Default 'cpu'. */
  readonly provider?: Provider;
}

/**
 * Writes the training graph of a fit as an ONNX file (opset 18): any onnxruntime, in any language, can train with it.
 * Its inputs and outputs are described in `docs/training-graph.md`. The weights are not in it: they are inputs.
 *
 * @example
 * pipe(T.fit(objective, { data: train, epochs: 5 }), T.exportTraining('training.onnx'))
 */
export const exportTraining =
  (path: string, options: ExportTrainingOptions = {}) =>
  <R, Keys extends string, I, O, T, K extends string, Err>(
    fit: Run<R, Keys, Fit<I, O, T, K>, Err>,
  ): RTE.ReaderTaskEither<HasFileSystem, TrainingError, void> =>
  ({ fileSystem }) =>
    pipe(
      fit.result.prepared,
      E.chainW(({ resolved, types }) =>
        Plan.trainingPlan({ ...anyObjective(fit.result.objective), resolved }, types, options.provider ?? 'cpu'),
      ),
      TE.fromEither,
      TE.chainW(({ model }) => fileSystem.writeFile(path, model)),
    );
