/**
 * From texts to tokens: standardised, split, taken together in n-grams. Pure functions; `Vocabulary` numbers the tokens.
 */

export type Standardize = 'lowerAndStripPunctuation' | 'lower' | 'stripPunctuation' | 'none';
export type SplitBy = 'whitespace' | 'character' | 'none';

/** Keras's list; apostrophes go too. */
const punctuation = /[!"#$%&()*+,\-./:;<=>?@[\\\]^_`{|}~']/g;

export const standardized = (how: Standardize, text: string): string => {
  const lower = how === 'lower' || how === 'lowerAndStripPunctuation' ? text.toLowerCase() : text;
  return how === 'stripPunctuation' || how === 'lowerAndStripPunctuation' ? lower.replace(punctuation, '') : lower;
};

export const splitBy = (how: SplitBy, text: string): readonly string[] =>
  how === 'none' ? [text] : how === 'character' ? [...text] : text.split(/\s+/).filter((word) => word !== '');

/** For each width all runs of so many tokens, joined by a space; the first width first. */
export const ngrams = (widths: readonly number[], tokens: readonly string[]): readonly string[] =>
  widths.flatMap((n) =>
    Array.from({ length: Math.max(0, tokens.length - n + 1) }, (_, i) => tokens.slice(i, i + n).join(' ')),
  );
