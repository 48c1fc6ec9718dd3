/**
 * Which operators compute in the blocked layout, and when. A rule gives `undefined` where its operator is better left alone.
 */
import type { Attributes, OperatorNode, Value } from '../Graph.ts';
import { isSame, isScalar, sameShape, valueType } from '../Graph.ts';
import { recognised } from '../KernelGradient.ts';
import * as Op from '../Operators.ts';
import { int, ints, text } from '../operators/node.ts';
import { affineOf } from '../rewrite/Normalized.ts';
import { named } from '../rewrite/Rewrite.ts';
import { ofWholeBatch } from './Batch.ts';
import { fewBySample, fitsFew } from './BySample.ts';
import { convTranspose } from './ConvTranspose.ts';
import { resize, rowsApart } from './Enlarged.ts';
import { byColumnsInBlocks, fitsColumns } from './KernelColumns.ts';
import { byBlocks, fits } from './KernelGradient.ts';
import { kernelOfBlocks, kernelOfFilters } from './KernelLayout.ts';
import { type Image, imageOf, isPoint, nchwc, unfolded, unfoldedOperand } from './Layout.ts';
import { cut, pad, pool, shape } from './Places.ts';
import {
  constants,
  explicitPads,
  type Forms,
  inBlocks,
  inPlain,
  intOf,
  output,
  type Rewritten,
  type Rule,
} from './Rule.ts';

// -------------------------------------------------------------------------------------
// convolution
// -------------------------------------------------------------------------------------

/** Of an image with a kernel's cotangent as its kernel. */
const kernelGradient: Rule = (node, { block, batch, plain, blocked }) => {
  const gradient = recognised(node);
  const dy = gradient === undefined ? undefined : blocked(gradient.dy);
  if (gradient === undefined || dy === undefined) return undefined;
  if (fitsFew(block, batch)(gradient)) return inPlain(named(node)(fewBySample(batch, gradient, plain(gradient.x), dy)));
  if (fitsColumns(block)(gradient))
    return inPlain(named(node)(byColumnsInBlocks(block, gradient, plain(gradient.x), dy)));
  const x = fits(block, batch)(gradient) ? blocked(gradient.x) : undefined;
  return x === undefined ? undefined : inPlain(named(node)(byBlocks(block, batch, gradient, x, dy)));
};

/** The convolution with what follows it; `undefined` where channels do not fill blocks. */
const conv: Rule = (node, forms) => kernelGradient(node, forms) ?? ofImages(node, forms);

const ofImages: Rule = (node, { block, plain, blocked }) => {
  const [x, w, bias] = node.inputs as readonly [Value, Value, Value | undefined];
  const [filters, channels] = w.type.shape;
  const y = output(node);
  if (typeof filters !== 'number' || typeof channels !== 'number' || imageOf(y, block) === undefined) return undefined;
  if (!w.type.shape.every((d) => typeof d === 'number') || y.type.dtype !== 'float32') return undefined;
  if (!explicitPads(node)) return undefined;
  const group = intOf(node.attributes.group, 1);
  const given = bias === undefined ? [] : [plain(bias)];
  const of = (input: Value, kernel: Value) =>
    inBlocks(named(node)(nchwc('Conv', [input, kernel, ...given], y, node.attributes)));
  if (group === 1 && channels < block) return of(plain(x), kernelOfFilters(block)(plain(w)));
  const image = blocked(x);
  if (image === undefined) return undefined;
  if (group === 1 && channels % block === 0) return of(image, kernelOfBlocks(block)(plain(w)));
  return group === filters && channels === 1 ? of(image, kernelOfFilters(block)(plain(w))) : undefined;
};

/** The convolution that makes this value, if nobody else reads it and it can still take something over. */
const open = (x: Value, { isBlocked, blocked, uses }: Forms): OperatorNode | undefined => {
  const before = isBlocked(x) ? blocked(x)?.node : undefined;
  return before?._tag === 'Operator' &&
    before.domain === 'com.microsoft.nchwc' &&
    before.operator === 'Conv' &&
    before.attributes.activation === undefined &&
    uses(x) === 1
    ? before
    : undefined;
};

/** The convolution with what it has taken over. */
const extended = (
  node: OperatorNode,
  before: OperatorNode,
  inputs: readonly (Value | undefined)[],
  attributes: Attributes = before.attributes,
): Rewritten => inBlocks(named(node)(nchwc('Conv', inputs, output(node), attributes)));

const activation: Rule = (node, forms) => {
  const before = node.detached === undefined ? open(node.inputs[0] as Value, forms) : undefined;
  if (before === undefined) return ofSum(node, forms) ?? elementwise(node, forms);
  return extended(node, before, before.inputs, { ...before.attributes, activation: text(node.operator) });
};

const onesFor = (channels: number): Value =>
  Op.tensor(
    Array.from({ length: channels }, () => 1),
    [channels, 1, 1, 1],
    'float32',
  );

/** Of a sum of two images, one of which nobody else reads: a convolution adds the other one to it in place, and is activated. */
const ofSum: Rule = (node, { block, uses, isBlocked, blocked }) => {
  const [x] = node.inputs as readonly [Value];
  const add = x.node._tag === 'Operator' && x.node.operator === 'Add' && x.node.domain === '' ? x.node : undefined;
  const image = imageOf(x, block);
  if (add === undefined || image === undefined || isPoint(image) || uses(x) > 1 || !isBlocked(x)) return undefined;
  if (node.detached !== undefined || add.detached !== undefined || x.type.dtype !== 'float32') return undefined;
  const [a, b] = add.inputs as readonly [Value, Value];
  if (!sameShape(a, x) || !sameShape(b, x) || !isBlocked(a) || !isBlocked(b)) return undefined;
  const [kept, taken] = uses(b) === 1 ? [a, b] : [b, a];
  if (uses(taken) > 1 || isSame(kept, taken)) return undefined;
  const attributes = { kernel_shape: ints([1, 1]), group: int(image[1]), activation: text(node.operator) };
  const inputs = [blocked(kept), onesFor(image[1]), undefined, blocked(taken)];
  return inBlocks(named(node)(nchwc('Conv', inputs, output(node), attributes)));
};

/** A convolution adds its result to another image in place, where that image is not needed afterwards. */
const sum: Rule = (node, forms) => {
  const [a, b] = node.inputs as readonly [Value, Value];
  const y = output(node);
  const image = imageOf(y, forms.block);
  if (image === undefined || isPoint(image) || node.detached !== undefined || !sameShape(a, y) || !sameShape(b, y))
    return perChannel(node, forms);
  for (const [x, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const before = open(x, forms);
    const added = forms.isBlocked(other) ? forms.blocked(other) : undefined;
    if (before === undefined || before.inputs[3] !== undefined || added === undefined) continue;
    const [image, kernel, bias] = before.inputs;
    // What the convolution reads cannot be overwritten by it.
    if (image?.node === added.node || !forms.isLast(other, node, x)) continue;
    return extended(node, before, [image, kernel, bias, added]);
  }
  return perChannel(node, forms);
};

const transposed: Rule = (node, { block, plain, blocked }) => {
  const x = blocked(node.inputs[0] as Value);
  if (x === undefined || !explicitPads(node)) return undefined;
  const y = convTranspose(block, node, output(node), x, plain);
  return y === undefined ? undefined : inBlocks(named(node)(y));
};

// -------------------------------------------------------------------------------------
// elementwise
// -------------------------------------------------------------------------------------

/** A constant that differs from cell to cell but not from channel to channel, as often as a block has channels. */
const repeated = (v: Value, block: number): Value => {
  if (v.node._tag !== 'Constant' || v.type.dtype !== 'float32') return v;
  const [, , height, width] = v.type.shape as readonly number[] as [number, number, number, number];
  const cells = Array.from(v.node.data.data, Number).flatMap((n) => Array.from({ length: block }, () => n));
  return Op.tensor(cells, [1, 1, height, width, block], 'float32');
};

/** A vector of channels, in a shape that broadcasts along the others. */
const channelVector = (v: Value, channels: number): boolean => {
  const [height, width] = v.type.shape.slice(-2);
  const of = v.type.shape.at(-3);
  return height === 1 && width === 1 && of === channels && v.type.shape.slice(0, -3).every((d) => d === 1);
};

/** In inference: a factor and a summand for each channel, in one pass. */
const normalised: Rule = (node, { block, plain, isBlocked, blocked }) => {
  const [x, ...statistics] = node.inputs as readonly Value[];
  const y = output(node);
  const image = imageOf(y, block);
  if (x === undefined || image === undefined || isPoint(image) || y.type.dtype !== 'float32' || !isBlocked(x))
    return undefined;
  const affine = affineOf({ ...node, inputs: [x, ...statistics.map(plain)] });
  if (affine === undefined) return undefined;
  const attributes = { kernel_shape: ints([1, 1]), group: int(image[1]) };
  const kernel = Op.reshape([image[1], 1, 1, 1])(affine.scale);
  return inBlocks(named(node)(nchwc('Conv', [blocked(x), kernel, affine.shift], y, attributes)));
};

/** One number a channel times an image, or added to it: a convolution of each channel by itself, in one pass. */
const perChannel: Rule = (node, forms) => {
  const [a, b] = node.inputs as readonly [Value, Value];
  const y = output(node);
  const image = imageOf(y, forms.block);
  if (image === undefined || isPoint(image) || node.detached !== undefined) return elementwise(node, forms);
  const channels = image[1];
  const onRight = sameShape(a, y) && channelVector(b, channels);
  const onLeft = sameShape(b, y) && channelVector(a, channels) && node.operator !== 'Sub';
  const [x, vector] = onRight ? [a, b] : [b, a];
  if (!(onRight || onLeft) || y.type.dtype !== 'float32' || !forms.isBlocked(x)) return elementwise(node, forms);
  const kernel = Op.reshape([channels, 1, 1, 1]);
  const weights = forms.plain(vector);
  const attributes = { kernel_shape: ints([1, 1]), group: int(channels) };
  const of = (inputs: readonly Value[]) => inBlocks(named(node)(nchwc('Conv', inputs, y, attributes)));
  const image4 = forms.blocked(x) as Value;
  if (node.operator === 'Mul') return of([image4, kernel(weights)]);
  const bias = Op.reshape([channels])(node.operator === 'Sub' ? Op.neg(weights) : weights);
  // After a convolution that has none, it is that one's.
  const before = open(x, forms);
  if (before !== undefined && before.inputs[2] === undefined)
    return extended(node, before, [before.inputs[0], before.inputs[1], bias, before.inputs[3]]);
  return of([image4, onesFor(channels), bias]);
};

/** Operands in shapes that broadcast, and the shape that comes out. */
interface Operands {
  readonly values: readonly (Value | undefined)[];
  readonly shape: Value['type']['shape'];
}

/** As they lie in memory, where all but single numbers are whole images; else with the channels of a block on an axis of their own. */
const operandsOf = (inputs: readonly Value[], y: Value, { block, plain, blocked }: Forms): Operands => {
  const isFlat = inputs.every((v) => sameShape(v, y) || isScalar(v));
  const values = inputs.map((v) => {
    if (sameShape(v, y)) {
      const form = blocked(v);
      return form === undefined || isFlat ? form : unfolded(block)(form);
    }
    if (isScalar(v)) return plain(v);
    const cells = v.type.shape.length === 4 && v.type.shape[0] === 1 && v.type.shape[1] === 1;
    return cells && v.node._tag === 'Constant' ? repeated(v, block) : unfoldedOperand(block)(plain(v));
  });
  return { values, shape: isFlat ? y.type.shape : unfolded(block)(y).type.shape };
};

const elementwise: Rule = (node, forms) => {
  const y = output(node);
  const inputs = node.inputs.filter((v) => v !== undefined);
  if (imageOf(y, forms.block) === undefined || inputs.length !== node.inputs.length) return undefined;
  const full = inputs.filter((v) => sameShape(v, y));
  const there = full.filter(forms.isBlocked).length;
  if (there === 0 || there * 2 < full.length) return undefined;
  const { values, shape } = rowsApart(inputs, y, forms) ?? operandsOf(inputs, y, forms);
  if (values.some((v) => v === undefined)) return undefined;
  const copy: OperatorNode = { ...node, inputs: values, outputs: [valueType(y.type.dtype, shape)] };
  const value: Value = { type: copy.outputs[0] as Value['type'], node: copy, index: 0 };
  return inBlocks(shape === y.type.shape ? value : Op.reshape(y.type.shape)(value));
};

// -------------------------------------------------------------------------------------
// reductions
// -------------------------------------------------------------------------------------

/** Numbers of the smallest product that is not to be written: a smaller one stays in cache, and a choice of forms takes time to open. */
const smallest = 2 ** 19;

/** [batch, channels, 1, 1]; times `factor` it is what was asked for. */
interface Scaled {
  readonly value: Value;
  readonly factor: number;
}

/**
 * Sums over the positions of the images of a batch. Of a product of two images, each is a convolution of one with the other, which
 * does not write the product: channels by themselves, windows as large as images. The samples stand among the channels, whose number
 * is an attribute and so must be known.
 */
const perImage = (x: Value, image: Image, { batch, uses, isBlocked, blocked }: Forms): Scaled => {
  const [samples, channels, height, width] = image;
  const cells = height * width;
  const like = { ...x, type: valueType('float32', [samples, channels, 1, 1]) };
  const mean = (v: Value): Value => nchwc('GlobalAveragePool', [v], like);
  const { node } = x;
  const factors = node._tag === 'Operator' && node.domain === '' && node.operator === 'Mul' ? node.inputs : [];
  const images = factors.flatMap((v) =>
    v !== undefined && sameShape(v, x) && isBlocked(v) ? [blocked(v) as Value] : [],
  );
  const [a, b] = images;
  // In inference nothing is known of the batch: it is given as 1.
  const isLarge = batch > 1 && batch * channels * cells >= smallest;
  if (a === undefined || b === undefined || uses(x) > 1 || !isLarge)
    return { value: mean(blocked(x) as Value), factor: cells };
  const group = batch * channels;
  const product = ([u = a, v = u]: readonly Value[]): Value =>
    Op.reshape([samples, channels, 1, 1])(
      nchwc(
        'Conv',
        [Op.reshape([1, group, height, width])(u), Op.reshape([group, 1, height, width])(v)],
        { ...x, type: valueType('float32', [1, group, 1, 1]) },
        { kernel_shape: ints([height, width]), group: int(group) },
      ),
    );
  const operands: readonly [Value, ...Value[]] = isSame(a, b) ? [a] : [a, b];
  const value = ofWholeBatch(batch, operands, product, ([u = a, v = u]) => Op.mul(mean(Op.mul(u, v)), cells));
  return { value, factor: 1 };
};

const times =
  (factor: number) =>
  (v: Value): Value =>
    factor === 1 ? v : Op.mul(v, factor);

/**
 * Over the positions, and then, if asked, over the batch. Onnxruntime's pooling of whole images is the faster of its loops for that,
 * and of what they leave it sums a matrix over its rows in 4 microseconds, the same over three of four axes in 13.
 */
const reduction: Rule = (node, forms) => {
  const x = node.inputs[0] as Value;
  const axes = constants(node.inputs[1])?.map((a) => (a < 0 ? a + 4 : a));
  const image = imageOf(x, forms.block);
  if (axes === undefined || image === undefined || !forms.isBlocked(x)) return undefined;
  const key = [...axes].sort().join();
  if (key !== '0,2,3' && (key !== '2,3' || isPoint(image))) return undefined;
  const [, , height, width] = image;
  const { value, factor } = isPoint(image) ? { value: forms.plain(x), factor: 1 } : perImage(x, image, forms);
  const isSum = node.operator === 'ReduceSum';
  const over = isSum ? Op.reduceSum : Op.reduceMean;
  const all = key === '2,3' ? value : over({ axes: [0] })(Op.reshape(image.slice(0, 2))(value));
  const result = times(isSum ? factor : factor / (height * width))(all);
  return inPlain(named(node)(Op.reshape(output(node).type.shape)(result)));
};

// -------------------------------------------------------------------------------------
// table
// -------------------------------------------------------------------------------------

const all = (names: string, rule: Rule): Readonly<Record<string, Rule>> =>
  Object.fromEntries(names.split(' ').map((name) => [name, rule]));

export const rules: Readonly<Record<string, Rule>> = {
  ...all('Sub Mul', perChannel),
  Add: sum,
  ...all('Div Pow Max Min Greater GreaterOrEqual Less LessOrEqual Equal And Or Not Where', elementwise),
  ...all('Cast Abs Neg Sign Exp Log Sqrt Reciprocal Floor Ceil Erf Softplus Identity Clip', elementwise),
  ...all('Elu Selu Celu HardSigmoid HardSwish LeakyRelu ThresholdedRelu Mish', elementwise),
  ...all('Relu Sigmoid Tanh', activation),
  Conv: conv,
  ConvTranspose: transposed,
  BatchNormalization: normalised,
  Shape: shape,
  ...all('MaxPool AveragePool', pool),
  Resize: resize,
  Pad: pad,
  Slice: cut,
  ...all('ReduceSum ReduceMean', reduction),
};
