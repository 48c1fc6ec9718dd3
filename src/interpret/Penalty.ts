/**
 * Regularizers and constraints in the graph: penalties that are added to the loss, and what weights are brought back to
 * after each update.
 *
 * Law: a constrained weight satisfies its constraint; applied again, the constraint changes it by rounding only (but for
 * `minMaxNorm` with a rate below 1).
 */
import type { Value } from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import type { Constraint, Regularizer } from '../layer/Options.ts';
import type { Layout, ParameterSpec } from '../model/Resolved.ts';

// -------------------------------------------------------------------------------------
// regularizers
// -------------------------------------------------------------------------------------

const total = Op.reduceSum();

const absolutes = (l1: number) => (x: Value) => Op.mul(total(Op.abs(x)), l1);
const squares = (l2: number) => (x: Value) => Op.mul(total(Op.mul(x, x)), l2);

/** Half the mean of the absolute products of different rows, as long as 1; that is the pairs' once. */
const orthogonal =
  (factor: number, mode: 'rows' | 'columns') =>
  (x: Value): Value => {
    const axis = mode === 'rows' ? 1 : 0;
    const size = x.type.shape[1 - axis] as number;
    const square = Op.reduceSum({ axes: [axis], keepDims: true })(Op.mul(x, x));
    const unit = Op.div(x, Op.sqrt(Op.max(square, 1e-12)));
    const products = Op.matMul(unit, unit, mode === 'rows' ? { transB: true } : { transA: true });
    const index = Array.from({ length: size }, (_, i) => i);
    const itself = Op.equal(Op.tensor(index, [size, 1], 'int32'), Op.tensor(index, [1, size], 'int32'));
    return Op.mul(total(Op.where(itself, 0, Op.abs(products))), factor / Math.max(1, size * (size - 1)));
  };

/** The penalty for a tensor, a scalar. */
export const penalty =
  (regularizer: Regularizer) =>
  (x: Value): Value => {
    if (regularizer._tag === 'Orthogonal') return orthogonal(regularizer.factor, regularizer.mode)(x);
    const { l1, l2 } = regularizer;
    if (l1 === 0) return squares(l2)(x);
    return l2 === 0 ? absolutes(l1)(x) : Op.add(absolutes(l1)(x), squares(l2)(x));
  };

/** Of a layer's output: the penalty for all of it over the size of the batch. */
export const activityPenalty =
  (regularizer: Regularizer) =>
  (x: Value): Value =>
    Op.div(penalty(regularizer)(x), Op.count('float32', [0])(x));

/** Of all weights that have one; frozen ones too, so that losses before and after a thaw compare. */
export const weightPenalties = (
  parameters: readonly ParameterSpec[],
  values: Readonly<Record<string, Value>>,
): readonly Value[] =>
  parameters.flatMap(({ name, regularizer }) =>
    regularizer === undefined ? [] : [penalty(regularizer)(values[name] as Value)],
  );

// -------------------------------------------------------------------------------------
// constraints
// -------------------------------------------------------------------------------------

const epsilon = 1e-7;

const norm = (axis: readonly number[], w: Value): Value =>
  Op.sqrt(Op.reduceSum({ axes: axis, keepDims: true })(Op.mul(w, w)));

const clip = (x: Value, low: number, high: number): Value => Op.min(Op.max(x, low), high);

/** In Keras's layout. */
const constrained = (c: Constraint, w: Value): Value => {
  if (c._tag === 'NonNeg') return Op.relu(w);
  const n = norm(c.axis, w);
  const over = (wanted: Value): Value => Op.mul(w, Op.div(wanted, Op.add(n, epsilon)));
  switch (c._tag) {
    case 'UnitNorm':
      return Op.div(w, Op.add(n, epsilon));
    case 'MaxNorm':
      return over(Op.min(n, c.maxValue));
    case 'MinMaxNorm':
      return over(Op.add(Op.mul(clip(n, c.minValue, c.maxValue), c.rate), Op.mul(n, 1 - c.rate)));
  }
};

const toKeras = ({ view, axes }: Layout, w: Value): Value => Op.transpose(axes)(Op.reshape(view)(w));

const fromKeras = ({ axes }: Layout, shape: readonly number[], w: Value): Value =>
  Op.reshape(shape)(Op.transpose(axes.map((_, i) => axes.indexOf(i)))(w));

/** A parameter's new value, as its constraint wants it. */
export const constrain =
  ({ constraint, keras, shape }: Pick<ParameterSpec, 'constraint' | 'keras' | 'shape'>) =>
  (w: Value): Value => {
    if (constraint === undefined) return w;
    // Signs know no layout.
    return keras === undefined || constraint._tag === 'NonNeg'
      ? constrained(constraint, w)
      : fromKeras(keras, shape, constrained(constraint, toKeras(keras, w)));
  };
