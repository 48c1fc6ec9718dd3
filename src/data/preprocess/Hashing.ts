/**
 * Categories to numbers without learning them: by a hash. Any category has a place, several may share one.
 *
 * The hash is MurmurHash3 of 32 bits over the UTF-8 bytes (Appleby 2011), so results are the same on every machine; scikit-learn's
 * `FeatureHasher` takes the same one. Keras hashes with FarmHash or SipHash: its indices differ.
 */
import * as E from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';
import type { Fitted, Spec } from './Fitted.ts';
import { noInverse, notLowered, untyped } from './Fitted.ts';
import { invalidOption } from './PreprocessError.ts';
import type { Preprocessor } from './Preprocessor.ts';
import { preprocessor } from './Preprocessor.ts';
import type { Reader } from './Stage.ts';
import { cell, cellsStage, isWidth, reader, strings } from './Stage.ts';
import type { Cell, Cells, Table } from './Table.ts';
import { make } from './Table.ts';

// -------------------------------------------------------------------------------------
// the hash
// -------------------------------------------------------------------------------------

const rotl = (x: number, k: number): number => (x << k) | (x >>> (32 - k));
const scramble = (k: number): number => Math.imul(rotl(Math.imul(k, 0xcc9e2d51), 15), 0x1b873593);
const utf8 = new TextEncoder();

/** MurmurHash3 (x86, 32 bits) of a text's UTF-8 bytes: a signed integer. */
export const murmur3 = (text: string, seed = 0): number => {
  const bytes = utf8.encode(text);
  const at = (i: number): number => bytes[i] ?? 0;
  const whole = bytes.length & ~3;
  let h = seed | 0;
  for (let i = 0; i < whole; i += 4) {
    h ^= scramble(at(i) | (at(i + 1) << 8) | (at(i + 2) << 16) | (at(i + 3) << 24));
    h = (Math.imul(rotl(h, 13), 5) + 0xe6546b64) | 0;
  }
  if (whole < bytes.length) h ^= scramble(at(whole) | (at(whole + 1) << 8) | (at(whole + 2) << 16));
  h ^= bytes.length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
};

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface HashSpec extends Spec {
  readonly _tag: 'Hash';
  readonly inputs: readonly string[];
  readonly bins: number;
  readonly salt: number;
  /** `int`, `oneHot`: each column for itself; `signed`: all in one row; `crossed`: all columns together are one category. */
  readonly output: 'int' | 'oneHot' | 'signed' | 'crossed';
  /** This category gets index 0, the others 1 to `bins - 1`. */
  readonly mask?: Cell | undefined;
}

const binNames = (name: string, bins: number): readonly string[] =>
  Array.from({ length: bins }, (_, k) => `${name}#${k}`);

const magnitude = (h: number): number => Math.abs(h);

export const hashStage = (spec: HashSpec): Fitted<Cells, Table> => {
  const { inputs, bins, salt, output, mask } = spec;
  const crossed = inputs.join('*');
  const index = (c: Cell): number => {
    const h = murmur3(String(c), salt) >>> 0;
    return mask === undefined ? h % bins : c === mask ? 0 : 1 + (h % (bins - 1));
  };
  const names =
    output === 'int'
      ? inputs
      : output === 'crossed'
        ? [crossed]
        : output === 'oneHot'
          ? inputs.flatMap((name) => binNames(name, bins))
          : binNames('hash', bins);
  const width = names.length;
  const fill: Readonly<
    Record<HashSpec['output'], (x: Cells, data: Float64Array, i: number, row: readonly Cell[]) => void>
  > = {
    int: (_, data, i, row) => {
      data.set(row.map(index), i * width);
    },
    crossed: (_, data, i, row) => {
      data[i] = index(row.map(String).join('_X_'));
    },
    oneHot: (_, data, i, row) => {
      row.forEach((c, j) => {
        data[i * width + j * bins + index(c)] = 1;
      });
    },
    signed: (_, data, i, row) => {
      row.forEach((c, j) => {
        if (c === null) return;
        const h = murmur3(typeof c === 'number' ? (inputs[j] ?? '') : `${inputs[j]}=${c}`, salt);
        const at = i * width + (magnitude(h) % bins);
        data[at] = (data[at] ?? 0) + (h >= 0 ? 1 : -1) * (typeof c === 'number' ? c : 1);
      });
    },
  };
  return cellsStage({
    name: 'hashing',
    spec,
    inputs,
    names,
    transform: (x) => {
      const data = new Float64Array(x.rows * width);
      for (let i = 0; i < x.rows; i++)
        fill[output](
          x,
          data,
          i,
          x.columns.map((column) => column[i] ?? null),
        );
      return E.right(make(x.rows, names, data));
    },
    inverse: noInverse('hashing', 'several categories share a bin'),
    lower: notLowered('hashing', 'graphs have no text here, and no hash of it'),
  });
};

/** Indices may be as large as a hash; columns are counted. */
const isBins = ({ bins, inputs, output, mask }: Pick<HashSpec, 'bins' | 'inputs' | 'output' | 'mask'>): boolean =>
  Number.isInteger(bins) &&
  bins > (mask === undefined ? 0 : 1) &&
  (output === 'int' || output === 'crossed' ? bins <= 2 ** 31 : isWidth(bins * inputs.length));

export const hashReader: Reader = reader<HashSpec>(
  'Hash',
  t.intersection([
    t.type({
      _tag: t.literal('Hash'),
      inputs: strings,
      bins: t.number,
      salt: t.number,
      output: t.union([t.literal('int'), t.literal('oneHot'), t.literal('signed'), t.literal('crossed')]),
    }),
    t.partial({ mask: cell }),
  ]),
  (spec) => untyped(hashStage(spec)),
  (spec) => (isBins(spec) ? undefined : 'expected a positive number of bins, from 2 with a mask'),
);

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

export interface HashOptions {
  /** Another number gives other collisions; 0 by default. */
  readonly salt?: number;
  /** The category that stands for "nothing": index 0, which no other one gets. */
  readonly mask?: Cell;
}

const hashed = (output: HashSpec['output'], bins: number, options: HashOptions): Preprocessor<Cells, Table> =>
  preprocessor((train) => {
    const spec: HashSpec = {
      _tag: 'Hash',
      inputs: train.names,
      bins,
      salt: options.salt ?? 0,
      output,
      ...(options.mask === undefined ? {} : { mask: options.mask }),
    };
    const expected = 'a positive integer, from 2 with a mask, for at most 2^20 columns';
    return isBins(spec) ? E.right(hashStage(spec)) : E.left(invalidOption('hashing', 'bins', expected, bins));
  });

/**
 * Each category's bin, 0 to `bins - 1`: an index, or a column for each bin of each input. Keras `Hashing(num_bins, mask_value)`.
 *
 * @example
 * hashing(1000, { output: 'int' })
 */
export const hashing = (
  bins: number,
  options: HashOptions & { readonly output?: 'int' | 'oneHot' } = {},
): Preprocessor<Cells, Table> => hashed(options.output ?? 'int', bins, options);

/**
 * All columns of a row in one list of `bins` numbers: texts add 1 or -1 at the hash of `column=value`, numbers add themselves at the
 * hash of their column; missing ones add nothing. scikit-learn `FeatureHasher`.
 */
export const featureHashing = (bins: number, options: { readonly salt?: number } = {}): Preprocessor<Cells, Table> =>
  hashed('signed', bins, options);

/** The bin of all columns' categories together: one index for each row. Keras `HashedCrossing(num_bins)`. */
export const hashedCrossing = (bins: number, options: HashOptions = {}): Preprocessor<Cells, Table> =>
  hashed('crossed', bins, options);
