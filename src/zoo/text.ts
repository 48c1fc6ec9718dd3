/**
 * Classifiers of sequences of tokens: convolutions (Kim 2014, "Convolutional neural networks for sentence
 * classification"), recurrence, and a transformer's encoder (Vaswani et al. 2017, "Attention is all you need").
 */
import * as L from '../layer/Layer.ts';
import { topped } from './parts.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface TextOptions<N extends number> {
  /** How many tokens there are. */
  readonly vocabulary: number;
  /** Output units: logits of classes. */
  readonly classes: N;
  /** Size of a token's vector; see the network for its default. */
  readonly features?: number;
  /** In training; see the network for where, and its default. */
  readonly dropout?: number;
}

export interface TextCnnOptions<N extends number> extends TextOptions<N> {
  /** Kernels of each length; 100 by default. */
  readonly filters?: number;
}

export interface LstmClassifierOptions<N extends number> extends TextOptions<N> {
  /** Of each direction; 64 by default. */
  readonly units?: number;
}

export interface TransformerClassifierOptions<N extends number> extends TextOptions<N> {
  /** `features` must be a multiple of it; 2 by default. */
  readonly heads?: number;
  /** Width of the feed-forward parts; four times the features by default. */
  readonly intermediate?: number;
  /** Blocks; 2 by default. */
  readonly layers?: number;
}

const dropped = <N extends number>(rate: number, classes: N) => L.sequential(L.dropout(rate), L.dense(classes));

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * TextCNN: kernels of 3, 4 and 5 tokens, the largest answer of each, dropout (0.5), a dense layer. Input: `tokens`, 5
 * or more; vectors of 300 by default. Parameters: vocabulary * features, filters * (12 * features + 3), and the head.
 * Initial values: Keras's; the paper's vectors are word2vec's (give them as `initial` weights).
 *
 * @example
 * L.model(L.tokens([56]), Zoo.textCnn({ vocabulary: 20000, classes: 2 })) // Model<Int<['batch', 56]>, ['batch', 2]>
 */
export const textCnn = <const N extends number>(options: TextCnnOptions<N>) => {
  const filters = options.filters ?? 100;
  const look = (length: number) =>
    L.sequential(L.conv1d({ filters, kernel: length, activation: 'relu' }), L.globalMaxPool1d());
  return topped(
    L.sequential(
      L.embedding(options.vocabulary, options.features ?? 300),
      L.permute([2, 1]),
      L.concat(look(3), look(4), look(5)),
    ),
    dropped(options.dropout ?? 0.5, options.classes),
  );
};

/**
 * A bidirectional LSTM over vectors of tokens, dropout (0.5), a dense layer. Token 0 is padding and is left out. Input:
 * `tokens` of any length; vectors of 128 by default. Parameters: vocabulary * features, 8 * units * (features + units +
 * 1), and the head. Initial values: Keras's. Keras's example "Bidirectional LSTM on IMDB" has two such layers.
 *
 * @example
 * L.model(L.tokens(['seq']), Zoo.lstmClassifier({ vocabulary: 20000, classes: 2 }))
 */
export const lstmClassifier = <const N extends number>(options: LstmClassifierOptions<N>) =>
  topped(
    L.sequential(
      L.embedding(options.vocabulary, options.features ?? 128, { maskZero: true }),
      L.bidirectional(L.lstm(options.units ?? 64)),
    ),
    dropped(options.dropout ?? 0.5, options.classes),
  );

/**
 * A transformer's encoder over vectors of tokens, times sqrt(features), with sinusoidal positions, the mean over all
 * steps, a dense layer. Blocks are post-norm, as in the paper; dropout (0.1) in each and before the head. Input:
 * `tokens` of any length; vectors of 64 by default. Initial values: Keras's.
 *
 * @example
 * L.model(L.tokens(['seq']), Zoo.transformerClassifier({ vocabulary: 20000, classes: 2, layers: 4 }))
 */
export const transformerClassifier = <const N extends number>(options: TransformerClassifierOptions<N>) => {
  const features = options.features ?? 64;
  const dropout = options.dropout ?? 0.1;
  return topped(
    L.sequential(
      L.embedding(options.vocabulary, features),
      L.rescaling(Math.sqrt(features)),
      L.sinusoidalPositions(),
      L.dropout(dropout),
      L.repeat(
        options.layers ?? 2,
        L.transformerEncoder({
          features,
          heads: options.heads ?? 2,
          intermediate: options.intermediate ?? 4 * features,
          dropout,
        }),
      ),
      L.permute([2, 1]),
      L.globalAveragePool1d(),
    ),
    dropped(dropout, options.classes),
  );
};
