/**
 * Values that are read as they are and times a constant too, which come from a product of matrices and go to others: gelu reads x and
 * x / sqrt(2). Products have a factor for nothing, so the one before makes the multiple, those behind make up for it, and the
 * multiplication is saved.
 *
 * Law: the outputs are those of the given graph up to rounding.
 */
import type { Graph, Node, OperatorNode, Value } from '../Graph.ts';
import { isScalar, nodesOf, readersOf } from '../Graph.ts';
import * as Op from '../Operators.ts';
import { float } from '../operators/node.ts';
import { constantOf, floatOf, type LocalRule, named, operands, rewriteSome } from './Rewrite.ts';

// -------------------------------------------------------------------------------------
// factors
// -------------------------------------------------------------------------------------

/** The constant number that a node multiplies a value with. */
const multipleOf = (node: OperatorNode): { readonly of: Value; readonly factor: number } | undefined => {
  if (node.operator !== 'Mul' || node.domain !== '') return undefined;
  const [a, b] = node.inputs as readonly [Value, Value];
  const [of, constant] = constantOf(b) === undefined ? [b, a] : [a, b];
  const factor = Number(constantOf(constant)?.data[0]);
  return isScalar(constant) && Number.isFinite(factor) && factor !== 0 ? { of, factor } : undefined;
};

/** Of matrices or batches of them, in a form that has a factor. */
const isProduct = ({ operator, domain, inputs, outputs }: OperatorNode): boolean =>
  outputs[0]?.dtype === 'float32' &&
  inputs.slice(0, 2).every((v) => v !== undefined && Op.rank(v) > 1) &&
  ((domain === '' && (operator === 'MatMul' || operator === 'Gemm')) ||
    (domain === 'com.microsoft' && operator === 'FusedMatMul'));

const sameType = (node: OperatorNode, v: Value): Value => named(node)({ ...v, type: node.outputs[0] as Value['type'] });

/** A product times `by`; what a Gemm adds is not. */
const productTimes = (node: OperatorNode, by: number): Value => {
  const [a, b] = node.inputs as readonly [Value, Value];
  if (node.operator === 'MatMul') return sameType(node, Op.matMul(a, b, { alpha: by }));
  const attributes = { ...node.attributes, alpha: float(floatOf(node, 'alpha', 1) * by) };
  return { type: node.outputs[0] as Value['type'], node: { ...node, attributes }, index: 0 };
};

const gemmTimes = (node: OperatorNode, by: number): Value => {
  const product = productTimes(node, by);
  if (node.inputs[2] === undefined || product.node._tag !== 'Operator') return product;
  const attributes = { ...product.node.attributes, beta: float(floatOf(node, 'beta', 1) * by) };
  return { ...product, node: { ...product.node, attributes } };
};

// -------------------------------------------------------------------------------------
// before
// -------------------------------------------------------------------------------------

interface Reads {
  readonly nodes: (node: Node) => readonly Node[];
  /** Whether the graph gives it out. */
  readonly isOutput: (node: Node) => boolean;
}

/** A product that nothing else reads, with a row added: where it stands among the operands. */
const sumOf = (node: OperatorNode, { nodes, isOutput }: Reads): number | undefined => {
  const pair = operands({ type: node.outputs[0] as Value['type'], node, index: 0 }, 'Add');
  const at = pair?.findIndex(
    (v, i) => v.node._tag === 'Operator' && isProduct(v.node) && Op.rank(pair[1 - i] as Value) === 1,
  );
  const product = at === undefined ? undefined : pair?.[at]?.node;
  return product !== undefined && nodes(product).length === 1 && !isOutput(product) ? at : undefined;
};

/** What makes a value times `by`; `undefined`: it is no product, nor one with a row added. */
const sourceTimes = (node: OperatorNode, by: number, reads: Reads): LocalRule | undefined => {
  if (isProduct(node)) return (now) => [now.operator === 'Gemm' ? gemmTimes(now, by) : productTimes(now, by)];
  const at = sumOf(node, reads);
  if (at === undefined) return undefined;
  return (now) => {
    const [product, row] = [now.inputs[at], now.inputs[1 - at]] as readonly [Value, Value];
    return [sameType(now, Op.add(gemmTimes(product.node as OperatorNode, by), Op.mul(row, by)))];
  };
};

// -------------------------------------------------------------------------------------
// behind
// -------------------------------------------------------------------------------------

/** What becomes of nodes; `undefined`: they stay, and their results are multiples. */
type Changes = Map<Node, LocalRule | undefined>;

const over =
  (factor: number): LocalRule =>
  (node) => [productTimes(node, 1 / factor)];

/** A multiple of what is `factor` times as large: itself, where it is that. */
const multipleOver =
  (at: number, own: number, factor: number): LocalRule =>
  (node) => {
    const x = node.inputs[at] as Value;
    return [own === factor ? x : sameType(node, Op.mul(x, own / factor))];
  };

/** What has the factor of this operand in its result. */
const passes = ({ operator, domain }: OperatorNode, at: number): boolean =>
  domain === '' && (operator === 'Mul' || ((operator === 'Div' || operator === 'Reshape') && at === 0));

/** Whether all that reads a node makes up for its factor, and how. What has been changed before stays as it is. */
const makesUp = (node: Node, factor: number, reads: Reads, changes: Changes): boolean =>
  !reads.isOutput(node) &&
  reads.nodes(node).every((reader) => {
    if (reader._tag !== 'Operator' || changes.has(reader)) return false;
    // What reads it twice is met twice, what reads it within a body has it at no place.
    const at = reader.inputs.findIndex((v) => v?.node === node);
    if (at < 0) return false;
    const multiple = multipleOf(reader);
    if (multiple !== undefined) changes.set(reader, multipleOver(at, multiple.factor, factor));
    else if (isProduct(reader) && at < 2) changes.set(reader, over(factor));
    else if (passes(reader, at)) {
      changes.set(reader, undefined);
      return makesUp(reader, factor, reads, changes);
    } else return reader.operator === 'Shape' && reader.domain === '';
    return true;
  });

// -------------------------------------------------------------------------------------
// interpreter
// -------------------------------------------------------------------------------------

const planned = (nodes: readonly Node[], reads: Reads): ReadonlyMap<Node, LocalRule> => {
  let changes: Changes = new Map();
  for (const node of nodes) {
    const multiple = node._tag === 'Operator' ? multipleOf(node) : undefined;
    const source = multiple?.of.node;
    if (multiple === undefined || source?._tag !== 'Operator' || changes.has(source) || reads.nodes(source).length < 2)
      continue;
    const rule = sourceTimes(source, multiple.factor, reads);
    const more: Changes = new Map(changes);
    if (rule === undefined || !makesUp(source, multiple.factor, reads, more)) continue;
    changes = more.set(source, rule);
  }
  return new Map([...changes].flatMap(([node, rule]) => (rule === undefined ? [] : [[node, rule] as const])));
};

/** The graph with fewer multiples. */
export const multiples = (graph: Graph): Graph => {
  const ends = graph.outputs.map((o) => o.value);
  const nodes = nodesOf(graph);
  const readers = readersOf(nodes);
  const outputs = new Set(ends.map((v) => v.node));
  const rules = planned(nodes, { nodes: (node) => readers.get(node) ?? [], isOutput: (node) => outputs.has(node) });
  return rewriteSome(rules)(graph);
};
