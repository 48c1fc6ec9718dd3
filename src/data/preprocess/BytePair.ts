/**
 * Byte-pair encoding, learned from texts: bytes, and the pairs that come most often as tokens of their own (Sennrich et al. 2016;
 * on bytes: Radford et al. 2019).
 *
 * Indices: 0 is padding, 1 to 256 are the bytes, then the merged pairs in the order of learning. No text is unknown. Pairs do not
 * reach over words, which are GPT-2's: a word keeps the space before it, and English endings as `'ll` are words. With the merges of
 * Hugging Face's byte-level tokenizers the tokens are theirs. Law: decoding gives the text back, if it was not cut.
 */
import * as E from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';
import type { Fitted, Spec } from './Fitted.ts';
import { notLowered, untyped } from './Fitted.ts';
import { invalidOption } from './PreprocessError.ts';
import type { Preprocessor } from './Preprocessor.ts';
import { preprocessor } from './Preprocessor.ts';
import type { Reader } from './Stage.ts';
import { isWidth, reader } from './Stage.ts';
import type { Table } from './Table.ts';
import { make } from './Table.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export type Pair = readonly [number, number];

export interface BytePairSpec extends Spec {
  readonly _tag: 'BytePair';
  /** Pair `i` is token `257 + i`. */
  readonly merges: readonly Pair[];
  /** Tokens in a row of the table. */
  readonly width: number;
}

const firstMerged = 257;
const words = /'(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;
const utf8 = new TextEncoder();

const bytesOf = (word: string): readonly number[] => Array.from(utf8.encode(word), (byte) => byte + 1);

/** Two tokens as one key; tokens are below 2^21. */
const keyOf = (a: number, b: number): number => a * 2 ** 21 + b;

const merged = (tokens: readonly number[], [a, b]: Pair, into: number): readonly number[] => {
  const out: number[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const hit = tokens[i] === a && tokens[i + 1] === b;
    out.push(hit ? into : (tokens[i] ?? 0));
    if (hit) i++;
  }
  return out;
};

// -------------------------------------------------------------------------------------
// stage
// -------------------------------------------------------------------------------------

/** The tokens of a text, whole. */
export const encodeBytePairs = ({ merges }: Pick<BytePairSpec, 'merges'>): ((text: string) => readonly number[]) => {
  const ranks = new Map(merges.map(([a, b], i) => [keyOf(a, b), i]));
  const known = new Map<string, readonly number[]>();
  const encodeWord = (word: string): readonly number[] => {
    let tokens = bytesOf(word);
    for (;;) {
      let best = Number.POSITIVE_INFINITY;
      for (let i = 0; i + 1 < tokens.length; i++)
        best = Math.min(best, ranks.get(keyOf(tokens[i] ?? 0, tokens[i + 1] ?? 0)) ?? best);
      const pair = merges[best];
      if (pair === undefined) return tokens;
      tokens = merged(tokens, pair, firstMerged + best);
    }
  };
  return (text) =>
    (text.match(words) ?? []).flatMap((word) => {
      const seen = known.get(word);
      if (seen !== undefined) return seen;
      const tokens = encodeWord(word);
      // Words come again and again; odd ones must not fill the memory.
      if (known.size < 100_000) known.set(word, tokens);
      return tokens;
    });
};

/** The text of tokens; padding is nothing, and bytes that are no UTF-8 become U+FFFD. */
export const decodeBytePairs = ({ merges }: Pick<BytePairSpec, 'merges'>): ((tokens: Iterable<number>) => string) => {
  const bytes: number[][] = Array.from({ length: firstMerged }, (_, token) => (token === 0 ? [] : [token - 1]));
  for (const [a, b] of merges) bytes.push([...(bytes[a] ?? []), ...(bytes[b] ?? [])]);
  return (tokens) => new TextDecoder().decode(Uint8Array.from([...tokens].flatMap((token) => bytes[token] ?? [])));
};

export const bytePairStage = (spec: BytePairSpec): Fitted<readonly string[], Table> => {
  const { width } = spec;
  const names = Array.from({ length: width }, (_, i) => `token ${i}`);
  const [encode, decode] = [encodeBytePairs(spec), decodeBytePairs(spec)];
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
        data.set(encode(text).slice(0, width), i * width);
      });
      return E.right(make(texts.length, names, data));
    },
    inverse: E.right((y) =>
      E.right(Array.from({ length: y.rows }, (_, i) => decode(y.data.subarray(i * width, (i + 1) * width)))),
    ),
    lower: notLowered('bytePair', 'graphs have no text here'),
  };
};

export const bytePairReader: Reader = reader<BytePairSpec>(
  'BytePair',
  t.type({ _tag: t.literal('BytePair'), merges: t.readonlyArray(t.tuple([t.number, t.number])), width: t.number }),
  (spec) => untyped(bytePairStage(spec)),
  ({ merges, width }) =>
    isWidth(width) &&
    merges.every((pair, i) => pair.every((token) => Number.isInteger(token) && token > 0 && token < firstMerged + i))
      ? undefined
      : 'expected pairs of tokens that are there before them, and a positive width',
);

// -------------------------------------------------------------------------------------
// fit
// -------------------------------------------------------------------------------------

interface Word {
  tokens: readonly number[];
  readonly count: number;
}

/** The most frequent pairs, one after the other; of equally frequent ones the lower tokens. */
const learn = (texts: readonly string[], most: number): readonly Pair[] => {
  const found = new Map<string, number>();
  for (const text of texts) for (const word of text.match(words) ?? []) found.set(word, (found.get(word) ?? 0) + 1);
  const all: readonly Word[] = [...found].map(([word, count]) => ({ tokens: bytesOf(word), count }));
  const counts = new Map<number, number>();
  const places = new Map<number, Set<Word>>();
  const tally = (word: Word, sign: 1 | -1): void => {
    for (let i = 0; i + 1 < word.tokens.length; i++) {
      const key = keyOf(word.tokens[i] ?? 0, word.tokens[i + 1] ?? 0);
      const count = (counts.get(key) ?? 0) + sign * word.count;
      if (count > 0) counts.set(key, count);
      else counts.delete(key);
      const at = places.get(key) ?? new Set();
      if (sign > 0) places.set(key, at.add(word));
    }
  };
  for (const word of all) tally(word, 1);
  const merges: Pair[] = [];
  while (merges.length < most) {
    let [best, count] = [-1, 1];
    for (const [key, n] of counts) if (n > count || (n === count && n > 1 && key < best)) [best, count] = [key, n];
    if (best < 0) break;
    const pair: Pair = [Math.floor(best / 2 ** 21), best % 2 ** 21];
    for (const word of places.get(best) ?? []) {
      const next = merged(word.tokens, pair, firstMerged + merges.length);
      if (next.length === word.tokens.length) continue;
      tally(word, -1);
      word.tokens = next;
      tally(word, 1);
    }
    places.delete(best);
    merges.push(pair);
  }
  return merges;
};

/**
 * Texts to sequences of byte-pair tokens. `vocabularySize`, padding and the 256 bytes included, is reached unless no pair is left
 * that comes twice. Longer texts are cut at `outputSequenceLength`, shorter ones padded with 0; by default it is the longest of the
 * training data. No equivalent in Keras itself (KerasHub: `BytePairTokenizer`); Hugging Face: `ByteLevelBPETokenizer.train`.
 *
 * @example
 * pipe(texts, fit(bytePairs({ vocabularySize: 5000, outputSequenceLength: 128 })))
 */
export const bytePairs = (options: {
  readonly vocabularySize: number;
  readonly outputSequenceLength?: number;
}): Preprocessor<readonly string[], Table> =>
  preprocessor((train) => {
    const { vocabularySize: size, outputSequenceLength: length } = options;
    if (!(Number.isInteger(size) && size >= firstMerged && size < 2 ** 21))
      return E.left(invalidOption('bytePairs', 'vocabularySize', 'an integer from 257 (padding and all bytes)', size));
    if (length !== undefined && !isWidth(length))
      return E.left(invalidOption('bytePairs', 'outputSequenceLength', 'an integer from 1 to 2^20', length));
    const merges = learn(train, size - firstMerged);
    const encode = encodeBytePairs({ merges });
    const width = length ?? train.reduce((most, text) => Math.max(most, encode(text).length), 1);
    return E.right(bytePairStage({ _tag: 'BytePair', merges, width }));
  });
