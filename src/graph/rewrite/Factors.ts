/**
 * Factors of channels that a cotangent is multiplied with, moved to what is small: the gradient to the input of a normalisation is
 *
 *     factor * dy + slope * x + constant
 *
 * with a number for each channel, and slope and constant have the same factor. So it is `factor * (dy + slope' * x + constant')`, which is
 * one pass over images where nobody needs `dy` any more; and a convolution that reads such a product reads the image without the
 * factor, with its kernel's channels times it. A kernel's gradient is multiplied after the sum over all positions.
 *
 * Law: the outputs are those of the given graph up to rounding.
 */
import type { OperatorNode, Value } from '../Graph.ts';
import { isSame } from '../Graph.ts';
import { asProducts, type KernelGradient, recognised, swapped } from '../KernelGradient.ts';
import * as Op from '../Operators.ts';
import { isStatic, product } from '../operators/node.ts';
import { factored, firstOf, intOf, named, operands, operatorOf, type Rule, unshaped } from './Rewrite.ts';

// -------------------------------------------------------------------------------------
// numbers of channels
// -------------------------------------------------------------------------------------

/** Whether it has one number for each of the channels of an image, which are axis 1. */
const isOfChannels = (v: Value, image: Value): boolean => {
  const { shape } = image.type;
  const sizes = v.type.shape;
  return (
    shape.length > 2 &&
    typeof shape[1] === 'number' &&
    sizes.length === shape.length &&
    sizes.every((d, i) => d === (i === 1 ? shape[1] : 1))
  );
};

/** What is left of a value when a factor is taken out of it: 1, another value, or `undefined` where it has no such factor. */
type Rest = Value | 1 | undefined;

type Take = (v: Value) => Rest;

const times = (a: Rest, b: Value): Rest => (a === undefined ? undefined : a === 1 ? b : Op.mul(a, b));

/** Out of what is no product itself: all of its summands, or what is divided. */
const takenInside = (v: Value, take: Take): Rest => {
  const negated = operatorOf(v, 'Neg')?.inputs[0];
  const quotient = operands(v, 'Div');
  const sum = operands(v, 'Add') ?? operands(v, 'Sub');
  if (negated !== undefined) {
    const rest = take(negated);
    return rest === undefined || rest === 1 ? undefined : Op.neg(rest);
  }
  if (quotient !== undefined) {
    const rest = take(quotient[0]);
    return rest === undefined || rest === 1 ? undefined : Op.div(rest, quotient[1]);
  }
  const [a, b] = sum?.map(take) ?? [];
  if (a === undefined || b === undefined || a === 1 || b === 1) return undefined;
  return operatorOf(v, 'Add') === undefined ? Op.sub(a, b) : Op.add(a, b);
};

/** Takes this factor out; if it is a product itself, one of its factors after the other. */
const without = (factor: Value): Take => {
  const known = new Map<Value['node'], Rest>();
  const inner = operands(factor, 'Mul')?.map(without);
  const found = (v: Value): Rest => {
    if (isSame(v, factor)) return 1;
    const pair = operands(v, 'Mul');
    const here =
      pair === undefined ? takenInside(v, take) : (times(take(pair[0]), pair[1]) ?? times(take(pair[1]), pair[0]));
    if (here !== undefined || inner === undefined) return here;
    const [first, second] = inner as [Take, Take];
    const rest = first(v);
    return rest === undefined || rest === 1 ? undefined : second(rest);
  };
  const take: Take = (v) => {
    if (v.node._tag !== 'Operator' || v.node.outputs.length > 1) return isSame(v, factor) ? 1 : undefined;
    if (!known.has(v.node)) known.set(v.node, found(v));
    return known.get(v.node);
  };
  return take;
};

// -------------------------------------------------------------------------------------
// sums
// -------------------------------------------------------------------------------------

/** An image times numbers of channels. */
interface Scaled {
  readonly image: Value;
  readonly factor: Value;
}

const scaled = (v: Value): Scaled | undefined => {
  const [image, factor] = (v.type.dtype === 'float32' && factored(v, (f) => isOfChannels(f, v))) || [];
  return image === undefined || factor === undefined ? undefined : { image, factor };
};

/** The parts of a sum of three: images times factors, and what has a number for each channel. */
const partsOf = (node: OperatorNode, uses: (v: Value) => number): readonly Value[] | undefined => {
  const [a, b] = node.inputs as readonly [Value, Value];
  for (const [sum, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const inner = uses(sum) === 1 ? operands(sum, 'Add') : undefined;
    if (inner !== undefined) return [...inner, other];
  }
  return undefined;
};

/**
 * Reads of a cotangent by its normalisation alone: it is scaled, and summed up, and so are its products with the image. (Where the
 * normalisation has a pass for deviations from the mean, its gradient sums up once more, and stays as it is: images are small there.)
 */
const own = 3;

/**
 * Whether a pass over images is dearer than two over kernels, of the convolution and of its gradient. Those grow with the square of the
 * channels: ResNet-50 with batches of 8 takes 0.97 of the time so, and without this condition as long as before.
 */
const isWorthIt = ({ shape }: Value['type']): boolean => {
  const [, channels, ...sizes] = shape;
  return typeof channels === 'number' && isStatic(sizes) && product(sizes) >= channels;
};

const inSums: Rule = (node, { uses }) => {
  const type = node.outputs[0] as Value['type'];
  if (node.operator !== 'Add' || node.domain !== '' || node.detached !== undefined || !isWorthIt(type))
    return undefined;
  const parts = partsOf(node, uses);
  const [first, second, ...more] = parts?.flatMap((v) => scaled(v) ?? []) ?? [];
  const level = parts?.find((v) => isOfChannels(v, { type, node, index: 0 }));
  if (first === undefined || second === undefined || more.length > 0 || level === undefined) return undefined;
  for (const [dy, x] of [
    [first, second],
    [second, first],
  ] as const) {
    if (uses(dy.image) > own) continue;
    const take = without(dy.factor);
    const [slope, constant] = [take(x.factor), take(level)];
    if (slope === undefined || slope === 1 || constant === undefined || constant === 1) continue;
    const rest = Op.add(Op.mul(x.image, slope), constant);
    return [named(node)(Op.mul(Op.add(rest, dy.image), dy.factor))];
  }
  return undefined;
};

// -------------------------------------------------------------------------------------
// convolutions
// -------------------------------------------------------------------------------------

/** Of a kernel, `axis` of which has the channels that are multiplied. */
const multiplied = (kernel: Value, axis: number, { factor }: Scaled): Value =>
  Op.mul(kernel, Op.reshape(kernel.type.shape.map((d, i) => (i === axis ? d : 1)))(factor));

/**
 * What goes to a kernel: a factor that is computed, and no weight or constant. Of graphs for inference kernels stay as they are, for who
 * quantises them.
 */
const movable = (v: Value): Scaled | undefined => {
  const found = isWorthIt(v.type) ? scaled(v) : undefined;
  return found !== undefined && unshaped(found.factor).node._tag === 'Operator' ? found : undefined;
};

/** A convolution of an image with a factor, or a transposed one. */
const inConvolutions: Rule = (node) => {
  const [x, kernel, ...others] = node.inputs;
  const axis = node.operator === 'Conv' ? 1 : node.operator === 'ConvTranspose' ? 0 : undefined;
  const found = x === undefined ? undefined : movable(x);
  if (axis === undefined || node.domain !== '' || kernel === undefined || found === undefined) return undefined;
  if (intOf(node, 'group', 1) !== 1) return undefined;
  const copy: OperatorNode = { ...node, inputs: [found.image, multiplied(kernel, axis, found), ...others] };
  return [{ type: node.outputs[0] as Value['type'], node: copy, index: 0 }];
};

/** A kernel's gradient from a cotangent with a factor, in the form of `rule`. */
const inGradients =
  (rule: Rule): Rule =>
  (node, around) => {
    const gradient = recognised(node);
    const found = gradient === undefined ? undefined : movable(gradient.dy);
    if (found === undefined) return undefined;
    const copy: OperatorNode = { ...node, inputs: [node.inputs[0], swapped(found.image)] };
    const type = node.outputs[0] as Value['type'];
    const [sum] = rule(copy, around) ?? [{ type, node: copy, index: 0 }];
    // Filters first, as the kernel has them: that is undone by what stands behind.
    return sum === undefined ? undefined : [swapped(multiplied(swapped(sum), 0, found))];
  };

/** `isKept`: kernels' gradients that stay convolutions. */
export const factors = (isKept: (gradient: KernelGradient) => boolean): Rule =>
  firstOf([inSums, inGradients(asProducts(isKept)), inConvolutions]);
