/**
 * Nodes of a file's graph and of its branches: every name is defined once and before it is read, whatever order the
 * file has them in; tensors are taken out of the branches.
 */
import type { ForeignBody, ForeignNode } from '../../graph/Foreign.ts';
import type { NdArray } from '../../shape/NdArray.ts';
import type { GraphProto, NodeProto, TensorProto } from '../proto/onnx_pb.ts';
import { attributeFrom } from './Attributes.ts';
import { domainOf, type Inline, type Versioned } from './Functions.ts';
import { malformed, refuse } from './ImportError.ts';
import { type Limits, within } from './Limits.ts';
import { arrayFrom, type ReadExternal } from './Tensors.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** What the walk over one file has gathered. */
export interface Walk {
  readonly limits: Required<Limits>;
  readonly inline: Inline;
  readonly versions: ReadonlyMap<string, number>;
  readonly external: ReadExternal;
  readonly constants: Map<string, NdArray>;
  /** What has been read, by the tensor's sizes: calls of a function share its tensors, if not the messages around them. */
  readonly arrays: WeakMap<readonly bigint[], NdArray>;
  /** Bytes of the arrays so far. */
  bytes: number;
}

/** Names that a graph can read: its own, and those around it. */
interface Scope {
  readonly around: Scope | undefined;
  readonly names: Set<string>;
  /** Tensors of this scope whose name another scope has as well. */
  readonly renamed: Map<string, string>;
}

const sees = (scope: Scope | undefined, name: string): boolean =>
  scope !== undefined && (scope.names.has(name) || sees(scope.around, name));

const current = (scope: Scope | undefined, name: string): string =>
  scope === undefined
    ? name
    : (scope.renamed.get(name) ?? (scope.names.has(name) ? name : current(scope.around, name)));

/** A name that is in the list for the second time. */
export const repeated = (names: readonly string[]): string | undefined => {
  const seen = new Set<string>();
  return names.find((name) => seen.size === seen.add(name).size);
};

const define = (scope: Scope, name: string, where: string): void => {
  if (scope.names.has(name)) refuse(malformed(`${where} defines '${name}' twice`));
  scope.names.add(name);
};

// -------------------------------------------------------------------------------------
// constants
// -------------------------------------------------------------------------------------

const keep = (walk: Walk, scope: Scope, name: string, array: NdArray, where: string): void => {
  define(scope, name, where);
  let unique = name;
  for (let n = 2; walk.constants.has(unique); n++) unique = `${name}_${n}`;
  if (unique !== name) scope.renamed.set(name, unique);
  walk.constants.set(unique, array);
};

const arrayOf = (walk: Walk, tensor: TensorProto, name: string): NdArray => {
  const known = walk.arrays.get(tensor.dims);
  if (known !== undefined) return known;
  const array = arrayFrom(tensor, name, walk.external, walk.limits);
  walk.arrays.set(tensor.dims, array);
  walk.bytes += array.data.byteLength;
  within('bytes of tensors', walk.limits.tensorBytes, walk.bytes);
  return array;
};

const list = (values: readonly number[], dtype: 'float32' | 'int64', shape: readonly number[]): NdArray => ({
  dtype,
  shape,
  data: dtype === 'float32' ? Float32Array.from(values) : BigInt64Array.from(values, BigInt),
});

/** The array of a `Constant` node; undefined if it is text or sparse. */
const constantOf = (walk: Walk, node: NodeProto): NdArray | undefined => {
  const [a] = node.attribute.filter(({ name }) => name.startsWith('value') || name === 'sparse_value');
  switch (a?.name) {
    case 'value':
      return a.t === undefined ? undefined : arrayOf(walk, a.t, node.output[0] ?? node.name);
    case 'value_float':
      return list([a.f], 'float32', []);
    case 'value_floats':
      return list(a.floats, 'float32', [a.floats.length]);
    case 'value_int':
      return { dtype: 'int64', shape: [], data: BigInt64Array.of(a.i) };
    case 'value_ints':
      return { dtype: 'int64', shape: [a.ints.length], data: BigInt64Array.from(a.ints) };
    default:
      return undefined;
  }
};

// -------------------------------------------------------------------------------------
// order
// -------------------------------------------------------------------------------------

/** Names of the graph around that a branch reads. */
const captured = (body: ForeignBody): readonly string[] => {
  const inside = new Set(body.nodes.flatMap((n) => n.outputs));
  return [...body.nodes.flatMap(readsOf), ...body.outputs].filter((name) => !inside.has(name));
};

/** Every name that a node needs, those that its branches read included. */
export const readsOf = (node: ForeignNode): readonly string[] => [
  ...node.inputs.filter((name) => name !== ''),
  ...Object.values(node.attributes).flatMap((a) => (a._tag === 'Body' ? captured(a.value) : [])),
];

/**
 * Each node after those it reads. Files should be in order; those that are not are put in order, unless there is a
 * cycle.
 */
const sorted = (nodes: readonly ForeignNode[], where: string): readonly ForeignNode[] => {
  const maker = new Map(nodes.flatMap((n) => n.outputs.map((o) => [o, n] as const)));
  const order: ForeignNode[] = [];
  const state = new Map<ForeignNode, 'open' | 'done'>();
  for (const root of nodes) {
    const stack = [root];
    for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
      if (state.has(node)) {
        stack.pop();
        if (state.get(node) === 'open') order.push(node);
        state.set(node, 'done');
        continue;
      }
      state.set(node, 'open');
      for (const name of readsOf(node)) {
        const before = maker.get(name);
        if (before === undefined || state.get(before) === 'done') continue;
        if (state.get(before) === 'open')
          refuse(malformed(`${where}: node '${node.name}' reads '${name}', which depends on it`));
        stack.push(before);
      }
    }
  }
  return order;
};

// -------------------------------------------------------------------------------------
// graphs
// -------------------------------------------------------------------------------------

const nodeFrom = (
  walk: Walk,
  scope: Scope,
  { node, versions }: Versioned,
  depth: number,
  where: string,
): ForeignNode => {
  const domain = domainOf(node.domain);
  const name = node.name || `${node.opType}(${node.output[0] ?? ''})`;
  const read = {
    tensor: (t: TensorProto) => arrayOf(walk, t, t.name || name),
    body: (g: GraphProto) => bodyFrom(walk, scope, g, depth + 1, `${where} > '${name}'`),
  };
  const version =
    versions.get(domain) ??
    refuse(malformed(`node '${name}' is of the domain '${domain}', which the model does not import`));
  return {
    name,
    operator: node.opType,
    domain,
    version,
    inputs: node.input.map((i) => (i === '' ? '' : current(scope, i))),
    outputs: node.output,
    attributes: Object.fromEntries(
      node.attribute.flatMap((a) => {
        const attribute = attributeFrom(a, read);
        return attribute === undefined ? [] : [[a.name, attribute]];
      }),
    ),
  };
};

/** The nodes of a graph. `names`: what is defined before it: inputs. */
const nodesFrom = (
  walk: Walk,
  graph: GraphProto,
  scope: Scope,
  depth: number,
  where: string,
): readonly ForeignNode[] => {
  within('graphs within graphs', walk.limits.depth, depth);
  if (graph.sparseInitializer.length > 0)
    refuse(malformed(`${where} has sparse tensors, which are not supported: store them as dense ones`));
  for (const t of graph.initializer) {
    if (t.name === '') refuse(malformed(`${where} has a tensor without a name`));
    // Before version 4 of the format every initializer was also an input: a default value of it.
    scope.names.delete(t.name);
    keep(walk, scope, t.name, arrayOf(walk, t, t.name), where);
  }
  const all = walk.inline(graph.node, walk.versions);
  const rest: Versioned[] = [];
  for (const each of all) {
    const { node } = each;
    const [output] = node.output;
    const isConstant = node.opType === 'Constant' && domainOf(node.domain) === '' && output !== undefined;
    const array = isConstant ? constantOf(walk, node) : undefined;
    if (array !== undefined && isConstant) keep(walk, scope, output, array, where);
    else rest.push(each);
  }
  for (const { node } of rest) for (const name of node.output) if (name !== '') define(scope, name, where);
  for (const { node } of rest)
    for (const name of node.input)
      if (name !== '' && !sees(scope, name))
        refuse(malformed(`${where}: node '${node.name || node.opType}' reads '${name}', which nothing defines`));
  return sorted(
    rest.map((n) => nodeFrom(walk, scope, n, depth, where)),
    where,
  );
};

const output = (scope: Scope, name: string, where: string): string =>
  sees(scope, name)
    ? current(scope, name)
    : refuse(malformed(`${where} has the output '${name}', which nothing defines`));

const bodyFrom = (walk: Walk, around: Scope, graph: GraphProto, depth: number, where: string): ForeignBody => {
  // Formal inputs belong to loops, which are refused later, by name.
  const scope: Scope = { around, names: new Set(graph.input.map((i) => i.name)), renamed: new Map() };
  const nodes = nodesFrom(walk, graph, scope, depth, where);
  return { nodes, outputs: graph.output.map((o) => output(scope, o.name, where)) };
};

/** The nodes of a whole model, in order, and the current names of its outputs. */
export const graphFrom = (walk: Walk, graph: GraphProto): ForeignBody => {
  const names = new Set<string>();
  for (const { name } of graph.input) {
    if (name === '') refuse(malformed('an input has no name'));
    if (names.has(name)) refuse(malformed(`the graph defines '${name}' twice`));
    names.add(name);
  }
  const scope: Scope = { around: undefined, names, renamed: new Map() };
  const nodes = nodesFrom(walk, graph, scope, 1, 'the graph');
  const outputs = graph.output.map((o) => output(scope, o.name, 'the graph'));
  const twice = repeated(outputs);
  if (twice !== undefined) refuse(malformed(`the graph has the output '${twice}' twice`));
  return { nodes, outputs };
};
