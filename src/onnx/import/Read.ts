/**
 * Bytes of an ONNX file as a foreign graph: decoded, checked, with nothing computed yet.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Foreign, ForeignPort, ForeignType } from '../../graph/Foreign.ts';
import type { NdArray } from '../../shape/NdArray.ts';
import type { Dim } from '../../shape/Shape.ts';
import { decode } from '../Decode.ts';
import type { ModelProto, ValueInfoProto } from '../proto/onnx_pb.ts';
import { attempt } from './Attempt.ts';
import { fromFiles } from './External.ts';
import { inlining, versionsOf } from './Functions.ts';
import { type ImportError, malformed, refuse, unexpected, unknownName, unsupportedType } from './ImportError.ts';
import { defaultLimits, type Limits, within } from './Limits.ts';
import { graphFrom, type Walk } from './Nodes.ts';
import { elementType, type ReadExternal } from './Tensors.ts';
import { rolesOf, type Trainable } from './Weights.ts';

// -------------------------------------------------------------------------------------
// options
// -------------------------------------------------------------------------------------

export interface ReadOptions {
  /** Names the layer, and its parameters. Default 'imported'. */
  readonly name?: string;
  /** Which tensors are trained. Default 'weights', see `Trainable`. */
  readonly trainable?: Trainable;
  /** Whether a first dimension that the file fixes to 1 stands for any number of samples. Default false. */
  readonly freeBatch?: boolean;
  /**
   * Of the file's batch normalisations: 'frozen' (the default) uses the running statistics in training too and leaves
   * them as they are; 'batch' uses the statistics of the batch in training and moves the running ones, as
   * `batchNormalization` does.
   */
  readonly statistics?: 'frozen' | 'batch';
  /** Inputs that are bound to a value, and are no inputs any more: a sampling rate, initial states. */
  readonly constants?: Readonly<Record<string, NdArray>>;
  /** Bytes of the files that tensors lie in, by the location that the model names. */
  readonly external?: Readonly<Record<string, Uint8Array>>;
  readonly limits?: Limits;
}

// -------------------------------------------------------------------------------------
// types of values
// -------------------------------------------------------------------------------------

/** Names of sizes are multiplied with one another, so that long ones would grow out of all bounds. */
const LONGEST_NAME = 256;

const dimOf = (d: { readonly value: { readonly case?: string | undefined; readonly value?: unknown } }): Dim => {
  if (d.value.case === 'dimParam' && d.value.value !== '') {
    const name = String(d.value.value);
    return name.length <= LONGEST_NAME
      ? name
      : refuse(malformed(`a size has a name of ${name.length} characters, expected ${LONGEST_NAME} at most`));
  }
  const size = d.value.case === 'dimValue' ? Number(d.value.value) : -1;
  // Some exporters write -1, or 0, for a size that they do not know.
  return Number.isSafeInteger(size) && size > 0 ? size : '?';
};

const kinds: Readonly<Record<string, string>> = {
  sequenceType: 'a sequence',
  mapType: 'a map',
  optionalType: 'an optional value',
  sparseTensorType: 'a sparse tensor',
};

const typeOf = ({ name, type }: ValueInfoProto): ForeignType => {
  if (type === undefined) return refuse(malformed(`'${name}' has no type`));
  if (type.value.case !== 'tensorType')
    return refuse(unsupportedType(name, kinds[type.value.case ?? ''] ?? 'of no type'));
  const { elemType, shape } = type.value.value;
  return { dtype: elementType(name, elemType), shape: shape?.dim.map(dimOf) };
};

/** Types of values inside are hints: those of kinds that are not known here are left out. */
const typesOf = (infos: readonly ValueInfoProto[]): ReadonlyMap<string, ForeignType> =>
  new Map(
    infos.flatMap((info) => {
      const type = attempt(() => typeOf(info));
      return E.isRight(type) ? [[info.name, type.right] as const] : [];
    }),
  );

// -------------------------------------------------------------------------------------
// models
// -------------------------------------------------------------------------------------

/** The oldest opset that is read. */
export const LOWEST_IMPORT = 7;
/** The newest opset that is read. */
export const HIGHEST_IMPORT = 25;

const checkVersions = (versions: ReadonlyMap<string, number>): void => {
  const opset = versions.get('') ?? refuse(malformed("the model does not import the operators of 'ai.onnx'"));
  if (!(opset >= LOWEST_IMPORT && opset <= HIGHEST_IMPORT))
    refuse(
      unexpected(
        `the model is of opset ${opset}, expected ${LOWEST_IMPORT} to ${HIGHEST_IMPORT}: convert it with onnx.version_converter`,
      ),
    );
};

const checkName = (name: string): void => {
  if (name === '' || name.includes('.'))
    refuse(unexpected(`name: '${name}' is not a name: it must not be empty and has no dots`));
};

const foreignFrom = (model: ModelProto, external: ReadExternal, options: ReadOptions): Foreign => {
  const { graph } = model;
  if (graph === undefined) return refuse(malformed('the model has no graph'));
  const name = options.name ?? 'imported';
  checkName(name);
  const limits = { ...defaultLimits, ...options.limits };
  const versions = versionsOf(model.opsetImport);
  checkVersions(versions);
  const constants = new Map<string, NdArray>();
  const inline = inlining(model.functions, limits);
  const walk: Walk = { limits, versions, external, constants, arrays: new WeakMap(), bytes: 0, inline };
  const body = graphFrom(walk, graph);
  const given = options.constants ?? {};
  const declared = graph.input.map((i) => i.name).filter((n) => !constants.has(n));
  for (const [input, array] of Object.entries(given)) {
    if (!declared.includes(input)) refuse(unknownName('input', input, declared));
    constants.set(input, array);
  }
  const inputs = graph.input
    .filter((i) => !constants.has(i.name))
    .map((info): ForeignPort => ({ name: info.name, type: typeOf(info) }));
  const outputs = graph.output.map(
    (info, i): ForeignPort => ({
      name: body.outputs[i] ?? info.name,
      type: info.type === undefined ? { dtype: 'float32', shape: undefined } : typeOf(info),
    }),
  );
  const roles = new Map(rolesOf(body.nodes, constants, options.trainable ?? 'weights'));
  for (const input of Object.keys(given)) roles.delete(input);
  return {
    name,
    inputs,
    outputs,
    nodes: body.nodes,
    constants,
    roles,
    types: typesOf(graph.valueInfo),
    freeBatch: options.freeBatch ?? false,
    trainStatistics: options.statistics === 'batch',
  };
};

/** The messages of a file, if it is not too large. */
export const decodeModel = (bytes: Uint8Array, limits: Limits = {}): E.Either<ImportError, ModelProto> =>
  pipe(
    attempt(() => within('bytes', limits.bytes ?? defaultLimits.bytes, bytes.length)),
    E.chain(() => E.mapLeft((e: { readonly message: string }) => malformed(e.message))(decode(bytes))),
  );

/** The model's graph. `external`: where tensors lie that are not in the file. */
export const readModel =
  (options: ReadOptions, external: ReadExternal = fromFiles(options.external ?? {})) =>
  (model: ModelProto): E.Either<ImportError, Foreign> =>
    attempt(() => foreignFrom(model, external, options));
