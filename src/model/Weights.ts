/**
 * Weights of other libraries: a PyTorch `state_dict`, or Keras's variables, as the weights of a model of the same architecture, and
 * back. The tensors are those of a safetensors file (`Safetensors.decode`, `Safetensors.encode`).
 *
 * Laws: `fromPyTorch(o)(m)(toPyTorch(o)(m)(w))` is `w`; the same for Keras. Everything that does not fit is said at once.
 *
 * @example
 * pipe(
 *   Safetensors.decode(bytes),                                             // torch: safetensors.torch.save_file(model.state_dict(), ...)
 *   E.chainW(({ tensors }) => Weights.fromPyTorch()(model)(tensors)),      // Either<FormatError | WeightsError, Weights>
 *   E.chainW((weights) => T.withWeights(weights)(objective)),
 * )
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { resolve } from './Resolve.ts';
import type { Resolved } from './Resolved.ts';
import type { Model } from './Wiring.ts';
import * as Keras from './weights/Keras.ts';
import { inOrder, type Names, nameIn, pair as pairOf } from './weights/Pair.ts';
import { formOf, type Module, type Part } from './weights/Part.ts';
import * as PyTorch from './weights/PyTorch.ts';
import { read, type TensorName, type Tensors, type WeightsError, weightsError, write } from './weights/Transfer.ts';

export type { Names } from './weights/Pair.ts';
export type { Fault, Tensors, WeightsError } from './weights/Transfer.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface MappingOptions {
  /**
   * The prefix of each layer's tensors in the file, by the layer's name in the model: `{ conv2d: 'features.0', dense: 'classifier' }`;
   * layers that are not in it have their own names. PyTorch: `'rnn#1'` is the second layer of the module `rnn`; `'fc#64x32'` says that
   * the weight of `fc` is a Linear's where the model has a convolution of single places; a layer that PyTorch has no module for
   * stands here with each of its parameters, `{ 'class_token.token': 'class_token' }`.
   *
   * Without it: the layers' own names, if the file has them; else by order (see `pairs`).
   */
  readonly names?: Names;
  /** Tensors of the file that are of no layer, and need not be: auxiliary classifiers. Default: none. */
  readonly ignore?: (tensor: string) => boolean;
}

export interface KerasOptions extends MappingOptions {
  /** Of the Keras model. It says in which order an image is flattened. Default 'channelsLast'. */
  readonly dataFormat?: Keras.DataFormat;
}

/** A layer of the model, and what it is in the file. */
export interface Pairing {
  readonly layer: string;
  /** Prefix of its tensors; `undefined`: none was left. */
  readonly module: string | undefined;
  readonly kind: string;
  /** Names in the file, with shapes in its layout. */
  readonly tensors: Readonly<Record<string, readonly number[]>>;
}

type AnyModel = Model<never, unknown>;

interface Dialect {
  readonly parts: (resolved: Resolved) => readonly Part[];
  readonly modules: (shapes: Module['shapes']) => readonly Module[];
  readonly nameOf: TensorName;
  /** A layer's own name there. */
  readonly own: (part: Part) => string;
}

const pyTorch: Dialect = {
  parts: PyTorch.parts,
  modules: PyTorch.modules,
  nameOf: PyTorch.tensorName,
  own: ({ id }) => id,
};

const keras = (options: KerasOptions): Dialect => ({
  parts: Keras.parts(options.dataFormat ?? 'channelsLast'),
  modules: Keras.modules,
  nameOf: Keras.tensorName,
  own: ({ id }) => id.replaceAll('.', '/'),
});

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

const resolved = (model: AnyModel): E.Either<WeightsError, Resolved> =>
  pipe(
    resolve(model),
    E.mapLeft((errors) =>
      weightsError(
        'the model does not fit together',
        errors.map(({ path, message }) => ({ _tag: 'Model', layer: path, message: `${path}: ${message}` })),
      ),
    ),
  );

const paired = (dialect: Dialect, options: MappingOptions, found: Resolved, tensors: Tensors) => {
  const { names: given, ignore = () => false } = options;
  const names = inOrder(Object.keys(tensors)).filter((name) => !ignore(name));
  const shapes = Object.fromEntries(names.map((name) => [name, tensors[name]?.shape ?? []]));
  const parts = dialect.parts(found);
  const modules = dialect.modules(shapes);
  const isThere = (part: Part): boolean =>
    part.entries.some((e) => e.names.some((name) => Object.hasOwn(shapes, dialect.nameOf(dialect.own(part), name))));
  const isOwn = parts.every((part) => part.fault !== undefined || isThere(part));
  const byName: Names | undefined =
    given === undefined && !isOwn
      ? undefined
      : (id) =>
          targetOf(
            dialect,
            given,
            parts.find((p) => p.id === id),
            id,
          );
  return pairOf(parts, modules, byName);
};

const targetOf = (dialect: Dialect, names: Names | undefined, part: Part | undefined, id: string): string =>
  part === undefined ? id : nameIn(names, part, dialect.own);

const from =
  (dialect: Dialect, options: MappingOptions) =>
  (model: AnyModel) =>
  (tensors: Tensors): E.Either<WeightsError, Record<string, Tensors[string]>> =>
    pipe(
      resolved(model),
      E.chain((found) =>
        read(
          found.parameters,
          paired(dialect, options, found, tensors),
          tensors,
          dialect.nameOf,
          options.ignore ?? (() => false),
        ),
      ),
    );

const to =
  (dialect: Dialect, options: MappingOptions) =>
  (model: AnyModel) =>
  (weights: Tensors): E.Either<WeightsError, Record<string, Tensors[string]>> =>
    pipe(
      resolved(model),
      E.chain((found) =>
        write(
          found.parameters,
          dialect.parts(found).map((part) => {
            const target = nameIn(options.names, part, dialect.own);
            return { part: formOf(part, target), target };
          }),
          weights,
          dialect.nameOf,
        ),
      ),
    );

const pairing =
  (dialect: Dialect, options: MappingOptions) =>
  (model: AnyModel) =>
  (tensors: Tensors): E.Either<WeightsError, readonly Pairing[]> =>
    pipe(
      resolved(model),
      E.map((found) =>
        paired(dialect, options, found, tensors).map(({ part, target }) => ({
          layer: part.id,
          module: target,
          kind: part.kind,
          tensors: Object.fromEntries(
            part.entries.map(({ names, shape }) => [dialect.nameOf(target ?? '?', names[0]), shape]),
          ),
        })),
      ),
    );

// -------------------------------------------------------------------------------------
// PyTorch
// -------------------------------------------------------------------------------------

/**
 * A `state_dict` as the weights of a model. Linear weights are turned, gates put in order, the two biases of an LSTM added;
 * float16, bfloat16 and float64 become float32. `num_batches_tracked` is left.
 *
 * Errors: all tensors that are missing, of another shape, or of no layer, at once.
 *
 * @example
 * fromPyTorch({ names: { conv2d: 'features.0', dense: 'classifier' } })(model)(tensors)
 */
export const fromPyTorch = (options: MappingOptions = {}) => from(pyTorch, options);

/** The weights as a `state_dict` that the same architecture in PyTorch loads. Its second biases of LSTMs are 0. */
export const toPyTorch = (options: Pick<MappingOptions, 'names'> = {}) => to(pyTorch, options);

/**
 * Which module is taken for which layer. By order: the file's modules, each with all that is in it, are put into the order of the
 * model's layers, by kinds and shapes; where several orders fit, the file's (numbers as numbers, where its names are sorted). If
 * none fits, the layers of each kind take the modules of that kind one after the other, each the first whose shapes are its own.
 * Modules that are built alike may be taken for each other: look at `table`, and give `names` where it is wrong.
 */
export const pairsPyTorch = (options: MappingOptions = {}) => pairing(pyTorch, options);

// -------------------------------------------------------------------------------------
// Keras
// -------------------------------------------------------------------------------------

/**
 * Keras's variables by their paths (`dense/kernel`, `lstm/lstm_cell/bias`) as the weights of a model. In Keras:
 * `save_file({v.path: v.numpy() for v in model.variables}, 'weights.safetensors')`. The model's own name in front is no matter.
 *
 * Errors: all tensors that are missing, of another shape, or of no layer, at once.
 */
export const fromKeras =
  (options: KerasOptions = {}) =>
  (model: AnyModel) =>
  (tensors: Tensors): ReturnType<ReturnType<ReturnType<typeof from>>> =>
    from(keras(options), options)(model)(withoutModel(tensors));

/** The weights as Keras's variables, by their paths without the model's name. */
export const toKeras = (options: Pick<KerasOptions, 'names' | 'dataFormat'> = {}) => to(keras(options), options);

/** Which layer of Keras's is taken for which: as `pairsPyTorch`. */
export const pairsKeras =
  (options: KerasOptions = {}) =>
  (model: AnyModel) =>
  (tensors: Tensors) =>
    pairing(keras(options), options)(model)(withoutModel(tensors));

/** `sequential/dense/kernel` as `dense/kernel`, if all begin so. And Keras 2's `:0`. */
const withoutModel = (tensors: Tensors): Tensors => {
  const names = Object.keys(tensors);
  const [first = ''] = names;
  const model = `${first.split('/')[0]}/`;
  const isModel = names.length > 1 && names.every((name) => name.startsWith(model) && name.split('/').length > 2);
  // A cell or a projection has three parts without a model's name.
  const isLayer = /^[^/]+\/(lstm_cell|gru_cell|simple_rnn_cell|query|key|value|attention_output)\/[^/]+$/.test(first);
  const cut = isModel && !isLayer ? model.length : 0;
  return Object.fromEntries(Object.entries(tensors).map(([name, a]) => [name.slice(cut).replace(/:0$/, ''), a]));
};

// -------------------------------------------------------------------------------------
// tables
// -------------------------------------------------------------------------------------

/** The pairs as names to give to `fromPyTorch` or `toPyTorch`. */
export const namesOf = (pairs: readonly Pairing[]): Readonly<Record<string, string>> =>
  Object.fromEntries(pairs.flatMap(({ layer, module }) => (module === undefined ? [] : [[layer, module]])));

/** The pairs as a table to look at. */
export const table = (pairs: readonly Pairing[]): string => {
  const rows = [
    ['layer', 'module', 'tensors'],
    ...pairs.map(({ layer, module, tensors }) => [
      layer,
      module ?? '(none)',
      Object.entries(tensors)
        .map(([name, shape]) => `${module === undefined ? name.replace(/^\?[./]/, '') : name} [${shape.join(',')}]`)
        .join(', '),
    ]),
  ];
  const widths = [0, 1].map((i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
};
