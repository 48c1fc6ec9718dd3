/**
 * What a gradient rule is, and the small vocabulary that rules are written in.
 *
 * A rule turns the cotangents of an operator's outputs into cotangents of its inputs (a vector-Jacobian product). It may
 * build more than is asked for: graphs are lazy, so nodes that nobody reaches are never emitted.
 *
 * Law of shapes: a cotangent has the type of the value it belongs to. Sizes are compared by name: a size of 1 beside a
 * named size was broadcast; two different sizes of which none is 1 are taken to be the same number at run time.
 */
import {
  type Attribute,
  type Attributes,
  type OperatorNode,
  operator,
  type Value,
  type ValueType,
} from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import { isFloating } from '../shape/NdArray.ts';
import type { Dim } from '../shape/Shape.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface At {
  readonly node: OperatorNode;
  readonly inputs: readonly (Value | undefined)[];
  /** What the node's bodies read of the graph around them. */
  readonly captured: readonly Value[];
  readonly outputs: readonly Value[];
  /** Cotangents of the outputs; at least one is there. */
  readonly dy: readonly (Value | undefined)[];
  /** Reverse mode itself (`Grad.vjp`), for rules that say what an operator is made of. */
  readonly pullback: (
    outputs: readonly Value[],
    cotangents: readonly Value[],
    wrt: readonly Value[],
  ) => readonly Value[];
}

/** One for each input, then one for each captured value; `undefined`: no derivative there (indices, shapes, steps) or zero everywhere. */
export type Rule = (at: At) => readonly ((() => Value) | undefined)[];

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

const present = (value: Value | undefined, what: string): Value => {
  if (value === undefined) throw new Op.GraphDefect(`${what} is missing`);
  return value;
};

/** Input `i`, which the operator requires. */
export const input = (at: At, i: number): Value => present(at.inputs[i], `input ${i}`);

export const output = (at: At, i = 0): Value => present(at.outputs[i], `output ${i}`);

export const cotangent = (at: At, i = 0): Value => present(at.dy[i], `the cotangent of output ${i}`);

/** Of an operator with one differentiable input, the first. */
export const unary =
  (dx: (dy: Value, x: Value, y: Value) => Value): Rule =>
  (at) => [() => dx(cotangent(at), input(at, 0), output(at))];

type Partial2 = (dy: Value, a: Value, b: Value, y: Value) => Value;

/** Of an elementwise operator with two inputs, both broadcast to the output. */
export const binary =
  (da: Partial2, db: Partial2): Rule =>
  (at) => {
    const [dy, a, b, y] = [cotangent(at), input(at, 0), input(at, 1), output(at)] as const;
    return [() => unbroadcast(a)(da(dy, a, b, y)), () => unbroadcast(b)(db(dy, a, b, y))];
  };

/** The derivative is zero wherever it exists. */
export const flat: Rule = () => [];

/** The node's operator with its attributes, on other inputs. */
export const again = (at: At, inputs: readonly (Value | undefined)[], type: ValueType): Value =>
  operator(at.node.operator, inputs, [type], at.node.attributes, at.node.domain)[0] as Value;

/**
 * Of an operator that is a composition of others: `outputs` builds that composition on the inputs it is given, and its
 * gradient is the operator's. What the composition computes besides is computed again, in the backward pass only.
 */
export const composed =
  (outputs: (at: At) => readonly (Value | undefined)[]): Rule =>
  (at) => {
    // Copies, so that an input that depends on another does not pass its own part on to it.
    const isFloat = (v: Value | undefined): v is Value => v !== undefined && isFloating(v.type.dtype);
    const copies = at.inputs.map((v) => (isFloat(v) ? Op.identity(v) : v));
    const pairs = outputs({ ...at, inputs: copies }).flatMap((y, i) => {
      const dy = at.dy[i];
      return y === undefined || dy === undefined ? [] : [{ y, dy }];
    });
    const parts = at.pullback(
      pairs.map((p) => p.y),
      pairs.map((p) => p.dy),
      copies.filter(isFloat),
    );
    const rest = parts[Symbol.iterator]();
    return copies.map((v) => {
      const part = isFloat(v) ? rest.next().value : undefined;
      return part === undefined ? undefined : () => part;
    });
  };

// -------------------------------------------------------------------------------------
// shapes
// -------------------------------------------------------------------------------------

export const sameDims = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  a.length === b.length && a.every((d, i) => d === b[i] && d !== '?');

/** The same elements in the shape of another value. */
export const shapedAs =
  (like: Value) =>
  (x: Value): Value => {
    const unknown = like.type.shape.filter((d) => typeof d !== 'number').length;
    if (sameDims(like.type.shape, x.type.shape)) return x;
    return unknown <= 1 ? Op.reshape(like.type.shape)(x) : Op.reshapeLike(like)(x);
  };

/** Sums what was broadcast from `x`'s shape: the transpose of broadcasting. */
export const unbroadcast =
  (x: Value) =>
  (dy: Value): Value => {
    const extra = Op.rank(dy) - Op.rank(x);
    const added = dy.type.shape.flatMap((_, i) => (i < extra ? [i] : []));
    const repeated = dy.type.shape.flatMap((d, i) =>
      i >= extra && x.type.shape[i - extra] === 1 && d !== 1 ? [i] : [],
    );
    const summed = Op.reduceSum({ axes: [...added, ...repeated], keepDims: repeated.length > 0 })(dy);
    return repeated.length > 0 && extra > 0 ? Op.squeeze(added)(summed) : summed;
  };

/** Zeros of a shape that is known at run time. */
export const zeros = (sizes: Value, type: ValueType): Value => {
  const { node } = Op.tensor([0], [1], type.dtype);
  const value: Attributes = node._tag === 'Constant' ? { value: { _tag: 'Tensor', value: node.data } } : {};
  return operator('ConstantOfShape', [sizes], [type], value)[0] as Value;
};

/** Known sizes of the axes from `from` on. */
export const staticSizes = (x: Value, from: number, what: string): readonly number[] =>
  x.type.shape.slice(from).map((d) => {
    if (typeof d === 'number') return d;
    throw new Op.GraphDefect(`${what} needs known sizes from axis ${from} on, got [${x.type.shape.join(',')}]`);
  });

export const product = (sizes: readonly number[]): number => sizes.reduce((p, d) => p * d, 1);

// -------------------------------------------------------------------------------------
// arithmetic that sees through Expand
// -------------------------------------------------------------------------------------

/** The value that this one is expanded from. */
const expanded = (v: Value): Value | undefined =>
  v.node._tag === 'Operator' && v.node.operator === 'Expand' ? v.node.inputs[0] : undefined;

/** What was expanded, if the other operand brings the full shape anyway: one pass over memory less. */
const lean = (v: Value, beside: Value): Value => {
  const inner = expanded(v);
  return inner !== undefined && sameDims(v.type.shape, beside.type.shape) ? inner : v;
};

/** A multiple; of what was expanded, the multiple is expanded. */
export const scaled =
  (factor: number) =>
  (v: Value): Value => {
    const inner = expanded(v);
    if (inner === undefined || v.node._tag !== 'Operator') return Op.mul(v, factor);
    return operator('Expand', [Op.mul(inner, factor), v.node.inputs[1]], [v.type])[0] as Value;
  };

const leanly =
  (operator: (a: Value, b: Value) => Value) =>
  (a: Value, b: Value): Value => {
    const left = lean(a, b);
    return operator(left, left === a ? lean(b, a) : b);
  };

export const plus = leanly(Op.add);
export const minus = leanly(Op.sub);
export const times = leanly(Op.mul);
export const over = leanly(Op.div);

/** 1 where it holds, else 0. */
export const indicator = (condition: Value, like: Value): Value => Op.cast(like.type.dtype)(condition);

/** So steep that every number that float32 has at full precision is at one end: a step in one pass that runs on all threads. */
const steep = 3e38;

/** 1 where x > 0, else 0. */
export const positive = (x: Value): Value =>
  x.type.dtype === 'float32' ? Op.hardSigmoid(steep, 0)(x) : indicator(Op.greater(x, 0), x);

/** 1 where two finite values are equal, else 0; `a` is nowhere above `b`. */
export const reached = (a: Value, b: Value): Value =>
  a.type.dtype === 'float32' ? Op.hardSigmoid(steep, 1)(Op.sub(a, b)) : indicator(Op.equal(a, b), a);

// -------------------------------------------------------------------------------------
// destructors: attributes and inputs that are known
// -------------------------------------------------------------------------------------

const attribute = <T extends Attribute['_tag']>(node: OperatorNode, name: string, tag: T) => {
  const found = node.attributes[name];
  if (found === undefined) return undefined;
  if (found._tag !== tag) throw new Op.GraphDefect(`attribute ${name} is ${found._tag}, expected ${tag}`);
  return found as Extract<Attribute, { readonly _tag: T }>;
};

export const intOf = (node: OperatorNode, name: string, fallback: number): number =>
  attribute(node, name, 'Int')?.value ?? fallback;

export const floatOf = (node: OperatorNode, name: string, fallback: number): number =>
  attribute(node, name, 'Float')?.value ?? fallback;

export const textOf = (node: OperatorNode, name: string, fallback: string): string =>
  attribute(node, name, 'String')?.value ?? fallback;

export const intsOf = (node: OperatorNode, name: string): readonly number[] | undefined =>
  attribute(node, name, 'Ints')?.value;

/** Refuses a form of the operator. */
export const refuse = (node: OperatorNode, form: string): never => {
  throw new Op.GraphDefect(`${node.operator} with ${form} has no gradient here`);
};

/** The elements of a constant, `undefined` if it is known at run time only. */
export const numbersOf = (value: Value): readonly number[] | undefined =>
  value.node._tag === 'Constant' ? Array.from(value.node.data.data, Number) : undefined;

/** The elements of an input that must be a constant. */
export const knownNumbers = (value: Value, what: string): readonly number[] => {
  const numbers = numbersOf(value);
  if (numbers === undefined) throw new Op.GraphDefect(`${what} must be constant for a gradient`);
  return numbers;
};
