/**
 * Recurrent layers on sequences of images: long short-term memory whose products are convolutions, Shi et al. 2015.
 *
 * Sequences are `[batch, seq, channels, ...cells]`, as Keras's with `data_format='channels_first'`; `seq` may be a name, the
 * other sizes must be known. Masks, states (`withState`) and truncation are those of `recurrent`.
 */
import type { Fn, Leaf } from '../shape/Fn.ts';
import type { ConvLstmOut, ConvLstmState } from '../shape/rules/ConvRecurrent.ts';
import type { Rank, SizeOf } from '../shape/rules/Window.ts';
import type { Only } from './Definition.ts';
import { define, perAxis } from './Definition.ts';
import type { LstmOptions, StatefulLayer } from './recurrent.ts';
import type { ConvLstmSpec } from './SequenceSpec.ts';
import { stepping } from './stepping.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface ConvLstmOptions<N extends Rank> extends LstmOptions {
  /** Channels of the state and of the output. */
  readonly filters: number;
  /** The kernels' size along each spatial axis, of the input's convolution and of the state's; one number for all. */
  readonly kernel: SizeOf<N>;
  /** Of the input's convolution; 1 by default. */
  readonly strides?: SizeOf<N>;
  /** Of the input's convolution: `'valid'` (none) by default, or `'same'`. The state's is always `'same'`. */
  readonly padding?: 'same' | 'valid';
  /** Of the input's convolution; 1 by default. */
  readonly dilation?: SizeOf<N>;
}

export interface ConvLstm<N extends Rank, C extends ConvLstmOptions<N>> extends Leaf {
  readonly out: ConvLstmOut<N, this['in'], C>;
  readonly state: ConvLstmState<N, this['in'], C>;
  readonly cell: 'convLstm';
}

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

const spec = (rank: Rank, o: ConvLstmOptions<Rank>): ConvLstmSpec => ({
  op: `convLstm${rank}d`,
  filters: o.filters,
  kernel: perAxis(rank, o.kernel),
  strides: perAxis(rank, o.strides ?? 1),
  padding: o.padding ?? 'valid',
  dilation: perAxis(rank, o.dilation ?? 1),
  ...stepping(o),
  unitForgetBias: o.unitForgetBias ?? true,
});

const convLstm = <F extends Fn>(rank: Rank, options: unknown): StatefulLayer<F> =>
  define<F>(spec(rank, options as ConvLstmOptions<Rank>)) as StatefulLayer<F>;

/**
 * `convLstm2d` along one axis: `[batch, seq, channels, length]` to `[batch, filters, length']`, or to `[batch, seq, filters,
 * length']` with `returnSequences`. Keras `ConvLSTM1D` (channels first).
 */
export const convLstm1d = <const C extends ConvLstmOptions<1>>(
  options: Only<'convLstm1d', C, ConvLstmOptions<1>>,
): StatefulLayer<ConvLstm<1, C>> => convLstm(1, options);

/**
 * Long short-term memory of images: `c' = f c + i tanh(..)`, `h' = o tanh(c')`, each gate a convolution of the step plus one
 * of the state. Shapes: `[batch, seq, channels, height, width]` to `[batch, filters, height', width']`, counted as for
 * `conv2d`, or to `[batch, seq, filters, height', width']` with `returnSequences`. Parameters: `kernel` `[4 filters, channels,
 * height, width]`, `recurrent_kernel` `[4 filters, filters, height, width]`, `bias` `[4 filters]`, the gates in the order i,
 * f, c, o; the forget gate's bias starts as 1. With `dropout` and `recurrentDropout` each gate drops numbers of its own, the
 * same ones at every step. Keras `ConvLSTM2D` (channels first); PyTorch has none.
 *
 * @example
 * model(input(['frames', 1, 64, 64]),
 *   convLstm2d({ filters: 16, kernel: 3, padding: 'same', returnSequences: true }),
 *   convLstm2d({ filters: 8, kernel: 3, padding: 'same' }),
 *   conv2d({ filters: 1, kernel: 1, activation: 'sigmoid' }))           // the next frame: [batch, 1, 64, 64]
 */
export const convLstm2d = <const C extends ConvLstmOptions<2>>(
  options: Only<'convLstm2d', C, ConvLstmOptions<2>>,
): StatefulLayer<ConvLstm<2, C>> => convLstm(2, options);

/**
 * `convLstm2d` of volumes: `[batch, seq, channels, depth, height, width]` to `[batch, filters, depth', height', width']`, or
 * with `seq` in front of the filters with `returnSequences`. Keras `ConvLSTM3D` (channels first).
 */
export const convLstm3d = <const C extends ConvLstmOptions<3>>(
  options: Only<'convLstm3d', C, ConvLstmOptions<3>>,
): StatefulLayer<ConvLstm<3, C>> => convLstm(3, options);
