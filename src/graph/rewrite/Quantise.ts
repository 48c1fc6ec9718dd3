/**
 * Graphs with weights of 8 bits: symmetric, one scale for each output unit (of an embedding: for each row).
 *
 * A weight w is stored as `round(w / s) + 128` with `s = max|w| / 127`: int8's numbers, moved by 128 into uint8, since onnxruntime's
 * CPU provider has kernels of uint8 for every integer product, and those of int8 may saturate without VNNI.
 *
 * Law: each weight differs from the given one by at most s / 2. With `weights` the graph computes with these weights in float32;
 * with `dynamic` the inputs of products are rounded to 8 bits too, over the range that they have at run time.
 */
import { tensor } from '../Constants.ts';
import type { Graph, OperatorNode, Value } from '../Graph.ts';
import { constant, type Node, operator, valueType } from '../Graph.ts';
import { add, cast, mul } from '../operators/elementwise.ts';
import { transposed } from './Evaluate.ts';
import { alongAxis, around, fromArray, type Numbers, sizeOf, toArray } from './Numbers.ts';
import { constantOf, floatOf, intOf, labelOf, named, rewriteLocally, siblingLabel } from './Rewrite.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** Where the products are computed: in float32 from 8-bit weights, or in integers (MatMul and Gemm; others as `weights`). */
export type Arithmetic = 'weights' | 'dynamic';

/** Weights of fewer elements stay as they are. */
export const smallest = 256;

const zero = 128;

/** Which input of an operator is its weights, and the axis that has a scale for each index. */
const weightsOf = (node: OperatorNode): { readonly input: number; readonly axis: number } | undefined => {
  switch (node.operator) {
    case 'MatMul':
      return { input: 1, axis: -1 };
    case 'Gemm':
      return { input: 1, axis: intOf(node, 'transB', 0) === 1 ? 0 : 1 };
    case 'Conv':
      return { input: 1, axis: 0 };
    case 'ConvTranspose':
      return { input: 1, axis: intOf(node, 'group', 1) === 1 ? 1 : 0 };
    case 'Gather':
      return { input: 0, axis: 0 };
    default:
      return undefined;
  }
};

// -------------------------------------------------------------------------------------
// weights
// -------------------------------------------------------------------------------------

interface Quantised {
  readonly bytes: Value;
  readonly scale: Value;
  readonly units: number;
}

const quantised = (w: Numbers, axis: number, name: string | undefined): Quantised => {
  const [, units, inner] = around(w.shape, axis);
  const most = new Float64Array(units);
  w.data.forEach((x, at) => {
    const unit = Math.floor(at / inner) % units;
    most[unit] = Math.max(most[unit] ?? 0, Math.abs(x));
  });
  // As float32 holds it: the scale that is divided by is the one that is multiplied with. Where all are 0 any scale is
  // right, but onnxruntime's products are so exact as the scale is small.
  const scale = most.map((m) => Math.fround(m === 0 ? 2 ** -24 : m / 127));
  const steps = alongAxis(axis, (x, i) => {
    const step = Math.round(x / (scale[i] ?? 1));
    return Math.min(127, Math.max(-127, step)) + zero;
  })(w);
  return {
    bytes: constant(toArray('uint8')(steps), name),
    scale: constant(toArray('float32')({ shape: [units], data: scale }), siblingLabel(name, 'scale')),
    units,
  };
};

const dequantised = (q: Quantised, axis: number): Value => {
  const zeros = tensor(
    Array.from({ length: q.units }, () => zero),
    [q.units],
    'uint8',
  );
  return operator('DequantizeLinear', [q.bytes, q.scale, zeros], [valueType('float32', q.bytes.type.shape)], {
    axis: { _tag: 'Int', value: axis },
  })[0] as Value;
};

const holdsNumbers = (x: Numbers): boolean => x.data.every(Number.isFinite);

// -------------------------------------------------------------------------------------
// inputs
// -------------------------------------------------------------------------------------

interface Rounded {
  readonly bytes: Value;
  readonly scale: Value;
  readonly zero: Value;
}

const rounded = (x: Value): Rounded => {
  const [bytes, scale, point] = operator(
    'DynamicQuantizeLinear',
    [x],
    [valueType('uint8', x.type.shape), valueType('float32', []), valueType('uint8', [])],
  ) as [Value, Value, Value];
  return { bytes, scale, zero: point };
};

/** The product of integers, as onnxruntime's optimiser looks for it: it makes one operator of these. */
const integerProduct = (x: Rounded, q: Quantised, shape: Value['type']['shape']): Value => {
  const point = tensor([zero], [], 'uint8');
  const [sums] = operator('MatMulInteger', [x.bytes, q.bytes, x.zero, point], [valueType('int32', shape)]);
  return mul(cast('float32')(sums as Value), mul(x.scale, q.scale));
};

/** Gemm in the form that integer products have: factors of 1, the input not turned. */
const isPlain = (node: OperatorNode): boolean =>
  node.operator === 'MatMul' ||
  (intOf(node, 'transA', 0) === 0 && floatOf(node, 'alpha', 1) === 1 && floatOf(node, 'beta', 1) === 1);

// -------------------------------------------------------------------------------------
// interpreter
// -------------------------------------------------------------------------------------

/** Products and embeddings with 8-bit weights. */
export const quantise =
  (arithmetic: Arithmetic) =>
  (graph: Graph): Graph => {
    const [stored, back, inputs] = [new Map<string, Quantised>(), new Map<string, Value>(), new Map<string, Rounded>()];
    const ids = new Map<Node, number>();
    const once = <A>(made: Map<string, A>, v: Value, variant: string, make: () => A): A => {
      const id = ids.get(v.node) ?? ids.size;
      ids.set(v.node, id);
      const key = `${id} ${v.index} ${variant}`;
      const value = made.get(key) ?? make();
      made.set(key, value);
      return value;
    };
    return rewriteLocally((node) => {
      const place = node.domain === '' ? weightsOf(node) : undefined;
      const w = place === undefined ? undefined : node.inputs[place.input];
      const data = constantOf(w);
      if (place === undefined || w === undefined || data?.dtype !== 'float32') return undefined;
      if (data.shape.length < 2 || sizeOf(data.shape) < smallest) return undefined;
      const numbers = fromArray(data);
      if (!holdsNumbers(numbers)) return undefined;
      const axis = place.axis < 0 ? place.axis + data.shape.length : place.axis;
      const [x, , bias] = node.inputs;
      const isProduct = node.operator === 'MatMul' || node.operator === 'Gemm';
      if (
        arithmetic === 'dynamic' &&
        isProduct &&
        isPlain(node) &&
        data.shape.length === 2 &&
        x?.type.dtype === 'float32'
      ) {
        const turned = axis === 0;
        const q = once(stored, w, `product ${turned}`, () =>
          quantised(turned ? transposed(numbers, [1, 0]) : numbers, 1, labelOf(w)),
        );
        const y = integerProduct(
          once(inputs, x, '', () => rounded(x)),
          q,
          node.outputs[0]?.shape ?? [],
        );
        const sum = bias === undefined ? y : add(y, bias);
        return [named(node)(sum)];
      }
      const read = once(back, w, `axis ${axis}`, () => dequantised(quantised(numbers, axis, labelOf(w)), axis));
      const next: OperatorNode = { ...node, inputs: node.inputs.map((v, i) => (i === place.input ? read : v)) };
      return node.outputs.map((type, index) => ({ type, node: next, index }));
    })(graph);
  };
