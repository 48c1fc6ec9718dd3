/**
 * What is shipped: the model for inference, or the graph that trains it, as ONNX files.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { Run } from '../callback/Run.ts';
import * as Inference from '../interpret/Inference.ts';
import * as Plan from '../interpret/Plan.ts';
import { encode } from '../onnx/Encode.ts';
import type { Provider } from '../runtime/Runtime.ts';
import type { HasFileSystem } from './Environment.ts';
import type { Fit } from './Fit.ts';
import { anyObjective, resolvedOf, type Trained } from './Trained.ts';
import type { TrainingError } from './TrainingError.ts';
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
      E.chainW(({ resolved, types, frozen }) =>
        Plan.trainingPlan(
          { ...anyObjective(fit.result.objective), resolved },
          types,
          options.provider ?? 'cpu',
          frozen,
        ),
      ),
      TE.fromEither,
      TE.chainW(({ model }) => fileSystem.writeFile(path, model)),
    );
