/**
 * Graphs rebuilt node by node, by a rule.
 *
 * A rule sees each operator with its inputs already rewritten, and says what stands in its place, or nothing: then it stays.
 *
 * Laws: a rule that never says anything gives the very same graph; nodes behind which nothing has changed stay the same
 * nodes; bodies of loops are rewritten too.
 */
import { identity } from 'fp-ts/lib/function.js';
import type { NdArray } from '../../shape/NdArray.ts';
import type { Graph, Node, OperatorNode, Value } from '../Graph.ts';
import { bodies, ending, isSame, label, nodesOf, reading, sameDims, sameShape } from '../Graph.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Surroundings {
  /** How often a value is read, by operators, in bodies and as an output of the graph. */
  readonly uses: (v: Value) => number;
}

/** What stands in place of the outputs of a node; `undefined`: the node itself. */
export type Rule = (node: OperatorNode, around: Surroundings) => readonly Value[] | undefined;

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

/** Of each node, by output. */
type Counts = Map<Node, number[]>;

const countedAt = (counts: Counts, { node, index }: Value): number | undefined => counts.get(node)?.[index];

const addTo = (counts: Counts, { node, index }: Value, n: number): void => {
  const of = counts.get(node) ?? [];
  if (of.length === 0) counts.set(node, of);
  of[index] = (of[index] ?? 0) + n;
};

const countUses = (nodes: readonly Node[], outputs: readonly Value[]): Counts => {
  const counts: Counts = new Map();
  const count = (v: Value | undefined): void => {
    if (v !== undefined) addTo(counts, v, 1);
  };
  for (const node of nodes) {
    if (node._tag !== 'Operator') continue;
    node.inputs.forEach(count);
    for (const g of bodies(node)) for (const o of g.outputs) count(o.value);
  }
  outputs.forEach(count);
  return counts;
};

/** How often each output of these nodes is read, in bodies of loops and as an output of the graph too. */
export const usesOf = (nodes: readonly Node[], outputs: readonly Value[]): ((v: Value) => number) => {
  const counts = countUses(nodes, outputs);
  return (v) => countedAt(counts, v) ?? 0;
};

// -------------------------------------------------------------------------------------
// interpreter
// -------------------------------------------------------------------------------------

/** What stands in place of a node, whatever is around it. */
export type LocalRule = (node: OperatorNode) => readonly Value[] | undefined;

/** Reads of the values of a graph while it is rewritten. */
interface Reads extends Surroundings {
  readonly replaced: (original: Node, by: readonly Value[]) => void;
}

const counted = (nodes: readonly Node[], ends: readonly Value[]): Reads => {
  const before = countUses(nodes, ends);
  const after: Counts = new Map();
  return {
    uses: (v) => countedAt(after, v) ?? countedAt(before, v) ?? 1,
    replaced: (original, by) =>
      by.forEach((v, index) => {
        const read = countedAt(before, { type: v.type, node: original, index });
        if (read === undefined) return;
        const isFirst = v.node !== original && v.node._tag === 'Operator' && countedAt(after, v) === undefined;
        addTo(after, v, read + (isFirst ? (countedAt(before, v) ?? 0) : 0));
      }),
  };
};

const rewritten =
  (
    ruleOf: (original: OperatorNode) => Rule | undefined,
    readsOf: (nodes: readonly Node[], ends: readonly Value[]) => Reads,
  ) =>
  (graph: Graph): Graph => {
    const ends = graph.outputs.map((o) => o.value);
    const nodes = nodesOf(graph);
    const around = readsOf(nodes, ends);
    const now = new Map<Node, readonly Value[]>();
    const read = (v: Value): Value => {
      const found = now.get(v.node)?.[v.index];
      if (found === undefined || isSame(found, v)) return v;
      // What is known of the sizes at the place where it is read stays known.
      return sameDims(found.type.shape, v.type.shape)
        ? found
        : { ...found, type: { ...found.type, shape: v.type.shape } };
    };
    const reread = reading(read);
    for (const original of nodes) {
      if (original._tag !== 'Operator') continue;
      const node = reread(original);
      const isOld = node === original;
      const found = ruleOf(original)?.(node, around);
      // It stands for itself, and is read as often as before.
      if (found === undefined && isOld) continue;
      const results = found ?? node.outputs.map((type, index): Value => ({ type, node, index }));
      now.set(original, results);
      around.replaced(original, results);
    }
    return ending(read)(graph);
  };

/** The graph with every node that the rule knows replaced. */
export const rewrite = (rule: Rule): ((graph: Graph) => Graph) => rewritten(() => rule, counted);

const uncounted: Reads = { uses: () => 1, replaced: () => undefined };

/** The same by a rule that sees nothing but the node: without counting how often values are read. */
export const rewriteLocally = (rule: LocalRule): ((graph: Graph) => Graph) =>
  rewritten(
    () => rule,
    () => uncounted,
  );

/** The graph with these nodes of it replaced, each by a rule of its own. */
export const rewriteSome = (rules: ReadonlyMap<Node, LocalRule>): ((graph: Graph) => Graph) =>
  rules.size === 0
    ? identity
    : rewritten(
        (original) => rules.get(original),
        () => uncounted,
      );

/** The first of the rules that says something. */
export const firstOf =
  (rules: readonly Rule[]): Rule =>
  (node, around) => {
    for (const rule of rules) {
      const found = rule(node, around);
      if (found !== undefined) return found;
    }
    return undefined;
  };

// -------------------------------------------------------------------------------------
// helpers of rules
// -------------------------------------------------------------------------------------

export const constantOf = (v: Value | undefined): NdArray | undefined =>
  v?.node._tag === 'Constant' ? v.node.data : undefined;

/** The node that a value comes from, if it is this one of ONNX's own operators. */
export const operatorOf = (v: Value | undefined, operator: string): OperatorNode | undefined =>
  v?.node._tag === 'Operator' && v.node.domain === '' && v.node.operator === operator ? v.node : undefined;

/** Both operands of this one of ONNX's own operators, if a value comes from it. */
export const operands = (v: Value | undefined, operator: string): readonly [Value, Value] | undefined => {
  const [a, b] = operatorOf(v, operator)?.inputs ?? [];
  return a === undefined || b === undefined ? undefined : [a, b];
};

/** Of a product, the operand of its shape and the other one, if that is as asked for. */
export const factored = (v: Value, asked: (factor: Value) => boolean): readonly [Value, Value] | undefined => {
  const [a, b] = operands(v, 'Mul') ?? [];
  if (a === undefined || b === undefined) return undefined;
  return sameShape(a, v) && asked(b) ? [a, b] : sameShape(b, v) && asked(a) ? [b, a] : undefined;
};

export const labelOf = (v: Value | undefined): string | undefined =>
  v?.node._tag === 'Input' ? undefined : v?.node.label;

/** The layer that a parameter's name begins with: `head.dense` of `head.dense.kernel`. */
export const layerOf = (label: string | undefined): string | undefined =>
  label?.includes('.') ? label.slice(0, label.lastIndexOf('.')) : undefined;

/** The name of another constant of the same layer. */
export const siblingLabel = (label: string | undefined, role: string): string | undefined => {
  const layer = layerOf(label);
  return layer === undefined ? undefined : `${layer}.${role}`;
};

/** What stands in place of a node, with its name. */
export const named =
  ({ label: name }: OperatorNode) =>
  (v: Value): Value =>
    name === undefined ? v : label(name)(v);

/** Without what only changes its shape. */
export const unshaped = (v: Value): Value =>
  v.node._tag === 'Operator' && v.node.operator === 'Reshape' && v.node.domain === ''
    ? unshaped(v.node.inputs[0] as Value)
    : v;

export const intOf = ({ attributes }: OperatorNode, name: string, otherwise: number): number =>
  attributes[name]?._tag === 'Int' ? attributes[name].value : otherwise;

export const floatOf = ({ attributes }: OperatorNode, name: string, otherwise: number): number =>
  attributes[name]?._tag === 'Float' ? attributes[name].value : otherwise;

export const intsOf = ({ attributes }: OperatorNode, name: string): readonly number[] | undefined =>
  attributes[name]?._tag === 'Ints' ? attributes[name].value : undefined;
