/**
 * Categories to integers by one vocabulary for all columns, with Keras's rules for indices: the mask first (in mode `'int'` only),
 * then the indices for what is not in the vocabulary, then the vocabulary, the most frequent first; among equally frequent ones the
 * last in order comes first.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as t from 'io-ts';
import { distinct } from './Categories.ts';
import type { Fitted, Spec } from './Fitted.ts';
import { noInverse, notLowered, untyped } from './Fitted.ts';
import { murmur3 } from './Hashing.ts';
import type { PreprocessError } from './PreprocessError.ts';
import { invalidOption, nothingToFit, unknownCategory } from './PreprocessError.ts';
import type { Preprocessor } from './Preprocessor.ts';
import { preprocessor } from './Preprocessor.ts';
import type { Reader } from './Stage.ts';
import { cell, cellsStage, isWidth, numbers, reader, strings } from './Stage.ts';
import type { Cell, Cells, Table } from './Table.ts';
import { make, makeCells } from './Table.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export type LookupOutput = 'int' | 'oneHot' | 'multiHot' | 'count' | 'tfIdf';

export interface LookupSpec extends Spec {
  readonly _tag: 'Lookup';
  readonly inputs: readonly string[];
  readonly vocabulary: readonly Cell[];
  /** How many indices share what is not in the vocabulary; with 0 it is an error. */
  readonly oovIndices: number;
  readonly mask?: Cell | undefined;
  readonly outputMode: LookupOutput;
  readonly idf: readonly number[];
}

const label = (c: Cell | undefined): string => (c === undefined ? '[UNK]' : String(c));

export const lookupStage = (spec: LookupSpec): Fitted<Cells, Table> => {
  const { inputs, vocabulary, oovIndices, mask, outputMode, idf } = spec;
  const isInt = outputMode === 'int';
  const masked = mask !== undefined && isInt ? 1 : 0;
  const start = masked + oovIndices;
  const size = start + vocabulary.length;
  const indices = new Map(vocabulary.map((c, i) => [c, start + i]));
  const tokenOf = (at: number): Cell | undefined => (at < start ? undefined : vocabulary[at - start]);
  const columnsOf = (name: string): readonly string[] =>
    Array.from({ length: size }, (_, k) => `${name}=${label(tokenOf(k))}`);
  const names = isInt ? inputs : outputMode === 'oneHot' ? inputs.flatMap(columnsOf) : columnsOf(inputs.join('+'));
  const average = idf.reduce((a, b) => a + b, 0) / Math.max(1, idf.length);
  const weight = (at: number): number => (outputMode !== 'tfIdf' ? 1 : at < start ? average : (idf[at - start] ?? 0));
  /** -1: nothing to say, -2: an error. */
  const indexOf = (c: Cell): number => {
    if (mask !== undefined && c === mask) return isInt ? 0 : -1;
    const known = indices.get(c);
    if (known !== undefined) return known;
    return oovIndices === 0 ? -2 : masked + ((murmur3(String(c)) >>> 0) % oovIndices);
  };
  return cellsStage({
    name: 'lookup',
    spec,
    inputs,
    names,
    transform: (x): E.Either<PreprocessError, Table> => {
      const width = names.length;
      const data = new Float64Array(x.rows * width);
      for (const [j, column] of x.columns.entries())
        for (const [i, c] of column.entries()) {
          const at = indexOf(c);
          if (at === -2)
            return E.left(unknownCategory('lookup', { row: i, column: inputs[j] ?? '', value: c }, vocabulary));
          if (isInt) data[i * width + j] = at;
          else if (at >= 0) {
            const place = i * width + (outputMode === 'oneHot' ? j * size : 0) + at;
            data[place] = outputMode === 'count' || outputMode === 'tfIdf' ? (data[place] ?? 0) + weight(at) : 1;
          }
        }
      return E.right(make(x.rows, names, data));
    },
    inverse: isInt
      ? E.right((y) =>
          E.right(
            makeCells(
              y.rows,
              inputs,
              inputs.map((_, j) =>
                Array.from({ length: y.rows }, (__, i): Cell => {
                  const at = y.data[i * inputs.length + j] ?? 0;
                  return masked === 1 && at === 0 ? (mask ?? null) : (tokenOf(at) ?? null);
                }),
              ),
            ),
          ),
        )
      : noInverse('lookup', 'only mode int keeps each category'),
    lower: notLowered('lookup', 'graphs have no text here; numbers have `oneHot` and `ordinal`'),
  });
};

const isOov = (n: number): boolean => n === 0 || isWidth(n);

export const lookupReader: Reader = reader<LookupSpec>(
  'Lookup',
  t.intersection([
    t.type({
      _tag: t.literal('Lookup'),
      inputs: strings,
      vocabulary: t.readonlyArray(cell),
      oovIndices: t.number,
      outputMode: t.keyof({ int: null, oneHot: null, multiHot: null, count: null, tfIdf: null }),
      idf: numbers,
    }),
    t.partial({ mask: cell }),
  ]),
  (spec) => untyped(lookupStage(spec)),
  ({ vocabulary, oovIndices, idf, outputMode }) =>
    new Set(vocabulary).size === vocabulary.length &&
    isOov(oovIndices) &&
    (outputMode !== 'tfIdf' || idf.length === vocabulary.length)
      ? undefined
      : 'expected distinct categories, and a weight for each in mode tfIdf',
);

// -------------------------------------------------------------------------------------
// fit
// -------------------------------------------------------------------------------------

export interface LookupOptions {
  /** Size of the vocabulary, the mask and the unknown ones included. Default: all. */
  readonly maxTokens?: number;
  /** Default 1. */
  readonly oovIndices?: number;
  /** The category that stands for "nothing": index 0 in mode `'int'`, left out in the others. Default: none. */
  readonly mask?: Cell;
  /** Default `'int'`. */
  readonly outputMode?: LookupOutput;
  /** Given, nothing is counted (but weights, in mode `'tfIdf'`). */
  readonly vocabulary?: readonly Cell[];
}

/**
 * Categories to the indices of a vocabulary that all columns share, or to columns: each input's own (`'oneHot'`), or whether, how
 * often, how often times weight a category is in the row (`'multiHot'`, `'count'`, `'tfIdf'`). Keras `StringLookup` and
 * `IntegerLookup`; several `oovIndices` are told apart by another hash than Keras's. The inverse gives `null` for what was unknown.
 *
 * @example
 * lookup({ vocabulary: ['a', 'b'] })   // [UNK] is 0, a is 1, b is 2
 */
export const lookup = (options: LookupOptions = {}): Preprocessor<Cells, Table> =>
  preprocessor((train): E.Either<PreprocessError, Fitted<Cells, Table>> => {
    const { mask, oovIndices = 1, outputMode = 'int', maxTokens } = options;
    if (!isOov(oovIndices))
      return E.left(invalidOption('lookup', 'oovIndices', 'an integer from 0 to 2^20', oovIndices));
    if (maxTokens !== undefined && !(Number.isInteger(maxTokens) && maxTokens > oovIndices + 1))
      return E.left(invalidOption('lookup', 'maxTokens', `an integer above ${oovIndices + 1}`, maxTokens));
    const counts = new Map<Cell, number>();
    const rows = new Map<Cell, number>();
    for (let i = 0; i < train.rows; i++) {
      const row = train.columns.map((column) => column[i] ?? null).filter((c) => c !== mask);
      for (const c of row) counts.set(c, (counts.get(c) ?? 0) + 1);
      for (const c of new Set(row)) rows.set(c, (rows.get(c) ?? 0) + 1);
    }
    const order = new Map(distinct([...counts.keys()]).map((c, i) => [c, i]));
    const found = [...counts]
      .sort(([a, x], [b, y]) => y - x || (order.get(b) ?? 0) - (order.get(a) ?? 0))
      .map(([c]) => c);
    const special = oovIndices + (mask !== undefined && outputMode === 'int' ? 1 : 0);
    const vocabulary = (options.vocabulary ?? found).slice(0, (maxTokens ?? Number.POSITIVE_INFINITY) - special);
    if (vocabulary.length === 0)
      return E.left(nothingToFit('lookup', 'there are no categories', 'check that data came'));
    if (new Set(vocabulary).size !== vocabulary.length)
      return E.left(invalidOption('lookup', 'vocabulary', 'distinct categories', vocabulary));
    return pipe(
      vocabulary.map((c) => Math.log(1 + train.rows / (1 + (rows.get(c) ?? 0)))),
      (idf) =>
        E.right(
          lookupStage({
            _tag: 'Lookup',
            inputs: train.names,
            vocabulary,
            oovIndices,
            outputMode,
            idf: outputMode === 'tfIdf' ? idf : [],
            ...(mask === undefined ? {} : { mask }),
          }),
        ),
    );
  });
