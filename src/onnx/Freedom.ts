/**
 * Free variables: which formal inputs of loop bodies a node depends on.
 *
 * A node can be computed in every graph that binds all of its free variables; it is written in the outermost of them.
 */
import type { Graph, Node } from '../graph/Graph.ts';
import { subgraphs } from './Names.ts';

/** Sets of the formal inputs of subgraphs, as bits. */
export type Formals = bigint;

export interface Freedom {
  readonly of: (node: Node) => Formals;
  readonly boundBy: (graph: Graph) => Formals;
  /** The first of the formal inputs. */
  readonly first: (formals: Formals) => string | undefined;
}

/** Which formal inputs of the bodies around it each node depends on. `order` is topological. */
export const freedom = (order: readonly Node[]): Freedom => {
  const bits = new Map<Node, Formals>();
  const bodies = order.flatMap(subgraphs);
  for (const v of bodies.flatMap((g) => g.inputs)) if (!bits.has(v.node)) bits.set(v.node, 1n << BigInt(bits.size));
  const union = (nodes: readonly Node[], of: (n: Node) => Formals) => nodes.reduce((s, n) => s | of(n), 0n);
  const boundBy = (graph: Graph): Formals =>
    union(
      graph.inputs.map((v) => v.node),
      (n) => bits.get(n) ?? 0n,
    );
  const free = new Map<Node, Formals>();
  const of = (node: Node): Formals => free.get(node) ?? 0n;
  for (const node of order) {
    const own = node._tag === 'Operator' ? node.inputs.flatMap((v) => (v === undefined ? [] : [v.node])) : [];
    const inner = subgraphs(node).map(
      (g) =>
        union(
          g.outputs.map((o) => o.value.node),
          of,
        ) & ~boundBy(g),
    );
    free.set(
      node,
      inner.reduce((s, f) => s | f, union(own, of) | (bits.get(node) ?? 0n)),
    );
  }
  const first = (formals: Formals): string | undefined => {
    if (formals === 0n) return undefined;
    for (const [node, bit] of bits) if ((formals & bit) !== 0n && node._tag === 'Input') return node.name;
    return undefined;
  };
  return { of, boundBy, first };
};
