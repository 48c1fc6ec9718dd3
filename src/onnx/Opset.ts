/**
 * Operators in the form that a version of ONNX's operator set expects. Graphs are written for opset 18.
 */
import * as E from 'fp-ts/lib/Either.js';
import { tensor } from '../graph/Constants.ts';
import type { Attribute, Attributes, OperatorNode, Value } from '../graph/Graph.ts';
import { notExpressible, type OnnxError, unsupportedOpset } from './OnnxError.ts';

// -------------------------------------------------------------------------------------
// versions
// -------------------------------------------------------------------------------------

/** The oldest opset that is written. */
export const LOWEST_OPSET = 13;
/** The newest opset that is written. */
export const HIGHEST_OPSET = 21;

export const checkOpset = (opset: number): E.Either<OnnxError, number> =>
  Number.isInteger(opset) && opset >= LOWEST_OPSET && opset <= HIGHEST_OPSET
    ? E.right(opset)
    : E.left(unsupportedOpset(opset, LOWEST_OPSET, HIGHEST_OPSET));

/** The version of the file format that came with an opset. */
export const irVersion = (opset: number): number => (opset <= 18 ? 8 : opset <= 20 ? 9 : 10);

/** Operators that came after opset 13. */
const introduced: Readonly<Record<string, number>> = {
  HardSwish: 14,
  Trilu: 14,
  Bernoulli: 15,
  CastLike: 15,
  Optional: 15,
  OptionalGetElement: 15,
  OptionalHasElement: 15,
  GridSample: 16,
  BlackmanWindow: 17,
  DFT: 17,
  HammingWindow: 17,
  HannWindow: 17,
  LayerNormalization: 17,
  MelWeightMatrix: 17,
  STFT: 17,
  SequenceMap: 17,
  BitwiseAnd: 18,
  BitwiseNot: 18,
  BitwiseOr: 18,
  BitwiseXor: 18,
  CenterCropPad: 18,
  Col2Im: 18,
  GroupNormalization: 18,
  Mish: 18,
  DeformConv: 19,
  AffineGrid: 20,
  Gelu: 20,
  ImageDecoder: 20,
  RegexFullMatch: 20,
  StringConcat: 20,
  StringSplit: 20,
};

// -------------------------------------------------------------------------------------
// older forms
// -------------------------------------------------------------------------------------

const axesWereAttributes = new Set(
  ['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'SumSquare'].map((r) => `Reduce${r}`),
);

const without = (attributes: Attributes, name: string): Attributes =>
  Object.fromEntries(Object.entries(attributes).filter(([key]) => key !== name));

const constantInts = (value: Value): Attribute | undefined =>
  value.node._tag === 'Constant' ? { _tag: 'Ints', value: Array.from(value.node.data.data, Number) } : undefined;

const reduceWithAttribute = (node: OperatorNode, opset: number): E.Either<OnnxError, OperatorNode> => {
  const [x, axes] = node.inputs;
  const attributes = without(node.attributes, 'noop_with_empty_axes');
  if (axes === undefined) return E.right({ ...node, inputs: [x], attributes });
  const value = constantInts(axes);
  return value === undefined
    ? E.left(notExpressible(node.operator, `axes must be constants in opset ${opset}: write for opset 18`))
    : E.right({ ...node, inputs: [x], attributes: { ...attributes, axes: value } });
};

const needs = (operator: string, feature: string, since: number, opset: number): E.Either<OnnxError, never> =>
  E.left(notExpressible(operator, `${feature} came with opset ${since}, this graph is written for opset ${opset}`));

const scatter = (node: OperatorNode, opset: number): E.Either<OnnxError, OperatorNode> => {
  const reduction = node.attributes.reduction;
  const kind = reduction?._tag === 'String' ? reduction.value : 'none';
  if ((kind === 'max' || kind === 'min') && opset < 18) return needs(node.operator, `reduction '${kind}'`, 18, opset);
  if (opset >= 16) return E.right(node);
  return kind === 'none'
    ? E.right({ ...node, attributes: without(node.attributes, 'reduction') })
    : needs(node.operator, `reduction '${kind}'`, 16, opset);
};

/** `num_outputs` says what the number of outputs says too, unless the last part is smaller. */
const split = (node: OperatorNode, opset: number): E.Either<OnnxError, OperatorNode> => {
  if (opset >= 18 || node.attributes.num_outputs === undefined) return E.right(node);
  const axis = node.attributes.axis?._tag === 'Int' ? node.attributes.axis.value : 0;
  const shape = node.inputs[0]?.type.shape ?? [];
  const size = shape[axis < 0 ? axis + shape.length : axis];
  return typeof size === 'number' && size % node.outputs.length === 0
    ? E.right({ ...node, attributes: without(node.attributes, 'num_outputs') })
    : needs('Split', 'a number of parts that may not be equal', 18, opset);
};

const known = (value: Value | undefined): readonly number[] | undefined =>
  value?.node._tag === 'Constant' ? Array.from(value.node.data.data, Number) : undefined;

/** Without `axes` scales are of all axes; a size of one axis is a scale of it, where that gives the size back. */
const resize = (node: OperatorNode, opset: number): E.Either<OnnxError, OperatorNode> => {
  const axes = node.attributes.axes?._tag === 'Ints' ? node.attributes.axes.value : undefined;
  if (axes === undefined) return E.right(node);
  const shape = node.inputs[0]?.type.shape ?? [];
  const [scales, sizes] = [known(node.inputs[2]), known(node.inputs[3])];
  const given = axes.map((axis, i) => {
    const size = shape[axis];
    const wanted = sizes?.[i];
    if (wanted === undefined) return scales?.[i];
    const scale = typeof size === 'number' ? Math.fround(wanted / size) : undefined;
    return scale !== undefined && Math.floor(Math.fround(Number(size) * scale)) === wanted ? scale : undefined;
  });
  if (given.includes(undefined)) return needs('Resize', 'to sizes of some axes only', 18, opset);
  const all = shape.map((_, i) => given[axes.indexOf(i)] ?? 1);
  return E.right({
    ...node,
    inputs: [node.inputs[0], undefined, tensor(all, [all.length], 'float32')],
    attributes: without(node.attributes, 'axes'),
  });
};

const narrow = new Set(['uint8', 'int32']);

/** The node as the opset has it, or why the opset cannot say it. */
export const inOpset =
  (opset: number) =>
  (node: OperatorNode): E.Either<OnnxError, OperatorNode> => {
    if (node.domain !== '') return E.right(node);
    const { operator } = node;
    const since = introduced[operator] ?? 0;
    if (since > opset) return needs(operator, 'the operator', since, opset);
    const dtype = node.inputs[0]?.type.dtype ?? 'float32';
    if (opset < 14 && dtype === 'uint8' && ['Add', 'Sub', 'Mul', 'Div'].includes(operator))
      return needs(operator, 'uint8', 14, opset);
    if (opset < 14 && narrow.has(dtype) && operator === 'Relu') return needs(operator, dtype, 14, opset);
    if (opset < 18 && axesWereAttributes.has(operator)) return reduceWithAttribute(node, opset);
    if (operator === 'Pad' && opset < 18 && node.inputs[3] !== undefined) return needs(operator, 'axes', 18, opset);
    if (operator === 'AveragePool' && opset < 19 && node.attributes.dilations !== undefined)
      return needs(operator, 'dilations', 19, opset);
    if (operator === 'ScatterElements' || operator === 'ScatterND') return scatter(node, opset);
    if (operator === 'Resize' && opset < 18) return resize(node, opset);
    return operator === 'Split' ? split(node, opset) : E.right(node);
  };
