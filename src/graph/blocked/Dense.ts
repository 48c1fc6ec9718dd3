/**
 * The kernel of a dense layer in blocks of columns, `[columns / block, rows, block]` in memory, and the layer's products with it. Such a
 * matrix is three things of onnxruntime's convolution in blocks: a kernel of 1 by 1, an image with a channel for each column, and
 * what comes out. So none of the products puts it in another order first, as products of plain matrices do in every step, and they
 * run at the rate of convolutions: with a kernel of 2048 by 1024 and 128 rows in 0.7 to 0.8 of the time.
 *
 * The other factors are small. They are put in blocks of features, like the kernel, or of samples. Rows of the kernel that do not fill
 * blocks are filled up with zeros.
 */
import type { Node, OperatorNode, Value } from '../Graph.ts';
import { valueType } from '../Graph.ts';
import * as Op from '../Operators.ts';
import { int, ints, isStatic, product, text } from '../operators/node.ts';
import { unshaped } from '../rewrite/Rewrite.ts';
import { allOfWholeBatch, ofWholeBatch } from './Batch.ts';
import { nchwc, toBlocked, toPlain } from './Layout.ts';

type Shape = Value['type']['shape'];

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** How a matrix of that many rows and columns lies in blocks. Columns fill them. */
export interface Columns {
  readonly block: number;
  readonly rows: number;
  readonly columns: number;
}

/** With those that fill blocks up. */
const filled = ({ block, rows }: Columns): number => Math.ceil(rows / block) * block;

export const shapeInBlocks = (of: Columns): readonly [number, number, number] => [
  of.columns / of.block,
  filled(of),
  of.block,
];

/** Those that fill blocks up included. */
export const elementsOf = (of: Columns): number => of.columns * filled(of);

// -------------------------------------------------------------------------------------
// layouts
// -------------------------------------------------------------------------------------

const reorder = (name: 'ReorderInput' | 'ReorderOutput', v: Value, shape: Shape, channels?: number): Value =>
  nchwc(
    name,
    [v],
    { ...v, type: valueType('float32', shape) },
    { channels_last: int(1), ...(channels === undefined ? {} : { channels: int(channels) }) },
  );

/** Matrices [rows, n] with their columns in blocks, as an image [1, n, rows, 1]: the one that they were made of, if they were. */
const acrossColumns = (v: Value): Value => {
  const [rows = '?', n = '?'] = v.type.shape;
  const before = inColumns(v);
  if (before !== undefined) return before;
  return reorder('ReorderInput', Op.reshape([1, rows, 1, n])(v), [1, n, rows, 1]);
};

/** The plain matrix [rows, n] of an image [1, n, rows, 1] in blocks. */
const fromColumns = (image: Value): Value => {
  const [, n = '?', rows = '?'] = image.type.shape;
  return Op.reshape([rows, n])(reorder('ReorderOutput', image, [1, rows, 1, n], n as number));
};

/** Matrices [rows, n] with their rows in blocks, as an image [1, rows, n, 1]. */
const acrossRows = (v: Value): Value => toBlocked(Op.reshape([1, ...v.type.shape, 1])(v));

/** What lies in blocks with its rows along one axis: [1, columns, rows, 1]. */
const line = (of: Columns): ((w: Value) => Value) => Op.reshape([1, of.columns, filled(of), 1]);

/**
 * What lies in blocks as an image with a channel for each column. Rows of the kernel stand along both axes of it: of a single one
 * onnxruntime does not give parts to its threads.
 */
const image = (of: Columns): ((w: Value) => Value) => Op.reshape([1, of.columns, filled(of) / of.block, of.block]);

/** A plain matrix in blocks of columns. */
export const toBlocks =
  (of: Columns) =>
  (w: Value): Value =>
    Op.reshape(shapeInBlocks(of))(acrossColumns(Op.pad([0, 0, filled(of) - of.rows, 0])(w)));

export const fromBlocks =
  (of: Columns) =>
  (w: Value): Value => {
    const plain = fromColumns(line(of)(w));
    return filled(of) === of.rows ? plain : Op.slice({ axes: [0], starts: [0], ends: [of.rows] })(plain);
  };

/** Features of a layer's input, as many as the kernel has rows. */
const filledUp = (x: Value, of: Columns): Value => {
  const none = x.type.shape.map(() => 0);
  return Op.pad([...none, ...none.with(-1, filled(of) - of.rows)])(x);
};

// -------------------------------------------------------------------------------------
// recognised
// -------------------------------------------------------------------------------------

const isOf = (node: Node, operator: string): node is OperatorNode =>
  node._tag === 'Operator' && node.operator === operator;

const before = (v: Value, operator: string): Value => (isOf(v.node, operator) ? (v.node.inputs[0] ?? v) : v);

/** The plain matrix that a value holds in blocks, whatever its shape. */
export const heldInBlocks = (v: Value): { readonly plain: Value; readonly of: Columns } | undefined => {
  const reordered = isOf(v.node, 'Reshape') ? v.node.inputs[0] : undefined;
  if (reordered === undefined) return undefined;
  if (!isOf(reordered.node, 'ReorderInput')) return heldInBlocks(reordered);
  const plain = before(unshaped(before(reordered, 'ReorderInput')), 'Pad');
  const [rows, columns] = plain.type.shape;
  const block = v.type.shape.at(-1);
  return typeof rows === 'number' && typeof columns === 'number' && typeof block === 'number'
    ? { plain, of: { block, rows, columns } }
    : undefined;
};

/** What a matrix was put in plain order from. */
const reorderedFrom = (v: Value): Value | undefined => {
  const { node } = unshaped(v);
  return isOf(node, 'ReorderOutput') && node.attributes.channels_last !== undefined ? node.inputs[0] : undefined;
};

/** The image in blocks that a matrix was made of, with all its columns. */
const inColumns = (v: Value): Value | undefined => {
  const image = reorderedFrom(v);
  const [first, channels, , width] = image?.type.shape ?? [];
  return first === 1 && width === 1 && channels === v.type.shape[1] ? image : undefined;
};

/** What lies in blocks of columns, of a matrix that is made of it. */
export const outOfBlocks = (v: Value): Value | undefined => {
  const image = reorderedFrom(before(v, 'Slice'));
  return image && unshaped(image);
};

// -------------------------------------------------------------------------------------
// products
// -------------------------------------------------------------------------------------

const conv = (x: Value, kernel: Value, shape: Shape, more: readonly (Value | undefined)[] = []): Value =>
  nchwc('Conv', [x, kernel, ...more], { ...x, type: valueType('float32', shape) }, { kernel_shape: ints([1, 1]) });

/** Rows of samples, whatever axes the samples have: [rows, features]. */
const flat = (v: Value): Value => {
  const { shape } = v.type;
  const before = shape.slice(0, -1);
  return shape.length === 2 ? v : Op.reshape([isStatic(before) ? product(before) : '?', shape.at(-1) ?? '?'])(v);
};

/** Of the same samples, with so many features. */
const unflat =
  (like: Value, features: number) =>
  (v: Value): Value =>
    Op.rank(like) === 2 ? v : Op.reshape([...like.type.shape.slice(0, -1), features])(v);

/** What the layer computes of x [batch, ..., rows]: the product x w, with a bias if there is one. */
export const output = (of: Columns, x: Value, w: Value, bias?: Value): Value => {
  const rows = flat(filledUp(x, of));
  const kernel = Op.reshape([of.columns, filled(of), 1, 1])(w);
  const given = bias === undefined ? [] : [Op.reshape([of.columns])(bias)];
  const y = conv(acrossColumns(rows), kernel, [1, of.columns, rows.type.shape[0] ?? '?', 1], given);
  return unflat(x, of.columns)(fromColumns(y));
};

/** What a layer computes, activated within its convolution; `undefined`: a value is no such thing. */
export const activated = (operator: string, v: Value): Value | undefined => {
  const { node } = v;
  const [x] = node._tag === 'Operator' ? node.inputs : [];
  if (x === undefined || node._tag !== 'Operator') return undefined;
  if (node.operator === 'Conv')
    return node.domain === 'com.microsoft.nchwc' && node.attributes.activation === undefined
      ? { ...v, node: { ...node, attributes: { ...node.attributes, activation: text(operator) } } }
      : undefined;
  const isReordered = node.operator === 'ReorderOutput' && node.attributes.channels_last !== undefined;
  const before = isReordered || node.operator === 'Reshape' ? activated(operator, x) : undefined;
  return before && { ...v, node: { ...node, inputs: [before, ...node.inputs.slice(1)] } };
};

// What comes out of a branch gets its shape behind it: there it takes no copy.

/** The gradient to the layer's input, from that of its result: dy times w transposed. Where the rows of `batch` samples fill blocks. */
export const inputGradient = (of: Columns, batch: number, dy: Value, w: Value): Value => {
  const n = filled(of);
  const plain = ofWholeBatch(
    batch,
    [dy],
    ([dy], [w]) => {
      const rows = flat(dy);
      const size = rows.type.shape[0] as number;
      const kernel = Op.reshape([size, of.columns, 1, 1])(acrossRows(rows));
      return toPlain(conv(image(of)(w), kernel, [1, size, n / of.block, of.block]));
    },
    ([dy], [w]) => {
      const dx = Op.matMul(flat(dy), fromColumns(line(of)(w)), { transB: true });
      return Op.reshape([1, dx.type.shape[0] ?? '?', n / of.block, of.block])(dx);
    },
    [w] as const,
  );
  const dx = Op.reshape([...dy.type.shape.slice(0, -1), n])(plain);
  return n === of.rows ? dx : Op.slice({ axes: [-1], starts: [0], ends: [of.rows] })(dx);
};

/** Rows of zeros behind others, so that they are so many. */
const filledRows =
  (size: number) =>
  (rows: Value): Value => {
    const n = rows.type.shape[1] as number;
    const zeros = Op.expand([size, n])(Op.scalar(0, 'float32'));
    const all = Op.sliceRows(Op.concat(0)([rows, zeros]), Op.scalar(0, 'int64'), Op.scalar(size, 'int64'));
    return Op.reshape([size, n])(all);
  };

/** What the gradient to a kernel is a convolution of. */
export interface Factors {
  /** An image with a channel for each sample. */
  readonly samples: Value;
  /** [columns, samples, 1, 1] */
  readonly kernel: Value;
}

/** Of a layer's input and the cotangent of its result, where the rows of `batch` samples fill blocks. Fewer are filled up. */
export const factors = (of: Columns, batch: number, x: Value, dy: Value): Factors => {
  const size = batch * product(x.type.shape.slice(1, -1) as readonly number[]);
  const n = filled(of);
  const [samples, kernel] = allOfWholeBatch(
    batch,
    [filledUp(x, of), dy],
    ([x, dy]) => [acrossRows(flat(x)), acrossColumns(flat(dy))],
    ([x, dy]) => [acrossRows(filledRows(size)(flat(x))), acrossColumns(filledRows(size)(flat(dy)))],
  ) as readonly [Value, Value];
  return {
    samples: Op.reshape([1, size, n / of.block, of.block])(samples),
    kernel: Op.reshape([of.columns, size, 1, 1])(kernel),
  };
};

/** The gradient to the kernel, in blocks: x transposed times dy. */
export const kernelGradient = (of: Columns, { samples, kernel }: Factors): Value =>
  Op.reshape(shapeInBlocks(of))(conv(samples, kernel, [1, of.columns, filled(of) / of.block, of.block]));

// -------------------------------------------------------------------------------------
// columns
// -------------------------------------------------------------------------------------

/** The sum of the squares of each column, [columns]: each is convolved with itself, which writes no squares. */
export const squares = (of: Columns, w: Value): Value => {
  const n = filled(of);
  const itself = nchwc(
    'Conv',
    [Op.reshape([1, of.columns, 1, n])(w), Op.reshape([of.columns, 1, 1, n])(w)],
    { ...w, type: valueType('float32', [1, of.columns, 1, 1]) },
    { kernel_shape: ints([1, n]), group: int(of.columns) },
  );
  return Op.reshape([of.columns])(itself);
};

/** Each column times its factor, and another matrix in blocks added to it; in one pass, in place of what is added. */
export const scaled = (of: Columns, w: Value, factors: Value, added?: Value): Value => {
  const whole = image(of)(w);
  const kernel = Op.reshape([of.columns, 1, 1, 1])(factors);
  const inputs = [whole, kernel, ...(added === undefined ? [] : [undefined, image(of)(added)])];
  const attributes = { kernel_shape: ints([1, 1]), group: int(of.columns) };
  return Op.reshape(shapeInBlocks(of))(nchwc('Conv', inputs, whole, attributes));
};
