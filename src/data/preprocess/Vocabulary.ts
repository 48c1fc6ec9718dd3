/**
 * Tokens to integers by a vocabulary, and texts by their tokens.
 *
 * The vocabulary holds the most frequent tokens of the training data, the most frequent first; among equally frequent ones the last
 * in order of code points comes first, as in Keras. Indices are Keras's: in mode `'int'` 0 is padding and 1 `[UNK]`, any token that
 * is not in the vocabulary; in the other modes, which have no padding, `[UNK]` is 0.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as t from 'io-ts';
import type { Fitted, Spec } from './Fitted.ts';
import { noInverse, notLowered, untyped } from './Fitted.ts';
import type { PreprocessError } from './PreprocessError.ts';
import { invalidOption, nothingToFit } from './PreprocessError.ts';
import type { Preprocessor } from './Preprocessor.ts';
import { preprocessor } from './Preprocessor.ts';
import type { Reader } from './Stage.ts';
import { isWidth, numbers, reader, strings } from './Stage.ts';
import type { Table } from './Table.ts';
import { make } from './Table.ts';
import type { SplitBy, Standardize } from './Tokens.ts';
import { ngrams, splitBy, standardized } from './Tokens.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export type TextOutput = 'int' | 'multiHot' | 'count' | 'tfIdf';

export interface VectorizeSpec extends Spec {
  readonly _tag: 'Vectorize';
  readonly standardize: Standardize;
  readonly split: SplitBy;
  /** Widths of the n-grams; `[1]`: the tokens themselves. */
  readonly ngrams: readonly number[];
  readonly outputMode: TextOutput;
  /** Without padding and `[UNK]`. */
  readonly vocabulary: readonly string[];
  /** Weight of each token, in mode `tfIdf`. */
  readonly idf: readonly number[];
  /** Columns: of the sequence in mode `int`, otherwise of the vocabulary with `[UNK]`. */
  readonly width: number;
}

const unknown = '[UNK]';

const tokensOf = (spec: Pick<VectorizeSpec, 'standardize' | 'split' | 'ngrams'>, text: string): readonly string[] =>
  ngrams(spec.ngrams, splitBy(spec.split, standardized(spec.standardize, text)));

/** The order of UTF-8 bytes, which is that of code points. */
const byCodePoint = (a: string, b: string): number => {
  const [x, y] = [[...a], [...b]];
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    const d = (x[i]?.codePointAt(0) ?? 0) - (y[i]?.codePointAt(0) ?? 0);
    if (d !== 0) return d;
  }
  return x.length - y.length;
};

// -------------------------------------------------------------------------------------
// stage
// -------------------------------------------------------------------------------------

export const vectorizeStage = (spec: VectorizeSpec): Fitted<readonly string[], Table> => {
  const { outputMode, vocabulary, idf, width } = spec;
  const indices = new Map(vocabulary.map((token, i) => [token, i]));
  const isInt = outputMode === 'int';
  const names = isInt
    ? Array.from({ length: width }, (_, i) => `token ${i}`)
    : Array.from({ length: width }, (_, i) => (i === 0 ? unknown : (vocabulary[i - 1] ?? '')));
  const average = idf.reduce((a, b) => a + b, 0) / Math.max(1, idf.length);
  const weight = (at: number): number => (outputMode !== 'tfIdf' ? 1 : at === 0 ? average : (idf[at - 1] ?? 0));
  const fill = (out: Float64Array, text: string): void => {
    const tokens = tokensOf(spec, text);
    if (isInt) {
      for (let i = 0; i < Math.min(width, tokens.length); i++) out[i] = (indices.get(tokens[i] ?? '') ?? -1) + 2;
      return;
    }
    for (const token of tokens) {
      const at = (indices.get(token) ?? -1) + 1;
      out[at] = outputMode === 'multiHot' ? 1 : (out[at] ?? 0) + weight(at);
    }
  };
  return {
    _tag: 'Fitted',
    spec,
    from: 'texts',
    to: 'table',
    inputs: undefined,
    names,
    transform: (texts) => {
      const data = new Float64Array(texts.length * width);
      texts.forEach((text, i) => {
        fill(data.subarray(i * width, (i + 1) * width), text);
      });
      return E.right(make(texts.length, names, data));
    },
    inverse: !isInt
      ? noInverse('vectorize', 'counts do not tell the order')
      : E.right((y) =>
          E.right(
            Array.from({ length: y.rows }, (_, i) =>
              Array.from(y.data.subarray(i * width, (i + 1) * width))
                .filter((id) => id > 0)
                .map((id) => (id === 1 ? unknown : (vocabulary[id - 2] ?? unknown)))
                .join(spec.split === 'whitespace' ? ' ' : ''),
            ),
          ),
        ),
    lower: notLowered('vectorize', 'graphs have no text here'),
  };
};

export const vectorizeReader: Reader = reader<VectorizeSpec>(
  'Vectorize',
  t.type({
    _tag: t.literal('Vectorize'),
    standardize: t.keyof({ lowerAndStripPunctuation: null, lower: null, stripPunctuation: null, none: null }),
    split: t.keyof({ whitespace: null, character: null, none: null }),
    ngrams: numbers,
    outputMode: t.keyof({ int: null, multiHot: null, count: null, tfIdf: null }),
    vocabulary: strings,
    idf: numbers,
    width: t.number,
  }),
  (spec) => untyped(vectorizeStage(spec)),
  ({ ngrams: widths, vocabulary, idf, width, outputMode }) =>
    widths.every((n) => Number.isInteger(n) && n > 0) &&
    new Set(vocabulary).size === vocabulary.length &&
    isWidth(width) &&
    (outputMode === 'int' || width > vocabulary.length) &&
    (outputMode !== 'tfIdf' || idf.length === vocabulary.length)
      ? undefined
      : 'expected distinct tokens, a weight for each in mode tfIdf, and a width that they fit in',
);

// -------------------------------------------------------------------------------------
// fit
// -------------------------------------------------------------------------------------

export interface VectorizeOptions {
  /** Default `'lowerAndStripPunctuation'`. */
  readonly standardize?: Standardize;
  /** Default `'whitespace'`. */
  readonly split?: SplitBy;
  /** A number n: n-grams of 1 to n tokens; or the widths themselves. Default: tokens alone. */
  readonly ngrams?: number | readonly number[];
  /** Default `'int'`. */
  readonly outputMode?: TextOutput;
  /** Size of the vocabulary with `[UNK]`, and with padding in mode `'int'`. Default: all tokens. */
  readonly maxTokens?: number;
  /** In mode `'int'`: longer texts are cut, shorter ones padded with 0. Default: the longest of the training data. */
  readonly outputSequenceLength?: number;
  /** Modes other than `'int'`: as many columns as `maxTokens`, even if there are fewer tokens. Default false. */
  readonly padToMaxTokens?: boolean;
  /** Tokens that are given; nothing is counted then. */
  readonly vocabulary?: readonly string[];
  /** Weights of mode `'tfIdf'`: Keras's `log(1 + n / (1 + df))` (default), or scikit-learn's `log((1 + n) / (1 + df)) + 1`. */
  readonly idf?: 'keras' | 'smooth';
}

const idfs = {
  keras: (n: number, df: number) => Math.log(1 + n / (1 + df)),
  smooth: (n: number, df: number) => Math.log((1 + n) / (1 + df)) + 1,
} as const;

const invalidVectorize = (options: VectorizeOptions, widths: readonly number[]): PreprocessError | undefined => {
  const { maxTokens, outputSequenceLength: length, vocabulary } = options;
  const positive = (n: number | undefined): boolean => n === undefined || isWidth(n);
  if (widths.length === 0 || !widths.every((n) => Number.isInteger(n) && n > 0))
    return invalidOption('vectorize', 'ngrams', 'positive integers', options.ngrams);
  if (maxTokens !== undefined && !(isWidth(maxTokens) && maxTokens > 2))
    return invalidOption('vectorize', 'maxTokens', 'an integer from 3 (padding and [UNK] count) to 2^20', maxTokens);
  if (!positive(length)) return invalidOption('vectorize', 'outputSequenceLength', 'an integer from 1 to 2^20', length);
  return vocabulary !== undefined && new Set(vocabulary).size !== vocabulary.length
    ? invalidOption('vectorize', 'vocabulary', 'distinct tokens', vocabulary)
    : undefined;
};

/**
 * Texts to sequences of token numbers (`'int'`), or to a column for each token: whether it is there, how often, or how often times its
 * weight (`'tfIdf'`; `[UNK]` has the average weight). Arguments, defaults and indices are those of Keras `TextVectorization`, but
 * that sequences are as long as the longest training text where no length is given, so that the width is known. scikit-learn:
 * `CountVectorizer`; `TfidfVectorizer` is `tfIdf` with `idf: 'smooth'`, then `unit('l2')` (its own pattern leaves words of one letter
 * out, and it sorts its columns).
 *
 * @example
 * vectorize({ maxTokens: 20000, outputSequenceLength: 200 })
 * vectorize({ split: 'character', outputMode: 'count', ngrams: 3 })
 */
export const vectorize = (options: VectorizeOptions = {}): Preprocessor<readonly string[], Table> =>
  preprocessor((train) => {
    const n = options.ngrams ?? 1;
    const widths = typeof n === 'number' ? Array.from({ length: Math.max(0, n) }, (_, i) => i + 1) : n;
    const invalid = invalidVectorize(options, widths);
    if (invalid !== undefined) return E.left(invalid);
    const how = {
      standardize: options.standardize ?? 'lowerAndStripPunctuation',
      split: options.split ?? 'whitespace',
      ngrams: widths,
    } as const;
    const outputMode = options.outputMode ?? 'int';
    const counts = new Map<string, number>();
    const documents = new Map<string, number>();
    let longest = 0;
    for (const text of train) {
      const tokens = tokensOf(how, text);
      longest = Math.max(longest, tokens.length);
      for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1);
      for (const token of new Set(tokens)) documents.set(token, (documents.get(token) ?? 0) + 1);
    }
    const room = (options.maxTokens ?? Number.POSITIVE_INFINITY) - (outputMode === 'int' ? 2 : 1);
    const found = [...counts].sort(([a, x], [b, y]) => y - x || byCodePoint(b, a)).map(([token]) => token);
    const vocabulary = (options.vocabulary ?? found).slice(0, room);
    if (vocabulary.length === 0)
      return E.left(
        nothingToFit('vectorize', 'the texts have no token', 'check that texts came, and how they are split'),
      );
    const padded = options.padToMaxTokens === true ? (options.maxTokens ?? 0) : 0;
    return E.right(
      vectorizeStage({
        _tag: 'Vectorize',
        ...how,
        outputMode,
        vocabulary,
        idf:
          outputMode === 'tfIdf'
            ? vocabulary.map((token) => idfs[options.idf ?? 'keras'](train.length, documents.get(token) ?? 0))
            : [],
        width:
          outputMode === 'int'
            ? (options.outputSequenceLength ?? Math.max(1, longest))
            : Math.max(padded, vocabulary.length + 1),
      }),
    );
  });

/** The vocabulary with padding (mode `'int'` only) and `[UNK]`, by index. Keras `get_vocabulary`. Error: no such stage. */
export const vocabularyOf = <A, B>(self: Fitted<A, B>): E.Either<PreprocessError, readonly string[]> =>
  pipe(
    (self.chain ?? [untyped(self)]).find(({ spec }) => spec._tag === 'Vectorize')?.spec as VectorizeSpec | undefined,
    E.fromNullable(nothingToFit('vocabularyOf', 'there is no vocabulary in it', 'give what `vectorize` was fitted to')),
    E.map(({ outputMode, vocabulary }) => [...(outputMode === 'int' ? [''] : []), unknown, ...vocabulary]),
  );
