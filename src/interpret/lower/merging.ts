/**
 * Several values into one to operators.
 */
import type { Value } from '../../graph/Graph.ts';
import * as Op from '../../graph/Operators.ts';
import type { DotSpec, ElementwiseMergeSpec, MatMulSpec } from '../../layer/SpatialSpec.ts';
import type { Dim } from '../../shape/Shape.ts';
import { foldMasked, type Mask, multiplyMasked } from './masks.ts';
import type { Inputs, Mode } from './Site.ts';

// -------------------------------------------------------------------------------------
// elementwise
// -------------------------------------------------------------------------------------

const binary: Readonly<Record<ElementwiseMergeSpec['op'], (a: Value, b: Value) => Value>> = {
  add: Op.add,
  average: Op.add,
  subtract: Op.sub,
  multiply: Op.mul,
  maximum: Op.max,
  minimum: Op.min,
};

export const merged = ({ op }: ElementwiseMergeSpec, inputs: Inputs, masks: readonly Mask[]): Value => {
  const [first, ...others] = inputs;
  // Where values are masked, sums take them as they are, as Keras's do: zeros, behind `masking`.
  const isMasked = masks.some((m) => m !== undefined);
  if (isMasked && op === 'multiply') return multiplyMasked(inputs, masks);
  if (isMasked && (op === 'maximum' || op === 'minimum')) return foldMasked(binary[op], inputs, masks);
  const all = others.reduce((a, b) => binary[op](a, b), first);
  return op === 'average' ? Op.mul(all, 1 / (others.length + 1)) : all;
};

// -------------------------------------------------------------------------------------
// products
// -------------------------------------------------------------------------------------

const swapped = (x: Value): Value => {
  const axes = x.type.shape.map((_, i) => i);
  return Op.transpose([...axes.slice(0, -2), axes.length - 1, axes.length - 2])(x);
};

/** In training a product takes its operands as they lie; an inference graph has standard operators only. */
export const multiplied = ({ transposeA, transposeB }: MatMulSpec, a: Value, b: Value, mode: Mode): Value =>
  mode._tag === 'Training'
    ? Op.matMul(a, b, { transA: transposeA, transB: transposeB })
    : Op.matMul(transposeA ? swapped(a) : a, transposeB ? swapped(b) : b);

/** Unit vectors along an axis; zeros stay zeros. */
const unit =
  (axis: number) =>
  (x: Value): Value =>
    Op.div(x, Op.sqrt(Op.max(Op.reduceSum({ axes: [axis], keepDims: true })(Op.mul(x, x)), 1e-24)));

const permuted = (perm: readonly number[], x: Value): Value =>
  perm.every((p, i) => p === i) ? x : Op.transpose(perm)(x);

const productOf = (dims: readonly Dim[]): Dim => {
  const [one, ...others] = dims;
  if (others.length === 0) return one ?? 1;
  const known = dims.filter((d) => typeof d === 'number');
  return known.length === dims.length ? known.reduce((p, d) => p * d, 1) : '?';
};

/** One matrix product for each sample; the axes that stay are rows of one and columns of the other. */
export const contracted = (spec: DotSpec, x: Value, y: Value, output: readonly Dim[]): Value => {
  const [i, j] = [Op.axisOf(x, spec.axes[0]), Op.axisOf(y, spec.axes[1])];
  const [a, b] = spec.normalize ? [unit(i)(x), unit(j)(y)] : [x, y];
  const rest = (v: Value, axis: number) => v.type.shape.flatMap((_, k) => (k === 0 || k === axis ? [] : [k]));
  const [rows, columns] = [rest(a, i), rest(b, j)];
  const [batch, inner] = [a.type.shape[0] as Dim, a.type.shape[i] as Dim];
  const sizes = (v: Value, axes: readonly number[]) => productOf(axes.map((k) => v.type.shape[k] as Dim));
  const matrix = (v: Value, stays: readonly number[], shape: readonly Dim[], missing: number): Value =>
    stays.length === 1 ? v : stays.length === 0 ? Op.unsqueeze([missing])(v) : Op.reshape(shape)(v);
  const left = matrix(permuted([0, ...rows, i], a), rows, [batch, sizes(a, rows), inner], 1);
  const right = matrix(permuted([0, j, ...columns], b), columns, [batch, inner, sizes(b, columns)], 2);
  const result = Op.matMul(left, right);
  if (rows.length === 1 && columns.length === 1) return result;
  if (rows.length === 0) return columns.length <= 1 ? Op.squeeze([1])(result) : Op.reshape(output)(result);
  return columns.length === 0 && rows.length === 1 ? Op.squeeze([2])(result) : Op.reshape(output)(result);
};
