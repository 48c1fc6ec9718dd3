/**
 * Computation graphs of ONNX operators, as immutable values.
 *
 * A `Value` is one output of a node, and a node holds the values it reads: the graph is the set of nodes reachable from
 * its outputs. So building is plain function application (no builder, no names, no order), what is not used is not
 * there, and what does not depend on a loop's variables stands outside the loop. Nodes are compared by identity: one
 * node used twice is computed once.
 */
import type { DType, NdArray } from '../shape/NdArray.ts';
import type { Dim } from '../shape/Shape.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** Element type and shape; named dimensions ('batch') are sizes not known until run time. */
export interface ValueType {
  readonly dtype: DType;
  readonly shape: readonly Dim[];
}

export interface Value {
  readonly type: ValueType;
  readonly node: Node;
  /** Which output of the node. */
  readonly index: number;
}

/** `''` is ai.onnx. */
export type Domain = '' | 'com.microsoft' | 'com.microsoft.nchwc';

export type Attribute =
  | { readonly _tag: 'Int'; readonly value: number }
  | { readonly _tag: 'Float'; readonly value: number }
  | { readonly _tag: 'String'; readonly value: string }
  | { readonly _tag: 'Ints'; readonly value: readonly number[] }
  | { readonly _tag: 'Floats'; readonly value: readonly number[] }
  | { readonly _tag: 'Tensor'; readonly value: NdArray }
  /** The body of a Loop, or a branch of an If: it may also read values of the graph around it. */
  | { readonly _tag: 'Graph'; readonly value: Graph };

export type Attributes = Readonly<Record<string, Attribute>>;

/** A formal input of a graph, of a loop's body or of a branch. */
export interface InputNode {
  readonly _tag: 'Input';
  readonly name: string;
  readonly outputs: readonly [ValueType];
}

export interface ConstantNode {
  readonly _tag: 'Constant';
  readonly data: NdArray;
  readonly outputs: readonly [ValueType];
  /** The initializer's name in the ONNX file. */
  readonly label: string | undefined;
}

export interface OperatorNode {
  readonly _tag: 'Operator';
  readonly operator: string;
  readonly domain: Domain;
  /** `undefined`: an optional input left out. */
  readonly inputs: readonly (Value | undefined)[];
  readonly attributes: Attributes;
  readonly outputs: readonly ValueType[];
  /** The layer or step it belongs to; it names the node in the ONNX file. */
  readonly label: string | undefined;
  /** No gradient flows back through this node (see `stopGradient`). It means nothing to the ONNX file. */
  readonly detached?: true;
}

export type Node = InputNode | ConstantNode | OperatorNode;

export interface Graph {
  readonly name: string;
  /** In order; each is the value of an `InputNode`. */
  readonly inputs: readonly Value[];
  readonly outputs: readonly Output[];
}

export interface Output {
  readonly name: string;
  readonly value: Value;
}

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** Element type and shape; a name is a size that is not known yet. */
export const valueType = (dtype: DType, shape: readonly Dim[]): ValueType => ({ dtype, shape });

const only = (node: InputNode | ConstantNode): Value => ({ type: node.outputs[0], node, index: 0 });

/** An input of a graph, by name. */
export const input = (name: string, dtype: DType, shape: readonly Dim[]): Value =>
  only({ _tag: 'Input', name, outputs: [valueType(dtype, shape)] });

/** An array as a value. `label` is what it is called in a file. */
export const constant = (data: NdArray, label?: string): Value =>
  only({ _tag: 'Constant', data, outputs: [valueType(data.dtype, data.shape)], label });

/** All outputs of a new node. */
export const operator = (
  operator: string,
  inputs: readonly (Value | undefined)[],
  outputs: readonly ValueType[],
  attributes: Attributes = {},
  domain: Domain = '',
): readonly Value[] => {
  const node: OperatorNode = { _tag: 'Operator', operator, domain, inputs, attributes, outputs, label: undefined };
  return outputs.map((type, index) => ({ type, node, index }));
};

/** What is computed from inputs to outputs; the nodes between follow from the outputs. */
export const graph = (name: string, inputs: readonly Value[], outputs: readonly Output[]): Graph => ({
  name,
  inputs,
  outputs,
});

// -------------------------------------------------------------------------------------
// comparison
// -------------------------------------------------------------------------------------

/** Whether both are the same output of the same node. */
export const isSame = (a: Value | undefined, b: Value | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && a.node === b.node && a.index === b.index);

/** Whether it is a single number, of any rank. */
export const isScalar = ({ type: { shape } }: Value): boolean => shape.every((d) => d === 1);

/** Whether two shapes say the same of each size. */
export const sameDims = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  a === b || (a.length === b.length && a.every((d, i) => d === b[i]));

/** Whether both are known to be of the same sizes. */
export const sameShape = (a: Value, b: Value): boolean =>
  a.type.shape.length === b.type.shape.length && a.type.shape.every((d, i) => d === b.type.shape[i] && d !== '?');

// -------------------------------------------------------------------------------------
// combinators
// -------------------------------------------------------------------------------------

/** The same value from a node that carries a name. Use the result from there on: the unnamed node is another node. */
export const label =
  (name: string) =>
  (value: Value): Value =>
    value.node._tag === 'Operator' ? { ...value, node: { ...value.node, label: name } } : value;

const none: readonly Graph[] = [];

/** The bodies of a loop, the branches of an If. (It runs for every node of every pass: most have none.) */
export const bodies = ({ attributes }: OperatorNode): readonly Graph[] => {
  let found: Graph[] | undefined;
  for (const name in attributes) {
    const a = attributes[name] as Attribute;
    if (a._tag === 'Graph') found = found === undefined ? [a.value] : [...found, a.value];
  }
  return found ?? none;
};

/**
 * Does something with each node that a node reads directly, those that its bodies read included. (By indices, and no list of them:
 * it runs for every node of every pass, mostly before the compiler has seen it.)
 */
export const eachPredecessor = (node: Node, f: (read: Node) => void): void => {
  if (node._tag !== 'Operator') return;
  const { inputs } = node;
  for (let i = 0; i < inputs.length; i++) {
    const v = inputs[i];
    if (v !== undefined) f(v.node);
  }
  for (const { outputs } of bodies(node)) for (const { value } of outputs) f(value.node);
};

/** The nodes that a node reads directly, those that its bodies read included. */
export const predecessors = (node: Node): readonly Node[] => {
  const read: Node[] = [];
  eachPredecessor(node, (p) => read.push(p));
  return read;
};

/** Which of some nodes read a node directly, in their order. */
export const readersOf = (nodes: readonly Node[]): ReadonlyMap<Node, readonly Node[]> => {
  const readers = new Map<Node, Node[]>();
  for (const node of nodes)
    eachPredecessor(node, (read) => {
      const of = readers.get(read);
      if (of === undefined) readers.set(read, [node]);
      else of.push(node);
    });
  return readers;
};

/**
 * Every node that the values need, each after the nodes it reads. Iterative: depth is not limited by the stack.
 * `stopAt` nodes are given but not looked behind.
 */
export const topological = (
  values: readonly Value[],
  stopAt: Pick<ReadonlySet<Node>, 'has'> = new Set<Node>(),
): readonly Node[] => {
  const order: Node[] = [];
  const seen = new Set<Node>();
  // Nodes to look behind; `undefined`: what is behind the last of `open` has been given, and now it is.
  const stack: (Node | undefined)[] = values.map((v) => v.node).reverse();
  const open: Node[] = [];
  const look = (value: Value | undefined): void => {
    if (value !== undefined && !seen.has(value.node)) stack.push(value.node);
  };
  while (stack.length > 0) {
    const node = stack.pop();
    if (node === undefined) {
      order.push(open.pop() as Node);
      continue;
    }
    const before = seen.size;
    if (seen.add(node).size === before) continue;
    if (node._tag !== 'Operator' || stopAt.has(node)) {
      order.push(node);
      continue;
    }
    open.push(node);
    stack.push(undefined);
    // The last comes first: what is pushed last is looked at first.
    const within = bodies(node);
    for (let b = within.length - 1; b >= 0; b--) {
      const outputs = within[b]?.outputs ?? [];
      for (let i = outputs.length - 1; i >= 0; i--) look(outputs[i]?.value);
    }
    for (let i = node.inputs.length - 1; i >= 0; i--) look(node.inputs[i]);
  }
  return order;
};

const orders = new WeakMap<Graph, readonly Node[]>();

/** All nodes of a graph, each after the nodes it reads. (Remembered: several passes ask for those of one graph.) */
export const nodesOf = (graph: Graph): readonly Node[] => {
  const known = orders.get(graph);
  if (known !== undefined) return known;
  const order = topological(graph.outputs.map((o) => o.value));
  orders.set(graph, order);
  return order;
};

/** Only inputs that something reads: onnxruntime refuses to be fed others after it has dropped them. */
export const readInputs = (inputs: readonly Value[], outputs: readonly Output[]): readonly Value[] => {
  const read = new Set(topological(outputs.map((o) => o.value)));
  return inputs.filter((v) => read.has(v.node));
};

/** The graph with other outputs: `f` says which. Law: where `f` changes nothing, it is the very same graph. */
export const ending =
  (f: (v: Value) => Value) =>
  (graph: Graph): Graph => {
    const outputs = graph.outputs.map((o) => {
      const value = f(o.value);
      return value === o.value ? o : { ...o, value };
    });
    return outputs.every((o, i) => o === graph.outputs[i]) ? graph : { ...graph, outputs };
  };

/**
 * The node with other values to read, in its bodies too: `f` says which. Law: where `f` changes nothing, it is the very same node.
 */
export const reading = (f: (v: Value) => Value): ((node: OperatorNode) => OperatorNode) => {
  const body = ending(f);
  return (node) => {
    let inputs: (Value | undefined)[] | undefined;
    for (let i = 0; i < node.inputs.length; i++) {
      const before = node.inputs[i];
      const now = before === undefined ? undefined : f(before);
      if (now === before) continue;
      inputs ??= [...node.inputs];
      inputs[i] = now;
    }
    let attributes: Record<string, Attribute> | undefined;
    for (const name in node.attributes) {
      const a = node.attributes[name] as Attribute;
      if (a._tag !== 'Graph') continue;
      const value = body(a.value);
      if (value === a.value) continue;
      attributes ??= { ...node.attributes };
      attributes[name] = { _tag: 'Graph', value };
    }
    return inputs === undefined && attributes === undefined
      ? node
      : { ...node, inputs: inputs ?? node.inputs, attributes: attributes ?? node.attributes };
  };
};
