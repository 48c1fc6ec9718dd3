/**
 * What recurrent, attention and position layers make of the shapes of their inputs: output and parameters.
 */
import * as E from 'fp-ts/lib/Either.js';
import { glorotUniform, ones } from '../layer/Initializer.ts';
import type { Initializer } from '../layer/Options.ts';
import type {
  ConvLstmSpec,
  DotAttentionSpec,
  MultiHeadAttentionSpec,
  RecurrentSpec,
  SequenceLeaf,
} from '../layer/SequenceSpec.ts';
import { isConvLstm } from '../layer/SequenceSpec.ts';
import * as Attention from '../shape/rules/Attention.ts';
import { convLstm, convLstmOptions } from '../shape/rules/ConvRecurrent.ts';
import { elementwise } from '../shape/rules/Elementwise.ts';
import * as Recurrent from '../shape/rules/Recurrent.ts';
import type { AnyShape } from '../shape/Shape.ts';
import { dims, isInt } from '../shape/Shape.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** A parameter that is trained. `fans` of the matrix that the initializer sees. */
export interface SequenceParameter {
  readonly role: string;
  readonly shape: readonly number[];
  readonly initializer: Initializer;
  readonly keras: readonly number[];
}

// -------------------------------------------------------------------------------------
// shapes
// -------------------------------------------------------------------------------------

const states = (spec: RecurrentSpec): number => (spec.op === 'lstm' ? 2 : 1);

export const sequenceOptionsError = (spec: SequenceLeaf): string | undefined => {
  if (isConvLstm(spec)) return convLstmOptions(spec);
  switch (spec.op) {
    case 'simpleRNN':
    case 'lstm':
    case 'gru':
      return Recurrent.recurrentOptions(spec.op, spec);
    case 'multiHeadAttention':
    case 'groupedQueryAttention':
      return Attention.headsOptions(spec.op, spec);
    default:
      return undefined;
  }
};

const masking = (input: AnyShape): E.Either<string, AnyShape> =>
  isInt(input) || input.length >= 3
    ? elementwise('masking')(input)
    : E.left('masking: expects [batch,seq,...,features]');

const inputsOf = (spec: SequenceLeaf): readonly number[] => {
  if (isConvLstm(spec)) return [1, 3];
  switch (spec.op) {
    case 'simpleRNN':
    case 'lstm':
    case 'gru':
      return [1, 1 + states(spec)];
    case 'attention':
    case 'additiveAttention':
    case 'multiHeadAttention':
    case 'groupedQueryAttention':
      return [1, 3, 4];
    case 'mergeDirections':
    case 'unfoldTime':
    case 'attentionScores':
      return [2];
    default:
      return [1];
  }
};

export const sequenceOutput = (spec: SequenceLeaf, inputs: readonly AnyShape[]): E.Either<string, AnyShape> => {
  const [first] = inputs;
  const counts = inputsOf(spec);
  if (first === undefined || !counts.includes(inputs.length))
    return E.left(`${spec.op}: expects ${counts.join(' or ')} inputs, got ${inputs.length}`);
  if (isConvLstm(spec)) return convLstm(spec)(inputs);
  switch (spec.op) {
    case 'simpleRNN':
    case 'lstm':
    case 'gru':
      return Recurrent.recurrent(spec.op, spec, states(spec))(inputs);
    case 'recurrentState':
      return Recurrent.recurrentState(spec.spatial)(first);
    case 'mergeDirections':
      return Recurrent.directions(spec.mode)(inputs);
    case 'masking':
      return masking(first);
    case 'foldTime':
      return Recurrent.foldTime(first);
    case 'unfoldTime':
      return Recurrent.unfoldTime(inputs);
    case 'attention':
    case 'additiveAttention':
      return Attention.attention(spec.op, spec.dropout)(inputs);
    case 'multiHeadAttention':
    case 'groupedQueryAttention':
      return Attention.multiHead(spec.op, spec)(inputs);
    case 'attentionScores':
      return Attention.attentionScores(spec.heads)(inputs);
    case 'sinusoidalPositions':
      return Attention.sinusoidal(first);
    case 'learnedPositions':
      return Attention.learned(spec.maxLength)(first);
    case 'rotaryPositions':
      return Attention.rotary(first);
  }
};

// -------------------------------------------------------------------------------------
// parameters
// -------------------------------------------------------------------------------------

const features = (shape: AnyShape | undefined): number => {
  const last = shape === undefined ? undefined : dims(shape).at(-1);
  return typeof last === 'number' ? last : 0;
};

const parameter = (
  role: string,
  shape: readonly number[],
  initializer: Initializer,
  keras: readonly number[] = shape,
): SequenceParameter => ({ role, shape, initializer, keras });

/** With the forget gate open, if asked for. */
const biasOf = (spec: RecurrentSpec | ConvLstmSpec): Initializer =>
  spec.unitForgetBias
    ? { _tag: 'Parts', parts: [spec.biasInitializer, ones, spec.biasInitializer, spec.biasInitializer] }
    : spec.biasInitializer;

const recurrent = (spec: RecurrentSpec, input: AnyShape): readonly SequenceParameter[] => {
  const { units } = spec;
  const width = { simpleRNN: 1, lstm: 4, gru: 3 }[spec.op] * units;
  const bias = biasOf(spec);
  return [
    parameter('kernel', [features(input), width], spec.kernelInitializer),
    parameter('recurrent_kernel', [units, width], spec.recurrentInitializer),
    ...(spec.useBias ? [parameter('bias', spec.resetAfter ? [2, width] : [width], bias)] : []),
  ];
};

/** Kernels `[4 filters, in, ...kernel]`, in Keras `[...kernel, in, 4 filters]`. */
const convolutional = (spec: ConvLstmSpec, input: AnyShape): readonly SequenceParameter[] => {
  const { filters, kernel } = spec;
  const channels = dims(input)[2];
  const of = (role: string, from: number, initializer: Initializer) =>
    parameter(role, [4 * filters, from, ...kernel], initializer, [...kernel, from, 4 * filters]);
  return [
    of('kernel', typeof channels === 'number' ? channels : 0, spec.kernelInitializer),
    of('recurrent_kernel', filters, spec.recurrentInitializer),
    ...(spec.useBias ? [parameter('bias', [4 * filters], biasOf(spec))] : []),
  ];
};

const dotAttention = (spec: DotAttentionSpec, inputs: readonly AnyShape[]): readonly SequenceParameter[] => {
  if (spec.op === 'additiveAttention')
    return spec.useScale ? [parameter('scale', [features(inputs[2] ?? inputs[0])], glorotUniform)] : [];
  return [
    ...(spec.useScale ? [parameter('scale', [], ones)] : []),
    ...(spec.scoreMode === 'concat' ? [parameter('concat_score_weight', [], ones)] : []),
  ];
};

const heads = (spec: MultiHeadAttentionSpec, inputs: readonly AnyShape[]): readonly SequenceParameter[] => {
  const [query, value = query, key = value] = inputs.map(features);
  const out = spec.outputSize ?? query ?? 0;
  const projection = (name: string, size: number | undefined, count: number, dim: number) => [
    parameter(`${name}_kernel`, [size ?? 0, count, dim], spec.kernelInitializer, [size ?? 0, count * dim]),
    ...(spec.useBias ? [parameter(`${name}_bias`, [count, dim], spec.biasInitializer)] : []),
  ];
  return [
    ...projection('query', query, spec.heads, spec.keyDim),
    ...projection('key', key, spec.keyValueHeads, spec.keyDim),
    ...(spec.useGate ? projection('gate', query, spec.heads, spec.valueDim) : []),
    ...projection('value', value, spec.keyValueHeads, spec.valueDim),
    parameter('output_kernel', [spec.heads, spec.valueDim, out], spec.kernelInitializer, [
      spec.heads * spec.valueDim,
      out,
    ]),
    ...(spec.useBias ? [parameter('output_bias', [out], spec.biasInitializer)] : []),
  ];
};

/** In Keras's order and layouts. The inputs' shapes must have passed the layer's rule. */
export const sequenceParameters = (spec: SequenceLeaf, inputs: readonly AnyShape[]): readonly SequenceParameter[] => {
  const [first] = inputs;
  if (first === undefined) return [];
  if (isConvLstm(spec)) return convolutional(spec, first);
  switch (spec.op) {
    case 'simpleRNN':
    case 'lstm':
    case 'gru':
      return recurrent(spec, first);
    case 'attention':
    case 'additiveAttention':
      return dotAttention(spec, inputs);
    case 'multiHeadAttention':
    case 'groupedQueryAttention':
      return heads(spec, inputs);
    case 'learnedPositions':
      return [parameter('embeddings', [spec.maxLength, features(first)], spec.initializer)];
    default:
      return [];
  }
};
