/**
 * Images whose cells are repeated, as in up-sampling and in the gradient of pooling: by onnxruntime's Upsample of blocks, which has one
 * thread, or on many threads by its Gather of whole blocks.
 *
 * Who combines an enlarged image with another one needs no repeated rows: along an axis of its own they broadcast. That is half
 * the memory to write and to read.
 */
import { isScalar, type OperatorNode, sameShape, type Value } from '../Graph.ts';
import * as Op from '../Operators.ts';
import { ints } from '../operators/node.ts';
import { named } from '../rewrite/Rewrite.ts';
import { type Image, imageOf, nchwc } from './Layout.ts';
import { constants, type Forms, inBlocks, output, type Rule } from './Rule.ts';

interface Enlarged {
  readonly source: Value;
  readonly from: Image;
  readonly to: Image;
  /** How often each row is there, and each column. */
  readonly rows: number;
  readonly columns: number;
}

const enlargedBy = (node: OperatorNode, block: number): Enlarged | undefined => {
  const source = node.inputs[0] as Value;
  const scales = constants(node.inputs[2]);
  const is = (name: string, value: string): boolean => {
    const a = node.attributes[name];
    return a?._tag === 'String' && a.value === value;
  };
  const whole = scales?.length === 4 && scales[0] === 1 && scales[1] === 1 && scales.every((s) => Number.isInteger(s));
  // In other modes a cell of the output may have another one's number.
  const floored =
    is('mode', 'nearest') &&
    is('nearest_mode', 'floor') &&
    is('coordinate_transformation_mode', 'asymmetric') &&
    node.attributes.axes === undefined;
  const from = source.type.dtype === 'float32' ? imageOf(source, block) : undefined;
  const to = imageOf(output(node), block);
  if (!whole || !floored || from === undefined || to === undefined) return undefined;
  return { source, from, to, rows: scales[2] as number, columns: scales[3] as number };
};

/** So many threads would gather blocks as fast as one enlarges them: on one thread that takes 593 against 93 microseconds. */
const many = 6;

/** With repeated columns, and repeated rows if there are to be any: in the order of blocks, whatever its shape. */
const repeated = (enlarged: Enlarged, { block, threads, blocked }: Forms, once: boolean): Value => {
  const { source, from, to, columns } = enlarged;
  const image = blocked(source) as Value;
  const [batch, channels, height, width] = to;
  const rows = once ? 1 : enlarged.rows;
  if (threads < many) {
    const shape = [batch, channels, from[2] * rows, width];
    const like = { ...image, type: { ...image.type, shape } };
    return nchwc('Upsample', [image], like, { scales: ints([1, 1, rows, columns]) });
  }
  const cells = Op.reshape([batch, channels / block, from[2] * from[3], block])(image);
  const places = Array.from({ length: (height / enlarged.rows) * rows * width }, (_, i) => {
    const [row, column] = [Math.floor(i / width), i % width];
    return Math.floor(row / rows) * from[3] + Math.floor(column / columns);
  });
  return Op.gather(cells, Op.int64s(places), 2);
};

export const resize: Rule = (node, forms) => {
  const enlarged = enlargedBy(node, forms.block);
  if (enlarged === undefined || !forms.isBlocked(enlarged.source)) return undefined;
  return inBlocks(named(node)(Op.reshape(enlarged.to)(repeated(enlarged, forms, false))));
};

/**
 * The operands of an elementwise operator of which some are enlarged, by as many rows, and some are not, in shapes that broadcast:
 * [batch, blocks, height / rows, 1 or rows, width * block]. `undefined`: it has no such.
 */
export const rowsApart = (inputs: readonly Value[], y: Value, forms: Forms) => {
  const { block, plain, isBlocked, blocked } = forms;
  const enlarged = inputs.map(({ node, index }) => {
    const of =
      node._tag === 'Operator' && node.operator === 'Resize' && index === 0 ? enlargedBy(node, block) : undefined;
    return of !== undefined && isBlocked(of.source) ? of : undefined;
  });
  const [first, ...others] = enlarged.filter((e) => e !== undefined);
  const images = inputs.filter((v) => sameShape(v, y));
  const isFit = inputs.every((v) => sameShape(v, y) || isScalar(v));
  if (first === undefined || first.rows === 1 || others.some((e) => e.rows !== first.rows)) return undefined;
  if (!isFit || !images.every(isBlocked) || images.length <= others.length + 1) return undefined;
  const { rows } = first;
  const [batch, channels, height, width] = first.to;
  const shape = (each: number) => [batch, channels / block, height / rows, each, width * block] as const;
  const values = inputs.map((v, i) => {
    const of = enlarged[i];
    if (!sameShape(v, y)) return plain(v);
    return of === undefined
      ? Op.reshape(shape(rows))(blocked(v) as Value)
      : Op.reshape(shape(1))(repeated(of, forms, true));
  });
  return { values, shape: shape(rows) };
};
