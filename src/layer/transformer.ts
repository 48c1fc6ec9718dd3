/**
 * Blocks of transformers, as plain compositions of public layers: copy one to change it.
 *
 * Sizes. `features` is the size of the model, the input's last axis; each of the `heads` has `features / heads` of it, and
 * the feed-forward part is `intermediate` wide. Post-norm (the default, Vaswani et al. 2017) normalises after each sum,
 * pre-norm (`normalizeFirst`, as GPT-2) before each part, and then wants a `layerNormalization` behind the last block.
 */
import type { Id, Seq } from '../shape/Fn.ts';
import type { Mod } from '../shape/Nat.ts';
import type { MultiHeadAttention } from './attention.ts';
import { attend, multiHeadAttention } from './attention.ts';
import type { Residual } from './combinators.ts';
import { residual, sequential } from './combinators.ts';
import type { Dense } from './core.ts';
import { dense } from './core.ts';
import type { Layer } from './Definition.ts';
import { add } from './merging.ts';
import { type LayerNormalization, layerNormalization } from './normalization.ts';
import type { Activation } from './Options.ts';
import type { Dropout } from './regularization.ts';
import { dropout } from './regularization.ts';
import type { Spec } from './Spec.ts';
import type { Tensor } from './Tensor.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface TransformerOptions<D extends number = number, I extends number = number> {
  /** Size of the model; the input's last axis. */
  readonly features: D;
  /** `features` must be a multiple of it. */
  readonly heads: number;
  /** Width of the feed-forward part. */
  readonly intermediate: I;
  /** Of the feed-forward part; `'relu'` by default. */
  readonly activation?: Activation;
  /** In training, of attention weights and of each part's result; 0 by default. */
  readonly dropout?: number;
  /** Whether the normalisations stand before the parts; `false` by default. */
  readonly normalizeFirst?: boolean;
  /** Of the normalisations; 1e-5 by default. */
  readonly epsilon?: number;
  /** Of the encoder block: whether a step attends to itself and what lies before it only; `false` by default. */
  readonly causal?: boolean;
  /** Whether queries and keys are turned by their positions; `false` by default. */
  readonly rotary?: boolean | number;
}

/** Attention to itself is causal. */
interface DecoderOptions<D extends number, I extends number, H extends number>
  extends Omit<TransformerOptions<D, I>, 'causal'> {
  readonly heads: H;
}

/** The message in place of the options, where heads do not share the features evenly. */
type Shared<Op extends string, D extends number, H, Options> = H extends number
  ? number extends D | H
    ? Options
    : Mod<D, H> extends 0
      ? Options
      : `${Op}: ${D} features are not divisible by ${H} heads`
  : Options;

type Heads = MultiHeadAttention<'multiHeadAttention', { readonly heads: number; readonly keyDim: number }>;
type FeedForward<D extends number, I extends number> = [Dense<I>, Dense<D>, Dropout<number>];
type Norm = LayerNormalization<{}>;

/** One block: the sizes of its dense layers are what the compiler checks. */
export type TransformerBlock<D extends number, I extends number, C> = C extends { readonly normalizeFirst: true }
  ? Seq<[Residual<Seq<[Norm, Heads, Dropout<number>]>, Id>, Residual<Seq<[Norm, ...FeedForward<D, I>]>, Id>]>
  : Seq<[Residual<Seq<[Heads, Dropout<number>]>, Id>, Norm, Residual<Seq<FeedForward<D, I>>, Id>, Norm]>;

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

/** A layer or a tensor whatever its shapes: here the compiler checks nothing, the results' types are the promise. */
type Part = { readonly spec: Spec };
type Flow = Tensor<unknown>;

const row = sequential as unknown as (...layers: readonly Part[]) => Part;
const around = residual as unknown as (body: Part) => Part;
const sum = add as unknown as (a: Flow, b: Flow) => Flow;
const meet = attend as unknown as (layer: Part, to: { readonly query: Flow; readonly value: Flow }) => Flow;
const on = (x: Flow, ...layers: readonly Part[]): Flow =>
  layers.reduce((y, layer) => (layer as unknown as (x: Flow) => Flow)(y), x);

const parts = (o: TransformerOptions) => ({
  norm: (): Part => layerNormalization({ epsilon: o.epsilon ?? 1e-5 }),
  drop: (): Part => dropout(o.dropout ?? 0),
  heads: (causal: boolean, rotary: boolean | number = false): Part =>
    multiHeadAttention({
      heads: o.heads,
      // A fraction is refused there.
      keyDim: o.features / o.heads,
      dropout: o.dropout ?? 0,
      causal,
      rotary,
    }),
  forward: (): Part =>
    row(dense(o.intermediate, { activation: o.activation ?? 'relu' }), dense(o.features), dropout(o.dropout ?? 0)),
});

// -------------------------------------------------------------------------------------
// blocks
// -------------------------------------------------------------------------------------

/**
 * Self-attention and a feed-forward part, each with a residual and a normalisation. Shapes: `[batch, seq, features]`, which
 * stays. With `causal: true` it is the block of a decoder without an encoder, as in GPT. KerasHub `TransformerEncoder` (and
 * `TransformerDecoder` without cross-attention), PyTorch `TransformerEncoderLayer` (whose heads split the same way).
 *
 * @example
 * const gpt = model(
 *   tokens(['seq']), embedding(256, 64), learnedPositions(128),
 *   repeat(4, transformerEncoder({ features: 64, heads: 4, intermediate: 256, normalizeFirst: true, causal: true })),
 *   layerNormalization(), dense(256),
 * );
 */
export const transformerEncoder = <
  const D extends number,
  const I extends number,
  const C extends TransformerOptions<D, I>,
>(
  options: Shared<'transformerEncoder', D, C['heads'], C & TransformerOptions<D, I>>,
): Layer<TransformerBlock<D, I, C>> => {
  const o = options as TransformerOptions;
  const { norm, drop, heads, forward } = parts(o);
  const attention = heads(o.causal ?? false, o.rotary);
  const block =
    o.normalizeFirst === true
      ? row(around(row(norm(), attention, drop())), around(row(norm(), forward())))
      : row(around(row(attention, drop())), norm(), around(forward()), norm());
  return block as unknown as Layer<TransformerBlock<D, I, C>>;
};

/**
 * Causal self-attention, attention to an encoder's output (`memory`), and a feed-forward part. Shapes: `[batch, out,
 * features]` and memory `[batch, seq, any]` to `[batch, out, features]`. On tensors in a graph, as it has two inputs. KerasHub
 * `TransformerDecoder`, PyTorch `TransformerDecoderLayer`.
 *
 * @example
 * graph({ source: ['seq', 64], target: ['out', 64] }, ({ source, target }) =>
 *   transformerDecoder({ features: 64, heads: 4, intermediate: 256 })(target, encoder(source)))
 */
export const transformerDecoder = <const D extends number, const I extends number, const H extends number>(
  options: Shared<'transformerDecoder', D, H, DecoderOptions<D, I, H>>,
): (<B extends string | number, T extends string | number, M extends string | number, F extends string | number>(
  target: Tensor<[B, T, D]>,
  memory: Tensor<[B, M, F]>,
) => Tensor<[B, T, D]>) => {
  // One description for all its uses: they share their parameters.
  const o = options as TransformerOptions;
  const { norm, drop, heads, forward } = parts(o);
  const [self, cross, inner] = [heads(true, o.rotary), heads(false), forward()];
  const norms = [norm(), norm(), norm()] as const;
  return <B, T>(target: Tensor<[B, T, D]>, memory: Flow) => {
    const across = (x: Flow): Flow => on(meet(cross, { query: x, value: memory }), drop());
    const decoded = (x: Flow): Flow => {
      if (o.normalizeFirst === true) {
        const a = sum(x, on(x, norms[0], self, drop()));
        const b = sum(a, across(on(a, norms[1])));
        return sum(b, on(b, norms[2], inner));
      }
      const a = on(sum(x, on(x, self, drop())), norms[0]);
      const b = on(sum(a, across(a)), norms[1]);
      return on(sum(b, on(b, inner)), norms[2]);
    };
    return decoded(target) as Tensor<[B, T, D]>;
  };
};
