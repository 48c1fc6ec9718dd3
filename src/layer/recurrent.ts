/**
 * Recurrent layers, and what is wrapped around them.
 *
 * Sequences are `[batch, seq, features]`, as in Keras (PyTorch: `batch_first=True`); `seq` may be a name, so that one
 * model takes sequences of any length. The loop over time is in the graph, forwards and backwards.
 *
 * Masks. Steps that do not count (padding) are marked by a mask, one yes or no for each step, which comes from `masking`
 * or from `embedding` with `maskZero`. It is no tensor of its own: it travels beside the numbers through the layers that
 * keep time in its place (the list is `interpret/lower/masks`), is used up where time ends, and the types do not show
 * it. A recurrent layer copies its state at a masked step, so what it gives at the end is its output at the last step
 * that counts; its sequence repeats the output before. Attention gives masked keys no weight, batch normalisation takes its
 * statistics over the steps that count, and `globalAveragePool1d` behind `permute([2, 1])` their mean. Sums and means of
 * several tensors keep the mask if all have one: a step counts where it counts in any. Where the model's output still has
 * a mask, the loss counts the positions that it keeps.
 */
import type { Apply, Fn, Leaf } from '../shape/Fn.ts';
import type { ElementwiseOut } from '../shape/rules/Elementwise.ts';
import type { DirectionsOut, FoldTime, RecurrentOut, UnfoldTime } from '../shape/rules/Recurrent.ts';
import type { AnyShape, Known, Shape } from '../shape/Shape.ts';
import type { Layer, Only } from './Definition.ts';
import { define } from './Definition.ts';
import type { Cell, ConvLstmSpec, MergeMode, RecurrentSpec } from './SequenceSpec.ts';
import type { Spec } from './Spec.ts';
import type { GatedOptions, SimpleRnnOptions } from './stepping.ts';
import { stepping } from './stepping.ts';
import type { Tensor } from './Tensor.ts';
import { applied } from './Tensor.ts';

export type { GatedOptions, SimpleRnnOptions } from './stepping.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Recurrent<Op extends Cell, N extends number, C> extends Leaf {
  readonly out: RecurrentOut<Op, this['in'], N, C>;
  readonly units: N;
  readonly cell: Op;
}

/** A layer that `bidirectional` and `withState` take. */
export interface RecurrentLayer<F extends Fn> extends Layer<F> {
  readonly spec: RecurrentSpec;
}

export interface LstmOptions extends GatedOptions {
  /** Whether the forget gate's bias starts as 1; `true` by default. */
  readonly unitForgetBias?: boolean;
}

export interface GruOptions extends GatedOptions {
  /**
   * Whether the reset gate acts after the recurrent product (cuDNN's and PyTorch's form, with a second bias) and not
   * before it; `true` by default.
   */
  readonly resetAfter?: boolean;
}

type AnyOptions = LstmOptions & GruOptions;

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

const recurrentSpec = (op: Cell, units: number, o: AnyOptions): RecurrentSpec => ({
  op,
  units,
  ...stepping(o),
  unitForgetBias: op === 'lstm' && (o.unitForgetBias ?? true),
  resetAfter: op === 'gru' && (o.resetAfter ?? true),
});

const recurrent = <F extends Fn>(op: Cell, units: number, options: unknown): RecurrentLayer<F> =>
  define<F>(recurrentSpec(op, units, (options ?? {}) as AnyOptions)) as RecurrentLayer<F>;

/**
 * `h' = tanh(x kernel + h recurrent + bias)`. Shapes: `[batch, seq, features]` to `[batch, units]`, or to
 * `[batch, seq, units]` with `returnSequences`. Parameters: `kernel` `[features, units]`, `recurrent_kernel`
 * `[units, units]`, `bias` `[units]`. Keras `SimpleRNN`, PyTorch `RNN`.
 */
export const simpleRNN = <const N extends number, const C extends SimpleRnnOptions = {}>(
  units: N,
  options?: Only<'simpleRNN', C, SimpleRnnOptions>,
): RecurrentLayer<Recurrent<'simpleRNN', N, C>> => recurrent('simpleRNN', units, options);

/**
 * Long short-term memory, Hochreiter and Schmidhuber 1997: `c' = f c + i tanh(..)`, `h' = o tanh(c')`. Shapes as
 * `simpleRNN`. Parameters: `kernel` `[features, 4 units]`, `recurrent_kernel` `[units, 4 units]`, `bias` `[4 units]`, the
 * gates in the order i, f, c, o. Keras `LSTM`, PyTorch `LSTM` (which has the transposes, and two biases that add up).
 *
 * @example
 * model(input(['seq', 16]), lstm(64, { returnSequences: true }), lstm(32), dense(1, { activation: 'sigmoid' }))
 */
export const lstm = <const N extends number, const C extends LstmOptions = {}>(
  units: N,
  options?: Only<'lstm', C, LstmOptions>,
): RecurrentLayer<Recurrent<'lstm', N, C>> => recurrent('lstm', units, options);

/**
 * Gated recurrent unit, Cho et al. 2014: `h' = z h + (1 - z) tanh(..)`. Shapes as `simpleRNN`. Parameters: `kernel`
 * `[features, 3 units]`, `recurrent_kernel` `[units, 3 units]`, `bias` `[2, 3 units]` (of the input, of the state; only
 * `[3 units]` without `resetAfter`), the gates in the order z, r, h. Keras `GRU`, PyTorch `GRU` (gates r, z, n).
 */
export const gru = <const N extends number, const C extends GruOptions = {}>(
  units: N,
  options?: Only<'gru', C, GruOptions>,
): RecurrentLayer<Recurrent<'gru', N, C>> => recurrent('gru', units, options);

// -------------------------------------------------------------------------------------
// states
// -------------------------------------------------------------------------------------

/** A layer that `withState` takes. */
export interface StatefulLayer<F extends Fn> extends Layer<F> {
  readonly spec: RecurrentSpec | ConvLstmSpec;
}

type UnitsOf<F> = F extends { readonly units: infer N extends number } ? N : number;
type BatchOf<S> = S extends readonly [infer B extends string | number, ...unknown[]] ? B : number;
type State<F, S> = Tensor<[BatchOf<S>, UnitsOf<F>]>;
type States<F, S> = F extends { readonly cell: 'lstm' }
  ? readonly [State<F, S>, State<F, S>]
  : F extends { readonly cell: 'convLstm' }
    ? (F & { readonly in: S })['state' & keyof F] extends infer H
      ? readonly [Tensor<Known<H>>, Tensor<Known<H>>]
      : never
    : F extends { readonly cell: Cell }
      ? readonly [State<F, S>]
      : readonly State<F, S>[];

/**
 * A recurrent layer in a graph, with its states: `state` is what the layer carries after the last step, [h] or for lstm
 * [h, c], each `[batch, units]` (of a convolutional one `[batch, filters, ...cells]`). `initial` is what it carries before the first one, zeros by default: the state of an encoder
 * for a decoder. `name` is the layer's name, as `named` gives it: used twice, the two share their parameters. Keras's
 * `return_state` and `initial_state`; its stateful layers are this, with the state fed back.
 *
 * @example
 * graph({ x: ['seq', 8], y: ['out', 8] }, ({ x, y }) => {
 *   const encoder = withState(lstm(32), x);
 *   return withState(lstm(32, { returnSequences: true }), y, encoder.state).output;
 * })
 */
export const withState = <F extends Fn, S extends AnyShape>(
  layer: StatefulLayer<F>,
  x: [Apply<F, S>] extends [infer E extends string] ? E : Tensor<S>,
  initial?: NoInfer<States<F, S>>,
  name?: string,
): { readonly output: Tensor<Known<Apply<F, S>>>; readonly state: States<F, S> } => {
  const spec: Spec = name === undefined ? layer.spec : { op: 'named', name, layer: layer.spec };
  const output = applied<Known<Apply<F, S>>>(spec, [
    x as Tensor<unknown>,
    ...((initial ?? []) as readonly Tensor<unknown>[]),
  ]);
  const spatial = 'kernel' in layer.spec ? layer.spec.kernel.length : 0;
  const count = layer.spec.op === 'lstm' || spatial > 0 ? 2 : 1;
  const state = Array.from({ length: count }, (_, index) =>
    applied<Shape>({ op: 'recurrentState', index, spatial }, [output as Tensor<unknown>]),
  );
  return { output, state: state as unknown as States<F, S> };
};

// -------------------------------------------------------------------------------------
// wrappers
// -------------------------------------------------------------------------------------

export interface Bidirectional<F extends Fn, M, B extends Fn = F> extends Fn {
  readonly out: DirectionsOut<Apply<F, this['in']>, M, Apply<B, this['in']>>;
  readonly names: F['names'];
}

export interface BidirectionalOptions<M, B extends Fn = Fn> {
  /** How the two outputs become one; `'concat'` by default, which makes the last axis as long as both. */
  readonly mergeMode?: M;
  /**
   * The layer of the other direction, where it is not like the first; it runs against that one, with `goBackwards` or without. Both
   * give a sequence, or neither.
   */
  readonly backwardLayer?: RecurrentLayer<B>;
}

/**
 * The layer forwards in time, and a second one like it (with parameters of its own) backwards; the backward sequence is
 * turned round, so that both speak of the same step. Shapes as the layer's, with twice the units for `concat`.
 * Parameters: `forward_lstm.kernel`, `backward_lstm.kernel`, ... Keras `Bidirectional`, PyTorch `bidirectional=True`
 * (always `concat`).
 *
 * @example
 * bidirectional(lstm(64, { returnSequences: true }))      // [batch, seq, 128]
 * bidirectional(lstm(64), { backwardLayer: gru(32) })      // [batch, 96]
 */
export const bidirectional = <F extends Fn, const M extends MergeMode = 'concat', B extends Fn = F>(
  layer: RecurrentLayer<F>,
  options: BidirectionalOptions<M, B> = {},
): Layer<Bidirectional<F, M, B>> =>
  define({
    op: 'bidirectional',
    layer: layer.spec,
    mode: options.mergeMode ?? 'concat',
    ...(options.backwardLayer === undefined ? {} : { backward: options.backwardLayer.spec }),
  });

export interface TimeDistributed<F extends Fn> extends Fn {
  readonly out: FoldTime<this['in']> extends infer S
    ? S extends string
      ? S
      : UnfoldTime<this['in'], Apply<F, S> extends infer O ? (O extends string ? `timeDistributed > ${O}` : O) : never>
    : never;
  readonly names: F['names'];
}

/**
 * The layer on each step by itself, with the same parameters: `[batch, seq, ...]` goes through it as one batch of
 * `batch * seq` samples. (Batch normalisation inside therefore takes its statistics over all steps; Keras's goes from step
 * to step.) Keras `TimeDistributed`.
 *
 * @example
 * timeDistributed(conv2d({ filters: 8, kernel: 3 }))      // each frame of [batch, frames, channels, height, width]
 */
export const timeDistributed = <F extends Fn>(layer: Layer<F>): Layer<TimeDistributed<F>> =>
  define({ op: 'timeDistributed', layer: layer.spec as Spec });

export interface Masking extends Leaf {
  readonly out: this['in'] extends readonly [unknown, unknown, unknown, ...unknown[]]
    ? this['in']
    : ElementwiseOut<'masking', this['in']> extends infer E extends string
      ? E
      : 'masking: expects [batch,seq,...,features]';
}

/**
 * Marks the steps of which every feature is `maskValue` (0 by default) as masked, and zeroes them. The layers behind skip
 * them, see the head of this file. Shapes: `[batch, seq, ..., features]`, which stays. Keras `Masking` (which from rank 4 on
 * looks at each vector of the last axis by itself, where this is about whole steps).
 */
export const masking = (options: { readonly maskValue?: number } = {}): Layer<Masking> =>
  define({ op: 'masking', maskValue: options.maskValue ?? 0 });
