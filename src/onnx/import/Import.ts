/**
 * ONNX files as layers and models: what somebody else has trained, to be built upon and trained further.
 *
 * Laws: a layer of a file computes what the file computes; its weights begin with the file's values, whatever the seed.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Foreign, ForeignPort } from '../../graph/Foreign.ts';
import { define, type Layer } from '../../layer/Definition.ts';
import type { Expression } from '../../layer/Spec.ts';
import type { Model } from '../../model/Wiring.ts';
import type { Fixed } from '../../shape/Fn.ts';
import type { AnyShape, Batched, Dim, Shape } from '../../shape/Shape.ts';
import { agree, batched, isInt, show } from '../../shape/Shape.ts';
import { type Cut, cut } from './Cut.ts';
import { type ImportError, unexpected, unsupportedNodes } from './ImportError.ts';
import { importerOf } from './operators/table.ts';
import { decodeModel, type ReadOptions, readModel } from './Read.ts';
import { outputTypes } from './Types.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

type Shapes = Readonly<Record<string, AnyShape>>;

/** What the file is declared to be: shapes of one sample. */
export interface Expect<I extends AnyShape, O extends AnyShape> {
  readonly input: I;
  readonly output: O;
}

/** The same for files with several inputs or outputs, by the file's names. */
export interface ExpectAll<I extends Shapes, O extends Shapes> {
  readonly inputs: I;
  readonly outputs: O;
}

export interface ImportOptions extends ReadOptions {
  /** The value that is the input, by the file's name. Default: the file's only input. */
  readonly input?: string;
  /** The value that is the output, by the file's name; it may be any value inside. Default: the file's only output. */
  readonly output?: string;
}

// -------------------------------------------------------------------------------------
// checks
// -------------------------------------------------------------------------------------

/** Operators that nobody knows, before any shape is: all of them. */
const known = (foreign: Foreign): E.Either<ImportError, Foreign> => {
  const faults = foreign.nodes.flatMap((node) =>
    importerOf(node) === undefined
      ? [
          {
            operator: node.domain === '' ? node.operator : `${node.domain}:${node.operator}`,
            node: node.name,
            reason: 'the operator is not known',
          },
        ]
      : [],
  );
  return faults.length === 0 ? E.right(foreign) : E.left(unsupportedNodes(faults));
};

const portShape = (port: ForeignPort): string => `[${port.type.shape?.join(',') ?? '...'}]`;

const checkInput = (port: ForeignPort | undefined, type: AnyShape): E.Either<ImportError, void> => {
  if (port === undefined) return E.right(undefined);
  const whole = port.type.dtype.includes('int') || port.type.dtype === 'bool';
  return whole === isInt(type)
    ? E.right(undefined)
    : E.left(
        unexpected(
          `the file's input '${port.name}' is ${port.type.dtype}${portShape(port)}, expected ${show(type)}` +
            (whole ? '; say { int: [...] } for integers' : ''),
        ),
      );
};

/** The file's outputs for the declared inputs are the declared ones. */
const checkTypes = (
  foreign: Foreign,
  inputs: readonly AnyShape[],
  outputs: readonly AnyShape[],
): E.Either<ImportError, Foreign> =>
  pipe(
    E.traverseArray(({ type, port }: { readonly type: AnyShape; readonly port: ForeignPort | undefined }) =>
      checkInput(port, type),
    )(inputs.map((type, i) => ({ type, port: foreign.inputs[i] }))),
    E.chain(() => outputTypes(foreign, inputs)),
    E.chain((types) => {
      const wrong = outputs.flatMap((want, i) => {
        const got = types[i];
        return got === undefined || agree(got, want)
          ? []
          : [
              `the file's output '${foreign.outputs[i]?.name}' is ${show(got)} for the input ${inputs.map(show).join(', ')}, expected ${show(want)}`,
            ];
      });
      return wrong.length === 0 ? E.right(foreign) : E.left(unexpected(wrong.join('\n')));
    }),
  );

const only = (what: string, ports: readonly ForeignPort[], option: string): E.Either<ImportError, string> => {
  const [first] = ports;
  return first !== undefined && ports.length === 1
    ? E.right(first.name)
    : E.left(
        unexpected(
          `the file has ${ports.length} ${what}s (${ports.map((p) => `'${p.name}' ${portShape(p)}`).join(', ')}): ${option}`,
        ),
      );
};

// -------------------------------------------------------------------------------------
// layers and models
// -------------------------------------------------------------------------------------

/** One input and one output of a graph that has been read, as a layer. */
export const layerOf =
  <I extends AnyShape, O extends AnyShape>(
    options: { readonly input?: string; readonly output?: string; readonly expect?: Expect<I, O> } = {},
  ) =>
  (foreign: Foreign): E.Either<ImportError, Layer<Fixed<Batched<I>, Batched<O>>>> =>
    pipe(
      E.Do,
      E.bind('input', () =>
        options.input === undefined
          ? only(
              'input',
              foreign.inputs,
              'bind the others with { constants }, say which with { input }, or use importModel',
            )
          : E.right(options.input),
      ),
      E.bind('output', () =>
        options.output === undefined
          ? only('output', foreign.outputs, 'say which with { output }, or use importModel')
          : E.right(options.output),
      ),
      E.chain(({ input, output }) => cut({ inputs: [input], outputs: [output] })(foreign)),
      E.chain(known),
      E.chain((graph) =>
        options.expect === undefined
          ? E.right(graph)
          : checkTypes(graph, [batched(options.expect.input)], [batched(options.expect.output)]),
      ),
      E.map((graph) => define<Fixed<Batched<I>, Batched<O>>>({ op: 'imported', graph })),
    );

const expressions = (graph: Foreign, inputs: readonly Expression[]): readonly Expression[] => {
  const base: Expression = { _tag: 'Apply', spec: { op: 'imported', graph }, to: inputs };
  return graph.outputs.map((_, output) =>
    output === 0 ? base : { _tag: 'Apply', spec: { op: 'importedOutput', graph, output }, to: [base, ...inputs] },
  );
};

type BatchedAll<S extends Shapes> = { readonly [K in keyof S]: Batched<S[K]> };

/** Inputs and outputs of a graph that has been read, as a model. */
export const modelOf =
  <I extends Shapes, O extends Shapes>(expect: ExpectAll<I, O>) =>
  (foreign: Foreign): E.Either<ImportError, Model<BatchedAll<I>, BatchedAll<O>>> => {
    const ends: Cut = { inputs: Object.keys(expect.inputs), outputs: Object.keys(expect.outputs) };
    const types = Object.values(expect.inputs).map(batched);
    return pipe(
      cut(ends)(foreign),
      E.chain(known),
      E.chain((graph) => checkTypes(graph, types, Object.values(expect.outputs).map(batched))),
      E.map((graph) => {
        const inputs = ends.inputs.map((name, i) => ({ name, type: types[i] ?? [] }));
        const from = expressions(
          graph,
          inputs.map((i): Expression => ({ _tag: 'Input', ...i })),
        );
        return {
          _tag: 'Model',
          spec: {
            inputs,
            outputs: ends.outputs.flatMap((name, i) => (from[i] === undefined ? [] : [{ name, from: from[i] }])),
          },
        };
      }),
    );
  };

/**
 * A trained ONNX model as a layer, typed by what it is expected to be: shapes of one sample, as of `input`. Its weights
 * become parameters named after the file's tensors (`imported.conv1.weight`) which begin with the file's values and can
 * be trained, frozen (`freeze: ['imported']`), saved and exported like any other's. Opset 7 to 25. PyTorch has no
 * equivalent; Keras's `keras.applications` with `weights=`.
 *
 * Which tensors are weights: see `Trainable`. Batch normalisations keep the file's running statistics, unless
 * `statistics` says `'batch'`; dropout does nothing. float16 becomes float32. A first dimension that the file fixes to
 * 1 is freed by `freeBatch`. Without `expect` nothing is known of the shapes until the model is resolved.
 *
 * Left: `MalformedModel`, `LimitExceeded`, `UnsupportedNodes` (all of them, with their names), `UnsupportedType`,
 * `Unexpected` (the file is not what was declared; the message has both), `ExternalData`, `UnknownName`.
 *
 * @example
 * const backbone = importOnnx(bytes, { output: 'pool', expect: { input: [3, 48, 192], output: [200, 1, 6] } });
 * pipe(backbone, E.map((b) => L.model(L.input([3, 48, 192]), L.named('backbone', b), L.flatten(), L.dense(2))))
 */
export const importOnnx = <const I extends AnyShape = Shape, const O extends AnyShape = Shape>(
  bytes: Uint8Array,
  options: ImportOptions & { readonly expect?: Expect<I, O> } = {},
): E.Either<ImportError, Layer<Fixed<Batched<I>, Batched<O>>>> =>
  pipe(decodeModel(bytes, options.limits), E.chain(readModel(options)), E.chain(layerOf<I, O>(options)));

/**
 * A trained ONNX model with several inputs or outputs, by the file's names; outputs may be any values inside. Otherwise
 * as `importOnnx`.
 *
 * @example
 * importModel(bytes, { expect: { inputs: { image: [3, 64, 64] }, outputs: { boxes: [100, 4], scores: [100] } } })
 */
export const importModel = <
  const I extends Readonly<Record<string, readonly Dim[] | { readonly int: Shape }>>,
  const O extends Readonly<Record<string, readonly Dim[] | { readonly int: Shape }>>,
>(
  bytes: Uint8Array,
  options: ReadOptions & { readonly expect: ExpectAll<I, O> },
): E.Either<ImportError, Model<BatchedAll<I>, BatchedAll<O>>> =>
  pipe(decodeModel(bytes, options.limits), E.chain(readModel(options)), E.chain(modelOf(options.expect)));

/** What a file holds, to look at before it is typed: its inputs, outputs, operators and weights. */
export interface Description {
  readonly inputs: readonly ForeignPort[];
  readonly outputs: readonly ForeignPort[];
  /** How often each operator occurs. */
  readonly operators: Readonly<Record<string, number>>;
  readonly weights: readonly { readonly name: string; readonly shape: readonly number[] }[];
  /** Names of all values, in order of computation: where the graph can be cut. */
  readonly values: readonly string[];
}

/**
 * What is in a file.
 *
 * @example
 * pipe(describe(bytes), E.map((d) => d.values))      // names to cut at
 */
export const describe = (bytes: Uint8Array, options: ReadOptions = {}): E.Either<ImportError, Description> =>
  pipe(
    decodeModel(bytes, options.limits),
    E.chain(readModel(options)),
    E.map((f) => {
      const operators = new Map<string, number>();
      for (const { operator } of f.nodes) operators.set(operator, (operators.get(operator) ?? 0) + 1);
      return {
        inputs: f.inputs,
        outputs: f.outputs,
        operators: Object.fromEntries(operators),
        weights: [...f.roles].flatMap(([name, role]) =>
          role === 'weight' ? [{ name, shape: f.constants.get(name)?.shape ?? [] }] : [],
        ),
        values: f.nodes.flatMap((n) => n.outputs.filter((o) => o !== '')),
      };
    }),
  );
