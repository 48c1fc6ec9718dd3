/**
 * Graphs as ONNX models.
 *
 * A node is written once, in the outermost graph where everything it needs is at hand: what does not depend on a loop's
 * variables stands outside the loop. Constants are initializers of the outermost graph. Names are unique over all
 * scopes; inputs and outputs of the graph keep theirs.
 */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Attribute, Graph, InputNode, Node, OperatorNode, Value } from '../graph/Graph.ts';
import { nodesOf, topological } from '../graph/Graph.ts';
import { type ExternalOptions, fileOf } from './ExternalData.ts';
import { float, message, text, whole } from './Fields.ts';
import { type Formals, type Freedom, freedom } from './Freedom.ts';
import { type Initializer, initializers, type Outside } from './Initializers.ts';
import { type Fresh, fresh, nodeName, prefixes, usedOutputs } from './Names.ts';
import { duplicateName, illFormed, type OnnxError, unboundInput } from './OnnxError.ts';
import { checkOpset, inOpset, irVersion } from './Opset.ts';
import { AttributeProto_AttributeType as AttributeType } from './proto/onnx_pb.ts';
import { entryFields, tensorFields, valueFields } from './Tensor.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface EncodeOptions {
  /** ONNX operator set, 13 to 21. Default 18, which graphs are written for. */
  readonly opset?: number;
  /** Default 'grad-ts'. */
  readonly producer?: string;
  /** Text entries of the model (`metadata_props`). */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Documentation of the model. */
  readonly doc?: string;
}

// -------------------------------------------------------------------------------------
// nodes and graphs
// -------------------------------------------------------------------------------------

/** What is the same for all scopes of one model. */
interface Model {
  readonly to: BinaryWriter;
  readonly opset: number;
  readonly free: Freedom;
  readonly constants: ReadonlyMap<Node, string>;
  readonly prefix: ReadonlyMap<Node, string>;
  readonly used: ReadonlyMap<Node, number>;
  readonly unique: Fresh;
  /** Constants that an older form of an operator needs, written as they come up. */
  readonly late: { readonly names: Map<Node, string>; readonly tensors: Initializer[] };
  /** Names that were asked for: what only a newer form of an operator reads is not written. */
  readonly read: Set<string>;
  readonly count: (key: string) => number;
}

/** A graph being written, with the names its nodes' outputs have. */
interface Scope {
  readonly graph: Graph;
  readonly around: Scope | undefined;
  readonly bound: Formals;
  readonly names: Map<Node, readonly string[]>;
}

const nameIn = (scope: Scope | undefined, node: Node): readonly string[] | undefined =>
  scope === undefined ? undefined : (scope.names.get(node) ?? nameIn(scope.around, node));

const lateConstant = ({ late, unique }: Model, { node }: Value): string | undefined => {
  if (node._tag !== 'Constant') return undefined;
  const name = late.names.get(node) ?? unique('const_form');
  if (!late.names.has(node)) late.tensors.push({ name, array: node.data });
  late.names.set(node, name);
  return name;
};

const nameOf = (model: Model, scope: Scope, value: Value): E.Either<OnnxError, string> => {
  const name =
    model.constants.get(value.node) ?? lateConstant(model, value) ?? nameIn(scope, value.node)?.[value.index];
  const { node, index } = value;
  if (name === undefined)
    return E.left(unboundInput(node._tag === 'Input' ? node.name : `output ${index}`, scope.graph.name));
  model.read.add(name);
  return E.right(name);
};

const done: E.Either<OnnxError, void> = E.right(undefined);
/** In place of an input that is left out. */
const none: E.Either<OnnxError, string> = E.right('');

/** Fields of an `AttributeProto`; `operands`: names of what stands for the inputs of its graph. */
const attributeFields = (
  model: Model,
  scope: Scope,
  name: string,
  attribute: Attribute,
  operands: readonly string[] | undefined,
): E.Either<OnnxError, void> => {
  const { to } = model;
  const isWhole = (values: readonly number[]) => values.every(Number.isSafeInteger);
  const broken = E.left(illFormed(`attribute ${name}: expected whole numbers`));
  let result = done;
  text(to, 1, name);
  switch (attribute._tag) {
    case 'Int':
      if (!isWhole([attribute.value])) return broken;
      whole(to, 3, attribute.value);
      whole(to, 20, AttributeType.INT);
      break;
    case 'Ints':
      if (!isWhole(attribute.value)) return broken;
      for (const value of attribute.value) whole(to, 8, value);
      whole(to, 20, AttributeType.INTS);
      break;
    case 'Float':
      float(to, 2, attribute.value);
      whole(to, 20, AttributeType.FLOAT);
      break;
    case 'Floats':
      for (const value of attribute.value) float(to, 7, value);
      whole(to, 20, AttributeType.FLOATS);
      break;
    case 'String':
      text(to, 4, attribute.value);
      whole(to, 20, AttributeType.STRING);
      break;
    case 'Tensor':
      message(to, 5, () => tensorFields(to, '', attribute.value));
      whole(to, 20, AttributeType.TENSOR);
      break;
    case 'Graph':
      message(to, 6, () => {
        result = graphFields(model, attribute.value, scope, operands);
      });
      whole(to, 20, AttributeType.GRAPH);
      break;
  }
  return result;
};

/** Outputs that an operator may leave out when nobody reads them. */
const optionalOutputs = new Set(['MaxPool', 'Dropout', 'LayerNormalization', 'LSTM', 'GRU', 'RNN']);

const outputCount = (model: Model, node: OperatorNode): number =>
  optionalOutputs.has(node.operator) ? Math.max(1, model.used.get(node) ?? 0) : node.outputs.length;

/** Fields of a `NodeProto`. */
const nodeFields = (
  model: Model,
  scope: Scope,
  original: OperatorNode,
  exported: ReadonlyMap<number, string> | undefined,
): E.Either<OnnxError, void> => {
  const { to, unique } = model;
  const adapted = inOpset(model.opset)(original);
  if (E.isLeft(adapted)) return adapted;
  const node = adapted.right;
  const name = unique(nodeName(node, model.prefix.get(original), model.count));
  // In loops, as all that runs for every node of a graph.
  const output: string[] = [];
  for (let i = 0; i < outputCount(model, original); i++)
    output.push(exported?.get(i) ?? (i === 0 ? name : unique(`${name}:${i}`)));
  const inputs: string[] = [];
  for (let i = 0, n = node.inputs.findLastIndex((v) => v !== undefined) + 1; i < n; i++) {
    const v = node.inputs[i];
    const input = v === undefined ? none : nameOf(model, scope, v);
    if (E.isLeft(input)) return input;
    inputs.push(input.right);
  }
  const branches = node.operator === 'If' && node.domain === '';
  for (const input of branches ? inputs.slice(0, 1) : inputs) text(to, 1, input);
  for (const o of output) text(to, 2, o);
  text(to, 3, name);
  text(to, 4, node.operator);
  for (const key in node.attributes) {
    let written = done;
    message(to, 5, () => {
      const attribute = node.attributes[key] as Attribute;
      written = attributeFields(model, scope, key, attribute, branches ? inputs.slice(1) : undefined);
    });
    if (E.isLeft(written)) return written;
  }
  text(to, 7, node.domain);
  scope.names.set(original, output);
  return done;
};

const inputNames = (graph: Graph, name: Fresh, operands: readonly string[] | undefined): Map<Node, readonly string[]> =>
  new Map(graph.inputs.map((v, i) => [v.node, [operands?.[i] ?? name((v.node as InputNode).name)]]));

/**
 * Whether a value's type is in the file: of nodes with a name, for readers; and where a size is a name, which onnxruntime does not
 * follow through operators as we do. It puts a result where an operand was only if it knows their sizes to be the same.
 */
const isTold = (node: OperatorNode, { shape }: Value['type']): boolean =>
  !shape.includes('?') && (node.label !== undefined || shape.some((d) => typeof d === 'string'));

/**
 * Fields of a `GraphProto`; `operands`: names of its inputs, which then are not its own; `tensors`: its initializers, which are known
 * when its nodes are written.
 */
function graphFields(
  model: Model,
  graph: Graph,
  around: Scope | undefined,
  operands?: readonly string[],
  tensors: () => readonly Initializer[] = () => [],
): E.Either<OnnxError, void> {
  const { to, free, unique } = model;
  // The outermost graph's names are reserved: they are kept as they are.
  const name: Fresh = around === undefined ? (wanted) => wanted : unique;
  const bound = (around?.bound ?? 0n) | free.boundBy(graph);
  const loose = free.first(graph.outputs.reduce((s, o) => s | free.of(o.value.node), 0n) & ~bound);
  if (loose !== undefined) return E.left(unboundInput(loose, graph.name));
  const scope: Scope = { graph, around, bound, names: inputNames(graph, name, operands) };
  const outputs = graph.outputs.map((o) => ({ ...o, name: name(o.name) }));

  const isOutside = (n: Node): boolean => nameIn(around, n) !== undefined;
  const reached =
    around === undefined
      ? nodesOf(graph)
      : topological(
          graph.outputs.map((o) => o.value),
          { has: isOutside },
        );
  const here = reached.filter(
    (n) => n._tag === 'Operator' && (free.of(n) & ~bound) === 0n && !isOutside(n),
  ) as readonly OperatorNode[];
  const mine = new Set<Node>(here);

  const exported = new Map<Node, Map<number, string>>();
  const copies = outputs.filter(({ name, value }) => {
    const names = exported.get(value.node) ?? new Map<number, string>();
    if (!mine.has(value.node) || names.has(value.index)) return true;
    exported.set(value.node, names.set(value.index, name));
    return false;
  });

  for (const node of here) {
    let written = done;
    message(to, 1, () => {
      written = nodeFields(model, scope, node, exported.get(node));
    });
    if (E.isLeft(written)) return written;
  }
  for (const copy of copies) {
    const source = nameOf(model, scope, copy.value);
    if (E.isLeft(source)) return source;
    message(to, 1, () => {
      text(to, 1, source.right);
      text(to, 2, copy.name);
      text(to, 3, unique(`${copy.name}/Identity`));
      text(to, 4, 'Identity');
    });
  }
  text(to, 2, graph.name);
  for (const { name, array, place } of tensors()) message(to, 5, () => tensorFields(to, name, array, place));
  for (const v of operands === undefined ? graph.inputs : [])
    message(to, 11, () => valueFields(to, scope.names.get(v.node)?.[0] ?? '', v.type));
  for (const o of outputs) message(to, 12, () => valueFields(to, o.name, o.value.type));
  for (const node of here)
    scope.names.get(node)?.forEach((n, i) => {
      const type = node.outputs[i];
      if (type !== undefined && !exported.get(node)?.has(i) && isTold(node, type))
        message(to, 13, () => valueFields(to, n, type));
    });
  return done;
}

// -------------------------------------------------------------------------------------
// models
// -------------------------------------------------------------------------------------

const counter = (): ((key: string) => number) => {
  const counts = new Map<string, number>();
  return (key) => {
    const n = counts.get(key) ?? 0;
    counts.set(key, n + 1);
    return n;
  };
};

const firstTwice = (names: readonly string[]): string | undefined => names.find((n, i) => names.indexOf(n) !== i);

/** The domains in use, and the version of each: 1 of onnxruntime's own. */
const imports = (order: readonly Node[], opset: number): readonly (readonly [domain: string, version: number])[] =>
  [...new Set(['', ...order.flatMap((n) => (n._tag === 'Operator' ? [n.domain] : []))])].map((domain) => [
    domain,
    domain === '' ? opset : 1,
  ]);

/** A model, and the files beside it. */
export interface Encoded {
  readonly model: Uint8Array;
  /** By name, in the model's folder; made when they are asked for, so that not all need to be in memory at once. */
  readonly files: readonly { readonly location: string; readonly bytes: () => Uint8Array }[];
}

const filesOf = (outside: readonly Outside[]): Encoded['files'] =>
  [...new Set(outside.map(({ place }) => place.location))].map((location) => ({
    location,
    bytes: () => fileOf(outside.filter(({ place }) => place.location === location)),
  }));

const write = (graph: Graph, options: EncodeOptions, external?: ExternalOptions): E.Either<OnnxError, Encoded> => {
  const opset = checkOpset(options.opset ?? 18);
  if (E.isLeft(opset)) return opset;
  const reserved = [
    ...graph.inputs.flatMap((v) => (v.node._tag === 'Input' ? [v.node.name] : [])),
    ...graph.outputs.map((o) => o.name),
  ];
  const twice = firstTwice(reserved);
  if (twice !== undefined) return E.left(duplicateName(twice, graph.name));
  const order = nodesOf(graph);
  const unique = fresh(reserved);
  const written = initializers(order, unique, external);
  if (E.isLeft(written)) return written;
  const model: Model = {
    to: new BinaryWriter(),
    opset: opset.right,
    free: freedom(order),
    constants: written.right.names,
    prefix: prefixes(graph, order),
    used: usedOutputs(graph, order),
    unique,
    late: { names: new Map(), tensors: [] },
    read: new Set(),
    count: counter(),
  };
  const { right: initial } = written;
  const { to } = model;
  // Fields of a `ModelProto`.
  whole(to, 1, irVersion(opset.right));
  text(to, 2, options.producer ?? 'grad-ts');
  text(to, 6, options.doc ?? '');
  let result = done;
  message(to, 7, () => {
    result = graphFields(model, graph, undefined, undefined, () => [
      ...initial.tensors.filter((t) => model.read.has(t.name)),
      ...model.late.tensors,
    ]);
  });
  if (E.isLeft(result)) return result;
  for (const [domain, version] of imports(order, opset.right))
    message(to, 8, () => {
      text(to, 1, domain);
      whole(to, 2, version);
    });
  for (const [key, value] of Object.entries(options.metadata ?? {})) message(to, 14, () => entryFields(to, key, value));
  return E.right({ files: filesOf(initial.outside), model: to.finish() });
};

/**
 * The bytes of an ONNX model. Named dimensions become `dim_param`s. Fails when the opset cannot express an operator,
 * when a name is given twice, when a value reads an input that the graph does not declare, or when a size,
 * attribute or constant is not what its type says.
 *
 * ```ts
 * encode(graph, { opset: 17, metadata: { layer: 'dense' } }); // Either<OnnxError, Uint8Array>
 * ```
 */
export const encode = (graph: Graph, options: EncodeOptions = {}): E.Either<OnnxError, Uint8Array> =>
  E.map(({ model }: Encoded) => model)(guarded(graph, () => write(graph, options)));

/**
 * The same with large tensors in files beside the model, for models of more than 2 GiB: the model's bytes, and the files that
 * belong in its folder.
 *
 * ```ts
 * encodeExternal(graph, { external: { location: 'model.onnx.data' } }); // Either<OnnxError, Encoded>
 * ```
 */
export const encodeExternal = (
  graph: Graph,
  { external, ...options }: EncodeOptions & { readonly external: ExternalOptions },
): E.Either<OnnxError, Encoded> =>
  pipe(
    externalFault(external),
    E.fromPredicate(
      (fault) => fault === undefined,
      (fault) => illFormed(`${fault}`),
    ),
    E.chain(() => guarded(graph, () => write(graph, options, external))),
  );

const externalFault = ({ location, threshold = 0, shardBytes = 1 }: ExternalOptions): string | undefined =>
  !/^[^/\\\0]+$/.test(location) || ['.', '..'].includes(location)
    ? `'${location}' is not the name of a file in the model's folder`
    : !(threshold >= 0)
      ? `external data: threshold must be a number of bytes, 0 or more, got ${threshold}`
      : shardBytes >= 1
        ? undefined
        : `external data: shardBytes must be 1 or more, got ${shardBytes}`;

const guarded = <A>(graph: Graph, attempt: () => E.Either<OnnxError, A>): E.Either<OnnxError, A> =>
  E.flatten(
    // Protobuf's writer throws where a number does not fit its field (a size of 1.5, a float of 1e40).
    E.tryCatch(attempt, (e) =>
      illFormed(`graph '${graph.name}' cannot be written: ${e instanceof Error ? e.message : String(e)}`),
    ),
  );
