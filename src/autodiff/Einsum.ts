/**
 * The rule of Einsum: the gradient in an operand is an Einsum again, of the cotangent and the other operands.
 */
import { operator, type Value, valueType } from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import type { Dim } from '../shape/Shape.ts';
import { cotangent, input, type Rule, textOf, unbroadcast } from './Rule.ts';

// -------------------------------------------------------------------------------------
// equations
// -------------------------------------------------------------------------------------

interface Equation {
  /** A letter for each axis of each operand. */
  readonly operands: readonly string[];
  readonly result: string;
}

const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** The equation with letters in the place of ellipses, and with a result if that was left out (numpy's rules). */
const parse = (text: string, ranks: readonly number[]): Equation => {
  const [left = '', right] = text.replaceAll(' ', '').split('->');
  const terms = left.split(',');
  const hidden = terms.map((term, i) => (term.includes('...') ? (ranks[i] ?? 0) - (term.length - 3) : 0));
  const depth = Math.max(...hidden, 0);
  const free = [...letters].filter((l) => !text.includes(l)).slice(0, depth);
  const spelled = (term: string, axes: number): string => term.replace('...', free.slice(depth - axes).join(''));
  const used = [...left].filter((l) => letters.includes(l));
  const once = used.filter((l) => used.indexOf(l) === used.lastIndexOf(l)).sort();
  const implicit = `${left.includes('...') ? '...' : ''}${once.join('')}`;
  return { operands: terms.map((term, i) => spelled(term, hidden[i] ?? 0)), result: spelled(right ?? implicit, depth) };
};

// -------------------------------------------------------------------------------------
// products
// -------------------------------------------------------------------------------------

interface Factor {
  readonly value: Value;
  readonly axes: string;
}

/** Einsum of some factors; a scalar is multiplied in, and nothing is done where nothing changes. */
const contract = (factors: readonly Factor[], result: string): Value => {
  const scalars = factors.filter((f) => f.axes === '').map((f) => f.value);
  const rest = factors.filter((f) => f.axes !== '');
  const sizes = (axis: string): readonly Dim[] =>
    rest.flatMap((f) => [...f.axes].flatMap((a, i) => (a === axis ? [f.value.type.shape[i] as Dim] : [])));
  // A size of 1 beside another was broadcast.
  const dims = [...result].map((axis) => sizes(axis).find((d) => d !== 1) ?? 1);
  const head = rest[0];
  if (head === undefined) return scalars.reduce(Op.mul);
  const equation = `${rest.map((f) => f.axes).join(',')}->${result}`;
  const sum =
    rest.length === 1 && head.axes === result
      ? head.value
      : (operator(
          'Einsum',
          rest.map((f) => f.value),
          [valueType(head.value.type.dtype, dims)],
          {
            equation: { _tag: 'String', value: equation },
          },
        )[0] as Value);
  return scalars.reduce(Op.mul, sum);
};

/** Axes that were summed over alone are repeated; sizes of 1 that were broadcast are summed. */
const restored = (gradient: Value, axes: string, x: Value, found: string): Value => {
  const missing = [...axes].flatMap((a, i) => (found.includes(a) ? [] : [i]));
  if (missing.length === 0) return unbroadcast(x)(gradient);
  const open = Op.unsqueeze(missing)(gradient);
  return Op.expandLike(x)(unbroadcast(x)(open));
};

export const einsum: Rule = (at) => {
  const dy = cotangent(at);
  const inputs = at.inputs.map((_, i) => input(at, i));
  const { operands, result } = parse(textOf(at.node, 'equation', ''), inputs.map(Op.rank));
  return inputs.map((x, i) => () => {
    const axes = operands[i] ?? '';
    if (new Set(axes).size < axes.length)
      throw new Op.GraphDefect(`Einsum takes the diagonal of operand ${i} (${axes}), which has no gradient here`);
    const others = inputs.flatMap((value, j) => (j === i ? [] : [{ value, axes: operands[j] ?? '' }]));
    const factors = [{ value: dy, axes: result }, ...others];
    const found = [...axes].filter((a) => factors.some((f) => f.axes.includes(a))).join('');
    return restored(contract(factors, found), axes, x, found);
  });
};
