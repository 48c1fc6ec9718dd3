/**
 * Recurrent, attention and position layers as plain data. See `Spec.ts`.
 */
import type { Activation, Governed, Initializer } from './Options.ts';

// -------------------------------------------------------------------------------------
// recurrent
// -------------------------------------------------------------------------------------

export type Cell = 'simpleRNN' | 'lstm' | 'gru';

/** Inputs: the sequence, then the initial states if they are given. */
export interface RecurrentSpec extends Governed {
  readonly op: Cell;
  readonly units: number;
  readonly activation: Activation;
  /** Of the gates; not used by simpleRNN. */
  readonly recurrentActivation: Activation;
  readonly useBias: boolean;
  readonly kernelInitializer: Initializer;
  readonly recurrentInitializer: Initializer;
  readonly biasInitializer: Initializer;
  /** lstm: the forget gate's bias starts as 1. */
  readonly unitForgetBias: boolean;
  /** gru: the reset gate acts after the recurrent product. */
  readonly resetAfter: boolean;
  readonly dropout: number;
  readonly recurrentDropout: number;
  readonly returnSequences: boolean;
  readonly goBackwards: boolean;
  /** At a masked step a sequence has zeros instead of the output before. */
  readonly zeroOutputForMask: boolean;
  /** No gradient flows from step i to step i - 1 where i is a multiple of this. */
  readonly truncate: number | undefined;
}

export type ConvCell = 'convLstm1d' | 'convLstm2d' | 'convLstm3d';

/** Inputs as `RecurrentSpec`. One number for each spatial axis. */
export interface ConvLstmSpec extends Omit<RecurrentSpec, 'op' | 'units' | 'resetAfter'> {
  readonly op: ConvCell;
  readonly filters: number;
  readonly kernel: readonly number[];
  /** Of the input's convolution; the state's has 1, and `'same'`, and no dilation. */
  readonly strides: readonly number[];
  readonly padding: 'same' | 'valid';
  readonly dilation: readonly number[];
}

export type MergeMode = 'concat' | 'sum' | 'mul' | 'ave';

// -------------------------------------------------------------------------------------
// attention
// -------------------------------------------------------------------------------------

/** Inputs: one tensor that attends to itself; or query, value and key; and a mask behind those. */
export interface DotAttentionSpec {
  readonly op: 'attention' | 'additiveAttention';
  readonly useScale: boolean;
  readonly scoreMode: 'dot' | 'concat';
  readonly dropout: number;
  readonly causal: boolean;
}

/** Inputs as `DotAttentionSpec`. */
export interface MultiHeadAttentionSpec extends Governed {
  readonly op: 'multiHeadAttention' | 'groupedQueryAttention';
  readonly heads: number;
  /** Heads of keys and values; `heads` is a multiple of it. */
  readonly keyValueHeads: number;
  readonly keyDim: number;
  readonly valueDim: number;
  readonly useBias: boolean;
  /** Size of the result's last axis; the query's by default. */
  readonly outputSize: number | undefined;
  readonly dropout: number;
  readonly causal: boolean;
  /** Rotary positions on queries and keys: the longest wavelength's base. */
  readonly rotary: number | undefined;
  /** A query sees the keys less than so many steps away. */
  readonly slidingWindow: number | undefined;
  /** Whether each head's result is multiplied by a sigmoid of the query. */
  readonly useGate: boolean;
  /** The axes that attend, of inputs of any rank; undefined: the middle one of three. */
  readonly attentionAxes: readonly number[] | undefined;
  readonly kernelInitializer: Initializer;
  readonly biasInitializer: Initializer;
}

export type AttentionSpec = DotAttentionSpec | MultiHeadAttentionSpec;

// -------------------------------------------------------------------------------------
// all of them
// -------------------------------------------------------------------------------------

export type SequenceLeaf =
  | RecurrentSpec
  | ConvLstmSpec
  /** State `index` of the recurrent layer that it is applied to, which has so many spatial axes. */
  | { readonly op: 'recurrentState'; readonly index: number; readonly spatial: number }
  /** Of a forward and a backward layer's outputs; a sequence of the second is turned round first. */
  | { readonly op: 'mergeDirections'; readonly mode: MergeMode; readonly sequences: boolean }
  | { readonly op: 'masking'; readonly maskValue: number }
  /** Batch and time as one axis. */
  | { readonly op: 'foldTime' }
  /** The first input with its first axis as batch and time of the second. */
  | { readonly op: 'unfoldTime' }
  | AttentionSpec
  /** The weights of the attention layer that its first input is the output of; the second is the value. `heads`: if it has any. */
  | { readonly op: 'attentionScores'; readonly heads: number | undefined }
  | { readonly op: 'sinusoidalPositions'; readonly maxWavelength: number }
  | { readonly op: 'learnedPositions'; readonly maxLength: number; readonly initializer: Initializer }
  | { readonly op: 'rotaryPositions'; readonly maxWavelength: number };

const sequenceOps: ReadonlySet<string> = new Set<SequenceLeaf['op']>([
  'simpleRNN',
  'lstm',
  'gru',
  'convLstm1d',
  'convLstm2d',
  'convLstm3d',
  'recurrentState',
  'mergeDirections',
  'masking',
  'foldTime',
  'unfoldTime',
  'attention',
  'additiveAttention',
  'multiHeadAttention',
  'groupedQueryAttention',
  'attentionScores',
  'sinusoidalPositions',
  'learnedPositions',
  'rotaryPositions',
]);

const convCells: ReadonlySet<string> = new Set<ConvCell>(['convLstm1d', 'convLstm2d', 'convLstm3d']);

export const isConvLstm = <S extends { readonly op: string }>(spec: S): spec is Extract<S, { readonly op: ConvCell }> =>
  convCells.has(spec.op);

export const isSequence = <S extends { readonly op: string }>(spec: S): spec is Extract<S, SequenceLeaf> =>
  sequenceOps.has(spec.op);
