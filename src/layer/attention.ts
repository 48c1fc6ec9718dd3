/**
 * Attention: each step of a sequence looks at the steps of another one, or of itself.
 *
 * As layers they attend from one sequence to itself; `attend` applies them to a query, a value and a key. All are
 * `[batch, seq, features]` (of any rank with `attentionAxes`), and lengths may be names. Padding masks (see `recurrent`) of values and keys are respected:
 * masked keys get no weight.
 */
import type { Apply, Fn, Leaf } from '../shape/Fn.ts';
import type { AttentionOut, MaskError, MultiHeadOut, ScoresOut, Sources } from '../shape/rules/Attention.ts';
import type { AnyShape, Int, Known, Shape } from '../shape/Shape.ts';
import type { Layer, Only } from './Definition.ts';
import { define } from './Definition.ts';
import { governed, type KernelGoverning } from './governing.ts';
import { glorotUniform, zeros } from './Initializer.ts';
import type { Governed, Initializer } from './Options.ts';
import type { MultiHeadAttentionSpec } from './SequenceSpec.ts';
import type { Spec } from './Spec.ts';
import type { Tensor } from './Tensor.ts';
import { applied } from './Tensor.ts';

// -------------------------------------------------------------------------------------
// dot and additive
// -------------------------------------------------------------------------------------

export interface Attention<Op extends 'attention' | 'additiveAttention', C> extends Leaf {
  readonly out: AttentionOut<Op, this['in'], C>;
}

export interface AdditiveAttentionOptions {
  /** Whether there is a learned scale; see the layer for its default. */
  readonly useScale?: boolean;
  /** In training, the share of the weights that are dropped; 0 by default. */
  readonly dropout?: number;
  /** Whether a step attends to itself and what lies before it only; `false` by default. */
  readonly causal?: boolean;
}

export interface AttentionOptions extends AdditiveAttentionOptions {
  /** `'dot'` by default: query times key; `'concat'`: the sum of `tanh(query + key)`, times a learned number. */
  readonly scoreMode?: 'dot' | 'concat';
}

/**
 * `softmax(query key^T) value`, Luong et al. 2015. There is no division by the root of the features, as in Keras: see
 * `multiHeadAttention`. With `useScale` (off by default) the product has one learned factor, `scale`. Shapes: query
 * `[batch, queries, features]`, key `[batch, keys, features]`, value `[batch, keys, values]` to `[batch, queries, values]`.
 * Keras `Attention`.
 */
export const attention = <const C extends AttentionOptions = {}>(
  options?: Only<'attention', C, AttentionOptions>,
): Layer<Attention<'attention', C>> => {
  const o = (options ?? {}) as AttentionOptions;
  return define({
    op: 'attention',
    useScale: o.useScale ?? false,
    scoreMode: o.scoreMode ?? 'dot',
    dropout: o.dropout ?? 0,
    causal: o.causal ?? false,
  });
};

/**
 * `softmax(sum(scale tanh(query + key))) value`, Bahdanau et al. 2015. `scale` has one number for each feature; without
 * `useScale` (on by default) it is 1. Shapes as `attention`. Keras `AdditiveAttention`.
 */
export const additiveAttention = <const C extends AdditiveAttentionOptions = {}>(
  options?: Only<'additiveAttention', C, AdditiveAttentionOptions>,
): Layer<Attention<'additiveAttention', C>> => {
  const o = (options ?? {}) as AdditiveAttentionOptions;
  return define({
    op: 'additiveAttention',
    useScale: o.useScale ?? true,
    scoreMode: 'concat',
    dropout: o.dropout ?? 0,
    causal: o.causal ?? false,
  });
};

// -------------------------------------------------------------------------------------
// several heads
// -------------------------------------------------------------------------------------

export interface MultiHeadAttention<Op extends 'multiHeadAttention' | 'groupedQueryAttention', C> extends Leaf {
  readonly out: MultiHeadOut<Op, this['in'], C>;
  readonly heads: C extends { readonly heads: infer H } ? H : number;
}

/** Regularizers and constraints are of all kernels, or of all biases. */
interface HeadOptions extends KernelGoverning {
  readonly heads: number;
  /** Size of each head of queries and keys. */
  readonly keyDim: number;
  /** `true` by default. */
  readonly useBias?: boolean;
  /** In training, the share of the weights that are dropped; 0 by default. */
  readonly dropout?: number;
  /** Whether a step attends to itself and what lies before it only; `false` by default. */
  readonly causal?: boolean;
  /**
   * Whether queries and keys are turned by their positions (see `rotaryPositions`); `false` by default. A number is the
   * longest wavelength, 10000 for `true`.
   */
  readonly rotary?: boolean | number;
  /** A step attends to the steps less than so many away only, on both sides; all of them by default. */
  readonly slidingWindow?: number;
  /**
   * Whether each head's result is multiplied by `sigmoid(query kernel + bias)`, with `gate_kernel` and `gate_bias` as the query's
   * own (Qiu et al. 2025); `false` by default.
   */
  readonly useGate?: boolean;
  /** `glorotUniform` by default. */
  readonly kernelInitializer?: Initializer;
  /** `zeros` by default. */
  readonly biasInitializer?: Initializer;
}

export interface MultiHeadAttentionOptions extends HeadOptions {
  /** Size of each head of values; `keyDim` by default. */
  readonly valueDim?: number;
  /** Size of the result's last axis; the query's by default. */
  readonly outputSize?: number;
  /**
   * The axes that attend, the batch being 0, of `[batch, ..., features]` of any rank; negative ones count from the end. What lies
   * along the other axes is apart. By default the middle one of three: Keras's default for more axes, all of them, is to be said.
   */
  readonly attentionAxes?: number | readonly number[];
}

export interface GroupedQueryAttentionOptions extends HeadOptions {
  /** Heads of keys and values; `heads` must be a multiple of it. */
  readonly keyValueHeads: number;
}

/** What is asked of kernels and biases, for each of the projections. */
const ofProjections = (options: HeadOptions): Governed => {
  const { regularizers, constraints, ...rest } = governed(options);
  const spread = <A>(asked: Readonly<Record<string, A>>): Readonly<Record<string, A>> =>
    Object.fromEntries(
      Object.entries(asked).flatMap(([word, a]) =>
        ['query', 'key', ...(options.useGate === true ? ['gate'] : []), 'value', 'output'].map(
          (part) => [`${part}_${word}`, a] as const,
        ),
      ),
    );
  return {
    ...rest,
    ...(regularizers === undefined ? {} : { regularizers: spread(regularizers) }),
    ...(constraints === undefined ? {} : { constraints: spread(constraints) }),
  };
};

const headsSpec = (
  op: MultiHeadAttentionSpec['op'],
  o: MultiHeadAttentionOptions & Partial<GroupedQueryAttentionOptions>,
): MultiHeadAttentionSpec => ({
  op,
  heads: o.heads,
  keyValueHeads: o.keyValueHeads ?? o.heads,
  keyDim: o.keyDim,
  valueDim: o.valueDim ?? o.keyDim,
  useBias: o.useBias ?? true,
  outputSize: o.outputSize,
  dropout: o.dropout ?? 0,
  causal: o.causal ?? false,
  rotary: o.rotary === true ? 10000 : o.rotary === false ? undefined : o.rotary,
  slidingWindow: o.slidingWindow,
  useGate: o.useGate ?? false,
  attentionAxes: typeof o.attentionAxes === 'number' ? [o.attentionAxes] : o.attentionAxes,
  kernelInitializer: o.kernelInitializer ?? glorotUniform,
  biasInitializer: o.biasInitializer ?? zeros,
  ...ofProjections(o),
});

/**
 * Scaled dot-product attention in several heads, Vaswani et al. 2017: queries, keys and values are projected for each
 * head, `softmax(q k^T / sqrt(keyDim)) v`, and the heads' results are projected to the output. Shapes: query `[batch,
 * queries, features]` to `[batch, queries, features]`. Parameters in Keras's layout: `query_kernel` `[features, heads,
 * keyDim]`, `query_bias` `[heads, keyDim]`, likewise `key_...` and `value_...`, `output_kernel` `[heads, valueDim,
 * features]`, `output_bias`. A query whose keys are all masked gets the plain mean of the values. Without
 * `rotary`, `key_bias` adds the same to all scores of a query, and softmax takes it away: its gradient is 0. Keras
 * `MultiHeadAttention` (`use_causal_mask` is `causal`), PyTorch `MultiheadAttention` (keyDim = features / heads, `batch_first=True`).
 *
 * @example
 * multiHeadAttention({ heads: 8, keyDim: 64, causal: true, slidingWindow: 128 })
 * multiHeadAttention({ heads: 2, keyDim: 16, attentionAxes: 2 })      // along the rows of [batch, height, width, features]
 */
export const multiHeadAttention = <const C extends MultiHeadAttentionOptions>(
  options: Only<'multiHeadAttention', C, MultiHeadAttentionOptions>,
): Layer<MultiHeadAttention<'multiHeadAttention', C>> =>
  define(headsSpec('multiHeadAttention', options as MultiHeadAttentionOptions));

/**
 * As `multiHeadAttention` with fewer heads of keys and values than of queries: query head h reads key and value head
 * `floor(h * keyValueHeads / heads)`. Ainslie et al. 2023; one key and value head is multi-query attention. Keras
 * `GroupedQueryAttention`, PyTorch `scaled_dot_product_attention` with `enable_gqa=True` (without the projections).
 */
export const groupedQueryAttention = <const C extends GroupedQueryAttentionOptions>(
  options: Only<'groupedQueryAttention', C, GroupedQueryAttentionOptions>,
): Layer<MultiHeadAttention<'groupedQueryAttention', C>> =>
  define(headsSpec('groupedQueryAttention', options as GroupedQueryAttentionOptions));

// -------------------------------------------------------------------------------------
// on several tensors
// -------------------------------------------------------------------------------------

type Checked<F extends Fn, Q, V, K> = [Apply<F, Sources<Q, V, K>>] extends [infer E extends string] ? E : unknown;

/** What attends to what. */
export interface Attending<
  F extends Fn,
  Q extends AnyShape,
  V extends AnyShape,
  K extends AnyShape,
  M extends Int<Shape>,
> {
  readonly query: Tensor<Q>;
  readonly value: Tensor<V> & Checked<F, Q, V, K>;
  /** The value by default. */
  readonly key?: Tensor<K>;
  /** For each query and key whether they may meet (1 or 0): `int32[batch, queries, keys]`. */
  readonly mask?: Tensor<M> & (MaskError<'attend', Q, V, M> extends infer E extends string ? E : unknown);
}

/** The same, whatever the shapes: the results' types are the promise. */
interface Flows {
  readonly query: Tensor<unknown>;
  readonly value: Tensor<unknown>;
  readonly key?: Tensor<unknown>;
  readonly mask?: Tensor<unknown>;
}

const attended = <S>(spec: Spec, { query, value, key = value, mask }: Flows): Tensor<S> =>
  applied(spec, [query, value, key, ...(mask === undefined ? [] : [mask])]);

/**
 * An attention layer from a query to a value and a key (the value by default), in a graph. `mask` says for each query and
 * key whether they may meet (1 or 0): `int32[batch, queries, keys]`.
 *
 * @example
 * graph({ x: ['out', 64], memory: ['seq', 64] }, ({ x, memory }) =>
 *   attend(multiHeadAttention({ heads: 4, keyDim: 16 }), { query: x, value: memory }))
 */
export const attend = <
  F extends Fn,
  Q extends AnyShape,
  V extends AnyShape,
  K extends AnyShape = V,
  M extends Int<Shape> = Int<Shape>,
>(
  layer: Layer<F>,
  to: Attending<F, Q, V, K, M>,
): Tensor<Known<Apply<F, Sources<Q, V, K>>>> => attended(layer.spec, to as unknown as Flows);

type HeadsOf<F> = F extends { readonly heads: infer H } ? H : undefined;

/**
 * As `attend`, with the weights that the keys get: `scores`, `[batch, heads, queries, keys]`, or `[batch, queries, keys]` of
 * `attention` and `additiveAttention`; before dropout. Of sequences `[batch, seq, features]` only. Keras's `return_attention_scores=True`, PyTorch's `need_weights=True` with
 * `average_attn_weights=False`.
 *
 * @example
 * graph({ x: ['out', 64], memory: ['seq', 64] }, ({ x, memory }) =>
 *   attendWithScores(multiHeadAttention({ heads: 4, keyDim: 16 }), { query: x, value: memory }))
 */
export const attendWithScores = <
  F extends Fn,
  Q extends AnyShape,
  V extends AnyShape,
  K extends AnyShape = V,
  M extends Int<Shape> = Int<Shape>,
>(
  layer: Layer<F>,
  to: Attending<F, Q, V, K, M>,
): {
  readonly output: Tensor<Known<Apply<F, Sources<Q, V, K>>>>;
  readonly scores: Tensor<Known<ScoresOut<Q, V, HeadsOf<F>>>>;
} => {
  const flows = to as unknown as Flows;
  const output = attended<Known<Apply<F, Sources<Q, V, K>>>>(layer.spec, flows);
  const heads = 'heads' in layer.spec ? layer.spec.heads : undefined;
  return { output, scores: applied({ op: 'attentionScores', heads }, [output, flows.value]) };
};
