/**
 * What schedules are made of: expressions in the number of the step, their operators and their two interpreters.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { Monoid } from 'fp-ts/lib/Monoid.js';
import { operator, type Value } from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export type Expression =
  | { readonly _tag: 'Step' }
  | { readonly _tag: 'Constant'; readonly value: number }
  | { readonly _tag: 'Unary'; readonly operator: 'floor' | 'cos'; readonly of: Expression }
  | {
      readonly _tag: 'Binary';
      readonly operator: 'add' | 'sub' | 'mul' | 'div' | 'pow' | 'min' | 'max';
      readonly left: Expression;
      readonly right: Expression;
    }
  /** `less < than ? yes : no`. */
  | {
      readonly _tag: 'Choice';
      readonly less: Expression;
      readonly than: Expression;
      readonly yes: Expression;
      readonly no: Expression;
    }
  /** `values[number of starts that are not after at]`: one value more than starts, which ascend. */
  | {
      readonly _tag: 'Table';
      readonly at: Expression;
      readonly starts: readonly number[];
      readonly values: readonly number[];
    }
  /** The outer expression, whose step is the inner one. */
  | { readonly _tag: 'Composition'; readonly outer: Expression; readonly inner: Expression };

export interface Schedule {
  readonly _tag: 'Schedule';
  readonly expression: Expression;
  /** What is wrong with the options that it was made from; see `check`. */
  readonly problems: readonly string[];
}

/** A plain number stands for a constant. */
export type Operand = Schedule | number;

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** A schedule of an expression; `problems` are reported by `fit`. */
export const make = (expression: Expression, problems: readonly string[] = []): Schedule => ({
  _tag: 'Schedule',
  expression,
  problems,
});

/** The number of the step itself, 0 in the first one. */
export const step: Schedule = make({ _tag: 'Step' });

/** The same rate in every step. */
export const constant = (value: number): Schedule => make({ _tag: 'Constant', value });

/** `values[i]` from `starts[i - 1]` on, `starts` ascending. */
export const table = (starts: readonly number[], values: readonly number[]): Schedule =>
  make({ _tag: 'Table', at: step.expression, starts, values });

// -------------------------------------------------------------------------------------
// operators
// -------------------------------------------------------------------------------------

const lift = (x: Operand): Schedule => (typeof x === 'number' ? constant(x) : x);

const all = (...schedules: readonly Schedule[]): readonly string[] => [
  ...new Set(schedules.flatMap((s) => s.problems)),
];

type Binary = Extract<Expression, { readonly _tag: 'Binary' }>['operator'];
type Unary = Extract<Expression, { readonly _tag: 'Unary' }>['operator'];

const binary =
  (name: Binary) =>
  (a: Operand, b: Operand): Schedule => {
    const [left, right] = [lift(a), lift(b)];
    return make({ _tag: 'Binary', operator: name, left: left.expression, right: right.expression }, all(left, right));
  };

const unary =
  (name: Unary) =>
  (a: Schedule): Schedule =>
    make({ _tag: 'Unary', operator: name, of: a.expression }, a.problems);

/** The sum in each step, of schedules or numbers. */
export const add = binary('add');
/** The first less the second, in each step. */
export const sub = binary('sub');
/** The product, in each step. */
export const mul = binary('mul');
/** The first over the second, in each step. */
export const div = binary('div');
/** The first to the power of the second, in each step. */
export const pow = binary('pow');
/** The smaller, in each step. */
export const min = binary('min');
/** The larger, in each step. */
export const max = binary('max');
/** The next integer below, in each step. */
export const floor = unary('floor');
/** The cosine, in each step. */
export const cos = unary('cos');

/** `a < b ? yes : no`, in each step. */
export const choose = (a: Operand, b: Operand, yes: Operand, no: Operand): Schedule => {
  const [less, than, holds, fails] = [lift(a), lift(b), lift(yes), lift(no)];
  return make(
    {
      _tag: 'Choice',
      less: less.expression,
      than: than.expression,
      yes: holds.expression,
      no: fails.expression,
    },
    all(less, than, holds, fails),
  );
};

/** The outer schedule, at the step that the inner one gives. */
export const compose = (outer: Schedule, inner: Schedule): Schedule =>
  make({ _tag: 'Composition', outer: outer.expression, inner: inner.expression }, all(outer, inner));

/** Every rate times a factor. */
export const scale =
  (factor: number) =>
  (schedule: Schedule): Schedule =>
    mul(schedule, factor);

/** The product of two schedules. */
export const multiply =
  (other: Operand) =>
  (schedule: Schedule): Schedule =>
    mul(schedule, other);

/** With more to complain about, where something is wrong with the options. */
export const withProblems =
  (problems: readonly string[]) =>
  (schedule: Schedule): Schedule => ({ ...schedule, problems: [...new Set([...schedule.problems, ...problems])] });

// -------------------------------------------------------------------------------------
// interpreters
// -------------------------------------------------------------------------------------

const numbers: Readonly<Record<Binary, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow: (a, b) => a ** b,
  min: Math.min,
  max: Math.max,
};

const evaluate = (e: Expression, s: number): number => {
  switch (e._tag) {
    case 'Step':
      return s;
    case 'Constant':
      return Math.fround(e.value);
    case 'Unary':
      return Math.fround(e.operator === 'floor' ? Math.floor(evaluate(e.of, s)) : Math.cos(evaluate(e.of, s)));
    case 'Binary':
      return Math.fround(numbers[e.operator](evaluate(e.left, s), evaluate(e.right, s)));
    case 'Choice':
      return evaluate(evaluate(e.less, s) < evaluate(e.than, s) ? e.yes : e.no, s);
    case 'Table': {
      const at = evaluate(e.at, s);
      return Math.fround(e.values[e.starts.filter((start) => Math.fround(start) <= at).length] as number);
    }
    case 'Composition':
      return evaluate(e.outer, evaluate(e.inner, s));
  }
};

/** The rate of a step, counted from 0: a float32 number. */
export const at =
  (schedule: Schedule) =>
  (step: number): number =>
    evaluate(schedule.expression, Math.fround(step));

const operators: Readonly<Record<Binary, (a: Value, b: Value) => Value>> = {
  add: Op.add,
  sub: Op.sub,
  mul: Op.mul,
  div: Op.div,
  pow: Op.pow,
  min: Op.min,
  max: Op.max,
};

const cosine = (x: Value): Value => operator('Cos', [x], [x.type])[0] as Value;

const vector = (values: readonly number[]): Value => Op.tensor(values, [values.length], 'float32');

/** Parts that occur more than once are built once. */
const build = (step: Value): ((e: Expression) => Value) => {
  const built = new Map<Expression, Value>();
  const fresh = (e: Expression): Value => {
    switch (e._tag) {
      case 'Step':
        return step;
      case 'Constant':
        return Op.scalar(e.value, 'float32');
      case 'Unary':
        return e.operator === 'floor' ? Op.floor(value(e.of)) : cosine(value(e.of));
      case 'Binary':
        return operators[e.operator](value(e.left), value(e.right));
      case 'Choice':
        return Op.where(Op.less(value(e.less), value(e.than)), value(e.yes), value(e.no));
      case 'Table': {
        if (e.starts.length === 0) return Op.scalar(e.values[0] as number, 'float32');
        const passed = Op.cast('int32')(Op.lessOrEqual(vector(e.starts), value(e.at)));
        return Op.gather(vector(e.values), Op.reduceSum()(passed));
      }
      case 'Composition':
        return build(value(e.inner))(e.outer);
    }
  };
  const value = (e: Expression): Value => {
    const known = built.get(e) ?? fresh(e);
    built.set(e, known);
    return known;
  };
  return value;
};

/** The rate as a float32 scalar of a graph, from the number of the step, a float32 scalar counted from 0. */
export const lower =
  (schedule: Schedule) =>
  (step: Value): Value =>
    build(step)(schedule.expression);

// -------------------------------------------------------------------------------------
// destructors
// -------------------------------------------------------------------------------------

/** The schedule again, or everything that is wrong with its options. */
export const check = (schedule: Schedule): E.Either<readonly string[], Schedule> =>
  schedule.problems.length === 0 ? E.right(schedule) : E.left(schedule.problems);

// -------------------------------------------------------------------------------------
// instances
// -------------------------------------------------------------------------------------

/** Up to the last bit: float32 multiplication is not associative. */
export const monoidProduct: Monoid<Schedule> = { concat: mul, empty: constant(1) };
