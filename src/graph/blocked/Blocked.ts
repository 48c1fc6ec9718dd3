/**
 * A graph with its convolutions in the blocked layout, and what stands between them too, so that little is reordered.
 *
 * Every value has a plain form, a blocked form, or both: a node computes one of them, and the other is made where somebody
 * needs it. Which one a node computes is decided in the order of the graph: convolutions and poolings in blocks where
 * they can be, elementwise operators in the layout that most of their operands have, everything else plain.
 *
 * Law: the outputs are those of the given graph up to rounding (a convolution sums in another order).
 */
import type { Graph, Node, OperatorNode, Value } from '../Graph.ts';
import { eachPredecessor, ending, nodesOf, readersOf, reading } from '../Graph.ts';
import { type Rule as AnyRule, usesOf } from '../rewrite/Rewrite.ts';
import { simplify } from '../rewrite/Simplify.ts';
import { fitsFew } from './BySample.ts';
import { fitsColumns } from './KernelColumns.ts';
import { fits } from './KernelGradient.ts';
import { imageOf, isPoint, toBlocked, toPlain } from './Layout.ts';
import { constants, type Forms, type Rewritten } from './Rule.ts';
import { rules } from './Rules.ts';

// -------------------------------------------------------------------------------------
// forms
// -------------------------------------------------------------------------------------

interface Known {
  plain: Value | undefined;
  blocked: Value | undefined;
  /** What is no float32 cannot be reordered: the node is computed again on plain values. */
  readonly again?: OperatorNode;
}

/** Which of some nodes the last one reads, directly or not. */
const before = (nodes: readonly Node[]): ((others: readonly Node[], last: Node) => ReadonlySet<Node>) => {
  const places = new Map(nodes.map((node, i) => [node, i]));
  const placeOf = (node: Node): number => places.get(node) ?? 0;
  return (others, last) => {
    const first = Math.min(...others.map(placeOf));
    const found = new Set<Node>([last]);
    // What stands before the first of them reads none of them.
    for (const node of found)
      eachPredecessor(node, (p) => {
        if (placeOf(p) >= first) found.add(p);
      });
    return found;
  };
};

const isSum = (node: Node): node is OperatorNode =>
  node._tag === 'Operator' && node.domain === '' && (node.operator === 'ReduceSum' || node.operator === 'ReduceMean');

/** Whether two sums of one value are over the same axes. */
const isSameSum = (a: Node, b: OperatorNode): boolean =>
  isSum(a) && a.operator === b.operator && constants(a.inputs[1])?.join() === constants(b.inputs[1])?.join();

// -------------------------------------------------------------------------------------
// interpreter
// -------------------------------------------------------------------------------------

/**
 * `block` is onnxruntime's: 16 with AVX-512, else 8. `batch` is how many samples most batches have: what sums over the batch is
 * in blocks only if they fill blocks. `others`: rules for what is plain. `threads`: within an operator.
 */
export const blocked =
  (block: number, batch: number, others: readonly AnyRule[] = [], threads = 1) =>
  (given: Graph): Graph => {
    const graph = simplify(
      (g) => fits(block, batch)(g) || fitsColumns(block)(g) || fitsFew(block, batch)(g),
      others,
    )(given);
    const outputs = graph.outputs.map((o) => o.value);
    const nodes = nodesOf(graph);
    const readers = readersOf(nodes);
    const readBefore = before(nodes);
    const known = new Map<Node, Known[]>();
    const formsOf = (v: Value): Known => (known.get(v.node) as Known[])[v.index] as Known;
    const plain = (v: Value): Value => {
      const forms = formsOf(v);
      forms.plain ??=
        forms.again === undefined
          ? toPlain(forms.blocked as Value)
          : { type: v.type, node: copied(forms.again), index: v.index };
      // Where nothing has changed it is the very value, so that what reads it does not change either.
      return forms.plain.node === v.node ? v : forms.plain;
    };
    const forms: Forms = {
      block,
      batch,
      threads,
      isLast: (v, node, after) => {
        const others = (readers.get(v.node) ?? []).filter((r) => r !== node);
        const done = readBefore(others, after.node);
        // Of what computes the same only one stays.
        const isDone = (r: Node): boolean =>
          done.has(r) || (isSum(r) && others.some((q) => done.has(q) && isSameSum(q, r)));
        return after.node !== v.node && others.every(isDone);
      },
      uses: usesOf(nodes, outputs),
      plain,
      isBlocked: (v) => formsOf(v).blocked !== undefined,
      blocked: (v) => {
        const of = formsOf(v);
        const image = imageOf(v, block);
        if (of.blocked === undefined && image !== undefined && of.plain !== undefined)
          of.blocked = isPoint(image) ? of.plain : v.type.dtype === 'float32' ? toBlocked(of.plain) : undefined;
        return of.blocked;
      },
    };

    /** The same node on plain values; the very same one if nothing before it has changed. */
    const copied = reading(plain);

    const none: Known = { plain: undefined, blocked: undefined };
    const ofRule = (node: OperatorNode, { _tag, value }: Rewritten): Known => {
      if (_tag === 'Plain') return { plain: value, blocked: undefined };
      const image = imageOf(value, block);
      const plain = image !== undefined && isPoint(image) ? value : undefined;
      return { plain, blocked: value, ...(value.type.dtype === 'float32' ? {} : { again: node }) };
    };

    for (const node of nodes) {
      const found = node._tag === 'Operator' && node.domain === '' ? rules[node.operator]?.(node, forms) : undefined;
      if (node._tag === 'Operator' && found !== undefined) {
        // Rules are for nodes of which only the first output is read.
        const first = ofRule(node, found);
        known.set(
          node,
          node.outputs.map((_, index) => (index === 0 ? first : none)),
        );
        continue;
      }
      const copy = node._tag === 'Operator' ? copied(node) : node;
      known.set(
        node,
        node.outputs.map((type, index) => ({ plain: { type, node: copy, index }, blocked: undefined })),
      );
    }
    return ending(plain)(graph);
  };
