/**
 * What is shipped: the model for inference, or the graph that trains it, as ONNX files.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { Run } from '../callback/Run.ts';
import type { Graph } from '../graph/Graph.ts';
import * as Inference from '../interpret/Inference.ts';
import * as Plan from '../interpret/Plan.ts';
import { ship, type WeightFormat } from '../interpret/Shipping.ts';
import type { Resolved } from '../model/Resolved.ts';
import { type Encoded, type EncodeOptions, encode, encodeExternal } from '../onnx/Encode.ts';
import type { ExternalOptions } from '../onnx/ExternalData.ts';
import { type Metadata, toEntries } from '../onnx/Metadata.ts';
import { checkOpset } from '../onnx/Opset.ts';
import type { Provider } from '../runtime/Runtime.ts';
import { dims } from '../shape/Shape.ts';
import type { HasFileSystem } from './Environment.ts';
import type { Fit } from './Fit.ts';
import { anyObjective, resolvedOf, type Trained } from './Trained.ts';
import { fitError, type TrainingError } from './TrainingError.ts';
// -------------------------------------------------------------------------------------
// export
// -------------------------------------------------------------------------------------

export interface ExportOptions extends Omit<Metadata, 'entries'> {
  /** ONNX operator set, 13 to 21. Default 17, which every tool reads. */
  readonly opset?: number;
  /** Name of the graph in the file. Default 'model'. */
  readonly name?: string;
  /** Further entries of the file's metadata. */
  readonly metadata?: Readonly<Record<string, string>>;
  /**
   * Whether everything that depends on no input is computed now (weight normalisation's kernels, say), and batch
   * normalisation is part of the convolution or dense layer next to it. Default true: smaller, faster, and the same up
   * to rounding. False keeps every layer as it is, which is better for a file that somebody will train further.
   */
  readonly fold?: boolean;
  /**
   * How weights are stored. 'float32' (default); 'float16': half the size, computed with in float32; 'int8': a quarter,
   * with a scale for each output unit, computed with in float32; 'dynamicInt8': the same, and dense layers compute in
   * integers, their inputs rounded to 8 bits over the range that they have at run time. Small weights stay float32.
   */
  readonly weights?: WeightFormat;
  /** Other names for the inputs' named dimensions, or sizes to fix them to: `{ batch: 'n' }`, `{ batch: 1 }`. */
  readonly dimensions?: Readonly<Record<string, string | number>>;
  /**
   * Weights in files beside the model, which a model of more than 2 GiB needs: `exportOnnx` writes `PATH.data` (and
   * `PATH.data.1`, ... after each 2 GiB). True: tensors of 1024 bytes or more. Default false.
   */
  readonly externalData?: boolean | Omit<ExternalOptions, 'location'>;
}

/**
 * The model with its weights as an ONNX file's bytes: inference mode (no dropout), plain ai.onnx operators, a symbolic
 * batch. Errors: an opset that there is not or that has no form of an operator, labels that are not as many as the
 * output's features, dimensions that the inputs do not have, metadata that JSON cannot say.
 *
 * Keras `model.export(format='onnx')`, PyTorch `torch.onnx.export` and onnxruntime's `quantize_dynamic`.
 *
 * @example
 * toOnnx({ labels: ['cat', 'dog'], version: '1.0.0', weights: 'float16' })(trained)
 */
export const toOnnx =
  (options: ExportOptions = {}) =>
  <I, O, T, K extends string>(trained: Trained<I, O, T, K>): E.Either<TrainingError, Uint8Array> =>
    pipe(
      E.Do,
      E.apSW('settings', encoding(options)),
      E.bindW('graph', () => graphOf(trained, options)),
      E.chainW(({ graph, settings }) => encode(graph, settings)),
    );

const encoding = ({
  opset,
  labels,
  preprocessing,
  provenance,
  version,
  metadata,
}: ExportOptions): E.Either<TrainingError, EncodeOptions> =>
  pipe(
    toEntries({
      ...(labels === undefined ? {} : { labels }),
      ...(preprocessing === undefined ? {} : { preprocessing }),
      ...(provenance === undefined ? {} : { provenance }),
      ...(version === undefined ? {} : { version }),
      ...(metadata === undefined ? {} : { entries: metadata }),
    }),
    E.bimap(fitError, (entries) => ({ opset: opset ?? 17, metadata: entries })),
  );

/** As many names as the only output has features. */
const labelsError = ({ outputs }: Resolved, labels: readonly string[] | undefined): string | undefined => {
  const [output, ...others] = outputs;
  const last = output === undefined ? undefined : dims(output.type).at(-1);
  if (labels === undefined || others.length > 0 || typeof last !== 'number') return undefined;
  const needed = last === 1 ? [1, 2] : [last];
  return needed.includes(labels.length)
    ? undefined
    : `labels: ${labels.length} names, but the output '${output?.name}' has ${last} features: give a name for each`;
};

const graphOf = <I, O, T, K extends string>(
  { objective, weights }: Trained<I, O, T, K>,
  options: ExportOptions,
): E.Either<TrainingError, Graph> =>
  pipe(
    resolvedOf(objective),
    E.chainW((resolved) => {
      const wrong = labelsError(resolved, options.labels);
      return wrong === undefined ? E.right(resolved) : E.left(fitError(wrong));
    }),
    E.chainW((resolved) => Inference.inferenceGraph(resolved, weights, options.name ?? 'model')),
    E.chainW((graph) => E.map(() => graph)(checkOpset(options.opset ?? 17))),
    E.chainW((graph) =>
      pipe(
        graph,
        ship({
          fold: options.fold ?? true,
          weights: options.weights ?? 'float32',
          dimensions: options.dimensions ?? {},
          opset: options.opset ?? 17,
        }),
        E.mapLeft((error) => (error._tag === 'ShippingOptionsError' ? fitError(error.message) : error)),
      ),
    ),
  );

const fileName = (path: string): string => path.split(/[/\\]/).at(-1) ?? path;

/** The model's bytes, and those of the files beside it. */
const encoded =
  (path: string, options: ExportOptions) =>
  <I, O, T, K extends string>(trained: Trained<I, O, T, K>): E.Either<TrainingError, Encoded> => {
    const { externalData = false } = options;
    if (externalData === false)
      return E.map((model: Uint8Array): Encoded => ({ model, files: [] }))(toOnnx(options)(trained));
    const external = { ...(externalData === true ? {} : externalData), location: `${fileName(path)}.data` };
    return pipe(
      E.Do,
      E.apSW('settings', encoding(options)),
      E.bindW('graph', () => graphOf(trained, options)),
      E.chainW(({ graph, settings }) => encodeExternal(graph, { ...settings, external })),
    );
  };

/** Writes `toOnnx` to a file; the files beside it first, so that the model never names one that is not there. */
export const exportOnnx =
  (path: string, options: ExportOptions = {}) =>
  <I, O, T, K extends string>(
    trained: Trained<I, O, T, K>,
  ): RTE.ReaderTaskEither<HasFileSystem, TrainingError, Trained<I, O, T, K>> =>
  ({ fileSystem }) =>
    pipe(
      TE.fromEither(encoded(path, options)(trained)),
      TE.chainW(({ model, files }) =>
        pipe(
          files,
          TE.traverseSeqArray(({ location, bytes }) =>
            fileSystem.writeFile(`${path.slice(0, path.length - fileName(path).length)}${location}`, bytes()),
          ),
          TE.chain(() => fileSystem.writeFile(path, model)),
        ),
      ),
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
