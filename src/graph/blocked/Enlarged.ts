/**
 * Images whose cells are repeated, as in up-sampling and in the gradient of pooling: whole blocks gathered, which onnxruntime does on
 * all threads (its Resize on one).
 *
 * Who combines an enlarged image with another one needs no repeated rows: along an axis of its own they broadcast. That is half
 * the memory to write and to read.
 */
import { isScalar, type OperatorNode, sameShape, type Value } from '../Graph.ts';
import * as Op from '../Operators.ts';
import { named } from '../rewrite/Rewrite.ts';
import { type Image, imageOf } from './Layout.ts';
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
  const from = imageOf(source, block);
  const to = imageOf(output(node), block);
  if (!whole || !floored || from === undefined || to === undefined) return undefined;
  return { source, from, to, rows: scales[2] as number, columns: scales[3] as number };
};

/** With repeated columns, and repeated rows if there are to be any: [batch, blocks, cells, block]. */
const gathered = ({ from, to, rows, columns }: Enlarged, block: number, image: Value, once: boolean): Value => {
  const [batch, channels, height, width] = to;
  const cells = Op.reshape([batch, channels / block, from[2] * from[3], block])(image);
  const repeated = once ? 1 : rows;
  const places = Array.from({ length: (height / rows) * repeated * width }, (_, i) => {
    const [row, column] = [Math.floor(i / width), i % width];
    return Math.floor(row / repeated) * from[3] + Math.floor(column / columns);
  });
  return Op.gather(cells, Op.int64s(places), 2);
};

export const resize: Rule = (node, { block, isBlocked, blocked }) => {
  const enlarged = enlargedBy(node, block);
  if (enlarged === undefined || !isBlocked(enlarged.source)) return undefined;
  const cells = gathered(enlarged, block, blocked(enlarged.source) as Value, false);
  return inBlocks(named(node)(Op.reshape(enlarged.to)(cells)));
};

/**
 * The operands of an elementwise operator of which some are enlarged, by as many rows, and some are not, in shapes that broadcast:
 * [batch, blocks, height / rows, 1 or rows, width * block]. `undefined`: it has no such.
 */
export const rowsApart = (inputs: readonly Value[], y: Value, { block, plain, isBlocked, blocked }: Forms) => {
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
      : Op.reshape(shape(1))(gathered(of, block, blocked(of.source) as Value, true));
  });
  return { values, shape: shape(rows) };
};
