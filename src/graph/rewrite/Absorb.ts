/**
 * Graphs in which a factor and a shift for each channel (batch normalisation in inference mode, a scaling by constants) are part of
 * the convolution or dense layer before them, or of the one behind them.
 *
 * Law: the outputs are those of the given graph up to rounding.
 */
import type { NdArray } from '../../shape/NdArray.ts';
import type { OperatorNode, Value } from '../Graph.ts';
import { constant } from '../Graph.ts';
import { add } from '../operators/elementwise.ts';
import { gemm, matMul } from '../operators/products.ts';
import { alongAxis, fromArray, type Numbers, sizeOf, toArray } from './Numbers.ts';
import { constantOf, floatOf, intOf, intsOf, labelOf, named, type Rule, rewrite, siblingLabel } from './Rewrite.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** `x * scale + shift`, one of each for every index of an axis. */
interface Affine {
  readonly x: Value;
  /** `undefined`: one of each for all. */
  readonly axis: number | undefined;
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

const isFloat = (v: Value): boolean => v.type.dtype === 'float32' || v.type.dtype === 'float64';

const numbersOf = (v: Value | undefined): Numbers | undefined => {
  const found = constantOf(v);
  return found === undefined ? undefined : fromArray(found);
};

// -------------------------------------------------------------------------------------
// what scales and shifts
// -------------------------------------------------------------------------------------

const normalisation = (node: OperatorNode): Affine | undefined => {
  const [x] = node.inputs;
  const [gamma, beta, mean, variance] = node.inputs.slice(1).map(numbersOf);
  const plain = node.outputs.length === 1 && intOf(node, 'training_mode', 0) === 0;
  if (x === undefined || !plain || gamma === undefined || beta === undefined) return undefined;
  if (mean === undefined || variance === undefined) return undefined;
  const epsilon = Math.fround(floatOf(node, 'epsilon', 1e-5));
  const scale = gamma.data.map((g, i) => g / Math.sqrt((variance.data[i] ?? 0) + epsilon));
  const shift = beta.data.map((b, i) => b - (mean.data[i] ?? 0) * (scale[i] ?? 0));
  return { x, axis: 1, scale, shift };
};

/** The only axis of `x` along which a constant differs, which must be `x`'s own size there. */
const axisOfConstant = (x: Value, c: NdArray): number | undefined => {
  const rank = x.type.shape.length;
  if (c.shape.length > rank) return undefined;
  const wide = c.shape.flatMap((n, i) => (n === 1 ? [] : [i - c.shape.length + rank]));
  const [axis = rank - 1] = wide;
  return wide.length <= 1 && axis > 0 && (wide.length === 0 || x.type.shape[axis] === sizeOf(c.shape))
    ? axis
    : undefined;
};

/** By one constant. */
const arithmetic = (node: OperatorNode): Affine | undefined => {
  const [a, b] = node.inputs;
  const commutes = node.operator === 'Add' || node.operator === 'Mul';
  const [x, c] = commutes && constantOf(a) !== undefined ? [b, constantOf(a)] : [a, constantOf(b)];
  if (x === undefined || c === undefined || constantOf(x) !== undefined) return undefined;
  const { data: values } = fromArray(c);
  const fits = c.shape.length <= x.type.shape.length;
  const axis = values.length === 1 ? undefined : axisOfConstant(x, c);
  if (!fits || (values.length !== 1 && axis === undefined)) return undefined;
  const [ones, zeros] = [new Float64Array(values.length).fill(1), new Float64Array(values.length)];
  switch (node.operator) {
    case 'Add':
      return { x, axis, scale: ones, shift: values };
    case 'Sub':
      return { x, axis, scale: ones, shift: values.map((v) => -v) };
    case 'Mul':
      return { x, axis, scale: values, shift: zeros };
    case 'Div':
      return { x, axis, scale: values.map((v) => 1 / v), shift: zeros };
    default:
      return undefined;
  }
};

const affineOf = (node: OperatorNode): Affine | undefined => {
  if (node.domain !== '') return undefined;
  const found = node.operator === 'BatchNormalization' ? normalisation(node) : arithmetic(node);
  const finite = found !== undefined && [...found.scale, ...found.shift].every(Number.isFinite);
  return finite && isFloat(found.x) ? found : undefined;
};

/** For an axis of this size. */
const spread = (values: Float64Array, size: number): Float64Array =>
  values.length === 1 ? new Float64Array(size).fill(values[0] ?? 0) : values;

/** Whether it is along an axis of this size. */
const isAlong = ({ axis, scale }: Affine, wanted: number, size: number): boolean =>
  axis === undefined || (axis === wanted && scale.length === size);

/** Everything that scales and shifts along one axis up to a value, where nothing else reads what stands between. */
const affineUpTo = (v: Value, axis: number, size: number, uses: (v: Value) => number): Affine | undefined => {
  let [x, scale, shift] = [v, new Float64Array(size).fill(1), new Float64Array(size)];
  for (;;) {
    const found = x.node._tag === 'Operator' && uses(x) === 1 ? affineOf(x.node) : undefined;
    if (found === undefined || !isAlong(found, axis, size)) break;
    const [s, t, after] = [spread(found.scale, size), spread(found.shift, size), scale];
    shift = shift.map((d, i) => d + (t[i] ?? 0) * (after[i] ?? 1));
    scale = after.map((d, i) => d * (s[i] ?? 1));
    x = found.x;
  }
  return x === v ? undefined : { x, axis, scale, shift };
};

// -------------------------------------------------------------------------------------
// what takes it in
// -------------------------------------------------------------------------------------

/** A product with constant weights: `weights` has the outputs along `out` and the inputs along `from`. */
interface Product {
  readonly node: OperatorNode;
  readonly weights: Numbers;
  readonly out: number;
  readonly from: number;
  /** The axis of the result along which the outputs lie. */
  readonly axis: number;
  readonly bias: Float64Array;
  readonly hasBias: boolean;
  /** The same with other weights and bias. */
  readonly rebuilt: (x: Value, weights: Value, bias: Value) => Value;
}

const sameNode =
  (node: OperatorNode) =>
  (x: Value, weights: Value, bias: Value): Value => {
    const inputs = [x, weights, bias];
    return { type: node.outputs[0] as Value['type'], node: { ...node, inputs }, index: 0 };
  };

const spreadBias = (bias: Numbers | undefined, size: number): Float64Array | undefined => {
  if (bias === undefined) return new Float64Array(size);
  if (bias.data.length === 1) return new Float64Array(size).fill(bias.data[0] ?? 0);
  return bias.data.length === size && bias.shape.at(-1) === size ? bias.data : undefined;
};

const productOf = (node: OperatorNode): Product | undefined => {
  const [x, w, b] = node.inputs;
  const weights = numbersOf(w);
  if (node.domain !== '' || x === undefined || weights === undefined || !isFloat(x)) return undefined;
  if (b !== undefined && constantOf(b) === undefined) return undefined;
  const of = (out: number, from: number, axis: number, rebuilt: Product['rebuilt']): Product | undefined => {
    const bias = spreadBias(numbersOf(b), weights.shape[out] ?? 0);
    return bias === undefined ? undefined : { node, weights, out, from, axis, bias, hasBias: b !== undefined, rebuilt };
  };
  switch (node.operator) {
    case 'Conv':
      return of(0, 1, 1, sameNode(node));
    case 'ConvTranspose':
      return intOf(node, 'group', 1) === 1 ? of(1, 0, 1, sameNode(node)) : undefined;
    case 'Gemm': {
      const plain = intOf(node, 'transA', 0) === 0 && floatOf(node, 'alpha', 1) === 1 && floatOf(node, 'beta', 1) === 1;
      const turned = intOf(node, 'transB', 0) === 1;
      return plain ? of(turned ? 0 : 1, turned ? 1 : 0, 1, sameNode(node)) : undefined;
    }
    case 'MatMul': {
      const rank = x.type.shape.length;
      if (weights.shape.length !== 2 || rank < 2) return undefined;
      return of(1, 0, rank - 1, (a, c, d) => (rank === 2 ? gemm(a, c, d) : add(matMul(a, c), d)));
    }
    default:
      return undefined;
  }
};

/** A product, or the sum of a product and a bias as it is written for sequences. */
const productOrSum = (node: OperatorNode, uses: (v: Value) => number): Product | undefined => {
  if (node.operator !== 'Add' || node.domain !== '') return productOf(node);
  const [a, b] = node.inputs;
  const inner =
    a?.node._tag === 'Operator' && a.node.operator === 'MatMul' && uses(a) === 1 ? productOf(a.node) : undefined;
  if (inner === undefined) return undefined;
  const bias = numbersOf(b);
  const values = bias === undefined ? undefined : spreadBias(bias, inner.bias.length);
  return values === undefined ? undefined : { ...inner, node, bias: values, hasBias: true };
};

const dtypeOf = ({ node }: Product) => node.outputs[0]?.dtype ?? 'float32';

/** The inner product of a sum. */
const operandsOf = ({ node }: Product): readonly (Value | undefined)[] => {
  const [a] = node.inputs;
  return node.operator === 'Add' && a?.node._tag === 'Operator' ? a.node.inputs : node.inputs;
};

const rebuild = (p: Product, x: Value, weights: Numbers, bias: Float64Array): Value => {
  const [, w, b] = operandsOf(p);
  const given = p.node.operator === 'Add' ? p.node.inputs[1] : b;
  const name = labelOf(given) ?? siblingLabel(labelOf(w), 'bias');
  const y = p.rebuilt(
    x,
    constant(toArray(dtypeOf(p))(weights), labelOf(w)),
    constant(toArray(dtypeOf(p))({ shape: [bias.length], data: bias }), name),
  );
  return named(p.node)(y);
};

// -------------------------------------------------------------------------------------
// rules
// -------------------------------------------------------------------------------------

/** `scale * (W x + b) + shift`: of a product that nothing else reads. */
const intoBefore: Rule = (node, { uses }) => {
  const found = affineOf(node);
  const before = found?.x.node;
  if (found === undefined || before?._tag !== 'Operator' || uses(found.x) !== 1) return undefined;
  const p = productOrSum(before, uses);
  const [x] = p === undefined ? [] : operandsOf(p);
  if (p === undefined || x === undefined || !isAlong(found, p.axis, p.bias.length)) return undefined;
  const [scale, shift] = [spread(found.scale, p.bias.length), spread(found.shift, p.bias.length)];
  // A shift alone behind a product without a bias is its bias already, where there is no operator for both.
  const isBias = p.node.operator === 'MatMul' && x.type.shape.length > 2 && scale.every((s) => s === 1);
  if (isBias) return undefined;
  const weights = alongAxis(p.out, (w, i) => w * (scale[i] ?? 1))(p.weights);
  const bias = p.bias.map((b, i) => b * (scale[i] ?? 1) + (shift[i] ?? 0));
  return [rebuild(p, x, weights, bias)];
};

const isUnpadded = (node: OperatorNode): boolean => {
  const pad = node.attributes.auto_pad;
  const automatic = pad?._tag === 'String' && pad.value !== 'NOTSET' && pad.value !== 'VALID';
  return !automatic && (intsOf(node, 'pads') ?? []).every((n) => n === 0);
};

/** `W (scale * x + shift) + b`: where no padding stands between. */
const intoBehind: Rule = (node, { uses }) => {
  const takes = node.operator === 'Conv' ? isUnpadded(node) && intOf(node, 'group', 1) === 1 : true;
  const p = node.operator !== 'ConvTranspose' && takes ? productOf(node) : undefined;
  const [input] = node.inputs;
  const found =
    p === undefined || input === undefined ? undefined : affineUpTo(input, p.axis, p.weights.shape[p.from] ?? 0, uses);
  if (p === undefined || found === undefined) return undefined;
  const shifts = found.shift.some((t) => t !== 0);
  // A bias would make two operators of one, and the one before is gone: as many as before.
  const weights = alongAxis(p.from, (w, i) => w * (found.scale[i] ?? 1))(p.weights);
  if (!shifts && !p.hasBias && node.operator === 'MatMul')
    return [matMul(found.x, constant(toArray(dtypeOf(p))(weights), labelOf(node.inputs[1])))];
  const shifted = alongAxis(p.from, (w, i) => w * (found.shift[i] ?? 0))(p.weights);
  const bias = Float64Array.from(p.bias);
  alongAxis(p.out, (t, i) => {
    bias[i] = (bias[i] ?? 0) + t;
    return t;
  })(shifted);
  return [rebuild(p, found.x, weights, bias)];
};

/** As often as there is something to take in: a chain of scalings is taken in one by one. */
const repeatedly =
  (rule: Rule): Rule =>
  (node, around) => {
    let result: readonly Value[] | undefined;
    for (let current = node, more = true; more; ) {
      const next = rule(current, around);
      const [first] = next ?? [];
      more = first !== undefined && first.node._tag === 'Operator' && first.node !== current;
      if (next !== undefined) result = next;
      if (more && first?.node._tag === 'Operator') current = first.node;
    }
    return result;
  };

/** Everything that scales and shifts channels by constants, taken in by the products next to it. */
export const absorb = rewrite(repeatedly((node, around) => intoBefore(node, around) ?? intoBehind(node, around)));
