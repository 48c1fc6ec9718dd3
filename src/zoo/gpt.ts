/**
 * Language models that see what came before: GPT-2, Radford et al. 2019, "Language models are unsupervised multitask
 * learners", and small ones of its shape.
 */
import * as E from 'fp-ts/lib/Either.js';
import * as Op from '../graph/Operators.ts';
import * as L from '../layer/Layer.ts';
import { dims, isInt } from '../shape/Shape.ts';
import { orElse, sound } from './parts.ts';

// -------------------------------------------------------------------------------------
// one matrix for tokens in and out
// -------------------------------------------------------------------------------------

/** Tokens become vectors; vectors become a number for each token. */
export interface TiedEmbedding<V extends number, D extends number> extends L.Leaf {
  readonly out: this['in'] extends L.Int<infer S extends L.Shape>
    ? [...S, D]
    : this['in'] extends readonly [...infer R, unknown]
      ? [...R, V]
      : 'tiedEmbedding: expects tokens or features';
}

/**
 * A layer to be used twice in a model, with one matrix for both uses: tokens `Int<[batch, ...]>` become vectors
 * `[batch, ..., features]`, and vectors become logits `[batch, ..., vocabulary]`, their products with all tokens'
 * vectors. Parameter: `embeddings` `[vocabulary, features]`, normal 0.02 by default. KerasHub's `ReversibleEmbedding`;
 * Press and Wolf 2017.
 *
 * @example
 * const words = tiedEmbedding(1000, 64);
 * L.model(L.tokens(['seq']), words, L.lstm(64, { returnSequences: true }), words)
 */
export const tiedEmbedding = <const V extends number, const D extends number>(
  vocabulary: V,
  features: D,
  options: { readonly initializer?: L.Initializer.Initializer } = {},
): L.Layer<TiedEmbedding<V, D>> => {
  const initializer = options.initializer ?? L.Initializer.randomNormal({ stddev: 0.02 });
  return L.custom<TiedEmbedding<V, D>>({
    name: 'tiedEmbedding',
    options: { vocabulary, features, initializer },
    output: (input) => {
      if (isInt(input)) return E.right([...dims(input), features]);
      const last = dims(input).at(-1);
      return dims(input).length < 2 || (last !== features && last !== '?')
        ? E.left(`tiedEmbedding: expects tokens, or vectors of ${features} features, got [${dims(input).join(',')}]`)
        : E.right([...dims(input).slice(0, -1), vocabulary]);
    },
    parameters: () => [{ role: 'embeddings', shape: [vocabulary, features], initializer }],
    lower: (x, { parameter }) =>
      x.type.dtype === 'float32'
        ? Op.matMul(x, Op.transpose([1, 0])(parameter('embeddings')))
        : Op.gather(parameter('embeddings'), x),
  });
};

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface GptSizes {
  readonly layers: number;
  readonly heads: number;
  readonly features: number;
}

export interface GptOptions<V extends number> {
  /** How many tokens there are; 50257 by default, GPT-2's. */
  readonly vocabulary?: V;
  /** The longest sequence; 1024 by default. */
  readonly context?: number;
  /** In training, of vectors, attention weights and each part's result; 0.1 by default. */
  readonly dropout?: number;
}

const normal = (stddev: number) => L.Initializer.randomNormal({ stddev });
const norm = () => L.layerNormalization({ epsilon: 1e-5 });

const block = ({ layers, heads, features }: GptSizes, dropout: number) =>
  L.sequential(
    L.residual(
      L.sequential(
        norm(),
        L.multiHeadAttention({
          heads,
          keyDim: Math.floor(features / heads),
          causal: true,
          dropout,
          kernelInitializer: normal(0.02),
        }),
        L.dropout(dropout),
      ),
    ),
    L.residual(
      L.sequential(
        norm(),
        L.dense(4 * features, {
          activation: { name: 'gelu', approximate: true },
          kernelInitializer: normal(0.02),
        }),
        L.dense(features, { kernelInitializer: normal(0.02 / Math.sqrt(2 * layers)) }),
        L.dropout(dropout),
      ),
    ),
  );

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * A GPT of any size: vectors of tokens and learned positions, pre-norm blocks of causal attention, and the tokens'
 * vectors again for the logits of the next token at each step. Shapes: `Int<[batch, seq]>`, up to `context` steps, to
 * `[batch, seq, vocabulary]`. Parameters: (vocabulary + context) * features + layers * (12 * features^2 + 13 *
 * features) + 2 * features. Initial values as GPT-2: normal 0.02, the second dense layer of a block divided by sqrt(2 *
 * layers). (GPT-2 does that to attention's last product as well.)
 *
 * @example
 * L.model(L.tokens(['seq']), Zoo.gpt({ layers: 2, heads: 2, features: 32, vocabulary: 65, context: 64 }))
 */
export const gpt = <const V extends number = 50257>(options: GptSizes & GptOptions<V>) => {
  const dropout = options.dropout ?? 0.1;
  const words = tiedEmbedding(orElse<V>(options.vocabulary, 50257), options.features);
  const { features, heads } = options;
  return L.sequential(
    sound('gpt', features % heads !== 0 && `features must be a multiple of heads, got ${features} and ${heads}`),
    words,
    L.learnedPositions(options.context ?? 1024, { initializer: normal(0.02) }),
    L.dropout(dropout),
    L.repeat(options.layers, block(options, dropout)),
    norm(),
    words,
  );
};

const sized =
  (sizes: GptSizes) =>
  <const V extends number = 50257>(options: GptOptions<V> = {}) =>
    gpt<V>({ ...options, ...sizes });

/** `gpt` of 3 layers, 3 heads, 48 features: minGPT's `gpt-nano` with tied vectors. */
export const gptNano = sized({ layers: 3, heads: 3, features: 48 });

/** `gpt` of 4 layers, 4 heads, 128 features: minGPT's `gpt-micro` with tied vectors. */
export const gptMicro = sized({ layers: 4, heads: 4, features: 128 });

/** `gpt` of 6 layers, 6 heads, 192 features: minGPT's `gpt-mini` with tied vectors. */
export const gptMini = sized({ layers: 6, heads: 6, features: 192 });

/**
 * GPT-2 small: 12 layers, 12 heads, 768 features; 124,439,808 parameters. Hugging Face `gpt2`, KerasHub `gpt2_base_en`.
 *
 * @example
 * L.model(L.tokens(['seq']), Zoo.gpt2Small())     // Model<Int<['batch', 'seq']>, ['batch', 'seq', 50257]>
 */
export const gpt2Small = sized({ layers: 12, heads: 12, features: 768 });
