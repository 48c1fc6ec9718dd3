/**
 * What a rule of the blocked layout is, and what rules are written with.
 */
import type { Attribute, OperatorNode, Value } from '../Graph.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** The forms that the values before a node have. */
export interface Forms {
  readonly block: number;
  /** Samples in most batches. */
  readonly batch: number;
  /** Threads within an operator. */
  readonly threads: number;
  /** How often a value is read. */
  readonly uses: (v: Value) => number;
  readonly plain: (v: Value) => Value;
  /** Whether the blocked form is at hand. */
  readonly isBlocked: (v: Value) => boolean;
  /** Whether all that reads the first value, but for the node itself, has run before the second one is there. */
  readonly isLast: (v: Value, node: OperatorNode, after: Value) => boolean;
  /** `undefined`: it has none. */
  readonly blocked: (v: Value) => Value | undefined;
}

/** The new form of a node's first output. */
export type Rewritten = { readonly _tag: 'Blocked' | 'Plain'; readonly value: Value };

export type Rule = (node: OperatorNode, forms: Forms) => Rewritten | undefined;

export const inBlocks = (value: Value): Rewritten => ({ _tag: 'Blocked', value });
export const inPlain = (value: Value): Rewritten => ({ _tag: 'Plain', value });

export const output = (node: OperatorNode): Value => ({ type: node.outputs[0] as Value['type'], node, index: 0 });

export const intOf = (a: Attribute | undefined, fallback: number): number => (a?._tag === 'Int' ? a.value : fallback);
export const constants = (v: Value | undefined): readonly number[] | undefined =>
  v?.node._tag === 'Constant' ? Array.from(v.node.data.data, Number) : undefined;

export const explicitPads = (node: OperatorNode): boolean =>
  node.attributes.auto_pad === undefined ||
  (node.attributes.auto_pad._tag === 'String' && node.attributes.auto_pad.value === 'NOTSET');
