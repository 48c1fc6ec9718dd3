import type { Dim } from '../../shape/Shape.ts';
import { dtypeDefect, GraphDefect } from '../Constants.ts';
import type { Value } from '../Graph.ts';
import { valueType } from '../Graph.ts';
import { mul } from './elementwise.ts';
import { broadcast, float, int, op, rank, show } from './node.ts';
import { transpose } from './shapes.ts';

// -------------------------------------------------------------------------------------
// products
// -------------------------------------------------------------------------------------

export interface MatMulOptions {
  readonly transA?: boolean;
  readonly transB?: boolean;
  /** Factor on the result. */
  readonly alpha?: number;
}

const swapLast = (shape: readonly Dim[]): readonly Dim[] => [
  ...shape.slice(0, -2),
  shape[shape.length - 1] as Dim,
  shape[shape.length - 2] as Dim,
];

/** Matrix product over the last two axes, the others broadcast; with a transpose or factor it is a FusedMatMul. */
export const matMul = (a: Value, b: Value, options: MatMulOptions = {}): Value => {
  const { transA = false, transB = false, alpha = 1 } = options;
  if (rank(a) < 2 || rank(b) < 2 || a.type.dtype !== b.type.dtype) throw dtypeDefect('MatMul', a.type, b.type);
  const sa = transA ? swapLast(a.type.shape) : a.type.shape;
  const sb = transB ? swapLast(b.type.shape) : b.type.shape;
  const inner = [sa[sa.length - 1] as Dim, sb[sb.length - 2] as Dim] as const;
  if (typeof inner[0] === 'number' && typeof inner[1] === 'number' && inner[0] !== inner[1])
    throw new GraphDefect(`MatMul: ${show(sa)} x ${show(sb)}: inner sizes ${inner[0]} and ${inner[1]} differ`);
  const shape = [...broadcast(sa.slice(0, -2), sb.slice(0, -2)), sa[sa.length - 2] as Dim, sb[sb.length - 1] as Dim];
  const type = valueType(a.type.dtype, shape);
  return transA || transB || alpha !== 1
    ? op(
        'FusedMatMul',
        [a, b],
        type,
        { transA: int(transA ? 1 : 0), transB: int(transB ? 1 : 0), alpha: float(alpha) },
        'com.microsoft',
      )
    : op('MatMul', [a, b], type);
};

const turned = (x: Value): Value => {
  const n = rank(x);
  return transpose(x.type.shape.map((_, i) => (i < n - 2 ? i : 2 * n - 3 - i)))(x);
};

/** The same in any float type: FusedMatMul, which onnxruntime has for no float64, is spelled out there. */
export const multiply = (a: Value, b: Value, options: MatMulOptions = {}): Value => {
  if (a.type.dtype !== 'float64') return matMul(a, b, options);
  const { transA = false, transB = false, alpha = 1 } = options;
  const y = matMul(transA ? turned(a) : a, transB ? turned(b) : b);
  return alpha === 1 ? y : mul(y, alpha);
};

/** The rows of a matrix, each times its weight, as one: a vector. */
export const combination = (weights: Value, rows: Value): Value =>
  op('MatMul', [weights, rows], valueType(rows.type.dtype, [rows.type.shape[1] as Dim]));

/** `a b + c` for matrices, `c` broadcast to the product. */
export const gemm = (a: Value, b: Value, c: Value): Value =>
  op('Gemm', [a, b, c], valueType(a.type.dtype, [a.type.shape[0] as Dim, b.type.shape[1] as Dim]));
