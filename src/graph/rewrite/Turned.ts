/**
 * Products with a transposed first factor that turn it before. Within onnxruntime's product that costs the more the more columns the
 * result has; turned once it serves all products that read it so, the gradients to the kernels of queries, keys and values. Of 1024 rows
 * of 128 numbers the gradient to a kernel of 512 columns takes 325 instead of 352 microseconds, of 384 columns 245 instead of 272, and
 * of 128 columns 102 instead of 97; to one of 2048 by 1024 with a batch of 128 it takes 3.9 instead of 4.5 ms.
 *
 * Law: the outputs are those of the given graph up to rounding.
 */
import type { Graph, Node, OperatorNode, Value } from '../Graph.ts';
import { nodesOf } from '../Graph.ts';
import * as Op from '../Operators.ts';
import { floatOf, intOf, type LocalRule, named, rewriteSome } from './Rewrite.ts';

/** Columns of all products of one factor together from which on it pays. */
const wide = 384;

/** A factor that products read transposed, and their columns. */
interface Factor {
  readonly products: OperatorNode[];
  columns: number;
}

/** The columns of such a product. */
const columnsOf = (node: OperatorNode): number | undefined => {
  const [a, b] = node.inputs;
  if (node.operator !== 'FusedMatMul' || intOf(node, 'transA', 0) === 0 || intOf(node, 'transB', 0) === 1)
    return undefined;
  if (a === undefined || b === undefined || Op.rank(a) !== 2 || Op.rank(b) !== 2) return undefined;
  const columns = b.type.shape[1];
  return typeof columns === 'number' ? columns : undefined;
};

/** By node and output. */
const factorsOf = (nodes: readonly Node[]): readonly Factor[] => {
  const found = new Map<Node, Map<number, Factor>>();
  for (const node of nodes) {
    const columns = node._tag === 'Operator' ? columnsOf(node) : undefined;
    if (node._tag !== 'Operator' || columns === undefined) continue;
    const a = node.inputs[0] as Value;
    const outputs = found.get(a.node) ?? new Map<number, Factor>();
    const factor = outputs.get(a.index) ?? { products: [], columns: 0 };
    factor.products.push(node);
    factor.columns += columns;
    found.set(a.node, outputs.set(a.index, factor));
  }
  return [...found.values()].flatMap((outputs) => [...outputs.values()]);
};

/** For the products of one factor, which is turned by the first of them. */
const turning = (): LocalRule => {
  let made: Value | undefined;
  return (node) => {
    const [a, b] = node.inputs as readonly [Value, Value];
    made ??= Op.transpose([1, 0])(a);
    return [named(node)(Op.matMul(made, b, { alpha: floatOf(node, 'alpha', 1) }))];
  };
};

export const turned = (graph: Graph): Graph => {
  const wideOnes = factorsOf(nodesOf(graph)).filter((f) => f.columns >= wide);
  return rewriteSome(
    new Map(
      wideOnes.flatMap(({ products }) => {
        const rule = turning();
        return products.map((node) => [node, rule] as const);
      }),
    ),
  )(graph);
};
