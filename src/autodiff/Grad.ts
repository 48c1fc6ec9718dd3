/**
 * Reverse-mode automatic differentiation of graphs: from values to the graph of their gradients.
 *
 * The gradient is a value like any other: it shares the nodes of the forward pass, and can be differentiated again. Only
 * what lies between `wrt` and the loss is looked at: a frozen part costs nothing.
 *
 * Laws: `vjp` is linear in the cotangents; the gradient of a sum is the sum of the gradients; a value that the loss does
 * not depend on has gradient zero.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { capture } from '../graph/Captured.ts';
import type { Node, OperatorNode, Value } from '../graph/Graph.ts';
import { bodies, isScalar, topological } from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import { isFloating } from '../shape/NdArray.ts';
import { flat, plus } from './Rule.ts';
import { ruleName, ruleOf } from './Vjp.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** An operator in the way of a gradient. */
export interface Obstacle {
  /** As in ONNX, after its domain unless that is ai.onnx: 'Loop', 'com.microsoft:Gelu'. */
  readonly operator: string;
  /** The layer or step it belongs to. */
  readonly label: string | undefined;
  readonly reason: string;
}

/** Everything that is in the way of a gradient, at once. */
export interface AutodiffError {
  readonly _tag: 'AutodiffError';
  readonly operators: readonly Obstacle[];
  readonly message: string;
}

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * The value itself, through which no gradient flows: PyTorch's `detach`, Keras's `stop_gradient`.
 *
 * It is an Identity node marked as detached: the mark is the node's own, so a graph means the same wherever it is
 * differentiated, and in the ONNX file a plain Identity is left.
 */
export const stopGradient = (x: Value): Value => {
  const copy = Op.identity(x);
  return copy.node._tag === 'Operator' ? { ...copy, node: { ...copy.node, detached: true } } : copy;
};

const failure = (message: string, operators: readonly Obstacle[] = []): AutodiffError => ({
  _tag: 'AutodiffError',
  operators,
  message,
});

const obstructed = (operators: readonly Obstacle[]): AutodiffError => {
  const lines = operators.map(
    ({ operator, label, reason }) => `  ${operator}${label === undefined ? '' : ` (${label})`}: ${reason}`,
  );
  return failure(
    [
      'no gradient: these operators lie between the loss and what it is to be differentiated in:',
      ...new Set(lines),
      'Express them with differentiable operators, freeze what lies before them, or cut with stopGradient.',
    ].join('\n'),
    operators,
  );
};

// -------------------------------------------------------------------------------------
// reverse mode
// -------------------------------------------------------------------------------------

/** What the node's bodies read of the graph around them. */
const capturedBy = (node: OperatorNode): readonly Value[] => bodies(node).flatMap((g) => capture(g).captured);

const show = (v: Value): string => `${v.type.dtype}[${v.type.shape.join(',')}]`;

/** The nodes with a float output that depends on `wrt` by a gradient, and of those the ones that have it from an input. */
const dependents = (order: readonly Node[], wrt: readonly Value[]) => {
  const active = new Set<Node>();
  const through = new Set<OperatorNode>();
  const leaves = new Set(wrt.map((v) => v.node));
  const carries = (v: Value | undefined): boolean => v !== undefined && active.has(v.node) && isFloating(v.type.dtype);
  const reads = (node: OperatorNode): boolean => node.inputs.some(carries) || capturedBy(node).some(carries);
  for (const node of order) {
    const passes =
      node._tag === 'Operator' &&
      node.detached !== true &&
      ruleOf(node) !== flat &&
      reads(node) &&
      node.outputs.some((t) => isFloating(t.dtype));
    if (passes) through.add(node);
    if (passes || leaves.has(node)) active.add(node);
  }
  return { through, carries };
};

/** Whether a gradient flows from the value to any of `wrt`, as far as the graph says: not where all of it is 0 by its nature. */
export const hasGradient = (value: Value, wrt: readonly Value[]): boolean =>
  dependents(topological([value]), wrt).carries(value);

/** A cotangent has its value's type: dimensions that a rule lost get their names back. */
const typedAs = (value: Value, cotangent: Value): Value => {
  const wrong =
    Op.rank(value) !== Op.rank(cotangent) ||
    value.type.dtype !== cotangent.type.dtype ||
    value.type.shape.some((d, i) => {
      const e = cotangent.type.shape[i];
      return typeof d === 'number' && typeof e === 'number' && d !== e;
    });
  if (wrong) throw new Op.GraphDefect(`a cotangent of ${show(value)} is ${show(cotangent)}`);
  return { ...cotangent, type: value.type };
};

/** `vjp` as rules use it. */
const pullback = (outputs: readonly Value[], cotangents: readonly Value[], wrt: readonly Value[]): readonly Value[] => {
  const parts = vjp(outputs, cotangents, wrt);
  if (E.isLeft(parts)) throw new Op.GraphDefect(parts.left.message);
  return parts.right;
};

/**
 * Vector-Jacobian product: what `wrt` contributes to the sum over all outputs of output times cotangent.
 *
 * @param outputs float values of any shape
 * @param cotangents one for each output, of its type
 * @param wrt float values; those that no output depends on get zeros
 * @returns a value of the same type for each of `wrt`; Left with all operators that have no gradient on the way
 */
export const vjp = (
  outputs: readonly Value[],
  cotangents: readonly Value[],
  wrt: readonly Value[],
): E.Either<AutodiffError, readonly Value[]> => {
  if (outputs.length !== cotangents.length)
    return E.left(
      failure(`vjp: expected one cotangent for each of ${outputs.length} outputs, got ${cotangents.length}`),
    );
  const discrete = [...outputs, ...wrt].find((v) => !isFloating(v.type.dtype));
  if (discrete !== undefined) return E.left(failure(`vjp: only float values have gradients, got ${show(discrete)}`));

  const order = topological(outputs);
  const { through, carries } = dependents(order, wrt);
  const obstacles: Obstacle[] = [];
  const sums = new Map<Node, (Value | undefined)[]>();
  const sumOf = (v: Value): Value | undefined => sums.get(v.node)?.[v.index];
  const accumulate = (v: Value, cotangent: Value): void => {
    const all = sums.get(v.node) ?? [];
    const before = all[v.index];
    all[v.index] = typedAs(v, before === undefined ? cotangent : plus(before, typedAs(v, cotangent)));
    sums.set(v.node, all);
  };
  const guarded = (node: OperatorNode, step: () => void): void => {
    try {
      step();
    } catch (thrown) {
      if (!(thrown instanceof Op.GraphDefect)) throw thrown;
      obstacles.push({ operator: ruleName(node), label: node.label, reason: thrown.message });
    }
  };

  const mismatch = outputs.flatMap((y, i) => {
    const given = cotangents[i] as Value;
    const either = E.tryCatch(
      () => typedAs(y, given),
      () => `vjp: the cotangent of output ${i} is ${show(given)}, expected ${show(y)}`,
    );
    if (E.isRight(either)) accumulate(y, either.right);
    return E.isLeft(either) ? [either.left] : [];
  });
  if (mismatch.length > 0) return E.left(failure(mismatch.join('\n')));

  for (const node of [...order].reverse()) {
    const dy = sums.get(node);
    if (dy === undefined || node._tag !== 'Operator' || !through.has(node)) continue;
    const rule = ruleOf(node);
    const captured = capturedBy(node);
    if (rule === undefined) {
      obstacles.push({ operator: ruleName(node), label: node.label, reason: 'no rule for its gradient' });
      // Only to find the other obstacles behind it.
      for (const v of [...node.inputs, ...captured]) if (v !== undefined && carries(v)) accumulate(v, Op.fillLike(v));
      continue;
    }
    guarded(node, () => {
      const values = node.outputs.map((type, index): Value => ({ type, node, index }));
      const parts = rule({ node, inputs: node.inputs, captured, outputs: values, dy, pullback });
      [...node.inputs, ...captured].forEach((v, i) => {
        const part = parts[i];
        if (v !== undefined && carries(v) && part !== undefined) guarded(node, () => accumulate(v, part()));
      });
    });
  }
  return obstacles.length > 0 ? E.left(obstructed(obstacles)) : E.right(wrt.map((v) => sumOf(v) ?? Op.fillLike(v)));
};

/**
 * Gradients of a scalar loss in each of `wrt`: PyTorch's `autograd.grad`, TensorFlow's `tape.gradient` (which gives None
 * where this gives zeros).
 *
 * @example
 * const w = input('w', 'float32', [3]);
 * const loss = Op.reduceSum()(Op.mul(w, w));
 * grad(loss, [w]); // right([2 w])
 */
export const grad = (loss: Value, wrt: readonly Value[]): E.Either<AutodiffError, readonly Value[]> =>
  pipe(
    loss,
    E.fromPredicate(isScalar, (v) =>
      failure(`grad: expected a scalar loss, got ${show(v)}: reduce it (mean or sum) or use vjp with a cotangent`),
    ),
    E.chain((v) =>
      vjp(
        [v],
        [
          Op.tensor(
            [1],
            v.type.shape.map(() => 1),
            v.type.dtype,
          ),
        ],
        wrt,
      ),
    ),
  );
